//! Key files. A private key is readable by its owner only and is never overwritten.

use super::{from_hex, read_small};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Hexadecimal digits of a fingerprint: 64 bits tell keys apart; what is trusted is the whole key.
const FINGERPRINT_DIGITS: usize = 16;

/// A key file cannot be made or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("key file {file}: {why}")]
pub struct KeyError {
    /// Which file.
    pub file: String,
    /// What is wrong.
    pub why: String,
}

/// Signs plugins.
pub struct PrivateKey {
    pair: Ed25519KeyPair,
    pkcs8: Vec<u8>,
}

/// Checks signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

/// A file `NAME.key`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PrivateFile {
    /// PKCS#8 in hexadecimal digits.
    ed25519_private: String,
}

/// A file `NAME.pub`.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicFile {
    /// 32 bytes in hexadecimal digits.
    ed25519_public: String,
}

impl PrivateKey {
    /// A new key from the system's randomness.
    ///
    /// # Errors
    /// The system has none.
    pub fn generate() -> Result<Self, String> {
        let no_randomness = |_| "the system gave no randomness".to_owned();
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(no_randomness)?;
        Self::from_pkcs8(pkcs8.as_ref().to_vec())
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// It cannot be read or holds no key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let read = || {
            let file: PrivateFile =
                toml::from_str(&read_small(path)?).map_err(|_| not_a("private"))?;
            Self::from_pkcs8(hex::decode(file.ed25519_private).map_err(|_| not_a("private"))?)
        };
        read().map_err(|why| KeyError {
            file: path.display().to_string(),
            why,
        })
    }

    /// Writes a new file that only its owner can read.
    ///
    /// # Errors
    /// There is a file already, or none can be written.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        let file = PrivateFile {
            ed25519_private: hex::encode(&self.pkcs8),
        };
        write_new(
            path,
            0o600,
            "Signs plugins. Keep it secret and off the machine that runs the operator.",
            &file,
        )
    }

    /// The other half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        // An ed25519 public key has 32 bytes; ring gives no array.
        let mut bytes = [0; 32];
        bytes
            .iter_mut()
            .zip(self.pair.public_key().as_ref())
            .for_each(|(to, from)| *to = *from);
        PublicKey(bytes)
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.pair.sign(message).as_ref().to_vec()
    }

    fn from_pkcs8(pkcs8: Vec<u8>) -> Result<Self, String> {
        let pair = Ed25519KeyPair::from_pkcs8(&pkcs8).map_err(|_| not_a("private"))?;
        Ok(Self { pair, pkcs8 })
    }
}

impl PublicKey {
    /// Reads a key file.
    ///
    /// # Errors
    /// It cannot be read or holds no key.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let read = || {
            let file: PublicFile =
                toml::from_str(&read_small(path)?).map_err(|_| not_a("public"))?;
            from_hex("ed25519_public", &file.ed25519_public).map(Self)
        };
        read().map_err(|why| KeyError {
            file: path.display().to_string(),
            why,
        })
    }

    /// Writes a new file.
    ///
    /// # Errors
    /// There is a file already, or none can be written.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        let file = PublicFile {
            ed25519_public: hex::encode(self.0),
        };
        write_new(
            path,
            0o644,
            "Checks signatures of plugins. Name it in [trust.keys].",
            &file,
        )
    }

    /// What signatures call it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        hex::encode(sha2::Sha256::digest(self.0))
            .chars()
            .take(FINGERPRINT_DIGITS)
            .collect()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

fn not_a(kind: &str) -> String {
    format!("it is not a {kind} key as `operator plugin keygen` writes it")
}

fn write_new(path: &Path, mode: u32, comment: &str, file: &impl Serialize) -> Result<(), KeyError> {
    let failed = |why: String| KeyError {
        file: path.display().to_string(),
        why,
    };
    let text = toml::to_string(file).map_err(|error| failed(error.to_string()))?;
    let mut open = OpenOptions::new();
    let mut file = open
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(|error| failed(error.to_string()))?;
    file.write_all(format!("# {comment}\n{text}").as_bytes())
        .map_err(|error| failed(error.to_string()))
}
