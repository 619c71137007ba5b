//! Services that hold back garbage collection.

use std::time::Duration;

use operator_plugin::{Check, EntityId, Outcome, PluginError, Row, Snapshot, Violation};
use serde::{Deserialize, Serialize};
use tikv_check_support::entities;
use tikv_check_support::state::State;

/// The age of a stuck safepoint only grows, so the check does not flap. The pending time covers backups of about 1 h.
pub(crate) fn not_held_back() -> Check {
    Check::new(
        "gc-not-held-back",
        "no service holds back garbage collection by more than 1 h",
    )
    .pending_for(Duration::from_secs(600))
    .reads(&["safepoints", "cluster"])
    .by(evaluate)
}

/// The driver of garbage collection sets its safepoint every 10 min. It cannot pass the start of the oldest open
/// transaction.
pub(crate) fn advances() -> Check {
    Check::new(
        "gc-advances",
        "the safepoint of garbage collection itself moves while it is older than 3 h",
    )
    .reads(&["safepoints", "cluster"])
    .with_state(evaluate_driver)
}

/// The safepoint of the driver as it was first seen, and when; both in nanoseconds.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct DriverHistory {
    at: u64,
    since: u64,
}

impl State for DriverHistory {
    const VERSION: u32 = 1;
}

/// A lifetime that somebody chose moves on all the same; below this age nobody misses the space.
const DRIVER_OLD_S: f64 = 10_800.0;
/// One period of the driver and a little more.
const STANDS_NS: u64 = 660 * 1_000_000_000;

fn evaluate_driver(snapshot: &Snapshot, state: Option<&[u8]>) -> Result<Outcome, PluginError> {
    let table = snapshot.table("safepoints")?;
    let Some(cluster) = entities::cluster(snapshot) else {
        return Ok(Outcome::inconclusive("the cluster id is unknown"));
    };
    let Some(row) = table.rows().find(|row| is_collector(*row)) else {
        let why = "no garbage collection of a SQL layer is registered";
        return Ok(Outcome::not_applicable(why));
    };
    let (Some(at), Some(age_s)) = (row.instant("at"), row.number("age_s")) else {
        return Ok(Outcome::inconclusive("its safepoint is unknown"));
    };
    let now = snapshot.taken_at();
    let history = state
        .and_then(DriverHistory::decode)
        .filter(|before| before.at == at)
        .unwrap_or(DriverHistory { at, since: now });
    let stands_ns = now.saturating_sub(history.since);
    let outcome = if age_s > DRIVER_OLD_S && stands_ns >= STANDS_NS {
        let summary = format!(
            "the safepoint of garbage collection is {:.1} h old and does not move",
            age_s / 3_600.0
        );
        let violation = Violation::new(cluster, summary)
            .evidence(row.evidence("at"))
            .evidence(row.evidence("age_s").expected("below 3 h, or moving"));
        Outcome::fail("the driver of garbage collection", vec![violation])
    } else {
        Outcome::pass("the driver of garbage collection").passing([cluster])
    };
    Ok(outcome.remember(history.encode()))
}

/// Six times the default GC lifetime of 10 min.
const OLD_S: f64 = 3_600.0;

/// Garbage collection itself: the age of its safepoint is the configured GC lifetime.
fn is_collector(row: Row<'_>) -> bool {
    row.text("service") == Some("gc_worker")
}

fn evaluate(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let table = snapshot.table("safepoints")?;
    let Some(cluster) = entities::cluster(snapshot) else {
        return Ok(Outcome::inconclusive("the cluster id is unknown"));
    };
    let lifetime_s = table
        .rows()
        .find(|row| is_collector(*row))
        .and_then(|row| row.number("age_s"))
        .unwrap_or(0.0);
    let stuck: Vec<Violation> = table
        .rows()
        .filter_map(|row| stuck(row, lifetime_s.max(OLD_S), &cluster))
        .collect();
    let examined = format!("safepoints of {} services", table.len());
    Ok(if stuck.is_empty() {
        Outcome::pass(examined).passing([cluster])
    } else {
        Outcome::fail(examined, stuck)
    })
}

