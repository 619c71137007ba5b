//! Whether each store is there: PD's word, our own probe and the other stores' reports.
//!
//! PD calls a store `Disconnected` 20 s after its last heartbeat and says nothing for 30 minutes more. One voice alone
//! may err: PD shows old states after a change of its leader, a status server can hang while the store works. When two
//! voices agree the violation is confirmed and is not held back.

use crate::departure::Departures;
use judging::entities::Store;
use judging::{entities, guards};
use operator_plugin::{
    Check, Findings, Outcome, PluginError, Row, Severity, Snapshot, TableView, Violation,
};

/// I29.
pub(crate) fn store_up() -> Check {
    Check::new("store-up", "no store is disconnected or down")
        .critical()
        .hold_ms(30_000)
        .reads(&["stores"])
        .with_state(judge_up)
}

/// I71: whom PD calls up should answer us too; otherwise one of the two views is wrong.
pub(crate) fn same_view() -> Check {
    Check::new(
        "store-status-server",
        "the status server of every store that PD calls up answers",
    )
    .hold_ms(60_000)
    .reads(&["stores"])
    .by(judge_view)
}

/// Heartbeats come every 10 s, so that a store can be at most that far behind the freshest one: more means that it
/// missed one that another store sent in time.
const HEARTBEAT_MISSED_S: f64 = 10.0;

/// What is known of one store beside its row.
struct Voices<'table> {
    reports: Vec<Row<'table>>,
    /// PD has a new leader, which repeats what it read from disk.
    pd_is_new: bool,
    eviction: Option<String>,
    /// It handed its leaders over before it went, a short while ago.
    planned: bool,
    now_ns: u64,
}

fn judge_up(snapshot: &Snapshot, state: Option<&[u8]>) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    if let Some(outcome) = guards::not_bootstrapped(snapshot) {
        return Ok(outcome);
    }
    let departures = state
        .map(Departures::read)
        .unwrap_or_default()
        .after(&stores, snapshot.taken_at());
    let reports = snapshot.table("unreachable_reports").ok();
    let pd_is_new =
        guards::pd_leader_since_s(snapshot).is_some_and(|since_s| since_s < guards::STORE_STATES_S);
    let mut findings = Findings::new();
    for store in stores.rows().filter_map(Store::of) {
        let voices = Voices {
            reports: reports
                .as_ref()
                .map(|table| reports_of(table, &stores, store.key))
                .unwrap_or_default(),
            pd_is_new,
            eviction: guards::eviction_of(snapshot, store.key),
            planned: departures.is_planned(store),
            now_ns: snapshot.taken_at(),
        };
        judge_store(store, &voices, &mut findings);
    }
    Ok(findings
        .conclude(format!("{} stores", stores.len()))
        .remember(departures.write()))
}

/// Reports about `key` by stores that are up themselves: a store that is cut off cannot reach anybody.
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

fn judge_store(store: Store<'_>, voices: &Voices<'_>, findings: &mut Findings) {
    let Some(state) = store.row.text("state") else {
        return findings.unknown(&store.entity(), "PD does not say its state");
    };
    if !store.has_reported() {
        return findings.unknown(
            &store.entity(),
            "it has registered and not sent a heartbeat yet",
        );
    }
    let confirmed = store.is_silent() || !voices.reports.is_empty();
    match state {
        "Down" | "Disconnected" if is_returning(store, voices.now_ns) => {
            findings.unknown(
                &store.entity(),
                "it has started again and not sent a heartbeat since",
            );
        }
        "Down" | "Disconnected" if voices.pd_is_new && !confirmed => {
            findings.unknown(
                &store.entity(),
                "PD has a new leader, which may show an old state",
            );
        }
        "Down" | "Disconnected" => findings.fail(away(store, state, voices, confirmed)),
        _ if died_unnoticed(store) && !voices.planned => findings.fail(unnoticed(store, voices)),
        _ => findings.pass(store.entity()),
    }
}

/// A store that registers anew sends its first heartbeat some ten seconds later; a small machine takes longer.
const RETURN_NS: u64 = 60 * 1_000_000_000;

