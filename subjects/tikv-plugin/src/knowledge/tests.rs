//! Consistency of the knowledge: with itself, the tables, the checks and the collected metrics.

mod consistency;
mod coverage;
mod sources;

use std::collections::BTreeSet;

use operator_plugin::knowledge::{EvidenceRule, FailureMode};

use super::base;

fn unique<'item>(ids: impl Iterator<Item = &'item String>) -> BTreeSet<&'item str> {
    let mut seen = BTreeSet::new();
    for id in ids {
        assert!(seen.insert(id.as_str()), "{id} is defined twice");
        assert!(
            id.chars().all(|letter| letter.is_ascii_lowercase()
                || letter.is_ascii_digit()
                || letter == '-'),
            "{id}"
        );
    }
    seen
}

fn rules() -> Vec<(String, EvidenceRule)> {
    let rule = |mode: FailureMode| {
        mode.evidence
            .clone()
            .into_iter()
            .map(move |rule| (mode.id.clone(), rule))
    };
    base().failure_modes.into_iter().flat_map(rule).collect()
}
