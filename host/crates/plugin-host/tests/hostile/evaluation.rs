//! Checks that do the wrong thing when they are asked.

mod outcomes;

use super::{limits, limits_with, snapshot};
use operator_data::Table;
use operator_data::tables::Column;
use operator_model::Status;
use operator_plugin_host::{
    Engine, Evaluated, InvariantModule, Outcome, PluginFailure, PluginLimits,
};
use operator_testkit::guest::{
    Body, Guest, OutcomeParts, invariant, keeps_state, one_check, outcome, passes, violation,
    with_wasi,
};

const LOOP: &str = "(loop $for_ever (br $for_ever)) unreachable";

async fn evaluate_within(
    limits: &PluginLimits,
    tables: Vec<Table>,
    body: impl FnOnce(&mut Guest) -> Body,
) -> Evaluated {
    let engine = Engine::new(limits).unwrap();
    let module = InvariantModule::load(&engine, "x.wasm", &one_check(body), "{}")
        .await
        .unwrap();
    module
        .evaluate(&module.checks()[0], &snapshot(tables), None)
        .await
}

async fn evaluate(body: impl FnOnce(&mut Guest) -> Body) -> Result<Outcome, PluginFailure> {
    evaluate_within(&limits(), Vec::new(), body).await.result
}

async fn failure_of(body: impl FnOnce(&mut Guest) -> Body) -> PluginFailure {
    evaluate(body).await.unwrap_err()
}

/// Answers with these parts.
async fn answering(
    parts: impl FnOnce(&mut Guest) -> OutcomeParts,
) -> Result<Outcome, PluginFailure> {
    evaluate(|guest| {
        let parts = parts(guest);
        format!("(i32.const {})", outcome(guest, &parts))
    })
    .await
}

#[tokio::test]
async fn a_well_behaved_check_passes_and_costs_the_same_every_time() {
    let one = evaluate_within(&limits(), Vec::new(), passes("2 looked at")).await;
    let other = evaluate_within(&limits(), Vec::new(), passes("2 looked at")).await;
    let outcome = one.result.unwrap();
    assert_eq!(
        (outcome.status, outcome.reason.as_str()),
        (Status::Pass, "2 looked at")
    );
    assert!(one.fuel > 0);
    assert_eq!(one.fuel, other.fuel);
}

