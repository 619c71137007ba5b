//! Instances and whole checks.

use crate::fixtures::{Guest, OutcomeParts, invariant, keeps_state, one_check, outcome, passes};
use crate::report::{Report, percentile_us};
use operator::check::{CheckSet, ModuleConfigs, run_all};
use operator::model::{Digest, SeriesStore, Snapshot, Table, Tick, Timestamp, Topology};
use operator::plugin::{Engine, InvariantModule};
use operator::tables::Column;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Instances of one measurement.
const INSTANCES: usize = 20_000;

/// Checks of one measurement of the rate.
const CHECKS: usize = 20_000;

/// The large tick.
const INVARIANTS: usize = 100;
const TABLES: usize = 10;
const ROWS: usize = 10_000;

pub(crate) async fn measure(engine: &Engine, report: &mut Report) {
    instances(engine, report).await;
    fresh(engine, report).await;
    compute(engine, report).await;
    large_tick(engine, report).await;
    report.missing("3,000 objects through the boundary against JSON strings (at least)", "x", 20.0);
}

/// Modules of checks that `cargo xtask guests` built.
pub(crate) fn modules() -> Vec<Vec<u8>> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/plugins");
    let folder = std::env::var_os("OPERATOR_PLUGINS").map_or_else(beside, Into::into).join("invariants");
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "wasm"));
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

pub(crate) async fn load(engine: &Engine, bytes: &[u8]) -> InvariantModule {
    InvariantModule::load(engine, "bench", bytes, "{}").await.unwrap()
}

pub(crate) fn snapshot(tables: Vec<Table>) -> Arc<Snapshot> {
    Arc::new(Snapshot {
        tick: Tick(7),
        taken_at: Timestamp(1_000),
        host_at: Timestamp(1_000),
        subject: "bench".to_owned(),
        system: String::new(),
        tables: tables.into_iter().map(|table| (table.name.clone(), Arc::new(table))).collect(),
        past: Vec::new(),
        series: Arc::new(SeriesStore::default()),
        topology: Topology::default(),
        blind: Vec::new(),
        hash: Digest(String::new()),
    })
}

async fn instances(engine: &Engine, report: &mut Report) {
    let Some(bytes) = modules().into_iter().min_by_key(Vec::len) else {
        report.missing("instantiate a Rust invariant, p50", "us", 5.0);
        report.missing("instantiate a Rust invariant, p99", "us", 15.0);
        return;
    };
    let module = load(engine, &bytes).await;
    let mut times = Vec::with_capacity(INSTANCES);
    for _ in 0..INSTANCES {
        let store = module.store_for_measurement().unwrap();
        let begun = Instant::now();
        let instance = store.instantiate().await.unwrap();
        times.push(begun.elapsed());
        drop(instance);
    }
    report.at_most("instantiate a Rust invariant, p50", "us", percentile_us(&mut times, 50), 5.0);
    report.at_most("instantiate a Rust invariant, p99", "us", percentile_us(&mut times, 99), 15.0);
}

