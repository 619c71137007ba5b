//! Which peers PD calls hot, and how late (`pd: pkg/statistics/hot_peer_cache.go`).
//!
//! A peer is warm in an interval when one of its rates reaches the store's threshold. Each warm interval raises its
//! degree by one, each cold one lowers it. Write intervals are region heartbeats (60 s), read intervals store
//! heartbeats (10 s). A list shows peers from a degree on, and as their rate the median of the last five intervals:
//! that is why a sudden load takes minutes to show.

use crate::model::ids::{RegionId, StoreId};
use crate::model::number::real;
use std::collections::{BTreeMap, VecDeque};

/// Reads or writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HotKind {
    /// Reads, seen through store heartbeats.
    Read,
    /// Writes, seen through region heartbeats.
    Write,
}

/// A second's flow.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct HotRates {
    /// Bytes.
    pub bytes: f64,
    /// Keys.
    pub keys: f64,
    /// Requests; writes are not counted as queries in the raw mode that the clients use.
    pub queries: f64,
}

/// A peer that was warm lately.
#[derive(Debug, Clone)]
pub(crate) struct HotPeer {
    /// The region.
    pub region: RegionId,
    /// All stores of the region.
    pub stores: Vec<StoreId>,
    /// This peer leads.
    pub leads: bool,
    /// Warm intervals, less the cold ones.
    pub degree: u64,
    /// Cold intervals that are forgiven.
    pub anti: u64,
    /// When it reported last.
    pub updated_ms: u64,
    recent: VecDeque<HotRates>,
}

/// Flow of a whole store.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct StoreRates {
    /// Writes.
    pub write: HotRates,
    /// Reads.
    pub read: HotRates,
}

/// Hot peers of all stores.
#[derive(Debug, Clone, Default)]
pub(crate) struct HotCache {
    peers: BTreeMap<(HotKind, StoreId), BTreeMap<RegionId, HotPeer>>,
    thresholds: BTreeMap<(HotKind, StoreId), (u64, HotRates)>,
    stores: BTreeMap<StoreId, StoreRates>,
}

/// Intervals of which the median is shown.
const MEDIAN_OF: usize = 5;
/// The threshold follows the warmest peers of a store, as many as this.
const TOP: usize = 60;
/// Thresholds are recomputed this often (`ThresholdsUpdateInterval`).
const THRESHOLD_MS: u64 = 8_000;
/// … at this share of the last of them.
const TOP_SHARE: f64 = 0.8;
/// Cold intervals that a write peer is forgiven; reads report six times as often.
const ANTI: u64 = 2;

impl HotKind {
    /// Degree from which on a peer is listed.
    pub(crate) fn shown_from(self) -> u64 {
        match self {
            Self::Write => 3,
            Self::Read => 18,
        }
    }

    fn anti(self) -> u64 {
        match self {
            Self::Write => ANTI,
            Self::Read => ANTI * 6,
        }
    }

    /// Least rates that count as warm.
    pub(crate) fn minimum(self) -> HotRates {
        match self {
            Self::Write => HotRates {
                bytes: 1_024.0,
                keys: 32.0,
                queries: 32.0,
            },
            Self::Read => HotRates {
                bytes: 8_192.0,
                keys: 128.0,
                queries: 128.0,
            },
        }
    }
}

impl HotRates {
    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            keys: self.keys + other.keys,
            queries: self.queries + other.queries,
        }
    }

    /// The first without the second.
    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            bytes: (self.bytes - other.bytes).max(0.0),
            keys: (self.keys - other.keys).max(0.0),
            queries: (self.queries - other.queries).max(0.0),
        }
    }
}

impl HotPeer {
    /// Median rates of the last intervals.
    pub(crate) fn rates(&self) -> HotRates {
        HotRates {
            bytes: self.median(|rates| rates.bytes),
            keys: self.median(|rates| rates.keys),
            queries: self.median(|rates| rates.queries),
        }
    }

    fn median(&self, pick: impl Fn(&HotRates) -> f64) -> f64 {
        let mut values = [f64::INFINITY; MEDIAN_OF];
        for (value, rates) in values.iter_mut().zip(&self.recent) {
            *value = pick(rates);
        }
        values.sort_unstable_by(f64::total_cmp);
        values
            .get(self.recent.len() / 2)
            .copied()
            .filter(|median| median.is_finite())
            .unwrap_or(0.0)
    }
}

