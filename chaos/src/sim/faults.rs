//! What can be done to the cluster. Each fault changes the physics; nothing here writes what is observed.

use super::cluster::Cluster;
use super::disk::{Disk, Filling};
use super::ids::{RegionId, StoreId};
use super::region::Rates;
use super::store::Store;
use crate::scenario::{FaultKind, Pool};

/// Requests in flight that clients allow for each one a second: they wait for 20 ms without asking for less.
const HANDS: f64 = 0.02;

impl Cluster {
    /// Something happens to the cluster.
    pub(crate) fn suffer(&mut self, fault: &FaultKind) {
        let done = self.suffer_process(fault)
            || self.suffer_load(fault)
            || self.suffer_machine(fault)
            || self.suffer_network(fault)
            || self.suffer_pd(fault)
            || self.suffer_operation(fault);
        debug_assert!(done, "nobody plays {fault:?}");
    }

    fn suffer_process(&mut self, fault: &FaultKind) -> bool {
        match fault {
            FaultKind::KillStore { store } => self.kill_store(StoreId(*store)),
            FaultKind::LoseMachine { store } => self.lose_machine(StoreId(*store)),
            FaultKind::StartStore { store } => self.start_store(StoreId(*store)),
            FaultKind::StopStore { store } => self.stop_store(StoreId(*store)),
            FaultKind::FreezeStore { store } => self.freeze_store(StoreId(*store)),
            FaultKind::ThawStore { store } => self.thaw_store(StoreId(*store)),
            FaultKind::UpgradeStore { store, version } => {
                self.upgrade_store(StoreId(*store), version)
            }
            FaultKind::GrowMemory {
                store,
                bytes_per_second,
                until_share,
            } => self.change_store(*store, |store| {
                (store.memory.growth, store.memory.until_share) = (*bytes_per_second, *until_share);
            }),
            FaultKind::ReleaseMemory { store } => {
                self.change_store(*store, |store| store.memory.restart())
            }
            FaultKind::DamageFile { store } => self.damage_file(StoreId(*store)),
            _ => return false,
        }
        true
    }

    fn suffer_load(&mut self, fault: &FaultKind) -> bool {
        match fault {
            FaultKind::HotWrite {
                leader,
                bytes_per_second,
                value_bytes,
            } => {
                let writes = bytes_per_second / value_bytes.max(1.0);
                self.heat_some_region(
                    *leader,
                    Rates {
                        reads: 0.0,
                        writes,
                        write_bytes: *bytes_per_second,
                    },
                );
            }
            FaultKind::HotRead {
                leader,
                reads_per_second,
            } => {
                self.heat_some_region(
                    *leader,
                    Rates {
                        reads: *reads_per_second,
                        writes: 0.0,
                        write_bytes: 0.0,
                    },
                );
            }
            FaultKind::WarmRegions {
                leader,
                regions,
                writes_per_second,
            } => {
                self.warm_regions(StoreId(*leader), *regions, *writes_per_second);
            }
            FaultKind::CoolRegions => self.cool_regions(),
            FaultKind::CoolRegion => self.cool_region(),
            FaultKind::LoadFactor { factor } => self.clients.want(self.now_ms, *factor),
            FaultKind::ValueBytes { bytes } => self.resize_values(*bytes),
            FaultKind::Scan {
                scans_per_second,
                keys,
            } => {
                (self.clients.scans, self.clients.scan_keys) = (*scans_per_second, *keys);
            }
            FaultKind::Ingest { bytes_per_second } => self.clients.ingested = *bytes_per_second,
            FaultKind::SplitRegions { count, per_second } => self.want_splits(*count, *per_second),
            FaultKind::EmptyRegions { count } => self.empty_regions(*count),
            FaultKind::SwellRegion { bytes_per_second } => self.swell(*bytes_per_second),
            FaultKind::LoseRange => self.lose_range(),
            _ => return false,
        }
        true
    }

