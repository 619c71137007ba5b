//! The command against a stand-in for a cluster ([`stand_in`]): what it says, what it finds, and how it ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::disallowed_methods,
    clippy::result_large_err,
    reason = "a helper of a test fails the test; a process and its cluster live in real time"
)]

mod stand_in;

use serde_json::Value;
use stand_in::{Keys, Lie, Seen, StandIn};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Nothing takes this long, even on a machine that is busy with other things.
const FOREVER: Duration = Duration::from_secs(60);
/// Borders that cut the bank, the counters, and the messages of the user that `--hot-keys 1` makes hot.
const BORDERS: [&str; 6] = [
    "bank",
    "delivery/",
    "delivery/0000000000/00000032",
    "devices/",
    "sessions/8",
    "users/",
];

fn borders(mode: &str) -> Vec<String> {
    BORDERS
        .iter()
        .map(|border| format!("/load-{mode}/{border}"))
        .collect()
}

fn cluster(mode: &str) -> StandIn {
    let keys = if mode == "raw" {
        Keys::Raw
    } else {
        Keys::Encoded
    };
    let borders = borders(mode);
    StandIn::start(
        keys,
        &borders.iter().map(String::as_str).collect::<Vec<_>>(),
    )
}

/// A run that was started.
struct Running {
    child: Child,
    began: Instant,
}

/// A run that ended.
struct Ran {
    code: Option<i32>,
    report: Value,
    complaint: String,
    took: Duration,
}

/// What a run has when the test says nothing else.
const USUAL: [(&str, &str); 6] = [
    ("--users", "200"),
    ("--value-bytes", "32"),
    ("--workers", "4"),
    ("--check-every", "100ms"),
    ("--connect-timeout", "20s"),
    ("--timeout", "10s"),
];

fn start(cluster: &StandIn, arguments: &[&str]) -> Running {
    let usual = USUAL
        .iter()
        .filter(|(flag, _)| !arguments.contains(flag))
        .flat_map(|(flag, value)| [flag, value]);
    let child = Command::new(env!("CARGO_BIN_EXE_operator-load"))
        .env_remove("TIKV_PD_ENDPOINTS")
        .args(["--pd", &cluster.pd(), "--json"])
        .args(usual)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    Running {
        child,
        began: Instant::now(),
    }
}

