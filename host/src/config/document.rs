//! A TOML file whose keys are checked against the schema. Values are read by section and key; what
//! is wrong is noted with its line, and reading goes on.

use super::schema::{Expected, Key, keys, kind_name};
use super::{ConfigErrors, Place};
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Names that are further away than this share no more than chance.
const SIMILARITY_MIN: f64 = 0.7;

/// The checked values of a file.
#[derive(Debug, Default)]
pub(super) struct Document {
    /// By section and key.
    values: BTreeMap<(String, String), Entry>,
    /// Sections that are written at the top, and those with a name of the user.
    sections: BTreeMap<String, Place>,
}

#[derive(Debug)]
struct Entry {
    place: Place,
    value: serde_json::Value,
}

impl Document {
    /// Reads a file; what does not fit the schema is in `errors` and nowhere else.
    pub(super) fn read(file_name: &str, text: &str, errors: &mut ConfigErrors) -> Self {
        let (root, wrong) = DeTable::parse_recoverable(text);
        for error in &wrong {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            errors.add(Place::line(file_name, line), error.message());
        }
        let mut walk = Walk {
            file_name,
            text,
            keys: keys(),
            errors,
            document: Self::default(),
        };
        walk.sections(root.get_ref());
        walk.document
    }

    /// A value and its place.
    pub(super) fn value(&self, section: &str, key: &str) -> Option<(&Place, &serde_json::Value)> {
        let entry = self.values.get(&(section.to_owned(), key.to_owned()))?;
        Some((&entry.place, &entry.value))
    }

    /// Everything that is written in a section.
    pub(super) fn entries(
        &self,
        section: &str,
    ) -> impl Iterator<Item = (&str, &Place, &serde_json::Value)> {
        let of_section = self
            .values
            .iter()
            .filter(move |((name, _), _)| name == section);
        of_section.map(|((_, key), entry)| (key.as_str(), &entry.place, &entry.value))
    }

    /// Whether a section is written, and be it empty.
    pub(super) fn has_section(&self, section: &str) -> bool {
        self.section_place(section).is_some()
    }

    /// Where a section is written.
    pub(super) fn section_place(&self, section: &str) -> Option<&Place> {
        self.sections.get(section)
    }

    /// Names under a section such as `targets`, and where they are written.
    pub(super) fn names(&self, parent: &str) -> impl Iterator<Item = (&str, &Place)> {
        let named = self.sections.iter();
        named.filter_map(move |(section, place)| {
            Some((section.strip_prefix(parent)?.strip_prefix('.')?, place))
        })
    }
}

struct Walk<'a> {
    file_name: &'a str,
    text: &'a str,
    keys: Vec<Key>,
    errors: &'a mut ConfigErrors,
    document: Document,
}

