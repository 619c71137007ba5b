//! The shapes of PD's responses. Unknown fields are ignored and every field may be missing:
//! protobuf omits zeros.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// `/members`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Members {
    pub(crate) header: Header,
    pub(crate) members: Vec<Member>,
    pub(crate) leader: Option<Member>,
    pub(crate) etcd_leader: Option<Member>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Header {
    pub(crate) cluster_id: u64,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) member_id: u64,
    pub(crate) client_urls: Option<Vec<String>>,
    pub(crate) peer_urls: Option<Vec<String>>,
    pub(crate) binary_version: String,
}

/// An entry of `/health`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Health {
    pub(crate) name: String,
    pub(crate) health: bool,
}

/// `/stores`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Stores {
    #[serde(deserialize_with = "null_as_empty")]
    pub(crate) stores: Vec<StoreItem>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StoreItem {
    pub(crate) store: Store,
    pub(crate) status: StoreStatus,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Store {
    pub(crate) id: u64,
    pub(crate) address: String,
    pub(crate) status_address: String,
    pub(crate) version: String,
    pub(crate) labels: Option<Vec<Label>>,
    pub(crate) start_timestamp: u64,
    pub(crate) last_heartbeat: i64,
    pub(crate) state: u64,
    pub(crate) node_state: u64,
    pub(crate) state_name: String,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Label {
    pub(crate) key: String,
    pub(crate) value: String,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct StoreStatus {
    pub(crate) capacity: String,
    pub(crate) available: String,
    pub(crate) used_size: String,
    pub(crate) leader_count: Option<u64>,
    pub(crate) leader_weight: Option<f64>,
    pub(crate) leader_score: Option<f64>,
    pub(crate) region_count: Option<u64>,
    pub(crate) region_score: Option<f64>,
    pub(crate) slow_score: Option<u64>,
    pub(crate) is_busy: bool,
    pub(crate) pause_leader_transfer_in: bool,
    pub(crate) sending_snap_count: u64,
    pub(crate) receiving_snap_count: u64,
    pub(crate) pending_peer_count: u64,
    pub(crate) uptime: String,
}

/// `/regions/count` and `/regions/check/…`, of which only the count is used.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
pub(crate) struct Count {
    pub(crate) count: u64,
}

/// A list of regions.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Regions {
    #[serde(deserialize_with = "null_as_empty")]
    pub(crate) regions: Vec<Region>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Region {
    pub(crate) id: u64,
    pub(crate) start_key: String,
    pub(crate) end_key: String,
    #[serde(deserialize_with = "null_as_empty")]
    pub(crate) peers: Vec<Peer>,
    pub(crate) leader: Option<Peer>,
    #[serde(deserialize_with = "null_as_empty")]
    pub(crate) down_peers: Vec<DownPeer>,
    #[serde(deserialize_with = "null_as_empty")]
    pub(crate) pending_peers: Vec<Peer>,
    pub(crate) written_bytes: f64,
    pub(crate) read_bytes: f64,
    pub(crate) written_keys: f64,
    pub(crate) read_keys: f64,
    /// In MiB.
    pub(crate) approximate_size: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Peer {
    pub(crate) id: u64,
    pub(crate) store_id: u64,
    /// 0 voter, 1 learner, 2 incoming voter, 3 demoting voter.
    pub(crate) role: u64,
    pub(crate) is_learner: bool,
}

/// A peer from which its leader has not heard for some time.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DownPeer {
    pub(crate) down_seconds: u64,
    pub(crate) peer: Peer,
}

impl Peer {
    /// Whether it has no vote.
    pub(crate) fn is_learner(self) -> bool {
        self.is_learner || self.role == 1
    }

    /// Whether its region is between two configurations.
    pub(crate) fn is_joint(self) -> bool {
        matches!(self.role, 2 | 3)
    }

    /// Its role in words.
    pub(crate) fn role(self) -> &'static str {
        match self.role {
            2 => "incoming voter",
            3 => "demoting voter",
            _ if self.is_learner() => "learner",
            _ => "voter",
        }
    }
}

impl Region {
    /// The leader's store; PD writes `{"role_name":""}` if it knows of none.
    pub(crate) fn leader_store(&self) -> Option<u64> {
        self.leader
            .filter(|leader| leader.id != 0 && leader.store_id != 0)
            .map(|leader| leader.store_id)
    }
}

/// `/hotspot/regions/write` and `read`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HotPeers {
    pub(crate) as_peer: Option<BTreeMap<String, HotStore>>,
    pub(crate) as_leader: Option<BTreeMap<String, HotStore>>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HotStore {
    #[serde(deserialize_with = "null_as_empty")]
    pub(crate) statistics: Vec<HotPeer>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct HotPeer {
    pub(crate) store_id: u64,
    pub(crate) region_id: u64,
    pub(crate) is_leader: bool,
    pub(crate) hot_degree: i64,
    pub(crate) flow_bytes: f64,
    pub(crate) flow_keys: f64,
    pub(crate) flow_query: f64,
}

/// `/hotspot/stores`: rates per second by store.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct StoreRates {
    pub(crate) bytes_write_rate: Option<BTreeMap<String, f64>>,
    pub(crate) bytes_read_rate: Option<BTreeMap<String, f64>>,
    pub(crate) keys_write_rate: Option<BTreeMap<String, f64>>,
    pub(crate) keys_read_rate: Option<BTreeMap<String, f64>>,
    pub(crate) query_write_rate: Option<BTreeMap<String, f64>>,
    pub(crate) query_read_rate: Option<BTreeMap<String, f64>>,
}

/// An entry of `/schedulers`: a name, or with `?status=paused` a record with a name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum SchedulerEntry {
    Name(String),
    Paused { name: String },
}

impl SchedulerEntry {
    pub(crate) fn name(&self) -> &str {
        let (Self::Name(name) | Self::Paused { name }) = self;
        name
    }
}

/// `/scheduler-config/…/list` of the schedulers that act on certain stores.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
pub(crate) struct SchedulerStores {
    pub(crate) store_id_ranges: Option<BTreeMap<String, Value>>,
    pub(crate) evict_stores: Option<Vec<u64>>,
}

/// `/gc/safepoint`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Safepoints {
    #[serde(deserialize_with = "null_as_empty")]
    pub(crate) service_gc_safe_points: Vec<Safepoint>,
}

