//! What the log of a process says about its life: that it started, serves, was asked to stop, and how it ended.
//!
//! The lines are read however old they are: those of a dead process say why it is dead.

use std::collections::BTreeMap;

use operator_plugin::{TableData, table};

use crate::configuration::LogOwner;
use crate::log_format::Line;
use crate::logs::redacted;
use crate::units::seconds_between;

/// A process that ends within this time after its start refused to start.
const START_NS: u64 = 30 * 1_000_000_000;
/// Characters of a quoted message.
const MESSAGE_CHARS: usize = 300;
/// Processes that are followed.
const PROCESSES: usize = 1_024;

/// The processes by the name of their log.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProcessLogs(BTreeMap<String, Process>);

#[derive(Debug, Clone, Default)]
struct Process {
    owner: LogOwner,
    phase: Phase,
    phase_at: Option<u64>,
    ending: Option<Ending>,
    /// The first ending since the process last served: later ones may only be its consequence.
    cause: Option<Ending>,
    failed_starts: i64,
    last_line: String,
}

/// Where a process is in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Unknown,
    Starting,
    Serving,
    Stopping,
    Ended,
}

impl Phase {
    fn word(self) -> Option<&'static str> {
        match self {
            Self::Unknown => None,
            Self::Starting => Some("starting"),
            Self::Serving => Some("serving"),
            Self::Stopping => Some("stopping"),
            Self::Ended => Some("ended"),
        }
    }
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq)]
struct Ending {
    kind: &'static str,
    at: Option<u64>,
    during: &'static str,
    message: String,
    location: Option<String>,
    thread: Option<String>,
}

/// Reasons by a word in the last words of a process, in order of precedence.
const KINDS: [(&str, &str); 33] = [
    ("panic_mark_file", "panic-mark"),
    ("No space left on device", "no-space"),
    ("NoSpace", "no-space"),
    ("no available space", "no-space"),
    ("disk full", "no-space"),
    ("invalid max_ts update", "timestamp-ahead"),
    ("duplicated store address", "address-taken"),
    ("Address already in use", "address-taken"),
    ("address already in use", "address-taken"),
    (
        "another instance is using this directory",
        "directory-locked",
    ),
    ("cluster ID mismatch", "other-cluster"),
    ("cluster id mismatch", "other-cluster"),
    ("store is tombstone", "store-removed"),
    ("StoreTombstone", "store-removed"),
    ("store has been removed", "store-removed"),
    ("raft log", "raft-log-lost"),
    ("entries unavailable", "raft-log-lost"),
    ("LogUnavailable", "raft-log-lost"),
    ("unexpected raft", "raft-log-lost"),
    ("hard state", "raft-log-lost"),
    ("raft state", "raft-log-lost"),
    ("RaftLocalState", "raft-log-lost"),
    ("Corruption", "damaged-data"),
    ("checksum mismatch", "damaged-data"),
    ("corrupted", "damaged-data"),
    ("damaged", "damaged-data"),
    ("No such file or directory", "missing-file"),
    ("invalid configuration", "configuration"),
    ("invalid config", "configuration"),
    ("configuration check failed", "configuration"),
    ("config check failed", "configuration"),
    ("unknown configuration", "configuration"),
    ("memory allocation of", "out-of-memory"),
];

impl ProcessLogs {
    /// Reads one line.
    pub(crate) fn take(&mut self, source: &str, owner: &LogOwner, line: &Line, text: &str) {
        if self.0.len() >= PROCESSES && !self.0.contains_key(source) {
            return;
        }
        let process = self.0.entry(source.to_owned()).or_default();
        if process.owner != *owner {
            process.owner = owner.clone();
        }
        process.take(line);
        process.last_line = redacted(text).chars().take(MESSAGE_CHARS).collect();
    }

