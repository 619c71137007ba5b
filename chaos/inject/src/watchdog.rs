//! The watchdog: a process of its own that undoes an injection when its injector dies or outstays its lease.
//!
//! Its standard input is a pipe whose other end only the injector holds: the kernel closes it when the injector ends,
//! however it ends.

use super::journal::Journal;
use super::undoing::{self, Settled};
use super::{DockerError, Launcher, clock, processes};
use std::io::{BufRead as _, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// How long after its lease an injector may still be busy undoing.
const GRACE_MS: u64 = 15_000;

/// How often an undo that fails is tried again before the watchdog leaves it to `operator chaos undo`.
const ATTEMPTS_MAX: u32 = 120;
const ATTEMPT_EVERY_MS: u64 = 1_000;

/// The injector's message that everything is undone.
const DISMISSED: &[u8] = b"undone";

/// The injector's hold on its watchdog.
pub(super) struct Guard {
    child: Child,
}

impl Guard {
    /// Starts a watchdog and waits until it stands by.
    pub(super) fn start(
        launcher: &Launcher,
        state: &Path,
        injection: &str,
        until_ms: u64,
    ) -> Result<Self, DockerError> {
        let failed = |why: String| DockerError::failed("start a watchdog", why);
        let mut command = Command::new(&launcher.program);
        command
            .args(&launcher.leading)
            .arg("watchdog")
            .arg("--state")
            .arg(state);
        command.args([
            "--injection",
            injection,
            "--until-ms",
            &until_ms.to_string(),
        ]);
        // A group of its own: Ctrl-C and `kill -- -GROUP` are for the injector.
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0);
        let mut child = command
            .spawn()
            .map_err(|error| failed(format!("{}: {error}", launcher.program.display())))?;
        let mut ready = String::new();
        let read = child
            .stdout
            .as_mut()
            .map(|stdout| std::io::BufReader::new(stdout).read_line(&mut ready));
        match read {
            Some(Ok(count)) if count > 0 => Ok(Self { child }),
            _ => Err(failed("it ended before it was ready".to_owned())),
        }
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Everything is undone: it may go.
    pub(super) fn dismiss(mut self) {
        if let Some(mut stdin) = self.child.stdin.take() {
            // One that is dead already needs no leave.
            let _ = std::io::Write::write_all(&mut stdin, DISMISSED);
        }
        let _ = self.child.wait();
    }
}

/// Stands by until the injector is done or dead, and undoes what it left.
///
/// # Errors
/// Something cannot be undone, after many attempts.
pub async fn watch(state: &Path, injection: &str, until_ms: u64) -> Result<(), DockerError> {
    let journal = Journal::open(state)?;
    let failed = |error: std::io::Error| DockerError::failed("listen for signals", error);
    // A signal to the watchdog undoes everything immediately.
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
    let ended = injector_ends();
    stand_by();
    let lease_ms = until_ms
        .saturating_add(GRACE_MS)
        .saturating_sub(clock::now_ms());
    tokio::select! {
        dismissed = ended => if matches!(dismissed, Ok(true)) { return Ok(()) },
        () = clock::pause(lease_ms) => end_hung_injector(&journal, injection),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hangup.recv() => {}
    }
    undo_stubbornly(&journal, injection).await
}

/// Completes when the pipe is closed; true when the injector has undone everything.
fn injector_ends() -> oneshot::Receiver<bool> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut said = Vec::new();
        let read = std::io::stdin().lock().take(64).read_to_end(&mut said);
        // No receiver waits when a signal came first.
        let _ = sender.send(read.is_ok() && said == DISMISSED);
    });
    receiver
}

#[expect(clippy::print_stdout, reason = "the injector waits for this line")]
fn stand_by() {
    println!("ready");
}

/// An injector beyond its lease holds the entry's lock and does not let go: it was stopped, or it hangs.
fn end_hung_injector(journal: &Journal, injection: &str) {
    let injector = journal
        .read(injection)
        .ok()
        .flatten()
        .and_then(|entry| entry.injector);
    if let Some(injector) = injector.filter(|injector| injector.lives()) {
        tracing::warn!(
            injection,
            pid = injector.pid,
            "the injector has exceeded its lease and is killed"
        );
        processes::kill(&[injector.pid]);
    }
}

async fn undo_stubbornly(journal: &Journal, injection: &str) -> Result<(), DockerError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match undoing::one(journal, injection, Settled::NotYet).await {
            Err(error) if attempts >= ATTEMPTS_MAX => return Err(error),
            Err(error) => {
                tracing::warn!(%error, attempts, "not undone yet");
                clock::pause(ATTEMPT_EVERY_MS).await;
            }
            Ok(()) => return Ok(()),
        }
    }
}
