//! Whether the knowledge hangs together: with itself, with the tables, with the checks and with what is collected.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use operator_plugin::knowledge::{Card, EvidenceRule, Fitness, Risk, Scope, SignalSource, Test};

use super::base;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn unique<'item>(ids: impl Iterator<Item = &'item String>) -> BTreeSet<&'item str> {
    let mut seen = BTreeSet::new();
    for id in ids {
        assert!(seen.insert(id.as_str()), "{id} is there twice");
        assert!(
            id.chars().all(|letter| letter.is_ascii_lowercase()
                || letter.is_ascii_digit()
                || letter == '-'),
            "{id}"
        );
    }
    seen
}

/// Columns of each table with their kinds, as `TABLES.md` says.
fn tables() -> BTreeMap<String, BTreeMap<String, String>> {
    let text =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("TABLES.md")).unwrap();
    let row = |line: &str| {
        let cells: Vec<&str> = line
            .trim_matches('|')
            .splitn(3, '|')
            .map(str::trim)
            .collect();
        let name = cells
            .first()?
            .strip_prefix('`')?
            .strip_suffix('`')?
            .to_owned();
        let mut columns = BTreeMap::new();
        let mut parts = cells.get(2)?.split('`').skip(1);
        while let (Some(column), Some(rest)) = (parts.next(), parts.next()) {
            if let Some(kind) = rest.split_whitespace().next() {
                columns.insert(
                    column.to_owned(),
                    kind.trim_matches(|letter: char| !letter.is_ascii_lowercase())
                        .to_owned(),
                );
            }
        }
        Some((name, columns))
    };
    let tables: BTreeMap<_, _> = text
        .lines()
        .filter(|line| line.starts_with("| `"))
        .filter_map(row)
        .collect();
    assert!(tables.len() > 10, "TABLES.md is not understood");
    tables
}

/// Sources of the invariant modules, without their tests.
fn invariant_sources() -> String {
    let mut found = String::new();
    let mut folders = vec![root().join("invariants")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() && name != "target" {
                folders.push(path);
            } else if name.to_string_lossy().ends_with(".rs") && name != "examples.rs" {
                let text = std::fs::read_to_string(path).unwrap();
                found.push_str(text.split("#[cfg(test)]").next().unwrap_or_default());
            }
        }
    }
    found
}

/// Texts between quotes that follow one of these words.
fn quoted_after(source: &str, words: &[&str]) -> BTreeSet<String> {
    let squeezed: String = source.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = BTreeSet::new();
    for word in words {
        for after in squeezed.split(word).skip(1) {
            if let Some((text, _)) = after.split_once('"') {
                found.insert(text.to_owned());
            }
        }
    }
    found
}

fn check_ids() -> BTreeSet<String> {
    let words = [
        "Check::new( \"",
        "Check::new(\"",
        " id: \"",
        "{ check(\"",
        "{ check( \"",
    ];
    let mut ids = quoted_after(&invariant_sources(), &words);
    // `operator verify` asks these, and no incident is made of them: their remedy stands in their reason.
    ids.retain(|id| !id.starts_with("deployment-"));
    assert!(
        ids.len() > 40,
        "the sources of the checks are not understood: {ids:?}"
    );
    ids
}

fn rules() -> Vec<(String, EvidenceRule)> {
    let rule = |card: Card| {
        card.evidence
            .clone()
            .into_iter()
            .map(move |rule| (card.id.clone(), rule))
    };
    base().cards.into_iter().flat_map(rule).collect()
}

#[test]
fn ids_are_unique_and_tame() {
    let base = base();
    unique(base.signals.iter().map(|signal| &signal.id));
    unique(base.cards.iter().map(|card| &card.id));
    unique(base.actions.iter().map(|action| &action.id));
    for card in &base.cards {
        unique(card.evidence.iter().map(|rule| &rule.id));
    }
    assert!(base.signals.len() >= 25 && base.cards.len() >= 15 && base.actions.len() >= 15);
}

#[test]
fn lists_are_sorted_by_id() {
    let base = base();
    assert!(base.signals.is_sorted_by_key(|signal| signal.id.clone()));
    assert!(base.cards.is_sorted_by_key(|card| card.id.clone()));
    assert!(base.actions.is_sorted_by_key(|action| action.id.clone()));
}

