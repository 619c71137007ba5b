//! Checks over several ticks: verdicts, state, quarantine, hot swap.

use super::*;
use operator_data::tables::Column;
use operator_data::{SeriesStore, Snapshot, Table};
use operator_model::{Digest, ObservationGap, Status, Tick, Timestamp, Topology};
use operator_plugin_host::PluginLimits;
use operator_testkit::guest::{
    Body, Guest, OutcomeParts, invariant, keeps_state, outcome, passes, traps_in_migrate, violation,
};
use std::path::Path;

mod directories;
mod failures;
mod swaps;
mod trust;
mod verdict_cache;

/// New versions count after this many ticks beside the old ones; without any they are not rehearsed either.
fn engine(shadow_ticks: u64) -> Engine {
    let rehearsal_snapshots = if shadow_ticks == 0 { 0 } else { 20 };
    Engine::new(&PluginLimits {
        shadow_ticks,
        rehearsal_snapshots,
        ..PluginLimits::default()
    })
    .unwrap()
}

fn snapshot(tick: u64, tables: &[&str], blind: &[(&str, &str)]) -> Arc<Snapshot> {
    let table = |name: &&str| {
        Table::from_columns(name, vec![("n", None, Column::Integers(vec![Some(1)]))]).unwrap()
    };
    let spot = |(source, reason): &(&str, &str)| ObservationGap {
        source: (*source).into(),
        entity: None,
        reason: (*reason).to_owned(),
    };
    Arc::new(Snapshot {
        tick: Tick(tick),
        taken_at: Timestamp(tick * 1_000),
        host_at: Timestamp(tick * 1_000),
        subject: "test".to_owned(),
        system: String::new(),
        tables: tables
            .iter()
            .map(|name| ((*name).to_owned(), Arc::new(table(name))))
            .collect(),
        past: Vec::new(),
        series: Arc::new(SeriesStore::default()),
        topology: Topology::default(),
        blind: blind.iter().map(spot).collect(),
        hash: Digest(String::new()),
    })
}

/// A module with one check.
fn module(
    version: &str,
    check: &str,
    tables: &[&str],
    body: impl FnOnce(&mut Guest) -> Body,
) -> Guest {
    keeps_state(invariant(version, &[(check, tables)], body))
}

async fn set_of(modules: &[(&str, Vec<u8>)]) -> Result<CheckSet, CheckSetError> {
    let modules = modules
        .iter()
        .map(|(name, bytes)| ((*name).to_owned(), bytes.clone()))
        .collect();
    CheckSet::from_modules(&engine(0), modules, ModuleConfigs::new()).await
}

fn judge(checks: &CheckSet, tick: u64) -> Verdict {
    let mut verdicts = run_all(checks, &snapshot(tick, &["t"], &[]));
    assert_eq!(verdicts.len(), 1);
    verdicts.remove(0)
}

/// Traps.
fn traps(_: &mut Guest) -> Body {
    "unreachable".to_owned()
}

/// Fails with one violation.
fn fails(guest: &mut Guest) -> Body {
    let violations = [violation(guest, "store/4", 1), 1];
    let parts = OutcomeParts {
        status: 1,
        violations,
        ..OutcomeParts::default()
    };
    format!("(i32.const {})", outcome(guest, &parts))
}

/// Passes when it has no state, and fails when it has; always leaves state.
fn remembers(guest: &mut Guest) -> Body {
    let state = Some(guest.text("seen"));
    let first = outcome(
        guest,
        &OutcomeParts {
            state,
            ..OutcomeParts::default()
        },
    );
    let violations = [violation(guest, "store/4", 1), 1];
    let later = outcome(
        guest,
        &OutcomeParts {
            status: 1,
            violations,
            state,
            ..OutcomeParts::default()
        },
    );
    format!(
        "(if (result i32) (local.get $has_state) (then (i32.const {later})) (else (i32.const {first})))"
    )
}

#[tokio::test]
async fn verdicts_are_sorted_by_check_and_carry_the_declaration() {
    let modules = [
        ("z", module("1.0.0", "alpha", &[], fails).component()),
        ("a", module("1.0.0", "omega", &[], passes("ok")).component()),
    ];
    let verdicts = run_all(&set_of(&modules).await.unwrap(), &snapshot(1, &[], &[]));
    let said: Vec<_> = verdicts
        .iter()
        .map(|verdict| (verdict.check.as_str(), verdict.status))
        .collect();
    assert_eq!(said, [("alpha", Status::Fail), ("omega", Status::Pass)]);
    assert_eq!(verdicts[0].violations[0].entity.as_str(), "store/4");
    assert_eq!(
        (verdicts[0].claim.as_str(), verdicts[0].module.as_str()),
        ("all is well", "fixture")
    );
    assert!(verdicts[0].fuel > 0);
}

#[tokio::test]
async fn the_same_snapshot_gives_the_same_verdicts_whatever_the_threads_do() {
    let checks: Vec<String> = (0..20).map(|number| format!("c{number:02}")).collect();
    let declared: Vec<(&str, &[&str])> = checks
        .iter()
        .map(|check| (check.as_str(), &[][..]))
        .collect();
    let bytes = keeps_state(invariant("1.0.0", &declared, fails)).component();
    let set = set_of(&[("m", bytes)]).await.unwrap();
    let snapshot = snapshot(1, &[], &[]);
    let first = run_all(&set, &snapshot);
    assert_eq!(first.len(), 20);
    for _ in 0..20 {
        assert_eq!(run_all(&set, &snapshot), first);
    }
}

