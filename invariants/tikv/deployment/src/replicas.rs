//! Placement of replicas and leaders.

use operator_plugin::{Check, EntityId, Outcome, PluginError, Row, Snapshot, TableView, Violation};
use tikv_check_support::entities::{self, Store};

use crate::report::Report;

/// A new cluster has one replica of its first region; the others follow within minutes.
pub(crate) fn placed() -> Check {
    Check::new(
        "deployment-replicas",
        "every region has all its replicas, and every store leads some regions",
    )
    .reads(&["cluster", "region_health", "stores"])
    .by(evaluate_placed)
}

/// A younger cluster may still be adding replicas.
const YOUNG_S: f64 = 300.0;

/// A few replicas in motion are normal while PD balances.
const MOVING_SHARE_MAX: f64 = 0.05;

/// With at most this many regions a store may lead none by chance.
const SPREAD_REGIONS_MIN: i64 = 10;

fn evaluate_placed(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let clusters = snapshot.table("cluster")?;
    let health = snapshot.table("region_health")?;
    let stores = snapshot.table("stores")?;
    let (Some(entity), Some(regions)) = (
        entities::cluster(snapshot),
        clusters.first().and_then(|row| row.integer("region_count")),
    ) else {
        return Ok(Outcome::inconclusive("the number of regions is unknown"));
    };
    let is_young = stores
        .rows()
        .filter_map(|row| row.number("uptime_s"))
        .any(|uptime_s| uptime_s < YOUNG_S);
    let mut report = Report::default();
    for row in health.rows() {
        evaluate_kind(row, &entity, regions, is_young, &mut report);
    }
    evaluate_leaders(&stores, regions, is_young, &mut report);
    if regions == 0 {
        report.unknown(&entity, "it has no regions yet");
    }
    Ok(report.conclude(format!("{regions} regions on {} stores", stores.len())))
}

fn evaluate_kind(
    row: Row<'_>,
    entity: &EntityId,
    regions: i64,
    is_young: bool,
    report: &mut Report,
) {
    let (Some(kind), Some(count)) = (row.text("kind"), row.integer("regions")) else {
        return;
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "numbers of regions are far below 2^52"
    )]
    let share = count as f64 / regions.max(1) as f64;
    let is_abnormal = match kind {
        "miss-peer" | "down-peer" | "offline-peer" => count > 0,
        "pending-peer" | "extra-peer" | "learner-peer" => share > MOVING_SHARE_MAX,
        _ => false,
    };
    if !is_abnormal {
        return report.pass(entity.clone());
    }
    if is_young {
        return report.unknown(
            entity,
            &format!(
                "{count} regions are in PD's list {kind}; the cluster is new, so try again in 5 min"
            ),
        );
    }
    let violation = Violation::new(
        entity.clone(),
        format!("{count} of {regions} regions are in PD's list {kind}"),
    )
    .evidence(row.evidence("regions").expected("0"));
    report.fail(violation, remedy(kind));
}

fn remedy(kind: &str) -> &'static str {
    match kind {
        "miss-peer" => {
            "start as many stores as max-replicas requires, with addresses at which they reach each other, and check with \
             pd-ctl config show that scheduling is not halted"
        }
        "down-peer" => "start the stores that are down",
        "offline-peer" => {
            "wait until the store has been removed, or cancel the removal: pd-ctl store cancel-delete ID"
        }
        _ => "check that the stores reach each other at their --advertise-addr",
    }
}

fn evaluate_leaders(stores: &TableView, regions: i64, is_young: bool, report: &mut Report) {
    if regions <= SPREAD_REGIONS_MIN {
        return;
    }
    for store in stores.rows().filter_map(Store::of).filter(Store::is_up) {
        match store.row.integer("leader_count") {
            Some(0) if !is_young => {
                let violation = Violation::new(
                    store.entity(),
                    format!("{} leads none of {regions} regions", store.name()),
                )
                .evidence(store.row.evidence("leader_count").expected("above 0"));
                report.fail(
                    violation,
                    "check with pd-ctl scheduler show that no scheduler evicts its leaders",
                );
            }
            Some(0) => report.unknown(
                &store.entity(),
                "it leads no region yet; try again in 5 min",
            ),
            _ => report.pass(store.entity()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::Cluster;

    fn outcome_of(cluster: &Cluster) -> Outcome {
        placed().evaluate(&cluster.snapshot(), None).unwrap()
    }

    fn with(kind: &str, regions: i64) -> Cluster {
        Cluster::healthy().with("region_health", ("kind", kind), "regions", regions)
    }

    #[test]
    fn missing_replicas_are_a_violation_unless_the_cluster_is_new() {
        assert_eq!(
            outcome_of(&with("miss-peer", 3)).violations()[0].summary,
            "3 of 400 regions are in PD's list miss-peer"
        );
        assert_eq!(
            outcome_of(&with("miss-peer", 3).store("4", "uptime_s", 60.0)).status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn a_few_replicas_in_motion_are_normal_and_many_are_not() {
        assert_eq!(outcome_of(&with("pending-peer", 10)).status(), Status::Pass);
        assert_eq!(outcome_of(&with("pending-peer", 40)).status(), Status::Fail);
    }

    #[test]
    fn a_store_without_leaders_is_a_violation_if_the_cluster_is_large_enough() {
        let idle = Cluster::healthy().store("4", "leader_count", 0);
        assert_eq!(outcome_of(&idle).violations()[0].entity, "store/4");
        assert_eq!(
            outcome_of(&idle.cluster("region_count", 5)).status(),
            Status::Pass
        );
        assert_eq!(outcome_of(&Cluster::healthy()).status(), Status::Pass);
    }
}
