//! Fills names into texts and commands.

use super::command;
use operator_data::{Snapshot, Table};
use operator_model::command::Step;
use operator_model::knowledge::{Attribute, KnowledgeBase};
use operator_model::quantity::escape;
use operator_model::{EntityId, Incident};
use std::collections::BTreeMap;

/// The words for one component.
pub(super) struct Filling {
    values: BTreeMap<String, String>,
}

impl Filling {
    pub(super) fn new(
        component: Option<&EntityId>,
        incident: &Incident,
        knowledge: &KnowledgeBase,
        snapshot: &Snapshot,
    ) -> Self {
        let mut values = BTreeMap::new();
        let Some(component) = component else {
            return Self { values };
        };
        for attribute in knowledge
            .attributes
            .iter()
            .filter(|attribute| attribute.entity_kind == component.kind())
        {
            // What is not listed just now was listed a few ticks ago.
            let ticks =
                std::iter::once(&snapshot.tables).chain(snapshot.past.iter().map(AsRef::as_ref));
            let mut tables = ticks.filter_map(|tables| tables.get(&attribute.table));
            if let Some(value) = tables.find_map(|table| value_of(table, attribute, component)) {
                values.insert(attribute.name.clone(), value.to_owned());
            }
        }
        let name = incident
            .names
            .get(component)
            .map_or(component.as_str(), String::as_str);
        values.insert("entity".to_owned(), component.to_string());
        values.insert("kind".to_owned(), component.kind().to_owned());
        values.insert("key".to_owned(), component.key().to_owned());
        values.insert("name".to_owned(), name.to_owned());
        Self { values }
    }

    /// For people: escaped, and a placeholder without a value stays as it is.
    pub(super) fn text(&self, template: &str) -> String {
        fill(template, |name| {
            self.values.get(name).map(|value| escape(value, 120))
        })
    }

    /// What a person would do, one line for each step. A command whose placeholders cannot be filled in is
    /// left out, and the gap says why.
    pub(super) fn steps(&self, steps: &[Step], gaps: &mut Vec<String>) -> Vec<String> {
        let mut lines = Vec::new();
        for step in steps {
            match step {
                Step::Instruction(text) => lines.push(format!("# {}", self.text(text))),
                Step::Run(command) => match command::render(command, self) {
                    Ok(line) => lines.push(line),
                    Err(why) => gaps.push(why),
                },
            }
        }
        lines
    }

    /// The same steps in a sentence.
    pub(super) fn sentence(&self, steps: &[Step], gaps: &mut Vec<String>) -> String {
        if let [Step::Instruction(text)] = steps {
            return self.text(text);
        }
        self.steps(steps, gaps).join("; ")
    }

    /// The value behind a name in braces, as it was observed.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }
}

/// The attribute's value in the row about the component.
fn value_of<'a>(table: &'a Table, attribute: &Attribute, component: &EntityId) -> Option<&'a str> {
    let is_about = |row: &usize| {
        let key = table.entity_key(*row, &attribute.key_columns);
        key.is_some_and(|key| EntityId::of_kind(component.kind(), &key) == *component)
    };
    let row = (0..table.rows).find(is_about)?;
    table.text(row, &attribute.value_column)
}

/// Replaces `{word}` by its value; whatever else stands between braces is left alone.
fn fill(template: &str, mut value_of: impl FnMut(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        match after
            .split_once('}')
            .filter(|(name, _)| is_placeholder(name))
        {
            Some((name, tail)) => {
                filled.push_str(&value_of(name).unwrap_or_else(|| format!("{{{name}}}")));
                rest = tail;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled.push_str(rest);
    filled
}

fn is_placeholder(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
}

#[cfg(test)]
impl Filling {
    pub(super) fn of<const N: usize>(values: [(&str, &str); N]) -> Self {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Self {
            values: values.into_iter().map(owned).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_for_people_are_escaped() {
        assert_eq!(
            Filling::of([("address", "a\u{1b}[2J")]).text("restart {address}"),
            "restart a\\u{1b}[2J"
        );
    }
}
