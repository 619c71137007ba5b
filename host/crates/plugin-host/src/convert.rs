//! Between the words of the contract and those of the host. By hand, so that a change of either is a
//! compile error here and nowhere else.

mod knowledge;
mod verdict;

use crate::bindings::contract::{snapshots, tables, types};
use operator_data::series::SeriesError;
use operator_data::tables::TableError;
use operator_model as model;
use operator_model::Timestamp;

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

impl From<SeriesError> for crate::bindings::contract::metrics::MetricsError {
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

impl From<snapshots::BlindSpot> for model::BlindSpot {
    fn from(spot: snapshots::BlindSpot) -> Self {
        Self {
            source: spot.source,
            reason: spot.reason,
        }
    }
}
