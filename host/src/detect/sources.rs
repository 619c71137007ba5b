//! The newest value of a signal for each entity, and the time of the sample that it rests on.

use super::thresholds::COLUMN_REFRESH_MS;
use crate::model::knowledge::{Direction, Reduction, Selector, Signal, SignalSource};
use crate::model::{EntityId, Sample, Scalar, Snapshot, Table, Timestamp};
use std::collections::BTreeMap;

/// Values by entity. Entities that the topology does not know are left out, unless it knows none of the
/// kind: then the subject could not list them, and what was collected is all there is.
pub(super) fn read(signal: &Signal, snapshot: &Snapshot) -> BTreeMap<EntityId, Sample> {
    let mut found = match &signal.source {
        SignalSource::Series { selector, reduction, window_ms, by } => {
            series(signal, snapshot, selector, *reduction, *window_ms, by)
        }
        SignalSource::Quantile { quantile, selector, window_ms, by } => {
            let by_columns = [by.clone()];
            let table = snapshot.series.quantile(snapshot.taken_at, *quantile, selector, *window_ms, &by_columns);
            let times = newest_times(snapshot, &format!("{}_bucket", selector.metric), selector, by);
            table.map(|table| rows(signal, &table, by, "value", &times, snapshot.taken_at)).unwrap_or_default()
        }
        SignalSource::Column { table, entity_column, value_column } => {
            let at = refreshed_at(snapshot.taken_at);
            let table = snapshot.tables.get(table);
            table.map(|t| rows(signal, t, entity_column, value_column, &BTreeMap::new(), at)).unwrap_or_default()
        }
    };
    let kind_is_known = snapshot.topology.entities.iter().any(|entity| entity.id.kind() == signal.entity_kind);
    if kind_is_known {
        found.retain(|entity, _| snapshot.topology.entity(entity).is_some());
    }
    found
}

fn series(
    signal: &Signal,
    snapshot: &Snapshot,
    selector: &Selector,
    reduction: Reduction,
    window_ms: u64,
    by: &String,
) -> BTreeMap<EntityId, Sample> {
    let table = snapshot.series.select(snapshot.taken_at, selector, reduction, window_ms, std::slice::from_ref(by));
    let times = newest_times(snapshot, &selector.metric, selector, by);
    table.map(|table| rows(signal, &table, by, "value", &times, snapshot.taken_at)).unwrap_or_default()
}

/// When the newest sample of each group was collected: a rate moves with every tick, but only a new
/// sample is news.
fn newest_times(snapshot: &Snapshot, metric: &str, selector: &Selector, by: &str) -> BTreeMap<String, Timestamp> {
    let mut newest = BTreeMap::new();
    for (key, series) in snapshot.series.matching(metric, selector).unwrap_or_default() {
        let (Some(label), Some(sample)) = (key.label(by), series.samples.back()) else { continue };
        let at = newest.entry(label.to_owned()).or_insert(sample.at);
        *at = sample.at.max(*at);
    }
    newest
}

/// Tables are read anew each tick, the numbers behind them are not: time moves in steps.
fn refreshed_at(taken_at: Timestamp) -> Timestamp {
    Timestamp(taken_at.0 - taken_at.0 % COLUMN_REFRESH_MS)
}

/// One value an entity; of several rows the worst counts.
fn rows(
    signal: &Signal,
    table: &Table,
    entity_column: &str,
    value_column: &str,
    times: &BTreeMap<String, Timestamp>,
    otherwise: Timestamp,
) -> BTreeMap<EntityId, Sample> {
    let mut found: BTreeMap<EntityId, Sample> = BTreeMap::new();
    for row in 0..table.rows {
        let key = match table.scalar(row, entity_column) {
            Scalar::Null => continue,
            key => key.to_string(),
        };
        let Some(value) = table.scalar(row, value_column).as_f64().filter(|value| value.is_finite()) else { continue };
        let sample = Sample { at: times.get(&key).copied().unwrap_or(otherwise), value };
        let worst = found.entry(EntityId::of_kind(&signal.entity_kind, &key)).or_insert(sample);
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