fn stuck(row: Row<'_>, limit_s: f64, cluster: &EntityId) -> Option<Violation> {
    let service = row.text("service")?;
    let age_s = row.number("age_s")?;
    if is_collector(row) || age_s <= limit_s {
        return None;
    }
    let summary = format!(
        "the safepoint of service {service} is {:.1} h old and holds back garbage collection",
        age_s / 3_600.0
    );
    Some(
        Violation::new(cluster.clone(), summary)
            .evidence(
                row.evidence("age_s")
                    .expected(format!("below {limit_s:.0} s")),
            )
            .evidence(row.evidence("service")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::{Status, table};
    use tikv_check_support::examples::Cluster;

    fn evaluate_with(services: &[(&str, f64)]) -> Outcome {
        let rows = table("safepoints")
            .texts(
                "service",
                services.iter().map(|(service, _)| (*service).to_owned()),
            )
            .floats("age_s", "s", services.iter().map(|(_, age_s)| *age_s));
        not_held_back()
            .evaluate(&Cluster::healthy().table(rows).snapshot(), None)
            .unwrap()
    }

    #[test]
    fn a_safepoint_older_than_an_hour_is_a_violation() {
        let outcome = evaluate_with(&[("gc_worker", 600.0), ("br-7", 3_700.0)]);
        assert_eq!(
            (
                outcome.status(),
                outcome.violations()[0].entity.to_string().as_str()
            ),
            (Status::Fail, "cluster/7")
        );
        assert!(
            outcome.violations()[0].summary.contains("br-7"),
            "{}",
            outcome.violations()[0].summary
        );
        assert_eq!(
            evaluate_with(&[("gc_worker", 600.0), ("br-7", 3_500.0)]).status(),
            Status::Pass
        );
        assert_eq!(evaluate_with(&[]).status(), Status::Pass);
    }

    #[test]
    fn a_long_gc_lifetime_is_a_choice() {
        assert_eq!(
            evaluate_with(&[("gc_worker", 86_400.0)]).status(),
            Status::Pass
        );
        assert_eq!(
            evaluate_with(&[("gc_worker", 86_400.0), ("cdc", 86_000.0)]).status(),
            Status::Pass
        );
        assert_eq!(
            evaluate_with(&[("gc_worker", 86_400.0), ("cdc", 90_000.0)]).status(),
            Status::Fail
        );
    }

    #[test]
    fn a_driver_that_stands_still_is_a_violation_and_a_slow_one_is_not() {
        let driver = |at: u64, age_s: f64, later_s: u64| {
            let rows = table("safepoints")
                .texts("service", ["gc_worker".to_owned()])
                .instants("at", [at])
                .floats("age_s", "s", [age_s]);
            Cluster::healthy().table(rows).later_s(later_s)
        };
        let evaluate = |cluster: &Cluster, state: Option<&[u8]>| {
            advances().evaluate(&cluster.snapshot(), state).unwrap()
        };
        let first = evaluate(&driver(7, 43_200.0, 0), None);
        assert_eq!(first.status(), Status::Pass, "it may move at any moment");
        let stands = evaluate(&driver(7, 43_900.0, 700), first.state.as_deref());
        assert_eq!(stands.status(), Status::Fail);
        let moved = evaluate(&driver(8, 43_900.0, 700), first.state.as_deref());
        assert_eq!(moved.status(), Status::Pass);
        let young = evaluate(&driver(7, 9_000.0, 700), first.state.as_deref());
        assert_eq!(young.status(), Status::Pass);
    }

    #[test]
    fn an_unknown_cluster_id_is_inconclusive() {
        let unknown = Cluster::healthy().without("cluster").without("members");
        let outcome = not_held_back().evaluate(&unknown.snapshot(), None).unwrap();
        assert_eq!(outcome.status(), Status::Inconclusive);
    }
}
