//! The PD leader: exactly one, the one that also leads etcd, and stable.

use std::collections::BTreeMap;
use std::time::Duration;

use operator_plugin::{
    Check, EntityId, Evidence, Findings, Outcome, PluginError, Row, Severity, Snapshot, Violation,
    series,
};
use tikv_check_support::{entities, guards, metrics};

/// Without a leader there are no timestamps; with two, one of them serves without a lease.
pub(crate) fn single() -> Check {
    Check::new(
        "pd-single-leader",
        "PD has exactly one leader and all members agree on it",
    )
    .critical()
    // A failover takes up to 8 s (lease 5 s, election 3 s), and members are queried one after the other.
    .pending_for(Duration::from_secs(30))
    .reads(&["members"])
    .by(evaluate_single)
}

/// If they differ for long, the PD leader hangs and no timestamps are allocated.
pub(crate) fn is_etcd_leader() -> Check {
    Check::new(
        "pd-leader-is-etcd-leader",
        "the PD leader is also the leader of PD's etcd",
    )
    .critical()
    .pending_for(Duration::from_secs(60))
    .reads(&["cluster"])
    .by(evaluate_same)
}

/// Every leader change interrupts timestamps for seconds and scheduling for minutes.
pub(crate) fn stable() -> Check {
    Check::new("pd-leader-stable", "the PD leader does not change")
        // Longer than the pending time of a lost member: a single change is informational and must not confirm other
        // short-lived symptoms.
        .pending_for(Duration::from_secs(60))
        .reads(&["cluster", "members"])
        .by(evaluate_stable)
}

fn evaluate_single(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let members = snapshot.table("members")?;
    let Some(cluster) = entities::cluster(snapshot) else {
        return Ok(Outcome::inconclusive("the cluster id is unknown"));
    };
    // A member of another cluster has its own leader there; `pd-one-cluster` reports that.
    let is_ours = |row: &Row<'_>| {
        row.text("cluster_seen")
            .is_none_or(|seen| cluster == entities::cluster_named(seen))
    };
    let mut claimed: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
    for row in members.rows().filter(is_ours) {
        if let Some(leader) = row.text("leader_seen") {
            claimed.entry(leader).or_default().push(row);
        }
    }
    let leaders: Vec<Row<'_>> = members
        .rows()
        .filter(is_ours)
        .filter(|row| row.boolean("is_leader") == Some(true))
        .collect();
    let examined = format!("the leader according to {} members", members.len());
    if claimed.len() > 1 {
        let mut violation = Violation::new(
            cluster,
            format!("the PD members name {} different leaders", claimed.len()),
        );
        for row in claimed.values().filter_map(|rows| rows.first()) {
            violation = violation.evidence(
                row.evidence("leader_seen")
                    .expected("the same from every member"),
            );
        }
        return Ok(Outcome::fail(examined, vec![violation]));
    }
    if leaders.len() == 1 {
        return Ok(Outcome::pass(examined).passing([cluster]));
    }
    let unknown = members
        .rows()
        .filter(is_ours)
        .filter(|row| row.boolean("is_leader").is_none())
        .count();
    if unknown > 0 || members.is_empty() {
        return Ok(Outcome::inconclusive(format!(
            "it is unknown whether {unknown} members lead"
        )));
    }
    Ok(Outcome::fail(
        examined,
        vec![wrong_number(
            cluster.clone(),
            members.rows().filter(is_ours),
            leaders.len(),
        )],
    ))
}

fn wrong_number<'table>(
    cluster: EntityId,
    rows: impl Iterator<Item = Row<'table>>,
    leaders: usize,
) -> Violation {
    let summary = if leaders == 0 {
        "PD has no leader".to_owned()
    } else {
        format!("{leaders} PD members lead")
    };
    let violation = Violation::new(cluster, summary);
    rows.fold(violation, |violation, row| {
        violation.evidence(row.evidence("is_leader").expected("one member leads"))
    })
}

fn evaluate_same(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let table = snapshot.table("cluster")?;
    let row = table.first();
    let Some((row, leader, etcd)) =
        row.and_then(|row| Some((row, row.text("pd_leader")?, row.text("etcd_leader")?)))
    else {
        return Ok(Outcome::inconclusive(
            "the leader of PD or of its etcd is unknown",
        ));
    };
    if leader == etcd {
        return Ok(Outcome::pass("leaders of PD and etcd").passing([entities::member(leader)]));
    }
    let summary = format!(
        "{leader} leads PD but {etcd} leads its etcd: {leader} may hang while it holds the lease"
    );
    let violation = Violation::new(entities::member(leader), summary)
        .evidence(row.evidence("pd_leader").expected(etcd.to_owned()))
        .evidence(row.evidence("etcd_leader").expected(leader.to_owned()));
    Ok(Outcome::fail("leaders of PD and etcd", vec![violation]))
}

