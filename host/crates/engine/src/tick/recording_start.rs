//! What a recording holds of the plugins: those of its start, and those that arrive later.

use super::assemble::Assembly;
use super::source::SubjectChange;
use crate::settings::Settings;
use operator_check::{Arrived, LoadedModule};
use operator_journal::body;
use operator_journal::store::TicketLog;
use operator_model::knowledge::KnowledgeBase;
use operator_model::{Ticket, Timestamp};
use operator_recording::{
    Arrival, Begin, Component, FORMAT, RECORDING_BYTES_MAX, Recorder, RecordingError,
    TicketLogStart,
};
use std::path::Path;
use std::sync::Arc;

/// What is loaded, as a recording needs it.
pub struct Recordable {
    subject: Component,
    subject_bytes: Arc<[u8]>,
    knowledge: Arc<KnowledgeBase>,
    modules: Vec<LoadedModule>,
}

impl Recordable {
    /// Of what is about to tick.
    #[must_use]
    pub fn of(assembly: &Assembly) -> Self {
        let subject = &assembly.observer.versions.active().subject;
        Self {
            subject: Component {
                source: subject.source().to_owned(),
                name: subject.info().name.clone(),
                version: subject.info().version.clone(),
                digest: subject.digest().0.clone(),
                config: String::new(),
            },
            subject_bytes: Arc::clone(&assembly.subject_bytes),
            knowledge: Arc::clone(subject.knowledge()),
            modules: assembly.checks.loaded(),
        }
    }

    /// Starts the recording into `path`. The next record of the log must be `started`.
    ///
    /// # Errors
    /// The file exists already or cannot be written, or the knowledge cannot be serialised.
    pub fn begin(
        self,
        path: &Path,
        settings: &Settings,
        ticket_log: &mut TicketLog,
        started: (Timestamp, body::Started),
    ) -> Result<Recorder, RecordingError> {
        let unfit = |what| move |source| RecordingError::Unserialisable { what, source };
        let knowledge =
            serde_json::to_string(self.knowledge.as_ref()).map_err(unfit("knowledge"))?;
        let plugin_limits =
            serde_json::to_value(&settings.plugin_limits).map_err(unfit("plugin limits"))?;
        let subject = (self.subject.digest.clone(), self.subject_bytes);
        let modules = self
            .modules
            .iter()
            .map(|module| (module.digest.clone(), Arc::clone(&module.bytes)));
        let components = std::iter::once(subject).chain(modules).collect();
        let begin = Begin {
            format: FORMAT,
            operator: env!("CARGO_PKG_VERSION").to_owned(),
            subject: self.subject,
            subject_config: settings.plugin_config.to_string(),
            modules: self.modules.iter().map(component).collect(),
            targets: settings
                .targets
                .iter()
                .map(|(name, target)| (name.clone(), target.origin.to_string()))
                .collect(),
            plugin_limits,
            history_ticks: settings.limits.history_ticks,
            tick_deadline_ms: settings.limits.tick_deadline_ms,
            samples_per_series_max: settings.limits.series.samples_per_series_max,
            knowledge,
            book: book_start(ticket_log),
            started,
        };
        // From here on the lines of the log are kept for the recording.
        ticket_log.take_lines();
        Recorder::create(path, begin, components, RECORDING_BYTES_MAX)
    }
}

fn book_start(ticket_log: &TicketLog) -> TicketLogStart {
    let tickets: Vec<Ticket> = ticket_log.ticket_table().tickets().cloned().collect();
    let (last_seq, last_hash) = ticket_log.head();
    TicketLogStart {
        last_tick: ticket_log.last_tick(),
        last_seq,
        last_hash: last_hash.to_owned(),
        tickets,
        last_number: ticket_log.ticket_table().last_number(),
    }
}

/// A check plugin as a recording names it.
fn component(module: &LoadedModule) -> Component {
    Component {
        source: module.source.clone(),
        name: module.name.clone(),
        version: module.version.clone(),
        digest: module.digest.clone(),
        config: module.config.clone(),
    }
}

/// Bytes of the versions that arrived.
pub(super) fn components(
    arrived: &[Arrived],
    subjects: &[SubjectChange],
) -> Vec<(String, Arc<[u8]>)> {
    let subjects = subjects.iter().filter_map(|change| change.counts.as_ref());
    let subjects = subjects.map(|subject| (subject.digest.clone(), Arc::clone(&subject.bytes)));
    let bytes = |arrived: &Arrived| match arrived {
        Arrived::Ready(module) => Some((module.digest.clone(), Arc::clone(&module.bytes))),
        _ => None,
    };
    arrived.iter().filter_map(bytes).chain(subjects).collect()
}

/// What arrived, as a recording names it.
///
/// # Errors
/// A change of the subject cannot be serialised.
pub(super) fn arrivals(
    arrived: &[Arrived],
    subjects: &[SubjectChange],
) -> Result<Vec<Arrival>, serde_json::Error> {
    arrived
        .iter()
        .map(|arrived| Ok(arrival(arrived)))
        .chain(subjects.iter().map(subject))
        .collect()
}

fn arrival(arrived: &Arrived) -> Arrival {
    match arrived.clone() {
        Arrived::Ready(module) => Arrival::Module(component(&module)),
        Arrived::Gone(source) => Arrival::Gone { source },
        Arrived::Unfit(source, digest, reason) => Arrival::Unfit {
            source,
            digest,
            reason,
        },
        Arrived::Back(source, reason) => Arrival::Back { source, reason },
    }
}

fn subject(change: &SubjectChange) -> Result<Arrival, serde_json::Error> {
    Ok(Arrival::Subject {
        event: serde_json::to_value(&change.event)?,
        counts: change.counts.as_ref().map(component),
    })
}
