//! Leaders that move all the time.

use std::time::Duration;

use operator_plugin::{Check, Evidence, Outcome, PluginError, Snapshot, Violation, series};
use tikv_check_support::{entities, metrics};

/// Balancing moves a leader now and then; a storm of moves keeps the Raft threads busy.
pub(crate) fn stay() -> Check {
    Check::new("leaders-stay", "fewer than 10 leaders move each second")
        .pending_for(Duration::from_secs(30))
        .reads(&["cluster"])
        .by(evaluate)
}

/// PD's own limit of concurrent leader moves is 4, each of which takes about a second.
const PER_SECOND_MAX: f64 = 10.0;

const COMMANDS: &str = "tikv_raftstore_admin_cmd_total";

fn evaluate(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let Some(cluster) = entities::cluster(snapshot) else {
        return Ok(Outcome::inconclusive("the cluster id is unknown"));
    };
    let query = series(COMMANDS)
        .with("type", "transfer_leader")
        .with("status", "success");
    let counts = match metrics::rare_counter(&query, "type", metrics::WINDOW) {
        Ok(counts) => counts,
        Err(error) => return Ok(Outcome::inconclusive(metrics::describe(&error, COMMANDS))),
    };
    let rates = query.by("store").rate(metrics::WINDOW);
    let rates = match rates {
        Ok(table) => metrics::by_key(&table, "store"),
        Err(_) if counts.is_empty() => std::collections::BTreeMap::new(),
        Err(error) => return Ok(Outcome::inconclusive(metrics::describe(&error, COMMANDS))),
    };
    let per_second: f64 = rates.values().sum();
    let examined = format!("{per_second:.1} leader moves a second");
    if per_second < PER_SECOND_MAX {
        return Ok(Outcome::pass(examined).passing([cluster]));
    }
    let query = format!("sum(rate({COMMANDS}{{type=\"transfer_leader\",status=\"success\"}}[1m]))");
    let violation = Violation::new(cluster, format!("{per_second:.0} leaders move each second"))
        .evidence(Evidence::metric(query, per_second, "1/s").expected("below 10"));
    Ok(Outcome::fail(examined, vec![violation]))
}
