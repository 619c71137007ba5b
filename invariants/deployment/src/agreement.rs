//! What all processes must agree on: version, labels, time.

use std::collections::{BTreeMap, BTreeSet};

use judging::entities::{self, Store};
use operator_plugin::{Check, Outcome, PluginError, Row, Snapshot, TableView, Violation};

use crate::report::Report;

/// Mixed versions are for the hour of an upgrade.
pub(crate) fn versions() -> Check {
    Check::new(
        "deployment-versions",
        "all PD and all TiKV run the same version",
    )
    .reads(&["members", "stores"])
    .by(judge_versions)
}

/// Copies are kept apart by labels, so a store without them is nowhere.
pub(crate) fn labels() -> Check {
    Check::new(
        "deployment-labels",
        "every store carries the labels that PD places copies by",
    )
    .reads(&["settings", "stores", "cluster"])
    .by(judge_labels)
}

/// `Date` headers are a second fine, so only clear differences count.
pub(crate) fn clocks() -> Check {
    Check::new(
        "deployment-clocks",
        "the clocks of all members and stores agree within 2 s",
    )
    .reads(&["members", "stores"])
    .by(judge_clocks)
}

/// TiKV wants 500 ms; the `Date` header that is compared is a second fine, and an answer a second old.
const CLOCK_OFFSET_MAX_S: f64 = 2.0;

/// A process and the version that it runs.
struct Process<'row> {
    row: Row<'row>,
    entity: String,
    version: &'row str,
}

fn judge_versions(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let (members, stores) = (snapshot.table("members")?, snapshot.table("stores")?);
    let (members, stores) = (
        processes(&members, "member", entities::member),
        processes(&stores, "store", entities::store),
    );
    let mut report = Report::default();
    let of_members = judge_equal(&members, "PD", &mut report);
    let of_stores = judge_equal(&stores, "TiKV", &mut report);
    let (Some(pd), Some(tikv)) = (of_members, of_stores) else {
        return Ok(report.conclude("the versions are not all known"));
    };
    if release(&pd) != release(&tikv)
        && let Some(one) = stores.first()
    {
        let summary = format!("PD is {pd} and TiKV is {tikv}");
        let evidence = one.row.evidence("version").expected(pd.clone());
        report.fail(
            Violation::new(one.entity.clone(), summary).evidence(evidence),
            UPGRADE,
        );
    }
    Ok(report.conclude(format!("PD {pd}, TiKV {tikv}")))
}

const UPGRADE: &str =
    "use one tag for all images and binaries; when an upgrade is under way, finish it";

fn processes<'table>(
    table: &'table TableView,
    key: &str,
    entity: fn(&str) -> String,
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

