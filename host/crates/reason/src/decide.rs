//! Stage 5: options and a recommendation.
//!
//! Every action that a likely hypothesis knows of is an option, and waiting always is. The recommended
//! one is worth most over all hypotheses; while the cause is open, only what is safe is recommended.
//! Operator never acts.

mod command;
mod fill;
mod rationale;
mod value;

use fill::Filling;
use operator_data::Snapshot;
use operator_model::command::Step;
use operator_model::diagnosis::GAP_PROBABILITY_MIN;
use operator_model::knowledge::{Action, FailureMode, KnowledgeBase, OptionFit, Risk};
use operator_model::quantity::escape;
use operator_model::{
    Claim, Decision, DecisionMode, EntityId, Hypothesis, Incident, SymptomKind, TicketOption,
};
use std::collections::BTreeMap;

/// EventKind could be done about an incident.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// At least two, one of them `wait`; the recommended one first.
    pub options: Vec<TicketOption>,
    /// The recommendation.
    pub decision: Decision,
    /// Why this diagnosis and why this option, claim by claim.
    pub rationale: Vec<Claim>,
    /// EventKind could not be filled in; belongs to the ticket's gaps beside those of the diagnosis.
    pub gaps: Vec<String>,
}

/// Actions below this share of a hypothesis are not options: the ticket would list every action there is.
const OPTION_PROBABILITY_MIN: f64 = GAP_PROBABILITY_MIN;

/// Options of a ticket: a person compares no more.
const OPTIONS_MAX: usize = 8;

/// Weighs every action that the likely hypotheses know of.
#[must_use]
pub fn decide(incident: &Incident, knowledge: &KnowledgeBase, snapshot: &Snapshot) -> Decided {
    let mut gaps = Vec::new();
    let mut options: Vec<TicketOption> = candidates(incident, knowledge, snapshot)
        .into_iter()
        .map(|candidate| option(&candidate, incident, knowledge, snapshot, &mut gaps))
        .collect();
    value::rank(&mut options, incident.diagnosis.abstained);
    keep_the_best_and_wait(&mut options);
    let chosen = options
        .first()
        .map_or_else(|| WAIT.to_owned(), |option| option.action.clone());
    let decision = Decision {
        option: chosen,
        mode: DecisionMode::ObserveOnly,
        revisit_when: revisit_when(incident, knowledge, snapshot),
    };
    let rationale = rationale::claims(incident, &options);
    gaps.sort();
    gaps.dedup();
    Decided {
        options,
        decision,
        rationale,
        gaps,
    }
}

/// The action that changes nothing; every ticket offers it.
pub const WAIT: &str = "wait";

/// EventKind is offered beside waiting when the knowledge offers nothing.
const LOOK_BY_HAND: &str = "look-by-hand";

/// An action, and the component that it would act on.
struct Candidate {
    action: Action,
    component: Option<EntityId>,
    because: String,
}

/// Actions of the likely hypotheses, each for the likeliest component that it is listed for.
fn candidates(
    incident: &Incident,
    knowledge: &KnowledgeBase,
    snapshot: &Snapshot,
) -> Vec<Candidate> {
    let mut found: BTreeMap<&str, Candidate> = BTreeMap::new();
    for hypothesis in likely(incident) {
        for fit in card_of(knowledge, hypothesis)
            .map(|card| card.options.as_slice())
            .unwrap_or_default()
            .iter()
            .filter(|fit| applies(fit, hypothesis, snapshot))
        {
            let Some(action) = knowledge
                .actions
                .iter()
                .find(|action| action.id == fit.action)
            else {
                continue;
            };
            found
                .entry(&action.id)
                .or_insert_with(|| candidate(action, Some(hypothesis), &fit.because));
        }
    }
    let wait = knowledge
        .actions
        .iter()
        .find(|action| action.id == WAIT)
        .cloned()
        .unwrap_or_else(built_in_wait);
    found
        .entry(WAIT)
        .or_insert_with(|| candidate(&wait, None, "no likely failure says whether waiting helps"));
    let is_unknown = incident
        .diagnosis
        .hypotheses
        .first()
        .is_none_or(Hypothesis::is_none_of_these);
    if found.len() < 2 || is_unknown {
        let look = candidate(
            &built_in_look(),
            None,
            "nothing that is known of this system helps here",
        );
        found.insert(LOOK_BY_HAND, look);
    }
    let mut found: Vec<Candidate> = found.into_values().collect();
    let first = incident.symptoms.first().map(|symptom| &symptom.entity);
    for candidate in &mut found {
        candidate.component = candidate.component.take().or_else(|| first.cloned());
    }
    found
}

