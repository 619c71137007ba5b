//! Whether PD may move what has to be moved.

use judging::entities;
use operator_plugin::{Check, Findings, Outcome, PluginError, Row, Severity, Snapshot, Violation};

/// I39: switches that stop repair and balance, left over from a restore, an upgrade or an experiment.
pub(crate) fn enabled() -> Check {
    Check::new("scheduling-enabled", "scheduling is not halted and no schedule limit is 0")
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

/// I38: an upgrade tool that died leaves its scheduler behind, and the store serves nobody.
pub(crate) fn no_leftovers() -> Check {
    Check::new("leftover-schedulers", "no store is kept free of leaders for an hour")
        .hold_ms(3_600_000)
        .reads(&["schedulers"])
        .by(judge_eviction)
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
            Violation::new(cluster.clone(), "scheduling is halted: PD repairs and balances nothing")
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
                Violation::new(cluster, format!("{} is 0: {means}", column.replace('_', "-"))).evidence(evidence),
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
    let paused: Vec<Row<'_>> = schedulers.rows().filter(|row| row.boolean("paused") == Some(true)).collect();
    let not_known = schedulers.rows().filter(|row| row.boolean("paused").is_none()).count();
    let looked_at = format!("{} schedulers", schedulers.len());
    if !paused.is_empty() {
        let names: Vec<&str> = paused.iter().filter_map(|row| row.text("scheduler")).collect();
        let violation = Violation::new(cluster, format!("{} paused", names.join(", ")));
        let cited = paused.iter().fold(violation, |violation, row| {
            violation.evidence(row.evidence("scheduler")).evidence(row.evidence("paused").expected("false"))
        });
        return Ok(Outcome::fail(looked_at, vec![cited]));
    }
    if not_known > 0 {
        return Ok(Outcome::inconclusive(format!("of {not_known} schedulers it is not known whether they run")));
    }
    Ok(Outcome::pass(looked_at).passing([cluster]))
}

fn judge_eviction(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let schedulers = snapshot.table("schedulers")?;
    let mut findings = Findings::new();
    for row in schedulers.rows() {
        let Some(name) = row.text("scheduler").filter(|name| name.starts_with("evict-leader")) else { continue };
        let entity = row.text("store").map(entities::store).or_else(|| entities::cluster(snapshot));
        let Some(entity) = entity else { continue };
        let summary = format!("{name} keeps leaders away from {}", entity.replace('/', " "));
        let mut violation =
            Violation::new(entity, summary).evidence(row.evidence("scheduler").expected("no such scheduler"));
        if row.text("store").is_some() {
            violation = violation.evidence(row.evidence("store"));
        }
        // The pause of an eviction is as good as its end, until it ends itself.
        findings.fail(if row.boolean("paused") == Some(true) { violation.severity(Severity::Info) } else { violation });
    }
    if findings.is_empty() {
        let stores = snapshot.table("stores").ok();
        let names =
            stores.iter().flat_map(|table| table.texts("store").iter().flatten().map(|key| entities::store(key)));
        return Ok(
            Outcome::pass(format!("{} schedulers, none of them evicts leaders", schedulers.len())).passing(names)
        );
    }
    Ok(findings.conclude(format!("{} schedulers", schedulers.len())))
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
        let halted = judge(&enabled(), Cluster::healthy().cluster("halt_scheduling", true));
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
        assert!(judge(&running(), paused).violations[0].summary.starts_with("balance-leader-scheduler"));
        assert_eq!(judge(&running(), Cluster::healthy()).status, Status::Pass);
        let unknown = Cluster::healthy().with("schedulers", key, "paused", Cell::Null);
        assert_eq!(judge(&running(), unknown).status, Status::Inconclusive);
    }

    #[test]
    fn an_eviction_names_its_store() {
        let evicting = table("schedulers")
            .texts("scheduler", ["evict-leader-scheduler".to_owned()])
            .booleans("paused", [false])
            .texts("store", ["4".to_owned()]);
        for check in [nobody_evicted(), no_leftovers()] {
            let outcome = judge(&check, Cluster::healthy().table(evicting.clone()));
            assert_eq!(outcome.violations[0].entity, "store/4");
            assert_eq!(judge(&check, Cluster::healthy()).passed.len(), 3);
            assert!(check.evaluate(&Cluster::healthy().without("schedulers").snapshot(), None).is_err());
        }
    }
}
