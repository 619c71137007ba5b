//! Whether the copies are where they should be.

use judging::entities::{self, Store};
use operator_plugin::{Check, Outcome, PluginError, Row, Snapshot, TableView, Violation};

use crate::report::Report;

/// A new cluster has one copy of its first region; the others follow within minutes.
pub(crate) fn placed() -> Check {
    Check::new(
        "deployment-replicas",
        "every region has all its copies, and every store its share of the leaders",
    )
    .reads(&["cluster", "region_health", "stores"])
    .by(judge_placed)
}

/// Until then a cluster may still be filling up.
const YOUNG_S: f64 = 300.0;

/// Copies in motion are normal while PD balances, as long as they are few.
const MOVING_SHARE_MAX: f64 = 0.05;

/// With fewer regions than this a store may well lead none.
const LEADERS_SPREAD_FROM: i64 = 10;

fn judge_placed(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let (clusters, health, stores) = (
        snapshot.table("cluster")?,
        snapshot.table("region_health")?,
        snapshot.table("stores")?,
    );
    let (Some(entity), Some(regions)) = (
        entities::cluster(snapshot),
        clusters.first().and_then(|row| row.integer("region_count")),
    ) else {
        return Ok(Outcome::inconclusive("the number of regions is not known"));
    };
    let is_young = stores
        .rows()
        .filter_map(|row| row.number("uptime_s"))
        .any(|uptime_s| uptime_s < YOUNG_S);
    let mut report = Report::default();
    for row in health.rows() {
        judge_kind(row, &entity, regions, is_young, &mut report);
    }
    judge_leaders(&stores, regions, is_young, &mut report);
    if regions == 0 {
        report.unknown(&entity, "it has no region yet");
    }
    Ok(report.conclude(format!("{regions} regions on {} stores", stores.len())))
}

fn judge_kind(row: Row<'_>, entity: &str, regions: i64, is_young: bool, report: &mut Report) {
    let (Some(kind), Some(count)) = (row.text("kind"), row.integer("regions")) else {
        return;
    };
    #[expect(
        clippy::cast_precision_loss,
        reason = "numbers of regions are far below 2^52"
    )]
    let share = count as f64 / regions.max(1) as f64;
    let is_wrong = match kind {
        "miss-peer" | "down-peer" | "offline-peer" => count > 0,
        "pending-peer" | "extra-peer" | "learner-peer" => share > MOVING_SHARE_MAX,
        _ => false,
    };
    if !is_wrong {
        return report.pass(entity);
    }
    if is_young {
        return report.unknown(
            entity,
            &format!(
                "{count} regions have {kind}; copies are still being made, look again in 5 minutes"
            ),
        );
    }
    let violation = Violation::new(entity, format!("{count} of {regions} regions have {kind}"))
        .evidence(row.evidence("regions").expected("0"));
    report.fail(violation, remedy(kind));
}

fn remedy(kind: &str) -> &'static str {
    match kind {
        "miss-peer" => {
            "start as many stores as max-replicas asks for, with addresses at which they reach each other; scheduling may be \
             halted too: pd-ctl config show"
        }
        "down-peer" => "bring the stores back that are down",
        "offline-peer" => {
            "let the removal of the store finish, or cancel it: pd-ctl store cancel-delete ID"
        }
        _ => "see whether the stores reach each other at their --advertise-addr",
    }
}

fn judge_leaders(stores: &TableView, regions: i64, is_young: bool, report: &mut Report) {
    if regions <= LEADERS_SPREAD_FROM {
        return;
    }
    for store in stores.rows().filter_map(Store::of).filter(Store::is_up) {
        match store.row.integer("leader_count") {
            Some(0) if !is_young => {
                let violation = Violation::new(
                    store.entity(),
                    format!("{} leads none of {regions} regions", store.name()),
                )
                .evidence(store.row.evidence("leader_count").expected("its share"));
                report.fail(
                    violation,
                    "see whether a scheduler keeps leaders away: pd-ctl scheduler show",
                );
            }
            Some(0) => report.unknown(
                &store.entity(),
                "it leads nothing yet; look again in 5 minutes",
            ),
            _ => report.pass(store.entity()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::Cluster;
    use operator_plugin::Status;

    fn judged(cluster: &Cluster) -> Outcome {
        placed().evaluate(&cluster.snapshot(), None).unwrap()
    }

    fn with(kind: &str, regions: i64) -> Cluster {
        Cluster::healthy().with("region_health", ("kind", kind), "regions", regions)
    }

    #[test]
    fn missing_copies_are_wrong_unless_the_cluster_is_young() {
        assert_eq!(
            judged(&with("miss-peer", 3)).violations[0].summary,
            "3 of 400 regions have miss-peer"
        );
        assert_eq!(
            judged(&with("miss-peer", 3).store("4", "uptime_s", 60.0)).status,
            Status::Inconclusive
        );
    }

    #[test]
    fn a_few_copies_in_motion_are_normal_and_many_are_not() {
        assert_eq!(judged(&with("pending-peer", 10)).status, Status::Pass);
        assert_eq!(judged(&with("pending-peer", 40)).status, Status::Fail);
    }

    #[test]
    fn a_store_that_leads_nothing_is_told_in_a_cluster_that_is_large_enough() {
        let idle = Cluster::healthy().store("4", "leader_count", 0);
        assert_eq!(judged(&idle).violations[0].entity, "store/4");
        assert_eq!(
            judged(&idle.cluster("region_count", 5)).status,
            Status::Pass
        );
        assert_eq!(judged(&Cluster::healthy()).status, Status::Pass);
    }
}
