//! `operator demo --target docker` on stand-ins: containers with the names and labels of a cluster that answer nothing.
//! What is tested is whom the fault hits, that it is undone whatever happens, and that the score claims nothing.
//!
//! And the services of `compose/compose.yml` themselves, with stand-ins for the images that cannot be had everywhere: what is
//! tested is the order of the start, who may read which log, and that Operator works there without any right.
//!
//! Needs what `chaos/cli/tests/docker` needs: a dockerd of our own is started, and where that does not work the test
//! says so and passes.

mod compose;

use crate::support::{Ran, operator, plugins};
use operator_chaos_testkit::docker::daemon::Daemon;
use operator_chaos_testkit::docker::machine::{signal, wait};
use operator_chaos_testkit::docker::stand_in;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

const PROJECT: &str = "stand-in";
const SERVICES: [&str; 6] = ["pd-0", "pd-1", "pd-2", "tikv-0", "tikv-1", "tikv-2"];

/// Whom the card `node-death` names.
const HIT: &str = "stand-in-tikv-1";

/// Another project with a service of the same name, in the same network, armed as well.
const NEIGHBOUR: (&str, &str, &str) = ("neighbour", "tikv-1", "neighbour-tikv-1");

/// What Docker tells of a container that is killed and started again, sorted.
const KILLED_AND_STARTED: [&str; 3] = [
    "die stand-in-tikv-1",
    "kill stand-in-tikv-1",
    "start stand-in-tikv-1",
];

/// Components are compiled first, on a machine that runs other stories.
const BEGIN_MAX: Duration = Duration::from_mins(3);

/// A fault of 10 s, and what is watched afterwards.
const END_MAX: Duration = Duration::from_mins(2);

/// Who interrupts does not wait for the rest of a fault of five minutes, nor for the afterwards.
const INTERRUPTED_MAX: Duration = Duration::from_secs(20);

/// One dockerd at a time: two would look for addresses and bridges at the same moment.
static ONE_DAEMON: Mutex<()> = Mutex::new(());

/// One test, because what one demo leaves would disturb the next.
#[test]
fn a_demo_on_containers_kills_one_of_them_brings_it_back_and_claims_nothing_that_it_did_not_see() {
    let Some(plugins) = plugins() else { return };
    let _alone = ONE_DAEMON.lock().unwrap_or_else(PoisonError::into_inner);
    let daemon = match Daemon::start() {
        Ok(daemon) => daemon,
        Err(why) => {
            eprintln!(
                "\n!!! SKIPPED: no containers on this machine, so the demo on containers was not tested: {why}\n"
            );
            return;
        }
    };
    let stage = Stage::create(&daemon, plugins);
    who_is_not_armed_for_long_enough_is_refused_before_anyone_waits(&stage);
    stage.chaos(&["arm", "--project", PROJECT, "--for", "30m"]);
    stage.chaos(&["arm", "--project", NEIGHBOUR.0, "--for", "30m"]);
    one_container_is_killed_and_comes_back_and_the_score_is_honest(&stage);
    an_interrupt_during_the_fault_undoes_it_and_nothing_is_scored(&stage);
    an_interrupt_before_the_fault_makes_none(&stage);
}

/// The health checks of PD and of the stores take ten seconds each.
const UP_MAX: Duration = Duration::from_mins(3);

fn who_is_not_armed_for_long_enough_is_refused_before_anyone_waits(stage: &Stage<'_>) {
    let since = stage.now();
    let refused = |data: &str, learn: &str, why: &str| {
        let ran = Ran::from(stage.demo(data, learn, "10s").output().unwrap());
        assert_eq!(ran.code, 64, "{ran:?}");
        assert!(ran.stderr.contains(why) && ran.stdout.is_empty(), "{ran:?}");
        assert!(!stage.data(data).exists(), "{data} was made");
    };
    refused("unarmed", "5s", "container stand-in-tikv-1 is not armed");
    // For the fault alone it would be long enough.
    stage.chaos(&["arm", "--project", PROJECT, "--for", "1m"]);
    refused(
        "armed-too-short",
        "2m",
        "use a shorter --for, or arm it for longer",
    );
    stage.chaos(&["disarm", "--project", PROJECT]);
    refused("disarmed", "5s", "container stand-in-tikv-1 is not armed");
    assert_eq!(stage.happened(&since), [""; 0]);
    stage.nothing_is_left();
}

