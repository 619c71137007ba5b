//! Files that change, come and go while the operator runs.

use super::*;

#[tokio::test]
async fn a_changed_file_takes_over_at_the_tick_boundary_with_its_state() {
    let old = module("1.0.0", "c", &[], remembers);
    let installed = Installed::with(&[("m.wasm", &old)]).await;
    assert_eq!(judge(&installed.set, 1).status, Status::Pass);
    std::fs::write(
        installed.path("m.wasm"),
        module("1.1.0", "c", &[], remembers).component(),
    )
    .unwrap();
    installed.set.prepare_changes().await;
    let before = installed.set.modules();
    let events = installed.set.commit_pending().await;
    match &events[..] {
        [
            SwapEvent::Swapped {
                from,
                to,
                restarted,
                ..
            },
        ] => {
            assert_eq!(before["fixture"], from.0);
            assert_eq!(installed.set.modules()["fixture"], to.0);
            assert!(restarted.is_empty());
        }
        other => panic!("{other:?}"),
    }
    // Had the state been lost, it would pass.
    assert_eq!(judge(&installed.set, 2).status, Status::Fail);
    assert!(installed.swap().await.is_empty(), "nothing changed since");
}

#[tokio::test]
async fn nothing_changes_before_the_tick_boundary() {
    let installed = Installed::with(&[("m.wasm", &module("1.0.0", "c", &[], passes("old")))]).await;
    std::fs::write(
        installed.path("m.wasm"),
        module("1.1.0", "c", &[], passes("new")).component(),
    )
    .unwrap();
    installed.set.prepare_changes().await;
    assert_eq!(judge(&installed.set, 1).reason, "old");
    installed.set.commit_pending().await;
    assert_eq!(judge(&installed.set, 2).reason, "new");
}

#[tokio::test]
async fn a_file_that_is_changed_back_before_the_tick_boundary_changes_nothing() {
    let old = module("1.0.0", "c", &[], passes("old"));
    let installed = Installed::with(&[("m.wasm", &old)]).await;
    std::fs::write(
        installed.path("m.wasm"),
        module("1.1.0", "c", &[], passes("new")).component(),
    )
    .unwrap();
    installed.set.prepare_changes().await;
    std::fs::write(installed.path("m.wasm"), old.component()).unwrap();
    assert!(installed.swap().await.is_empty());
    assert_eq!(judge(&installed.set, 1).reason, "old");
}

#[tokio::test]
async fn a_refusal_is_reported_even_if_the_files_are_looked_at_twice_before() {
    let installed = Installed::with(&[("m.wasm", &module("1.0.0", "c", &[], passes("old")))]).await;
    std::fs::write(installed.path("m.wasm"), "text").unwrap();
    installed.set.prepare_changes().await;
    assert_eq!(
        installed.swap().await.iter().map(label).collect::<Vec<_>>(),
        ["refused"]
    );
}

#[tokio::test]
async fn a_directory_that_disappears_takes_no_check_away() {
    let installed = Installed::with(&[("m.wasm", &module("1.0.0", "c", &[], passes("old")))]).await;
    std::fs::rename(
        installed.directory.path(),
        installed.directory.path().with_extension("away"),
    )
    .unwrap();
    assert!(installed.swap().await.is_empty());
    assert_eq!(judge(&installed.set, 1).reason, "old");
    std::fs::rename(
        installed.directory.path().with_extension("away"),
        installed.directory.path(),
    )
    .unwrap();
}

#[tokio::test]
async fn modules_that_came_from_memory_stay() {
    let set = set_of(&[("m", module("1.0.0", "c", &[], passes("ok")).component())])
        .await
        .unwrap();
    set.prepare_changes().await;
    assert!(set.commit_pending().await.is_empty());
    assert_eq!(judge(&set, 1).status, Status::Pass);
}

#[test]
fn the_stages_of_a_swap_can_move_between_threads() {
    fn is_send<T: Send>(_: &T) {}
    let prepare = CheckSet::prepare_changes;
    let commit = CheckSet::commit_pending;
    let _never_run = async |set: &CheckSet| {
        is_send(&prepare(set));
        is_send(&commit(set));
    };
}

#[tokio::test]
async fn files_that_come_and_go_come_and_go_as_modules() {
    let installed = Installed::with(&[("m.wasm", &module("1.0.0", "c", &[], passes("ok")))]).await;
    let events = installed
        .install(
            "n.wasm",
            &module("1.0.0", "d", &[], passes("ok")).component(),
        )
        .await;
    assert_eq!(events.iter().map(label).collect::<Vec<_>>(), ["added"]);
    assert_eq!(run_all(&installed.set, &snapshot(1, &[], &[])).len(), 2);
    std::fs::remove_file(installed.path("n.wasm")).unwrap();
    assert_eq!(
        installed.swap().await.iter().map(label).collect::<Vec<_>>(),
        ["removed"]
    );
    assert_eq!(run_all(&installed.set, &snapshot(2, &[], &[])).len(), 1);
}

