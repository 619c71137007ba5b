//! Whether the members of PD are there, enough of them, and of one cluster.

use judging::entities;
use operator_plugin::{
    Check, Findings, Outcome, PluginError, Row, Severity, Snapshot, TableView, Violation,
};
use std::collections::BTreeMap;

/// I18: without a majority of members PD gives no timestamps: all transactions stop.
pub(crate) fn quorum() -> Check {
    Check::new("pd-quorum", "a majority of the PD members answers")
        .critical()
        .hold_ms(15_000)
        .reads(&["members"])
        .by(|snapshot| {
            let members = snapshot.table("members")?;
            Ok(judge_quorum(snapshot, &members))
        })
}

/// I18, second half: a member less is a majority nearer to being lost.
pub(crate) fn healthy() -> Check {
    Check::new(
        "pd-members-healthy",
        "every PD member answers, us and the others",
    )
    .hold_ms(30_000)
    .reads(&["members"])
    .by(judge_each)
}

/// I21: members of two clusters behind one address mean that a configuration points at the wrong one.
pub(crate) fn one_cluster() -> Check {
    Check::new(
        "pd-one-cluster",
        "all PD members belong to the same cluster",
    )
    .critical()
    .hold_ms(30_000)
    .reads(&["members"])
    .with_state(judge_clusters)
}

/// Whether a member answers. PD's own `/health` decides, which asks every member from inside: a member that refuses
/// only us is a matter of our way there. Our probe decides where PD says nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    Answers,
    Silent,
    Unknown,
}

fn life(row: Row<'_>) -> Life {
    match (row.text("probe"), row.boolean("healthy")) {
        (Some("ok"), _) | (_, Some(true)) => Life::Answers,
        (_, Some(false)) | (Some("refused" | "timeout"), None) => Life::Silent,
        _ => Life::Unknown,
    }
}

fn judge_quorum(snapshot: &Snapshot, members: &TableView) -> Outcome {
    let with = |wanted: Life| members.rows().filter(move |row| life(*row) == wanted);
    let needed = members.len() / 2 + 1;
    let (answering, unknown) = (with(Life::Answers).count(), with(Life::Unknown).count());
    let looked_at = format!(
        "{answering} of {} members answer, {needed} are needed",
        members.len()
    );
    let Some(cluster) = entities::cluster(snapshot).filter(|_| !members.is_empty()) else {
        return Outcome::inconclusive("the members are not known");
    };
    if answering >= needed {
        return Outcome::pass(looked_at).passing([cluster]);
    }
    if answering + unknown >= needed {
        return Outcome::inconclusive(format!("{looked_at}, and {unknown} could not be asked"));
    }
    let mut violation = Violation::new(cluster, format!("PD has no quorum: {looked_at}"));
    for row in with(Life::Silent) {
        violation = violation.evidence(evidence_of_silence(row));
    }
    Outcome::fail(looked_at, vec![violation])
}

fn evidence_of_silence(row: Row<'_>) -> operator_plugin::Evidence {
    match row.text("probe") {
        Some("refused" | "timeout") => row.evidence("probe").expected("ok"),
        _ => row.evidence("healthy").expected("true"),
    }
}

fn judge_each(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let members = snapshot.table("members")?;
    let mut findings = Findings::new();
    for row in members.rows() {
        let Some(name) = row.text("member") else {
            continue;
        };
        let entity = entities::member(name);
        match life(row) {
            Life::Answers if row.boolean("healthy") == Some(false) => {
                findings.fail(silent(row, name))
            }
            Life::Answers if matches!(row.text("probe"), Some("refused" | "timeout")) => {
                findings.unknown(&entity, "PD reaches it, but we do not");
            }
            Life::Answers => findings.pass(entity),
            Life::Unknown => {
                findings.unknown(&entity, "it could not be asked, and PD does not say")
            }
            Life::Silent => findings.fail(silent(row, name)),
        }
    }
    Ok(findings.conclude(format!("{} members", members.len())))
}

fn silent(row: Row<'_>, name: &str) -> Violation {
    let how = match row.text("probe") {
        Some("refused") => "refuses connections: no process listens there",
        Some("timeout") => "does not answer in time",
        Some("ok") => "answers us, but is unreachable for the other members",
        _ => "is unreachable for the other members",
    };
    let lead = if row.boolean("is_leader") == Some(true) {
        "PD leader"
    } else {
        "PD member"
    };
    let mut violation = Violation::new(entities::member(name), format!("{lead} {name} {how}"));
    if row.text("probe").is_some() {
        violation = violation.evidence(row.evidence("probe").expected("ok"));
    }
    if row.boolean("healthy").is_some() {
        violation = violation.evidence(row.evidence("healthy").expected("true"));
    }
    violation.severity(Severity::Warning)
}

