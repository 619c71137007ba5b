//! What PD believes about stores and regions.

use crate::config::GIB;
use crate::model::ids::{RegionId, StoreId};
use crate::model::key::Key;
use crate::model::number::{real, real_len, whole};
use crate::model::region::{Flow, Peer};
use std::collections::BTreeMap;

/// A store without a heartbeat for longer is Disconnected (`pd: pkg/core/store.go`).
pub(crate) const DISCONNECTED_MS: u64 = 20_000;
/// … is counted as unhealthy.
pub(crate) const UNHEALTHY_MS: u64 = 600_000;
/// … is Down (`max-store-down-time`).
pub(crate) const DOWN_MS: u64 = 1_800_000;
/// PD writes a store's last heartbeat to etcd only so often.
const PERSIST_MS: u64 = 300_000;
/// Bytes that a region reports are rounded to thousands (`flow-round-by-digit`).
const FLOW_ROUND: f64 = 1_000.0;

/// All that PD knows.
#[derive(Debug, Clone)]
pub(crate) struct View {
    /// How many replicas a region shall have.
    pub max_replicas: usize,
    /// Stores that registered.
    pub stores: BTreeMap<StoreId, StoreView>,
    /// Regions that reported.
    pub regions: BTreeMap<RegionId, RegionView>,
    /// Regions by their first place, for scans.
    pub by_key: BTreeMap<Key, RegionId>,
    /// Sums over regions, by store; kept up to date, because a million regions cannot be counted for each answer.
    pub tallies: BTreeMap<StoreId, Tally>,
}

/// A store as PD knows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoreView {
    /// When its process started.
    pub started_ms: u64,
    /// The last heartbeat that PD got; 0 when there was none.
    pub heartbeat_ms: u64,
    /// The last one that would survive a change of leader.
    pub persisted_ms: u64,
    /// Its last report.
    pub report: StoreReport,
    /// What PD does with it.
    pub node: NodeState,
    /// Its version, as it registered.
    pub version: String,
}

/// What PD does with a store.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum NodeState {
    /// It gets its first regions.
    Preparing,
    /// As usual.
    #[default]
    Serving,
    /// A person removes it.
    Removing,
    /// It is a tombstone.
    Removed,
}

impl NodeState {
    /// As the API writes it.
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Preparing => 0,
            Self::Serving => 1,
            Self::Removing => 2,
            Self::Removed => 3,
        }
    }
}

/// A store's heartbeat.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StoreReport {
    /// Size of the disk.
    pub capacity: f64,
    /// Free bytes.
    pub available: f64,
    /// Used bytes.
    pub used: f64,
    /// 1 to 100.
    pub slow_score: f64,
    /// It asks to be spared.
    pub busy: bool,
    /// Share of all CPUs, in percent of one.
    pub cpu_percent: f64,
    /// Bytes a second to disk.
    pub disk_write_rate: f64,
    /// Time of the probe of the write path, in microseconds times 1000 (`slow_trend.cause_value`).
    pub trend_cause: f64,
    /// Requests a second (`slow_trend.result_value`).
    pub trend_result: f64,
    /// Snapshots that it sends and receives.
    pub snapshots: (u64, u64),
}

/// A region as PD knows it.
#[derive(Debug, Clone)]
pub(crate) struct RegionView {
    /// Identity.
    pub id: RegionId,
    /// Its first place.
    pub start: Key,
    /// The first place behind it.
    pub end: Key,
    /// Membership epoch.
    pub conf_ver: u64,
    /// Range epoch.
    pub version: u64,
    /// Replicas.
    pub peers: Vec<Peer>,
    /// The last leader that reported. It may be dead.
    pub leader: Option<Peer>,
    /// Raft term of that leader.
    pub term: u64,
    /// Replicas that the leader has not heard of for 10 minutes, with seconds.
    pub down: Vec<(Peer, u64)>,
    /// Replicas that lack log entries which the leader no longer has.
    pub pending: Vec<Peer>,
    /// Flow of the last interval.
    pub flow: Flow,
    /// Seconds of that interval.
    pub interval_s: f64,
    /// MiB.
    pub size_mib: u64,
    /// Keys.
    pub keys: u64,
    /// Percent of one CPU.
    pub cpu_percent: u64,
    /// Reported to this leader, not only known from before.
    pub seen: bool,
}

/// Sums over regions.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Tally {
    /// Regions led.
    pub leaders: u64,
    /// MiB of them.
    pub leader_mib: u64,
    /// Regions replicated.
    pub regions: u64,
    /// MiB of them.
    pub region_mib: u64,
    /// Pending replicas.
    pub pending: u64,
}

/// What PD calls a store at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoreState {
    /// Heartbeats come.
    Up,
    /// None for 20 s.
    Disconnected,
    /// None for 30 min, or never.
    Down,
    /// A person removes it.
    Offline,
    /// It was removed.
    Tombstone,
}