#[tokio::test]
async fn a_file_that_cannot_take_part_is_refused_once_and_changes_nothing() {
    let old = module("1.0.0", "c", &[], passes("old"));
    let installed = Installed::with(&[("m.wasm", &old)]).await;
    for bytes in [
        &b"text"[..],
        &old.component()[..400],
        &operator_testkit::guest::declares("unreachable"),
    ] {
        let events = installed.install("m.wasm", bytes).await;
        assert_eq!(
            events.iter().map(label).collect::<Vec<_>>(),
            ["refused"],
            "{events:?}"
        );
        assert!(installed.swap().await.is_empty(), "it was refused before");
        assert_eq!(judge(&installed.set, 1).reason, "old");
    }
}

#[tokio::test]
async fn a_module_that_takes_the_check_of_another_is_refused() {
    let installed = Installed::with(&[("m.wasm", &module("1.0.0", "c", &[], passes("old")))]).await;
    let events = installed
        .install(
            "n.wasm",
            &module("2.0.0", "c", &[], passes("new")).component(),
        )
        .await;
    match &events[..] {
        [SwapEvent::Refused { reason, .. }] => {
            assert!(
                reason.contains("m.wasm") && reason.contains("n.wasm"),
                "{reason}"
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(judge(&installed.set, 1).reason, "old");
}

#[tokio::test]
async fn a_version_that_traps_on_the_old_state_is_refused() {
    let installed = Installed::with(&[("m.wasm", &module("1.0.0", "c", &[], remembers))]).await;
    judge(&installed.set, 1);
    let new = traps_in_migrate(invariant("2.0.0", &[("c", &[])], passes("new")));
    let events = installed.install("m.wasm", &new.component()).await;
    assert_eq!(events.iter().map(label).collect::<Vec<_>>(), ["refused"]);
    assert_eq!(
        judge(&installed.set, 2).status,
        Status::Fail,
        "the old version with its state"
    );
}

#[tokio::test]
async fn the_first_failure_on_probation_brings_the_old_version_back_within_the_tick() {
    let installed = Installed::with(&[("m.wasm", &module("1.0.0", "c", &[], remembers))]).await;
    judge(&installed.set, 1);
    let old = installed.set.modules();
    let events = installed
        .install("m.wasm", &module("2.0.0", "c", &[], traps).component())
        .await;
    assert_eq!(events.iter().map(label).collect::<Vec<_>>(), ["swapped"]);
    // The verdict of this very tick comes from the old version, with the old state.
    assert_eq!(judge(&installed.set, 2).status, Status::Fail);
    assert_eq!(installed.set.modules(), old);
    match &installed.set.commit_pending().await[..] {
        [SwapEvent::RolledBack { to, reason, .. }] => {
            assert_eq!(to.0, old["fixture"]);
            assert!(reason.starts_with("c: trapped"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert!(
        installed.swap().await.is_empty(),
        "the same file is not tried again"
    );
}

#[tokio::test]
async fn after_its_probation_a_failure_is_an_ordinary_strike() {
    let installed =
        Installed::with(&[("m.wasm", &module("1.0.0", "c", &["t"], passes("old")))]).await;
    // Traps as soon as it sees its table.
    installed
        .install("m.wasm", &module("2.0.0", "c", &["t"], traps).component())
        .await;
    for tick in 1..=10 {
        assert_eq!(
            run_all(&installed.set, &snapshot(tick, &[], &[]))[0].status,
            Status::Inconclusive
        );
    }
    assert!(
        judge(&installed.set, 11)
            .reason
            .starts_with("the check trapped")
    );
    assert!(installed.set.commit_pending().await.is_empty());
}

#[tokio::test]
async fn a_single_file_can_be_given_and_swapped_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("m.wasm");
    std::fs::write(&path, module("1.0.0", "c", &[], passes("old")).component()).unwrap();
    let engine = engine(0);
    let set = CheckSet::load(&engine, std::slice::from_ref(&path), ModuleConfigs::new())
        .await
        .unwrap();
    std::fs::write(&path, module("2.0.0", "c", &[], passes("new")).component()).unwrap();
    set.prepare_changes().await;
    assert_eq!(
        set.commit_pending()
            .await
            .iter()
            .map(label)
            .collect::<Vec<_>>(),
        ["swapped"]
    );
}

#[tokio::test]
async fn missing_files_and_directories_are_named() {
    let engine = Engine::new(&PluginLimits::default()).unwrap();
    let error = CheckSet::load(
        &engine,
        &[Path::new("/nonexistent/x.wasm").to_owned()],
        ModuleConfigs::new(),
    )
    .await;
    assert!(
        error
            .err()
            .unwrap()
            .to_string()
            .contains("/nonexistent/x.wasm")
    );
}
