//! The file of the subject: a new version of it is prepared beside the ticks, takes over between two, and is
//! taken back within the tick in which it fails while it is on probation.

use operator_check::SwapEvent;
use operator_model::{Digest, GapSource};
use operator_data::Observed;
use operator_plugin_host::{Engine, Subject, SubjectWorld, read_component};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    pub(super) prepared: Option<Prepared>,
}

/// What became of a changed file.
pub(super) enum Prepared {
    /// A version that can take over, with its bytes.
    Ready(Box<Subject>, Arc<[u8]>),
    /// A file that cannot take part.
    Unfit(Option<Digest>, String),
}

/// The version before, ready to look again.
pub(super) struct Before {
    pub(super) subject: Subject,
    pub(super) ticks_left: u64,
}

impl SubjectFile {
    /// Compares the file with what was last acted on and prepares it if it changed. Slow: never on the way of
    /// a tick.
    pub async fn prepare_changes(&self) {
        let bytes = match read_component(&self.path, self.engine.limits()) {
            Ok(bytes) => bytes,
            // A file that is just being replaced; what looks now goes on.
            Err(error) => {
                return tracing::warn!(%error, "The subject's file cannot be read; what looks now goes on.");
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
            Ok(subject) => Prepared::Ready(Box::new(subject), bytes.into()),
            Err(error) => Prepared::Unfit(Some(Digest(digest.clone())), error.to_string()),
        };
        let mut state = self.state();
        state.acted_on = digest;
        state.prepared = Some(prepared);
    }

    /// What is ready.
    pub(super) fn take(&self) -> Option<Prepared> {
        self.state().prepared.take()
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &std::path::Path {
        &self.path
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is told when one version takes the place of another.
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

/// Tables of the tick before that are neither there nor said to be unseen.
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
