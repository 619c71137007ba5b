//! One step on a container, with everything that its undo needs. It is in the journal before it is taken.

use super::engine::Endpoint;
use super::processes::Process;
use super::{Container, DockerError};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One run of a container. A restart begins another one, without the changes inside the previous one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The container's full id.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// Its start time, as Docker reports it.
    pub started_at: String,
    /// Its main process on this machine.
    pub process: Process,
}

/// A step. `after` is always the state that undo restores.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// End the main process with a signal; undo starts the container.
    End {
        /// The container's run.
        run: Run,
        /// `SIGKILL`, or another signal that is followed by `SIGKILL` after the grace period.
        signal: String,
        /// How long the process may take.
        grace_ms: u64,
    },
    /// Stop and start; undo makes sure that it runs.
    Restart {
        /// The container's run.
        run: Run,
        /// How long the process may take to stop.
        grace_ms: u64,
    },
    /// Start a stopped container.
    Start {
        /// The container's run.
        run: Run,
    },
    /// Freeze all processes with the freezer.
    Pause {
        /// The container's run.
        run: Run,
    },
    /// Stop the main process with `SIGSTOP`; Docker still reports it as running.
    Freeze {
        /// The container's run.
        run: Run,
    },
    /// Disconnect a network.
    Disconnect {
        /// The container's run.
        run: Run,
        /// Which network.
        network: String,
        /// Its endpoint in that network.
        after: Endpoint,
    },
    /// Packet rules in chains of their own, in the container's network namespace.
    Rules {
        /// The container's run.
        run: Run,
        /// `iptables` or `iptables-legacy`.
        tool: String,
        /// The rules of the chains.
        rules: Vec<Rule>,
    },
    /// A queueing discipline at the root of a device.
    Queue {
        /// The container's run.
        run: Run,
        /// Which device.
        device: String,
        /// As arguments of `tc`.
        discipline: Vec<String>,
    },
    /// A value of the container's control group.
    Control {
        /// The container's run.
        run: Run,
        /// The control file.
        file: PathBuf,
        /// The value during the fault.
        during: String,
        /// The value that undo restores.
        after: String,
    },
    /// A process of the injector that acts on the container until it is undone.
    Agent {
        /// The container's run.
        run: Run,
        /// What it does.
        work: Work,
    },
    /// A file that takes space.
    Ballast {
        /// The container's run.
        run: Run,
        /// Where.
        place: Place,
        /// How much.
        bytes: u64,
    },
    /// A mount that becomes read-only.
    ReadOnly {
        /// The container's run.
        run: Run,
        /// Where the container sees it.
        directory: String,
    },
    /// A limit of open files.
    FileLimit {
        /// The container's run.
        run: Run,
        /// Each process with its limits: soft, hard.
        after: Vec<(Process, String, String)>,
        /// The limit while the fault lasts.
        files: u64,
    },
    /// A program of this machine that loads the cluster.
    Load {
        /// The container's run next to which it runs.
        run: Run,
        /// Program and arguments.
        command: Vec<String>,
    },
}

/// The work of an agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "work", rename_all = "kebab-case")]
pub enum Work {
    /// Delays packets of a netfilter queue.
    Delay {
        /// Queue number in the container's namespace.
        queue: u16,
        /// Each packet.
        delay_ms: u64,
        /// Up to this much more.
        jitter_ms: u64,
    },
    /// Uses CPUs in the container's control group.
    Burn {
        /// Number of busy threads.
        threads: u64,
    },
    /// Holds memory in the container's control group.
    Hold {
        /// How much.
        bytes: u64,
    },
    /// Writes and syncs in the container's control group, in its directory.
    Write {
        /// Where the file is.
        place: Place,
        /// The file never gets longer.
        bytes_max: u64,
    },
}

/// A file of the injector in a container's directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Where the container sees the directory.
    pub directory: String,
    /// The file's name; it contains the injection.
    pub file: String,
    /// The directory on this machine, when it outlives the container's run.
    pub outside: Option<PathBuf>,
}

/// One packet rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// `filter` or `mangle`.
    pub table: String,
    /// The kernel chain that jumps to the injector's chain.
    pub hook: String,
    /// The packets that it matches.
    pub matching: Vec<String>,
    /// What it does with them.
    pub target: Vec<String>,
}

impl Run {
    /// The present run of a container.
    ///
    /// # Errors
    /// It is not running, or it is paused: undo could not restore that state.
    pub fn of(container: &Container) -> Result<Self, DockerError> {
        let process = container
            .process
            .filter(|_| container.running && !container.paused);
        let process = process.ok_or_else(|| {
            let state = if container.paused {
                "paused"
            } else {
                "not running"
            };
            DockerError::Refused(format!("container {} is already {state}", container.name))
        })?;
        let id = container.id.clone();
        let name = container.name.clone();
        Ok(Self {
            id,
            name,
            started_at: container.started_at.clone(),
            process,
        })
    }

