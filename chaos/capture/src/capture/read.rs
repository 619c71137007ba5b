//! From a file to parsed lines, with a bound on everything a wrong file could blow up.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::Line;
use super::LoadError;

/// The longest line: forty times the largest body seen (1.6 MB of metrics).
const LINE_BYTES_MAX: u64 = 64 << 20;

/// The whole file without compression: an hour of three nodes is 1.5 GB, and it has to fit into memory.
const FILE_BYTES_MAX: u64 = 4 << 30;

/// The first two bytes of every gzip file.
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Hands every line to `take`, and stops at the first that is wrong.
pub(crate) fn each_line(
    path: &Path,
    mut take: impl FnMut(Line) -> Result<(), String>,
) -> Result<(), LoadError> {
    let unreadable = |source| LoadError::Read {
        path: path.to_owned(),
        source,
    };
    let mut reader = open(path).map_err(unreadable)?;
    let mut buffer = Vec::new();
    let mut total_bytes = 0;
    let mut number = 0;
    loop {
        buffer.clear();
        number += 1;
        let wrong = |why: String| LoadError::Line {
            path: path.to_owned(),
            line: number,
            why,
        };
        let read = reader
            .by_ref()
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut buffer);
        let bytes = u64::try_from(read.map_err(|error| wrong(unreadable_text(&error)))?)
            .unwrap_or(u64::MAX);
        total_bytes += bytes;
        if bytes == 0 {
            return Ok(());
        }
        if bytes == LINE_BYTES_MAX && buffer.last() != Some(&b'\n') {
            return Err(wrong(format!("longer than {LINE_BYTES_MAX} bytes")));
        }
        if total_bytes > FILE_BYTES_MAX {
            return Err(wrong(format!(
                "more than {FILE_BYTES_MAX} bytes without compression"
            )));
        }
        if !buffer.trim_ascii().is_empty() {
            parse(&buffer).and_then(&mut take).map_err(wrong)?;
        }
    }
}

fn open(path: &Path) -> std::io::Result<Box<dyn BufRead>> {
    let mut reader = BufReader::new(File::open(path)?);
    let compressed = reader.fill_buf()?.starts_with(&GZIP_MAGIC);
    Ok(if compressed {
        Box::new(BufReader::new(MultiGzDecoder::new(reader)))
    } else {
        Box::new(reader)
    })
}

fn parse(bytes: &[u8]) -> Result<Line, String> {
    serde_json::from_slice(bytes).map_err(|error| {
        let preview: String = String::from_utf8_lossy(bytes)
            .trim()
            .chars()
            .take(60)
            .collect();
        format!("no JSON object of a capture ({error}): {preview}")
    })
}

fn unreadable_text(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            "the compressed file ends too early: it was cut off".to_owned()
        }
        _ => format!("cannot be read: {error}"),
    }
}
