//! Whether PD may move what has to be moved.

use std::collections::BTreeMap;

use judging::entities;
use operator_plugin::{Check, Findings, Outcome, PluginError, Row, Snapshot, TableView, Violation};

/// I39: switches that stop repair and balance, left over from a restore, an upgrade or an experiment.
pub(crate) fn enabled() -> Check {
    Check::new(
        "scheduling-enabled",
        "scheduling is not halted and no schedule limit is 0",
    )
    // Shorter than for paused schedulers: tools pause those, but only a person halts scheduling or sets a 0.
    .hold_ms(120_000)
    .reads(&["cluster"])
    .by(judge_enabled)
}

/// I39, second half: tools pause schedulers for a while.
pub(crate) fn running() -> Check {
    Check::new("schedulers-running", "no scheduler is paused for long")
        .hold_ms(600_000)
        .reads(&["schedulers"])
        .by(judge_running)
}

/// I38, at once and as a note: who looks for missing leaders should know.
pub(crate) fn nobody_evicted() -> Check {
    Check::new("leader-eviction", "no store is kept free of leaders")
        .info()
        .hold_ms(60_000)
        .reads(&["schedulers"])
        .by(judge_eviction)
}

/// I38: an upgrade tool that died leaves its scheduler behind, and the store serves nobody. Until the hour is over
/// there is no violation at all: a planned eviction must not look worse than a note.
pub(crate) fn no_leftovers() -> Check {
    Check::new(
        "leftover-schedulers",
        "no store is kept free of leaders for an hour",
    )
    .reads(&["schedulers"])
    .with_state(judge_leftovers)
}

const LIMITS: [(&str, &str); 4] = [
    ("leader_schedule_limit", "PD moves no leaders"),
    ("region_schedule_limit", "PD moves no regions"),
    ("replica_schedule_limit", "PD repairs no replicas"),
    ("hot_region_schedule_limit", "PD moves no hot regions"),
];

fn judge_enabled(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let table = snapshot.table("cluster")?;
    let (Some(row), Some(cluster)) = (table.first(), entities::cluster(snapshot)) else {
        return Ok(Outcome::inconclusive("the cluster is not known"));
    };
    let mut findings = Findings::new();
    match row.boolean("halt_scheduling") {
        Some(true) => findings.fail(
            Violation::new(
                cluster.clone(),
                "scheduling is halted: PD repairs and balances nothing",
            )
            .evidence(row.evidence("halt_scheduling").expected("false")),
        ),
        Some(false) => findings.pass(cluster.clone()),
        None => findings.unknown(&cluster, "PD does not say whether scheduling is halted"),
    }
    for (column, means) in LIMITS {
        judge_limit(row, column, means, &cluster, &mut findings);
    }
    Ok(findings.conclude("switches and limits of scheduling"))
}

fn judge_limit(row: Row<'_>, column: &str, means: &str, cluster: &str, findings: &mut Findings) {
    match row.integer(column) {
        None => findings.unknown(cluster, &format!("{column} is not known")),
        Some(0) => {
            let evidence = row.evidence(column).expected("above 0");
            findings.fail(
                Violation::new(
                    cluster,
                    format!("{} is 0: {means}", column.replace('_', "-")),
                )
                .evidence(evidence),
            );
        }
        Some(_) => {}
    }
}

fn judge_running(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let schedulers = snapshot.table("schedulers")?;
    let Some(cluster) = entities::cluster(snapshot) else {
        return Ok(Outcome::inconclusive("the cluster is not known"));
    };
    let paused: Vec<Row<'_>> = schedulers
        .rows()
        .filter(|row| row.boolean("paused") == Some(true))
        .collect();
    let not_known = schedulers
        .rows()
        .filter(|row| row.boolean("paused").is_none())
        .count();
    let looked_at = format!("{} schedulers", schedulers.len());
    if !paused.is_empty() {
        let names: Vec<&str> = paused
            .iter()
            .filter_map(|row| row.text("scheduler"))
            .collect();
        let violation = Violation::new(cluster, format!("{} paused", names.join(", ")));
        let cited = paused.iter().fold(violation, |violation, row| {
            violation
                .evidence(row.evidence("scheduler"))
                .evidence(row.evidence("paused").expected("false"))
        });
        return Ok(Outcome::fail(looked_at, vec![cited]));
    }
    if not_known > 0 {
        return Ok(Outcome::inconclusive(format!(
            "of {not_known} schedulers it is not known whether they run"
        )));
    }
    Ok(Outcome::pass(looked_at).passing([cluster]))
}

fn judge_eviction(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let schedulers = snapshot.table("schedulers")?;
    let found = evictions(snapshot, &schedulers);
    if found.is_empty() {
        return Ok(nobody(snapshot, &schedulers));
    }
    let mut findings = Findings::new();
    for (entity, row) in found {
        findings.fail(eviction(entity, row));
    }
    Ok(findings.conclude(format!("{} schedulers", schedulers.len())))
}

/// How long an upgrade may keep leaders away from one store.
const LEFTOVER_NS: u64 = 3_600 * 1_000_000_000;

