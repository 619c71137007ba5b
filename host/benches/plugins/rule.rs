//! One rule in each way of asking it, against the same rule in native code on the same columns.

use crate::checks::{check, load, measured, nodes, snapshot};
use crate::report::Report;
use arrow_array::{Array as _, Float64Array, StringArray};
use operator::model::{Snapshot, Table};
use operator::plugin::{Engine, InvariantModule};
use operator::tables::Column;
use serde_json::json;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rows of the table that is judged natively and in a guest.
const ROWS: usize = 1_000;

/// Objects that cross the boundary as columns, and as JSON.
const OBJECTS: usize = 3_000;

/// Runs of each way; the best counts.
const RUNS: usize = 1_000;

/// As in the guest.
const FULL: f64 = 0.9;

pub(crate) async fn measure(engine: &Engine, report: &mut Report) {
    let module = load(engine, &measured()).await;
    against_native(&module, report).await;
    against_json(&module, report).await;
}

async fn against_native(module: &InvariantModule, report: &mut Report) {
    let table = nodes("nodes", ROWS);
    let native = best(|| black_box(full(&table)));
    let judged = snapshot(vec![table.clone()]);
    let nothing = snapshot(vec![nodes("nodes", 0)]);
    // Without the instance, which is measured on its own.
    let empty = time_of(module, "by-rows", &nothing).await;
    let mut ratio = async |id: &str| {
        let whole = time_of(module, id, &judged).await;
        whole.saturating_sub(empty).as_secs_f64() / native.as_secs_f64()
    };
    let (rows, columns, pushed) = (ratio("by-rows").await, ratio("by-columns").await, ratio("pushed-down").await);
    report.told("the same check of 1,000 rows in native code", "us", native.as_secs_f64() * 1e6);
    report.at_most("check of 1,000 rows against native, row by row", "x", rows, 3.0);
    report.at_most("check of 1,000 rows against native, by columns", "x", columns, 3.0);
    report.at_most("check of 1,000 rows against native, pushed down", "x", pushed, 1.5);
}

/// The rule of the guest, on borrowed columns.
fn full(table: &Table) -> Vec<(String, f64)> {
    let column = |name: &str| table.columns[table.column_index(name).unwrap()].as_any();
    let used = column("used_ratio").downcast_ref::<Float64Array>().unwrap();
    let names = column("node").downcast_ref::<StringArray>().unwrap();
    let rows = used.iter().enumerate().filter_map(|(row, used)| Some((row, used.filter(|used| *used > FULL)?)));
    rows.map(|(row, used)| (format!("node/{}", names.value(row)), used)).collect()
}

/// From what the host holds to the verdict: as columns, and as a text of JSON.
async fn against_json(module: &InvariantModule, report: &mut Report) {
    let objects: Vec<_> = (0..OBJECTS).map(|row| (format!("10.0.{}.{}:20160", row / 250, row % 250), row)).collect();
    let shares: Vec<f64> = objects.iter().map(|(_, row)| if row % 200 == 199 { 0.95 } else { 0.5 }).collect();
    let mut times = [Duration::MAX; 2];
    for _ in 0..RUNS / 10 {
        let begun = Instant::now();
        let text = json_of(&objects, &shares);
        let table = Table::from_columns("json", vec![("json", None, Column::Texts(vec![Some(text)]))]).unwrap();
        let told = snapshot(vec![table]);
        let outcome = module.evaluate(check(module, "json"), &told, None).await.result.unwrap();
        assert_eq!(outcome.violations.len(), OBJECTS / 200);
        times[0] = times[0].min(begun.elapsed());
        let begun = Instant::now();
        let told = snapshot(vec![columns_of(&objects, &shares)]);
        let outcome = module.evaluate(check(module, "by-rows"), &told, None).await.result.unwrap();
        assert_eq!(outcome.violations.len(), OBJECTS / 200);
        times[1] = times[1].min(begun.elapsed());
    }
    let ratio = times[0].as_secs_f64() / times[1].as_secs_f64();
    report.told("3,000 objects as JSON, from the host's objects to the verdict", "us", times[0].as_secs_f64() * 1e6);
    report.told("3,000 objects as columns, from the host's objects to the verdict", "us", times[1].as_secs_f64() * 1e6);
    report.at_least("3,000 objects as columns against JSON strings", "x", ratio, 20.0);
}

fn json_of(objects: &[(String, usize)], shares: &[f64]) -> String {
    let object = |((name, row), share): (&(String, usize), &f64)| {
        json!({
            "node": name, "used_ratio": share, "state": "Up", "objects": row, "leaders": row / 3,
            "version": "8.5.1", "busy": false, "started_at": 1_700_000_000_000_u64,
        })
    };
    serde_json::to_string(&objects.iter().zip(shares).map(object).collect::<Vec<_>>()).unwrap()
}

/// The same eight fields.
fn columns_of(objects: &[(String, usize)], shares: &[f64]) -> Table {
    let same = |text: &str| Column::Texts(objects.iter().map(|_| Some(text.to_owned())).collect());
    let integers = |by: usize| Column::Integers(objects.iter().map(|(_, row)| Some((row / by) as i64)).collect());
    let columns = vec![
        ("node", None, Column::Texts(objects.iter().map(|(name, _)| Some(name.clone())).collect())),
        ("used_ratio", Some("1"), Column::Floats(shares.iter().copied().map(Some).collect())),
        ("state", None, same("Up")),
        ("objects", None, integers(1)),
        ("leaders", None, integers(3)),
        ("version", None, same("8.5.1")),
        ("busy", None, Column::Booleans(objects.iter().map(|_| Some(false)).collect())),
        ("started_at", None, Column::Instants(objects.iter().map(|_| Some(1_700_000_000_000)).collect())),
    ];
    Table::from_columns("nodes", columns).unwrap()
}

fn best<T>(work: impl Fn() -> T) -> Duration {
    let time = |_| {
        let begun = Instant::now();
        black_box(work());
        begun.elapsed()
    };
    (0..RUNS).map(time).min().unwrap()
}

async fn time_of(module: &InvariantModule, id: &str, snapshot: &Arc<Snapshot>) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..RUNS {
        let begun = Instant::now();
        module.evaluate(check(module, id), snapshot, None).await.result.unwrap();
        best = best.min(begun.elapsed());
    }
    best
}
