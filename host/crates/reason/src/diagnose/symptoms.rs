//! Since when each symptom lasts, and whether it is active already.
//!
//! A violation is pending until it has lasted for its pending time without interruption, then it is
//! active; a confirmed one is active immediately. An inconclusive check pauses it: what cannot be observed
//! is neither proven nor healed.

use super::DiagnoseInput;
use super::limits::{
    ANOMALY_PENDING_MS, CELLS_PER_SYMPTOM_MAX, EVIDENCE_VALID_FOR_MS, PAUSED_MAX_MS, SYMPTOMS_MAX,
    UNMENTIONED_CLEARS_MS,
};
use operator_model::{
    CheckId, Detection, EntityId, Evidence, EvidenceId, EvidenceSource, Reading, Scalar, Severity,
    SignalId, Status, Symptom, SymptomKind, Ticket, Timestamp, Topology, Verdict, Violation,
};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// What makes two symptoms the same one at different times.
pub(super) type SymptomKey = (SymptomKind, EntityId);

/// The key of a symptom.
pub(super) fn key_of(symptom: &Symptom) -> SymptomKey {
    (symptom.kind.clone(), symptom.entity.clone())
}

/// A symptom and its clock.
#[derive(Debug, Clone)]
pub(super) struct TrackedSymptom {
    /// As a ticket shows it, without evidence ids.
    pub(super) symptom: Symptom,
    /// What shows it, without ids.
    pub(super) evidence: Vec<Evidence>,
    /// How long it must last before it is active.
    pub(super) pending_ms: u64,
    /// Its check was inconclusive, or did not cover the entity, at the newest tick.
    pub(super) paused: bool,
    active: bool,
    pub(super) lasted_ms: u64,
    paused_ms: u64,
    newest_at: Timestamp,
}

impl TrackedSymptom {
    /// Whether it has lasted for its pending time.
    pub(super) fn is_active(&self) -> bool {
        self.active
    }

    /// Whether it is paused, but was observed recently enough to remain evidence.
    pub(super) fn is_still_valid(&self) -> bool {
        self.paused && self.paused_ms < EVIDENCE_VALID_FOR_MS
    }

    /// For how long its check has been inconclusive.
    pub(super) fn paused_ms(&self) -> u64 {
        self.paused_ms
    }

    /// A symptom that is active immediately.
    pub(super) fn active(symptom: Symptom, at: Timestamp) -> Self {
        Self {
            active: true,
            ..Self::pending(symptom, at)
        }
    }

    fn pending(symptom: Symptom, at: Timestamp) -> Self {
        Self {
            symptom,
            evidence: Vec::new(),
            pending_ms: 0,
            paused: false,
            active: false,
            lasted_ms: 0,
            paused_ms: 0,
            newest_at: at,
        }
    }

    /// Observed again at `now`. Time is added only if the previous tick observed it too.
    fn continue_at(&mut self, now: Timestamp, confirmed: bool) {
        if !self.paused {
            self.lasted_ms = self.lasted_ms.saturating_add(now.since_ms(self.newest_at));
        }
        self.active |= confirmed || self.lasted_ms >= self.pending_ms;
        self.paused = false;
        self.paused_ms = 0;
        self.newest_at = now;
    }

    /// Cannot be observed at `now`. Its evidence keeps the time at which it was last seen.
    fn pause(&mut self, now: Timestamp) {
        for evidence in &mut self.evidence {
            evidence.seen_at.get_or_insert(evidence.window.1);
        }
        self.paused_ms = self.paused_ms.saturating_add(now.since_ms(self.newest_at));
        self.paused = true;
        self.newest_at = now;
    }
}

/// A symptom of the present tick. Ordered by onset.
#[derive(Debug, Clone, Copy)]
pub(super) struct RankedSymptom<'a> {
    /// Place in the order of onset; unique within the tick.
    rank: usize,
    pub(super) tracked: &'a TrackedSymptom,
}

/// Symptoms of the present tick, by onset.
pub(super) type SymptomSet<'a> = BTreeSet<RankedSymptom<'a>>;

impl<'a> RankedSymptom<'a> {
    /// Ranks symptoms in the order in which they are given.
    pub(super) fn all(symptoms: impl IntoIterator<Item = &'a TrackedSymptom>) -> SymptomSet<'a> {
        let ranked = symptoms.into_iter().enumerate();
        ranked
            .map(|(rank, tracked)| Self { rank, tracked })
            .collect()
    }

    pub(super) fn symptom(self) -> &'a Symptom {
        &self.tracked.symptom
    }

    pub(super) fn is_violation(self) -> bool {
        matches!(self.symptom().kind, SymptomKind::Violation(_))
    }
}

impl PartialEq for RankedSymptom<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.rank == other.rank
    }
}

impl Eq for RankedSymptom<'_> {}

impl PartialOrd for RankedSymptom<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for RankedSymptom<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.cmp(&other.rank)
    }
}

/// The earlier onset first; symptoms that began together by kind and entity.
pub(super) fn by_onset(a: &Symptom, b: &Symptom) -> Ordering {
    (a.onset.1, a.onset.0, &a.kind, &a.entity).cmp(&(b.onset.1, b.onset.0, &b.kind, &b.entity))
}