impl StoreState {
    /// As the API writes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Up => "Up",
            Self::Disconnected => "Disconnected",
            Self::Down => "Down",
            Self::Offline => "Offline",
            Self::Tombstone => "Tombstone",
        }
    }
}

impl StoreView {
    /// Computed at answer time, from the age of the last heartbeat.
    pub(crate) fn state(&self, now_ms: u64) -> StoreState {
        match now_ms.saturating_sub(self.heartbeat_ms) {
            _ if self.node == NodeState::Removing => StoreState::Offline,
            _ if self.node == NodeState::Removed => StoreState::Tombstone,
            age if age >= DOWN_MS => StoreState::Down,
            age if age > DISCONNECTED_MS => StoreState::Disconnected,
            _ => StoreState::Up,
        }
    }

    /// The age of the last heartbeat.
    pub(crate) fn silent_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.heartbeat_ms)
    }

    /// A heartbeat arrives.
    pub(crate) fn receive(&mut self, now_ms: u64, report: StoreReport) {
        self.heartbeat_ms = now_ms;
        self.report = report;
        if now_ms.saturating_sub(self.persisted_ms) >= PERSIST_MS {
            self.persisted_ms = now_ms;
        }
    }

    /// `IsLowSpace` of PD: less than 20 % free, unless the store is small and has 8 GiB.
    pub(crate) fn low_space(&self, regions: u64) -> bool {
        let StoreReport {
            capacity,
            available,
            ..
        } = self.report;
        let exempt = regions < 100 && available > 8.0 * GIB;
        capacity > 0.0 && !exempt && available / capacity < 0.2
    }

    /// Region score, formula v2 (`pd: pkg/core/store.go`): mostly by size, mostly by free space below the floor.
    pub(crate) fn region_score(&self, region_mib: u64) -> f64 {
        let capacity = self.report.capacity / GIB;
        let free = self.report.available / GIB;
        let size = real(region_mib);
        if free >= capacity || capacity < 1.0 {
            return size;
        }
        let floor = (50.0_f64).max(capacity * 0.2);
        if free > floor {
            let spread = capacity - free + floor - 1.0;
            return (1.0 + 256.0 * (capacity.ln() - (free - floor + 1.0).ln()) / spread) * size;
        }
        (1.0 + 256.0 * capacity.ln() / capacity) * size + 1e10 * (floor - free) / floor
    }
}

impl Default for View {
    fn default() -> Self {
        Self {
            max_replicas: crate::model::cluster::REPLICAS,
            stores: BTreeMap::new(),
            regions: BTreeMap::new(),
            by_key: BTreeMap::new(),
            tallies: BTreeMap::new(),
        }
    }
}

impl View {
    /// Whether a person removes a store.
    pub(crate) fn is_removing(&self, store: StoreId) -> bool {
        self.stores
            .get(&store)
            .is_some_and(|view| view.node == NodeState::Removing)
    }

    /// A region heartbeat arrives. Older terms and epochs are stale and dropped. Returns the leader before it.
    pub(crate) fn receive(&mut self, mut region: RegionView) -> Option<Peer> {
        region.flow.written_bytes = round_flow(region.flow.written_bytes);
        region.flow.read_bytes = round_flow(region.flow.read_bytes);
        let before = self.regions.get(&region.id);
        if before.is_some_and(|before| before.term > region.term || before.version > region.version)
        {
            return before.and_then(|before| before.leader);
        }
        let before = self.forget(region.id);
        self.forget_overlapped(&region);
        self.tally(&region, true);
        self.by_key.insert(region.start, region.id);
        self.regions.insert(region.id, region);
        before.and_then(|before| before.leader)
    }

    /// Regions whose keys a younger one reports are gone: merged into it, or split and not reported since.
    fn forget_overlapped(&mut self, region: &RegionView) {
        let from = self
            .by_key
            .range(..=region.start)
            .next_back()
            .map_or(region.start, |(start, _)| *start);
        let near = self
            .by_key
            .range(from..region.end)
            .filter_map(|(_, id)| self.regions.get(id));
        let old = |other: &&RegionView| other.end > region.start && other.version < region.version;
        let overlapped: Vec<RegionId> = near.filter(old).map(|other| other.id).collect();
        for id in overlapped {
            self.forget(id);
        }
    }

    /// A region is not known any more.
    pub(crate) fn forget(&mut self, region: RegionId) -> Option<RegionView> {
        let before = self.regions.remove(&region)?;
        if self.by_key.get(&before.start) == Some(&region) {
            self.by_key.remove(&before.start);
        }
        self.tally(&before, false);
        Some(before)
    }

    /// What a new PD leader does not know.
    pub(crate) fn forget_what_was_not_persisted(&mut self) {
        for store in self.stores.values_mut() {
            store.heartbeat_ms = store.persisted_ms;
        }
        for region in self.regions.values_mut() {
            region.seen = false;
            region.down.clear();
            region.pending.clear();
        }
        for tally in self.tallies.values_mut() {
            tally.pending = 0;
        }
    }

