//! What a guest asks of collected series.

use operator_data::series::SeriesError;
use operator_data::{SeriesStore, Table};
use operator_model::Timestamp;
use operator_model::knowledge::{Reduction, Selector};
use std::sync::Arc;

/// What is asked of the series.
#[derive(Debug, Clone)]
pub(crate) enum Question {
    Select(Selector, Reduction, u64, Vec<String>),
    Quantile(f64, Selector, u64, Vec<String>),
}

/// What they answer.
pub(crate) type Answer = Result<Arc<Table>, SeriesError>;

impl Question {
    pub(crate) fn ask(&self, series: &SeriesStore, now: Timestamp) -> Result<Table, SeriesError> {
        match self {
            Self::Select(selector, reduction, window_ms, by) => {
                series.select(now, selector, *reduction, *window_ms, by)
            }
            Self::Quantile(quantile, selector, window_ms, by) => {
                series.quantile(now, *quantile, selector, *window_ms, by)
            }
        }
    }
}
