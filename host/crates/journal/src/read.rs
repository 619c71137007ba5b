//! Reading the log: every record is checked against the chain before anyone sees it.

use super::record::{self, Field, NO_HASH, RECORD_BYTES_MAX, Record};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

/// What a log holds.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Scanned {
    /// Number of records.
    pub records: u64,
    /// Sequence number of the last record; 0 when there is none.
    pub last_seq: u64,
    /// Hash of the last record.
    pub last_hash: String,
    /// Time of the first record.
    pub first_at: Option<String>,
    /// Time of the last record.
    pub last_at: Option<String>,
    /// Bytes up to the end of the last whole record.
    pub good_bytes: u64,
    /// An unfinished end after the last whole record.
    pub torn: Option<Torn>,
    /// The last record is whole except for its line feed.
    pub line_feed_missing: bool,
}

/// What a crash in the middle of a write leaves.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Torn {
    /// How many bytes.
    pub bytes: u64,
}

/// A record that does not fit the chain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize)]
#[error(
    "{path}: record {seq} (line {line}, byte offset {byte_offset}): field {field} does not fit: {why}"
)]
pub struct Damage {
    /// The log.
    pub path: PathBuf,
    /// Sequence number that the record has or should have.
    pub seq: u64,
    /// Line, from 1.
    pub line: u64,
    /// Offset of the field in the file, from 0.
    pub byte_offset: u64,
    /// Which field.
    pub field: Field,
    /// What was expected and what was found.
    pub why: String,
}

/// Why a log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// It was changed or corrupted.
    #[error(transparent)]
    Damage(Box<Damage>),
    /// It cannot be read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The log.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The chain holds, but a body means nothing to this version.
    #[error("{path}: record {seq}: {why}")]
    Refused {
        /// The log.
        path: PathBuf,
        /// Which record.
        seq: u64,
        /// Why.
        why: String,
    },
}

/// Checks the whole log. An unfinished end is damage here: the operator sets it aside when it
/// starts.
///
/// # Errors
/// Names the first record that does not fit.
pub fn verify(path: &Path) -> Result<Scanned, ScanError> {
    let scanned = scan(path, &mut |_| Ok(()))?;
    let bytes = scanned.torn.as_ref().map_or(0, |torn| torn.bytes);
    if bytes == 0 && !scanned.line_feed_missing {
        return Ok(scanned);
    }
    Err(ScanError::Damage(Box::new(Damage {
        path: path.to_owned(),
        seq: scanned.last_seq + u64::from(bytes > 0),
        line: scanned.records + u64::from(bytes > 0),
        byte_offset: scanned.good_bytes,
        field: Field::End,
        why: if bytes > 0 {
            format!(
                "{bytes} bytes of an unfinished record; the next start of the operator moves them aside"
            )
        } else {
            "the line feed is missing".to_owned()
        },
    })))
}

/// Reads the log from its beginning, checks each record against the chain and shows it to `each`.
///
/// # Errors
/// The first damaged record before the end, a record that `each` refuses, or a disk error.
pub fn scan(
    path: &Path,
    each: &mut dyn FnMut(&Record<'_>) -> Result<(), String>,
) -> Result<Scanned, ScanError> {
    let mut lines = Lines::open(path)?;
    let mut scanned = Scanned {
        records: 0,
        last_seq: 0,
        last_hash: NO_HASH.to_owned(),
        first_at: None,
        last_at: None,
        good_bytes: 0,
        torn: None,
        line_feed_missing: false,
    };
    while lines.advance()? {
        match check(&lines, &scanned) {
            Ok(record) => {
                each(&record).map_err(|why| ScanError::Refused {
                    path: path.to_owned(),
                    seq: record.seq,
                    why,
                })?;
                scanned.take(&record, lines.end(), lines.terminated);
            }
            Err(damage) => return settle(lines, scanned, damage),
        }
    }
    Ok(scanned)
}

impl Scanned {
    fn take(&mut self, record: &Record<'_>, end: u64, terminated: bool) {
        self.records += 1;
        self.last_seq = record.seq;
        record.hash.clone_into(&mut self.last_hash);
        self.first_at.get_or_insert_with(|| record.at.to_owned());
        self.last_at = Some(record.at.to_owned());
        self.good_bytes = end;
        self.line_feed_missing = !terminated;
    }
}

/// Reads one record again whose place is known from a scan, and shows it to `each`.
///
/// # Errors
/// The line there is not a record any more, or cannot be read.
pub fn record_at<T>(
    path: &Path,
    offset: u64,
    each: impl FnOnce(&Record<'_>) -> T,
) -> Result<T, ScanError> {
    let io = |source| ScanError::Io {
        path: path.to_owned(),
        source,
    };
    let mut lines = Lines::open(path)?;
    lines.reader.seek(SeekFrom::Start(offset)).map_err(io)?;
    lines.advance()?;
    let record = record::decode(lines.line())
        .ok()
        .filter(|record| record.hash == record.computed_hash(lines.line()));
    record.map(|record| each(&record)).ok_or_else(|| {
        io(std::io::Error::other(format!(
            "no record at byte offset {offset}"
        )))
    })
}

/// The record of the current line, if it continues the chain.
fn check<'a>(lines: &'a Lines, so_far: &Scanned) -> Result<Record<'a>, Damage> {
    let line = lines.line();
    let damage = |field, at_byte: usize, why: String| Damage {
        path: lines.path.clone(),
        seq: so_far.last_seq + 1,
        line: lines.number,
        byte_offset: lines.offset + at_byte as u64,
        field,
        why,
    };
    let mut record = record::decode(line).map_err(|wrong| {
        damage(
            wrong.field,
            wrong.at_byte,
            "not in canonical form".to_owned(),
        )
    })?;
    record.offset = lines.offset;
    if record.seq != so_far.last_seq + 1 {
        let why = format!("expected {}, found {}", so_far.last_seq + 1, record.seq);
        return Err(damage(Field::Seq, record.start_of(Field::Seq), why));
    }
    if record.prev != so_far.last_hash {
        let why = format!(
            "the previous record has hash {}, this one states {}",
            so_far.last_hash, record.prev
        );
        return Err(damage(Field::Prev, record.start_of(Field::Prev), why));
    }
    let computed = record.computed_hash(line);
    if record.hash != computed {
        let why = format!(
            "the hash of the record is {computed}, but it states {}",
            record.hash
        );
        return Err(damage(Field::Hash, record.start_of(Field::Hash), why));
    }
    Ok(record)
}

