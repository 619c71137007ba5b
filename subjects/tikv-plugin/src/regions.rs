//! Region health: PD's counts of abnormal regions, oversized regions and holes in the key space.

use std::collections::BTreeMap;
use std::time::Duration;

use operator_plugin::{Reduction, TableData, World, series, table};

use crate::pd_state::{PdState, PolledValue};
use crate::schedule::Endpoint;
use crate::shapes::Region;
use crate::units::count;

/// A list is fetched only if the cluster, or the list according to the metric, is no longer than
/// this.
pub(crate) const LIST_REGIONS: u64 = 1_000;
/// PD's gauges are stale after three scrapes.
const CURRENT: Duration = Duration::from_secs(45);
/// The largest regions that are listed; with more unsplittable regions the cluster has one common
/// problem.
pub(crate) const LARGE_REGIONS: usize = 8;
/// PD reports region sizes in MiB.
const MIB: f64 = 1_048_576.0;
/// Holes listed per tick.
const HOLES: usize = 256;

/// The kinds of abnormal regions, with the endpoint that lists them if there is one to fetch.
const KINDS: [(&str, Option<Endpoint>); 9] = [
    ("miss-peer", Some(Endpoint::MissPeer)),
    ("extra-peer", None),
    ("down-peer", Some(Endpoint::DownPeer)),
    ("pending-peer", Some(Endpoint::PendingPeer)),
    ("offline-peer", Some(Endpoint::OfflinePeer)),
    ("learner-peer", None),
    ("empty", None),
    ("oversized", None),
    ("undersized", None),
];

/// PD's own counts by kind, from the gauges of the leader; those of other members are stale.
pub(crate) fn counted(world: &mut dyn World, leader: Option<&str>) -> BTreeMap<String, u64> {
    let Some(leader) = leader else {
        return BTreeMap::new();
    };
    let query = series("pd_regions_status")
        .with("member", leader)
        .by("type");
    let Ok(found) = world.select(&query, Reduction::Last, CURRENT) else {
        return BTreeMap::new();
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a gauge that counts regions"
    )]
    let kind = |row: operator_plugin::Row<'_>| {
        let kind = row.text("type")?.strip_suffix("-region-count")?.to_owned();
        Some((
            kind,
            row.number("value").filter(|value| *value >= 0.0)? as u64,
        ))
    };
    found.rows().filter_map(kind).collect()
}

/// Whether this list is short enough to fetch; it can contain a third of the cluster.
pub(crate) fn is_short(endpoint: Endpoint, regions: u64, counted: &BTreeMap<String, u64>) -> bool {
    let kind = KINDS
        .iter()
        .find(|(_, list)| *list == Some(endpoint))
        .map(|(kind, _)| *kind);
    let by_metric = kind.and_then(|kind| counted.get(kind));
    by_metric.map_or(regions <= LIST_REGIONS, |listed| *listed <= LIST_REGIONS)
}

/// The `region_health` table: a row for each kind, null if the count is unknown.
pub(crate) fn region_health_table(
    pd_state: &PdState,
    counted: &BTreeMap<String, u64>,
) -> Option<TableData> {
    if pd_state.bootstrapped == Some(false) {
        return Some(filled(&[]));
    }
    let row = |(kind, list): &(&'static str, Option<Endpoint>)| {
        let listed = list
            .and_then(|list| pd_state.abnormal.get(&list))
            .and_then(PolledValue::value);
        match (listed, counted.get(*kind)) {
            (Some(listed), _) => (*kind, Some(listed.count), Some("list")),
            (None, Some(counted)) => (*kind, Some(*counted), Some("metric")),
            (None, None) => (*kind, None, None),
        }
    };
    let rows: Vec<_> = KINDS.iter().map(row).collect();
    rows.iter()
        .any(|(_, regions, _)| regions.is_some())
        .then(|| filled(&rows))
}

fn filled(rows: &[(&str, Option<u64>, Option<&str>)]) -> TableData {
    table("region_health")
        .texts("kind", rows.iter().map(|(kind, ..)| (*kind).to_owned()))
        .integers(
            "regions",
            "",
            rows.iter().map(|(_, regions, _)| regions.map(count)),
        )
        .texts(
            "source",
            rows.iter().map(|(.., source)| source.map(str::to_owned)),
        )
}

/// Whether PD counts oversized regions; only then are they listed.
pub(crate) fn some_are_oversized(counted: &BTreeMap<String, u64>) -> bool {
    counted.get("oversized").is_some_and(|regions| *regions > 0)
}

