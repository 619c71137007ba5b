//! Fills names into texts and commands. What comes from the observed system may go into a command only
//! if a shell reads it as one plain word.

use operator_data::{Snapshot, Table};
use operator_model::knowledge::{Attribute, KnowledgeBase};
use operator_model::quantity::escape;
use operator_model::{EntityId, Incident};
use std::collections::BTreeMap;

/// The words for one component.
pub(super) struct Filling {
    values: BTreeMap<String, String>,
}

/// Longest value in a command: a host name has at most 253 characters.
const VALUE_BYTES_MAX: usize = 256;

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

    /// For a shell: a value that is not a plain word leaves its placeholder, and the gap says so.
    pub(super) fn command(&self, template: &str, gaps: &mut Vec<String>) -> String {
        fill(template, |name| match self.values.get(name) {
            Some(value) if is_plain_word(value) => Some(value.clone()),
            Some(value) => {
                let shown = escape(value, 80);
                gaps.push(format!("{{{name}}} is not filled into commands: “{shown}” is not a plain word for a shell"));
                None
            }
            None => {
                gaps.push(format!(
                    "{{{name}}} is not filled into commands: it was not observed"
                ));
                None
            }
        })
    }
}

/// The attribute's value in the row about the component.
fn value_of<'a>(table: &'a Table, attribute: &Attribute, component: &EntityId) -> Option<&'a str> {
    let is_about = |row: &usize| {
        let key = table.scalar(*row, &attribute.entity_column).to_string();
        EntityId::of_kind(component.kind(), &key) == *component
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

/// Letters, digits and what addresses and paths need; no option, no glob, no substitution.
/// Brackets only around an IPv6 address, where a shell finds no file to match.
fn is_plain_word(value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._:/@%+=,-".contains(c);
    let is_ipv6 = value.parse::<std::net::SocketAddrV6>().is_ok();
    !value.is_empty()
        && value.len() <= VALUE_BYTES_MAX
        && !value.starts_with('-')
        && (value.chars().all(plain) || is_ipv6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filling(address: &str) -> Filling {
        Filling {
            values: BTreeMap::from([("address".to_owned(), address.to_owned())]),
        }
    }

    #[test]
    fn a_value_that_a_shell_would_read_as_more_than_a_word_stays_out_of_commands() {
        let hostile = [
            "$(reboot)",
            "a;b",
            "a b",
            "a\nb",
            "`id`",
            "-rf",
            "a|b",
            "*",
            "~x",
            "",
            "“",
            "[a]",
            "a'b",
            "a\\b",
        ];
        for address in hostile {
            let mut gaps = Vec::new();
            assert_eq!(
                filling(address).command("stop {address} now", &mut gaps),
                "stop {address} now",
                "{address}"
            );
            assert_eq!(gaps.len(), 1, "{address}");
        }
    }

    #[test]
    fn plain_addresses_are_filled_in_and_other_braces_are_left_alone() {
        for address in ["10.0.0.7:9000", "node-2.internal:80", "[::1]:9000"] {
            let mut gaps = Vec::new();
            let filled =
                filling(address).command(r#"tool -u {address} -d '{"a": 1}' {x y"#, &mut gaps);
            assert_eq!(
                filled,
                format!(r#"tool -u {address} -d '{{"a": 1}}' {{x y"#)
            );
            assert_eq!(gaps, Vec::<String>::new());
        }
    }

    #[test]
    fn an_unknown_name_stays_and_is_named_as_a_gap() {
        let mut gaps = Vec::new();
        assert_eq!(
            filling("a").command("stop {zone}", &mut gaps),
            "stop {zone}"
        );
        assert_eq!(
            gaps,
            ["{zone} is not filled into commands: it was not observed"]
        );
    }

    #[test]
    fn texts_for_people_are_escaped() {
        assert_eq!(
            filling("a\u{1b}[2J").text("restart {address}"),
            "restart a\\u{1b}[2J"
        );
    }
}
