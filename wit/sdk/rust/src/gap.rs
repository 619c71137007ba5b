//! Observation gaps: what could not be observed, of which entity, and why.

use std::fmt;

use crate::bindings::shared::gaps::{GapSource, ObservationGap, TargetPath};
use crate::bindings::shared::types::EntityId;

impl ObservationGap {
    /// A source that is missing.
    pub fn new(source: GapSource, reason: impl Into<String>) -> Self {
        Self {
            source,
            entity: None,
            reason: reason.into(),
        }
    }

    /// Everything that a named target would have shown.
    pub fn target(target: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(GapSource::Target(target.into()), reason)
    }

    /// One path of a named target.
    pub fn path(
        target: impl Into<String>,
        path: impl Into<String>,
        reason: impl Into<String>,
    ) -> Self {
        let place = TargetPath {
            target: target.into(),
            path: path.into(),
        };
        Self::new(GapSource::Path(place), reason)
    }

    /// A table that could not be provided in this tick. Only this excuses a missing table after a hot swap.
    pub fn table(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(GapSource::Table(name.into()), reason)
    }

    /// A log source, by its granted name.
    pub fn log(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(GapSource::Log(name.into()), reason)
    }

    /// The series of a metric.
    pub fn series(metric: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(GapSource::Series(metric.into()), reason)
    }

    /// The entity about which nothing is known because of the gap.
    #[must_use]
    pub fn concerning(mut self, entity: EntityId) -> Self {
        self.entity = Some(entity);
        self
    }
}

impl fmt::Display for GapSource {
    /// As Operator shows it, for example `http:store-2/status` or `table:stores`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(target) => write!(formatter, "http:{target}"),
            Self::Path(place) => write!(formatter, "http:{}{}", place.target, place.path),
            Self::Table(name) => write!(formatter, "table:{name}"),
            Self::Log(name) => write!(formatter, "log:{name}"),
            Self::Series(metric) => write!(formatter, "series:{metric}"),
            Self::Topology => formatter.write_str("topology"),
            Self::Other(source) => formatter.write_str(source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_shown_with_the_kind_of_its_source() {
        let gap = ObservationGap::path("pd", "/health", "timed out");
        assert_eq!(gap.source.to_string(), "http:pd/health");
        let gap = ObservationGap::table("stores", "PD has no leader");
        assert_eq!(gap.source.to_string(), "table:stores");
    }
}
