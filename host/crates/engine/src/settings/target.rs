//! Granted targets, and rules for discovered ones, as they are configured.

use super::CredentialError;
use operator_net::egress::{
    DiscoveryRule, EgressLimits, Grant, Network, Origin, PathRule, TargetPolicy,
};
use operator_net::ports::Method;
use operator_net::ports::http::OriginSettings;
use operator_net::ports::secret::Secret;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

/// Longest credential or certificate file, in bytes: a bundle of a few hundred certificates.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// One granted target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSettings {
    /// Where it is.
    pub origin: Origin,
    /// What may be requested of it.
    pub grant: GrantSettings,
}

/// What holds for targets that the observed system names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleSettings {
    /// Names of targets; `*` stands for any text.
    pub targets: String,
    /// Instead of `discovery.ports`.
    pub ports: Option<RangeInclusive<u16>>,
    /// What may be requested of them.
    pub grant: GrantSettings,
}

/// What may be requested of a target, and which credentials are sent along.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantSettings {
    /// Methods; none means GET and HEAD.
    pub methods: Vec<Method>,
    /// Paths that only read although they are asked by POST.
    pub read_only_posts: Vec<PathRule>,
    /// Paths; none means any.
    pub paths: Vec<PathRule>,
    /// Networks in which it must be.
    pub networks: Vec<Network>,
    /// Headers that are added to every request.
    pub headers: Vec<(String, String)>,
    /// Headers that are added to every request, with files that hold their values.
    pub header_files: Vec<(String, PathBuf)>,
    /// Headers that plugins may set, instead of the default list.
    pub headers_allowed: Option<Vec<String>>,
    /// Headers of answers that plugins may see, instead of the default list.
    pub headers_shown: Option<Vec<String>>,
    /// File with a bearer token.
    pub bearer_file: Option<PathBuf>,
    /// File with `USER:PASSWORD`.
    pub basic_file: Option<PathBuf>,
    /// File with PEM certificates that are trusted instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// File with the PEM certificate that this operator shows.
    pub client_cert_file: Option<PathBuf>,
    /// File with its private key.
    pub client_key_file: Option<PathBuf>,
    /// Instead of the rate of all targets.
    pub requests_per_second_max: Option<u32>,
    /// Concurrent requests, instead of that of all targets.
    pub requests_burst_max: Option<u32>,
    /// Instead of `limits.body_bytes_max`.
    pub body_bytes_max: Option<usize>,
    /// Instead of `limits.request_ms_max`.
    pub request_ms_max: Option<u64>,
}

impl TargetSettings {
    /// A target with the general settings.
    #[must_use]
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            grant: GrantSettings::default(),
        }
    }

    /// The target as the egress enforces it.
    pub(super) fn policy(&self, name: &str, limits: &EgressLimits) -> TargetPolicy {
        TargetPolicy {
            origin: self.origin.clone(),
            grant: self.grant.policy(&target_section(name), limits),
        }
    }
}

impl RuleSettings {
    /// The rule as the egress enforces it.
    pub(super) fn policy(&self, name: &str, limits: &EgressLimits) -> DiscoveryRule {
        DiscoveryRule {
            name: name.to_owned(),
            targets: self.targets.clone(),
            ports: self.ports.clone(),
            grant: self.grant.policy(&rule_section(name), limits),
        }
    }
}

