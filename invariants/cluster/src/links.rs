//! Links between the stores: who cannot reach whom.
//!
//! A store that is gone cannot be reached either; that is the business of `store-up`, and no link is cut.

use std::collections::{BTreeMap, BTreeSet};

use judging::entities::{self, Store};
use operator_plugin::{Check, Findings, Outcome, PluginError, Row, Snapshot, TableView, Violation};

/// I60: stores report messages that they cannot deliver. Nobody is unreachable by accident for a minute.
pub(crate) fn whole() -> Check {
    Check::new("links-whole", "stores that are up reach one another")
        .critical()
        .hold_ms(60_000)
        .reads(&["unreachable_reports", "stores"])
        .by(judge)
}

/// Reports a second: less is a connection that was made anew.
const REPORTS_MIN: f64 = 0.1;

/// A store that started less than this ago was unreachable for a good reason, which the window still holds.
const UPTIME_MIN_S: f64 = 120.0;

fn judge(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let (reports, stores) = (
        snapshot.table("unreachable_reports")?,
        snapshot.table("stores")?,
    );
    let mut targets: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
    let store = |key: &str| stores.find("store", key).and_then(Store::of);
    let is_up = |key: &str| store(key).is_some_and(|store| store.is_up());
    let cut = |row: &Row<'_>| {
        row.number("per_s")
            .is_some_and(|per_s| per_s >= REPORTS_MIN)
    };
    for row in reports
        .rows()
        .filter(|row| cut(row) && row.text("reporter").is_some_and(is_up))
    {
        if let Some(target) = row.text("target") {
            targets.entry(target).or_default().push(row);
        }
    }
    let is_there = |target: &&str| {
        store(target).is_some_and(|store| store.is_up() && !store.refuses() && !is_new(store))
    };
    let cut_links = targets
        .iter()
        .filter(|(target, _)| is_there(target))
        .map(|(target, rows)| (*target, rows.clone()));
    let cut_links: BTreeMap<&str, Vec<Row<'_>>> = cut_links.collect();
    let centre = centre(&cut_links);
    let mut findings = Findings::new();
    for store in stores.rows().filter_map(Store::of) {
        match targets.get(store.key) {
            None if centre != Some(store.key) => findings.pass(store.entity()),
            _ if !store.is_up() || store.refuses() => {
                findings.unknown(&store.entity(), "it is away itself");
            }
            _ if is_new(store) => {
                findings.unknown(
                    &store.entity(),
                    "it started within the window of the reports",
                );
            }
            None => findings.fail(cannot_reach(store, &cut_links, &stores)),
            Some(_) if centre.is_some_and(|centre| centre != store.key) => {
                findings.pass(store.entity())
            }
            Some(rows) => findings.fail(unreachable(store, rows, &stores)),
        }
    }
    Ok(findings.conclude(format!("reports about {} stores", stores.len())))
}

/// The one store that stands at every cut link, when there are several: it is cut off, and those at the other ends reach
/// all but it.
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
    let said = format!("cannot be reached by {}", names(rows, "reporter", stores));
    violation(store, &said, rows)
}

/// Only it complains, about all others: what it sends is lost.
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

fn violation(store: Store<'_>, said: &str, rows: &[Row<'_>]) -> Violation {
    let state = store.row.text("state").unwrap_or("in no known state");
    let summary = format!("{} {said}; PD calls it {state}", store.name());
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
    use judging::examples::{Cell, Cluster};
    use operator_plugin::{Status, table};

    fn with(per_s: f64) -> Cluster {
        let reports = table("unreachable_reports")
            .texts("reporter", ["1".to_owned(), "5".to_owned()])
            .texts("target", ["4".to_owned(), "4".to_owned()])
            .floats("per_s", "1/s", [per_s; 2]);
        Cluster::healthy().table(reports)
    }

    fn judge(cluster: Cluster) -> Outcome {
        whole().evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn the_unreachable_store_is_named_with_those_who_say_so() {
        let outcome = judge(with(12.0));
        let found = &outcome.violations[0];
        assert_eq!(found.entity, "store/4");
        assert!(
            found.summary.contains("tikv-0:20160 and TiKV tikv-2:20160"),
            "{}",
            found.summary
        );
        assert_eq!(outcome.passed, ["store/1", "store/5"]);
    }

    #[test]
    fn a_store_at_every_cut_link_is_the_one_that_is_cut_off() {
        let reports = |pairs: &[(&str, &str)]| {
            let column =
                |pick: fn(&(&str, &str)) -> String| pairs.iter().map(pick).collect::<Vec<_>>();
            let table = table("unreachable_reports")
                .texts("reporter", column(|pair| pair.0.to_owned()))
                .texts("target", column(|pair| pair.1.to_owned()))
                .floats("per_s", "1/s", vec![12.0; pairs.len()]);
            let outcome = judge(Cluster::healthy().table(table));
            outcome
                .violations
                .into_iter()
                .map(|found| found.entity)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            reports(&[("1", "4"), ("4", "1"), ("5", "4"), ("4", "5")]),
            ["store/4"]
        );
        assert_eq!(
            reports(&[("4", "1"), ("4", "5")]),
            ["store/4"],
            "nothing of what it sends arrives"
        );
        assert_eq!(
            reports(&[("1", "4"), ("4", "1")]),
            ["store/1", "store/4"],
            "one link has two ends"
        );
        assert_eq!(
            reports(&[("1", "4"), ("5", "4"), ("1", "5")]),
            ["store/4", "store/5"],
            "no end is at all of them"
        );
    }

    #[test]
    fn a_reconnect_and_a_restart_are_no_cut() {
        assert_eq!(judge(with(0.05)).status, Status::Pass);
        assert_eq!(
            judge(with(12.0).store("4", "uptime_s", 11.0)).status,
            Status::Inconclusive
        );
        assert_eq!(
            judge(with(12.0).store("4", "uptime_s", Cell::Null)).status,
            Status::Inconclusive
        );
    }

    #[test]
    fn a_store_that_is_away_is_no_cut_link_and_no_witness() {
        assert_eq!(
            judge(with(12.0).store("4", "state", "Disconnected")).status,
            Status::Inconclusive
        );
        assert_eq!(
            judge(with(12.0).store("4", "probe", "refused")).status,
            Status::Inconclusive
        );
        let cut_off = ["1", "5"].iter().fold(with(12.0), |cluster, store| {
            cluster.store(store, "state", "Disconnected")
        });
        assert_eq!(judge(cut_off).status, Status::Pass);
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
            judge(left_alone).violations.is_empty(),
            "who is left alone is not cut off"
        );
        let reports = table("unreachable_reports")
            .texts("reporter", ["4".to_owned(), "4".to_owned()])
            .texts("target", ["1".to_owned(), "5".to_owned()])
            .floats("per_s", "1/s", [12.0; 2]);
        let just_started = judge(
            Cluster::healthy()
                .table(reports)
                .store("4", "uptime_s", 11.0),
        );
        assert_eq!(
            just_started.status,
            Status::Inconclusive,
            "who has just started may not have found the others yet"
        );
    }

    #[test]
    fn no_reports_are_in_order_and_a_missing_table_is_not() {
        assert_eq!(judge(Cluster::healthy()).status, Status::Pass);
        assert!(
            whole()
                .evaluate(
                    &Cluster::healthy().without("unreachable_reports").snapshot(),
                    None
                )
                .is_err()
        );
    }
}
