//! The PD members: whether each responds, has joined, and is healthy.

use operator_plugin::{Check, Outcome, PluginError, Row, Snapshot, Violation};
use tikv_check_support::entities;

use crate::report::Report;

/// Every configured PD address is queried on its own.
pub(crate) fn responding() -> Check {
    Check::new(
        "deployment-pd-answers",
        "every configured PD address responds",
    )
    .critical()
    .reads(&["pd_endpoints"])
    .by(evaluate_answers)
}

/// A static initial cluster may list members that never start.
pub(crate) fn joined() -> Check {
    Check::new(
        "deployment-pd-members",
        "PD has an odd number of members, and all of them have joined",
    )
    .critical()
    .reads(&["members"])
    .by(evaluate_joined)
}

/// PD probes every member itself.
pub(crate) fn healthy() -> Check {
    Check::new("deployment-pd-health", "PD reports every member as healthy")
        .critical()
        .reads(&["members"])
        .by(evaluate_health)
}

const NOT_STARTED: &str = "start that PD, or correct the address: the client port is 2379 unless --client-urls sets \
another. A PD that exits immediately logs the reason; most often --initial-cluster differs between the members or lacks its \
own --name";
const NO_WAY: &str = "allow the connection: check firewall, security group, network policy, and whether this machine is part of \
the container network";
const NO_NAME: &str = "use a name that resolves on this machine; in Kubernetes the headless service needs publishNotReadyAddresses: true";
const NO_QUORUM: &str = "a majority of the members in --initial-cluster must run with the same list; start all of them, in any \
order";

fn evaluate_answers(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let endpoints = snapshot.table("pd_endpoints")?;
    let mut report = Report::default();
    for row in endpoints.rows() {
        let (Some(target), Some(outcome)) = (row.text("target"), row.text("outcome")) else {
            continue;
        };
        let entity = operator_plugin::entity("target", target);
        let (summary, remedy) = match outcome {
            "ok" => {
                report.pass(entity);
                continue;
            }
            "denied" => {
                report.unknown(&entity, "it was not queried: the operator's limits deny it");
                continue;
            }
            "refused" => (
                format!("the PD address {target} refuses connections"),
                NOT_STARTED,
            ),
            "timeout" => (
                format!("the PD address {target} does not respond in time"),
                NO_WAY,
            ),
            "dns" => (
                format!("the host name of the PD address {target} does not resolve"),
                NO_NAME,
            ),
            _ => {
                let answer = row.text("answer").unwrap_or("unexpected response");
                let remedy = if answer.contains("leader") {
                    NO_QUORUM
                } else {
                    NOT_STARTED
                };
                (
                    format!("the PD address {target} does not respond like a PD: {answer}"),
                    remedy,
                )
            }
        };
        report.fail(
            Violation::new(entity, summary).evidence(row.evidence("outcome").expected("ok")),
            remedy,
        );
    }
    Ok(report.conclude(format!("{} configured PD addresses", endpoints.len())))
}

fn evaluate_joined(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let members = snapshot.table("members")?;
    let mut report = Report::default();
    for row in members.rows() {
        let Some(name) = row.text("member") else {
            continue;
        };
        if row.text("client_url").is_some() {
            report.pass(entities::member(name));
            continue;
        }
        let at = row.text("peer_url").unwrap_or("an unknown address");
        let summary = format!("PD member {name} is expected at {at} but never joined");
        let remedy = "start it with that --name and --advertise-peer-urls, or correct --initial-cluster, which must be the \
                      same list on all members; after the first start the data directory takes precedence, so to correct the \
                      list, empty the data directories, or use pd-ctl member delete and --join";
        let evidence = row
            .evidence("client_url")
            .expected("an address that clients can reach");
        report.fail(
            Violation::new(entities::member(name), summary).evidence(evidence),
            remedy,
        );
    }
    evaluate_number(snapshot, members.len(), &mut report);
    Ok(report.conclude(format!("{} members", members.len())))
}

