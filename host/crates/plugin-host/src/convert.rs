//! Between the words of the contract and those of the host. By hand, so that a change of either is a
//! compile error here and nowhere else.

mod knowledge;
mod size;
mod verdict;

pub(crate) use knowledge::{reduction_of, signal_source, step};
pub(crate) use size::{
    size_of_attribute, size_of_pattern, size_of_row_test, size_of_source, size_of_step,
    size_of_test,
};
pub(crate) use verdict::observed;

use crate::bindings::tables::tables;
use crate::bindings::types::{gaps, selectors, types};
use operator_data::series::SeriesError;
use operator_data::tables::TableError;
use operator_model as model;
use operator_model::{EntityId, GapSource, ObservationGap, Timestamp};
use std::time::Duration;

/// Maps enums whose variants have the same names.
macro_rules! enums {
    ($from:ty => $to:ty { $($variant:ident),* $(,)? }) => {
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                match value {
                    $(<$from>::$variant => Self::$variant,)*
                }
            }
        }
    };
}
pub(crate) use enums;

/// The contract counts nanoseconds, the host milliseconds.
const NANOSECONDS_PER_MS: u64 = 1_000_000;

/// A duration of the contract; less than a millisecond is cut.
pub(crate) fn ms_of(nanoseconds: u64) -> u64 {
    nanoseconds / NANOSECONDS_PER_MS
}

/// A duration as guests see it.
pub(crate) fn nanoseconds_of(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// An entity in the form in which the host shows it. Whoever must refuse one that is malformed does so before.
pub(crate) fn entity_of(entity: &types::EntityId) -> EntityId {
    EntityId::new(&entity.kind, &entity.key.join("/"))
}

/// The other way: every part between slashes is a part of the key.
pub(crate) fn wit_entity(entity: &EntityId) -> types::EntityId {
    types::EntityId {
        kind: entity.kind().to_owned(),
        key: entity.key().split('/').map(str::to_owned).collect(),
    }
}

/// A time as guests see it.
pub(crate) fn instant_of(time: Timestamp) -> u64 {
    time.0.saturating_mul(NANOSECONDS_PER_MS)
}

enums!(tables::Kind => operator_data::Kind { Boolean, Integer, Float, Text, Instant });
enums!(operator_data::Kind => tables::Kind { Boolean, Integer, Float, Text, Instant });
enums!(tables::Comparison => model::Comparison { Eq, Ne, Lt, Le, Gt, Ge });
enums!(types::Severity => model::Severity { Info, Warning, Critical });

impl From<types::Scalar> for model::Scalar {
    fn from(value: types::Scalar) -> Self {
        match value {
            types::Scalar::Null => Self::Null,
            types::Scalar::Boolean(value) => Self::Boolean(value),
            types::Scalar::Integer(value) => Self::Integer(value),
            types::Scalar::Float(value) => Self::Float(value),
            types::Scalar::Text(value) => Self::Text(value),
        }
    }
}

impl From<tables::Field> for operator_data::Field {
    fn from(field: tables::Field) -> Self {
        Self {
            name: field.name,
            kind: field.kind.into(),
            unit: field.unit,
        }
    }
}

impl From<operator_data::Field> for tables::Field {
    fn from(field: operator_data::Field) -> Self {
        Self {
            name: field.name,
            kind: field.kind.into(),
            unit: field.unit,
        }
    }
}

impl From<TableError> for tables::TableError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::NoSuchTable(name) => Self::NoSuchTable(name),
            TableError::NoSuchColumn(name) => Self::NoSuchColumn(name),
            TableError::WrongKind(kind) => Self::WrongKind(kind.into()),
            TableError::OutOfRange => Self::OutOfRange,
            TableError::TooLarge(limit) => Self::TooLarge(limit),
        }
    }
}

impl From<SeriesError> for selectors::SeriesError {
    fn from(error: SeriesError) -> Self {
        match error {
            SeriesError::NoSuchMetric(name) => Self::NoSuchMetric(name),
            SeriesError::TooFewSamples => Self::TooFewSamples,
            SeriesError::TooManySeries(count) => Self::TooManySeries(count),
            SeriesError::InvalidQuery(why) => Self::InvalidQuery(why),
            SeriesError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl From<gaps::ObservationGap> for ObservationGap {
    fn from(gap: gaps::ObservationGap) -> Self {
        Self {
            source: gap.source.into(),
            entity: gap.entity.as_ref().map(entity_of),
            reason: gap.reason,
        }
    }
}

impl From<&ObservationGap> for gaps::ObservationGap {
    fn from(gap: &ObservationGap) -> Self {
        Self {
            source: (&gap.source).into(),
            entity: gap.entity.as_ref().map(wit_entity),
            reason: gap.reason.clone(),
        }
    }
}

impl From<gaps::GapSource> for GapSource {
    fn from(source: gaps::GapSource) -> Self {
        match source {
            gaps::GapSource::Target(name) => Self::Target(name),
            gaps::GapSource::Path(path) => Self::Path {
                target: path.target,
                path: path.path,
            },
            gaps::GapSource::Table(name) => Self::Table(name),
            gaps::GapSource::Log(name) => Self::Log(name),
            gaps::GapSource::Series(name) => Self::Series(name),
            gaps::GapSource::Topology => Self::Topology,
            gaps::GapSource::Other(text) => Self::Other(text),
        }
    }
}

impl From<&GapSource> for gaps::GapSource {
    fn from(source: &GapSource) -> Self {
        match source {
            GapSource::Target(name) => Self::Target(name.clone()),
            GapSource::Path { target, path } => Self::Path(gaps::TargetPath {
                target: target.clone(),
                path: path.clone(),
            }),
            GapSource::Table(name) => Self::Table(name.clone()),
            GapSource::Log(name) => Self::Log(name.clone()),
            GapSource::Series(name) => Self::Series(name.clone()),
            GapSource::Topology => Self::Topology,
            GapSource::Subject(_) | GapSource::Other(_) => Self::Other(source.to_string()),
        }
    }
}
