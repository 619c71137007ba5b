//! The knowledge base matches the tables, the checks and the collected metrics.

use std::collections::{BTreeMap, BTreeSet};

use operator_plugin::knowledge::{
    Part, SignalComparison, SignalDeviation, SignalSource, Step, Test,
};

use super::sources::{check_ids, check_sources, quoted_after, tables};
use super::{base, rules, unique};

#[test]
fn every_check_supports_a_failure_mode_that_explains_it() {
    let supported: BTreeSet<String> = rules()
        .into_iter()
        .filter(|(_, rule)| rule.explains && rule.lr_positive > 1.0)
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
    assert!(orphans.is_empty(), "no failure mode explains {orphans:?}");
    let unsupported: Vec<_> = ids.iter().filter(|id| !supported.contains(*id)).collect();
    // These occur only together with other symptoms.
    let secondary = [
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
    let surprising: Vec<_> = unsupported
        .iter()
        .filter(|id| !secondary.contains(&id.as_str()))
        .collect();
    assert!(
        surprising.is_empty(),
        "no failure mode is supported by {surprising:?}"
    );
}

#[test]
fn rules_name_checks_signals_and_columns_that_exist() {
    let base = base();
    let checks = check_ids();
    let tables = tables();
    let signals = unique(base.signals.iter().map(|signal| &signal.id));
    for (mode, rule) in rules() {
        match &rule.test {
            Test::Violated(check) | Test::Holds(check) => {
                assert!(checks.contains(check), "{mode}/{}: check {check}", rule.id)
            }
            Test::SignalDeviates(SignalDeviation { signal, .. })
            | Test::SignalCompares(SignalComparison { signal, .. }) => {
                assert!(
                    signals.contains(signal.as_str()),
                    "{mode}/{}: signal {signal}",
                    rule.id
                );
            }
            Test::RowMatches(row) => {
                let columns = tables
                    .get(&row.table)
                    .unwrap_or_else(|| panic!("{mode}/{}: table {}", rule.id, row.table));
                for key in &row.key_columns {
                    assert!(columns.contains_key(key), "{mode}/{}: {}", rule.id, key);
                }
                let kind = columns
                    .get(&row.column)
                    .unwrap_or_else(|| panic!("{mode}/{}: {}", rule.id, row.column));
                let fits = match &row.value {
                    operator_plugin::Scalar::Text(_) => kind == "text",
                    operator_plugin::Scalar::Float(_) => kind == "float",
                    operator_plugin::Scalar::Integer(_) => kind == "integer",
                    operator_plugin::Scalar::Boolean(_) => kind == "boolean",
                    operator_plugin::Scalar::Null => false,
                };
                assert!(fits, "{mode}/{}: {} is {kind}", rule.id, row.column);
            }
        }
    }
}

#[test]
fn signals_read_numeric_columns_and_collected_metrics() {
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
                for key in &column.key_columns {
                    assert!(columns.contains_key(key), "{}: {}", signal.id, key);
                }
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
fn metrics_read_by_the_checks_are_collected() {
    let collected: BTreeSet<&str> = crate::metrics::TIKV
        .iter()
        .chain(crate::metrics::PD)
        .copied()
        .collect();
    let source = check_sources();
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
        "failed to parse the sources of the checks: {metrics:?}"
    );
    let missing: Vec<_> = metrics
        .iter()
        .filter(|metric| !is_collected(&collected, metric))
        .collect();
    assert!(missing.is_empty(), "not collected: {missing:?}");
}

#[test]
fn tables_and_columns_read_by_the_checks_exist() {
    let tables = tables();
    let source = check_sources();
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
fn attributes_are_columns_and_commands_use_only_known_placeholders() {
    let base = base();
    let tables = tables();
    for attribute in &base.attributes {
        let columns = tables
            .get(&attribute.table)
            .unwrap_or_else(|| panic!("{}: {}", attribute.name, attribute.table));
        for column in attribute
            .key_columns
            .iter()
            .chain([&attribute.value_column])
        {
            assert!(columns.contains_key(column), "{}: {column}", attribute.name);
        }
    }
    let kinds_of = |action: &str| -> BTreeSet<String> {
        let offering = base
            .failure_modes
            .iter()
            .filter(|mode| mode.options.iter().any(|option| option.action == action));
        offering.map(|mode| mode.entity_kind.clone()).collect()
    };
    for action in &base.actions {
        let steps = action.steps.iter().chain(&action.undo);
        let names: BTreeSet<String> = steps
            .flat_map(step_placeholders)
            .chain(placeholders(&action.effect))
            .chain(placeholders(&action.title))
            .collect();
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

/// Actions on one store or member that cluster-wide failure modes offer; the person picks the
/// target.
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

fn step_placeholders(step: &Step) -> Vec<String> {
    let Step::Run(command) = step else {
        return Vec::new();
    };
    let parts = command
        .pipeline
        .iter()
        .flat_map(|invocation| &invocation.argv)
        .flat_map(|argument| &argument.parts);
    let name = |part: &Part| match part {
        Part::Placeholder(placeholder) => Some(placeholder.name.clone()),
        Part::Literal(_) | Part::Blank(_) => None,
    };
    parts.filter_map(name).collect()
}

#[test]
fn notes_of_commands_have_no_placeholders() {
    for action in base().actions {
        for step in action.steps.iter().chain(&action.undo) {
            if let Step::Run(command) = step {
                let note = command.note.as_deref().unwrap_or_default();
                assert!(!note.contains('{'), "{}: {note}", action.id);
            }
        }
    }
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
