//! Coverage of the key space, and leaders of its regions.

use std::time::Duration;

use operator_plugin::{
    Check, Evidence, Findings, Outcome, PluginError, Severity, Snapshot, Violation, series,
};
use tikv_check_support::{entities, guards, metrics};

pub(crate) fn no_holes() -> Check {
    Check::new("no-range-holes", "the regions cover the whole key space")
        .critical()
        // Splits and merges leave holes for a moment; two observations, 1 min apart, exclude them.
        .pending_for(Duration::from_secs(60))
        .reads(&["range_holes", "cluster"])
        .by(evaluate_holes)
}

/// Detects what is visible without querying every store for every region.
pub(crate) fn led() -> Check {
    Check::new("regions-have-leader", "every region has a leader")
        .critical()
        // Longer than an election takes: 10 to 20 s.
        .pending_for(Duration::from_secs(30))
        .reads(&["regions_without_leader"])
        .by(evaluate_leaders)
}

/// From the stores' own metrics: PD keeps showing the last leader of a region that has lost it.
pub(crate) fn no_missing_leaders() -> Check {
    Check::new(
        "no-leader-missing",
        "no store has regions whose leader has been missing for long",
    )
    .pending_for(Duration::from_secs(300))
    .reads(&["stores"])
    .by(evaluate_missing)
}

/// Maximum number of holes cited; the summary states the total.
const CITED_MAX: usize = 5;

fn evaluate_holes(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let holes = snapshot.table("range_holes")?;
    let guard = guards::not_bootstrapped(snapshot)
        .or_else(|| guards::new_pd_leader(snapshot, guards::REGION_LISTS_S));
    if let Some(outcome) = guard {
        return Ok(outcome);
    }
    let Some(cluster) = entities::cluster(snapshot) else {
        return Ok(Outcome::inconclusive("the cluster id is unknown"));
    };
    if holes.is_empty() {
        return Ok(Outcome::pass("PD reports no hole in the key space").passing([cluster]));
    }
    let summary = format!("{} key ranges belong to no region", holes.len());
    let mut violation = Violation::new(cluster, summary);
    for row in holes.rows().take(CITED_MAX) {
        violation = violation
            .evidence(row.evidence("start_key").expected("no row"))
            .evidence(row.evidence("end_key"));
    }
    Ok(Outcome::fail(
        format!("{} holes", holes.len()),
        vec![violation],
    ))
}

fn evaluate_leaders(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let regions = snapshot.table("regions_without_leader")?;
    if let Some(outcome) = guards::new_pd_leader(snapshot, guards::STORE_STATES_S) {
        return Ok(outcome);
    }
    let mut findings = Findings::new();
    for row in regions.rows() {
        let Some(region) = row.text("region") else {
            continue;
        };
        let confirmed = row.boolean("confirmed") == Some(true);
        let summary = if confirmed {
            format!("region {region} has no leader according to every replica that responded")
        } else {
            format!("region {region} probably has no leader")
        };
        let mut violation = Violation::new(entities::region(region), summary)
            .evidence(row.evidence("region").expected("no row"))
            .severity(if confirmed {
                Severity::Critical
            } else {
                Severity::Warning
            });
        if row.text("last_leader_store").is_some() {
            violation = violation.evidence(row.evidence("last_leader_store"));
        }
        findings.fail(violation);
    }
    if findings.is_empty() {
        return Ok(
            Outcome::pass("no known region lacks a leader").passing(entities::cluster(snapshot))
        );
    }
    Ok(findings.conclude(format!("{} regions without a leader", regions.len())))
}

fn evaluate_missing(_: &Snapshot) -> Result<Outcome, PluginError> {
    let Ok(table) = series("tikv_raftstore_leader_missing")
        .by("store")
        .last(metrics::WINDOW)
    else {
        return Ok(Outcome::inconclusive(
            "the number of regions without a leader was not collected from any store",
        ));
    };
    let mut findings = Findings::new();
    for (store, missing) in metrics::by_key(&table, "store") {
        if missing < 1.0 {
            findings.pass(entities::store(&store));
            continue;
        }
        let summary = format!("store {store} knows no leader for {missing:.0} of its regions");
        let query = format!("tikv_raftstore_leader_missing{{store=\"{store}\"}}");
        findings.fail(
            Violation::new(entities::store(&store), summary)
                .evidence(Evidence::metric(query, missing, "1").expected("0")),
        );
    }
    Ok(findings.conclude("missing leaders by store"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::{Status, table};
    use tikv_check_support::examples::{Cluster, Series};

    fn evaluate(check: &Check, cluster: Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    fn with_holes(holes: usize) -> Cluster {
        let key = |row: usize| format!("7A{row:02}");
        Cluster::healthy().table(
            table("range_holes")
                .texts("start_key", (0..holes).map(key))
                .texts("end_key", (0..holes).map(key)),
        )
    }

    #[test]
    fn holes_are_counted_and_the_first_ones_cited() {
        let outcome = evaluate(&no_holes(), with_holes(9));
        assert!(outcome.violations()[0].summary.starts_with("9 key ranges"));
        assert_eq!(outcome.violations()[0].evidence.len(), 2 * CITED_MAX);
        assert_eq!(evaluate(&no_holes(), with_holes(0)).status(), Status::Pass);
    }

    #[test]
    fn a_new_pd_leader_or_an_empty_cluster_knows_no_regions_yet() {
        let new = with_holes(1).cluster("pd_leader_since_s", 20.0);
        assert_eq!(evaluate(&no_holes(), new).status(), Status::Inconclusive);
        assert_eq!(
            evaluate(&no_holes(), with_holes(1).cluster("bootstrapped", false)).status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn a_region_without_a_leader_is_critical_only_if_confirmed() {
        for (confirmed, severity) in [(true, Severity::Critical), (false, Severity::Warning)] {
            let lost = table("regions_without_leader")
                .texts("region", ["118".to_owned()])
                .texts("last_leader_store", ["4".to_owned()])
                .booleans("confirmed", [confirmed]);
            let outcome = evaluate(&led(), Cluster::healthy().table(lost));
            assert_eq!(
                (
                    outcome.violations()[0].entity.to_string().as_str(),
                    outcome.violations()[0].severity
                ),
                ("region/118", Some(severity))
            );
        }
        assert_eq!(evaluate(&led(), Cluster::healthy()).status(), Status::Pass);
        assert!(
            led()
                .evaluate(
                    &Cluster::healthy()
                        .without("regions_without_leader")
                        .snapshot(),
                    None
                )
                .is_err()
        );
    }

    #[test]
    fn missing_leaders_are_reported_by_store() {
        let rows: [(&[&str], f64); 2] = [(&["1"], 0.0), (&["4"], 7.0)];
        Series::none()
            .values("tikv_raftstore_leader_missing", &["store"], &rows)
            .install();
        assert_eq!(
            evaluate(&no_missing_leaders(), Cluster::healthy()).violations()[0].entity,
            "store/4"
        );
        Series::none().install();
        assert_eq!(
            evaluate(&no_missing_leaders(), Cluster::healthy()).status(),
            Status::Inconclusive
        );
    }
}
