//! Instances and whole checks.

use crate::report::{Report, percentile_us};
use operator_data::tables::Column;
use operator_data::{SeriesStore, Snapshot, Table};
use operator_model::{CheckDeclaration, Digest, Tick, Timestamp, Topology};
use operator_plugin_host::{Engine, InvariantModule};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Instances of one measurement.
const INSTANCES: usize = 20_000;

/// Checks of one measurement of the rate.
const CHECKS: usize = 20_000;

/// Threads of one measurement of the rate.
const THREADS: usize = 2;

pub(crate) async fn measure(engine: &Engine, report: &mut Report) {
    instances(engine, report).await;
    fresh(engine, report).await;
}

/// A component that `cargo xtask bench` built, below `target/plugins`.
pub(crate) fn component(file: &str) -> Vec<u8> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/plugins");
    let path = std::env::var_os("OPERATOR_PLUGINS")
        .map_or_else(beside, Into::into)
        .join(file);
    std::fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; `cargo xtask bench` builds it", path.display())
    })
}

/// The checks of `host/benches/guests/rule`.
pub(crate) fn rule() -> Vec<u8> {
    component("bench/rule.wasm")
}

pub(crate) fn check<'m>(module: &'m InvariantModule, id: &str) -> &'m CheckDeclaration {
    module
        .checks()
        .iter()
        .find(|check| check.id.0 == id)
        .unwrap()
}

/// Nodes of which every two hundredth is full, with the columns that such tables have.
pub(crate) fn nodes(name: &str, rows: usize) -> Table {
    let share = |row: usize| {
        if row % 200 == 199 {
            0.95
        } else {
            0.5 + 0.3 * ((row % 7) as f64) / 7.0
        }
    };
    let names = (0..rows).map(|row| Some(format!("10.0.{}.{}:20160", row / 250, row % 250)));
    let integers =
        |value: fn(usize) -> i64| Column::Integers((0..rows).map(|row| Some(value(row))).collect());
    let same = |text: &str| Column::Texts((0..rows).map(|_| Some(text.to_owned())).collect());
    let columns = vec![
        ("node", None, Column::Texts(names.collect())),
        ("state", None, same("Up")),
        (
            "heartbeat_age_ms",
            Some("ms"),
            integers(|row| (row % 10_000) as i64),
        ),
        (
            "used_ratio",
            Some("1"),
            Column::Floats((0..rows).map(|row| Some(share(row))).collect()),
        ),
        ("leaders", None, integers(|row| (row % 300) as i64)),
        ("version", None, same("8.5.1")),
        (
            "busy",
            None,
            Column::Booleans((0..rows).map(|_| Some(false)).collect()),
        ),
        (
            "started_at",
            None,
            Column::Instants((0..rows).map(|_| Some(1_700_000_000_000)).collect()),
        ),
    ];
    Table::from_columns(name, columns).unwrap()
}

pub(crate) async fn load(engine: &Engine, bytes: &[u8]) -> InvariantModule {
    InvariantModule::load(engine, "bench", bytes, "{}")
        .await
        .unwrap()
}

pub(crate) fn snapshot(tables: Vec<Table>) -> Arc<Snapshot> {
    Arc::new(Snapshot {
        tick: Tick(7),
        taken_at: Timestamp(1_000),
        host_at: Timestamp(1_000),
        subject: "bench".to_owned(),
        system: String::new(),
        tables: tables
            .into_iter()
            .map(|table| (table.name.clone(), Arc::new(table)))
            .collect(),
        past: Vec::new(),
        series: Arc::new(SeriesStore::default()),
        topology: Topology::default(),
        blind: Vec::new(),
        hash: Digest(String::new()),
    })
}

async fn instances(engine: &Engine, report: &mut Report) {
    let module = load(engine, &rule()).await;
    let mut times = Vec::with_capacity(INSTANCES);
    for _ in 0..INSTANCES {
        let store = module.store_for_measurement().unwrap();
        let begun = Instant::now();
        let instance = store.instantiate().await.unwrap();
        times.push(begun.elapsed());
        drop(instance);
    }
    report.at_most(
        "instantiate a Rust invariant, p50",
        "us",
        percentile_us(&mut times, 50),
        5.0,
    );
    report.at_most(
        "instantiate a Rust invariant, p99",
        "us",
        percentile_us(&mut times, 99),
        15.0,
    );
}

async fn fresh(engine: &Engine, report: &mut Report) {
    let snapshot = snapshot(vec![nodes("nodes", 12)]);
    let module = load(engine, &rule()).await;
    let check = check(&module, "by-rows");
    let mut times = Vec::with_capacity(CHECKS);
    for _ in 0..CHECKS {
        let begun = Instant::now();
        module
            .evaluate(check, &snapshot, None)
            .await
            .result
            .unwrap();
        times.push(begun.elapsed());
    }
    report.at_most(
        "fresh check of 12 rows, p50",
        "us",
        percentile_us(&mut times, 50),
        20.0,
    );
    let alone = rate(&module, check, &snapshot, 1);
    let together = rate(&module, check, &snapshot, THREADS);
    report.at_least(
        "fresh checks of 12 rows a second, two threads",
        "1/s",
        together,
        85_000.0,
    );
    report.at_least("two threads against one", "x", together / alone, 1.5);
}

fn rate(
    module: &InvariantModule,
    check: &CheckDeclaration,
    snapshot: &Arc<Snapshot>,
    threads: usize,
) -> f64 {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                runtime.block_on(async {
                    for _ in 0..CHECKS {
                        module.evaluate(check, snapshot, None).await.result.unwrap();
                    }
                });
            });
        }
    });
    (threads * CHECKS) as f64 / begun.elapsed().as_secs_f64()
}
