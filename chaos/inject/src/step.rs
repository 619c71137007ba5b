//! One thing that is done to a container, with everything that its undo needs. Written down before it is done.

use super::engine::Endpoint;
use super::processes::Process;
use super::{Container, DockerError};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// One run of a container: after a restart it is another one, and what was done inside is gone with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The container's full id.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// When Docker says that it started.
    pub started_at: String,
    /// Its main process on this machine.
    pub process: Process,
}

/// What is done. `after` always holds what undo must bring back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "kebab-case")]
pub enum Step {
    /// End the main process with a signal; undo starts the container.
    End {
        /// Whose.
        run: Run,
        /// `SIGKILL` at once, or another one and `SIGKILL` after the grace.
        signal: String,
        /// How long the process may take.
        grace_ms: u64,
    },
    /// Stop and start; undo sees that it runs.
    Restart {
        /// Whose.
        run: Run,
        /// How long the process may take to stop.
        grace_ms: u64,
    },
    /// Start what was stopped.
    Start {
        /// Whose.
        run: Run,
    },
    /// Freeze all processes with the freezer.
    Pause {
        /// Whose.
        run: Run,
    },
    /// Stop the main process with `SIGSTOP`: Docker still says that it runs.
    Freeze {
        /// Whose.
        run: Run,
    },
    /// Take a network away.
    Disconnect {
        /// Whose.
        run: Run,
        /// Which network.
        network: String,
        /// How it hung there.
        after: Endpoint,
    },
    /// Packet rules in chains of their own, in the container's network namespace.
    Rules {
        /// Whose.
        run: Run,
        /// `iptables` or `iptables-legacy`.
        tool: String,
        /// What the chains do.
        rules: Vec<Rule>,
    },
    /// A queueing discipline at the root of a device.
    Queue {
        /// Whose.
        run: Run,
        /// Which device.
        device: String,
        /// As `tc` wants them.
        discipline: Vec<String>,
    },
    /// A value of the container's control group.
    Control {
        /// Whose.
        run: Run,
        /// The control file.
        file: PathBuf,
        /// What is written.
        during: String,
        /// What undo writes.
        after: String,
    },
    /// A process of ours that works against the container until it is undone.
    Agent {
        /// Whose.
        run: Run,
        /// What it does.
        work: Work,
    },
    /// A file that takes space.
    Ballast {
        /// Whose.
        run: Run,
        /// Where.
        place: Place,
        /// How much.
        bytes: u64,
    },
    /// A mount that can no longer be written.
    ReadOnly {
        /// Whose.
        run: Run,
        /// Where the container sees it.
        directory: String,
    },
    /// Fewer files than are open.
    FileLimit {
        /// Whose.
        run: Run,
        /// Each process with its limits: soft, hard.
        after: Vec<(Process, String, String)>,
        /// The limit while the fault lasts.
        files: u64,
    },
    /// A program of this machine that loads the cluster.
    Load {
        /// For whom it is noted.
        run: Run,
        /// Program and arguments.
        command: Vec<String>,
    },
}

/// What an agent does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "work", rename_all = "kebab-case")]
pub enum Work {
    /// Holds packets of a netfilter queue back.
    Delay {
        /// Queue number in the container's namespace.
        queue: u16,
        /// Each packet.
        delay_ms: u64,
        /// Up to this much more.
        jitter_ms: u64,
    },
    /// Uses processors inside the container's control group.
    Burn {
        /// How many at once.
        threads: u64,
    },
    /// Holds memory inside the container's control group.
    Hold {
        /// How much.
        bytes: u64,
    },
    /// Writes and syncs inside the container's control group, in its directory.
    Write {
        /// Where the file is.
        place: Place,
        /// The file never gets longer.
        bytes_max: u64,
    },
}

/// A file of ours in a container's directory.
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
    /// The chain of the kernel that leads to ours.
    pub hook: String,
    /// Which packets.
    pub matching: Vec<String>,
    /// What happens to them.
    pub target: Vec<String>,
}

impl Run {
    /// The present run of a container.
    ///
    /// # Errors
    /// It does not run, or it is paused: its state is not one that undo should bring back.
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
            DockerError::Refused(format!("container {} is {state} already", container.name))
        })?;
        let (id, name) = (container.id.clone(), container.name.clone());
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
    /// Whom it hits.
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

    /// How long after the death of an injector the step may still be on its way through Docker.
    #[must_use]
    pub fn settles_after_ms(&self) -> u64 {
        match self {
            Self::End { grace_ms, .. } => grace_ms.saturating_add(1_000),
            // Docker waits for the process to end, then kills and starts it.
            Self::Restart { grace_ms, .. } => grace_ms.saturating_add(3_000),
            _ => 2_000,
        }
    }

    /// What it does, for a plan.
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

    /// How it is undone, for a plan.
    #[must_use]
    pub fn undo_description(&self) -> &'static str {
        match self {
            Self::End { .. } | Self::Restart { .. } | Self::Start { .. } => {
                "start it if it does not run"
            }
            Self::Pause { .. } => "unpause it",
            Self::Freeze { .. } => "send SIGCONT",
            Self::Disconnect { .. } => "connect it with its address and names",
            Self::Rules { .. } => "remove the chains of this injection",
            Self::Queue { .. } => "remove the queueing discipline",
            Self::Control { .. } => "write the value of before",
            Self::Agent { .. } | Self::Load { .. } => "end every process of this injection",
            Self::Ballast { .. } => "delete the file",
            Self::ReadOnly { .. } => "remount it writable",
            Self::FileLimit { .. } => "set the limits of before",
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
                    "hold packets of netfilter queue {queue} for {delay_ms} to {} ms",
                    delay_ms + jitter_ms
                )
            }
            Self::Burn { threads } => format!("use {threads} processors inside its control group"),
            Self::Hold { bytes } => {
                format!("hold {bytes} bytes of memory inside its control group")
            }
            Self::Write { place, .. } => {
                format!("write and sync without end in {}", place.directory)
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
