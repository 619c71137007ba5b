//! Faults in real containers: each one's effect is measured inside, then its absence; then injectors are killed at random.
//!
//! Needs root, dockerd and busybox. A dockerd of our own is started for the test, in directories of its own and without
//! touching the machine's packet rules, and is ended by its process id. Where that does not work, the test says so
//! and passes: not every machine may run containers.
#![expect(clippy::print_stderr, reason = "a test that skips must be heard")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test fails the test"
)]

mod effects;
mod kills;
mod project;

use operator_chaos_testkit::docker::daemon::Daemon;
use project::Project;

/// One test, because there is one dockerd: faults of one part would disturb the others.
#[test]
fn faults_hit_only_their_target_and_are_always_undone() {
    let daemon = match Daemon::start() {
        Ok(daemon) => daemon,
        Err(why) => {
            eprintln!(
                "SKIPPED: no containers on this machine, so no fault in Docker was tested: {why}"
            );
            return;
        }
    };
    let project = Project::create(&daemon);
    effects::nothing_happens_to_who_is_not_armed(&project);
    project
        .chaos(&["arm", "--project", project::NAME, "--for", "1h"])
        .unwrap();
    effects::a_disk_that_others_use_is_not_filled_further_than_it_may(&project);
    effects::each_fault_is_felt_and_goes(&project);
    effects::a_signal_undoes_at_once(&project);
    effects::a_dead_watchdog_ends_the_fault(&project);
    effects::what_both_left_is_undone_at_the_next_start(&project);
    kills::whenever_the_injector_dies_everything_is_undone(&project);
    project
        .chaos(&["disarm", "--project", project::NAME])
        .unwrap();
    effects::nothing_happens_to_who_is_not_armed(&project);
}
