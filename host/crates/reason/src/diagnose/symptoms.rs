//! Since when each symptom lasts, and whether it counts already.
//!
//! A violation counts once it has lasted for its hold without interruption, or at once when it is
//! confirmed. An inconclusive check pauses it: blindness neither proves nor heals.

use super::DiagnoseInput;
use super::limits::{
    ANOMALY_HOLD_MS, CELLS_PER_SYMPTOM_MAX, PAUSED_MAX_MS, SPEAKS_FOR_MS, SYMPTOMS_MAX,
    UNMENTIONED_CLEARS_MS,
};
use operator_model::{
    CheckId, Detection, EntityId, Evidence, EvidenceId, EvidenceSource, Reading, Scalar, Severity,
    SignalId, Status, Symptom, SymptomKind, Ticket, Timestamp, Topology, Verdict, Violation,
};
use std::collections::BTreeMap;

/// What makes two symptoms the same one at different times.
pub(super) type SymptomKey = (SymptomKind, EntityId);

/// Behind the question of evidence that cannot be asked for now.
const SEEN_LAST: &str = " (seen last)";

/// A symptom and its clock.
#[derive(Debug, Clone)]
pub(super) struct Lasting {
    /// As a ticket shows it, without evidence ids.
    pub(super) symptom: Symptom,
    /// What was seen, without ids.
    pub(super) seen: Vec<Evidence>,
    /// How long it must last.
    pub(super) hold_ms: u64,
    /// Its check could not tell, or did not look, at the newest tick.
    pub(super) paused: bool,
    counted: bool,
    held_ms: u64,
    paused_ms: u64,
    newest_at: Timestamp,
}

impl Lasting {
    /// Whether it has lasted long enough to be believed.
    pub(super) fn counts(&self) -> bool {
        self.counted
    }

    /// Whether it is paused, and was seen not too long ago to be evidence all the same.
    pub(super) fn still_speaks(&self) -> bool {
        self.paused && self.paused_ms < SPEAKS_FOR_MS
    }

    /// For how long its check could not tell.
    pub(super) fn paused_ms(&self) -> u64 {
        self.paused_ms
    }

    /// A symptom that counts at once.
    pub(super) fn of_now(symptom: Symptom, at: Timestamp) -> Self {
        Self {
            counted: true,
            ..Self::begins(symptom, at)
        }
    }

    fn begins(symptom: Symptom, at: Timestamp) -> Self {
        let (seen, paused, counted) = (Vec::new(), false, false);
        Self {
            symptom,
            seen,
            hold_ms: 0,
            paused,
            counted,
            held_ms: 0,
            paused_ms: 0,
            newest_at: at,
        }
    }

    /// Seen again at `now`. Time counts only when the tick before saw it too.
    fn lasts(&mut self, now: Timestamp, confirmed: bool) {
        if !self.paused {
            self.held_ms = self.held_ms.saturating_add(now.since_ms(self.newest_at));
        }
        self.counted |= confirmed || self.held_ms >= self.hold_ms;
        (self.paused, self.paused_ms, self.newest_at) = (false, 0, now);
    }

    /// What was seen is told from what the same question would see now.
    fn pauses(&mut self, now: Timestamp) {
        for evidence in self
            .seen
            .iter_mut()
            .filter(|evidence| !evidence.query.ends_with(SEEN_LAST))
        {
            evidence.query.push_str(SEEN_LAST);
        }
        self.paused_ms = self.paused_ms.saturating_add(now.since_ms(self.newest_at));
        (self.paused, self.newest_at) = (true, now);
    }
}

/// All symptoms that last.
#[derive(Debug, Clone, Default)]
pub(super) struct Symptoms {
    lasting: BTreeMap<SymptomKey, Lasting>,
    looked_at: BTreeMap<CheckId, Timestamp>,
}

impl Symptoms {
    pub(super) fn all(&self) -> &BTreeMap<SymptomKey, Lasting> {
        &self.lasting
    }

