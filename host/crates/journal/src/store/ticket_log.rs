//! Journal, store and register of one data directory, kept in step: a decision is on disk before
//! its ticket exists anywhere else.

use super::projection::Projection;
use super::{ROWS_PER_WRITE, Store, StoreError, StoredTicket};
use crate::{DataDir, DataDirError, Journal, JournalError, Kind, Note, ScanError, body};
use operator_model::{Tick, TicketChange, Timestamp};
use operator_reason::ticket::{Entry, TicketTable};
use std::path::Path;

/// Tick numbers that are skipped after a crash: as many as can have passed since the last record,
/// which is [`crate::CHECKPOINT_TICKS`], so that no number is ever given twice.
const CRASH_GAP_TICKS: u64 = crate::CHECKPOINT_TICKS;

/// The data directory, open.
#[derive(Debug)]
pub struct TicketLog {
    /// Held until the end.
    directory: DataDir,
    journal: Journal,
    store: Store,
    ticket_table: TicketTable,
    last_tick: Tick,
    /// Written to the journal, not yet to the store.
    unapplied: Vec<StoredTicket>,
}

/// Why the data directory cannot be used, by what a person must do.
#[derive(Debug, thiserror::Error)]
pub enum TicketLogError {
    /// Held by another operator, or not usable.
    #[error(transparent)]
    Directory(#[from] DataDirError),
    /// The log is damaged or unreadable.
    #[error(transparent)]
    Log(#[from] ScanError),
    /// The log cannot be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The ticket log as it was found.
#[derive(Debug)]
pub struct Opened {
    /// Ready.
    pub ticket_log: TicketLog,
    /// What was repaired.
    pub warnings: Vec<String>,
}

impl TicketLog {
    /// Opens a data directory: checks the log, finishes what a crash interrupted, and brings the
    /// store in step. `at` is the time of records that this writes.
    ///
    /// # Errors
    /// See [`TicketLogError`].
    pub async fn open(path: &Path, at: Timestamp) -> Result<Opened, TicketLogError> {
        let directory = DataDir::open(path)?;
        let mut projection = Projection::default();
        let opened = Journal::open(&directory, &mut |record| projection.take(record))?;
        let mut warnings = opened.warnings;
        let (store, warning) = Store::open(path).await?;
        warnings.extend(warning);
        let gap = if projection.stopped || projection.last_tick == 0 {
            0
        } else {
            CRASH_GAP_TICKS
        };
        let mut ticket_log = Self {
            directory,
            journal: opened.journal,
            store,
            ticket_table: TicketTable::default(),
            last_tick: Tick(projection.last_tick + gap),
            unapplied: Vec::new(),
        };
        ticket_log.finish_interrupted(&mut projection, at)?;
        warnings.extend(ticket_log.recover_lost(&mut projection, at).await?);
        ticket_log.catch_up(&projection).await?;
        ticket_log.ticket_table = ticket_log.living(&projection)?;
        Ok(Opened {
            ticket_log,
            warnings,
        })
    }

    /// Takes the place of another book, in a new directory: decisions go on from where that one
    /// stood.
    pub fn stand_in(
        &mut self,
        ticket_table: TicketTable,
        last_tick: Tick,
        last_seq: u64,
        last_hash: &str,
    ) {
        self.ticket_table = ticket_table;
        self.last_tick = last_tick;
        self.journal.continue_after(last_seq, last_hash);
    }

    /// Records that were synced since the last call, exactly as they are in the log. The first call
    /// starts to keep them.
    pub fn take_lines(&mut self) -> Vec<String> {
        self.journal.take_lines()
    }

    /// Waits until the disk has every record so far. The store follows with [`TicketLog::commit`].
    ///
    /// # Errors
    /// The disk failed.
    pub fn sync(&mut self) -> Result<(), TicketLogError> {
        Ok(self.journal.sync()?)
    }

    /// The tickets that can still change.
    #[must_use]
    pub fn ticket_table(&self) -> &TicketTable {
        &self.ticket_table
    }

    /// The tickets that can still change, for the ticket stage. Whatever it returns must be given
    /// to [`TicketLog::decide`].
    pub fn ticket_table_mut(&mut self) -> &mut TicketTable {
        &mut self.ticket_table
    }

    /// The last tick that was run on this directory; 0 for a new one.
    #[must_use]
    pub fn last_tick(&self) -> Tick {
        self.last_tick
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Sequence number and hash of the newest record.
    #[must_use]
    pub fn head(&self) -> (u64, &str) {
        (self.journal.last_seq(), self.journal.last_hash())
    }

    /// Adds a record that changes no ticket.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn note(
        &mut self,
        kind: Kind,
        at: Timestamp,
        body: &impl serde::Serialize,
    ) -> Result<u64, TicketLogError> {
        Ok(self.journal.append(kind, at, body)?)
    }

    /// Adds an entry of a person.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn note_of_person(&mut self, note: &Note, at: Timestamp) -> Result<u64, TicketLogError> {
        match note {
            Note::Judgement(body) => self.note(note.kind(), at, body),
            Note::SilenceAdded(body) => self.note(note.kind(), at, body),
            Note::SilenceLifted(body) => self.note(note.kind(), at, body),
            Note::AgentCall(body) => self.note(note.kind(), at, body),
        }
    }

    /// Adds a decision and its effect.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn decide(
        &mut self,
        entry: &Entry,
        tick: Tick,
        at: Timestamp,
    ) -> Result<(), TicketLogError> {
        let decision = body::Decision {
            tick,
            observed_at: entry.ticket.updated_at,
            change: entry.change,
            because: entry.because.clone(),
            ticket: entry.ticket.clone(),
        };
        let seq = self.journal.append(Kind::Decision, at, &decision)?;
        self.effect(&decision, seq, at).map(drop)
    }

    /// Waits until the disk has every record, then brings the store in step.
    ///
    /// # Errors
    /// The disk failed.
    pub async fn commit(&mut self) -> Result<(), TicketLogError> {
        self.journal.sync()?;
        if !self.unapplied.is_empty() {
            let applied_seq = self
                .unapplied
                .iter()
                .map(|stored| stored.seq)
                .max()
                .unwrap_or(0);
            self.store.write(&self.unapplied, applied_seq).await?;
            self.unapplied.clear();
        }
        Ok(())
    }

    /// Commits and closes.
    ///
    /// # Errors
    /// The disk failed.
    pub async fn close(mut self) -> Result<(), TicketLogError> {
        self.commit().await?;
        Ok(self.store.close().await?)
    }

    fn effect(
        &mut self,
        decision: &body::Decision,
        seq: u64,
        at: Timestamp,
    ) -> Result<u64, TicketLogError> {
        let ticket = &decision.ticket;
        let effect = body::TicketEffect {
            tick: decision.tick,
            observed_at: decision.observed_at,
            ticket: ticket.id.clone(),
            key: ticket.key.clone(),
            state: ticket.state,
            severity: ticket.severity,
            title: ticket.title.clone(),
            decision: seq,
        };
        let seq = self.journal.append(kind_of(decision.change), at, &effect)?;
        self.unapplied.push(StoredTicket {
            seq,
            ticket: ticket.clone(),
        });
        Ok(seq)
    }

    /// A crash between a decision and its effect: the decision stands.
    fn finish_interrupted(
        &mut self,
        projection: &mut Projection,
        at: Timestamp,
    ) -> Result<(), TicketLogError> {
        let Some((seq, offset)) = projection.unfinished else {
            return Ok(());
        };
        let decision = read_decision(self.journal.path(), offset)?;
        let effect_seq = self.effect(&decision, seq, at)?;
        self.journal.sync()?;
        self.unapplied.clear();
        let place = super::projection::RecordPosition {
            seq: effect_seq,
            decision_offset: offset,
            state: decision.ticket.state,
            observed_at: decision.observed_at,
        };
        projection.finish(&decision.ticket.id, place);
        Ok(())
    }

    /// Tickets that the store has from records which the log lost: they are decided again, so that
    /// none is lost. A log can lose records only when someone cuts it or the disk lies about
    /// syncing.
    async fn recover_lost(
        &mut self,
        projection: &mut Projection,
        at: Timestamp,
    ) -> Result<Option<String>, TicketLogError> {
        let applied = self.store.applied_seq().await?;
        let in_log = projection.applied_seq;
        if applied <= in_log {
            return Ok(None);
        }
        let lost = self.store.written_after(in_log).await?;
        for StoredTicket { ticket, .. } in &lost {
            let entry = Entry {
                change: TicketChange::Recovered,
                because: vec![format!(
                    "records up to {applied} were lost from the log, which ended at {in_log}"
                )],
                ticket: ticket.clone(),
            };
            self.decide(&entry, Tick(projection.last_tick), at)?;
        }
        self.journal.sync()?;
        self.unapplied.clear();
        *projection = Projection::default();
        crate::scan(self.journal.path(), &mut |record| projection.take(record))?;
        self.store.forget_progress().await?;
        Ok(Some(format!(
            "the decision log ends before record {applied}, which the ticket store has: {} tickets were restored from the store",
            lost.len()
        )))
    }

    /// Applies the tail of the log that the store does not have; all of it when the store is new.
    async fn catch_up(&mut self, projection: &Projection) -> Result<(), TicketLogError> {
        let applied = self.store.applied_seq().await?;
        let mut missing: Vec<_> = projection
            .places
            .values()
            .filter(|place| place.seq > applied)
            .collect();
        missing.sort_by_key(|place| place.seq);
        for places in missing.chunks(ROWS_PER_WRITE) {
            let mut rows = Vec::with_capacity(places.len());
            for place in places {
                let ticket = read_decision(self.journal.path(), place.decision_offset)?.ticket;
                rows.push(StoredTicket {
                    seq: place.seq,
                    ticket,
                });
            }
            let applied_seq = rows.last().map_or(applied, |row| row.seq);
            self.store.write(&rows, applied_seq).await?;
        }
        Ok(())
    }

    fn living(&self, projection: &Projection) -> Result<TicketTable, TicketLogError> {
        let path = self.journal.path();
        let read = |place: &super::projection::RecordPosition| {
            Ok(read_decision(path, place.decision_offset)?.ticket)
        };
        let tickets: Result<Vec<_>, TicketLogError> = projection.living().map(read).collect();
        Ok(TicketTable::restore(tickets?, projection.last_number()))
    }
}

fn kind_of(change: TicketChange) -> Kind {
    match change {
        TicketChange::Opened => Kind::TicketOpened,
        TicketChange::Updated => Kind::TicketUpdated,
        TicketChange::Resolved => Kind::TicketResolved,
        TicketChange::Reopened => Kind::TicketReopened,
        TicketChange::Recovered => Kind::TicketRecovered,
    }
}

pub(super) fn read_decision(path: &Path, offset: u64) -> Result<body::Decision, ScanError> {
    let (seq, parsed) = crate::record_at(path, offset, |record| {
        (record.seq, serde_json::from_str(record.body))
    })?;
    parsed.map_err(|error| ScanError::Refused {
        path: path.to_owned(),
        seq,
        why: format!("not a decision: {error}"),
    })
}
