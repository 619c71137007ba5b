//! PD members: whether they respond, form a quorum and belong to one cluster.

use std::collections::BTreeMap;
use std::time::Duration;

use operator_plugin::{
    Check, Findings, Outcome, PluginError, Row, Severity, Snapshot, TableView, Violation,
};
use serde::{Deserialize, Serialize};
use tikv_check_support::entities;
use tikv_check_support::state::State;

/// Without a majority of members, PD allocates no timestamps and all transactions stop.
pub(crate) fn quorum() -> Check {
    Check::new("pd-quorum", "a majority of the PD members responds")
        .critical()
        .pending_for(Duration::from_secs(15))
        .reads(&["members"])
        .by(|snapshot| {
            let members = snapshot.table("members")?;
            Ok(evaluate_quorum(snapshot, &members))
        })
}

/// Every lost member brings PD closer to losing its quorum.
pub(crate) fn healthy() -> Check {
    Check::new(
        "pd-members-healthy",
        "every PD member responds to the operator and to the other members",
    )
    .pending_for(Duration::from_secs(30))
    .reads(&["members"])
    .by(evaluate_each)
}

/// Members of two clusters mean that a configuration points at the wrong cluster.
pub(crate) fn one_cluster() -> Check {
    Check::new(
        "pd-one-cluster",
        "all PD members belong to the same cluster",
    )
    .critical()
    .pending_for(Duration::from_secs(30))
    .reads(&["members"])
    .with_state(evaluate_clusters)
}

/// Whether a member responds. PD's `/health` decides, because it queries every member from inside the cluster: a member
/// that refuses only the operator's probe is a network problem of the operator. The probe decides if PD reports nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Liveness {
    Responds,
    Silent,
    Unknown,
}

fn liveness(row: Row<'_>) -> Liveness {
    match (row.text("probe"), row.boolean("healthy")) {
        (Some("ok"), _) | (_, Some(true)) => Liveness::Responds,
        (_, Some(false)) | (Some("refused" | "timeout"), None) => Liveness::Silent,
        _ => Liveness::Unknown,
    }
}

fn evaluate_quorum(snapshot: &Snapshot, members: &TableView) -> Outcome {
    let with = |wanted: Liveness| members.rows().filter(move |row| liveness(*row) == wanted);
    let needed = members.len() / 2 + 1;
    let responding = with(Liveness::Responds).count();
    let unknown = with(Liveness::Unknown).count();
    let examined = format!(
        "{responding} of {} members respond, {needed} are required",
        members.len()
    );
    let Some(cluster) = entities::cluster(snapshot).filter(|_| !members.is_empty()) else {
        return Outcome::inconclusive("the members are unknown");
    };
    if responding >= needed {
        return Outcome::pass(examined).passing([cluster]);
    }
    if responding + unknown >= needed {
        return Outcome::inconclusive(format!("{examined}, and {unknown} could not be queried"));
    }
    let mut violation = Violation::new(cluster, format!("PD has no quorum: {examined}"));
    for row in with(Liveness::Silent) {
        violation = violation.evidence(evidence_of_silence(row));
    }
    Outcome::fail(examined, vec![violation])
}

fn evidence_of_silence(row: Row<'_>) -> operator_plugin::Evidence {
    match row.text("probe") {
        Some("refused" | "timeout") => row.evidence("probe").expected("ok"),
        _ => row.evidence("healthy").expected("true"),
    }
}

fn evaluate_each(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let members = snapshot.table("members")?;
    let mut findings = Findings::new();
    for row in members.rows() {
        let Some(name) = row.text("member") else {
            continue;
        };
        let entity = entities::member(name);
        match liveness(row) {
            Liveness::Responds if row.boolean("healthy") == Some(false) => {
                findings.fail(silent(row, name))
            }
            Liveness::Responds if matches!(row.text("probe"), Some("refused" | "timeout")) => {
                findings.unknown(&entity, "it responds to PD but not to the operator");
            }
            Liveness::Responds => findings.pass(entity),
            Liveness::Unknown => findings.unknown(
                &entity,
                "it could not be probed, and PD does not report its health",
            ),
            Liveness::Silent => findings.fail(silent(row, name)),
        }
    }
    Ok(findings.conclude(format!("{} members", members.len())))
}

