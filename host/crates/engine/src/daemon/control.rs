//! Talking to a running operator: a Unix socket in its data directory, one JSON object a line each
//! way.
//!
//! Write access to the data directory grants access; the socket has mode 0600. Requests can change
//! versions of checks and shows them, and nothing of the observed system.

use operator_check::{CheckSet, LoadedModule, ModuleStatus, Outcome, SwapRefused};
use operator_journal::Note;
use operator_net::ports::Clock;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

/// Name of the socket within the data directory.
pub const SOCKET_NAME: &str = "operator.sock";

/// One request: a few paths and a configuration.
const REQUEST_BYTES_MAX: u64 = 256 << 10;

/// One response: the list of 256 check plugins.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// Concurrent connections; further ones wait.
const CONNECTIONS_MAX: usize = 8;

/// How long a client may take to write its request.
const REQUEST_WAIT: Duration = Duration::from_secs(5);

/// How long a response waits for the version to become active or be refused, before it reports it
/// as under way.
const OUTCOME_WAIT_MS: u64 = 60_000;

/// Polling interval. Only the client waits.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Try this file as a version of the check plugin.
    Swap {
        /// Name of the check plugin.
        name: String,
        /// Absolute path.
        file: PathBuf,
        /// Another configuration, a JSON object.
        config: Option<String>,
    },
    /// Bring the previous version back.
    Rollback {
        /// Name of the check plugin.
        name: String,
    },
    /// Show all versions.
    List,
    /// Add an entry of a person to the decision log.
    Note {
        /// The entry.
        note: Note,
    },
}

/// Entries that wait for the next tick.
pub type NoteQueue = Arc<parking_lot::Mutex<Vec<Note>>>;

/// Entries that may wait; a tick takes all of them.
const NOTES_MAX: usize = 256;

/// A response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// The version is active.
    Done {
        /// Name of the check plugin.
        module: String,
        /// Active version.
        version: String,
        /// sha256 of it.
        digest: String,
        /// What the log states.
        reason: String,
    },
    /// It is about to be tried; the events report the outcome.
    UnderWay {
        /// Name of the check plugin.
        module: String,
        /// sha256 of the candidate.
        digest: String,
    },
    /// It was examined or tried, and did not become active.
    Refused {
        /// Why.
        reason: String,
    },
    /// The request is invalid.
    Wrong {
        /// Why.
        reason: String,
    },
    /// The entry is written with the next tick.
    Noted,
    /// All versions.
    Modules {
        /// Sorted by source.
        modules: Vec<ModuleStatus>,
    },
}

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// No operator runs on this directory.
    #[error("no operator is running with --data {}: start one with `operator run`", .0.display())]
    NotRunning(PathBuf),
    /// It runs and does not respond.
    #[error("the operator with --data {} does not respond: {why}", directory.display())]
    Silent {
        /// Its data directory.
        directory: PathBuf,
        /// The error of the operating system.
        why: String,
    },
}

/// Asks the operator that runs with this data directory.
///
/// # Errors
/// None runs there, or it does not respond.
pub async fn ask(directory: &Path, request: &Request) -> Result<Answer, ControlError> {
    let silent = |why: String| ControlError::Silent {
        directory: directory.to_owned(),
        why,
    };
    let connected = UnixStream::connect(directory.join(SOCKET_NAME)).await;
    let mut stream = connected.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound | std::io::ErrorKind::ConnectionRefused => {
            ControlError::NotRunning(directory.to_owned())
        }
        _ => silent(error.to_string()),
    })?;
    let mut line = serde_json::to_string(request).map_err(|error| silent(error.to_string()))?;
    line.push('\n');
    stream
        .write_all(line.as_bytes())
        .await
        .map_err(|error| silent(error.to_string()))?;
    let mut answer = String::new();
    let mut lines = BufReader::new(stream.take(ANSWER_BYTES_MAX));
    lines
        .read_line(&mut answer)
        .await
        .map_err(|error| silent(error.to_string()))?;
    serde_json::from_str(&answer)
        .map_err(|error| silent(format!("{error} in {} bytes", answer.len())))
}

