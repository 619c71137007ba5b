//! From the checked document and the command line to [`Settings`].

mod trust;

use super::document::{Document, bad_name, is_plain_name};
use super::{CliOverrides, ConfigErrors, Place, Settings, TargetSettings};
use crate::egress::{Network, Origin, can_be_allowed};
use crate::plugin::PluginLimits;
use serde_json::Value;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Settings from a file's text and the command line; the latter wins.
pub(super) fn settings(file: Option<&Path>, text: &str, cli: CliOverrides) -> Result<Settings, ConfigErrors> {
    let mut errors = ConfigErrors::default();
    let file_name = file.map_or_else(|| "configuration".to_owned(), |path| path.display().to_string());
    let document = Document::read(&file_name, text, &mut errors);
    let folder = file.and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
    let mut reader = Reader { document, folder, errors };
    let mut settings = Settings::new(PathBuf::new());
    reader.read_file(&mut settings);
    reader.read_command_line(&mut settings, cli);
    if settings.plugin.as_os_str().is_empty() {
        reader.errors.add(file_name.as_str(), "no subject: set plugin in [subject], or give --plugin");
    }
    reader.errors.or(settings)
}

struct Reader {
    document: Document,
    /// Relative paths of the file begin here.
    folder: PathBuf,
    errors: ConfigErrors,
}

impl Reader {
    fn read_file(&mut self, settings: &mut Settings) {
        self.path("subject", "plugin", &mut settings.plugin);
        if let Some((_, config)) = self.document.value("subject", "config") {
            settings.plugin_config = config.clone();
        }
        self.targets(settings);
        self.discovery(settings);
        settings.prometheus = self.parsed("prometheus", "url", Origin::from_str);
        settings.invariants = self.texts("invariants", "dirs").iter().map(|dir| self.folder.join(dir)).collect();
        self.path("data", "dir", &mut settings.data);
        let logs = self.document.entries("logs");
        settings.logs =
            logs.filter_map(|(name, _, path)| Some((name.to_owned(), self.folder.join(path.as_str()?)))).collect();
        self.count("run", "tick_interval_ms", &mut settings.tick_interval_ms);
        settings.logs_from_start =
            self.document.value("run", "logs_from_start").and_then(|(_, flag)| flag.as_bool()).unwrap_or_default();
        self.limits(settings);
        self.plugin_limits(settings);
        settings.trust = self.trust();
    }

    /// Each limit on its own, so that each that does not fit is named.
    fn plugin_limits(&mut self, settings: &mut Settings) {
        for (section, pointer) in
            [("plugin_limits", ""), ("plugin_limits.check", "/check"), ("plugin_limits.subject", "/subject")]
        {
            for (key, place, value) in self.document.entries(section) {
                match with_limit(&settings.plugin_limits, pointer, key, value) {
                    Some(limits) => settings.plugin_limits = limits,
                    None => self.errors.add(place.clone(), format!("{key:?} in [{section}] is too large")),
                }
            }
        }
    }

    fn targets(&mut self, settings: &mut Settings) {
        let names: Vec<(String, Place)> =
            self.document.names("targets").map(|(name, place)| (name.to_owned(), place.clone())).collect();
        for (name, place) in names {
            let section = format!("targets.{name}");
            if self.document.value(&section, "url").is_none() {
                self.errors.add(place, format!("[{section}] has no url"));
                continue;
            }
            let Some(origin) = self.parsed(&section, "url", Origin::from_str) else { continue };
            let target = self.target(&section, origin);
            settings.targets.insert(name, target);
        }
    }

