//! Processes of this machine, as /proc shows them.

use super::command::{MARK, Tool};
use serde::{Deserialize, Serialize};

/// A process that cannot be mistaken for a later one with the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it was started, in the kernel's ticks since boot.
    pub start_ticks: u64,
}

impl Process {
    /// The process that has this number now.
    #[must_use]
    pub fn find(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // proc(5): the name is in parentheses and may contain anything; field 3 follows it, 22 is the start.
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        let dead = matches!(fields.next()?, "Z" | "X");
        let start_ticks = fields.nth(18)?.parse().ok()?;
        (!dead).then_some(Self { pid, start_ticks })
    }

    /// This process.
    #[must_use]
    pub fn own() -> Option<Self> {
        Self::find(std::process::id())
    }

    /// Whether it still runs.
    #[must_use]
    pub fn lives(self) -> bool {
        Self::find(self.pid) == Some(self)
    }
}

/// Every process with `PID` directories in /proc.
fn all() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// The processes that carry the mark of an injection.
pub(super) fn marked(injection: &str) -> Vec<u32> {
    let wanted = format!("{MARK}={injection}");
    let carries = |pid: &u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == wanted.as_bytes())
    };
    all()
        .into_iter()
        .filter(|pid| *pid != std::process::id())
        .filter(carries)
        .collect()
}

/// Kills them immediately; a process that has ended in the meantime is no error.
pub(super) fn kill(pids: &[u32]) {
    if pids.is_empty() {
        return;
    }
    // The shell's own `kill`: the program of that name is not part of every system.
    let numbers: Vec<String> = pids.iter().map(ToString::to_string).collect();
    let script = ["sh", "-c", "kill -KILL \"$@\" 2>/dev/null; true", "sh"];
    let _ = Tool::new(script.into_iter().chain(numbers.iter().map(String::as_str))).run(None);
}

/// The processes in the control group of this container.
pub(super) fn of_container(container_id: &str) -> Vec<Process> {
    let inside = |pid: &u32| {
        std::fs::read_to_string(format!("/proc/{pid}/cgroup"))
            .is_ok_and(|text| text.contains(container_id))
    };
    all()
        .into_iter()
        .filter(inside)
        .filter_map(Process::find)
        .collect()
}
