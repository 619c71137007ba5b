//! Writing a recording, in the background: a thread compresses, and a tick waits for it only when
//! it is several ticks behind.

use super::blobs::WrittenBlobs;
use super::line::{Line, Writer};
use super::recording_ports::{self, PortTraffic};
use super::series::SeriesTracker;
use super::{Arrival, Begin, End, RecordingError, TickLine};
use operator_data::Snapshot;
use operator_model::{Incident, Verdict};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Ticks that may wait for the thread. They share their tables with the snapshots, so they are
/// small.
const WAITING_TICKS_MAX: usize = 4;

/// Bytes of a component in one line.
const COMPONENT_PART_BYTES: usize = 1 << 20;

/// Everything about one tick.
pub struct Frame {
    /// What was evaluated.
    pub snapshot: Arc<Snapshot>,
    /// What it was made from.
    pub seen: PortTraffic,
    /// Changes of the plugins before it.
    pub arrivals: Vec<Arrival>,
    /// Bytes of components that came with them: digest and bytes.
    pub components: Vec<(String, Arc<[u8]>)>,
    /// One for each check.
    pub verdicts: Vec<Verdict>,
    /// The diagnosis.
    pub incidents: Vec<Incident>,
    /// Records of the decision log.
    pub journal: Vec<String>,
}

enum Message {
    Tick(Box<Frame>),
    End(End),
}

/// A recording that is being made. A disk that fails or fills ends it and nothing else.
pub struct Recorder {
    messages: Option<SyncSender<Message>>,
    thread: Option<JoinHandle<()>>,
    trouble: Arc<Mutex<Option<String>>>,
    path: PathBuf,
}

impl Recorder {
    /// Starts a new file. It ends by itself when it has `bytes_max` bytes.
    ///
    /// # Errors
    /// The file exists already or cannot be written.
    pub fn create(
        path: &Path,
        begin: Begin,
        components: Vec<(String, Arc<[u8]>)>,
        bytes_max: u64,
    ) -> Result<Self, RecordingError> {
        let io = |source| RecordingError::Io {
            path: path.to_owned(),
            source,
        };
        let samples_max = begin.samples_per_series_max;
        let mut writer = Writer::create(path).map_err(io)?;
        writer.put(&Line::Begin(Box::new(begin))).map_err(io)?;
        let mut has = BTreeSet::new();
        put_components(&mut writer, &mut has, &components).map_err(io)?;
        writer.flush().map_err(io)?;
        let (messages, received) = sync_channel(WAITING_TICKS_MAX);
        let trouble = Arc::new(Mutex::new(None));
        let work = Work {
            writer,
            has,
            blobs: WrittenBlobs::default(),
            series: SeriesTracker::default(),
            samples_max,
            bytes_max,
        };
        let told = Arc::clone(&trouble);
        let run = move || {
            if let Err(error) = work.run(&received) {
                *told.lock() = Some(error.to_string());
            }
        };
        let thread = std::thread::Builder::new()
            .name("recorder".to_owned())
            .spawn(run)
            .map_err(io)?;
        Ok(Self {
            messages: Some(messages),
            thread: Some(thread),
            trouble,
            path: path.to_owned(),
        })
    }

    /// Adds a tick.
    pub fn tick(&mut self, frame: Frame) {
        self.send(Message::Tick(Box::new(frame)));
    }

    /// Ends the file and waits until the disk has it.
    pub fn end(mut self, reason: &str, journal: Vec<String>) {
        self.send(Message::End(End {
            reason: reason.to_owned(),
            journal,
        }));
        self.messages = None;
        let ended = self.thread.take().map(JoinHandle::join);
        if let Some(Err(_)) = ended {
            tracing::warn!(path = %self.path.display(), "the recording ended early");
        }
        self.report();
    }

    fn send(&mut self, message: Message) {
        let sent = self
            .messages
            .as_ref()
            .is_some_and(|messages| messages.send(message).is_ok());
        if !sent {
            self.messages = None;
            self.report();
        }
    }

    /// Says once why there is no recording any more.
    fn report(&self) {
        let trouble = self.trouble.lock().take();
        if let Some(trouble) = trouble {
            tracing::warn!(path = %self.path.display(), %trouble, "recording stopped; the operator continues");
        }
    }
}

/// What the thread has.
struct Work {
    writer: Writer,
    /// Digests of components that are in the file.
    has: BTreeSet<String>,
    blobs: WrittenBlobs,
    series: SeriesTracker,
    samples_max: usize,
    bytes_max: u64,
}

impl Work {
    fn run(mut self, messages: &Receiver<Message>) -> std::io::Result<()> {
        while let Ok(message) = messages.recv() {
            match message {
                Message::Tick(frame) => self.tick(*frame)?,
                Message::End(end) => {
                    self.writer.put(&Line::End(end))?;
                    return self.writer.finish();
                }
            }
            if self.writer.bytes() > self.bytes_max {
                let reason = format!("size limit of {} bytes reached", self.bytes_max);
                self.writer.put(&Line::End(End {
                    reason: reason.clone(),
                    journal: Vec::new(),
                }))?;
                self.writer.finish()?;
                return Err(std::io::Error::other(reason));
            }
        }
        // It was not ended: it stays readable up to the last tick.
        self.writer.flush()
    }

    fn tick(&mut self, frame: Frame) -> std::io::Result<()> {
        put_components(&mut self.writer, &mut self.has, &frame.components)?;
        let line = self.line(frame)?;
        self.writer.put(&Line::Tick(Box::new(line)))?;
        self.blobs.end_tick();
        self.writer.flush()
    }

    fn line(&mut self, frame: Frame) -> std::io::Result<TickLine> {
        let Frame {
            snapshot,
            seen,
            arrivals,
            verdicts,
            incidents,
            journal,
            ..
        } = frame;
        let blobs = &mut self.blobs;
        let writer = &mut self.writer;
        let mut line = TickLine {
            tick: snapshot.tick.0,
            host_at: snapshot.host_at.0,
            taken_at: snapshot.taken_at.0,
            subject: snapshot.subject.clone(),
            system: snapshot.system.clone(),
            snapshot: snapshot.hash.to_string(),
            topology: blobs.name(writer, &text_of(&snapshot.topology)?)?,
            blind: snapshot.blind.clone(),
            series: self.series.changes(&snapshot.series, self.samples_max),
            logs: seen.logs,
            arrivals,
            incidents: blobs.name(writer, &text_of(&incidents)?)?,
            journal,
            ..TickLine::default()
        };
        for (name, table) in &snapshot.tables {
            line.tables
                .insert(name.clone(), blobs.name_table(writer, table)?);
        }
        for exchange in &seen.exchanges {
            line.exchanges
                .push(recording_ports::write(exchange, blobs, writer)?);
        }
        for verdict in &verdicts {
            line.verdicts.push(blobs.name(writer, &text_of(verdict)?)?);
        }
        Ok(line)
    }
}

fn put_components(
    writer: &mut Writer,
    has: &mut BTreeSet<String>,
    components: &[(String, Arc<[u8]>)],
) -> std::io::Result<()> {
    for (digest, bytes) in components {
        if !has.insert(digest.clone()) {
            continue;
        }
        for part in bytes.chunks(COMPONENT_PART_BYTES) {
            writer.put(&Line::Component {
                digest: digest.clone(),
                hex: hex::encode(part),
            })?;
        }
    }
    Ok(())
}

/// A value as it is compared and written.
pub(super) fn text_of(value: &impl serde::Serialize) -> std::io::Result<String> {
    serde_json::to_string(value).map_err(std::io::Error::other)
}
