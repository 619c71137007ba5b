//! Parses log lines of TiKV and PD in their text and JSON formats. The parser is hand-written
//! because messages contain brackets, quotes and spaces of their own.

use serde_json::{Map, Value};

use crate::units::time_ns;

/// A longer line is truncated before it is parsed.
const LINE_BYTES: usize = 64 * 1024;
/// Bracketed parts of a line that are parsed.
const PARTS: usize = 64;

/// A parsed log line.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Line {
    /// Nanoseconds since the epoch; absent when timestamps are disabled.
    pub(crate) at: Option<u64>,
    /// Upper case, as written.
    pub(crate) level: String,
    /// `peer.rs:6789`.
    pub(crate) caller: String,
    pub(crate) message: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Line {
    /// The value of a key.
    pub(crate) fn field(&self, key: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }
}

/// Parses a line. `None` for a continuation of the previous line and for other formats.
pub(crate) fn read(text: &str) -> Option<Line> {
    let text = text
        .get(..text.floor_char_boundary(LINE_BYTES))
        .unwrap_or(text)
        .trim();
    plain(text).or_else(|| wrapped(text))
}

fn plain(text: &str) -> Option<Line> {
    if text.starts_with('{') {
        of_json(text)
    } else {
        of_text(text)
    }
}

/// Fields in which log collectors keep the line: Docker, journald, Loki and others.
const WRAPPED_IN: [&str; 6] = ["log", "MESSAGE", "message", "msg", "line", "content"];
/// Brackets and braces that are tried as the beginning of a line behind a prefix.
const BEGINNINGS: usize = 16;

/// A line in the wrapper of a log collector: JSON with the line in a field (Docker, journald, Loki), or a
/// prefix before it (CRI, syslog, `journalctl`, `logcli`).
fn wrapped(text: &str) -> Option<Line> {
    if text.starts_with('{') {
        let object: Map<String, Value> = serde_json::from_str(text).ok()?;
        let inner = |key: &&str| object.get(*key).and_then(Value::as_str);
        return WRAPPED_IN
            .iter()
            .filter_map(inner)
            .find_map(|inner| plain(inner.trim()));
    }
    let beginnings = text.match_indices(['[', '{']).take(BEGINNINGS);
    beginnings
        .filter(|(at, _)| *at > 0)
        .find_map(|(at, _)| plain(text.get(at..)?))
}

const LEVELS: [&str; 9] = [
    "FATAL", "PANIC", "DPANIC", "ERROR", "CRITICAL", "WARN", "INFO", "DEBUG", "TRACE",
];

fn of_text(text: &str) -> Option<Line> {
    let mut parts = parts(text)?.into_iter().peekable();
    let mut line = Line::default();
    let first = parts.next()?;
    let level = match time_ns(&first.key) {
        Some(at) => {
            line.at = Some(at);
            parts.next()?
        }
        None => first,
    };
    if !LEVELS.contains(&level.key.as_str()) {
        return None;
    }
    line.level = level.key;
    // A named logger writes its `[name]` before the caller.
    let mut plain = Vec::new();
    while let Some(part) = parts.next_if(|part| part.value.is_none()) {
        plain.push(part.key);
        if plain.len() == 3 {
            break;
        }
    }
    let is_caller =
        |text: &String| text.contains(".rs:") || text.contains(".go:") || text == "<unknown>";
    let at = plain.iter().position(is_caller).unwrap_or(0);
    line.caller = plain.get(at).cloned().unwrap_or_default();
    line.message = plain.get(at + 1).cloned().unwrap_or_default();
    line.fields = parts
        .filter_map(|part| Some((part.key, part.value?)))
        .collect();
    Some(line)
}

/// `[key]` or `[key=value]`.
#[derive(Debug, PartialEq)]
struct Part {
    key: String,
    value: Option<String>,
}

