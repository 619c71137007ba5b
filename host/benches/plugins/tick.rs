//! A whole tick of many checks.

use crate::checks::{component, snapshot};
use crate::report::Report;
use operator_check::{CheckSet, ModuleConfigs, run_all};
use operator_data::Table;
use operator_data::tables::Column;
use operator_model::Status;
use operator_plugin_host::{Engine, PluginLimits};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Checks that each look at every row of every table.
const INVARIANTS: usize = 100;
const TABLES: usize = 10;
const ROWS: usize = 10_000;

/// Ticks; the best counts.
const TICKS: usize = 7;

pub(crate) async fn measure(report: &mut Report) {
    let limits = PluginLimits {
        checks_per_module_max: INVARIANTS,
        ..PluginLimits::default()
    };
    let engine = Engine::new(&limits).unwrap();
    let modules = vec![("look".to_owned(), component("bench/look.wasm"))]
        .into_iter()
        .collect();
    let checks = Arc::new(
        CheckSet::from_modules(&engine, modules, ModuleConfigs::new())
            .await
            .unwrap(),
    );
    let mut best = Duration::MAX;
    for tick in 0..TICKS {
        // Every column changes: what stays the same is not called again.
        let snapshot = snapshot(
            (0..TABLES)
                .map(|index| large(&format!("look-{index}"), tick))
                .collect(),
        );
        let begun = Instant::now();
        let verdicts =
            std::thread::scope(|scope| scope.spawn(|| run_all(&checks, &snapshot)).join().unwrap());
        best = best.min(begun.elapsed());
        assert_eq!(
            verdicts
                .iter()
                .filter(|verdict| verdict.status == Status::Pass)
                .count(),
            INVARIANTS
        );
    }
    report.at_most(
        "100 Rust invariants x 10 tables x 10,000 rows",
        "ms",
        best.as_secs_f64() * 1e3,
        40.0,
    );
}

fn large(name: &str, tick: usize) -> Table {
    let used = Column::Floats(
        (0..ROWS)
            .map(|row| Some(((row + tick) % 90) as f64 / 100.0))
            .collect(),
    );
    Table::from_columns(name, vec![("used_ratio", Some("1"), used)]).unwrap()
}
