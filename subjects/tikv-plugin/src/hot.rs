//! The distribution of load: PD's hot-region list, the rates of the stores and the busiest regions.

use std::collections::BTreeMap;

use operator_plugin::{TableData, table};

use crate::pd_state::{PdState, PolledValue};
use crate::shapes::{HotPeer, HotPeers, Region, Regions, StoreRates};
use crate::units::median;

/// A leader reports the flow of its regions every 60 s (`region-heartbeat-interval`); PD keeps the
/// increase since the previous report.
const REPORT_INTERVAL_S: f64 = 60.0;
/// Rows taken from PD's hot-region list per kind of flow.
const HOT_ROWS: usize = 128;
/// Replicas of each region while the setting is unknown.
const REPLICAS: f64 = 3.0;

/// The two kinds of flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Write,
    Read,
}

impl Flow {
    fn name(self) -> String {
        let name = match self {
            Self::Write => "write",
            Self::Read => "read",
        };
        name.to_owned()
    }

    fn bytes_per_s(self, region: &Region) -> f64 {
        let bytes = match self {
            Self::Write => region.written_bytes,
            Self::Read => region.read_bytes,
        };
        bytes / REPORT_INTERVAL_S
    }

    fn keys_per_s(self, region: &Region) -> f64 {
        let keys = match self {
            Self::Write => region.written_keys,
            Self::Read => region.read_keys,
        };
        keys / REPORT_INTERVAL_S
    }
}

/// The `hot_peers` table: what PD itself considers hot, which takes it minutes.
pub(crate) fn hot_peers_table(pd_state: &PdState) -> Option<TableData> {
    if pd_state.hot_write.value().is_none() && pd_state.hot_read.value().is_none() {
        return None;
    }
    let mut rows: Vec<(Flow, &HotPeer)> = Vec::new();
    for (flow, seen) in [
        (Flow::Write, &pd_state.hot_write),
        (Flow::Read, &pd_state.hot_read),
    ] {
        rows.extend(hottest(seen).into_iter().map(|peer| (flow, peer)));
    }
    Some(
        table("hot_peers")
            .texts(
                "region",
                rows.iter().map(|(_, peer)| peer.region_id.to_string()),
            )
            .texts("flow", rows.iter().map(|(flow, _)| flow.name()))
            .texts(
                "store",
                rows.iter().map(|(_, peer)| peer.store_id.to_string()),
            )
            .booleans("is_leader", rows.iter().map(|(_, peer)| peer.is_leader))
            .floats(
                "bytes_per_s",
                "By/s",
                rows.iter().map(|(_, peer)| peer.flow_bytes),
            )
            .floats(
                "keys_per_s",
                "1/s",
                rows.iter().map(|(_, peer)| peer.flow_keys),
            )
            .floats(
                "queries_per_s",
                "1/s",
                rows.iter().map(|(_, peer)| peer.flow_query),
            )
            .integers(
                "hot_degree",
                "",
                rows.iter().map(|(_, peer)| peer.hot_degree),
            ),
    )
}

/// Each peer once, busiest first: PD lists a leader in both views.
fn hottest(seen: &PolledValue<HotPeers>) -> Vec<&HotPeer> {
    let views = seen
        .value()
        .into_iter()
        .flat_map(|hot| [hot.as_peer.as_ref(), hot.as_leader.as_ref()]);
    let peers = views
        .flatten()
        .flat_map(BTreeMap::values)
        .flat_map(|store| &store.statistics);
    let once: BTreeMap<(u64, u64), &HotPeer> = peers
        .map(|peer| ((peer.region_id, peer.store_id), peer))
        .collect();
    let mut peers: Vec<&HotPeer> = once.into_values().collect();
    peers.sort_by(|left, right| right.flow_bytes.total_cmp(&left.flow_bytes));
    peers.truncate(HOT_ROWS);
    peers
}

