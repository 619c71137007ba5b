//! Room that is left.

use std::collections::{BTreeMap, BTreeSet};

use judging::entities::Store;
use judging::{guards, metrics};
use operator_plugin::{
    Check, Evidence, Findings, Outcome, PluginError, Severity, Snapshot, Violation, series,
};

/// I33.
pub(crate) fn left() -> Check {
    Check::new(
        "disk-space",
        "every store has more than a fifth of its space left",
    )
    .hold_ms(60_000)
    .reads(&["stores"])
    .with_state(judge)
}

/// PD's own limit: such a store is no target any more, and its regions are moved away.
pub(crate) const LOW: f64 = 0.2;
/// Twice TiKV's reserve: hours to days until it refuses writes.
const VERY_LOW: f64 = 0.1;
/// A low store must rise above the limit by this before it counts as in order again.
pub(crate) const RELIEF: f64 = 0.03;

/// PD does not apply its limit to a store with few regions and this much left (G7).
const PLENTY_BYTES: f64 = 8.0 * 1024.0 * 1024.0 * 1024.0;

/// Two readings that differ by less speak of the same thing: TiKV's own is up to a scrape older.
pub(crate) const AGREEMENT: f64 = 0.02;

fn judge(snapshot: &Snapshot, state: Option<&[u8]>) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let before: BTreeSet<&str> = state
        .and_then(|state| std::str::from_utf8(state).ok())
        .unwrap_or_default()
        .lines()
        .collect();
    let own = own_ratios();
    let (mut low, mut findings) = (Vec::new(), Findings::new());
    for store in stores
        .rows()
        .filter_map(Store::of)
        .filter(Store::has_reported)
    {
        let Some(ratio) = store.row.number("available_ratio") else {
            findings.unknown(&store.entity(), "its free space is not known");
            continue;
        };
        let limit = if before.contains(store.key) {
            LOW + RELIEF
        } else {
            LOW
        };
        if ratio > limit || has_plenty(store) {
            findings.pass(store.entity());
            continue;
        }
        low.push(store.key);
        findings.fail(violation(store, ratio, own.get(store.key).copied()));
    }
    Ok(findings
        .conclude(format!("free space of {} stores", stores.len()))
        .remember(low.join("\n").into_bytes()))
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
        "{} has {:.1} % of its space left",
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

/// What the stores themselves say, by store; empty when their metrics were not collected.
pub(crate) fn own_ratios() -> BTreeMap<String, f64> {
    let Ok(table) = series("tikv_store_size_bytes")
        .by("store")
        .by("type")
        .last(metrics::WINDOW_MS)
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
    use judging::examples::{Cell, Cluster, Series};
    use operator_plugin::Status;

    fn judge_with(cluster: Cluster, state: Option<&[u8]>) -> Outcome {
        left().evaluate(&cluster.snapshot(), state).unwrap()
    }

    fn with_ratio(ratio: f64) -> Cluster {
        Cluster::healthy().store("4", "available_ratio", ratio)
    }

    #[test]
    fn less_than_a_fifth_is_a_warning_and_less_than_a_tenth_critical() {
        Series::none().install();
        assert_eq!(judge_with(with_ratio(0.21), None).status, Status::Pass);
        assert_eq!(
            judge_with(with_ratio(0.19), None).violations[0].severity,
            Some(Severity::Warning)
        );
        let outcome = judge_with(with_ratio(0.09), None);
        assert_eq!(
            (
                outcome.violations[0].severity,
                outcome.violations[0].confirmed
            ),
            (Some(Severity::Critical), false)
        );
    }

    #[test]
    fn the_store_agreeing_with_pd_confirms() {
        let rows: [(&[&str], f64); 2] = [(&["4", "available"], 19.0), (&["4", "capacity"], 100.0)];
        Series::none()
            .values("tikv_store_size_bytes", &["store", "type"], &rows)
            .install();
        assert!(judge_with(with_ratio(0.19), None).violations[0].confirmed);
        assert!(
            !judge_with(with_ratio(0.09), None).violations[0].confirmed,
            "the two do not agree"
        );
    }

    #[test]
    fn a_low_store_must_rise_above_the_limit_to_be_in_order_again() {
        Series::none().install();
        let low = judge_with(with_ratio(0.19), None);
        assert_eq!(
            judge_with(with_ratio(0.22), low.state.as_deref()).status,
            Status::Fail
        );
        assert_eq!(
            judge_with(with_ratio(0.24), low.state.as_deref()).status,
            Status::Pass
        );
    }

    #[test]
    fn a_small_store_on_a_large_full_disk_is_left_alone_as_pd_does() {
        Series::none().install();
        let few = with_ratio(0.15).store("4", "region_count", 29_i64);
        assert_eq!(
            judge_with(few.clone().store("4", "available_bytes", 9.0e9), None).status,
            Status::Pass
        );
        assert_eq!(
            judge_with(few.store("4", "available_bytes", 1.2e9), None).status,
            Status::Fail
        );
    }

    #[test]
    fn no_figure_is_open_and_a_silent_young_store_is_not_judged() {
        Series::none().install();
        let unknown = Cluster::healthy().store("4", "available_ratio", Cell::Null);
        assert_eq!(
            judge_with(unknown.clone(), None).status,
            Status::Inconclusive
        );
        assert_eq!(
            judge_with(unknown.store("4", "heartbeat_seen", false), None).status,
            Status::Pass
        );
    }
}