impl Walk<'_> {
    fn sections(&mut self, root: &DeTable<'_>) {
        let keys = self.keys.clone();
        let known: BTreeSet<&str> = keys
            .iter()
            .filter_map(|key| key.section.split('.').next())
            .collect();
        for (name, value) in root {
            let place = self.place(name.span().start);
            let section = name.get_ref().as_ref();
            if !known.contains(section) {
                self.unknown(place, "section", section, "", known.iter().copied());
                continue;
            }
            let Some(table) = value.get_ref().as_table() else {
                self.errors
                    .add(place, format!("{section:?} must be a section: [{section}]"));
                continue;
            };
            if self.is_section(section) {
                self.document.sections.insert(section.to_owned(), place);
                self.section(section, section, table);
            } else {
                self.named_sections(section, table);
            }
        }
    }

    /// Sections such as `[targets.NAME]`.
    fn named_sections(&mut self, parent: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let place = self.place(name.span().start);
            let own = name.get_ref().as_ref();
            match value.get_ref().as_table() {
                Some(inner) if is_plain_name(own) => {
                    self.document
                        .sections
                        .insert(format!("{parent}.{own}"), place);
                    self.section(&format!("{parent}.*"), &format!("{parent}.{own}"), inner);
                }
                Some(_) => self.errors.add(place, bad_name(own)),
                None => self.errors.add(
                    place,
                    format!("{own:?} must be a section: [{parent}.{own}]"),
                ),
            }
        }
    }

    /// The keys of `section`, which is written in the schema as `pattern`.
    fn section(&mut self, pattern: &str, section: &str, table: &DeTable<'_>) {
        let keys: Vec<Key> = self
            .keys
            .iter()
            .filter(|key| key.section == pattern)
            .cloned()
            .collect();
        for (name, value) in table {
            let place = self.place(name.span().start);
            let own = name.get_ref().as_ref();
            let inner = format!("{section}.{own}");
            if let Some(table) = value
                .get_ref()
                .as_table()
                .filter(|_| self.is_section(&inner))
            {
                self.section(&inner, &inner, table);
            } else if let Some(table) = value
                .get_ref()
                .as_table()
                .filter(|_| self.is_section(&format!("{inner}.*")))
            {
                self.named_sections(&inner, table);
            } else if let Some(key) = keys.iter().find(|key| key.name == own || key.name == "*") {
                self.value(key, section, own, place, value);
            } else {
                self.unknown(
                    place,
                    "key",
                    own,
                    &format!(" in [{section}]"),
                    keys.iter().map(|key| key.name.as_ref()),
                );
            }
        }
    }

    fn value(
        &mut self,
        key: &Key,
        section: &str,
        own: &str,
        place: Place,
        value: &Spanned<DeValue<'_>>,
    ) {
        if key.name == "*" && !is_plain_name(own) {
            self.errors.add(place, bad_name(own));
        } else if let Some(value) = convert(key.expected, value) {
            self.document
                .values
                .insert((section.to_owned(), own.to_owned()), Entry { place, value });
        } else {
            let (kind, found) = (kind_name(key.expected), found(value.get_ref()));
            self.errors.add(
                place,
                format!("{own:?} in [{section}] must be {kind}, found {found}"),
            );
        }
    }

    fn is_section(&self, section: &str) -> bool {
        self.keys.iter().any(|key| key.section == section)
    }

    fn unknown<'k>(
        &mut self,
        place: Place,
        what: &str,
        name: &str,
        within: &str,
        known: impl Iterator<Item = &'k str> + Clone,
    ) {
        let hint = nearest(name, known.clone())
            .map(|meant| format!("; did you mean {meant:?}?"))
            .unwrap_or_else(|| format!("; known are {}", known.collect::<Vec<_>>().join(", ")));
        self.errors
            .add(place, format!("unknown {what} {name:?}{within}{hint}"));
    }

    fn place(&self, offset: usize) -> Place {
        Place::line(self.file_name, line_of(self.text, offset))
    }
}

/// The known name that looks most like `name`, if any does.
pub(super) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    known
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// Names travel into logs, tickets and metric labels.
pub(super) fn is_plain_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

pub(super) fn bad_name(name: &str) -> String {
    format!("the name {name:?} must be 1 to 63 letters, digits, hyphens, underscores or dots")
}

/// The value as JSON, if it is what is expected.
fn convert(expected: Expected, value: &Spanned<DeValue<'_>>) -> Option<serde_json::Value> {
    let json = to_json(value.get_ref())?;
    let fits = match expected {
        Expected::Text => json.is_string(),
        Expected::Texts => json
            .as_array()
            .is_some_and(|items| items.iter().all(serde_json::Value::is_string)),
        Expected::Flag => json.is_boolean(),
        Expected::Count => json.as_u64().is_some_and(|count| count > 0),
        Expected::TextTable => json
            .as_object()
            .is_some_and(|table| table.values().all(serde_json::Value::is_string)),
        Expected::AnyTable => json.is_object(),
    };
    fits.then_some(json)
}

/// What stands there instead, in a word.
fn found<'a>(value: &'a DeValue<'_>) -> &'a str {
    match value {
        DeValue::Integer(number) => number.as_str(),
        DeValue::Float(number) => number.as_str(),
        other => other.type_str(),
    }
}

/// Dates are passed on as text; floats that JSON cannot hold and wider integers fit nothing.
fn to_json(value: &DeValue<'_>) -> Option<serde_json::Value> {
    Some(match value {
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Datetime(date) => date.to_string().into(),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .ok()?
            .into(),
        DeValue::Float(number) => {
            serde_json::Number::from_f64(number.as_str().parse().ok()?)?.into()
        }
        DeValue::Array(items) => items
            .iter()
            .map(|item| to_json(item.get_ref()))
            .collect::<Option<Vec<_>>>()?
            .into(),
        DeValue::Table(table) => {
            let pairs = table
                .iter()
                .map(|(key, value)| Some((key.get_ref().to_string(), to_json(value.get_ref())?)));
            serde_json::Value::Object(pairs.collect::<Option<_>>()?)
        }
    })
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}
