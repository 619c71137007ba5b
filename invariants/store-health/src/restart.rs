//! Whether stores restart.
//!
//! A young store is no sign of a restart: the check remembers when each store said that it started. A store that was
//! away before it started is coming back, which nobody needs to be told; it still counts for a loop.

use std::collections::BTreeMap;

use judging::entities::Store;
use operator_plugin::{Check, Findings, Outcome, PluginError, Snapshot, Violation};

/// I32.
pub(crate) fn none() -> Check {
    Check::new("store-restart", "no store restarts")
        .info()
        // By then everything that a restart brings with it is over, or is trouble of its own.
        .hold_ms(120_000)
        .reads(&["stores"])
        .with_state(|snapshot, state| judge(snapshot, state, noted))
}

/// I32, F24: what restarts for the third time is not maintained, it crashes.
pub(crate) fn no_loop() -> Check {
    Check::new(
        "store-stays-up",
        "no store starts again three times within half an hour",
    )
    .critical()
    .reads(&["stores"])
    .with_state(|snapshot, state| judge(snapshot, state, looping))
}

/// How long a restart is worth a note; the guard against judging young stores lasts as long.
const NOTED_NS: u64 = 600 * 1_000_000_000;

/// Three within this are a loop.
const LOOP_NS: u64 = 1_800 * 1_000_000_000;
const LOOP_STARTS: usize = 3;

/// Starts that are remembered of each store: what a loop needs, and the one before.
const STARTS_MAX: usize = LOOP_STARTS + 1;

/// What is remembered of a store.
#[derive(Debug, Clone, Default, PartialEq)]
struct Past {
    /// Whether it was away when it was last seen.
    away: bool,
    /// Its starts, oldest first.
    starts: Vec<Start>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Start {
    at_ns: u64,
    /// It came back from being away.
    returned: bool,
}

/// What is wrong with the restarts of a store, given their ages; nothing, mostly.
type Complaint = fn(&[(Start, u64)]) -> Option<String>;

fn judge(
    snapshot: &Snapshot,
    state: Option<&[u8]>,
    complaint: Complaint,
) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let before = state.map(read).unwrap_or_default();
    let (mut after, mut findings) = (BTreeMap::new(), Findings::new());
    for store in stores.rows().filter_map(Store::of) {
        let mut past = before.get(store.key).cloned().unwrap_or_default();
        match store.row.instant("start_at").filter(|start| *start > 0) {
            None => findings.unknown(&store.entity(), "it does not say when it started"),
            Some(start) => {
                past.learn(start);
                judge_store(
                    store,
                    complaint(&past.restarts(snapshot.taken_at())),
                    &mut findings,
                );
            }
        }
        past.away = matches!(store.row.text("state"), Some("Disconnected" | "Down"));
        after.insert(store.key.to_owned(), past);
    }
    Ok(findings
        .conclude(format!("starts of {} stores", stores.len()))
        .remember(write(&after)))
}

impl Past {
    fn learn(&mut self, start: u64) {
        if self.starts.last().is_none_or(|last| start > last.at_ns) {
            self.starts.push(Start {
                at_ns: start,
                returned: self.away,
            });
        }
        let surplus = self.starts.len().saturating_sub(STARTS_MAX);
        self.starts.drain(..surplus);
    }

    /// Its restarts with their ages in nanoseconds. The first start that was seen may be as old as it likes: only those after
    /// it are restarts.
    fn restarts(&self, now: u64) -> Vec<(Start, u64)> {
        self.starts
            .iter()
            .skip(1)
            .map(|start| (*start, now.saturating_sub(start.at_ns)))
            .collect()
    }
}

fn noted(restarts: &[(Start, u64)]) -> Option<String> {
    let is_noted = |(start, age_ns): &(Start, u64)| *age_ns < NOTED_NS && !start.returned;
    restarts
        .iter()
        .any(is_noted)
        .then(|| "restarted".to_owned())
}

fn looping(restarts: &[(Start, u64)]) -> Option<String> {
    let times = restarts
        .iter()
        .filter(|(_, age_ns)| *age_ns < LOOP_NS)
        .count();
    (times >= LOOP_STARTS).then(|| format!("restarted at least {times} times within 30 minutes"))
}

fn judge_store(store: Store<'_>, complaint: Option<String>, findings: &mut Findings) {
    let Some(complaint) = complaint else {
        return findings.pass(store.entity());
    };
    let evidence = store
        .row
        .evidence("start_at")
        .expected("the same as before");
    let mut violation =
        Violation::new(store.entity(), format!("{} {complaint}", store.name())).evidence(evidence);
    if store.row.number("uptime_s").is_some() {
        violation = violation.evidence(store.row.evidence("uptime_s").expected("600 s or more"));
    }
    findings.fail(violation);
}

