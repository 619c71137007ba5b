//! Crossing the boundary, and the time that a loop takes to be stopped.

use crate::checks::{load, snapshot};
use crate::report::Report;
use operator_data::Table;
use operator_data::tables::Column;
use operator_plugin_host::{Engine, PluginLimits};
use operator_testkit::guest::{Guest, one_check, passes};
use std::time::{Duration, Instant};
use wasmtime::component::{Component, Linker};
use wasmtime::{Result, Store};

/// Calls of one measurement.
const CALLS: u32 = 200_000;

/// Loops that are stopped.
const LOOPS: usize = 30;

/// Deadline that they are given, in milliseconds.
const DEADLINE_MS: u64 = 10;

pub(crate) async fn measure(engine: &Engine, report: &mut Report) {
    report.at_most(
        "host -> guest call without work",
        "ns",
        host_to_guest(engine),
        170.0,
    );
    report.at_most(
        "guest -> host call that returns a number",
        "ns",
        guest_to_host(engine).await,
        120.0,
    );
    report.at_most(
        "overshoot of a 10 ms deadline, worst of 30",
        "ms",
        overshoot_ms().await,
        3.0,
    );
}

/// An export that does nothing, under the settings of the engine, called as checks without WASI are.
fn host_to_guest(engine: &Engine) -> f64 {
    let text = r#"(component
        (core module $m (func (export "f")))
        (core instance $i (instantiate $m))
        (func (export "f") (canon lift (core func $i "f"))))"#;
    let bytes = wat::parse_str(text).unwrap();
    let component = Component::from_binary(engine.for_measurement(), &bytes).unwrap();
    let mut store = Store::new(engine.for_measurement(), ());
    store.set_fuel(u64::MAX).unwrap();
    store.set_epoch_deadline(1_000_000);
    let instance = Linker::new(engine.for_measurement())
        .instantiate(&mut store, &component)
        .unwrap();
    let function = instance.get_typed_func::<(), ()>(&mut store, "f").unwrap();
    let begun = Instant::now();
    for _ in 0..CALLS {
        let called: Result<()> = function.call(&mut store, ());
        called.unwrap();
    }
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
}

/// The number of rows of a table, asked for again and again.
async fn guest_to_host(engine: &Engine) -> f64 {
    let column = Column::Integers(vec![Some(1)]);
    let table = Table::from_columns("t", vec![("n", None, column)]).unwrap();
    let snapshot = snapshot(vec![table]);
    let mut times = Vec::new();
    for calls in [0, CALLS] {
        let module = load(engine, &one_check(|guest| asks_rows(guest, calls))).await;
        let begun = Instant::now();
        module
            .evaluate(&module.checks()[0], &snapshot, None)
            .await
            .result
            .unwrap();
        times.push(begun.elapsed());
    }
    times[1].saturating_sub(times[0]).as_secs_f64() * 1e9 / f64::from(CALLS)
}

fn asks_rows(guest: &mut Guest, calls: u32) -> String {
    guest.with(
        r#"(import "operator:check/snapshots@0.2.0" "[method]snapshot.open" (func $open (param i32 i32 i32 i32)))"#,
    );
    guest.with(r#"(import "operator:tables/tables@0.2.0" "[method]table.rows" (func $rows (param i32) (result i32)))"#);
    let name = guest.text("t");
    let answer = passes("asked")(guest);
    format!(
        "(local $left i32) (call $open (local.get $snapshot) (i32.const {}) (i32.const {}) (i32.const 64))
         (local.set $left (i32.const {calls}))
         (block $done (loop $again
            (br_if $done (i32.eqz (local.get $left)))
            (drop (call $rows (i32.load (i32.const 72))))
            (local.set $left (i32.sub (local.get $left) (i32.const 1)))
            (br $again)))
         {answer}",
        name[0], name[1]
    )
}

async fn overshoot_ms() -> f64 {
    let mut limits = PluginLimits::default();
    (limits.check.fuel, limits.check.deadline_ms) = (u64::MAX, DEADLINE_MS);
    let engine = Engine::new(&limits).unwrap();
    let module = load(
        &engine,
        &one_check(|_| "(loop $l (br $l)) unreachable".to_owned()),
    )
    .await;
    let snapshot = snapshot(Vec::new());
    let mut worst = Duration::ZERO;
    for _ in 0..LOOPS {
        let begun = Instant::now();
        assert!(
            module
                .evaluate(&module.checks()[0], &snapshot, None)
                .await
                .result
                .is_err()
        );
        worst = worst.max(begun.elapsed());
    }
    (worst.as_secs_f64() * 1e3) - DEADLINE_MS as f64
}
