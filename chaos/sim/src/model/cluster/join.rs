//! Stores that come for the first time, and stores that are removed.

use super::{Cluster, Event};
use crate::model::ids::{RegionId, StoreId};
use crate::model::number::real;
use crate::model::pd::view::{NodeState, StoreView};
use crate::model::store::{Life, Store};

/// In a new cluster the stores are started after PD, one after the other.
const FIRST_STORE_MS: u64 = 45_000;
/// … and so far apart.
const STORES_APART_MS: u64 = 2_000;
/// A cluster of fewer regions uses new stores immediately (`pd: server/cluster/cluster.go`).
const SMALL_CLUSTER_REGIONS: usize = 100;
/// Otherwise a store is prepared when it has so much of what the others have.
const PREPARED_SHARE: f64 = 0.8;

impl Cluster {
    /// No store has registered yet: the stores' processes do not run, and one replica of each region will be on the first.
    pub(super) fn wait_for_stores(&mut self) {
        let ids: Vec<StoreId> = self.stores.keys().copied().collect();
        let first = ids.first().copied();
        for region in self.regions.values_mut() {
            region.peers.retain(|peer| Some(peer.store) == first);
            region.peers.truncate(1);
            region.bytes = 1_048_576.0;
            region.conf_ver = 1;
        }
        let warm_ms = self.config.warm_up_ms;
        for (id, number) in ids.into_iter().zip(0_u64..) {
            if let Some(store) = self.stores.get_mut(&id) {
                (store.life, store.joined) = (Life::Dead, false);
                store.disk.kv_bytes = 0.0;
            }
            self.after(
                warm_ms + FIRST_STORE_MS + number * STORES_APART_MS,
                Event::Join(id),
            );
        }
    }

    /// A store registers; the first one bootstraps the cluster.
    pub(super) fn join(&mut self, id: StoreId) {
        let now_ms = self.now_ms;
        let bootstraps = self.pd.view.stores.is_empty();
        let Some(store) = self.stores.get_mut(&id) else {
            return;
        };
        (
            store.life,
            store.joined,
            store.started_ms,
            store.reported_ms,
        ) = (Life::Running, true, now_ms, now_ms);
        let version = store.version.clone();
        let small = self.regions.len() < SMALL_CLUSTER_REGIONS;
        let node = if small || bootstraps {
            NodeState::Serving
        } else {
            NodeState::Preparing
        };
        self.pd.view.stores.insert(
            id,
            StoreView {
                started_ms: now_ms,
                version,
                node,
                ..StoreView::default()
            },
        );
        if bootstraps {
            self.pd.bootstrapped_ms = now_ms;
            self.lead_all_regions();
            for region in self.regions.keys().copied().collect::<Vec<RegionId>>() {
                self.report_region(region);
            }
        }
    }

    /// A machine more, with an empty disk.
    pub(crate) fn add_store(&mut self) {
        let id = StoreId(self.next_id());
        let index = real_index(self.stores.len());
        let store = Store::new(id, index, &self.config.machine, 0.0, self.now_ms);
        self.logs.open(&store.log_name());
        self.stores.insert(
            id,
            Store {
                life: Life::Dead,
                joined: false,
                ..store
            },
        );
        self.after(1_000, Event::Serve(id));
        self.after(2_000, Event::EndSlowRound(id));
        self.after(3_500, Event::ReportStore(id));
        self.after(3_000, Event::Join(id));
    }

    /// A person removes a store, or calls the removal off.
    pub(crate) fn delete_store(&mut self, id: StoreId, delete: bool) {
        let Some(view) = self
            .pd
            .view
            .stores
            .get_mut(&id)
            .filter(|view| view.node != NodeState::Removed)
        else {
            return;
        };
        view.node = if delete {
            NodeState::Removing
        } else {
            NodeState::Serving
        };
        let fields = self.store_fields(id);
        let message = if delete {
            "store has been offline"
        } else {
            "store has changed to serving"
        };
        self.log_leader("WARN", "cluster.go:1329", message, &fields);
    }

    /// Every 10 s PD checks stores that join or leave.
    pub(super) fn check_node_states(&mut self) {
        let mean = self.mean_region_mib();
        let ids: Vec<(StoreId, NodeState)> = self
            .pd
            .view
            .stores
            .iter()
            .map(|(id, view)| (*id, view.node))
            .collect();
        for (id, node) in ids {
            let tally = self.pd.view.tally_of(id);
            match node {
                NodeState::Preparing if real(tally.region_mib) >= mean * PREPARED_SHARE => {
                    self.set_node(
                        id,
                        NodeState::Serving,
                        "INFO",
                        "store has changed to serving",
                    );
                }
                NodeState::Removing if tally.regions == 0 => {
                    self.set_node(id, NodeState::Removed, "WARN", "store has been Tombstone");
                }
                NodeState::Removing if self.cannot_shrink() => {
                    let message = "store may not turn into Tombstone, there are no extra up store has enough space to accommodate the extra replica";
                    let fields = self.store_fields(id);
                    self.log_leader("WARN", "cluster.go:1652", message, &fields);
                }
                _ => {}
            }
        }
    }

    fn set_node(&mut self, id: StoreId, node: NodeState, level: &'static str, message: &str) {
        if let Some(view) = self.pd.view.stores.get_mut(&id) {
            view.node = node;
        }
        let fields = self.store_fields(id);
        self.log_leader(level, "cluster.go:1450", message, &fields);
    }

    fn mean_region_mib(&self) -> f64 {
        let serving: Vec<f64> = (self.pd.view.stores.iter())
            .filter(|(_, view)| view.node == NodeState::Serving)
            .map(|(id, _)| real(self.pd.view.tally_of(*id).region_mib))
            .collect();
        serving.iter().sum::<f64>() / crate::model::number::real_len(serving.len().max(1))
    }

    /// Fewer stores would be left than a region has replicas.
    fn cannot_shrink(&self) -> bool {
        let left = self
            .pd
            .view
            .stores
            .values()
            .filter(|view| matches!(view.node, NodeState::Serving | NodeState::Preparing));
        left.count() < self.pd.view.max_replicas
    }

    fn store_fields(&self, id: StoreId) -> Vec<(&'static str, String)> {
        let address = self.stores.get(&id).map(Store::address).unwrap_or_default();
        vec![("store-id", id.to_string()), ("store-address", address)]
    }
}

fn real_index(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