    fn suffer_machine(&mut self, fault: &FaultKind) -> bool {
        match fault {
            FaultKind::SlowDisk { store, factor } => {
                self.change_disk(*store, |disk| disk.slow_factor = *factor)
            }
            FaultKind::HangDisk { store } => self.hang_disk(StoreId(*store)),
            FaultKind::BusyDisk {
                store,
                bytes_per_second,
            } => {
                self.change_disk(*store, |disk| disk.others_bytes = *bytes_per_second);
            }
            // Below a twentieth the machine would not run at all.
            FaultKind::CpuSteal { store, share_left } => {
                self.change_store(*store, |store| {
                    store.cpu_factor = 1.0 / share_left.clamp(0.05, 1.0)
                });
            }
            FaultKind::PoolCost {
                store,
                pool,
                factor,
            } => {
                self.change_store(*store, |store| *cost_of(store, *pool) = *factor);
            }
            FaultKind::FillDisk {
                store,
                bytes_per_second,
                until_free_bytes,
            } => {
                let filling = Filling {
                    bytes_per_second: *bytes_per_second,
                    until_free_bytes: *until_free_bytes,
                };
                self.change_disk(*store, |disk| disk.filling = Some(filling));
            }
            FaultKind::FreeDisk { store } => {
                let foreign_bytes = self.config.machine.foreign_bytes;
                self.change_disk(*store, |disk| {
                    (disk.filling, disk.foreign_bytes) = (None, foreign_bytes)
                });
            }
            FaultKind::ReplaceDisk { store, bytes } => {
                self.change_disk(*store, |disk| disk.capacity = *bytes)
            }
            FaultKind::SlowCompaction { store, share } => {
                self.change_store(*store, |store| store.tree.compaction_share = *share);
            }
            FaultKind::FlowControl { store, on } => {
                self.change_store(*store, |store| store.tree.flow_control = *on)
            }
            FaultKind::CompactAll { store } => {
                self.change_store(*store, |store| store.tree.asked_bytes = store.disk.kv_bytes);
            }
            FaultKind::SkewClock { store, by_ms } => {
                self.change_store(*store, |store| store.clock_off_ms = *by_ms)
            }
            FaultKind::JitterClocks { by_ms } => self.clock_jitter_ms = *by_ms,
            _ => return false,
        }
        true
    }

    fn suffer_network(&mut self, fault: &FaultKind) -> bool {
        match fault {
            FaultKind::CutStoreFromPd { store } => {
                self.change_store(*store, |store| store.pd_reachable = false)
            }
            FaultKind::JoinStoreToPd { store } => {
                self.change_store(*store, |store| store.pd_reachable = true)
            }
            FaultKind::CutLink { from, to } => self.cut_link(StoreId(*from), StoreId(*to), true),
            FaultKind::JoinLink { from, to } => self.cut_link(StoreId(*from), StoreId(*to), false),
            FaultKind::SlowLinks { store, extra_ms } => self.links.slow(StoreId(*store), *extra_ms),
            FaultKind::LossyLinks { store, share } => self.links.lose(StoreId(*store), *share),
            FaultKind::ExpireCertificate { store } => {
                let message = "Status server error: TLS handshake error";
                self.log_store(StoreId(*store), "ERROR", "mod.rs:712", message, &[]);
                self.refuse_links(StoreId(*store), true);
            }
            FaultKind::RenewCertificate { store } => self.refuse_links(StoreId(*store), false),
            _ => return false,
        }
        true
    }

    fn suffer_pd(&mut self, fault: &FaultKind) -> bool {
        match fault {
            FaultKind::KillPdLeader => self.kill_leading_member(),
            FaultKind::KillPdFollowers { count } => self.kill_following_members(*count),
            FaultKind::StrayPdMember => self.stray_member(),
            FaultKind::StartPdMembers => self.start_members(),
            FaultKind::FreezePdLeader => self.freeze_leading_member(),
            FaultKind::StickPdLeader => self.stick_leading_member(),
            FaultKind::IsolatePdLeader => self.isolate_leading_member(),
            FaultKind::TransferPdLeader => self.transfer_leading_member(),
            FaultKind::SlowPdDisk { factor } => {
                self.pd
                    .leading_member()
                    .into_iter()
                    .for_each(|member| member.disk_factor = *factor);
            }
            FaultKind::FillEtcd { share } => self.pd.etcd_filled = *share,
            FaultKind::StepPdClock { by_ms } => self.step_pd_clock(*by_ms),
            FaultKind::BlockSafepoint { service } => {
                // It was left there an hour ago.
                self.pd
                    .safepoints
                    .insert(service.clone(), self.now_ms.saturating_sub(3_600_000));
            }
            FaultKind::ReleaseSafepoint { service } => drop(self.pd.safepoints.remove(service)),
            FaultKind::HoldLock { store } => {
                let now_ms = self.now_ms;
                self.change_store(*store, |store| store.locked_since_ms = Some(now_ms));
            }
            FaultKind::ReleaseLock { store } => {
                self.change_store(*store, |store| store.locked_since_ms = None)
            }
            _ => return false,
        }
        true
    }

    fn suffer_operation(&mut self, fault: &FaultKind) -> bool {
        match fault {
            FaultKind::SetConfig { key, value } => self.set_config(key, value),
            FaultKind::PauseScheduler { name, for_s } => {
                self.pd.settings.pause(name, self.now_ms + for_s * 1_000)
            }
            FaultKind::EvictLeaders { store } => self.evict_leaders(StoreId(*store), true),
            FaultKind::AllowLeaders { store } => self.evict_leaders(StoreId(*store), false),
            FaultKind::AddStore => self.add_store(),
            FaultKind::DeleteStore { store } => self.delete_store(StoreId(*store), true),
            FaultKind::KeepStore { store } => self.delete_store(StoreId(*store), false),
            FaultKind::MoveLeaders { count } => self.move_leaders(*count),
            _ => return false,
        }
        true
    }

