//! The settings of the plugin: the JSON object that `configure` takes. One error lists all
//! mistakes.

use std::collections::BTreeMap;

use operator_plugin::PluginError;
use serde_json::{Map, Value};

/// The validated configuration.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Configuration {
    /// Granted targets that are PD members although their names do not start with `pd`.
    pub(crate) pd_targets: Vec<String>,
    /// Poll periods of the requests, in milliseconds of observed time.
    pub(crate) poll_ms: Periods,
    /// Regions per page of the region scan; PD caps it at 10,240.
    pub(crate) page_regions: u64,
    /// Regions in each list of the busiest regions.
    pub(crate) top_regions: u64,
    /// Timeout of a request to PD.
    pub(crate) request_timeout_ms: u64,
    /// Timeout of a liveness probe.
    pub(crate) probe_timeout_ms: u64,
    /// Lines read from each log source per tick.
    pub(crate) log_lines: u64,
    /// Which node writes which log source.
    pub(crate) logs: BTreeMap<String, LogOwner>,
}

/// The node that writes a log source.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LogOwner {
    /// A store's id.
    pub(crate) store: Option<String>,
    /// A PD member's name.
    pub(crate) member: Option<String>,
}

/// Poll periods in milliseconds of observed time; 0 means every tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Periods {
    pub(crate) members: u64,
    pub(crate) stores: u64,
    pub(crate) probes: u64,
    /// `/health` waits up to 3 s for each hung member, so it is not polled every tick.
    pub(crate) health: u64,
    /// Each member's own view of the leader.
    pub(crate) member_views: u64,
    pub(crate) hot: u64,
    pub(crate) operators: u64,
    pub(crate) abnormal: u64,
    pub(crate) schedulers: u64,
    pub(crate) region_count: u64,
    /// Makes PD scan all regions.
    pub(crate) flow: u64,
    pub(crate) settings: u64,
    /// Makes PD scan all regions.
    pub(crate) range_holes: u64,
    /// Time between the starts of two scans of all regions.
    pub(crate) walk: u64,
    /// The scrape interval that TiKV's own Prometheus setup uses.
    pub(crate) scrape: u64,
    /// The configured and advertised addresses, which only change with the deployment.
    pub(crate) addresses: u64,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            pd_targets: Vec::new(),
            poll_ms: Periods::default(),
            page_regions: 256,
            top_regions: 16,
            request_timeout_ms: 2_000,
            probe_timeout_ms: 1_500,
            log_lines: 2_000,
            logs: BTreeMap::new(),
        }
    }
}

impl Default for Periods {
    fn default() -> Self {
        Self {
            members: 0,
            stores: 0,
            probes: 0,
            health: 5_000,
            member_views: 15_000,
            hot: 5_000,
            operators: 5_000,
            abnormal: 5_000,
            schedulers: 15_000,
            region_count: 15_000,
            flow: 15_000,
            settings: 60_000,
            range_holes: 60_000,
            walk: 30_000,
            scrape: 15_000,
            addresses: 60_000,
        }
    }
}

/// Parses the configuration.
///
/// # Errors
/// [`PluginError::InvalidConfig`] lists every unknown key and every invalid value.
pub(crate) fn read(text: &str) -> Result<Configuration, PluginError> {
    if text.trim().is_empty() {
        return Ok(Configuration::default());
    }
    let invalid = |why: String| PluginError::InvalidConfig(why);
    let value: Value =
        serde_json::from_str(text).map_err(|error| invalid(format!("invalid JSON: {error}")))?;
    let mut wrong = Vec::new();
    let configuration = match value {
        Value::Null => Configuration::default(),
        Value::Object(object) => take(&object, &mut wrong),
        other => return Err(invalid(format!("expected an object, got {other}"))),
    };
    if wrong.is_empty() {
        Ok(configuration)
    } else {
        Err(invalid(wrong.join("; ")))
    }
}

fn take(object: &Map<String, Value>, wrong: &mut Vec<String>) -> Configuration {
    let mut read = Configuration::default();
    for (key, value) in object {
        match key.as_str() {
            "pd_targets" => read.pd_targets = texts(key, value, wrong),
            "poll_ms" => read.poll_ms = periods(value, wrong),
            "page_regions" => number(key, value, 1..=10_240, &mut read.page_regions, wrong),
            "top_regions" => number(key, value, 1..=256, &mut read.top_regions, wrong),
            "request_timeout_ms" => {
                number(key, value, 50..=60_000, &mut read.request_timeout_ms, wrong)
            }
            "probe_timeout_ms" => {
                number(key, value, 50..=60_000, &mut read.probe_timeout_ms, wrong)
            }
            "log_lines" => number(key, value, 1..=100_000, &mut read.log_lines, wrong),
            "logs" => read.logs = owners(value, wrong),
            _ => wrong.push(format!("unknown key {key:?}")),
        }
    }
    read
}

