//! Reading a recording, tick by tick; everything is checked before anyone sees it.

use super::blobs::ReadBlobs;
use super::error::{Position, RecordingError};
use super::line::{Line, Lines, Next};
use super::recording_ports::{self, PortTraffic};
use super::series::Rebuilt;
use super::{Arrival, Begin, FORMAT, TickLine};
use operator_data::freeze::{FreezeInput, Tables};
use operator_data::{Observed, Snapshot, Table, freeze as snapshot};
use operator_model::{Tick, Timestamp};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Components of one recording: bytes that a small machine can hold.
const COMPONENT_BYTES_MAX: usize = 1 << 30;

/// A recording that is being read.
pub struct Recording {
    path: PathBuf,
    lines: Lines,
    begin: Begin,
    components: BTreeMap<String, Vec<u8>>,
    blobs: ReadBlobs,
    series: Rebuilt,
    past: Vec<Arc<Tables>>,
    ahead: Option<Line>,
    ending: Option<Ending>,
}

/// One tick as it was.
pub struct RecordedTick {
    /// What was evaluated, with the hash that it has.
    pub snapshot: Arc<Snapshot>,
    /// What it was made from.
    pub seen: PortTraffic,
    /// Changes of the plugins before it.
    pub arrivals: Vec<Arrival>,
    /// One JSON text for each check, sorted by check.
    pub verdicts: Vec<Arc<str>>,
    /// The diagnosis, as JSON.
    pub incidents: Arc<str>,
    /// Records of the decision log.
    pub journal: Vec<String>,
}

/// How a recording ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It was ended, for this reason, with these last records of the log.
    Ended {
        /// Why.
        reason: String,
        /// Records after the last tick.
        journal: Vec<String>,
    },
    /// The writer was killed, or the file was truncated.
    Cut(Position),
}

impl Recording {
    /// Opens a recording and reads up to its first tick.
    ///
    /// # Errors
    /// It is missing, something else, too new, or damaged.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let io = |source| RecordingError::Io {
            path: path.to_owned(),
            source,
        };
        let mut lines = Lines::open(path).map_err(io)?;
        let not = |why: String| RecordingError::NotARecording {
            path: path.to_owned(),
            why,
        };
        let first = lines.next().map_err(|error| match error {
            RecordingError::Damaged { why, .. } => not(why),
            other => other,
        })?;
        let begin = match first {
            Next::Line(line) => match *line {
                Line::Begin(begin) => *begin,
                _ => return Err(not("its first line is not the beginning of one".to_owned())),
            },
            Next::End { .. } => return Err(not("it ends before its first line does".to_owned())),
        };
        if begin.format > FORMAT {
            return Err(RecordingError::Newer {
                path: path.to_owned(),
                found: begin.format,
            });
        }
        let mut recording = Self {
            path: path.to_owned(),
            series: Rebuilt::new(begin.samples_per_series_max),
            lines,
            begin,
            components: BTreeMap::new(),
            blobs: ReadBlobs::default(),
            past: Vec::new(),
            ahead: None,
            ending: None,
        };
        recording.ahead = recording.advance()?;
        Ok(recording)
    }

    /// What is known before the first tick.
    #[must_use]
    pub fn begin(&self) -> &Begin {
        &self.begin
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of a component, if they are in what was read so far and have this digest.
    #[must_use]
    pub fn component(&self, digest: &str) -> Option<&[u8]> {
        let bytes = self.components.get(digest)?;
        (hex::encode(Sha256::digest(bytes)) == digest).then_some(bytes.as_slice())
    }

    /// How it ends; known when there is no tick any more.
    #[must_use]
    pub fn ending(&self) -> Option<&Ending> {
        self.ending.as_ref()
    }

    /// The next tick; `None` at the end.
    ///
    /// # Errors
    /// The file is damaged here.
    pub fn next_tick(&mut self) -> Result<Option<RecordedTick>, RecordingError> {
        let ahead = match self.ahead.take() {
            Some(line) => Some(line),
            None => self.advance()?,
        };
        let Some(Line::Tick(line)) = ahead else {
            return Ok(None);
        };
        let number = line.tick;
        let tick = self.tick(*line).map_err(|why| self.lines.damaged(why))?;
        self.lines.after_tick = number;
        self.blobs.end_tick();
        Ok(Some(tick))
    }

    /// The next tick's line; everything before it is remembered. `None` at the end.
    fn advance(&mut self) -> Result<Option<Line>, RecordingError> {
        while self.ending.is_none() {
            match self.lines.next()? {
                Next::End { whole: true } | Next::End { whole: false } => {
                    self.ending = Some(Ending::Cut(self.lines.place()));
                }
                Next::Line(line) => match *line {
                    Line::Begin(_) => return Err(self.lines.damaged("it begins a second time")),
                    Line::Component { digest, hex } => self.learn_component(digest, &hex)?,
                    Line::Blob { id, text } => self.blobs.learn(id, text),
                    Line::End(end) => {
                        self.ending = Some(Ending::Ended {
                            reason: end.reason,
                            journal: end.journal,
                        })
                    }
                    tick @ Line::Tick(_) => return Ok(Some(tick)),
                },
            }
        }
        Ok(None)
    }

    fn learn_component(&mut self, digest: String, hex: &str) -> Result<(), RecordingError> {
        let part = hex::decode(hex).map_err(|error| {
            self.lines
                .damaged(format!("a component is no hex: {error}"))
        })?;
        let held: usize = self.components.values().map(Vec::len).sum();
        if held + part.len() > COMPONENT_BYTES_MAX {
            return Err(self.lines.damaged(format!(
                "its components have more than {COMPONENT_BYTES_MAX} bytes"
            )));
        }
        let bytes = self.components.entry(digest).or_default();
        bytes.extend_from_slice(&part);
        Ok(())
    }

    fn tick(&mut self, line: TickLine) -> Result<RecordedTick, String> {
        let mut tables: BTreeMap<String, Arc<Table>> = BTreeMap::new();
        for (name, id) in &line.tables {
            tables.insert(name.clone(), self.blobs.table(id)?);
        }
        let topology = serde_json::from_str(&self.blobs.text(&line.topology)?)
            .map_err(|error| error.to_string())?;
        let series = self.series.apply(line.series)?;
        let snapshot = snapshot::freeze(FreezeInput {
            tick: Tick(line.tick),
            taken_at: Timestamp(line.taken_at),
            host_at: Timestamp(line.host_at),
            subject: &line.subject,
            observed: Observed {
                system: line.system,
                tables,
                topology,
                blind: line.blind,
            },
            series: Arc::new(series),
            past: &self.past,
            history_ticks: self.begin.history_ticks,
        });
        if snapshot.hash.as_str() != line.snapshot {
            return Err(format!(
                "tick {} has the snapshot hash {}, but states {}",
                line.tick, snapshot.hash, line.snapshot
            ));
        }
        self.past = snapshot::history(&snapshot, self.begin.history_ticks);
        let blobs = &mut self.blobs;
        let exchanges = line
            .exchanges
            .into_iter()
            .map(|exchange| recording_ports::read(exchange, blobs));
        let exchanges = exchanges.collect::<Result<Vec<_>, _>>()?;
        let verdicts = line
            .verdicts
            .iter()
            .map(|id| blobs.text(id))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(RecordedTick {
            snapshot,
            seen: PortTraffic {
                exchanges,
                logs: line.logs,
            },
            arrivals: line.arrivals,
            verdicts,
            incidents: blobs.text(&line.incidents)?,
            journal: line.journal,
        })
    }
}