    /// Takes one tick in.
    pub(super) fn update(&mut self, input: DiagnoseInput<'_>, topology: &Topology) {
        let now = input.snapshot.taken_at;
        for verdict in input.verdicts {
            self.judge_verdict(verdict, now, topology);
        }
        self.pause_unanswered(input.verdicts, now);
        self.judge_anomalies(input, now, topology);
        self.lasting
            .retain(|_, lasting| lasting.paused_ms < PAUSED_MAX_MS);
    }

    fn judge_verdict(&mut self, verdict: &Verdict, now: Timestamp, topology: &Topology) {
        match verdict.status {
            Status::Inconclusive => {
                for lasting in self.of_check(&verdict.check) {
                    lasting.pauses(now);
                }
                return;
            }
            Status::Pass => self
                .lasting
                .retain(|(kind, _), _| kind != &SymptomKind::Violation(verdict.check.clone())),
            Status::Fail => {
                self.drop_what_passed(verdict, now, topology);
                for violation in &verdict.violations {
                    self.violated(verdict, violation, now);
                }
            }
        }
        self.looked_at.insert(verdict.check.clone(), now);
    }

    fn of_check(&mut self, check: &CheckId) -> impl Iterator<Item = &mut Lasting> {
        let kind = SymptomKind::Violation(check.clone());
        self.lasting
            .iter_mut()
            .filter(move |((of, _), _)| of == &kind)
            .map(|(_, lasting)| lasting)
    }

    /// Entities that the check found in order, or that left the system, are well; the ones that it
    /// did not mention are paused, and given up after a while.
    fn drop_what_passed(&mut self, verdict: &Verdict, now: Timestamp, topology: &Topology) {
        let kind = SymptomKind::Violation(verdict.check.clone());
        self.lasting.retain(|(of, entity), lasting| {
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
            lasting.pauses(now);
            lasting.paused_ms < UNMENTIONED_CLEARS_MS
        });
    }

    fn violated(&mut self, verdict: &Verdict, violation: &Violation, now: Timestamp) {
        let key = (
            SymptomKind::Violation(verdict.check.clone()),
            violation.entity.clone(),
        );
        if !self.lasting.contains_key(&key) && self.lasting.len() >= SYMPTOMS_MAX {
            return;
        }
        let began_after = self.looked_at.get(&verdict.check).copied().unwrap_or(now);
        let lasting = self.lasting.entry(key.clone()).or_insert_with(|| {
            let onset = (began_after, now);
            let (severity, summary) = (violation.severity, violation.summary.clone());
            Lasting::begins(
                Symptom {
                    kind: key.0,
                    entity: key.1,
                    onset,
                    severity,
                    summary,
                    evidence: vec![],
                },
                now,
            )
        });
        lasting.hold_ms = verdict.hold_ms;
        lasting.symptom.severity = violation.severity;
        lasting.symptom.summary.clone_from(&violation.summary);
        lasting.seen = seen_by_check(verdict, violation, now);
        lasting.lasts(now, violation.confirmed);
    }

    /// Checks that gave no verdict at all: their module is quarantined or being swapped.
    fn pause_unanswered(&mut self, verdicts: &[Verdict], now: Timestamp) {
        for ((kind, _), lasting) in &mut self.lasting {
            if let SymptomKind::Violation(check) = kind
                && !verdicts.iter().any(|verdict| &verdict.check == check)
            {
                lasting.pauses(now);
            }
        }
    }

