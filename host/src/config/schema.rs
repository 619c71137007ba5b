//! The known sections and keys of `operator.toml`: what may be written, and what the reference says.

use super::Settings;
use operator_engine::settings::Limits;
use operator_plugin_host::PluginLimits;
use serde_json::Value;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::PathBuf;

/// What a value must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Text,
    Texts,
    Flag,
    /// A whole number above zero.
    Count,
    /// A table of texts, any keys.
    TextTable,
    /// A table of anything, passed on as it is.
    AnyTable,
}

/// One known key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    /// Section as written between brackets; `*` stands for a name that the user chooses.
    pub(super) section: Cow<'static, str>,
    /// Key within the section; `*` when the user chooses it.
    pub(super) name: Cow<'static, str>,
    pub(super) expected: Expected,
    doc: &'static str,
}

const fn key(
    section: &'static str,
    name: &'static str,
    expected: Expected,
    doc: &'static str,
) -> Key {
    Key {
        section: Cow::Borrowed(section),
        name: Cow::Borrowed(name),
        expected,
        doc,
    }
}

use Expected::{AnyTable, Count, Flag, Text, TextTable, Texts};

/// Every key but those of plugin limits, in the order of the reference.
const KEYS: &[Key] = &[
    key(
        "subject",
        "plugin",
        Text,
        "Path of the subject's component. Relative paths begin at this file.",
    ),
    key(
        "subject",
        "config",
        AnyTable,
        "Passed to the subject as a JSON object.",
    ),
    key(
        "targets.*",
        "url",
        Text,
        "http://host:port or https://host:port; the plugin knows only the name.",
    ),
    key(
        "discovery",
        "networks",
        Texts,
        "Networks (CIDR) in which the observed system may name further targets.",
    ),
    key(
        "discovery",
        "ports",
        Text,
        "Ports of such targets, for example \"1024-65535\".",
    ),
    key(
        "discovered.*",
        "targets",
        Text,
        "Names of discovered targets that this rule is for; * stands for any text.",
    ),
    key("discovered.*", "ports", Text, "Instead of discovery.ports."),
    key(
        "prometheus",
        "url",
        Text,
        "A Prometheus that answers PromQL for the subject.",
    ),
    key(
        "invariants",
        "dirs",
        Texts,
        "Directories or files of invariant modules.",
    ),
    key(
        "trust",
        "require",
        Text,
        "What a plugin needs: signature, lock, signature-and-lock or nothing.",
    ),
    key(
        "trust",
        "lock_file",
        Text,
        "Digests of plugins, written by `operator plugin lock`.",
    ),
    key(
        "trust.keys",
        "*",
        Text,
        "Path of a public key, under the name that rules and sheets use.",
    ),
    key(
        "trust.plugins.*",
        "require",
        Text,
        "Instead of the general requirement, for the plugin NAME.wasm.",
    ),
    key(
        "trust.plugins.*",
        "signers",
        Texts,
        "Names of the keys that may sign it; otherwise any known key.",
    ),
    key(
        "data",
        "dir",
        Text,
        "Where the decision log and the tickets are kept.",
    ),
    key(
        "logs",
        "*",
        Text,
        "Path of a log file, under the name by which the plugin knows it.",
    ),
    key(
        "run",
        "tick_interval_ms",
        Count,
        "Time from one tick to the next.",
    ),
    key(
        "run",
        "metrics_listen",
        Text,
        "ADDRESS:PORT at which the operator's own metrics are served; nowhere by default.",
    ),
    key(
        "run",
        "logs_from_start",
        Flag,
        "Read logs from their beginning instead of from now.",
    ),
    key(
        "limits",
        "tick_deadline_ms",
        Count,
        "How long one observation may take.",
    ),
    key(
        "limits",
        "history_ticks",
        Count,
        "Earlier ticks whose tables checks can look back at.",
    ),
    key(
        "limits",
        "requests_per_tick_max",
        Count,
        "Requests in one tick, over all targets.",
    ),
    key(
        "limits",
        "bytes_per_tick_max",
        Count,
        "Bytes of bodies in one tick, over all targets.",
    ),
    key(
        "limits",
        "in_flight_per_target_max",
        Count,
        "Requests in flight to one target.",
    ),
    key(
        "limits",
        "in_flight_max",
        Count,
        "Requests in flight in all.",
    ),
    key(
        "limits",
        "discovered_targets_max",
        Count,
        "Targets that the plugin may add.",
    ),
    key(
        "limits",
        "body_bytes_max",
        Count,
        "Bytes at which a body is cut, unless the target says otherwise.",
    ),
    key(
        "limits",
        "request_ms_max",
        Count,
        "Longest exchange, unless the target says otherwise.",
    ),
    key(
        "limits",
        "requests_per_second_max",
        Count,
        "Requests a second to one origin, unless the target says otherwise.",
    ),
    key(
        "limits",
        "requests_burst_max",
        Count,
        "Requests at once to one origin, unless the target says otherwise.",
    ),
    key(
        "limits",
        "audit_bytes_max",
        Count,
        "Bytes of the audit log of requests, over all its files.",
    ),
    key("limits", "series_max", Count, "Series that are kept."),
    key(
        "limits",
        "samples_per_series_max",
        Count,
        "Samples that are kept of one series.",
    ),
    key(
        "limits",
        "series_unseen_ms_max",
        Count,
        "A series that was not seen for this long is forgotten.",
    ),
];

