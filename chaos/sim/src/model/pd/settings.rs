//! PD's configuration as people change it.

use serde_json::Value;
use std::collections::BTreeMap;

/// What was changed, by dotted key as in `pd-ctl config`, and schedulers that are paused.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    changed: BTreeMap<String, String>,
    paused: BTreeMap<String, u64>,
}

impl Settings {
    /// Changes a value.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.changed.insert(key.to_owned(), value.to_owned());
    }

    /// A number, or what it is by default.
    pub(crate) fn number(&self, key: &str, default: f64) -> f64 {
        self.changed
            .get(key)
            .and_then(|value| value.parse().ok())
            .unwrap_or(default)
    }

    /// A duration as Go writes it (`1h0m0s`) in seconds, or what it is by default.
    pub(crate) fn seconds(&self, key: &str, default: f64) -> f64 {
        self.changed
            .get(key)
            .and_then(|text| seconds(text))
            .unwrap_or(default)
    }

    /// Whether a switch that is off by default is on.
    pub(crate) fn is_on(&self, key: &str) -> bool {
        self.changed.get(key).is_some_and(|value| value == "true")
    }

    /// Pauses a scheduler until then.
    pub(crate) fn pause(&mut self, scheduler: &str, until_ms: u64) {
        self.paused.insert(scheduler.to_owned(), until_ms);
    }

    /// Schedulers that are paused at this moment.
    pub(crate) fn paused(&self, now_ms: u64) -> impl Iterator<Item = &str> {
        self.paused
            .iter()
            .filter(move |(_, until_ms)| **until_ms > now_ms)
            .map(|(name, _)| name.as_str())
    }

    /// Whether a scheduler may act.
    pub(crate) fn may_run(&self, scheduler: &str, now_ms: u64) -> bool {
        !self.is_on("schedule.halt-scheduling")
            && !self.paused(now_ms).any(|paused| paused == scheduler)
    }

    /// Writes the changes into a configuration; each value keeps the type that it had.
    pub(crate) fn patch(&self, config: &mut Value) {
        for (key, value) in &self.changed {
            if OMITTED_WHILE_OFF.contains(&key.as_str()) {
                mention(config, key, value);
                continue;
            }
            let pointer = format!("/{}", key.replace('.', "/"));
            let Some(place) = config.pointer_mut(&pointer) else {
                continue;
            };
            *place = match place {
                Value::Number(_) => value.parse::<f64>().ok().map_or(Value::Null, number),
                Value::Bool(_) => Value::Bool(value == "true"),
                _ => Value::String(value.clone()),
            };
        }
    }
}

/// Switches that PD leaves out of its answers while they are off (`omitempty`).
const OMITTED_WHILE_OFF: [&str; 1] = ["schedule.halt-scheduling"];

fn mention(config: &mut Value, key: &str, value: &str) {
    let Some((section, name)) = key.split_once('.') else {
        return;
    };
    let Some(section) = config.get_mut(section).and_then(Value::as_object_mut) else {
        return;
    };
    if value == "true" {
        section.insert(name.to_owned(), Value::String(value.to_owned()));
    } else {
        section.remove(name);
    }
}

fn seconds(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let (number, behind) =
            rest.split_at(rest.find(|letter: char| letter.is_ascii_alphabetic())?);
        let (unit, next) = behind.split_at(
            behind
                .find(|letter: char| letter.is_ascii_digit())
                .unwrap_or(behind.len()),
        );
        let seconds = [("h", 3_600.0), ("m", 60.0), ("s", 1.0), ("ms", 0.001)];
        total += number.parse::<f64>().ok()? * seconds.iter().find(|(name, _)| *name == unit)?.1;
        rest = next;
    }
    Some(total)
}

fn number(value: f64) -> Value {
    if value.fract().abs() < f64::EPSILON {
        Value::from(crate::model::number::whole(value))
    } else {
        Value::from(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_keeps_the_type_of_what_it_changes() {
        let mut config =
            serde_json::json!({ "schedule": { "leader-schedule-limit": 4, "patrol": "10ms" } });
        let mut settings = Settings::default();
        settings.set("schedule.leader-schedule-limit", "8");
        settings.set("schedule.patrol", "20ms");
        settings.set("schedule.unknown", "1");
        settings.patch(&mut config);
        let expected =
            serde_json::json!({ "schedule": { "leader-schedule-limit": 8, "patrol": "20ms" } });
        assert_eq!(config, expected);
    }

    #[test]
    fn a_halt_is_mentioned_only_while_there_is_one() {
        let mut config = serde_json::json!({ "schedule": {} });
        let mut settings = Settings::default();
        settings.set("schedule.halt-scheduling", "true");
        settings.patch(&mut config);
        assert_eq!(
            config,
            serde_json::json!({ "schedule": { "halt-scheduling": "true" } })
        );
        settings.set("schedule.halt-scheduling", "false");
        settings.patch(&mut config);
        assert_eq!(config, serde_json::json!({ "schedule": {} }));
    }

    #[test]
    fn durations_are_read_as_go_writes_them() {
        assert_eq!(seconds("1h0m10s"), Some(3_610.0));
        assert_eq!(seconds("500ms"), Some(0.5));
        assert_eq!((seconds("1"), seconds("1x")), (None, None));
    }

    #[test]
    fn a_pause_ends_by_itself() {
        let mut settings = Settings::default();
        settings.pause("balance-leader-scheduler", 1_000);
        assert!(!settings.may_run("balance-leader-scheduler", 999));
        assert!(
            settings.may_run("balance-leader-scheduler", 1_000)
                && settings.may_run("evict-slow-store-scheduler", 0)
        );
    }
}
