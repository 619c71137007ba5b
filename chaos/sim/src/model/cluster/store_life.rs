//! Births and deaths of store processes.

use super::report::LOG_KEPT_ENTRIES;
use super::{Cluster, Event};
use crate::model::disk::Disk;
use crate::model::ids::{RegionId, StoreId};
use crate::model::slow_score::SlowScore;
use crate::model::stages::Stages;
use crate::model::store::Life;
use crate::model::store::counters::Counters;

/// Reading logs back and opening the engines (recorded: 4.6 s for a small store without optimisation).
const START_MS: (u64, u64) = (3_000, 6_000);
/// A reset connection is noticed immediately; the retry that proves the loss takes a moment.
const NOTICE_MS: u64 = 500;
/// One that only drops packets is given up by gRPC's keepalive after 10 s and 3 s.
const KEEPALIVE_MS: u64 = 11_000;
/// A lost majority is noticed at the end of an election timeout.
const CHECK_QUORUM_MS: (u64, u64) = (10_000, 20_000);
/// `graceful-shutdown-timeout`: leaders are handed over for so long at most.
const SHUTDOWN_MS: u64 = 20_000;
/// About twenty leaders a second are handed over.
const TRANSFER_MS: u64 = 50;
/// Closing the engines.
const CLOSE_MS: u64 = 300;
/// A follower that comes back receives missing entries at about this rate.
const CATCH_UP_MS: u64 = 2_000;

impl Cluster {
    /// `kill -9`.
    pub(crate) fn kill_store(&mut self, id: StoreId) {
        let now_ms = self.now_ms;
        let Some(store) = self
            .stores
            .get_mut(&id)
            .filter(|store| store.life != Life::Dead)
        else {
            return;
        };
        store.life = Life::Dead;
        store.died_ms = now_ms;
        store.stopping = false;
        store.incarnation += 1;
        self.stand_still(id, NOTICE_MS);
    }

    /// The machine is lost with the process: connections time out, so the loss is noticed later.
    pub(crate) fn lose_machine(&mut self, id: StoreId) {
        self.kill_store(id);
        if let Some(store) = self.stores.get_mut(&id) {
            store.machine_lost = true;
        }
    }

    /// `SIGSTOP`.
    pub(crate) fn freeze_store(&mut self, id: StoreId) {
        let now_ms = self.now_ms;
        let Some(store) = self.stores.get_mut(&id).filter(|store| store.serves()) else {
            return;
        };
        store.life = Life::Frozen;
        store.died_ms = now_ms;
        self.stand_still(id, KEEPALIVE_MS);
    }

    /// `SIGCONT`: it goes on where it stood, and finds that others lead.
    pub(crate) fn thaw_store(&mut self, id: StoreId) {
        let Some(store) = self
            .stores
            .get_mut(&id)
            .filter(|store| store.life == Life::Frozen)
        else {
            return;
        };
        store.life = Life::Running;
        self.come_back(id);
    }

    /// Nothing of a store's work is done any more.
    fn stand_still(&mut self, id: StoreId, notice_ms: u64) {
        let Some(store) = self.stores.get_mut(&id) else {
            return;
        };
        store.demand = Default::default();
        store.stages = Stages::default();
        self.stop_following(id);
        self.lose_leaders_of(id);
        self.check_quorums(id);
        let others: Vec<StoreId> = self
            .stores
            .keys()
            .copied()
            .filter(|other| *other != id)
            .collect();
        for other in others {
            self.after(notice_ms, Event::NoticeLoss(other, id));
        }
    }

    /// Starts the process again on its data.
    pub(crate) fn start_store(&mut self, id: StoreId) {
        let start_ms = self.rng.between_ms(START_MS.0, START_MS.1);
        let Some(store) = self
            .stores
            .get_mut(&id)
            .filter(|store| store.life == Life::Dead)
        else {
            return;
        };
        store.life = Life::Starting;
        store.machine_lost = false;
        store.incarnation += 1;
        let incarnation = store.incarnation;
        self.log_store(id, "INFO", "lib.rs:84", "Welcome to TiKV", &[]);
        self.after(start_ms, Event::StoreReady(id, incarnation));
    }

