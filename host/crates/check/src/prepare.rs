//! Preparing new versions, in the background: reading, compiling, asking, rehearsing.

use crate::load::{config_beside, config_of, module_files};
use crate::swap::Candidate;
use crate::trial::Stage;
use crate::version::Version;
use crate::{CheckSet, LoadedModule};
use operator_model::{CheckId, Digest};
use operator_plugin_host::{LoadError, read_component};
use sha2::Digest as _;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// Why a request to swap or to go back cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SwapRefused {
    /// There is no such check plugin.
    #[error("no check plugin named {name:?}; did you mean {nearest}? Available: {}", known.join(", "))]
    NoSuchModule {
        /// What was asked for.
        name: String,
        /// The most similar one.
        nearest: String,
        /// All of them.
        known: Vec<String>,
    },
    /// There is nothing to go back to.
    #[error("{0} has no previous version to roll back to")]
    NoVersionBefore(String),
    /// It is that version already.
    #[error("{0} is already active with this component and configuration")]
    Unchanged(String),
    /// The file cannot take part.
    #[error("{0}")]
    Unfit(String),
}

impl CheckSet {
    /// Compares the files with what was last acted on and prepares what changed. Slow (it
    /// compiles), so never called on the way of a tick; [`Self::commit_pending`] puts the result
    /// into effect.
    pub async fn prepare_changes(&self) {
        let Some(files) = self.present_files() else {
            return;
        };
        let active = self.active.load_full();
        for source in active.keys().filter(|source| !files.contains(*source)) {
            self.swaps().acted_on.remove(source);
            self.propose(source, Some(Candidate::Gone));
        }
        for source in &files {
            if let Some(candidate) = self.prepare_file(source, active.get(source)).await {
                self.propose(source, candidate);
            }
        }
    }

    /// A user supplies a version of the check plugin `name`: it is prepared and rehearsed here, and
    /// tried from the next tick boundary on. The check plugin's own file stays as it is, and is not
    /// looked at until it changes.
    ///
    /// # Errors
    /// Why it is not going to be tried.
    pub async fn propose_version(
        &self,
        name: &str,
        file: &Path,
        config: Option<&str>,
    ) -> Result<LoadedModule, SwapRefused> {
        let unfit = |error: &dyn std::fmt::Display| SwapRefused::Unfit(error.to_string());
        let (source, active) = self.find(name)?;
        let bytes = read_component(file, self.engine.limits()).map_err(|error| unfit(&error))?;
        let config = config.unwrap_or_else(|| active.config());
        let shown = file.display().to_string();
        let version = Version::load(&self.engine, &shown, bytes, config)
            .await
            .map_err(|error| unfit(&error))?;
        if *version.digest() == *active.digest() && version.config() == active.config() {
            return Err(SwapRefused::Unchanged(name.to_owned()));
        }
        if version.info().name != active.info().name {
            let is = &version.info().name;
            let wanted = &active.info().name;
            return Err(SwapRefused::Unfit(format!(
                "{shown} is the check plugin {is}, not {wanted}"
            )));
        }
        let version = Arc::new(version);
        self.examine(&source, &version, Some(&active))
            .map_err(SwapRefused::Unfit)?;
        let parts = version.parts(&source);
        self.propose(&source, Some(Candidate::Ready(version)));
        Ok(parts)
    }

    /// The same component with another configuration, as [`Self::propose_version`].
    ///
    /// # Errors
    /// Why it is not going to be tried.
    pub async fn propose_config(
        &self,
        name: &str,
        config: &str,
    ) -> Result<LoadedModule, SwapRefused> {
        let (source, active) = self.find(name)?;
        let bytes = active.parts(&source).bytes.to_vec();
        let loaded = Version::load(&self.engine, &source, bytes, config).await;
        let version = Arc::new(loaded.map_err(|error| SwapRefused::Unfit(error.to_string()))?);
        self.examine(&source, &version, Some(&active))
            .map_err(SwapRefused::Unfit)?;
        let parts = version.parts(&source);
        self.propose(&source, Some(Candidate::Ready(version)));
        Ok(parts)
    }

    /// A user requests the previous version, from the next tick boundary on.
    ///
    /// # Errors
    /// There is no such check plugin, or no previous version.
    pub fn propose_rollback(&self, name: &str) -> Result<LoadedModule, SwapRefused> {
        let (source, _) = self.find(name)?;
        let before = self.swaps().previous(&source);
        let before = before.ok_or_else(|| SwapRefused::NoVersionBefore(name.to_owned()))?;
        let reason = "a user requested the previous version".to_owned();
        self.propose(&source, Some(Candidate::Back { reason }));
        Ok(before.parts(&source))
    }

    /// A check plugin by the name that it declares, or by the stem of its file.
    fn find(&self, name: &str) -> Result<(String, Arc<Version>), SwapRefused> {
        let active = self.active.load();
        let is = |(source, version): &(&String, &Arc<Version>)| {
            version.info().name == name || super::load::stem_of(source) == name
        };
        if let Some((source, version)) = active.iter().find(is) {
            return Ok((source.clone(), Arc::clone(version)));
        }
        let known: Vec<String> = active
            .values()
            .map(|version| version.info().name.clone())
            .collect();
        let nearest = known
            .iter()
            .min_by_key(|known| strsim::levenshtein(known, name))
            .cloned()
            .unwrap_or_default();
        Err(SwapRefused::NoSuchModule {
            name: name.to_owned(),
            nearest,
            known,
        })
    }

