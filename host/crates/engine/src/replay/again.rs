//! The same code on the same ticks: everything must come out the same, byte for byte.

use super::loaded::{self, ReplayError};
use crate::tick::{ObserveFuture, Pipeline, SnapshotSource, SubjectChange, TickReport};
use operator_check::SwapEvent;
use operator_data::Snapshot;
use operator_journal::store::TicketLog;
use operator_journal::{Kind, body};
use operator_model::knowledge::KnowledgeBase;
use operator_model::{Tick, Timestamp};
use operator_plugin_host::{Engine, Subject};
use operator_reason::ticket::TicketTable;
use operator_recording::{Arrival, Ending, RecordedTick, Recording};
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

/// How a replay went.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Replayed {
    /// Whether everything came out the same.
    pub identical: bool,
    /// Ticks that were decided again.
    pub ticks: u64,
    /// Verdicts that were compared.
    pub verdicts: u64,
    /// Records of the decision log that were compared.
    pub records: u64,
    /// Fuel of all verdicts.
    pub fuel: u64,
    /// The first thing that came out otherwise.
    pub difference: Option<Difference>,
    /// How the recording ends.
    pub ending: String,
    /// sha256 of everything that was compared, so that two replays can be compared with each other.
    pub digest: String,
}

/// Where two runs part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// In which tick.
    pub tick: Tick,
    /// Verdict of which check, diagnosis, or which record of the log.
    pub what: String,
    /// As it was recorded.
    pub recorded: String,
    /// As it came out now.
    pub replayed: String,
}

/// Replays all ticks. The log that is written meanwhile goes to `directory`, which must be new.
///
/// # Errors
/// The recording is damaged, or its plugins cannot be loaded.
pub async fn again(
    engine: &Engine,
    mut recording: Recording,
    directory: &Path,
) -> Result<Replayed, ReplayError> {
    let begin = recording.begin().clone();
    let bytes = loaded::bytes(&recording, &begin.subject)?;
    let (subject, _) = loaded::subject(
        engine,
        &begin,
        &begin.subject.source,
        &bytes,
        &Arc::default(),
    )
    .await?;
    let checks = Arc::new(loaded::checks(engine, &recording).await?);
    let mut ticket_log = TicketLog::open(directory, begin.started.0)
        .await?
        .ticket_log;
    let start = &begin.book;
    let ticket_table = TicketTable::restore(start.tickets.clone(), start.last_number);
    ticket_log.stand_in(
        ticket_table,
        start.last_tick,
        start.last_seq,
        &start.last_hash,
    );
    ticket_log.take_lines();
    let shown: Arc<Mutex<CurrentTick>> = Arc::default();
    let source = Memory {
        subject,
        shown: Arc::clone(&shown),
        started: begin.started.0,
    };
    let config = begin.started.1.config.clone();
    let mut pipeline = Pipeline::with_source(Box::new(source), checks, config, &ticket_log);
    ticket_log.note(Kind::Started, begin.started.0, &begin.started.1)?;
    let mut comparison = Comparison::default();
    while comparison.difference.is_none() {
        let Some(recorded) = recording.next_tick()? else {
            break;
        };
        let changes = subject_changes(engine, &recording, &recorded).await?;
        let snapshot = Some(Arc::clone(&recorded.snapshot));
        *shown.lock() = CurrentTick { snapshot, changes };
        pipeline
            .put_before_tick(loaded::arrived(&recording, &recorded.arrivals)?)
            .await?;
        let report = pipeline.tick(&mut ticket_log).await?;
        comparison.tick(&recorded, &report, &ticket_log.take_lines());
    }
    if let (None, Some(Ending::Ended { journal, .. })) =
        (&comparison.difference, recording.ending())
    {
        stop_again(&mut ticket_log, journal).await?;
        comparison.lines(pipeline.last_tick(), journal, &ticket_log.take_lines());
    }
    ticket_log.close().await?;
    Ok(comparison.replayed(recording.ending()))
}

/// Writes the record of the end again: time, reason and number of ticks are what was recorded, the
/// rest is counted anew.
async fn stop_again(ticket_log: &mut TicketLog, journal: &[String]) -> Result<(), ReplayError> {
    #[derive(serde::Deserialize)]
    struct Last {
        at: Timestamp,
        body: body::Stopped,
    }
    let last = journal
        .last()
        .and_then(|line| serde_json::from_str::<Last>(line).ok());
    if let Some(Last { at, body }) = last {
        let stopped = body::Stopped {
            open_tickets: ticket_log.ticket_table().open().count(),
            ..body
        };
        ticket_log.note(Kind::Stopped, at, &stopped)?;
    }
    Ok(ticket_log.commit().await?)
}

/// Changes of the subject in a tick, with the subjects that came with them.
async fn subject_changes(
    engine: &Engine,
    recording: &Recording,
    recorded: &RecordedTick,
) -> Result<VecDeque<SubjectReplay>, ReplayError> {
    let mut changes = VecDeque::new();
    for arrival in &recorded.arrivals {
        let Arrival::Subject { event, counts } = arrival else {
            continue;
        };
        let mut subject = None;
        if let Some(component) = counts {
            let bytes = loaded::bytes(recording, component)?;
            let begin = recording.begin();
            subject = Some(
                loaded::subject(engine, begin, &component.source, &bytes, &Arc::default())
                    .await?
                    .0,
            );
        }
        if let Ok(event) = serde_json::from_value(event.clone()) {
            changes.push_back(SubjectReplay { event, subject });
        }
    }
    Ok(changes)
}

/// A change of the subject that is about to be replayed.
struct SubjectReplay {
    event: SwapEvent,
    subject: Option<Subject>,
}

