//! TiFlash: columnar stores that PD lists beside those of TiKV. They hold learners, lead nothing, report other metrics
//! and other versions, and are never compared with TiKV.

use operator_plugin::{TableData, table};

use crate::shapes::{StoreItem, Stores};
use crate::stores::{TOMBSTONE, heartbeat, space};
use crate::units::{count, seconds_between};

/// Whether a store is one of TiFlash.
pub(crate) fn is_columnar(item: &StoreItem) -> bool {
    let labels = item.store.labels.as_deref().unwrap_or_default();
    labels.iter().any(|label| {
        label.key == "engine" && matches!(label.value.as_str(), "tiflash" | "tiflash_compute")
    })
}

/// Columnar stores that are not tombstones, ordered by id.
pub(crate) fn living(stores: &Stores) -> Vec<&StoreItem> {
    let is_living = |item: &&StoreItem| {
        item.store.id != 0
            && item.store.state != TOMBSTONE
            && item.store.state_name != "Tombstone"
            && is_columnar(item)
    };
    let mut living: Vec<&StoreItem> = stores.stores.iter().filter(is_living).collect();
    living.sort_by_key(|item| item.store.id);
    living.dedup_by_key(|item| item.store.id);
    living
}

/// The `tiflash_stores` table.
pub(crate) fn tiflash_table(stores: &Stores, now: u64) -> TableData {
    let living = living(stores);
    let rows = || living.iter().copied();
    let lag = |item: &StoreItem| Some(seconds_between(now, heartbeat(item)?));
    table("tiflash_stores")
        .texts("store", rows().map(|item| item.store.id.to_string()))
        .texts("address", rows().map(|item| item.store.address.clone()))
        .texts("state", rows().map(|item| item.store.state_name.clone()))
        .floats("heartbeat_lag_s", "s", rows().map(lag))
        .integers(
            "region_count",
            "",
            rows().map(|item| item.status.region_count.map(count)),
        )
        .integers(
            "pending_peers",
            "",
            rows().map(|item| count(item.status.pending_peer_count)),
        )
        .floats("available_ratio", "1", rows().map(space))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Scalar;

    #[test]
    fn columnar_stores_are_told_by_their_label() {
        let stores: Stores = serde_json::from_str(
            r#"{"stores":[
                {"store":{"id":1,"address":"tikv:20160","state_name":"Up"},"status":{}},
                {"store":{"id":77,"address":"tiflash:3930","state_name":"Up","labels":[{"key":"engine","value":"tiflash"}]},
                 "status":{"capacity":"100GiB","available":"0B","pending_peer_count":260,"region_count":280}}]}"#,
        )
        .unwrap();
        let table = tiflash_table(&stores, 0);
        assert_eq!(table.rows(), 1);
        assert_eq!(table.scalar(0, "store"), Scalar::Text("77".to_owned()));
        assert_eq!(table.scalar(0, "pending_peers"), Scalar::Integer(260));
        assert_eq!(table.scalar(0, "available_ratio"), Scalar::Float(0.0));
        assert_eq!(crate::stores::living(&stores).len(), 1);
    }
}
