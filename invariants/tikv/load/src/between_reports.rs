//! Bridges the gap between two regular reports of a hot region.
//!
//! A region reports to PD every minute, and also whenever it is split or its replicas change. Such an extra report
//! covers only the moments since the last one, so the busiest region of all seems idle until the next regular report.
//! Its store reports its own flow every 10 s: while that stays as high as before, the region has not cooled down.

use operator_plugin::{EntityId, Outcome, Snapshot, TableView};
use serde::{Deserialize, Serialize};
use tikv_check_support::state::State;

/// Two regular reports: by then the region, or the regions it was split into, have reported their flow.
const REPORTS_NS: u64 = 120 * 1_000_000_000;

/// A store that keeps this share of its earlier flow is still busy.
const STILL_BUSY: f64 = 0.5;

/// The last hot region, and the flow of its store at that time.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct HotRegion {
    region: String,
    store: String,
    store_bytes_per_s: f64,
    observed_ns: u64,
}

impl State for HotRegion {
    const VERSION: u32 = 1;
}

/// Remembers the hot region, and turns a pass into inconclusive while it may be such a gap.
pub(crate) fn bridge(
    snapshot: &Snapshot,
    state: Option<&[u8]>,
    flow: &str,
    outcome: Outcome,
) -> Outcome {
    if let Some(hot) = outcome
        .violations()
        .first()
        .and_then(|found| hot_region(snapshot, &found.entity, flow))
    {
        return outcome.remember(hot.encode());
    }
    let Some(before) = state.and_then(HotRegion::decode) else {
        return outcome;
    };
    let is_recent = snapshot.taken_at().saturating_sub(before.observed_ns) < REPORTS_NS;
    let is_busy = store_flow(snapshot, &before.store, flow)
        .is_some_and(|now| now >= STILL_BUSY * before.store_bytes_per_s);
    if !(outcome.violations().is_empty() && is_recent && is_busy) {
        return outcome;
    }
    let HotRegion { region, store, .. } = before;
    let inconclusive = Outcome::inconclusive(format!(
        "region {region} was hot within the last 2 min and its store {store} is as busy as before: \
         the last report of the region may cover only a few seconds"
    ));
    inconclusive.remember(state.unwrap_or_default().to_vec())
}

fn hot_region(snapshot: &Snapshot, entity: &EntityId, flow: &str) -> Option<HotRegion> {
    let region = entity.key.first().filter(|_| entity.kind == "region")?;
    let list = snapshot.table("region_flow").ok()?;
    let row = list.rows().find(|row| {
        row.text("flow") == Some(flow) && row.text("region") == Some(region.as_str())
    })?;
    let store = row.text("store")?.to_owned();
    let store_bytes_per_s = store_flow(snapshot, &store, flow)?;
    Some(HotRegion {
        region: region.clone(),
        store,
        store_bytes_per_s,
        observed_ns: snapshot.taken_at(),
    })
}

fn store_flow(snapshot: &Snapshot, store: &str, flow: &str) -> Option<f64> {
    let stores: TableView = snapshot.table("store_flow").ok()?;
    crate::hot_region::store_column(&stores, store, flow).map(|(_, bytes)| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hot_region_survives_the_round_trip() {
        let hot = HotRegion {
            region: "88".to_owned(),
            store: "5".to_owned(),
            store_bytes_per_s: 640_000.1,
            observed_ns: 1_795_230_600_000_000_000,
        };
        assert_eq!(HotRegion::decode(&hot.encode()), Some(hot));
    }
}