    /// The `process_logs` table.
    pub(crate) fn table(&self, now: u64) -> TableData {
        let rows = || self.0.iter();
        let ending = |of: fn(&Ending) -> Option<String>| {
            rows().map(move |(_, process)| process.ending.as_ref().and_then(of))
        };
        let cause = |of: fn(&Ending) -> Option<String>| {
            rows().map(move |(_, process)| process.cause.as_ref().and_then(of))
        };
        let age = |at: Option<u64>| at.map(|at| seconds_between(now, at));
        table("process_logs")
            .texts("source", rows().map(|(source, _)| source.clone()))
            .texts("store", rows().map(|(_, p)| p.owner.store.clone()))
            .texts("member", rows().map(|(_, p)| p.owner.member.clone()))
            .texts(
                "phase",
                rows().map(|(_, p)| p.phase.word().map(str::to_owned)),
            )
            .floats("phase_s", "s", rows().map(|(_, p)| age(p.phase_at)))
            .texts("ending", rows().map(|(_, p)| kind_of(p.ending.as_ref())))
            .texts("during", ending(|ending| Some(ending.during.to_owned())))
            .floats(
                "ended_s",
                "s",
                rows().map(|(_, p)| age(p.ending.as_ref()?.at)),
            )
            .texts("last_words", ending(|ending| Some(ending.message.clone())))
            .texts("cause", rows().map(|(_, p)| kind_of(p.cause.as_ref())))
            .texts("message", cause(|cause| Some(cause.message.clone())))
            .texts("location", cause(|cause| cause.location.clone()))
            .texts("thread", cause(|cause| cause.thread.clone()))
            .integers("failed_starts", "", rows().map(|(_, p)| p.failed_starts))
            .texts("last_line", rows().map(|(_, p)| p.last_line.clone()))
    }
}

/// A word in any case, so that the absence of an ending can be told from the absence of a log.
fn kind_of(ending: Option<&Ending>) -> String {
    ending.map_or("none", |ending| ending.kind).to_owned()
}

impl Process {
    fn take(&mut self, line: &Line) {
        match line.level.as_str() {
            "FATAL" | "PANIC" | "DPANIC" => self.end(line),
            _ if line.message.starts_with("Welcome to ") => self.enter(Phase::Starting, line),
            _ if line.message.starts_with("TiKV is ready to serve") => self.serve(line),
            _ if line.message.starts_with("receive signal") => self.stop(line),
            _ => {}
        }
    }

    fn enter(&mut self, phase: Phase, line: &Line) {
        self.phase = phase;
        self.phase_at = line.at;
    }

    fn serve(&mut self, line: &Line) {
        self.enter(Phase::Serving, line);
        self.failed_starts = 0;
        self.cause = None;
    }

    /// Somebody asked it to stop: what follows is planned.
    fn stop(&mut self, line: &Line) {
        self.enter(Phase::Stopping, line);
        let stopped = Ending::of("stopped", "service", line);
        self.cause = Some(stopped.clone());
        self.ending = Some(stopped);
    }

    fn end(&mut self, line: &Line) {
        let is_starting = self.phase == Phase::Starting
            && match (self.phase_at, line.at) {
                (Some(began), Some(ended)) => ended.saturating_sub(began) < START_NS,
                _ => true,
            };
        let during = if is_starting { "start" } else { "service" };
        self.failed_starts += i64::from(is_starting);
        let ending = Ending::of(kind(line), during, line);
        let was_stopped = self
            .cause
            .as_ref()
            .is_some_and(|cause| cause.kind == "stopped");
        if self.cause.is_none() || was_stopped || during == "service" {
            self.cause = Some(ending.clone());
        }
        self.ending = Some(ending);
        self.enter(Phase::Ended, line);
    }
}

impl Ending {
    fn of(kind: &'static str, during: &'static str, line: &Line) -> Self {
        let short = |text: &str| {
            redacted(text)
                .chars()
                .take(MESSAGE_CHARS)
                .collect::<String>()
        };
        let field = |key: &str| line.field(key).map(short);
        let error = field("err").map_or_else(String::new, |error| format!(": {error}"));
        Self {
            kind,
            at: line.at,
            during,
            message: short(&format!("{}{error}", line.message)),
            location: field("location").or_else(|| Some(short(&line.caller))),
            thread: field("thread_name"),
        }
    }
}

