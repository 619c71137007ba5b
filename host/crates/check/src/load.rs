//! The first load of all check plugins, before the first tick: here any fault is an error.

use crate::version::Version;
use crate::{ActiveVersions, CheckSet};
use arc_swap::ArcSwap;
use operator_model::CheckId;
use operator_plugin_host::{Engine, LoadError, read_component};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Configuration of check plugins, as JSON objects by file stem; a check plugin without one gets `{}`.
pub type ModuleConfigs = BTreeMap<String, String>;

/// Files of check plugins in one directory; every one is compiled at start.
const MODULE_FILES_MAX: usize = 256;

/// The configuration of one check plugin: thresholds and names, not data.
const CONFIG_BYTES_MAX: u64 = 64 << 10;

/// Why the checks cannot be loaded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckSetError {
    /// Check plugins that cannot be used, all of them.
    #[error("{}", lines(.0))]
    Modules(Vec<LoadError>),
    /// Two check plugins declare the same check.
    #[error("the check {check} is declared by both {first} and {second}: remove one of them")]
    DuplicateCheck {
        /// The id.
        check: CheckId,
        /// Path or name of one check plugin.
        first: String,
        /// Path or name of the other.
        second: String,
    },
    /// A configuration next to a check plugin cannot be used.
    #[error("{0}")]
    Config(String),
    /// A directory that cannot be listed.
    #[error("cannot list check plugins in {path}: {why}")]
    Directory {
        /// The directory.
        path: String,
        /// The error of the operating system.
        why: String,
    },
}

impl CheckSet {
    /// Loads all check plugins of these files and directories (of which every `*.wasm`).
    ///
    /// # Errors
    /// All check plugins that cannot be used, or two that declare the same check.
    pub async fn load(
        engine: &Engine,
        sources: &[PathBuf],
        configs: ModuleConfigs,
    ) -> Result<Self, CheckSetError> {
        let (loaded, unusable) = Self::load_usable(engine, sources, configs).await?;
        if unusable.is_empty() {
            Ok(loaded)
        } else {
            Err(CheckSetError::Modules(unusable))
        }
    }

    /// As [`Self::load`], but leaves out check plugins that cannot be used, and reports why for
    /// each.
    ///
    /// # Errors
    /// As [`Self::load`], but for check plugins only when none of them can be used.
    pub async fn load_usable(
        engine: &Engine,
        sources: &[PathBuf],
        configs: ModuleConfigs,
    ) -> Result<(Self, Vec<LoadError>), CheckSetError> {
        let mut modules = Vec::new();
        let mut errors = Vec::new();
        for path in module_files(sources)? {
            match read_component(&path, engine.limits()) {
                Ok(bytes) => modules.push((path.display().to_string(), bytes)),
                Err(error) => errors.push(error),
            }
        }
        let mut all = configs;
        let mut files_with_config = BTreeSet::new();
        for (source, _) in &modules {
            if let Some(config) = config_beside(source).map_err(CheckSetError::Config)? {
                all.insert(stem_of(source), config);
                files_with_config.insert(source.clone());
            }
        }
        let (active, unusable) = gather(engine, modules, &all).await;
        errors.extend(unusable);
        if active.is_empty() && !errors.is_empty() {
            return Err(CheckSetError::Modules(errors));
        }
        let loaded = Self::of_roster(engine, active, all)?;
        let set = Self {
            sources: sources.to_vec(),
            files_with_config,
            ..loaded
        };
        for module in set.loaded() {
            let content = format!("{} {}", module.digest, module.config);
            set.swaps().acted_on.insert(module.source, content);
        }
        Ok((set, errors))
    }

