//! Space of all stores together: distinguishes one store that fills up from a cluster that does.

use std::time::Duration;

use operator_plugin::{Check, Outcome, PluginError, Snapshot, Violation};
use tikv_check_support::entities::{self, Store};

use crate::space::{AGREEMENT, LOW, RELIEF, has_plenty, own_ratios};

/// While one store has space, PD can move data there. If none has, only more capacity helps.
pub(crate) fn room() -> Check {
    Check::new(
        "room-somewhere",
        "in clusters with several stores, at least one has more than 20 % of its space available",
    )
    .pending_for(Duration::from_secs(60))
    .reads(&["stores", "cluster"])
    .by(evaluate)
}

/// Maximum number of stores cited in one violation.
const CITED: usize = 8;

fn evaluate(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let table = snapshot.table("stores")?;
    let stores: Vec<Store<'_>> = table
        .rows()
        .filter_map(Store::of)
        .filter(Store::is_up)
        .filter(Store::has_reported)
        .collect();
    let Some(cluster) = entities::cluster(snapshot) else {
        return Ok(Outcome::inconclusive("the cluster id is unknown"));
    };
    let examined = format!("available space of {} stores together", stores.len());
    let ratios: Option<Vec<f64>> = stores
        .iter()
        .map(|store| store.row.number("available_ratio"))
        .collect();
    let Some(ratios) = ratios else {
        return Ok(Outcome::inconclusive(
            "the available space of a store is unknown",
        ));
    };
    // Data that grows everywhere crosses the limit on one store after the other.
    let all_near = ratios.iter().all(|ratio| *ratio <= LOW + RELIEF)
        && ratios.iter().any(|ratio| *ratio <= LOW);
    if stores.len() < 2 || !all_near || stores.iter().any(|store| has_plenty(*store)) {
        return Ok(Outcome::pass(examined).passing([cluster]));
    }
    let most = ratios.iter().copied().fold(0.0, f64::max);
    let summary = format!(
        "none of the {} stores has more than {:.1} % of its space available",
        stores.len(),
        most * 100.0
    );
    let own = own_ratios();
    let agrees = |(store, ratio): (&Store<'_>, &f64)| {
        own.get(store.key)
            .is_some_and(|own| (own - ratio).abs() < AGREEMENT)
    };
    let confirmed = stores.iter().zip(&ratios).all(agrees);
    let evidence = |store: &Store<'_>| store.row.evidence("available_ratio").expected("above 0.2");
    let violation = stores
        .iter()
        .take(CITED)
        .map(evidence)
        .fold(Violation::new(cluster, summary), Violation::evidence);
    Ok(Outcome::fail(
        examined,
        vec![violation.confirmed(confirmed)],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cell, Cluster, Series};

    fn evaluate_with(ratios: [f64; 3]) -> Outcome {
        Series::none().install();
        let stores = ["1", "4", "5"].into_iter().zip(ratios);
        let cluster = stores.fold(Cluster::healthy(), |cluster, (store, ratio)| {
            cluster.store(store, "available_ratio", ratio)
        });
        room().evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn one_store_with_space_is_enough() {
        assert_eq!(evaluate_with([0.1, 0.1, 0.3]).status(), Status::Pass);
        assert_eq!(
            evaluate_with([0.22, 0.22, 0.22]).status(),
            Status::Pass,
            "all are close to the limit and none is below it"
        );
        let outcome = evaluate_with([0.19, 0.21, 0.22]);
        assert_eq!(
            (
                outcome.status(),
                outcome.violations()[0].entity.to_string().as_str()
            ),
            (Status::Fail, "cluster/7")
        );
        assert!(
            !outcome.violations()[0].confirmed,
            "no metrics of the stores themselves"
        );
    }

    #[test]
    fn agreement_between_the_stores_and_pd_confirms() {
        let rows: [(&[&str], f64); 6] = [
            (&["1", "available"], 19.0),
            (&["1", "capacity"], 100.0),
            (&["4", "available"], 21.0),
            (&["4", "capacity"], 100.0),
            (&["5", "available"], 22.0),
            (&["5", "capacity"], 100.0),
        ];
        Series::none()
            .values("tikv_store_size_bytes", &["store", "type"], &rows)
            .install();
        let cluster = Cluster::healthy()
            .store("1", "available_ratio", 0.19)
            .store("4", "available_ratio", 0.21)
            .store("5", "available_ratio", 0.22);
        assert!(
            room()
                .evaluate(&cluster.snapshot(), None)
                .unwrap()
                .violations()[0]
                .confirmed
        );
    }

    #[test]
    fn a_store_with_unknown_space_makes_it_inconclusive() {
        Series::none().install();
        let unknown = Cluster::healthy().store("4", "available_ratio", Cell::Null);
        assert_eq!(
            room().evaluate(&unknown.snapshot(), None).unwrap().status(),
            Status::Inconclusive
        );
    }
}