impl HotCache {
    /// A peer's interval ended with these rates.
    pub(crate) fn report(&mut self, kind: HotKind, store: StoreId, report: HotReport) {
        let threshold = self.threshold(kind, store, report.now_ms);
        let HotReport {
            region,
            stores,
            leads,
            rates,
            now_ms,
        } = report;
        let warm = rates.bytes >= threshold.bytes
            || rates.keys >= threshold.keys
            || rates.queries >= threshold.queries;
        let peers = self.peers.entry((kind, store)).or_default();
        if !warm && !peers.contains_key(&region) {
            return;
        }
        let peer = peers.entry(region).or_insert_with(|| HotPeer {
            region,
            stores: Vec::new(),
            leads,
            degree: 0,
            anti: kind.anti(),
            updated_ms: now_ms,
            recent: VecDeque::new(),
        });
        (peer.stores, peer.leads, peer.updated_ms) = (stores, leads, now_ms);
        peer.recent.push_back(rates);
        if peer.recent.len() > MEDIAN_OF {
            peer.recent.pop_front();
        }
        if warm {
            peer.degree += 1;
            peer.anti = kind.anti();
        } else {
            peer.degree = peer.degree.saturating_sub(1);
            peer.anti = peer.anti.saturating_sub(1);
        }
        if peer.degree == 0 || peer.anti == 0 {
            peers.remove(&region);
        }
    }

    /// The rates from which on a peer of this store is warm, as of the last few seconds.
    fn threshold(&mut self, kind: HotKind, store: StoreId, now_ms: u64) -> HotRates {
        let known = self.thresholds.get(&(kind, store));
        if let Some((_, threshold)) =
            known.filter(|(at_ms, _)| now_ms.saturating_sub(*at_ms) < THRESHOLD_MS)
        {
            return *threshold;
        }
        let threshold = self.threshold_now(kind, store);
        self.thresholds.insert((kind, store), (now_ms, threshold));
        threshold
    }

    fn threshold_now(&self, kind: HotKind, store: StoreId) -> HotRates {
        let minimum = kind.minimum();
        let Some(peers) = self
            .peers
            .get(&(kind, store))
            .filter(|peers| peers.len() >= TOP)
        else {
            return minimum;
        };
        let rates: Vec<HotRates> = peers.values().map(HotPeer::rates).collect();
        let last_of_top = |pick: fn(&HotRates) -> f64| {
            let mut values: Vec<f64> = rates.iter().map(pick).collect();
            values.sort_by(|left, right| right.total_cmp(left));
            values.get(TOP - 1).copied().unwrap_or(0.0) * TOP_SHARE
        };
        HotRates {
            bytes: last_of_top(|rates| rates.bytes).max(minimum.bytes),
            keys: last_of_top(|rates| rates.keys).max(minimum.keys),
            queries: last_of_top(|rates| rates.queries).max(minimum.queries),
        }
    }

    /// Peers of a store that are listed, by rising degree as PD lists them.
    pub(crate) fn shown(&self, kind: HotKind, store: StoreId) -> Vec<&HotPeer> {
        let peers = self.peers.get(&(kind, store));
        let mut shown: Vec<&HotPeer> = peers
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter(|peer| peer.degree >= kind.shown_from())
            .collect();
        shown.sort_by_key(|peer| peer.degree);
        shown
    }

    /// Another peer leads a region.
    pub(crate) fn note_leader(&mut self, region: RegionId, leader: Option<StoreId>) {
        for ((_, store), peers) in &mut self.peers {
            if let Some(peer) = peers.get_mut(&region) {
                peer.leads = leader == Some(*store);
            }
        }
    }

    /// Whether one of a region's peers is listed, as read or as written.
    pub(crate) fn is_hot(&self, region: RegionId, stores: &[StoreId]) -> bool {
        let listed = |kind: HotKind, store: &StoreId| {
            let peer = self
                .peers
                .get(&(kind, *store))
                .and_then(|peers| peers.get(&region));
            peer.is_some_and(|peer| peer.degree >= kind.shown_from())
        };
        stores
            .iter()
            .any(|store| listed(HotKind::Read, store) || listed(HotKind::Write, store))
    }

    /// All peers of a store that are kept.
    pub(crate) fn kept(&self, kind: HotKind, store: StoreId) -> f64 {
        self.peers
            .get(&(kind, store))
            .map_or(0.0, |peers| crate::model::number::real_len(peers.len()))
    }