    /// 90 % of the regions have reported to this leader (`pd: pkg/schedule/prepare_checker.go`).
    pub(crate) fn prepared(&self) -> bool {
        let seen = self.regions.values().filter(|region| region.seen).count();
        real_len(seen) >= 0.9 * real_len(self.regions.len())
    }

    /// Sums of a store.
    pub(crate) fn tally_of(&self, store: StoreId) -> Tally {
        self.tallies.get(&store).copied().unwrap_or_default()
    }

    fn tally(&mut self, region: &RegionView, add: bool) {
        let change = |count: &mut u64, by: u64| {
            *count = if add {
                *count + by
            } else {
                count.saturating_sub(by)
            }
        };
        for peer in &region.peers {
            let tally = self.tallies.entry(peer.store).or_default();
            change(&mut tally.regions, 1);
            change(&mut tally.region_mib, region.size_mib);
        }
        if let Some(leader) = region.leader {
            let tally = self.tallies.entry(leader.store).or_default();
            change(&mut tally.leaders, 1);
            change(&mut tally.leader_mib, region.size_mib);
        }
        for peer in &region.pending {
            change(&mut self.tallies.entry(peer.store).or_default().pending, 1);
        }
    }
}

/// Rounds as PD does: half up, to thousands; small flows vanish.
fn round_flow(bytes: f64) -> f64 {
    real(whole(bytes / FLOW_ROUND + 0.5)) * FLOW_ROUND
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(heartbeat_ms: u64) -> StoreView {
        StoreView {
            heartbeat_ms,
            ..StoreView::default()
        }
    }

    fn region(term: u64, leader: u64, size_mib: u64) -> RegionView {
        let peers: Vec<Peer> = [1, 4, 5]
            .iter()
            .map(|id| Peer {
                id: 100 + id,
                store: StoreId(*id),
                role: crate::model::region::Role::Voter,
            })
            .collect();
        let leader = peers
            .iter()
            .copied()
            .find(|peer| peer.store == StoreId(leader));
        RegionView {
            id: RegionId(8),
            start: Key::FIRST,
            end: Key::LAST,
            conf_ver: 5,
            version: 1,
            peers,
            leader,
            term,
            down: Vec::new(),
            pending: Vec::new(),
            flow: Flow {
                written_bytes: 1_499.0,
                ..Flow::default()
            },
            interval_s: 60.0,
            size_mib,
            keys: 0,
            cpu_percent: 0,
            seen: true,
        }
    }

    #[test]
    fn states_follow_the_age_of_the_last_heartbeat() {
        let store = store(1_000_000);
        assert_eq!(store.state(1_020_000), StoreState::Up);
        assert_eq!(store.state(1_020_001), StoreState::Disconnected);
        assert_eq!(store.state(2_799_999), StoreState::Disconnected);
        assert_eq!(store.state(2_800_000), StoreState::Down);
    }

    #[test]
    fn tallies_follow_the_leader() {
        let mut view = View::default();
        view.receive(region(7, 1, 96));
        let before = view.receive(region(8, 4, 97));
        assert_eq!(before.map(|peer| peer.store), Some(StoreId(1)));
        assert_eq!(
            (
                view.tally_of(StoreId(1)).leaders,
                view.tally_of(StoreId(4)).leaders
            ),
            (0, 1)
        );
        assert_eq!(view.tally_of(StoreId(5)).region_mib, 97);
    }

    #[test]
    fn a_stale_heartbeat_changes_nothing() {
        let mut view = View::default();
        view.receive(region(8, 4, 96));
        view.receive(region(7, 1, 96));
        assert_eq!(view.tally_of(StoreId(4)).leaders, 1);
    }

    #[test]
    fn flow_is_rounded_to_thousands() {
        let mut view = View::default();
        view.receive(region(7, 1, 96));
        assert!((view.regions[&RegionId(8)].flow.written_bytes - 1_000.0).abs() < 1e-9);
    }

    #[test]
    fn the_region_score_of_a_small_disk_is_mostly_free_space() {
        // Recorded: capacity 8 GiB, 7.712 GiB free, 49 MiB of regions, score 8.4647e9.
        let report = StoreReport {
            capacity: 8.0 * GIB,
            available: 7.712 * GIB,
            ..StoreReport::default()
        };
        let score = StoreView {
            report,
            ..StoreView::default()
        }
        .region_score(49);
        assert!((score / 8.4647e9 - 1.0).abs() < 0.01, "{score}");
    }

    #[test]
    fn low_space_is_below_a_fifth_but_not_on_a_small_store_with_room() {
        let report = StoreReport {
            capacity: 64.0 * GIB,
            available: 12.0 * GIB,
            ..StoreReport::default()
        };
        let store = StoreView {
            report,
            ..StoreView::default()
        };
        assert!(store.low_space(120) && !store.low_space(99));
    }
}