/// Opens a table, reads two columns of twelve rows, and judges them.
fn judge(guest: &mut Guest, rows: usize, pushed_down: bool) -> String {
    guest.with(
        r#"(import "operator:plugin/snapshots@0.1.0" "[method]snapshot.open" (func $open (param i32 i32 i32 i32)))"#,
    );
    guest.with(r#"(import "operator:plugin/tables@0.1.0" "[method]table.floats" (func $floats (param i32 i32 i32 i32 i32 i32)))"#);
    guest.with(
        r#"(import "operator:plugin/tables@0.1.0" "[method]table.filter" (func $filter (param i32 i32 i32 i32)))"#,
    );
    guest.with(r#"(import "operator:plugin/tables@0.1.0" "[method]table.rows" (func $rows (param i32) (result i32)))"#);
    let (name, one, other, reason) = (guest.text("t"), guest.text("used"), guest.text("free"), guest.text("judged"));
    let answer = outcome(guest, &OutcomeParts { reason, ..OutcomeParts::default() });
    let open =
        format!("(call $open (local.get $snapshot) (i32.const {}) (i32.const {}) (i32.const 64))", name[0], name[1]);
    if pushed_down {
        // used > 1e12, a term: column, comparison `gt`, scalar `float`.
        let limit = 1e12_f64.to_bits();
        let term = guest.words(&[one[0], one[1], 4, 0, 3, 0, limit as u32, (limit >> 32) as u32, 0, 0]);
        return format!(
            "{open} (call $filter (i32.load (i32.const 72)) (i32.const {term}) (i32.const 1) (i32.const 96))
             (if (i32.load8_u (i32.const 96)) (then unreachable))
             (if (call $rows (i32.load (i32.const 104))) (then unreachable)) (i32.const {answer})"
        );
    }
    let read = |column: [u32; 2], at: u32| {
        format!(
            "(call $floats (i32.load (i32.const 72)) (i32.const {}) (i32.const {}) (i32.const 0) (i32.const {rows}) (i32.const {at}))
             (if (i32.load8_u (i32.const {at})) (then unreachable))",
            column[0], column[1]
        )
    };
    format!(
        "(local $row i32) (local $a i32) (local $b i32) {open} {} {}
         (local.set $a (i32.load (i32.const 104))) (local.set $b (i32.load (i32.const 136)))
         (loop $again
            (if (f64.gt (f64.load (i32.add (local.get $a) (i32.shl (local.get $row) (i32.const 3))))
                        (f64.mul (f64.const 1e9) (f64.load (i32.add (local.get $b) (i32.shl (local.get $row) (i32.const 3))))))
                (then unreachable))
            (local.set $row (i32.add (local.get $row) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $row) (i32.const {rows}))))
         (i32.const {answer})",
        read(one, 96),
        read(other, 128)
    )
}

fn table(name: &str, rows: usize) -> Table {
    let column = |by: f64| Column::Floats((0..rows).map(|row| Some(by * (1.0 + row as f64))).collect());
    Table::from_columns(name, vec![("used", Some("By"), column(1.0)), ("free", Some("By"), column(2.0))]).unwrap()
}

async fn fresh(engine: &Engine, report: &mut Report) {
    let snapshot = snapshot(vec![table("t", 12)]);
    let module = Arc::new(load(engine, &one_check(|guest| judge(guest, 12, false))).await);
    let mut times = Vec::with_capacity(CHECKS);
    for _ in 0..CHECKS {
        let begun = Instant::now();
        module.evaluate(&module.checks()[0], &snapshot, None).await.result.unwrap();
        times.push(begun.elapsed());
    }
    report.at_most("fresh check of 12 rows, p50", "us", percentile_us(&mut times, 50), 20.0);
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(async {
                    for _ in 0..CHECKS {
                        module.evaluate(&module.checks()[0], &snapshot, None).await.result.unwrap();
                    }
                });
            });
        }
    });
    let rate = 2.0 * CHECKS as f64 / begun.elapsed().as_secs_f64();
    report.at_least("fresh checks of 12 rows a second, two threads", "1/s", rate, 85_000.0);
}

/// The same question to 1,000 rows by a guest, by the host for a guest, and by native code.
async fn compute(engine: &Engine, report: &mut Report) {
    let one_table = table("t", 1_000);
    let (used, free) = (one_table.floats("used", 0, 1_000).unwrap(), one_table.floats("free", 0, 1_000).unwrap());
    let snapshot = snapshot(vec![one_table.clone()]);
    let native = best(|| used.iter().zip(&free).filter(|(used, free)| **used > 1e9 * **free).count());
    let mut ratios = Vec::new();
    let empty = time_of(engine, &snapshot, passes("nothing")).await;
    for pushed_down in [false, true] {
        let whole = time_of(engine, &snapshot, |guest| judge(guest, 1_000, pushed_down)).await;
        // Without the instance, which is measured on its own.
        ratios.push(whole.saturating_sub(empty).as_secs_f64() / native.as_secs_f64());
    }
    report.at_most("check of 1,000 rows against native", "x", ratios[0], 3.0);
    report.at_most("check of 1,000 rows against native, pushed down", "x", ratios[1], 1.5);
}

