//! What can be done to the cluster. Each fault changes the physics; nothing here writes what is observed.

use super::cluster::Cluster;
use super::disk::Filling;
use super::ids::{RegionId, StoreId};
use super::region::Rates;
use crate::scenario::FaultKind;

impl Cluster {
    /// Something happens to the cluster.
    pub(crate) fn suffer(&mut self, fault: &FaultKind) {
        match fault {
            FaultKind::KillStore { store } => self.kill_store(StoreId(*store)),
            FaultKind::StartStore { store } => self.start_store(StoreId(*store)),
            FaultKind::StopStore { store } => self.stop_store(StoreId(*store)),
            FaultKind::HotWrite { leader, bytes_per_second, value_bytes } => {
                self.heat_some_region(StoreId(*leader), *bytes_per_second, *value_bytes);
            }
            FaultKind::LoadFactor { factor } => self.clients.want(self.now_ms, *factor),
            FaultKind::SlowDisk { store, factor } => {
                self.change_disk(*store, |disk| disk.slow_factor = *factor);
            }
            FaultKind::HangDisk { store } => self.hang_disk(StoreId(*store)),
            FaultKind::CpuSteal { store, share_left } => self.steal(StoreId(*store), *share_left),
            FaultKind::FillDisk { store, bytes_per_second, until_free_bytes } => {
                let filling = Filling { bytes_per_second: *bytes_per_second, until_free_bytes: *until_free_bytes };
                self.change_disk(*store, |disk| disk.filling = Some(filling));
            }
            FaultKind::FreeDisk { store } => {
                let foreign_bytes = self.config.machine.foreign_bytes;
                self.change_disk(*store, |disk| (disk.filling, disk.foreign_bytes) = (None, foreign_bytes));
            }
            FaultKind::CutStoreFromPd { store } => self.reach_pd(StoreId(*store), false),
            FaultKind::JoinStoreToPd { store } => self.reach_pd(StoreId(*store), true),
            FaultKind::KillPdLeader => self.kill_leading_member(),
            FaultKind::StartPdMembers => self.start_members(),
            FaultKind::EvictLeaders { store } => self.evict_leaders(StoreId(*store), true),
            FaultKind::AllowLeaders { store } => self.evict_leaders(StoreId(*store), false),
            _ => {}
        }
    }

    /// Clients begin to write neighbouring keys; which region holds them is chance.
    fn heat_some_region(&mut self, leader: StoreId, bytes_per_second: f64, value_bytes: f64) {
        let led: Vec<RegionId> =
            self.regions.values().filter(|region| region.leader == Some(leader)).map(|region| region.id).collect();
        let draw = usize::try_from(self.rng.bits() >> 33).unwrap_or(0);
        let Some(region) = led.get(draw % led.len().max(1)).copied() else { return };
        let writes = bytes_per_second / value_bytes.max(1.0);
        self.heat(region, Rates { reads: 0.0, writes, write_bytes: bytes_per_second });
        // More clients than before: they bring their own hands.
        self.clients.load.in_flight_max += writes * 0.02;
    }

    fn change_disk(&mut self, store: u64, change: impl FnOnce(&mut super::disk::Disk)) {
        if let Some(disk) = self.disk_mut(StoreId(store)) {
            change(disk);
        }
    }

    fn steal(&mut self, store: StoreId, share_left: f64) {
        if let Some(store) = self.stores.get_mut(&store) {
            // Below a twentieth the machine would not run at all.
            store.cpu_factor = 1.0 / share_left.clamp(0.05, 1.0);
        }
    }

    fn reach_pd(&mut self, store: StoreId, reachable: bool) {
        if let Some(store) = self.stores.get_mut(&store) {
            store.pd_reachable = reachable;
        }
    }

    fn evict_leaders(&mut self, store: StoreId, evict: bool) {
        let stores = self.pd.evicting.entry(super::cluster::EVICT_LEADER).or_default();
        if evict {
            stores.insert(store);
        } else {
            stores.remove(&store);
        }
        if stores.is_empty() {
            self.pd.evicting.remove(super::cluster::EVICT_LEADER);
        }
    }
}
