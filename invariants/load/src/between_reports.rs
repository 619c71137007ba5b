//! What a region's list shows between two regular reports.
//!
//! A region reports to PD each minute, and besides whenever it is split or its replicas change. Such a report holds
//! the flow of the moment since the last one, so that the busiest region of all seems idle until the next minute.
//! Its store, which reports its own flow each 10 s, tells: while it takes as much as before, nothing has cooled.

use operator_plugin::{Outcome, Snapshot, TableView};

/// Two regular reports: by then the region, or what it was split into, has said how busy it is.
const REPORTS_NS: u64 = 120 * 1_000_000_000;

/// A store that still takes this share of what it took is still busy.
const STILL_BUSY: f64 = 0.5;

/// The hot region of an earlier look, and what its store took then.
struct Hot {
    region: String,
    store: String,
    bytes_per_s: f64,
    seen_ns: u64,
}

/// Remembers who is hot, and leaves it open while a passing outcome may be the gap between two reports.
pub(crate) fn bridge(
    snapshot: &Snapshot,
    state: Option<&[u8]>,
    flow: &str,
    outcome: Outcome,
) -> Outcome {
    if let Some(hot) = outcome
        .violations
        .first()
        .and_then(|found| hot(snapshot, &found.entity, flow))
    {
        let Hot {
            region,
            store,
            bytes_per_s,
            seen_ns,
        } = hot;
        return outcome.remember(format!("{region} {store} {bytes_per_s} {seen_ns}").into_bytes());
    }
    let Some(before) = state.and_then(read) else {
        return outcome;
    };
    let is_recent = snapshot.taken_at().saturating_sub(before.seen_ns) < REPORTS_NS;
    let is_busy = taken_by(snapshot, &before.store, flow)
        .is_some_and(|now| now >= STILL_BUSY * before.bytes_per_s);
    if !(outcome.violations.is_empty() && is_recent && is_busy) {
        return outcome;
    }
    let Hot { region, store, .. } = before;
    let open = Outcome::inconclusive(format!(
        "region {region} was hot within the last two minutes and its store {store} takes as much as then: \
         the list may show a report between two regular ones"
    ));
    open.remember(state.unwrap_or_default().to_vec())
}

fn hot(snapshot: &Snapshot, entity: &str, flow: &str) -> Option<Hot> {
    let region = entity.strip_prefix("region/")?;
    let list = snapshot.table("region_flow").ok()?;
    let row = list
        .rows()
        .find(|row| row.text("flow") == Some(flow) && row.text("region") == Some(region))?;
    let store = row.text("store")?.to_owned();
    let bytes_per_s = taken_by(snapshot, &store, flow)?;
    Some(Hot {
        region: region.to_owned(),
        store,
        bytes_per_s,
        seen_ns: snapshot.taken_at(),
    })
}

fn taken_by(snapshot: &Snapshot, store: &str, flow: &str) -> Option<f64> {
    let stores: TableView = snapshot.table("store_flow").ok()?;
    crate::hot_region::store_column(&stores, store, flow).map(|(_, bytes)| bytes)
}

fn read(state: &[u8]) -> Option<Hot> {
    let mut words = std::str::from_utf8(state)
        .ok()?
        .split(' ')
        .map(str::to_owned);
    let (region, store) = (words.next()?, words.next()?);
    let (bytes_per_s, seen_ns) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    Some(Hot {
        region,
        store,
        bytes_per_s,
        seen_ns,
    })
}