/// All symptoms that last.
#[derive(Debug, Clone, Default)]
pub(super) struct Symptoms {
    tracked: BTreeMap<SymptomKey, TrackedSymptom>,
    /// When each check last had a conclusive verdict.
    conclusive_at: BTreeMap<CheckId, Timestamp>,
}

impl Symptoms {
    pub(super) fn all(&self) -> &BTreeMap<SymptomKey, TrackedSymptom> {
        &self.tracked
    }

    /// All symptoms, ranked by onset.
    pub(super) fn by_onset(&self) -> SymptomSet<'_> {
        let mut tracked: Vec<&TrackedSymptom> = self.tracked.values().collect();
        tracked.sort_by(|a, b| by_onset(&a.symptom, &b.symptom));
        RankedSymptom::all(tracked)
    }

    /// Takes in the verdicts and anomalies of one tick.
    pub(super) fn update(&mut self, input: DiagnoseInput<'_>, topology: &Topology) {
        let now = input.snapshot.taken_at;
        for verdict in input.verdicts {
            self.update_from_verdict(verdict, now, topology);
        }
        self.pause_without_verdict(input.verdicts, now);
        self.update_from_anomalies(input, now, topology);
        self.tracked
            .retain(|_, tracked| tracked.paused_ms < PAUSED_MAX_MS);
    }

    fn update_from_verdict(&mut self, verdict: &Verdict, now: Timestamp, topology: &Topology) {
        match verdict.status {
            Status::Inconclusive => {
                for tracked in self.of_check(&verdict.check) {
                    tracked.pause(now);
                }
                return;
            }
            Status::Pass => self
                .tracked
                .retain(|(kind, _), _| kind != &SymptomKind::Violation(verdict.check.clone())),
            Status::Fail => {
                self.drop_passed(verdict, now, topology);
                for violation in &verdict.violations {
                    self.track_violation(verdict, violation, now);
                }
            }
        }
        self.conclusive_at.insert(verdict.check.clone(), now);
    }

    fn of_check(&mut self, check: &CheckId) -> impl Iterator<Item = &mut TrackedSymptom> {
        let kind = SymptomKind::Violation(check.clone());
        self.tracked
            .iter_mut()
            .filter(move |((of, _), _)| of == &kind)
            .map(|(_, tracked)| tracked)
    }

    /// Entities that passed, or that left the system, have no symptom any more; the ones that the check did
    /// not mention are paused, and dropped after a while.
    fn drop_passed(&mut self, verdict: &Verdict, now: Timestamp, topology: &Topology) {
        let kind = SymptomKind::Violation(verdict.check.clone());
        self.tracked.retain(|(of, entity), tracked| {
            if of != &kind
                || verdict
                    .violations
                    .iter()
                    .any(|violation| &violation.entity == entity)
            {
                return true;
            }
            if verdict.passed.contains(entity) || has_left(topology, entity) {
                return false;
            }
            tracked.pause(now);
            tracked.paused_ms < UNMENTIONED_CLEARS_MS
        });
    }

    fn track_violation(&mut self, verdict: &Verdict, violation: &Violation, now: Timestamp) {
        let key = (
            SymptomKind::Violation(verdict.check.clone()),
            violation.entity.clone(),
        );
        if !self.tracked.contains_key(&key) && self.tracked.len() >= SYMPTOMS_MAX {
            return;
        }
        let began_after = self
            .conclusive_at
            .get(&verdict.check)
            .copied()
            .unwrap_or(now);
        let tracked = self.tracked.entry(key.clone()).or_insert_with(|| {
            TrackedSymptom::pending(
                Symptom {
                    kind: key.0,
                    entity: key.1,
                    onset: (began_after, now),
                    severity: violation.severity,
                    summary: violation.summary.clone(),
                    evidence: vec![],
                    ended_at: None,
                },
                now,
            )
        });
        tracked.pending_ms = verdict.hold_ms;
        tracked.symptom.severity = violation.severity;
        tracked.symptom.summary.clone_from(&violation.summary);
        tracked.evidence = evidence_of(verdict, violation, now);
        tracked.continue_at(now, violation.confirmed);
    }

    /// Checks without any verdict: their plugin is quarantined or being swapped.
    fn pause_without_verdict(&mut self, verdicts: &[Verdict], now: Timestamp) {
        for ((kind, _), tracked) in &mut self.tracked {
            if let SymptomKind::Violation(check) = kind
                && !verdicts.iter().any(|verdict| &verdict.check == check)
            {
                tracked.pause(now);
            }
        }
    }

    fn update_from_anomalies(
        &mut self,
        input: DiagnoseInput<'_>,
        now: Timestamp,
        topology: &Topology,
    ) {
        let detection = input.detection;
        for anomaly in &detection.anomalies {
            let key = (
                SymptomKind::Anomaly(anomaly.signal.clone()),
                anomaly.entity.clone(),
            );
            if !self.tracked.contains_key(&key) && self.tracked.len() >= SYMPTOMS_MAX {
                continue;
            }
            let tracked = self.tracked.entry(key.clone()).or_insert_with(|| {
                TrackedSymptom::pending(
                    Symptom {
                        kind: key.0,
                        entity: key.1,
                        onset: anomaly.onset,
                        severity: Severity::Warning,
                        summary: anomaly.summary.clone(),
                        evidence: vec![],
                        ended_at: None,
                    },
                    now,
                )
            });
            tracked.pending_ms = ANOMALY_PENDING_MS;
            tracked.symptom.summary.clone_from(&anomaly.summary);
            let reading = detection.reading(&anomaly.signal, &anomaly.entity);
            let signal = input
                .knowledge
                .signals
                .iter()
                .find(|signal| signal.id == anomaly.signal);
            tracked.evidence = signal
                .zip(reading)
                .map(|(s, r)| super::facts::read_signal(s, &anomaly.entity, r))
                .into_iter()
                .collect();
            tracked.continue_at(now, false);
        }
        self.drop_ended_anomalies(detection, now, topology);
    }

    /// An anomaly ends when its signal can be read and is normal again; a signal without values pauses it.
    fn drop_ended_anomalies(&mut self, detection: &Detection, now: Timestamp, topology: &Topology) {
        self.tracked.retain(|(kind, entity), tracked| {
            let SymptomKind::Anomaly(signal) = kind else {
                return true;
            };
            if detection
                .anomalies
                .iter()
                .any(|anomaly| &anomaly.signal == signal && &anomaly.entity == entity)
            {
                return true;
            }
            match detection.reading(signal, entity) {
                Some(reading) if is_readable(reading) => false,
                _ if has_left(topology, entity) => false,
                _ => {
                    tracked.pause(now);
                    true
                }
            }
        });
    }

    /// Symptoms of open tickets continue where they were; the first tick shows whether they still last.
    pub(super) fn restore(&mut self, ticket: &Ticket) {
        for symptom in ticket
            .symptoms
            .iter()
            .filter(|symptom| symptom.kind != SymptomKind::Blind && symptom.ended_at.is_none())
        {
            // The end of time, because the hours in which the operator was off are no pause of the check.
            let mut tracked = TrackedSymptom::pending(symptom.clone(), Timestamp(u64::MAX));
            let cited = |id: &EvidenceId| {
                ticket
                    .observations
                    .iter()
                    .find(|evidence| &evidence.id == id)
                    .cloned()
            };
            tracked.evidence = symptom.evidence.iter().filter_map(cited).collect();
            tracked.symptom.evidence.clear();
            tracked.paused = true;
            tracked.active = true;
            self.tracked.insert(key_of(symptom), tracked);
        }
    }

    /// Whether this symptom would be observed in this tick if it were there.
    pub(super) fn can_be_observed(
        kind: &SymptomKind,
        entity: &EntityId,
        input: DiagnoseInput<'_>,
    ) -> bool {
        match kind {
            SymptomKind::Violation(check) => input
                .verdicts
                .iter()
                .any(|v| &v.check == check && v.status != Status::Inconclusive),
            SymptomKind::Anomaly(signal) => is_observable(input.detection, signal, entity),
            SymptomKind::Blind => true,
        }
    }
}

