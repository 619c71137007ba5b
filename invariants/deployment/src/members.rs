//! The PD members: whether each answers, joined, and is well.

use judging::entities;
use operator_plugin::{Check, Outcome, PluginError, Row, Snapshot, Violation};

use crate::report::Report;

/// Every configured PD address is asked for itself.
pub(crate) fn answers() -> Check {
    Check::new(
        "deployment-pd-answers",
        "every configured PD address answers",
    )
    .critical()
    .reads(&["pd_endpoints"])
    .by(judge_answers)
}

/// A static initial cluster lists members that may never come.
pub(crate) fn joined() -> Check {
    Check::new(
        "deployment-pd-members",
        "PD has an odd number of members, and all that are listed have joined",
    )
    .critical()
    .reads(&["members"])
    .by(judge_joined)
}

/// PD asks every member itself.
pub(crate) fn healthy() -> Check {
    Check::new("deployment-pd-health", "PD calls every member healthy")
        .critical()
        .reads(&["members"])
        .by(judge_health)
}

const NOT_STARTED: &str = "start that PD, or correct the address: the client port is 2379 unless --client-urls says \
otherwise. A PD that ends at once says why in its log; most often --initial-cluster differs between the members or lacks its \
own --name";
const NO_WAY: &str = "open the way there: firewall, security group, network policy, or a container network that this machine \
is not part of";
const NO_NAME: &str = "use a name that resolves here; in Kubernetes the headless service needs publishNotReadyAddresses: true";
const NO_QUORUM: &str = "a majority of the members that --initial-cluster names must run with the same list; start them \
together, none waits for another";

fn judge_answers(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let endpoints = snapshot.table("pd_endpoints")?;
    let mut report = Report::default();
    for row in endpoints.rows() {
        let (Some(target), Some(outcome)) = (row.text("target"), row.text("outcome")) else {
            continue;
        };
        let entity = format!("target/{target}");
        let (summary, remedy) = match outcome {
            "ok" => {
                report.pass(entity);
                continue;
            }
            "denied" => {
                report.unknown(
                    &entity,
                    "it was not asked: the limits of this operator forbid it",
                );
                continue;
            }
            "refused" => (
                format!("nothing listens at the PD address {target}"),
                NOT_STARTED,
            ),
            "timeout" => (
                format!("the PD address {target} does not answer in time"),
                NO_WAY,
            ),
            "dns" => (
                format!("the name of the PD address {target} does not resolve"),
                NO_NAME,
            ),
            _ => {
                let answer = row.text("answer").unwrap_or("something else");
                let remedy = if answer.contains("leader") {
                    NO_QUORUM
                } else {
                    NOT_STARTED
                };
                (
                    format!("the PD address {target} does not answer as PD does: {answer}"),
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

fn judge_joined(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
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
        let summary = format!("PD member {name} is expected at {at} and never joined");
        let remedy = "start it with that --name and --advertise-peer-urls, or correct --initial-cluster, which must be the \
                      same list on all members; after the first start the data directory decides, so that a wrong list needs \
                      empty data directories, or pd-ctl member delete and --join";
        let evidence = row
            .evidence("client_url")
            .expected("an address that clients can reach");
        report.fail(
            Violation::new(entities::member(name), summary).evidence(evidence),
            remedy,
        );
    }
    judge_number(snapshot, members.len(), &mut report);
    Ok(report.conclude(format!("{} members", members.len())))
}

/// An even number survives no more failures than the odd one below it, and is what is left when one formed a cluster alone.
fn judge_number(snapshot: &Snapshot, members: usize, report: &mut Report) {
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
        "PD has {members} members: the loss of {} stops it",
        members / 2
    );
    let remedy = "run 1, 3 or 5 members; when another one is running it is not in this cluster: name it as a target too, and \
                  compare the --initial-cluster of all";
    let evidence = row.evidence("members").expected("an odd number");
    report.fail(Violation::new(entity, summary).evidence(evidence), remedy);
}

fn judge_health(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let members = snapshot.table("members")?;
    let mut report = Report::default();
    for row in members.rows() {
        let Some(name) = row.text("member") else {
            continue;
        };
        match row.boolean("healthy") {
            Some(true) => report.pass(entities::member(name)),
            None => report.unknown(
                &entities::member(name),
                "PD did not say whether it is healthy",
            ),
            Some(false) => report.fail(unhealthy(row, name), UNHEALTHY),
        }
    }
    Ok(report.conclude(format!("{} members", members.len())))
}

const UNHEALTHY: &str = "see whether it runs, and whether its --advertise-client-urls and --advertise-peer-urls are addresses \
that the other members can reach";

fn unhealthy(row: Row<'_>, name: &str) -> Violation {
    let at = row
        .text("client_url")
        .unwrap_or("an address that it never gave");
    let summary = format!("PD cannot reach its member {name} at {at}");
    Violation::new(entities::member(name), summary)
        .evidence(row.evidence("healthy").expected("true"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cell, Cluster};
    use operator_plugin::Status;

    fn endpoint(cluster: Cluster, outcome: &str, answer: &str) -> Outcome {
        let of = |cluster: Cluster, column: &str, value: &str| {
            cluster.with("pd_endpoints", ("target", "pd-2"), column, value)
        };
        answers()
            .evaluate(
                &of(of(cluster, "outcome", outcome), "answer", answer).snapshot(),
                None,
            )
            .unwrap()
    }

    #[test]
    fn a_pd_that_does_not_run_is_named_with_the_likeliest_reason() {
        let found = endpoint(Cluster::healthy(), "refused", "connection refused");
        assert_eq!(found.violations[0].entity, "target/pd-2");
        assert!(
            found.reason.contains("--initial-cluster"),
            "{}",
            found.reason
        );
        assert_eq!(endpoint(Cluster::healthy(), "ok", "").status, Status::Pass);
        assert_eq!(
            endpoint(Cluster::healthy(), "denied", "").status,
            Status::Inconclusive
        );
    }

    #[test]
    fn members_that_wait_for_each_other_have_no_quorum() {
        let found = endpoint(Cluster::healthy(), "error", "there is no leader");
        assert!(found.reason.contains("majority"), "{}", found.reason);
        assert!(
            endpoint(Cluster::healthy(), "dns", "").violations[0]
                .summary
                .contains("resolve")
        );
    }

    #[test]
    fn a_member_that_never_joined_is_told_with_the_address_it_was_expected_at() {
        let cluster = Cluster::healthy()
            .member("pd3", "client_url", Cell::Null)
            .member("pd3", "peer_url", "http://pd-9:2380");
        let found = joined().evaluate(&cluster.snapshot(), None).unwrap();
        assert_eq!(found.violations[0].entity, "member/pd3");
        assert!(
            found.violations[0].summary.contains("http://pd-9:2380"),
            "{}",
            found.violations[0].summary
        );
        assert!(
            found.reason.contains("--initial-cluster"),
            "{}",
            found.reason
        );
    }

    #[test]
    fn three_members_are_right_and_an_unhealthy_one_is_not() {
        let snapshot = Cluster::healthy().snapshot();
        assert_eq!(
            joined().evaluate(&snapshot, None).unwrap().status,
            Status::Pass
        );
        assert_eq!(
            healthy().evaluate(&snapshot, None).unwrap().status,
            Status::Pass
        );
        let sick = Cluster::healthy()
            .member("pd2", "healthy", false)
            .snapshot();
        assert_eq!(
            healthy().evaluate(&sick, None).unwrap().violations[0].entity,
            "member/pd2"
        );
    }
}
