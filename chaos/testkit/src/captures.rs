//! Captures of real clusters: small ones in the project, long ones in a shared folder that not every machine has.

use std::path::{Path, PathBuf};

use operator_capture::{Capture, LoadError};

/// The environment variable with the folder of shared data. By default it is `../shared/data`, seen from the project.
pub const SHARED_DATA_VARIABLE: &str = "OPERATOR_SHARED_DATA";

/// The capture of this name in the project, without its extension.
///
/// # Errors
/// The file cannot be read.
pub fn in_project(name: &str) -> Result<Capture, LoadError> {
    Capture::load(&project_root().join(format!("testdata/cassettes/{name}.jsonl.gz")))
}

/// The shared captures, sorted by name; empty, with a line on standard error, where there are none.
#[must_use]
pub fn shared() -> Vec<PathBuf> {
    let Some(folder) = shared_data("cassettes") else {
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
#[expect(clippy::print_stderr, reason = "a test that is skipped must say so")]
pub fn shared_data(path: &str) -> Option<PathBuf> {
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

#[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
fn shared_folder() -> PathBuf {
    let beside = || project_root().join("../shared/data");
    std::env::var(SHARED_DATA_VARIABLE).map_or_else(|_| beside(), PathBuf::from)
}

fn project_root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
