//! Unread log lines, in the format of the real programs.

use operator_world::calendar;
use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

/// Unread lines that are kept for each source; older ones are dropped and counted.
/// An election storm over a hundred regions writes about two thousand.
const LINES_MAX: usize = 20_000;

/// The log files of all processes.
#[derive(Debug, Default)]
pub(crate) struct LogBook {
    sources: BTreeMap<String, Source>,
}

#[derive(Debug, Default)]
struct Source {
    lines: VecDeque<String>,
    dropped: u64,
}

/// One line to be.
pub(crate) struct Line<'a> {
    /// `INFO`, `WARN` or `ERROR`.
    pub level: &'static str,
    /// Source file, with a line number as far as a version has one.
    pub place: &'static str,
    /// What happened.
    pub message: &'a str,
    /// Keys and values.
    pub fields: &'a [(&'a str, String)],
}

impl LogBook {
    /// A book for these sources.
    pub(crate) fn new(sources: impl Iterator<Item = String>) -> Self {
        Self {
            sources: sources.map(|name| (name, Source::default())).collect(),
        }
    }

    /// Another source.
    pub(crate) fn open(&mut self, source: &str) {
        self.sources.entry(source.to_owned()).or_default();
    }

    /// Writes a line.
    pub(crate) fn write(&mut self, source: &str, at_ms: u64, line: &Line<'_>) {
        let Some(source) = self.sources.get_mut(source) else {
            return;
        };
        if source.lines.len() >= LINES_MAX {
            source.lines.pop_front();
            source.dropped += 1;
        }
        source.lines.push_back(render(at_ms, line));
    }

    /// The names, sorted.
    pub(crate) fn sources(&self) -> Vec<String> {
        self.sources.keys().cloned().collect()
    }

    /// Takes lines, oldest first, and how many were lost before them.
    pub(crate) fn read(&mut self, source: &str, lines_max: usize) -> (Vec<String>, u64) {
        let Some(source) = self.sources.get_mut(source) else {
            return (Vec::new(), 0);
        };
        let count = lines_max.min(source.lines.len());
        (
            source.lines.drain(..count).collect(),
            std::mem::take(&mut source.dropped),
        )
    }

    /// Forgets everything that was written so far.
    pub(crate) fn clear(&mut self) {
        for source in self.sources.values_mut() {
            *source = Source::default();
        }
    }
}

fn render(at_ms: u64, line: &Line<'_>) -> String {
    let mut text = format!(
        "[{}] [{}] [{}] [",
        calendar::log_time(at_ms),
        line.level,
        line.place
    );
    quote(&mut text, line.message);
    text.push(']');
    for (key, value) in line.fields {
        text.push_str(" [");
        quote(&mut text, key);
        text.push('=');
        quote(&mut text, value);
        text.push(']');
    }
    text
}

/// Writes a token bare, or as a JSON string when it holds a byte that the reader would trip over.
fn quote(out: &mut String, token: &str) {
    if !token
        .bytes()
        .any(|byte| byte <= 0x20 || matches!(byte, b'"' | b'=' | b'[' | b']'))
    {
        out.push_str(token);
        return;
    }
    out.push('"');
    for character in token.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            control if control < ' ' => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line<'a>(message: &'a str, fields: &'a [(&'a str, String)]) -> Line<'a> {
        Line {
            level: "INFO",
            place: "raft.rs:1271",
            message,
            fields,
        }
    }

    #[test]
    fn tokens_are_quoted_only_where_they_must() {
        let mut book = LogBook::new(["tikv0".to_owned()].into_iter());
        let fields = [
            ("region_id", "8".to_owned()),
            ("err", "a \"b\"=c".to_owned()),
        ];
        book.write(
            "tikv0",
            1_795_231_087_502,
            &line("became leader at term 8", &fields),
        );
        let (lines, dropped) = book.read("tikv0", 10);
        let expected = "[2026/11/21 03:18:07.502 +00:00] [INFO] [raft.rs:1271] [\"became leader at term 8\"] [region_id=8] [err=\"a \\\"b\\\"=c\"]";
        assert_eq!((lines, dropped), (vec![expected.to_owned()], 0));
    }

    #[test]
    fn a_reader_who_sleeps_too_long_learns_how_much_it_missed() {
        let mut book = LogBook::new(["pd1".to_owned()].into_iter());
        for number in 0..LINES_MAX + 3 {
            book.write("pd1", 0, &line("x", &[("n", number.to_string())]));
        }
        let (lines, dropped) = book.read("pd1", 1);
        assert_eq!(dropped, 3);
        assert!(lines[0].ends_with("[n=3]"), "{lines:?}");
    }
}
