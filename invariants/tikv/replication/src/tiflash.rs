//! Columnar stores of TiFlash. They lead nothing and take part in no vote, but leaders keep the log for them.

use std::time::Duration;

use operator_plugin::{
    Check, EntityId, Findings, Outcome, PluginError, Row, Snapshot, Violation, entity,
};

pub(crate) fn space() -> Check {
    Check::new(
        "tiflash-space",
        "every TiFlash store has 5 % of its space free",
    )
    .critical()
    .pending_for(Duration::from_secs(30))
    .reads(&["stores"])
    .by(evaluate_space)
}

/// A store that takes no log makes the leaders keep it, in memory and on disk.
pub(crate) fn keeps_up() -> Check {
    Check::new(
        "tiflash-keeps-up",
        "less than half of the replicas of every TiFlash store wait for log",
    )
    .pending_for(Duration::from_secs(60))
    .reads(&["stores"])
    .by(evaluate_pending)
}

const SPACE_MIN: f64 = 0.05;
const PENDING_MAX: f64 = 0.5;

fn evaluate_space(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    evaluate(snapshot, |row, entity, findings| {
        match row.number("available_ratio") {
            None => findings.unknown(&entity, "its free space is not known"),
            Some(free) if free < SPACE_MIN => findings.fail(
                Violation::new(
                    entity,
                    format!(
                        "TiFlash {} has {:.1} % of its space left",
                        name(row),
                        100.0 * free
                    ),
                )
                .evidence(row.evidence("available_ratio").expected("at least 0.05")),
            ),
            Some(_) => findings.pass(entity),
        }
    })
}

fn evaluate_pending(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    evaluate(snapshot, |row, entity, findings| {
        let regions = row.number("region_count").filter(|regions| *regions > 0.0);
        match (row.number("pending_peers"), regions) {
            (Some(pending), Some(regions)) if pending > regions * PENDING_MAX => findings.fail(
                Violation::new(
                    entity,
                    format!(
                        "{pending:.0} of {regions:.0} replicas on TiFlash {} wait for log",
                        name(row)
                    ),
                )
                .evidence(row.evidence("pending_peers"))
                .evidence(row.evidence("region_count")),
            ),
            (Some(_), _) => findings.pass(entity),
            (None, _) => findings.unknown(&entity, "its pending replicas are not known"),
        }
    })
}

fn evaluate(
    snapshot: &Snapshot,
    mut store: impl FnMut(Row<'_>, EntityId, &mut Findings),
) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("tiflash_stores").ok();
    let Some(stores) = stores.filter(|stores| !stores.is_empty()) else {
        return Ok(Outcome::not_applicable("the cluster has no TiFlash store"));
    };
    let mut findings = Findings::new();
    for row in stores.rows() {
        if let Some(key) = row.text("store") {
            store(row, entity("tiflash", key), &mut findings);
        }
    }
    Ok(findings.conclude(format!("{} TiFlash stores", stores.len())))
}

fn name(row: Row<'_>) -> &str {
    row.text("address").unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::{Status, TableData, table};
    use tikv_check_support::examples::Cluster;

    fn store(free: f64, pending: i64) -> TableData {
        table("tiflash_stores")
            .texts("store", ["77".to_owned()])
            .texts("address", ["flash:3930".to_owned()])
            .integers("region_count", "", [280])
            .integers("pending_peers", "", [pending])
            .floats("available_ratio", "1", [free])
    }

    fn statuses(data: Option<TableData>) -> [Status; 2] {
        let cluster = Cluster::healthy();
        let cluster = data.into_iter().fold(cluster, Cluster::table);
        [space(), keeps_up()].map(|check| {
            let outcome = check.evaluate(&cluster.snapshot(), None).unwrap();
            outcome.status()
        })
    }

    #[test]
    fn a_full_store_that_takes_no_log_fails_both() {
        assert_eq!(statuses(Some(store(0.0, 260))), [Status::Fail; 2]);
        assert_eq!(statuses(Some(store(0.6, 3))), [Status::Pass; 2]);
    }

    #[test]
    fn clusters_without_one_are_not_concerned() {
        assert_eq!(statuses(None), [Status::NotApplicable; 2]);
    }
}
