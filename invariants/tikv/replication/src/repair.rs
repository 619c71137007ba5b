//! Regions whose replicas PD does not get right, named one by one.

use std::time::Duration;

use operator_plugin::{Check, Outcome, PluginError, Row, Snapshot, Violation};
use tikv_check_support::entities;

/// A way in which the repair of regions gets stuck.
#[derive(Clone, Copy)]
struct StuckKind {
    id: &'static str,
    claim: &'static str,
    kind: &'static str,
    lasting_s: f64,
    means: &'static str,
}

const KINDS: [StuckKind; 3] = [
    // A change of configuration takes seconds, with a snapshot a minute.
    StuckKind {
        id: "no-joint-state",
        claim: "no region is between two configurations for longer than 2 min",
        kind: "joint-state",
        lasting_s: 120.0,
        means: "cannot leave the joint state of a change of replicas",
    },
    StuckKind {
        id: "no-peers-on-unknown-stores",
        claim: "no region has a replica on a store that PD does not list",
        kind: "unknown-store",
        lasting_s: 30.0,
        means: "have a replica on a store that PD does not list",
    },
    StuckKind {
        id: "no-learners-beside-dead-voters",
        claim: "no region keeps a healthy learner beside a voter that is down",
        kind: "learner-beside-dead-voter",
        lasting_s: 60.0,
        means: "have a voter that is down and a healthy learner that does not replace it",
    },
];

/// One check for each way.
pub(crate) fn checks() -> Vec<Check> {
    let check = |kind: StuckKind| {
        Check::new(kind.id, kind.claim)
            .pending_for(Duration::from_secs(0))
            .reads(&["stuck_regions", "cluster"])
            .by(move |snapshot| evaluate(snapshot, kind))
    };
    KINDS.map(check).into()
}

/// Regions that a sentence names; the evidence has as many.
const NAMED: usize = 5;

fn evaluate(snapshot: &Snapshot, kind: StuckKind) -> Result<Outcome, PluginError> {
    let stuck = snapshot.table("stuck_regions")?;
    let Some(cluster) = entities::cluster(snapshot) else {
        return Ok(Outcome::inconclusive("the cluster id is unknown"));
    };
    let lasts = |row: &Row<'_>| {
        row.number("lasting_s")
            .is_some_and(|lasting_s| lasting_s >= kind.lasting_s)
    };
    let rows: Vec<Row<'_>> = stuck
        .rows()
        .filter(|row| row.text("kind") == Some(kind.kind))
        .filter(lasts)
        .collect();
    let examined = format!("{} regions that PD has to repair", stuck.len());
    if rows.is_empty() {
        return Ok(Outcome::pass(examined).passing([cluster]));
    }
    let named: Vec<String> = rows.iter().take(NAMED).map(|row| described(*row)).collect();
    let summary = format!(
        "{} regions {}: {}",
        rows.len(),
        kind.means,
        named.join("; ")
    );
    let violation = Violation::new(cluster, summary).confirmed(true);
    let cited = rows.iter().take(NAMED).fold(violation, |violation, row| {
        violation
            .evidence(row.evidence("region"))
            .evidence(row.evidence("peers"))
    });
    Ok(Outcome::fail(examined, vec![cited]))
}

/// For example `region 40 (store 2751)`.
fn described(row: Row<'_>) -> String {
    let region = row.text("region").unwrap_or("?");
    let store = row.text("store").unwrap_or("?");
    format!("region {region} (store {store})")
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::{Status, table};
    use tikv_check_support::examples::Cluster;

    fn evaluate_with(kind: &str, lasting_s: f64) -> Vec<Outcome> {
        let rows = table("stuck_regions")
            .texts("region", ["40".to_owned()])
            .texts("kind", [kind.to_owned()])
            .texts("store", ["2751".to_owned()])
            .floats("lasting_s", "s", [lasting_s])
            .texts("peers", ["voter on 1, learner on 2751".to_owned()]);
        let snapshot = Cluster::healthy().table(rows).snapshot();
        let evaluate = |check: Check| check.evaluate(&snapshot, None).unwrap();
        checks().into_iter().map(evaluate).collect()
    }

    #[test]
    fn each_kind_fails_its_own_check_and_names_the_region() {
        for (place, kind) in KINDS.iter().enumerate() {
            let outcomes = evaluate_with(kind.kind, 130.0);
            for (other, outcome) in outcomes.iter().enumerate() {
                let expected = if other == place {
                    Status::Fail
                } else {
                    Status::Pass
                };
                assert_eq!(outcome.status(), expected, "{}", kind.kind);
            }
            let summary = &outcomes[place].violations()[0].summary;
            assert!(summary.contains("region 40 (store 2751)"), "{summary}");
        }
    }

    #[test]
    fn a_change_under_way_passes() {
        let outcomes = evaluate_with("joint-state", 100.0);
        assert!(
            outcomes
                .iter()
                .all(|outcome| outcome.status() == Status::Pass)
        );
    }
}
