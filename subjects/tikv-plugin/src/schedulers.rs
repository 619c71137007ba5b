//! PD's schedulers and running operators.

use std::collections::BTreeSet;

use operator_plugin::{TableData, table};

use crate::pd_state::{PdState, PolledValue};
use crate::schedule::Endpoint;
use crate::shapes::SchedulerEntry;
use crate::units::{count, seconds_between, time_ns};

/// Schedulers that act on certain stores, with the endpoint that lists these stores.
const WITH_STORES: [(&str, Endpoint); 3] = [
    ("evict-leader-scheduler", Endpoint::EvictLeader),
    ("grant-leader-scheduler", Endpoint::GrantLeader),
    ("evict-slow-store-scheduler", Endpoint::EvictSlowStore),
];

/// Whether to poll the endpoint: the stores of a scheduler are listed only if it exists.
pub(crate) fn is_wanted(endpoint: Endpoint, schedulers: &PolledValue<Vec<SchedulerEntry>>) -> bool {
    let Some((scheduler, _)) = WITH_STORES.iter().find(|(_, listing)| *listing == endpoint) else {
        return true;
    };
    schedulers
        .value()
        .is_some_and(|entries| entries.iter().any(|entry| entry.name() == *scheduler))
}

/// The `schedulers` table: a row for each scheduler and store that it acts on.
pub(crate) fn schedulers_table(pd_state: &PdState) -> Option<TableData> {
    let entries = pd_state.schedulers.value()?;
    let paused: Option<BTreeSet<&str>> = pd_state
        .paused
        .value()
        .map(|entries| entries.iter().map(SchedulerEntry::name).collect());
    let mut rows: Vec<(&str, Option<bool>, Option<String>)> = Vec::new();
    for entry in entries {
        let paused = paused.as_ref().map(|paused| paused.contains(entry.name()));
        let stores = stores_of(pd_state, entry.name());
        if stores.is_empty() {
            rows.push((entry.name(), paused, None));
        }
        rows.extend(
            stores
                .into_iter()
                .map(|store| (entry.name(), paused, Some(store))),
        );
    }
    Some(
        table("schedulers")
            .texts(
                "scheduler",
                rows.iter().map(|(name, ..)| (*name).to_owned()),
            )
            .booleans("paused", rows.iter().map(|(_, paused, _)| *paused))
            .texts("store", rows.iter().map(|(.., store)| store.clone())),
    )
}

fn stores_of(pd_state: &PdState, scheduler: &str) -> Vec<String> {
    let endpoint = WITH_STORES
        .iter()
        .find(|(name, _)| *name == scheduler)
        .map(|(_, endpoint)| endpoint);
    let Some(stores) = endpoint
        .and_then(|endpoint| pd_state.scheduler_stores.get(endpoint))
        .and_then(PolledValue::value)
    else {
        return Vec::new();
    };
    let ranges = stores
        .store_id_ranges
        .iter()
        .flat_map(|ranges| ranges.keys().cloned());
    let evicted = stores.evict_stores.iter().flatten().map(u64::to_string);
    ranges.chain(evicted).collect()
}

/// The `operators` table: the number of running operators and the age of the oldest.
pub(crate) fn operators_table(seen: &PolledValue<Vec<String>>, now: u64) -> Option<TableData> {
    let running = seen.value()?;
    let created = |operator: &String| {
        let (_, rest) = operator.split_once("createAt:")?;
        time_ns(rest.split(',').next()?)
    };
    let oldest = running
        .iter()
        .filter_map(created)
        .min()
        .map(|oldest| seconds_between(now, oldest).max(0.0));
    let filled = table("operators").integers("running", "", [count(running.len() as u64)]);
    Some(filled.floats("oldest_s", "s", [oldest]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Scalar;

    #[test]
    fn the_captured_operators_have_an_age() {
        let mut pd_state = PdState::default();
        pd_state.take(
            Endpoint::Operators,
            1,
            Ok(include_bytes!("../tests/fixtures/pd-8.5.0-operators.json")),
        );
        let now = time_ns("2026-11-21 03:18:16.949161187 +0000 UTC").unwrap();
        let table = operators_table(&pd_state.operators, now).unwrap();
        assert_eq!(
            (table.scalar(0, "running"), table.scalar(0, "oldest_s")),
            (Scalar::Integer(3), Scalar::Float(3.0))
        );
    }

    #[test]
    fn without_operators_there_is_no_age() {
        let table = operators_table(&PolledValue::of(1, vec![]), 5).unwrap();
        assert_eq!(
            (table.scalar(0, "running"), table.scalar(0, "oldest_s")),
            (Scalar::Integer(0), Scalar::Null)
        );
    }

    #[test]
    fn an_evicted_store_is_listed_and_a_pause_is_unknown_without_a_response() {
        let mut pd_state = PdState::default();
        pd_state.take(
            Endpoint::Schedulers,
            1,
            Ok(br#"["balance-leader-scheduler","evict-leader-scheduler"]"#),
        );
        pd_state.take(
            Endpoint::EvictLeader,
            1,
            Ok(br#"{"store-id-ranges":{"4":[{"start-key":"","end-key":""}]}}"#),
        );
        let table = schedulers_table(&pd_state).unwrap();
        assert_eq!(table.scalar(1, "store"), Scalar::Text("4".to_owned()));
        assert_eq!(table.scalar(0, "paused"), Scalar::Null);
        pd_state.take(
            Endpoint::PausedSchedulers,
            1,
            Ok(br#"["balance-leader-scheduler"]"#),
        );
        assert_eq!(
            schedulers_table(&pd_state).unwrap().scalar(0, "paused"),
            Scalar::Boolean(true)
        );
    }

    #[test]
    fn stores_are_listed_only_for_existing_schedulers() {
        let schedulers = PolledValue::of(
            1,
            vec![SchedulerEntry::Name("evict-leader-scheduler".to_owned())],
        );
        assert!(is_wanted(Endpoint::EvictLeader, &schedulers));
        assert!(!is_wanted(Endpoint::GrantLeader, &schedulers));
        assert!(is_wanted(Endpoint::Members, &PolledValue::default()));
    }
}