    /// The files of all sources. `None` when a source is not there at all: a directory that is just
    /// being replaced, or a disk that is not mounted, must not take every check away.
    fn present_files(&self) -> Option<BTreeSet<String>> {
        if self.sources.is_empty() {
            return None;
        }
        if let Some(missing) = self.sources.iter().find(|source| !source.exists()) {
            tracing::warn!(source = %missing.display(), "check plugins are missing; the active versions stay active");
            return None;
        }
        match module_files(&self.sources) {
            Ok(files) => Some(
                files
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect(),
            ),
            Err(error) => {
                tracing::warn!(%error, "cannot list the check plugins; the active versions stay active");
                None
            }
        }
    }

    /// What to do about one file: nothing when it is what was acted on last; `Some(None)` when it
    /// is again the active version, so that an earlier proposal is withdrawn.
    async fn prepare_file(
        &self,
        source: &str,
        active: Option<&Arc<Version>>,
    ) -> Option<Option<Candidate>> {
        let read = read_component(Path::new(source), self.engine.limits())
            .map_err(|error| error.to_string());
        let config = match config_beside(source) {
            Ok(Some(config)) => Ok(config),
            Ok(None) => Ok(self.config_without_file(source)),
            Err(reason) => Err(reason),
        };
        let (bytes, config) = match (read, config) {
            (Ok(bytes), Ok(config)) => (bytes, config),
            (Err(reason), _) | (_, Err(reason)) => {
                return self
                    .act_on(source, &reason)
                    .then_some(Some(Candidate::Unfit {
                        digest: None,
                        reason,
                    }));
            }
        };
        let digest = Digest(hex::encode(sha2::Sha256::digest(&bytes)));
        let is_active =
            active.is_some_and(|active| *active.digest() == digest && active.config() == config);
        let before = self.swaps().acted_on.get(source).cloned();
        let acts = self.act_on(source, &format!("{digest} {config}"));
        if is_active || !acts {
            return (is_active && acts).then_some(None);
        }
        let loaded = Version::load(&self.engine, source, bytes, &config).await;
        if let Err(error @ LoadError::Untrusted { .. }) = &loaded {
            // Its signature or its lock may follow: it is evaluated again whenever a file changes,
            // and reported once.
            let reason = error.to_string();
            self.act_on(source, &reason);
            let is_news = before.as_deref() != Some(reason.as_str());
            return is_news.then_some(Some(Candidate::Unfit {
                digest: None,
                reason,
            }));
        }
        let loaded = loaded.map_err(|error| error.to_string());
        let examined = loaded.map(Arc::new).and_then(|version| {
            self.examine(source, &version, active)?;
            Ok(version)
        });
        Some(Some(match examined {
            Ok(version) => Candidate::Ready(version),
            Err(reason) => Candidate::Unfit {
                digest: Some(digest),
                reason,
            },
        }))
    }

    /// Without a file next to it a check plugin has the configuration of `operator.toml`; when the
    /// file is removed, its configuration is gone too.
    fn config_without_file(&self, source: &str) -> String {
        let had_file = self.files_with_config.contains(source);
        if had_file {
            "{}".to_owned()
        } else {
            config_of(&self.configs, source).to_owned()
        }
    }

    /// Remembers that this content was acted on; false when it was before.
    fn act_on(&self, source: &str, content: &str) -> bool {
        let before = self
            .swaps()
            .acted_on
            .insert(source.to_owned(), content.to_owned());
        before.as_deref() != Some(content)
    }

    /// What is verified about a version before it runs next to another: it keeps the checks of the
    /// one that it replaces, and survives the rehearsal.
    fn examine(
        &self,
        source: &str,
        version: &Arc<Version>,
        active: Option<&Arc<Version>>,
    ) -> Result<(), String> {
        if let Some(active) = active {
            refuse_silent_loss(active, version)?;
        }
        let differs = self.rehearse(source, version)?;
        if !differs.is_empty() {
            let checks: Vec<&str> = differs.iter().map(CheckId::as_str).collect();
            tracing::info!(
                source,
                checks = checks.join(", "),
                "verdicts of the new version differ from the recorded ones"
            );
        }
        Ok(())
    }

    /// Replaces what was proposed for this source before, or takes it back when the file is again
    /// what it was. A refusal that was not reported yet stays.
    fn propose(&self, source: &str, candidate: Option<Candidate>) {
        let mut swaps = self.swaps();
        if let Some(candidate) = candidate {
            swaps.candidates.insert(source.to_owned(), candidate);
        } else if !matches!(swaps.candidates.get(source), Some(Candidate::Unfit { .. })) {
            swaps.candidates.remove(source);
            if swaps
                .trials
                .get(source)
                .is_some_and(|trial| trial.stage == Stage::Shadow)
            {
                swaps.trials.remove(source);
            }
        }
    }
}

/// A check plugin that drops a check breaks its users, and must announce that with its version: a
/// new major one, or a new minor one before 1.0.
fn refuse_silent_loss(active: &Version, candidate: &Version) -> Result<(), String> {
    let kept: BTreeSet<&CheckId> = candidate.checks().iter().map(|check| &check.id).collect();
    let lost: Vec<&str> = active
        .checks()
        .iter()
        .map(|check| &check.id)
        .filter(|id| !kept.contains(id))
        .map(CheckId::as_str)
        .collect();
    let old = &active.info().version;
    let new = &candidate.info().version;
    if lost.is_empty() || breaking(old) != breaking(new) {
        return Ok(());
    }
    Err(format!(
        "it no longer declares {}, but version {new} is not a breaking change from {old}: raise the major version",
        lost.join(", ")
    ))
}

/// The part of a version that changes when something is taken away.
fn breaking(version: &str) -> (&str, &str) {
    let mut parts = version.split('.');
    let major = parts.next().unwrap_or_default();
    let minor = parts.next().unwrap_or_default();
    if major == "0" {
        (major, minor)
    } else {
        (major, "")
    }
}
