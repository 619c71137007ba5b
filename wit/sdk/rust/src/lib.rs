//! Write plugins for Operator: *subject plugins*, which observe a system, and *check plugins*, which evaluate what was
//! observed.
//!
//! A check plugin is a list of [`Check`]s and one line, [`export_checks!`]; a subject implements [`Subject`] and ends in
//! [`export_subject!`]. Both are ordinary Rust that also compiles for the host, where [`testing`] stands in for
//! Operator: `cargo test` runs the very code that becomes the component.
//!
#![cfg_attr(feature = "check", doc = "```")]
#![cfg_attr(not(feature = "check"), doc = "```ignore")]
//! use std::time::Duration;
//!
//! use operator_plugin::testing::SnapshotBuilder;
//! use operator_plugin::{
//!     Check, Checks, Findings, Outcome, PluginError, PluginInfo, Snapshot, Status, Violation, entity, table,
//! };
//!
//! struct StoreHealth;
//!
//! impl Checks for StoreHealth {
//!     fn info() -> PluginInfo {
//!         PluginInfo::new("store-health", "0.1.0", "Evaluates whether stores are up")
//!     }
//!
//!     fn checks() -> Vec<Check> {
//!         let store_up = Check::new("store-up", "every store is up").critical().reads(&["stores"]).by(store_up);
//!         vec![store_up.pending_for(Duration::from_secs(15))]
//!     }
//! }
//!
//! fn store_up(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
//!     let stores = snapshot.table("stores")?;
//!     let mut findings = Findings::new();
//!     for row in stores.rows() {
//!         let store = entity("store", row.text("store").unwrap_or("?"));
//!         match row.text("state") {
//!             Some("Up") => findings.pass(store),
//!             Some(state) => findings.fail(
//!                 Violation::new(store, format!("it is {state}")).evidence(row.evidence("state").expected("Up")),
//!             ),
//!             None => findings.unknown(&store, "its state is not known"),
//!         }
//!     }
//!     Ok(findings.conclude(format!("{} stores", stores.len())))
//! }
//!
//! operator_plugin::export_checks!(StoreHealth);
//!
//! # fn main() {
//! let stores = table("stores").texts("store", ["4".to_owned()]).texts("state", ["Down".to_owned()]);
//! let outcome = store_up(&SnapshotBuilder::of("test").table(stores).build()).unwrap();
//! assert_eq!(outcome.status(), Status::Fail);
//! # }
//! ```

pub mod bindings;
#[cfg(feature = "check")]
pub mod checks;
#[cfg(feature = "subject")]
pub mod knowledge;
#[cfg(feature = "check")]
pub mod outcome;
pub mod query;
#[cfg(feature = "check")]
pub mod snapshot;
#[cfg(feature = "subject")]
pub mod subject;
pub mod table;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod view;

#[cfg(all(feature = "arena", any(target_arch = "wasm32", test)))]
mod arena;
mod entity;
mod error;
mod fetched;
mod gap;
mod memory;

pub use bindings::shared::{
    gaps::{GapSource, ObservationGap, TargetPath},
    selectors::{Matcher, Reduction, Selector, SeriesError},
    tables::{Aggregate, Comparison, Field, Kind, TableError},
    types::{EntityId, Label, Level, PluginError, PluginInfo, Scalar, Severity},
};
#[cfg(feature = "subject")]
pub use bindings::subject::operator::{
    observe::topology::{Edge, Entity, Relation, Topology},
    telemetry::{
        http_types::{Header, HttpError, Method, PostBody, Request, Response},
        logs::{LogChunk, LogError},
        scraping::{ScrapeRequest, ScrapeSummary},
    },
};
#[cfg(feature = "check")]
pub use checks::{Check, CheckDeclaration, Checks};
pub use entity::entity;
#[cfg(feature = "subject")]
pub use knowledge::KnowledgeBase;
#[cfg(feature = "check")]
pub use outcome::{Cell, Evidence, EvidenceSource, Findings, Outcome, Status, Verdict, Violation};
pub use query::{Query, label, promql, series};
#[cfg(feature = "check")]
pub use snapshot::Snapshot;
#[cfg(feature = "prober")]
pub use subject::probing::{Cost, Probe, ProbeError, ProbeResult, Prober, Value};
#[cfg(feature = "subject")]
pub use subject::{Host, Observation, ObserveContext, Subject, World};
pub use table::{Column, TableData, Values, table};
pub use view::{Row, TableView};

impl PluginInfo {
    /// Name (lower case words joined by hyphens), semantic version, and purpose in one sentence.
    pub fn new(
        name: impl Into<String>,
        version: impl Into<String>,
        summary: impl Into<String>,
    ) -> Self {
        Self {
            name: name.into(),
            version: version.into(),
            summary: summary.into(),
        }
    }
}