fn judge_leftovers(snapshot: &Snapshot, state: Option<&[u8]>) -> Result<Outcome, PluginError> {
    let schedulers = snapshot.table("schedulers")?;
    let (before, now) = (
        state.map(read_since).unwrap_or_default(),
        snapshot.taken_at(),
    );
    let (mut after, mut findings) = (BTreeMap::new(), Findings::new());
    for (entity, row) in evictions(snapshot, &schedulers) {
        let since = before.get(&entity).copied().unwrap_or(now);
        after.insert(entity.clone(), since);
        if now.saturating_sub(since) >= LEFTOVER_NS {
            findings.fail(eviction(entity, row));
        } else {
            findings.pass(entity);
        }
    }
    if findings.is_empty() {
        return Ok(nobody(snapshot, &schedulers));
    }
    Ok(findings
        .conclude("evictions of leaders")
        .remember(write_since(&after)))
}

/// Stores that are kept free of leaders, each once, with a row that says so.
fn evictions<'table>(
    snapshot: &Snapshot,
    schedulers: &'table TableView,
) -> BTreeMap<String, Row<'table>> {
    let evicts = |row: &Row<'_>| {
        row.text("scheduler")
            .is_some_and(|name| name.starts_with("evict-leader"))
    };
    let entity = |row: Row<'_>| {
        row.text("store")
            .map(entities::store)
            .or_else(|| entities::cluster(snapshot))
    };
    schedulers
        .rows()
        .filter(evicts)
        .filter_map(|row| Some((entity(row)?, row)))
        .collect()
}

fn eviction(entity: String, row: Row<'_>) -> Violation {
    let name = row.text("scheduler").unwrap_or("a scheduler");
    let summary = format!(
        "{name} keeps leaders away from {}",
        entity.replace('/', " ")
    );
    let violation = Violation::new(entity, summary)
        .evidence(row.evidence("scheduler").expected("no such scheduler"));
    if row.text("store").is_some() {
        violation.evidence(row.evidence("store"))
    } else {
        violation
    }
}

fn nobody(snapshot: &Snapshot, schedulers: &TableView) -> Outcome {
    let stores = snapshot.table("stores").ok();
    let names = stores
        .iter()
        .flat_map(|table| table.texts("store").flatten().map(entities::store));
    Outcome::pass(format!(
        "{} schedulers, none of them evicts leaders",
        schedulers.len()
    ))
    .passing(names)
}

/// One line for each store: its entity id and since when, in nanoseconds.
fn write_since(since: &BTreeMap<String, u64>) -> Vec<u8> {
    since
        .iter()
        .map(|(entity, at)| format!("{entity} {at}\n"))
        .collect::<String>()
        .into_bytes()
}

fn read_since(state: &[u8]) -> BTreeMap<String, u64> {
    let line = |line: &str| {
        line.rsplit_once(' ')
            .and_then(|(entity, at)| Some((entity.to_owned(), at.parse().ok()?)))
    };
    std::str::from_utf8(state)
        .unwrap_or_default()
        .lines()
        .filter_map(line)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cell, Cluster};
    use operator_plugin::{Status, table};

    fn judge(check: &Check, cluster: Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn a_halt_and_each_zero_are_named() {
        assert_eq!(judge(&enabled(), Cluster::healthy()).status, Status::Pass);
        let halted = judge(
            &enabled(),
            Cluster::healthy().cluster("halt_scheduling", true),
        );
        assert_eq!(halted.violations[0].entity, "cluster/7");
        for (column, _) in LIMITS {
            let outcome = judge(&enabled(), Cluster::healthy().cluster(column, 0_i64));
            assert_eq!(outcome.violations[0].evidence[0].column, column);
        }
        let unknown = Cluster::healthy().cluster("halt_scheduling", Cell::Null);
        assert_eq!(judge(&enabled(), unknown).status, Status::Inconclusive);
    }

    #[test]
    fn paused_schedulers_are_listed() {
        let key = ("scheduler", "balance-leader-scheduler");
        let paused = Cluster::healthy().with("schedulers", key, "paused", true);
        assert!(
            judge(&running(), paused).violations[0]
                .summary
                .starts_with("balance-leader-scheduler")
        );
        assert_eq!(judge(&running(), Cluster::healthy()).status, Status::Pass);
        let unknown = Cluster::healthy().with("schedulers", key, "paused", Cell::Null);
        assert_eq!(judge(&running(), unknown).status, Status::Inconclusive);
    }

    fn evicting() -> Cluster {
        let schedulers = table("schedulers")
            .texts("scheduler", ["evict-leader-scheduler".to_owned()])
            .booleans("paused", [false])
            .texts("store", ["4".to_owned()]);
        Cluster::healthy().table(schedulers)
    }

    #[test]
    fn an_eviction_names_its_store() {
        assert_eq!(
            judge(&nobody_evicted(), evicting()).violations[0].entity,
            "store/4"
        );
        for check in [nobody_evicted(), no_leftovers()] {
            assert_eq!(judge(&check, Cluster::healthy()).passed.len(), 3);
            assert!(
                check
                    .evaluate(&Cluster::healthy().without("schedulers").snapshot(), None)
                    .is_err()
            );
        }
    }

    #[test]
    fn an_eviction_is_left_over_after_an_hour_and_not_before() {
        let first = no_leftovers()
            .evaluate(&evicting().snapshot(), None)
            .unwrap();
        assert_eq!(first.status, Status::Pass);
        let after = |seconds| {
            no_leftovers()
                .evaluate(
                    &evicting().later_s(seconds).snapshot(),
                    first.state.as_deref(),
                )
                .unwrap()
        };
        assert_eq!(after(3_599).status, Status::Pass);
        assert_eq!(after(3_600).violations[0].entity, "store/4");
    }
}
