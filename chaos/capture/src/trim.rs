//! Cuts a capture down to what a test needs, so that it can live in the repository.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::capture::{Line, LoadError, read};

/// What is kept.
#[derive(Debug, Clone, Default)]
pub struct TrimOptions {
    /// Seconds of the capture that become the new beginning.
    pub from_s: f64,
    /// Seconds of the capture after which nothing is kept.
    pub to_s: Option<f64>,
    /// URLs that contain one of these are dropped.
    pub dropped_urls: Vec<String>,
    /// Metric families that are kept in bodies of `/metrics`; empty keeps all.
    pub families: BTreeSet<String>,
}

/// Why nothing was trimmed.
#[derive(Debug, thiserror::Error)]
pub enum TrimError {
    /// The capture cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The result cannot be written.
    #[error("cannot write {path:?}: {source}")]
    Write {
        /// The file.
        path: std::path::PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
}

/// Reads `from`, writes `to` with gzip, and returns how many lines were kept.
///
/// # Errors
/// `from` is no capture, or `to` cannot be written.
pub fn trim(from: &Path, to: &Path, options: &TrimOptions) -> Result<usize, TrimError> {
    let mut trimmer = Trimmer {
        options,
        last_bodies: BTreeMap::new(),
        before: BTreeMap::new(),
        kept: Vec::new(),
    };
    read::each_line(from, |line| {
        trimmer.take(line);
        Ok(())
    })?;
    let lines = trimmer.finish();
    write(to, &lines).map_err(|source| TrimError::Write {
        path: to.to_owned(),
        source,
    })?;
    Ok(lines.len())
}

struct Trimmer<'a> {
    options: &'a TrimOptions,
    /// The body of each URL as it was recorded, so that `same` can be resolved.
    last_bodies: BTreeMap<String, String>,
    /// The newest answer of each URL before the new beginning: it holds there.
    before: BTreeMap<String, Line>,
    kept: Vec<Line>,
}

impl Trimmer<'_> {
    fn take(&mut self, mut line: Line) {
        let at_s = line.t.unwrap_or_default();
        if self.options.to_s.is_some_and(|to_s| at_s > to_s) {
            return;
        }
        self.shift(at_s, &mut line);
        let Some(url) = line.url.clone() else {
            // Old log lines become what the file contains when the capture begins.
            return self.kept.push(line);
        };
        if self
            .options
            .dropped_urls
            .iter()
            .any(|part| url.contains(part.as_str()))
        {
            return;
        }
        let line = self.resolved(&url, line);
        if at_s < self.options.from_s {
            self.before.insert(url, line);
        } else {
            self.kept.push(line);
        }
    }

    /// Events before the new start are recorded as if they happened at the start.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "float casts saturate, and both are positive"
    )]
    fn shift(&self, at_s: f64, line: &mut Line) {
        let early_s = (self.options.from_s - at_s).max(0.0);
        line.unix_ms = line
            .unix_ms
            .map(|unix_ms| unix_ms.saturating_add((early_s * 1_000.0).round() as u64));
        line.t = Some(((at_s - self.options.from_s).max(0.0) * 1_000.0).round() / 1_000.0);
    }

    fn resolved(&mut self, url: &str, mut line: Line) -> Line {
        if line.error.is_none() {
            match &line.body {
                Some(body) => {
                    self.last_bodies.insert(url.to_owned(), body.clone());
                }
                None => line.body = self.last_bodies.get(url).cloned(),
            }
        }
        line.same = false;
        if url.ends_with("/metrics") && !self.options.families.is_empty() {
            line.body = line
                .body
                .map(|body| only_families(&body, &self.options.families));
        }
        line
    }

    /// The lines in the order of time, with `same` where a body repeats.
    fn finish(self) -> Vec<Line> {
        let mut lines: Vec<Line> = self.before.into_values().chain(self.kept).collect();
        lines.sort_by(|left, right| {
            left.t
                .unwrap_or_default()
                .total_cmp(&right.t.unwrap_or_default())
        });
        let mut last_bodies = BTreeMap::new();
        lines
            .iter_mut()
            .for_each(|line| fold(line, &mut last_bodies));
        lines
    }
}