#[tokio::test]
async fn without_its_table_a_check_is_inconclusive_for_the_reason_of_the_blindness() {
    let set = set_of(&[("m", module("1.0.0", "c", &["stores"], traps).component())])
        .await
        .unwrap();
    let reason = |blind: &[(&str, &str)]| {
        let verdict = run_all(&set, &snapshot(1, &[], blind)).remove(0);
        assert_eq!((verdict.status, verdict.fuel), (Status::Inconclusive, 0));
        verdict.reason
    };
    assert_eq!(reason(&[]), "table stores was not observed");
    assert_eq!(
        reason(&[("table:stores", "timeout")]),
        "table stores was not observed: timeout"
    );
    assert_eq!(
        reason(&[("subject:x", "it trapped")]),
        "table stores was not observed: it trapped"
    );
    assert_eq!(
        reason(&[("table:other", "timeout")]),
        "table stores was not observed"
    );
}

#[tokio::test]
async fn a_trap_is_inconclusive_and_leaves_the_other_checks_alone() {
    let modules = [
        ("bad", module("1.0.0", "bad", &[], traps).component()),
        (
            "good",
            module("1.0.0", "good", &[], passes("ok")).component(),
        ),
    ];
    let verdicts = run_all(&set_of(&modules).await.unwrap(), &snapshot(1, &[], &[]));
    assert_eq!(verdicts[0].status, Status::Inconclusive);
    assert!(
        verdicts[0]
            .reason
            .starts_with("the check trapped: wasm `unreachable`"),
        "{}",
        verdicts[0].reason
    );
    assert_eq!(verdicts[1].status, Status::Pass);
}

#[tokio::test]
async fn state_is_handed_to_the_next_tick_of_the_same_check() {
    let set = set_of(&[("m", module("1.0.0", "c", &[], remembers).component())])
        .await
        .unwrap();
    assert_eq!(judge(&set, 1).status, Status::Pass);
    assert_eq!(judge(&set, 2).status, Status::Fail);
}

#[tokio::test]
async fn three_strikes_lead_to_quarantine_which_is_never_a_pass() {
    let set = set_of(&[("m", module("1.0.0", "c", &[], traps).component())])
        .await
        .unwrap();
    let reasons: Vec<String> = (1..=5).map(|tick| judge(&set, tick).reason).collect();
    assert!(
        reasons[..3]
            .iter()
            .all(|reason| reason.starts_with("the check trapped")),
        "{reasons:?}"
    );
    assert!(
        reasons[3].starts_with("in quarantine until tick 4 because it kept failing: trapped"),
        "{reasons:?}"
    );
    assert!(reasons[4].starts_with("the check trapped"), "{reasons:?}");
    let quarantines = set.take_quarantines();
    let said: Vec<_> = quarantines
        .iter()
        .map(|quarantine| (quarantine.check.as_str(), quarantine.until))
        .collect();
    assert_eq!(said, [("c", Tick(4)), ("c", Tick(7))]);
    assert!(set.take_quarantines().is_empty());
}

#[tokio::test]
async fn two_modules_with_one_check_id_are_an_error_that_names_both() {
    let bytes = module("1.0.0", "c", &[], passes("ok")).component();
    let error = set_of(&[("one.wasm", bytes.clone()), ("two.wasm", bytes)])
        .await
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "the check c is declared by both one.wasm and two.wasm: remove one of them"
    );
}

#[tokio::test]
async fn all_modules_that_cannot_be_loaded_are_reported_at_once() {
    let error = set_of(&[
        ("one.wasm", b"text".to_vec()),
        ("two.wasm", operator_testkit::guest::core_module()),
    ])
    .await;
    let text = error.err().unwrap().to_string();
    assert!(
        text.contains("one.wasm") && text.contains("two.wasm"),
        "{text}"
    );
}

/// A directory with modules, and the set that was loaded from it.
struct Installed {
    directory: tempfile::TempDir,
    set: CheckSet,
}

impl Installed {
    async fn with(modules: &[(&str, &Guest)]) -> Self {
        Self::shadowed(modules, 0).await
    }

    /// New versions run beside the old ones for some ticks first.
    async fn shadowed(modules: &[(&str, &Guest)], shadow_ticks: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        for (name, guest) in modules {
            std::fs::write(directory.path().join(name), guest.component()).unwrap();
        }
        let engine = engine(shadow_ticks);
        let sources = [directory.path().to_owned()];
        let set = CheckSet::load(&engine, &sources, ModuleConfigs::new())
            .await
            .unwrap();
        Self { directory, set }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join(name)
    }

    /// Puts a file in place by renaming, as a deployment does, and swaps.
    async fn install(&self, name: &str, bytes: &[u8]) -> Vec<SwapEvent> {
        let aside = self.path("new.part");
        std::fs::write(&aside, bytes).unwrap();
        std::fs::rename(&aside, self.path(name)).unwrap();
        self.swap().await
    }

    async fn swap(&self) -> Vec<SwapEvent> {
        self.set.prepare_changes().await;
        self.set.commit_pending().await
    }
}

fn label(event: &SwapEvent) -> &'static str {
    match event {
        SwapEvent::Added { .. } => "added",
        SwapEvent::Swapped { .. } => "swapped",
        SwapEvent::RolledBack { .. } => "rolled-back",
        SwapEvent::Removed { .. } => "removed",
        SwapEvent::Refused { .. } => "refused",
    }
}
