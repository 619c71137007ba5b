//! Where tests find recordings: small ones in the project, long ones in a folder beside it that not everybody has.

use std::path::{Path, PathBuf};

use crate::cassette::{LoadError, Recording};

/// Names the folder of shared data when it does not lie beside the project.
pub const SHARED_DATA_VARIABLE: &str = "OPERATOR_SHARED_DATA";

/// The recording of that name in the project, without its extension. It is always there.
///
/// # Errors
/// The file is broken.
pub fn recording(name: &str) -> Result<Recording, LoadError> {
    Recording::load(&project_root().join(format!("testdata/cassettes/{name}.jsonl.gz")))
}

/// The shared recordings, sorted by name; empty, with a line on standard error, where there are none.
#[must_use]
pub fn shared_recordings() -> Vec<PathBuf> {
    let Some(folder) = shared("cassettes") else {
        return Vec::new();
    };
    let entries = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path());
    let mut found: Vec<PathBuf> = entries
        .filter(|path| path.to_string_lossy().contains(".jsonl"))
        .collect();
    found.sort();
    found
}

/// A file or folder of the shared data; `None`, with a line on standard error, where it is missing.
#[must_use]
#[expect(
    clippy::print_stderr,
    reason = "a test that looks at less than it could must say so"
)]
pub fn shared(path: &str) -> Option<PathBuf> {
    let place = shared_folder().join(path);
    if place.exists() {
        return Some(place);
    }
    eprintln!(
        "SKIPPED: no shared data at {} (set {SHARED_DATA_VARIABLE} to its folder)",
        place.display()
    );
    None
}

#[expect(
    clippy::disallowed_methods,
    reason = "only tests ask, and they have no configuration"
)]
fn shared_folder() -> PathBuf {
    let beside = || project_root().join("../shared/data");
    std::env::var(SHARED_DATA_VARIABLE).map_or_else(|_| beside(), PathBuf::from)
}

fn project_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
