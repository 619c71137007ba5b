//! Properties on which all processes must agree: version, location labels, time.

use std::collections::{BTreeMap, BTreeSet};

use operator_plugin::{Check, EntityId, Outcome, PluginError, Row, Snapshot, TableView, Violation};
use tikv_check_support::entities::{self, Store};

use crate::report::Report;

/// Mixed versions are normal only during an upgrade.
pub(crate) fn versions() -> Check {
    Check::new(
        "deployment-versions",
        "all PD and TiKV processes run the same version",
    )
    .reads(&["members", "stores"])
    .by(evaluate_versions)
}

/// PD separates replicas by labels, so a store without them has no location.
pub(crate) fn labels() -> Check {
    Check::new(
        "deployment-labels",
        "every store has the location labels by which PD places replicas",
    )
    .reads(&["settings", "stores", "cluster"])
    .by(evaluate_labels)
}

/// `Date` headers have a resolution of 1 s, so only larger differences are reported.
pub(crate) fn clocks() -> Check {
    Check::new(
        "deployment-clocks",
        "the clocks of all members and stores agree within 2 s",
    )
    .reads(&["members", "stores"])
    .by(evaluate_clocks)
}

/// TiKV needs 500 ms. But the `Date` header has a resolution of 1 s, and a response may be 1 s old.
const CLOCK_OFFSET_MAX_S: f64 = 2.0;

/// A process and the version that it runs.
struct Process<'row> {
    row: Row<'row>,
    entity: EntityId,
    version: &'row str,
}

fn evaluate_versions(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let members = snapshot.table("members")?;
    let stores = snapshot.table("stores")?;
    let members = processes(&members, "member", entities::member);
    let stores = processes(&stores, "store", entities::store);
    let mut report = Report::default();
    let of_members = evaluate_equal(&members, "PD", &mut report);
    let of_stores = evaluate_equal(&stores, "TiKV", &mut report);
    let (Some(pd), Some(tikv)) = (of_members, of_stores) else {
        return Ok(report.conclude("not all versions are known"));
    };
    if release(&pd) != release(&tikv)
        && let Some(one) = stores.first()
    {
        let summary = format!("PD runs version {pd} and TiKV {tikv}");
        let evidence = one.row.evidence("version").expected(pd.clone());
        report.fail(
            Violation::new(one.entity.clone(), summary).evidence(evidence),
            UPGRADE,
        );
    }
    Ok(report.conclude(format!("PD {pd}, TiKV {tikv}")))
}

const UPGRADE: &str = "run the same version everywhere (one tag for all images); finish the upgrade if one is in progress";

fn processes<'table>(
    table: &'table TableView,
    key: &str,
    entity: fn(&str) -> EntityId,
) -> Vec<Process<'table>> {
    let read = |row: Row<'table>| {
        let version = row.text("version")?;
        Some(Process {
            row,
            entity: entity(row.text(key)?),
            version: version.strip_prefix('v').unwrap_or(version),
        })
    };
    table.rows().filter_map(read).collect()
}

