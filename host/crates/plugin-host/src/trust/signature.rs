//! Detached signatures: `disk.wasm.sig` beside `disk.wasm`.
//!
//! Signed is the sha256 of the component behind a prefix that no other use of the key has. The digest
//! also stands in the file, so that "changed" can be told from "forged".

use super::key::{PrivateKey, PublicKey};
use super::{TrustError, from_hex, read_small};
use operator_model::Digest;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// What is signed begins with this.
const PREFIX: &[u8] = b"operator-plugin-signature-v1\0";

/// The content of a signature file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// sha256 of the component.
    sha256: Digest,
    /// Fingerprint of the key.
    key: String,
    /// 64 bytes in hexadecimal digits.
    ed25519: String,
}

/// Where the signature of a component is.
#[must_use]
pub fn signature_path(component: &Path) -> PathBuf {
    let mut path = component.as_os_str().to_owned();
    path.push(".sig");
    path.into()
}

impl Signature {
    /// Signs a component.
    #[must_use]
    pub fn new(key: &PrivateKey, digest: &Digest) -> Self {
        let ed25519 = hex::encode(key.sign(&message(digest)));
        Self {
            sha256: digest.clone(),
            key: key.public().fingerprint(),
            ed25519,
        }
    }

    /// Writes it beside the component, in place of an older one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        super::lock::replace(path, &toml::to_string(self).map_err(io::Error::other)?)
    }

    /// Reads it; `None` when there is no such file.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, TrustError> {
        if !path.exists() {
            return Ok(None);
        }
        let unreadable = |why| TrustError::SignatureUnreadable {
            file: path.display().to_string(),
            why,
        };
        let text = read_small(path).map_err(unreadable)?;
        let wrong = |_| unreadable("it is not what `operator plugin sign` writes".to_owned());
        toml::from_str(&text).map(Some).map_err(wrong)
    }

    /// What was signed.
    pub(super) fn signed(&self) -> &Digest {
        &self.sha256
    }

    /// Fingerprint of the key that it claims.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// Whether this key made it.
    pub(super) fn fits(&self, key: &PublicKey) -> bool {
        let Ok(signature) = from_hex::<64>("ed25519", &self.ed25519) else {
            return false;
        };
        UnparsedPublicKey::new(&ED25519, key.bytes())
            .verify(&message(&self.sha256), &signature)
            .is_ok()
    }
}

fn message(digest: &Digest) -> Vec<u8> {
    [PREFIX, digest.as_str().as_bytes()].concat()
}