/// The `large_regions` table: the largest regions, while any is oversized.
pub(crate) fn large_regions_table(
    pd_state: &PdState,
    counted: &BTreeMap<String, u64>,
) -> Option<TableData> {
    let listed = pd_state
        .large_regions
        .value()
        .map(|list| list.regions.as_slice())
        .unwrap_or_default();
    let rows = if some_are_oversized(counted) {
        listed
    } else {
        &[]
    };
    let store = |region: &Region| region.leader_store().map(|store| store.to_string());
    let filled = table("large_regions")
        .texts("region", rows.iter().map(|region| region.id.to_string()))
        .texts("store", rows.iter().map(store))
        .floats(
            "size_bytes",
            "By",
            rows.iter().map(|region| region.approximate_size * MIB),
        );
    counted.contains_key("oversized").then_some(filled)
}

/// The `range_holes` table: key ranges that belong to no region.
pub(crate) fn range_holes_table(seen: &PolledValue<Vec<(String, String)>>) -> Option<TableData> {
    let holes = seen.value()?;
    let holes = holes.get(..holes.len().min(HOLES)).unwrap_or_default();
    let filled =
        table("range_holes").texts("start_key", holes.iter().map(|(start, _)| start.clone()));
    Some(filled.texts("end_key", holes.iter().map(|(_, end)| end.clone())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Scalar;

    #[test]
    fn a_list_takes_precedence_over_a_metric_and_an_unknown_count_is_null() {
        let mut pd_state = PdState::default();
        pd_state.take(
            Endpoint::MissPeer,
            1,
            Ok(br#"{"count":2,"regions":[{"id":1},{"id":2}]}"#),
        );
        let counted = [("miss-peer".to_owned(), 9), ("empty".to_owned(), 15)].into();
        let table = region_health_table(&pd_state, &counted).unwrap();
        assert_eq!(
            (table.scalar(0, "regions"), table.scalar(0, "source")),
            (Scalar::Integer(2), Scalar::Text("list".to_owned()))
        );
        assert_eq!(
            (table.scalar(6, "regions"), table.scalar(6, "source")),
            (Scalar::Integer(15), Scalar::Text("metric".to_owned()))
        );
        assert_eq!(table.scalar(2, "regions"), Scalar::Null);
    }

    #[test]
    fn large_regions_are_listed_while_any_is_oversized() {
        let mut pd_state = PdState::default();
        let body =
            br#"{"regions":[{"id":88,"leader":{"id":90,"store_id":4},"approximate_size":2048}]}"#;
        pd_state.take(Endpoint::LargeRegions, 1, Ok(body));
        let counted = |regions: u64| [("oversized".to_owned(), regions)].into();
        let table = large_regions_table(&pd_state, &counted(1)).unwrap();
        assert_eq!(
            (
                table.scalar(0, "region"),
                table.scalar(0, "store"),
                table.scalar(0, "size_bytes")
            ),
            (
                Scalar::Text("88".to_owned()),
                Scalar::Text("4".to_owned()),
                Scalar::Float(2.0 * 1_024.0 * 1_024.0 * 1_024.0)
            )
        );
        assert_eq!(
            large_regions_table(&pd_state, &counted(0)).unwrap().rows(),
            0
        );
        assert!(large_regions_table(&pd_state, &BTreeMap::new()).is_none());
    }

    #[test]
    fn without_counts_there_is_no_table() {
        assert!(region_health_table(&PdState::default(), &BTreeMap::new()).is_none());
    }

    #[test]
    fn long_lists_are_not_fetched() {
        let counted = [
            ("pending-peer".to_owned(), 40_000),
            ("down-peer".to_owned(), 3),
        ]
        .into();
        assert!(!is_short(Endpoint::PendingPeer, 1_000_000, &counted));
        assert!(is_short(Endpoint::DownPeer, 1_000_000, &counted));
        assert!(!is_short(Endpoint::MissPeer, 1_000_000, &counted));
        assert!(is_short(Endpoint::MissPeer, 29, &BTreeMap::new()));
    }

    #[test]
    fn holes_are_key_pairs_and_no_hole_is_an_empty_table() {
        let mut pd_state = PdState::default();
        pd_state.take(Endpoint::RangeHoles, 1, Ok(br#"[["74","75"]]"#));
        assert_eq!(
            range_holes_table(&pd_state.range_holes)
                .unwrap()
                .scalar(0, "end_key"),
            Scalar::Text("75".to_owned())
        );
        pd_state.take(Endpoint::RangeHoles, 2, Ok(b"[]"));
        assert_eq!(range_holes_table(&pd_state.range_holes).unwrap().rows(), 0);
    }
}
