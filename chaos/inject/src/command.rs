//! Runs tools of the system: limited in time, marked, and with their error message as the error.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Each tool acts on one namespace and ends within milliseconds, except that iptables may wait 5 s for its lock.
const TOOL_SECONDS_MAX: &str = "10";

/// The variable that marks every process that belongs to an injection, so that an undo finds it.
pub(super) const MARK: &str = "OPERATOR_CHAOS_INJECTION";

/// A command to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tool {
    pub(super) arguments: Vec<String>,
    pub(super) stdin: String,
}

impl Tool {
    pub(super) fn new<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        Self {
            arguments: arguments.into_iter().map(str::to_owned).collect(),
            stdin: String::new(),
        }
    }

    /// The same inside the network namespace of a process.
    pub(super) fn inside_network_of(mut self, pid: u32) -> Self {
        let enter = [
            "nsenter".to_owned(),
            format!("--net=/proc/{pid}/ns/net"),
            "--".to_owned(),
        ];
        self.arguments.splice(0..0, enter);
        self
    }

    pub(super) fn with_stdin(mut self, text: String) -> Self {
        self.stdin = text;
        self
    }

    /// Runs to the end and returns the output. `mark` is the injection that the process belongs to, if any.
    pub(super) fn run(&self, mark: Option<&str>) -> Result<String, String> {
        let mut command = Command::new("timeout");
        command
            .args(["-k", "1", TOOL_SECONDS_MAX])
            .args(&self.arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(mark) = mark {
            command.env(MARK, mark);
        }
        let mut child = command
            .spawn()
            .map_err(|error| format!("{self}: {error}"))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A tool that ends without reading reports the reason on stderr.
            let _ = stdin.write_all(self.stdin.as_bytes());
        }
        let output = child
            .wait_with_output()
            .map_err(|error| format!("{self}: {error}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let complaint = String::from_utf8_lossy(&output.stderr);
        let complaint = complaint.lines().next().unwrap_or("no error message");
        Err(format!("{self}: {} ({complaint})", output.status))
    }
}

impl std::fmt::Display for Tool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}`", self.arguments.join(" "))
    }
}
