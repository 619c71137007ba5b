//! What must hold of all cards together.

use super::{Card, Kind, Target};

/// Every problem, one line each.
pub(super) fn problems(cards: &[Card]) -> Vec<String> {
    cards
        .iter()
        .flat_map(|card| {
            of_card(card, cards)
                .into_iter()
                .map(|text| format!("{}: {text}", card.id))
        })
        .collect()
}

fn of_card(card: &Card, cards: &[Card]) -> Vec<String> {
    let mut found = texts(card);
    found.extend(plans(card));
    found.extend(truth(card));
    for sign in card.evidence.moves.iter().chain(&card.evidence.still) {
        found.extend(sign.problem());
    }
    let known = |id: &str| cards.iter().any(|other| other.id == id);
    for part in card.of.iter().filter(|part| !known(&part.card)) {
        found.push(format!("it combines {}, which is no card", part.card));
    }
    for other in card
        .look_alikes
        .iter()
        .filter(|other| !known(&other.card) || other.card == card.id)
    {
        found.push(format!(
            "it looks like {}, which is no other card",
            other.card
        ));
    }
    found
}

fn texts(card: &Card) -> Vec<String> {
    let named = [
        ("title", &card.title),
        ("story", &card.story),
        ("undo", &card.undo),
        ("scope", &card.truth.scope),
    ];
    let mut found: Vec<String> = named
        .iter()
        .filter(|(_, text)| text.trim().is_empty())
        .map(|(name, _)| format!("it has no {name}"))
        .collect();
    if card.duration_s <= card.onset_s {
        found.push("its run ends before it begins".to_owned());
    }
    found
}

fn plans(card: &Card) -> Vec<String> {
    let combines = card.kind == Kind::Combination;
    let mut found = Vec::new();
    if card.targets.is_empty() {
        found.push("nothing can make it".to_owned());
    }
    if card.runs_on(Target::Sim) && card.sim.is_none() && !combines {
        found.push("it names the simulator as a target and has no plan for it".to_owned());
    }
    if card.runs_on(Target::Docker)
        && card
            .docker
            .as_ref()
            .is_none_or(|plan| plan.steps.is_empty())
        && !combines
    {
        found.push("it names docker as a target and has no plan for it".to_owned());
    }
    if card.docker.is_some() && !card.runs_on(Target::Docker)
        || card.sim.is_some() && !card.runs_on(Target::Sim)
    {
        found.push("it has a plan for what is not its target".to_owned());
    }
    if combines != (card.of.len() == 2) {
        found.push("a combination is of two cards, and only a combination is".to_owned());
    }
    found
}

fn truth(card: &Card) -> Vec<String> {
    let mut found = Vec::new();
    match (card.kind, &card.truth.component) {
        (Kind::Fault | Kind::Combination, None) => found.push("a fault is somebody's".to_owned()),
        (Kind::Benign, Some(_)) => found.push("nothing is at fault in what is in order".to_owned()),
        _ => {}
    }
    if card.kind != Kind::Benign {
        if card.truth.words.is_empty() {
            found.push("no words tell a right diagnosis".to_owned());
        }
        if card.actions.best.is_empty() {
            found.push("it has no best action".to_owned());
        }
        if card.evidence.moves.is_empty() && card.kind == Kind::Fault && card.runs_on(Target::Sim) {
            found.push("nothing moves".to_owned());
        }
    }
    let listed = |list: &[String], action: &String| list.contains(action);
    let actions = &card.actions;
    for action in actions
        .harmful
        .iter()
        .filter(|a| listed(&actions.best, a) || listed(&actions.acceptable, a))
    {
        found.push(format!("the action {action} both helps and harms"));
    }
    found
}
