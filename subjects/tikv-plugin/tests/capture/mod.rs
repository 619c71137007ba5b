//! A capture of a real cluster as the world that a subject observes.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::cast_possible_truncation,
    reason = "test code: a malformed capture must fail the test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::time::Duration;

use operator_plugin::{
    HttpError, Level, LogChunk, LogError, Matcher, Query, Reduction, Request, Response,
    ScrapeRequest, ScrapeSummary, SeriesError, TableView, World, table,
};
use serde::Deserialize;

/// The path of a capture, in the folder `shared` of one of the project's parent folders.
pub(crate) fn path(name: &str) -> Option<PathBuf> {
    let file = format!("{name}.jsonl.gz");
    let start = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let found = start
        .ancestors()
        .map(|folder| folder.join("shared/data/cassettes").join(&file))
        .find(|path| path.exists());
    if found.is_none() {
        eprintln!(
            "skipped: capture {file} not found in shared/data/cassettes of any parent of {}",
            start.display()
        );
    }
    found
}

#[derive(Deserialize)]
struct Entry {
    t: f64,
    unix_ms: Option<u64>,
    url: Option<String>,
    status: Option<u16>,
    body: Option<String>,
    source: Option<String>,
    line: Option<String>,
}

/// One response: time, status (0 for a refused connection) and index of the body.
struct CapturedResponse {
    t: f64,
    status: u16,
    body: usize,
}

pub(crate) struct Capture {
    responses: BTreeMap<String, Vec<CapturedResponse>>,
    bodies: Vec<String>,
    logs: BTreeMap<String, Vec<(f64, String)>>,
    listening: BTreeSet<String>,
    targets: BTreeMap<String, String>,
    read_up_to: BTreeMap<String, usize>,
    samples: BTreeMap<String, Vec<(f64, f64)>>,
    began_ms: u64,
    /// Seconds since the start of the capture.
    pub(crate) t: f64,
    /// Whether discovery is granted.
    pub(crate) grants: bool,
    /// Targets and paths requested in the last tick.
    pub(crate) requested: Vec<(String, String)>,
}

impl Capture {
    pub(crate) fn load(path: &Path) -> Self {
        let file = std::fs::File::open(path).unwrap();
        let mut read = Self {
            responses: BTreeMap::new(),
            bodies: vec![String::new()],
            logs: BTreeMap::new(),
            listening: BTreeSet::new(),
            targets: [("pd".to_owned(), "http://127.0.0.1:2379".to_owned())].into(),
            read_up_to: BTreeMap::new(),
            samples: BTreeMap::new(),
            began_ms: 0,
            t: 0.0,
            grants: true,
            requested: Vec::new(),
        };
        for line in BufReader::new(flate2::read::GzDecoder::new(file)).lines() {
            read.take(serde_json::from_str(&line.unwrap()).unwrap());
        }
        read
    }

    /// Stops listening at an origin.
    pub(crate) fn close(&mut self, origin: &str) {
        self.listening.remove(origin);
    }

    fn take(&mut self, entry: Entry) {
        if let (Some(source), Some(line)) = (entry.source, entry.line) {
            self.logs.entry(source).or_default().push((entry.t, line));
            return;
        }
        let Some(url) = entry.url else { return };
        if self.began_ms == 0 {
            self.began_ms = entry.unix_ms.unwrap() - (entry.t * 1000.0) as u64;
        }
        let origin = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        self.listening.insert(origin);
        let responses = self.responses.entry(url).or_default();
        let body = match (
            entry.body,
            responses.iter().rev().find(|answer| answer.status != 0),
        ) {
            (Some(body), _) => {
                self.bodies.push(body);
                self.bodies.len() - 1
            }
            (None, Some(before)) => before.body,
            (None, None) => 0,
        };
        responses.push(CapturedResponse {
            t: entry.t,
            status: entry.status.unwrap_or(0),
            body,
        });
    }

    fn get(&self, target: &str, path: &str) -> Result<Response, HttpError> {
        let origin = self
            .targets
            .get(target)
            .ok_or_else(|| HttpError::UnknownTarget(target.to_owned()))?;
        if !self.listening.contains(origin) {
            return Err(HttpError::Refused);
        }
        // A process that refuses one path refuses every path.
        let last = |url: &str| {
            self.responses
                .get(url)?
                .iter()
                .rev()
                .find(|response| response.t <= self.t)
        };
        let response = |status: u16, body: &str| Response {
            status,
            headers: vec![],
            body: body.as_bytes().to_vec(),
            truncated: false,
            elapsed: 1_000_000,
            server_date: Some((self.began_ms + (self.t * 1000.0) as u64) / 1000 * 1_000_000_000),
        };
        match last(&format!("{origin}{path}")) {
            None => Ok(response(404, "not captured")),
            Some(answer) if answer.status == 0 => Err(HttpError::Refused),
            Some(answer) => Ok(response(answer.status, &self.bodies[answer.body])),
        }
    }
}

