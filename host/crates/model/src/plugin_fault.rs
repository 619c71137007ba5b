//! How a plugin failed, with the inputs that reproduce the failure.

use crate::{CheckId, Digest, Tick};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One failure of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginFault {
    /// Name of the plugin.
    pub module: String,
    /// sha256 of its component.
    pub digest: Digest,
    /// The check that failed.
    pub check: CheckId,
    /// Tick of the failure.
    pub tick: Tick,
    /// A stable word for the kind of failure: `trap`, `out-of-fuel`, `deadline`, …
    pub kind: String,
    /// What happened, in words.
    pub cause: String,
    /// Function of the guest, where the component has names.
    pub function: Option<String>,
    /// `file:line` of the guest, where the component has line tables.
    pub line: Option<String>,
    /// Fuel used until then.
    pub fuel: u64,
    /// Digest of the snapshot that it evaluated.
    pub snapshot: Digest,
    /// sha256 of its configuration.
    pub config: Digest,
    /// sha256 of the state that it received, if any.
    pub state: Option<Digest>,
    /// Where to start looking.
    pub hint: String,
}

/// A plugin with a check that is quarantined, or on probation, because it kept failing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginTrouble {
    /// Name of the plugin.
    pub module: String,
    /// The last failure of each check concerned, sorted by check.
    pub faults: Vec<PluginFault>,
}

impl fmt::Display for PluginFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let short = |digest: &Digest| {
            digest
                .as_str()
                .get(..12)
                .unwrap_or(digest.as_str())
                .to_owned()
        };
        write!(
            f,
            "{} of {} {}: it {}",
            self.check,
            self.module,
            short(&self.digest),
            self.cause
        )?;
        write!(
            f,
            "; tick {}, snapshot {}, configuration {}",
            self.tick.0,
            short(&self.snapshot),
            short(&self.config)
        )?;
        if let Some(state) = &self.state {
            write!(f, ", state {}", short(state))?;
        }
        write!(f, ", {} fuel; {}", self.fuel, self.hint)
    }
}
