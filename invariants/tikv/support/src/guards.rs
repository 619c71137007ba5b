//! Guards: states of the cluster in which a check must not report a violation. Missing data is no guard; it makes
//! the check inconclusive.

use operator_plugin::{Outcome, Snapshot, TableView};

/// A new PD leader shows the state of each store as of its last persisted heartbeat, minutes ago, until the next
/// heartbeat arrives: up to 10 s. Twice that covers slow machines and the polling interval.
pub const STORE_STATES_S: f64 = 30.0;

/// A new PD leader rebuilds region lists, hot lists and statistics from heartbeats. It schedules nothing until 90 %
/// of the regions have reported or 5 min have passed.
pub const REGION_LISTS_S: f64 = 300.0;

/// Clusters with fewer regions are unbalanced without any fault. PD itself calls them small.
pub const SMALL_CLUSTER_REGIONS: i64 = 100;

/// A store that started more recently is still catching up; planned restarts take less.
pub const RESTART_S: f64 = 600.0;

/// Inconclusive while PD's leader has held office for less than `within_s`. `None`: continue.
#[must_use]
pub fn new_pd_leader(snapshot: &Snapshot, within_s: f64) -> Option<Outcome> {
    let since_s = pd_leader_since_s(snapshot).filter(|since_s| *since_s < within_s)?;
    Some(Outcome::inconclusive(format!(
        "PD changed its leader {since_s:.0} s ago; the new leader is still collecting heartbeats of stores and regions"
    )))
}

/// Seconds since the current PD leader was first observed; `None` if it is the first leader observed.
#[must_use]
pub fn pd_leader_since_s(snapshot: &Snapshot) -> Option<f64> {
    snapshot
        .table("cluster")
        .ok()?
        .first()?
        .number("pd_leader_since_s")
}

/// Inconclusive until the first store has registered. `None`: continue.
#[must_use]
pub fn not_bootstrapped(snapshot: &Snapshot) -> Option<Outcome> {
    let bootstrapped = snapshot
        .table("cluster")
        .ok()?
        .first()?
        .boolean("bootstrapped");
    (bootstrapped == Some(false))
        .then(|| Outcome::inconclusive("no store has registered with this cluster yet"))
}

/// Not applicable in clusters with fewer than [`SMALL_CLUSTER_REGIONS`] regions, for claims that are limited to
/// larger ones; inconclusive if the number of regions is unknown. `None`: continue.
#[must_use]
pub fn small_cluster(snapshot: &Snapshot) -> Option<Outcome> {
    let regions = snapshot
        .table("cluster")
        .ok()
        .and_then(|table| table.first()?.integer("region_count"));
    match regions {
        None => Some(Outcome::inconclusive("the number of regions is unknown")),
        Some(regions) if regions < SMALL_CLUSTER_REGIONS => Some(Outcome::not_applicable(format!(
            "the cluster has {regions} regions, fewer than {SMALL_CLUSTER_REGIONS}"
        ))),
        Some(_) => None,
    }
}

/// The scheduler that evicts leaders from this store, if any.
#[must_use]
pub fn eviction_of(snapshot: &Snapshot, store: &str) -> Option<String> {
    let schedulers = snapshot.table("schedulers").ok()?;
    eviction_in(&schedulers, store)
}

fn eviction_in(schedulers: &TableView, store: &str) -> Option<String> {
    let mut rows = schedulers
        .rows()
        .filter(|row| row.text("store") == Some(store));
    rows.find_map(|row| {
        row.text("scheduler")
            .filter(|name| name.starts_with("evict-leader"))
            .map(str::to_owned)
    })
}
