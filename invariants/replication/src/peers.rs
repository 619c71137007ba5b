//! PD's lists of abnormal regions. They are built only from heartbeats seen since PD has this leader.

use judging::{entities, guards};
use operator_plugin::{Check, Outcome, PluginError, Row, Severity, Snapshot, Violation};

/// A list of PD that should be empty.
#[derive(Clone, Copy)]
struct List {
    id: &'static str,
    claim: &'static str,
    kind: &'static str,
    severity: Severity,
    hold_ms: u64,
    means: &'static str,
}

const MINUTE_MS: u64 = 60_000;

const LISTS: [List; 5] = [
    // I04. A new cluster shows one replica and then three, which the hold outlasts.
    List {
        id: "no-missing-peers",
        claim: "every region has as many replicas as its rule says",
        kind: "miss-peer",
        severity: Severity::Warning,
        hold_ms: 10 * MINUTE_MS,
        means: "have fewer replicas than their rule says",
    },
    // I05.
    List {
        id: "no-extra-peers",
        claim: "no region keeps more replicas than its rule says",
        kind: "extra-peer",
        severity: Severity::Info,
        hold_ms: 30 * MINUTE_MS,
        means: "have more replicas than their rule says",
    },
    // I06.
    List {
        id: "no-down-peers",
        claim: "no leader misses a follower for 10 minutes or more",
        kind: "down-peer",
        severity: Severity::Warning,
        hold_ms: MINUTE_MS,
        means: "have a replica that their leader has not heard of for 10 minutes",
    },
    // I08.
    List {
        id: "no-lingering-learners",
        claim: "learners become voters or go away",
        kind: "learner-peer",
        severity: Severity::Info,
        hold_ms: 30 * MINUTE_MS,
        means: "have a learner",
    },
    // I09.
    List {
        id: "no-offline-peers",
        claim: "the replicas of a store that is being removed move away",
        kind: "offline-peer",
        severity: Severity::Warning,
        hold_ms: 120 * MINUTE_MS,
        means: "still have a replica on a store that is being removed",
    },
];

/// One check for each list.
pub(crate) fn checks() -> Vec<Check> {
    LISTS.iter().map(|list| check(*list)).collect()
}

fn check(list: List) -> Check {
    Check::new(list.id, list.claim)
        .severity(list.severity)
        .hold_ms(list.hold_ms)
        .reads(&["region_health", "cluster"])
        .by(move |snapshot| judge_list(snapshot, &list))
}

/// I07: pending peers are replicas that catch up; they should be few.
pub(crate) fn pending() -> Check {
    Check::new(
        "pending-peers-drain",
        "few regions have a replica that is catching up",
    )
    .hold_ms(10 * MINUTE_MS)
    .reads(&["region_health", "cluster"])
    .by(judge_pending)
}

fn judge_list(snapshot: &Snapshot, list: &List) -> Result<Outcome, PluginError> {
    judge_count(snapshot, list.kind, list.means, 0)
}

/// Upstream's limit, and in a cluster where 100 would be everything, a tenth.
const PENDING_MAX: i64 = 100;
const PENDING_SHARE: i64 = 10;

fn judge_pending(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let regions = snapshot
        .table("cluster")?
        .first()
        .and_then(|row| row.integer("region_count"));
    let Some(regions) = regions else {
        return Ok(Outcome::inconclusive("the number of regions is not known"));
    };
    let limit = PENDING_MAX.min(regions / PENDING_SHARE);
    judge_count(
        snapshot,
        "pending-peer",
        "have a replica that is catching up",
        limit,
    )
}

pub(crate) fn judge_count(
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
            "PD's list {kind} is not known"
        )));
    };
    let looked_at = format!("{regions} regions in PD's list {kind}");
    if regions <= limit {
        return Ok(Outcome::pass(looked_at).passing([cluster]));
    }
    let evidence = row.evidence("regions").expected(format!("at most {limit}"));
    let violation =
        Violation::new(cluster, format!("{regions} regions {means}")).evidence(evidence);
    Ok(Outcome::fail(looked_at, vec![violation]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cell, Cluster};
    use operator_plugin::Status;

    fn with(kind: &str, regions: i64) -> Cluster {
        Cluster::healthy().with("region_health", ("kind", kind), "regions", regions)
    }

    fn judge(check: &Check, cluster: Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn each_list_has_its_check() {
        for (list, check) in LISTS.iter().zip(checks()) {
            assert_eq!(
                judge(&check, Cluster::healthy()).status,
                Status::Pass,
                "{}",
                list.id
            );
            let outcome = judge(&check, with(list.kind, 1));
            assert_eq!(
                (outcome.status, outcome.violations[0].entity.as_str()),
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
                judge(&check, unknown).status,
                Status::Inconclusive,
                "{}",
                list.id
            );
        }
    }

    #[test]
    fn a_new_pd_leader_has_empty_lists_that_say_nothing() {
        for check in checks() {
            let outcome = judge(
                &check,
                Cluster::healthy().cluster("pd_leader_since_s", 60.0),
            );
            assert_eq!(outcome.status, Status::Inconclusive);
        }
    }

    #[test]
    fn a_tenth_of_a_small_cluster_may_catch_up_and_a_hundred_of_a_large_one() {
        assert_eq!(
            judge(&pending(), with("pending-peer", 40)).status,
            Status::Pass
        );
        assert_eq!(
            judge(&pending(), with("pending-peer", 41)).status,
            Status::Fail
        );
        let large =
            |regions: i64| with("pending-peer", regions).cluster("region_count", 100_000_i64);
        assert_eq!(judge(&pending(), large(100)).status, Status::Pass);
        assert_eq!(judge(&pending(), large(101)).status, Status::Fail);
        assert_eq!(
            judge(
                &pending(),
                with("pending-peer", 1).cluster("region_count", Cell::Null)
            )
            .status,
            Status::Inconclusive
        );
    }
}