    /// The process serves.
    pub(super) fn store_ready(&mut self, id: StoreId, incarnation: u64) {
        let now_ms = self.now_ms;
        let Some(store) = self.stores.get_mut(&id) else {
            return;
        };
        if store.life != Life::Starting || store.incarnation != incarnation {
            return;
        }
        store.life = Life::Running;
        store.started_ms = now_ms;
        store.reported_ms = now_ms;
        store.interval = Default::default();
        store.counters = Counters::default();
        store.slow_score = SlowScore::new();
        store.tree.memtable_bytes = 0.0;
        store.memory.restart();
        self.log_store(id, "INFO", "server.rs:422", "TiKV is ready to serve", &[]);
        self.register(id);
        self.report_store(id);
        self.come_back(id);
    }

    fn come_back(&mut self, id: StoreId) {
        self.reconnect(id);
        let regions: Vec<RegionId> = self.regions.keys().copied().collect();
        for region in regions {
            self.follow_again(region, id);
        }
    }

    fn register(&mut self, id: StoreId) {
        let now_ms = self.now_ms;
        let version = self
            .stores
            .get(&id)
            .map(|store| store.version.clone())
            .unwrap_or_default();
        if let Some(view) = self.pd.view.stores.get_mut(&id) {
            view.started_ms = now_ms;
            view.version = version;
        }
        let address = self
            .stores
            .get(&id)
            .map(crate::model::store::Store::address)
            .unwrap_or_default();
        self.log_leader(
            "INFO",
            "grpc_service.go:874",
            "put store ok",
            &[("store", format!("id:{id} address:\"{address}\" "))],
        );
    }

    fn reconnect(&mut self, id: StoreId) {
        let Some(store) = self.stores.get(&id) else {
            return;
        };
        let address = store.address();
        let silent_ms = self.now_ms.saturating_sub(store.died_ms);
        let others: Vec<StoreId> = self
            .stores
            .values()
            .filter(|other| other.id != id && other.serves())
            .map(|other| other.id)
            .collect();
        for other in others {
            let cost = format!("{}.{:03}s", silent_ms / 1_000, silent_ms % 1_000);
            let fields = [
                ("addr", address.clone()),
                ("store_id", id.to_string()),
                ("cost", cost),
            ];
            self.log_store(
                other,
                "INFO",
                "raft_client.rs:933",
                "connection established",
                &fields,
            );
        }
    }

    /// A store's replica follows again. Without a leader it may be the vote that was missing.
    fn follow_again(&mut self, id: RegionId, store: StoreId) {
        let Some(region) = self
            .regions
            .get_mut(&id)
            .filter(|region| region.peer_on(store).is_some())
        else {
            return;
        };
        let behind = region.lag.get(&store).copied().unwrap_or(0.0);
        if behind > LOG_KEPT_ENTRIES && behind.is_finite() && region.leader.is_some() {
            return self.send_snapshot(id, store);
        }
        if region
            .leader
            .is_some_and(|leader| !self.links.both(leader, store))
        {
            return;
        }
        if behind.is_finite() {
            region.lag.remove(&store);
        }
        if region.leader.is_none() && region.asleep_under.is_some() {
            // It starts awake, hears no leader, and campaigns like any follower.
            self.wake(id);
            self.await_election(id);
        } else if region.leader.is_none() {
            let term = region.term;
            let wait_ms = CATCH_UP_MS;
            self.after(wait_ms, Event::Elect(id, term));
        }
    }

    /// Its replicas miss entries from now on.
    pub(crate) fn stop_following(&mut self, id: StoreId) {
        self.wake_leaders_beside(id);
        let meter = self.clients.meter(self.now_ms);
        let value_bytes = self.clients.load.value_bytes;
        for region in self
            .regions
            .values_mut()
            .filter(|region| region.peer_on(id).is_some())
        {
            region.settle(meter, value_bytes);
            region.lag.entry(id).or_insert(0.0);
        }
    }