/// The versions of check plugins in the operator that runs with this data directory; `None` when
/// none runs.
///
/// # Errors
/// It runs and does not respond, or responds with something else.
pub async fn live(directory: &Path) -> Result<Option<Vec<ModuleStatus>>, ControlError> {
    match ask(directory, &Request::List).await {
        Ok(Answer::Modules { modules }) => Ok(Some(modules)),
        Ok(_unexpected) => Err(ControlError::Silent {
            directory: directory.to_owned(),
            why: "it sent an unexpected response".to_owned(),
        }),
        Err(ControlError::NotRunning(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The listening end; its socket is gone when it is dropped.
pub(super) struct Control {
    path: PathBuf,
    task: tokio::task::JoinHandle<()>,
}

impl Control {
    /// Listens in the data directory, which this process holds.
    pub(super) fn start(
        directory: &Path,
        checks: &Arc<CheckSet>,
        notes: &NoteQueue,
        clock: &Arc<dyn Clock>,
    ) -> std::io::Result<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        let path = directory.join(SOCKET_NAME);
        // The directory is locked by this process, so what is left there is of an operator that was
        // killed.
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
        let open_to = Reach {
            checks: Arc::clone(checks),
            notes: Arc::clone(notes),
        };
        let task = tokio::spawn(listen(listener, open_to, Arc::clone(clock)));
        Ok(Self { path, task })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
        // Best effort: the next start removes it too.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What requests can change.
#[derive(Clone)]
struct Reach {
    checks: Arc<CheckSet>,
    notes: NoteQueue,
}

async fn listen(listener: UnixListener, reach: Reach, clock: Arc<dyn Clock>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            clock.sleep(LOOK_EVERY).await;
            continue;
        };
        let reach = reach.clone();
        let clock = Arc::clone(&clock);
        tokio::spawn(async move {
            if let Err(error) = converse(stream, &reach, clock.as_ref()).await {
                tracing::debug!(%error, "control client disconnected");
            }
            drop(place);
        });
    }
}

/// One request, one response.
async fn converse(mut stream: UnixStream, reach: &Reach, clock: &dyn Clock) -> std::io::Result<()> {
    let (reading, mut writing) = stream.split();
    let mut line = String::new();
    let mut lines = BufReader::new(reading.take(REQUEST_BYTES_MAX));
    tokio::select! {
        read = lines.read_line(&mut line) => drop(read?),
        () = clock.sleep(REQUEST_WAIT) => return Ok(()),
    }
    let answer = match serde_json::from_str(&line) {
        Ok(request) => answer(request, reach, clock).await,
        Err(error) => Answer::Wrong {
            reason: format!("invalid request: {error}"),
        },
    };
    let mut text = serde_json::to_string(&answer).map_err(std::io::Error::other)?;
    text.push('\n');
    writing.write_all(text.as_bytes()).await
}

async fn answer(request: Request, reach: &Reach, clock: &dyn Clock) -> Answer {
    let checks = &reach.checks;
    let heard = checks.outcomes_heard();
    let proposed = match request {
        Request::List => {
            return Answer::Modules {
                modules: checks.status(),
            };
        }
        Request::Note { note } => return queue(&reach.notes, note),
        Request::Rollback { name } => checks.propose_rollback(&name),
        Request::Swap { name, file, config } => propose(checks, name, file, config).await,
    };
    match proposed {
        Ok(module) => outcome(checks, clock, heard, module).await,
        Err(SwapRefused::Unfit(reason)) => Answer::Refused { reason },
        Err(error) => Answer::Wrong {
            reason: error.to_string(),
        },
    }
}

fn queue(notes: &NoteQueue, note: Note) -> Answer {
    let mut waiting = notes.lock();
    if waiting.len() >= NOTES_MAX {
        let reason = format!("{NOTES_MAX} entries wait for the next tick already; try again later");
        return Answer::Wrong { reason };
    }
    waiting.push(note);
    Answer::Noted
}

/// Compiling takes a thread for a while; the ticks have others.
async fn propose(
    checks: &Arc<CheckSet>,
    name: String,
    file: PathBuf,
    config: Option<String>,
) -> Result<LoadedModule, SwapRefused> {
    let checks = Arc::clone(checks);
    let handle = tokio::runtime::Handle::current();
    let prepared = tokio::task::spawn_blocking(move || {
        handle.block_on(checks.propose_version(&name, &file, config.as_deref()))
    });
    prepared
        .await
        .unwrap_or_else(|error| Err(SwapRefused::Unfit(format!("cannot prepare it: {error}"))))
}

/// Waits until the ticks have decided.
async fn outcome(checks: &CheckSet, clock: &dyn Clock, heard: u64, module: LoadedModule) -> Answer {
    let begun = clock.now();
    loop {
        match checks.outcome_after(&module.source, heard) {
            Some(Outcome::Counts { digest, reason }) if digest == module.digest => {
                return Answer::Done {
                    module: module.name,
                    version: module.version,
                    digest,
                    reason,
                };
            }
            Some(Outcome::Counts { reason, .. } | Outcome::Refused { reason }) => {
                return Answer::Refused { reason };
            }
            None => {}
        }
        if clock.now().since_ms(begun) > OUTCOME_WAIT_MS {
            return Answer::UnderWay {
                module: module.name,
                digest: module.digest,
            };
        }
        clock.sleep(LOOK_EVERY).await;
    }
}
