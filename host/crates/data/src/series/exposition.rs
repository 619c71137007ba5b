//! Reading of the Prometheus text exposition format, and of OpenMetrics as far as it is the same.
//!
//! A server exposes twenty thousand lines of which a subject wants a few hundred, so a line is
//! looked at no further than its name unless the name is wanted. Nothing here can fail: a line that
//! is not exposition format is counted and left out.

use crate::SeriesKey;
use std::collections::BTreeSet;

/// Labels of one series; the largest known has 12.
const LABELS_MAX: usize = 64;

/// What an exposition held.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Parsed {
    /// Wanted samples, in the order of the text.
    pub samples: Vec<(SeriesKey, f64)>,
    /// Lines that hold a sample, wanted or not.
    pub seen: u32,
    /// Lines that are not exposition format. Unwanted lines are not read far enough to tell.
    pub malformed: u32,
}

/// Reads the samples whose name is wanted. A wanted histogram or summary is named by its base name:
/// `x` keeps `x`, `x_bucket`, `x_sum`, `x_count` and `x_total`. Timestamps and exemplars are
/// ignored.
#[must_use]
pub fn parse(body: &[u8], wanted: &BTreeSet<String>) -> Parsed {
    let text = String::from_utf8_lossy(body);
    let mut parsed = Parsed::default();
    let mut names = Names {
        wanted,
        last: "",
        last_is_wanted: false,
    };
    for line in text.split('\n') {
        let line = line.trim_ascii();
        if line == "# EOF" {
            break;
        }
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, rest)) = names.split(line) else {
            parsed.malformed += 1;
            continue;
        };
        parsed.seen += 1;
        if !names.last_is_wanted {
            continue;
        }
        match read_sample(name, rest) {
            Some(sample) => parsed.samples.push(sample),
            None => parsed.malformed += 1,
        }
    }
    parsed
}

/// Remembers the last name: lines of one metric stand together, and comparing a prefix is far
/// cheaper than a look-up.
struct Names<'a> {
    wanted: &'a BTreeSet<String>,
    last: &'a str,
    last_is_wanted: bool,
}

impl<'a> Names<'a> {
    /// Name and rest of a sample line; `None` when it has no name.
    fn split<'b: 'a>(&mut self, line: &'b str) -> Option<(&'b str, &'b str)> {
        if let Some(rest) = line.strip_prefix(self.last)
            && rest.starts_with(['{', ' '])
        {
            return line.split_at_checked(self.last.len());
        }
        let end = line
            .bytes()
            .position(|byte| matches!(byte, b'{' | b' ' | b'\t'))?;
        let (name, rest) = line.split_at_checked(end)?;
        if !is_metric_name(name) {
            return None;
        }
        self.last = name;
        self.last_is_wanted = self.is_wanted(name);
        Some((name, rest))
    }

    fn is_wanted(&self, name: &str) -> bool {
        const SUFFIXES: [&str; 4] = ["_bucket", "_sum", "_count", "_total"];
        self.wanted.contains(name)
            || SUFFIXES.iter().any(|suffix| {
                name.strip_suffix(suffix)
                    .is_some_and(|base| self.wanted.contains(base))
            })
    }
}

fn is_metric_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || matches!(first, b'_' | b':'))
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'))
}

/// `{labels} value [timestamp] [# exemplar]`
fn read_sample(name: &str, rest: &str) -> Option<(SeriesKey, f64)> {
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(inside) => read_labels(inside)?,
        None => (Vec::new(), rest),
    };
    let mut words = rest.split_ascii_whitespace();
    let value = words.next()?.parse::<f64>().ok()?;
    let after = words.next();
    let is_timestamp = |word: &str| word.starts_with('#') || word.parse::<f64>().is_ok();
    if !after.is_none_or(is_timestamp) {
        return None;
    }
    Some((
        SeriesKey {
            metric: name.to_owned(),
            labels,
        },
        value,
    ))
}

/// Labels up to the closing brace, sorted by name, and what follows the brace.
fn read_labels(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        if let Some(after) = rest.strip_prefix('}') {
            labels.sort();
            let repeated = labels
                .iter()
                .zip(labels.iter().skip(1))
                .any(|(a, b): (&(String, String), _)| a.0 == b.0);
            return (!repeated).then_some((labels, after));
        }
        let (name, after) = rest.split_once('=')?;
        let name = name.trim_ascii();
        if !is_metric_name(name) || name.contains(':') || labels.len() >= LABELS_MAX {
            return None;
        }
        let (value, after) = read_quoted(after.trim_ascii_start().strip_prefix('"')?)?;
        labels.push((name.to_owned(), value));
        rest = after.trim_ascii_start();
        match rest.strip_prefix(',') {
            Some(after) => rest = after,
            None if rest.starts_with('}') => {}
            None => return None,
        }
    }
}

