//! Write stalls and flow control: compaction cannot keep up with writes.

use std::collections::BTreeMap;
use std::time::Duration;

use operator_plugin::{
    Check, Evidence, Findings, Outcome, PluginError, Reduction, SeriesError, Snapshot, Violation,
    series,
};
use tikv_check_support::entities::Store;
use tikv_check_support::{entities, metrics, threshold};

/// The storage engine slows or stops writes for the reason that it reports.
pub(crate) fn write_stall() -> Check {
    Check::new("write-stall", "no store's storage engine stalls writes")
        .pending_for(Duration::from_secs(60))
        .reads(&["stores"])
        .by(evaluate_stall)
}

/// The store rejects a share of the writes before the engine would stop all of them.
pub(crate) fn flow_control() -> Check {
    Check::new(
        "flow-control",
        "no store throttles writes because compaction lags behind",
    )
    .pending_for(Duration::from_secs(60))
    .reads(&["stores"])
    .by(evaluate_flow_control)
}

/// One store that throttles has a problem of its own; if all of them do, the cluster is overloaded.
pub(crate) fn shared() -> Check {
    Check::new(
        "flow-control-shared",
        "in clusters with several stores, at least one does not throttle writes",
    )
    .pending_for(Duration::from_secs(60))
    .reads(&["stores", "cluster"])
    .by(evaluate_shared)
}

const REASONS: &str = "tikv_engine_write_stall_reason";

fn evaluate_stall(_: &Snapshot) -> Result<Outcome, PluginError> {
    // A running count exposed as a gauge: a restart resets it to zero, which is no stall.
    let Ok(table) = series(REASONS)
        .by("store")
        .by("type")
        .reduce(Reduction::Delta, metrics::WINDOW)
    else {
        return Ok(Outcome::inconclusive(
            "write stall reasons: fewer than two samples in the last minute",
        ));
    };
    let mut by_store: BTreeMap<String, Vec<(String, f64)>> = BTreeMap::new();
    for count in metrics::counts(&table, "type") {
        by_store
            .entry(count.store)
            .or_default()
            .push((count.label, count.value));
    }
    let mut findings = Findings::new();
    for (store, reasons) in by_store {
        let stalled: Vec<&(String, f64)> =
            reasons.iter().filter(|(_, times)| *times >= 1.0).collect();
        if stalled.is_empty() {
            findings.pass(entities::store(&store));
            continue;
        }
        let names: Vec<&str> = stalled.iter().map(|(reason, _)| reason.as_str()).collect();
        let summary = format!(
            "the storage engine of store {store} stalls writes: {}",
            names.join(", ")
        );
        let violation = Violation::new(entities::store(&store), summary);
        findings.fail(
            stalled
                .iter()
                .fold(violation, |violation, (reason, times)| {
                    let query =
                        format!("delta({REASONS}{{store=\"{store}\",type=\"{reason}\"}}[1m])");
                    violation.evidence(Evidence::metric(query, *times, "1").expected("0"))
                }),
        );
    }
    Ok(findings.conclude("write stall reasons"))
}

const DISCARDED: &str = "tikv_scheduler_discard_ratio";
/// TiKV exposes the ratio as an integer, multiplied by this.
const RATIO_SCALE: f64 = 1e7;

/// Share of writes that flow control rejects, by store.
fn discarded() -> Result<BTreeMap<String, f64>, SeriesError> {
    let ratios = metrics::rare_gauge(&series(DISCARDED), metrics::WINDOW)?;
    Ok(ratios
        .into_iter()
        .map(|(store, ratio)| (store, ratio / RATIO_SCALE))
        .collect())
}

/// The share of writes that flow control rejects on a store, in PromQL.
fn discarded_query(store: &str) -> String {
    format!("{DISCARDED}{{store=\"{store}\"}} / 1e7")
}

