//! Stage 5: options and a recommendation.
//!
//! Every action that a likely failure mode lists is an option, and waiting always is. The recommended one
//! has the highest expected value over all hypotheses; while the cause is undetermined, only safe actions
//! are recommended. Operator never acts.

mod command;
mod fill;
mod rationale;
mod value;

use fill::Filling;
use operator_data::Snapshot;
use operator_model::command::Step;
use operator_model::diagnosis::GAP_PROBABILITY_MIN;
use operator_model::knowledge::{Action, FailureMode, Fitness, KnowledgeBase, OptionFit, Risk};
use operator_model::{
    Claim, Decision, DecisionMode, EntityId, Hypothesis, Incident, Prohibition, SymptomKind,
    TicketOption,
};
use std::collections::BTreeMap;

/// The options for an incident and the recommendation.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// At least two, one of them `wait`; the recommended one first.
    pub options: Vec<TicketOption>,
    /// What a likely cause makes harmful.
    pub do_not: Vec<Prohibition>,
    /// The recommendation.
    pub decision: Decision,
    /// Why this diagnosis and why this option, claim by claim.
    pub rationale: Vec<Claim>,
    /// What could not be filled in; the ticket lists it in addition to the gaps of the diagnosis.
    pub gaps: Vec<String>,
}

/// Actions of less likely hypotheses are not options: the ticket would list every action there is.
const OPTION_PROBABILITY_MIN: f64 = GAP_PROBABILITY_MIN;

/// Options of a ticket: a person does not compare more.
const OPTIONS_MAX: usize = 8;

/// Evaluates every action of the likely hypotheses.
#[must_use]
pub fn decide(incident: &Incident, knowledge: &KnowledgeBase, snapshot: &Snapshot) -> Decided {
    let mut gaps = Vec::new();
    let mut options: Vec<TicketOption> = candidates(incident, knowledge, snapshot)
        .into_iter()
        .map(|candidate| option(&candidate, incident, knowledge, snapshot, &mut gaps))
        .collect();
    let do_not = prohibitions(&mut options, incident, knowledge, snapshot);
    if options.len() < 2 {
        let investigate = investigation(incident);
        options.push(option(
            &investigate,
            incident,
            knowledge,
            snapshot,
            &mut gaps,
        ));
    }
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
        do_not,
        decision,
        rationale,
        gaps,
    }
}

/// Takes the options out that do more harm than good under a likely cause. Waiting stays an option.
fn prohibitions(
    options: &mut Vec<TicketOption>,
    incident: &Incident,
    knowledge: &KnowledgeBase,
    snapshot: &Snapshot,
) -> Vec<Prohibition> {
    let mut prohibited = Vec::new();
    options.retain(|option| {
        let harmful = harm_of(option, incident, knowledge)
            .filter(|_| option.action != WAIT && option.expected_value < 0.0);
        let Some((hypothesis, fit)) = harmful else {
            return true;
        };
        let component = hypothesis.component.as_ref();
        let filling = Filling::new(component, incident, knowledge, snapshot);
        prohibited.push(Prohibition {
            action: option.action.clone(),
            title: option.title.clone(),
            because: filling.text(&fit.because),
        });
        false
    });
    prohibited
}

/// The likeliest cause under which the option is harmful.
fn harm_of<'a>(
    option: &TicketOption,
    incident: &'a Incident,
    knowledge: &'a KnowledgeBase,
) -> Option<(&'a Hypothesis, &'a OptionFit)> {
    let fits = likely(incident).filter_map(|hypothesis| {
        Some((hypothesis, fit_of(knowledge, hypothesis, &option.action)?))
    });
    fits.into_iter()
        .find(|(_, fit)| fit.fitness == Fitness::Harmful)
}

/// The action that changes nothing; every ticket offers it.
pub(crate) const WAIT: &str = "wait";

/// What is offered in addition to waiting if the subject offers nothing.
const INVESTIGATE: &str = "look-by-hand";

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
        for fit in failure_mode_of(knowledge, hypothesis)
            .map(|failure_mode| failure_mode.options.as_slice())
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
    found.entry(WAIT).or_insert_with(|| {
        candidate(
            &wait,
            None,
            "no likely failure mode states whether waiting helps",
        )
    });
    let is_unknown = incident
        .diagnosis
        .hypotheses
        .first()
        .is_none_or(Hypothesis::is_unknown_cause);
    if found.len() < 2 || is_unknown {
        found.insert(INVESTIGATE, investigation(incident));
    }
    let mut found: Vec<Candidate> = found.into_values().collect();
    let first = incident.symptoms.first().map(|symptom| &symptom.entity);
    for candidate in &mut found {
        candidate.component = candidate.component.take().or_else(|| first.cloned());
    }
    found
}

