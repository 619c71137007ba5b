//! New log lines of this tick, counted by event and by the store or member they concern.

use std::collections::BTreeMap;

use operator_plugin::{LogError, ObservationGap, TableData, World, table};

use crate::configuration::{Configuration, LogOwner};
use crate::log_activity::LogActivity;
use crate::log_events::classify;
use crate::log_format::{Line, read};
use crate::process_logs::ProcessLogs;

/// Rows per tick.
const ROWS: usize = 512;
/// Characters of a quoted line.
const QUOTED_CHARS: usize = 400;
/// Older lines are history, such as lines that a file already contained when the operator started,
/// and must not be reported as new.
const MAX_AGE_NS: u64 = 120_000_000_000;

/// What the logs have said so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogHistory {
    /// The owner of each log.
    pub(crate) owners: BTreeMap<String, LogOwner>,
    /// The life of each process.
    processes: ProcessLogs,
    /// Events of the last minutes.
    activity: LogActivity,
}

impl LogHistory {
    /// A new cluster at the same address invalidates what the logs of the old one said.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// Reads every source once. Returns the tables and the observation gaps.
pub(crate) fn observe(
    world: &mut dyn World,
    configuration: &Configuration,
    history: &mut LogHistory,
    names: &Names,
) -> (Vec<TableData>, Vec<ObservationGap>) {
    let sources = world.log_sources();
    let now = world.now();
    let mut events = Events {
        now,
        ..Events::default()
    };
    let mut gaps = Vec::new();
    for source in &sources {
        let gap = |reason: String| ObservationGap::log(source, reason);
        let limit = u32::try_from(configuration.log_lines).unwrap_or(u32::MAX);
        match world.read_log(source, limit) {
            Ok(chunk) => {
                let owner = owner(
                    configuration,
                    &mut history.owners,
                    names,
                    source,
                    &chunk.lines,
                );
                for text in &chunk.lines {
                    let Some(line) = read(text) else { continue };
                    history.processes.take(source, &owner, &line, text);
                    events.count(source, &owner, names, &line, text);
                }
                if chunk.skipped > 0 {
                    gaps.push(gap(format!("{} lines skipped", chunk.skipped)));
                }
            }
            Err(LogError::UnknownSource(name)) => {
                gaps.push(gap(format!("source {name} is not granted")))
            }
            Err(LogError::Unreadable(reason) | LogError::Other(reason)) => gaps.push(gap(reason)),
        }
    }
    history.activity.take(now, events.counted());
    if sources.is_empty() {
        return (Vec::new(), gaps);
    }
    let tables = vec![
        events.table(),
        history.activity.table(),
        history.processes.table(now),
    ];
    (tables, gaps)
}

/// Maps names in log lines to entities.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    /// Store ids by address.
    pub(crate) stores: BTreeMap<String, String>,
    /// Names of the PD members.
    pub(crate) members: Vec<String>,
}

/// The owner of a log: as configured, the member of that name, or the store that names itself in
/// it.
fn owner(
    configuration: &Configuration,
    owners: &mut BTreeMap<String, LogOwner>,
    names: &Names,
    source: &str,
    lines: &[String],
) -> LogOwner {
    if let Some(owner) = configuration
        .logs
        .get(source)
        .or_else(|| owners.get(source))
    {
        return owner.clone();
    }
    let member = names
        .members
        .iter()
        .find(|member| *member == source)
        .cloned();
    let of_store = |line: &String| own_store(line).or_else(|| listening_store(line, names));
    let store = if member.is_none() {
        lines.iter().find_map(of_store)
    } else {
        None
    };
    let owner = LogOwner { store, member };
    if owner != LogOwner::default() {
        owners.insert(source.to_owned(), owner.clone());
    }
    owner
}

/// The id of the store that writes the log, from messages in which a store names itself.
fn own_store(text: &str) -> Option<String> {
    const OF_ITSELF: [&str; 3] = [
        "start raft store",
        "start raft store thread",
        "insert new region",
    ];
    if !OF_ITSELF.iter().any(|message| text.contains(message)) {
        return None;
    }
    let line = read(text)?;
    OF_ITSELF
        .contains(&line.message.as_str())
        .then(|| line.field("store_id").map(str::to_owned))?
}

/// The store at whose address the process of this log listens.
fn listening_store(text: &str, names: &Names) -> Option<String> {
    if !text.contains("listening on addr") {
        return None;
    }
    names.stores.get(read(text)?.field("addr")?).cloned()
}

/// Source, event, store and member.
pub(crate) type Key = (String, &'static str, Option<String>, Option<String>);

#[derive(Debug, Clone, Default)]
struct Events {
    now: u64,
    rows: BTreeMap<Key, Event>,
}

/// An event of one tick.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) level: String,
    pub(crate) count: i64,
    pub(crate) region: Option<String>,
    pub(crate) first_line: String,
    pub(crate) last_at: Option<u64>,
}

impl Events {
    fn counted(&self) -> impl Iterator<Item = (&Key, &Event)> {
        self.rows.iter()
    }

    fn count(&mut self, source: &str, owner: &LogOwner, names: &Names, line: &Line, text: &str) {
        let is_recent = line
            .at
            .is_none_or(|at| at.saturating_add(MAX_AGE_NS) >= self.now);
        let Some(event) = classify(line).filter(|_| is_recent) else {
            return;
        };
        let store = subject_store(line, names).or_else(|| owner.store.clone());
        let key = (source.to_owned(), event, store, owner.member.clone());
        if self.rows.len() >= ROWS && !self.rows.contains_key(&key) {
            return;
        }
        let row = self.rows.entry(key).or_insert_with(|| Event {
            level: line.level.to_lowercase(),
            count: 0,
            region: region(line),
            first_line: redacted(text).chars().take(QUOTED_CHARS).collect(),
            last_at: None,
        });
        row.count += 1;
        row.last_at = row.last_at.max(line.at);
        // A row that counts several regions names none.
        if row.region != region(line) {
            row.region = None;
        }
    }

