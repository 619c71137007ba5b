//! Stores as PD lists them, with the probes of their status servers.

use std::collections::{BTreeMap, BTreeSet};

use operator_plugin::{TableData, table};

use crate::nodes::{Node, Probes, status_origin};
use crate::region_repair::KnownStores;
use crate::shapes::{Label, StoreItem, Stores};
use crate::tiflash;
use crate::units::{count, go_duration_s, seconds_between, size_bytes};

/// The state number of a removed store.
pub(crate) const TOMBSTONE: u64 = 2;

/// Stores of TiKV that are not tombstones, ordered by id because PD's order varies between responses.
pub(crate) fn living(stores: &Stores) -> Vec<&StoreItem> {
    let is_tombstone =
        |item: &&StoreItem| item.store.state == TOMBSTONE || item.store.state_name == "Tombstone";
    let mut living: Vec<&StoreItem> = stores
        .stores
        .iter()
        .filter(|item| item.store.id != 0 && !is_tombstone(item) && !tiflash::is_columnar(item))
        .collect();
    living.sort_by_key(|item| item.store.id);
    living.dedup_by_key(|item| item.store.id);
    living
}

/// Nodes of the stores that advertise a status server.
pub(crate) fn nodes(stores: &Stores, scheme: &str) -> Vec<Node> {
    let node = |item: &StoreItem| {
        let origin = status_origin(scheme, &item.store.status_address, &item.store.address)?;
        Some(Node::store(&item.store.id.to_string(), origin))
    };
    living(stores).into_iter().filter_map(node).collect()
}

/// Stores whose leadership is in doubt: PD keeps showing a dead store as leader of its regions.
pub(crate) fn lost(stores: &Stores, probes: &Probes) -> BTreeSet<u64> {
    let is_lost = |item: &&StoreItem| {
        let probe = probes.get(&format!("store/{}", item.store.id));
        matches!(item.store.state_name.as_str(), "Disconnected" | "Down")
            || probe.is_some_and(crate::nodes::Probe::is_gone)
    };
    living(stores)
        .into_iter()
        .filter(is_lost)
        .map(|item| item.store.id)
        .collect()
}

/// Store ids by address, to interpret logs.
pub(crate) fn by_address(stores: &Stores) -> BTreeMap<String, String> {
    living(stores)
        .into_iter()
        .map(|item| (item.store.address.clone(), item.store.id.to_string()))
        .collect()
}

/// The `stores` table.
pub(crate) fn stores_table(
    stores: &Stores,
    probes: &Probes,
    offsets: &BTreeMap<String, f64>,
) -> TableData {
    let living = living(stores);
    let rows = || living.iter().copied();
    let entity = |item: &StoreItem| format!("store/{}", item.store.id);
    let freshest = rows().filter_map(heartbeat).max();
    let lag = |item: &StoreItem| Some(seconds_between(freshest?, heartbeat(item)?));
    let probe = |item: &StoreItem| {
        probes
            .get(&entity(item))
            .map(|probe| probe.outcome.to_owned())
    };
    let filled = table("stores")
        .texts("store", rows().map(|item| item.store.id.to_string()))
        .texts("address", rows().map(|item| some(&item.store.address)))
        .texts(
            "status_address",
            rows().map(|item| some(&item.store.status_address)),
        )
        .texts("state", rows().map(|item| some(&item.store.state_name)))
        .texts("node_state", rows().map(node_state))
        .texts("version", rows().map(|item| some(&item.store.version)))
        .instants("start_at", rows().map(start_at))
        .floats("uptime_s", "s", rows().map(uptime_s))
        .instants("last_heartbeat", rows().map(heartbeat))
        .booleans(
            "heartbeat_seen",
            rows().map(|item| heartbeat(item).is_some()),
        )
        .floats("heartbeat_lag_s", "s", rows().map(lag));
    with_status(filled, &living)
        .texts("probe", rows().map(probe))
        .floats(
            "probe_back_s",
            "s",
            rows().map(|item| probes.get(&entity(item))?.back_s),
        )
        .floats(
            "date_offset_s",
            "s",
            rows().map(|item| offsets.get(&entity(item)).copied()),
        )
        .texts(
            "labels",
            rows().map(|item| labels(item.store.labels.as_deref().unwrap_or_default())),
        )
}

/// The columns that PD takes from the latest heartbeat.
fn with_status(table: TableData, living: &[&StoreItem]) -> TableData {
    let status = || living.iter().map(|item| &item.status);
    let load = table
        .integers(
            "leader_count",
            "",
            status().map(|status| status.leader_count.map(count)),
        )
        .integers(
            "region_count",
            "",
            status().map(|status| status.region_count.map(count)),
        )
        .floats(
            "leader_score",
            "",
            status().map(|status| status.leader_score),
        )
        .floats(
            "region_score",
            "",
            status().map(|status| status.region_score),
        )
        .floats(
            "leader_weight",
            "",
            status().map(|status| status.leader_weight),
        )
        .integers(
            "slow_score",
            "",
            status().map(|status| status.slow_score.map(count)),
        )
        .booleans("is_busy", status().map(|status| status.is_busy))
        .booleans(
            "pause_leader_in",
            status().map(|status| status.pause_leader_transfer_in),
        );
    with_space(load, living)
        .integers(
            "sending_snapshots",
            "",
            status().map(|status| count(status.sending_snap_count)),
        )
        .integers(
            "receiving_snapshots",
            "",
            status().map(|status| count(status.receiving_snap_count)),
        )
        .integers(
            "pending_peers",
            "",
            status().map(|status| count(status.pending_peer_count)),
        )
}