fn evaluate_shared(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let table = snapshot.table("stores")?;
    let up: Vec<Store<'_>> = table
        .rows()
        .filter_map(Store::of)
        .filter(Store::is_up)
        .collect();
    let (Some(cluster), Ok(discarded)) = (entities::cluster(snapshot), discarded()) else {
        return Ok(Outcome::inconclusive(
            "the flow control of the stores is unknown",
        ));
    };
    let examined = format!("flow control of {} stores together", up.len());
    let throttled: Vec<(&str, f64)> = up
        .iter()
        .filter_map(|store| {
            Some((
                store.key,
                discarded
                    .get(store.key)
                    .copied()
                    .filter(|share| *share > 0.0)?,
            ))
        })
        .collect();
    if up.len() < 2 || throttled.len() < up.len() {
        return Ok(Outcome::pass(examined).passing([cluster]));
    }
    let violation = Violation::new(
        cluster,
        format!("flow control rejects writes on all {} stores", up.len()),
    );
    let cite = |violation: Violation, (store, share): &(&str, f64)| {
        let query = discarded_query(store);
        violation.evidence(Evidence::metric(query, *share, "1").expected("0"))
    };
    Ok(Outcome::fail(
        examined,
        vec![throttled.iter().take(CITED).fold(violation, cite)],
    ))
}

/// Maximum number of stores cited in one violation.
const CITED: usize = 8;

fn evaluate_flow_control(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let limit = threshold::Limit {
        what: "the share of writes rejected by flow control",
        query: &discarded_query,
        unit: "1",
        // The smallest step of the scaled integer: anything but zero is a violation.
        below: 1.0 / RATIO_SCALE,
    };
    threshold::evaluate(snapshot, &limit, discarded())
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cluster, Series};

    fn evaluate(check: &Check, series: Series) -> Outcome {
        series.install();
        check
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap()
    }

    #[test]
    fn a_stall_is_reported_with_its_reason_and_a_restart_is_no_stall() {
        let with = |times: f64| {
            let rows: [(&[&str], f64); 3] = [
                (&["1", "level0_file_limit_stop"], 0.0),
                (&["4", "level0_file_limit_stop"], times),
                (&["4", "memtable_count_limit_stop"], 0.0),
            ];
            Series::none().values(REASONS, &["store", "type"], &rows)
        };
        let outcome = evaluate(&write_stall(), with(4.0));
        assert!(
            outcome.violations()[0]
                .summary
                .ends_with("level0_file_limit_stop")
        );
        assert_eq!(evaluate(&write_stall(), with(-40.0)).status(), Status::Pass);
        assert_eq!(
            evaluate(&write_stall(), Series::none()).status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn throttling_on_all_stores_is_a_violation_of_the_cluster() {
        let with = |shares: [f64; 3]| {
            let [one, four, five] = shares;
            let rows: [(&[&str], f64); 3] = [(&["1"], one), (&["4"], four), (&["5"], five)];
            Series::none().values(DISCARDED, &["store"], &rows).values(
                metrics::COLLECTED,
                &["store"],
                &rows,
            )
        };
        assert_eq!(
            evaluate(&shared(), with([9.0, 9.0, 0.0])).status(),
            Status::Pass
        );
        assert_eq!(
            evaluate(&shared(), with([9.0, 9.0, 9.0])).violations()[0].entity,
            "cluster/7"
        );
        assert_eq!(
            evaluate(&shared(), Series::none()).status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn any_rejected_share_is_a_violation() {
        let with = |ratio: f64| {
            let rows: [(&[&str], f64); 3] = [(&["1"], 0.0), (&["4"], ratio), (&["5"], 0.0)];
            Series::none().values(DISCARDED, &["store"], &rows).values(
                metrics::COLLECTED,
                &["store"],
                &rows,
            )
        };
        assert_eq!(
            evaluate(&flow_control(), with(250_000.0)).violations()[0].entity,
            "store/4"
        );
        assert_eq!(evaluate(&flow_control(), with(0.0)).status(), Status::Pass);
        let rows: [(&[&str], f64); 3] = [(&["1"], 9.0), (&["4"], 9.0), (&["5"], 9.0)];
        let never = Series::none().values(metrics::COLLECTED, &["store"], &rows);
        assert_eq!(
            evaluate(&flow_control(), never).status(),
            Status::Pass,
            "a gauge that was never set is not exposed"
        );
        assert_eq!(
            evaluate(&flow_control(), Series::none()).status(),
            Status::Inconclusive
        );
    }
}
