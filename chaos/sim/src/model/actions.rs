//! What can be done to the cluster. Each fault changes the physics; nothing here writes what is observed.

use super::cluster::Cluster;
use super::disk::{Disk, Filling};
use super::ids::{RegionId, StoreId};
use super::region::Rates;
use super::store::Store;
use crate::fault::{Pool, SimAction};

/// Requests in flight that clients allow for each one a second: they wait for 20 ms without asking for less.
const HANDS: f64 = 0.02;

impl Cluster {
    /// Something happens to the cluster.
    pub(crate) fn apply(&mut self, action: &SimAction) {
        let done = self.apply_process(action)
            || self.apply_load(action)
            || self.apply_machine(action)
            || self.apply_network(action)
            || self.apply_pd(action)
            || self.apply_operation(action);
        debug_assert!(done, "nobody plays {action:?}");
    }

    fn apply_process(&mut self, action: &SimAction) -> bool {
        match action {
            SimAction::KillStore { store } => self.kill_store(StoreId(*store)),
            SimAction::LoseMachine { store } => self.lose_machine(StoreId(*store)),
            SimAction::StartStore { store } => self.start_store(StoreId(*store)),
            SimAction::StopStore { store } => self.stop_store(StoreId(*store)),
            SimAction::FreezeStore { store } => self.freeze_store(StoreId(*store)),
            SimAction::ThawStore { store } => self.thaw_store(StoreId(*store)),
            SimAction::UpgradeStore { store, version } => {
                self.upgrade_store(StoreId(*store), version)
            }
            SimAction::GrowMemory {
                store,
                bytes_per_second,
                until_share,
            } => self.change_store(*store, |store| {
                (store.memory.growth, store.memory.until_share) = (*bytes_per_second, *until_share);
            }),
            SimAction::ReleaseMemory { store } => {
                self.change_store(*store, |store| store.memory.restart())
            }
            SimAction::DamageFile { store } => self.damage_file(StoreId(*store)),
            _ => return false,
        }
        true
    }