fn kind(line: &Line) -> &'static str {
    let errors = ["err", "error", "reason"].map(|key| line.field(key).unwrap_or_default());
    let says =
        |word: &str| line.message.contains(word) || errors.iter().any(|error| error.contains(word));
    KINDS
        .iter()
        .find(|(word, _)| says(word))
        .map_or("panic", |(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_format::read;
    use operator_plugin::Scalar;

    fn after(lines: &[&str]) -> TableData {
        let mut logs = ProcessLogs::default();
        let owner = LogOwner {
            store: Some("4".to_owned()),
            member: None,
        };
        for text in lines {
            logs.take("tikv1", &owner, &read(text).unwrap(), text);
        }
        let now = crate::units::time_ns("2026/11/21 03:13:00.000 +00:00").unwrap();
        logs.table(now)
    }

    fn text(table: &TableData, column: &str) -> String {
        match table.scalar(0, column) {
            Scalar::Text(text) => text,
            other => format!("{other:?}"),
        }
    }

    const WELCOME: &str = r#"[2026/11/21 03:12:42.000 +00:00] [INFO] [lib.rs:86] ["Welcome to TiKV"] [thread_id=0x5]"#;
    const CORRUPTION: &str = r#"[2026/11/21 03:12:26.912 +00:00] [FATAL] [lib.rs:509] ["rocksdb background error. db: kv, reason: compaction, error: Corruption: block checksum mismatch in /data/tikv/db/018264.sst"] [location=src/engine.rs:12] [thread_name=rocksdb:low0]"#;
    const MARK: &str = r#"[2026/11/21 03:12:43.000 +00:00] [FATAL] [server.rs:390] ["panic_mark_file /data/tikv/panic_mark_file exists, there must be something wrong with the db."]"#;

    #[test]
    fn the_first_ending_stays_the_cause_of_refused_starts() {
        let table = after(&[CORRUPTION, WELCOME, MARK, WELCOME, MARK]);
        assert_eq!(text(&table, "cause"), "damaged-data");
        assert!(text(&table, "message").contains("018264.sst"));
        assert_eq!(text(&table, "thread"), "rocksdb:low0");
        assert_eq!(text(&table, "ending"), "panic-mark");
        assert_eq!(text(&table, "during"), "start");
        assert_eq!(table.scalar(0, "failed_starts"), Scalar::Integer(2));
        assert_eq!(table.scalar(0, "ended_s"), Scalar::Float(17.0));
    }

    #[test]
    fn a_process_that_serves_again_has_no_cause_any_more() {
        let ready =
            r#"[2026/11/21 03:12:50.000 +00:00] [INFO] [server.rs:422] ["TiKV is ready to serve"]"#;
        let table = after(&[CORRUPTION, WELCOME, ready]);
        assert_eq!(text(&table, "phase"), "serving");
        assert_eq!(text(&table, "cause"), "none");
        assert_eq!(text(&table, "ending"), "damaged-data");
    }

    #[test]
    fn a_planned_stop_is_no_crash() {
        let signal = r#"[2026/11/21 03:12:36.812 +00:00] [INFO] [signal_handler.rs:19] ["receive signal 15, stopping server..."] [thread_id=1]"#;
        let table = after(&[signal]);
        assert_eq!(text(&table, "phase"), "stopping");
        assert_eq!(text(&table, "ending"), "stopped");
        let table = after(&[signal, WELCOME]);
        assert_eq!(text(&table, "phase"), "starting");
        assert_eq!(table.scalar(0, "phase_s"), Scalar::Float(18.0));
    }

    #[test]
    fn reasons_are_told_apart_by_the_last_words() {
        for (message, kind) in [
            (
                "failed to create kv engine: Engine(Status { sub_code: NoSpace })",
                "no-space",
            ),
            (
                "invalid max_ts update: 2 exceeds the limit 1, source=scan_lock",
                "timestamp-ahead",
            ),
            (
                "failed to start node: duplicated store address: id:9",
                "address-taken",
            ),
            ("invalid configuration: raftstore.x", "configuration"),
            ("index out of bounds: the len is 3", "panic"),
        ] {
            let line = format!(
                "[2026/11/21 03:12:43.000 +00:00] [FATAL] [a.rs:1] [{}]",
                serde_json::to_string(message).unwrap()
            );
            assert_eq!(text(&after(&[&line]), "ending"), kind, "{message}");
        }
    }
}