/// The version that most run. Those that run another one are named.
fn judge_equal(processes: &[Process<'_>], what: &str, report: &mut Report) -> Option<String> {
    let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
    for process in processes {
        *votes.entry(process.version).or_default() += 1;
    }
    let usual = votes
        .iter()
        .max_by_key(|(_, count)| **count)
        .map(|(version, _)| (*version).to_owned())?;
    for process in processes {
        if process.version == usual {
            report.pass(process.entity.clone());
            continue;
        }
        let summary = format!(
            "{} runs {what} {}, the others {usual}",
            process.entity, process.version
        );
        let evidence = process.row.evidence("version").expected(usual.clone());
        report.fail(
            Violation::new(process.entity.clone(), summary).evidence(evidence),
            UPGRADE,
        );
    }
    Some(usual)
}

/// Major and minor number: PD and TiKV of one release differ in patches only.
fn release(version: &str) -> Vec<&str> {
    version.split(['.', '-']).take(2).collect()
}

fn judge_labels(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let (settings, stores) = (snapshot.table("settings")?, snapshot.table("stores")?);
    let wanted = settings
        .find("setting", "location-labels")
        .and_then(|row| row.text("value").map(str::to_owned));
    let wanted: Vec<String> = wanted
        .unwrap_or_default()
        .split(',')
        .map(plain)
        .filter(|key| !key.is_empty())
        .collect();
    let mut report = Report::default();
    if wanted.is_empty() {
        return Ok(Outcome::pass(
            "PD places copies by store only: no location-labels are set",
        ));
    }
    let mut places: BTreeSet<String> = BTreeSet::new();
    for store in stores.rows().filter_map(Store::of) {
        let carried = labels_of(store);
        let missing: Vec<&str> = wanted
            .iter()
            .map(String::as_str)
            .filter(|key| !carried.contains_key(*key))
            .collect();
        places.insert(
            wanted
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
        let summary = format!("{} lacks the label {}", store.name(), missing.join(", "));
        let evidence = store
            .row
            .evidence("labels")
            .expected(format!("a value for {}", wanted.join(", ")));
        report.fail(
            Violation::new(store.entity(), summary).evidence(evidence),
            format!("start it with --labels {}=…", missing.join("=…,")),
        );
    }
    judge_places(snapshot, places.len(), &wanted, &mut report);
    Ok(report.conclude(format!(
        "{} stores in {} places by {}",
        stores.len(),
        places.len(),
        wanted.join(", ")
    )))
}

/// With fewer places than copies, two copies share a place and die together.
fn judge_places(snapshot: &Snapshot, places: usize, wanted: &[String], report: &mut Report) {
    let clusters = snapshot.table("cluster").ok();
    let Some(row) = clusters.as_ref().and_then(TableView::first) else {
        return;
    };
    let (Some(entity), Some(replicas)) = (entities::cluster(snapshot), row.integer("max_replicas"))
    else {
        return;
    };
    let (stores, places) = (
        row.integer("stores").unwrap_or_default(),
        i64::try_from(places).unwrap_or(i64::MAX),
    );
    if places >= replicas || stores < replicas {
        return report.pass(entity);
    }
    let summary = format!(
        "the stores are in {places} places by {}, and {replicas} copies need as many",
        wanted.join(", ")
    );
    let evidence = row
        .evidence("max_replicas")
        .expected(format!("at most {places}"));
    report.fail(
        Violation::new(entity, summary).evidence(evidence),
        "give each machine a label value of its own",
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

fn judge_clocks(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let (members, stores) = (snapshot.table("members")?, snapshot.table("stores")?);
    let mut report = Report::default();
    let tables = [
        (&members, "member", entities::member as fn(&str) -> String),
        (&stores, "store", entities::store),
    ];
    for (table, key, entity) in tables {
        for row in table.rows() {
            let Some(name) = row.text(key) else { continue };
            match row.number("date_offset_s") {
                None => report.unknown(&entity(name), "its clock is not known"),
                Some(offset_s) if offset_s.abs() < CLOCK_OFFSET_MAX_S => report.pass(entity(name)),
                Some(offset_s) => {
                    let summary = format!("the clock of {} is {offset_s:.0} s off", entity(name));
                    let evidence = row.evidence("date_offset_s").expected("within 2 s");
                    report.fail(
                        Violation::new(entity(name), summary).evidence(evidence),
                        "run a time service (chrony) on every machine",
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
    use judging::examples::{Cell, Cluster};
    use operator_plugin::{Status, table};

    fn judged(check: &Check, cluster: &Cluster) -> Outcome {
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
    fn one_store_of_another_version_is_named() {
        let found = judged(
            &versions(),
            &Cluster::healthy().store("5", "version", "8.1.0"),
        );
        assert_eq!(
            found.violations[0].summary,
            "store/5 runs TiKV 8.1.0, the others 8.5.0"
        );
        assert_eq!(
            judged(&versions(), &Cluster::healthy()).status,
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
        assert_eq!(judged(&versions(), &all("8.5.3")).status, Status::Pass);
        assert_eq!(
            judged(&versions(), &all("7.5.0")).violations[0].summary,
            "PD is 8.5.0 and TiKV is 7.5.0"
        );
    }

    #[test]
    fn a_store_without_its_label_and_places_that_are_too_few_are_told() {
        assert_eq!(judged(&labels(), &placed_by("host")).status, Status::Pass);
        let found = judged(
            &labels(),
            &placed_by("host").store("4", "labels", Cell::Null),
        );
        assert_eq!(
            found.violations[0].summary,
            "TiKV tikv-1:20160 lacks the label host"
        );
        let found = judged(
            &labels(),
            &placed_by("host").store("4", "labels", "host=h1"),
        );
        assert!(
            found.violations[0].summary.contains("in 2 places"),
            "{}",
            found.violations[0].summary
        );
        assert_eq!(judged(&labels(), &placed_by("")).status, Status::Pass);
    }

    #[test]
    fn a_clock_that_is_off_is_told_and_an_unknown_one_leaves_it_open() {
        assert_eq!(
            judged(
                &clocks(),
                &Cluster::healthy().store("4", "date_offset_s", -30.0)
            )
            .violations[0]
                .entity,
            "store/4"
        );
        assert_eq!(
            judged(
                &clocks(),
                &Cluster::healthy().store("4", "date_offset_s", 1.0)
            )
            .status,
            Status::Pass
        );
        let unknown = Cluster::healthy().member("pd1", "date_offset_s", Cell::Null);
        assert_eq!(judged(&clocks(), &unknown).status, Status::Inconclusive);
    }
}