impl World for Capture {
    fn now(&self) -> u64 {
        (self.began_ms + (self.t * 1000.0) as u64) * 1_000_000
    }

    fn send_all(&mut self, requests: &[Request]) -> Vec<Result<Response, HttpError>> {
        self.requested.extend(
            requests
                .iter()
                .map(|request| (request.target.clone(), request.path_and_query.clone())),
        );
        requests
            .iter()
            .map(|request| self.get(&request.target, &request.path_and_query))
            .collect()
    }

    fn discover(&mut self, name: &str, origin: &str) -> Result<(), HttpError> {
        if !self.grants {
            return Err(HttpError::Denied("outside the granted networks".to_owned()));
        }
        self.targets.insert(name.to_owned(), origin.to_owned());
        Ok(())
    }

    fn scrape_all(&mut self, requests: &[ScrapeRequest]) -> Vec<Result<ScrapeSummary, HttpError>> {
        let mut results = Vec::new();
        for request in requests {
            let result = self.get(&request.target, &request.path).map(|response| {
                let text = String::from_utf8(response.body).unwrap();
                let lines = text.lines().filter(|line| {
                    let name = line.split(['{', ' ']).next().unwrap_or_default();
                    ["pd_regions_status", "tikv_server_report_failure_msg_total"].contains(&name)
                });
                let own: Vec<String> = request
                    .labels
                    .iter()
                    .map(|label| format!("{}=\"{}\"", label.key, label.value))
                    .collect();
                let mut kept = 1;
                for line in lines {
                    let (series, value) = line.rsplit_once(' ').unwrap();
                    let series = series.replace('}', &format!(",{}}}", own.join(",")));
                    self.samples
                        .entry(series)
                        .or_default()
                        .push((self.t, value.parse().unwrap()));
                    kept += 1;
                }
                ScrapeSummary {
                    kept,
                    seen: kept,
                    malformed: 0,
                }
            });
            results.push(result);
        }
        results
    }

    fn select(
        &mut self,
        query: &Query,
        reduction: Reduction,
        window: Duration,
    ) -> Result<TableView, SeriesError> {
        let since = self.t - window.as_secs_f64();
        let label = |series: &str, key: &str| {
            let (_, rest) = series.split_once(&format!("{key}=\""))?;
            Some(rest.split('"').next()?.to_owned())
        };
        let matches = |series: &str| {
            series.starts_with(&format!("{}{{", query.selector.metric))
                && query.selector.all_of.iter().all(|matcher| match matcher {
                    Matcher::Equals(wanted) => {
                        label(series, &wanted.key).as_deref() == Some(&wanted.value)
                    }
                    _ => panic!("unsupported matcher"),
                })
        };
        let mut groups: BTreeMap<Vec<String>, f64> = BTreeMap::new();
        for (series, samples) in self.samples.iter().filter(|(series, _)| matches(series)) {
            let window: Vec<_> = samples.iter().filter(|(t, _)| *t >= since).collect();
            let (Some(first), Some(last)) = (window.first(), window.last()) else {
                continue;
            };
            let value = match reduction {
                Reduction::Last => last.1,
                Reduction::Rate if window.len() > 1 => {
                    (last.1 - first.1).max(0.0) / (last.0 - first.0)
                }
                _ => continue,
            };
            let key = query
                .by
                .iter()
                .map(|by| label(series, by).unwrap_or_default())
                .collect();
            *groups.entry(key).or_default() += value;
        }
        if groups.is_empty() {
            return Err(SeriesError::NoSuchMetric(query.selector.metric.clone()));
        }
        let mut found = table("metrics");
        for (place, by) in query.by.iter().enumerate() {
            found = found.texts(
                by,
                groups
                    .keys()
                    .map(|key| key[place].clone())
                    .collect::<Vec<_>>(),
            );
        }
        Ok(found
            .floats("value", "", groups.values().copied().collect::<Vec<_>>())
            .into())
    }

    fn log_sources(&mut self) -> Vec<String> {
        self.logs.keys().cloned().collect()
    }

    fn read_log(&mut self, source: &str, max_lines: u32) -> Result<LogChunk, LogError> {
        let lines = self
            .logs
            .get(source)
            .ok_or_else(|| LogError::UnknownSource(source.to_owned()))?;
        let from = self.read_up_to.get(source).copied().unwrap_or(0);
        let new: Vec<String> = lines
            .iter()
            .skip(from)
            .take_while(|(t, _)| *t <= self.t)
            .take(max_lines as usize)
            .map(|(_, line)| line.clone())
            .collect();
        self.read_up_to.insert(source.to_owned(), from + new.len());
        Ok(LogChunk {
            lines: new,
            skipped: 0,
        })
    }

    fn log(&mut self, _: Level, _: &str, _: &[operator_plugin::Label]) {}
}
