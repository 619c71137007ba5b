//! Regions that grow, and regions that are split.

use super::{Cluster, Event, TICK_MS};
use crate::config::MIB;
use crate::model::ids::RegionId;
use crate::model::key::Key;
use crate::model::number::{real, real_len, whole};
use crate::model::pd::gauges::REGION_MAX_MIB;
use crate::model::region::{Flow, Peer, Rates, Region};
use std::collections::BTreeMap;

/// Leaders report each region this often; ingested data is added in such portions.
const REPORT_S: f64 = 60.0;

impl Cluster {
    /// What was loaded since the last report makes a region larger, and too large ones are split.
    pub(super) fn grow_region(&mut self, id: RegionId) {
        let share = self.clients.ingested / real_len(self.regions.len().max(1)) * REPORT_S;
        let swells = self
            .swelling
            .filter(|(swelling, _)| *swelling == id)
            .map(|(_, speed)| speed);
        let Some(region) = self
            .regions
            .get_mut(&id)
            .filter(|region| region.leader.is_some())
        else {
            return;
        };
        region.bytes += share + swells.unwrap_or(0.0) * REPORT_S;
        if swells.is_none() && region.bytes >= real(REGION_MAX_MIB) * MIB && self.pd.serves() {
            self.split_region(id);
        }
    }

    /// A region becomes two of half the size. The right one keeps the id, and whatever clients are after.
    pub(super) fn split_region(&mut self, id: RegionId) {
        let Some(region) = self.regions.get(&id) else {
            return;
        };
        let (Some(middle), Some(leader)) = (Key::middle(region.start, region.end), region.leader)
        else {
            return;
        };
        let able = self
            .stores
            .get(&leader)
            .is_some_and(|store| store.appends() && store.pd_reachable);
        if !able || !self.pd.serves() {
            return;
        }
        let left_id = RegionId(self.next_id());
        let ids: Vec<u64> = (0..self.regions.get(&id).map_or(0, |region| region.peers.len()))
            .map(|_| self.next_id())
            .collect();
        let heat = if self.hot_region == Some(id) {
            self.heat
        } else {
            Rates::default()
        };
        let mut left = None;
        self.change_region(id, |region| {
            let cold = region.rates.minus(heat).times(0.5);
            region.version += 1;
            let peers = region
                .peers
                .iter()
                .zip(ids)
                .map(|(peer, id)| Peer { id, ..*peer })
                .collect();
            left = Some(Region {
                id: left_id,
                start: region.start,
                end: middle,
                peers,
                leader: None,
                asleep_under: None,
                lag: BTreeMap::new(),
                rates: cold,
                flow: Flow::default(),
                bytes: region.bytes / 2.0,
                reported_ms: 0,
                ..region.clone()
            });
            region.start = middle;
            region.bytes /= 2.0;
            region.rates = cold.plus(heat);
        });
        if let Some(left) = left {
            self.regions.insert(left_id, left);
            self.count_replicas(left_id, true);
            self.set_leader(left_id, Some(leader));
            self.slots.add(left_id, &mut self.rng);
        }
        if let Some(store) = self.stores.get_mut(&leader) {
            store.counters.splits += 1.0;
        }
        // A store asks PD for the new ids before it splits.
        let now_ms = self.now_ms;
        self.pd.splits.extend([(left_id, now_ms), (id, now_ms)]);
        self.report_region(left_id);
        self.report_region(id);
    }

    /// Regions are to be split.
    pub(crate) fn want_splits(&mut self, count: u64, per_second: f64) {
        self.splits_wanted = (count, per_second);
        self.after(TICK_MS, Event::SplitSome);
    }

    /// A second of splitting, at places that chance picks.
    pub(super) fn split_some(&mut self) {
        let (left, per_second) = self.splits_wanted;
        let now = whole(per_second.ceil()).min(left);
        let ids: Vec<RegionId> = self.regions.keys().copied().collect();
        for _ in 0..now {
            let draw = usize::try_from(self.rng.bits() >> 33).unwrap_or(0) % ids.len().max(1);
            if let Some(id) = ids.get(draw).copied() {
                self.split_region(id);
            }
        }
        self.splits_wanted.0 = left - now;
        if left > now {
            self.after(TICK_MS, Event::SplitSome);
        }
    }

    /// All data of neighbouring regions is deleted.
    pub(crate) fn empty_regions(&mut self, count: u64) {
        let mut sorted: Vec<(Key, RegionId)> = self
            .regions
            .values()
            .map(|region| (region.start, region.id))
            .collect();
        sorted.sort();
        let emptied: Vec<RegionId> = sorted
            .into_iter()
            .map(|(_, id)| id)
            .take(usize::try_from(count).unwrap_or(usize::MAX))
            .collect();
        for id in emptied {
            self.change_region(id, |region| {
                (region.bytes, region.rates) = (0.0, Rates::default())
            });
        }
    }

    /// A region grows and cannot be split; or it does not any more.
    pub(crate) fn swell(&mut self, bytes_per_second: f64) {
        let chosen = self
            .swelling
            .map(|(region, _)| region)
            .or_else(|| self.regions.keys().nth(7).copied());
        self.swelling = chosen.map(|region| (region, bytes_per_second));
        self.hot_region = self.hot_region.or(chosen);
    }

    /// A region is gone with all its replicas, and with PD's record of it.
    pub(crate) fn lose_range(&mut self) {
        let Some(id) = self.regions.keys().nth(11).copied() else {
            return;
        };
        self.wake(id);
        self.set_leader(id, None);
        self.count_replicas(id, false);
        self.regions.remove(&id);
        self.pd.view.forget(id);
    }
}
