//! Reads that wait for something that does not come.

use std::time::Duration;

use operator_plugin::{
    Check, Evidence, Findings, Outcome, PluginError, Snapshot, Violation, series,
};
use tikv_check_support::entities::Store;
use tikv_check_support::metrics;

/// A pool that is full while its threads idle is not overloaded: its tasks wait for an answer that was lost.
pub(crate) fn moving() -> Check {
    Check::new(
        "reads-move",
        "no read pool is full of tasks while its threads idle",
    )
    .critical()
    .pending_for(Duration::from_secs(60))
    .reads(&["stores"])
    .by(evaluate)
}

/// Half of what a single thread may have waiting: `readpool.unified.max-tasks-per-worker` is 2,000.
const TASKS_MIN: f64 = 1_000.0;
/// Threads that answer a single request a second use more.
const IDLE_CORES: f64 = 0.02;

const TASKS: &str = "tikv_unified_read_pool_running_tasks";
const CPU: &str = "tikv_thread_cpu_seconds_total";

fn evaluate(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let waiting = match metrics::rare_gauge(&series(TASKS), metrics::WINDOW) {
        Ok(waiting) => waiting,
        Err(error) => return Ok(Outcome::inconclusive(metrics::describe(&error, TASKS))),
    };
    let threads = series(CPU).starting("name", "unified_read_po").by("store");
    let cores = match threads.rate(metrics::WINDOW) {
        Ok(table) => metrics::by_key(&table, "store"),
        Err(error) => return Ok(Outcome::inconclusive(metrics::describe(&error, CPU))),
    };
    let mut findings = Findings::new();
    for store in stores.rows().filter_map(Store::of).filter(Store::is_up) {
        match (waiting.get(store.key), cores.get(store.key)) {
            (Some(tasks), Some(cores)) if *tasks >= TASKS_MIN && *cores < IDLE_CORES => {
                findings.fail(stuck(store, *tasks, *cores));
            }
            (Some(_), Some(_)) => findings.pass(store.entity()),
            _ => findings.unknown(&store.entity(), "its read pool was not observed"),
        }
    }
    Ok(findings.conclude(format!("read pools of {} stores", stores.len())))
}

fn stuck(store: Store<'_>, tasks: f64, cores: f64) -> Violation {
    let key = store.key;
    let summary = format!(
        "{tasks:.0} tasks wait in the read pool of {}, and its threads idle",
        store.name()
    );
    let waiting = format!("sum({TASKS}{{store=\"{key}\"}})");
    let used = format!("sum(rate({CPU}{{store=\"{key}\",name=~\"unified_read_po.*\"}}[1m]))");
    Violation::new(store.entity(), summary)
        .evidence(Evidence::metric(waiting, tasks, "1").expected("below 1000"))
        .evidence(Evidence::metric(used, cores, "1").expected("some CPU while tasks wait"))
}
