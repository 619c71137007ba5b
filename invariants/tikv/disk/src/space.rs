//! Available space of each store.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use operator_plugin::{
    Check, Evidence, Findings, Outcome, PluginError, Severity, Snapshot, Violation, series,
};
use serde::{Deserialize, Serialize};
use tikv_check_support::entities::Store;
use tikv_check_support::state::State;
use tikv_check_support::{guards, metrics};

pub(crate) fn left() -> Check {
    Check::new(
        "disk-space",
        "every store has more than 20 % of its space available",
    )
    .pending_for(Duration::from_secs(60))
    .reads(&["stores"])
    .with_state(evaluate)
}

/// PD's own limit: below it, PD moves regions away from a store and none onto it.
pub(crate) const LOW: f64 = 0.2;
/// Twice TiKV's reserve: hours to days before it rejects writes.
const VERY_LOW: f64 = 0.1;
/// Hysteresis: a low store passes again only when it exceeds the limit by this much.
pub(crate) const RELIEF: f64 = 0.03;

/// PD does not apply its limit to a store with few regions and this much space.
const PLENTY_BYTES: f64 = 8.0 * 1024.0 * 1024.0 * 1024.0;

/// Two values that differ by less agree: TiKV's own is up to one scrape interval older.
pub(crate) const AGREEMENT: f64 = 0.02;

/// Ids of the stores that were low at the last tick.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct LowStores(BTreeSet<String>);

impl State for LowStores {
    const VERSION: u32 = 1;
}

fn evaluate(snapshot: &Snapshot, state: Option<&[u8]>) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let before = state.and_then(LowStores::decode).unwrap_or_default();
    let own = own_ratios();
    let mut low = LowStores::default();
    let mut findings = Findings::new();
    for store in stores
        .rows()
        .filter_map(Store::of)
        .filter(Store::has_reported)
    {
        let Some(ratio) = store.row.number("available_ratio") else {
            findings.unknown(&store.entity(), "its available space is unknown");
            continue;
        };
        let limit = if before.0.contains(store.key) {
            LOW + RELIEF
        } else {
            LOW
        };
        if ratio > limit || has_plenty(store) {
            findings.pass(store.entity());
            continue;
        }
        low.0.insert(store.key.to_owned());
        findings.fail(violation(store, ratio, own.get(store.key).copied()));
    }
    Ok(findings
        .conclude(format!("available space of {} stores", stores.len()))
        .remember(low.encode()))
}

pub(crate) fn has_plenty(store: Store<'_>) -> bool {
    let few = store
        .row
        .integer("region_count")
        .is_some_and(|regions| regions < guards::SMALL_CLUSTER_REGIONS);
    few && store
        .row
        .number("available_bytes")
        .is_some_and(|bytes| bytes > PLENTY_BYTES)
}

fn violation(store: Store<'_>, ratio: f64, own: Option<f64>) -> Violation {
    let summary = format!(
        "{} has {:.1} % of its space available",
        store.name(),
        ratio * 100.0
    );
    let severity = if ratio > VERY_LOW {
        Severity::Warning
    } else {
        Severity::Critical
    };
    let mut violation = Violation::new(store.entity(), summary)
        .evidence(store.row.evidence("available_ratio").expected("above 0.2"))
        .severity(severity);
    for column in ["available_bytes", "capacity_bytes", "used_bytes"] {
        if store.row.number(column).is_some() {
            violation = violation.evidence(store.row.evidence(column));
        }
    }
    let Some(own) = own else { return violation };
    let query = format!(
        "tikv_store_size_bytes{{store=\"{0}\",type=\"available\"}} / tikv_store_size_bytes{{store=\"{0}\",type=\"capacity\"}}",
        store.key
    );
    violation
        .evidence(Evidence::metric(query, own, "1").expected("above 0.2"))
        .confirmed((own - ratio).abs() < AGREEMENT)
}

