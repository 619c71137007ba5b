//! PD's lists of abnormal regions. They are built from the heartbeats since the last change of the PD leader.

use std::time::Duration;

use operator_plugin::{Check, Outcome, PluginError, Row, Severity, Snapshot, Violation};
use tikv_check_support::{entities, guards};

/// A list of regions in PD that should be empty.
#[derive(Clone, Copy)]
struct RegionList {
    id: &'static str,
    claim: &'static str,
    kind: &'static str,
    severity: Severity,
    pending: Duration,
    means: &'static str,
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(60 * minutes)
}

const LISTS: [RegionList; 5] = [
    // A new cluster starts with one replica and adds two; the pending time outlasts that.
    RegionList {
        id: "no-missing-peers",
        claim: "every region has as many replicas as its placement rule requires",
        kind: "miss-peer",
        severity: Severity::Warning,
        pending: minutes(10),
        means: "have fewer replicas than their placement rule requires",
    },
    RegionList {
        id: "no-extra-peers",
        claim: "no region has more replicas than its placement rule requires",
        kind: "extra-peer",
        severity: Severity::Info,
        pending: minutes(30),
        means: "have more replicas than their placement rule requires",
    },
    RegionList {
        id: "no-down-peers",
        claim: "no replica has been unreachable from its leader for 10 min or more",
        kind: "down-peer",
        severity: Severity::Warning,
        pending: minutes(1),
        means: "have a replica that has been unreachable from their leader for 10 min",
    },
    RegionList {
        id: "no-lingering-learners",
        claim: "learners are promoted or removed",
        kind: "learner-peer",
        severity: Severity::Info,
        pending: minutes(30),
        means: "have a learner",
    },
    RegionList {
        id: "no-offline-peers",
        claim: "replicas move off stores that are being removed",
        kind: "offline-peer",
        severity: Severity::Warning,
        pending: minutes(120),
        means: "still have a replica on a store that is being removed",
    },
];

/// One check for each list.
pub(crate) fn checks() -> Vec<Check> {
    LISTS.iter().map(|list| check(*list)).collect()
}

fn check(list: RegionList) -> Check {
    Check::new(list.id, list.claim)
        .severity(list.severity)
        .pending_for(list.pending)
        .reads(&["region_health", "cluster"])
        .by(move |snapshot| evaluate_list(snapshot, &list))
}

/// Pending peers are replicas that lag behind their leader; there should be few.
pub(crate) fn pending() -> Check {
    Check::new("pending-peers-drain", "few regions have a pending replica")
        .pending_for(minutes(10))
        .reads(&["region_health", "cluster"])
        .by(evaluate_pending)
}

fn evaluate_list(snapshot: &Snapshot, list: &RegionList) -> Result<Outcome, PluginError> {
    let columnar = snapshot.table("tiflash_stores");
    if list.kind == "learner-peer" && columnar.is_ok_and(|stores| !stores.is_empty()) {
        let why = "the replicas on TiFlash stores are learners for good";
        return Ok(Outcome::not_applicable(why));
    }
    evaluate_count(snapshot, list.kind, list.means, 0)
}

/// The limit of TiKV's own alert rules; in clusters with fewer than 1,000 regions, a tenth of them.
const PENDING_MAX: i64 = 100;
const PENDING_SHARE: i64 = 10;

fn evaluate_pending(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let regions = snapshot
        .table("cluster")?
        .first()
        .and_then(|row| row.integer("region_count"));
    let Some(regions) = regions else {
        return Ok(Outcome::inconclusive("the number of regions is unknown"));
    };
    let limit = PENDING_MAX.min(regions / PENDING_SHARE);
    evaluate_count(snapshot, "pending-peer", "have a pending replica", limit)
}

pub(crate) fn evaluate_count(
    snapshot: &Snapshot,
    kind: &str,
    means: &str,
    limit: i64,
) -> Result<Outcome, PluginError> {
    let lists = snapshot.table("region_health")?;
    let guard = guards::not_bootstrapped(snapshot)
        .or_else(|| guards::new_pd_leader(snapshot, guards::REGION_LISTS_S));
    if let Some(outcome) = guard {
        return Ok(outcome);
    }
    let row: Option<Row<'_>> = lists.find("kind", kind);
    let counted = row.and_then(|row| row.integer("regions").map(|regions| (row, regions)));
    let (Some((row, regions)), Some(cluster)) = (counted, entities::cluster(snapshot)) else {
        return Ok(Outcome::inconclusive(format!(
            "PD's list {kind} is unknown"
        )));
    };
    let examined = format!("{regions} regions in PD's list {kind}");
    if regions <= limit {
        return Ok(Outcome::pass(examined).passing([cluster]));
    }
    let evidence = row.evidence("regions").expected(format!("at most {limit}"));
    let violation =
        Violation::new(cluster, format!("{regions} regions {means}")).evidence(evidence);
    Ok(Outcome::fail(examined, vec![violation]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cell, Cluster};

    fn with(kind: &str, regions: i64) -> Cluster {
        Cluster::healthy().with("region_health", ("kind", kind), "regions", regions)
    }

    fn evaluate(check: &Check, cluster: Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn every_list_has_a_check() {
        for (list, check) in LISTS.iter().zip(checks()) {
            assert_eq!(
                evaluate(&check, Cluster::healthy()).status(),
                Status::Pass,
                "{}",
                list.id
            );
            let outcome = evaluate(&check, with(list.kind, 1));
            assert_eq!(
                (
                    outcome.status(),
                    outcome.violations()[0].entity.to_string().as_str()
                ),
                (Status::Fail, "cluster/7"),
                "{}",
                list.id
            );
            let unknown = Cluster::healthy().with(
                "region_health",
                ("kind", list.kind),
                "regions",
                Cell::Null,
            );
            assert_eq!(
                evaluate(&check, unknown).status(),
                Status::Inconclusive,
                "{}",
                list.id
            );
        }
    }

    #[test]
    fn the_lists_of_a_new_pd_leader_are_inconclusive() {
        for check in checks() {
            let outcome = evaluate(
                &check,
                Cluster::healthy().cluster("pd_leader_since_s", 60.0),
            );
            assert_eq!(outcome.status(), Status::Inconclusive);
        }
    }

    #[test]
    fn a_tenth_of_a_small_cluster_may_be_pending_and_100_regions_of_a_large_one() {
        assert_eq!(
            evaluate(&pending(), with("pending-peer", 40)).status(),
            Status::Pass
        );
        assert_eq!(
            evaluate(&pending(), with("pending-peer", 41)).status(),
            Status::Fail
        );
        let large =
            |regions: i64| with("pending-peer", regions).cluster("region_count", 100_000_i64);
        assert_eq!(evaluate(&pending(), large(100)).status(), Status::Pass);
        assert_eq!(evaluate(&pending(), large(101)).status(), Status::Fail);
        assert_eq!(
            evaluate(
                &pending(),
                with("pending-peer", 1).cluster("region_count", Cell::Null)
            )
            .status(),
            Status::Inconclusive
        );
    }
}