fn silent(row: Row<'_>, name: &str) -> Violation {
    let how = match row.text("probe") {
        Some("refused") => "refuses connections: no process is listening",
        Some("timeout") => "does not respond in time",
        Some("ok") => "responds to the operator but not to the other members",
        _ => "does not respond to the other members",
    };
    let role = if row.boolean("is_leader") == Some(true) {
        "PD leader"
    } else {
        "PD member"
    };
    let mut violation = Violation::new(entities::member(name), format!("{role} {name} {how}"));
    if row.text("probe").is_some() {
        violation = violation.evidence(row.evidence("probe").expected("ok"));
    }
    if row.boolean("healthy").is_some() {
        violation = violation.evidence(row.evidence("healthy").expected("true"));
    }
    violation.severity(Severity::Warning)
}

/// The cluster id that the members reported at the last tick.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct ExpectedCluster(String);

impl State for ExpectedCluster {
    const VERSION: u32 = 1;
}

/// The majority of the members is right. If only one member responds, it is compared with the cluster id of the previous
/// tick, because its address may now belong to another cluster.
fn evaluate_clusters(snapshot: &Snapshot, state: Option<&[u8]>) -> Result<Outcome, PluginError> {
    let members = snapshot.table("members")?;
    let before = state.and_then(ExpectedCluster::decode);
    let mut clusters: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
    for row in members.rows() {
        if let Some(cluster) = row.text("cluster_seen") {
            clusters.entry(cluster).or_default().push(row);
        }
    }
    let largest = clusters
        .iter()
        .max_by_key(|(id, rows)| (rows.len(), std::cmp::Reverse(**id)));
    let Some((majority, agreeing)) = largest.map(|(id, rows)| (*id, rows.len())) else {
        let outcome = Outcome::inconclusive("no member reported its cluster id");
        return Ok(outcome.remember(state.unwrap_or_default().to_vec()));
    };
    let expected = before
        .as_ref()
        .filter(|_| agreeing == 1)
        .map_or(majority, |before| before.0.as_str());
    let relation = if clusters.contains_key(expected) {
        "the others to"
    } else {
        "until now it was"
    };
    let mut findings = Findings::new();
    for (cluster, rows) in &clusters {
        for row in rows {
            let Some(name) = row.text("member") else {
                continue;
            };
            if *cluster == expected {
                findings.pass(entities::member(name));
            } else {
                let summary =
                    format!("PD member {name} belongs to cluster {cluster}, {relation} {expected}");
                let evidence = row.evidence("cluster_seen").expected(expected.to_owned());
                findings.fail(Violation::new(entities::member(name), summary).evidence(evidence));
            }
        }
    }
    let outcome = findings.conclude(format!("cluster id of {} members", members.len()));
    Ok(outcome.remember(ExpectedCluster(expected.to_owned()).encode()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cell, Cluster};

    fn silence(cluster: Cluster, name: &str) -> Cluster {
        cluster
            .member(name, "probe", "refused")
            .member(name, "reachable", false)
            .member(name, "healthy", false)
    }

    #[test]
    fn one_silent_member_of_three_is_a_violation_and_keeps_the_quorum() {
        let snapshot = silence(Cluster::healthy(), "pd2").snapshot();
        let outcome = healthy().evaluate(&snapshot, None).unwrap();
        assert_eq!(outcome.violations()[0].entity, "member/pd2");
        assert_eq!(
            outcome.violations()[0].evidence.len(),
            2,
            "the probe and the health that PD reports"
        );
        assert_eq!(outcome.passed(), ["member/pd1", "member/pd3"]);
        assert_eq!(
            quorum().evaluate(&snapshot, None).unwrap().status(),
            Status::Pass
        );
    }

    #[test]
    fn two_silent_members_of_three_are_no_quorum() {
        let snapshot = silence(silence(Cluster::healthy(), "pd2"), "pd1")
            .without("cluster")
            .snapshot();
        let outcome = quorum().evaluate(&snapshot, None).unwrap();
        assert_eq!(
            (
                outcome.status(),
                outcome.violations()[0].entity.to_string().as_str()
            ),
            (Status::Fail, "cluster/7")
        );
    }

    #[test]
    fn members_that_cannot_be_queried_make_the_quorum_inconclusive() {
        let deny = |cluster: Cluster, name: &str| {
            cluster
                .member(name, "probe", "denied")
                .member(name, "healthy", Cell::Null)
                .member(name, "reachable", Cell::Null)
        };
        let snapshot = deny(deny(Cluster::healthy(), "pd2"), "pd3").snapshot();
        assert_eq!(
            quorum().evaluate(&snapshot, None).unwrap().status(),
            Status::Inconclusive
        );
        assert_eq!(
            healthy().evaluate(&snapshot, None).unwrap().status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn a_member_that_must_not_be_probed_is_evaluated_by_what_pd_reports() {
        let snapshot = Cluster::healthy()
            .member("pd3", "probe", "denied")
            .snapshot();
        assert_eq!(
            healthy().evaluate(&snapshot, None).unwrap().status(),
            Status::Pass
        );
    }

    #[test]
    fn a_member_that_refuses_only_the_operator_is_inconclusive() {
        let refuse = |cluster: Cluster, name: &str| cluster.member(name, "probe", "refused");
        let snapshot = refuse(refuse(Cluster::healthy(), "pd2"), "pd3").snapshot();
        assert_eq!(
            quorum().evaluate(&snapshot, None).unwrap().status(),
            Status::Pass
        );
        assert_eq!(
            healthy().evaluate(&snapshot, None).unwrap().status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn a_member_that_responds_only_to_the_operator_is_a_violation() {
        let outcome = healthy()
            .evaluate(
                &Cluster::healthy()
                    .member("pd2", "healthy", false)
                    .snapshot(),
                None,
            )
            .unwrap();
        assert_eq!(outcome.violations().len(), 1);
        assert!(
            outcome.violations()[0]
                .summary
                .contains("responds to the operator but not"),
            "{}",
            outcome.violations()[0].summary
        );
        assert_eq!(
            quorum()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
                .status(),
            Status::Pass
        );
    }

    #[test]
    fn a_member_of_another_cluster_is_a_violation() {
        let outcome = |cluster: Cluster| one_cluster().evaluate(&cluster.snapshot(), None).unwrap();
        let found = outcome(Cluster::healthy().member("pd3", "cluster_seen", "8"));
        assert_eq!(found.violations()[0].entity, "member/pd3");
        assert_eq!(outcome(Cluster::healthy()).status(), Status::Pass);
        let unknown = ["pd1", "pd2", "pd3"]
            .iter()
            .fold(Cluster::healthy(), |cluster, name| {
                cluster.member(name, "cluster_seen", Cell::Null)
            });
        assert_eq!(outcome(unknown).status(), Status::Inconclusive);
    }

    #[test]
    fn another_cluster_behind_the_only_reachable_address_is_detected() {
        let alone = |seen: &str| {
            let others = Cluster::healthy().member("pd2", "cluster_seen", Cell::Null);
            others
                .member("pd3", "cluster_seen", Cell::Null)
                .member("pd1", "cluster_seen", seen)
                .snapshot()
        };
        let first = one_cluster().evaluate(&alone("7"), None).unwrap();
        let again = one_cluster()
            .evaluate(&alone("7"), first.state.as_deref())
            .unwrap();
        assert_eq!(
            (first.status(), again.status()),
            (Status::Pass, Status::Pass)
        );
        let strayed = one_cluster()
            .evaluate(&alone("8"), again.state.as_deref())
            .unwrap();
        assert_eq!(strayed.violations()[0].entity, "member/pd1");
        assert!(
            strayed.violations()[0]
                .summary
                .contains("until now it was 7"),
            "{}",
            strayed.violations()[0].summary
        );
        let all = Cluster::healthy().snapshot();
        let outvoted = one_cluster()
            .evaluate(&all, strayed.state.as_deref())
            .unwrap();
        assert_eq!(
            outvoted.status(),
            Status::Pass,
            "three that agree are right"
        );
    }

    #[test]
    fn the_cluster_id_survives_the_round_trip() {
        let expected = ExpectedCluster("7".to_owned());
        assert_eq!(ExpectedCluster::decode(&expected.encode()), Some(expected));
    }
}