#[test]
fn rivals_and_actions_exist() {
    let base = base();
    let cards = unique(base.cards.iter().map(|card| &card.id));
    let actions = unique(base.actions.iter().map(|action| &action.id));
    for card in &base.cards {
        assert!(!card.rivals.is_empty(), "{} has no rival", card.id);
        for rival in &card.rivals {
            assert!(
                cards.contains(rival.as_str()) && rival != &card.id,
                "{}: rival {rival}",
                card.id
            );
        }
        let fits = unique(card.options.iter().map(|option| &option.action));
        assert!(
            fits.is_subset(&actions),
            "{}: {:?}",
            card.id,
            fits.difference(&actions)
        );
    }
    let used: BTreeSet<&str> = base
        .cards
        .iter()
        .flat_map(|card| &card.options)
        .map(|fit| fit.action.as_str())
        .collect();
    assert_eq!(actions, used, "an action that no card offers");
}

#[test]
fn every_card_offers_waiting_and_one_best_option() {
    for card in base().cards {
        assert!(
            card.options.iter().any(|option| option.action == "wait"),
            "{}",
            card.id
        );
        let best = card
            .options
            .iter()
            .filter(|option| option.fitness == Fitness::Best)
            .count();
        assert!(
            best == 1 && card.options.len() >= 2,
            "{}: {best} best options",
            card.id
        );
    }
}

#[test]
fn what_loses_data_is_never_better_than_harmful_where_a_store_can_return() {
    for card in base().cards {
        for option in card
            .options
            .iter()
            .filter(|option| option.action == "unsafe-recovery")
        {
            assert_eq!(option.fitness, Fitness::Harmful, "{}", card.id);
        }
    }
    let base = base();
    let irreversible = base
        .actions
        .iter()
        .filter(|action| action.risk == Risk::High);
    assert!(
        irreversible.clone().count() >= 3
            && irreversible
                .clone()
                .all(|action| !action.preconditions.is_empty())
    );
}

#[test]
fn odds_are_sound() {
    for card in base().cards {
        assert!(
            card.prior > 0.0 && card.prior <= 0.1,
            "{}: prior {}",
            card.id,
            card.prior
        );
        let strong = card.evidence.iter().any(|rule| rule.ratio_if_true >= 5.0);
        assert!(strong, "{}: nothing speaks clearly for it", card.id);
        let denied = card
            .evidence
            .iter()
            .any(|rule| rule.ratio_if_true < 0.5 || rule.ratio_if_false < 0.5);
        assert!(denied, "{}: nothing can speak against it", card.id);
    }
    for (card, rule) in rules() {
        for ratio in [rule.ratio_if_true, rule.ratio_if_false] {
            assert!(ratio > 0.0 && ratio <= 100.0, "{card}/{}: {ratio}", rule.id);
        }
        let both_up = rule.ratio_if_true > 1.0 && rule.ratio_if_false > 1.0;
        let both_down = rule.ratio_if_true < 1.0 && rule.ratio_if_false < 1.0;
        assert!(
            !both_up && !both_down,
            "{card}/{}: speaks the same way whatever is seen",
            rule.id
        );
        assert!(
            !rule.because.is_empty() && !rule.reference.is_empty() && !rule.group.is_empty(),
            "{card}/{}",
            rule.id
        );
    }
}

#[test]
fn consequences_explain_and_weigh_nothing() {
    for (card, rule) in rules()
        .into_iter()
        .filter(|(_, rule)| rule.group == "consequences")
    {
        assert!(rule.explains, "{card}/{}", rule.id);
        assert!(
            (rule.ratio_if_true - 1.0).abs() + (rule.ratio_if_false - 1.0).abs() < f64::EPSILON,
            "{card}/{}",
            rule.id
        );
    }
}

#[test]
fn every_check_is_explained_by_a_card_that_it_speaks_for() {
    let spoken_for: BTreeSet<String> = rules()
        .into_iter()
        .filter(|(_, rule)| rule.explains && rule.ratio_if_true > 1.0)
        .filter_map(|(_, rule)| {
            if let Test::Violated(check) = rule.test {
                Some(check)
            } else {
                None
            }
        })
        .collect();
    let explained: BTreeSet<String> = rules()
        .into_iter()
        .filter(|(_, rule)| rule.explains)
        .filter_map(|(_, rule)| {
            if let Test::Violated(check) = rule.test {
                Some(check)
            } else {
                None
            }
        })
        .collect();
    let ids = check_ids();
    let orphans: Vec<_> = ids.iter().filter(|id| !explained.contains(*id)).collect();
    assert!(orphans.is_empty(), "no card explains {orphans:?}");
    let mute: Vec<_> = ids.iter().filter(|id| !spoken_for.contains(*id)).collect();
    // These are only ever seen beside something else.
    let beside = [
        "apply-wait",
        "no-extra-peers",
        "no-lingering-learners",
        "no-offline-peers",
        "store-status-server",
        "store-writer-cpu",
        "apply-cpu",
        "grpc-cpu",
        "scheduler-cpu",
        "raft-rounds",
        "pd-leader-stable",
    ];
    let surprising: Vec<_> = mute
        .iter()
        .filter(|id| !beside.contains(&id.as_str()))
        .collect();
    assert!(
        surprising.is_empty(),
        "no card is supported by {surprising:?}"
    );
}

