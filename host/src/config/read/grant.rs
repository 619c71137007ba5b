//! The keys that `[targets.NAME]` and `[discovered.NAME]` have in common.

use super::Reader;
use crate::config::Place;
use operator_engine::settings::GrantSettings;
use operator_net::egress::{Network, PathRule, can_be_allowed};
use operator_net::ports::Method;
use serde_json::Value;
use std::path::PathBuf;
use std::str::FromStr;

impl Reader {
    pub(super) fn grant(&mut self, section: &str) -> GrantSettings {
        let count = |key| {
            self.document
                .value(section, key)
                .and_then(|(_, count)| count.as_u64())
        };
        GrantSettings {
            requests_per_second_max: count("requests_per_second_max")
                .and_then(|count| count.try_into().ok()),
            requests_burst_max: count("requests_burst_max").and_then(|count| count.try_into().ok()),
            body_bytes_max: count("body_bytes_max").and_then(|bytes| bytes.try_into().ok()),
            request_ms_max: count("request_ms_max"),
            bearer_file: self.optional_path(section, "bearer_file"),
            basic_file: self.optional_path(section, "basic_file"),
            ca_file: self.optional_path(section, "ca_file"),
            client_cert_file: self.optional_path(section, "client_cert_file"),
            client_key_file: self.optional_path(section, "client_key_file"),
            methods: self.all_parsed(section, "methods", method),
            paths: self.all_parsed(section, "paths", PathRule::from_str),
            networks: self.all_parsed(section, "networks", Network::from_str),
            headers: self.header_table(section, "headers"),
            header_files: self.header_files(section),
            headers_allowed: self.header_list(section, "allow_headers"),
            headers_shown: self
                .document
                .value(section, "show_headers")
                .is_some()
                .then(|| self.texts(section, "show_headers")),
        }
    }

    fn optional_path(&self, section: &str, key: &str) -> Option<PathBuf> {
        let (_, path) = self.document.value(section, key)?;
        Some(self.folder.join(path.as_str()?))
    }

    fn header_table(&mut self, section: &str, key: &str) -> Vec<(String, String)> {
        let Some((place, Value::Object(headers))) = self.document.value(section, key) else {
            return Vec::new();
        };
        let place = place.clone();
        let headers: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| {
                (
                    name.to_ascii_lowercase(),
                    value.as_str().unwrap_or_default().to_owned(),
                )
            })
            .collect();
        self.check_headers(&place, headers.iter().map(|(name, _)| name.as_str()));
        headers
    }

    fn header_files(&mut self, section: &str) -> Vec<(String, PathBuf)> {
        let headers = self.header_table(section, "header_files");
        headers
            .into_iter()
            .map(|(name, path)| (name, self.folder.join(path)))
            .collect()
    }

    fn header_list(&mut self, section: &str, key: &str) -> Option<Vec<String>> {
        let place = self
            .document
            .value(section, key)
            .map(|(place, _)| place.clone())?;
        let allowed = self.texts(section, key);
        self.check_headers(&place, allowed.iter().map(String::as_str));
        Some(allowed)
    }

    fn check_headers<'h>(&mut self, place: &Place, names: impl Iterator<Item = &'h str>) {
        for name in names.filter(|name| !can_be_allowed(name)) {
            self.errors.add(
                place.clone(),
                format!("the header {name:?} cannot be granted"),
            );
        }
    }
}

fn method(text: &str) -> Result<Method, String> {
    match text.to_ascii_uppercase().as_str() {
        "GET" => Ok(Method::Get),
        "HEAD" => Ok(Method::Head),
        _ => Err(format!(
            "{text:?} is not a method that can be granted: those that cannot change anything are GET and HEAD"
        )),
    }
}