/// The disk space of the stores.
fn with_space(table: TableData, living: &[&StoreItem]) -> TableData {
    // A store that never sent a heartbeat is listed with zero sizes, which means unknown.
    let size = |text: &str| size_bytes(text);
    let known = |item: &StoreItem, text: &str| size(text).filter(|_| heartbeat(item).is_some());
    table
        .floats(
            "capacity_bytes",
            "By",
            living.iter().map(|item| known(item, &item.status.capacity)),
        )
        .floats(
            "available_bytes",
            "By",
            living
                .iter()
                .map(|item| known(item, &item.status.available)),
        )
        .floats(
            "used_bytes",
            "By",
            living
                .iter()
                .map(|item| known(item, &item.status.used_size)),
        )
        .floats(
            "available_ratio",
            "1",
            living.iter().map(|item| space(item)),
        )
}

/// The share of the disk that is free.
pub(crate) fn space(item: &StoreItem) -> Option<f64> {
    let available = size_bytes(&item.status.available)?;
    let capacity = size_bytes(&item.status.capacity)?;
    (capacity > 0.0).then_some(available / capacity)
}

/// What may live where, to judge the peers of regions.
pub(crate) fn known(stores: &Stores) -> KnownStores {
    let listed = stores.stores.iter().map(|item| item.store.id);
    KnownStores {
        listed: listed.filter(|id| *id != 0).collect(),
        columnar: tiflash::living(stores)
            .into_iter()
            .map(|item| item.store.id)
            .collect(),
    }
}

/// The latest heartbeat, in nanoseconds. For a store that only registered, PD writes none, zero or
/// a negative number.
pub(crate) fn heartbeat(item: &StoreItem) -> Option<u64> {
    u64::try_from(item.store.last_heartbeat)
        .ok()
        .filter(|at| *at > 0)
}

fn start_at(item: &StoreItem) -> Option<u64> {
    Some(item.store.start_timestamp)
        .filter(|at| *at > 0)
        .and_then(|at| at.checked_mul(1_000_000_000))
}

/// If a store does not report its start, PD counts from 1970, which is ignored.
fn uptime_s(item: &StoreItem) -> Option<f64> {
    start_at(item).and_then(|_| go_duration_s(&item.status.uptime))
}

fn node_state(item: &StoreItem) -> Option<String> {
    let name = match item.store.node_state {
        0 => "Preparing",
        1 => "Serving",
        2 => "Removing",
        3 => "Removed",
        _ => return None,
    };
    Some(name.to_owned())
}

fn labels(labels: &[Label]) -> Option<String> {
    let text: Vec<String> = labels
        .iter()
        .map(|label| format!("{}={}", label.key, label.value))
        .collect();
    some(&text.join(","))
}

fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nodes::Probe;
    use operator_plugin::Scalar;

    fn read(body: &str) -> Stores {
        serde_json::from_str(body).unwrap()
    }

    #[test]
    fn the_captured_lost_store_lags_and_its_probe_is_refused() {
        let stores = read(include_str!(
            "../tests/fixtures/pd-8.5.0-stores-one-disconnected.json"
        ));
        let probes: Probes = [(
            "store/4".to_owned(),
            Probe {
                outcome: "refused",
                date: None,
                back_s: None,
            },
        )]
        .into();
        let table = stores_table(&stores, &probes, &BTreeMap::new());
        assert_eq!(table.scalar(1, "store"), Scalar::Text("4".to_owned()));
        assert_eq!(
            table.scalar(1, "state"),
            Scalar::Text("Disconnected".to_owned())
        );
        assert_eq!(table.scalar(1, "probe"), Scalar::Text("refused".to_owned()));
        let Scalar::Float(lag) = table.scalar(1, "heartbeat_lag_s") else {
            panic!("no lag")
        };
        assert!((20.0..30.0).contains(&lag), "{lag}");
        assert_eq!(table.scalar(0, "probe"), Scalar::Null);
        assert_eq!(lost(&stores, &probes), [4].into());
    }

    #[test]
    fn stores_that_only_registered_have_no_heartbeat_and_no_sizes() {
        let stores = read(include_str!(
            "../tests/fixtures/pd-8.5.0-stores-without-heartbeat.json"
        ));
        let table = stores_table(&stores, &Probes::new(), &BTreeMap::new());
        for row in 0..3 {
            assert_eq!(table.scalar(row, "state"), Scalar::Text("Down".to_owned()));
            assert_eq!(table.scalar(row, "heartbeat_seen"), Scalar::Boolean(false));
            for column in [
                "heartbeat_lag_s",
                "capacity_bytes",
                "available_ratio",
                "uptime_s",
                "last_heartbeat",
            ] {
                assert_eq!(table.scalar(row, column), Scalar::Null, "{column}");
            }
        }
        assert!(nodes(&stores, "http").is_empty());
    }

    #[test]
    fn tombstones_are_ignored() {
        let stores = read(
            r#"{"stores":[{"store":{"id":9,"state":2,"state_name":"Tombstone"}},{"store":{"id":2}},{"store":{"id":1}}]}"#,
        );
        let ids: Vec<u64> = living(&stores).iter().map(|item| item.store.id).collect();
        assert_eq!(ids, [1, 2]);
    }

    #[test]
    fn sizes_are_bytes_and_labels_are_joined() {
        let stores = read(include_str!(
            "../tests/fixtures/pd-8.5.0-stores-one-disconnected.json"
        ));
        let table = stores_table(&stores, &Probes::new(), &BTreeMap::new());
        assert_eq!(
            table.scalar(0, "capacity_bytes"),
            Scalar::Float(8.0 * 1024.0 * 1024.0 * 1024.0)
        );
        assert_eq!(
            table.scalar(0, "labels"),
            Scalar::Text("host=h0".to_owned())
        );
        assert_eq!(
            table.scalar(0, "node_state"),
            Scalar::Text("Serving".to_owned())
        );
    }
}
