//! The file of the subject: a new version of it is prepared in the background, takes over between
//! two, and is rolled back within the tick in which it fails while it is on probation.

use operator_check::{LoadedModule, SwapEvent};
use operator_data::Observed;
use operator_model::{Digest, GapSource};
use operator_plugin_host::{CircuitBreaker, Engine, Subject, SubjectWorld, read_component};
use parking_lot::{Mutex, MutexGuard};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// Where the subject comes from, and what was prepared from there.
pub struct SubjectFile {
    pub(super) engine: Engine,
    pub(super) path: PathBuf,
    pub(super) config_json: String,
    pub(super) world: SubjectWorld,
    pub(super) state: Mutex<State>,
}

/// What the file held when it was last acted on, and what is ready because of that.
#[derive(Default)]
pub(super) struct State {
    pub(super) acted_on: String,
    pub(super) prepared: Option<SubjectCandidate>,
}

/// The result of preparing a changed file.
pub(super) enum SubjectCandidate {
    /// A version that can take over.
    Ready(Box<SubjectVersion>),
    /// A file that cannot take part.
    Unfit(Option<Digest>, String),
}

/// One version of the subject.
pub(super) struct SubjectVersion {
    pub(super) subject: Subject,
    /// Its component, for recordings.
    pub(super) bytes: Arc<[u8]>,
    pub(super) circuit_breaker: CircuitBreaker,
}

impl SubjectVersion {
    pub(super) fn new(subject: Subject, bytes: Arc<[u8]>) -> Self {
        Self {
            subject,
            bytes,
            circuit_breaker: CircuitBreaker::default(),
        }
    }

    /// As a recording names it.
    pub(super) fn loaded(&self, file: &SubjectFile) -> LoadedModule {
        let info = self.subject.info();
        LoadedModule {
            source: file.path().display().to_string(),
            name: info.name.clone(),
            version: info.version.clone(),
            digest: self.subject.digest().0.clone(),
            config: file.config_json.clone(),
            bytes: Arc::clone(&self.bytes),
        }
    }
}

impl SubjectFile {
    /// Compares the file with what was last acted on and prepares it if it changed. Slow: never on
    /// the way of a tick.
    pub async fn prepare_changes(&self) {
        let bytes = match read_component(&self.path, self.engine.limits()) {
            Ok(bytes) => bytes,
            // The file is just being replaced; the active version stays.
            Err(error) => {
                return tracing::warn!(%error, "cannot read the file of the subject; the active version stays active");
            }
        };
        let digest = hex::encode(Sha256::digest(&bytes));
        if self.state().acted_on == digest {
            return;
        }
        let name = self.path.display().to_string();
        let loaded = Subject::load(
            &self.engine,
            &name,
            &bytes,
            &self.config_json,
            self.world.clone(),
        )
        .await;
        let prepared = match loaded {
            Ok(subject) => {
                SubjectCandidate::Ready(Box::new(SubjectVersion::new(subject, bytes.into())))
            }
            Err(error) => SubjectCandidate::Unfit(Some(Digest(digest.clone())), error.to_string()),
        };
        let mut state = self.state();
        state.acted_on = digest;
        state.prepared = Some(prepared);
    }

    /// What is ready.
    pub(super) fn take(&self) -> Option<SubjectCandidate> {
        self.state().prepared.take()
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

/// The event when one version takes the place of another.
pub(super) fn swapped(source: String, before: &Subject, now: &Subject) -> SwapEvent {
    SwapEvent::Swapped {
        source,
        module: now.info().name.clone(),
        from: before.digest().clone(),
        to: now.digest().clone(),
        versions: (before.info().version.clone(), now.info().version.clone()),
        restarted: Vec::new(),
        differs: Vec::new(),
    }
}

/// Tables of the previous tick that are missing without an observation gap that explains it.
pub(super) fn lost_tables(observed: &Observed, before: &BTreeSet<String>) -> Vec<String> {
    let said = |name: &str| {
        observed
            .blind
            .iter()
            .any(|gap| matches!(&gap.source, GapSource::Table(table) if table == name))
    };
    before
        .iter()
        .filter(|name| !observed.tables.contains_key(*name) && !said(name))
        .cloned()
        .collect()
}