fn periods(value: &Value, wrong: &mut Vec<String>) -> Periods {
    let mut read = Periods::default();
    let Some(object) = value.as_object() else {
        wrong.push("poll_ms: expected an object".to_owned());
        return read;
    };
    for (key, value) in object {
        let slot = match key.as_str() {
            "members" => &mut read.members,
            "stores" => &mut read.stores,
            "probes" => &mut read.probes,
            "health" => &mut read.health,
            "member_views" => &mut read.member_views,
            "hot" => &mut read.hot,
            "operators" => &mut read.operators,
            "abnormal" => &mut read.abnormal,
            "schedulers" => &mut read.schedulers,
            "region_count" => &mut read.region_count,
            "flow" => &mut read.flow,
            "settings" => &mut read.settings,
            "range_holes" => &mut read.range_holes,
            "walk" => &mut read.walk,
            "scrape" => &mut read.scrape,
            "addresses" => &mut read.addresses,
            _ => {
                wrong.push(format!("unknown key {:?}", format!("poll_ms.{key}")));
                continue;
            }
        };
        number(
            &format!("poll_ms.{key}"),
            value,
            0..=86_400_000,
            slot,
            wrong,
        );
    }
    read
}

fn owners(value: &Value, wrong: &mut Vec<String>) -> BTreeMap<String, LogOwner> {
    let mut read = BTreeMap::new();
    let Some(object) = value.as_object() else {
        wrong.push("logs: expected an object of log sources".to_owned());
        return read;
    };
    for (source, value) in object {
        let mut owner = LogOwner::default();
        for (key, value) in value.as_object().into_iter().flatten() {
            match (key.as_str(), crate::shapes::plain(value)) {
                ("store", Some(store)) => owner.store = Some(store),
                ("member", Some(member)) => owner.member = Some(member),
                _ => wrong.push(format!(
                    "logs.{source}: expected \"store\" or \"member\", got {key:?}"
                )),
            }
        }
        if !value.is_object() {
            wrong.push(format!(
                "logs.{source}: expected an object with \"store\" or \"member\""
            ));
        }
        read.insert(source.clone(), owner);
    }
    read
}

fn texts(key: &str, value: &Value, wrong: &mut Vec<String>) -> Vec<String> {
    let read = value.as_array().and_then(|items| {
        items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect()
    });
    read.unwrap_or_else(|| {
        wrong.push(format!("{key}: expected a list of names"));
        Vec::new()
    })
}

fn number(
    key: &str,
    value: &Value,
    range: std::ops::RangeInclusive<u64>,
    slot: &mut u64,
    wrong: &mut Vec<String>,
) {
    match value.as_u64().filter(|number| range.contains(number)) {
        Some(number) => *slot = number,
        None => wrong.push(format!(
            "{key}: expected an integer from {} to {}",
            range.start(),
            range.end()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_configuration_means_the_defaults() {
        for text in ["", " ", "{}", "null"] {
            assert_eq!(read(text), Ok(Configuration::default()), "{text:?}");
        }
    }

    #[test]
    fn settings_replace_defaults() {
        let read = read(
            r#"{"poll_ms":{"flow":5000},"logs":{"tikv-0":{"store":4}},"pd_targets":["placement"]}"#,
        )
        .unwrap();
        assert_eq!(
            (read.poll_ms.flow, read.poll_ms.hot),
            (5_000, Periods::default().hot)
        );
        assert_eq!(read.logs["tikv-0"].store.as_deref(), Some("4"));
        assert_eq!(read.pd_targets, ["placement"]);
    }

    #[test]
    fn one_error_lists_every_mistake() {
        let text = r#"{"colour":1,"poll_ms":{"flows":1,"hot":-1},"page_regions":0,"logs":{"a":{"node":"x"}}}"#;
        let Err(PluginError::InvalidConfig(why)) = read(text) else {
            panic!("accepted")
        };
        for part in [
            "\"colour\"",
            "poll_ms.flows",
            "poll_ms.hot",
            "page_regions",
            "logs.a",
        ] {
            assert!(why.contains(part), "{part} is not in {why}");
        }
    }

    #[test]
    fn anything_but_an_object_is_rejected() {
        for text in ["[1]", "{", "7"] {
            assert!(
                matches!(read(text), Err(PluginError::InvalidConfig(_))),
                "{text}"
            );
        }
    }
}
