//! A dockerd for the test: in directories of its own, ended by its process id.

use super::machine::{pause, run};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// dockerd is up in a second; a busy machine takes longer.
const LOOKS_MAX: u32 = 300;
const LOOK: Duration = Duration::from_millis(200);

pub struct Daemon {
    directory: tempfile::TempDir,
    process: Child,
}

impl Daemon {
    /// Starts dockerd and makes an image of busybox.
    pub fn start() -> Result<Self, String> {
        for tool in [
            "dockerd", "docker", "busybox", "iptables", "tc", "nsenter", "perl",
        ] {
            let found = Command::new("sh")
                .args(["-c", &format!("command -v {tool}")])
                .output();
            if !found.is_ok_and(|found| found.status.success()) {
                return Err(format!(
                    "no {tool} (Debian: apt-get install docker.io busybox-static iptables iproute2)"
                ));
            }
        }
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let at = |name: &str| directory.path().join(name).display().to_string();
        let log = std::fs::File::create(directory.path().join("log"))
            .map_err(|error| error.to_string())?;
        let process = Command::new("dockerd")
            // The machine's own rules and bridges stay as they are.
            .args([
                "--iptables=false",
                "--ip6tables=false",
                "--bridge=none",
                "--ip-masq=false",
                "--userland-proxy=false",
            ])
            .args([
                "--host",
                &format!("unix://{}", at("docker.sock")),
                "--pidfile",
                &at("docker.pid"),
            ])
            .args(["--data-root", &at("data"), "--exec-root", &at("exec")])
            .stdout(log.try_clone().map_err(|error| error.to_string())?)
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| error.to_string())?;
        let mut daemon = Self { directory, process };
        daemon.wait()?;
        daemon.import_image()?;
        Ok(daemon)
    }

    fn wait(&mut self) -> Result<(), String> {
        for _ in 0..LOOKS_MAX {
            if self.docker(&["version"]).is_ok() {
                return Ok(());
            }
            if !matches!(self.process.try_wait(), Ok(None)) {
                break;
            }
            pause(LOOK);
        }
        let log = std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        Err(format!(
            "dockerd does not start: {}",
            log.lines().last().unwrap_or("it says nothing")
        ))
    }

    fn import_image(&self) -> Result<(), String> {
        let script = "set -e; mkdir -p \"$1/bin\" \"$1/data\"; cp \"$(command -v busybox)\" \"$1/bin/busybox\"; \
                      for tool in sh cat ls sleep httpd nc ping dd date touch grep df wc; do ln -s busybox \"$1/bin/$tool\"; done; \
                      tar -C \"$1\" -c . | docker --host \"$2\" import - base:1";
        let root = self.directory.path().join("root").display().to_string();
        run(Command::new("sh").args(["-c", script, "sh", &root, &self.host()])).map(|_| ())
    }

    pub fn host(&self) -> String {
        format!(
            "unix://{}",
            self.directory.path().join("docker.sock").display()
        )
    }

    pub fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// The client, as a person would use it.
    pub fn docker(&self, arguments: &[&str]) -> Result<String, String> {
        run(Command::new("docker")
            .args(["--host", &self.host()])
            .args(arguments))
    }

    /// Processes that work with this test's journal.
    pub fn processes(&self) -> Vec<String> {
        let state = self.state().display().to_string();
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let told = |entry: std::fs::DirEntry| {
            let command = std::fs::read(entry.path().join("cmdline")).ok()?;
            let text = String::from_utf8_lossy(&command).replace('\0', " ");
            text.contains(&state)
                .then(|| format!("{} {text}", entry.file_name().to_string_lossy()))
        };
        let about_chaos = |text: &String| {
            text.contains("watchdog") || text.contains("agent") || text.contains(" run ")
        };
        entries.filter_map(told).filter(about_chaos).collect()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Ok(all) = self.docker(&["ps", "-aq"]) {
            for id in all.split_whitespace() {
                let _ = self.docker(&["rm", "-f", id]);
            }
        }
        if let Ok(all) = self.docker(&["network", "ls", "-q", "--filter", "type=custom"]) {
            for id in all.split_whitespace() {
                let _ = self.docker(&["network", "rm", id]);
            }
        }
        let _ = run(Command::new("sh").args([
            "-c",
            "kill -TERM \"$1\"",
            "sh",
            &self.process.id().to_string(),
        ]));
        let _ = self.process.wait();
        unmount_below(self.directory.path());
    }
}

/// dockerd mounts its data on itself and may leave that behind.
fn unmount_below(directory: &Path) {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let prefix = directory.display().to_string();
    let mut below: Vec<&str> = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .filter(|at| at.starts_with(&prefix))
        .collect();
    below.sort_unstable();
    for at in below.into_iter().rev() {
        let _ = run(Command::new("umount").arg(at));
    }
}
