//! Events of the last minutes in the logs.

use std::collections::BTreeMap;

use operator_plugin::{
    Check, EntityId, Findings, Outcome, PluginError, Row, Snapshot, TableView, Violation,
};
use tikv_check_support::{entities, guards};

use crate::processes::without_logs;

/// A certificate that is refused cuts a process off, and looks like a broken network otherwise.
pub(crate) fn tls() -> Check {
    Check::new(
        "tls-handshakes",
        "no TLS handshake between the processes fails",
    )
    .critical()
    .reads(&["stores"])
    .by(evaluate_tls)
}

/// PD renews its lease by a write to etcd; a slow disk lets it expire.
pub(crate) fn lease() -> Check {
    Check::new(
        "pd-keeps-lease",
        "no PD member loses its lease while its disk is slow",
    )
    .reads(&["members"])
    .by(evaluate_lease)
}

/// An operator that times out again and again for one region never gets done.
pub(crate) fn operators() -> Check {
    Check::new(
        "operators-finish",
        "no region's operator times out three times within 5 min",
    )
    .reads(&["cluster"])
    .by(evaluate_operators)
}

/// Handshakes fail for a moment while certificates are exchanged.
const HANDSHAKES_MIN: i64 = 3;
const TIMEOUTS_MIN: i64 = 3;
/// A single slow write is a hiccup of any disk.
const SLOW_WRITES_MIN: i64 = 2;

fn evaluate_tls(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let Ok(activity) = snapshot.table("log_activity") else {
        return Ok(without_logs());
    };
    let failing = |event: &'static str| -> BTreeMap<EntityId, Row<'_>> {
        rows_of(&activity, event)
            .filter(|row| {
                row.integer("count_1m")
                    .is_some_and(|count| count >= HANDSHAKES_MIN)
            })
            .filter_map(|row| Some((entity_of(row)?, row)))
            .collect()
    };
    // The process that is refused by PD is the one with the wrong certificate; the other ends only say that they
    // refuse somebody.
    let mut blamed = failing("tls-to-pd-failed");
    if blamed.is_empty() {
        blamed = failing("tls-failed");
    }
    if blamed.is_empty() {
        blamed = failing("tls-rejected");
    }
    let refused: Vec<Row<'_>> = rows_of(&activity, "tls-rejected").collect();
    let mut findings = Findings::new();
    for (entity, row) in blamed {
        let violation = Violation::new(
            entity,
            "its TLS handshakes fail: its certificate, or the one that it is shown, is not accepted",
        )
        .evidence(row.evidence("count_1m").expected("0"))
        .evidence(row.evidence("line"))
        .confirmed(true);
        findings.fail(refused.iter().fold(violation, |violation, row| {
            violation.evidence(row.evidence("line"))
        }));
    }
    Ok(concluded(snapshot, findings, "logs of the last minute"))
}

fn evaluate_lease(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let Ok(activity) = snapshot.table("log_activity") else {
        return Ok(without_logs());
    };
    let mut findings = Findings::new();
    for expired in rows_of(&activity, "pd-lease-expired") {
        let member = expired.text("member");
        // A lease that is slow to renew says nothing about the disk: a frozen member has one as well.
        let slow = rows_of(&activity, "etcd-disk-slow").find(|row| {
            let times = row.integer("count_5m").unwrap_or(0);
            row.text("member") == member && times >= SLOW_WRITES_MIN
        });
        let (Some(member), Some(slow)) = (member, slow) else {
            continue;
        };
        let summary = format!(
            "PD member {member} lost its lease after slow writes of its log; its clock is not the reason"
        );
        findings.fail(
            Violation::new(entities::member(member), summary)
                .evidence(expired.evidence("count_5m").expected("0"))
                .evidence(expired.evidence("line"))
                .evidence(slow.evidence("line"))
                .confirmed(true),
        );
    }
    Ok(concluded(snapshot, findings, "logs of the last 5 min"))
}

fn evaluate_operators(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let Ok(activity) = snapshot.table("log_activity") else {
        return Ok(without_logs());
    };
    let Some(cluster) = entities::cluster(snapshot) else {
        return Ok(Outcome::inconclusive("the cluster id is unknown"));
    };
    let mut findings = Findings::new();
    for row in rows_of(&activity, "operator-timeout") {
        let times = row.integer("count_5m").unwrap_or(0);
        let Some(region) = row.text("region").filter(|_| times >= TIMEOUTS_MIN) else {
            continue;
        };
        let summary = format!(
            "the operator of region {region} timed out {times} times in the last 5 min and is made again"
        );
        findings.fail(
            Violation::new(cluster.clone(), summary)
                .evidence(row.evidence("count_5m").expected("at most 2"))
                .evidence(row.evidence("line")),
        );
    }
    Ok(concluded(snapshot, findings, "logs of the last 5 min"))
}

