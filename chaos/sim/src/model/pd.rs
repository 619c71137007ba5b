//! PD: its members, the leader, and what the leader believes about the cluster.
//!
//! The belief ([`view::View`]) is fed by heartbeats alone. What happened in the world and was not reported yet is
//! unknown here, exactly as in the real thing.

pub(crate) mod gauges;
pub(crate) mod hot_cache;
pub(crate) mod hot_pace;
pub(crate) mod operators;
pub(crate) mod settings;
pub(crate) mod view;

use super::histogram::Histogram;
use super::ids::{RegionId, StoreId};
use super::key::Key;
use super::layouts;
use super::rng::Rng;
use gauges::Gauges;
use hot_cache::HotCache;
use hot_pace::HotPace;
use operators::Operators;
use settings::Settings;
use std::collections::{BTreeMap, BTreeSet};
use view::View;

/// A PD member.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Position: 0 for `pd1`.
    pub index: usize,
    /// `pd1` …
    pub name: String,
    /// Its id.
    pub id: u64,
    /// Whether the process runs.
    pub alive: bool,
    /// It stands still: the kernel takes connections for it, and nothing comes back.
    pub frozen: bool,
    /// It cannot reach the other members.
    pub isolated: bool,
    /// How far its clock is off, in milliseconds.
    pub clock_off_ms: i64,
    /// How many times longer a flush of its disk takes.
    pub disk_factor: f64,
    /// When the process started.
    pub started_ms: u64,
    /// The cluster that it has formed on its own, when it lost its data.
    pub stray: Option<Stray>,
    /// What it counted since then.
    pub counters: MemberCounters,
}

/// A cluster of one member behind the address of another cluster's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stray {
    /// Its id.
    pub cluster_id: u64,
    /// The member's id in it.
    pub member_id: u64,
}

/// Counters of a member since its start.
#[derive(Debug, Clone)]
pub(crate) struct MemberCounters {
    /// CPU seconds.
    pub cpu: f64,
    /// `etcd_disk_wal_fsync_duration_seconds`.
    pub fsync: Histogram,
    /// `etcd_disk_backend_commit_duration_seconds`.
    pub backend_commit: Histogram,
    /// `etcd_network_peer_round_trip_time_seconds`, by the index of the other member.
    pub round_trips: BTreeMap<usize, Histogram>,
    /// `etcd_server_leader_changes_seen_total`.
    pub leader_changes: f64,
    /// `pd_tso_events{type="save"}`.
    pub tso_saves: f64,
    /// `pd_server_handle_tso_duration_seconds`.
    pub tso: Histogram,
    /// Store heartbeats handled.
    pub store_heartbeats: BTreeMap<StoreId, Histogram>,
    /// Region heartbeats handled.
    pub region_heartbeats: BTreeMap<StoreId, f64>,
    /// Messages sent on heartbeat streams, by store and outcome (`ok`, `err`).
    pub stream_messages: BTreeMap<(StoreId, &'static str), f64>,
    /// Operators by type and event.
    pub operators: BTreeMap<(&'static str, &'static str), f64>,
    /// Operators from creation to end, by type.
    pub operator_seconds: BTreeMap<&'static str, Histogram>,
    /// Scheduler events by type and name.
    pub scheduler_events: BTreeMap<(&'static str, &'static str), f64>,
    /// What the rule checker found no place for, by name.
    pub checker_events: BTreeMap<&'static str, f64>,
    /// `pd_monitor_time_jump_back_total`.
    pub clock_jumps: f64,
}

/// PD as a whole.
#[derive(Debug, Clone)]
pub(crate) struct Pd {
    /// The cluster's id.
    pub cluster_id: u64,
    /// When the cluster was bootstrapped.
    pub bootstrapped_ms: u64,
    /// All members, by index.
    pub members: Vec<Member>,
    /// The PD leader.
    pub leader: Option<usize>,
    /// The leader of etcd.
    pub etcd_leader: Option<usize>,
    /// etcd's term.
    pub term: u64,
    /// etcd's revision.
    pub revision: f64,
    /// When the present leader began to serve.
    pub led_since_ms: u64,
    /// What the leader believes.
    pub view: View,
    /// Hot peers, as the leader has counted them.
    pub hot: HotCache,
    /// The hot-region scheduler's memory.
    pub hot_pace: HotPace,
    /// What the leader is doing about the cluster.
    pub operators: Operators,
    /// Stores whose leaders a scheduler evicts, by scheduler.
    pub evicting: BTreeMap<&'static str, BTreeSet<StoreId>>,
    /// What the leader's `/metrics` say; refreshed every 10 s.
    pub gauges: Gauges,
    /// The configuration.
    pub settings: Settings,
    /// What is left of the store limits: replicas, by store and whether they come.
    pub store_limits: BTreeMap<(StoreId, bool), f64>,
    /// The leader keeps its office and does none of its work.
    pub stuck: bool,
    /// Used share of etcd's quota.
    pub etcd_filled: f64,
    /// Services that hold the safepoint back, with the point in time that they hold.
    pub safepoints: BTreeMap<String, u64>,
    /// Regions that were split lately, and when: PD's memory of what it must not merge yet.
    pub splits: BTreeMap<RegionId, u64>,
    /// How far the patrol has come; nowhere when it begins anew.
    pub patrolled_to: Option<Key>,
    /// The last timestamp that was given out, in milliseconds: it never falls.
    pub last_tso_ms: u64,
}

/// How long a member has to be silent before the others elect (`election-interval`), to twice of it.
const ELECTION_MS: (u64, u64) = (3_000, 6_000);
/// Then the new etcd leader waits for the old PD leader's lease to end, and campaigns.
const CAMPAIGN_MS: (u64, u64) = (500, 2_500);

impl Pd {
    /// A healthy group whose last member leads.
    pub(crate) fn new(count: u64, started_ms: u64, rng: &mut Rng) -> Self {
        let members: Vec<Member> = (0..usize::try_from(count).unwrap_or(usize::MAX))
            .map(|index| Member::new(index, started_ms, rng))
            .collect();
        let leader = members.last().map(|member| member.index);
        Self {
            cluster_id: Self::fresh_cluster_id(rng),
            bootstrapped_ms: started_ms + 5_000,
            members,
            leader,
            etcd_leader: leader,
            term: 2,
            revision: 300.0,
            led_since_ms: started_ms,
            view: View::default(),
            hot: HotCache::default(),
            hot_pace: HotPace::default(),
            operators: Operators::default(),
            evicting: BTreeMap::new(),
            gauges: Gauges::default(),
            settings: Settings::default(),
            store_limits: BTreeMap::new(),
            stuck: false,
            etcd_filled: 0.0,
            safepoints: BTreeMap::new(),
            splits: BTreeMap::new(),
            patrolled_to: None,
            last_tso_ms: 0,
        }
    }

