//! Write plugins for Operator: *subjects*, which observe a system, and *invariants*, which judge what was observed.
//!
//! An invariant module is a list of [`Check`]s and one line, [`export_invariants!`]; a subject implements [`Subject`] and
//! says [`export_subject!`]. Both are ordinary Rust that also compiles for the host, where [`testing`] stands in for
//! Operator, so that `cargo test` can run the very code that becomes the component.

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

#[cfg(all(feature = "arena", target_arch = "wasm32"))]
mod arena;
mod error;

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
pub use invariants::{Check, CheckDeclaration, Evidence, Findings, Invariants, Outcome, Status, Violation};
pub use metrics::{Query, promql, series};
#[cfg(feature = "invariant")]
pub use snapshot::Snapshot;
#[cfg(feature = "subject")]
pub use subject::{Host, Observation, ObserveContext, Subject, World};
pub use table::{Column, TableData, Values, table};
pub use view::{Row, TableView};

/// A label of a series, for selectors and scrapes.
pub fn label(key: impl Into<String>, value: impl Into<String>) -> Label {
    Label { key: key.into(), value: value.into() }
}
