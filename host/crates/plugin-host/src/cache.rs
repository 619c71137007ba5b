//! Compiled code, kept between runs. The files hold native code that this process executes, so the
//! directory must be ours alone and every file is checked against its own digest before use.
//!
//! This is the only `unsafe` of the project.

mod metadata;

use metadata::{EntryMetadata, Kept};
use operator_model::Digest;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{
    DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _,
};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use wasmtime::component::Component;

/// Changes when the layout of the files does.
const FORMAT: &str = "2";

/// Largest file that is read. The code of the largest known guest takes 35 MB.
const FILE_BYTES_MAX: u64 = 512 << 20;

/// Files that were found damaged and are kept for whoever wants to know why.
const QUARANTINED_MAX: usize = 8;

/// Where those are, in the cache's directory.
const QUARANTINE: &str = "quarantine";

/// Length of the sha256 in front of the code.
const SEAL_BYTES: usize = 32;

/// A directory with compiled code.
#[derive(Debug)]
pub(crate) struct CodeCache {
    directory: PathBuf,
    /// Compiler and settings of the one engine that uses this cache.
    engine_key: OnceLock<String>,
    /// Counts on from the newest use that is written down.
    uses_so_far: AtomicU64,
    /// Uses that are not written down yet: how many, and the newest.
    noted: Mutex<BTreeMap<String, (u64, u64)>>,
}

/// Where code comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin<'a> {
    /// Stem of the plugin's file.
    pub(crate) plugin: &'a str,
    /// Size of the component.
    pub(crate) component_bytes: u64,
    /// What compiling took.
    pub(crate) compile_ms: u64,
}

/// A component that need not be compiled again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WarmCode {
    /// Stem of the plugin's file.
    pub plugin: String,
    /// sha256 of the component.
    pub digest: Digest,
    /// Size of the code.
    pub code_bytes: u64,
    /// What compiling took.
    pub compile_ms: u64,
    /// Times that the code was taken out of the cache.
    pub uses: u64,
    /// One of the last two versions of its plugin, which stay for a roll-back.
    pub pinned: bool,
}