    /// A store reported its own flow. PD smooths it.
    pub(crate) fn note_store_rates(&mut self, store: StoreId, rates: StoreRates) {
        let Some(known) = self.stores.get_mut(&store) else {
            self.stores.insert(store, rates);
            return;
        };
        known.write = smooth(known.write, rates.write);
        known.read = smooth(known.read, rates.read);
    }

    /// The smoothed flow of a store.
    pub(crate) fn store_rates(&self, store: StoreId) -> Option<StoreRates> {
        self.stores.get(&store).copied()
    }

    /// Peers that stopped reporting are dropped after three intervals.
    pub(crate) fn expire(&mut self, now_ms: u64) {
        for ((kind, _), peers) in &mut self.peers {
            let interval_ms = if *kind == HotKind::Write {
                60_000
            } else {
                10_000
            };
            peers.retain(|_, peer| now_ms.saturating_sub(peer.updated_ms) <= 3 * interval_ms);
        }
    }
}

/// One peer's interval.
#[derive(Debug, Clone)]
pub(crate) struct HotReport {
    /// The region.
    pub region: RegionId,
    /// All stores of the region.
    pub stores: Vec<StoreId>,
    /// This peer leads.
    pub leads: bool,
    /// What flowed, a second.
    pub rates: HotRates,
    /// Now.
    pub now_ms: u64,
}

/// A moving average over about a minute of store heartbeats.
fn smooth(old: HotRates, new: HotRates) -> HotRates {
    let mix = |old: f64, new: f64| old + (new - old) * 0.4;
    HotRates {
        bytes: mix(old.bytes, new.bytes),
        keys: mix(old.keys, new.keys),
        queries: mix(old.queries, new.queries),
    }
}

/// The sums that PD shows with a list.
pub(crate) fn total(peers: &[&HotPeer]) -> HotRates {
    peers
        .iter()
        .map(|peer| peer.rates())
        .fold(HotRates::default(), HotRates::plus)
}

/// As PD rounds flows in lists.
pub(crate) fn rounded(rate: f64) -> f64 {
    real(crate::model::number::whole(rate + 0.5))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(bytes: f64, minute: u64) -> HotReport {
        let rates = HotRates {
            bytes,
            ..HotRates::default()
        };
        HotReport {
            region: RegionId(8),
            stores: vec![StoreId(1)],
            leads: true,
            rates,
            now_ms: minute * 60_000,
        }
    }

    #[test]
    fn a_region_that_becomes_hot_is_listed_with_its_third_heartbeat() {
        let mut cache = HotCache::default();
        for minute in 1..=2 {
            cache.report(HotKind::Write, StoreId(1), report(600_000.0, minute));
            assert!(cache.shown(HotKind::Write, StoreId(1)).is_empty());
        }
        cache.report(HotKind::Write, StoreId(1), report(600_000.0, 3));
        assert_eq!(cache.shown(HotKind::Write, StoreId(1)).len(), 1);
    }

    #[test]
    fn a_warm_region_that_turns_hot_shows_its_new_flow_with_the_median() {
        let mut cache = HotCache::default();
        (1..=5)
            .for_each(|minute| cache.report(HotKind::Write, StoreId(1), report(2_000.0, minute)));
        let flows: Vec<f64> = (6..=8)
            .map(|minute| {
                cache.report(HotKind::Write, StoreId(1), report(600_000.0, minute));
                cache.shown(HotKind::Write, StoreId(1))[0].rates().bytes
            })
            .collect();
        assert_eq!(flows, [2_000.0, 2_000.0, 600_000.0]);
    }

    #[test]
    fn cold_intervals_take_a_region_off_the_list() {
        let mut cache = HotCache::default();
        (1..=4)
            .for_each(|minute| cache.report(HotKind::Write, StoreId(1), report(600_000.0, minute)));
        (5..=6).for_each(|minute| cache.report(HotKind::Write, StoreId(1), report(0.0, minute)));
        assert!(cache.shown(HotKind::Write, StoreId(1)).is_empty());
    }

    #[test]
    fn silent_peers_expire() {
        let mut cache = HotCache::default();
        (1..=4)
            .for_each(|minute| cache.report(HotKind::Write, StoreId(1), report(600_000.0, minute)));
        cache.expire(8 * 60_000);
        assert!(cache.shown(HotKind::Write, StoreId(1)).is_empty());
    }
}
