//! A project of three services, and a bystander that nothing may happen to.

use operator_chaos_testkit::docker::daemon::Daemon;
use operator_chaos_testkit::docker::machine::{run, wait};
use operator_chaos_testkit::docker::stand_in;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) const NAME: &str = "chaos-test";
pub(crate) const NETWORK: &str = "chaos-test-net";

/// A signal is followed within seconds; a busy machine takes longer.
const WAIT_MAX: Duration = Duration::from_secs(30);

pub(crate) struct Project<'a> {
    pub(crate) daemon: &'a Daemon,
}

impl<'a> Project<'a> {
    pub(crate) fn create(daemon: &'a Daemon) -> Self {
        let docker = |arguments: &[&str]| daemon.docker(arguments).unwrap();
        docker(&["network", "create", "--internal", NETWORK]);
        for service in ["a", "b"] {
            stand_in::start(daemon, NETWORK, &format!("{service}-1"), NAME, service);
        }
        stand_in::start(daemon, NETWORK, "bystander-1", "other-project", "bystander");
        Self { daemon }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_operator-chaos"));
        command.arg("faults").args(arguments);
        command
            .env("DOCKER_HOST", self.daemon.host())
            .env("OPERATOR_CHAOS_STATE", self.daemon.state());
        command
    }

    /// Runs a chaos command to its end.
    pub(crate) fn chaos(&self, arguments: &[&str]) -> Result<String, String> {
        run(&mut self.command(arguments))
    }

    /// Starts a fault on service `a` and leaves it running.
    pub(crate) fn inject(&self, fault: &str, more: &[&str]) -> Child {
        let mut command = self.command(&[
            "--json",
            "run",
            fault,
            "--target",
            "docker",
            "--project",
            NAME,
        ]);
        command.args(["--service", "a", "--for", "10m"]).args(more);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs a command inside service `a`.
    pub(crate) fn inside(&self, script: &str) -> Result<String, String> {
        self.inside_of("a-1", script)
    }

    pub(crate) fn inside_of(&self, container: &str, script: &str) -> Result<String, String> {
        self.daemon.docker(&["exec", container, "sh", "-c", script])
    }

    /// What `docker inspect` says of a container.
    pub(crate) fn says(&self, container: &str, template: &str) -> String {
        self.daemon
            .docker(&["inspect", "--format", template, container])
            .unwrap()
            .trim()
            .to_owned()
    }

    /// Everything that a fault could leave behind, in words; empty when nothing is.
    #[expect(clippy::too_many_lines, reason = "a flat list of what is compared")]
    pub(crate) fn left(&self) -> Vec<String> {
        let mut left = Vec::new();
        let mut expect = |what: &str, is: &str, should: &str| {
            if is.trim() != should {
                left.push(format!("{what}: {:?}, not {should:?}", is.trim()));
            }
        };
        expect(
            "state",
            &self.says("a-1", "{{.State.Running}} {{.State.Paused}}"),
            "true false",
        );
        expect(
            "journal",
            &self
                .chaos(&["--json", "undo", "--list"])
                .unwrap_or_else(|why| why),
            "[]",
        );
        let files = std::fs::read_dir(self.daemon.state().join("journal"))
            .map_or(0, |entries| entries.count());
        expect("files of the journal", &files.to_string(), "0");
        let pid = self.says("a-1", "{{.State.Pid}}");
        let script = "nsenter --net=/proc/$1/ns/net iptables-save | grep -c CHAOS; nsenter --net=/proc/$1/ns/net tc qdisc show | grep -c tbf";
        let rules = run(Command::new("sh").args(["-c", &format!("{script}; true"), "sh", &pid]))
            .unwrap_or_else(|why| why);
        expect("rules", &rules.replace('\n', " "), "0 0");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let state = status
            .lines()
            .find(|line| line.starts_with("State:"))
            .unwrap_or("gone");
        expect(
            "main process",
            if state.contains("stopped") {
                "stopped"
            } else {
                "runs"
            },
            "runs",
        );
        expect(
            "files",
            &self
                .inside("ls -a /data | grep -c operator-chaos; true")
                .unwrap_or_else(|why| why),
            "0",
        );
        expect(
            "writable",
            &self
                .inside("touch /data/w && echo yes")
                .unwrap_or_else(|why| why),
            "yes",
        );
        expect(
            "limit of files",
            &self
                .inside("grep 'open files' /proc/1/limits | grep -c 500")
                .unwrap_or_else(|why| why),
            "1",
        );
        expect(
            "network",
            &self
                .inside("ping -c1 -W2 b >/dev/null && echo yes")
                .unwrap_or_else(|why| why),
            "yes",
        );
        let group = |controller: &str, file: &str| {
            self.inside(&format!("cat /sys/fs/cgroup/{controller}/{file}"))
                .unwrap_or_default()
        };
        if std::path::Path::new("/sys/fs/cgroup/memory").exists() {
            expect(
                "memory limit",
                &group("memory", "memory.limit_in_bytes"),
                "134217728",
            );
            expect("processor quota", &group("cpu", "cpu.cfs_quota_us"), "-1");
            expect("limit of processes", &group("pids", "pids.max"), "max");
            expect(
                "limits of disks",
                &group("blkio", "blkio.throttle.write_bps_device"),
                "",
            );
        }
        for process in self.daemon.processes() {
            left.push(format!("process {process}"));
        }
        left
    }

    /// Waits until nothing is left.
    pub(crate) fn wait_until_clean(&self, what: &str) {
        self.wait(&format!("{what}: nothing is left"), || {
            let left = self.left();
            if left.is_empty() {
                Ok(())
            } else {
                Err(left.join("; "))
            }
        });
    }

    /// Waits until something holds; fails with its last complaint.
    pub(crate) fn wait(&self, what: &str, holds: impl FnMut() -> Result<(), String>) {
        wait(what, WAIT_MAX, holds);
    }
}
