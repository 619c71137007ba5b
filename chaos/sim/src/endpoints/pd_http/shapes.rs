//! The bodies, field by field in PD's order (`pd: pkg/response/`). What Go leaves out when it is zero is an `Option`.

use super::json::Float;
use serde::Serialize;
use std::collections::BTreeMap;

/// `/stores`.
#[derive(Debug, Serialize)]
pub(super) struct Stores {
    pub count: usize,
    pub stores: Vec<StoreInfo>,
}

/// One store.
#[derive(Debug, Serialize)]
pub(super) struct StoreInfo {
    pub store: StoreMeta,
    pub status: StoreStatus,
}

/// What a store registered.
#[derive(Debug, Serialize)]
pub(super) struct StoreMeta {
    pub id: u64,
    pub address: String,
    pub labels: Vec<Label>,
    pub version: String,
    pub peer_address: String,
    pub status_address: String,
    pub git_hash: &'static str,
    pub start_timestamp: u64,
    pub deploy_path: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_heartbeat: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_state: Option<u64>,
    pub state_name: &'static str,
}

/// A label.
#[derive(Debug, Serialize)]
pub(super) struct Label {
    pub key: &'static str,
    pub value: String,
}

/// What PD computes of a store.
#[derive(Debug, Serialize)]
pub(super) struct StoreStatus {
    pub capacity: String,
    pub available: String,
    pub used_size: String,
    pub leader_count: u64,
    pub leader_weight: u64,
    pub leader_score: u64,
    pub leader_size: u64,
    pub region_count: u64,
    pub region_weight: u64,
    pub region_score: Float,
    pub region_size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_peer_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slow_score: Option<u64>,
    pub slow_trend: SlowTrend,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sending_snap_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiving_snap_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_busy: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pause_leader_transfer_in: Option<bool>,
    pub start_ts: String,
    pub last_heartbeat_ts: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime: Option<String>,
}

/// The second detector of slow stores.
#[derive(Debug, Serialize)]
pub(super) struct SlowTrend {
    pub cause_value: Float,
    pub cause_rate: Float,
    pub result_value: Float,
    pub result_rate: Float,
}

/// A list of regions.
#[derive(Debug, Serialize)]
pub(super) struct Regions {
    pub count: usize,
    pub regions: Vec<RegionInfo>,
}

/// A region.
#[derive(Debug, Serialize)]
pub(super) struct RegionInfo {
    pub id: u64,
    pub start_key: String,
    pub end_key: String,
    pub epoch: Epoch,
    pub peers: Vec<PeerInfo>,
    pub leader: PeerInfo,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub down_peers: Vec<DownPeer>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pending_peers: Vec<PeerInfo>,
    pub cpu_usage: u64,
    pub written_bytes: u64,
    pub read_bytes: u64,
    pub written_keys: u64,
    pub read_keys: u64,
    pub approximate_size: u64,
    pub approximate_keys: u64,
}

/// A region's epoch.
#[derive(Debug, Serialize)]
pub(super) struct Epoch {
    pub conf_ver: u64,
    pub version: u64,
}

/// A replica. Without a known leader only the role is there, and it is empty.
#[derive(Debug, Default, Serialize)]
pub(super) struct PeerInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<u64>,
    pub role_name: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_learner: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_id: Option<u64>,
}

/// A replica that the leader does not hear.
#[derive(Debug, Serialize)]
pub(super) struct DownPeer {
    pub down_seconds: u64,
    pub peer: PeerInfo,
}

/// `/members`.
#[derive(Debug, Serialize)]
pub(super) struct Members {
    pub header: Header,
    pub members: Vec<MemberInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leader: Option<MemberInfo>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub etcd_leader: Option<MemberInfo>,
}

/// The header of gRPC answers.
#[derive(Debug, Serialize)]
pub(super) struct Header {
    pub cluster_id: u64,
}

/// A member.
#[derive(Debug, Clone, Serialize)]
pub(super) struct MemberInfo {
    pub name: String,
    pub member_id: u64,
    pub peer_urls: [String; 1],
    pub client_urls: [String; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy_path: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binary_version: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_hash: Option<&'static str>,
}

/// A member as the asked one sees it.
#[derive(Debug, Serialize)]
pub(super) struct MemberHealth {
    pub name: String,
    pub member_id: u64,
    pub client_urls: [String; 1],
    pub health: bool,
}

/// `/hotspot/regions/…`.
#[derive(Debug, Serialize)]
pub(super) struct HotRegions {
    pub as_peer: BTreeMap<String, HotStore>,
    pub as_leader: BTreeMap<String, HotStore>,
}

/// Hot peers of a store.
#[derive(Debug, Serialize)]
pub(super) struct HotStore {
    pub store_bytes: Float,
    pub store_keys: Float,
    pub store_query: Float,
    pub total_flow_bytes: Float,
    pub total_flow_keys: Float,
    pub total_flow_query: Float,
    pub regions_count: usize,
    pub statistics: Vec<HotPeerInfo>,
}

/// A hot peer.
#[derive(Debug, Serialize)]
pub(super) struct HotPeerInfo {
    pub store_id: u64,
    pub stores: Vec<u64>,
    pub is_leader: bool,
    pub is_learner: bool,
    pub region_id: u64,
    pub hot_degree: u64,
    pub flow_bytes: Float,
    pub flow_keys: Float,
    pub flow_query: Float,
    pub anti_count: u64,
    pub last_update_time: String,
}

/// `/hotspot/stores`.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct HotStores {
    pub bytes_write_rate: BTreeMap<String, Float>,
    pub bytes_read_rate: BTreeMap<String, Float>,
    pub keys_write_rate: BTreeMap<String, Float>,
    pub keys_read_rate: BTreeMap<String, Float>,
    pub query_write_rate: BTreeMap<String, Float>,
    pub query_read_rate: BTreeMap<String, Float>,
}

/// `/stats/region`.
#[derive(Debug, Default, Serialize)]
pub(super) struct RegionStatistics {
    pub count: usize,
    pub empty_count: u64,
    pub storage_size: u64,
    pub user_storage_size: u64,
    pub storage_keys: u64,
    pub store_leader_count: Option<BTreeMap<String, u64>>,
    pub store_peer_count: Option<BTreeMap<String, u64>>,
    pub store_leader_size: Option<BTreeMap<String, u64>>,
    pub store_leader_keys: Option<BTreeMap<String, u64>>,
    pub store_peer_size: Option<BTreeMap<String, u64>>,
    pub store_peer_keys: Option<BTreeMap<String, u64>>,
}
