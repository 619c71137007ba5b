//! Where things are: the root of the project, its outputs, and the cargo that runs us.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// The checkout that this task runner belongs to.
pub(crate) struct Workspace {
    /// The folder of the top-level `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// `CARGO_TARGET_DIR` or `target`.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// The checkout this binary was built from, so that it works from any folder below it.
    pub(crate) fn find() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"))
            .parent()
            .context("the task runner's folder has no parent")?
            .to_path_buf();
        let target = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => std::env::current_dir()
                .context("no working directory")?
                .join(folder),
            None => root.join("target"),
        };
        Ok(Self { root, target })
    }

    /// Where finished components lie: subjects here, invariants in a folder below.
    pub(crate) fn plugins(&self) -> PathBuf {
        self.target.join("plugins")
    }

    /// The build folder of all guests, so that they share one compiled standard library.
    pub(crate) fn guests_target(&self) -> PathBuf {
        self.target.join("guests")
    }

    /// The cargo that started us, in the root, with our target folder.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command
            .current_dir(&self.root)
            .env("CARGO_TARGET_DIR", &self.target);
        command.env("OPERATOR_PLUGINS", self.plugins());
        command
    }

    /// Long recordings, which not everybody has.
    pub(crate) fn shared_data(&self) -> PathBuf {
        let beside = || self.root.join("../shared/data");
        std::env::var_os("OPERATOR_SHARED_DATA").map_or_else(beside, PathBuf::from)
    }

    /// The path as a person would type it from the root.
    pub(crate) fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .display()
            .to_string()
    }

    /// The folders whose packages are compiled to components, with the folder of their outputs.
    pub(crate) fn guest_folders(&self) -> [(PathBuf, PathBuf); 2] {
        [
            (self.root.join("subjects"), self.plugins()),
            (
                self.root.join("invariants"),
                self.plugins().join("invariants"),
            ),
        ]
    }
}
