//! Whether every process answers where it says that it is.

use judging::entities::{self, Store};
use judging::metrics;
use operator_plugin::{
    Check, MetricsError, Outcome, PluginError, Row, Snapshot, TableView, Violation, series,
};

use crate::report::Report;

/// Tried from here; what the stores say of each other counts too.
pub(crate) fn reachable() -> Check {
    Check::new(
        "deployment-reachable",
        "every process answers at the addresses that it advertises",
    )
    .critical()
    .reads(&["members", "stores"])
    .by(judge_reachable)
}

/// Prometheus needs what Operator needs.
pub(crate) fn metrics() -> Check {
    Check::new(
        "deployment-metrics",
        "the metrics of every member and store can be read",
    )
    .reads(&["members", "stores"])
    .by(judge_metrics)
}

const NOT_HERE: &str =
    "cannot be reached from here, and neither can any other: this machine is not where clients are";

fn judge_reachable(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let (members, stores) = (snapshot.table("members")?, snapshot.table("stores")?);
    let reports = snapshot.table("unreachable_reports").ok();
    let mut report = Report::default();
    let elsewhere = is_elsewhere(members.rows(), "probe");
    for row in members.rows() {
        let Some(name) = row.text("member") else {
            continue;
        };
        let asked = Asked {
            row,
            column: "probe",
            address: row.text("client_url"),
            flag: "--advertise-client-urls",
        };
        asked.judge(entities::member(name), elsewhere, &mut report);
    }
    let elsewhere = is_elsewhere(stores.rows(), "probe");
    let hidden = is_elsewhere(stores.rows(), "address_probe");
    for store in stores.rows().filter_map(Store::of) {
        let row = store.row;
        let asked = Asked {
            row,
            column: "probe",
            address: row.text("status_address"),
            flag: STATUS_FLAGS,
        };
        asked.judge(store.entity(), elsewhere, &mut report);
        if let Some(violation) = reported(store, reports.as_ref()) {
            report.fail(
                violation,
                "set --advertise-addr to a name and port at which PD, clients and all stores reach it",
            );
            continue;
        }
        let asked = Asked {
            row,
            column: "address_probe",
            address: row.text("address"),
            flag: "--advertise-addr",
        };
        asked.judge(store.entity(), hidden, &mut report);
    }
    Ok(report.conclude(format!(
        "{} members and {} stores",
        members.len(),
        stores.len()
    )))
}

const STATUS_FLAGS: &str = "--status-addr (loopback is its default) and --advertise-status-addr";

/// Whether not one of several could be reached: then our place is wrong, not theirs.
fn is_elsewhere<'table>(rows: impl Iterator<Item = Row<'table>>, column: &str) -> bool {
    let outcomes: Vec<&str> = rows.filter_map(|row| row.text(column)).collect();
    outcomes.len() > 1
        && outcomes
            .iter()
            .all(|outcome| is_gone(outcome) || *outcome == "denied")
}

fn is_gone(outcome: &str) -> bool {
    matches!(outcome, "refused" | "timeout" | "dns")
}

struct Asked<'row> {
    row: Row<'row>,
    column: &'static str,
    address: Option<&'row str>,
    flag: &'static str,
}

impl Asked<'_> {
    fn judge(&self, entity: String, elsewhere: bool, report: &mut Report) {
        let address = self.address.unwrap_or("its address");
        match self.row.text(self.column) {
            None => report.unknown(&entity, &format!("{address} was not tried")),
            Some("ok") => report.pass(entity),
            Some("denied") => {
                report.unknown(
                    &entity,
                    &format!("{address} is not granted: name its network and port in [discovery]"),
                );
            }
            Some(outcome) if is_gone(outcome) && elsewhere => {
                report.unknown(&entity, &format!("{address} {NOT_HERE}"))
            }
            Some(outcome) => {
                let summary = format!(
                    "{entity} does not answer at {address}: {}",
                    in_words(outcome)
                );
                let violation = Violation::new(entity, summary)
                    .evidence(self.row.evidence(self.column).expected("ok"));
                report.fail(violation, format!("start it, or correct {}", self.flag));
            }
        }
    }
}

fn in_words(outcome: &str) -> &'static str {
    match outcome {
        "refused" => "nothing listens there",
        "timeout" => "no answer in time",
        "dns" => "the name does not resolve",
        _ => "the answer is an error",
    }
}

