//! Probes: read-only questions that diagnosis asks when the result is worth its cost.

use crate::bindings::subject::exports::operator::probe::probing as world;
use crate::bindings::subject::operator::probe::probes as wit;
use crate::subject::{Exports, Host, Subject, World, not_configured, with_subject};
use crate::table::TableData;
use crate::{EntityId, PluginError};

pub use wit::{Cost, Probe, ProbeError, Value};

/// A subject that also answers questions.
pub trait Prober: Subject {
    /// The probes, sorted by id.
    ///
    /// # Errors
    /// When the configuration leaves nothing to ask.
    fn probes(&self) -> Result<Vec<Probe>, PluginError>;

    /// Asks one probe about one entity.
    ///
    /// # Errors
    /// When there is no such probe or entity, or the system does not respond.
    fn probe(
        &mut self,
        world: &mut dyn World,
        id: &str,
        entity: &EntityId,
    ) -> Result<ProbeResult, ProbeError>;
}

/// What a probe found out.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeResult {
    /// One sentence.
    pub summary: String,
    /// Values by name.
    pub values: Vec<Value>,
    /// Rows, where values are not enough.
    pub rows: Option<TableData>,
}

impl<T: Prober> world::Guest for Exports<T> {
    fn list() -> Result<Vec<Probe>, PluginError> {
        with_subject::<T, _>(|subject| subject.probes()).ok_or_else(not_configured)?
    }

    fn run(id: String, entity: EntityId) -> Result<wit::ProbeResult, ProbeError> {
        let other = |error: PluginError| ProbeError::Other(error.to_string());
        let found = with_subject::<T, _>(|subject| subject.probe(&mut Host, &id, &entity))
            .ok_or_else(|| other(not_configured()))??;
        let rows = found
            .rows
            .map(TableData::into_host)
            .transpose()
            .map_err(|error| ProbeError::Other(error.to_string()))?;
        Ok(wit::ProbeResult {
            summary: found.summary,
            values: found.values,
            rows,
        })
    }
}
