//! Whether each store is up, from three sources: PD, the probe of the status server, and reports of other stores.
//!
//! PD reports a store as `Disconnected` 20 s after its last heartbeat, and as `Down` only 30 min later. A single source
//! can be wrong: PD shows stale states after a leader change, and a status server can hang while the store works. If
//! two sources agree, the violation is confirmed and skips its pending time.

use std::time::Duration;

use operator_plugin::{
    Check, Findings, Outcome, PluginError, Row, Severity, Snapshot, TableView, Violation,
};
use tikv_check_support::entities::Store;
use tikv_check_support::state::State;
use tikv_check_support::{entities, guards};

use crate::departure::Departures;

pub(crate) fn store_up() -> Check {
    Check::new("store-up", "no store is disconnected or down")
        .critical()
        .pending_for(Duration::from_secs(30))
        .reads(&["stores"])
        .with_state(evaluate_up)
}

/// A store that PD reports as up should respond to the operator too; otherwise one of the two views is wrong.
pub(crate) fn same_view() -> Check {
    Check::new(
        "store-status-server",
        "the status server of every store that PD reports as up responds",
    )
    .pending_for(Duration::from_secs(60))
    .reads(&["stores"])
    .by(evaluate_view)
}

/// Stores send heartbeats every 10 s. A larger lag means that the store missed a heartbeat that another store sent.
const HEARTBEAT_MISSED_S: f64 = 10.0;

/// What is known about one store in addition to its row.
struct StoreContext<'table> {
    reports: Vec<Row<'table>>,
    /// PD has a new leader, which still shows persisted states.
    pd_is_new: bool,
    eviction: Option<String>,
    /// It handed over its leaders and stopped within the last minutes.
    planned: bool,
    now_ns: u64,
}

fn evaluate_up(snapshot: &Snapshot, state: Option<&[u8]>) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    if let Some(outcome) = guards::not_bootstrapped(snapshot) {
        return Ok(outcome);
    }
    let departures = state
        .and_then(Departures::decode)
        .unwrap_or_default()
        .after(&stores, snapshot.taken_at());
    let reports = snapshot.table("unreachable_reports").ok();
    let pd_is_new =
        guards::pd_leader_since_s(snapshot).is_some_and(|since_s| since_s < guards::STORE_STATES_S);
    let mut findings = Findings::new();
    for store in stores.rows().filter_map(Store::of) {
        let context = StoreContext {
            reports: reports
                .as_ref()
                .map(|table| reports_of(table, &stores, store.key))
                .unwrap_or_default(),
            pd_is_new,
            eviction: guards::eviction_of(snapshot, store.key),
            planned: departures.is_planned(store),
            now_ns: snapshot.taken_at(),
        };
        evaluate_store(store, &context, &mut findings);
    }
    Ok(findings
        .conclude(format!("{} stores", stores.len()))
        .remember(departures.encode()))
}

/// Reports about `key` from stores that are up. A store that is cut off itself cannot reach any other.
fn reports_of<'table>(
    reports: &'table TableView,
    stores: &TableView,
    key: &str,
) -> Vec<Row<'table>> {
    let is_up =
        |name: &str| stores.find("store", name).and_then(|row| row.text("state")) == Some("Up");
    reports
        .rows()
        .filter(|row| {
            row.text("target") == Some(key) && row.number("per_s").is_some_and(|per_s| per_s > 0.0)
        })
        .filter(|row| row.text("reporter").is_some_and(is_up))
        .collect()
}

fn evaluate_store(store: Store<'_>, context: &StoreContext<'_>, findings: &mut Findings) {
    let Some(state) = store.row.text("state") else {
        return findings.unknown(&store.entity(), "PD does not report its state");
    };
    if !store.has_reported() {
        return findings.unknown(
            &store.entity(),
            "it has registered but has not sent a heartbeat yet",
        );
    }
    let confirmed = store.is_silent() || !context.reports.is_empty();
    match state {
        "Down" | "Disconnected" if is_returning(store, context.now_ns) => {
            findings.unknown(
                &store.entity(),
                "it has restarted and has not sent a heartbeat since",
            );
        }
        "Down" | "Disconnected" if context.pd_is_new && !confirmed => {
            findings.unknown(
                &store.entity(),
                "PD has a new leader, which may show a stale state",
            );
        }
        "Down" | "Disconnected" => findings.fail(reported_down(store, state, context, confirmed)),
        "Offline" if store.refuses() => findings.fail(removed_and_gone(store, context)),
        _ if is_dead_for_others(store) && !context.planned => {
            findings.fail(unnoticed(store, context))
        }
        _ => findings.pass(store.entity()),
    }
}