/// The `store_flow` table.
pub(crate) fn store_flow_table(seen: &PolledValue<StoreRates>) -> Option<TableData> {
    let rates = seen.value()?;
    let columns = [
        ("write_bytes_per_s", "By/s", &rates.bytes_write_rate),
        ("read_bytes_per_s", "By/s", &rates.bytes_read_rate),
        ("write_keys_per_s", "1/s", &rates.keys_write_rate),
        ("read_keys_per_s", "1/s", &rates.keys_read_rate),
        ("write_queries_per_s", "1/s", &rates.query_write_rate),
        ("read_queries_per_s", "1/s", &rates.query_read_rate),
    ];
    let mut stores: Vec<&String> = columns
        .iter()
        .flat_map(|(.., rates)| rates.iter().flat_map(BTreeMap::keys))
        .collect();
    stores.sort_by_key(|store| (store.len(), *store));
    stores.dedup();
    let filled = table("store_flow").texts("store", stores.iter().map(|store| (*store).clone()));
    Some(columns.iter().fold(filled, |table, (name, unit, rates)| {
        let rate = |store: &&String| rates.as_ref().and_then(|rates| rates.get(*store).copied());
        table.floats(name, unit, stores.iter().map(rate))
    }))
}

/// The `region_flow` table: the busiest regions by their own reports, long before PD considers them
/// hot.
pub(crate) fn region_flow_table(pd_state: &PdState, replicas: Option<f64>) -> Option<TableData> {
    if pd_state.write_flow.value().is_none() && pd_state.read_flow.value().is_none() {
        return None;
    }
    let rates = pd_state.store_rates.value();
    // The store of every replica counts a write; only the leader's store counts a read.
    let writes = rates
        .and_then(|rates| total(rates.bytes_write_rate.as_ref()))
        .map(|sum| sum / replicas.unwrap_or(REPLICAS));
    let reads = rates.and_then(|rates| total(rates.bytes_read_rate.as_ref()));
    let mut rows = busiest(Flow::Write, &pd_state.write_flow, writes);
    rows.extend(busiest(Flow::Read, &pd_state.read_flow, reads));
    Some(
        table("region_flow")
            .texts("region", rows.iter().map(|row| row.region.id.to_string()))
            .texts("flow", rows.iter().map(|row| row.flow.name()))
            .texts(
                "store",
                rows.iter()
                    .map(|row| row.region.leader_store().map(|store| store.to_string())),
            )
            .floats(
                "bytes_per_s",
                "By/s",
                rows.iter().map(|row| row.flow.bytes_per_s(row.region)),
            )
            .floats(
                "keys_per_s",
                "1/s",
                rows.iter().map(|row| row.flow.keys_per_s(row.region)),
            )
            .floats(
                "queries_per_s",
                "1/s",
                rows.iter().map(|row| row.queries_per_s(pd_state)),
            )
            .floats("share", "1", rows.iter().map(|row| row.share))
            .floats(
                "list_median_bytes_per_s",
                "By/s",
                rows.iter().map(|row| row.median),
            )
            .texts(
                "start_key",
                rows.iter().map(|row| row.region.start_key.clone()),
            )
            .texts("end_key", rows.iter().map(|row| row.region.end_key.clone()))
            .instants("polled_at", rows.iter().map(|row| row.polled_at)),
    )
}

struct FlowRow<'response> {
    flow: Flow,
    region: &'response Region,
    share: Option<f64>,
    median: Option<f64>,
    polled_at: u64,
}

impl FlowRow<'_> {
    /// The flow lists have no query rates; PD's hot-region list has them for the regions it
    /// contains.
    fn queries_per_s(&self, pd_state: &PdState) -> Option<f64> {
        let seen = match self.flow {
            Flow::Write => &pd_state.hot_write,
            Flow::Read => &pd_state.hot_read,
        };
        let store = self.region.leader_store()?;
        let views = seen
            .value()
            .into_iter()
            .flat_map(|hot| [hot.as_leader.as_ref(), hot.as_peer.as_ref()]);
        let mut peers = views
            .flatten()
            .filter_map(|view| view.get(&store.to_string()))
            .flat_map(|hot| &hot.statistics);
        peers
            .find(|peer| peer.region_id == self.region.id && peer.flow_query > 0.0)
            .map(|peer| peer.flow_query)
    }
}

fn busiest(flow: Flow, seen: &PolledValue<Regions>, stores_total: Option<f64>) -> Vec<FlowRow<'_>> {
    let regions = seen.value().map_or(&[][..], |list| list.regions.as_slice());
    let mut rates: Vec<f64> = regions
        .iter()
        .map(|region| flow.bytes_per_s(region))
        .collect();
    let sum: f64 = rates.iter().sum();
    let median = median(&mut rates);
    let whole = stores_total.map_or(sum, |total| total.max(sum));
    let row = |region| {
        let share = (whole > 0.0).then(|| flow.bytes_per_s(region) / whole);
        FlowRow {
            flow,
            region,
            share,
            median,
            polled_at: seen.at(),
        }
    };
    regions.iter().map(row).collect()
}

