//! Which check notices which fault: the real components on the simulator, fault by fault.
//!
//! Each run of the tests plays a few faults. The whole matrix takes many minutes: `cargo xtask matrix` plays it and
//! writes the table into `docs/MATRIX.md`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a helper of a test fails the test, and says why one is skipped"
)]

mod play;
mod recovery;
mod table;

use operator_sim::fault::{self, Fault, Kind, Target};
use play::{Bench, Played};
use recovery::Course;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use table::Matrix;

/// Cards that are played side by side; each run is the same alone.
const THREADS: usize = 4;

/// One of each sort, short ones.
const BOUNDED: [&str; 5] = [
    "node-death",
    "slow-disk",
    "pd-follower-kill",
    "load-surge",
    "rolling-restart",
];

fn played(wanted: impl Fn(&Fault) -> bool) -> Option<(Bench, Vec<Played>)> {
    let bench = Bench::open()?;
    let playable = |fault: &&Fault| fault.runs_on(Target::Sim) && wanted(fault);
    let faults: Vec<&'static Fault> = fault::all().iter().filter(playable).collect();
    let next = AtomicUsize::new(0);
    let mut played: Vec<Played> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|_| scope.spawn(|| play_some(&bench, &faults, &next)))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    played.sort_by(|left, right| left.fault.id.cmp(&right.fault.id));
    Some((bench, played))
}

/// Plays one fault after the other until none is left.
fn play_some(bench: &Bench, faults: &[&'static Fault], next: &AtomicUsize) -> Vec<Played> {
    std::iter::from_fn(|| {
        faults
            .get(next.fetch_add(1, Ordering::Relaxed))
            .map(|fault| bench.play(fault))
    })
    .collect()
}

/// A person would be told of something that is in order, or has a ticket about it.
fn false_alarms(played: &[Played]) -> Vec<String> {
    let benign = || {
        played
            .iter()
            .filter(|played| played.fault.kind == Kind::Benign)
    };
    let alarms = benign().flat_map(|played| {
        played
            .alarms()
            .map(|check| format!("{}: {check}", played.fault.id))
    });
    let tickets = benign().flat_map(|played| {
        played
            .tickets
            .iter()
            .map(|title| format!("{}: {title}", played.fault.id))
    });
    alarms.chain(tickets).collect()
}

#[test]
fn faults_are_detected_and_healthy_events_are_not() {
    let Some((_, played)) = played(|fault| BOUNDED.contains(&fault.id.as_str())) else {
        return;
    };
    assert_eq!(played.len(), BOUNDED.len());
    assert_eq!(false_alarms(&played), Vec::<String>::new());
    for fault in played
        .iter()
        .filter(|played| played.fault.kind == Kind::Fault)
    {
        assert!(
            fault.alarms().next().is_some(),
            "nothing notices {}",
            fault.fault.id
        );
    }
}

#[test]
#[ignore = "plays every fault: cargo xtask matrix"]
#[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
fn the_whole_matrix() {
    let only = std::env::var("OPERATOR_MATRIX_CARDS").ok();
    let wanted = |fault: &Fault| {
        only.as_deref()
            .is_none_or(|ids| ids.split(',').any(|id| id == fault.id))
    };
    let Some((bench, played)) = played(wanted) else {
        return;
    };
    let matrix = Matrix::of(bench.declarations(), &played);
    let text = matrix.markdown();
    println!("{text}");
    if only.is_some() {
        return;
    }
    std::fs::write(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/MATRIX.md"),
        text,
    )
    .unwrap();
    assert_eq!(false_alarms(&played), Vec::<String>::new());
    assert_eq!(
        matrix.silent_checks(),
        Vec::<String>::new(),
        "checks that no fault makes fail"
    );
}

/// Faults whose residue looks like another fault: a thawed store whose peers still report it, stores that are back
/// while their regions have no leader yet, a PD leader change.
const RECOVERING: [&str; 3] = ["store-frozen", "two-stores-dead", "pd-leader-frozen"];

#[test]
fn a_ticket_keeps_its_cause_while_the_cluster_recovers() {
    let Some(bench) = Bench::open() else {
        return;
    };
    for fault in fault::all()
        .iter()
        .filter(|fault| RECOVERING.contains(&fault.id.as_str()))
    {
        let course = Course::of(&bench, fault);
        let told = course.told();
        assert_eq!(course.new_causes(), [""; 0], "{told}");
        assert_eq!(course.withheld, [""; 0], "{told}");
        assert_eq!(course.tickets(), 1, "{told}");
        assert!(course.recovers(), "{told}");
        let resolved_after_s = course.resolved_at_s().map(|at| at - course.undone_at_s);
        assert!(resolved_after_s.is_some_and(|after| after <= 130), "{told}");
    }
}

/// Prints what becomes of the ticket of every fault that is undone.
#[test]
#[ignore = "plays every fault and its recovery, for minutes"]
#[expect(clippy::disallowed_methods, reason = "tests have no configuration")]
fn every_recovery() {
    let only = std::env::var("OPERATOR_MATRIX_CARDS").ok();
    let wanted = |fault: &&Fault| {
        fault.kind == Kind::Fault
            && fault.runs_on(Target::Sim)
            && only
                .as_deref()
                .is_none_or(|ids| ids.split(',').any(|id| id == fault.id))
    };
    let bench = Bench::open().unwrap();
    let courses: Vec<Course> = fault::all()
        .iter()
        .filter(wanted)
        .map(|fault| Course::of(&bench, fault))
        .collect();
    for course in &courses {
        print!("{}", course.told());
    }
    let told = || courses.iter().filter(|course| course.tickets() > 0);
    let kept = told().filter(|course| course.new_causes().is_empty() && course.tickets() == 1);
    println!(
        "{} faults had a ticket; {} kept its cause and got no second one; {} explanations were withheld",
        told().count(),
        kept.count(),
        courses
            .iter()
            .map(|course| course.withheld.len())
            .sum::<usize>()
    );
}
