//! Compares each entity with the others of its kind.

use super::thresholds::{OUTLIER_DEVIATIONS, OUTLIER_FACTOR, PEERS_MIN};
use operator_model::knowledge::{Direction, Signal};
use operator_model::statistics::{median, median_absolute_deviation};
use operator_model::{Detection, EntityId};

/// Compares each entity with its peers, for one signal.
pub(super) fn mark(signal: &Signal, detection: &mut Detection) {
    let values: Vec<(EntityId, f64)> = detection
        .of_signal(&signal.id)
        .filter_map(|(entity, reading)| Some((entity.clone(), reading.value?)))
        .collect();
    if values.len() < PEERS_MIN {
        return;
    }
    let everyone = center_and_spread(&values, None);
    for (position, (entity, value)) in values.iter().enumerate() {
        let peers = if values.len() > SELF_COUNTS_UP_TO {
            everyone
        } else {
            center_and_spread(&values, Some(position))
        };
        let Some((center, spread)) = peers else {
            continue;
        };
        let (limit, outlier) = evaluate(signal, *value, center, spread);
        if let Some(reading) = detection
            .readings
            .get_mut(&(signal.id.clone(), entity.clone()))
        {
            reading.peers_median = Some(center);
            reading.outlier_limit = Some(limit);
            reading.outlier = outlier;
        }
    }
}

/// Among more entities than this, leaving one out moves no median, and costs a sort for each.
const SELF_COUNTS_UP_TO: usize = 32;

fn center_and_spread(values: &[(EntityId, f64)], without: Option<usize>) -> Option<(f64, f64)> {
    let others = values
        .iter()
        .enumerate()
        .filter(|(position, _)| Some(*position) != without);
    let others: Vec<f64> = others.map(|(_, (_, value))| *value).collect();
    let center = median(&others)?;
    Some((center, median_absolute_deviation(&others, center)?))
}

/// The value from which on the entity is an outlier, and whether it is one.
fn evaluate(signal: &Signal, value: f64, center: f64, spread: f64) -> (f64, bool) {
    let away = OUTLIER_DEVIATIONS * spread;
    let above = (center + away)
        .max(center + center.abs() * (OUTLIER_FACTOR - 1.0))
        .max(center + signal.floor);
    let below = (center - away)
        .min(center - center.abs() / OUTLIER_FACTOR)
        .min(center - signal.floor);
    let upward = match signal.bad {
        Direction::Up => true,
        Direction::Down => false,
        Direction::Either => value >= center,
    };
    if upward {
        (above, value > above)
    } else {
        (below, value < below)
    }
}