    fn table(&self) -> TableData {
        let rows = || self.rows.iter();
        table("log_events")
            .texts("source", rows().map(|((source, ..), _)| source.clone()))
            .texts(
                "event",
                rows().map(|((_, event, ..), _)| (*event).to_owned()),
            )
            .texts("level", rows().map(|(_, event)| event.level.clone()))
            .integers("count", "", rows().map(|(_, event)| event.count))
            .texts("store", rows().map(|((_, _, store, _), _)| store.clone()))
            .texts("region", rows().map(|(_, event)| event.region.clone()))
            .texts("member", rows().map(|((.., member), _)| member.clone()))
            .texts(
                "first_line",
                rows().map(|(_, event)| event.first_line.clone()),
            )
            .instants("last_at", rows().map(|(_, event)| event.last_at))
    }
}

/// The store that a line concerns: by its id, or by an address that PD lists.
fn subject_store(line: &Line, names: &Names) -> Option<String> {
    const IDS: [&str; 5] = [
        "store_id",
        "to_store",
        "store-id",
        "target-store-id",
        "target_store_id",
    ];
    const ADDRESSES: [&str; 4] = ["addr", "to_addr", "store-address", "address"];
    let digits = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let id = IDS
        .iter()
        .find_map(|key| line.field(key).filter(digits))
        .map(str::to_owned);
    id.or_else(|| {
        ADDRESSES
            .iter()
            .find_map(|key| names.stores.get(line.field(key)?).cloned())
    })
}

/// TiKV and PD mark user data in their logs by `‹` and `›` when redaction is `marker`; it is left out.
pub(crate) fn redacted(text: &str) -> String {
    let mut parts = text.split('‹');
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str("‹?›");
        kept.push_str(part.split_once('›').map_or("", |(_, rest)| rest));
    }
    kept
}

fn region(line: &Line) -> Option<String> {
    ["region_id", "region-id"]
        .iter()
        .find_map(|key| line.field(key))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::time_ns;
    use operator_plugin::Scalar;

    fn counted(lines: &[&str]) -> TableData {
        let names = Names {
            stores: [("127.0.0.1:20161".to_owned(), "4".to_owned())].into(),
            members: vec![],
        };
        let mut events = Events {
            now: time_ns("2026/11/21 03:18:20.000 +00:00").unwrap(),
            ..Events::default()
        };
        let owner = LogOwner {
            store: Some("1".to_owned()),
            member: None,
        };
        for text in lines {
            if let Some(line) = read(text) {
                events.count("tikv0", &owner, &names, &line, text);
            }
        }
        events.table()
    }

    #[test]
    fn lines_are_counted_for_the_store_they_concern() {
        let table = counted(&[
            r#"[2026/11/21 03:18:07.496 +00:00] [WARN] [raft_client.rs:920] ["wait connect timeout"] [addr=127.0.0.1:20161] [store_id=4]"#,
            r#"[2026/11/21 03:18:12.499 +00:00] [WARN] [raft_client.rs:920] ["wait connect timeout"] [addr=127.0.0.1:20161]"#,
            r#"[2026/11/21 03:18:12.600 +00:00] [ERROR] [pd.rs:1] ["store heartbeat failed"] [err=x]"#,
            "   a continuation",
        ]);
        assert_eq!(table.rows(), 2);
        assert_eq!(
            table.scalar(0, "event"),
            Scalar::Text("store-connect-timeout".to_owned())
        );
        assert_eq!(
            (table.scalar(0, "count"), table.scalar(0, "store")),
            (Scalar::Integer(2), Scalar::Text("4".to_owned()))
        );
        assert_eq!(table.scalar(1, "store"), Scalar::Text("1".to_owned()));
        assert_eq!(table.scalar(1, "level"), Scalar::Text("error".to_owned()));
    }

    #[test]
    fn old_lines_are_ignored() {
        let old = r#"[2026/11/21 03:07:12.600 +00:00] [ERROR] [pd.rs:1] ["store heartbeat failed"] [err=x]"#;
        assert_eq!(counted(&[old]).rows(), 0);
    }

    #[test]
    fn elections_of_several_regions_share_one_row_without_a_region() {
        let line = |region: u32| {
            format!(
                r#"[2026/11/21 03:18:12.6 +00:00] [INFO] [raft.rs:1] ["starting a new election"] [term=7] [region_id={region}]"#
            )
        };
        let table = counted(&[&line(8), &line(10)]);
        assert_eq!(
            (table.scalar(0, "count"), table.scalar(0, "region")),
            (Scalar::Integer(2), Scalar::Null)
        );
    }

    #[test]
    fn marked_user_data_is_left_out() {
        assert_eq!(redacted("key=‹7480› end=‹74› x"), "key=‹?› end=‹?› x");
        assert_eq!(redacted("cut ‹74"), "cut ‹?›");
        assert_eq!(redacted("plain"), "plain");
    }

    #[test]
    fn a_store_is_identified_by_its_own_log() {
        let text = r#"[2026/11/21 03:07:16.261 +00:00] [INFO] [raft_server.rs:476] ["start raft store thread"] [store_id=1]"#;
        assert_eq!(own_store(text).as_deref(), Some("1"));
        // A store lists the labels of all stores when it starts.
        for message in ["other", "associated store labels"] {
            let text = format!(
                r#"[2026/11/21 03:07:16.261 +00:00] [INFO] [x.rs:5] ["{message}"] [store_id=1]"#
            );
            assert_eq!(own_store(&text), None);
        }
    }
}
