//! The shape of JSON: which paths there are, with which types.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Types by path. `[]` stands for any element, `*` for a key that is a store's id.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    types: BTreeMap<String, BTreeSet<&'static str>>,
    /// How often the path of an object occurred, and how often each of its fields did.
    objects: BTreeMap<String, (usize, BTreeMap<String, usize>)>,
}

impl Shape {
    /// The union of the shapes of some bodies.
    pub(crate) fn of_all<'a>(bodies: impl Iterator<Item = &'a str>) -> Self {
        let mut shape = Self::default();
        for body in bodies {
            let value: Value =
                serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body:.200}"));
            shape.add("", &value);
        }
        shape
    }

    fn add(&mut self, path: &str, value: &Value) {
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        self.types.entry(path.to_owned()).or_default().insert(kind);
        match value {
            Value::Array(elements) => elements
                .iter()
                .for_each(|element| self.add(&format!("{path}[]"), element)),
            Value::Object(fields) => {
                self.objects.entry(path.to_owned()).or_default().0 += 1;
                for (name, field) in fields {
                    let name = if name.bytes().all(|byte| byte.is_ascii_digit()) {
                        "*"
                    } else {
                        name
                    };
                    *self
                        .objects
                        .entry(path.to_owned())
                        .or_default()
                        .1
                        .entry(name.to_owned())
                        .or_default() += 1;
                    self.add(&format!("{path}.{name}"), field);
                }
            }
            _ => {}
        }
    }

    /// What another shape has that this one has not, and what it lacks that here is never missing.
    pub(crate) fn misfits(&self, other: &Self, allowed: &[&str]) -> Vec<String> {
        let is_allowed = |path: &str| allowed.iter().any(|allowed| path.starts_with(allowed));
        let mut problems = Vec::new();
        for (path, types) in &other.types {
            match self.types.get(path) {
                None if !is_allowed(path) && !self.empty_above(path) => {
                    problems.push(format!("{path} was never recorded"))
                }
                Some(known) if !types.is_subset(known) => {
                    problems.push(format!("{path} is {types:?}, recorded {known:?}"))
                }
                _ => {}
            }
        }
        for (path, (count, fields)) in self
            .objects
            .iter()
            .filter(|(path, _)| other.objects.contains_key(*path))
        {
            for field in fields
                .iter()
                .filter(|(_, seen)| *seen >= count)
                .map(|(field, _)| format!("{path}.{field}"))
            {
                if !other.types.contains_key(&field) && !is_allowed(&field) {
                    problems.push(format!("{field} is missing"));
                }
            }
        }
        problems
    }

    /// An array on the way was always empty when it was recorded: nothing is known of its elements.
    fn empty_above(&self, path: &str) -> bool {
        let arrays = path.match_indices("[]").map(|(at, _)| path.split_at(at).0);
        arrays.into_iter().any(|array| {
            self.types.contains_key(array) && !self.types.contains_key(&format!("{array}[]"))
        })
    }
}
