//! Whether PD has one leader, the right one, and keeps it.

use std::collections::BTreeMap;

use judging::{entities, guards, metrics};
use operator_plugin::{
    Check, Evidence, Findings, Outcome, PluginError, Row, Severity, Snapshot, Violation, series,
};

/// I16: no leader means no timestamps; two mean that somebody serves without a lease.
pub(crate) fn single() -> Check {
    Check::new(
        "pd-single-leader",
        "PD has one leader and all its members know it",
    )
    .critical()
    // A failover takes up to 8 s (lease 5 s, election 3 s); members are asked one after the other.
    .hold_ms(30_000)
    .reads(&["members"])
    .by(judge_single)
}

/// I17: while they differ for long, the PD leader hangs and nobody gives timestamps.
pub(crate) fn is_etcd_leader() -> Check {
    Check::new(
        "pd-leader-is-etcd-leader",
        "the leader of PD is the leader of its etcd",
    )
    .critical()
    .hold_ms(60_000)
    .reads(&["cluster"])
    .by(judge_same)
}

/// I19: every change of the leader is a gap of seconds and minutes without scheduling.
pub(crate) fn stable() -> Check {
    Check::new("pd-leader-stable", "PD keeps its leader")
        // Longer than a lost member is held: a switch is a note, and must not confirm what else is seen for a moment.
        .hold_ms(60_000)
        .reads(&["cluster", "members"])
        .by(judge_stable)
}

fn judge_single(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let members = snapshot.table("members")?;
    let Some(cluster) = entities::cluster(snapshot) else {
        return Ok(Outcome::inconclusive("the cluster is not known"));
    };
    // A member of another cluster leads itself there: that is for `pd-one-cluster` to say.
    let is_ours = |row: &Row<'_>| {
        row.text("cluster_seen")
            .is_none_or(|seen| cluster == entities::cluster_named(seen))
    };
    let mut believed: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
    for row in members.rows().filter(is_ours) {
        if let Some(leader) = row.text("leader_seen") {
            believed.entry(leader).or_default().push(row);
        }
    }
    let leaders: Vec<Row<'_>> = members
        .rows()
        .filter(is_ours)
        .filter(|row| row.boolean("is_leader") == Some(true))
        .collect();
    let looked_at = format!("the leader that {} members know", members.len());
    if believed.len() > 1 {
        let mut violation = Violation::new(
            cluster,
            format!("the members of PD name {} leaders", believed.len()),
        );
        for row in believed.values().filter_map(|rows| rows.first()) {
            violation = violation.evidence(
                row.evidence("leader_seen")
                    .expected("the same from every member"),
            );
        }
        return Ok(Outcome::fail(looked_at, vec![violation]));
    }
    if leaders.len() == 1 {
        return Ok(Outcome::pass(looked_at).passing([cluster]));
    }
    let not_asked = members
        .rows()
        .filter(is_ours)
        .filter(|row| row.boolean("is_leader").is_none())
        .count();
    if not_asked > 0 || members.is_empty() {
        return Ok(Outcome::inconclusive(format!(
            "{not_asked} members do not say whether they lead"
        )));
    }
    Ok(Outcome::fail(
        looked_at,
        vec![wrong_number(
            cluster.clone(),
            members.rows().filter(is_ours),
            leaders.len(),
        )],
    ))
}

fn wrong_number<'table>(
    cluster: String,
    rows: impl Iterator<Item = Row<'table>>,
    leaders: usize,
) -> Violation {
    let summary = if leaders == 0 {
        "PD has no leader".to_owned()
    } else {
        format!("{leaders} members of PD lead")
    };
    let violation = Violation::new(cluster, summary);
    rows.fold(violation, |violation, row| {
        violation.evidence(row.evidence("is_leader").expected("one member leads"))
    })
}

fn judge_same(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let table = snapshot.table("cluster")?;
    let row = table.first();
    let Some((row, leader, etcd)) =
        row.and_then(|row| Some((row, row.text("pd_leader")?, row.text("etcd_leader")?)))
    else {
        return Ok(Outcome::inconclusive(
            "PD names no leader, or its etcd none",
        ));
    };
    if leader == etcd {
        return Ok(Outcome::pass("the two leaders").passing([entities::member(leader)]));
    }
    let summary = format!(
        "{leader} leads PD while {etcd} leads its etcd: {leader} may hang and still hold the lease"
    );
    let violation = Violation::new(entities::member(leader), summary)
        .evidence(row.evidence("pd_leader").expected(etcd.to_owned()))
        .evidence(row.evidence("etcd_leader").expected(leader.to_owned()));
    Ok(Outcome::fail("the two leaders", vec![violation]))
}

/// Changes within [`CHANGES_WINDOW_MS`] that are no longer a single failover.
const CHANGES_MAX: f64 = 2.0;
const CHANGES_WINDOW_MS: u64 = 600_000;

