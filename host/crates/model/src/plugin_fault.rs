//! How a plugin failed, told so that its author can find the place: the same facts give the same
//! failure again.

use crate::{CheckId, Digest, Tick};
use serde::{Deserialize, Serialize};
use std::fmt;

/// One failure of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginFault {
    /// Name that the module gives itself.
    pub module: String,
    /// sha256 of its component.
    pub digest: Digest,
    /// Which of its checks.
    pub check: CheckId,
    /// In which tick.
    pub tick: Tick,
    /// A stable word for the kind of failure: `trap`, `out-of-fuel`, `deadline`, …
    pub kind: String,
    /// What happened, in words.
    pub cause: String,
    /// Function of the guest, where the component has names.
    pub function: Option<String>,
    /// `file:line` of the guest, where the component has line tables.
    pub line: Option<String>,
    /// Fuel that was used until then.
    pub fuel: u64,
    /// Digest of the snapshot that it looked at.
    pub snapshot: Digest,
    /// sha256 of its configuration.
    pub config: Digest,
    /// sha256 of the state that it was given, if any.
    pub state: Option<Digest>,
    /// Where to look first.
    pub hint: String,
}

/// A module of which a check is not run, or is on trial, because it kept failing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginTrouble {
    /// Name that the module gives itself.
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
