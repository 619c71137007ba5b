//! From the checked document and the command line to [`Settings`].

mod grant;
mod trust;

use super::document::{Document, bad_name, is_plain_name};
use super::{CliOverrides, ConfigErrors, Place, Settings};
use operator_engine::settings::{RuleSettings, TargetSettings};
use operator_net::egress::{Network, Origin};
use operator_plugin_host::PluginLimits;
use serde_json::Value;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Settings from a file's text and the command line; the latter wins.
pub(super) fn settings(
    file: Option<&Path>,
    text: &str,
    cli: CliOverrides,
) -> Result<Settings, ConfigErrors> {
    let mut errors = ConfigErrors::default();
    let file_name = file.map_or_else(
        || "configuration".to_owned(),
        |path| path.display().to_string(),
    );
    let document = Document::read(&file_name, text, &mut errors);
    let folder = file
        .and_then(Path::parent)
        .map(Path::to_owned)
        .unwrap_or_default();
    let mut reader = Reader {
        document,
        folder,
        errors,
    };
    let mut settings = Settings::new(PathBuf::new());
    reader.read_file(&mut settings);
    reader.read_command_line(&mut settings, cli);
    if settings.plugin.as_os_str().is_empty() {
        reader.errors.add(
            file_name.as_str(),
            "no subject: set plugin in [subject], or give --plugin",
        );
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
        self.discovered(settings);
        settings.prometheus = self.parsed("prometheus", "url", Origin::from_str);
        settings.invariants = self
            .texts("invariants", "dirs")
            .iter()
            .map(|dir| self.folder.join(dir))
            .collect();
        self.path("data", "dir", &mut settings.data);
        let logs = self.document.entries("logs");
        settings.logs = logs
            .filter_map(|(name, _, path)| Some((name.to_owned(), self.folder.join(path.as_str()?))))
            .collect();
        self.count("run", "tick_interval_ms", &mut settings.tick_interval_ms);
        settings.logs_from_start = self
            .document
            .value("run", "logs_from_start")
            .and_then(|(_, flag)| flag.as_bool())
            .unwrap_or_default();
        settings.metrics_listen = self.parsed("run", "metrics_listen", |text| {
            text.parse()
                .map_err(|_| format!("{text:?} is not ADDRESS:PORT, for example 127.0.0.1:9464"))
        });
        self.limits(settings);
        self.plugin_limits(settings);
        settings.trust = self.trust();
    }

    /// Each limit on its own, so that each that does not fit is named.
    fn plugin_limits(&mut self, settings: &mut Settings) {
        for (section, pointer) in [
            ("plugin_limits", ""),
            ("plugin_limits.check", "/check"),
            ("plugin_limits.subject", "/subject"),
        ] {
            for (key, place, value) in self.document.entries(section) {
                match with_limit(&settings.plugin_limits, pointer, key, value) {
                    Some(limits) => settings.plugin_limits = limits,
                    None => self.errors.add(
                        place.clone(),
                        format!("{key:?} in [{section}] is too large"),
                    ),
                }
            }
        }
    }

    fn targets(&mut self, settings: &mut Settings) {
        let names: Vec<(String, Place)> = self
            .document
            .names("targets")
            .map(|(name, place)| (name.to_owned(), place.clone()))
            .collect();
        for (name, place) in names {
            let section = format!("targets.{name}");
            if self.document.value(&section, "url").is_none() {
                self.errors.add(place, format!("[{section}] has no url"));
                continue;
            }
            let Some(origin) = self.parsed(&section, "url", Origin::from_str) else {
                continue;
            };
            let grant = self.grant(&section);
            settings
                .targets
                .insert(name, TargetSettings { origin, grant });
        }
    }

    fn discovered(&mut self, settings: &mut Settings) {
        let names: Vec<String> = self
            .document
            .names("discovered")
            .map(|(name, _)| name.to_owned())
            .collect();
        for name in names {
            let section = format!("discovered.{name}");
            let targets = self
                .document
                .value(&section, "targets")
                .and_then(|(_, text)| text.as_str());
            let targets = targets.unwrap_or("*").to_owned();
            let ports = self.parsed(&section, "ports", port_range);
            let grant = self.grant(&section);
            settings.discovered.insert(
                name,
                RuleSettings {
                    targets,
                    ports,
                    grant,
                },
            );
        }
    }

    fn discovery(&mut self, settings: &mut Settings) {
        if let Some(ports) = self.parsed("discovery", "ports", port_range) {
            settings.discovery.ports = ports;
        }
        settings.discovery.networks = self.all_parsed("discovery", "networks", Network::from_str);
    }

    fn limits(&mut self, settings: &mut Settings) {
        let limits = &mut settings.limits;
        self.count("limits", "tick_deadline_ms", &mut limits.tick_deadline_ms);
        self.count("limits", "history_ticks", &mut limits.history_ticks);
        self.count(
            "limits",
            "requests_per_tick_max",
            &mut limits.egress.requests_per_tick_max,
        );
        self.count(
            "limits",
            "bytes_per_tick_max",
            &mut limits.egress.bytes_per_tick_max,
        );
        self.count(
            "limits",
            "in_flight_per_target_max",
            &mut limits.egress.in_flight_per_target_max,
        );
        self.count("limits", "in_flight_max", &mut limits.egress.in_flight_max);
        self.count(
            "limits",
            "discovered_targets_max",
            &mut limits.egress.discovered_max,
        );
        self.count(
            "limits",
            "body_bytes_max",
            &mut limits.egress.body_bytes_max,
        );
        self.count(
            "limits",
            "request_ms_max",
            &mut limits.egress.request_ms_max,
        );
        self.count(
            "limits",
            "requests_per_second_max",
            &mut limits.egress.rate.requests_per_second_max,
        );
        self.count(
            "limits",
            "requests_burst_max",
            &mut limits.egress.rate.requests_burst_max,
        );
        self.count(
            "limits",
            "audit_bytes_max",
            &mut limits.egress.audit_bytes_max,
        );
        self.count("limits", "series_max", &mut limits.series.series_max);
        self.count(
            "limits",
            "samples_per_series_max",
            &mut limits.series.samples_per_series_max,
        );
        self.count(
            "limits",
            "series_unseen_ms_max",
            &mut limits.series.unseen_ms_max,
        );
    }

    fn read_command_line(&mut self, settings: &mut Settings, cli: CliOverrides) {
        if let Some(plugin) = cli.plugin {
            settings.plugin = plugin;
        }
        for text in &cli.targets {
            match named(text).and_then(|(name, url)| Ok((name, url.parse::<Origin>()?))) {
                Ok((name, origin)) => {
                    drop(settings.targets.insert(name, TargetSettings::new(origin)))
                }
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
        settings.data = cli
            .data
            .unwrap_or_else(|| std::mem::take(&mut settings.data));
        match cli.tick_interval_ms {
            Some(0) => self.errors.add("--tick-interval-ms", "must be above zero"),
            Some(interval_ms) => settings.tick_interval_ms = interval_ms,
            None => {}
        }
    }

    fn path(&self, section: &str, key: &str, path: &mut PathBuf) {
        if let Some(text) = self
            .document
            .value(section, key)
            .and_then(|(_, text)| text.as_str())
        {
            *path = self.folder.join(text);
        }
    }

    fn texts(&self, section: &str, key: &str) -> Vec<String> {
        let items = self
            .document
            .value(section, key)
            .and_then(|(_, items)| items.as_array());
        items
            .into_iter()
            .flatten()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect()
    }

    fn parsed<T>(
        &mut self,
        section: &str,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
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

    /// A list of texts, each parsed; what does not parse is noted.
    fn all_parsed<T>(
        &mut self,
        section: &str,
        key: &str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Vec<T> {
        let Some(place) = self
            .document
            .value(section, key)
            .map(|(place, _)| place.clone())
        else {
            return Vec::new();
        };
        let texts = self.texts(section, key);
        let parsed = texts.iter().map(|text| parse(text));
        parsed
            .filter_map(|result| {
                result
                    .map_err(|why| self.errors.add(place.clone(), why))
                    .ok()
            })
            .collect()
    }

    fn count<T: TryFrom<u64>>(&mut self, section: &str, key: &str, target: &mut T) {
        let Some((place, value)) = self.document.value(section, key) else {
            return;
        };
        match value.as_u64().and_then(|count| T::try_from(count).ok()) {
            Some(count) => *target = count,
            None => {
                let place = place.clone();
                self.errors
                    .add(place, format!("{key:?} in [{section}] is too large"));
            }
        }
    }
}

/// The limits with one of them replaced, if it fits.
fn with_limit(
    limits: &PluginLimits,
    pointer: &str,
    key: &str,
    value: &Value,
) -> Option<PluginLimits> {
    let mut all = serde_json::to_value(limits).ok()?;
    all.pointer_mut(pointer)?
        .as_object_mut()?
        .insert(key.to_owned(), value.clone());
    serde_json::from_value(all).ok()
}

/// `NAME=VALUE` of a flag.
fn named(text: &str) -> Result<(String, &str), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is not NAME=VALUE"))?;
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
    let (first, last) = (
        port(first).ok_or_else(wrong)?,
        port(last).ok_or_else(wrong)?,
    );
    if first > last {
        Err(wrong())
    } else {
        Ok(first..=last)
    }
}

#[cfg(test)]
mod tests;