    /// Cluster ids of PD begin with the time of the bootstrap and end in chance.
    pub(crate) fn fresh_cluster_id(rng: &mut Rng) -> u64 {
        7_710_000_000_000_000_000 + rng.bits() % 1_000_000_000_000_000
    }

    /// The member that serves.
    pub(crate) fn leading_member(&mut self) -> Option<&mut Member> {
        self.members.get_mut(self.leader?)
    }

    /// Whether heartbeats and requests can be served.
    pub(crate) fn serves(&self) -> bool {
        self.leader.is_some() && !self.stuck
    }

    /// Whether any store has ever registered.
    pub(crate) fn bootstrapped(&self) -> bool {
        !self.view.stores.is_empty()
    }

    /// More than half of the members run.
    pub(crate) fn has_quorum(&self) -> bool {
        self.members.iter().filter(|member| member.works()).count() * 2 > self.members.len()
    }

    /// How long the others take to notice a dead leader and to have a new one.
    pub(crate) fn failover_ms(rng: &mut Rng) -> u64 {
        rng.between_ms(ELECTION_MS.0, ELECTION_MS.1) + rng.between_ms(CAMPAIGN_MS.0, CAMPAIGN_MS.1)
    }

    /// A member takes over. It knows the regions (they are synchronised) and what stores persisted last, and nothing
    /// that only lived in the old leader's memory.
    pub(crate) fn take_over(&mut self, index: usize, now_ms: u64) {
        self.leader = Some(index);
        self.etcd_leader = Some(index);
        self.stuck = false;
        self.term += 1;
        self.led_since_ms = now_ms;
        self.view.forget_what_was_not_persisted();
        self.hot = HotCache::default();
        self.hot_pace = HotPace::default();
        self.operators = Operators::default();
        self.splits.clear();
        self.gauges = Gauges::default();
        for member in self.members.iter_mut().filter(|member| member.works()) {
            member.counters.leader_changes += 1.0;
        }
    }