/// What is left where nothing else is.
fn investigation(incident: &Incident) -> Candidate {
    let why = "no known action addresses an unknown cause";
    let first = incident.symptoms.first().map(|symptom| &symptom.entity);
    Candidate {
        component: first.cloned(),
        ..candidate(&built_in_investigate(), None, why)
    }
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
        .filter(|h| !h.is_unknown_cause() && h.probability >= OPTION_PROBABILITY_MIN)
}

fn candidate(action: &Action, hypothesis: Option<&Hypothesis>, because: &str) -> Candidate {
    let component = hypothesis.and_then(|hypothesis| hypothesis.component.clone());
    Candidate {
        action: action.clone(),
        component,
        because: because.to_owned(),
    }
}

fn failure_mode_of<'a>(
    knowledge: &'a KnowledgeBase,
    hypothesis: &Hypothesis,
) -> Option<&'a FailureMode> {
    knowledge
        .cards
        .iter()
        .find(|failure_mode| failure_mode.id == hypothesis.card)
}

fn fit_of<'a>(
    knowledge: &'a KnowledgeBase,
    hypothesis: &Hypothesis,
    action: &str,
) -> Option<&'a OptionFit> {
    failure_mode_of(knowledge, hypothesis)?
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
        last_resort: is_last_resort(action, incident, knowledge),
    }
}

/// Whether it needs more than being the best that is left: what cannot be undone, or has a high risk, has to be the
/// best remedy of the likeliest cause.
fn is_last_resort(action: &Action, incident: &Incident, knowledge: &KnowledgeBase) -> bool {
    let is_grave =
        action.risk == Risk::High || (action.risk > Risk::None && !action.is_reversible());
    let leader = incident.diagnosis.hypotheses.first();
    let fit = leader.and_then(|leader| fit_of(knowledge, leader, &action.id));
    is_grave && fit.is_none_or(|fit| fit.fitness != Fitness::Best)
}

/// The recommended option stays first; waiting stays whatever its value.
fn keep_the_best_and_wait(options: &mut Vec<TicketOption>) {
    while options.len() > OPTIONS_MAX {
        let Some(position) = options.iter().rposition(|option| option.action != WAIT) else {
            return;
        };
        options.remove(position);
    }
}

/// As the leading failure mode states; while the cause is undetermined, when it is determined.
fn revisit_when(incident: &Incident, knowledge: &KnowledgeBase, snapshot: &Snapshot) -> String {
    let leader = incident.diagnosis.hypotheses.first();
    if incident
        .symptoms
        .iter()
        .all(|symptom| symptom.kind == SymptomKind::Blind)
    {
        return "the sources are observable again, or a fault is confirmed".to_owned();
    }
    if incident.recovering_since.is_some() {
        return "a symptom that has ended returns; otherwise the ticket is resolved a minute after the last symptom has ended".to_owned();
    }
    if incident.diagnosis.abstained {
        return "the cause is determined, or the symptoms change".to_owned();
    }
    let failure_mode = leader.and_then(|leader| failure_mode_of(knowledge, leader));
    let text = failure_mode.map_or("", |one| one.revisit_when.as_str());
    let component = leader.and_then(|leader| leader.component.as_ref());
    Filling::new(component, incident, knowledge, snapshot).text(text)
}

fn built_in_wait() -> Action {
    Action {
        id: WAIT.to_owned(),
        title: "Wait and watch".to_owned(),
        effect: "Changes nothing. Operator keeps observing and updates this ticket.".to_owned(),
        risk: Risk::None,
        risk_note: "The fault may get worse in the meantime.".to_owned(),
        preconditions: Vec::new(),
        steps: Vec::new(),
        undo: vec![Step::Instruction(
            "Choose another option at any time.".to_owned(),
        )],
    }
}

fn built_in_investigate() -> Action {
    Action {
        id: INVESTIGATE.to_owned(),
        title: "Investigate manually".to_owned(),
        effect: "Examine what Operator could not observe or explain.".to_owned(),
        risk: Risk::None,
        risk_note: "Takes an engineer's time.".to_owned(),
        preconditions: Vec::new(),
        steps: Vec::new(),
        undo: vec![Step::Instruction("Nothing to undo.".to_owned())],
    }
}

#[cfg(test)]
mod tests;
