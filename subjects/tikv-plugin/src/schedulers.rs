//! What PD does about the load: its schedulers and the operators under way.

use std::collections::BTreeSet;

use operator_plugin::{TableData, table};

use crate::picture::{Picture, Seen};
use crate::schedule::Endpoint;
use crate::shapes::SchedulerEntry;
use crate::units::{count, seconds_between, time_ns};

/// Schedulers that name the stores they act on, with the question that tells which.
const WITH_STORES: [(&str, Endpoint); 3] = [
    ("evict-leader-scheduler", Endpoint::EvictLeader),
    ("grant-leader-scheduler", Endpoint::GrantLeader),
    ("evict-slow-store-scheduler", Endpoint::EvictSlowStore),
];

/// Whether to ask for the stores of a scheduler: only of one that exists.
pub(crate) fn is_wanted(endpoint: Endpoint, schedulers: &Seen<Vec<SchedulerEntry>>) -> bool {
    let Some((scheduler, _)) = WITH_STORES
        .iter()
        .find(|(_, question)| *question == endpoint)
    else {
        return true;
    };
    schedulers
        .value()
        .is_some_and(|entries| entries.iter().any(|entry| entry.name() == *scheduler))
}

/// The `schedulers` table: a row for each scheduler and store that it acts on.
pub(crate) fn schedulers_table(picture: &Picture) -> Option<TableData> {
    let entries = picture.schedulers.value()?;
    let paused: Option<BTreeSet<&str>> = picture
        .paused
        .value()
        .map(|entries| entries.iter().map(SchedulerEntry::name).collect());
    let mut rows: Vec<(&str, Option<bool>, Option<String>)> = Vec::new();
    for entry in entries {
        let paused = paused.as_ref().map(|paused| paused.contains(entry.name()));
        let stores = stores_of(picture, entry.name());
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

fn stores_of(picture: &Picture, scheduler: &str) -> Vec<String> {
    let question = WITH_STORES
        .iter()
        .find(|(name, _)| *name == scheduler)
        .map(|(_, question)| question);
    let Some(stores) = question
        .and_then(|question| picture.scheduler_stores.get(question))
        .and_then(Seen::value)
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

/// The `operators` table: how many run, and for how long the oldest does.
pub(crate) fn operators_table(seen: &Seen<Vec<String>>, now: u64) -> Option<TableData> {
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
    fn the_recorded_operators_have_an_age() {
        let mut picture = Picture::default();
        picture.take(
            Endpoint::Operators,
            1,
            Ok(include_bytes!("../tests/fixtures/pd-8.5.0-operators.json")),
        );
        let now = time_ns("2026-11-21 03:18:16.949161187 +0000 UTC").unwrap();
        let table = operators_table(&picture.operators, now).unwrap();
        assert_eq!(
            (table.scalar(0, "running"), table.scalar(0, "oldest_s")),
            (Scalar::Integer(3), Scalar::Float(3.0))
        );
    }

    #[test]
    fn no_operator_has_no_age() {
        let table = operators_table(&Seen::of(1, vec![]), 5).unwrap();
        assert_eq!(
            (table.scalar(0, "running"), table.scalar(0, "oldest_s")),
            (Scalar::Integer(0), Scalar::Null)
        );
    }

    #[test]
    fn an_evicted_store_is_named_and_a_pause_is_unknown_without_an_answer() {
        let mut picture = Picture::default();
        picture.take(
            Endpoint::Schedulers,
            1,
            Ok(br#"["balance-leader-scheduler","evict-leader-scheduler"]"#),
        );
        picture.take(
            Endpoint::EvictLeader,
            1,
            Ok(br#"{"store-id-ranges":{"4":[{"start-key":"","end-key":""}]}}"#),
        );
        let table = schedulers_table(&picture).unwrap();
        assert_eq!(table.scalar(1, "store"), Scalar::Text("4".to_owned()));
        assert_eq!(table.scalar(0, "paused"), Scalar::Null);
        picture.take(
            Endpoint::PausedSchedulers,
            1,
            Ok(br#"["balance-leader-scheduler"]"#),
        );
        assert_eq!(
            schedulers_table(&picture).unwrap().scalar(0, "paused"),
            Scalar::Boolean(true)
        );
    }

    #[test]
    fn only_schedulers_that_exist_are_asked_for_their_stores() {
        let schedulers = Seen::of(
            1,
            vec![SchedulerEntry::Name("evict-leader-scheduler".to_owned())],
        );
        assert!(is_wanted(Endpoint::EvictLeader, &schedulers));
        assert!(!is_wanted(Endpoint::GrantLeader, &schedulers));
        assert!(is_wanted(Endpoint::Members, &Seen::default()));
    }
}
