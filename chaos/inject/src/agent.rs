//! Agents: processes of the injector that act on a container until they are killed. Each ends by itself when its
//! injection is no longer in the journal, its lease has expired, or its container's run has ended.

mod delay;
mod netlink;
mod work;

use super::command::MARK;
use super::journal::Journal;
use super::processes::Process;
use super::step::{Run, Work};
use super::{DockerError, Launcher, cgroup, clock};
use serde::{Deserialize, Serialize};
use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often an agent checks whether it is still needed.
const CHECK_INTERVAL_MS: u64 = 200;

/// How long an agent may take to start.
const READY_SECONDS_MAX: u64 = 10;

/// The order of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The injection that it belongs to.
    pub injection: String,
    /// The container's run that it acts on.
    pub run: Run,
    /// What it does.
    pub work: Work,
    /// When its lease ends, in Unix milliseconds.
    pub until_ms: u64,
}

/// Starts an agent and waits until it works.
pub(super) async fn start(
    agent: &Agent,
    state: &Path,
    launcher: &Launcher,
) -> Result<Child, DockerError> {
    let failed = |why: String| DockerError::failed("start an agent", why);
    let order = serde_json::to_string(agent).map_err(|error| failed(error.to_string()))?;
    let mut words: Vec<String> = match agent.work {
        Work::Delay { .. } => inside_network_of(&agent.run),
        _ => Vec::new(),
    };
    words.push(launcher.program.display().to_string());
    words.extend(launcher.leading.iter().cloned());
    words.extend([
        "agent".into(),
        "--state".into(),
        state.display().to_string(),
        "--order".into(),
        order,
    ]);
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| failed("no program".to_owned()))?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env(MARK, &agent.injection)
        .process_group(0);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| failed(format!("{program}: {error}")))?;
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let reading = tokio::task::spawn_blocking(move || {
        let line = |pipe: Option<&mut dyn std::io::Read>| {
            let mut line = String::new();
            pipe.and_then(|pipe| BufReader::new(pipe).read_line(&mut line).ok());
            line
        };
        let ready = line(
            stdout
                .map(Box::new)
                .as_deref_mut()
                .map(|pipe| pipe as &mut dyn std::io::Read),
        );
        if ready.is_empty() {
            Err(line(
                stderr
                    .map(Box::new)
                    .as_deref_mut()
                    .map(|pipe| pipe as &mut dyn std::io::Read),
            ))
        } else {
            Ok(())
        }
    });
    match tokio::time::timeout(Duration::from_secs(READY_SECONDS_MAX), reading).await {
        Ok(Ok(Ok(()))) => Ok(child),
        Ok(Ok(Err(complaint))) => Err(failed(format!("it ended: {}", complaint.trim()))),
        _ => Err(failed(format!(
            "it is not ready after {READY_SECONDS_MAX} s"
        ))),
    }
}

/// A socket belongs to the namespace in which it is opened, so the agent starts inside that of the container.
fn inside_network_of(run: &Run) -> Vec<String> {
    let network = format!("--net=/proc/{}/ns/net", run.process.pid);
    ["nsenter", &network, "--"].map(str::to_owned).to_vec()
}

/// Whether this process may open a socket to packet queues.
pub(super) fn can_open_queue() -> bool {
    netlink::Socket::open().is_ok()
}

/// Works until the injection has ended.
///
/// # Errors
/// It cannot start.
pub fn work(agent: &Agent, state: &Path) -> Result<(), DockerError> {
    let journal = Journal::open(state)?;
    let own = Process::own()
        .ok_or_else(|| DockerError::Impossible("/proc does not show this process".to_owned()))?;
    let stop = Arc::new(AtomicBool::new(false));
    match &agent.work {
        Work::Delay {
            queue,
            delay_ms,
            jitter_ms,
        } => {
            let delay = delay::Delay::open(*queue, *delay_ms, *jitter_ms)?;
            run_beside(&stop, move |stop| delay.hold_packets(stop));
        }
        Work::Burn { threads } => {
            cgroup::join(&agent.run, own, &["cpu", "cpuacct"])?;
            (0..*threads).for_each(|_| run_beside(&stop, work::burn));
        }
        Work::Hold { bytes } => {
            cgroup::join(&agent.run, own, &["memory"])?;
            work::hold(*bytes);
        }
        Work::Write { place, bytes_max } => {
            cgroup::join(&agent.run, own, &["blkio"])?;
            let path = place.path(&agent.run);
            let bytes_max = *bytes_max;
            run_beside(&stop, move |stop| work::write(&path, bytes_max, stop));
        }
    }
    say_ready();
    while journal.has(&agent.injection)
        && agent.run.process.lives()
        && clock::now_ms() < agent.until_ms.saturating_add(CHECK_INTERVAL_MS)
    {
        clock::block(CHECK_INTERVAL_MS);
    }
    stop.store(true, Ordering::Relaxed);
    Ok(())
}

fn run_beside(stop: &Arc<AtomicBool>, act: impl FnOnce(&AtomicBool) + Send + 'static) {
    let stop = Arc::clone(stop);
    std::thread::spawn(move || act(&stop));
}

#[expect(clippy::print_stdout, reason = "the injector waits for this line")]
fn say_ready() {
    println!("ready");
}