/// One line for each store: its key, whether it was away, and its starts in nanoseconds, `+` after those of a return.
fn write(stores: &BTreeMap<String, Past>) -> Vec<u8> {
    let line = |(key, past): (&String, &Past)| {
        let start =
            |start: &Start| format!(" {}{}", start.at_ns, if start.returned { "+" } else { "" });
        let starts: String = past.starts.iter().map(start).collect();
        format!(
            "{key} {}{starts}\n",
            if past.away { "away" } else { "here" }
        )
    };
    stores.iter().map(line).collect::<String>().into_bytes()
}

/// What is not understood is forgotten: the next ticks learn it anew.
fn read(state: &[u8]) -> BTreeMap<String, Past> {
    let start = |word: &str| {
        let at_ns = word.trim_end_matches('+').parse().ok()?;
        Some(Start {
            at_ns,
            returned: word.ends_with('+'),
        })
    };
    let line = |line: &str| {
        let mut words = line.split(' ');
        let (key, away) = (words.next()?, words.next()? == "away");
        Some((
            key.to_owned(),
            Past {
                away,
                starts: words.filter_map(start).collect(),
            },
        ))
    };
    std::str::from_utf8(state)
        .unwrap_or_default()
        .lines()
        .filter_map(line)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cell, Cluster, NOW_NS};
    use operator_plugin::Status;

    fn at(cluster: Cluster, start_ns: u64) -> Cluster {
        cluster
            .store("4", "start_at", i64::try_from(start_ns).unwrap())
            .store("4", "uptime_s", 5.0)
    }

    fn judge_twice(first: Cluster, second: Cluster) -> Outcome {
        let before = none().evaluate(&first.snapshot(), None).unwrap();
        none()
            .evaluate(&second.snapshot(), before.state.as_deref())
            .unwrap()
    }

    #[test]
    fn a_young_store_is_no_restart_but_a_later_start_is_one() {
        let young = at(Cluster::healthy(), NOW_NS - 5_000_000_000);
        assert_eq!(
            none().evaluate(&young.snapshot(), None).unwrap().status,
            Status::Pass
        );
        let outcome = judge_twice(Cluster::healthy(), young);
        assert_eq!(outcome.violations[0].entity, "store/4");
    }

    #[test]
    fn a_store_that_was_away_returns_and_does_not_restart() {
        let away = Cluster::healthy().store("4", "state", "Disconnected");
        assert_eq!(
            judge_twice(away, at(Cluster::healthy(), NOW_NS - 5_000_000_000)).status,
            Status::Pass
        );
    }

    #[test]
    fn an_old_restart_is_forgiven() {
        let restarted = at(Cluster::healthy(), NOW_NS - 5_000_000_000);
        assert_eq!(
            judge_twice(Cluster::healthy(), restarted.later_s(700)).status,
            Status::Pass
        );
    }

    #[test]
    fn three_restarts_in_half_an_hour_are_a_loop_and_two_are_none() {
        let mut state = no_loop()
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap()
            .state;
        let mut looped = Vec::new();
        for minute in 1..=3_u64 {
            let cluster = at(
                Cluster::healthy().later_s(minute * 60),
                NOW_NS + minute * 60_000_000_000 - 1,
            );
            let outcome = no_loop()
                .evaluate(&cluster.snapshot(), state.as_deref())
                .unwrap();
            looped.push(
                outcome
                    .violations
                    .first()
                    .map(|violation| violation.entity.clone()),
            );
            state = outcome.state;
        }
        assert_eq!(looped, [None, None, Some("store/4".to_owned())]);
        let later = at(
            Cluster::healthy().later_s(1_900),
            NOW_NS + 180_000_000_000 - 1,
        );
        assert_eq!(
            no_loop()
                .evaluate(&later.snapshot(), state.as_deref())
                .unwrap()
                .status,
            Status::Pass
        );
    }

    #[test]
    fn a_start_that_is_not_known_is_open_and_not_forgotten() {
        let unknown =
            Cluster::healthy()
                .store("4", "start_at", -1_i64)
                .store("4", "uptime_s", Cell::Null);
        let outcome = judge_twice(Cluster::healthy(), unknown);
        assert_eq!(outcome.status, Status::Inconclusive);
        let outcome = none()
            .evaluate(
                &at(Cluster::healthy(), NOW_NS).snapshot(),
                outcome.state.as_deref(),
            )
            .unwrap();
        assert_eq!(outcome.status, Status::Fail);
    }

    #[test]
    fn a_state_that_is_not_understood_is_forgotten() {
        assert!(
            none()
                .evaluate(&Cluster::healthy().snapshot(), Some(&[255, 0, 7]))
                .is_ok()
        );
    }
}
