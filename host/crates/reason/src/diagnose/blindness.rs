//! A source that stays unobservable is an incident of its own, unless a diagnosed one explains it.

use super::DiagnoseInput;
use super::facts::read_gap;
use super::limits::{BLIND_MS_MIN, BLIND_TICKS_MIN};
use super::symptoms::TrackedSymptom;
use operator_model::quantity::escape;
use operator_model::{
    EntityId, Incident, ObservationGap, Severity, Symptom, SymptomKind, Timestamp, Topology,
};
use std::collections::{BTreeMap, BTreeSet};

/// Since when a source cannot be observed.
#[derive(Debug, Clone, Copy)]
struct GapStart {
    at: Timestamp,
    ticks: u32,
}

/// Sources that could not be observed at the newest tick.
#[derive(Debug, Clone, Default)]
pub(super) struct Blindness {
    since: BTreeMap<String, GapStart>,
}

impl Blindness {
    /// Takes in the observation gaps of one tick.
    pub(super) fn update(&mut self, input: DiagnoseInput<'_>) {
        let now = input.snapshot.taken_at;
        let sources: BTreeSet<String> = input
            .snapshot
            .blind
            .iter()
            .map(|spot| spot.source.to_string())
            .collect();
        self.since.retain(|source, _| sources.contains(source));
        for source in sources {
            let since = self
                .since
                .entry(source)
                .or_insert(GapStart { at: now, ticks: 0 });
            since.ticks = since.ticks.saturating_add(1);
        }
    }

    /// The gaps of an open ticket lasted long enough before the restart.
    pub(super) fn restore(&mut self, symptom: &Symptom) {
        let since = GapStart {
            at: symptom.onset.0,
            ticks: BLIND_TICKS_MIN,
        };
        self.since.insert(symptom.entity.key().to_owned(), since);
    }

    /// Gaps that last and that no incident explains, as symptoms.
    pub(super) fn symptoms(
        &self,
        input: DiagnoseInput<'_>,
        topology: &Topology,
        incidents: &[Incident],
    ) -> Vec<TrackedSymptom> {
        let affected = affected(incidents);
        let names: Vec<String> = affected
            .iter()
            .flat_map(|entity| names_of(entity, input, topology))
            .collect();
        let severity = if input.snapshot.tables.is_empty() {
            Severity::Critical
        } else {
            Severity::Warning
        };
        let spots = input
            .snapshot
            .blind
            .iter()
            .filter(|spot| !names.iter().any(|name| mentions(spot, name)));
        let mut found: BTreeMap<String, TrackedSymptom> = BTreeMap::new();
        for spot in spots {
            let source = spot.source.to_string();
            let Some(since) = self
                .since
                .get(&source)
                .filter(|since| lasts(since, input.snapshot.taken_at))
            else {
                continue;
            };
            found
                .entry(source)
                .or_insert_with(|| symptom(spot, *since, severity, input));
        }
        found.into_values().collect()
    }
}

fn lasts(since: &GapStart, now: Timestamp) -> bool {
    since.ticks >= BLIND_TICKS_MIN && now.since_ms(since.at) >= BLIND_MS_MIN
}

fn symptom(
    spot: &ObservationGap,
    since: GapStart,
    severity: Severity,
    input: DiagnoseInput<'_>,
) -> TrackedSymptom {
    let entity = EntityId::new("source", &escape(&spot.source.to_string(), 120));
    let summary = format!("cannot be observed: {}", escape(&spot.reason, 160));
    let symptom = Symptom {
        kind: SymptomKind::Blind,
        entity: entity.clone(),
        onset: (since.at, since.at),
        severity,
        summary,
        evidence: Vec::new(),
        ended_at: None,
    };
    let mut tracked = TrackedSymptom::active(symptom, input.snapshot.taken_at);
    tracked.evidence = vec![read_gap(spot, entity, (since.at, input.snapshot.taken_at))];
    tracked
}

/// Entities that another incident is about.
fn affected(incidents: &[Incident]) -> BTreeSet<&EntityId> {
    let suspects = incidents
        .iter()
        .filter(|incident| !incident.diagnosis.abstained);
    let suspects =
        suspects.filter_map(|incident| incident.diagnosis.hypotheses.first()?.component.as_ref());
    incidents
        .iter()
        .flat_map(|incident| &incident.symptoms)
        .map(|symptom| &symptom.entity)
        .chain(suspects)
        .collect()
}

/// What a source of the entity may be called: its id, its name, its attributes.
fn names_of(entity: &EntityId, input: DiagnoseInput<'_>, topology: &Topology) -> Vec<String> {
    let mut names = vec![
        entity.to_string(),
        format!("{}-{}", entity.kind(), entity.key()),
    ];
    names.extend(topology.entity(entity).map(|known| known.name.clone()));
    for attribute in input
        .knowledge
        .attributes
        .iter()
        .filter(|attribute| attribute.entity_kind == entity.kind())
    {
        let Some(table) = input.snapshot.tables.get(&attribute.table) else {
            continue;
        };
        for row in 0..table.rows {
            let key = table.entity_key(row, &attribute.key_columns);
            if key.is_some_and(|key| EntityId::of_kind(entity.kind(), &key) == *entity) {
                names.extend(table.text(row, &attribute.value_column).map(str::to_owned));
            }
        }
    }
    names.retain(|name| name.len() >= NAME_BYTES_MIN);
    names
}

/// Shorter names occur in words by chance.
const NAME_BYTES_MIN: usize = 3;

/// Whether the source or the reason contains the name as a word of its own: `node-1` is not in `node-12`.
fn mentions(spot: &ObservationGap, name: &str) -> bool {
    let source = spot.source.to_string();
    [&source, &spot.reason].into_iter().any(|text| {
        text.match_indices(name).any(|(start, found)| {
            let before = text.get(..start).and_then(|head| head.chars().next_back());
            let after = text
                .get(start + found.len()..)
                .and_then(|tail| tail.chars().next());
            !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
        })
    })
}