fn total(rates: Option<&BTreeMap<String, f64>>) -> Option<f64> {
    rates
        .filter(|rates| !rates.is_empty())
        .map(|rates| rates.values().sum())
}

/// Regions that become entities, with the stores of their leaders: those of the flow lists.
pub(crate) fn notable(pd_state: &PdState) -> BTreeMap<u64, u64> {
    let flows = [&pd_state.write_flow, &pd_state.read_flow]
        .into_iter()
        .filter_map(PolledValue::value)
        .flat_map(|list| &list.regions);
    flows
        .filter_map(|region| Some((region.id, region.leader_store()?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Endpoint;
    use operator_plugin::Scalar;

    fn captured() -> PdState {
        let mut pd_state = PdState::default();
        pd_state.take(
            Endpoint::WriteFlow,
            7,
            Ok(include_bytes!(
                "../tests/fixtures/pd-8.5.0-writeflow-hot.json"
            )),
        );
        pd_state.take(
            Endpoint::HotStores,
            7,
            Ok(include_bytes!(
                "../tests/fixtures/pd-8.5.0-hotspot-stores.json"
            )),
        );
        pd_state
    }

    fn float(value: Scalar) -> f64 {
        let Scalar::Float(value) = value else {
            panic!("{value:?}")
        };
        value
    }

    #[test]
    fn the_captured_hot_region_receives_most_writes() {
        let table = region_flow_table(&captured(), Some(3.0)).unwrap();
        assert_eq!(table.scalar(0, "region"), Scalar::Text("88".to_owned()));
        assert_eq!(table.scalar(0, "store"), Scalar::Text("4".to_owned()));
        assert!((float(table.scalar(0, "bytes_per_s")) - 589_355.0).abs() < 1.0);
        assert!(float(table.scalar(0, "share")) > 0.9);
        assert!(float(table.scalar(0, "list_median_bytes_per_s")) < 5_000.0);
        assert!(float(table.scalar(1, "share")) < 0.01);
        assert_eq!(table.scalar(0, "polled_at"), Scalar::Integer(7));
    }

    #[test]
    fn a_share_refers_to_the_total_store_flow_if_that_exceeds_the_list() {
        let mut pd_state = PdState::default();
        pd_state.take(
            Endpoint::WriteFlow,
            1,
            Ok(br#"{"regions":[{"id":1,"written_bytes":6000}]}"#),
        );
        pd_state.take(
            Endpoint::HotStores,
            1,
            Ok(br#"{"bytes-write-rate":{"1":1000,"2":1000,"3":1000}}"#),
        );
        let table = region_flow_table(&pd_state, Some(3.0)).unwrap();
        assert!((float(table.scalar(0, "share")) - 0.1).abs() < 1e-9);
    }

    #[test]
    fn store_rates_are_ordered_by_id() {
        let mut pd_state = PdState::default();
        pd_state.take(
            Endpoint::HotStores,
            1,
            Ok(br#"{"bytes-write-rate":{"10":1,"9":2},"bytes-read-rate":null}"#),
        );
        let table = store_flow_table(&pd_state.store_rates).unwrap();
        assert_eq!(table.scalar(0, "store"), Scalar::Text("9".to_owned()));
        assert_eq!(
            (
                table.scalar(0, "write_bytes_per_s"),
                table.scalar(0, "read_bytes_per_s")
            ),
            (Scalar::Float(2.0), Scalar::Null)
        );
    }

    #[test]
    fn a_peer_in_both_views_is_one_row() {
        let stat = r#"{"statistics":[{"store_id":4,"region_id":88,"is_leader":true,"hot_degree":3,"flow_bytes":5}]}"#;
        let mut pd_state = PdState::default();
        pd_state.take(
            Endpoint::HotWrite,
            1,
            Ok(format!(r#"{{"as_peer":{{"4":{stat}}},"as_leader":{{"4":{stat}}}}}"#).as_bytes()),
        );
        assert_eq!(hot_peers_table(&pd_state).unwrap().rows(), 1);
        assert!(hot_peers_table(&PdState::default()).is_none());
    }
}
