//! The shape of metrics: types, label keys, label values that are words, and buckets.

use operator_exposition::{Sample, family_names};
use std::collections::{BTreeMap, BTreeSet};

/// Labels whose values are words of the program, not names of this cluster's parts.
const WORDS: [&str; 10] = [
    "type", "status", "event", "cf", "db", "op", "outcome", "priority", "level", "pool",
];

/// Families by name.
#[derive(Debug, Default)]
pub(crate) struct MetricsShape {
    families: BTreeMap<String, Family>,
}

#[derive(Debug, Default)]
struct Family {
    kind: String,
    label_keys: BTreeSet<Vec<String>>,
    words: BTreeSet<(String, String)>,
    bounds: BTreeSet<String>,
}

impl MetricsShape {
    /// Adds the families of one scrape.
    pub(crate) fn add(&mut self, text: &str) {
        let kinds: BTreeMap<&str, &str> = operator_exposition::types(text).collect();
        for sample in operator_exposition::parse(text, |_| true) {
            let family = family_names(sample.name).find_map(|name| kinds.get_key_value(name));
            let (name, kind) = family.unwrap_or_else(|| panic!("{} has no type", sample.name));
            let family = self.families.entry((*name).to_owned()).or_default();
            (*kind).clone_into(&mut family.kind);
            family.add(&sample);
        }
    }

    /// The names of all families.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.families.keys().map(String::as_str)
    }

    /// Whether there is such a family.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.families.contains_key(name)
    }

    /// What another exposition does differently in the families that both have.
    pub(crate) fn misfits(&self, other: &Self) -> Vec<String> {
        let both = other
            .families
            .iter()
            .filter_map(|(name, other)| Some((name, self.families.get(name)?, other)));
        both.flat_map(|(name, known, other)| known.misfits(name, other))
            .collect()
    }
}

impl Family {
    fn add(&mut self, sample: &Sample<'_>) {
        let mut keys = Vec::new();
        for (key, value) in &sample.labels {
            if *key == "le" {
                self.bounds.insert(value.to_string());
                continue;
            }
            keys.push((*key).to_owned());
            if WORDS.contains(key) {
                self.words.insert(((*key).to_owned(), value.to_string()));
            }
        }
        self.label_keys.insert(keys);
    }

    fn misfits(&self, name: &str, other: &Self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.kind != other.kind {
            problems.push(format!(
                "{name} is a {}, recorded as {}",
                other.kind, self.kind
            ));
        }
        if self.bounds != other.bounds {
            let differ: Vec<_> = self.bounds.symmetric_difference(&other.bounds).collect();
            problems.push(format!("{name} has other buckets: {differ:?}"));
        }
        for keys in other.label_keys.difference(&self.label_keys) {
            problems.push(format!(
                "{name} has labels {keys:?}, recorded {:?}",
                self.label_keys
            ));
        }
        for word in other
            .words
            .difference(&self.words)
            .filter(|(_, value)| !value.starts_with("cluster"))
        {
            problems.push(format!("{name} has {word:?}, which was never recorded"));
        }
        problems
    }
}
