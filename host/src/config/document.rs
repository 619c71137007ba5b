//! A TOML file, checked against the JSON Schema. What does not fit is reported with its line and left
//! out, so that all errors are found in one pass and the rest always fits the types.

use super::notation::check_format;
use super::{ConfigErrors, Location};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

/// Names that are less alike than this resemble each other by chance.
const SIMILARITY_MIN: f64 = 0.7;

/// A file without everything that is wrong with it.
#[derive(Debug)]
pub(super) struct Document {
    /// The values that fit the schema.
    pub(super) json: Value,
    /// Where keys and sections are written, by dotted path.
    locations: BTreeMap<String, Location>,
}

impl Document {
    /// Reads a file. What does not fit the schema is added to `errors`.
    pub(super) fn read(
        file_name: &str,
        text: &str,
        schema: &Value,
        errors: &mut ConfigErrors,
    ) -> Self {
        let (root, syntax_errors) = DeTable::parse_recoverable(text);
        let mut walk = Walk {
            file_name,
            text,
            errors,
            locations: BTreeMap::new(),
        };
        for error in &syntax_errors {
            let location = walk.location(error.span().map_or(0, |span| span.start));
            walk.errors.add(location, error.message());
        }
        let json = Value::Object(walk.table("", schema, root.get_ref()));
        Self {
            json,
            locations: walk.locations,
        }
    }

    /// Where the key or section with this dotted path is written.
    pub(super) fn location(&self, path: &str) -> Location {
        let known = self.locations.get(path).cloned();
        known.unwrap_or_else(|| Location::from(path))
    }
}

struct Walk<'a> {
    file_name: &'a str,
    text: &'a str,
    errors: &'a mut ConfigErrors,
    locations: BTreeMap<String, Location>,
}

/// What is being read, for messages.
struct Slot<'a> {
    /// The section, empty at the top.
    section: &'a str,
    key: &'a str,
    location: Location,
}

impl Slot<'_> {
    fn path(&self) -> String {
        if self.section.is_empty() {
            self.key.to_owned()
        } else {
            format!("{}.{}", self.section, self.key)
        }
    }
}