    fn target(&mut self, section: &str, origin: Origin) -> TargetSettings {
        let mut target = TargetSettings::new(origin);
        if let Some((place, Value::Object(headers))) = self.document.value(section, "headers") {
            let place = place.clone();
            let headers: Vec<(String, String)> = headers
                .iter()
                .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str().unwrap_or_default().to_owned()))
                .collect();
            self.check_headers(&place, headers.iter().map(|(name, _)| name.as_str()));
            target.headers = headers;
        }
        if let Some((place, _)) = self.document.value(section, "allow_headers") {
            let place = place.clone();
            let allowed = self.texts(section, "allow_headers");
            self.check_headers(&place, allowed.iter().map(String::as_str));
            target.headers_allowed = Some(allowed);
        }
        let optional_path = |key| {
            let (_, path) = self.document.value(section, key)?;
            Some(self.folder.join(path.as_str()?))
        };
        target.bearer_file = optional_path("bearer_file");
        target.ca_file = optional_path("ca_file");
        let count = |key| self.document.value(section, key).and_then(|(_, count)| count.as_u64());
        target.body_bytes_max = count("body_bytes_max").and_then(|bytes| bytes.try_into().ok());
        target.request_ms_max = count("request_ms_max");
        target
    }

    fn check_headers<'h>(&mut self, place: &Place, names: impl Iterator<Item = &'h str>) {
        for name in names.filter(|name| !can_be_allowed(name)) {
            self.errors.add(place.clone(), format!("the header {name:?} cannot be granted"));
        }
    }

    fn discovery(&mut self, settings: &mut Settings) {
        if let Some(ports) = self.parsed("discovery", "ports", port_range) {
            settings.discovery.ports = ports;
        }
        let Some((place, _)) = self.document.value("discovery", "networks") else { return };
        let place = place.clone();
        for network in self.texts("discovery", "networks") {
            match network.parse::<Network>() {
                Ok(network) => settings.discovery.networks.push(network),
                Err(why) => self.errors.add(place.clone(), why),
            }
        }
    }

    fn limits(&mut self, settings: &mut Settings) {
        let limits = &mut settings.limits;
        self.count("limits", "tick_deadline_ms", &mut limits.tick_deadline_ms);
        self.count("limits", "history_ticks", &mut limits.history_ticks);
        self.count("limits", "requests_per_tick_max", &mut limits.egress.requests_per_tick_max);
        self.count("limits", "bytes_per_tick_max", &mut limits.egress.bytes_per_tick_max);
        self.count("limits", "in_flight_per_target_max", &mut limits.egress.in_flight_per_target_max);
        self.count("limits", "in_flight_max", &mut limits.egress.in_flight_max);
        self.count("limits", "discovered_targets_max", &mut limits.egress.discovered_max);
        self.count("limits", "body_bytes_max", &mut limits.egress.body_bytes_max);
        self.count("limits", "request_ms_max", &mut limits.egress.request_ms_max);
        self.count("limits", "series_max", &mut limits.series.series_max);
        self.count("limits", "samples_per_series_max", &mut limits.series.samples_per_series_max);
        self.count("limits", "series_unseen_ms_max", &mut limits.series.unseen_ms_max);
    }

    fn read_command_line(&mut self, settings: &mut Settings, cli: CliOverrides) {
        if let Some(plugin) = cli.plugin {
            settings.plugin = plugin;
        }
        for text in &cli.targets {
            match named(text).and_then(|(name, url)| Ok((name, url.parse::<Origin>()?))) {
                Ok((name, origin)) => drop(settings.targets.insert(name, TargetSettings::new(origin))),
                Err(why) => self.errors.add("--target", why),
            }
        }
        for text in &cli.logs {
            match named(text) {
                Ok((name, path)) => drop(settings.logs.insert(name, PathBuf::from(path))),
                Err(why) => self.errors.add("--log", why),
            }
        }
        match cli.prometheus.map(|url| url.parse::<Origin>()) {
            Some(Ok(origin)) => settings.prometheus = Some(origin),
            Some(Err(why)) => self.errors.add("--prometheus", why),
            None => {}
        }
        if !cli.invariants.is_empty() {
            settings.invariants = cli.invariants;
        }
        settings.data = cli.data.unwrap_or_else(|| std::mem::take(&mut settings.data));
        match cli.tick_interval_ms {
            Some(0) => self.errors.add("--tick-interval-ms", "must be above zero"),
            Some(interval_ms) => settings.tick_interval_ms = interval_ms,
            None => {}
        }
    }

    fn path(&self, section: &str, key: &str, path: &mut PathBuf) {
        if let Some(text) = self.document.value(section, key).and_then(|(_, text)| text.as_str()) {
            *path = self.folder.join(text);
        }
    }

    fn texts(&self, section: &str, key: &str) -> Vec<String> {
        let items = self.document.value(section, key).and_then(|(_, items)| items.as_array());
        items.into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    fn parsed<T>(&mut self, section: &str, key: &str, parse: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let (place, value) = self.document.value(section, key)?;
        match parse(value.as_str()?) {
            Ok(parsed) => Some(parsed),
            Err(why) => {
                let place = place.clone();
                self.errors.add(place, why);
                None
            }
        }
    }

    fn count<T: TryFrom<u64>>(&mut self, section: &str, key: &str, target: &mut T) {
        let Some((place, value)) = self.document.value(section, key) else { return };
        match value.as_u64().and_then(|count| T::try_from(count).ok()) {
            Some(count) => *target = count,
            None => {
                let place = place.clone();
                self.errors.add(place, format!("{key:?} in [{section}] is too large"));
            }
        }
    }
}

/// The limits with one of them replaced, if it fits.
fn with_limit(limits: &PluginLimits, pointer: &str, key: &str, value: &Value) -> Option<PluginLimits> {
    let mut all = serde_json::to_value(limits).ok()?;
    all.pointer_mut(pointer)?.as_object_mut()?.insert(key.to_owned(), value.clone());
    serde_json::from_value(all).ok()
}

