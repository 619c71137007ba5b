//! A region's load follows its leader and its replicas.

use super::Cluster;
use crate::model::ids::{RegionId, StoreId};
use crate::model::region::Rates;

impl Cluster {
    /// Changes the leader of a region, or removes it, and moves its load along.
    pub(crate) fn set_leader(&mut self, id: RegionId, leader: Option<StoreId>) {
        // The new leader announces itself, which wakes every replica.
        if leader.is_some() {
            self.wake(id);
        }
        let meter = self.clients.meter(self.now_ms);
        let value_bytes = self.clients.load.value_bytes;
        let Some(region) = self.regions.get_mut(&id) else {
            return;
        };
        region.settle(meter, value_bytes);
        let before = std::mem::replace(&mut region.leader, leader);
        let rates = region.rates;
        let served_before = before.is_some();
        if let Some(store) = before.and_then(|store| self.stores.get_mut(&store)) {
            store.led = store.led.minus(rates);
            store.leads.remove(&id);
            store.led_regions = store.led_regions.saturating_sub(1);
        }
        if let Some(store) = leader.and_then(|store| self.stores.get_mut(&store)) {
            store.led = store.led.plus(rates);
            store.leads.insert(id);
            store.led_regions += 1;
        }
        if served_before != leader.is_some() {
            self.count_service(id, leader.is_some(), rates);
        }
    }

    /// A region is served again, or not any more: its replicas' stores feel it.
    fn count_service(&mut self, id: RegionId, served: bool, rates: Rates) {
        let Some(region) = self.regions.get(&id) else {
            return;
        };
        for peer in &region.peers {
            let Some(store) = self.stores.get_mut(&peer.store) else {
                continue;
            };
            if served {
                store.replicated = store.replicated.plus(rates);
                store.leaderless_regions = store.leaderless_regions.saturating_sub(1);
            } else {
                store.replicated = store.replicated.minus(rates);
                store.leaderless_regions += 1;
                store.asleep.leaderless += u64::from(region.asleep_under.is_some());
            }
        }
    }

    /// Takes a region out of its stores' sums, changes it, and puts it back.
    pub(crate) fn change_region(
        &mut self,
        id: RegionId,
        change: impl FnOnce(&mut crate::model::region::Region),
    ) {
        let Some(leader) = self.regions.get(&id).map(|region| region.leader) else {
            return;
        };
        self.wake(id);
        self.set_leader(id, None);
        self.count_replicas(id, false);
        if let Some(region) = self.regions.get_mut(&id) {
            change(region);
        }
        self.count_replicas(id, true);
        self.set_leader(id, leader);
    }

    /// Adds a region without a leader to its stores, or removes it.
    pub(crate) fn count_replicas(&mut self, id: RegionId, add: bool) {
        let Some(region) = self.regions.get(&id) else {
            return;
        };
        for peer in &region.peers {
            let Some(store) = self.stores.get_mut(&peer.store) else {
                continue;
            };
            if add {
                store.held_regions += 1;
                store.leaderless_regions += 1;
            } else {
                store.held_regions = store.held_regions.saturating_sub(1);
                store.leaderless_regions = store.leaderless_regions.saturating_sub(1);
            }
        }
    }

    /// The next id that PD allocates.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}
