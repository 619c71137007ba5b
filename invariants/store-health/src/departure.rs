//! How a store went. A process that is stopped in order hands its leaders over and is gone then; of one that dies, PD
//! goes on to list the leaders until their followers have elected others, which takes them ten seconds and more.
//!
//! Planned restarts come one store at a time, end within minutes, and need nobody.

use std::collections::BTreeMap;

use judging::entities::Store;
use operator_plugin::TableView;

const SECOND_NS: u64 = 1_000_000_000;

/// `raft-election-timeout`: followers wait for so long since the last heartbeat of their leader, which may be 2 s older than
/// its death. So a few of them may have elected by then, and never nearly all of several.
const ELECTION_NS: u64 = 10 * SECOND_NS;

/// Fewer leaders than this might all be replaced within those 2 s by chance.
const LED_MIN: i64 = 5;

/// What it led longer ago, it did not hand over now.
const LED_LATELY_NS: u64 = 900 * SECOND_NS;

/// The share of its leaders that may be left when the process ends: PD hands some back while it empties itself, and the time for
/// handing over is limited.
const LEFT_OVER: i64 = 10;

/// Stopping, exchanging the program, starting and registering; longer than this is no restart any more.
const RESTART_S: f64 = 300.0;

/// What is remembered of a store.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Past {
    /// When it last answered.
    answered_ns: u64,
    /// When it last led as much as `led`.
    led_ns: u64,
    /// The most that it led lately.
    led: i64,
    /// It led next to nothing any more before its regions could have elected others.
    in_order: bool,
}

/// What is remembered of all.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Departures(BTreeMap<String, Past>);

impl Departures {
    /// What is known after this look. A store that the table does not have any more is forgotten.
    pub(crate) fn after(&self, stores: &TableView, now_ns: u64) -> Self {
        let past = |store: Store<'_>| {
            (
                store.key.to_owned(),
                self.of(store.key).after(store, now_ns),
            )
        };
        Self(stores.rows().filter_map(Store::of).map(past).collect())
    }

    /// Whether the store was stopped in order, not long ago.
    pub(crate) fn is_planned(&self, store: Store<'_>) -> bool {
        let is_short = store
            .row
            .number("heartbeat_lag_s")
            .is_some_and(|lag_s| lag_s < RESTART_S);
        is_short && self.of(store.key).in_order
    }

    fn of(&self, key: &str) -> Past {
        self.0.get(key).copied().unwrap_or_default()
    }

    /// One line for each store: its key, when it answered, when and how much it led, and whether it went in order.
    pub(crate) fn write(&self) -> Vec<u8> {
        let line = |(key, past): (&String, &Past)| {
            format!(
                "{key} {} {} {} {}\n",
                past.answered_ns,
                past.led_ns,
                past.led,
                u8::from(past.in_order)
            )
        };
        self.0.iter().map(line).collect::<String>().into_bytes()
    }

    /// What is not understood is forgotten: the next ticks learn it anew.
    pub(crate) fn read(state: &[u8]) -> Self {
        let text = std::str::from_utf8(state).unwrap_or_default();
        let line = |line: &str| {
            let mut words = line.split(' ');
            let key = words.next()?.to_owned();
            let (answered_ns, led_ns) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            let led = words.next()?.parse().ok()?;
            Some((
                key,
                Past {
                    answered_ns,
                    led_ns,
                    led,
                    in_order: words.next()? == "1",
                },
            ))
        };
        Self(text.lines().filter_map(line).collect())
    }
}

impl Past {
    fn after(mut self, store: Store<'_>, now_ns: u64) -> Self {
        let Some(leads) = store.row.integer("leader_count") else {
            return self;
        };
        let led_lately = now_ns.saturating_sub(self.led_ns) <= LED_LATELY_NS;
        if store.is_silent() {
            let too_early_to_elect = now_ns.saturating_sub(self.answered_ns) <= ELECTION_NS;
            let few_left = self.led >= LED_MIN && leads.saturating_mul(LEFT_OVER) <= self.led;
            self.in_order |= few_left && too_early_to_elect && led_lately;
            return self;
        }
        if store.row.text("probe") == Some("ok") {
            (self.answered_ns, self.in_order) = (now_ns, false);
        }
        if leads >= self.led || !led_lately {
            (self.led, self.led_ns) = (leads, now_ns);
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::Cluster;

    const NOW_NS: u64 = 1_000 * SECOND_NS;

    /// Store 4 leads `leads`, `after_s` after it answered and led `led`, and does not answer.
    fn silent(led: i64, after_s: u64, leads: i64) -> (Departures, operator_plugin::Snapshot) {
        let table = |cluster: Cluster| cluster.snapshot();
        let before = table(Cluster::healthy().store("4", "leader_count", led));
        let before = Departures::default().after(&before.table("stores").unwrap(), NOW_NS);
        let gone = table(
            Cluster::healthy()
                .store("4", "leader_count", leads)
                .store("4", "probe", "refused"),
        );
        let after = before.after(&gone.table("stores").unwrap(), NOW_NS + after_s * SECOND_NS);
        (Departures::read(&after.write()), gone)
    }

    fn is_planned(after_s: u64, leads: i64) -> bool {
        is_planned_of(40, after_s, leads)
    }

    fn is_planned_of(led: i64, after_s: u64, leads: i64) -> bool {
        let (departures, gone) = silent(led, after_s, leads);
        let stores = gone.table("stores").unwrap();
        departures.is_planned(Store::of(stores.find("store", "4").unwrap()).unwrap())
    }

    #[test]
    fn leaders_that_are_gone_before_anybody_could_elect_were_handed_over() {
        assert!(
            is_planned(2, 0) && is_planned(2, 4),
            "PD has handed some back"
        );
        assert!(!is_planned(2, 40), "it died: PD still lists its leaders");
        assert!(!is_planned_of(4, 9, 0), "so few may have elected by chance");
        assert!(
            !is_planned(25, 0),
            "its regions may have elected others by now"
        );
    }

    #[test]
    fn a_store_that_never_led_handed_nothing_over() {
        let idle = Cluster::healthy().store("4", "leader_count", 0_i64);
        let before =
            Departures::default().after(&idle.clone().snapshot().table("stores").unwrap(), NOW_NS);
        let gone = idle.store("4", "probe", "refused").snapshot();
        let stores = gone.table("stores").unwrap();
        let after = before.after(&stores, NOW_NS + SECOND_NS);
        assert!(!after.is_planned(Store::of(stores.find("store", "4").unwrap()).unwrap()));
    }

    #[test]
    fn what_is_not_understood_is_forgotten() {
        assert_eq!(Departures::read(b"\xff 4 x"), Departures::default());
        assert_eq!(Departures::read(b"4 1 x 1 1\n"), Departures::default());
    }
}
