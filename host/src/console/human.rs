//! Events as one-line messages.

use super::sink::LineWriter;
use crate::console::render;
use crate::console::render::{RenderStyle, escape};
use operator_engine::event::{
    Anomaly, Event, EventKind, IncidentSuspected, PluginChangeKind, PluginChanged, Sink, Started,
    Stopped, TickDone, TicketWritten, VerdictChanged,
};
use operator_journal::body::SilenceAdded;
use operator_model::{ObservationGap, Severity, Status, Ticket, TicketChange, Timestamp};
use std::io::Write;

/// Longest text of the observed system in one line, in characters.
const TEXT_CHARS_MAX: usize = 200;

/// Names that one line lists.
const NAMES_MAX: usize = 3;

/// Time stamp at the beginning of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stamp {
    /// Time of day, UTC, by the observed clock.
    TimeOfDay,
    /// Minutes and seconds since this time.
    Since(Timestamp),
}

/// Checks with the same change in one tick are listed up to this number and summarized beyond: in the first
/// tick dozens of checks wait for their second sample.
const SAME_CHANGE_MAX: usize = 3;

/// Lines for a terminal.
#[derive(Debug)]
pub struct HumanSink<W> {
    out: LineWriter<W>,
    style: RenderStyle,
    stamp: Stamp,
    /// Checks of this tick that pass again or are inconclusive, until the next line of another kind.
    waiting: Vec<(Timestamp, VerdictChanged)>,
    first_tick_shown: bool,
}

impl<W: Write> HumanSink<W> {
    /// Writes to `out`.
    pub fn new(out: W, style: RenderStyle, stamp: Stamp) -> Self {
        Self {
            out: LineWriter::new(out),
            style,
            stamp,
            waiting: Vec::new(),
            first_tick_shown: false,
        }
    }

    /// A stamped line.
    fn stamped(&mut self, observed_at: Timestamp, word: &str, text: &str) {
        let stamp = match self.stamp {
            Stamp::TimeOfDay => observed_at
                .to_string()
                .get(11..19)
                .unwrap_or_default()
                .to_owned(),
            Stamp::Since(start) => {
                let seconds = observed_at.since_ms(start) / 1_000;
                format!("{:02}:{:02}", seconds / 60, seconds % 60)
            }
        };
        let word = self.paint(word, &format!("{word:<9}"));
        self.out.line(&format!("{stamp}  {word}  {text}"));
    }