    /// The root of its file system on this machine.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.process.pid))
    }
}

impl Place {
    /// Where the file is now, for a run that lives.
    #[must_use]
    pub fn path(&self, run: &Run) -> PathBuf {
        let inside = || run.root().join(self.directory.trim_start_matches('/'));
        self.outside.clone().unwrap_or_else(inside).join(&self.file)
    }
}

impl Step {
    /// The container's run that it affects.
    #[must_use]
    pub fn run(&self) -> &Run {
        match self {
            Self::End { run, .. }
            | Self::Restart { run, .. }
            | Self::Start { run }
            | Self::Pause { run }
            | Self::Freeze { run }
            | Self::Disconnect { run, .. }
            | Self::Rules { run, .. }
            | Self::Queue { run, .. }
            | Self::Control { run, .. }
            | Self::Agent { run, .. }
            | Self::Ballast { run, .. }
            | Self::ReadOnly { run, .. }
            | Self::FileLimit { run, .. }
            | Self::Load { run, .. } => run,
        }
    }

    /// How long after the death of an injector Docker may still be executing the step.
    #[must_use]
    pub fn settles_after_ms(&self) -> u64 {
        match self {
            Self::End { grace_ms, .. } => grace_ms.saturating_add(1_000),
            // Docker waits for the process to end, then kills and starts it.
            Self::Restart { grace_ms, .. } => grace_ms.saturating_add(3_000),
            _ => 2_000,
        }
    }

    /// The step in words, for a plan.
    #[must_use]
    pub fn description(&self) -> String {
        match self {
            Self::End {
                signal,
                grace_ms: 0,
                ..
            } => format!("send {signal} to its main process"),
            Self::End {
                signal, grace_ms, ..
            } => format!("send {signal}, and SIGKILL after {grace_ms} ms"),
            Self::Restart { .. } => "stop it and start it again".to_owned(),
            Self::Start { .. } => "start it".to_owned(),
            Self::Pause { .. } => "pause it (freezer)".to_owned(),
            Self::Freeze { .. } => "send SIGSTOP to its main process".to_owned(),
            Self::Disconnect { network, .. } => format!("disconnect it from network {network}"),
            Self::Rules { tool, rules, .. } => {
                let told: Vec<String> = rules.iter().map(Rule::description).collect();
                format!("in its network namespace, with {tool}: {}", told.join("; "))
            }
            Self::Queue {
                device, discipline, ..
            } => {
                format!(
                    "in its network namespace: tc qdisc add dev {device} root {}",
                    discipline.join(" ")
                )
            }
            Self::Control {
                file,
                during,
                after,
                ..
            } => {
                format!("write {during:?} to {} (now {after:?})", file.display())
            }
            Self::Agent { work, .. } => work.description(),
            Self::Ballast { place, bytes, .. } => {
                format!(
                    "write {bytes} bytes to {}/{}",
                    place.directory.trim_end_matches('/'),
                    place.file
                )
            }
            Self::ReadOnly { directory, .. } => {
                format!("remount {directory} read-only in its mount namespace")
            }
            Self::FileLimit { after, files, .. } => {
                format!(
                    "lower the limit of open files of {} processes to {files}",
                    after.len()
                )
            }
            Self::Load { command, .. } => format!("run {}", command.join(" ")),
        }
    }

    /// The undo in words, for a plan.
    #[must_use]
    pub fn undo_description(&self) -> &'static str {
        match self {
            Self::End { .. } | Self::Restart { .. } | Self::Start { .. } => {
                "start it if it does not run"
            }
            Self::Pause { .. } => "unpause it",
            Self::Freeze { .. } => "send SIGCONT",
            Self::Disconnect { .. } => "reconnect it with its address and aliases",
            Self::Rules { .. } => "remove the chains of this injection",
            Self::Queue { .. } => "remove the queueing discipline",
            Self::Control { .. } => "restore the previous value",
            Self::Agent { .. } | Self::Load { .. } => "end every process of this injection",
            Self::Ballast { .. } => "delete the file",
            Self::ReadOnly { .. } => "remount it writable",
            Self::FileLimit { .. } => "restore the previous limits",
        }
    }
}

impl Work {
    fn description(&self) -> String {
        match self {
            Self::Delay {
                queue,
                delay_ms,
                jitter_ms,
            } => {
                format!(
                    "delay packets of netfilter queue {queue} by {delay_ms} to {} ms",
                    delay_ms + jitter_ms
                )
            }
            Self::Burn { threads } => format!("use {threads} CPUs in its control group"),
            Self::Hold { bytes } => {
                format!("hold {bytes} bytes of memory in its control group")
            }
            Self::Write { place, .. } => {
                format!("write and sync continuously in {}", place.directory)
            }
        }
    }
}

impl Rule {
    fn description(&self) -> String {
        format!(
            "{} {} {} -j {}",
            self.table,
            self.hook,
            self.matching.join(" "),
            self.target.join(" ")
        )
    }
}