/// The version of the majority. Processes with another version are violations.
fn evaluate_equal(processes: &[Process<'_>], what: &str, report: &mut Report) -> Option<String> {
    let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
    for process in processes {
        *votes.entry(process.version).or_default() += 1;
    }
    let majority = votes
        .iter()
        .max_by_key(|(_, count)| **count)
        .map(|(version, _)| (*version).to_owned())?;
    for process in processes {
        if process.version == majority {
            report.pass(process.entity.clone());
            continue;
        }
        let summary = format!(
            "{} runs {what} {}, the others {majority}",
            process.entity, process.version
        );
        let evidence = process.row.evidence("version").expected(majority.clone());
        report.fail(
            Violation::new(process.entity.clone(), summary).evidence(evidence),
            UPGRADE,
        );
    }
    Some(majority)
}

/// Major and minor number: within one release, PD and TiKV may differ in the patch number.
fn release(version: &str) -> Vec<&str> {
    version.split(['.', '-']).take(2).collect()
}

fn evaluate_labels(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let settings = snapshot.table("settings")?;
    let stores = snapshot.table("stores")?;
    let required = settings
        .find("setting", "location-labels")
        .and_then(|row| row.text("value").map(str::to_owned));
    let required: Vec<String> = required
        .unwrap_or_default()
        .split(',')
        .map(plain)
        .filter(|key| !key.is_empty())
        .collect();
    let mut report = Report::default();
    if required.is_empty() {
        return Ok(Outcome::not_applicable(
            "location-labels is not set; PD places replicas by store only",
        ));
    }
    let mut locations: BTreeSet<String> = BTreeSet::new();
    for store in stores.rows().filter_map(Store::of) {
        let carried = labels_of(store);
        let missing: Vec<&str> = required
            .iter()
            .map(String::as_str)
            .filter(|key| !carried.contains_key(*key))
            .collect();
        locations.insert(
            required
                .iter()
                .filter_map(|key| carried.get(key.as_str()))
                .cloned()
                .collect::<Vec<_>>()
                .join("/"),
        );
        if missing.is_empty() {
            report.pass(store.entity());
            continue;
        }
        let summary = format!(
            "{} lacks the location label {}",
            store.name(),
            missing.join(", ")
        );
        let evidence = store
            .row
            .evidence("labels")
            .expected(format!("a value for {}", required.join(", ")));
        report.fail(
            Violation::new(store.entity(), summary).evidence(evidence),
            format!("start it with --labels {}=VALUE", missing.join("=VALUE,")),
        );
    }
    evaluate_locations(snapshot, locations.len(), &required, &mut report);
    Ok(report.conclude(format!(
        "{} stores in {} locations by {}",
        stores.len(),
        locations.len(),
        required.join(", ")
    )))
}

/// With fewer locations than replicas, two replicas share a location and fail together.
fn evaluate_locations(
    snapshot: &Snapshot,
    locations: usize,
    required: &[String],
    report: &mut Report,
) {
    let clusters = snapshot.table("cluster").ok();
    let Some(row) = clusters.as_ref().and_then(TableView::first) else {
        return;
    };
    let (Some(entity), Some(replicas)) = (entities::cluster(snapshot), row.integer("max_replicas"))
    else {
        return;
    };
    let stores = row.integer("stores").unwrap_or_default();
    let locations = i64::try_from(locations).unwrap_or(i64::MAX);
    if locations >= replicas || stores < replicas {
        return report.pass(entity);
    }
    let summary = format!(
        "the stores are in {locations} locations by {}, but {replicas} replicas need {replicas}",
        required.join(", ")
    );
    let evidence = row
        .evidence("max_replicas")
        .expected(format!("at most {locations}"));
    report.fail(
        Violation::new(entity, summary).evidence(evidence),
        "set a different label value on each machine",
    );
}

fn plain(text: &str) -> String {
    text.trim().trim_matches(['[', ']', '"', ' ']).to_owned()
}

fn labels_of(store: Store<'_>) -> BTreeMap<String, String> {
    let labels = store
        .row
        .text("labels")
        .unwrap_or_default()
        .split(',')
        .filter_map(|label| label.split_once('='));
    labels
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

fn evaluate_clocks(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let members = snapshot.table("members")?;
    let stores = snapshot.table("stores")?;
    let mut report = Report::default();
    let tables = [
        (&members, "member", entities::member as fn(&str) -> EntityId),
        (&stores, "store", entities::store),
    ];
    for (table, key, entity) in tables {
        for row in table.rows() {
            let Some(name) = row.text(key) else { continue };
            match row.number("date_offset_s") {
                None => report.unknown(&entity(name), "its clock offset is unknown"),
                Some(offset_s) if offset_s.abs() < CLOCK_OFFSET_MAX_S => report.pass(entity(name)),
                Some(offset_s) => {
                    let summary =
                        format!("the clock of {} is off by {offset_s:.0} s", entity(name));
                    let evidence = row.evidence("date_offset_s").expected("within 2 s");
                    report.fail(
                        Violation::new(entity(name), summary).evidence(evidence),
                        "run a time service such as chrony on every machine",
                    );
                }
            }
        }
    }
    Ok(report.conclude(format!(
        "clocks of {} members and {} stores",
        members.len(),
        stores.len()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::{Status, table};
    use tikv_check_support::examples::{Cell, Cluster};

    fn outcome_of(check: &Check, cluster: &Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    fn placed_by(keys: &str) -> Cluster {
        let settings = table("settings")
            .texts("setting", ["location-labels".to_owned()])
            .texts("value", [keys.to_owned()])
            .texts("owner", ["pd".to_owned()]);
        Cluster::healthy().table(settings)
    }

    #[test]
    fn one_store_of_another_version_is_a_violation() {
        let found = outcome_of(
            &versions(),
            &Cluster::healthy().store("5", "version", "8.1.0"),
        );
        assert_eq!(
            found.violations()[0].summary,
            "store/5 runs TiKV 8.1.0, the others 8.5.0"
        );
        assert_eq!(
            outcome_of(&versions(), &Cluster::healthy()).status(),
            Status::Pass
        );
    }

    #[test]
    fn pd_and_tikv_of_one_release_may_differ_in_the_patch_only() {
        let all = |version: &str| {
            ["1", "4", "5"]
                .iter()
                .fold(Cluster::healthy(), |cluster, store| {
                    cluster.store(store, "version", version)
                })
        };
        assert_eq!(
            outcome_of(&versions(), &all("8.5.3")).status(),
            Status::Pass
        );
        assert_eq!(
            outcome_of(&versions(), &all("7.5.0")).violations()[0].summary,
            "PD runs version 8.5.0 and TiKV 7.5.0"
        );
    }

    #[test]
    fn a_store_without_its_label_and_too_few_locations_are_violations() {
        assert_eq!(
            outcome_of(&labels(), &placed_by("host")).status(),
            Status::Pass
        );
        let found = outcome_of(
            &labels(),
            &placed_by("host").store("4", "labels", Cell::Null),
        );
        assert_eq!(
            found.violations()[0].summary,
            "TiKV tikv-1:20160 lacks the location label host"
        );
        let found = outcome_of(
            &labels(),
            &placed_by("host").store("4", "labels", "host=h1"),
        );
        assert!(
            found.violations()[0].summary.contains("in 2 locations"),
            "{}",
            found.violations()[0].summary
        );
        assert_eq!(
            outcome_of(&labels(), &placed_by("")).status(),
            Status::NotApplicable
        );
    }

    #[test]
    fn a_clock_offset_is_a_violation_and_an_unknown_one_is_inconclusive() {
        assert_eq!(
            outcome_of(
                &clocks(),
                &Cluster::healthy().store("4", "date_offset_s", -30.0)
            )
            .violations()[0]
                .entity,
            "store/4"
        );
        assert_eq!(
            outcome_of(
                &clocks(),
                &Cluster::healthy().store("4", "date_offset_s", 1.0)
            )
            .status(),
            Status::Pass
        );
        let unknown = Cluster::healthy().member("pd1", "date_offset_s", Cell::Null);
        assert_eq!(
            outcome_of(&clocks(), &unknown).status(),
            Status::Inconclusive
        );
    }
}