/// What other stores say weighs more than what is seen from here: data goes their way.
fn reported(store: Store<'_>, reports: Option<&TableView>) -> Option<Violation> {
    let mut rows = reports?
        .rows()
        .filter(|row| row.text("target") == Some(store.key));
    let row = rows.next()?;
    let reporter = row.text("reporter").unwrap_or("another");
    let summary = format!(
        "store {reporter} cannot reach {} at the address that it advertises",
        store.name()
    );
    Some(Violation::new(store.entity(), summary).evidence(row.evidence("per_s").expected("none")))
}

fn judge_metrics(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let mut report = Report::default();
    let families = [
        (
            "stores",
            "store",
            "tikv_store_size_bytes",
            entities::store as fn(&str) -> String,
        ),
        (
            "members",
            "member",
            "etcd_server_is_leader",
            entities::member,
        ),
    ];
    let mut nodes = 0;
    for (table, key, family, entity) in families {
        let table = snapshot.table(table)?;
        nodes += table.len();
        let collected = match series(family).by(key).last(metrics::WINDOW_MS) {
            Ok(found) => metrics::by_key(&found, key),
            Err(MetricsError::NoSuchMetric(_) | MetricsError::TooFewSamples) => {
                std::collections::BTreeMap::new()
            }
            Err(error) => {
                return Ok(Outcome::inconclusive(format!(
                    "{family} cannot be read: {error:?}"
                )));
            }
        };
        for row in table.rows() {
            let Some(name) = row.text(key) else { continue };
            match row.text("probe") {
                _ if collected.contains_key(name) => report.pass(entity(name)),
                Some("ok") => {
                    let summary =
                        format!("{} answers, and its /metrics has no {family}", entity(name));
                    let violation = Violation::new(entity(name), summary)
                        .evidence(row.evidence("probe").expected(family));
                    report.fail(
                        violation,
                        "see whether a proxy stands before it, and what /metrics answers",
                    );
                }
                _ => report.unknown(&entity(name), "it did not answer"),
            }
        }
    }
    Ok(report.conclude(format!("metrics of {nodes} processes")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cell, Cluster, Series};
    use operator_plugin::{Status, table};

    fn judged(cluster: &Cluster) -> Outcome {
        reachable().evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn a_store_that_is_not_where_it_says_is_named_with_its_flag() {
        let found = judged(&Cluster::healthy().store("4", "address_probe", "refused"));
        assert!(
            found.violations[0]
                .summary
                .contains("store/4 does not answer at tikv-1:20160")
        );
        assert!(
            found.reason.contains("--advertise-addr"),
            "{}",
            found.reason
        );
        let found = judged(&Cluster::healthy().store("4", "probe", "refused"));
        assert!(
            found.reason.contains("loopback is its default"),
            "{}",
            found.reason
        );
        assert_eq!(judged(&Cluster::healthy()).status, Status::Pass);
    }

    #[test]
    fn when_no_address_can_be_reached_this_machine_is_the_wrong_place() {
        let nowhere = |cluster: Cluster, store: &str| cluster.store(store, "address_probe", "dns");
        let found = judged(
            &["1", "4", "5"]
                .into_iter()
                .fold(Cluster::healthy(), nowhere),
        );
        assert_eq!(found.status, Status::Inconclusive);
        assert!(
            found.reason.contains("not where clients are"),
            "{}",
            found.reason
        );
    }

    #[test]
    fn what_another_store_says_counts_even_when_nothing_can_be_reached_from_here() {
        let reports = table("unreachable_reports")
            .texts("reporter", ["1".to_owned()])
            .texts("target", ["5".to_owned()])
            .floats("per_s", "1/s", [2.0]);
        let cluster = Cluster::healthy()
            .table(reports)
            .store("5", "address_probe", Cell::Null);
        let found = judged(&cluster);
        assert_eq!(found.violations[0].entity, "store/5");
        assert!(
            found.violations[0].summary.contains("store 1 cannot reach"),
            "{}",
            found.violations[0].summary
        );
    }

    #[test]
    fn a_process_without_metrics_is_named() {
        let size = |stores: &[&[&str]]| {
            let rows: Vec<(&[&str], f64)> = stores.iter().map(|labels| (*labels, 1.0)).collect();
            let members: [(&[&str], f64); 3] = [(&["pd1"], 1.0), (&["pd2"], 0.0), (&["pd3"], 0.0)];
            Series::none()
                .values("tikv_store_size_bytes", &["store"], &rows)
                .values("etcd_server_is_leader", &["member"], &members)
                .install();
            metrics()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
        };
        assert_eq!(size(&[&["1"], &["4"], &["5"]]).status, Status::Pass);
        assert_eq!(size(&[&["1"], &["5"]]).violations[0].entity, "store/4");
    }
}
