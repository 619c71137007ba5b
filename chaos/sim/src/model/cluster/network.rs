//! What cut and mended links do to Raft.

use super::{Cluster, Event};
use crate::model::ids::{RegionId, StoreId};

/// A connection that only drops packets is given up by gRPC's keepalive after so long (10 s and 3 s).
const KEEPALIVE_MS: (u64, u64) = (3_000, 13_000);
/// A leader notices at the end of an election timeout that it lost its majority.
const CHECK_QUORUM_MS: (u64, u64) = (10_000, 20_000);

impl Cluster {
    /// Connections from one store to another are dropped, or work again.
    pub(crate) fn cut_link(&mut self, from: StoreId, to: StoreId, cut: bool) {
        self.links.cut(from, to, cut.then_some(self.now_ms));
        self.links_changed(from, to, cut);
    }

    /// Handshakes with a store fail, or work again.
    pub(crate) fn refuse_links(&mut self, store: StoreId, refuses: bool) {
        self.links.refuse(store, refuses);
        for other in self
            .stores
            .keys()
            .copied()
            .filter(|other| *other != store)
            .collect::<Vec<_>>()
        {
            self.links_changed(store, other, refuses);
            self.links_changed(other, store, refuses);
        }
    }

    fn links_changed(&mut self, from: StoreId, to: StoreId, cut: bool) {
        if cut {
            let wait_ms = self.rng.between_ms(KEEPALIVE_MS.0, KEEPALIVE_MS.1);
            self.after(wait_ms, Event::NoticeLoss(from, to));
        } else if let Some(address) = self
            .stores
            .get(&to)
            .map(crate::model::store::Store::address)
        {
            let fields = [("addr", address), ("store_id", to.to_string())];
            self.log_store(
                from,
                "INFO",
                "raft_client.rs:933",
                "connection established",
                &fields,
            );
        }
        let concerned: Vec<RegionId> = self
            .regions
            .values()
            .filter(|region| region.peer_on(from).is_some() && region.peer_on(to).is_some())
            .map(|region| region.id)
            .collect();
        for region in concerned {
            self.reconsider(region);
        }
    }

    /// A region's followers and its leader find out what the links allow.
    fn reconsider(&mut self, id: RegionId) {
        self.wake(id);
        self.follow_leader(id);
        let Some(region) = self.regions.get(&id) else {
            return;
        };
        let term = region.term;
        let led = region.leader.is_some();
        let wait_ms = self.rng.between_ms(CHECK_QUORUM_MS.0, CHECK_QUORUM_MS.1);
        self.after(
            wait_ms,
            if led {
                Event::StepDown(id, term)
            } else {
                Event::Elect(id, term)
            },
        );
    }

    /// Replicas that hear their leader follow it, and the others fall behind.
    pub(super) fn follow_leader(&mut self, id: RegionId) {
        let meter = self.clients.meter(self.now_ms);
        let value_bytes = self.clients.load.value_bytes;
        let Some(region) = self.regions.get_mut(&id) else {
            return;
        };
        let Some(leader) = region.leader else { return };
        region.settle(meter, value_bytes);
        for peer in region.peers.iter().filter(|peer| peer.store != leader) {
            let able = self
                .stores
                .get(&peer.store)
                .is_some_and(|store| store.appends());
            if able && self.links.both(leader, peer.store) {
                // A replica that lacks more than the log contains waits for a snapshot, which ends the lag when it arrives.
                if region
                    .lag
                    .get(&peer.store)
                    .is_some_and(|lag| *lag <= super::report::LOG_KEPT_ENTRIES)
                {
                    region.lag.remove(&peer.store);
                }
            } else {
                region.lag.entry(peer.store).or_insert(0.0);
            }
        }
        region.lag.remove(&leader);
    }
}