impl Walk<'_> {
    fn table(&mut self, section: &str, schema: &Value, table: &DeTable<'_>) -> Map<String, Value> {
        let mut checked = Map::new();
        for (name, value) in table {
            let slot = Slot {
                section,
                key: name.get_ref(),
                location: self.location(name.span().start),
            };
            let Some(schema) = self.schema_of(&slot, schema) else {
                continue;
            };
            self.locations.insert(slot.path(), slot.location.clone());
            if let Some(value) = self.value(&slot, schema, value) {
                checked.insert(slot.key.to_owned(), value);
            }
        }
        checked
    }

    /// The schema of a key, if the key may be written here.
    fn schema_of<'s>(&mut self, slot: &Slot<'_>, section: &'s Value) -> Option<&'s Value> {
        let properties = section.get("properties").and_then(Value::as_object);
        if let Some(schema) = properties.and_then(|properties| properties.get(slot.key)) {
            return Some(schema);
        }
        if let Some(schema @ Value::Object(_)) = section.get("additionalProperties") {
            let format = section
                .pointer("/propertyNames/format")
                .and_then(Value::as_str);
            let checked = check_format(format.unwrap_or_default(), slot.key);
            return match checked {
                Ok(()) => Some(schema),
                Err(why) => self.reject(&slot.location, why),
            };
        }
        let known = properties.into_iter().flat_map(Map::keys);
        let hint = nearest(slot.key, known.map(String::as_str));
        let message = if slot.section.is_empty() {
            format!("unknown section {:?}; {hint}", slot.key)
        } else {
            format!("unknown key {:?} in [{}]; {hint}", slot.key, slot.section)
        };
        self.reject(&slot.location, message)
    }

    fn value(
        &mut self,
        slot: &Slot<'_>,
        schema: &Value,
        value: &Spanned<DeValue<'_>>,
    ) -> Option<Value> {
        let kind = schema.get("type").and_then(Value::as_str);
        match (kind.unwrap_or_default(), value.get_ref()) {
            ("string", DeValue::String(text)) => self.string(slot, schema, text),
            ("boolean", DeValue::Boolean(flag)) => Some((*flag).into()),
            ("integer", DeValue::Integer(number)) => self.integer(slot, schema, number),
            ("array", DeValue::Array(items)) => {
                let schema = schema.get("items")?;
                let mut checked = Vec::new();
                for item in items {
                    let slot = Slot {
                        location: self.location(item.span().start),
                        ..*slot
                    };
                    checked.extend(self.value(&slot, schema, item));
                }
                Some(checked.into())
            }
            ("object", DeValue::Table(table)) => self.section(slot, schema, value, table),
            (kind, found) => self.reject_kind(slot, kind, found),
        }
    }

    fn string(&mut self, slot: &Slot<'_>, schema: &Value, text: &str) -> Option<Value> {
        let format = schema.get("format").and_then(Value::as_str);
        match check_format(format.unwrap_or_default(), text) {
            Ok(()) => Some(text.into()),
            Err(why) => self.reject(&slot.location, why),
        }
    }

    fn integer(
        &mut self,
        slot: &Slot<'_>,
        schema: &Value,
        number: &DeInteger<'_>,
    ) -> Option<Value> {
        let max = schema.get("maximum").and_then(Value::as_i64);
        let max = max.unwrap_or(i64::MAX);
        match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(value) if (1..=max).contains(&value) => Some(value.into()),
            Ok(value) if value < 1 => {
                self.reject_kind(slot, "integer", &DeValue::Integer(number.clone()))
            }
            _ => {
                let (key, section) = (slot.key, slot.section);
                let message = format!("{key:?} in [{section}] is too large; the maximum is {max}");
                self.reject(&slot.location, message)
            }
        }
    }

    fn section(
        &mut self,
        slot: &Slot<'_>,
        schema: &Value,
        value: &Spanned<DeValue<'_>>,
        table: &DeTable<'_>,
    ) -> Option<Value> {
        let path = slot.path();
        if schema.get("additionalProperties") == Some(&Value::Bool(true)) {
            return to_json(value.get_ref())
                .or_else(|| self.reject(&slot.location, format!("[{path}] does not fit JSON")));
        }
        let checked = self.table(&path, schema, table);
        let required = schema.get("required").and_then(Value::as_array);
        let mut is_complete = true;
        for key in required.into_iter().flatten().filter_map(Value::as_str) {
            is_complete &= checked.contains_key(key);
            if !table.contains_key(key) {
                self.errors
                    .add(slot.location.clone(), format!("[{path}] has no {key}"));
            }
        }
        is_complete.then(|| checked.into())
    }

    fn reject_kind<T>(&mut self, slot: &Slot<'_>, kind: &str, found: &DeValue<'_>) -> Option<T> {
        let kind = match kind {
            "string" => "a string",
            "boolean" => "true or false",
            "integer" => "an integer greater than zero",
            "array" => "a list",
            _ => "a table",
        };
        let found = match found {
            DeValue::Integer(number) => number.as_str(),
            DeValue::Float(number) => number.as_str(),
            other => other.type_str(),
        };
        let within = if slot.section.is_empty() {
            String::new()
        } else {
            format!(" in [{}]", slot.section)
        };
        let message = format!("{:?}{within} must be {kind}, found {found}", slot.key);
        self.reject(&slot.location, message)
    }

    fn reject<T>(&mut self, location: &Location, message: String) -> Option<T> {
        self.errors.add(location.clone(), message);
        None
    }

    fn location(&self, offset: usize) -> Location {
        let before = self.text.bytes().take(offset);
        let line_feeds = before.filter(|byte| *byte == b'\n').count();
        Location::line(self.file_name, 1 + line_feeds)
    }
}

/// A hint: the known name that is most like `name`, or all known ones if none is like it.
pub(super) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str> + Clone) -> String {
    let similar = known
        .clone()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    match similar {
        Some((_, meant)) => format!("did you mean {meant:?}?"),
        None => format!("expected one of {}", known.collect::<Vec<_>>().join(", ")),
    }
}

/// Dates become strings; floats that JSON cannot hold and integers beyond 64 bits fit nothing.
fn to_json(value: &DeValue<'_>) -> Option<Value> {
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
            Value::Object(pairs.collect::<Option<_>>()?)
        }
    })
}
