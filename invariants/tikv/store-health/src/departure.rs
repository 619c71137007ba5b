//! How a store stopped. An orderly shutdown hands over the leaders first. When a process dies, PD lists its leaders until
//! the followers have elected others, which takes 10 s and more.
//!
//! Planned restarts happen one store at a time, end within minutes, and need no action.

use std::collections::BTreeMap;

use operator_plugin::TableView;
use serde::{Deserialize, Serialize};
use tikv_check_support::entities::Store;
use tikv_check_support::state::State;

const SECOND_NS: u64 = 1_000_000_000;

/// TiKV's default `raft-election-timeout`. Followers wait this long after the last heartbeat of their leader, which may
/// be 2 s older than its death. By then a few regions may have elected a new leader, but never nearly all of several.
const ELECTION_NS: u64 = 10 * SECOND_NS;

/// With fewer leaders, all of them may be replaced within those 2 s by chance.
const LEADERS_MIN: i64 = 5;

/// A store that last had leaders longer ago did not hand them over just now.
const LEADERS_RECENT_NS: u64 = 900 * SECOND_NS;

/// At most one in this many leaders may be left when the process ends: PD returns some while the store drains, and the
/// time for the hand-over is limited.
const REMAINING_PER: i64 = 10;

/// Stopping, upgrading, starting and registering; what takes longer is no restart.
const RESTART_S: f64 = 300.0;

/// What the check remembers about one store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct StoreHistory {
    /// When its status server last responded.
    responded_ns: u64,
    /// When it last had `leaders` or more.
    leaders_at_ns: u64,
    /// Most leaders that it recently had.
    leaders: i64,
    /// It had almost no leaders left before its regions could have elected others.
    drained: bool,
}

/// What the check remembers, by store id.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Departures(BTreeMap<String, StoreHistory>);

impl State for Departures {
    const VERSION: u32 = 1;
}

impl Departures {
    /// The history after this tick. Stores that are no longer listed are dropped.
    pub(crate) fn after(&self, stores: &TableView, now_ns: u64) -> Self {
        let update = |store: Store<'_>| {
            let history = self.of(store.key).after(store, now_ns);
            (store.key.to_owned(), history)
        };
        Self(stores.rows().filter_map(Store::of).map(update).collect())
    }

    /// Whether the store shut down in an orderly way within the last minutes.
    pub(crate) fn is_planned(&self, store: Store<'_>) -> bool {
        let is_short = store
            .row
            .number("heartbeat_lag_s")
            .is_some_and(|lag_s| lag_s < RESTART_S);
        is_short && self.of(store.key).drained
    }

    fn of(&self, key: &str) -> StoreHistory {
        self.0.get(key).copied().unwrap_or_default()
    }
}

impl StoreHistory {
    fn after(mut self, store: Store<'_>, now_ns: u64) -> Self {
        let Some(leaders) = store.row.integer("leader_count") else {
            return self;
        };
        let had_leaders_recently = now_ns.saturating_sub(self.leaders_at_ns) <= LEADERS_RECENT_NS;
        if store.is_silent() {
            let too_early_to_elect = now_ns.saturating_sub(self.responded_ns) <= ELECTION_NS;
            let few_left = self.leaders >= LEADERS_MIN
                && leaders.saturating_mul(REMAINING_PER) <= self.leaders;
            self.drained |= few_left && too_early_to_elect && had_leaders_recently;
            return self;
        }
        if store.row.text("probe") == Some("ok") {
            self.responded_ns = now_ns;
            self.drained = false;
        }
        if leaders >= self.leaders || !had_leaders_recently {
            self.leaders = leaders;
            self.leaders_at_ns = now_ns;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tikv_check_support::examples::Cluster;

    const NOW_NS: u64 = 1_000 * SECOND_NS;

    /// Store 4 had `before` leaders when it last responded, and has `leaders` `after_s` later without responding.
    fn silent(before: i64, after_s: u64, leaders: i64) -> (Departures, operator_plugin::Snapshot) {
        let running = Cluster::healthy()
            .store("4", "leader_count", before)
            .snapshot();
        let history = Departures::default().after(&running.table("stores").unwrap(), NOW_NS);
        let gone = Cluster::healthy()
            .store("4", "leader_count", leaders)
            .store("4", "probe", "refused")
            .snapshot();
        let history = history.after(&gone.table("stores").unwrap(), NOW_NS + after_s * SECOND_NS);
        (Departures::decode(&history.encode()).unwrap(), gone)
    }

    fn is_planned(before: i64, after_s: u64, leaders: i64) -> bool {
        let (departures, gone) = silent(before, after_s, leaders);
        let stores = gone.table("stores").unwrap();
        departures.is_planned(Store::of(stores.find("store", "4").unwrap()).unwrap())
    }

    #[test]
    fn leaders_that_are_gone_before_an_election_could_end_were_handed_over() {
        assert!(is_planned(40, 2, 0));
        assert!(is_planned(40, 2, 4), "PD has returned some");
        assert!(
            !is_planned(40, 2, 40),
            "it died: PD still lists its leaders"
        );
        assert!(
            !is_planned(4, 9, 0),
            "so few may have been replaced by chance"
        );
        assert!(
            !is_planned(40, 25, 0),
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
}
