//! Whether all members report the same cluster and the same leader.

use std::collections::BTreeMap;

use operator_plugin::{
    Check, EntityId, Evidence, Outcome, PluginError, Snapshot, TableView, Violation,
};
use tikv_check_support::entities;

use crate::report::Report;

/// A member started with a different initial cluster forms a cluster of its own.
pub(crate) fn one_cluster() -> Check {
    Check::new(
        "deployment-one-cluster",
        "all PD addresses and members belong to one cluster",
    )
    .critical()
    .reads(&["pd_endpoints"])
    .by(evaluate_clusters)
}

/// The PD leader also leads etcd, and all members agree on it.
pub(crate) fn one_leader() -> Check {
    Check::new(
        "deployment-pd-leader",
        "PD has one leader, which also leads etcd, and all members agree on it",
    )
    .critical()
    .reads(&["cluster", "members"])
    .by(evaluate_leader)
}

/// The cluster id that a member or an address reports.
struct ClusterReport {
    entity: EntityId,
    name: String,
    value: String,
    evidence: Evidence,
}

fn evaluate_clusters(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let endpoints = snapshot.table("pd_endpoints")?;
    let mut reports = reports(&endpoints, ("target", "target"), "cluster_seen");
    if let Ok(members) = snapshot.table("members") {
        reports.extend(self::reports(
            &members,
            ("member", "member"),
            "cluster_seen",
        ));
    }
    let Some(majority) = majority(&reports) else {
        return Ok(Outcome::inconclusive("no PD reported its cluster id"));
    };
    let mut report = Report::default();
    let examined = format!("cluster id {majority}, reported {} times", reports.len());
    for ClusterReport {
        entity,
        name,
        value,
        evidence,
    } in reports
    {
        if value == majority {
            report.pass(entity);
            continue;
        }
        let summary = format!("PD {name} belongs to cluster {value}, the others to {majority}");
        let remedy = "it formed a cluster of its own because its --initial-cluster lists only itself, or it was started with a \
                      data directory of another cluster: stop it, empty its data directory, and start it with the \
                      --initial-cluster of the others or with --join";
        report.fail(
            Violation::new(entity, summary).evidence(evidence.expected(majority.clone())),
            remedy,
        );
    }
    Ok(report.conclude(examined))
}

fn reports(table: &TableView, (kind, key): (&str, &str), column: &str) -> Vec<ClusterReport> {
    let of = |row: operator_plugin::Row<'_>| {
        let name = row.text(key)?.to_owned();
        let value = row.text(column)?.to_owned();
        Some(ClusterReport {
            entity: operator_plugin::entity(kind, name.as_str()),
            name,
            value,
            evidence: row.evidence(column),
        })
    };
    table.rows().filter_map(of).collect()
}

/// The most frequent cluster id; among equals, the one reported first.
fn majority(reports: &[ClusterReport]) -> Option<String> {
    let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
    for one in reports {
        *votes.entry(&one.value).or_default() += 1;
    }
    let most = votes.values().max().copied()?;
    reports
        .iter()
        .find(|one| votes.get(one.value.as_str()) == Some(&most))
        .map(|one| one.value.clone())
}

fn evaluate_leader(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let clusters = snapshot.table("cluster")?;
    let members = snapshot.table("members")?;
    let (Some(row), Some(entity)) = (clusters.first(), entities::cluster(snapshot)) else {
        return Ok(Outcome::inconclusive("the cluster id is unknown"));
    };
    let mut report = Report::default();
    let Some(leader) = row.text("pd_leader") else {
        let violation = Violation::new(entity, "PD has no leader")
            .evidence(row.evidence("pd_leader").expected("a member"));
        report
            .fail(violation, "a majority of the members must run and reach each other at their --advertise-peer-urls");
        return Ok(report.conclude("the PD leader"));
    };
    match row.text("etcd_leader") {
        None => report.unknown(&entity, "the etcd leader is unknown"),
        Some(etcd) if etcd == leader => report.pass(entity),
        Some(etcd) => {
            let summary = format!("{leader} leads PD but {etcd} leads etcd");
            let evidence = row.evidence("etcd_leader").expected(leader.to_owned());
            let remedy = "try again in 1 min; if the leaders still differ, restart the member that leads etcd";
            report.fail(Violation::new(entity, summary).evidence(evidence), remedy);
        }
    }
    evaluate_views(row.text("cluster"), leader, &members, &mut report);
    Ok(report.conclude(format!("{leader} is the PD leader")))
}

fn evaluate_views(cluster: Option<&str>, leader: &str, members: &TableView, report: &mut Report) {
    for row in members.rows() {
        let (Some(name), Some(seen)) = (row.text("member"), row.text("leader_seen")) else {
            continue;
        };
        let is_foreign = row
            .text("cluster_seen")
            .is_some_and(|seen| Some(seen) != cluster);
        if seen == leader {
            report.pass(entities::member(name));
        } else if !is_foreign {
            let summary = format!("PD member {name} follows {seen}, the others {leader}");
            let evidence = row.evidence("leader_seen").expected(leader.to_owned());
            let remedy = "check that the members reach each other at their --advertise-peer-urls";
            report.fail(
                Violation::new(entities::member(name), summary).evidence(evidence),
                remedy,
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cell, Cluster};

    #[test]
    fn a_pd_that_formed_a_cluster_of_its_own_is_reported_even_if_the_others_do_not_list_it() {
        let cluster =
            Cluster::healthy().with("pd_endpoints", ("target", "pd-2"), "cluster_seen", "9");
        let found = one_cluster().evaluate(&cluster.snapshot(), None).unwrap();
        assert_eq!(
            found.violations()[0].summary,
            "PD pd-2 belongs to cluster 9, the others to 7"
        );
        assert!(
            found.reason().contains("--initial-cluster"),
            "{}",
            found.reason()
        );
    }

    #[test]
    fn members_of_one_cluster_pass_and_unknown_cluster_ids_are_inconclusive() {
        assert_eq!(
            one_cluster()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
                .status(),
            Status::Pass
        );
        let unknown = ["pd", "pd-2", "pd-3"]
            .iter()
            .fold(Cluster::healthy(), |cluster, target| {
                cluster.with(
                    "pd_endpoints",
                    ("target", target),
                    "cluster_seen",
                    Cell::Null,
                )
            });
        let unknown = unknown.without("members").snapshot();
        assert_eq!(
            one_cluster().evaluate(&unknown, None).unwrap().status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn two_leaders_or_none_are_violations() {
        let outcome_of =
            |cluster: Cluster| one_leader().evaluate(&cluster.snapshot(), None).unwrap();
        assert_eq!(outcome_of(Cluster::healthy()).status(), Status::Pass);
        assert_eq!(
            outcome_of(Cluster::healthy().cluster("pd_leader", Cell::Null)).violations()[0].summary,
            "PD has no leader"
        );
        assert!(
            outcome_of(Cluster::healthy().cluster("etcd_leader", "pd2")).violations()[0]
                .summary
                .contains("pd2 leads etcd")
        );
        let split = outcome_of(Cluster::healthy().member("pd3", "leader_seen", "pd3"));
        assert_eq!(split.violations()[0].entity, "member/pd3");
    }

    #[test]
    fn the_leader_of_another_cluster_is_ignored() {
        let foreign = Cluster::healthy()
            .member("pd3", "leader_seen", "pd3")
            .member("pd3", "cluster_seen", "9");
        assert_eq!(
            one_leader()
                .evaluate(&foreign.snapshot(), None)
                .unwrap()
                .status(),
            Status::Pass
        );
    }
}
