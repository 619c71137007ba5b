//! The policy: what the configuration asks of each plugin before it may run.

use super::lock::LockFile;
use super::signature::{Signature, signature_path};
use super::{PublicKey, Trust, TrustError, plugin_name};
use operator_model::Digest;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the user trusts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TrustPolicy {
    /// There is no `[trust]` section: whoever names a file on the command line or in the
    /// configuration wants it to run.
    #[default]
    Open,
    /// The rules of the `[trust]` section.
    Strict(Box<Rules>),
}

/// The `[trust]` section.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// For plugins without a rule of their own.
    pub requirement: Requirement,
    /// By stem of the plugin's file.
    pub plugins: BTreeMap<String, PluginRule>,
    /// Known keys by the name that the user gave them.
    pub keys: BTreeMap<String, PublicKey>,
    /// Read each time, so that a plugin can be updated while the operator runs.
    pub lock_file: Option<PathBuf>,
}

/// A rule for one plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginRule {
    /// Instead of the general requirement.
    pub requirement: Option<Requirement>,
    /// Names of the keys that may sign it; absent: any known key.
    pub signers: Option<Vec<String>>,
}

/// What a plugin needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Requirement {
    /// A signature by a known key.
    #[default]
    Signature,
    /// Its digest in the lock file.
    Lock,
    /// Both.
    SignatureAndLock,
    /// Neither.
    Nothing,
}

impl Requirement {
    /// Every way to write one.
    pub const NAMES: [&'static str; 4] = ["signature", "lock", "signature-and-lock", "nothing"];

    /// As the configuration writes it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "signature" => Self::Signature,
            "lock" => Self::Lock,
            "signature-and-lock" => Self::SignatureAndLock,
            "nothing" => Self::Nothing,
            _ => return None,
        })
    }

    /// Whether a locked digest is needed.
    #[must_use]
    pub fn needs_lock(self) -> bool {
        matches!(self, Self::Lock | Self::SignatureAndLock)
    }

    fn needs_signature(self) -> bool {
        matches!(self, Self::Signature | Self::SignatureAndLock)
    }
}

impl TrustPolicy {
    /// Decides about the file `path` with this digest.
    pub(super) fn judge(&self, path: &str, digest: &Digest) -> Result<Trust, TrustError> {
        match self {
            Self::Open => {
                let allowed_by =
                    "unsigned, allowed by default policy: there is no [trust] section".to_owned();
                Ok(Trust {
                    signer: None,
                    locked: false,
                    allowed_by,
                })
            }
            Self::Strict(rules) => rules.judge(path, digest),
        }
    }
}

impl Rules {
    /// A digest that is locked or a signature that is there must fit, whether it is required or not.
    fn judge(&self, path: &str, digest: &Digest) -> Result<Trust, TrustError> {
        let plugin = plugin_name(path);
        let rule = self.plugins.get(plugin).cloned().unwrap_or_default();
        let requirement = rule.requirement.unwrap_or(self.requirement);
        let locked = self.check_lock(plugin, digest, requirement)?;
        let signer = self.check_signature(path, digest, &rule, requirement)?;
        let section = if rule.requirement.is_some() {
            format!("[trust.plugins.{plugin}]")
        } else {
            "[trust]".to_owned()
        };
        let allowed_by = match (&signer, locked) {
            (Some(signer), true) => format!("signed by {signer} and locked"),
            (Some(signer), false) => format!("signed by {signer}"),
            (None, true) => {
                format!("unsigned, its digest is locked and {section} requires no signature")
            }
            (None, false) => format!("unsigned, {section} requires nothing"),
        };
        Ok(Trust {
            signer,
            locked,
            allowed_by,
        })
    }

    fn check_lock(
        &self,
        plugin: &str,
        digest: &Digest,
        requirement: Requirement,
    ) -> Result<bool, TrustError> {
        let Some(file) = &self.lock_file else {
            return if requirement.needs_lock() {
                Err(TrustError::NoLockFile)
            } else {
                Ok(false)
            };
        };
        let lock = LockFile::read(file)?;
        let (file, plugin) = (file.display().to_string(), plugin.to_owned());
        match lock.digest(&plugin) {
            Some(locked) if locked == digest => Ok(true),
            Some(locked) => Err(TrustError::LockMismatch {
                file,
                plugin,
                locked: locked.clone(),
                found: digest.clone(),
            }),
            None if requirement.needs_lock() => Err(TrustError::NotLocked { file, plugin }),
            None => Ok(false),
        }
    }

    /// The name of the key that signed it. A stranger's signature counts as none where none is needed.
    fn check_signature(
        &self,
        path: &str,
        digest: &Digest,
        rule: &PluginRule,
        requirement: Requirement,
    ) -> Result<Option<String>, TrustError> {
        let plugin = plugin_name(path).to_owned();
        let file = signature_path(Path::new(path));
        let Some(signature) = Signature::read(&file)? else {
            let file = file.display().to_string();
            return if requirement.needs_signature() {
                Err(TrustError::Unsigned { file, plugin })
            } else {
                Ok(None)
            };
        };
        if signature.signed() != digest {
            return Err(TrustError::OtherBytes {
                signed: signature.signed().clone(),
                found: digest.clone(),
            });
        }
        let Some((signer, key)) = self
            .keys
            .iter()
            .find(|(_, key)| key.fingerprint() == signature.key())
        else {
            let key = signature.key().to_owned();
            return if requirement.needs_signature() {
                Err(TrustError::UnknownKey { key })
            } else {
                Ok(None)
            };
        };
        if let Some(accepted) = rule
            .signers
            .as_ref()
            .filter(|accepted| !accepted.contains(signer))
        {
            return Err(TrustError::OtherSigner {
                signer: signer.clone(),
                plugin,
                accepted: accepted.clone(),
            });
        }
        if !signature.fits(key) {
            return Err(TrustError::Forged {
                signer: signer.clone(),
            });
        }
        Ok(Some(signer.clone()))
    }
}