    fn judge_anomalies(&mut self, input: DiagnoseInput<'_>, now: Timestamp, topology: &Topology) {
        let detection = input.detection;
        for anomaly in &detection.anomalies {
            let key = (
                SymptomKind::Anomaly(anomaly.signal.clone()),
                anomaly.entity.clone(),
            );
            if !self.lasting.contains_key(&key) && self.lasting.len() >= SYMPTOMS_MAX {
                continue;
            }
            let lasting = self.lasting.entry(key.clone()).or_insert_with(|| {
                let (onset, severity, summary) =
                    (anomaly.onset, Severity::Warning, anomaly.summary.clone());
                Lasting::begins(
                    Symptom {
                        kind: key.0,
                        entity: key.1,
                        onset,
                        severity,
                        summary,
                        evidence: vec![],
                    },
                    now,
                )
            });
            lasting.hold_ms = ANOMALY_HOLD_MS;
            lasting.symptom.summary.clone_from(&anomaly.summary);
            let reading = detection.reading(&anomaly.signal, &anomaly.entity);
            let signal = input
                .knowledge
                .signals
                .iter()
                .find(|signal| signal.id == anomaly.signal);
            lasting.seen = signal
                .zip(reading)
                .map(|(s, r)| super::facts::read_signal(s, &anomaly.entity, r))
                .into_iter()
                .collect();
            lasting.lasts(now, false);
        }
        self.drop_calmed(detection, now, topology);
    }

    /// An anomaly is over when its signal can be read and is no anomaly; a signal that is gone pauses it.
    fn drop_calmed(&mut self, detection: &Detection, now: Timestamp, topology: &Topology) {
        self.lasting.retain(|(kind, entity), lasting| {
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
                    lasting.pauses(now);
                    true
                }
            }
        });
    }

    /// Symptoms of open tickets go on where they were; whether they still last, the first tick will tell.
    pub(super) fn restore(&mut self, ticket: &Ticket) {
        for symptom in ticket
            .symptoms
            .iter()
            .filter(|symptom| symptom.kind != SymptomKind::Blind)
        {
            // The end of time: the hours in which the operator was off are no pause of the check.
            let mut lasting = Lasting::begins(symptom.clone(), Timestamp(u64::MAX));
            let cited = |id: &EvidenceId| {
                ticket
                    .observations
                    .iter()
                    .find(|evidence| &evidence.id == id)
                    .cloned()
            };
            lasting.seen = symptom.evidence.iter().filter_map(cited).collect();
            lasting.symptom.evidence.clear();
            (lasting.paused, lasting.counted) = (true, true);
            self.lasting
                .insert((symptom.kind.clone(), symptom.entity.clone()), lasting);
        }
    }

    /// Whether what would show this symptom can be seen in this tick.
    pub(super) fn can_be_seen(
        kind: &SymptomKind,
        entity: &EntityId,
        input: DiagnoseInput<'_>,
    ) -> bool {
        match kind {
            SymptomKind::Violation(check) => input
                .verdicts
                .iter()
                .any(|v| &v.check == check && v.status != Status::Inconclusive),
            SymptomKind::Anomaly(signal) => is_seen(input.detection, signal, entity),
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

/// A signal that nothing is known of any more (its entity left the system) cannot come back by itself.
fn is_seen(detection: &Detection, signal: &SignalId, entity: &EntityId) -> bool {
    detection.reading(signal, entity).is_none_or(is_readable)
}

fn is_readable(reading: &Reading) -> bool {
    !reading.gone && reading.robust_z.is_some()
}

/// The verdict itself, and the values that it points to.
fn seen_by_check(verdict: &Verdict, violation: &Violation, now: Timestamp) -> Vec<Evidence> {
    let mut seen = vec![super::facts::read_verdict(
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
        seen.push(Evidence {
            id: EvidenceId(String::new()),
            source: if is_metric {
                EvidenceSource::Metrics
            } else {
                EvidenceSource::Table
            },
            query,
            entity: Some(violation.entity.clone()),
            window: (now, now),
            value: observed.value.clone(),
            unit: observed.unit.clone(),
            baseline: observed.expected.clone().map(Scalar::Text),
            robust_z: None,
            recent: Vec::new(),
            tainted: matches!(observed.value, Scalar::Text(_)),
        });
    }
    seen
}