/// PD learns of a start when the store registers, which is before its first heartbeat.
fn is_returning(store: Store<'_>, now_ns: u64) -> bool {
    let (start, heartbeat) = (
        store.row.instant("start_at"),
        store.row.instant("last_heartbeat"),
    );
    start.is_some_and(|start| {
        heartbeat.is_none_or(|heartbeat| heartbeat < start)
            && now_ns.saturating_sub(start) < RETURN_NS
    })
}

/// PD still calls it up, but nobody listens, it missed a heartbeat, and other stores lead its regions and miss it as a
/// follower: there were elections, so that it has been gone for longer than a quick restart takes.
fn died_unnoticed(store: Store<'_>) -> bool {
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

fn away(store: Store<'_>, state: &str, voices: &Voices<'_>, confirmed: bool) -> Violation {
    let how = match store.row.text("probe") {
        Some("refused") => ", and its status server refuses connections",
        Some("timeout") => ", and its status server does not answer",
        Some("ok") => ", while its status server answers",
        _ => "",
    };
    let drained = match voices.eviction.as_deref() {
        Some(name) => format!(" under {name}"),
        None if voices.planned => " after it handed its leaders over".to_owned(),
        None => String::new(),
    };
    let summary = format!("{} is {state} for PD{drained}{how}", store.name());
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
    violation = with_voices(violation, store, voices);
    let (severity, confirmed) = match (
        voices.eviction.is_some() || voices.planned,
        confirmed,
        state,
    ) {
        // Its leaders were moved away first: somebody works on it.
        (true, _, "Disconnected") => (Severity::Info, false),
        (_, false, "Disconnected") => (Severity::Warning, false),
        (_, confirmed, _) => (Severity::Critical, confirmed),
    };
    violation.severity(severity).confirmed(confirmed)
}

fn unnoticed(store: Store<'_>, voices: &Voices<'_>) -> Violation {
    let summary = format!(
        "{} refuses connections and missed its heartbeat; PD has not noticed yet",
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
    with_voices(violation, store, voices)
        .severity(Severity::Critical)
        .confirmed(true)
}

fn with_voices(mut violation: Violation, store: Store<'_>, voices: &Voices<'_>) -> Violation {
    if store.row.text("probe").is_some() {
        violation = violation.evidence(store.row.evidence("probe").expected("ok"));
    }
    voices.reports.iter().fold(violation, |violation, row| {
        violation.evidence(row.evidence("per_s").expected("0"))
    })
}

fn judge_view(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
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
                "its status address is not granted by the configuration",
            ),
            _ => findings.unknown(&entity, "its status server could not be asked"),
        }
    }
    Ok(findings.conclude(format!("status servers of {} stores", stores.len())))
}

