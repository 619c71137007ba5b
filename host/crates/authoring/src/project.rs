//! `plugin.toml`: what a folder builds, and from where.

use super::language::{Kind, Language};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The file that makes a folder a project.
pub(super) const FILE: &str = "plugin.toml";

/// A folder with a plugin in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// The folder, absolute.
    pub root: PathBuf,
    /// Lower-case words joined by hyphens.
    pub name: String,
    /// What it is written in.
    pub language: Language,
    /// What it does.
    pub kind: Kind,
    /// The contract's folder, absolute; the SDKs lie below it.
    pub wit: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    plugin: Written,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    language: Language,
    kind: Kind,
    #[serde(default = "default_wit")]
    wit: PathBuf,
}

fn default_wit() -> PathBuf {
    PathBuf::from("wit")
}

impl Project {
    /// Reads the project of a folder.
    ///
    /// # Errors
    /// There is none, or something in it is wrong.
    pub fn open(folder: &Path) -> Result<Self> {
        let root = folder
            .canonicalize()
            .with_context(|| format!("no folder {}", folder.display()))?;
        let file = root.join(FILE);
        let advice = "`operator plugin new` makes a project";
        let text = std::fs::read_to_string(&file)
            .with_context(|| format!("no {FILE} in {}; {advice}", root.display()))?;
        let Document { plugin } =
            toml::from_str(&text).with_context(|| format!("{} is wrong", file.display()))?;
        ensure!(
            operator_plugin_host::is_identifier(&plugin.name),
            "{}: the name {:?} is no lower-case word",
            file.display(),
            plugin.name
        );
        let wit = root.join(&plugin.wit);
        let wit = wit
            .canonicalize()
            .with_context(|| format!("{}: no contract in {}", file.display(), wit.display()))?;
        Ok(Self {
            root,
            name: plugin.name,
            language: plugin.language,
            kind: plugin.kind,
            wit,
        })
    }

    /// The SDK of its language.
    #[must_use]
    pub fn sdk(&self) -> PathBuf {
        self.wit.join("sdk").join(self.language.name())
    }

    /// Where its component lies unless something else is asked for.
    #[must_use]
    pub fn default_output(&self) -> PathBuf {
        self.root.join("build").join(format!("{}.wasm", self.name))
    }

    /// Files of its own folder with this ending, sorted; not those below it.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn sources(&self, ending: &str) -> Result<Vec<PathBuf>> {
        let entries = self
            .root
            .read_dir()
            .with_context(|| format!("cannot read {}", self.root.display()))?;
        let mut files: Vec<PathBuf> = entries
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == ending)
            })
            .collect();
        files.sort();
        ensure!(
            !files.is_empty(),
            "no file *.{ending} in {}",
            self.root.display()
        );
        Ok(files)
    }
}
