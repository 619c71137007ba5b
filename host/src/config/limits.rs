//! The limits that a user can set, as the types describe them: for the capability manifest of a
//! plugin and for the reference page.

use super::schema::schema;
use operator_engine::settings::Settings;
use operator_plugin_host::World;
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Sections with limits, in the order of the reference.
const SECTIONS: [&str; 4] = [PLUGIN, CHECK, SUBJECT, TRAFFIC];

const PLUGIN: &str = "plugin_limits";
const CHECK: &str = "plugin_limits.check";
const SUBJECT: &str = "plugin_limits.subject";
const TRAFFIC: &str = "limits";

/// A limit with the value that applies to one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EffectiveLimit {
    /// Section and key in `operator.toml`.
    pub key: String,
    /// The value.
    pub value: String,
    /// Its unit.
    pub unit: String,
    /// What it bounds.
    pub bounds: String,
    /// It bounds what this plugin itself does, not how the operator treats it: worth a line in the
    /// capability manifest.
    #[serde(skip)]
    pub on_sheet: bool,
}

/// The limits that apply to a plugin of this world.
#[must_use]
pub fn limits_in_force(settings: &Settings, world: World) -> Vec<EffectiveLimit> {
    let foreign = if world == World::Subject {
        [CHECK].as_slice()
    } else {
        // Only subjects cause traffic.
        &[SUBJECT, TRAFFIC]
    };
    let limits = limits(settings).into_iter();
    limits
        .filter(|limit| !foreign.contains(&limit.section))
        .map(|limit| EffectiveLimit {
            on_sheet: limit.is_of_calls()
                || limit.section == TRAFFIC && limit.key.contains("per_tick")
                || limit.key == "state_bytes_max",
            key: format!("{}.{}", limit.section, limit.key),
            value: limit.value,
            unit: limit.unit,
            bounds: limit.bounds,
        })
        .collect()
}

/// The limits as a Markdown table, with their defaults.
#[must_use]
pub fn limits_table() -> String {
    let limits = limits(&Settings::new(PathBuf::new()));
    let mut text =
        "| key | default | unit | limits | when it is reached |\n|---|---|---|---|---|\n"
            .to_owned();
    for limit in limits.iter().filter(|limit| limit.section != SUBJECT) {
        let (mut section, mut default) = (limit.section, limit.value.clone());
        if limit.is_of_calls() {
            section = "plugin_limits.…";
            let is_same = |other: &&Limit| other.section == SUBJECT && other.key == limit.key;
            let subject = limits.iter().find(is_same).map(|other| &other.value);
            let other = subject.filter(|value| **value != default);
            default = other.map_or(default.clone(), |value| {
                format!("{default}, subjects {value}")
            });
        }
        let _ = writeln!(
            text,
            "| `[{section}] {}` | {default} | {} | {} | {} |",
            limit.key, limit.unit, limit.bounds, limit.reached
        );
    }
    text
}

struct Limit {
    section: &'static str,
    key: String,
    value: String,
    unit: String,
    bounds: String,
    reached: String,
}

impl Limit {
    /// Its section exists for checks and for subjects.
    fn is_of_calls(&self) -> bool {
        [CHECK, SUBJECT].contains(&self.section)
    }
}

fn limits(settings: &Settings) -> Vec<Limit> {
    let schema = schema();
    let values = json!({ TRAFFIC: settings.limits, PLUGIN: settings.plugin_limits });
    let mut limits = Vec::new();
    for section in SECTIONS {
        let path: Vec<&str> = section.split('.').collect();
        let keys = schema.pointer(&format!(
            "/properties/{}/properties",
            path.join("/properties/")
        ));
        let values = values.pointer(&format!("/{}", path.join("/")));
        for (key, schema) in keys.and_then(Value::as_object).into_iter().flatten() {
            let Some(value) = values
                .and_then(|values| values.get(key))
                .filter(|value| value.is_u64())
            else {
                continue;
            };
            limits.push(Limit {
                section,
                key: key.clone(),
                value: value.to_string(),
                unit: text(schema, "x-unit"),
                bounds: first_sentence(&text(schema, "description")),
                reached: text(schema, "x-when-reached"),
            });
        }
    }
    limits
}

fn text(schema: &Value, key: &str) -> String {
    let text = schema.get(key).and_then(Value::as_str);
    text.unwrap_or_default().replace('\n', " ")
}

/// Doc comments begin with what is limited; reasons follow.
fn first_sentence(description: &str) -> String {
    let first = description.split(". ").next().unwrap_or_default();
    first.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
