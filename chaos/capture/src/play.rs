//! Plays a capture on sockets and in log files, at a chosen speed.

mod log_files;

use log_files::{LogFiles, Unwritable};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::serve::rewrite::Rewrite;
use crate::serve::{ServeError, ServeOptions, Server};
use crate::{Capture, Playback};
use operator_world::World;

/// How often listeners and log files are updated.
const STEP_INTERVAL: Duration = Duration::from_millis(50);

/// Captured time between two reports of progress.
const PROGRESS_INTERVAL_MS: u64 = 10_000;

/// How a capture is played.
#[derive(Debug, Clone)]
pub struct PlayOptions {
    /// Captured seconds per second.
    pub speed: f64,
    /// Where in the capture to begin.
    pub start_ms: u64,
    /// Where log files are written; without it, log lines are not played.
    pub logs_folder: Option<PathBuf>,
    /// The address in place of every captured one; the captured ports are kept.
    pub bind: IpAddr,
    /// Stop at the end, instead of repeating the last responses.
    pub exit_at_end: bool,
}

impl Default for PlayOptions {
    fn default() -> Self {
        let bind = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Self {
            speed: 1.0,
            start_ms: 0,
            logs_folder: None,
            bind,
            exit_at_end: false,
        }
    }
}

/// Progress of playing a capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    /// Every listener is open and every log file has its first lines.
    Ready {
        /// Target name to the origin where it is served.
        targets: BTreeMap<String, String>,
    },
    /// That much of the capture has been played.
    Progress {
        /// Since its beginning.
        elapsed_ms: u64,
    },
    /// Everything has been played.
    Ended,
}

/// Why a capture cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// Another program has the port.
    #[error(
        "port {port} of {ip} is in use (captured as {origin}): stop the program that uses it, \
         or serve on another loopback address, for example --bind 127.0.0.2"
    )]
    PortInUse {
        /// The captured origin.
        origin: String,
        /// The address to serve it on.
        ip: IpAddr,
        /// The port that is taken.
        port: u16,
    },
    /// The server cannot start.
    #[error(transparent)]
    Serve(ServeError),
    /// A log file cannot be written.
    #[error("cannot write log file {path:?}: {source}")]
    Log {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The start lies after the end of the capture.
    #[error("cannot start at {start_s} s: the capture ends after {length_s} s")]
    StartAfterEnd {
        /// The requested start.
        start_s: u64,
        /// The length of the capture.
        length_s: u64,
    },
}

/// Plays until the end, or indefinitely. Reports progress through `report`.
///
/// # Errors
/// A port is taken, a log file cannot be written, the start lies behind the end.
pub async fn play(
    capture: Arc<Capture>,
    options: &PlayOptions,
    mut report: impl FnMut(Report),
) -> Result<(), PlayError> {
    let mut logged = at_start(&capture, options)?;
    let rewrite = rewrite_for(&capture, options.bind);
    let mut files = create_log_files(&logged, options)?;
    append(files.as_mut(), &mut logged, &rewrite)?;
    let serve_options = ServeOptions {
        speed: options.speed,
        bind: bind_of(&capture, options.bind),
    };
    let mut server = Server::open(Box::new(logged.clone()), &serve_options).await?;
    report(Report::Ready {
        targets: served_targets(&capture, options.bind),
    });
    let mut progress = Progress::new(options.start_ms);
    let mut interval = tokio::time::interval(STEP_INTERVAL);
    loop {
        interval.tick().await;
        server.step().await?;
        logged.advance_to(server.now_ms());
        append(files.as_mut(), &mut logged, &rewrite)?;
        progress.report(&logged, &mut report);
        if progress.ended && options.exit_at_end {
            return Ok(());
        }
    }
}

/// Target name to the origin where it is served when `bind` stands for every recorded address.
#[must_use]
pub fn served_targets(capture: &Capture, bind: IpAddr) -> BTreeMap<String, String> {
    let served =
        |origin: &String| served_address(origin, bind).map(|address| format!("http://{address}"));
    let targets = capture.targets().into_iter();
    targets
        .map(|(name, origin)| (name, served(&origin).unwrap_or(origin)))
        .collect()
}

fn at_start(capture: &Arc<Capture>, options: &PlayOptions) -> Result<Playback, PlayError> {
    if options.start_ms > capture.length_ms() {
        let length_s = capture.length_ms() / 1_000;
        return Err(PlayError::StartAfterEnd {
            start_s: options.start_ms / 1_000,
            length_s,
        });
    }
    let mut playback = Playback::new(Arc::clone(capture));
    playback.advance_to(capture.begins_at_ms().saturating_add(options.start_ms));
    Ok(playback)
}

fn bind_of(capture: &Capture, bind: IpAddr) -> BTreeMap<String, SocketAddr> {
    let served = |origin: &str| Some((origin.to_owned(), served_address(origin, bind)?));
    capture.origins().filter_map(served).collect()
}

fn rewrite_for(capture: &Capture, bind: IpAddr) -> Rewrite {
    let bound = bind_of(capture, bind);
    Rewrite::new(
        bound
            .iter()
            .map(|(origin, address)| (origin.as_str(), *address)),
    )
}

fn served_address(origin: &str, bind: IpAddr) -> Option<SocketAddr> {
    let (_, port) = origin.rsplit_once(':')?;
    Some(SocketAddr::new(bind, port.parse().ok()?))
}

fn create_log_files(
    playback: &Playback,
    options: &PlayOptions,
) -> Result<Option<LogFiles>, PlayError> {
    let Some(folder) = &options.logs_folder else {
        return Ok(None);
    };
    Ok(Some(LogFiles::create(folder, &playback.log_sources())?))
}

fn append(
    files: Option<&mut LogFiles>,
    playback: &mut Playback,
    rewrite: &Rewrite,
) -> Result<(), PlayError> {
    files.map_or(Ok(()), |files| {
        files.append(playback, rewrite).map_err(PlayError::from)
    })
}

/// Reports how much has been played, once for each interval, and the end once.
struct Progress {
    reported_ms: u64,
    ended: bool,
}

impl Progress {
    fn new(start_ms: u64) -> Self {
        Self {
            reported_ms: start_ms,
            ended: false,
        }
    }

    fn report(&mut self, playback: &Playback, report: &mut impl FnMut(Report)) {
        if self.ended {
            return;
        }
        let elapsed_ms = playback.elapsed_ms().min(playback.capture().length_ms());
        if elapsed_ms >= self.reported_ms.saturating_add(PROGRESS_INTERVAL_MS) {
            self.reported_ms = elapsed_ms - elapsed_ms % PROGRESS_INTERVAL_MS;
            report(Report::Progress { elapsed_ms });
        }
        if playback.has_ended() {
            self.ended = true;
            report(Report::Ended);
        }
    }
}

impl From<Unwritable> for PlayError {
    fn from(Unwritable { path, why }: Unwritable) -> Self {
        Self::Log { path, source: why }
    }
}

impl From<ServeError> for PlayError {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Bind {
                origin,
                address,
                source,
            } if source.kind() == std::io::ErrorKind::AddrInUse => Self::PortInUse {
                origin,
                ip: address.ip(),
                port: address.port(),
            },
            other => Self::Serve(other),
        }
    }
}

#[cfg(test)]
mod tests;