fn rows_of<'table>(
    activity: &'table TableView,
    event: &'static str,
) -> impl Iterator<Item = Row<'table>> {
    activity
        .rows()
        .filter(move |row| row.text("event") == Some(event))
}

fn entity_of(row: Row<'_>) -> Option<EntityId> {
    let store = row.text("store").map(entities::store);
    store.or_else(|| row.text("member").map(entities::member))
}

/// Without a finding, every store and member passes.
fn concluded(snapshot: &Snapshot, findings: Findings, examined: &str) -> Outcome {
    if !findings.is_empty() {
        return findings.conclude(examined);
    }
    if let Some(outcome) = guards::not_bootstrapped(snapshot) {
        return outcome;
    }
    let names = |table: &str, column: &'static str| -> Vec<String> {
        let table = snapshot.table(table).ok();
        let texts = table.iter().flat_map(|table| table.texts(column));
        texts.flatten().map(str::to_owned).collect()
    };
    let stores = names("stores", "store").into_iter();
    let members = names("members", "member").into_iter();
    let passing: Vec<EntityId> = stores
        .map(|key| entities::store(&key))
        .chain(members.map(|name| entities::member(&name)))
        .chain(entities::cluster(snapshot))
        .collect();
    Outcome::pass(examined).passing(passing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::{Status, TableData, table};
    use tikv_check_support::examples::Cluster;

    /// Event, store, member, region and count of both windows.
    type Line = (
        &'static str,
        Option<&'static str>,
        Option<&'static str>,
        Option<&'static str>,
        i64,
    );

    fn activity(lines: &[Line]) -> TableData {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        table("log_activity")
            .texts("event", lines.iter().map(|line| line.0.to_owned()))
            .texts("store", lines.iter().map(|line| owned(line.1)))
            .texts("member", lines.iter().map(|line| owned(line.2)))
            .texts("region", lines.iter().map(|line| owned(line.3)))
            .integers("count_1m", "", lines.iter().map(|line| line.4))
            .integers("count_5m", "", lines.iter().map(|line| line.4))
            .texts("line", lines.iter().map(|_| "a line".to_owned()))
    }

    fn evaluate(check: &Check, lines: &[Line]) -> Outcome {
        let cluster = Cluster::healthy().table(activity(lines));
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    fn entities_of(outcome: &Outcome) -> Vec<String> {
        let violations = outcome.violations().iter();
        violations.map(|one| one.entity.to_string()).collect()
    }

    #[test]
    fn the_store_that_pd_refuses_is_blamed_and_not_those_that_refuse_it() {
        let lines = [
            ("tls-rejected", None, Some("pd3"), None, 12),
            ("tls-failed", Some("1"), None, None, 6),
            ("tls-to-pd-failed", Some("4"), None, None, 6),
        ];
        assert_eq!(entities_of(&evaluate(&tls(), &lines)), ["store/4"]);
        assert_eq!(
            entities_of(&evaluate(&tls(), &lines[..2])),
            ["store/1"],
            "nobody else is known"
        );
        let few = [("tls-to-pd-failed", Some("4"), None, None, 2)];
        assert_eq!(evaluate(&tls(), &few).status(), Status::Pass);
    }

    #[test]
    fn a_lease_that_is_lost_without_slow_writes_is_no_finding() {
        let expired = ("pd-lease-expired", None, Some("pd3"), None, 1);
        let slow = ("etcd-disk-slow", None, Some("pd3"), None, 2);
        let once = ("etcd-disk-slow", None, Some("pd3"), None, 1);
        let renewal = ("pd-lease-slow", None, Some("pd3"), None, 5);
        let elsewhere = ("etcd-disk-slow", None, Some("pd1"), None, 2);
        assert_eq!(
            entities_of(&evaluate(&lease(), &[expired, slow])),
            ["member/pd3"]
        );
        for other in [elsewhere, once, renewal] {
            assert_eq!(evaluate(&lease(), &[expired, other]).status(), Status::Pass);
        }
        assert_eq!(evaluate(&lease(), &[slow]).status(), Status::Pass);
    }

    #[test]
    fn an_operator_that_times_out_again_and_again_is_told_with_its_region() {
        let timeout = |count| ("operator-timeout", None, Some("pd3"), Some("40"), count);
        let outcome = evaluate(&operators(), &[timeout(3)]);
        assert!(outcome.violations()[0].summary.contains("region 40"));
        assert_eq!(evaluate(&operators(), &[timeout(2)]).status(), Status::Pass);
    }

    #[test]
    fn without_logs_nothing_is_claimed() {
        for check in [tls(), lease(), operators()] {
            let outcome = check
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap();
            assert_eq!(outcome.status(), Status::NotApplicable);
        }
    }
}