    fn apply_load(&mut self, action: &SimAction) -> bool {
        match action {
            SimAction::HotWrite {
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
            SimAction::HotRead {
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
            SimAction::WarmRegions {
                leader,
                regions,
                writes_per_second,
            } => {
                self.warm_regions(StoreId(*leader), *regions, *writes_per_second);
            }
            SimAction::CoolRegions => self.cool_regions(),
            SimAction::CoolRegion => self.cool_region(),
            SimAction::LoadFactor { factor } => self.clients.want(self.now_ms, *factor),
            SimAction::ValueBytes { bytes } => self.resize_values(*bytes),
            SimAction::Scan {
                scans_per_second,
                keys,
            } => {
                (self.clients.scans, self.clients.scan_keys) = (*scans_per_second, *keys);
            }
            SimAction::Ingest { bytes_per_second } => self.clients.ingested = *bytes_per_second,
            SimAction::SplitRegions { count, per_second } => self.want_splits(*count, *per_second),
            SimAction::EmptyRegions { count } => self.empty_regions(*count),
            SimAction::SwellRegion { bytes_per_second } => self.swell(*bytes_per_second),
            SimAction::LoseRange => self.lose_range(),
            _ => return false,
        }
        true
    }

    fn apply_machine(&mut self, action: &SimAction) -> bool {
        match action {
            SimAction::SlowDisk { store, factor } => {
                self.change_disk(*store, |disk| disk.slow_factor = *factor)
            }
            SimAction::HangDisk { store } => self.hang_disk(StoreId(*store)),
            SimAction::BusyDisk {
                store,
                bytes_per_second,
            } => {
                self.change_disk(*store, |disk| disk.others_bytes = *bytes_per_second);
            }
            // Below a twentieth the machine would not run at all.
            SimAction::CpuSteal { store, share_left } => {
                self.change_store(*store, |store| {
                    store.cpu_factor = 1.0 / share_left.clamp(0.05, 1.0)
                });
            }
            SimAction::PoolCost {
                store,
                pool,
                factor,
            } => {
                self.change_store(*store, |store| *cost_of(store, *pool) = *factor);
            }
            SimAction::FillDisk {
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
            SimAction::FreeDisk { store } => {
                let foreign_bytes = self.config.machine.foreign_bytes;
                self.change_disk(*store, |disk| {
                    (disk.filling, disk.foreign_bytes) = (None, foreign_bytes)
                });
            }
            SimAction::ReplaceDisk { store, bytes } => {
                self.change_disk(*store, |disk| disk.capacity = *bytes)
            }
            SimAction::SlowCompaction { store, share } => {
                self.change_store(*store, |store| store.tree.compaction_share = *share);
            }
            SimAction::FlowControl { store, on } => {
                self.change_store(*store, |store| store.tree.flow_control = *on)
            }
            SimAction::CompactAll { store } => {
                self.change_store(*store, |store| store.tree.asked_bytes = store.disk.kv_bytes);
            }
            SimAction::SkewClock { store, by_ms } => {
                self.change_store(*store, |store| store.clock_off_ms = *by_ms)
            }
            SimAction::JitterClocks { by_ms } => self.clock_jitter_ms = *by_ms,
            _ => return false,
        }
        true
    }

    fn apply_network(&mut self, action: &SimAction) -> bool {
        match action {
            SimAction::CutStoreFromPd { store } => {
                self.change_store(*store, |store| store.pd_reachable = false)
            }
            SimAction::JoinStoreToPd { store } => {
                self.change_store(*store, |store| store.pd_reachable = true)
            }
            SimAction::CutLink { from, to } => self.cut_link(StoreId(*from), StoreId(*to), true),
            SimAction::JoinLink { from, to } => self.cut_link(StoreId(*from), StoreId(*to), false),
            SimAction::SlowLinks { store, extra_ms } => self.links.slow(StoreId(*store), *extra_ms),
            SimAction::LossyLinks { store, share } => self.links.lose(StoreId(*store), *share),
            SimAction::ExpireCertificate { store } => {
                let message = "Status server error: TLS handshake error";
                self.log_store(StoreId(*store), "ERROR", "mod.rs:712", message, &[]);
                self.refuse_links(StoreId(*store), true);
            }
            SimAction::RenewCertificate { store } => self.refuse_links(StoreId(*store), false),
            _ => return false,
        }
        true
    }

    fn apply_pd(&mut self, action: &SimAction) -> bool {
        match action {
            SimAction::KillPdLeader => self.kill_leading_member(),
            SimAction::KillPdFollowers { count } => self.kill_following_members(*count),
            SimAction::StrayPdMember => self.stray_member(),
            SimAction::StartPdMembers => self.start_members(),
            SimAction::FreezePdLeader => self.freeze_leading_member(),
            SimAction::StickPdLeader => self.stick_leading_member(),
            SimAction::IsolatePdLeader => self.isolate_leading_member(),
            SimAction::TransferPdLeader => self.transfer_leading_member(),
            SimAction::SlowPdDisk { factor } => {
                self.pd
                    .leading_member()
                    .into_iter()
                    .for_each(|member| member.disk_factor = *factor);
            }
            SimAction::FillEtcd { share } => self.pd.etcd_filled = *share,
            SimAction::StepPdClock { by_ms } => self.step_pd_clock(*by_ms),
            SimAction::BlockSafepoint { service } => {
                // It was left there an hour ago.
                self.pd
                    .safepoints
                    .insert(service.clone(), self.now_ms.saturating_sub(3_600_000));
            }
            SimAction::ReleaseSafepoint { service } => drop(self.pd.safepoints.remove(service)),
            SimAction::HoldLock { store } => {
                let now_ms = self.now_ms;
                self.change_store(*store, |store| store.locked_since_ms = Some(now_ms));
            }
            SimAction::ReleaseLock { store } => {
                self.change_store(*store, |store| store.locked_since_ms = None)
            }
            _ => return false,
        }
        true
    }

    fn apply_operation(&mut self, action: &SimAction) -> bool {
        match action {
            SimAction::SetConfig { key, value } => self.set_config(key, value),
            SimAction::PauseScheduler { name, for_s } => {
                self.pd.settings.pause(name, self.now_ms + for_s * 1_000)
            }
            SimAction::EvictLeaders { store } => self.evict_leaders(StoreId(*store), true),
            SimAction::AllowLeaders { store } => self.evict_leaders(StoreId(*store), false),
            SimAction::AddStore => self.add_store(),
            SimAction::DeleteStore { store } => self.delete_store(StoreId(*store), true),
            SimAction::KeepStore { store } => self.delete_store(StoreId(*store), false),
            SimAction::MoveLeaders { count } => self.move_leaders(*count),
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
        let meter = self.clients.meter(self.now_ms);
        let value_bytes = self.clients.load.value_bytes;
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
