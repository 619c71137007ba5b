//! What happens to check plugins and checks, for the journal and for people.

use operator_model::{CheckId, Digest, PluginFault, Tick};
use serde::{Deserialize, Serialize};

/// A change of the active check plugins, at a tick boundary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum SwapEvent {
    /// A new check plugin.
    Added {
        /// Path or name.
        source: String,
        /// Name that the check plugin declares.
        module: String,
        /// sha256 of its component.
        to: Digest,
    },
    /// Another version of a check plugin.
    Swapped {
        /// Path or name.
        source: String,
        /// Name that the check plugin declares.
        module: String,
        /// The version that was active until now.
        from: Digest,
        /// The version that is active from now on.
        to: Digest,
        /// What the two versions call themselves, in the same order.
        versions: (String, String),
        /// Checks whose state could not be carried over; they start without.
        restarted: Vec<CheckId>,
        /// Checks with different verdicts while both versions ran.
        differs: Vec<CheckId>,
    },
    /// The new version failed on probation, and the old one is active again, with its old state.
    RolledBack {
        /// Path or name.
        source: String,
        /// Name that the check plugin declares.
        module: String,
        /// The version that failed.
        from: Digest,
        /// The version that is active again.
        to: Digest,
        /// How it failed.
        reason: String,
    },
    /// A check plugin whose file is gone.
    Removed {
        /// Path or name.
        source: String,
        /// Name that the check plugin declared.
        module: String,
        /// The version that was active until now.
        from: Digest,
    },
    /// A file that cannot take part. The version that was active stays active.
    Refused {
        /// Path or name.
        source: String,
        /// sha256 of the file, where it could be read.
        to: Option<Digest>,
        /// Why.
        reason: String,
    },
}

/// A check that is not run for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quarantine {
    /// Which check.
    pub check: CheckId,
    /// Of which check plugin.
    pub module: String,
    /// The last tick in which it is not run.
    pub until: Tick,
    /// Its last failure.
    pub reason: String,
    /// The same with everything that is needed to see it again.
    pub fault: Option<PluginFault>,
}
