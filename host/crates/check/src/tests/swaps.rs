//! What a candidate must get through, and what it cannot get through.

use super::*;
use operator_model::CheckId;
use operator_testkit::guest::{cell, violation_with};

/// Fails, with the cell `n` of its table's first row as evidence.
fn fails_on_one(guest: &mut Guest) -> Body {
    let evidence = cell(guest, "t", 0, "n");
    let violations = [violation_with(guest, "store/4", &[evidence]), 1];
    let parts = OutcomeParts {
        status: 1,
        violations,
        ..OutcomeParts::default()
    };
    format!("(i32.const {})", outcome(guest, &parts))
}

/// A snapshot that remembers the tables of the tick before, which were the same.
fn with_past(tick: u64) -> Arc<Snapshot> {
    let now = snapshot(tick, &["t"], &[]);
    Arc::new(Snapshot {
        past: vec![Arc::new(now.tables.clone())],
        ..Snapshot::clone(&now)
    })
}

fn reasons(set: &CheckSet, ticks: std::ops::RangeInclusive<u64>) -> Vec<String> {
    ticks.map(|tick| judge(set, tick).reason).collect()
}

#[tokio::test]
async fn a_candidate_runs_beside_the_old_version_before_it_counts() {
    let installed =
        Installed::shadowed(&[("m.wasm", &module("1.0.0", "c", &[], passes("old")))], 2).await;
    let new = module("1.1.0", "c", &[], passes("new"));
    assert!(
        installed
            .install("m.wasm", &new.component())
            .await
            .is_empty(),
        "it shadows, and nothing has changed"
    );
    assert_eq!(reasons(&installed.set, 1..=2), ["old", "old"]);
    let events = installed.set.commit_pending().await;
    assert_eq!(events.iter().map(label).collect::<Vec<_>>(), ["swapped"]);
    assert_eq!(reasons(&installed.set, 3..=4), ["new", "new"]);
}

