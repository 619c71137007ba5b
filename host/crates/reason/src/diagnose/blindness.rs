//! Lasting blindness is an incident of its own, unless a diagnosed one explains it.

use super::DiagnoseInput;
use super::facts::blind_spot;
use super::limits::{BLIND_MS_MIN, BLIND_TICKS_MIN};
use super::symptoms::Lasting;
use operator_model::quantity::escape;
use operator_model::{
    EntityId, Incident, ObservationGap, Severity, Symptom, SymptomKind, Timestamp, Topology,
};
use std::collections::{BTreeMap, BTreeSet};

/// Since when a source was not seen.
#[derive(Debug, Clone, Copy)]
struct Since {
    at: Timestamp,
    ticks: u32,
}

/// Sources that were not seen at the newest tick.
#[derive(Debug, Clone, Default)]
pub(super) struct Blindness {
    since: BTreeMap<String, Since>,
}

impl Blindness {
    /// Takes one tick in.
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
                .or_insert(Since { at: now, ticks: 0 });
            since.ticks = since.ticks.saturating_add(1);
        }
    }

    /// Blind spots of an open ticket lasted long enough before the restart.
    pub(super) fn restore(&mut self, symptom: &Symptom) {
        let since = Since {
            at: symptom.onset.0,
            ticks: BLIND_TICKS_MIN,
        };
        self.since.insert(symptom.entity.key().to_owned(), since);
    }

    /// Spots that last and that no incident explains.
    pub(super) fn lasting(
        &self,
        input: DiagnoseInput<'_>,
        topology: &Topology,
        incidents: &[Incident],
    ) -> Vec<Lasting> {
        let troubled = troubled(incidents);
        let names: Vec<String> = troubled
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
            .filter(|spot| !names.iter().any(|name| speaks_of(spot, name)));
        let mut found: BTreeMap<String, Lasting> = BTreeMap::new();
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
                .or_insert_with(|| lasting(spot, *since, severity, input));
        }
        found.into_values().collect()
    }
}

fn lasts(since: &Since, now: Timestamp) -> bool {
    since.ticks >= BLIND_TICKS_MIN && now.since_ms(since.at) >= BLIND_MS_MIN
}

fn lasting(
    spot: &ObservationGap,
    since: Since,
    severity: Severity,
    input: DiagnoseInput<'_>,
) -> Lasting {
    let entity = EntityId::new("source", &escape(&spot.source.to_string(), 120));
    let summary = format!("cannot be seen: {}", escape(&spot.reason, 160));
    let onset = (since.at, since.at);
    let symptom = Symptom {
        kind: SymptomKind::Blind,
        entity: entity.clone(),
        onset,
        severity,
        summary,
        evidence: Vec::new(),
    };
    let mut lasting = Lasting::of_now(symptom, input.snapshot.taken_at);
    lasting.seen = vec![blind_spot(
        spot,
        entity,
        (since.at, input.snapshot.taken_at),
    )];
    lasting
}

/// Entities that another incident is about.
fn troubled(incidents: &[Incident]) -> BTreeSet<&EntityId> {
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

/// EventKind a source can be called that belongs to the entity: its id, its name, its attributes.
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

/// Whether the name stands in the source or the reason as a word of its own: `node-1` is not in `node-12`.
fn speaks_of(spot: &ObservationGap, name: &str) -> bool {
    [&spot.source.to_string(), &spot.reason]
        .into_iter()
        .any(|text| {
            text.match_indices(name).any(|(start, found)| {
                let before = text.get(..start).and_then(|head| head.chars().next_back());
                let after = text
                    .get(start + found.len()..)
                    .and_then(|tail| tail.chars().next());
                !before.is_some_and(char::is_alphanumeric)
                    && !after.is_some_and(char::is_alphanumeric)
            })
        })
}
