//! Which series a question means, and how they are grouped: found once, and again only when series come or go.

use crate::model::knowledge::Matcher;
use crate::model::series::{OfMetric, SeriesKey};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What may be remembered, counted in series that were looked at or picked: about 32 MB. A plugin that asks other
/// questions in every tick costs no more than that.
const REMEMBERED_MAX: usize = 1 << 20;

/// A group counts as so many series: its key takes more room than a position.
const GROUP_COST: usize = 8;

/// Values of the labels of a group, in the order of `by`; absent labels are `None`.
pub(crate) type GroupKey = Vec<Option<String>>;

/// The series that a question picks, in groups that are sorted by their keys.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub(crate) groups: Vec<(GroupKey, Vec<Member>)>,
}

/// One picked series.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member {
    /// Its place among the series of its metric.
    pub(crate) position: usize,
    /// Upper bound of a bucket, from the label `le`; not a number for anything else.
    pub(crate) upper: f64,
}

/// Plans that were made, by metric, conditions and labels of the groups.
#[derive(Debug, Default)]
pub(crate) struct Plans {
    remembered: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    by_metric: BTreeMap<String, OfConditions>,
    cost: usize,
}

/// Plans by conditions, then by labels of the groups: each can be looked up without a copy of the question.
type OfConditions = BTreeMap<Vec<Matcher>, BTreeMap<Vec<String>, Made>>;

/// A plan, and the keys that it was made for.
#[derive(Debug)]
struct Made {
    keys: Arc<Vec<Arc<SeriesKey>>>,
    plan: Arc<Plan>,
}

impl Plans {
    /// The plan of a question on the series of one metric.
    pub(crate) fn plan(&self, metric: &str, of_metric: &OfMetric, all_of: &[Matcher], by: &[String]) -> Arc<Plan> {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = remembered.find(metric, of_metric, all_of, by) {
            return plan;
        }
        let made = Made { keys: Arc::clone(&of_metric.keys), plan: Arc::new(Plan::make(of_metric, all_of, by)) };
        let plan = Arc::clone(&made.plan);
        remembered.add(metric, all_of, by, made);
        plan
    }
}

impl Remembered {
    fn find(&self, metric: &str, of_metric: &OfMetric, all_of: &[Matcher], by: &[String]) -> Option<Arc<Plan>> {
        let made = self.by_metric.get(metric)?.get(all_of)?.get(by)?;
        Arc::ptr_eq(&made.keys, &of_metric.keys).then(|| Arc::clone(&made.plan))
    }

    fn add(&mut self, metric: &str, all_of: &[Matcher], by: &[String], made: Made) {
        self.cost += made.cost();
        if self.cost > REMEMBERED_MAX {
            self.cost = made.cost();
            self.by_metric.clear();
        }
        let of_metric = self.by_metric.entry(metric.to_owned()).or_default();
        let before = of_metric.entry(all_of.to_vec()).or_default().insert(by.to_vec(), made);
        self.cost -= before.map_or(0, |before| before.cost());
    }
}

impl Made {
    fn cost(&self) -> usize {
        let members: usize = self.plan.groups.iter().map(|(_, members)| members.len() + GROUP_COST).sum();
        self.keys.len() + members + GROUP_COST
    }
}

impl Plan {
    fn make(of_metric: &OfMetric, all_of: &[Matcher], by: &[String]) -> Self {
        let mut groups: BTreeMap<GroupKey, Vec<Member>> = BTreeMap::new();
        for (position, key) in of_metric.keys.iter().enumerate() {
            if all_of.iter().all(|matcher| matcher.holds(key)) {
                let upper = key.label("le").and_then(|le| le.parse().ok()).unwrap_or(f64::NAN);
                let group = by.iter().map(|name| key.label(name).map(str::to_owned)).collect();
                groups.entry(group).or_default().push(Member { position, upper });
            }
        }
        Self { groups: groups.into_iter().collect() }
    }

    /// Number of picked series.
    pub(crate) fn series_count(&self) -> usize {
        self.groups.iter().map(|(_, members)| members.len()).sum()
    }
}

impl Matcher {
    /// An absent label has the empty value, as in Prometheus.
    fn holds(&self, key: &SeriesKey) -> bool {
        match self {
            Self::Equals(name, value) => key.label(name).unwrap_or_default() == value,
            Self::NotEquals(name, value) => key.label(name).unwrap_or_default() != value,
            Self::StartsWith(name, begin) => key.label(name).unwrap_or_default().starts_with(begin.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Sample, SeriesStore, Timestamp};

    fn store(nodes: &[&str]) -> SeriesStore {
        let mut store = SeriesStore::default();
        for node in nodes {
            add(&mut store, node);
        }
        store
    }

    fn add(store: &mut SeriesStore, node: &str) {
        let labels = vec![("node".to_owned(), node.to_owned())];
        let key = Arc::new(SeriesKey { metric: "m".to_owned(), labels });
        store.entry(&key).unwrap().push(Sample { at: Timestamp(1), value: 1.0 }, 9);
    }

    fn plan(store: &SeriesStore, by: &str) -> Arc<Plan> {
        store.plans.plan("m", &store.by_metric["m"], &[], &[by.to_owned()])
    }

    #[test]
    fn a_plan_is_made_once_and_anew_when_a_series_comes() {
        let mut store = store(&["1", "2"]);
        let (first, copy) = (plan(&store, "node"), store.clone());
        assert!(Arc::ptr_eq(&first, &plan(&copy, "node")));
        add(&mut store, "0");
        assert_eq!(plan(&store, "node").groups.len(), 3);
        assert_eq!(plan(&copy, "node").groups.len(), 2, "the copy has the series that it had");
    }

    #[test]
    fn what_is_remembered_has_a_bound() {
        let store = store(&["1"]);
        let questions = 1_000;
        for label in 0..questions {
            plan(&store, &label.to_string());
        }
        let one_cost = store.plans.remembered.lock().unwrap().cost / questions;
        assert!(one_cost >= GROUP_COST);
        for label in 0..=REMEMBERED_MAX / one_cost {
            plan(&store, &label.to_string());
        }
        assert!(store.plans.remembered.lock().unwrap().cost <= REMEMBERED_MAX);
        assert!(plan(&store, "1").groups.len() == 1);
    }
}