/// Decides whether a line that does not fit is the unfinished end of the log or damage.
fn settle(
    mut lines: Lines,
    mut scanned: Scanned,
    mut damage: Damage,
) -> Result<Scanned, ScanError> {
    // Blocks that were never written read as zero bytes; the writer itself escapes them.
    let unwritten = lines.line().contains(&0);
    let stated = record::decode(lines.line())
        .ok()
        .map(|record| (record.hash.to_owned(), record.start_of(Field::Body)));
    let line_offset = lines.offset;
    let mut unfinished = !lines.terminated || unwritten;
    let mut end = lines.end();
    let mut next_prev = None;
    while lines.advance()? {
        end = lines.end();
        let whole = record::decode(lines.line())
            .ok()
            .filter(|record| record.hash == record.computed_hash(lines.line()));
        unfinished &= whole.is_none();
        next_prev = next_prev.or_else(|| whole.map(|record| record.prev.to_owned()));
    }
    if unfinished {
        scanned.torn = Some(Torn {
            bytes: end - scanned.good_bytes,
        });
        return Ok(scanned);
    }
    // The next record remembers which hash this one had: that distinguishes a changed body from a
    // changed hash.
    if let Some((hash, body_start)) =
        stated.filter(|(hash, _)| damage.field == Field::Hash && next_prev.as_ref() == Some(hash))
    {
        damage.field = Field::Body;
        damage.byte_offset = line_offset + body_start as u64;
        damage.why = format!(
            "at, kind or body was changed: the next record confirms the stated hash {hash}, {}",
            damage.why
        );
    }
    Err(ScanError::Damage(Box::new(damage)))
}

/// Lines with their place in the file; memory is bounded by the longest record.
struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    buffer: Vec<u8>,
    number: u64,
    offset: u64,
    terminated: bool,
}

impl Lines {
    fn open(path: &Path) -> Result<Self, ScanError> {
        let file = File::open(path).map_err(|source| ScanError::Io {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
            reader: BufReader::new(file),
            buffer: Vec::new(),
            number: 0,
            offset: 0,
            terminated: true,
        })
    }

    /// Moves to the next line; false at the end of the file.
    fn advance(&mut self) -> Result<bool, ScanError> {
        self.offset = self.end();
        self.buffer.clear();
        // 512 bytes are more than every field but the body takes.
        let limit = RECORD_BYTES_MAX as u64 + 512;
        let read = self
            .reader
            .by_ref()
            .take(limit)
            .read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|source| ScanError::Io {
            path: self.path.clone(),
            source,
        })?;
        self.number += u64::from(read > 0);
        self.terminated = self.buffer.last() == Some(&b'\n');
        Ok(read > 0)
    }

    fn end(&self) -> u64 {
        self.offset + self.buffer.len() as u64
    }

    fn line(&self) -> &[u8] {
        self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer)
    }
}
