//! From the file and the command line to [`Settings`].

use super::document::Document;
use super::file::{File, GrantKeys};
use super::notation::{Notation as _, Parsed, PlainName};
use super::schema::schema;
use super::{CliOverrides, ConfigErrors, Location, trust};
use operator_engine::settings::{GrantSettings, RuleSettings, Settings, TargetSettings};
use operator_net::egress::Origin;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Settings from a file's text and the command line; the latter wins.
pub(super) fn settings(
    path: Option<&Path>,
    text: &str,
    cli: CliOverrides,
) -> Result<Settings, ConfigErrors> {
    let reader = Reader::read(path, text);
    let mut errors = reader.errors;
    let mut settings = reader.settings;
    apply_command_line(&mut settings, cli, &mut errors);
    if settings.plugin.as_os_str().is_empty() {
        errors.add(
            reader.file_name.as_str(),
            "no subject: set plugin in [subject], or pass --plugin",
        );
    }
    errors.or(settings)
}

/// The values of a file, with the defaults of the keys that it does not set.
pub(super) fn effective(path: &Path, text: &str) -> Result<Value, ConfigErrors> {
    let reader = Reader::read(Some(path), text);
    reader.errors.or(reader.effective)
}

struct Reader {
    file_name: String,
    settings: Settings,
    effective: Value,
    errors: ConfigErrors,
}

impl Reader {
    fn read(path: Option<&Path>, text: &str) -> Self {
        let file_name = path.map_or_else(
            || "configuration".to_owned(),
            |path| path.display().to_string(),
        );
        let mut errors = ConfigErrors::default();
        let document = Document::read(&file_name, text, &schema(), &mut errors);
        let file = File::deserialize_checked(&document, &file_name, &mut errors);
        let effective = serde_json::to_value(&file).map(without_nulls);
        let folder = path.and_then(Path::parent).unwrap_or(Path::new(""));
        let trust = trust::policy(file.trust.as_ref(), folder, &document, &mut errors);
        let mut settings = Settings::new(PathBuf::new());
        apply_file(&mut settings, file, folder);
        settings.trust = trust;
        Self {
            file_name,
            settings,
            effective: effective.unwrap_or_default(),
            errors,
        }
    }
}

impl File {
    /// What fits the schema also fits the types; if it ever does not, that is an error as well.
    fn deserialize_checked(
        document: &Document,
        file_name: &str,
        errors: &mut ConfigErrors,
    ) -> Self {
        serde_json::from_value(document.json.clone()).unwrap_or_else(|error| {
            errors.add(Location::line(file_name, 1), error.to_string());
            Self::default()
        })
    }
}

fn apply_file(settings: &mut Settings, file: File, folder: &Path) {
    if let Some(plugin) = file.subject.plugin {
        settings.plugin = folder.join(plugin);
    }
    settings.plugin_config = file.subject.config.into();
    for (name, target) in file.targets {
        let origin = target.url.value;
        let grant = target.grant.settings(folder);
        let target = TargetSettings { origin, grant };
        settings.targets.insert(name, target);
    }
    settings.discovery.networks = values(file.discovery.networks);
    if let Some(ports) = file.discovery.ports {
        settings.discovery.ports = ports.value;
    }
    for (name, rule) in file.discovered {
        let rule = RuleSettings {
            targets: rule.targets,
            ports: rule.ports.map(|ports| ports.value),
            grant: rule.grant.settings(folder),
        };
        settings.discovered.insert(name, rule);
    }
    settings.prometheus = file.prometheus.url.map(|url| url.value);
    let dirs = file.invariants.dirs.iter();
    settings.invariants = dirs.map(|dir| folder.join(dir)).collect();
    settings.data = folder.join(file.data.dir);
    settings.logs = joined(file.logs, folder).collect();
    settings.tick_interval_ms = file.run.tick_interval_ms;
    settings.logs_from_start = file.run.logs_from_start;
    settings.metrics_listen = file.run.metrics_listen.map(|address| address.value);
    settings.limits = file.limits;
    settings.plugin_limits = file.plugin_limits;
}

impl GrantKeys {
    fn settings(self, folder: &Path) -> GrantSettings {
        let path = |path: Option<PathBuf>| path.map(|path| folder.join(path));
        let allowed = self.allow_headers.map(values);
        GrantSettings {
            methods: values(self.methods),
            read_only_posts: values(self.read_only_posts),
            paths: values(self.paths),
            networks: values(self.networks),
            headers: lower_case(self.headers).collect(),
            header_files: joined(lower_case(self.header_files), folder).collect(),
            headers_allowed: allowed
                .map(|headers| headers.into_iter().map(|header| header.0).collect()),
            headers_shown: self.show_headers,
            bearer_file: path(self.bearer_file),
            basic_file: path(self.basic_file),
            ca_file: path(self.ca_file),
            client_cert_file: path(self.client_cert_file),
            client_key_file: path(self.client_key_file),
            requests_per_second_max: self.requests_per_second_max,
            requests_burst_max: self.requests_burst_max,
            body_bytes_max: self.body_bytes_max,
            request_ms_max: self.request_ms_max,
        }
    }
}

fn apply_command_line(settings: &mut Settings, cli: CliOverrides, errors: &mut ConfigErrors) {
    if let Some(plugin) = cli.plugin {
        settings.plugin = plugin;
    }
    for text in &cli.targets {
        match named(text).and_then(|(name, url)| Ok((name, url.parse::<Origin>()?))) {
            Ok((name, origin)) => drop(settings.targets.insert(name, TargetSettings::new(origin))),
            Err(why) => errors.add("--target", why),
        }
    }
    for text in &cli.logs {
        match named(text) {
            Ok((name, path)) => drop(settings.logs.insert(name, PathBuf::from(path))),
            Err(why) => errors.add("--log", why),
        }
    }
    match cli.prometheus.map(|url| url.parse::<Origin>()) {
        Some(Ok(origin)) => settings.prometheus = Some(origin),
        Some(Err(why)) => errors.add("--prometheus", why),
        None => {}
    }
    if !cli.invariants.is_empty() {
        settings.invariants = cli.invariants;
    }
    if let Some(data) = cli.data {
        settings.data = data;
    }
    match cli.tick_interval_ms {
        Some(0) => errors.add("--tick-interval-ms", "must be greater than zero"),
        Some(interval_ms) => settings.tick_interval_ms = interval_ms,
        None => {}
    }
}

/// `NAME=VALUE` of a flag.
fn named(text: &str) -> Result<(String, &str), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is not NAME=VALUE"))?;
    PlainName::parse(name)?;
    if value.is_empty() {
        return Err(format!("{text:?} has no value after the ="));
    }
    Ok((name.to_owned(), value))
}

fn values<T>(parsed: Vec<Parsed<T>>) -> Vec<T> {
    parsed.into_iter().map(|item| item.value).collect()
}

fn lower_case<T>(headers: BTreeMap<String, T>) -> impl Iterator<Item = (String, T)> {
    let headers = headers.into_iter();
    headers.map(|(name, value)| (name.to_ascii_lowercase(), value))
}

fn joined(
    paths: impl IntoIterator<Item = (String, PathBuf)>,
    folder: &Path,
) -> impl Iterator<Item = (String, PathBuf)> {
    let paths = paths.into_iter();
    paths.map(|(name, path)| (name, folder.join(path)))
}

/// A key without a value is left out: TOML has no null.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let set = fields.into_iter().filter(|(_, value)| !value.is_null());
            set.map(|(key, value)| (key, without_nulls(value)))
                .collect()
        }
        other => other,
    }
}

#[cfg(test)]
mod tests;
