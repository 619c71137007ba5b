//! Scheduling in PD: switches, limits, pauses, and evictions of leaders.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use operator_plugin::{
    Check, EntityId, Findings, Outcome, PluginError, Row, Snapshot, TableView, Violation,
};
use serde::{Deserialize, Serialize};
use tikv_check_support::entities;
use tikv_check_support::state::State;

/// Settings that stop repair and balancing, left over from a restore, an upgrade or an experiment.
pub(crate) fn enabled() -> Check {
    Check::new(
        "scheduling-enabled",
        "scheduling is not halted and no schedule limit is 0",
    )
    // Shorter than for paused schedulers: tools pause those, but only people halt scheduling or set a limit to 0.
    .pending_for(Duration::from_secs(120))
    .reads(&["cluster"])
    .by(evaluate_enabled)
}

/// Tools such as BR pause schedulers for a while.
pub(crate) fn running() -> Check {
    Check::new("schedulers-running", "no scheduler is paused for long")
        .pending_for(Duration::from_secs(600))
        .reads(&["schedulers"])
        .by(evaluate_running)
}

/// Informational and early: it explains why a store has no leaders.
pub(crate) fn no_eviction() -> Check {
    Check::new(
        "leader-eviction",
        "no scheduler evicts leaders from a store",
    )
    .info()
    .pending_for(Duration::from_secs(60))
    .reads(&["schedulers"])
    .by(evaluate_eviction)
}

/// An upgrade tool that crashed leaves its scheduler behind, and the store serves no requests. While an upgrade may be
/// under way this check passes for an hour, because a planned eviction must stay informational.
pub(crate) fn no_leftovers() -> Check {
    Check::new(
        "leftover-schedulers",
        "no scheduler evicts leaders from a store for 1 h, or for 2 min while no upgrade is under way",
    )
    .reads(&["schedulers"])
    .with_state(evaluate_leftovers)
}

const LIMITS: [(&str, &str); 4] = [
    ("leader_schedule_limit", "PD moves no leaders"),
    ("region_schedule_limit", "PD moves no regions"),
    ("replica_schedule_limit", "PD repairs no replicas"),
    ("hot_region_schedule_limit", "PD moves no hot regions"),
];

fn evaluate_enabled(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let table = snapshot.table("cluster")?;
    let (Some(row), Some(cluster)) = (table.first(), entities::cluster(snapshot)) else {
        return Ok(Outcome::inconclusive("the cluster id is unknown"));
    };
    let mut findings = Findings::new();
    match row.boolean("halt_scheduling") {
        Some(true) => findings.fail(
            Violation::new(
                cluster.clone(),
                "scheduling is halted: PD neither repairs nor balances regions",
            )
            .evidence(row.evidence("halt_scheduling").expected("false")),
        ),
        Some(false) => findings.pass(cluster.clone()),
        None => findings.unknown(&cluster, "PD does not report whether scheduling is halted"),
    }
    for (column, means) in LIMITS {
        evaluate_limit(row, column, means, &cluster, &mut findings);
    }
    Ok(findings.conclude("scheduling switch and limits"))
}

fn evaluate_limit(
    row: Row<'_>,
    column: &str,
    means: &str,
    cluster: &EntityId,
    findings: &mut Findings,
) {
    match row.integer(column) {
        None => findings.unknown(cluster, &format!("{} is unknown", column.replace('_', "-"))),
        Some(0) => {
            let evidence = row.evidence(column).expected("above 0");
            findings.fail(
                Violation::new(
                    cluster.clone(),
                    format!("{} is 0: {means}", column.replace('_', "-")),
                )
                .evidence(evidence),
            );
        }
        Some(_) => {}
    }
}

fn evaluate_running(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let schedulers = snapshot.table("schedulers")?;
    let Some(cluster) = entities::cluster(snapshot) else {
        return Ok(Outcome::inconclusive("the cluster id is unknown"));
    };
    let paused: Vec<Row<'_>> = schedulers
        .rows()
        .filter(|row| row.boolean("paused") == Some(true))
        .collect();
    let unknown = schedulers
        .rows()
        .filter(|row| row.boolean("paused").is_none())
        .count();
    let examined = format!("{} schedulers", schedulers.len());
    if !paused.is_empty() {
        let names: Vec<&str> = paused
            .iter()
            .filter_map(|row| row.text("scheduler"))
            .collect();
        let violation = Violation::new(
            cluster,
            format!("schedulers are paused: {}", names.join(", ")),
        );
        let cited = paused.iter().fold(violation, |violation, row| {
            violation
                .evidence(row.evidence("scheduler"))
                .evidence(row.evidence("paused").expected("false"))
        });
        return Ok(Outcome::fail(examined, vec![cited]));
    }
    if unknown > 0 {
        return Ok(Outcome::inconclusive(format!(
            "{unknown} schedulers do not report whether they are paused"
        )));
    }
    Ok(Outcome::pass(examined).passing([cluster]))
}

