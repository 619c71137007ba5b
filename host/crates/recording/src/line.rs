//! Lines of a recording: chained, compressed, bounded.

use super::error::{Position, RecordingError};
use super::{Begin, End, TickLine};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Longest line: the largest table that is admitted, as text.
const LINE_BYTES_MAX: u64 = 512 << 20;

/// Level of compression: three times as fast as the default level on text, and a fifth larger.
const LEVEL: i32 = 1;

/// Bytes that the compressor looks back, as a power of two: several ticks of a small cluster, since
/// bodies of one tick resemble those of the previous tick. A reader needs as much memory.
const WINDOW_LOG: u32 = 25;

/// Hex digits of a line's sum: 64 bits, against damage and not against forgery.
const SUM_DIGITS: usize = 16;

/// What a line can be.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Line {
    /// Always the first.
    Begin(Box<Begin>),
    /// A part of the bytes of a component, in hex.
    Component { digest: String, hex: String },
    /// A text that later lines name.
    Blob { id: String, text: String },
    /// One tick.
    Tick(Box<TickLine>),
    /// Always the last.
    End(End),
}

/// Writes lines.
pub(super) struct Writer {
    encoder: zstd::Encoder<'static, CountingWriter<File>>,
    written: Arc<AtomicU64>,
    sum: String,
}

/// Reads lines.
pub(super) struct Lines {
    path: PathBuf,
    decoder: BufReader<zstd::Decoder<'static, BufReader<CountingWriter<File>>>>,
    read: Arc<AtomicU64>,
    file_bytes: u64,
    sum: String,
    line: u64,
    pub(super) after_tick: u64,
    buffer: Vec<u8>,
}

/// What comes next.
pub(super) enum Next {
    /// A whole line.
    Line(Box<Line>),
    /// The file ends here, in the middle of a line or of the compressed frame, or for good.
    End { whole: bool },
}

impl Writer {
    /// Starts a new file, for the owner's eyes only. An existing one is never touched.
    pub(super) fn create(path: &Path) -> std::io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt as _;
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        let written = Arc::new(AtomicU64::new(0));
        let mut encoder = zstd::Encoder::new(
            CountingWriter {
                inner: file,
                bytes: Arc::clone(&written),
            },
            LEVEL,
        )?;
        encoder.window_log(WINDOW_LOG)?;
        encoder.long_distance_matching(true)?;
        encoder.include_checksum(true)?;
        Ok(Self {
            encoder,
            written,
            sum: String::new(),
        })
    }

    pub(super) fn put(&mut self, line: &Line) -> std::io::Result<()> {
        let json = serde_json::to_string(line).map_err(std::io::Error::other)?;
        let bytes = json.len() as u64;
        let limit = LINE_BYTES_MAX;
        if bytes > limit {
            return Err(std::io::Error::other(format!(
                "a line has {bytes} bytes, the limit is {limit}"
            )));
        }
        self.sum = sum_of(&self.sum, json.as_bytes());
        self.encoder.write_all(self.sum.as_bytes())?;
        self.encoder.write_all(b" ")?;
        self.encoder.write_all(json.as_bytes())?;
        self.encoder.write_all(b"\n")
    }

    /// Everything so far can be read from the file after this.
    pub(super) fn flush(&mut self) -> std::io::Result<()> {
        self.encoder.flush()
    }

    /// Compressed bytes so far.
    pub(super) fn bytes(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub(super) fn finish(self) -> std::io::Result<()> {
        self.encoder.finish()?.inner.sync_all()
    }
}

impl Lines {
    pub(super) fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let file_bytes = file.metadata()?.len();
        let read = Arc::new(AtomicU64::new(0));
        let counted = CountingWriter {
            inner: file,
            bytes: Arc::clone(&read),
        };
        let mut decoder = zstd::Decoder::with_buffer(BufReader::new(counted))?;
        decoder.window_log_max(WINDOW_LOG)?;
        Ok(Self {
            path: path.to_owned(),
            decoder: BufReader::new(decoder),
            read,
            file_bytes,
            sum: String::new(),
            line: 0,
            after_tick: 0,
            buffer: Vec::new(),
        })
    }

    /// Where the reader is.
    pub(super) fn place(&self) -> Position {
        Position {
            line: self.line,
            after_tick: self.after_tick,
            byte: self.read.load(Ordering::Relaxed),
        }
    }

    pub(super) fn damaged(&self, why: impl Into<String>) -> RecordingError {
        RecordingError::Damaged {
            path: self.path.clone(),
            place: self.place(),
            why: why.into(),
        }
    }

    pub(super) fn next(&mut self) -> Result<Next, RecordingError> {
        self.buffer.clear();
        self.line += 1;
        let read = self
            .decoder
            .by_ref()
            .take(LINE_BYTES_MAX + SUM_DIGITS as u64 + 2)
            .read_until(b'\n', &mut self.buffer);
        match read {
            Ok(0) => return Ok(Next::End { whole: true }),
            // The frame has no end: the writer was stopped. Anything else at the end of the file is
            // damage.
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                return Ok(Next::End { whole: false });
            }
            Err(error) => return Err(self.damaged(format!("it cannot be decompressed: {error}"))),
            Ok(_) => {}
        }
        let Some(text) = self.buffer.strip_suffix(b"\n") else {
            let at_end = self.read.load(Ordering::Relaxed) >= self.file_bytes;
            return if at_end {
                Ok(Next::End { whole: false })
            } else {
                Err(self.damaged("the line is too long"))
            };
        };
        let parts = text
            .split_at_checked(SUM_DIGITS)
            .and_then(|(sum, rest)| Some((sum, rest.strip_prefix(b" ")?)));
        let Some((stated, json)) = parts else {
            return Err(self.damaged("it does not begin with a sum"));
        };
        let computed = sum_of(&self.sum, json);
        if stated != computed.as_bytes() {
            let stated = String::from_utf8_lossy(stated).into_owned();
            return Err(self.damaged(format!(
                "the checksum of the line is {computed}, but it states {stated}"
            )));
        }
        let line = serde_json::from_slice(json)
            .map_err(|error| self.damaged(format!("it means nothing: {error}")))?;
        self.sum = computed;
        Ok(Next::Line(Box::new(line)))
    }
}

fn sum_of(before: &str, json: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(json);
    let mut sum = hex::encode(hash.finalize());
    sum.truncate(SUM_DIGITS);
    sum
}

/// Counts the bytes that pass.
struct CountingWriter<T> {
    inner: T,
    bytes: Arc<AtomicU64>,
}

impl<T: Write> Write for CountingWriter<T> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.bytes.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for CountingWriter<T> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
