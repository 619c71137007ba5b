//! The table of limits: every bound that a user can set, with its unit, what it bounds, what happens
//! when it is reached, and the test that reaches it. The documentation shows it, the permission sheet
//! shows what is in force, and tests hold all of them to the code.

mod rows;

use super::Settings;
use super::schema::value_of;
use operator_plugin_host::World;
use rows::ROWS;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;

/// One bound. Bounds of calls stand in two sections, `[plugin_limits.check]` and
/// `[plugin_limits.subject]`; their section here is [`CALL`].
#[derive(Debug, Clone, Copy)]
struct Row {
    section: &'static str,
    key: &'static str,
    unit: &'static str,
    bounds: &'static str,
    reached: &'static str,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "a test looks for the test of this name")
    )]
    test: &'static str,
}

/// The section of bounds of one call.
const CALL: &str = "plugin_limits.check|subject";

/// A bound with the value that holds for one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InForce {
    /// Section and key in `operator.toml`.
    pub key: String,
    /// The value.
    pub value: String,
    /// Of what.
    pub unit: &'static str,
    /// What it bounds.
    pub bounds: &'static str,
    /// It bounds what this plugin itself does, and not how the operator treats it: worth a line.
    #[serde(skip)]
    pub on_sheet: bool,
}

/// The bounds that hold for a plugin of this world, in the order of the table.
#[must_use]
pub fn limits_in_force(settings: &Settings, world: World) -> Vec<InForce> {
    let is_subject = world.base() == World::Subject;
    let own = if is_subject {
        "plugin_limits.subject"
    } else {
        "plugin_limits.check"
    };
    let in_force = ROWS.iter().filter_map(|row| {
        let section = if row.section == CALL {
            own
        } else {
            row.section
        };
        // Only subjects cause traffic.
        let is_traffic = section == "limits";
        (is_subject || !is_traffic).then_some(())?;
        Some(InForce {
            key: format!("{section}.{}", row.key),
            value: value_of(settings, section, row.key)?,
            unit: row.unit,
            bounds: row.bounds,
            on_sheet: row.section == CALL
                || is_traffic && row.key.contains("per_tick")
                || row.key == "state_bytes_max",
        })
    });
    in_force.collect()
}

/// The table as Markdown, with the defaults.
#[must_use]
pub fn limits_table() -> String {
    let settings = Settings::new(PathBuf::new());
    let value = |section: &str, key: &str| value_of(&settings, section, key).unwrap_or_default();
    let mut text =
        "| key | default | unit | bounds | when it is reached |\n|---|---|---|---|---|\n"
            .to_owned();
    for Row {
        section,
        key,
        unit,
        bounds,
        reached,
        ..
    } in ROWS
    {
        let default = if *section == CALL {
            format!(
                "{}, subjects {}",
                value("plugin_limits.check", key),
                value("plugin_limits.subject", key)
            )
        } else {
            value(section, key)
        };
        let _ = writeln!(
            text,
            "| `[{section}] {key}` | {default} | {unit} | {bounds} | {reached} |"
        );
    }
    text.replace("check|subject", "…")
}

#[cfg(test)]
mod tests;