fn one_container_is_killed_and_comes_back_and_the_score_is_honest(stage: &Stage<'_>) {
    let since = stage.now();
    let mut demo = Played::start(stage, "whole", "5s", "10s");
    demo.wait_for("(active on stand-in-tikv-1)");
    assert_eq!(stage.stopped(), [HIT], "{}", demo.told());
    let listed = stage.chaos(&["--json", "undo", "--list"]);
    assert!(
        listed.contains("\"fault\":\"node-death\"") && listed.contains("\"injector_lives\":true"),
        "{listed}"
    );
    let ran = demo.ended(END_MAX);
    for said in [
        "(stand-in-tikv-1: send SIGKILL to its main process)",
        "(undone)",
        "stop       demo finished after",
    ] {
        assert!(
            ran.stdout.contains(said),
            "{said:?} is not in {}",
            ran.stdout
        );
    }
    assert_eq!(stage.happened(&since), KILLED_AND_STARTED, "{}", ran.stdout);
    stage.nothing_is_left();
    // Nobody answered: the ticket is about blindness, and blindness is no diagnosis.
    let (_, score) = ran
        .stdout
        .split_once("Score, compared with the ground truth")
        .expect("a score");
    let line = |name: &str| {
        score
            .lines()
            .map(str::trim)
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim)
    };
    assert_eq!(line("ground truth"), Some("the process died"), "{score}");
    assert_eq!(
        line("diagnosis"),
        Some("Unknown cause (100 %, undetermined)"),
        "{score}"
    );
    assert_eq!(
        (line("component"), line("mechanism")),
        (Some("WRONG"), Some("WRONG")),
        "{score}"
    );
    assert_eq!(
        (line("alternatives"), line("false tickets")),
        (Some("not ruled out"), Some("0")),
        "{score}"
    );
    assert!(
        ran.stdout.contains("cannot observe http:pd"),
        "{}",
        ran.stdout
    );
    assert_eq!(
        ran.code, 1,
        "a demo that found nothing has not passed: {ran:?}"
    );
    stage.the_log_holds("whole");
}

fn an_interrupt_during_the_fault_undoes_it_and_nothing_is_scored(stage: &Stage<'_>) {
    let since = stage.now();
    let mut demo = Played::start(stage, "interrupted", "1s", "5m");
    demo.wait_for("(active on stand-in-tikv-1)");
    assert_eq!(stage.stopped(), [HIT], "{}", demo.told());
    signal(demo.child.id(), "INT");
    let ran = demo.ended(INTERRUPTED_MAX);
    assert!(ran.stdout.contains("(undone)"), "{ran:?}");
    assert_eq!(stage.happened(&since), KILLED_AND_STARTED, "{ran:?}");
    stage.nothing_is_left();
    is_cut_short(&ran);
    stage.the_log_holds("interrupted");
}

fn an_interrupt_before_the_fault_makes_none(stage: &Stage<'_>) {
    let since = stage.now();
    let mut demo = Played::start(stage, "early", "5m", "10s");
    demo.wait_for("watching pd = http://pd-0:2379");
    signal(demo.child.id(), "INT");
    let ran = demo.ended(INTERRUPTED_MAX);
    assert_eq!(stage.happened(&since), [""; 0], "{ran:?}");
    stage.nothing_is_left();
    is_cut_short(&ran);
    stage.the_log_holds("early");
}

fn is_cut_short(ran: &Ran) {
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.stderr.contains("interrupted: node-death is not scored"),
        "{ran:?}"
    );
    assert!(
        ran.stdout.contains("stopped by SIGINT") && !ran.stdout.contains("Score"),
        "{ran:?}"
    );
}

/// The stand-ins, their neighbour, and where demos write.
struct Stage<'a> {
    daemon: &'a Daemon,
    plugins: PathBuf,
    directory: tempfile::TempDir,
}

impl<'a> Stage<'a> {
    fn create(daemon: &'a Daemon, plugins: PathBuf) -> Self {
        let network = "stand-in-net";
        daemon
            .docker(&["network", "create", "--internal", network])
            .unwrap();
        for service in SERVICES {
            stand_in::start(
                daemon,
                network,
                &format!("{PROJECT}-{service}"),
                PROJECT,
                service,
            );
        }
        let (project, service, name) = NEIGHBOUR;
        stand_in::start(daemon, network, name, project, service);
        Self {
            daemon,
            plugins,
            directory: tempfile::tempdir().unwrap(),
        }
    }

    fn operator(&self) -> Command {
        let mut command = operator();
        command
            .env("DOCKER_HOST", self.daemon.host())
            .env("OPERATOR_CHAOS_STATE", self.daemon.state());
        command
    }

    fn demo(&self, data: &str, learn: &str, fault_for: &str) -> Command {
        let mut command = self.operator();
        command.args([
            "demo",
            "node-death",
            "--target",
            "docker",
            "--project",
            PROJECT,
        ]);
        command.args(["--learn", learn, "--fault-for", fault_for]);
        command
            .arg("--plugins")
            .arg(&self.plugins)
            .arg("--data")
            .arg(self.data(data));
        command
    }