    fn lose_leaders_of(&mut self, id: StoreId) {
        let led: Vec<RegionId> = self
            .regions
            .values()
            .filter(|region| region.leader == Some(id))
            .map(|region| region.id)
            .collect();
        for region in led {
            self.lose_leader(region);
        }
    }

    /// Leaders that are left without a majority notice after a while.
    fn check_quorums(&mut self, lost: StoreId) {
        let concerned: Vec<(RegionId, u64)> = self
            .regions
            .values()
            .filter(|region| region.leader.is_some() && region.peer_on(lost).is_some())
            .map(|region| (region.id, region.term))
            .collect();
        for (region, term) in concerned {
            let wait_ms = self.rng.between_ms(CHECK_QUORUM_MS.0, CHECK_QUORUM_MS.1);
            self.after(wait_ms, Event::StepDown(region, term));
        }
    }

    /// Another store's connection breaks.
    pub(super) fn notice_loss(&mut self, id: StoreId, lost: StoreId) {
        let cut = !self.links.delivers(id, lost);
        let address = match self
            .stores
            .get(&lost)
            .filter(|store| cut || !store.serves())
        {
            Some(store) => store.address(),
            None => return,
        };
        if !self
            .stores
            .get(&id)
            .is_some_and(crate::model::store::Store::serves)
        {
            return;
        }
        let error = "Some(RpcFailure(RpcStatus { code: 14-UNAVAILABLE, message: \"Connection reset by peer\", details: [] }))";
        let fields = [
            ("addr", address),
            ("receiver_err", error.into()),
            ("store_id", lost.to_string()),
        ];
        self.log_store(
            id,
            "WARN",
            "raft_client.rs:610",
            "connection aborted",
            &fields,
        );
        let fields = [
            ("unreachable_store_id", lost.to_string()),
            ("store_id", id.to_string()),
        ];
        self.log_store(
            id,
            "INFO",
            "store.rs:3466",
            "broadcasting unreachable",
            &fields,
        );
    }

    /// SIGTERM: leaders are handed over, then the process ends.
    pub(crate) fn stop_store(&mut self, id: StoreId) {
        let Some(store) = self.stores.get_mut(&id).filter(|store| store.serves()) else {
            return;
        };
        store.stopping = true;
        let incarnation = store.incarnation;
        let led: Vec<(RegionId, Option<StoreId>)> = self
            .regions
            .values()
            .filter(|region| region.leader == Some(id))
            .map(|region| {
                (
                    region.id,
                    region
                        .peers
                        .iter()
                        .map(|peer| peer.store)
                        .find(|store| *store != id),
                )
            })
            .collect();
        let handing_over_ms =
            TRANSFER_MS * crate::model::number::whole(crate::model::number::real_len(led.len()));
        for ((region, to), number) in led.into_iter().zip(0_u64..) {
            if let Some(to) = to {
                self.after(TRANSFER_MS * number, Event::Transfer(region, to));
            }
        }
        self.after(
            (handing_over_ms + CLOSE_MS).min(SHUTDOWN_MS),
            Event::StoreStopped(id, incarnation),
        );
    }

    /// The time for handing over has passed.
    pub(super) fn store_stopped(&mut self, id: StoreId, incarnation: u64) {
        if self
            .stores
            .get(&id)
            .is_some_and(|store| store.incarnation == incarnation)
        {
            self.kill_store(id);
        }
    }

    /// The disk returns nothing any more: the process lives, and nothing that it does comes to an end.
    pub(crate) fn hang_disk(&mut self, id: StoreId) {
        let Some(disk) = self.disk_mut(id) else {
            return;
        };
        disk.hung = true;
        self.stop_following(id);
    }

    /// A store's disk.
    pub(crate) fn disk_mut(&mut self, id: StoreId) -> Option<&mut Disk> {
        self.stores.get_mut(&id).map(|store| &mut store.disk)
    }
}
