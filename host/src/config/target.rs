//! A granted target as it is configured.

use super::ConfigErrors;
use crate::egress::{EgressLimits, Origin, TargetPolicy};
use crate::ports::http::OriginSettings;
use crate::ports::secret::Secret;
use std::path::{Path, PathBuf};

/// Longest credential or certificate file, in bytes: a bundle of a few hundred certificates.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// One granted target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetSettings {
    /// Where it is.
    pub origin: Origin,
    /// Headers that are added to every request.
    pub headers: Vec<(String, String)>,
    /// Headers that plugins may set, instead of the default list.
    pub headers_allowed: Option<Vec<String>>,
    /// File with a bearer token.
    pub bearer_file: Option<PathBuf>,
    /// File with PEM certificates that are trusted instead of the system's.
    pub ca_file: Option<PathBuf>,
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
            headers: Vec::new(),
            headers_allowed: None,
            bearer_file: None,
            ca_file: None,
            body_bytes_max: None,
            request_ms_max: None,
        }
    }

    /// The target as the egress enforces it.
    pub(super) fn policy(&self, limits: &EgressLimits) -> TargetPolicy {
        let mut policy = TargetPolicy::new(self.origin.clone(), limits);
        policy.headers_added.clone_from(&self.headers);
        if let Some(allowed) = &self.headers_allowed {
            policy.headers_allowed.clone_from(allowed);
        }
        policy.body_bytes_max = self.body_bytes_max.unwrap_or(policy.body_bytes_max);
        policy.request_ms_max = self.request_ms_max.unwrap_or(policy.request_ms_max);
        policy
    }

    /// Credentials and trust, read from their files.
    pub(super) fn read_files(&self, name: &str, errors: &mut ConfigErrors) -> OriginSettings {
        let mut read = |path: &Option<PathBuf>| {
            let path = path.as_ref()?;
            read_small(path).map_err(|why| errors.add(format!("[targets.{name}]").as_str(), why)).ok()
        };
        let (token, ca_pem) = (read(&self.bearer_file), read(&self.ca_file));
        let bearer = token.map(|bytes| Secret::new(String::from_utf8_lossy(&bytes).trim().to_owned()));
        OriginSettings { bearer, ca_pem }
    }
}

fn read_small(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let len = std::fs::metadata(path).map_err(failed)?.len();
    if len > FILE_BYTES_MAX {
        return Err(format!("{} has {len} bytes, the limit is {FILE_BYTES_MAX}", path.display()));
    }
    std::fs::read(path).map_err(failed)
}
