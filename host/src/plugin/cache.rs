//! Compiled code, kept between runs. The files hold native code that this process executes, so the
//! directory must be ours alone and every file is checked against its own digest before use.
//!
//! This is the only `unsafe` of the project.

use crate::model::Digest;
use sha2::{Digest as _, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::hash::{Hash, Hasher};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use wasmtime::component::Component;

/// Changes when the layout of the files does.
const FORMAT: &str = "1";

/// Files that are kept: 16 plugins in two versions, twice. The oldest go first.
const FILES_MAX: usize = 64;

/// Largest file that is read. The code of the largest known guest takes 35 MB.
const FILE_BYTES_MAX: u64 = 512 << 20;

/// Length of the sha256 in front of the code.
const SEAL_BYTES: usize = 32;

/// A directory with compiled code.
#[derive(Debug)]
pub(crate) struct CodeCache {
    directory: PathBuf,
}

impl CodeCache {
    /// Opens or makes the directory.
    ///
    /// # Errors
    /// It cannot be made or written, or it belongs to another user.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
        let cache = Self { directory: directory.to_owned() };
        cache.refuse_if_shared()?;
        Ok(cache)
    }

    /// The compiled form of a component, if it is kept and whole. A damaged file is removed.
    pub(crate) fn load(&self, engine: &wasmtime::Engine, digest: &Digest) -> Option<Component> {
        let path = self.path(engine, digest);
        let code = read_sealed(&path).ok()?;
        let component = code.and_then(|code| deserialize(engine, &code));
        if component.is_none() {
            let _ = fs::remove_file(&path);
        }
        component
    }

    /// Keeps a compiled component: written aside, then renamed, so that no reader sees a part.
    ///
    /// # Errors
    /// The disk is full or the directory is gone. The caller goes on without.
    pub(crate) fn store(&self, engine: &wasmtime::Engine, digest: &Digest, component: &Component) -> io::Result<()> {
        let code = component.serialize().map_err(io::Error::other)?;
        let path = self.path(engine, digest);
        let aside = path.with_extension(format!("{}.tmp", std::process::id()));
        let _ = fs::remove_file(&aside);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
        file.write_all(&Sha256::digest(&code))?;
        file.write_all(&code)?;
        file.sync_all()?;
        fs::rename(&aside, &path)?;
        self.forget_oldest()
    }

    /// The name holds everything that decides whether the code fits: component, compiler, settings.
    fn path(&self, engine: &wasmtime::Engine, digest: &Digest) -> PathBuf {
        let mut hasher = Sha256Hasher(Sha256::new());
        engine.precompile_compatibility_hash().hash(&mut hasher);
        let engine_key: String = hex::encode(hasher.0.finalize()).chars().take(16).collect();
        self.directory.join(format!("{digest}-{engine_key}-{FORMAT}.code"))
    }

    /// A file of ours has our owner; the directory must have the same.
    fn refuse_if_shared(&self) -> io::Result<()> {
        let probe = self.directory.join(format!(".probe-{}", std::process::id()));
        let _ = fs::remove_file(&probe);
        let ours = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&probe)?.metadata()?.uid();
        fs::remove_file(&probe)?;
        let metadata = fs::symlink_metadata(&self.directory)?;
        if metadata.is_dir() && metadata.uid() == ours {
            Ok(())
        } else {
            Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is not a directory of this user"))
        }
    }

    fn forget_oldest(&self) -> io::Result<()> {
        let mut files: Vec<_> = fs::read_dir(&self.directory)?
            .filter_map(|entry| entry.ok().and_then(|entry| Some((entry.metadata().ok()?.mtime(), entry.path()))))
            .filter(|(_, path)| path.extension().is_some_and(|extension| extension == "code"))
            .collect();
        files.sort();
        let excess = files.len().saturating_sub(FILES_MAX);
        files.iter().take(excess).try_for_each(|(_, path)| fs::remove_file(path))
    }
}

/// The code of a file, `None` when the seal does not match.
fn read_sealed(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    let Some((seal, code)) = bytes.split_first_chunk::<SEAL_BYTES>() else { return Ok(None) };
    Ok((Sha256::digest(code).as_slice() == seal).then(|| code.to_vec()))
}

#[expect(unsafe_code, reason = "running kept native code needs it; the safety comment says why it is sound")]
fn deserialize(engine: &wasmtime::Engine, code: &[u8]) -> Option<Component> {
    // SAFETY: `code` must be what `Component::serialize` returned. Only `CodeCache::store` writes
    // these files, into a directory of mode 0700 that belongs to this user; the digest in front of
    // the code, checked by `read_sealed`, rules out torn and rotten files; and the code is read into
    // our own memory, so that it cannot change underneath. Code of another compiler or of other
    // settings is refused by wasmtime itself.
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
