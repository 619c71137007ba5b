//! The second gate: does the user want these bytes to run? The digest lock file, a detached signature
//! and the policy of the configuration decide it, before anything is compiled.
//!
//! A plugin is known here by the stem of its file: `checks/disk.wasm` is `disk`. What it calls itself
//! is only known after it has run, which is too late.

mod key;
mod lock;
mod policy;
mod signature;

#[cfg(test)]
mod tests;

pub use key::{KeyError, PrivateKey, PublicKey};
pub use lock::{LOCK_FILE, LockError, LockFile};
pub use policy::{PluginRule, Requirement, Rules, TrustPolicy};
pub use signature::{Signature, signature_path};

use crate::admit::Admitted;
use crate::load::LoadError;
use operator_model::Digest;
use serde::Serialize;
use std::path::Path;

/// Largest lock, key or signature file, in bytes: thousands of locked plugins.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Why a component may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trust {
    /// Name of the key in `[trust.keys]` that signed these bytes.
    pub signer: Option<String>,
    /// The lock file has their digest.
    pub locked: bool,
    /// What in the configuration lets it run, in words.
    pub allowed_by: String,
}

/// A component that the user wants to run. Only [`Trusted::new`] makes one.
#[derive(Debug)]
pub(crate) struct Trusted<'a> {
    admitted: Admitted<'a>,
    trust: Trust,
}

/// Why the user does not want it to run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// There is no signature where one is required.
    #[error(
        "{file} is missing, and [trust] requires a signature: sign it with `operator plugin sign`, or set require \
         in [trust.plugins.{plugin}]"
    )]
    Unsigned {
        /// Where the signature should be.
        file: String,
        /// Stem of the plugin's file.
        plugin: String,
    },
    /// The signature file cannot be read.
    #[error("the signature {file} cannot be read: {why}")]
    SignatureUnreadable {
        /// The signature file.
        file: String,
        /// What is wrong with it.
        why: String,
    },
    /// The signature was made for other bytes.
    #[error(
        "its signature is for sha256 {signed}, the file has {found}: it was changed after it was signed, or the \
         signature belongs to another file"
    )]
    OtherBytes {
        /// What was signed.
        signed: Digest,
        /// What there is.
        found: Digest,
    },
    /// Nobody named the key that signed it.
    #[error("it is signed with the key {key}, which is not among [trust.keys]")]
    UnknownKey {
        /// Fingerprint that the signature names.
        key: String,
    },
    /// The key is known, but may not sign this plugin.
    #[error("it is signed by {signer}, [trust.plugins.{plugin}] accepts only {}", accepted.join(", "))]
    OtherSigner {
        /// Name of the key.
        signer: String,
        /// Stem of the plugin's file.
        plugin: String,
        /// Names of the keys that may.
        accepted: Vec<String>,
    },
    /// The signature does not fit the bytes and the key that it names.
    #[error("its signature is forged or damaged: it does not fit the key of {signer}")]
    Forged {
        /// Name of the key.
        signer: String,
    },
    /// The lock file cannot be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The lock file does not name the plugin, and has to.
    #[error("{file} has no digest of {plugin}: add it with `operator plugin lock`")]
    NotLocked {
        /// The lock file.
        file: String,
        /// Stem of the plugin's file.
        plugin: String,
    },
    /// The lock file names other bytes.
    #[error("{file} has sha256 {locked} for {plugin}, the file has {found}")]
    LockMismatch {
        /// The lock file.
        file: String,
        /// Stem of the plugin's file.
        plugin: String,
        /// What was locked.
        locked: Digest,
        /// What there is.
        found: Digest,
    },
    /// The policy asks for a lock, and the configuration names no lock file.
    #[error("[trust] requires a locked digest and names no lock_file")]
    NoLockFile,
}

impl<'a> Trusted<'a> {
    /// Asks the policy; `name` is the path of the plugin, beside which its signature is.
    ///
    /// # Errors
    /// What is missing or wrong, and what would be right.
    pub(crate) fn new(
        policy: &TrustPolicy,
        name: &str,
        admitted: Admitted<'a>,
    ) -> Result<Self, LoadError> {
        let trust = policy
            .judge(name, admitted.digest())
            .map_err(|why| LoadError::Untrusted {
                name: name.to_owned(),
                why: Box::new(why),
            })?;
        Ok(Self { admitted, trust })
    }

    /// What was admitted.
    pub(crate) fn admitted(&self) -> &Admitted<'a> {
        &self.admitted
    }

    /// Why it may run.
    pub(crate) fn trust(&self) -> &Trust {
        &self.trust
    }
}

/// The name under which lock file and configuration know a plugin.
#[must_use]
pub fn plugin_name(path: &str) -> &str {
    Path::new(path)
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or(path)
}

/// A small file of text.
fn read_small(path: &Path) -> Result<String, String> {
    use std::io::Read as _;
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|error| error.to_string())?;
    file.take(FILE_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| error.to_string())?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("it has more than {FILE_BYTES_MAX} bytes"));
    }
    Ok(text)
}

/// Bytes that are written as pairs of hexadecimal digits.
fn from_hex<const N: usize>(what: &str, text: &str) -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes)
        .map_err(|_| format!("{what} must be {} hexadecimal digits", 2 * N))?;
    Ok(bytes)
}