#[tokio::test]
async fn a_candidate_that_fails_in_the_shadow_never_counts() {
    let installed =
        Installed::shadowed(&[("m.wasm", &module("1.0.0", "c", &[], passes("old")))], 2).await;
    let old = installed.set.modules();
    installed
        .install("m.wasm", &module("1.1.0", "c", &[], traps).component())
        .await;
    assert_eq!(reasons(&installed.set, 1..=1), ["old"]);
    match &installed.set.take_events()[..] {
        [SwapEvent::Refused { reason, .. }] => {
            assert!(reason.contains("c: trapped"), "{reason}")
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(reasons(&installed.set, 2..=4), ["old", "old", "old"]);
    assert_eq!(installed.set.modules(), old);
}

#[tokio::test]
async fn what_will_be_judged_otherwise_is_told_with_the_swap_and_stays() {
    let installed =
        Installed::shadowed(&[("m.wasm", &module("1.0.0", "c", &[], passes("old")))], 1).await;
    installed
        .install(
            "m.wasm",
            &module("1.1.0", "c", &["t"], fails_on_one).component(),
        )
        .await;
    assert_eq!(
        run_all(&installed.set, &with_past(1))[0].status,
        Status::Pass
    );
    match &installed.set.commit_pending().await[..] {
        [
            SwapEvent::Swapped {
                differs, versions, ..
            },
        ] => {
            assert_eq!(differs, &[CheckId::from("c")]);
            assert_eq!(versions, &("1.0.0".to_owned(), "1.1.0".to_owned()));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        run_all(&installed.set, &with_past(2))[0].status,
        Status::Fail
    );
    assert!(installed.set.take_events().is_empty());
}

#[tokio::test]
async fn a_flip_to_fail_without_changed_evidence_brings_the_old_version_back_within_the_tick() {
    let installed = Installed::with(&[("m.wasm", &module("1.0.0", "c", &[], passes("old")))]).await;
    let events = installed
        .install(
            "m.wasm",
            &module("1.1.0", "c", &["t"], fails_on_one).component(),
        )
        .await;
    assert_eq!(
        events.iter().map(label).collect::<Vec<_>>(),
        ["swapped"],
        "no shadow, so nothing was told"
    );
    assert_eq!(run_all(&installed.set, &with_past(1))[0].reason, "old");
    match &installed.set.take_events()[..] {
        [SwapEvent::RolledBack { reason, .. }] => {
            assert!(reason.contains("none of its evidence"), "{reason}")
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_flip_to_fail_with_evidence_that_is_new_stays() {
    let installed = Installed::with(&[("m.wasm", &module("1.0.0", "c", &[], passes("old")))]).await;
    installed
        .install(
            "m.wasm",
            &module("1.1.0", "c", &["t"], fails_on_one).component(),
        )
        .await;
    // Nothing is known of the tick before.
    assert_eq!(judge(&installed.set, 1).status, Status::Fail);
    assert!(installed.set.take_events().is_empty());
}

#[tokio::test]
async fn a_candidate_is_rehearsed_on_what_was_seen_lately() {
    let installed = Installed::shadowed(
        &[("m.wasm", &module("1.0.0", "c", &["t"], passes("old")))],
        1,
    )
    .await;
    judge(&installed.set, 1);
    let events = installed
        .install("m.wasm", &module("1.1.0", "c", &["t"], traps).component())
        .await;
    match &events[..] {
        [SwapEvent::Refused { reason, .. }] => {
            assert!(
                reason.starts_with("rehearsed on 1 snapshots, tick 1: c: it trapped"),
                "{reason}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_version_that_drops_a_check_must_say_so_with_its_version() {
    let two = keeps_state(invariant("1.0.0", &[("c", &[]), ("d", &[])], passes("old")));
    let installed = Installed::with(&[("m.wasm", &two)]).await;
    let events = installed
        .install(
            "m.wasm",
            &module("1.1.0", "c", &[], passes("new")).component(),
        )
        .await;
    match &events[..] {
        [SwapEvent::Refused { reason, .. }] => {
            assert!(reason.contains("no longer declares d"), "{reason}")
        }
        other => panic!("{other:?}"),
    }
    let events = installed
        .install(
            "m.wasm",
            &module("2.0.0", "c", &[], passes("new")).component(),
        )
        .await;
    assert_eq!(events.iter().map(label).collect::<Vec<_>>(), ["swapped"]);
    assert_eq!(judge(&installed.set, 1).reason, "new");
}

#[tokio::test]
async fn a_changed_configuration_is_another_version() {
    let installed =
        Installed::with(&[("m.wasm", &module("1.0.0", "c", &[], passes("same")))]).await;
    std::fs::write(installed.path("m.json"), r#"{"limit": 3}"#).unwrap();
    match &installed.swap().await[..] {
        [SwapEvent::Swapped { from, to, .. }] => assert_eq!(from, to),
        other => panic!("{other:?}"),
    }
    assert_eq!(installed.set.loaded()[0].config, r#"{"limit":3}"#);
    assert!(installed.swap().await.is_empty());
    std::fs::write(installed.path("m.json"), "not json").unwrap();
    assert_eq!(
        installed.swap().await.iter().map(label).collect::<Vec<_>>(),
        ["refused"]
    );
    assert_eq!(installed.set.loaded()[0].config, r#"{"limit":3}"#);
}

#[tokio::test]
async fn a_person_can_swap_a_module_and_go_back() {
    let installed = Installed::with(&[("m.wasm", &module("1.0.0", "c", &[], remembers))]).await;
    assert_eq!(judge(&installed.set, 1).status, Status::Pass);
    let new = installed.path("elsewhere.part");
    std::fs::write(&new, module("1.1.0", "c", &[], remembers).component()).unwrap();
    let proposed = installed
        .set
        .propose_version("fixture", &new, None)
        .await
        .unwrap();
    assert_eq!(proposed.version, "1.1.0");
    assert_eq!(
        installed
            .set
            .commit_pending()
            .await
            .iter()
            .map(label)
            .collect::<Vec<_>>(),
        ["swapped"]
    );
    assert!(
        installed.swap().await.is_empty(),
        "its own file is as it was, and does not come back by itself"
    );
    assert_eq!(judge(&installed.set, 2).status, Status::Fail);
    assert_eq!(
        installed.set.propose_rollback("m").unwrap().version,
        "1.0.0"
    );
    assert_eq!(
        installed
            .set
            .commit_pending()
            .await
            .iter()
            .map(label)
            .collect::<Vec<_>>(),
        ["rolled-back"]
    );
    assert_eq!(
        judge(&installed.set, 3).status,
        Status::Fail,
        "with the state that the newer version left"
    );
}

#[tokio::test]
async fn a_request_that_cannot_be_followed_says_why() {
    let installed = Installed::with(&[("m.wasm", &module("1.0.0", "c", &[], passes("old")))]).await;
    let error = installed
        .set
        .propose_version("fixtur", &installed.path("m.wasm"), None)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "no check plugin named \"fixtur\"; did you mean fixture? Available: fixture"
    );
    let error = installed
        .set
        .propose_version("fixture", &installed.path("m.wasm"), None)
        .await
        .unwrap_err();
    assert_eq!(error, SwapRefused::Unchanged("fixture".to_owned()));
    let error = installed.set.propose_rollback("fixture").unwrap_err();
    assert_eq!(error, SwapRefused::NoVersionBefore("fixture".to_owned()));
    let error = installed
        .set
        .propose_version("fixture", &installed.path("gone.wasm"), None)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("gone.wasm"), "{error}");
}