fn best<T>(work: impl Fn() -> T) -> Duration {
    let time = |_| {
        let begun = Instant::now();
        std::hint::black_box(work());
        begun.elapsed()
    };
    (0..2_000).map(time).min().unwrap()
}

async fn time_of(engine: &Engine, snapshot: &Arc<Snapshot>, body: impl FnOnce(&mut Guest) -> String) -> Duration {
    let module = load(engine, &one_check(body)).await;
    let mut best = Duration::MAX;
    for _ in 0..2_000 {
        let begun = Instant::now();
        module.evaluate(&module.checks()[0], snapshot, None).await.result.unwrap();
        best = best.min(begun.elapsed());
    }
    best
}

/// A hundred checks that each look at every row of ten tables.
async fn large_tick(engine: &Engine, report: &mut Report) {
    let names: Vec<String> = (0..TABLES).map(|index| format!("t{index}")).collect();
    let snapshot = snapshot(names.iter().map(|name| table(name, ROWS)).collect());
    let ids: Vec<String> = (0..INVARIANTS).map(|index| format!("check-{index}")).collect();
    let modules = ids.chunks(INVARIANTS / 2).enumerate().map(|(index, ids)| {
        let checks: Vec<(&str, &[&str])> = ids.iter().map(|id| (id.as_str(), &[][..])).collect();
        let guest = keeps_state(invariant("1.0.0", &checks, |guest| look_at_all(guest, &names)));
        (format!("bench-{index}"), guest.component())
    });
    let checks = Arc::new(CheckSet::from_modules(engine, modules.collect(), ModuleConfigs::new()).await.unwrap());
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        let verdicts = std::thread::scope(|scope| scope.spawn(|| run_all(&checks, &snapshot)).join().unwrap());
        best = best.min(begun.elapsed());
        assert_eq!(verdicts.len(), INVARIANTS);
        assert!(
            verdicts.iter().all(|verdict| verdict.status == operator::model::Status::Pass),
            "{:?}",
            verdicts.first()
        );
    }
    report.at_most("100 invariants x 10 tables x 10,000 rows", "ms", best.as_secs_f64() * 1e3, 40.0);
}

fn look_at_all(guest: &mut Guest, names: &[String]) -> String {
    guest.with(
        r#"(import "operator:plugin/snapshots@0.1.0" "[method]snapshot.open" (func $open (param i32 i32 i32 i32)))"#,
    );
    guest.with(
        r#"(import "operator:plugin/tables@0.1.0" "[method]table.filter" (func $filter (param i32 i32 i32 i32)))"#,
    );
    guest.with(r#"(import "operator:plugin/tables@0.1.0" "[method]table.rows" (func $rows (param i32) (result i32)))"#);
    let column = guest.text("used");
    let limit = 1e12_f64.to_bits();
    let term = guest.words(&[column[0], column[1], 4, 0, 3, 0, limit as u32, (limit >> 32) as u32, 0, 0]);
    let reason = guest.text("looked");
    let answer = outcome(guest, &OutcomeParts { reason, ..OutcomeParts::default() });
    let looks = names.iter().map(|name| {
        let name = guest.text(name);
        format!(
            "(call $open (local.get $snapshot) (i32.const {}) (i32.const {}) (i32.const 64))
             (call $filter (i32.load (i32.const 72)) (i32.const {term}) (i32.const 1) (i32.const 96))
             (if (i32.load8_u (i32.const 96)) (then unreachable))
             (if (call $rows (i32.load (i32.const 104))) (then unreachable))",
            name[0], name[1]
        )
    });
    format!("{} (i32.const {answer})", looks.collect::<String>())
}
