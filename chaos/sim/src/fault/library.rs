//! The fault files that are built into the program.

use super::{Fault, check};
use include_dir::{Dir, include_dir};
use std::sync::OnceLock;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/faults");

/// Every problem of a set of fault files.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} problems in fault files:\n{}", problems.len(), problems.join("\n"))]
pub struct FaultFileError {
    /// One line each, starting with the name of the fault.
    pub problems: Vec<String>,
}

/// Every built-in fault, by name.
///
/// A test loads the files, so a tested program has no error here.
#[must_use]
pub fn all() -> &'static [Fault] {
    static FAULTS: OnceLock<Vec<Fault>> = OnceLock::new();
    FAULTS.get_or_init(|| load(&built_in()).unwrap_or_default())
}

/// The built-in fault of this name.
#[must_use]
pub fn by_id(id: &str) -> Option<&'static Fault> {
    all().iter().find(|fault| fault.id == id)
}

/// Name and text of each built-in file.
pub(super) fn built_in() -> Vec<(&'static str, &'static str)> {
    crate::embedded::toml_files(&FILES)
}

/// Parses faults from names and texts.
///
/// # Errors
/// Every problem of every file.
pub fn load(files: &[(&str, &str)]) -> Result<Vec<Fault>, FaultFileError> {
    let mut faults = Vec::new();
    let mut problems = Vec::new();
    for (name, text) in files {
        match toml::from_str::<Fault>(text) {
            Ok(fault) if fault.id == *name => faults.push(fault),
            Ok(fault) => problems.push(format!(
                "{name}: its id is {}, not the name of its file",
                fault.id
            )),
            Err(error) => {
                problems.push(format!("{name}: {}", error.to_string().replace('\n', " ")))
            }
        }
    }
    faults.sort_by(|left, right| left.id.cmp(&right.id));
    problems.extend(check::problems(&faults));
    if problems.is_empty() {
        Ok(faults)
    } else {
        Err(FaultFileError { problems })
    }
}
