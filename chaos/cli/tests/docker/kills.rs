//! Injectors that are killed at random moments. `OPERATOR_CHAOS_KILLS=1000` asks for the long run.

use super::project::Project;
use operator_chaos_testkit::docker::machine::{pause, signal};
use std::time::{Duration, Instant};

/// What continuous integration can afford.
const KILLS: u64 = 24;

/// An injection takes less than this until it is active: moments are spread over all of it.
const MOMENT_MS_MAX: u64 = 900;

/// The promise.
const UNDONE_WITHIN: Duration = Duration::from_secs(30);

const FAULTS: &[&str] = &[
    "kill",
    "pause",
    "hang",
    "network-disconnect",
    "partition",
    "latency",
    "rate-limit",
    "cpu-stress",
    "memory-limit",
    "io-stress",
    "fd-exhaust",
    "read-only",
    "stop",
    "restart",
    "disk-fill",
];

#[expect(
    clippy::disallowed_methods,
    reason = "the promise is about real time, and the long run is asked for outside"
)]
pub(super) fn whenever_the_injector_dies_everything_is_undone(project: &Project<'_>) {
    let kills = std::env::var("OPERATOR_CHAOS_KILLS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(KILLS);
    let bystander = project.says("bystander-1", "{{.State.StartedAt}}");
    // A fixed sequence: a failure names its moment, and the next run meets it again.
    let mut chance = 0x9e37_79b9_7f4a_7c15_u64;
    let mut longest = Duration::ZERO;
    for number in 0..kills {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        let fault = FAULTS[usize::try_from(number).unwrap() % FAULTS.len()];
        let more: &[&str] = if fault == "disk-fill" {
            &["--set", "mib-max=16"]
        } else {
            &[]
        };
        let mut injector = project.inject(fault, more);
        let moment_ms = chance % MOMENT_MS_MAX;
        pause(Duration::from_millis(moment_ms));
        signal(injector.id(), "KILL");
        injector.wait().unwrap();
        let died = Instant::now();
        project.wait_until_clean(&format!("{fault}, injector killed after {moment_ms} ms"));
        longest = longest.max(died.elapsed());
        assert!(
            died.elapsed() < UNDONE_WITHIN,
            "{fault} after {moment_ms} ms: undone after {:?}",
            died.elapsed()
        );
    }
    assert_eq!(
        project.says("bystander-1", "{{.State.StartedAt}}"),
        bystander
    );
    eprintln!("{kills} injectors killed, everything undone, the slowest after {longest:?}");
}
