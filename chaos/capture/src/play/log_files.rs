//! Writes captured log lines to files, as the captured programs did.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::Playback;
use crate::serve::rewrite::Rewrite;
use operator_world::World;

/// One file for each log source.
pub(super) struct LogFiles {
    files: BTreeMap<String, (PathBuf, File)>,
}

/// A log file that cannot be written, and why.
pub(super) struct Unwritable {
    pub(super) path: PathBuf,
    pub(super) why: std::io::Error,
}

impl LogFiles {
    /// Creates or truncates every file.
    pub(super) fn create(folder: &Path, sources: &[String]) -> Result<Self, Unwritable> {
        std::fs::create_dir_all(folder).map_err(|why| Unwritable {
            path: folder.to_owned(),
            why,
        })?;
        let mut files = BTreeMap::new();
        for source in sources {
            let path = folder.join(format!("{source}.log"));
            let file = create(source, &path).map_err(|why| Unwritable {
                path: path.clone(),
                why,
            })?;
            files.insert(source.clone(), (path, file));
        }
        Ok(Self { files })
    }

    /// Appends the lines that the captured programs have written since the last call.
    pub(super) fn append(
        &mut self,
        playback: &mut Playback,
        rewrite: &Rewrite,
    ) -> Result<(), Unwritable> {
        for (source, (path, file)) in &mut self.files {
            let (lines, _) = playback.read_log(source, usize::MAX);
            if lines.is_empty() {
                continue;
            }
            let text = rewrite.apply((lines.join("\n") + "\n").into_bytes());
            file.write_all(&text).map_err(|why| Unwritable {
                path: path.clone(),
                why,
            })?;
        }
        Ok(())
    }
}

/// The name comes from the capture: it must not lead out of the folder.
fn create(source: &str, path: &Path) -> std::io::Result<File> {
    let harmless =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    if source.is_empty() || source.starts_with('.') || !source.chars().all(harmless) {
        let why = format!("log source {source:?} is not a plain file name");
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, why));
    }
    File::create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_cannot_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        for source in ["../escape", "a/b", "", ".hidden"] {
            assert!(
                LogFiles::create(folder.path(), &[source.to_owned()]).is_err(),
                "{source:?}"
            );
        }
        assert!(LogFiles::create(folder.path(), &["pd1".to_owned()]).is_ok());
    }
}