/// `NAME=VALUE` of a flag.
fn named(text: &str) -> Result<(String, &str), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not NAME=VALUE"))?;
    if !is_plain_name(name) {
        return Err(bad_name(name));
    }
    if value.is_empty() {
        return Err(format!("{text:?} has nothing behind the ="));
    }
    Ok((name.to_owned(), value))
}

/// `FIRST-LAST`, or one port.
fn port_range(text: &str) -> Result<RangeInclusive<u16>, String> {
    let wrong = || format!("{text:?} is not a range of ports such as \"1024-65535\"");
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port > 0);
    let (first, last) = (port(first).ok_or_else(wrong)?, port(last).ok_or_else(wrong)?);
    if first > last { Err(wrong()) } else { Ok(first..=last) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str, cli: CliOverrides) -> Result<Settings, String> {
        settings(Some(Path::new("/etc/operator.toml")), text, cli).map_err(|errors| errors.to_string())
    }

    fn with_plugin() -> CliOverrides {
        CliOverrides { plugin: Some(PathBuf::from("x.wasm")), ..CliOverrides::default() }
    }

    const FULL: &str = r#"
[subject]
plugin = "x.wasm"
config = { depth = 3, since = 2024-01-01, ratio = 0.5, deep = { a = [1] } }
[targets.head]
url = "http://127.0.0.1:2379"
headers = { X-Caller-Id = "operator" }
allow_headers = ["accept"]
bearer_file = "token"
body_bytes_max = 1_000
[discovery]
networks = ["10.0.0.0/8"]
ports = "20000-30000"
[prometheus]
url = "http://127.0.0.1:9090"
[invariants]
dirs = ["checks", "/opt/checks"]
[data]
dir = "/var/lib/operator"
[logs]
node-1 = "node-1.log"
[run]
tick_interval_ms = 500
logs_from_start = true
[limits]
series_max = 10
[plugin_limits]
violations_max = 0x10
[plugin_limits.check]
fuel = 7
"#;

    #[test]
    fn a_full_file_is_read_and_its_paths_begin_at_the_file() {
        let settings = read(FULL, CliOverrides::default()).unwrap();
        assert_eq!(settings.plugin, Path::new("/etc/x.wasm"));
        let config = serde_json::json!({"depth": 3, "since": "2024-01-01", "ratio": 0.5, "deep": {"a": [1]}});
        assert_eq!(settings.plugin_config, config);
        let target = &settings.targets["head"];
        assert_eq!(target.headers, [("x-caller-id".to_owned(), "operator".to_owned())]);
        assert_eq!(target.bearer_file.as_deref(), Some(Path::new("/etc/token")));
        assert_eq!((target.body_bytes_max, target.request_ms_max), (Some(1_000), None));
        assert_eq!(settings.discovery.ports, 20_000..=30_000);
        assert_eq!(settings.invariants, [Path::new("/etc/checks"), Path::new("/opt/checks")]);
        assert_eq!(settings.logs["node-1"], Path::new("/etc/node-1.log"));
        assert_eq!((settings.tick_interval_ms, settings.logs_from_start), (500, true));
        assert_eq!(settings.limits.series.series_max, 10);
        assert_eq!((settings.plugin_limits.violations_max, settings.plugin_limits.check.fuel), (16, 7));
        assert_eq!(settings.plugin_limits.subject, PluginLimits::default().subject);
        let policy = settings.egress_policy();
        assert_eq!(policy.targets["head"].body_bytes_max, 1_000);
        assert_eq!(policy.targets["head"].headers_allowed, ["accept"]);
    }

    #[test]
    fn the_command_line_wins_over_the_file() {
        let cli = CliOverrides {
            plugin: Some(PathBuf::from("y.wasm")),
            targets: vec!["head=http://10.0.0.1:1".to_owned(), "tail=https://b".to_owned()],
            prometheus: Some("http://p:9090".to_owned()),
            invariants: vec![PathBuf::from("mine")],
            data: Some(PathBuf::from("here")),
            logs: vec!["node-2=/var/log/n=2".to_owned()],
            tick_interval_ms: Some(7),
        };
        let settings = read(FULL, cli).unwrap();
        assert_eq!(settings.plugin, Path::new("y.wasm"));
        assert_eq!(settings.targets["head"].origin.to_string(), "http://10.0.0.1:1");
        assert_eq!(settings.targets["tail"].origin.to_string(), "https://b:443");
        assert_eq!(settings.invariants, [Path::new("mine")]);
        assert_eq!(settings.logs["node-2"], Path::new("/var/log/n=2"));
        assert_eq!((settings.data.as_path(), settings.tick_interval_ms), (Path::new("here"), 7));
    }

    #[test]
    fn everything_that_is_wrong_is_said_at_once_with_its_line_and_what_was_meant() {
        let text = r#"
[subject]
plugin = 7
[run]
tick_intervall_ms = 100
[targts.head]
url = "x"
[targets.head]
url = "127.0.0.1:2379"
header = {}
[targets.tail]
[discovery]
networks = ["10.0.0.1/8"]
ports = "9-1"
[limits]
series_max = 0
requests_per_tick_max = 5_000_000_000
[plugin_limits]
voilations_max = 1
strikes_max = 5_000_000_000
subject = { feul = 1 }
[zzz]
"#;
        let errors = read(text, CliOverrides { targets: vec!["nonsense".to_owned()], ..with_plugin() }).unwrap_err();
        insta::assert_snapshot!(errors, @r#"
        /etc/operator.toml:3: "plugin" in [subject] must be a text, found 7
        /etc/operator.toml:5: unknown key "tick_intervall_ms" in [run]; did you mean "tick_interval_ms"?
        /etc/operator.toml:6: unknown section "targts"; did you mean "targets"?
        /etc/operator.toml:9: "127.0.0.1:2379" is not an origin such as http://host:port: it has no scheme
        /etc/operator.toml:10: unknown key "header" in [targets.head]; did you mean "headers"?
        /etc/operator.toml:11: [targets.tail] has no url
        /etc/operator.toml:13: "10.0.0.1/8" has bits behind its prefix: did you mean 10.0.0.0/8?
        /etc/operator.toml:14: "9-1" is not a range of ports such as "1024-65535"
        /etc/operator.toml:16: "series_max" in [limits] must be a whole number above zero, found 0
        /etc/operator.toml:17: "requests_per_tick_max" in [limits] is too large
        /etc/operator.toml:19: unknown key "voilations_max" in [plugin_limits]; did you mean "violations_max"?
        /etc/operator.toml:20: "strikes_max" in [plugin_limits] is too large
        /etc/operator.toml:21: unknown key "feul" in [plugin_limits.subject]; did you mean "fuel"?
        /etc/operator.toml:22: unknown section "zzz"; known are data, discovery, invariants, limits, logs, plugin_limits, prometheus, run, subject, targets
        --target: "nonsense" is not NAME=VALUE
        "#);
    }

    #[test]
    fn text_that_is_no_toml_is_named_with_its_line() {
        let errors = read("[subject]\nplugin = \n[run\n", with_plugin()).unwrap_err();
        assert!(errors.contains("/etc/operator.toml:2: ") && errors.contains("/etc/operator.toml:3: "), "{errors}");
    }

    #[test]
    fn without_a_subject_there_is_one_clear_message() {
        let errors = settings(None, "", CliOverrides::default()).unwrap_err().to_string();
        assert_eq!(errors, "configuration: no subject: set plugin in [subject], or give --plugin");
    }

    #[test]
    fn wrong_flags_are_named() {
        for (target, why) in [
            ("head", "is not NAME=VALUE"),
            ("head=", "has nothing behind"),
            ("=http://a", "must be 1 to 63 letters"),
            ("../x=http://a", "must be 1 to 63 letters"),
            ("head=ftp://a", "neither http nor https"),
        ] {
            let errors = read("", CliOverrides { targets: vec![target.to_owned()], ..with_plugin() }).unwrap_err();
            assert!(errors.starts_with("--target: ") && errors.contains(why), "{errors}");
        }
        assert!(read("", CliOverrides { tick_interval_ms: Some(0), ..with_plugin() }).is_err());
    }

    #[test]
    fn a_header_that_no_plugin_may_have_cannot_be_granted() {
        let text = "[targets.a]\nurl = \"http://a\"\nallow_headers = [\"Authorization\"]\nheaders = { host = \"b\" }\n";
        let errors = read(text, with_plugin()).unwrap_err();
        assert!(
            errors.contains("operator.toml:3: the header \"Authorization\"") && errors.contains(":4: "),
            "{errors}"
        );
    }

    #[test]
    fn a_missing_credential_is_an_error_before_the_first_request() {
        let text = "[targets.a]\nurl = \"http://a\"\nbearer_file = \"/nowhere/token\"\n";
        let settings = read(text, with_plugin()).unwrap();
        let errors = settings.real_world(&settings.egress_policy()).unwrap_err().to_string();
        assert!(errors.starts_with("[targets.a]: /nowhere/token cannot be read"), "{errors}");
    }

    proptest! {
        #[test]
        fn any_text_is_either_settings_or_errors_with_a_place(text in r#"([\[\]a-z.=" \n\{\}0-9]|targets|limits|url){0,40}|.{0,60}"#) {
            if let Err(errors) = settings(Some(Path::new("f.toml")), &text, with_plugin()) {
                prop_assert!(errors.0.iter().all(|error| error.place.to_string().starts_with("f.toml:")), "{errors}");
            }
        }
    }
}
