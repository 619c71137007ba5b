//! Recordings: everything that a span of ticks was decided from, in one file, so that it can be
//! decided again somewhere else, by the same code or by other code.
//!
//! The file is one zstd frame of lines, flushed after every tick, so that whatever a crash leaves
//! can be read up to its last whole tick. A line is `<16 hex> <JSON>`; the 16 digits begin the
//! sha256 of the digits of the previous line and the JSON, so a changed, missing or exchanged line
//! is found where it is. `zstd -dc FILE` shows it to anyone. What repeats (tables, bodies,
//! verdicts) is written once and referred to by its content.
//!
//! What was observed is in the file as it was observed, keys of the observed system included:
//! anyone with a recording may read all of it. Credentials are not in it: they are added behind the
//! port that is tapped.

mod blobs;
mod error;
mod line;
mod read;
mod recording_ports;
mod series;
mod write;

#[cfg(test)]
mod tests;

pub use error::{Position, RecordingError};
pub use read::{Ending, RecordedTick, Recording};
pub use recording_ports::{Exchange, LogRead, PlayedWorld, PortTraffic, RecordingPorts};
pub use write::{Frame, Recorder};

use operator_journal::body;
use operator_model::{ObservationGap, Tick, Ticket, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the file. A higher one was written by a newer operator and is refused.
pub const FORMAT: u32 = 1;

/// Compressed bytes after which a recording ends by itself: a day of a small cluster, and less than
/// any disk that a data directory should be on.
pub const RECORDING_BYTES_MAX: u64 = 4 << 30;

/// What is known before the first tick.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Begin {
    /// Version of the file.
    pub format: u32,
    /// Version of the operator that recorded. Fuel is comparable within one version.
    pub operator: String,
    /// The subject.
    pub subject: Component,
    /// Passed to the subject's `configure`.
    pub subject_config: String,
    /// The checks.
    pub modules: Vec<Component>,
    /// Target name → origin.
    pub targets: BTreeMap<String, String>,
    /// Bounds of plugins, as in `[plugin_limits]`.
    pub plugin_limits: serde_json::Value,
    /// Ticks that checks can look back.
    pub history_ticks: usize,
    /// How long one observation may take, in milliseconds.
    pub tick_deadline_ms: u64,
    /// Samples that are kept of one series.
    pub samples_per_series_max: usize,
    /// What the subject knows, as it declared it.
    pub knowledge: String,
    /// The state of the decision log and the tickets.
    pub book: TicketLogStart,
    /// The record with which the log continues, and its time.
    pub started: (Timestamp, body::Started),
}

/// One component: which, where from, and how configured. Its bytes follow in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Path or name under which it was loaded.
    pub source: String,
    /// Name that it declares.
    pub name: String,
    /// Version that it declares.
    pub version: String,
    /// sha256 of its bytes.
    pub digest: String,
    /// Its configuration, for checks.
    pub config: String,
}

/// Where the decision log and the tickets stood.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TicketLogStart {
    /// The last tick before.
    pub last_tick: Tick,
    /// Sequence number of the last record before.
    pub last_seq: u64,
    /// Its hash.
    pub last_hash: String,
    /// Tickets that can still change.
    pub tickets: Vec<Ticket>,
    /// The highest number ever given to a ticket.
    pub last_number: u64,
}

/// A change of the plugins that was put before a tick.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Arrival {
    /// A version of a check plugin that was prepared and rehearsed.
    Module(Component),
    /// The file of a check plugin is gone.
    Gone {
        /// Its path or name.
        source: String,
    },
    /// A file that cannot take part.
    Unfit {
        /// Its path or name.
        source: String,
        /// sha256 of it, where it could be read.
        digest: Option<String>,
        /// Why.
        reason: String,
    },
    /// Another version of the subject is active, or was refused, before the observation or during
    /// it.
    Subject {
        /// The event.
        event: serde_json::Value,
        /// The active version from then on.
        counts: Option<Component>,
    },
    /// A user requested the previous version.
    Back {
        /// Path or name of the check plugin.
        source: String,
        /// Who asked, in words.
        reason: String,
    },
}

/// One tick as it is written. Long texts are named by their content.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct TickLine {
    tick: u64,
    /// By the operator's clock, in milliseconds since 1970.
    host_at: u64,
    /// By the observed clock.
    taken_at: u64,
    subject: String,
    system: String,
    /// Hash of the snapshot, which is computed again when it is read.
    snapshot: String,
    /// Table name → content.
    tables: BTreeMap<String, String>,
    topology: String,
    blind: Vec<ObservationGap>,
    series: series::SeriesLine,
    exchanges: Vec<recording_ports::ExchangeLine>,
    logs: Vec<LogRead>,
    arrivals: Vec<Arrival>,
    /// One for each check.
    verdicts: Vec<String>,
    incidents: String,
    /// Records of the decision log, exactly as they are in it.
    journal: Vec<String>,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Why it ends.
    pub reason: String,
    /// The last records of the log, after the last tick.
    pub journal: Vec<String>,
}
