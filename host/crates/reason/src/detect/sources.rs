//! The newest value of a signal for each entity, and the time of its newest sample.

use super::thresholds::COLUMN_REFRESH_MS;
use operator_data::series::{GroupKey, SeriesSelection, bucket_metric};
use operator_data::{Sample, Snapshot, Table};
use operator_model::knowledge::{Direction, Signal, SignalSource};
use operator_model::{EntityId, Timestamp};
use std::collections::BTreeMap;

/// Values by entity, without entities that the topology does not list. If it lists none of the kind, the
/// subject could not list them, and all collected values are kept.
pub(super) fn read(signal: &Signal, snapshot: &Snapshot) -> BTreeMap<EntityId, Sample> {
    let series = &snapshot.series;
    let now = snapshot.taken_at;
    let mut found = match &signal.source {
        SignalSource::Series {
            selector,
            reduction,
            window_ms,
            by,
        } => {
            let selected = series.pick(&selector.metric, selector, by).ok();
            selected
                .map(|selected| {
                    dated(
                        signal,
                        &selected,
                        selected.sums(now, *reduction, *window_ms),
                    )
                })
                .unwrap_or_default()
        }
        SignalSource::Quantile {
            quantile,
            selector,
            window_ms,
            by,
        } => {
            let selected = series.pick(&bucket_metric(selector), selector, by).ok();
            let values = |selected: &SeriesSelection<'_>| {
                let answers = selected.quantiles(now, *quantile, *window_ms);
                dated(
                    signal,
                    selected,
                    answers.map(|(key, (value, _))| (key, value)),
                )
            };
            selected.as_ref().map(values).unwrap_or_default()
        }
        SignalSource::Column {
            table,
            key_columns,
            value_column,
        } => {
            let values = |table: &Table| {
                worst(
                    signal,
                    column(table, key_columns, value_column, refreshed_at(now)),
                )
            };
            snapshot
                .tables
                .get(table)
                .map(|table| values(table))
                .unwrap_or_default()
        }
    };
    let kind_is_known = snapshot
        .topology
        .entities
        .iter()
        .any(|entity| entity.id.kind() == signal.entity_kind);
    if kind_is_known {
        found.retain(|entity, _| snapshot.topology.entity(entity).is_some());
    }
    found
}

/// Values by the labels of their groups, at the time of the newest sample of the group: a rate changes
/// with every tick, but only a new sample carries information.
fn dated<'a>(
    signal: &Signal,
    selected: &SeriesSelection<'_>,
    values: impl Iterator<Item = (&'a GroupKey, f64)>,
) -> BTreeMap<EntityId, Sample> {
    let newest: BTreeMap<&GroupKey, Timestamp> = selected.newest().collect();
    let dated = values.filter_map(|(key, value)| {
        let parts: Option<Vec<&str>> = key.iter().map(Option::as_deref).collect();
        Some((
            parts?.join("/"),
            Sample {
                at: newest.get(key).copied()?,
                value,
            },
        ))
    });
    worst(signal, dated)
}

fn column<'a>(
    table: &'a Table,
    key_columns: &'a [String],
    value_column: &'a str,
    at: Timestamp,
) -> impl Iterator<Item = (String, Sample)> + 'a {
    (0..table.rows).filter_map(move |row| {
        Some((
            table.entity_key(row, key_columns)?,
            Sample {
                at,
                value: table.scalar(row, value_column).as_f64()?,
            },
        ))
    })
}

/// Tables are read at every tick, but their numbers are refreshed less often: time advances in steps.
fn refreshed_at(taken_at: Timestamp) -> Timestamp {
    Timestamp(taken_at.0 - taken_at.0 % COLUMN_REFRESH_MS)
}

/// One value per entity; of several the worst one.
fn worst(
    signal: &Signal,
    values: impl Iterator<Item = (impl AsRef<str>, Sample)>,
) -> BTreeMap<EntityId, Sample> {
    let mut found: BTreeMap<EntityId, Sample> = BTreeMap::new();
    for (key, sample) in values.filter(|(_, sample)| sample.value.is_finite()) {
        let worst = found
            .entry(EntityId::of_kind(&signal.entity_kind, key.as_ref()))
            .or_insert(sample);
        if is_worse(signal.bad, sample.value, worst.value) {
            *worst = sample;
        }
    }
    found
}

fn is_worse(bad: Direction, value: f64, than: f64) -> bool {
    match bad {
        Direction::Up => value > than,
        Direction::Down => value < than,
        Direction::Either => value.abs() > than.abs(),
    }
}