/// Available share by store, from the stores' own metrics; empty if those were not collected.
pub(crate) fn own_ratios() -> BTreeMap<String, f64> {
    let Ok(table) = series("tikv_store_size_bytes")
        .by("store")
        .by("type")
        .last(metrics::WINDOW)
    else {
        return BTreeMap::new();
    };
    let counts = metrics::counts(&table, "type");
    let of = |store: &str, kind: &str| {
        counts
            .iter()
            .find(|count| count.store == store && count.label == kind)
            .map(|count| count.value)
    };
    let ratio = |store: &str| {
        Some(of(store, "available")? / of(store, "capacity").filter(|capacity| *capacity > 0.0)?)
    };
    counts
        .iter()
        .filter_map(|count| Some((count.store.clone(), ratio(&count.store)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cell, Cluster, Series};

    fn evaluate_with(cluster: Cluster, state: Option<&[u8]>) -> Outcome {
        left().evaluate(&cluster.snapshot(), state).unwrap()
    }

    fn with_ratio(ratio: f64) -> Cluster {
        Cluster::healthy().store("4", "available_ratio", ratio)
    }

    #[test]
    fn less_than_20_percent_is_a_warning_and_less_than_10_percent_critical() {
        Series::none().install();
        assert_eq!(evaluate_with(with_ratio(0.21), None).status(), Status::Pass);
        assert_eq!(
            evaluate_with(with_ratio(0.19), None).violations()[0].severity,
            Some(Severity::Warning)
        );
        let outcome = evaluate_with(with_ratio(0.09), None);
        assert_eq!(
            (
                outcome.violations()[0].severity,
                outcome.violations()[0].confirmed
            ),
            (Some(Severity::Critical), false)
        );
    }

    #[test]
    fn agreement_between_the_store_and_pd_confirms() {
        let rows: [(&[&str], f64); 2] = [(&["4", "available"], 19.0), (&["4", "capacity"], 100.0)];
        Series::none()
            .values("tikv_store_size_bytes", &["store", "type"], &rows)
            .install();
        assert!(evaluate_with(with_ratio(0.19), None).violations()[0].confirmed);
        assert!(
            !evaluate_with(with_ratio(0.09), None).violations()[0].confirmed,
            "the two do not agree"
        );
    }

    #[test]
    fn a_low_store_must_exceed_the_limit_to_pass_again() {
        Series::none().install();
        let low = evaluate_with(with_ratio(0.19), None);
        assert_eq!(
            evaluate_with(with_ratio(0.22), low.state.as_deref()).status(),
            Status::Fail
        );
        assert_eq!(
            evaluate_with(with_ratio(0.24), low.state.as_deref()).status(),
            Status::Pass
        );
    }

    #[test]
    fn a_store_with_few_regions_and_plenty_of_bytes_passes_as_it_does_for_pd() {
        Series::none().install();
        let few = with_ratio(0.15).store("4", "region_count", 29_i64);
        assert_eq!(
            evaluate_with(few.clone().store("4", "available_bytes", 9.0e9), None).status(),
            Status::Pass
        );
        assert_eq!(
            evaluate_with(few.store("4", "available_bytes", 1.2e9), None).status(),
            Status::Fail
        );
    }

    #[test]
    fn the_low_stores_survive_the_round_trip() {
        let low = LowStores(BTreeSet::from(["1".to_owned(), "4".to_owned()]));
        assert_eq!(LowStores::decode(&low.encode()), Some(low));
    }

    #[test]
    fn unknown_space_is_inconclusive_and_a_store_without_heartbeats_is_skipped() {
        Series::none().install();
        let unknown = Cluster::healthy().store("4", "available_ratio", Cell::Null);
        assert_eq!(
            evaluate_with(unknown.clone(), None).status(),
            Status::Inconclusive
        );
        assert_eq!(
            evaluate_with(unknown.store("4", "heartbeat_seen", false), None).status(),
            Status::Pass
        );
    }
}