fn split_view(store: Store<'_>) -> Violation {
    let how = if store.refuses() {
        "refuses connections"
    } else {
        "does not answer in time"
    };
    let address = store
        .row
        .text("status_address")
        .unwrap_or("its status address");
    Violation::new(
        store.entity(),
        format!(
            "the status server {address} of {} {how}, while PD calls it up",
            store.name()
        ),
    )
    .evidence(store.row.evidence("probe").expected("ok"))
    .evidence(store.row.evidence("state"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cell, Cluster, NOW_NS};
    use operator_plugin::{Scalar, Status, table};

    fn judge(cluster: Cluster) -> Outcome {
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
    fn a_dead_process_is_confirmed_by_two_voices() {
        let dead = Cluster::healthy()
            .store("4", "state", "Disconnected")
            .store("4", "probe", "refused");
        let outcome = judge(reported(dead, "1", "4"));
        let found = &outcome.violations[0];
        assert_eq!(
            (found.entity.as_str(), found.confirmed, found.severity),
            ("store/4", true, Some(Severity::Critical))
        );
        assert!(
            found
                .evidence
                .iter()
                .any(|evidence| evidence.table == "unreachable_reports")
        );
        assert_eq!(outcome.passed, ["store/1", "store/5"]);
    }

    #[test]
    fn the_word_of_pd_alone_is_a_warning_that_is_held() {
        let outcome = judge(Cluster::healthy().store("4", "state", "Disconnected"));
        assert_eq!(
            (
                outcome.violations[0].confirmed,
                outcome.violations[0].severity
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
            judge(young.store("4", "probe", "refused")).status,
            Status::Inconclusive
        );
    }

    #[test]
    fn a_new_pd_leader_is_not_believed_without_a_second_voice() {
        let new = Cluster::healthy().cluster("pd_leader_since_s", 4.0).store(
            "4",
            "state",
            "Disconnected",
        );
        assert_eq!(judge(new.clone()).status, Status::Inconclusive);
        assert_eq!(
            judge(new.store("4", "probe", "refused")).status,
            Status::Fail
        );
    }

    #[test]
    fn a_death_is_seen_before_pd_sees_it_once_there_were_elections() {
        let gone = Cluster::healthy()
            .store("4", "probe", "refused")
            .store("4", "heartbeat_lag_s", 11.1)
            .store("4", "pending_peers", 2_i64);
        assert!(judge(gone.clone()).violations[0].confirmed);
        assert_eq!(
            judge(gone.clone().store("4", "pending_peers", 0_i64)).status,
            Status::Pass,
            "a quick restart"
        );
        assert_eq!(
            judge(gone.store("4", "heartbeat_lag_s", 8.8)).status,
            Status::Pass,
            "a heartbeat is not due yet"
        );
    }

    #[test]
    fn a_store_that_is_coming_back_is_not_judged_until_its_first_heartbeat_is_overdue() {
        let start = i64::try_from(NOW_NS).unwrap() - 3_000_000_000;
        let back = Cluster::healthy()
            .store("4", "state", "Disconnected")
            .store("4", "start_at", start)
            .store("4", "last_heartbeat", start - 140_000_000_000);
        assert_eq!(judge(back.clone()).status, Status::Inconclusive);
        assert_eq!(judge(back.later_s(70)).status, Status::Fail);
    }

    #[test]
    fn a_store_under_maintenance_is_a_note() {
        let schedulers = table("schedulers")
            .texts("scheduler", ["evict-leader-scheduler".to_owned()])
            .booleans("paused", [false])
            .texts("store", ["4".to_owned()]);
        let away = Cluster::healthy()
            .store("4", "state", "Disconnected")
            .store("4", "probe", "refused");
        let found = judge(away.table(schedulers)).violations.remove(0);
        assert_eq!(
            (found.severity, found.confirmed),
            (Some(Severity::Info), false)
        );
    }

    #[test]
    fn a_store_that_handed_its_leaders_over_and_went_is_a_note_for_five_minutes() {
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
        assert_eq!(refused.status, Status::Pass);
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
                outcome.violations[0].severity,
                outcome.violations[0].confirmed,
            )
        };
        assert_eq!(away(25.0), (Some(Severity::Info), false));
        assert_eq!(away(301.0), (Some(Severity::Critical), true));
    }

    #[test]
    fn a_store_that_is_cut_off_is_no_witness() {
        let cut = Cluster::healthy()
            .store("4", "state", "Disconnected")
            .store("1", "state", "Disconnected");
        let outcome = judge(reported(cut, "1", "4"));
        assert!(
            outcome
                .violations
                .iter()
                .all(|violation| !violation.confirmed)
        );
    }

    #[test]
    fn no_state_is_open() {
        assert_eq!(
            judge(Cluster::healthy().store("4", "state", Cell::Null)).status,
            Status::Inconclusive
        );
        assert_eq!(
            judge(Cluster::healthy().cluster("bootstrapped", false)).status,
            Status::Inconclusive
        );
        assert!(
            store_up()
                .evaluate(&Cluster::healthy().without("stores").snapshot(), None)
                .is_err()
        );
    }

    #[test]
    fn a_silent_status_server_of_a_store_that_is_up_is_a_split_view() {
        let view = |cluster: Cluster| same_view().evaluate(&cluster.snapshot(), None).unwrap();
        let outcome = view(Cluster::healthy().store("5", "probe", "timeout"));
        assert_eq!(
            outcome.violations[0].evidence[0].observed,
            Scalar::Text("timeout".to_owned())
        );
        assert_eq!(view(Cluster::healthy()).status, Status::Pass);
        assert_eq!(
            view(Cluster::healthy().store("5", "probe", "denied")).status,
            Status::Inconclusive
        );
    }
}
