//! Evaluates signal tests on the readings of detection.

use super::{Facts, Finding, Observation, opposite, query_of};
use crate::diagnose::limits::CITED_MAX;
use operator_model::detection::{CALM_Z, DEVIATING_Z, NORMAL_Z};
use operator_model::knowledge::{Deviation, Direction, Scope, Signal, SignalSource};
use operator_model::{
    Comparison, EntityId, Evidence, EvidenceId, EvidenceSource, Predicate, Reading, Scalar,
    SignalId, SymptomKind, Timestamp,
};
use std::collections::BTreeSet;

/// A test of a signal.
#[derive(Debug, Clone, Copy)]
pub(super) enum SignalTest {
    /// Whether it is in this state.
    Deviates(Deviation),
    /// Whether its newest value compares so.
    Compares(Comparison, f64),
}

/// A reading as evidence.
pub(in crate::diagnose) fn read_signal(
    signal: &Signal,
    entity: &EntityId,
    reading: &Reading,
) -> Evidence {
    let window_ms = match &signal.source {
        SignalSource::Series { window_ms, .. } | SignalSource::Quantile { window_ms, .. } => {
            *window_ms
        }
        SignalSource::Column { .. } => 0,
    };
    Evidence {
        id: EvidenceId(String::new()),
        source: EvidenceSource::Signal,
        query: query_of(&signal.source),
        entity: Some(entity.clone()),
        window: (
            Timestamp(reading.at.0.saturating_sub(window_ms)),
            reading.at,
        ),
        seen_at: None,
        value: reading.value.map_or(Scalar::Null, Scalar::Float),
        unit: Some(signal.unit.clone()),
        baseline: reading.median.map(Scalar::Float),
        robust_z: reading.robust_z,
        recent: reading.recent.clone(),
        tainted: false,
    }
}

/// The result for one entity.
struct EntityResult<'a> {
    entity: &'a EntityId,
    reading: &'a Reading,
    holds: bool,
    /// How far the value is in the direction of the test.
    extreme: f64,
}

/// Whether the test holds for some entity of the scope.
pub(super) fn evaluate(
    facts: &Facts<'_>,
    id: &SignalId,
    test: SignalTest,
    scope: Scope,
    suspect: &EntityId,
) -> Finding {
    let input = facts.input();
    let Some(signal) = input
        .knowledge
        .signals
        .iter()
        .find(|signal| &signal.id == id)
    else {
        return Finding::Unknown("the subject does not define this signal".to_owned());
    };
    let mut results = Vec::new();
    let mut why_not = None;
    for (entity, reading) in input
        .detection
        .of_signal(id)
        .filter(|(e, _)| facts.is_in_scope(scope, suspect, e))
    {
        match result_of(signal, test, reading) {
            Ok((holds, extreme)) => results.push(EntityResult {
                entity,
                reading,
                holds,
                extreme,
            }),
            Err(reason) => why_not = why_not.or(Some(reason)),
        }
    }
    results.sort_by(|a, b| {
        b.holds
            .cmp(&a.holds)
            .then(b.extreme.total_cmp(&a.extreme))
            .then_with(|| a.entity.cmp(b.entity))
    });
    match results.first() {
        None => Finding::Unknown(why_not.unwrap_or("not collected").to_owned()),
        Some(first) if first.holds => holds(facts, signal, test, first),
        Some(_) => does_not_hold(signal, test, &results),
    }
}

/// Whether the test holds for the reading, and how extreme it is; or why that is unknown.
fn result_of(
    signal: &Signal,
    test: SignalTest,
    reading: &Reading,
) -> Result<(bool, f64), &'static str> {
    let value = reading.value.ok_or("no current value")?;
    match test {
        SignalTest::Compares(comparison, limit) => {
            let extreme = if matches!(comparison, Comparison::Lt | Comparison::Le) {
                -value
            } else {
                value
            };
            Ok((
                comparison.holds(&Scalar::Float(value), &Scalar::Float(limit)),
                extreme,
            ))
        }
        SignalTest::Deviates(Deviation::Outlier) => {
            let median = reading
                .peers_median
                .ok_or("too few peers to compare with")?;
            Ok((reading.outlier, toward(signal.bad, value - median)))
        }
        SignalTest::Deviates(deviation) => {
            let z = reading.robust_z.ok_or("no baseline learned yet")?;
            let undecided = reading.deviating && !reading.anomalous;
            match deviation {
                Deviation::Anomalous if undecided => Err("deviates, but not yet for long enough"),
                Deviation::Anomalous => Ok((reading.anomalous, toward(signal.bad, z))),
                _ => Ok((z.abs() < NORMAL_Z, -z.abs())),
            }
        }
    }
}

fn toward(bad: Direction, signed: f64) -> f64 {
    match bad {
        Direction::Up => signed,
        Direction::Down => -signed,
        Direction::Either => signed.abs(),
    }
}