/// More changes within [`CHANGES_WINDOW`] are not a single failover.
const CHANGES_MAX: f64 = 2.0;
const CHANGES_WINDOW: Duration = Duration::from_secs(600);

fn evaluate_stable(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
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
        .increase(CHANGES_WINDOW)
        .map(|table| metrics::by_key(&table, "member"))
    {
        Err(_) => findings.unknown(
            &entities::cluster(snapshot).unwrap_or_else(|| entities::cluster_named("unknown")),
            "the etcd counter of leader changes was not collected",
        ),
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
        "leader changes observed by {} members",
        members.len()
    )))
}

fn moved(row: Row<'_>, leader: &str, since_s: f64) -> Violation {
    let summary = format!("{leader} became the PD leader {since_s:.0} s ago");
    Violation::new(entities::member(leader), summary)
        .evidence(row.evidence("pd_leader_since_s").expected("300 s or more"))
        .severity(Severity::Info)
}

fn flapping(member: &str, count: f64) -> Violation {
    let query =
        format!("increase(etcd_server_leader_changes_seen_total{{member=\"{member}\"}}[10m])");
    let summary = format!("PD changed its leader {count:.0} times in the last 10 min");
    Violation::new(entities::member(member), summary)
        .evidence(Evidence::metric(query, count, "1").expected("at most 2"))
        .severity(Severity::Warning)
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cell, Cluster, Series};

    fn evaluate(check: &Check, cluster: Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn members_that_name_two_leaders_are_cited() {
        let outcome = evaluate(
            &single(),
            Cluster::healthy().member("pd3", "leader_seen", "pd3"),
        );
        assert_eq!(
            (outcome.status(), outcome.violations()[0].evidence.len()),
            (Status::Fail, 2)
        );
    }

    #[test]
    fn no_leader_is_a_violation_and_an_unknown_one_is_inconclusive() {
        let no_leader = Cluster::healthy().member("pd1", "is_leader", false);
        assert_eq!(
            evaluate(&single(), no_leader).violations()[0].summary,
            "PD has no leader"
        );
        let unknown = ["pd1", "pd2", "pd3"]
            .iter()
            .fold(Cluster::healthy(), |cluster, name| {
                cluster.member(name, "is_leader", Cell::Null).member(
                    name,
                    "leader_seen",
                    Cell::Null,
                )
            });
        assert_eq!(evaluate(&single(), unknown).status(), Status::Inconclusive);
        assert_eq!(
            evaluate(&single(), Cluster::healthy()).status(),
            Status::Pass
        );
    }

    #[test]
    fn a_pd_leader_that_does_not_lead_etcd_is_a_violation() {
        let outcome = evaluate(
            &is_etcd_leader(),
            Cluster::healthy().cluster("etcd_leader", "pd2"),
        );
        assert_eq!(outcome.violations()[0].entity, "member/pd1");
        assert_eq!(
            evaluate(&is_etcd_leader(), Cluster::healthy()).status(),
            Status::Pass
        );
        let none = Cluster::healthy().cluster("pd_leader", Cell::Null);
        assert_eq!(
            evaluate(&is_etcd_leader(), none).status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn a_new_leader_is_informational_and_flapping_a_warning() {
        Series::none()
            .values(
                "etcd_server_leader_changes_seen_total",
                &["member"],
                &[(&["pd1"], 1.0)],
            )
            .install();
        let outcome = evaluate(
            &stable(),
            Cluster::healthy().cluster("pd_leader_since_s", 12.0),
        );
        assert_eq!(outcome.violations()[0].severity, Some(Severity::Info));
        assert_eq!(
            evaluate(
                &stable(),
                Cluster::healthy().cluster("pd_leader_since_s", 300.0)
            )
            .status(),
            Status::Pass
        );
        Series::none()
            .values(
                "etcd_server_leader_changes_seen_total",
                &["member"],
                &[(&["pd1"], 3.0)],
            )
            .install();
        let outcome = evaluate(&stable(), Cluster::healthy());
        assert_eq!(outcome.violations()[0].severity, Some(Severity::Warning));
    }

    #[test]
    fn without_etcd_metrics_stability_is_inconclusive() {
        Series::none().install();
        assert_eq!(
            evaluate(&stable(), Cluster::healthy()).status(),
            Status::Inconclusive
        );
    }
}