/// What several members say is right. A member that is alone, or that alone is asked, is held against what was said
/// before: behind its address may be another cluster since.
fn judge_clusters(snapshot: &Snapshot, state: Option<&[u8]>) -> Result<Outcome, PluginError> {
    let members = snapshot.table("members")?;
    let before = state
        .and_then(|state| std::str::from_utf8(state).ok())
        .filter(|id| !id.is_empty());
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
        let outcome = Outcome::inconclusive("no member said which cluster it belongs to");
        return Ok(outcome.remember(state.unwrap_or_default().to_vec()));
    };
    let expected = before.filter(|_| agreeing == 1).unwrap_or(majority);
    let who_says = if clusters.contains_key(expected) {
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
                    format!("PD member {name} belongs to cluster {cluster}, {who_says} {expected}");
                let evidence = row.evidence("cluster_seen").expected(expected.to_owned());
                findings.fail(Violation::new(entities::member(name), summary).evidence(evidence));
            }
        }
    }
    let outcome = findings.conclude(format!("cluster id of {} members", members.len()));
    Ok(outcome.remember(expected.as_bytes().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cell, Cluster};
    use operator_plugin::Status;

    fn silence(cluster: Cluster, name: &str) -> Cluster {
        cluster
            .member(name, "probe", "refused")
            .member(name, "reachable", false)
            .member(name, "healthy", false)
    }

    #[test]
    fn one_silent_member_of_three_is_named_and_leaves_the_quorum() {
        let snapshot = silence(Cluster::healthy(), "pd2").snapshot();
        let outcome = healthy().evaluate(&snapshot, None).unwrap();
        assert_eq!(outcome.violations[0].entity, "member/pd2");
        assert_eq!(
            outcome.violations[0].evidence.len(),
            2,
            "our probe and PD's own word"
        );
        assert_eq!(outcome.passed, ["member/pd1", "member/pd3"]);
        assert_eq!(
            quorum().evaluate(&snapshot, None).unwrap().status,
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
            (outcome.status, outcome.violations[0].entity.as_str()),
            (Status::Fail, "cluster/7")
        );
    }

    #[test]
    fn members_that_cannot_be_asked_leave_the_quorum_open() {
        let ask = |cluster: Cluster, name: &str| {
            cluster
                .member(name, "probe", "denied")
                .member(name, "healthy", Cell::Null)
                .member(name, "reachable", Cell::Null)
        };
        let snapshot = ask(ask(Cluster::healthy(), "pd2"), "pd3").snapshot();
        assert_eq!(
            quorum().evaluate(&snapshot, None).unwrap().status,
            Status::Inconclusive
        );
        assert_eq!(
            healthy().evaluate(&snapshot, None).unwrap().status,
            Status::Inconclusive
        );
    }

    #[test]
    fn a_member_we_may_not_probe_is_judged_by_what_pd_says() {
        let snapshot = Cluster::healthy()
            .member("pd3", "probe", "denied")
            .snapshot();
        assert_eq!(
            healthy().evaluate(&snapshot, None).unwrap().status,
            Status::Pass
        );
    }

    #[test]
    fn a_member_that_refuses_us_but_not_pd_is_left_open() {
        let refuse = |cluster: Cluster, name: &str| cluster.member(name, "probe", "refused");
        let snapshot = refuse(refuse(Cluster::healthy(), "pd2"), "pd3").snapshot();
        assert_eq!(
            quorum().evaluate(&snapshot, None).unwrap().status,
            Status::Pass
        );
        assert_eq!(
            healthy().evaluate(&snapshot, None).unwrap().status,
            Status::Inconclusive
        );
    }

    #[test]
    fn a_member_that_answers_us_but_not_the_others_is_named() {
        let outcome = healthy()
            .evaluate(
                &Cluster::healthy()
                    .member("pd2", "healthy", false)
                    .snapshot(),
                None,
            )
            .unwrap();
        assert_eq!(outcome.violations.len(), 1);
        assert!(
            outcome.violations[0].summary.contains("answers us"),
            "{}",
            outcome.violations[0].summary
        );
        assert_eq!(
            quorum()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
                .status,
            Status::Pass
        );
    }

    #[test]
    fn a_member_of_another_cluster_is_named() {
        let outcome = |cluster: Cluster| one_cluster().evaluate(&cluster.snapshot(), None).unwrap();
        let found = outcome(Cluster::healthy().member("pd3", "cluster_seen", "8"));
        assert_eq!(found.violations[0].entity, "member/pd3");
        assert_eq!(outcome(Cluster::healthy()).status, Status::Pass);
        let blind = ["pd1", "pd2", "pd3"]
            .iter()
            .fold(Cluster::healthy(), |cluster, name| {
                cluster.member(name, "cluster_seen", Cell::Null)
            });
        assert_eq!(outcome(blind).status, Status::Inconclusive);
    }

    #[test]
    fn another_cluster_behind_the_only_address_that_is_asked_is_noticed() {
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
        assert_eq!((first.status, again.status), (Status::Pass, Status::Pass));
        let strayed = one_cluster()
            .evaluate(&alone("8"), again.state.as_deref())
            .unwrap();
        assert_eq!(strayed.violations[0].entity, "member/pd1");
        assert!(
            strayed.violations[0].summary.contains("until now it was 7"),
            "{}",
            strayed.violations[0].summary
        );
        let all = Cluster::healthy().snapshot();
        let outvoted = one_cluster()
            .evaluate(&all, strayed.state.as_deref())
            .unwrap();
        assert_eq!(outvoted.status, Status::Pass, "three that agree are right");
    }
}
