//! The lock file: which bytes each plugin has to have.

use super::read_small;
use operator_model::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Where `operator plugin lock` writes when nobody says so.
pub const LOCK_FILE: &str = "operator-plugins.lock";

/// The lock file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the lock file {file} cannot be used: {why}")]
pub struct LockError {
    /// Which file.
    pub file: String,
    /// What is wrong.
    pub why: String,
}

/// Digests by the stem of each plugin's file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockFile {
    sha256: BTreeMap<String, Digest>,
}

impl LockFile {
    /// Reads a lock file.
    ///
    /// # Errors
    /// It is missing, or is not what [`Self::write`] writes.
    pub fn read(path: &Path) -> Result<Self, LockError> {
        let failed = |why: String| LockError {
            file: path.display().to_string(),
            why,
        };
        let lock: Self = toml::from_str(&read_small(path).map_err(failed)?)
            .map_err(|error| failed(error.message().to_owned()))?;
        match lock
            .sha256
            .iter()
            .find(|(_, digest)| !is_sha256(digest.as_str()))
        {
            Some((plugin, _)) => Err(failed(format!(
                "the digest of {plugin} must be 64 hexadecimal digits"
            ))),
            None => Ok(lock),
        }
    }

    /// The digest that this plugin has to have.
    #[must_use]
    pub fn digest(&self, plugin: &str) -> Option<&Digest> {
        self.sha256.get(plugin)
    }

    /// Locks a plugin to these bytes; gives the digest that it was locked to before.
    pub fn set(&mut self, plugin: &str, digest: Digest) -> Option<Digest> {
        self.sha256.insert(plugin.to_owned(), digest)
    }

    /// Writes the file in one step, sorted by name.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), LockError> {
        let failed = |why: String| LockError {
            file: path.display().to_string(),
            why,
        };
        let text = toml::to_string(self).map_err(|error| failed(error.to_string()))?;
        let head = "# Written by `operator plugin lock`: the bytes that each plugin has to have.\n";
        replace(path, &format!("{head}{text}")).map_err(|error| failed(error.to_string()))
    }
}

fn is_sha256(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// Puts a file in place whole: a running operator reads it whenever a plugin changes.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".new");
    let mut file = File::create(&aside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&aside, path)
}
