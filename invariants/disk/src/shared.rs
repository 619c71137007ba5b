//! Whether there is room anywhere: what decides between one store that fills up and a cluster that does.

use judging::entities::{self, Store};
use operator_plugin::{Check, Outcome, PluginError, Snapshot, Violation};

use crate::space::{AGREEMENT, LOW, RELIEF, has_plenty, own_ratios};

/// F28: while one store has room, PD can move data there; when none has, only a new store helps.
pub(crate) fn room() -> Check {
    Check::new(
        "room-somewhere",
        "where there are several stores, one of them has more than a fifth of its space left",
    )
    .hold_ms(60_000)
    .reads(&["stores", "cluster"])
    .by(judge)
}

/// Stores cited in one violation.
const CITED: usize = 8;

fn judge(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let table = snapshot.table("stores")?;
    let stores: Vec<Store<'_>> = table
        .rows()
        .filter_map(Store::of)
        .filter(Store::is_up)
        .filter(Store::has_reported)
        .collect();
    let Some(cluster) = entities::cluster(snapshot) else {
        return Ok(Outcome::inconclusive("the cluster is not known"));
    };
    let looked_at = format!("free space of {} stores together", stores.len());
    let ratios: Option<Vec<f64>> = stores
        .iter()
        .map(|store| store.row.number("available_ratio"))
        .collect();
    let Some(ratios) = ratios else {
        return Ok(Outcome::inconclusive(
            "the free space of a store is not known",
        ));
    };
    // Data that grows everywhere passes the limit on one store after the other.
    let all_near = ratios.iter().all(|ratio| *ratio <= LOW + RELIEF)
        && ratios.iter().any(|ratio| *ratio <= LOW);
    if stores.len() < 2 || !all_near || stores.iter().any(|store| has_plenty(*store)) {
        return Ok(Outcome::pass(looked_at).passing([cluster]));
    }
    let most = ratios.iter().copied().fold(0.0, f64::max);
    let summary = format!(
        "none of {} stores has more than {:.1} % of its space left",
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
        looked_at,
        vec![violation.confirmed(confirmed)],
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cell, Cluster, Series};
    use operator_plugin::Status;

    fn judge_with(ratios: [f64; 3]) -> Outcome {
        Series::none().install();
        let stores = ["1", "4", "5"].into_iter().zip(ratios);
        let cluster = stores.fold(Cluster::healthy(), |cluster, (store, ratio)| {
            cluster.store(store, "available_ratio", ratio)
        });
        room().evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn one_store_with_room_is_room() {
        assert_eq!(judge_with([0.1, 0.1, 0.3]).status, Status::Pass);
        assert_eq!(
            judge_with([0.22, 0.22, 0.22]).status,
            Status::Pass,
            "all are near and none is low"
        );
        let outcome = judge_with([0.19, 0.21, 0.22]);
        assert_eq!(
            (outcome.status, outcome.violations[0].entity.as_str()),
            (Status::Fail, "cluster/7")
        );
        assert!(
            !outcome.violations[0].confirmed,
            "the stores themselves were not heard"
        );
    }

    #[test]
    fn the_stores_agreeing_with_pd_confirm() {
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
                .violations[0]
                .confirmed
        );
    }

    #[test]
    fn a_store_that_says_nothing_leaves_it_open() {
        Series::none().install();
        let unknown = Cluster::healthy().store("4", "available_ratio", Cell::Null);
        assert_eq!(
            room().evaluate(&unknown.snapshot(), None).unwrap().status,
            Status::Inconclusive
        );
    }
}