impl GrantSettings {
    fn policy(&self, section: &str, limits: &EgressLimits) -> Grant {
        let mut grant = Grant::new(limits);
        grant.credentials = Some(section.to_owned());
        if !self.methods.is_empty() {
            grant.methods.clone_from(&self.methods);
        }
        grant.read_only_posts.clone_from(&self.read_only_posts);
        grant.paths.clone_from(&self.paths);
        grant.networks.clone_from(&self.networks);
        grant.headers_added.clone_from(&self.headers);
        grant.headers_allowed = self
            .headers_allowed
            .clone()
            .unwrap_or(grant.headers_allowed);
        grant.headers_shown = self.headers_shown.clone().unwrap_or(grant.headers_shown);
        let rate = &mut grant.rate;
        rate.requests_per_second_max = self
            .requests_per_second_max
            .unwrap_or(rate.requests_per_second_max);
        rate.requests_burst_max = self.requests_burst_max.unwrap_or(rate.requests_burst_max);
        grant.body_bytes_max = self.body_bytes_max.unwrap_or(grant.body_bytes_max);
        grant.request_ms_max = self.request_ms_max.unwrap_or(grant.request_ms_max);
        grant
    }

    /// Credentials and trust, read from their files.
    pub(super) fn read_files(
        &self,
        section: &str,
        errors: &mut Vec<CredentialError>,
    ) -> OriginSettings {
        let mut files = Files { section, errors };
        let mut settings = OriginSettings::default();
        if let Some(token) = files.line(self.bearer_file.as_deref()) {
            settings = settings.with_bearer(&token);
        }
        if let Some(user_and_password) = files.line(self.basic_file.as_deref()) {
            if !user_and_password.contains(':') {
                files.complain("basic_file must contain USER:PASSWORD");
            }
            settings = settings.with_basic(&user_and_password);
        }
        if self.bearer_file.is_some() && self.basic_file.is_some() {
            files.complain("bearer_file and basic_file are mutually exclusive");
        }
        for (name, path) in &self.header_files {
            if let Some(value) = files.line(Some(path)) {
                settings = settings.with_header(name, &value);
            }
        }
        settings.ca_pem = files.bytes(self.ca_file.as_deref());
        settings.identity_pem = self.identity(&mut files);
        settings
    }

    fn identity(&self, files: &mut Files<'_>) -> Option<Secret> {
        if self.client_cert_file.is_some() != self.client_key_file.is_some() {
            files.complain("client_cert_file and client_key_file must be set together");
        }
        let mut pem = files.bytes(self.client_cert_file.as_deref())?;
        pem.push(b'\n');
        pem.extend(files.bytes(self.client_key_file.as_deref())?);
        let pem = String::from_utf8(pem)
            .map_err(|_binary| files.complain("the client certificate and key must be PEM"));
        pem.ok().map(Secret::new)
    }
}

/// The section of a target, under whose name its credentials are kept.
pub(super) fn target_section(name: &str) -> String {
    format!("targets.{name}")
}

/// The section of a rule.
pub(super) fn rule_section(name: &str) -> String {
    format!("discovered.{name}")
}

/// Reads files of one section and notes what is wrong with them.
struct Files<'a> {
    section: &'a str,
    errors: &'a mut Vec<CredentialError>,
}

impl Files<'_> {
    fn bytes(&mut self, path: Option<&Path>) -> Option<Vec<u8>> {
        read_small(path?).map_err(|why| self.complain(&why)).ok()
    }

    /// A file with one line that can stand in a header.
    fn line(&mut self, path: Option<&Path>) -> Option<String> {
        let bytes = self.bytes(path)?;
        let text = String::from_utf8(bytes)
            .ok()
            .map(|text| text.trim().to_owned());
        let is_line = |text: &String| {
            !text.is_empty() && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        };
        let line = text.filter(is_line);
        if let (None, Some(path)) = (&line, path) {
            self.complain(&format!(
                "{} must contain exactly one line of printable ASCII",
                path.display()
            ));
        }
        line
    }

    fn complain(&mut self, why: &str) {
        self.errors.push(CredentialError {
            section: self.section.to_owned(),
            reason: why.to_owned(),
        });
    }
}

fn read_small(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let len = std::fs::metadata(path).map_err(failed)?.len();
    if len > FILE_BYTES_MAX {
        return Err(format!(
            "{} has {len} bytes; the limit is {FILE_BYTES_MAX}",
            path.display()
        ));
    }
    std::fs::read(path).map_err(failed)
}
