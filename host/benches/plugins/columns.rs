//! Columns on their way into a guest.

use crate::checks::{load, snapshot};
use crate::report::Report;
use operator_data::Table;
use operator_data::tables::Column;
use operator_plugin_host::{Engine, PluginLimits};
use operator_testkit::guest::{Guest, OutcomeParts, invariant, keeps_state, outcome};
use std::time::Instant;

const ROWS: usize = 1_000_000;

/// Reads of one column after the first, which pays for the pages.
const READS: u32 = 4;

/// Pages of 64 KiB: 64 MiB, of which the column takes up to 20.
const PAGES: u32 = 1_024;

pub(crate) async fn measure(report: &mut Report) {
    let mut limits = PluginLimits::default();
    (
        limits.check.memory_bytes_max,
        limits.check.hostcall_bytes_max,
    ) = (128 << 20, 128 << 20);
    let engine = Engine::new(&limits).unwrap();
    let floats = Column::Floats((0..ROWS).map(|row| Some(row as f64)).collect());
    let texts = Column::Texts(
        (0..ROWS)
            .map(|row| Some(format!("row-{:05}", row % 10_000)))
            .collect(),
    );
    report.at_most(
        "1,000,000 f64 into a guest, warm",
        "ms",
        read_ms(&engine, "floats", floats).await,
        2.0,
    );
    report.at_most(
        "1,000,000 texts into a guest, packed, warm",
        "ms",
        read_ms(&engine, "texts", texts).await,
        5.0,
    );
}

async fn read_ms(engine: &Engine, method: &str, column: Column) -> f64 {
    let table = Table::from_columns("t", vec![("n", None, column)]).unwrap();
    let snapshot = snapshot(vec![table]);
    let mut best = f64::MAX;
    for _ in 0..5 {
        let mut times = Vec::new();
        for reads in [1, 1 + READS] {
            let module = load(engine, &reader(method, reads)).await;
            let begun = Instant::now();
            module
                .evaluate(&module.checks()[0], &snapshot, None)
                .await
                .result
                .unwrap();
            times.push(begun.elapsed());
        }
        best = best.min(times[1].saturating_sub(times[0]).as_secs_f64() * 1e3 / f64::from(READS));
    }
    best
}

/// Reads the whole column so many times, always into the same memory.
fn reader(method: &str, reads: u32) -> Vec<u8> {
    let guest = keeps_state(invariant("1.0.0", &[("c", &[])], |guest: &mut Guest| {
        guest.with(r#"(import "operator:check/snapshots@0.2.0" "[method]snapshot.open" (func $open (param i32 i32 i32 i32)))"#);
        guest.with(&format!(
            r#"(import "operator:tables/tables@0.2.0" "[method]table.{method}" (func $read (param i32 i32 i32 i32 i32 i32)))"#
        ));
        let (name, column) = (guest.text("t"), guest.text("n"));
        let reason = guest.text("read");
        let answer = outcome(
            guest,
            &OutcomeParts {
                reason,
                ..OutcomeParts::default()
            },
        );
        format!(
            "(local $left i32) (call $open (local.get $snapshot) (i32.const {}) (i32.const {}) (i32.const 64))
             (local.set $left (i32.const {reads}))
             (loop $again
                (global.set $top (i32.const 131072))
                (call $read (i32.load (i32.const 72)) (i32.const {}) (i32.const {}) (i32.const 0) (i32.const {ROWS}) (i32.const 96))
                (if (i32.load8_u (i32.const 96)) (then unreachable))
                (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                (br_if $again (local.get $left)))
             (i32.const {answer})",
            name[0], name[1], column[0], column[1]
        )
    }));
    guest.memory_pages(PAGES).component()
}