impl Running {
    /// Waits until the cluster saw what it must see.
    fn until(mut self, cluster: &StandIn, what: &str, is_so: impl Fn(&Seen) -> bool) -> Self {
        while !is_so(&cluster.seen()) {
            if self.child.try_wait().unwrap().is_some() || self.began.elapsed() > FOREVER {
                let ran = self.ended();
                panic!(
                    "it never happens: {what}\n{}\n{}",
                    ran.complaint, ran.report
                );
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self
    }

    /// Asks it to stop, as Ctrl-C does; from here on its time is taken.
    fn stopped(mut self) -> Ran {
        self.began = Instant::now();
        self.signal("-INT");
        self.ended()
    }

    fn signal(&self, signal: &str) {
        let killed = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(killed.success());
    }

    fn ended(mut self) -> Ran {
        while self.child.try_wait().unwrap().is_none() {
            if self.began.elapsed() > FOREVER {
                self.child.kill().unwrap();
                panic!(
                    "it does not end: {}",
                    String::from_utf8_lossy(&self.child.wait_with_output().unwrap().stderr)
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let took = self.began.elapsed();
        let output = self.child.wait_with_output().unwrap();
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        Ran {
            code: output.status.code(),
            report,
            complaint,
            took,
        }
    }
}

impl Ran {
    /// Exit code 0, operations, and no violation.
    fn is_good(&self) {
        assert_eq!(self.code, Some(0), "{}\n{}", self.complaint, self.report);
        assert_eq!(
            self.report["safety"]["violations"],
            serde_json::json!([]),
            "{}",
            self.report
        );
    }

    fn count(&self, path: &str) -> u64 {
        self.report
            .pointer(path)
            .and_then(Value::as_u64)
            .unwrap_or_default()
    }

    /// Failures that are not simply another transaction being first.
    fn failed(&self) -> u64 {
        self.count("/failed") - self.count("/failures/conflict/count")
    }

    fn violations(&self) -> String {
        assert_eq!(self.code, Some(1), "{}\n{}", self.complaint, self.report);
        assert!(
            self.complaint.contains("safety VIOLATED"),
            "it is told at once: {}",
            self.complaint
        );
        self.report["safety"]["violations"].to_string()
    }
}

fn ran(cluster: &StandIn, arguments: &[&str]) -> Ran {
    start(cluster, arguments).ended()
}

#[test]
fn transactions_succeed_and_every_kind_crosses_regions() {
    let cluster = cluster("txn");
    // One worker collides with nobody.
    let hot = [
        "--workers",
        "1",
        "--hot-keys",
        "1",
        "--hot-share",
        "0.3",
        "--operations",
        "1500",
    ];
    let ran = ran(
        &cluster,
        &[
            &hot[..],
            &["--mix", "read=30,write=45,scan=15,delete=3,transfer=7"],
        ]
        .concat(),
    );
    ran.is_good();
    assert_eq!(
        (ran.count("/operations"), ran.count("/failed")),
        (1_500, 0),
        "{}",
        ran.report
    );
    assert!(
        ran.count("/safety/bank_sums") > 0 && ran.count("/safety/counter_reads") > 0,
        "{}",
        ran.report
    );
    assert_eq!(ran.count("/safety/unanswered"), 0, "{}", ran.report);
    let seen = cluster.seen();
    let scans = |key: &str| seen.of(cluster.region_of(key), "KvScan");
    let first = scans("/load-txn/delivery/0000000000/00000000");
    let second = scans("/load-txn/delivery/0000000000/00000063");
    assert!(
        first > 0 && second > 0,
        "a scan of the hot user's messages asks two regions: {first} {second}"
    );
    assert!(
        seen.found > 100,
        "reads find what was written: {}",
        seen.found
    );
    assert!(seen.all("KvBatchGet") > 0, "the accounts are read together");
    for border in borders("txn") {
        assert!(
            seen.region(cluster.region_of(&border)) > 0,
            "no request to the region from {border}"
        );
    }
    assert_eq!(cluster.locks(), 0, "every transaction is finished");
}

#[test]
fn raw_operations_succeed_and_scans_cross_regions() {
    let cluster = cluster("raw");
    let ran = ran(
        &cluster,
        &[
            "--mode",
            "raw",
            "--operations",
            "1500",
            "--hot-keys",
            "1",
            "--hot-share",
            "0.3",
            "--mix",
            "read=40,write=40,scan=15,delete=5",
        ],
    );
    ran.is_good();
    assert_eq!(
        (ran.count("/operations"), ran.count("/failed")),
        (1_500, 0),
        "{}",
        ran.report
    );
    assert!(ran.count("/safety/counter_reads") > 0, "{}", ran.report);
    let seen = cluster.seen();
    let scans = |key: &str| {
        let region = cluster.region_of(key);
        seen.of(region, "RawScan") + seen.of(region, "RawBatchScan")
    };
    let first = scans("/load-raw/delivery/0000000000/00000000");
    let second = scans("/load-raw/delivery/0000000000/00000063");
    assert!(
        first > 0 && second > 0,
        "a scan of the hot user's messages asks two regions: {first} {second}"
    );
    assert!(
        seen.found > 100,
        "reads find what was written: {}",
        seen.found
    );
}

#[test]
fn a_raw_scan_in_the_last_region_ends() {
    // A new cluster has one region, which ends nowhere.
    let cluster = StandIn::start(Keys::Raw, &[]);
    let ran = ran(
        &cluster,
        &[
            "--mode",
            "raw",
            "--operations",
            "200",
            "--mix",
            "write=50,scan=50",
            "--timeout",
            "2s",
        ],
    );
    ran.is_good();
    assert_eq!(
        (ran.count("/operations"), ran.count("/failed")),
        (200, 0),
        "{}",
        ran.report
    );
    let seen = cluster.seen();
    let scans = seen.all("RawScan") + seen.all("RawBatchScan");
    assert!(scans <= 200, "each scan asks the one region once: {scans}");
}

#[test]
fn leaders_move_and_regions_split_without_an_error() {
    for mode in ["txn", "raw"] {
        let cluster = cluster(mode);
        let running = start(
            &cluster,
            &["--mode", mode, "--duration", "10m", "--rate", "300"],
        )
        .until(&cluster, "the load begins", |seen| {
            seen.answered.values().sum::<u64>() > 300
        });
        for round in 0..8_u32 {
            for border in borders(mode) {
                cluster.move_leader(&border);
            }
            cluster.split(&format!("/load-{mode}/delivery/00000001{round:02}"));
            cluster.split(&format!("/load-{mode}/bank/{:06}", 8 * round + 4));
            std::thread::sleep(Duration::from_millis(100));
        }
        let ran = running.stopped();
        ran.is_good();
        assert_eq!(ran.failed(), 0, "{}", ran.report);
        let refused = cluster.seen().refused;
        assert!(
            refused["not leader"] > 0 && refused["epoch not match"] > 0,
            "{refused:?}"
        );
    }
}

#[test]
fn transfers_that_collide_keep_the_sum_and_leave_no_locks() {
    let cluster = cluster("txn");
    // A transfer across a border is prepared in two requests, of which one may fail.
    cluster.split("/load-txn/bank-3/000001");
    cluster.split("/load-txn/bank-3/000002");
    let ran = ran(
        &cluster,
        &[
            "--operations",
            "400",
            "--accounts",
            "3",
            "--workers",
            "8",
            "--mix",
            "transfer=1",
        ],
    );
    ran.is_good();
    assert!(
        cluster.seen().conflicts > 0,
        "eight workers on three accounts collide"
    );
    let conflicts = ran.count("/failures/conflict/count");
    assert!(conflicts > 0, "{}", ran.report);
    // On a busy machine one of them may starve until its time is over, and what it had prepared lasts as long as its locks do.
    let late = ran.count("/failed") - conflicts;
    assert!(late <= 4, "{}", ran.report);
    assert!(
        late > 0 || cluster.locks() == 0,
        "what was not committed was rolled back"
    );
    assert!(
        ran.took < Duration::from_secs(35),
        "nobody waits for the locks of losers: {:?}",
        ran.took
    );
}

#[test]
fn a_busy_store_is_an_error_that_says_so_and_the_run_goes_on() {
    let cluster = cluster("raw");
    let running = start(
        &cluster,
        &["--mode", "raw", "--duration", "10m", "--rate", "200"],
    )
    .until(&cluster, "the load begins", |seen| seen.all("RawPut") > 20);
    cluster.make_busy(2, true);
    let running = running.until(&cluster, "a store refuses", |seen| {
        seen.refused.get("busy").is_some_and(|count| *count > 30)
    });
    cluster.make_busy(2, false);
    let ran = running.stopped();
    ran.is_good();
    assert!(ran.count("/failures/error/count") > 0, "{}", ran.report);
    let example = ran.report["failures"]["error"]["example"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        example,
        "the store is busy: the stand-in was told to be busy"
    );
}

#[test]
fn silent_stores_are_timeouts_and_the_run_ends_in_time() {
    for mode in ["txn", "raw"] {
        let cluster = cluster(mode);
        let running = start(
            &cluster,
            &[
                "--mode",
                mode,
                "--duration",
                "10m",
                "--timeout",
                "500ms",
                "--workers",
                "64",
            ],
        )
        .until(&cluster, "the load begins", |seen| {
            seen.answered.values().sum::<u64>() > 500
        });
        (1..=3).for_each(|store| cluster.silence_store(store, true));
        std::thread::sleep(Duration::from_millis(1_200));
        let ran = running.stopped();
        ran.is_good();
        assert!(ran.count("/failures/timeout/count") >= 64, "{}", ran.report);
        assert_eq!(
            ran.count("/failures/timeout/count"),
            ran.failed(),
            "{}",
            ran.report
        );
        assert!(ran.count("/safety/unanswered") > 0, "{}", ran.report);
        // One check of 64 counters after the other would take half a minute.
        assert!(ran.took < Duration::from_secs(10), "{mode}: {:?}", ran.took);
    }
}

#[test]
fn writes_that_come_late_are_no_violation() {
    let cluster = cluster("raw");
    let running = start(
        &cluster,
        &[
            "--mode",
            "raw",
            "--duration",
            "4s",
            "--timeout",
            "200ms",
            "--workers",
            "16",
            "--mix",
            "write=1",
            "--check-every",
            "20ms",
        ],
    )
    .until(&cluster, "the load begins", |seen| seen.all("RawPut") > 500);
    for _ in 0..4 {
        (1..=3).for_each(|store| cluster.silence_store(store, true));
        std::thread::sleep(Duration::from_millis(450));
        (1..=3).for_each(|store| cluster.silence_store(store, false));
        std::thread::sleep(Duration::from_millis(150));
    }
    let ran = running.ended();
    ran.is_good();
    assert!(ran.count("/failures/timeout/count") > 0, "{}", ran.report);
}

#[test]
fn another_leader_of_pd_is_found() {
    let cluster = cluster("txn");
    let running = start(&cluster, &["--duration", "10m", "--rate", "200"]).until(
        &cluster,
        "the load begins",
        |seen| seen.timestamps.get(&0).is_some_and(|count| *count > 100),
    );
    // The client does not look for a leader twice within a second.
    std::thread::sleep(Duration::from_millis(1_100));
    cluster.move_pd_leader(2);
    let running = running.until(&cluster, "the new leader is asked", |seen| {
        seen.timestamps.get(&2).is_some_and(|count| *count > 100)
    });
    let ran = running.stopped();
    ran.is_good();
}

#[test]
fn a_silent_pd_leader_is_timeouts_and_the_run_ends_in_time() {
    let cluster = cluster("txn");
    let running = start(&cluster, &["--duration", "10m", "--timeout", "500ms"]).until(
        &cluster,
        "the load begins",
        |seen| seen.timestamps.get(&0).is_some_and(|count| *count > 100),
    );
    cluster.silence_pd(0, true);
    std::thread::sleep(Duration::from_millis(1_200));
    let ran = running.stopped();
    ran.is_good();
    assert!(ran.count("/failures/timeout/count") > 0, "{}", ran.report);
    assert!(ran.took < Duration::from_secs(10), "{:?}", ran.took);
}

#[test]
fn one_silent_pd_does_not_hide_the_others() {
    let cluster = cluster("txn");
    cluster.silence_pd(2, true);
    let ran = ran(&cluster, &["--operations", "50", "--connect-timeout", "6s"]);
    ran.is_good();
    assert_eq!(ran.failed(), 0, "{}", ran.report);
}

#[test]
fn an_acknowledged_write_that_is_lost_ends_with_1_and_is_named() {
    for mode in ["txn", "raw"] {
        let cluster = cluster(mode);
        cluster.lie(Lie::LosesCounters);
        let violations = ran(
            &cluster,
            &["--mode", mode, "--operations", "400", "--mix", "write=1"],
        )
        .violations();
        assert!(
            violations.contains("counter") && violations.contains("was acknowledged"),
            "{violations}"
        );
        assert!(
            !violations.contains("the sum of"),
            "the bank is right: {violations}"
        );
    }
}

#[test]
fn half_a_transfer_ends_with_1_and_is_named() {
    let cluster = cluster("txn");
    let running = start(
        &cluster,
        &[
            "--duration",
            "10m",
            "--rate",
            "200",
            "--mix",
            "read=1,write=1,transfer=1",
        ],
    )
    .until(&cluster, "the accounts are opened", |seen| {
        seen.all("KvCommit") > 50
    });
    cluster.lie(Lie::TearsTransfers);
    let enough = cluster.seen().all("KvCommit") + 100;
    let running = running.until(&cluster, "money is moved", |seen| {
        seen.all("KvCommit") > enough
    });
    let violations = running.stopped().violations();
    assert!(
        violations.contains("the sum of 64 accounts is") && violations.contains("it must be 64000"),
        "{violations}"
    );
    assert!(
        !violations.contains("counter"),
        "the counters are right: {violations}"
    );
}

#[test]
fn hot_keys_are_hot_on_the_cluster_too() {
    let even = cluster("raw");
    let hot = cluster("raw");
    let usual = [
        "--mode",
        "raw",
        "--operations",
        "1500",
        "--zipf",
        "0",
        "--mix",
        "scan=1",
    ];
    ran(&even, &usual).is_good();
    ran(
        &hot,
        &[&usual[..], &["--hot-keys", "1", "--hot-share", "0.9"]].concat(),
    )
    .is_good();
    // Half of the scans are of messages; of those the hot user's begin in the region before the second border.
    let of_hot = |cluster: &StandIn| {
        cluster
            .seen()
            .region(cluster.region_of("/load-raw/delivery/0000000000/00000000"))
    };
    assert!(of_hot(&even) < 100, "{}", of_hot(&even));
    assert!(of_hot(&hot) > 500, "{}", of_hot(&hot));
}

#[test]
fn the_rate_is_kept() {
    let cluster = cluster("txn");
    let ran = ran(
        &cluster,
        &[
            "--duration",
            "3s",
            "--rate",
            "100",
            "--mix",
            "read=1",
            "--check-every",
            "1m",
        ],
    );
    ran.is_good();
    let told = ran.count("/operations");
    let served = cluster.seen().all("KvGet");
    // A slow machine does less than asked, never more; what the checks read comes on top.
    assert!((100..=300).contains(&told), "{told}");
    assert!(
        (told..=told + 64 + 100).contains(&served),
        "{told} reads were told, {served} were served"
    );
}

#[test]
fn an_interrupted_run_ends_at_once_with_a_report() {
    for signal in ["-INT", "-TERM"] {
        let cluster = cluster("txn");
        let running = start(&cluster, &["--duration", "10m", "--rate", "200"]).until(
            &cluster,
            "the load begins",
            |seen| seen.all("KvCommit") > 20,
        );
        running.signal(signal);
        let ran = running.ended();
        ran.is_good();
        assert!(ran.count("/operations") > 0, "{}", ran.report);
        assert_eq!(ran.report["interrupted"], true, "{}", ran.report);
    }
}

#[test]
fn who_stops_a_run_twice_does_not_wait_for_a_silent_cluster() {
    let cluster = cluster("raw");
    let running = start(
        &cluster,
        &["--mode", "raw", "--duration", "10m", "--timeout", "50s"],
    );
    let running = running.until(&cluster, "the load begins", |seen| seen.all("RawPut") > 20);
    (1..=3).for_each(|store| cluster.silence_store(store, true));
    running.signal("-INT");
    std::thread::sleep(Duration::from_millis(500));
    running.signal("-INT");
    let ran = running.ended();
    assert_eq!(ran.code, Some(130), "{}", ran.complaint);
    assert!(ran.complaint.contains("no report"), "{}", ran.complaint);
    assert!(ran.took < Duration::from_secs(20), "{:?}", ran.took);
}

#[test]
fn two_runs_at_the_same_time_do_not_accuse_each_other() {
    let cluster = cluster("txn");
    let arguments = [
        "--duration",
        "2s",
        "--rate",
        "200",
        "--mix",
        "transfer=1,write=1",
        "--accounts",
    ];
    let runs =
        ["16", "24"].map(|accounts| start(&cluster, &[&arguments[..], &[accounts]].concat()));
    for run in runs {
        run.ended().is_good();
    }
}

#[test]
fn a_second_run_on_the_same_cluster_is_safe_too() {
    for mode in ["txn", "raw"] {
        let cluster = cluster(mode);
        for _ in 0..2 {
            ran(
                &cluster,
                &[
                    "--mode",
                    mode,
                    "--operations",
                    "600",
                    "--mix",
                    "write=1",
                    "--check-every",
                    "5ms",
                ],
            )
            .is_good();
        }
    }
}

#[test]
fn locks_of_a_run_that_was_killed_delay_and_do_not_stop_the_next_one() {
    let cluster = cluster("txn");
    ran(&cluster, &["--operations", "50"]).is_good();
    let accounts = cluster.keys_of("/load-txn/bank");
    cluster.leave_lock(&accounts[0], &accounts[0]);
    cluster.leave_lock(&accounts[1], "/load-txn/never-prepared");
    let ran = ran(&cluster, &["--operations", "200", "--workers", "1"]);
    ran.is_good();
    assert_eq!(ran.count("/failed"), 0, "{}", ran.report);
    assert_eq!(cluster.locks(), 0);
}

#[test]
fn many_accounts_are_opened_on_a_slow_cluster() {
    let cluster = cluster("txn");
    cluster.slow_down(Duration::from_millis(5));
    let ran = ran(
        &cluster,
        &[
            "--operations",
            "20",
            "--accounts",
            "2000",
            "--timeout",
            "5s",
        ],
    );
    ran.is_good();
    assert_eq!(ran.count("/failed"), 0, "{}", ran.report);
}