#[test]
fn rules_name_checks_signals_and_columns_that_exist() {
    let (base, checks, tables) = (base(), check_ids(), tables());
    let signals = unique(base.signals.iter().map(|signal| &signal.id));
    for (card, rule) in rules() {
        match &rule.test {
            Test::Violated(check) | Test::Holds(check) => {
                assert!(checks.contains(check), "{card}/{}: check {check}", rule.id)
            }
            Test::SignalDeviates((signal, _)) | Test::SignalCompares((signal, ..)) => {
                assert!(
                    signals.contains(signal.as_str()),
                    "{card}/{}: signal {signal}",
                    rule.id
                );
            }
            Test::RowMatches(row) => {
                let columns = tables
                    .get(&row.table)
                    .unwrap_or_else(|| panic!("{card}/{}: table {}", rule.id, row.table));
                assert!(
                    columns.contains_key(&row.entity_column),
                    "{card}/{}: {}",
                    rule.id,
                    row.entity_column
                );
                let kind = columns
                    .get(&row.column)
                    .unwrap_or_else(|| panic!("{card}/{}: {}", rule.id, row.column));
                let fits = match &row.value {
                    operator_plugin::Scalar::Text(_) => kind == "text",
                    operator_plugin::Scalar::Float(_) => kind == "float",
                    operator_plugin::Scalar::Integer(_) => kind == "integer",
                    operator_plugin::Scalar::Boolean(_) => kind == "boolean",
                    operator_plugin::Scalar::Null => false,
                };
                assert!(fits, "{card}/{}: {} is {kind}", rule.id, row.column);
            }
        }
    }
}

#[test]
fn signals_read_numbers_that_are_there() {
    let tables = tables();
    let collected: BTreeSet<&str> = crate::metrics::TIKV
        .iter()
        .chain(crate::metrics::PD)
        .copied()
        .collect();
    for signal in base().signals {
        match &signal.source {
            SignalSource::Column(column) => {
                let columns = tables
                    .get(&column.table)
                    .unwrap_or_else(|| panic!("{}: {}", signal.id, column.table));
                assert!(
                    columns.contains_key(&column.entity_column),
                    "{}: {}",
                    signal.id,
                    column.entity_column
                );
                let kind = columns.get(&column.value_column).map(String::as_str);
                assert!(
                    matches!(kind, Some("float" | "integer")),
                    "{}: {} is {kind:?}",
                    signal.id,
                    column.value_column
                );
            }
            SignalSource::Series(series) => assert!(
                is_collected(&collected, &series.selector.metric),
                "{}",
                signal.id
            ),
            SignalSource::Quantile(quantile) => {
                assert!(
                    is_collected(&collected, &quantile.selector.metric),
                    "{}",
                    signal.id
                );
            }
        }
        assert!(
            signal.floor > 0.0 && !signal.title.is_empty(),
            "{}",
            signal.id
        );
    }
}

fn is_collected(families: &BTreeSet<&str>, metric: &str) -> bool {
    let base = metric
        .strip_suffix("_count")
        .or_else(|| metric.strip_suffix("_sum"))
        .unwrap_or(metric);
    families.contains(metric) || families.contains(base)
}

#[test]
fn what_the_checks_ask_for_is_collected() {
    let collected: BTreeSet<&str> = crate::metrics::TIKV
        .iter()
        .chain(crate::metrics::PD)
        .copied()
        .collect();
    let source = invariant_sources();
    let metrics = quoted_after(
        &source,
        &[
            "series(\"",
            "histogram: \"",
            "used: \"",
            "granted: \"",
            "&str = \"",
        ],
    );
    let metrics: BTreeSet<_> = metrics
        .into_iter()
        .filter(|name| name.contains('_') && !name.contains(' '))
        .collect();
    assert!(
        metrics.len() > 20,
        "the sources of the checks are not understood: {metrics:?}"
    );
    let missing: Vec<_> = metrics
        .iter()
        .filter(|metric| !is_collected(&collected, metric))
        .collect();
    assert!(missing.is_empty(), "not collected: {missing:?}");
}

