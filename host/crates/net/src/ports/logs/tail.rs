//! Following one file through appending, truncation and rotation.

use super::lines::LineReader;
use crate::ports::LogLines;
use cap_std::ambient_authority;
use cap_std::fs::{Dir, File, Metadata};
use std::ffi::OsString;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

/// Bytes of one read call, so that an old backlog cannot hold up a tick.
const READ_BYTES_MAX: u64 = 32 << 20;

/// Bytes that are held in memory at a time.
const PIECE_BYTES: usize = 256 << 10;

/// One followed file.
pub(super) struct Tail {
    path: PathBuf,
    /// The directory and the name in it, once the directory could be opened.
    place: Option<(Dir, OsString)>,
    open: Option<OpenFile>,
}

struct OpenFile {
    file: File,
    identity: (u64, u64),
    position: u64,
    reader: LineReader,
}

impl Tail {
    /// Begins at the end of the file, or at its beginning.
    pub(super) fn begin(path: PathBuf, from_start: bool) -> Self {
        let mut tail = Self {
            path,
            place: None,
            open: None,
        };
        // What cannot be opened now is reported by the first read.
        if let Ok(Some(mut opened)) = tail.open_current()
            && (from_start || opened.skip_to_end().is_ok())
        {
            tail.open = Some(opened);
        }
        tail
    }

    /// New lines. After a rotation the rest of the old file comes first.
    pub(super) fn read(&mut self, lines_max: usize) -> io::Result<LogLines> {
        let mut out = LogLines::default();
        let current = self.open_current();
        if let Some(open) = &mut self.open {
            open.read(lines_max, &mut out)?;
        }
        let Some(mut found) = current? else {
            // Moved away and not yet written again: what was open stays open.
            return if self.open.is_some() {
                Ok(out)
            } else {
                Err(io::ErrorKind::NotFound.into())
            };
        };
        if self
            .open
            .as_ref()
            .is_none_or(|open| open.identity != found.identity)
        {
            if let Some(mut old) = self.open.take()
                && old.reader.has_begun()
            {
                old.reader.finish(lines_max, &mut out);
            }
            found.read(lines_max, &mut out)?;
            self.open = Some(found);
        }
        Ok(out)
    }

    /// The file that has the name now; `None` when there is none.
    fn open_current(&mut self) -> io::Result<Option<OpenFile>> {
        if self.place.is_none() {
            let name = self
                .path
                .file_name()
                .ok_or_else(|| io::Error::other("the path names no file"))?;
            let parent = self
                .path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty());
            let dir = Dir::open_ambient_dir(parent.unwrap_or(".".as_ref()), ambient_authority())?;
            self.place = Some((dir, name.to_owned()));
        }
        let Some((dir, name)) = &self.place else {
            return Ok(None);
        };
        let metadata = match dir.metadata(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        if !metadata.is_file() {
            // Opening a pipe would wait for its writer.
            return Err(io::Error::other("not a regular file"));
        }
        let file = dir.open(name)?;
        let identity = identity(&file.metadata()?);
        Ok(Some(OpenFile {
            file,
            identity,
            position: 0,
            reader: LineReader::default(),
        }))
    }
}

impl OpenFile {
    /// Reads what was appended; begins anew when the file has become shorter.
    fn read(&mut self, lines_max: usize, out: &mut LogLines) -> io::Result<()> {
        let len = self.file.metadata()?.len();
        if len < self.position {
            self.position = 0;
            self.reader = LineReader::default();
        }
        if len - self.position > READ_BYTES_MAX {
            // At least the line that is cut here is lost; how many more is unknown.
            out.skipped += 1;
            self.position = len - READ_BYTES_MAX;
            self.reader = LineReader::default();
            self.reader.drop_first();
        }
        self.file.seek(SeekFrom::Start(self.position))?;
        let mut piece = vec![0; PIECE_BYTES];
        let mut rest = (&mut self.file).take(len - self.position);
        loop {
            let count = rest.read(&mut piece)?;
            if count == 0 {
                return Ok(());
            }
            self.position += u64::try_from(count).unwrap_or(0);
            self.reader
                .feed(piece.get(..count).unwrap_or_default(), lines_max, out);
        }
    }

