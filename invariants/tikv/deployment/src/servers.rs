//! Whether every process responds at the addresses that it advertises.

use std::collections::BTreeMap;
use tikv_check_support::entities::{self, Store};
use tikv_check_support::metrics;

use operator_plugin::{
    Check, EntityId, Outcome, PluginError, Row, SeriesError, Snapshot, TableView, Violation, series,
};

use crate::report::Report;

/// Probed by the operator, and taken from the stores' reports about each other.
pub(crate) fn reachable() -> Check {
    Check::new(
        "deployment-reachable",
        "every process responds at the addresses that it advertises",
    )
    .critical()
    .reads(&["members", "stores"])
    .by(evaluate_reachable)
}

/// The operator needs the same metrics as Prometheus.
pub(crate) fn metrics() -> Check {
    Check::new(
        "deployment-metrics",
        "the metrics of every member and store can be read",
    )
    .reads(&["members", "stores"])
    .by(evaluate_metrics)
}

const NOT_HERE: &str = "cannot be reached, and neither can any other address: the operator is outside the network of the clients";

fn evaluate_reachable(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let members = snapshot.table("members")?;
    let stores = snapshot.table("stores")?;
    let reports = snapshot.table("unreachable_reports").ok();
    let mut report = Report::default();
    let all_fail = all_unreachable(members.rows(), "probe");
    for row in members.rows() {
        let Some(name) = row.text("member") else {
            continue;
        };
        let probe = AddressProbe {
            row,
            column: "probe",
            address: row.text("client_url"),
            flag: "--advertise-client-urls",
        };
        probe.evaluate(entities::member(name), all_fail, &mut report);
    }
    let all_fail = all_unreachable(stores.rows(), "probe");
    let all_addresses_fail = all_unreachable(stores.rows(), "address_probe");
    for store in stores.rows().filter_map(Store::of) {
        let row = store.row;
        let probe = AddressProbe {
            row,
            column: "probe",
            address: row.text("status_address"),
            flag: STATUS_FLAGS,
        };
        probe.evaluate(store.entity(), all_fail, &mut report);
        if let Some(violation) = reported(store, reports.as_ref()) {
            report.fail(
                violation,
                "set --advertise-addr to a host and port that PD, clients and all stores can reach",
            );
            continue;
        }
        let probe = AddressProbe {
            row,
            column: "address_probe",
            address: row.text("address"),
            flag: "--advertise-addr",
        };
        probe.evaluate(store.entity(), all_addresses_fail, &mut report);
    }
    Ok(report.conclude(format!(
        "{} members and {} stores",
        members.len(),
        stores.len()
    )))
}

const STATUS_FLAGS: &str = "--status-addr (loopback is its default) and --advertise-status-addr";

/// Whether none of several addresses is reachable: then the network of the operator is the problem, not the addresses.
fn all_unreachable<'table>(rows: impl Iterator<Item = Row<'table>>, column: &str) -> bool {
    let outcomes: Vec<&str> = rows.filter_map(|row| row.text(column)).collect();
    outcomes.len() > 1
        && outcomes
            .iter()
            .all(|outcome| is_unreachable(outcome) || *outcome == "denied")
}

fn is_unreachable(outcome: &str) -> bool {
    matches!(outcome, "refused" | "timeout" | "dns")
}

/// The probe of one advertised address, and the flag that sets it.
struct AddressProbe<'row> {
    row: Row<'row>,
    column: &'static str,
    address: Option<&'row str>,
    flag: &'static str,
}

impl AddressProbe<'_> {
    fn evaluate(&self, entity: EntityId, all_fail: bool, report: &mut Report) {
        let address = self.address.unwrap_or("its address");
        match self.row.text(self.column) {
            None => report.unknown(&entity, &format!("{address} was not probed")),
            Some("ok") => report.pass(entity),
            Some("denied") => {
                report.unknown(
                    &entity,
                    &format!("{address} is not granted: add its network and port to [discovery]"),
                );
            }
            Some(outcome) if is_unreachable(outcome) && all_fail => {
                report.unknown(&entity, &format!("{address} {NOT_HERE}"))
            }
            Some(outcome) => {
                let summary = format!(
                    "{entity} does not respond at {address}: {}",
                    describe(outcome)
                );
                let violation = Violation::new(entity, summary)
                    .evidence(self.row.evidence(self.column).expected("ok"));
                report.fail(
                    violation,
                    format!("start the process, or correct {}", self.flag),
                );
            }
        }
    }
}