#[test]
fn what_the_checks_read_is_in_the_tables() {
    let tables = tables();
    let source = invariant_sources();
    let read = quoted_after(&source, &["snapshot.table(\"", ".reads(&[\""]);
    let unknown: Vec<_> = read
        .iter()
        .filter(|name| !tables.contains_key(*name))
        .collect();
    assert!(unknown.is_empty(), "no such tables: {unknown:?}");
    let columns: BTreeSet<&String> = tables.values().flat_map(BTreeMap::keys).collect();
    let words = [
        ".text(\"",
        ".number(\"",
        ".integer(\"",
        ".boolean(\"",
        ".instant(\"",
        ".evidence(\"",
    ];
    let asked = quoted_after(&source, &words);
    let answers = ["value", "samples", "name"];
    let unknown: Vec<_> = asked
        .iter()
        .filter(|name| !columns.contains(name) && !answers.contains(&name.as_str()))
        .collect();
    assert!(unknown.is_empty(), "no such columns: {unknown:?}");
}

#[test]
fn attributes_are_columns_and_commands_use_only_what_can_be_filled_in() {
    let (base, tables) = (base(), tables());
    for attribute in &base.attributes {
        let columns = tables
            .get(&attribute.table)
            .unwrap_or_else(|| panic!("{}: {}", attribute.name, attribute.table));
        for column in [&attribute.entity_column, &attribute.value_column] {
            assert!(columns.contains_key(column), "{}: {column}", attribute.name);
        }
    }
    let kinds_of = |action: &str| -> BTreeSet<String> {
        let offering = base
            .cards
            .iter()
            .filter(|card| card.options.iter().any(|option| option.action == action));
        offering.map(|card| card.entity_kind.clone()).collect()
    };
    for action in &base.actions {
        let texts = action
            .commands
            .iter()
            .chain([&action.effect, &action.reversal, &action.title]);
        let names: BTreeSet<String> = texts.flat_map(|text| placeholders(text)).collect();
        for name in names {
            let known = ["entity", "key", "name"].contains(&name.as_str());
            let of_kind = |kind: &str| {
                base.attributes
                    .iter()
                    .any(|attribute| attribute.name == name && attribute.entity_kind == kind)
            };
            for kind in kinds_of(&action.id) {
                assert!(
                    known || of_kind(&kind) || is_excused(&action.id, &kind),
                    "{}: {{{name}}} of {kind}",
                    action.id
                );
            }
        }
    }
}

/// Actions about one store that a card of the whole cluster offers: the person chooses the store.
fn is_excused(action: &str, kind: &str) -> bool {
    kind == "cluster"
        && [
            "start-store",
            "inspect-store",
            "start-pd-member",
            "inspect-pd-member",
            "repair-network",
        ]
        .contains(&action)
}

fn placeholders(text: &str) -> Vec<String> {
    let is_word = |name: &str| {
        !name.is_empty()
            && name
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter == '_')
    };
    let names = text
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name.to_owned());
    names.filter(|name| is_word(name)).collect()
}

#[test]
fn texts_are_sentences_for_people() {
    for card in base().cards {
        assert!(
            !card.title.is_empty() && !card.title.contains('{') && !card.title.ends_with('.'),
            "{}",
            card.id
        );
        assert!(
            card.mechanism.ends_with('.') && !card.revisit_when.is_empty(),
            "{}",
            card.id
        );
        let names = card.entity_kind == "cluster" || card.mechanism.contains("{name}");
        assert!(names, "{}: the mechanism does not say where", card.id);
        for option in &card.options {
            assert!(
                !option.because.is_empty() && !option.because.ends_with('.'),
                "{}/{}",
                card.id,
                option.action
            );
        }
    }
    for action in base().actions {
        assert!(
            !action.effect.is_empty() && !action.risk_note.is_empty(),
            "{}",
            action.id
        );
        assert_eq!(
            action.reversible,
            !action.reversal.is_empty(),
            "{}",
            action.id
        );
    }
}

#[test]
fn scopes_of_rules_about_the_cluster_reach_it_from_a_store() {
    // The topology joins each store to the cluster: what is found on the cluster is beside the store.
    for (card, rule) in rules()
        .into_iter()
        .filter(|(_, rule)| rule.id.starts_with("brings-") && rule.id.ends_with("-beside"))
    {
        assert_eq!(rule.scope, Scope::Neighbours, "{card}/{}", rule.id);
    }
}