    fn data(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn chaos(&self, arguments: &[&str]) -> String {
        let ran = Ran::from(
            self.operator()
                .arg("chaos")
                .args(arguments)
                .output()
                .unwrap(),
        );
        assert_eq!(ran.code, 0, "{arguments:?}: {ran:?}");
        ran.stdout
    }

    fn now(&self) -> String {
        clock(self.daemon)
    }

    /// Everything that happened to any container since then, whoever did it; sorted.
    fn happened(&self, since: &str) -> Vec<String> {
        let told = [
            "--filter",
            "type=container",
            "--format",
            "{{.Action}} {{.Actor.Attributes.name}}",
        ];
        let until = self.now();
        let events = [&["events", "--since", since, "--until", &until][..], &told].concat();
        let mut happened: Vec<String> = self
            .daemon
            .docker(&events)
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect();
        happened.sort();
        happened
    }

    /// Containers that do not run, of all that were made.
    fn stopped(&self) -> Vec<String> {
        let all = self
            .daemon
            .docker(&["ps", "--all", "--format", "{{.State}} {{.Names}}"])
            .unwrap();
        assert_eq!(all.lines().count(), SERVICES.len() + 1, "{all}");
        let pairs = all.lines().filter_map(|line| line.split_once(' '));
        pairs
            .filter(|(state, _)| *state != "running")
            .map(|(_, name)| name.to_owned())
            .collect()
    }

    fn nothing_is_left(&self) {
        assert_eq!(self.stopped(), [""; 0]);
        assert_eq!(self.chaos(&["--json", "undo", "--list"]).trim(), "[]");
        assert_eq!(
            files_in(&self.daemon.state()),
            [""; 0],
            "files of the journal"
        );
        wait("watchdogs end", INTERRUPTED_MAX, || {
            let processes = self.daemon.processes();
            if processes.is_empty() {
                Ok(())
            } else {
                Err(processes.join("; "))
            }
        });
    }

    fn the_log_holds(&self, data: &str) {
        let verified = self
            .operator()
            .args(["log", "verify", "--json", "--data"])
            .arg(self.data(data))
            .output();
        let verified = Ran::from(verified.unwrap());
        assert_eq!(
            (verified.code, verified.json()["holds"].as_bool()),
            (0, Some(true)),
            "{verified:?}"
        );
    }
}

/// The time by dockerd's clock.
fn clock(daemon: &Daemon) -> String {
    daemon
        .docker(&["system", "info", "--format", "{{.SystemTime}}"])
        .unwrap()
        .trim()
        .to_owned()
}

/// Every file below a directory that may not be there.
fn files_in(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let below = |path: PathBuf| {
        if path.is_dir() {
            files_in(&path)
        } else {
            vec![path.display().to_string()]
        }
    };
    entries.flat_map(|entry| below(entry.path())).collect()
}

/// A demo that runs; ended with the test that fails.
struct Played {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
}

impl Played {
    fn start(stage: &Stage<'_>, data: &str, learn: &str, fault_for: &str) -> Self {
        let file = |kind: &str| stage.directory.path().join(format!("{data}.{kind}"));
        let (stdout, stderr) = (file("stdout"), file("stderr"));
        let mut command = stage.demo(data, learn, fault_for);
        command.stdin(Stdio::null());
        command
            .stdout(File::create(&stdout).unwrap())
            .stderr(File::create(&stderr).unwrap());
        Self {
            child: command.spawn().unwrap(),
            stdout,
            stderr,
        }
    }

    fn told(&self) -> String {
        std::fs::read_to_string(&self.stdout).unwrap()
    }

    fn wait_for(&mut self, said: &str) {
        wait(said, BEGIN_MAX, || {
            let told = self.told();
            if told.contains(said) {
                return Ok(());
            }
            let ended = self.child.try_wait().unwrap();
            let complaint = std::fs::read_to_string(&self.stderr).unwrap();
            assert!(
                ended.is_none(),
                "ended before {said:?}: {ended:?}, {complaint}, {told}"
            );
            Err(told)
        });
    }

    fn ended(mut self, at_most: Duration) -> Ran {
        let mut code = None;
        wait("the demo ends", at_most, || {
            let status = self.child.try_wait().unwrap().ok_or_else(|| self.told())?;
            code = Some(status.code().unwrap_or(-1));
            Ok(())
        });
        let stderr = std::fs::read_to_string(&self.stderr).unwrap();
        Ran {
            code: code.unwrap(),
            stdout: self.told(),
            stderr,
        }
    }
}

impl Drop for Played {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
