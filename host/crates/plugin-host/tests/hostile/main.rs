//! What a broken or hostile component can do to the host: nothing but to get one clear refusal.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a helper of a test fails the test"
)]

mod admission;
mod evaluation;
mod limits;
mod observation;
mod suite;

use operator_data::{SeriesStore, Snapshot, Table};
use operator_model::{Digest, Tick, Timestamp, Topology};
use operator_plugin_host::PluginLimits;
use std::collections::BTreeMap;
use std::sync::Arc;

fn limits() -> PluginLimits {
    PluginLimits::default()
}

fn snapshot(tables: Vec<Table>) -> Arc<Snapshot> {
    Arc::new(Snapshot {
        tick: Tick(7),
        taken_at: Timestamp(1_000),
        host_at: Timestamp(1_000),
        subject: "test".to_owned(),
        system: String::new(),
        tables: tables
            .into_iter()
            .map(|table| (table.name.clone(), Arc::new(table)))
            .collect(),
        past: Vec::new(),
        series: Arc::new(SeriesStore::default()),
        topology: Topology::default(),
        blind: Vec::new(),
        hash: Digest(String::new()),
    })
}

/// Limits with a change.
fn limits_with(change: impl FnOnce(&mut PluginLimits)) -> PluginLimits {
    let mut limits = limits();
    change(&mut limits);
    limits
}

/// The tables of a snapshot as a map, for tests that look into it.
fn names(tables: &BTreeMap<String, Arc<Table>>) -> Vec<&str> {
    tables.keys().map(String::as_str).collect()
}