/// Keys of `[targets.NAME]` and of `[discovered.NAME]`.
const GRANT_KEYS: &[(&str, Expected, &str)] = &[
    ("methods", Texts, "GET, HEAD or both; without it both."),
    (
        "paths",
        Texts,
        "Paths that may be asked for: * within a segment, ** for any rest; without it all.",
    ),
    (
        "networks",
        Texts,
        "Networks (CIDR) in which its addresses must lie.",
    ),
    ("headers", TextTable, "Headers added to every request."),
    (
        "header_files",
        TextTable,
        "Headers added to every request, with files that hold their values.",
    ),
    (
        "allow_headers",
        Texts,
        "Headers that the plugin may set; replaces the default list.",
    ),
    (
        "show_headers",
        Texts,
        "Headers of answers that the plugin may see; replaces the default list.",
    ),
    ("bearer_file", Text, "File with a bearer token."),
    ("basic_file", Text, "File with USER:PASSWORD."),
    (
        "ca_file",
        Text,
        "PEM certificates to trust instead of the system's.",
    ),
    (
        "client_cert_file",
        Text,
        "PEM certificate that the operator shows; needs client_key_file.",
    ),
    (
        "client_key_file",
        Text,
        "PEM private key of that certificate.",
    ),
    (
        "requests_per_second_max",
        Count,
        "Requests a second, in the long run.",
    ),
    ("requests_burst_max", Count, "Requests at once."),
    ("body_bytes_max", Count, "Bytes at which a body is cut."),
    ("request_ms_max", Count, "Longest exchange in milliseconds."),
];

/// Every key, sections together. Those of plugin limits are read off their type, where each is explained.
pub(super) fn keys() -> Vec<Key> {
    let mut keys = Vec::new();
    for (index, one) in KEYS.iter().enumerate() {
        keys.push(one.clone());
        let is_last = KEYS
            .get(index + 1)
            .is_none_or(|next| next.section != one.section);
        if is_last && matches!(one.section.as_ref(), "targets.*" | "discovered.*") {
            let section = &one.section;
            keys.extend(GRANT_KEYS.iter().map(|(name, expected, doc)| Key {
                section: section.clone(),
                name: Cow::Borrowed(name),
                expected: *expected,
                doc,
            }));
        }
    }
    for (section, limits) in plugin_limit_sections(&PluginLimits::default()) {
        let numbers = limits.iter().filter(|(_, value)| value.is_number());
        keys.extend(numbers.map(|(name, _)| Key {
            section: section.into(),
            name: name.clone().into(),
            expected: Count,
            doc: "",
        }));
    }
    keys
}

/// The sections of plugin limits with their values.
fn plugin_limit_sections(
    limits: &PluginLimits,
) -> Vec<(&'static str, serde_json::Map<String, Value>)> {
    let all = serde_json::to_value(limits).unwrap_or_default();
    let section = |pointer: &str| {
        all.pointer(pointer)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    };
    vec![
        ("plugin_limits", section("")),
        ("plugin_limits.check", section("/check")),
        ("plugin_limits.subject", section("/subject")),
    ]
}

