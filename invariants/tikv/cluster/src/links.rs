//! Links between stores: which store cannot reach which.
//!
//! A store that is down cannot be reached either, but that is no broken link; `store-up` reports it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use operator_plugin::{Check, Findings, Outcome, PluginError, Row, Snapshot, TableView, Violation};
use tikv_check_support::entities::{self, Store};

/// Stores report messages that they cannot deliver. Reports that last for 1 min are no accident.
pub(crate) fn intact() -> Check {
    Check::new("links-whole", "all stores that are up can reach each other")
        .critical()
        .pending_for(Duration::from_secs(60))
        .reads(&["unreachable_reports", "stores"])
        .by(evaluate)
}

/// Reports per second; a lower rate is a reconnect.
const REPORTS_MIN: f64 = 0.1;

/// The window of the reports still covers the restart of a store that started more recently.
const UPTIME_MIN_S: f64 = 120.0;

fn evaluate(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let reports = snapshot.table("unreachable_reports")?;
    let stores = snapshot.table("stores")?;
    let mut targets: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
    let store = |key: &str| stores.find("store", key).and_then(Store::of);
    let is_up = |key: &str| store(key).is_some_and(|store| store.is_up());
    let is_broken = |row: &Row<'_>| {
        row.number("per_s")
            .is_some_and(|per_s| per_s >= REPORTS_MIN)
    };
    for row in reports
        .rows()
        .filter(|row| is_broken(row) && row.text("reporter").is_some_and(is_up))
    {
        if let Some(target) = row.text("target") {
            targets.entry(target).or_default().push(row);
        }
    }
    let is_there = |target: &&str| {
        store(target).is_some_and(|store| store.is_up() && !store.refuses() && !is_new(store))
    };
    let broken_links = targets
        .iter()
        .filter(|(target, _)| is_there(target))
        .map(|(target, rows)| (*target, rows.clone()));
    let broken_links: BTreeMap<&str, Vec<Row<'_>>> = broken_links.collect();
    let centre = centre(&broken_links);
    let mut findings = Findings::new();
    for store in stores.rows().filter_map(Store::of) {
        match targets.get(store.key) {
            None if centre != Some(store.key) => findings.pass(store.entity()),
            _ if !store.is_up() || store.refuses() => {
                findings.unknown(&store.entity(), "it is down itself");
            }
            _ if is_new(store) => {
                findings.unknown(
                    &store.entity(),
                    "it started within the window of the reports",
                );
            }
            None => findings.fail(cannot_reach(store, &broken_links, &stores)),
            Some(_) if centre.is_some_and(|centre| centre != store.key) => {
                findings.pass(store.entity())
            }
            Some(rows) => findings.fail(unreachable(store, rows, &stores)),
        }
    }
    Ok(findings.conclude(format!("reports about {} stores", stores.len())))
}

/// The one store that is an end of every broken link, if there are several. It is cut off; the stores at the other ends
/// reach all stores but this one.
fn centre<'a>(targets: &BTreeMap<&'a str, Vec<Row<'a>>>) -> Option<&'a str> {
    let ends =
        |target: &&'a str, row: &Row<'a>| row.text("reporter").map(|reporter| [*target, reporter]);
    let links: BTreeSet<[&str; 2]> = targets
        .iter()
        .flat_map(|(target, rows)| rows.iter().filter_map(move |row| ends(target, row)))
        .map(|[one, other]| [one.min(other), one.max(other)])
        .collect();
    let mut common = links
        .first()?
        .iter()
        .filter(|end| links.iter().all(|link| link.contains(end)));
    let centre = common.next()?;
    (links.len() > 1 && common.next().is_none()).then_some(*centre)
}

fn is_new(store: Store<'_>) -> bool {
    store
        .row
        .number("uptime_s")
        .is_none_or(|uptime_s| uptime_s < UPTIME_MIN_S)
}

fn unreachable(store: Store<'_>, rows: &[Row<'_>], stores: &TableView) -> Violation {
    let problem = format!("cannot be reached by {}", names(rows, "reporter", stores));
    violation(store, &problem, rows)
}

/// It is the only one to report others as unreachable: its outgoing messages are lost.
fn cannot_reach(
    store: Store<'_>,
    targets: &BTreeMap<&str, Vec<Row<'_>>>,
    stores: &TableView,
) -> Violation {
    let rows: Vec<Row<'_>> = targets.values().flatten().copied().collect();
    violation(
        store,
        &format!("cannot reach {}", names(&rows, "target", stores)),
        &rows,
    )
}

fn violation(store: Store<'_>, problem: &str, rows: &[Row<'_>]) -> Violation {
    let state = store.row.text("state").unwrap_or("unknown");
    let summary = format!("{} {problem}; its state in PD is {state}", store.name());
    let violation =
        Violation::new(entities::store(store.key), summary).evidence(store.row.evidence("state"));
    rows.iter().fold(violation, |violation, row| {
        violation
            .evidence(row.evidence("reporter"))
            .evidence(row.evidence("per_s").expected("0"))
    })
}