    /// Loads check plugins that are in memory already, each with its path or name.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn from_modules(
        engine: &Engine,
        modules: Vec<(String, Vec<u8>)>,
        configs: ModuleConfigs,
    ) -> Result<Self, CheckSetError> {
        let (active, errors) = gather(engine, modules, &configs).await;
        if !errors.is_empty() {
            return Err(CheckSetError::Modules(errors));
        }
        Self::of_roster(engine, active, configs)
    }

    fn of_roster(
        engine: &Engine,
        active: ActiveVersions,
        configs: ModuleConfigs,
    ) -> Result<Self, CheckSetError> {
        refuse_duplicates(&active)?;
        Ok(Self {
            // What is loaded from now on is loaded in the background.
            engine: engine.in_background(),
            configs,
            sources: Vec::new(),
            files_with_config: BTreeSet::new(),
            active: ArcSwap::from_pointee(active),
            history: Mutex::default(),
            swaps: Mutex::default(),
            ring: Mutex::default(),
        })
    }
}

/// Loads each check plugin; one that cannot be used does not block the others.
async fn gather(
    engine: &Engine,
    modules: Vec<(String, Vec<u8>)>,
    configs: &ModuleConfigs,
) -> (ActiveVersions, Vec<LoadError>) {
    let mut active = ActiveVersions::new();
    let mut errors = Vec::new();
    for (source, bytes) in modules {
        match Version::load(engine, &source, bytes, config_of(configs, &source)).await {
            Ok(version) => drop(active.insert(source, Arc::new(version))),
            Err(error) => errors.push(error),
        }
    }
    (active, errors)
}

/// The configuration of the check plugin of this path or name.
pub(super) fn config_of<'a>(configs: &'a ModuleConfigs, source: &str) -> &'a str {
    configs.get(&stem_of(source)).map_or("{}", String::as_str)
}

/// `leaders` for `checks/leaders.wasm`.
pub(super) fn stem_of(source: &str) -> String {
    Path::new(source)
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// What `leaders.json` next to `leaders.wasm` contains, if it exists: a JSON object.
pub(super) fn config_beside(source: &str) -> Result<Option<String>, String> {
    let path = Path::new(source).with_extension("json");
    let wrong = |why: String| format!("cannot use the configuration {}: {why}", path.display());
    let mut text = String::new();
    match std::fs::File::open(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(error.to_string())),
        Ok(file) => file
            .take(CONFIG_BYTES_MAX + 1)
            .read_to_string(&mut text)
            .map_err(|error| wrong(error.to_string()))?,
    };
    if text.len() as u64 > CONFIG_BYTES_MAX {
        return Err(wrong(format!("larger than {CONFIG_BYTES_MAX} bytes")));
    }
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(value) if value.is_object() => Ok(Some(value.to_string())),
        Ok(_) => Err(wrong("not a JSON object".to_owned())),
        Err(error) => Err(wrong(error.to_string())),
    }
}

/// Files as given, and the `*.wasm` of directories, sorted.
pub fn module_files(sources: &[PathBuf]) -> Result<Vec<PathBuf>, CheckSetError> {
    let mut files = Vec::new();
    for source in sources {
        if source.is_dir() {
            files.extend(wasm_files(source).map_err(|why| CheckSetError::Directory {
                path: source.display().to_string(),
                why,
            })?);
        } else if source.exists() {
            files.push(source.clone());
        } else {
            let why = "no such file or directory; set the location of the checks with --invariants"
                .to_owned();
            return Err(CheckSetError::Directory {
                path: source.display().to_string(),
                why,
            });
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn wasm_files(directory: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "wasm")
        {
            files.push(path);
        }
    }
    if files.len() > MODULE_FILES_MAX {
        return Err(format!(
            "{} files; the limit is {MODULE_FILES_MAX}",
            files.len()
        ));
    }
    Ok(files)
}

/// No check id may belong to two check plugins.
pub(super) fn refuse_duplicates(active: &ActiveVersions) -> Result<(), CheckSetError> {
    let mut owners: BTreeMap<&CheckId, &str> = BTreeMap::new();
    for (source, module) in active {
        for check in module.checks() {
            if let Some(first) = owners.insert(&check.id, source) {
                let first = first.to_owned();
                let second = source.clone();
                return Err(CheckSetError::DuplicateCheck {
                    check: check.id.clone(),
                    first,
                    second,
                });
            }
        }
    }
    Ok(())
}

fn lines(errors: &[LoadError]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}