fn evaluate_eviction(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let schedulers = snapshot.table("schedulers")?;
    let found = evictions(snapshot, &schedulers);
    if found.is_empty() {
        return Ok(without_eviction(snapshot, &schedulers));
    }
    let mut findings = Findings::new();
    for (entity, row) in found {
        findings.fail(eviction(entity, row));
    }
    Ok(findings.conclude(format!("{} schedulers", schedulers.len())))
}

/// When each eviction was first observed, in nanoseconds since the epoch, by entity id.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct EvictionHistory(BTreeMap<String, u64>);

impl State for EvictionHistory {
    const VERSION: u32 = 1;
}

/// How long an upgrade may evict the leaders of one store.
const LEFTOVER_NS: u64 = 3_600 * 1_000_000_000;

/// The same where no upgrade is under way and the store has no leader left: an upgrade restarts it within seconds.
const LEFTOVER_QUIET_NS: u64 = 120 * 1_000_000_000;

/// An upgrade restarts one store after the other; tiup waits for at most this time until the leaders are gone.
const UPGRADE_STEP_S: f64 = 600.0;

/// Whether the store has given all its leaders away.
fn leads_nothing(snapshot: &Snapshot, entity: &EntityId) -> bool {
    let key = entity.key.first().map_or("", String::as_str);
    let stores = snapshot.table("stores").ok();
    stores.is_some_and(|stores| {
        stores
            .find("store", key)
            .and_then(|row| row.integer("leader_count"))
            == Some(0)
    })
}

/// Whether no upgrade is under way: every store is up, has been for longer than a step of one, and runs the same
/// version.
fn is_quiet(snapshot: &Snapshot) -> bool {
    let Ok(stores) = snapshot.table("stores") else {
        return false;
    };
    let versions: BTreeSet<Option<&str>> = stores.rows().map(|row| row.text("version")).collect();
    let rests = |row: Row<'_>| {
        row.text("state") == Some("Up")
            && row
                .number("uptime_s")
                .is_some_and(|uptime_s| uptime_s > UPGRADE_STEP_S)
    };
    !stores.is_empty() && versions.len() == 1 && stores.rows().all(rests)
}

fn evaluate_leftovers(snapshot: &Snapshot, state: Option<&[u8]>) -> Result<Outcome, PluginError> {
    let schedulers = snapshot.table("schedulers")?;
    let before = state.and_then(EvictionHistory::decode).unwrap_or_default();
    let now = snapshot.taken_at();
    let is_quiet = is_quiet(snapshot);
    let mut after = EvictionHistory::default();
    let mut findings = Findings::new();
    for (entity, row) in evictions(snapshot, &schedulers) {
        let since = before.0.get(&entity.to_string()).copied().unwrap_or(now);
        after.0.insert(entity.to_string(), since);
        let limit_ns = if is_quiet && leads_nothing(snapshot, &entity) {
            LEFTOVER_QUIET_NS
        } else {
            LEFTOVER_NS
        };
        if now.saturating_sub(since) >= limit_ns {
            findings.fail(eviction(entity, row));
        } else {
            findings.pass(entity);
        }
    }
    if findings.is_empty() {
        return Ok(without_eviction(snapshot, &schedulers));
    }
    Ok(findings
        .conclude("leader evictions")
        .remember(after.encode()))
}

/// The stores whose leaders are evicted, each with one row of its scheduler.
fn evictions<'table>(
    snapshot: &Snapshot,
    schedulers: &'table TableView,
) -> BTreeMap<EntityId, Row<'table>> {
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

fn eviction(entity: EntityId, row: Row<'_>) -> Violation {
    let name = row.text("scheduler").unwrap_or("a scheduler");
    let summary = format!(
        "{name} evicts leaders from {}",
        entity.to_string().replace('/', " ")
    );
    let violation = Violation::new(entity, summary)
        .evidence(row.evidence("scheduler").expected("no such scheduler"));
    if row.text("store").is_some() {
        violation.evidence(row.evidence("store"))
    } else {
        violation
    }
}