fn names(rows: &[Row<'_>], column: &str, stores: &TableView) -> String {
    let name = |key: &str| {
        stores
            .find("store", key)
            .and_then(Store::of)
            .map_or_else(|| key.to_owned(), |store| store.name())
    };
    rows.iter()
        .filter_map(|row| row.text(column))
        .map(name)
        .collect::<Vec<_>>()
        .join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::{Status, table};
    use tikv_check_support::examples::{Cell, Cluster};

    fn with(per_s: f64) -> Cluster {
        let reports = table("unreachable_reports")
            .texts("reporter", ["1".to_owned(), "5".to_owned()])
            .texts("target", ["4".to_owned(), "4".to_owned()])
            .floats("per_s", "1/s", [per_s; 2]);
        Cluster::healthy().table(reports)
    }

    fn evaluate(cluster: Cluster) -> Outcome {
        intact().evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn the_unreachable_store_is_reported_with_its_reporters() {
        let outcome = evaluate(with(12.0));
        let found = &outcome.violations()[0];
        assert_eq!(found.entity, "store/4");
        assert!(
            found.summary.contains("tikv-0:20160 and TiKV tikv-2:20160"),
            "{}",
            found.summary
        );
        assert_eq!(outcome.passed(), ["store/1", "store/5"]);
    }

    #[test]
    fn a_store_at_every_broken_link_is_the_one_that_is_cut_off() {
        let reports = |pairs: &[(&str, &str)]| {
            let column =
                |pick: fn(&(&str, &str)) -> String| pairs.iter().map(pick).collect::<Vec<_>>();
            let table = table("unreachable_reports")
                .texts("reporter", column(|pair| pair.0.to_owned()))
                .texts("target", column(|pair| pair.1.to_owned()))
                .floats("per_s", "1/s", vec![12.0; pairs.len()]);
            let outcome = evaluate(Cluster::healthy().table(table));
            outcome
                .violations()
                .iter()
                .map(|found| found.entity.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            reports(&[("1", "4"), ("4", "1"), ("5", "4"), ("4", "5")]),
            ["store/4"]
        );
        assert_eq!(
            reports(&[("4", "1"), ("4", "5")]),
            ["store/4"],
            "its outgoing messages are lost"
        );
        assert_eq!(
            reports(&[("1", "4"), ("4", "1")]),
            ["store/1", "store/4"],
            "one link has two ends"
        );
        assert_eq!(
            reports(&[("1", "4"), ("5", "4"), ("1", "5")]),
            ["store/4", "store/5"],
            "no store is at all of them"
        );
    }

    #[test]
    fn a_reconnect_and_a_restart_are_no_broken_link() {
        assert_eq!(evaluate(with(0.05)).status(), Status::Pass);
        assert_eq!(
            evaluate(with(12.0).store("4", "uptime_s", 11.0)).status(),
            Status::Inconclusive
        );
        assert_eq!(
            evaluate(with(12.0).store("4", "uptime_s", Cell::Null)).status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn a_store_that_is_down_is_no_broken_link_and_no_reporter() {
        assert_eq!(
            evaluate(with(12.0).store("4", "state", "Disconnected")).status(),
            Status::Inconclusive
        );
        assert_eq!(
            evaluate(with(12.0).store("4", "probe", "refused")).status(),
            Status::Inconclusive
        );
        let cut_off = ["1", "5"].iter().fold(with(12.0), |cluster, store| {
            cluster.store(store, "state", "Disconnected")
        });
        assert_eq!(evaluate(cut_off).status(), Status::Pass);
        let reports = table("unreachable_reports")
            .texts("reporter", ["1".to_owned(), "1".to_owned()])
            .texts("target", ["4".to_owned(), "5".to_owned()])
            .floats("per_s", "1/s", [12.0; 2]);
        let left_alone =
            ["4", "5"]
                .iter()
                .fold(Cluster::healthy().table(reports), |cluster, store| {
                    cluster
                        .store(store, "state", "Disconnected")
                        .store(store, "probe", "refused")
                });
        assert!(
            evaluate(left_alone).violations().is_empty(),
            "the last store that is up is not cut off"
        );
        let reports = table("unreachable_reports")
            .texts("reporter", ["4".to_owned(), "4".to_owned()])
            .texts("target", ["1".to_owned(), "5".to_owned()])
            .floats("per_s", "1/s", [12.0; 2]);
        let just_started = evaluate(
            Cluster::healthy()
                .table(reports)
                .store("4", "uptime_s", 11.0),
        );
        assert_eq!(
            just_started.status(),
            Status::Inconclusive,
            "a store that has just started may not have found the others yet"
        );
    }

    #[test]
    fn an_empty_table_passes_and_a_missing_one_does_not() {
        assert_eq!(evaluate(Cluster::healthy()).status(), Status::Pass);
        assert!(
            intact()
                .evaluate(
                    &Cluster::healthy().without("unreachable_reports").snapshot(),
                    None
                )
                .is_err()
        );
    }
}