/// A value up to the closing quote, and what follows the quote. Unknown escapes stay as they are.
fn read_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let end = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\'))?;
        let (plain, special) = rest.split_at_checked(end)?;
        value.push_str(plain);
        if let Some(after) = special.strip_prefix('"') {
            return Some((value, after));
        }
        let mut characters = special.chars();
        characters.next();
        match characters.next()? {
            'n' => value.push('\n'),
            escaped @ ('"' | '\\') => value.push(escaped),
            other => value.extend(['\\', other]),
        }
        rest = characters.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str, wanted: &[&str]) -> Parsed {
        parse(
            text.as_bytes(),
            &wanted.iter().map(|name| (*name).to_owned()).collect(),
        )
    }

    fn key(metric: &str, labels: &[(&str, &str)]) -> SeriesKey {
        let labels = labels
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        SeriesKey {
            metric: metric.to_owned(),
            labels,
        }
    }

    #[test]
    fn labels_escapes_timestamps_and_spaces_are_read() {
        let text = "# HELP m Text.\n# TYPE m gauge\nm{b=\"x\\\"\\\\\\n\", a = \"ä,}\" , } 1.5e3 1700000000000\r\nm 2\n";
        let parsed = read(text, &["m"]);
        assert_eq!(
            parsed.samples,
            [
                (key("m", &[("a", "ä,}"), ("b", "x\"\\\n")]), 1500.0),
                (key("m", &[]), 2.0)
            ]
        );
        assert_eq!((parsed.seen, parsed.malformed), (2, 0));
    }

    #[test]
    fn a_histogram_is_wanted_by_its_base_name_and_others_are_only_counted() {
        let text = "h_bucket{le=\"0.1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 0.3\nh_count 2\nhh_count 9\nh_bucket_x 1\n";
        let parsed = read(text, &["h"]);
        assert_eq!(parsed.samples.len(), 4);
        assert_eq!(parsed.seen, 6);
    }

    #[test]
    fn a_name_that_begins_like_the_one_before_it_is_another_name() {
        let parsed = read(
            "m{a=\"1\"} 1\nm_other{a=\"1\"} 2\nm{a=\"2\"} 3\nn 4\nnn 5\n",
            &["m", "nn"],
        );
        let values: Vec<f64> = parsed.samples.iter().map(|(_, value)| *value).collect();
        assert_eq!(values, [1.0, 3.0, 5.0]);
    }

    #[test]
    fn values_that_are_no_finite_numbers_are_kept_as_they_are() {
        let parsed = read("m{i=\"1\"} NaN\nm{i=\"2\"} +Inf\nm{i=\"3\"} -Inf\n", &["m"]);
        let values: Vec<f64> = parsed.samples.iter().map(|(_, value)| *value).collect();
        assert!(values[0].is_nan() && values[1] == f64::INFINITY && values[2] == f64::NEG_INFINITY);
    }

    #[test]
    fn open_metrics_is_read_up_to_its_end() {
        let text =
            "m_total{a=\"b\"} 5 1.5 # {trace_id=\"x\"} 0.6\nm_created 1.7e9\n# EOF\nm_total 9\n";
        let parsed = read(text, &["m"]);
        assert_eq!(parsed.samples, [(key("m_total", &[("a", "b")]), 5.0)]);
    }

    #[test]
    fn lines_that_are_no_exposition_are_counted_and_the_rest_is_read() {
        let bad = [
            "m{a=\"x} 1",
            "m{a=x} 1",
            "m{a=\"1\",a=\"2\"} 1",
            "m{=\"x\"} 1",
            "m{a=\"x\"",
            "m",
            "m x",
            "m 1 x",
            "m{a=\"x\" b=\"y\"} 1",
            "<html>",
            "{\"m\"} 1",
            "m{a=\"x\"}",
        ];
        let parsed = read(&format!("{}\nm 7\n", bad.join("\n")), &["m"]);
        assert_eq!(parsed.samples, [(key("m", &[]), 7.0)]);
        assert_eq!(parsed.malformed as usize, bad.len());
    }

    fn escape(value: &str) -> String {
        value
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n")
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
            let wanted = BTreeSet::from(["m".to_owned()]);
            let with_name = [b"m{".as_slice(), &body, b"\nm 1\n"].concat();
            prop_assert!(parse(&body, &wanted).seen <= 400);
            prop_assert!(parse(&with_name, &wanted).samples.iter().any(|(key, _)| key.labels.is_empty()));
        }

        #[test]
        fn what_is_written_is_read_back(
            metric in "[a-z_:][a-z0-9_:]{0,9}",
            labels in prop::collection::btree_map("[a-z_][a-z0-9_]{0,6}", any::<String>(), 0..5),
            value in any::<f64>().prop_filter("NaN is not equal to itself", |value| !value.is_nan()),
        ) {
            let written: Vec<String> = labels.iter().map(|(k, v)| format!("{k}=\"{}\"", escape(v))).collect();
            let parsed = parse(
                format!("{metric}{{{}}} {value}\n", written.join(",")).as_bytes(),
                &BTreeSet::from([metric.clone()]),
            );
            let key = SeriesKey { metric, labels: labels.into_iter().collect() };
            prop_assert_eq!(parsed.samples, vec![(key, value)]);
        }
    }
}
