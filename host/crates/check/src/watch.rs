//! Watching the files of check plugins, in a thread of its own, so that no tick waits for a
//! compiler.

use crate::CheckSet;
use notify::{RecursiveMode, Watcher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Files are looked at when they have been quiet for this long: copying a large file takes several
/// writes, and a file that is put in place by renaming is complete immediately.
const QUIET: Duration = Duration::from_millis(200);

/// Pending notifications. One triggers a scan of all files, so more are redundant.
const NOTICES_MAX: usize = 1;

/// The files cannot be watched. The checks that are loaded still work.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot watch {path} for changes: {why}")]
pub struct WatchError {
    /// What was to be watched.
    pub path: String,
    /// The error of the operating system.
    pub why: String,
}

/// Prepares changed check plugins for as long as it lives.
pub struct Watcher {
    _files: notify::RecommendedWatcher,
}

impl Watcher {
    /// Watches all files and directories from which `checks` were loaded.
    ///
    /// # Errors
    /// A path cannot be watched, or no thread can be started.
    pub fn start(checks: &Arc<CheckSet>) -> Result<Self, WatchError> {
        let paths = checks.sources.clone();
        let checks = Arc::downgrade(checks);
        Self::over(&paths, move || {
            let checks = checks.upgrade();
            checks
                .iter()
                .for_each(|checks| in_the_background(checks.prepare_changes()));
            checks.is_some()
        })
    }

    /// Calls `prepare`, in a thread of its own, after something changed in these files and
    /// directories, until it says false.
    ///
    /// # Errors
    /// A path cannot be watched, or no thread can be started.
    pub fn over(
        paths: &[PathBuf],
        prepare: impl Fn() -> bool + Send + 'static,
    ) -> Result<Self, WatchError> {
        let (notices, received) = sync_channel(NOTICES_MAX);
        let failed = |path: &str, why: String| WatchError {
            path: path.to_owned(),
            why,
        };
        let mut files = notify::recommended_watcher(move |_| notice(&notices))
            .map_err(|error| failed("files", error.to_string()))?;
        for path in paths {
            // A file that is replaced by renaming is another file; its directory stays.
            let beside = path
                .parent()
                .filter(|parent| !parent.as_os_str().is_empty())
                .unwrap_or(Path::new("."));
            let watched = if path.is_dir() { path } else { beside };
            files
                .watch(watched, RecursiveMode::NonRecursive)
                .map_err(|error| failed(&watched.display().to_string(), error.to_string()))?;
        }
        std::thread::Builder::new()
            .name("plugin-watch".to_owned())
            .spawn(move || while next_quiet(&received) && prepare() {})
            .map_err(|error| failed("files", error.to_string()))?;
        Ok(Self { _files: files })
    }
}

/// A full channel means that a scan is pending, a closed one that the watcher has stopped.
fn notice(notices: &SyncSender<()>) {
    let _ = notices.try_send(());
}

/// Waits for a change and for the quiet after it; false when the watcher is gone.
fn next_quiet(received: &Receiver<()>) -> bool {
    if received.recv().is_err() {
        return false;
    }
    while received.recv_timeout(QUIET).is_ok() {}
    true
}

/// Runs what prepares, on this thread.
pub fn in_the_background(prepare: impl Future<Output = ()>) {
    match tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
    {
        Ok(runtime) => runtime.block_on(prepare),
        Err(error) => tracing::warn!(%error, "cannot prepare changed plugins"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_notices_are_one_look_and_a_watcher_that_is_gone_ends_it() {
        let (notices, received) = sync_channel(NOTICES_MAX);
        (0..1_000).for_each(|_| notice(&notices));
        drop(notices);
        assert!(next_quiet(&received));
        assert!(!next_quiet(&received));
    }
}