    fn paint(&self, word: &str, text: &str) -> String {
        let code = match word {
            "fails" | "ticket" | "fault" => "1;31",
            "unknown" | "blind" | "anomaly" | "incident" | "plugin" => "33",
            "passes" | "resolved" => "32",
            _ => "2",
        };
        if self.style.color {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn started(&mut self, event: &Event, started: &Started) {
        let targets: Vec<String> = started
            .targets
            .iter()
            .map(|(name, origin)| format!("{name} = {origin}"))
            .collect();
        self.stamped(
            event.observed_at,
            "start",
            &format!("watching {} with {}", targets.join(", "), started.subject),
        );
        let text = format!(
            "{} checks in {} check plugins, tick interval {}",
            started.checks.len(),
            started.plugins.len().saturating_sub(1),
            seconds(started.tick_interval_ms)
        );
        self.stamped(event.observed_at, "start", &text);
        self.stamped(
            event.observed_at,
            "start",
            &format!("tickets and decision log in {}", started.data),
        );
        for warning in &started.warnings {
            self.stamped(event.observed_at, "repaired", warning);
        }
        if started.open_tickets > 0 {
            self.stamped(
                event.observed_at,
                "start",
                &format!("resuming {} open tickets", started.open_tickets),
            );
        }
    }

    fn silenced(&mut self, event: &Event, ticket: &Ticket, silence: &SilenceAdded) {
        let text = format!(
            "by {} until {} ({}): {}; read it with `operator tickets show {}`",
            silence.by, silence.until, silence.id, silence.reason, ticket.id
        );
        self.stamped(event.observed_at, "silenced", &text);
    }

    fn ticket(&mut self, event: &Event, written: &TicketWritten) {
        let ticket = &written.ticket;
        let because = written.because.join("; ");
        let (word, done) = match written.change {
            TicketChange::Opened | TicketChange::Recovered => ("ticket", "opened"),
            TicketChange::Updated => ("ticket", "updated"),
            TicketChange::Resolved => ("resolved", "resolved"),
            TicketChange::Reopened => ("ticket", "reopened"),
        };
        let is_new = done == "opened";
        let because = if is_new {
            String::new()
        } else {
            format!(" ({because})")
        };
        let text = format!("{} {done}: {}{because}", ticket.id, ticket.title);
        self.stamped(event.observed_at, word, &text);
        if let Some(silence) = &written.silenced {
            self.silenced(event, ticket, silence);
        } else if is_new {
            let text = render::ticket(ticket, &self.style);
            self.out.line(&format!("\n{}", text.trim_end()));
            self.out.line("");
        }
    }

    fn verdict(&mut self, at: Timestamp, verdict: &VerdictChanged) {
        let (word, text) = match verdict.to {
            Status::Pass => ("passes", "passes".to_owned()),
            Status::Fail => (
                "fails",
                format!(
                    "fails ({}){}",
                    severity(verdict.severity),
                    affected(&verdict.names)
                ),
            ),
            Status::Inconclusive => ("unknown", "is inconclusive".to_owned()),
        };
        let summary = if verdict.summary.is_empty() {
            String::new()
        } else {
            format!(": {}", escape(&verdict.summary, TEXT_CHARS_MAX))
        };
        self.stamped(at, word, &format!("{} {text}{summary}", verdict.invariant));
    }

    /// Writes waiting verdicts: one line each, or one line for many of a kind.
    fn flush(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        for (status, word, verb) in [
            (Status::Inconclusive, "unknown", "are inconclusive"),
            (Status::Pass, "passes", "pass"),
        ] {
            let same: Vec<_> = waiting
                .iter()
                .filter(|(_, verdict)| verdict.to == status)
                .collect();
            match same.first() {
                Some((at, first)) if same.len() > SAME_CHANGE_MAX => {
                    let example = escape(&first.summary, TEXT_CHARS_MAX);
                    let text = format!(
                        "{} checks {verb}; for example {}: {example}",
                        same.len(),
                        first.invariant
                    );
                    self.stamped(*at, word, &text);
                }
                _ => same
                    .iter()
                    .for_each(|(at, verdict)| self.verdict(*at, verdict)),
            }
        }
    }

    fn blind(&mut self, at: Timestamp, gaps: &[ObservationGap]) {
        if gaps.is_empty() {
            self.stamped(at, "observed", "all sources are observable again");
        }
        for gap in gaps.iter().take(NAMES_MAX) {
            let source = escape(&gap.source.to_string(), TEXT_CHARS_MAX);
            let reason = escape(&gap.reason, TEXT_CHARS_MAX);
            self.stamped(at, "blind", &format!("{source}: {reason}"));
        }
        if gaps.len() > NAMES_MAX {
            let text = format!("and {} more", gaps.len() - NAMES_MAX);
            self.stamped(at, "blind", &text);
        }
    }

    /// The first tick reports the initial state; later ones only skipped ticks.
    fn tick(&mut self, event: &Event, done: &TickDone) {
        if !self.first_tick_shown {
            self.first_tick_shown = true;
            let text = format!(
                "{} checks pass, {} fail, {} are inconclusive so far",
                done.pass, done.fail, done.inconclusive
            );
            self.stamped(event.observed_at, "checks", &text);
        }
        if done.skipped > 0 {
            self.stamped(
                event.observed_at,
                "late",
                &format!("{} ticks skipped", done.skipped),
            );
        }
    }
}

impl<W: Write + Send> Sink for HumanSink<W> {
    fn emit(&mut self, event: &Event) {
        match &event.what {
            EventKind::VerdictChanged(verdict) if verdict.to != Status::Fail => {
                return self.waiting.push((event.observed_at, verdict.clone()));
            }
            _ => self.flush(),
        }
        let at = event.observed_at;
        match &event.what {
            EventKind::Started(started) => self.started(event, started),
            EventKind::Tick(done) => self.tick(event, done),
            EventKind::VerdictChanged(verdict) => self.verdict(at, verdict),
            EventKind::Anomaly(anomaly) => self.stamped(at, "anomaly", &anomaly_text(anomaly)),
            EventKind::IncidentSuspected(incident) => {
                self.stamped(at, "suspected", &suspicion_text(incident));
            }
            EventKind::IncidentOpened(incident) => {
                let pending = if incident.confirmed { "" } else { " (pending)" };
                let title = escape(&incident.title, TEXT_CHARS_MAX);
                self.stamped(at, "incident", &format!("{title}{pending}"));
            }
            EventKind::Ticket(written) => self.ticket(event, written),
            EventKind::Plugin(change) => self.stamped(at, "plugin", &plugin_text(change)),
            EventKind::Blind(change) => self.blind(at, &change.blind),
            EventKind::Stopped(stopped) => self.stamped(at, "stop", &stop_text(stopped)),
        }
    }

    fn progress(&mut self, line: &str) {
        self.out.line(line);
    }

    fn narrate(&mut self, observed_at: Timestamp, word: &str, text: &str) {
        self.flush();
        self.stamped(observed_at, word, text);
    }
}

fn anomaly_text(anomaly: &Anomaly) -> String {
    format!(
        "{}: {}",
        escape(&anomaly.name, TEXT_CHARS_MAX),
        escape(&anomaly.summary, TEXT_CHARS_MAX)
    )
}

fn suspicion_text(incident: &IncidentSuspected) -> String {
    format!(
        "{} ({:.0} %; a ticket follows if it lasts for {} s more)",
        escape(&incident.title, TEXT_CHARS_MAX),
        100.0 * incident.probability,
        incident.awaits_ms.div_ceil(1_000)
    )
}

fn plugin_text(change: &PluginChanged) -> String {
    let done = match change.kind {
        PluginChangeKind::Swapped => "swapped",
        PluginChangeKind::RolledBack => "rolled back",
        PluginChangeKind::Quarantined => "quarantined",
    };
    let reason = escape(&change.reason, TEXT_CHARS_MAX);
    format!("{} {done}: {reason}", change.plugin)
}

fn stop_text(stopped: &Stopped) -> String {
    format!(
        "{} after {} ticks; tickets: {} opened, {} resolved, {} still open",
        stopped.reason,
        stopped.ticks,
        stopped.tickets_opened,
        stopped.tickets_resolved,
        stopped.open_tickets
    )
}

fn affected(names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(NAMES_MAX)
        .map(|name| escape(name, TEXT_CHARS_MAX))
        .collect();
    match names.len().saturating_sub(NAMES_MAX) {
        _ if shown.is_empty() => String::new(),
        0 => format!(" for {}", shown.join(", ")),
        more => format!(" for {} and {more} more", shown.join(", ")),
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "info",
        Severity::Warning => "warning",
        Severity::Critical => "critical",
    }
}

fn seconds(ms: u64) -> String {
    if ms.is_multiple_of(1_000) {
        format!("{} s", ms / 1_000)
    } else {
        format!("{ms} ms")
    }
}