fn describe(outcome: &str) -> &'static str {
    match outcome {
        "refused" => "connection refused",
        "timeout" => "timed out",
        "dns" => "the name does not resolve",
        _ => "the response is an error",
    }
}

/// Reports of other stores outweigh the operator's own probe: data takes their path.
fn reported(store: Store<'_>, reports: Option<&TableView>) -> Option<Violation> {
    let mut rows = reports?
        .rows()
        .filter(|row| row.text("target") == Some(store.key));
    let row = rows.next()?;
    let reporter = row.text("reporter").unwrap_or("another");
    let summary = format!(
        "store {reporter} cannot reach {} at its advertised address",
        store.name()
    );
    Some(Violation::new(store.entity(), summary).evidence(row.evidence("per_s").expected("0")))
}

fn evaluate_metrics(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let mut report = Report::default();
    let families = [
        (
            "stores",
            "store",
            "tikv_store_size_bytes",
            entities::store as fn(&str) -> EntityId,
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
        let collected = match series(family).by(key).last(metrics::WINDOW) {
            Ok(found) => metrics::by_key(&found, key),
            Err(SeriesError::NoSuchMetric(_) | SeriesError::TooFewSamples) => BTreeMap::new(),
            Err(error) => {
                return Ok(Outcome::inconclusive(metrics::describe(&error, family)));
            }
        };
        for row in table.rows() {
            let Some(name) = row.text(key) else { continue };
            match row.text("probe") {
                _ if collected.contains_key(name) => report.pass(entity(name)),
                Some("ok") => {
                    let summary = format!(
                        "{} responds, but its /metrics has no {family}",
                        entity(name)
                    );
                    let violation = Violation::new(entity(name), summary)
                        .evidence(row.evidence("probe").expected(family));
                    report.fail(
                        violation,
                        "check for a proxy in front of it, and what its /metrics returns",
                    );
                }
                _ => report.unknown(&entity(name), "it did not respond"),
            }
        }
    }
    Ok(report.conclude(format!("metrics of {nodes} processes")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::{Status, table};
    use tikv_check_support::examples::{Cell, Cluster, Series};

    fn outcome_of(cluster: &Cluster) -> Outcome {
        reachable().evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn a_store_unreachable_at_its_address_is_reported_with_the_flag_that_sets_it() {
        let found = outcome_of(&Cluster::healthy().store("4", "address_probe", "refused"));
        assert!(
            found.violations()[0]
                .summary
                .contains("store/4 does not respond at tikv-1:20160")
        );
        assert!(
            found.reason().contains("--advertise-addr"),
            "{}",
            found.reason()
        );
        let found = outcome_of(&Cluster::healthy().store("4", "probe", "refused"));
        assert!(
            found.reason().contains("loopback is its default"),
            "{}",
            found.reason()
        );
        assert_eq!(outcome_of(&Cluster::healthy()).status(), Status::Pass);
    }

    #[test]
    fn if_no_address_is_reachable_the_network_of_the_operator_is_the_problem() {
        let nowhere = |cluster: Cluster, store: &str| cluster.store(store, "address_probe", "dns");
        let found = outcome_of(
            &["1", "4", "5"]
                .into_iter()
                .fold(Cluster::healthy(), nowhere),
        );
        assert_eq!(found.status(), Status::Inconclusive);
        assert!(
            found
                .reason()
                .contains("outside the network of the clients"),
            "{}",
            found.reason()
        );
    }

    #[test]
    fn a_report_of_another_store_is_a_violation_even_without_a_probe() {
        let reports = table("unreachable_reports")
            .texts("reporter", ["1".to_owned()])
            .texts("target", ["5".to_owned()])
            .floats("per_s", "1/s", [2.0]);
        let cluster = Cluster::healthy()
            .table(reports)
            .store("5", "address_probe", Cell::Null);
        let found = outcome_of(&cluster);
        assert_eq!(found.violations()[0].entity, "store/5");
        assert!(
            found.violations()[0]
                .summary
                .contains("store 1 cannot reach"),
            "{}",
            found.violations()[0].summary
        );
    }

    #[test]
    fn a_process_without_metrics_is_a_violation() {
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
        assert_eq!(size(&[&["1"], &["4"], &["5"]]).status(), Status::Pass);
        assert_eq!(size(&[&["1"], &["5"]]).violations()[0].entity, "store/4");
    }
}
