//! Write plugins for Operator: *subjects*, which observe a system, and *invariants*, which judge what was observed.
//!
//! An invariant module is a list of [`Check`]s and one line, [`export_invariants!`]; a subject implements [`Subject`] and
//! says [`export_subject!`]. Both are ordinary Rust that also compiles for the host, where [`testing`] stands in for
//! Operator, so that `cargo test` can run the very code that becomes the component.
//!
#![cfg_attr(feature = "invariant", doc = "```")]
#![cfg_attr(not(feature = "invariant"), doc = "```ignore")]
//! use operator_plugin::testing::SnapshotBuilder;
//! use operator_plugin::{Check, Findings, Invariants, Outcome, PluginError, PluginInfo, Snapshot, Status, Violation, table};
//!
//! struct StoreHealth;
//!
//! impl Invariants for StoreHealth {
//!     fn info() -> PluginInfo {
//!         let (name, version, summary) = ("store-health", "0.1.0", "Judges whether stores live");
//!         PluginInfo { name: name.into(), version: version.into(), summary: summary.into() }
//!     }
//!
//!     fn checks() -> Vec<Check> {
//!         vec![Check::new("store-up", "every store is up").critical().hold_ms(15_000).reads(&["stores"]).by(store_up)]
//!     }
//! }
//!
//! fn store_up(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
//!     let stores = snapshot.table("stores")?;
//!     let mut findings = Findings::new();
//!     for row in stores.rows() {
//!         let entity = format!("store/{}", row.text("store").unwrap_or("?"));
//!         match row.text("state") {
//!             Some("Up") => findings.pass(entity),
//!             Some(state) => findings.fail(
//!                 Violation::new(entity, format!("it is {state}")).evidence(row.evidence("state").expected("Up")),
//!             ),
//!             None => findings.unknown(&entity, "its state is not known"),
//!         }
//!     }
//!     Ok(findings.conclude(format!("{} stores", stores.len())))
//! }
//!
//! operator_plugin::export_invariants!(StoreHealth);
//!
//! # fn main() {
//! let stores = table("stores").texts("store", ["4".to_owned()]).texts("state", ["Down".to_owned()]);
//! let outcome = store_up(&SnapshotBuilder::of("test").table(stores).build()).unwrap();
//! assert_eq!(outcome.status, Status::Fail);
//! # }
//! ```

pub mod bindings;
#[cfg(feature = "invariant")]
pub mod invariants;
pub mod metrics;
#[cfg(feature = "invariant")]
pub mod snapshot;
#[cfg(feature = "subject")]
pub mod subject;
pub mod table;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod view;

#[cfg(all(feature = "arena", any(target_arch = "wasm32", test)))]
mod arena;
mod error;
mod fetched;

pub use bindings::shared::{
    metrics::{Matcher, MetricsError, Reduction, Selector},
    snapshots::BlindSpot,
    tables::{Aggregate, Comparison, Field, Kind, TableError},
    types::{Label, Level, PluginError, PluginInfo, Scalar, Severity},
};
#[cfg(feature = "subject")]
pub use bindings::subject::operator::plugin::{
    http_types::{Header, HttpError, Method, Request, Response},
    knowledge,
    knowledge::{Edge, Entity, KnowledgeBase, Relation, Topology},
    logs::{LogChunk, LogError},
    scraping::{ScrapeRequest, ScrapeSummary},
};
#[cfg(feature = "invariant")]
pub use invariants::{
    Check, CheckDeclaration, Evidence, Findings, Invariants, Outcome, Status, Violation,
};
pub use metrics::{Query, promql, series};
#[cfg(feature = "invariant")]
pub use snapshot::Snapshot;
#[cfg(feature = "subject")]
pub use subject::{Host, Observation, ObserveContext, Subject, World};
pub use table::{Column, TableData, Values, table};
pub use view::{Row, TableView};

/// A label of a series, for selectors and scrapes.
pub fn label(key: impl Into<String>, value: impl Into<String>) -> Label {
    Label {
        key: key.into(),
        value: value.into(),
    }
}
