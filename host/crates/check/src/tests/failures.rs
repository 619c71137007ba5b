//! Checks that fail, what is said about it, and how they come back.

use super::*;
use operator_model::PluginFault;

/// Traps before this tick and passes from it on.
fn traps_before(tick: u64) -> impl FnOnce(&mut Guest) -> Body {
    move |guest| {
        guest.with(
            r#"(import "operator:check/snapshots@0.2.0" "[method]snapshot.tick" (func $tick (param i32) (result i64)))"#,
        );
        let passes = passes("ok")(guest);
        format!(
            "(if (i64.lt_u (call $tick (local.get $snapshot)) (i64.const {tick})) (then unreachable)) {passes}"
        )
    }
}

#[tokio::test]
async fn after_a_quarantine_the_first_answer_is_looked_at_and_the_second_one_counts() {
    let set = set_of(&[("m", module("1.0.0", "c", &[], traps_before(5)).component())])
        .await
        .unwrap();
    let verdicts: Vec<Verdict> = (1..=6).map(|tick| judge(&set, tick)).collect();
    let statuses: Vec<Status> = verdicts.iter().map(|verdict| verdict.status).collect();
    assert_eq!(statuses[..5], [Status::Inconclusive; 5]);
    assert!(
        verdicts[3].reason.starts_with("in quarantine until tick 4"),
        "{}",
        verdicts[3].reason
    );
    assert!(
        verdicts[4]
            .reason
            .starts_with("half-open after its quarantine: the result was pass"),
        "{}",
        verdicts[4].reason
    );
    assert!(verdicts[4].fuel > 0, "it was not run");
    assert_eq!(statuses[5], Status::Pass);
}

#[tokio::test]
async fn a_module_is_in_trouble_from_its_quarantine_until_it_has_answered() {
    let set = set_of(&[("m", module("1.0.0", "c", &[], traps_before(5)).component())])
        .await
        .unwrap();
    let in_trouble: Vec<usize> = (1..=6)
        .map(|tick| {
            judge(&set, tick);
            set.troubles().len()
        })
        .collect();
    assert_eq!(in_trouble, [0, 0, 1, 1, 0, 0]);
}

#[tokio::test]
async fn a_fault_names_code_place_tick_and_inputs() {
    let set = set_of(&[("m", module("1.0.0", "c", &[], traps).component())])
        .await
        .unwrap();
    (1..=3).for_each(|tick| drop(judge(&set, tick)));
    let trouble = set.troubles().remove(0);
    let PluginFault {
        module,
        digest,
        check,
        tick,
        kind,
        function,
        fuel,
        config,
        state,
        hint,
        ..
    } = trouble.faults[0].clone();
    assert_eq!(
        (module.as_str(), check.as_str(), tick, kind.as_str()),
        ("fixture", "c", Tick(3), "trap")
    );
    assert_eq!(Some(&digest.0), set.modules().get("fixture"));
    assert_eq!(function.as_deref(), Some("fixture!evaluate"));
    // sha256 of `{}`.
    assert!(config.as_str().starts_with("44136fa355b3"), "{config}");
    assert_eq!(state, None);
    assert!(fuel > 0 && hint.contains("panic"), "{fuel} {hint}");
    let told = set.take_quarantines().remove(0).fault.unwrap().to_string();
    assert!(
        told.contains("fixture!evaluate") && told.contains("tick 3"),
        "{told}"
    );
}

#[tokio::test]
async fn only_the_check_that_fails_is_in_trouble() {
    let modules = [
        ("bad", module("1.0.0", "bad", &[], traps).component()),
        (
            "good",
            module("1.0.0", "good", &[], passes("ok")).component(),
        ),
    ];
    let set = set_of(&modules).await.unwrap();
    for tick in 1..=5 {
        let verdicts = run_all(&set, &snapshot(tick, &["t"], &[]));
        assert_eq!(verdicts[1].status, Status::Pass);
    }
    let faults: Vec<String> = set
        .troubles()
        .remove(0)
        .faults
        .into_iter()
        .map(|fault| fault.check.0)
        .collect();
    assert_eq!(faults, ["bad"]);
}