fn holds(
    facts: &Facts<'_>,
    signal: &Signal,
    test: SignalTest,
    result: &EntityResult<'_>,
) -> Finding {
    let what = signal.title.clone();
    let entity = result.entity.clone();
    let reading = result.reading;
    let mut cited = vec![read_signal(signal, &entity, reading)];
    let z = reading.robust_z.unwrap_or(0.0);
    let predicate = match test {
        SignalTest::Compares(comparison, limit) => Predicate::Compares {
            what,
            entity: Some(entity),
            comparison,
            value: Scalar::Float(limit),
        },
        SignalTest::Deviates(Deviation::Anomalous) => {
            let robust_z = if z.abs() >= DEVIATING_Z {
                DEVIATING_Z
            } else {
                CALM_Z
            };
            Predicate::Deviates {
                what,
                entity,
                robust_z,
                up: z > 0.0,
            }
        }
        SignalTest::Deviates(Deviation::Normal) => Predicate::Steady {
            what,
            entity: Some(entity),
            z_min: Some(-NORMAL_Z),
            z_max: Some(NORMAL_Z),
        },
        SignalTest::Deviates(Deviation::Outlier) => {
            cited.extend(middle_peers(facts, signal, &entity));
            let up = reading.value.unwrap_or(0.0) > reading.peers_median.unwrap_or(0.0);
            Predicate::Outlies {
                what,
                entity,
                factor: OUTLIER_FACTOR,
                up,
            }
        }
    };
    let is_normal = matches!(test, SignalTest::Deviates(Deviation::Normal));
    let symptom = (
        SymptomKind::Anomaly(signal.id.clone()),
        result.entity.clone(),
    );
    let rests_on = if is_normal || !reading.anomalous {
        BTreeSet::new()
    } else {
        BTreeSet::from([symptom])
    };
    Finding::Known(Observation {
        holds: true,
        predicate,
        cited,
        rests_on,
    })
}

/// What detection requires of an outlier at least, whatever the spread of its peers.
const OUTLIER_FACTOR: f64 = 2.0;

/// Peers from the middle outwards. Their number is even or odd as that of all peers is, so the median is
/// the same.
fn middle_peers(facts: &Facts<'_>, signal: &Signal, entity: &EntityId) -> Vec<Evidence> {
    let mut peers: Vec<(&EntityId, &Reading)> = facts
        .input()
        .detection
        .of_signal(&signal.id)
        .filter(|(e, r)| *e != entity && r.value.is_some())
        .collect();
    peers.sort_by(|a, b| {
        a.1.value
            .unwrap_or(0.0)
            .total_cmp(&b.1.value.unwrap_or(0.0))
            .then_with(|| a.0.cmp(b.0))
    });
    let kept = peers.len().min(CITED_MAX + peers.len() % 2);
    let skipped = (peers.len() - kept) / 2;
    peers
        .into_iter()
        .skip(skipped)
        .take(kept)
        .map(|(e, reading)| read_signal(signal, e, reading))
        .collect()
}

/// The test holds for no entity; the ones that come closest are cited for all.
#[expect(
    clippy::too_many_lines,
    reason = "one arm per variant; tidy lists it as a debt"
)]
fn does_not_hold(signal: &Signal, test: SignalTest, results: &[EntityResult<'_>]) -> Finding {
    let cites = if matches!(
        test,
        SignalTest::Deviates(Deviation::Outlier | Deviation::Normal)
    ) {
        1
    } else {
        CITED_MAX
    };
    let closest: Vec<&EntityResult<'_>> = results.iter().take(cites).collect();
    let cited: Vec<Evidence> = closest
        .iter()
        .map(|a| read_signal(signal, a.entity, a.reading))
        .collect();
    let entity = if let [only] = closest.as_slice() {
        Some(only.entity.clone())
    } else {
        None
    };
    let what = signal.title.clone();
    let first = closest.first().map(|result| result.reading);
    let predicate = match test {
        SignalTest::Compares(comparison, limit) => Predicate::Compares {
            what,
            entity,
            comparison: opposite(comparison),
            value: Scalar::Float(limit),
        },
        SignalTest::Deviates(Deviation::Anomalous) => Predicate::Steady {
            what,
            entity,
            z_min: (signal.bad != Direction::Up).then_some(-DEVIATING_Z),
            z_max: (signal.bad != Direction::Down).then_some(DEVIATING_Z),
        },
        SignalTest::Deviates(Deviation::Normal) => {
            let z = first.and_then(|reading| reading.robust_z).unwrap_or(0.0);
            let Some(entity) = entity else {
                return Finding::Unknown("not collected".to_owned());
            };
            Predicate::Deviates {
                what,
                entity,
                robust_z: NORMAL_Z,
                up: z > 0.0,
            }
        }
        SignalTest::Deviates(Deviation::Outlier) => {
            let limit = first
                .and_then(|reading| reading.outlier_limit)
                .unwrap_or(0.0);
            let below = first
                .and_then(|r| r.peers_median)
                .is_some_and(|median| limit > median);
            let comparison = if below {
                Comparison::Le
            } else {
                Comparison::Ge
            };
            let what = format!("{what}, an outlier only beyond the stated limit,");
            Predicate::Compares {
                what,
                entity,
                comparison,
                value: Scalar::Float(limit),
            }
        }
    };
    Finding::Known(Observation {
        holds: false,
        predicate,
        cited,
        rests_on: BTreeSet::new(),
    })
}