/// A restarted store sends its first heartbeat about 10 s after it registers; a small machine takes longer.
const RETURN_NS: u64 = 60 * 1_000_000_000;

/// PD learns of a restart when the store registers, before its first heartbeat.
fn is_returning(store: Store<'_>, now_ns: u64) -> bool {
    let start = store.row.instant("start_at");
    let heartbeat = store.row.instant("last_heartbeat");
    start.is_some_and(|start| {
        heartbeat.is_none_or(|heartbeat| heartbeat < start)
            && now_ns.saturating_sub(start) < RETURN_NS
    })
}

/// PD still reports it as up, but no process is listening, it missed a heartbeat, and the new leaders of its regions miss
/// it as a follower. Those were elected meanwhile, so it has been gone for longer than a quick restart takes.
fn is_dead_for_others(store: Store<'_>) -> bool {
    let missed = store
        .row
        .number("heartbeat_lag_s")
        .is_some_and(|lag_s| lag_s > HEARTBEAT_MISSED_S);
    let missing = store
        .row
        .integer("pending_peers")
        .is_some_and(|peers| peers > 0);
    store.refuses() && missed && missing
}

fn reported_down(
    store: Store<'_>,
    state: &str,
    context: &StoreContext<'_>,
    confirmed: bool,
) -> Violation {
    let how = match store.row.text("probe") {
        Some("refused") => ", and its status server refuses connections",
        Some("timeout") => ", and its status server does not respond",
        Some("ok") => ", but its status server responds",
        _ => "",
    };
    let drained = match context.eviction.as_deref() {
        Some(name) => format!(" under {name}"),
        None if context.planned => " after it handed over its leaders".to_owned(),
        None => String::new(),
    };
    let summary = format!("PD reports {} as {state}{drained}{how}", store.name());
    let mut violation = Violation::new(store.entity(), summary)
        .evidence(store.row.evidence("state").expected("Up"));
    if store.row.number("heartbeat_lag_s").is_some() {
        violation = violation.evidence(
            store
                .row
                .evidence("heartbeat_lag_s")
                .expected("at most 10 s"),
        );
    }
    violation = with_sources(violation, store, context);
    let is_maintenance = context.eviction.is_some() || context.planned;
    let (severity, confirmed) = match (is_maintenance, confirmed, state) {
        // Its leaders were moved away first: this looks like maintenance.
        (true, _, "Disconnected") => (Severity::Info, false),
        (_, false, "Disconnected") => (Severity::Warning, false),
        (_, confirmed, _) => (Severity::Critical, confirmed),
    };
    violation.severity(severity).confirmed(confirmed)
}

/// PD moves its replicas away, from the other stores if it is gone.
fn removed_and_gone(store: Store<'_>, context: &StoreContext<'_>) -> Violation {
    let summary = format!(
        "PD is removing {}, and its process is gone before all of its replicas moved",
        store.name()
    );
    let mut violation =
        Violation::new(store.entity(), summary).evidence(store.row.evidence("state"));
    if store.row.number("heartbeat_lag_s").is_some() {
        violation = violation.evidence(store.row.evidence("heartbeat_lag_s"));
    }
    with_sources(violation, store, context).severity(Severity::Warning)
}

fn unnoticed(store: Store<'_>, context: &StoreContext<'_>) -> Violation {
    let summary = format!(
        "{} refuses connections and missed its heartbeat; PD has not detected it yet",
        store.name()
    );
    let violation = Violation::new(store.entity(), summary)
        .evidence(
            store
                .row
                .evidence("heartbeat_lag_s")
                .expected("at most 10 s"),
        )
        .evidence(store.row.evidence("pending_peers").expected("0"));
    with_sources(violation, store, context)
        .severity(Severity::Critical)
        .confirmed(true)
}