impl CodeCache {
    /// Opens or makes the directory.
    ///
    /// # Errors
    /// It cannot be made or written, or it belongs to another user.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)?;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
        let mut cache = Self {
            directory: directory.to_owned(),
            engine_key: OnceLock::new(),
            uses_so_far: AtomicU64::default(),
            noted: Mutex::default(),
        };
        cache.refuse_if_shared()?;
        let newest = cache
            .kept("")
            .iter()
            .map(|kept| kept.metadata.used_at)
            .max();
        cache.uses_so_far = AtomicU64::new(newest.unwrap_or(0));
        Ok(cache)
    }

    /// The compiled form of a component, if it is kept and whole. A damaged file is put aside.
    pub(crate) fn load(&self, engine: &wasmtime::Engine, digest: &Digest) -> Option<Component> {
        let stem = self.stem(engine, digest);
        let path = self.file(&stem, "code");
        let bytes = read_sealed(&path).ok()?;
        let Some(component) = unsealed(&bytes).and_then(|code| deserialize(engine, code)) else {
            self.quarantine(&path);
            return None;
        };
        self.count_use(stem);
        Some(component)
    }

    /// Keeps a compiled component: written aside, then renamed, so that no reader sees a part.
    ///
    /// # Errors
    /// The disk is full or the directory is gone. The caller goes on without.
    pub(crate) fn store(
        &self,
        engine: &wasmtime::Engine,
        digest: &Digest,
        component: &Component,
        origin: Origin<'_>,
        bytes_max: u64,
    ) -> io::Result<()> {
        let code = component.serialize().map_err(io::Error::other)?;
        let stem = self.stem(engine, digest);
        let used_at = self.uses_so_far.fetch_add(1, Ordering::Relaxed) + 1;
        let Origin {
            plugin,
            component_bytes,
            compile_ms,
        } = origin;
        let plugin = plugin.to_owned();
        write(&self.file(&stem, "code"), &[&Sha256::digest(&code), &code])?;
        self.write_metadata(
            &stem,
            &EntryMetadata {
                plugin,
                component_bytes,
                compile_ms,
                uses: 0,
                used_at,
            },
        )?;
        self.shrink(engine, bytes_max)
    }

    /// Everything that this engine can use, sorted by plugin, the newest version first.
    pub(crate) fn warm(&self, engine: &wasmtime::Engine) -> Vec<WarmCode> {
        self.write_uses();
        let kept = self.kept(self.engine_key(engine));
        let pinned = metadata::pinned(&kept);
        let mut ours: Vec<Kept> = kept.into_iter().filter(|kept| kept.ours).collect();
        ours.sort_by(|a, b| {
            a.metadata
                .plugin
                .cmp(&b.metadata.plugin)
                .then(b.metadata.used_at.cmp(&a.metadata.used_at))
        });
        let warm = |kept: Kept| WarmCode {
            digest: Digest(kept.stem.split('-').next().unwrap_or_default().to_owned()),
            pinned: pinned.contains(&kept.stem),
            plugin: kept.metadata.plugin,
            code_bytes: kept.code_bytes,
            compile_ms: kept.metadata.compile_ms,
            uses: kept.metadata.uses,
        };
        ours.into_iter().map(warm).collect()
    }

    /// The name holds everything that decides whether the code fits: component, compiler, settings.
    fn stem(&self, engine: &wasmtime::Engine, digest: &Digest) -> String {
        format!("{digest}-{}-{FORMAT}", self.engine_key(engine))
    }

    fn engine_key(&self, engine: &wasmtime::Engine) -> &str {
        self.engine_key.get_or_init(|| {
            let mut hasher = Sha256Hasher(Sha256::new());
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hex::encode(hasher.0.finalize()).chars().take(16).collect()
        })
    }

    fn file(&self, stem: &str, ending: &str) -> PathBuf {
        self.directory.join(format!("{stem}.{ending}"))
    }

    fn write_metadata(&self, stem: &str, metadata: &EntryMetadata) -> io::Result<()> {
        write(&self.file(stem, "json"), &[&serde_json::to_vec(metadata)?])
    }

    fn metadata(&self, stem: &str) -> EntryMetadata {
        let text = fs::read(self.file(stem, "json")).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Remembers that code was used. Written down later: taking code out must cost no write.
    fn count_use(&self, stem: String) {
        let used_at = self.uses_so_far.fetch_add(1, Ordering::Relaxed) + 1;
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = noted.entry(stem).or_default();
        *entry = (entry.0 + 1, used_at);
    }

    /// Writes the uses down. Two operators that do so at once lose some counts and nothing else.
    fn write_uses(&self) {
        let noted = std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner));
        for (stem, (uses, used_at)) in noted
            .into_iter()
            .filter(|(stem, _)| self.file(stem, "code").exists())
        {
            let metadata = self.metadata(&stem);
            // A cache that cannot be written still serves what it has.
            let _ = self.write_metadata(
                &stem,
                &EntryMetadata {
                    uses: metadata.uses.saturating_add(uses),
                    used_at,
                    ..metadata
                },
            );
        }
    }

    /// Every file of code; what is not readable is not there.
    fn kept(&self, engine_key: &str) -> Vec<Kept> {
        let entries = fs::read_dir(&self.directory)
            .into_iter()
            .flatten()
            .flatten();
        let codes = entries.filter(|entry| {
            entry
                .path()
                .extension()
                .is_some_and(|extension| extension == "code")
        });
        let kept = codes.filter_map(|entry| {
            let stem = entry.path().file_stem()?.to_str()?.to_owned();
            let code_bytes = entry.metadata().ok()?.len();
            let ours = stem.ends_with(&format!("-{engine_key}-{FORMAT}"));
            Some(Kept {
                metadata: self.metadata(&stem),
                stem,
                code_bytes,
                ours,
            })
        });
        let mut kept: Vec<Kept> = kept.collect();
        kept.sort_by(|a, b| a.stem.cmp(&b.stem));
        kept
    }

    /// Removes what is worth least until the rest fits.
    fn shrink(&self, engine: &wasmtime::Engine, bytes_max: u64) -> io::Result<()> {
        self.write_uses();
        for stem in metadata::to_remove(&self.kept(self.engine_key(engine)), bytes_max) {
            let _ = fs::remove_file(self.file(&stem, "json"));
            // Another operator may have removed it already.
            fs::remove_file(self.file(&stem, "code")).or_else(|error| match error.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })?;
        }
        Ok(())
    }

    /// Puts a damaged file where nothing loads it, and keeps the newest few of them.
    fn quarantine(&self, path: &Path) {
        let aside = self.directory.join(QUARANTINE);
        let name = path.file_name().unwrap_or_default();
        let moved = DirBuilder::new().recursive(true).mode(0o700).create(&aside);
        if moved
            .and_then(|()| fs::rename(path, aside.join(name)))
            .is_err()
        {
            let _ = fs::remove_file(path);
        }
        tracing::warn!(file = %name.display(), "Compiled code is damaged; it is put aside and compiled again.");
        let modified = |path: &PathBuf| {
            fs::metadata(path)
                .and_then(|metadata| metadata.modified())
                .ok()
        };
        let mut files: Vec<PathBuf> = fs::read_dir(&aside)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        files.sort_by_cached_key(|path| (modified(path), path.clone()));
        let excess = files.len().saturating_sub(QUARANTINED_MAX);
        files
            .iter()
            .take(excess)
            .for_each(|file| drop(fs::remove_file(file)));
    }

    /// A file of ours has our owner; the directory must have the same.
    fn refuse_if_shared(&self) -> io::Result<()> {
        let probe = self.directory.join(format!(".probe-{}", own_name()));
        let _ = fs::remove_file(&probe);
        let ours = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&probe)?
            .metadata()?
            .uid();
        fs::remove_file(&probe)?;
        let metadata = fs::symlink_metadata(&self.directory)?;
        if metadata.is_dir() && metadata.uid() == ours {
            Ok(())
        } else {
            Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "it is not a directory of this user",
            ))
        }
    }
}