/// The safepoint of one service.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Safepoint {
    pub(crate) service_id: String,
    /// Seconds since the epoch; the largest 63-bit number means never.
    pub(crate) expired_at: u64,
    /// A PD timestamp; 0 means none.
    pub(crate) safe_point: u64,
}

/// `/config/schedule` and `/config/replicate`: names and values, some of them booleans in quotes.
pub(crate) type Settings = BTreeMap<String, Value>;

/// A peer's own view of its group, from TiKV's `/region/{id}`.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct PeerView {
    pub(crate) raft_status: Option<RaftStatus>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct RaftStatus {
    pub(crate) soft_state: Option<SoftState>,
}

#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub(crate) struct SoftState {
    pub(crate) leader_id: u64,
    pub(crate) raft_state: String,
}

/// Go writes an empty list as `null`.
fn null_as_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// A boolean, quoted or not.
pub(crate) fn boolean(value: &Value) -> Option<bool> {
    value.as_bool().or_else(|| value.as_str()?.parse().ok())
}

/// A setting as text; lists and objects as JSON.
pub(crate) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn omitted_fields_are_zero() {
        let body = r#"{"count":1,"stores":[{"store":{"id":3,"state_name":"Down"},"status":{"capacity":"0B"}}]}"#;
        let stores: Stores = serde_json::from_str(body).unwrap();
        let store = &stores.stores[0].store;
        assert_eq!(
            (store.id, store.node_state, store.last_heartbeat),
            (3, 0, 0)
        );
    }

    #[test]
    fn ids_keep_all_64_bits() {
        let body = r#"{"header":{"cluster_id":18446744073709551615},"members":[]}"#;
        let members: Members = serde_json::from_str(body).unwrap();
        assert_eq!(members.header.cluster_id, u64::MAX);
    }

    #[test]
    fn a_leader_without_an_id_is_no_leader() {
        let region: Region =
            serde_json::from_str(r#"{"id":2,"leader":{"role_name":""},"peers":null}"#).unwrap();
        assert_eq!(region.leader_store(), None);
    }

    #[test]
    fn quoted_booleans_are_booleans() {
        assert_eq!(boolean(&Value::String("true".to_owned())), Some(true));
        assert_eq!(boolean(&Value::Bool(false)), Some(false));
        assert_eq!(boolean(&Value::Null), None);
    }

    #[test]
    fn schedulers_are_names_or_records() {
        let plain: Vec<SchedulerEntry> =
            serde_json::from_str(r#"["balance-leader-scheduler"]"#).unwrap();
        let paused: Vec<SchedulerEntry> = serde_json::from_str(
            r#"[{"name":"balance-leader-scheduler","paused_at":"x","resume_at":"y"}]"#,
        )
        .unwrap();
        assert_eq!(plain[0].name(), paused[0].name());
    }
}