fn judge_stable(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let cluster = snapshot.table("cluster")?;
    let members = snapshot.table("members")?;
    let mut findings = Findings::new();
    if let Some(row) = cluster.first()
        && let Some(leader) = row.text("pd_leader")
    {
        match row
            .number("pd_leader_since_s")
            .filter(|since_s| *since_s < guards::REGION_LISTS_S)
        {
            None => findings.pass(entities::member(leader)),
            Some(since_s) => findings.fail(moved(row, leader, since_s)),
        }
    }
    let counter = series("etcd_server_leader_changes_seen_total").by("member");
    match counter
        .increase(CHANGES_WINDOW_MS)
        .map(|table| metrics::by_key(&table, "member"))
    {
        Err(_) => findings.unknown("etcd", "its count of leader changes was not collected"),
        Ok(changes) => {
            let most = changes
                .iter()
                .max_by(|left, right| left.1.total_cmp(right.1));
            if let Some((name, count)) = most.filter(|(_, count)| **count > CHANGES_MAX) {
                findings.fail(flapping(name, *count));
            }
        }
    }
    Ok(findings.conclude(format!(
        "changes of the leader seen by {} members",
        members.len()
    )))
}

fn moved(row: Row<'_>, leader: &str, since_s: f64) -> Violation {
    let summary = format!("{leader} became the leader of PD {since_s:.0} s ago");
    Violation::new(entities::member(leader), summary)
        .evidence(row.evidence("pd_leader_since_s").expected("300 s or more"))
        .severity(Severity::Info)
}

fn flapping(member: &str, count: f64) -> Violation {
    let query =
        format!("increase(etcd_server_leader_changes_seen_total{{member=\"{member}\"}}[10m])");
    let summary = format!("PD changed its leader {count:.0} times within 10 minutes");
    Violation::new(entities::member(member), summary)
        .evidence(Evidence::metric(query, count, "1").expected("at most 2"))
        .severity(Severity::Warning)
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cell, Cluster, Series};
    use operator_plugin::Status;

    fn judge(check: &Check, cluster: Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn members_that_name_two_leaders_are_quoted() {
        let outcome = judge(
            &single(),
            Cluster::healthy().member("pd3", "leader_seen", "pd3"),
        );
        assert_eq!(
            (outcome.status, outcome.violations[0].evidence.len()),
            (Status::Fail, 2)
        );
    }

    #[test]
    fn nobody_leading_is_a_violation_and_nobody_asked_is_not() {
        let nobody = Cluster::healthy().member("pd1", "is_leader", false);
        assert_eq!(
            judge(&single(), nobody).violations[0].summary,
            "PD has no leader"
        );
        let unasked = ["pd1", "pd2", "pd3"]
            .iter()
            .fold(Cluster::healthy(), |cluster, name| {
                cluster.member(name, "is_leader", Cell::Null).member(
                    name,
                    "leader_seen",
                    Cell::Null,
                )
            });
        assert_eq!(judge(&single(), unasked).status, Status::Inconclusive);
        assert_eq!(judge(&single(), Cluster::healthy()).status, Status::Pass);
    }

    #[test]
    fn a_leader_of_pd_that_etcd_does_not_follow_is_named() {
        let outcome = judge(
            &is_etcd_leader(),
            Cluster::healthy().cluster("etcd_leader", "pd2"),
        );
        assert_eq!(outcome.violations[0].entity, "member/pd1");
        assert_eq!(
            judge(&is_etcd_leader(), Cluster::healthy()).status,
            Status::Pass
        );
        let none = Cluster::healthy().cluster("pd_leader", Cell::Null);
        assert_eq!(judge(&is_etcd_leader(), none).status, Status::Inconclusive);
    }

    #[test]
    fn a_young_leader_is_a_note_and_flapping_a_warning() {
        Series::none()
            .values(
                "etcd_server_leader_changes_seen_total",
                &["member"],
                &[(&["pd1"], 1.0)],
            )
            .install();
        let outcome = judge(
            &stable(),
            Cluster::healthy().cluster("pd_leader_since_s", 12.0),
        );
        assert_eq!(outcome.violations[0].severity, Some(Severity::Info));
        assert_eq!(
            judge(
                &stable(),
                Cluster::healthy().cluster("pd_leader_since_s", 300.0)
            )
            .status,
            Status::Pass
        );
        Series::none()
            .values(
                "etcd_server_leader_changes_seen_total",
                &["member"],
                &[(&["pd1"], 3.0)],
            )
            .install();
        let outcome = judge(&stable(), Cluster::healthy());
        assert_eq!(outcome.violations[0].severity, Some(Severity::Warning));
    }

    #[test]
    fn without_etcd_metrics_stability_is_open() {
        Series::none().install();
        assert_eq!(
            judge(&stable(), Cluster::healthy()).status,
            Status::Inconclusive
        );
    }
}