fn without_eviction(snapshot: &Snapshot, schedulers: &TableView) -> Outcome {
    let stores = snapshot.table("stores").ok();
    let names = stores
        .iter()
        .flat_map(|table| table.texts("store").flatten().map(entities::store));
    Outcome::pass(format!(
        "{} schedulers, none of which evicts leaders",
        schedulers.len()
    ))
    .passing(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::{Status, table};
    use tikv_check_support::examples::{Cell, Cluster, cited_column};

    fn evaluate(check: &Check, cluster: Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn a_halt_and_every_limit_of_zero_are_violations() {
        assert_eq!(
            evaluate(&enabled(), Cluster::healthy()).status(),
            Status::Pass
        );
        let halted = evaluate(
            &enabled(),
            Cluster::healthy().cluster("halt_scheduling", true),
        );
        assert_eq!(halted.violations()[0].entity, "cluster/7");
        for (column, _) in LIMITS {
            let outcome = evaluate(&enabled(), Cluster::healthy().cluster(column, 0_i64));
            assert_eq!(
                cited_column(&outcome.violations()[0].evidence[0]),
                Some(column)
            );
        }
        let unknown = Cluster::healthy().cluster("halt_scheduling", Cell::Null);
        assert_eq!(evaluate(&enabled(), unknown).status(), Status::Inconclusive);
    }

    #[test]
    fn paused_schedulers_are_listed() {
        let key = ("scheduler", "balance-leader-scheduler");
        let paused = Cluster::healthy().with("schedulers", key, "paused", true);
        assert!(
            evaluate(&running(), paused).violations()[0]
                .summary
                .ends_with("balance-leader-scheduler")
        );
        assert_eq!(
            evaluate(&running(), Cluster::healthy()).status(),
            Status::Pass
        );
        let unknown = Cluster::healthy().with("schedulers", key, "paused", Cell::Null);
        assert_eq!(evaluate(&running(), unknown).status(), Status::Inconclusive);
    }

    fn evicting() -> Cluster {
        let schedulers = table("schedulers")
            .texts("scheduler", ["evict-leader-scheduler".to_owned()])
            .booleans("paused", [false])
            .texts("store", ["4".to_owned()]);
        Cluster::healthy().table(schedulers)
    }

    #[test]
    fn an_eviction_is_reported_for_its_store() {
        assert_eq!(
            evaluate(&no_eviction(), evicting()).violations()[0].entity,
            "store/4"
        );
        for check in [no_eviction(), no_leftovers()] {
            assert_eq!(evaluate(&check, Cluster::healthy()).passed().len(), 3);
            assert!(
                check
                    .evaluate(&Cluster::healthy().without("schedulers").snapshot(), None)
                    .is_err()
            );
        }
    }

    #[test]
    fn an_eviction_is_a_leftover_after_two_minutes_if_nothing_is_being_upgraded() {
        let first = no_leftovers()
            .evaluate(&evicting().snapshot(), None)
            .unwrap();
        let after = |seconds| {
            let later = evicting().store("4", "leader_count", 0).later_s(seconds);
            no_leftovers()
                .evaluate(&later.snapshot(), first.state.as_deref())
                .unwrap()
        };
        assert_eq!(after(119).status(), Status::Pass);
        assert_eq!(after(120).violations()[0].entity, "store/4");
    }

    #[test]
    fn during_an_upgrade_an_eviction_is_a_leftover_after_an_hour_and_not_before() {
        let upgrading = || evicting().store("1", "uptime_s", 100.0);
        let first = no_leftovers()
            .evaluate(&upgrading().snapshot(), None)
            .unwrap();
        assert_eq!(first.status(), Status::Pass);
        let after = |seconds| {
            let later = upgrading().later_s(seconds);
            no_leftovers()
                .evaluate(&later.snapshot(), first.state.as_deref())
                .unwrap()
        };
        assert_eq!(after(3_599).status(), Status::Pass);
        assert_eq!(after(3_600).violations()[0].entity, "store/4");
    }

    #[test]
    fn the_eviction_history_survives_the_round_trip() {
        let since = BTreeMap::from([("store/4".to_owned(), 1_795_230_600_000_000_000)]);
        let history = EvictionHistory(since);
        assert_eq!(EvictionHistory::decode(&history.encode()), Some(history));
    }
}