/// Whether the row that the option asks for is there for the suspect.
fn applies(fit: &OptionFit, hypothesis: &Hypothesis, snapshot: &Snapshot) -> bool {
    let (Some(when), Some(suspect)) = (&fit.when, &hypothesis.component) else {
        return fit.when.is_none();
    };
    let Some(table) = snapshot.tables.get(&when.table) else {
        return false;
    };
    (0..table.rows).any(|row| {
        let key = table.entity_key(row, &when.key_columns);
        key.is_some_and(|key| EntityId::of_kind(suspect.kind(), &key) == *suspect)
            && when
                .comparison
                .holds(&table.scalar(row, &when.column), &when.value)
    })
}

fn likely(incident: &Incident) -> impl Iterator<Item = &Hypothesis> {
    incident
        .diagnosis
        .hypotheses
        .iter()
        .filter(|h| !h.is_none_of_these() && h.probability >= OPTION_PROBABILITY_MIN)
}

fn candidate(action: &Action, hypothesis: Option<&Hypothesis>, because: &str) -> Candidate {
    let component = hypothesis.and_then(|hypothesis| hypothesis.component.clone());
    Candidate {
        action: action.clone(),
        component,
        because: because.to_owned(),
    }
}

fn card_of<'a>(knowledge: &'a KnowledgeBase, hypothesis: &Hypothesis) -> Option<&'a FailureMode> {
    knowledge
        .cards
        .iter()
        .find(|card| card.id == hypothesis.card)
}

fn fit_of<'a>(
    knowledge: &'a KnowledgeBase,
    hypothesis: &Hypothesis,
    action: &str,
) -> Option<&'a OptionFit> {
    card_of(knowledge, hypothesis)?
        .options
        .iter()
        .find(|fit| fit.action == action)
}

fn option(
    candidate: &Candidate,
    incident: &Incident,
    knowledge: &KnowledgeBase,
    snapshot: &Snapshot,
    gaps: &mut Vec<String>,
) -> TicketOption {
    let filling = Filling::new(candidate.component.as_ref(), incident, knowledge, snapshot);
    let action = &candidate.action;
    let fill = |text: &String| filling.text(text);
    TicketOption {
        action: action.id.clone(),
        title: fill(&action.title),
        effect: fill(&action.effect),
        risk: action.risk,
        risk_note: fill(&action.risk_note),
        reversible: action.is_reversible(),
        reversal: filling.sentence(&action.undo, gaps),
        preconditions: action.preconditions.iter().map(fill).collect(),
        commands: filling.steps(&action.steps, gaps),
        because: fill(&candidate.because),
        expected_value: value::expected(action, candidate.component.as_ref(), incident, knowledge),
    }
}

/// The recommended option stays first; waiting stays whatever it is worth.
fn keep_the_best_and_wait(options: &mut Vec<TicketOption>) {
    while options.len() > OPTIONS_MAX {
        let Some(position) = options.iter().rposition(|option| option.action != WAIT) else {
            return;
        };
        options.remove(position);
    }
}

/// EventKind the leading card says; while the cause is open, what would close it.
fn revisit_when(incident: &Incident, knowledge: &KnowledgeBase, snapshot: &Snapshot) -> String {
    let leader = incident.diagnosis.hypotheses.first();
    if incident
        .symptoms
        .iter()
        .all(|symptom| symptom.kind == SymptomKind::Blind)
    {
        return "what is not seen now is seen again, or turns out to be broken".to_owned();
    }
    if incident.diagnosis.abstained {
        let first = incident
            .diagnosis
            .gaps
            .first()
            .map_or("more is seen of it", String::as_str);
        return format!("the cause becomes clear: {}", escape(first, 300));
    }
    let card = leader.and_then(|leader| card_of(knowledge, leader));
    let text = card.map_or("", |card| card.revisit_when.as_str());
    let component = leader.and_then(|leader| leader.component.as_ref());
    Filling::new(component, incident, knowledge, snapshot).text(text)
}

fn built_in_wait() -> Action {
    Action {
        id: WAIT.to_owned(),
        title: "Wait and watch".to_owned(),
        effect: "Changes nothing; the operator keeps watching and updates this ticket.".to_owned(),
        risk: Risk::None,
        risk_note: "The trouble may grow while nobody acts.".to_owned(),
        preconditions: Vec::new(),
        steps: Vec::new(),
        undo: vec![Step::Instruction(
            "Choose another option at any time.".to_owned(),
        )],
    }
}

fn built_in_look() -> Action {
    Action {
        id: LOOK_BY_HAND.to_owned(),
        title: "Look by hand".to_owned(),
        effect: "A person looks at what the operator could not see or explain.".to_owned(),
        risk: Risk::None,
        risk_note: "Costs a person's time.".to_owned(),
        preconditions: Vec::new(),
        steps: Vec::new(),
        undo: vec![Step::Instruction("Nothing is changed.".to_owned())],
    }
}

#[cfg(test)]
mod tests;