/// An even number tolerates no more failures than the odd number below it, and often means that one PD formed a cluster of
/// its own.
fn evaluate_number(snapshot: &Snapshot, members: usize, report: &mut Report) {
    let Some(entity) = entities::cluster(snapshot) else {
        return;
    };
    let cluster = snapshot.table("cluster").ok();
    let Some(row) = cluster.as_ref().and_then(operator_plugin::TableView::first) else {
        return;
    };
    if members == 0 || members % 2 == 1 {
        report.pass(entity);
        return;
    }
    let summary = format!(
        "PD has {members} members: losing {} of them stops it",
        members / 2
    );
    let remedy = "run 1, 3 or 5 members; another PD that is running belongs to a different cluster: add it as a target, and \
                  compare --initial-cluster on all of them";
    let evidence = row.evidence("members").expected("an odd number");
    report.fail(Violation::new(entity, summary).evidence(evidence), remedy);
}

fn evaluate_health(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let members = snapshot.table("members")?;
    let mut report = Report::default();
    for row in members.rows() {
        let Some(name) = row.text("member") else {
            continue;
        };
        match row.boolean("healthy") {
            Some(true) => report.pass(entities::member(name)),
            None => report.unknown(&entities::member(name), "PD did not report its health"),
            Some(false) => report.fail(unhealthy(row, name), UNHEALTHY),
        }
    }
    Ok(report.conclude(format!("{} members", members.len())))
}

const UNHEALTHY: &str = "check that it is running, and that the other members can reach its --advertise-client-urls and \
--advertise-peer-urls";

fn unhealthy(row: Row<'_>, name: &str) -> Violation {
    let at = row.text("client_url").unwrap_or("an unknown address");
    let summary = format!("PD cannot reach its member {name} at {at}");
    Violation::new(entities::member(name), summary)
        .evidence(row.evidence("healthy").expected("true"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cell, Cluster};

    fn endpoint(cluster: Cluster, outcome: &str, answer: &str) -> Outcome {
        let of = |cluster: Cluster, column: &str, value: &str| {
            cluster.with("pd_endpoints", ("target", "pd-2"), column, value)
        };
        responding()
            .evaluate(
                &of(of(cluster, "outcome", outcome), "answer", answer).snapshot(),
                None,
            )
            .unwrap()
    }

    #[test]
    fn a_pd_that_is_not_running_is_reported_with_the_most_likely_reason() {
        let found = endpoint(Cluster::healthy(), "refused", "connection refused");
        assert_eq!(found.violations()[0].entity, "target/pd-2");
        assert!(
            found.reason().contains("--initial-cluster"),
            "{}",
            found.reason()
        );
        assert_eq!(
            endpoint(Cluster::healthy(), "ok", "").status(),
            Status::Pass
        );
        assert_eq!(
            endpoint(Cluster::healthy(), "denied", "").status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn a_pd_without_a_leader_has_no_quorum() {
        let found = endpoint(Cluster::healthy(), "error", "there is no leader");
        assert!(found.reason().contains("majority"), "{}", found.reason());
        assert!(
            endpoint(Cluster::healthy(), "dns", "").violations()[0]
                .summary
                .contains("resolve")
        );
    }

    #[test]
    fn a_member_that_never_joined_is_reported_with_its_expected_address() {
        let cluster = Cluster::healthy()
            .member("pd3", "client_url", Cell::Null)
            .member("pd3", "peer_url", "http://pd-9:2380");
        let found = joined().evaluate(&cluster.snapshot(), None).unwrap();
        assert_eq!(found.violations()[0].entity, "member/pd3");
        assert!(
            found.violations()[0].summary.contains("http://pd-9:2380"),
            "{}",
            found.violations()[0].summary
        );
        assert!(
            found.reason().contains("--initial-cluster"),
            "{}",
            found.reason()
        );
    }

    #[test]
    fn three_members_pass_and_an_unhealthy_one_does_not() {
        let snapshot = Cluster::healthy().snapshot();
        assert_eq!(
            joined().evaluate(&snapshot, None).unwrap().status(),
            Status::Pass
        );
        assert_eq!(
            healthy().evaluate(&snapshot, None).unwrap().status(),
            Status::Pass
        );
        let unhealthy = Cluster::healthy()
            .member("pd2", "healthy", false)
            .snapshot();
        assert_eq!(
            healthy().evaluate(&unhealthy, None).unwrap().violations()[0].entity,
            "member/pd2"
        );
    }
}
