//! The one line that names an incident. Rendered from its fields, so the verifier can render it again.

use crate::quantity::escape;
use crate::{EntityId, FailureModeId, Hypothesis, Symptom, SymptomKind};
use std::collections::{BTreeMap, BTreeSet};

/// The id of the hypothesis that no failure mode describes the cause. The JSON of tickets contains it.
pub const UNKNOWN_CAUSE: &str = "none-of-these";

/// Longest title in characters: one line of a wide terminal and of an issue tracker's list.
pub const TITLE_CHARS_MAX: usize = 120;

/// The title of an incident.
#[must_use]
pub fn title(
    symptoms: &[Symptom],
    hypotheses: &[Hypothesis],
    abstained: bool,
    names: &BTreeMap<EntityId, String>,
) -> String {
    let text = if symptoms
        .iter()
        .all(|symptom| symptom.kind == SymptomKind::Blind)
    {
        blind(symptoms)
    } else if abstained {
        undetermined(symptoms, hypotheses, names)
    } else {
        hypotheses
            .first()
            .map(|winner| named(&winner.title, winner.component.as_ref(), names))
            .unwrap_or_default()
    };
    escape(&text, TITLE_CHARS_MAX)
}

/// The name of an entity, with its id where that adds information: `10.0.0.7:9000 (node/2)`.
#[must_use]
pub fn display_name(entity: &EntityId, names: &BTreeMap<EntityId, String>) -> String {
    match names.get(entity) {
        Some(name) if name != entity.as_str() && !name.is_empty() => {
            format!("{} ({entity})", escape(name, 80))
        }
        _ => entity.to_string(),
    }
}

fn named(title: &str, component: Option<&EntityId>, names: &BTreeMap<EntityId, String>) -> String {
    component.map_or_else(
        || title.to_owned(),
        |entity| format!("{title}: {}", display_name(entity, names)),
    )
}

fn blind(symptoms: &[Symptom]) -> String {
    let sources: BTreeSet<&str> = symptoms
        .iter()
        .map(|symptom| symptom.entity.key())
        .collect();
    match sources.first() {
        Some(only) if sources.len() == 1 && only.starts_with("plugin ") => {
            format!("{} keeps failing", upper_first(only))
        }
        Some(only) if sources.len() == 1 => format!("Operator cannot observe {only}"),
        Some(first) => format!(
            "Operator cannot observe {} sources, including {first}",
            sources.len()
        ),
        None => "Operator cannot observe its sources".to_owned(),
    }
}

/// Two causes that are similarly likely are both named; otherwise the worst symptom is.
fn undetermined(
    symptoms: &[Symptom],
    hypotheses: &[Hypothesis],
    names: &BTreeMap<EntityId, String>,
) -> String {
    let described: Vec<&Hypothesis> = hypotheses
        .iter()
        .filter(|h| h.card != FailureModeId::from(UNKNOWN_CAUSE))
        .collect();
    if let [first, second, ..] = described.as_slice()
        && second.probability >= NAMED_PROBABILITY_MIN
    {
        return if first.component == second.component {
            named(
                &format!("{} or {}", first.title, lower_first(&second.title)),
                first.component.as_ref(),
                names,
            )
        } else {
            let of = |h: &Hypothesis| named(&h.title, h.component.as_ref(), names);
            format!("Either {} or {}", of(first), of(second))
        };
    }
    let entities: BTreeSet<&EntityId> = symptoms.iter().map(|symptom| &symptom.entity).collect();
    let worst = symptoms.iter().max_by(|a, b| {
        a.severity
            .cmp(&b.severity)
            .then_with(|| b.entity.cmp(&a.entity))
    });
    let observed = worst
        .map(|symptom| named(&symptom.summary, Some(&symptom.entity), names))
        .unwrap_or_default();
    let more = entities.len().saturating_sub(1);
    if more == 0 {
        format!("Cause undetermined: {observed}")
    } else {
        format!("Cause undetermined: {observed}, and {more} more")
    }
}

/// A less likely cause is not named in a title.
const NAMED_PROBABILITY_MIN: f64 = 0.2;

fn upper_first(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}

fn lower_first(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next();
    let second_is_upper = characters.clone().next().is_some_and(char::is_uppercase);
    match first {
        Some(first) if !second_is_upper => first.to_lowercase().chain(characters).collect(),
        _ => text.to_owned(),
    }
}
