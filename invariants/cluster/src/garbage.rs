//! Whether somebody keeps old versions from being collected.

use judging::entities;
use operator_plugin::{Check, Outcome, PluginError, Row, Snapshot, Violation};

/// I25 and I26. A safepoint that stands still ages with the clock, so that nothing flaps; backups of an hour end before the
/// hold does.
pub(crate) fn not_held_back() -> Check {
    Check::new(
        "gc-not-held-back",
        "no service keeps versions that are more than an hour old",
    )
    .hold_ms(600_000)
    .reads(&["safepoints", "cluster"])
    .by(judge)
}

/// Six times the usual life time of versions, ten minutes.
const OLD_S: f64 = 3_600.0;

/// Garbage collection itself: what it keeps is what somebody chose as life time.
fn is_collector(row: Row<'_>) -> bool {
    row.text("service") == Some("gc_worker")
}

fn judge(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let table = snapshot.table("safepoints")?;
    let Some(cluster) = entities::cluster(snapshot) else {
        return Ok(Outcome::inconclusive("the cluster is not known"));
    };
    let lifetime_s = table
        .rows()
        .find(|row| is_collector(*row))
        .and_then(|row| row.number("age_s"))
        .unwrap_or(0.0);
    let held: Vec<Violation> = table
        .rows()
        .filter_map(|row| held(row, lifetime_s.max(OLD_S), &cluster))
        .collect();
    let looked_at = format!("{} services keep versions", table.len());
    Ok(if held.is_empty() {
        Outcome::pass(looked_at).passing([cluster])
    } else {
        Outcome::fail(looked_at, held)
    })
}

fn held(row: Row<'_>, limit_s: f64, cluster: &str) -> Option<Violation> {
    let (service, age_s) = (row.text("service")?, row.number("age_s")?);
    if is_collector(row) || age_s <= limit_s {
        return None;
    }
    let summary = format!(
        "service {service} keeps versions that are {:.1} h old from being collected",
        age_s / 3_600.0
    );
    Some(
        Violation::new(cluster, summary)
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
    use judging::examples::Cluster;
    use operator_plugin::{Status, table};

    fn judge_with(services: &[(&str, f64)]) -> Outcome {
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
    fn a_service_that_stands_still_for_more_than_an_hour_is_named() {
        let outcome = judge_with(&[("gc_worker", 600.0), ("br-7", 3_700.0)]);
        assert_eq!(
            (outcome.status, outcome.violations[0].entity.as_str()),
            (Status::Fail, "cluster/7")
        );
        assert!(
            outcome.violations[0].summary.contains("br-7"),
            "{}",
            outcome.violations[0].summary
        );
        assert_eq!(
            judge_with(&[("gc_worker", 600.0), ("br-7", 3_500.0)]).status,
            Status::Pass
        );
        assert_eq!(judge_with(&[]).status, Status::Pass);
    }

    #[test]
    fn a_long_life_time_is_a_choice() {
        assert_eq!(judge_with(&[("gc_worker", 86_400.0)]).status, Status::Pass);
        assert_eq!(
            judge_with(&[("gc_worker", 86_400.0), ("cdc", 86_000.0)]).status,
            Status::Pass
        );
        assert_eq!(
            judge_with(&[("gc_worker", 86_400.0), ("cdc", 90_000.0)]).status,
            Status::Fail
        );
    }

    #[test]
    fn without_the_cluster_nothing_is_said() {
        let unknown = Cluster::healthy().without("cluster").without("members");
        let outcome = not_held_back().evaluate(&unknown.snapshot(), None).unwrap();
        assert_eq!(outcome.status, Status::Inconclusive);
    }
}
