//! Stage 3: checks evaluate the snapshot.
//!
//! Every check of every check plugin runs in an instance of its own, a few at a time, and what they
//! find is sorted before anyone sees it. A check that fails, is missing a table or is in quarantine
//! is *inconclusive* with the reason; it is never silently absent and never silently healthy.

mod events;
mod fault;
mod history;
mod load;
mod prepare;
mod prepared;
mod rehearse;
mod rollout;
mod run;
mod status;
mod swap;
mod trial;
mod verdict_cache;
mod version;
mod watch;

#[cfg(test)]
mod tests;

pub use events::{Quarantine, SwapEvent};
pub use load::module_files;
pub use load::{CheckSetError, ModuleConfigs};
pub use prepare::SwapRefused;
#[doc(hidden)]
pub use prepared::PreparedVersion;
pub use rollout::Rollout;
pub use status::{ModuleStatus, Outcome, Role, Temperature};
pub use swap::{Arrived, Boundary};
pub use version::LoadedModule;
pub use watch::{WatchError, Watcher, in_the_background};

use crate::history::CheckHistory;
use crate::rehearse::SnapshotHistory;
use crate::swap::Swaps;
use crate::version::Version;
use arc_swap::ArcSwap;
use operator_data::Snapshot;
use operator_model::{CheckDeclaration, PluginTrouble, Verdict};
use operator_plugin_host::Engine;
use parking_lot::{Mutex, MutexGuard};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// The active check plugins, by the path or name under which each was loaded.
type ActiveVersions = BTreeMap<String, Arc<Version>>;

/// All checks of this operator, and what is remembered of them between ticks.
pub struct CheckSet {
    engine: Engine,
    configs: ModuleConfigs,
    sources: Vec<PathBuf>,
    /// Check plugins whose configuration came from a file next to them.
    files_with_config: BTreeSet<String>,
    active: ArcSwap<ActiveVersions>,
    history: Mutex<CheckHistory>,
    swaps: Mutex<Swaps>,
    ring: Mutex<SnapshotHistory>,
}

impl CheckSet {
    /// What the active check plugins declare, sorted by id, each with the name of its check plugin.
    #[must_use]
    pub fn declarations(&self) -> Vec<(String, CheckDeclaration)> {
        let active = self.active.load();
        let named = active.values().flat_map(|module| {
            module
                .checks()
                .iter()
                .map(|check| (module.info().name.clone(), check.clone()))
        });
        let mut declarations: Vec<_> = named.collect();
        declarations.sort_by(|a, b| a.1.id.cmp(&b.1.id));
        declarations
    }

    /// Name and digest of every active check plugin, sorted by name.
    #[must_use]
    pub fn modules(&self) -> BTreeMap<String, String> {
        self.active
            .load()
            .values()
            .map(|module| (module.info().name.clone(), module.digest().0.clone()))
            .collect()
    }

    /// What every active check plugin is made from, sorted by source.
    #[must_use]
    pub fn loaded(&self) -> Vec<LoadedModule> {
        self.active
            .load()
            .iter()
            .map(|(source, version)| version.parts(source))
            .collect()
    }

    /// Checks that were put into quarantine since the last call.
    #[must_use]
    pub fn take_quarantines(&self) -> Vec<Quarantine> {
        self.history().take_quarantines()
    }

    /// Check plugins with a check in quarantine or half-open, sorted by check plugin.
    #[must_use]
    pub fn troubles(&self) -> Vec<PluginTrouble> {
        let active = self.active.load();
        let history = self.history();
        let mut troubles: BTreeMap<String, PluginTrouble> = BTreeMap::new();
        for module in active.values() {
            let faults = module
                .checks()
                .iter()
                .filter_map(|check| history.trouble(&check.id));
            for fault in faults {
                let name = module.info().name.clone();
                let trouble = troubles
                    .entry(name.clone())
                    .or_insert_with(|| PluginTrouble {
                        module: name,
                        faults: Vec::new(),
                    });
                trouble.faults.push(fault);
            }
        }
        troubles.into_values().collect()
    }

    /// Failed calls since the start, by the word for how they failed.
    #[must_use]
    pub fn failures(&self) -> BTreeMap<&'static str, u64> {
        self.history().failures.clone()
    }

    fn history(&self) -> MutexGuard<'_, CheckHistory> {
        self.history.lock()
    }
}

/// Judges one snapshot: one verdict for each check, sorted by check id.
#[must_use]
pub fn run_all(checks: &CheckSet, snapshot: &Arc<Snapshot>) -> Vec<Verdict> {
    checks.run(snapshot)
}