/// What is there to be seen in this tick.
#[derive(Default)]
struct CurrentTick {
    snapshot: Option<Arc<Snapshot>>,
    changes: VecDeque<SubjectReplay>,
}

/// Remembers what was seen instead of looking.
struct Memory {
    subject: Subject,
    shown: Arc<Mutex<CurrentTick>>,
    started: Timestamp,
}

impl Memory {
    fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.shown.lock().snapshot.clone()
    }

    /// Reports the changes that happened within the tick, or those before it.
    fn changed(&mut self, within: bool) -> Vec<SubjectChange> {
        let mut journal_events = Vec::new();
        let mut shown = self.shown.lock();
        let is_within =
            |changed: &SubjectReplay| matches!(changed.event, SwapEvent::RolledBack { .. });
        while let Some(changed) = shown
            .changes
            .pop_front_if(|changed| is_within(changed) == within)
        {
            if let Some(subject) = changed.subject {
                self.subject = subject;
            }
            journal_events.push(SubjectChange {
                event: changed.event,
                counts: None,
            });
        }
        journal_events
    }
}

impl SnapshotSource for Memory {
    fn subject(&self) -> String {
        format!(
            "{} {}",
            self.subject.info().name,
            self.subject.info().version
        )
    }

    fn plugin(&self) -> (String, String) {
        (
            self.subject.info().name.clone(),
            self.subject.digest().0.clone(),
        )
    }

    fn knowledge(&self) -> &Arc<KnowledgeBase> {
        self.subject.knowledge()
    }

    fn now(&self) -> Timestamp {
        self.snapshot()
            .map_or(self.started, |snapshot| snapshot.host_at)
    }

    fn observed_now(&self) -> Timestamp {
        self.snapshot()
            .map_or(self.started, |snapshot| snapshot.taken_at)
    }

    fn prime(&self) -> ObserveFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn boundary(&mut self) -> Vec<SubjectChange> {
        self.changed(false)
    }

    fn take_changes(&mut self) -> Vec<SubjectChange> {
        self.changed(true)
    }

    fn observe(&mut self, tick: Tick) -> ObserveFuture<'_, Arc<Snapshot>> {
        let nothing = || Arc::new(Snapshot::nothing(tick));
        Box::pin(std::future::ready(self.snapshot().unwrap_or_else(nothing)))
    }
}

/// What was compared so far.
#[derive(Default)]
struct Comparison {
    ticks: u64,
    verdicts: u64,
    records: u64,
    fuel: u64,
    difference: Option<Difference>,
    hash: sha2::Sha256,
}

impl Comparison {
    fn tick(&mut self, recorded: &RecordedTick, report: &TickReport, lines: &[String]) {
        let tick = recorded.snapshot.tick;
        self.ticks += 1;
        self.fuel += report
            .verdicts
            .iter()
            .map(|verdict| verdict.fuel)
            .sum::<u64>();
        for (index, verdict) in report.verdicts.iter().enumerate() {
            let said = recorded
                .verdicts
                .get(index)
                .map_or("no verdict", |text| text);
            self.compare(
                tick,
                || format!("verdict of {}", verdict.check),
                said,
                &text_of(verdict),
            );
            self.verdicts += 1;
        }
        if let Some(missing) = recorded.verdicts.get(report.verdicts.len()) {
            self.compare(tick, || "extra verdict".to_owned(), missing, "no verdict");
        }
        self.compare(
            tick,
            || "diagnosis".to_owned(),
            &recorded.incidents,
            &text_of(&report.incidents),
        );
        self.lines(tick, &recorded.journal, lines);
    }

    fn lines(&mut self, tick: Tick, recorded: &[String], replayed: &[String]) {
        for index in 0..recorded.len().max(replayed.len()) {
            let of = |lines: &[String]| {
                lines
                    .get(index)
                    .cloned()
                    .unwrap_or_else(|| "no record".to_owned())
            };
            self.compare(
                tick,
                || "record of the decision log".to_owned(),
                &of(recorded),
                &of(replayed),
            );
            self.records += 1;
        }
    }

    fn compare(&mut self, tick: Tick, what: impl Fn() -> String, recorded: &str, replayed: &str) {
        use sha2::Digest as _;
        self.hash.update(replayed);
        if self.difference.is_none() && recorded != replayed {
            let (recorded, replayed) = around_difference(recorded, replayed);
            self.difference = Some(Difference {
                tick,
                what: what(),
                recorded,
                replayed,
            });
        }
    }

    fn replayed(self, ending: Option<&Ending>) -> Replayed {
        use sha2::Digest as _;
        Replayed {
            identical: self.difference.is_none(),
            ticks: self.ticks,
            verdicts: self.verdicts,
            records: self.records,
            fuel: self.fuel,
            difference: self.difference,
            ending: match ending {
                Some(Ending::Ended { reason, .. }) => reason.clone(),
                Some(Ending::Cut(place)) => format!("cut off at {place}"),
                None => "not read to its end".to_owned(),
            },
            digest: hex::encode(self.hash.finalize()),
        }
    }
}

fn text_of(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| format!("cannot serialise: {error}"))
}

/// Characters of a text that are shown on each side of the first difference.
const SHOWN_CHARS: usize = 120;

fn around_difference(one: &str, other: &str) -> (String, String) {
    let same = one
        .chars()
        .zip(other.chars())
        .take_while(|(a, b)| a == b)
        .count();
    let from = same.saturating_sub(SHOWN_CHARS);
    let cut = |text: &str| {
        let shown: String = text.chars().skip(from).take(2 * SHOWN_CHARS).collect();
        if from > 0 {
            format!("…{shown}")
        } else {
            shown
        }
    };
    (cut(one), cut(other))
}
