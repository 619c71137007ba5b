//! Named incidents: what is done to the simulated cluster, when, and what the right answer is.
//!
//! The truth is for scoring only. Nothing here reaches what the cluster shows.

mod catalogue;

pub use catalogue::all;

use serde::{Deserialize, Serialize};

/// An incident that can be played.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// Stable name, for the command line.
    pub id: String,
    /// One line for a list.
    pub title: String,
    /// What happens, for a person who watches.
    pub story: String,
    /// The subject that can watch this cluster.
    pub plugin: String,
    /// When the fault begins, counted from the start of the run.
    pub onset_ms: u64,
    /// How long a run takes.
    pub duration_ms: u64,
    /// What may happen; the seed picks one unless a variant is named. Never empty.
    pub variants: Vec<Variant>,
}

/// One way in which a scenario can go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// Name within the scenario.
    pub id: String,
    /// What is done, in order.
    pub faults: Vec<Fault>,
    /// The right answer.
    pub truth: Truth,
}

/// One thing that is done to the cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    /// Delay after the onset.
    pub after_ms: u64,
    /// What is done.
    pub kind: FaultKind,
}

/// What can be done. Each changes the physics only; what becomes visible follows from the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum FaultKind {
    /// A store's process dies at once (`kill -9`).
    KillStore {
        /// Which store.
        store: u64,
    },
    /// A store's process is started again on the same data.
    StartStore {
        /// Which store.
        store: u64,
    },
    /// A store's process is asked to stop: it hands its leaders over first.
    StopStore {
        /// Which store.
        store: u64,
    },
    /// Clients write to neighbouring keys of one region.
    HotWrite {
        /// The store that leads the region when the load begins.
        leader: u64,
        /// User bytes a second.
        bytes_per_second: f64,
        /// Bytes of one value.
        value_bytes: f64,
    },
    /// All clients send this many times their usual load.
    LoadFactor {
        /// 1 is the usual load.
        factor: f64,
    },
    /// Each operation of a store's disk takes longer.
    SlowDisk {
        /// Which store.
        store: u64,
        /// How many times longer; 1 is healthy.
        factor: f64,
    },
    /// A store's disk stops answering.
    HangDisk {
        /// Which store.
        store: u64,
    },
    /// Something else uses the processors of a store's machine.
    CpuSteal {
        /// Which store.
        store: u64,
        /// Share of the machine that is left for the store; 1 is all.
        share_left: f64,
    },
    /// Files that are not the store's own grow on its disk.
    FillDisk {
        /// Which store.
        store: u64,
        /// Bytes a second.
        bytes_per_second: f64,
        /// Growth stops when this many bytes are free.
        until_free_bytes: f64,
    },
    /// Files that are not the store's own are deleted.
    FreeDisk {
        /// Which store.
        store: u64,
    },
    /// The link between a store and all PD members breaks.
    CutStoreFromPd {
        /// Which store.
        store: u64,
    },
    /// The link works again.
    JoinStoreToPd {
        /// Which store.
        store: u64,
    },
    /// The PD member that leads dies at once.
    KillPdLeader,
    /// Every dead PD member is started again.
    StartPdMembers,
    /// Someone moves all leaders away from a store.
    EvictLeaders {
        /// Which store.
        store: u64,
    },
    /// Leaders may come back to the store.
    AllowLeaders {
        /// Which store.
        store: u64,
    },
}

/// The right answer to a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Whether a ticket is right at all.
    pub ticket: bool,
    /// Kind of the thing at fault: `store`, `region`, `member`, `cluster`.
    pub component_kind: String,
    /// Its key within the kind, for example a store id. Empty when only the run can tell (the hot region).
    pub component: String,
    /// Other names by which a ticket may call it.
    pub component_aliases: Vec<String>,
    /// What is wrong with it, in one phrase.
    pub mechanism: String,
    /// Words of which a right diagnosis uses some.
    pub words: Vec<String>,
    /// Actions that help or do no harm.
    pub acceptable_actions: Vec<String>,
    /// The actions that an expert would take.
    pub best_actions: Vec<String>,
    /// Actions that make it worse.
    pub harmful_actions: Vec<String>,
}

impl Scenario {
    /// The variant of this name, or the one that the seed picks when no name is given.
    #[must_use]
    pub fn variant(&self, name: Option<&str>, seed: u64) -> Option<&Variant> {
        if let Some(name) = name {
            return self.variants.iter().find(|variant| variant.id == name);
        }
        let count = u64::try_from(self.variants.len()).ok()?;
        let index = usize::try_from(seed.checked_rem(count)?).ok()?;
        self.variants.get(index)
    }
}

/// The scenario of this name.
#[must_use]
pub fn find(id: &str) -> Option<Scenario> {
    all().into_iter().find(|scenario| scenario.id == id)
}