fn fold(line: &mut Line, last_bodies: &mut BTreeMap<String, String>) {
    let (Some(url), None) = (&line.url, &line.error) else {
        return;
    };
    let Some(body) = &line.body else { return };
    if last_bodies.get(url) == Some(body) {
        line.body = None;
        line.same = true;
    } else {
        last_bodies.insert(url.clone(), body.clone());
    }
}

/// The lines of an exposition that belong to the wanted families, with their comments.
fn only_families(exposition: &str, families: &BTreeSet<String>) -> String {
    let wanted = |line: &&str| {
        let sample = line
            .strip_prefix("# HELP ")
            .or_else(|| line.strip_prefix("# TYPE "))
            .unwrap_or(line);
        let name = sample.split(['{', ' ']).next().unwrap_or_default();
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix));
        families.contains(name) || base.is_some_and(|base| families.contains(base))
    };
    let mut kept: String = exposition
        .lines()
        .filter(wanted)
        .collect::<Vec<_>>()
        .join("\n");
    kept.push('\n');
    kept
}

fn write(path: &Path, lines: &[Line]) -> std::io::Result<()> {
    let mut encoder = GzEncoder::new(std::fs::File::create(path)?, Compression::best());
    for line in lines {
        serde_json::to_writer(&mut encoder, line)?;
        encoder.write_all(b"\n")?;
    }
    encoder.finish()?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDING: &str = r##"{"t":0,"unix_ms":1000,"url":"http://h:1/a","status":200,"body":"one"}
{"t":0,"unix_ms":1000,"url":"http://h:1/config","status":200,"body":"secret"}
{"kind":"log","t":0,"source":"s","line":"old"}
{"t":10,"unix_ms":11000,"url":"http://h:1/a","status":200,"same":true}
{"t":11,"unix_ms":12000,"url":"http://h:1/metrics","status":200,"body":"# TYPE x counter\nx{a=\"b\"} 1\ny_bucket{le=\"1\"} 2\nz 3\n"}
{"t":20,"unix_ms":21000,"url":"http://h:1/a","error":"Connection refused","body":null}
{"t":30,"unix_ms":31000,"url":"http://h:1/a","status":200,"same":true}
{"kind":"log","t":31,"source":"s","line":"late"}
"##;

    fn trimmed(options: &TrimOptions) -> Vec<Line> {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from.jsonl");
        let to = folder.path().join("to.jsonl.gz");
        std::fs::write(&from, RECORDING).unwrap();
        trim(&from, &to, options).unwrap();
        let mut lines = Vec::new();
        read::each_line(&to, |line| {
            lines.push(line);
            Ok(())
        })
        .unwrap();
        lines
    }

    fn told(line: &Line) -> String {
        let what = line
            .body
            .as_deref()
            .or(line.error.as_deref())
            .or(line.line.as_deref())
            .unwrap_or("same");
        format!(
            "{} {} {what}",
            line.t.unwrap(),
            line.unix_ms.unwrap_or_default()
        )
    }

    #[test]
    fn a_window_begins_with_what_held_before_it_and_keeps_its_clock() {
        let options = TrimOptions {
            from_s: 15.0,
            to_s: Some(30.0),
            dropped_urls: vec!["/config".into()],
            ..TrimOptions::default()
        };
        let told: Vec<String> = trimmed(&options).iter().map(told).collect();
        let metrics = "0 16000 # TYPE x counter\nx{a=\"b\"} 1\ny_bucket{le=\"1\"} 2\nz 3\n";
        assert_eq!(
            told,
            [
                "0 16000 one",
                metrics,
                "0 0 old",
                "5 21000 Connection refused",
                "15 31000 same"
            ]
        );
    }

    #[test]
    fn only_wanted_families_stay_in_metrics() {
        let families = BTreeSet::from(["x".to_owned(), "y".to_owned()]);
        let lines = trimmed(&TrimOptions {
            families,
            ..TrimOptions::default()
        });
        let metrics = lines
            .iter()
            .find(|line| line.url.as_deref() == Some("http://h:1/metrics"))
            .unwrap();
        let expected = "# TYPE x counter\nx{a=\"b\"} 1\ny_bucket{le=\"1\"} 2\n";
        assert_eq!(metrics.body.as_deref(), Some(expected));
    }
}