/// The subject lists entities of this kind, and this one is not among them.
fn has_left(topology: &Topology, entity: &EntityId) -> bool {
    topology.entity(entity).is_none()
        && topology
            .entities
            .iter()
            .any(|known| known.id.kind() == entity.kind())
}

/// A signal without any reading (its entity left the system) cannot come back by itself.
fn is_observable(detection: &Detection, signal: &SignalId, entity: &EntityId) -> bool {
    detection.reading(signal, entity).is_none_or(is_readable)
}

fn is_readable(reading: &Reading) -> bool {
    !reading.gone && reading.robust_z.is_some()
}

/// The verdict itself, and the values that it cites.
fn evidence_of(verdict: &Verdict, violation: &Violation, now: Timestamp) -> Vec<Evidence> {
    let mut evidence = vec![super::facts::read_verdict(
        verdict,
        Some(&violation.entity),
        true,
        now,
    )];
    for observed in violation.evidence.iter().take(CELLS_PER_SYMPTOM_MAX) {
        let is_metric = observed.table == "metrics";
        let query = match observed.row {
            _ if is_metric => observed.column.clone(),
            Some(row) => format!("{}[{row}].{}", observed.table, observed.column),
            None => format!("{}.{}", observed.table, observed.column),
        };
        evidence.push(Evidence {
            id: EvidenceId(String::new()),
            source: if is_metric {
                EvidenceSource::Metrics
            } else {
                EvidenceSource::Table
            },
            query,
            entity: Some(violation.entity.clone()),
            window: (now, now),
            seen_at: None,
            value: observed.value.clone(),
            unit: observed.unit.clone(),
            baseline: observed.expected.clone().map(Scalar::Text),
            robust_z: None,
            recent: Vec::new(),
            tainted: matches!(observed.value, Scalar::Text(_)),
        });
    }
    evidence
}