#[tokio::test]
async fn an_endless_loop_runs_out_of_fuel() {
    match failure_of(|_| LOOP.to_owned()).await {
        PluginFailure::OutOfFuel { limit, place } => {
            assert_eq!(limit, limits().check.fuel);
            assert_eq!(place.function.as_deref(), Some("fixture!evaluate"));
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_endless_loop_with_endless_fuel_is_stopped_by_the_clock() {
    let limits =
        limits_with(|limits| (limits.check.fuel, limits.check.deadline_ms) = (u64::MAX, 500));
    let failure = evaluate_within(&limits, Vec::new(), |_| LOOP.to_owned())
        .await
        .result
        .unwrap_err();
    assert!(
        matches!(failure, PluginFailure::Deadline { limit_ms: 500, .. }),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_trap_says_what_and_where() {
    let failure = failure_of(|_| "unreachable".to_owned()).await;
    assert_eq!(
        failure.to_string(),
        "trapped: wasm `unreachable` instruction executed in fixture!evaluate"
    );
    assert!(failure.is_strike());
    let failure = failure_of(|_| "(i32.div_u (i32.const 1) (i32.const 0))".to_owned()).await;
    assert!(failure.to_string().contains("divide by zero"), "{failure}");
}

#[tokio::test]
async fn endless_recursion_ends() {
    let failure = failure_of(|guest| {
        guest.with("(func $down (param i32) (result i32) (i32.add (i32.const 1) (call $down (local.get 0))))");
        "(call $down (i32.const 0))".to_owned()
    })
    .await;
    assert!(
        failure.to_string().contains("call stack exhausted"),
        "{failure}"
    );
}

#[tokio::test]
async fn memory_that_grows_without_end_is_stopped_at_the_limit() {
    let failure = failure_of(|_| {
        "(loop $grow (drop (memory.grow (i32.const 16))) (br $grow)) unreachable".to_owned()
    })
    .await;
    match failure {
        PluginFailure::Memory {
            wanted_bytes,
            limit_bytes,
            ..
        } => {
            assert_eq!(limit_bytes, limits().check.memory_bytes_max);
            assert!(wanted_bytes > limit_bytes && wanted_bytes - limit_bytes <= 16 << 16);
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_table_of_functions_that_grows_without_end_is_stopped() {
    let failure = failure_of(|guest| {
        guest.with("(table $t 1 funcref)");
        "(loop $grow (drop (table.grow $t (ref.null func) (i32.const 9000))) (br $grow)) unreachable".to_owned()
    })
    .await;
    assert!(
        matches!(failure, PluginFailure::TableElements { limit: 40_000, .. }),
        "{failure:?}"
    );
}

#[tokio::test]
async fn handles_that_are_never_dropped_run_out() {
    let failure = failure_of(|guest| {
        guest.with(r#"(import "operator:tables/tables@0.2.0" "[constructor]builder" (func $builder (param i32 i32 i32 i32) (result i32)))"#);
        "(loop $leak (drop (call $builder (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))) (br $leak)) unreachable"
            .to_owned()
    })
    .await;
    assert!(
        matches!(failure, PluginFailure::Handles { limit: 1_024, .. }),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_flood_of_log_lines_changes_nothing() {
    let outcome = evaluate(|guest| {
        guest.with(r#"(import "operator:telemetry/log@0.2.0" "emit" (func $emit (param i32 i32 i32 i32 i32)))"#);
        let text = guest.text("\u{1b}[2J spam");
        let call = format!(
            "(call $emit (i32.const 4) (i32.const {}) (i32.const {}) (i32.const 0) (i32.const 0))",
            text[0], text[1]
        );
        let answer = passes("ok")(guest);
        format!(
            "(local $i i32) (loop $more {call} (local.set $i (i32.add (local.get $i) (i32.const 1)))
                (br_if $more (i32.lt_u (local.get $i) (i32.const 10000)))) {answer}"
        )
    });
    assert_eq!(outcome.await.unwrap().reason, "ok");
}

#[tokio::test]
async fn more_data_than_may_cross_in_one_call_is_refused() {
    let limits = limits_with(|limits| limits.check.hostcall_bytes_max = 1_000);
    let failure = evaluate_within(&limits, Vec::new(), |guest| {
        let parts = OutcomeParts {
            reason: [0, 200_000],
            ..OutcomeParts::default()
        };
        format!("(i32.const {})", outcome(guest, &parts))
    });
    let failure = failure.await.result.unwrap_err();
    assert!(
        matches!(
            failure,
            PluginFailure::HostcallBytes {
                limit_bytes: 1_000,
                ..
            }
        ),
        "{failure:?}"
    );
}

#[tokio::test]
async fn texts_and_lists_outside_of_the_memory_are_refused() {
    for parts in [
        OutcomeParts {
            reason: [0, u32::MAX],
            ..OutcomeParts::default()
        },
        OutcomeParts {
            passed: [0xffff_fff0, 9],
            ..OutcomeParts::default()
        },
        OutcomeParts {
            state: Some([1, 1 << 30]),
            ..OutcomeParts::default()
        },
    ] {
        let failure = answering(|_| parts).await.unwrap_err();
        assert!(
            matches!(
                failure,
                PluginFailure::Trap { .. } | PluginFailure::HostcallBytes { .. }
            ),
            "{failure:?}"
        );
    }
}

#[tokio::test]
async fn text_that_is_not_utf_8_is_refused() {
    let failure = answering(|guest| OutcomeParts {
        reason: [guest.bytes(&[0xff, 0xfe]), 2],
        ..OutcomeParts::default()
    });
    let failure = failure.await.unwrap_err();
    assert!(failure.to_string().contains("utf-8"), "{failure}");
}

#[tokio::test]
async fn a_status_that_does_not_exist_is_refused() {
    let failure = answering(|_| OutcomeParts {
        status: 9,
        ..OutcomeParts::default()
    })
    .await
    .unwrap_err();
    assert!(failure.to_string().contains("discriminant"), "{failure}");
}

/// Opens table `t` and traps unless it has as many rows.
fn counts_rows(rows: u32) -> impl FnOnce(&mut Guest) -> Body {
    move |guest| {
        guest.with(r#"(import "operator:check/snapshots@0.2.0" "[method]snapshot.open" (func $open (param i32 i32 i32 i32)))"#);
        guest.with(
            r#"(import "operator:tables/tables@0.2.0" "[method]table.rows" (func $rows (param i32) (result i32)))"#,
        );
        let name = guest.text("t");
        let answer = passes("counted")(guest);
        format!(
            "(call $open (local.get $snapshot) (i32.const {}) (i32.const {}) (i32.const 64))
             (if (i32.load8_u (i32.const 64)) (then unreachable))
             (if (i32.ne (call $rows (i32.load (i32.const 72))) (i32.const {rows})) (then unreachable))
             {answer}",
            name[0], name[1]
        )
    }
}

#[tokio::test]
async fn a_check_reads_the_tables_of_the_snapshot() {
    let table = || {
        Table::from_columns(
            "t",
            vec![("n", None, Column::Integers(vec![Some(1), None, Some(3)]))],
        )
        .unwrap()
    };
    let read = evaluate_within(&limits(), vec![table()], counts_rows(3))
        .await
        .result;
    assert_eq!(read.unwrap().reason, "counted");
    let wrong = evaluate_within(&limits(), vec![table()], counts_rows(4))
        .await
        .result;
    assert!(
        matches!(wrong, Err(PluginFailure::Trap { .. })),
        "{wrong:?}"
    );
    let missing = evaluate_within(&limits(), Vec::new(), counts_rows(3))
        .await
        .result;
    assert!(
        matches!(missing, Err(PluginFailure::Trap { .. })),
        "{missing:?}"
    );
}

/// Leaves a random number and the time as its state.
fn asks_wasi(guest: &mut Guest) -> Body {
    guest.with(
        r#"(import "wasi:random/random@0.2.6" "get-random-u64" (func $random (result i64)))"#,
    );
    guest.with(r#"(import "wasi:clocks/monotonic-clock@0.2.6" "now" (func $now (result i64)))"#);
    let state = guest.bytes(&[0; 16]);
    let answer = outcome(
        guest,
        &OutcomeParts {
            state: Some([state, 16]),
            ..OutcomeParts::default()
        },
    );
    format!(
        "(i64.store (i32.const {state}) (call $random)) (i64.store (i32.const {state} ) (call $random))
         (i64.store offset=8 (i32.const {state}) (call $now)) (i32.const {answer})"
    )
}

#[tokio::test]
async fn wasi_is_an_empty_world_in_which_nothing_ever_differs() {
    let engine = Engine::new(&limits()).unwrap();
    let bytes = with_wasi(keeps_state(invariant("1.0.0", &[("c", &[])], asks_wasi))).component();
    assert!(
        operator_plugin_host::inspect("x.wasm", &bytes, &limits())
            .unwrap()
            .wasi
    );
    let module = InvariantModule::load(&engine, "x.wasm", &bytes, "{}")
        .await
        .unwrap();
    let state = async || {
        let evaluated = module
            .evaluate(&module.checks()[0], &snapshot(Vec::new()), None)
            .await;
        evaluated.result.unwrap().state.unwrap()
    };
    let first = state().await;
    assert_eq!(first, state().await);
    // The snapshot was taken at 1,000 ms.
    assert_eq!(first[8..], 1_000_000_000_u64.to_le_bytes());
}

#[tokio::test]
async fn a_check_that_traps_does_not_touch_the_next_one() {
    let engine = Engine::new(&limits()).unwrap();
    let bad = InvariantModule::load(
        &engine,
        "bad",
        &one_check(|_| "unreachable".to_owned()),
        "{}",
    )
    .await
    .unwrap();
    let good = InvariantModule::load(&engine, "good", &one_check(passes("ok")), "{}")
        .await
        .unwrap();
    for _ in 0..100 {
        assert!(
            bad.evaluate(&bad.checks()[0], &snapshot(Vec::new()), None)
                .await
                .result
                .is_err()
        );
        assert!(
            good.evaluate(&good.checks()[0], &snapshot(Vec::new()), None)
                .await
                .result
                .is_ok()
        );
    }
}
