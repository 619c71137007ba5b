//! Hot swap: candidates are prepared beside the ticks and take over between two of them.
//!
//! A candidate that cannot be loaded, declares a check of another module, or traps while it converts
//! the old state never replaces what works. One that took over is on probation for some ticks: its
//! first failure brings the old version back, with the state that it had.

use crate::check::book::{Book, Record};
use crate::check::events::SwapEvent;
use crate::check::load::{config_of, module_files, refuse_duplicates};
use crate::check::{CheckSet, Roster};
use crate::model::{CheckId, Digest};
use crate::plugin::{InvariantModule, LoadError, read_component};
use sha2::Digest as _;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, MutexGuard, PoisonError};

/// What became of a file.
pub(super) enum Candidate {
    /// A version that can take over.
    Ready(Box<InvariantModule>),
    /// The file is gone.
    Gone,
    /// The file cannot take part.
    Unfit { digest: Option<Digest>, reason: String },
}

/// A version that took over lately.
pub(super) struct Probation {
    previous: Arc<InvariantModule>,
    records: BTreeMap<CheckId, Record>,
    ticks_left: u64,
}

impl CheckSet {
    /// Compares the files with the active modules and prepares what changed. Slow (it compiles), so
    /// never called on the way of a tick; [`Self::commit_pending`] puts the result into effect.
    pub async fn prepare_changes(&self) {
        let Some(files) = self.present_files() else { return };
        let roster = self.roster.load_full();
        let gone = roster.keys().filter(|source| !files.contains(*source));
        for source in gone {
            self.propose(source, Some(Candidate::Gone));
        }
        for source in &files {
            let candidate = self.prepare(source, roster.get(source)).await;
            self.propose(source, candidate);
        }
    }

    /// The files of all sources. `None` when a source is not there at all: a directory that is just
    /// being replaced, or a disk that is not mounted, must not take every check away.
    fn present_files(&self) -> Option<BTreeSet<String>> {
        if self.sources.is_empty() {
            return None;
        }
        if let Some(missing) = self.sources.iter().find(|source| !source.exists()) {
            tracing::warn!(source = %missing.display(), "Modules are missing; what judged before still does.");
            return None;
        }
        match module_files(&self.sources) {
            Ok(files) => Some(files.iter().map(|path| path.display().to_string()).collect()),
            Err(error) => {
                tracing::warn!(%error, "Modules cannot be listed; what judged before still does.");
                None
            }
        }
    }

    /// Puts all prepared changes into effect, between two ticks, and says what changed since the
    /// last call, roll-backs included.
    pub async fn commit_pending(&self) -> Vec<SwapEvent> {
        let candidates = std::mem::take(&mut *self.candidates());
        for (source, candidate) in candidates {
            let event = match candidate {
                Candidate::Ready(module) => self.take_over(&source, Arc::new(*module)).await,
                Candidate::Gone => self.remove(&source),
                Candidate::Unfit { digest, reason } => Some(SwapEvent::Refused { source, to: digest, reason }),
            };
            self.book().events.extend(event);
        }
        std::mem::take(&mut self.book().events)
    }

    /// Brings back the version before, and gives it.
    pub(super) fn roll_back(&self, source: &str, reason: &str) -> Option<Arc<InvariantModule>> {
        let mut book = self.book();
        let Probation { previous, records, .. } = book.probations.remove(source)?;
        let mut roster = Roster::clone(&self.roster.load());
        let failed = roster.insert(source.to_owned(), Arc::clone(&previous))?;
        book.forget_checks(&failed);
        book.records.extend(records);
        book.refused.insert(source.to_owned(), failed.digest().0.clone());
        book.events.push(SwapEvent::RolledBack {
            source: source.to_owned(),
            module: previous.info().name.clone(),
            from: failed.digest().clone(),
            to: previous.digest().clone(),
            reason: reason.to_owned(),
        });
        drop(book);
        self.roster.store(Arc::new(roster));
        Some(previous)
    }

    /// What to do about one file; `None` when nothing changed or it was refused before.
    async fn prepare(&self, source: &str, active: Option<&Arc<InvariantModule>>) -> Option<Candidate> {
        let bytes = match read_component(Path::new(source), self.engine.limits()) {
            Ok(bytes) => bytes,
            Err(error) => return self.unfit(source, None, error.to_string()),
        };
        let digest = Digest(hex::encode(sha2::Sha256::digest(&bytes)));
        let is_known = active.is_some_and(|module| *module.digest() == digest);
        if is_known || self.book().was_refused(source, &digest.0) {
            return None;
        }
        match InvariantModule::load(&self.engine, source, &bytes, config_of(&self.configs, source)).await {
            Ok(module) => Some(Candidate::Ready(Box::new(module))),
            // Its signature or its lock may follow: it is judged again whenever a file changes.
            Err(error @ LoadError::Untrusted { .. }) => self.unfit(source, None, error.to_string()),
            Err(error) => self.unfit(source, Some(digest), error.to_string()),
        }
    }

