//! When a check must not judge: G1, G3 and G7 of the catalogue. Missing data is not a guard, it is `inconclusive`.

use operator_plugin::{Outcome, Snapshot, TableView};

/// A new PD leader shows stores by the heartbeats that it wrote to disk minutes ago, until each store has sent
/// its next one: at most 10 s later, and as much again for a slow machine and our own polling.
pub const STORE_STATES_S: f64 = 30.0;

/// A new PD leader builds region lists, hot lists and statistics anew from heartbeats; it schedules nothing before
/// 90 % of the regions have reported, or 5 minutes.
pub const REGION_LISTS_S: f64 = 300.0;

/// Fewer regions than this balance badly without any fault: PD's own limit for calling a cluster small.
pub const SMALL_CLUSTER_REGIONS: i64 = 100;

/// A store that started less than this ago is catching up; planned restarts are over by then.
pub const RESTART_S: f64 = 600.0;

/// Inconclusive while PD's leader is younger than `within_s` (G1). `None`: go on.
#[must_use]
pub fn new_pd_leader(snapshot: &Snapshot, within_s: f64) -> Option<Outcome> {
    let since_s = pd_leader_since_s(snapshot).filter(|since_s| *since_s < within_s)?;
    Some(Outcome::inconclusive(format!(
        "PD has a new leader since {since_s:.0} s, which learns the state of stores and regions from their heartbeats"
    )))
}

/// Seconds since the present PD leader was first seen; `None` while it is the first one that was seen.
#[must_use]
pub fn pd_leader_since_s(snapshot: &Snapshot) -> Option<f64> {
    snapshot
        .table("cluster")
        .ok()?
        .first()?
        .number("pd_leader_since_s")
}

/// Inconclusive before the first store has registered. `None`: go on.
#[must_use]
pub fn not_bootstrapped(snapshot: &Snapshot) -> Option<Outcome> {
    let bootstrapped = snapshot
        .table("cluster")
        .ok()?
        .first()?
        .boolean("bootstrapped");
    (bootstrapped == Some(false))
        .then(|| Outcome::inconclusive("no store has ever registered with this cluster"))
}

/// A vacuous pass in clusters of fewer than [`SMALL_CLUSTER_REGIONS`] regions (G7), for claims that are limited to
/// larger ones; inconclusive when the number is not known. `None`: go on.
#[must_use]
pub fn small_cluster(snapshot: &Snapshot) -> Option<Outcome> {
    let regions = snapshot
        .table("cluster")
        .ok()
        .and_then(|table| table.first()?.integer("region_count"));
    match regions {
        None => Some(Outcome::inconclusive("the number of regions is not known")),
        Some(regions) if regions < SMALL_CLUSTER_REGIONS => Some(Outcome::pass(format!(
            "{regions} regions: skew is judged from {SMALL_CLUSTER_REGIONS} on"
        ))),
        Some(_) => None,
    }
}

/// The scheduler that keeps leaders away from this store, if one is known.
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
