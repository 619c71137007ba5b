//! Builders for signals and their sources.

use operator_plugin::knowledge::{
    ColumnSource, Direction, QuantileSource, SeriesSource, Signal, SignalSource,
};
use operator_plugin::{Matcher, Reduction, Selector, label};

use super::WINDOW;

pub(super) fn of_store(id: &str, title: &str, unit: &str, source: SignalSource) -> Signal {
    of("store", id, title, unit, source)
}

pub(super) fn of(
    entity_kind: &str,
    id: &str,
    title: &str,
    unit: &str,
    source: SignalSource,
) -> Signal {
    Signal {
        title: title.to_owned(),
        unit: unit.to_owned(),
        ..Signal::new(id, entity_kind, source)
    }
}

/// Overrides the defaults: a signal is bad when it rises, and every deviation matters.
pub(super) trait Adjust {
    fn bad(self, direction: Direction) -> Self;
    fn floor(self, floor: f64) -> Self;
}

impl Adjust for Signal {
    fn bad(mut self, direction: Direction) -> Self {
        self.bad = direction;
        self
    }

    fn floor(mut self, floor: f64) -> Self {
        self.floor = floor;
        self
    }
}

pub(super) fn column_of(table: &str, entity_column: &str, value_column: &str) -> SignalSource {
    SignalSource::Column(ColumnSource {
        table: table.to_owned(),
        key_columns: vec![entity_column.to_owned()],
        value_column: value_column.to_owned(),
    })
}

pub(super) fn rate(metric: &str, labels: &[(&str, &str)]) -> SignalSource {
    series(metric, labels, Reduction::Rate)
}

pub(super) fn series(metric: &str, labels: &[(&str, &str)], reduction: Reduction) -> SignalSource {
    SignalSource::Series(SeriesSource {
        selector: selector(metric, labels),
        reduction,
        window: WINDOW,
        by: vec!["store".to_owned()],
    })
}

pub(super) fn quantile(histogram: &str, labels: &[(&str, &str)]) -> SignalSource {
    SignalSource::Quantile(QuantileSource {
        quantile: 0.99,
        selector: selector(histogram, labels),
        window: WINDOW,
        by: vec!["store".to_owned()],
    })
}

pub(super) fn selector(metric: &str, labels: &[(&str, &str)]) -> Selector {
    let all_of = labels
        .iter()
        .map(|(key, value)| Matcher::Equals(label(*key, *value)))
        .collect();
    Selector {
        metric: metric.to_owned(),
        all_of,
    }
}