    /// Clients are after neighbouring keys; which region holds them is chance.
    fn heat_some_region(&mut self, leader: u64, heat: Rates) {
        let Some(store) = self.stores.get(&StoreId(leader)) else {
            return;
        };
        let led: Vec<RegionId> = store.leads.iter().copied().collect();
        let draw = usize::try_from(self.rng.bits() >> 33).unwrap_or(0);
        let Some(region) = led.get(draw % led.len().max(1)).copied() else {
            return;
        };
        self.change_region(region, |region| region.rates = region.rates.plus(heat));
        (self.hot_region, self.heat) = (Some(region), heat);
        // More clients than before: they bring their own hands.
        self.clients.load.in_flight_max += (heat.writes + heat.reads) * HANDS;
    }

    fn cool_region(&mut self) {
        let heat = std::mem::take(&mut self.heat);
        if let Some(region) = self.hot_region.take() {
            self.change_region(region, |region| region.rates = region.rates.minus(heat));
        }
        self.clients.load.in_flight_max -= (heat.writes + heat.reads) * HANDS;
    }

    /// Clients are after keys that lie apart from one another, in regions that one store leads.
    fn warm_regions(&mut self, leader: StoreId, regions: u64, writes: f64) {
        let Some(store) = self.stores.get(&leader) else {
            return;
        };
        let count = usize::try_from(regions).unwrap_or(usize::MAX);
        let apart = (store.leads.len() / count.max(1)).max(1);
        let chosen: Vec<RegionId> = store
            .leads
            .iter()
            .copied()
            .step_by(apart)
            .take(count)
            .collect();
        let heat = Rates {
            reads: 0.0,
            writes,
            write_bytes: writes * self.clients.written_value_bytes,
        };
        for region in chosen {
            self.change_region(region, |region| region.rates = region.rates.plus(heat));
            self.warmed.push((region, heat));
            self.clients.load.in_flight_max += writes * HANDS;
        }
    }

    fn cool_regions(&mut self) {
        for (region, heat) in std::mem::take(&mut self.warmed) {
            self.change_region(region, |region| region.rates = region.rates.minus(heat));
            self.clients.load.in_flight_max -= heat.writes * HANDS;
        }
    }

    /// As many writes as before, of another size.
    fn resize_values(&mut self, bytes: f64) {
        let ratio = bytes / self.clients.written_value_bytes.max(1.0);
        self.clients.written_value_bytes = bytes;
        let (meter, value_bytes) = (
            self.clients.meter(self.now_ms),
            self.clients.load.value_bytes,
        );
        for region in self.regions.values_mut() {
            region.settle(meter, value_bytes);
            region.rates.write_bytes *= ratio;
        }
        for store in self.stores.values_mut() {
            store.led.write_bytes *= ratio;
            store.replicated.write_bytes *= ratio;
        }
    }

    fn change_disk(&mut self, store: u64, change: impl FnOnce(&mut Disk)) {
        if let Some(disk) = self.disk_mut(StoreId(store)) {
            change(disk);
        }
    }

    fn change_store(&mut self, store: u64, change: impl FnOnce(&mut Store)) {
        if let Some(store) = self.stores.get_mut(&StoreId(store)) {
            change(store);
        }
    }

    fn upgrade_store(&mut self, id: StoreId, version: &str) {
        self.kill_store(id);
        self.change_store(id.0, |store| version.clone_into(&mut store.version));
        self.start_store(id);
    }

    fn damage_file(&mut self, id: StoreId) {
        self.change_store(id.0, |store| {
            *store
                .counters
                .critical
                .entry("sst_corruption")
                .or_insert(0.0) += 1.0
        });
        let fields = [("regions", "[8]".to_owned())];
        let message = "detected damaged regions overlapping damaged file ranges";
        self.log_store(id, "ERROR", "store.rs:3099", message, &fields);
    }

    fn set_config(&mut self, key: &str, value: &str) {
        self.pd.settings.set(key, value);
        if let ("replication.max-replicas", Ok(count)) = (key, value.parse()) {
            self.pd.view.max_replicas = count;
        }
        let part = key.split('.').next().unwrap_or_default();
        let name = key.rsplit('.').next().unwrap_or_default();
        let fields = [
            ("new", format!("{{\"{name}\":{value}}}")),
            ("old", String::new()),
        ];
        self.log_leader(
            "INFO",
            "server.go:1062",
            &format!("{part} config is updated"),
            &fields,
        );
    }

    fn evict_leaders(&mut self, store: StoreId, evict: bool) {
        let stores = self
            .pd
            .evicting
            .entry(super::cluster::EVICT_LEADER)
            .or_default();
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

fn cost_of(store: &mut Store, pool: Pool) -> &mut f64 {
    match pool {
        Pool::Raftstore => &mut store.costs.raftstore,
        Pool::Apply => &mut store.costs.apply,
        Pool::Grpc => &mut store.costs.grpc,
        Pool::Scheduler => &mut store.costs.scheduler,
        Pool::Read => &mut store.costs.read,
        Pool::Writer => &mut store.costs.writer,
    }
}
