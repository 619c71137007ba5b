//! Idle regions hibernate: their replicas stop ticking, and their leaders report no more to PD
//! (`tikv: components/raftstore/src/store/fsm/peer.rs`, on_raft_base_tick).

use super::{Cluster, Event};
use crate::model::ids::{RegionId, StoreId};
use crate::model::number::whole;
use crate::model::region::Region;

/// Nothing is asked of a region for an election timeout before it hibernates
/// (`raftstore.raft-max-election-timeout-ticks`, of a second).
const IDLE_S: f64 = 20.0;
/// A hibernated replica checks so often whether it still has a leader (`raftstore.peer-stale-state-check-interval`).
const STALE_CHECK_MS: u64 = 300_000;

impl Cluster {
    /// A leader that has just reported: if the region is idle and every replica follows, it was the last report.
    pub(super) fn may_hibernate(&mut self, id: RegionId) {
        let Some(region) = self
            .regions
            .get(&id)
            .filter(|region| region.asleep_under.is_none())
        else {
            return;
        };
        let Some(leader) = region
            .leader
            .filter(|_| region.lag.is_empty() && self.is_idle(region))
        else {
            return;
        };
        let stores = stores_of(region);
        let all_there = stores
            .iter()
            .all(|store| self.stores.get(store).is_some_and(|store| store.appends()));
        if !all_there || !stores.iter().all(|store| self.links.both(leader, *store)) {
            return;
        }
        if let Some(region) = self.regions.get_mut(&id) {
            region.asleep_under = Some(leader);
        }
        for store in stores {
            if let Some(store) = self.stores.get_mut(&store) {
                store.asleep.held += 1;
                store.asleep.led += u64::from(store.id == leader);
            }
        }
    }

    fn is_idle(&self, region: &Region) -> bool {
        let asked = (region.rates.reads + region.rates.writes) * self.clients.intensity();
        let swells = self
            .swelling
            .is_some_and(|(swelling, _)| swelling == region.id);
        asked * IDLE_S < 1.0 && self.clients.ingested <= 0.0 && !swells
    }

    /// Clients, a change of the region, or a store that is missed: its replicas tick again.
    pub(super) fn wake(&mut self, id: RegionId) {
        let Some(region) = self.regions.get_mut(&id) else {
            return;
        };
        let Some(under) = region.asleep_under.take() else {
            return;
        };
        let stores = stores_of(region);
        let leaderless = region.leader.is_none();
        for store in stores {
            if let Some(store) = self.stores.get_mut(&store) {
                store.asleep.held = store.asleep.held.saturating_sub(1);
                store.asleep.led = store
                    .asleep
                    .led
                    .saturating_sub(u64::from(store.id == under));
                store.asleep.leaderless = store
                    .asleep
                    .leaderless
                    .saturating_sub(u64::from(leaderless));
            }
        }
    }

    /// A region is used again: it wakes without waiting for anything.
    pub(super) fn wake_if_used(&mut self, id: RegionId) {
        if self
            .regions
            .get(&id)
            .is_some_and(|region| region.leader.is_some() && !self.is_idle(region))
        {
            self.wake(id);
        }
    }

    /// The leaders of regions with a replica on a store that is gone notice it, and wake.
    pub(super) fn wake_leaders_beside(&mut self, gone: StoreId) {
        let beside = |region: &&Region| {
            region.asleep_under.is_some_and(|leader| leader != gone)
                && region.peer_on(gone).is_some()
        };
        let concerned: Vec<RegionId> = self
            .regions
            .values()
            .filter(beside)
            .map(|region| region.id)
            .collect();
        for region in concerned {
            self.wake(region);
        }
    }

    /// The leader of a hibernated region is gone, and its followers do not know: they notice it at their next check, or
    /// when a client asks.
    pub(super) fn sleep_on(&mut self, id: RegionId, term: u64) {
        let Some(region) = self.regions.get(&id) else {
            return;
        };
        let asked = (region.rates.reads + region.rates.writes) * self.clients.intensity();
        let looked_ms = self.rng.between_ms(0, STALE_CHECK_MS);
        // Requests come at random: the wait for the first one is exponential, and infinite without requests.
        let asked_ms =
            whole(-(1.0 - self.rng.unit()).ln() / asked.max(f64::MIN_POSITIVE) * 1_000.0);
        self.after(looked_ms.min(asked_ms), Event::Rouse(id, term));
    }

    /// A follower has found out.
    pub(super) fn rouse(&mut self, id: RegionId, term: u64) {
        let alone = |region: &&Region| region.term == term && region.leader.is_none();
        if self.regions.get(&id).is_some_and(|region| alone(&region)) {
            self.wake(id);
            self.await_election(id);
        }
    }
}

fn stores_of(region: &Region) -> Vec<StoreId> {
    region.peers.iter().map(|peer| peer.store).collect()
}