/// Every section and key with its default, as text for the documentation.
#[must_use]
pub fn reference() -> String {
    let mut text = String::new();
    let mut section = String::new();
    for key in keys() {
        if key.section != section {
            section = key.section.clone().into_owned();
            let space = if text.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{space}[{}]", section.replace('*', "NAME"));
        }
        if !key.doc.is_empty() {
            let _ = writeln!(text, "# {}", key.doc);
        }
        let name = if key.name == "*" { "NAME" } else { &key.name };
        let value = default_of(&key).unwrap_or_else(|| format!("({})", kind_name(key.expected)));
        let _ = writeln!(text, "{name} = {value}");
    }
    text
}

/// What the kind of a value is called in messages.
pub(super) fn kind_name(expected: Expected) -> &'static str {
    match expected {
        Text => "a text",
        Texts => "a list of texts",
        Flag => "true or false",
        Count => "a whole number above zero",
        TextTable => "a table of texts",
        AnyTable => "a table",
    }
}

fn default_of(key: &Key) -> Option<String> {
    value_of(&Settings::new(PathBuf::new()), &key.section, &key.name)
}

/// A value as the reference shows it, for keys that have one.
pub(super) fn value_of(settings: &Settings, section: &str, name: &str) -> Option<String> {
    let Limits {
        tick_deadline_ms,
        history_ticks,
        egress,
        series,
    } = &settings.limits;
    Some(match (section, name) {
        ("discovery", "networks") => "[] # around the granted targets".to_owned(),
        ("discovery", "ports") => {
            format!(
                "\"{}-{}\"",
                settings.discovery.ports.start(),
                settings.discovery.ports.end()
            )
        }
        ("trust", "require") => "\"signature\"".to_owned(),
        ("invariants", "dirs") => "[]".to_owned(),
        ("data", "dir") => format!("\"{}\"", settings.data.display()),
        ("run", "tick_interval_ms") => settings.tick_interval_ms.to_string(),
        ("run", "logs_from_start") => settings.logs_from_start.to_string(),
        ("limits", "tick_deadline_ms") => tick_deadline_ms.to_string(),
        ("limits", "history_ticks") => history_ticks.to_string(),
        ("limits", "requests_per_tick_max") => egress.requests_per_tick_max.to_string(),
        ("limits", "bytes_per_tick_max") => egress.bytes_per_tick_max.to_string(),
        ("limits", "in_flight_per_target_max") => egress.in_flight_per_target_max.to_string(),
        ("limits", "in_flight_max") => egress.in_flight_max.to_string(),
        ("limits", "discovered_targets_max") => egress.discovered_max.to_string(),
        ("limits", "body_bytes_max") => egress.body_bytes_max.to_string(),
        ("limits", "request_ms_max") => egress.request_ms_max.to_string(),
        ("limits", "requests_per_second_max") => egress.rate.requests_per_second_max.to_string(),
        ("limits", "requests_burst_max") => egress.rate.requests_burst_max.to_string(),
        ("limits", "audit_bytes_max") => egress.audit_bytes_max.to_string(),
        ("limits", "series_max") => series.series_max.to_string(),
        ("limits", "samples_per_series_max") => series.samples_per_series_max.to_string(),
        ("limits", "series_unseen_ms_max") => series.unseen_ms_max.to_string(),
        (section, name) => {
            let sections = plugin_limit_sections(&settings.plugin_limits);
            let (_, limits) = sections.iter().find(|(known, _)| *known == section)?;
            limits.get(name)?.to_string()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_and_every_section_stands_in_the_reference_with_its_default() {
        let text = reference();
        for key in keys().iter().filter(|key| key.section.contains("limits")) {
            assert!(default_of(key).is_some(), "{} has no default", key.name);
        }
        for line in [
            "[targets.NAME]",
            "ports = \"1024-65535\"",
            "series_max = 200000",
            "[plugin_limits.check]",
            "dir = \"operator-data\"",
        ] {
            assert!(text.contains(line), "{line} is missing in\n{text}");
        }
    }
}