impl Drop for CodeCache {
    fn drop(&mut self) {
        self.write_uses();
    }
}

/// A name that nobody else uses at the same time: several engines of one process may share a directory.
fn own_name() -> String {
    static USED: AtomicU64 = AtomicU64::new(0);
    format!(
        "{}-{}",
        std::process::id(),
        USED.fetch_add(1, Ordering::Relaxed)
    )
}

fn write(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let aside = path.with_extension(format!("{}.tmp", own_name()));
    let _ = fs::remove_file(&aside);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.sync_all()?;
    fs::rename(&aside, path)
}

/// The bytes of a file.
fn read_sealed(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let bytes = usize::try_from(file.metadata()?.len().min(FILE_BYTES_MAX)).unwrap_or_default();
    // One byte more, so that the end is seen without growing.
    let mut bytes = Vec::with_capacity(bytes + 1);
    file.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The code behind the seal, `None` when the seal does not match.
fn unsealed(bytes: &[u8]) -> Option<&[u8]> {
    let (seal, code) = bytes.split_first_chunk::<SEAL_BYTES>()?;
    (Sha256::digest(code).as_slice() == seal).then_some(code)
}

/// Loads code that this process compiled a moment ago and has kept in its own memory since.
pub(crate) fn own_code(engine: &wasmtime::Engine, code: &[u8]) -> Option<Component> {
    deserialize(engine, code)
}

#[expect(
    unsafe_code,
    reason = "running kept native code needs it; the safety comment says why it is sound"
)]
fn deserialize(engine: &wasmtime::Engine, code: &[u8]) -> Option<Component> {
    // SAFETY: `code` must be what wasmtime's compiler returned. It comes from two places. `own_code`
    // is called by `compile.rs` with what its own compiler thread sent it. Otherwise only
    // `CodeCache::store` writes the files, into a directory of mode 0700 that belongs to this user;
    // the digest in front of the code, checked by `unsealed`, rules out torn and rotten files; and
    // the code is read into our own memory, so that it cannot change underneath. Code of another
    // compiler or of other settings is refused by wasmtime itself.
    unsafe { Component::deserialize(engine, code) }.ok()
}

/// Feeds a `Hash` into a hash that is the same in every build, unlike the standard library's.
struct Sha256Hasher(Sha256);

impl Hasher for Sha256Hasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Not asked for: the digest is taken instead.
    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests;