    /// Whether a scheduler keeps leaders away from a store.
    pub(crate) fn evicts(&self, store: StoreId) -> bool {
        self.evicting.values().any(|stores| stores.contains(&store))
    }
}

impl Member {
    fn new(index: usize, started_ms: u64, rng: &mut Rng) -> Self {
        Self {
            index,
            name: format!("pd{}", index + 1),
            // Real ids use all 64 bits; below 2^63 they fit every language's integers.
            id: rng.bits() >> 1,
            alive: true,
            frozen: false,
            isolated: false,
            clock_off_ms: 0,
            disk_factor: 1.0,
            started_ms,
            stray: None,
            counters: MemberCounters::default(),
        }
    }

    /// Whether it takes part in the group.
    pub(crate) fn works(&self) -> bool {
        self.answers() && self.stray.is_none()
    }

    /// Whether the others get a response from its address, from any process: PD's health checks no more.
    pub(crate) fn answers(&self) -> bool {
        self.alive && !self.frozen && !self.isolated
    }

    /// The id under which it knows itself.
    pub(crate) fn own_id(&self) -> u64 {
        self.stray.map_or(self.id, |stray| stray.member_id)
    }

    /// Its own time.
    pub(crate) fn clock_ms(&self, now_ms: u64) -> u64 {
        now_ms.saturating_add_signed(self.clock_off_ms)
    }

    /// Port for clients.
    pub(crate) fn client_port(&self) -> usize {
        2_379 + 100 * self.index
    }

    /// `http://host:port` for clients.
    pub(crate) fn client_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.client_port())
    }

    /// `http://host:port` for other members.
    pub(crate) fn peer_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.client_port() + 1)
    }
}

impl Default for MemberCounters {
    fn default() -> Self {
        Self {
            cpu: 0.0,
            fsync: Histogram::new(layouts::etcd_disk_seconds()),
            backend_commit: Histogram::new(layouts::etcd_disk_seconds()),
            round_trips: BTreeMap::new(),
            leader_changes: 1.0,
            tso_saves: 0.0,
            tso: Histogram::new(layouts::pd_short_seconds()),
            store_heartbeats: BTreeMap::new(),
            region_heartbeats: BTreeMap::new(),
            stream_messages: BTreeMap::new(),
            operators: BTreeMap::new(),
            operator_seconds: BTreeMap::new(),
            scheduler_events: BTreeMap::new(),
            checker_events: BTreeMap::new(),
            clock_jumps: 0.0,
        }
    }
}

impl MemberCounters {
    /// A second in which this member followed or led.
    pub(crate) fn pass(
        &mut self,
        seconds: f64,
        leads: bool,
        others: &[usize],
        round_trip_ms: f64,
        disk: f64,
        jitter: f64,
    ) {
        self.cpu += seconds * if leads { 0.06 } else { 0.02 };
        // Leases, TSO windows and region storage write about two entries a second.
        self.fsync
            .observe(2.0 * seconds, 0.001 * disk * jitter, 0.4);
        self.backend_commit
            .observe(2.0 * seconds, 0.002 * disk * jitter, 0.4);
        for other in others {
            let histogram = self
                .round_trips
                .entry(*other)
                .or_insert_with(|| Histogram::new(layouts::etcd_network_seconds()));
            // etcd's prober asks every 30 s over two connections.
            histogram.observe(seconds / 15.0, round_trip_ms / 1_000.0 * jitter, 0.4);
        }
        if leads {
            // The physical part moves every 50 ms.
            self.tso_saves += 20.0 * seconds;
            self.tso.observe(40.0 * seconds, 0.000_05 * jitter, 0.6);
        }
    }

    /// Counts an event of an operator.
    pub(crate) fn operator_event(&mut self, kind: &'static str, event: &'static str) {
        *self.operators.entry((kind, event)).or_insert(0.0) += 1.0;
    }

    /// Counts an event of a scheduler.
    pub(crate) fn scheduler_event(&mut self, kind: &'static str, name: &'static str) {
        *self.scheduler_events.entry((kind, name)).or_insert(0.0) += 1.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_leader_starts_without_its_predecessors_memory() {
        let mut rng = Rng::seeded(1);
        let mut pd = Pd::new(3, 0, &mut rng);
        pd.hot
            .note_store_rates(StoreId(1), hot_cache::StoreRates::default());
        pd.take_over(0, 9_000);
        assert_eq!((pd.leader, pd.etcd_leader, pd.term), (Some(0), Some(0), 3));
        assert!(pd.hot.store_rates(StoreId(1)).is_none());
    }

    #[test]
    fn two_of_three_are_a_quorum_and_one_is_not() {
        let mut pd = Pd::new(3, 0, &mut Rng::seeded(1));
        pd.members[0].alive = false;
        assert!(pd.has_quorum());
        pd.members[1].alive = false;
        assert!(!pd.has_quorum());
    }
}