/// All parts of a line, up to its end or to the point where it is cut off.
fn parts(text: &str) -> Option<Vec<Part>> {
    let mut rest = text;
    let mut parts = Vec::new();
    while let Some(inner) = rest.trim_start().strip_prefix('[') {
        let Some((key, after)) = token(inner, &['=', ']']) else {
            break;
        };
        let (value, after) = match after.strip_prefix('=') {
            Some(after) => {
                let Some((value, after)) = token(after, &[']']) else {
                    break;
                };
                (Some(value), after)
            }
            None => (None, after),
        };
        parts.push(Part { key, value });
        let Some(after) = after.strip_prefix(']').filter(|_| parts.len() < PARTS) else {
            break;
        };
        rest = after;
    }
    (!parts.is_empty()).then_some(parts)
}

/// Splits off a JSON string, or the text up to one of the `ends`.
fn token<'text>(text: &'text str, ends: &[char]) -> Option<(String, &'text str)> {
    if !text.starts_with('"') {
        let end = text.find(|letter| ends.contains(&letter))?;
        let (run, rest) = text.split_at_checked(end)?;
        return Some((run.to_owned(), rest));
    }
    let mut escaped = false;
    let end = text
        .char_indices()
        .skip(1)
        .find_map(|(at, letter)| match (escaped, letter) {
            (true, _) => {
                escaped = false;
                None
            }
            (false, '\\') => {
                escaped = true;
                None
            }
            (false, '"') => Some(at + 1),
            (false, _) => None,
        })?;
    let (quoted, rest) = text.split_at_checked(end)?;
    // A quoted text that is not valid JSON is kept as is.
    Some((
        serde_json::from_str(quoted).unwrap_or_else(|_| quoted.trim_matches('"').to_owned()),
        rest,
    ))
}

