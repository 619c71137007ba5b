//! One rule in each way of asking it, against the same rule in native code on the same columns.

use crate::checks::{check, load, nodes, rule, snapshot};
use crate::report::Report;
use arrow_array::{Array as _, Float64Array, Int64Array, StringArray};
use operator_data::tables::Column;
use operator_data::{Snapshot, Table};
use operator_model::verdict::Observed;
use operator_model::{EntityId, Scalar, Severity, Violation};
use operator_plugin_host::{Engine, InvariantModule};
use serde_json::Value;
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
const SILENT_MS: f64 = 20_000.0;

pub(crate) async fn measure(engine: &Engine, report: &mut Report) {
    let module = load(engine, &rule()).await;
    against_native(&module, report).await;
    against_json(&module, report).await;
}

async fn against_native(module: &InvariantModule, report: &mut Report) {
    let table = nodes("nodes", ROWS);
    let native = best(|| black_box(broken(&table)));
    let judged = snapshot(vec![table.clone()]);
    let nothing = snapshot(vec![nodes("nodes", 0)]);
    // Without the instance, which is measured on its own.
    let empty = time_of(module, "by-rows", &nothing).await;
    let ratio = async |id: &str| {
        let whole = time_of(module, id, &judged).await;
        whole.saturating_sub(empty).as_secs_f64() / native.as_secs_f64()
    };
    let (rows, columns, pushed) = (
        ratio("by-rows").await,
        ratio("by-columns").await,
        ratio("pushed-down").await,
    );
    report.told(
        "the same check of 1,000 rows in native code",
        "us",
        native.as_secs_f64() * 1e6,
    );
    report.at_most(
        "check of 1,000 rows against native, row by row",
        "x",
        rows,
        3.0,
    );
    report.at_most(
        "check of 1,000 rows against native, by columns",
        "x",
        columns,
        3.0,
    );
    report.at_most(
        "check of 1,000 rows against native, pushed down",
        "x",
        pushed,
        1.5,
    );
}

/// The rule of the guest on borrowed columns, with the same answer.
fn broken(table: &Table) -> Vec<Violation> {
    let column = |name: &str| table.columns[table.column_index(name).unwrap()].as_any();
    let names = column("node").downcast_ref::<StringArray>().unwrap();
    let states = column("state").downcast_ref::<StringArray>().unwrap();
    let ages_ms = column("heartbeat_age_ms")
        .downcast_ref::<Int64Array>()
        .unwrap();
    let used = column("used_ratio").downcast_ref::<Float64Array>().unwrap();
    let up = |row: usize| states.is_valid(row) && states.value(row) == "Up";
    let heard = |row: usize| ages_ms.is_valid(row) && ages_ms.value(row) as f64 <= SILENT_MS;
    let roomy = |row: usize| used.is_valid(row) && used.value(row) <= FULL;
    let rows = (0..table.rows).filter(|row| !(up(*row) && heard(*row) && roomy(*row)));
    rows.map(|row| violation(format!("node/{}", names.value(row)), row, used.value(row)))
        .collect()
}

fn violation(entity: String, row: usize, used: f64) -> Violation {
    let evidence = Observed {
        table: "nodes".to_owned(),
        row: u32::try_from(row).ok(),
        column: "used_ratio".to_owned(),
        value: Scalar::Float(used),
        unit: Some("1".to_owned()),
        expected: None,
    };
    Violation {
        entity: EntityId(entity),
        summary: "it is down, silent or full".to_owned(),
        severity: Severity::Warning,
        confirmed: false,
        evidence: vec![evidence],
    }
}

/// From the host's table to the verdict: as columns, and as a text of JSON.
async fn against_json(module: &InvariantModule, report: &mut Report) {
    let objects = nodes("nodes", OBJECTS);
    let mut times = [Duration::MAX; 2];
    for _ in 0..RUNS / 10 {
        let begun = Instant::now();
        let text = json_of(&objects);
        let table = Table::from_columns(
            "json",
            vec![("json", None, Column::Texts(vec![Some(text)]))],
        )
        .unwrap();
        let told = snapshot(vec![table]);
        let outcome = module
            .evaluate(check(module, "json"), &told, None)
            .await
            .result
            .unwrap();
        assert_eq!(outcome.violations.len(), OBJECTS / 200);
        times[0] = times[0].min(begun.elapsed());
        let begun = Instant::now();
        let told = snapshot(vec![objects.clone()]);
        let outcome = module
            .evaluate(check(module, "by-columns"), &told, None)
            .await
            .result
            .unwrap();
        assert_eq!(outcome.violations.len(), OBJECTS / 200);
        times[1] = times[1].min(begun.elapsed());
    }
    let ratio = times[0].as_secs_f64() / times[1].as_secs_f64();
    report.told(
        "3,000 objects as JSON, from the host's table to the verdict",
        "us",
        times[0].as_secs_f64() * 1e6,
    );
    report.told(
        "3,000 objects as columns, from the host's table to the verdict",
        "us",
        times[1].as_secs_f64() * 1e6,
    );
    report.at_least(
        "3,000 objects as columns against JSON strings",
        "x",
        ratio,
        20.0,
    );
}

/// Every object with every field, as hosts do whose guests take JSON.
fn json_of(table: &Table) -> String {
    let object = |row: usize| -> serde_json::Map<String, Value> {
        table
            .fields
            .iter()
            .map(|field| {
                (
                    field.name.clone(),
                    json_value(table.scalar(row, &field.name)),
                )
            })
            .collect()
    };
    serde_json::to_string(&(0..table.rows).map(object).collect::<Vec<_>>()).unwrap()
}

fn json_value(value: Scalar) -> Value {
    match value {
        Scalar::Null => Value::Null,
        Scalar::Boolean(value) => value.into(),
        Scalar::Integer(value) => value.into(),
        Scalar::Float(value) => value.into(),
        Scalar::Text(value) => value.into(),
    }
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
        module
            .evaluate(check(module, id), snapshot, None)
            .await
            .result
            .unwrap();
        best = best.min(begun.elapsed());
    }
    best
}