fn with_sources(
    mut violation: Violation,
    store: Store<'_>,
    context: &StoreContext<'_>,
) -> Violation {
    if store.row.text("probe").is_some() {
        violation = violation.evidence(store.row.evidence("probe").expected("ok"));
    }
    context.reports.iter().fold(violation, |violation, row| {
        violation.evidence(row.evidence("per_s").expected("0"))
    })
}

fn evaluate_view(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let mut findings = Findings::new();
    for store in stores
        .rows()
        .filter_map(Store::of)
        .filter(|store| store.is_up() && store.has_reported())
    {
        let entity = entities::store(store.key);
        match store.row.text("probe") {
            Some("ok") => findings.pass(entity),
            Some("refused" | "timeout") => findings.fail(split_view(store)),
            Some("denied") => findings.unknown(
                &entity,
                "the configuration does not grant its status address",
            ),
            _ => findings.unknown(&entity, "its status server was not probed"),
        }
    }
    Ok(findings.conclude(format!("status servers of {} stores", stores.len())))
}

fn split_view(store: Store<'_>) -> Violation {
    let how = if store.refuses() {
        "refuses connections"
    } else {
        "does not respond in time"
    };
    let address = store
        .row
        .text("status_address")
        .unwrap_or("its status address");
    Violation::new(
        store.entity(),
        format!(
            "the status server {address} of {} {how}, but PD reports the store as up",
            store.name()
        ),
    )
    .evidence(store.row.evidence("probe").expected("ok"))
    .evidence(store.row.evidence("state"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::{Scalar, Status, table};
    use tikv_check_support::examples::{Cell, Cluster, NOW_NS, cited_table};

    fn evaluate(cluster: Cluster) -> Outcome {
        store_up().evaluate(&cluster.snapshot(), None).unwrap()
    }

    fn reported(cluster: Cluster, reporter: &str, target: &str) -> Cluster {
        let reports = table("unreachable_reports")
            .texts("reporter", [reporter.to_owned()])
            .texts("target", [target.to_owned()])
            .floats("per_s", "1/s", [12.0]);
        cluster.table(reports)
    }

    #[test]
    fn a_dead_process_is_confirmed_by_two_sources() {
        let dead = Cluster::healthy()
            .store("4", "state", "Disconnected")
            .store("4", "probe", "refused");
        let outcome = evaluate(reported(dead, "1", "4"));
        let found = &outcome.violations()[0];
        assert_eq!(
            (
                found.entity.to_string().as_str(),
                found.confirmed,
                found.severity
            ),
            ("store/4", true, Some(Severity::Critical))
        );
        assert!(
            found
                .evidence
                .iter()
                .any(|evidence| cited_table(evidence) == Some("unreachable_reports"))
        );
        assert_eq!(outcome.passed(), ["store/1", "store/5"]);
    }

    #[test]
    fn a_state_that_only_pd_reports_is_an_unconfirmed_warning() {
        let outcome = evaluate(Cluster::healthy().store("4", "state", "Disconnected"));
        assert_eq!(
            (
                outcome.violations()[0].confirmed,
                outcome.violations()[0].severity
            ),
            (false, Some(Severity::Warning))
        );
    }

    #[test]
    fn a_registered_store_without_a_heartbeat_is_not_down() {
        let young =
            Cluster::healthy()
                .store("4", "state", "Down")
                .store("4", "heartbeat_seen", false);
        assert_eq!(
            evaluate(young.store("4", "probe", "refused")).status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn a_state_from_a_new_pd_leader_needs_a_second_source() {
        let new = Cluster::healthy().cluster("pd_leader_since_s", 4.0).store(
            "4",
            "state",
            "Disconnected",
        );
        assert_eq!(evaluate(new.clone()).status(), Status::Inconclusive);
        assert_eq!(
            evaluate(new.store("4", "probe", "refused")).status(),
            Status::Fail
        );
    }

    #[test]
    fn a_dead_store_is_detected_before_pd_detects_it_once_elections_took_place() {
        let gone = Cluster::healthy()
            .store("4", "probe", "refused")
            .store("4", "heartbeat_lag_s", 11.1)
            .store("4", "pending_peers", 2_i64);
        assert!(evaluate(gone.clone()).violations()[0].confirmed);
        assert_eq!(
            evaluate(gone.clone().store("4", "pending_peers", 0_i64)).status(),
            Status::Pass,
            "a quick restart"
        );
        assert_eq!(
            evaluate(gone.store("4", "heartbeat_lag_s", 8.8)).status(),
            Status::Pass,
            "a heartbeat is not due yet"
        );
    }

    #[test]
    fn a_restarting_store_is_inconclusive_until_its_first_heartbeat_is_overdue() {
        let start = i64::try_from(NOW_NS).unwrap() - 3_000_000_000;
        let back = Cluster::healthy()
            .store("4", "state", "Disconnected")
            .store("4", "start_at", start)
            .store("4", "last_heartbeat", start - 140_000_000_000);
        assert_eq!(evaluate(back.clone()).status(), Status::Inconclusive);
        assert_eq!(evaluate(back.later_s(70)).status(), Status::Fail);
    }

    #[test]
    fn a_store_under_maintenance_is_informational() {
        let schedulers = table("schedulers")
            .texts("scheduler", ["evict-leader-scheduler".to_owned()])
            .booleans("paused", [false])
            .texts("store", ["4".to_owned()]);
        let away = Cluster::healthy()
            .store("4", "state", "Disconnected")
            .store("4", "probe", "refused");
        let outcome = evaluate(away.table(schedulers));
        let found = &outcome.violations()[0];
        assert_eq!(
            (found.severity, found.confirmed),
            (Some(Severity::Info), false)
        );
    }

    #[test]
    fn a_store_that_handed_over_its_leaders_is_informational_for_five_minutes() {
        let before = store_up()
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap();
        let stopped =
            Cluster::healthy()
                .store("4", "probe", "refused")
                .store("4", "leader_count", 0_i64);
        let refused = store_up()
            .evaluate(
                &stopped.clone().later_s(2).snapshot(),
                before.state.as_deref(),
            )
            .unwrap();
        assert_eq!(refused.status(), Status::Pass);
        let away = |lag_s: f64| {
            let away = stopped.clone().store("4", "state", "Disconnected").store(
                "4",
                "heartbeat_lag_s",
                lag_s,
            );
            let outcome = store_up()
                .evaluate(&away.later_s(30).snapshot(), refused.state.as_deref())
                .unwrap();
            (
                outcome.violations()[0].severity,
                outcome.violations()[0].confirmed,
            )
        };
        assert_eq!(away(25.0), (Some(Severity::Info), false));
        assert_eq!(away(301.0), (Some(Severity::Critical), true));
    }

    #[test]
    fn reports_from_a_disconnected_store_confirm_nothing() {
        let cut = Cluster::healthy()
            .store("4", "state", "Disconnected")
            .store("1", "state", "Disconnected");
        let outcome = evaluate(reported(cut, "1", "4"));
        assert!(
            outcome
                .violations()
                .iter()
                .all(|violation| !violation.confirmed)
        );
    }

    #[test]
    fn an_unknown_state_is_inconclusive() {
        assert_eq!(
            evaluate(Cluster::healthy().store("4", "state", Cell::Null)).status(),
            Status::Inconclusive
        );
        assert_eq!(
            evaluate(Cluster::healthy().cluster("bootstrapped", false)).status(),
            Status::Inconclusive
        );
        assert!(
            store_up()
                .evaluate(&Cluster::healthy().without("stores").snapshot(), None)
                .is_err()
        );
    }

    #[test]
    fn a_status_server_that_does_not_respond_contradicts_pd() {
        let view = |cluster: Cluster| same_view().evaluate(&cluster.snapshot(), None).unwrap();
        let outcome = view(Cluster::healthy().store("5", "probe", "timeout"));
        assert_eq!(
            outcome.violations()[0].evidence[0].observed,
            Some(Scalar::Text("timeout".to_owned()))
        );
        assert_eq!(view(Cluster::healthy()).status(), Status::Pass);
        assert_eq!(
            view(Cluster::healthy().store("5", "probe", "denied")).status(),
            Status::Inconclusive
        );
    }
}