fn of_json(text: &str) -> Option<Line> {
    let object: Map<String, Value> = serde_json::from_str(text).ok()?;
    let take = |keys: &[&str]| {
        keys.iter()
            .find_map(|key| crate::shapes::plain(object.get(*key)?))
            .unwrap_or_default()
    };
    let level = take(&["level"]).to_uppercase();
    if !LEVELS.contains(&level.as_str()) {
        return None;
    }
    let known = ["time", "level", "caller", "message", "msg", "logger"];
    let others = object
        .iter()
        .filter(|(key, _)| !known.contains(&key.as_str()))
        .take(PARTS);
    Some(Line {
        at: time_ns(&take(&["time"])),
        level,
        caller: take(&["caller"]),
        message: take(&["message", "msg"]),
        fields: others
            .filter_map(|(key, value)| Some((key.clone(), crate::shapes::plain(value)?)))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_captured_tikv_line_is_parsed() {
        let text = r#"[2026/11/21 03:18:02.490 +00:00] [WARN] [raft_client.rs:610] ["connection aborted"] [addr=127.0.0.1:20161] [receiver_err="Some(RpcFailure(RpcStatus { code: 14-UNAVAILABLE, message: \"Connection reset by peer\", details: [] }))"] [store_id=4] [thread_id=51]"#;
        let line = read(text).unwrap();
        assert_eq!(
            (line.level.as_str(), line.caller.as_str()),
            ("WARN", "raft_client.rs:610")
        );
        assert_eq!(
            (line.message.as_str(), line.field("store_id")),
            ("connection aborted", Some("4"))
        );
        assert!(
            line.field("receiver_err")
                .unwrap()
                .contains(r#"message: "Connection reset by peer", details: []"#)
        );
        assert_eq!(line.at, time_ns("2026/11/21 03:18:02.490 +00:00"));
    }

    #[test]
    fn a_named_pd_logger_is_not_mistaken_for_the_caller() {
        let text = r#"[2026/11/21 03:07:11.906 +00:00] [INFO] [raft] [zap_raft.go:77] ["1097cf86248826fa switched to configuration voters=()"]"#;
        let line = read(text).unwrap();
        assert_eq!(line.caller, "zap_raft.go:77");
        assert!(line.message.starts_with("1097cf86248826fa switched"));
    }

    #[test]
    fn empty_parts_and_unquoted_values_with_spaces_are_parsed() {
        let text = r#"[2026/11/21 03:14:06.554 +00:00] [WARN] [tso.go:335] ["clock offset"] [] [jet-lag=157.703199ms] [prev-physical=2026/11/21 03:14:06.396 +00:00]"#;
        let line = read(text).unwrap();
        assert_eq!(
            (line.message.as_str(), line.field("jet-lag")),
            ("clock offset", Some("157.703199ms"))
        );
        assert_eq!(
            line.field("prev-physical"),
            Some("2026/11/21 03:14:06.396 +00:00")
        );
    }

    #[test]
    fn json_lines_are_parsed_alike() {
        let line = read(r#"{"time":"2026/11/21 03:14:06.554 +00:00","level":"warn","caller":"tso.go:335","message":"clock offset","jet-lag":"157ms","n":3}"#).unwrap();
        assert_eq!(
            (line.level.as_str(), line.message.as_str(), line.field("n")),
            ("WARN", "clock offset", Some("3"))
        );
        assert!(line.at.is_some());
    }

    #[test]
    fn a_line_without_a_timestamp_is_parsed() {
        let line = read(r#"[WARN] [tso.go:335] ["clock offset"]"#).unwrap();
        assert_eq!((line.at, line.message.as_str()), (None, "clock offset"));
    }

    #[test]
    fn wrappers_of_log_collectors_are_stripped() {
        let line = r#"[2026/11/21 03:18:02.490 +00:00] [WARN] [a.rs:1] ["connection aborted"] [store_id=4]"#;
        let quoted = serde_json::to_string(line).unwrap();
        for text in [
            format!("2026-11-21T03:18:02.490123456Z stderr F {line}"),
            format!("Nov 21 03:18:02 host-1 tikv-server[4711]: {line}"),
            format!("<30>1 2026-11-21T03:18:02Z host-1 tikv 4711 - [id@1 a=\"b\"] {line}"),
            format!("2026-11-21T03:18:02Z {{app=\"tikv\", pod=\"tikv-0\"}} {line}"),
            format!(r#"{{"log":{quoted},"stream":"stderr","time":"2026-11-21T03:18:02Z"}}"#),
            format!(r#"{{"MESSAGE":{quoted},"_PID":"4711","PRIORITY":"6"}}"#),
            format!(r#"{{"line":{quoted},"labels":{{"app":"tikv"}},"timestamp":"2026"}}"#),
        ] {
            let read = read(&text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(
                (read.message.as_str(), read.field("store_id")),
                ("connection aborted", Some("4")),
                "{text}"
            );
            assert!(read.at.is_some());
        }
    }

    #[test]
    fn continuations_and_other_formats_are_not_lines() {
        for text in [
            "",
            "  at foo::bar",
            "[not a level] x",
            "** DB Stats **",
            "{}",
            "[2026/11/21-03:07:15.951 1] rocksdb",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_truncated_line_keeps_its_complete_parts() {
        let line = read(
            r#"[2026/11/21 03:18:02.490 +00:00] [WARN] [a.rs:1] [message] [k=v] [broken="unfin"#,
        )
        .unwrap();
        assert_eq!(
            (line.message.as_str(), line.field("k"), line.fields.len()),
            ("message", Some("v"), 1)
        );
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in ".*") {
            let _ = read(&text);
        }

        #[test]
        fn near_misses_never_panic(text in r#"(\[["=\]\\a-zé0-9 .:/+-]{0,12}\] ?){0,8}"#) {
            let _ = read(&format!("[WARN] {text}"));
        }

        #[test]
        fn formatted_lines_round_trip(message in ".*", key in "[a-z_]{1,8}", value in ".*") {
            let quoted = |text: &str| serde_json::to_string(text).unwrap();
            let text = format!("[2026/11/21 03:18:02.490 +00:00] [INFO] [x.rs:1] [{}] [{key}={}]", quoted(&message), quoted(&value));
            let line = read(&text).unwrap();
            prop_assert_eq!(line.message.as_str(), message.as_str());
            prop_assert_eq!(line.field(&key), Some(value.as_str()));
        }
    }
}
