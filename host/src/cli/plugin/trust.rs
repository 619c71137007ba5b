//! `operator plugin lock`, `keygen` and `sign`: make components trusted.

use super::{read, unusable};
use crate::cli::Console;
use crate::exit::{Exit, Failure};
use operator_model::Digest;
use operator_plugin_host::{
    LOCK_FILE, LockFile, PluginLimits, PrivateKey, Signature, inspect, plugin_name, signature_path,
};
use serde::Serialize;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LockArgs {
    /// Components to pin, by the stem of their file names
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Lock file; entries of other plugins are kept
    #[arg(long, value_name = "FILE", default_value = LOCK_FILE)]
    lock_file: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct KeygenArgs {
    /// Base path of the keys: NAME.key (secret) and NAME.pub
    #[arg(value_name = "NAME")]
    name: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct SignArgs {
    /// Private key written by `operator plugin keygen`
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Components to sign
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

#[derive(Serialize)]
struct LockEntry {
    plugin: String,
    sha256: Digest,
    /// Absent when the plugin is new in the lock file or has not changed.
    before: Option<Digest>,
}

#[derive(Serialize)]
struct Keys {
    private: String,
    public: String,
    fingerprint: String,
}

#[derive(Serialize)]
struct SignatureEntry {
    file: String,
    signature: String,
    sha256: Digest,
    key: String,
}

pub(super) fn lock(args: &LockArgs, console: &Console) -> Result<Exit, Failure> {
    let wrong =
        |error: operator_plugin_host::LockError| Failure::new(Exit::Config, error.to_string());
    let mut lock = if args.lock_file.exists() {
        LockFile::read(&args.lock_file).map_err(wrong)?
    } else {
        LockFile::default()
    };
    let mut locked = Vec::new();
    for file in &args.files {
        let plugin = plugin_name(&file.display().to_string()).to_owned();
        let sha256 = admitted(file)?;
        let before = lock
            .set(&plugin, sha256.clone())
            .filter(|before| *before != sha256);
        locked.push(LockEntry {
            plugin,
            sha256,
            before,
        });
    }
    lock.write(&args.lock_file)
        .map_err(|error| Failure::new(Exit::Io, error.to_string()))?;
    if console.json {
        console.value(&locked)?;
    } else {
        for LockEntry {
            plugin,
            sha256,
            before,
        } in &locked
        {
            let change = before
                .as_ref()
                .map(|before| format!(" (was {})", short(before)))
                .unwrap_or_default();
            console.line(&format!("pinned {plugin} to {}{change}", short(sha256)))?;
        }
    }
    Ok(Exit::Success)
}

pub(super) fn keygen(args: &KeygenArgs, console: &Console) -> Result<Exit, Failure> {
    let ending = |ending: &str| {
        let mut path = args.name.as_os_str().to_owned();
        path.push(ending);
        PathBuf::from(path)
    };
    let private = ending(".key");
    let public = ending(".pub");
    let key = PrivateKey::generate().map_err(|why| Failure::new(Exit::Io, why))?;
    let cannot =
        |error: operator_plugin_host::KeyError| Failure::new(Exit::Config, error.to_string());
    // The public half first: if it already exists, no secret has been written.
    key.public().write(&public).map_err(cannot)?;
    key.write(&private).map_err(cannot)?;
    let shown = |path: &Path| path.display().to_string();
    let keys = Keys {
        private: shown(&private),
        public: shown(&public),
        fingerprint: key.public().fingerprint(),
    };
    if console.json {
        console.value(&keys)?;
    } else {
        console.line(&format!(
            "private key {} (keep it secret)\npublic key  {} (list it in [trust.keys])\nfingerprint {}",
            keys.private, keys.public, keys.fingerprint
        ))?;
    }
    Ok(Exit::Success)
}

pub(super) fn sign(args: &SignArgs, console: &Console) -> Result<Exit, Failure> {
    let key = PrivateKey::read(&args.key)
        .map_err(|error| Failure::new(Exit::Config, error.to_string()))?;
    let mut all = Vec::new();
    for file in &args.files {
        let sha256 = admitted(file)?;
        let path = signature_path(file);
        let cannot = |error: std::io::Error| {
            Failure::new(
                Exit::Io,
                format!("cannot write {}: {error}", path.display()),
            )
        };
        Signature::new(&key, &sha256).write(&path).map_err(cannot)?;
        let file = file.display().to_string();
        let signature = path.display().to_string();
        all.push(SignatureEntry {
            file,
            signature,
            sha256,
            key: key.public().fingerprint(),
        });
    }
    if console.json {
        console.value(&all)?;
    } else {
        for SignatureEntry {
            file,
            signature,
            key,
            ..
        } in &all
        {
            console.line(&format!("signed {file} with {key}: {signature}"))?;
        }
    }
    Ok(Exit::Success)
}

/// The digest of an admissible component; anything else is not worth pinning or signing.
fn admitted(file: &Path) -> Result<Digest, Failure> {
    let inspection = inspect(
        &file.display().to_string(),
        &read(file)?,
        &PluginLimits::default(),
    );
    inspection
        .map(|inspection| inspection.digest)
        .map_err(|error| unusable(&error))
}

fn short(digest: &Digest) -> &str {
    digest.as_str().get(..12).unwrap_or(digest.as_str())
}