    /// A file that cannot take part, unless that was said before.
    fn unfit(&self, source: &str, digest: Option<Digest>, reason: String) -> Option<Candidate> {
        let mut book = self.book();
        let what = digest.as_ref().map_or(reason.as_str(), Digest::as_str);
        if book.was_refused(source, what) {
            return None;
        }
        book.refused.insert(source.to_owned(), what.to_owned());
        Some(Candidate::Unfit { digest, reason })
    }

    /// Replaces what was proposed for this source before, or takes it back when the file is again
    /// what it was. A refusal that nobody has heard of yet stays.
    fn propose(&self, source: &str, candidate: Option<Candidate>) {
        let mut candidates = self.candidates();
        if let Some(candidate) = candidate {
            candidates.insert(source.to_owned(), candidate);
        } else if !matches!(candidates.get(source), Some(Candidate::Unfit { .. })) {
            candidates.remove(source);
        }
    }

    async fn take_over(&self, source: &str, module: Arc<InvariantModule>) -> Option<SwapEvent> {
        let mut roster = Roster::clone(&self.roster.load());
        let previous = roster.insert(source.to_owned(), Arc::clone(&module));
        if let Err(error) = refuse_duplicates(&roster) {
            return Some(self.refuse(source, &module, error.to_string()));
        }
        let Some(previous) = previous else {
            self.roster.store(Arc::new(roster));
            let (module, to) = (module.info().name.clone(), module.digest().clone());
            return Some(SwapEvent::Added { source: source.to_owned(), module, to });
        };
        let states = match self.migrated(&previous, &module).await {
            Ok(states) => states,
            Err(reason) => return Some(self.refuse(source, &module, reason)),
        };
        let restarted = states.iter().filter(|(_, state)| state.is_none()).map(|(check, _)| check.clone()).collect();
        self.book().begin_probation(source, &previous, states, self.engine.limits().probation_ticks);
        self.roster.store(Arc::new(roster));
        Some(SwapEvent::Swapped {
            source: source.to_owned(),
            module: module.info().name.clone(),
            from: previous.digest().clone(),
            to: module.digest().clone(),
            restarted,
        })
    }

    /// The states of the checks that both versions have, converted by the new one.
    async fn migrated(
        &self,
        previous: &InvariantModule,
        module: &InvariantModule,
    ) -> Result<BTreeMap<CheckId, Option<Vec<u8>>>, String> {
        let mut states = BTreeMap::new();
        for check in module.checks() {
            let Some(state) = self.book().record(&check.id).state else { continue };
            let migrated = module.migrate(check, &previous.info().version, &state).await;
            let migrated = match migrated {
                Err(failure) if failure.is_strike() => {
                    return Err(format!("it cannot take over the state of {}: it {failure}", check.id));
                }
                // It says that it cannot read the old state, and starts without.
                Err(_) => None,
                Ok(state) => state,
            };
            states.insert(check.id.clone(), migrated);
        }
        Ok(states)
    }

    fn remove(&self, source: &str) -> Option<SwapEvent> {
        let mut roster = Roster::clone(&self.roster.load());
        let removed = roster.remove(source)?;
        let mut book = self.book();
        book.forget_checks(&removed);
        book.probations.remove(source);
        drop(book);
        self.roster.store(Arc::new(roster));
        let (module, from) = (removed.info().name.clone(), removed.digest().clone());
        Some(SwapEvent::Removed { source: source.to_owned(), module, from })
    }

    fn refuse(&self, source: &str, module: &InvariantModule, reason: String) -> SwapEvent {
        let digest = module.digest().clone();
        self.book().refused.insert(source.to_owned(), digest.0.clone());
        SwapEvent::Refused { source: source.to_owned(), to: Some(digest), reason }
    }

    fn candidates(&self) -> MutexGuard<'_, BTreeMap<String, Candidate>> {
        self.candidates.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// The new version starts with converted states and without old strikes; everything of the old
    /// one is kept for a roll-back. A module that is swapped on probation keeps the version that was
    /// proved last.
    fn begin_probation(
        &mut self,
        source: &str,
        previous: &Arc<InvariantModule>,
        states: BTreeMap<CheckId, Option<Vec<u8>>>,
        ticks: u64,
    ) {
        let ids = || previous.checks().iter().map(|check| &check.id);
        let records = ids().filter_map(|id| Some((id.clone(), self.records.get(id)?.clone()))).collect();
        self.forget_checks(previous);
        for (check, state) in states {
            self.records.insert(check, Record::with_state(state));
        }
        let started = Probation { previous: Arc::clone(previous), records, ticks_left: ticks };
        let probation = self.probations.entry(source.to_owned()).or_insert(started);
        probation.ticks_left = ticks;
    }

    fn was_refused(&self, source: &str, what: &str) -> bool {
        self.refused.get(source).is_some_and(|refused| refused == what)
    }

    fn forget_checks(&mut self, module: &InvariantModule) {
        for check in module.checks() {
            self.records.remove(&check.id);
        }
    }

    /// One tick of probation is over.
    pub(super) fn end_tick(&mut self) {
        self.probations.retain(|_, probation| {
            probation.ticks_left = probation.ticks_left.saturating_sub(1);
            probation.ticks_left > 0
        });
    }
}
