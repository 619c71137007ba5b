//! Whether all members speak of the same cluster and the same leader.

use std::collections::BTreeMap;

use judging::entities;
use operator_plugin::{Check, Evidence, Outcome, PluginError, Snapshot, TableView, Violation};

use crate::report::Report;

/// A member started with a list of its own makes a cluster of its own.
pub(crate) fn one_cluster() -> Check {
    Check::new(
        "deployment-one-cluster",
        "all PD addresses and members belong to one cluster",
    )
    .critical()
    .reads(&["pd_endpoints"])
    .by(judge_clusters)
}

/// The leader of PD and the leader of its etcd are one member, and everybody sees the same.
pub(crate) fn one_leader() -> Check {
    Check::new(
        "deployment-pd-leader",
        "PD has one leader, which leads etcd too, and all members agree on it",
    )
    .critical()
    .reads(&["cluster", "members"])
    .by(judge_leader)
}

/// Who says what: a member or an address, and where that is written.
struct Said {
    entity: String,
    name: String,
    value: String,
    evidence: Evidence,
}

fn judge_clusters(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let endpoints = snapshot.table("pd_endpoints")?;
    let mut said = said(&endpoints, ("target", "target"), "cluster_seen");
    if let Ok(members) = snapshot.table("members") {
        said.extend(self::said(&members, ("member", "member"), "cluster_seen"));
    }
    let Some(majority) = majority(&said) else {
        return Ok(Outcome::inconclusive(
            "no PD said which cluster it belongs to",
        ));
    };
    let mut report = Report::default();
    let looked_at = format!("cluster {majority} said {} times", said.len());
    for Said {
        entity,
        name,
        value,
        evidence,
    } in said
    {
        if value == majority {
            report.pass(entity);
            continue;
        }
        let summary = format!("PD {name} belongs to cluster {value}, the others to {majority}");
        let remedy = "it formed a cluster of its own, because its --initial-cluster names only itself, or it was started on a \
                      data directory of another cluster: stop it, empty its data directory, and start it with the \
                      --initial-cluster of the others, or with --join";
        report.fail(
            Violation::new(entity, summary).evidence(evidence.expected(majority.clone())),
            remedy,
        );
    }
    Ok(report.conclude(looked_at))
}

fn said(table: &TableView, (kind, key): (&str, &str), column: &str) -> Vec<Said> {
    let of = |row: operator_plugin::Row<'_>| {
        let name = row.text(key)?.to_owned();
        let value = row.text(column)?.to_owned();
        Some(Said {
            entity: format!("{kind}/{name}"),
            name,
            value,
            evidence: row.evidence(column),
        })
    };
    table.rows().filter_map(of).collect()
}

/// What most say; of equals the one that the first one says.
fn majority(said: &[Said]) -> Option<String> {
    let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
    for one in said {
        *votes.entry(&one.value).or_default() += 1;
    }
    let most = votes.values().max().copied()?;
    said.iter()
        .find(|one| votes.get(one.value.as_str()) == Some(&most))
        .map(|one| one.value.clone())
}

fn judge_leader(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let (clusters, members) = (snapshot.table("cluster")?, snapshot.table("members")?);
    let (Some(row), Some(entity)) = (clusters.first(), entities::cluster(snapshot)) else {
        return Ok(Outcome::inconclusive("the cluster is not known"));
    };
    let mut report = Report::default();
    let Some(leader) = row.text("pd_leader") else {
        let violation = Violation::new(entity, "PD has no leader")
            .evidence(row.evidence("pd_leader").expected("a member"));
        report
            .fail(violation, "a majority of the members must run and reach each other at their --advertise-peer-urls");
        return Ok(report.conclude("the leader of PD"));
    };
    match row.text("etcd_leader") {
        None => report.unknown(&entity, "the leader of etcd is not known"),
        Some(etcd) if etcd == leader => report.pass(entity),
        Some(etcd) => {
            let summary = format!("{leader} leads PD and {etcd} leads etcd");
            let evidence = row.evidence("etcd_leader").expected(leader.to_owned());
            let remedy =
                "look again in a minute; when it stays, restart the member that leads etcd";
            report.fail(Violation::new(entity, summary).evidence(evidence), remedy);
        }
    }
    judge_views(row.text("cluster"), leader, &members, &mut report);
    Ok(report.conclude(format!("{leader} leads")))
}

fn judge_views(cluster: Option<&str>, leader: &str, members: &TableView, report: &mut Report) {
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
            let remedy = "see whether the members reach each other at their --advertise-peer-urls";
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
    use judging::examples::{Cell, Cluster};
    use operator_plugin::Status;

    #[test]
    fn a_pd_that_formed_a_cluster_alone_is_named_even_when_the_others_do_not_list_it() {
        let cluster =
            Cluster::healthy().with("pd_endpoints", ("target", "pd-2"), "cluster_seen", "9");
        let found = one_cluster().evaluate(&cluster.snapshot(), None).unwrap();
        assert_eq!(
            found.violations[0].summary,
            "PD pd-2 belongs to cluster 9, the others to 7"
        );
        assert!(
            found.reason.contains("--initial-cluster"),
            "{}",
            found.reason
        );
    }

    #[test]
    fn members_of_one_cluster_pass_and_silence_is_no_cluster() {
        assert_eq!(
            one_cluster()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
                .status,
            Status::Pass
        );
        let silent = ["pd", "pd-2", "pd-3"]
            .iter()
            .fold(Cluster::healthy(), |cluster, target| {
                cluster.with(
                    "pd_endpoints",
                    ("target", target),
                    "cluster_seen",
                    Cell::Null,
                )
            });
        let silent = silent.without("members").snapshot();
        assert_eq!(
            one_cluster().evaluate(&silent, None).unwrap().status,
            Status::Inconclusive
        );
    }

    #[test]
    fn two_leaders_are_one_too_many_and_none_is_one_too_few() {
        let judged = |cluster: Cluster| one_leader().evaluate(&cluster.snapshot(), None).unwrap();
        assert_eq!(judged(Cluster::healthy()).status, Status::Pass);
        assert_eq!(
            judged(Cluster::healthy().cluster("pd_leader", Cell::Null)).violations[0].summary,
            "PD has no leader"
        );
        assert!(
            judged(Cluster::healthy().cluster("etcd_leader", "pd2")).violations[0]
                .summary
                .contains("pd2 leads etcd")
        );
        let split = judged(Cluster::healthy().member("pd3", "leader_seen", "pd3"));
        assert_eq!(split.violations[0].entity, "member/pd3");
    }

    #[test]
    fn the_leader_of_a_foreign_cluster_is_not_this_checks_business() {
        let foreign = Cluster::healthy()
            .member("pd3", "leader_seen", "pd3")
            .member("pd3", "cluster_seen", "9");
        assert_eq!(
            one_leader()
                .evaluate(&foreign.snapshot(), None)
                .unwrap()
                .status,
            Status::Pass
        );
    }
}