    /// Goes to the end; a line that is only half written there is ignored.
    fn skip_to_end(&mut self) -> io::Result<()> {
        self.position = self.file.seek(SeekFrom::End(0))?;
        if self.position > 0 {
            let mut last = [0];
            self.file.seek(SeekFrom::Start(self.position - 1))?;
            self.file.read_exact(&mut last)?;
            if last != *b"\n" {
                self.reader.drop_first();
            }
        }
        Ok(())
    }
}

#[cfg(unix)]
fn identity(metadata: &Metadata) -> (u64, u64) {
    use cap_std::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}

/// Without file identities a rotation is seen as a truncation.
#[cfg(not(unix))]
fn identity(_metadata: &Metadata) -> (u64, u64) {
    (0, 0)
}

#[cfg(test)]
mod tests {
    use super::super::FileLogs;
    use crate::ports::Logs;
    use std::collections::BTreeMap;
    use std::fs::{self, OpenOptions};
    use std::io::Write;
    use std::path::{Path, PathBuf};

    fn append(path: &Path, text: &str) {
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap()
            .write_all(text.as_bytes())
            .unwrap();
    }

    fn follow(path: &Path, from_start: bool) -> FileLogs {
        FileLogs::open(
            &BTreeMap::from([("log".to_owned(), path.to_owned())]),
            from_start,
        )
    }

    fn lines(logs: &FileLogs) -> Vec<String> {
        logs.read("log", 100).unwrap().lines
    }

    fn place() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.log");
        (dir, path)
    }

    #[test]
    fn only_lines_that_are_written_after_the_start_are_read() {
        let (_dir, path) = place();
        append(&path, "old\nhalf");
        let logs = follow(&path, false);
        append(&path, " of old\nnew\nbegun");
        assert_eq!(lines(&logs), ["new"]);
        append(&path, " and ended\n");
        assert_eq!(lines(&logs), ["begun and ended"]);
        assert!(lines(&logs).is_empty());
    }

    #[test]
    fn everything_is_read_from_the_start_if_asked() {
        let (_dir, path) = place();
        append(&path, "old\n");
        assert_eq!(lines(&follow(&path, true)), ["old"]);
    }

    #[test]
    fn a_rotated_file_is_read_to_its_end_before_the_new_one() {
        let (_dir, path) = place();
        append(&path, "");
        let logs = follow(&path, false);
        append(&path, "one\ntwo without end");
        fs::rename(&path, path.with_extension("1")).unwrap();
        assert_eq!(lines(&logs), ["one"], "moved away, not yet written again");
        append(&path, "three\n");
        assert_eq!(lines(&logs), ["two without end", "three"]);
    }

    #[test]
    fn a_truncated_file_is_read_from_its_beginning() {
        let (_dir, path) = place();
        append(&path, "");
        let logs = follow(&path, false);
        append(&path, "a long first line\n");
        assert_eq!(lines(&logs).len(), 1);
        fs::write(&path, "short\n").unwrap();
        assert_eq!(lines(&logs), ["short"]);
    }

    #[test]
    fn a_file_that_appears_later_is_read_from_its_beginning() {
        let (_dir, path) = place();
        let logs = follow(&path, false);
        assert!(logs.read("log", 1).unwrap_err().contains("\"log\""));
        append(&path, "first\n");
        assert_eq!(lines(&logs), ["first"]);
    }

    #[test]
    fn neither_other_names_nor_links_out_of_the_directory_are_read() {
        let (_dir, path) = place();
        assert!(
            follow(&path, true)
                .read("../log", 1)
                .unwrap_err()
                .contains("granted")
        );
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/etc/hostname", &path).unwrap();
            assert!(follow(&path, true).read("log", 1).is_err());
        }
    }

    #[test]
    fn a_directory_is_not_a_log() {
        let (_dir, path) = place();
        fs::create_dir(&path).unwrap();
        assert!(follow(&path, true).read("log", 1).is_err());
    }
}
