//! Which series a question means, and how they are grouped: found once, and again only when series
//! come or go.

use crate::series::types::{OfMetric, SeriesKey};
use operator_model::knowledge::Matcher;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What may be remembered, in units of 32 bytes: 32 MB. Questions come from plugins, so that their
/// own texts count, too.
const REMEMBERED_MAX: usize = 1 << 20;
const UNIT_BYTES: usize = 32;

/// A group counts as so many series: its key takes more room than a position.
const GROUP_COST: usize = 8;

/// A plan of nothing: the nodes of the maps that it stands in.
const PLAN_COST: usize = 32;

/// Values of the labels of a group, in the order of `by`; absent labels are `None`.
pub type GroupKey = Vec<Option<String>>;

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
    remembered: Mutex<PlanTable>,
}

#[derive(Debug, Default)]
struct PlanTable {
    by_metric: BTreeMap<String, OfConditions>,
    cost: usize,
}

/// Plans by conditions, then by labels of the groups: each can be looked up without a copy of the
/// question.
type OfConditions = BTreeMap<Vec<Matcher>, BTreeMap<Vec<String>, Made>>;

/// A plan, and the keys that it was made for.
#[derive(Debug)]
struct Made {
    keys: Arc<Vec<Arc<SeriesKey>>>,
    plan: Arc<Plan>,
    cost: usize,
}

impl Plans {
    /// The plan of a question on the series of one metric.
    pub(crate) fn plan(
        &self,
        metric: &str,
        of_metric: &OfMetric,
        all_of: &[Matcher],
        by: &[String],
    ) -> Arc<Plan> {
        let mut remembered = self.remembered.lock();
        if let Some(plan) = remembered.find(metric, of_metric, all_of, by) {
            return plan;
        }
        let plan = Arc::new(Plan::make(of_metric, all_of, by));
        let cost = plan.cost() + of_metric.keys.len() + question_cost(all_of, by);
        let made = Made {
            keys: Arc::clone(&of_metric.keys),
            plan: Arc::clone(&plan),
            cost,
        };
        remembered.add(metric, all_of, by, made);
        plan
    }
}

impl PlanTable {
    fn find(
        &self,
        metric: &str,
        of_metric: &OfMetric,
        all_of: &[Matcher],
        by: &[String],
    ) -> Option<Arc<Plan>> {
        let made = self.by_metric.get(metric)?.get(all_of)?.get(by)?;
        Arc::ptr_eq(&made.keys, &of_metric.keys).then(|| Arc::clone(&made.plan))
    }

    /// What is larger than everything that may be remembered is not.
    fn add(&mut self, metric: &str, all_of: &[Matcher], by: &[String], made: Made) {
        if made.cost > REMEMBERED_MAX {
            return;
        }
        if self.cost + made.cost > REMEMBERED_MAX {
            self.cost = 0;
            self.by_metric.clear();
        }
        self.cost += made.cost;
        let of_metric = self.by_metric.entry(metric.to_owned()).or_default();
        let before = of_metric
            .entry(all_of.to_vec())
            .or_default()
            .insert(by.to_vec(), made);
        self.cost -= before.map_or(0, |before| before.cost);
    }
}

fn question_cost(all_of: &[Matcher], by: &[String]) -> usize {
    let conditions: usize = all_of.iter().map(bytes_of).sum();
    let labels: usize = by.iter().map(String::len).sum();
    (conditions + labels) / UNIT_BYTES + 2 * (all_of.len() + by.len())
}

impl Plan {
    fn make(of_metric: &OfMetric, all_of: &[Matcher], by: &[String]) -> Self {
        let mut groups: BTreeMap<GroupKey, Vec<Member>> = BTreeMap::new();
        for (position, key) in of_metric.keys.iter().enumerate() {
            if all_of.iter().all(|matcher| matches(matcher, key)) {
                let upper = key
                    .label("le")
                    .and_then(|le| le.parse().ok())
                    .unwrap_or(f64::NAN);
                let group = by
                    .iter()
                    .map(|name| key.label(name).map(str::to_owned))
                    .collect();
                groups
                    .entry(group)
                    .or_default()
                    .push(Member { position, upper });
            }
        }
        Self {
            groups: groups.into_iter().collect(),
        }
    }

    fn cost(&self) -> usize {
        // Keys of groups are as long as labels are.
        let key = |key: &GroupKey| {
            key.iter().flatten().map(String::len).sum::<usize>() / UNIT_BYTES + GROUP_COST
        };
        self.groups
            .iter()
            .map(|(group, members)| members.len() + key(group))
            .sum::<usize>()
            + PLAN_COST
    }

    /// Number of picked series.
    pub(crate) fn series_count(&self) -> usize {
        self.groups.iter().map(|(_, members)| members.len()).sum()
    }
}

fn bytes_of(matcher: &Matcher) -> usize {
    let (Matcher::Equals(name, value)
    | Matcher::NotEquals(name, value)
    | Matcher::StartsWith(name, value)) = matcher;
    name.len() + value.len()
}

/// An absent label has the empty value, as in Prometheus.
fn matches(matcher: &Matcher, key: &SeriesKey) -> bool {
    match matcher {
        Matcher::Equals(name, value) => key.label(name).unwrap_or_default() == value,
        Matcher::NotEquals(name, value) => key.label(name).unwrap_or_default() != value,
        Matcher::StartsWith(name, begin) => key
            .label(name)
            .unwrap_or_default()
            .starts_with(begin.as_str()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Sample, SeriesStore};
    use operator_model::Timestamp;

    fn store(nodes: &[&str]) -> SeriesStore {
        let mut store = SeriesStore::default();
        for node in nodes {
            add(&mut store, node);
        }
        store
    }

    fn add(store: &mut SeriesStore, node: &str) {
        let labels = vec![("node".to_owned(), node.to_owned())];
        let key = Arc::new(SeriesKey {
            metric: "m".to_owned(),
            labels,
        });
        store.entry(&key).unwrap().push(
            Sample {
                at: Timestamp(1),
                value: 1.0,
            },
            9,
        );
    }

    fn plan(store: &SeriesStore, by: &str) -> Arc<Plan> {
        store
            .plans
            .plan("m", &store.by_metric["m"], &[], &[by.to_owned()])
    }

    #[test]
    fn a_plan_is_made_once_and_anew_when_a_series_comes() {
        let mut store = store(&["1", "2"]);
        let first = plan(&store, "node");
        let copy = store.clone();
        assert!(Arc::ptr_eq(&first, &plan(&copy, "node")));
        add(&mut store, "0");
        assert_eq!(plan(&store, "node").groups.len(), 3);
        assert_eq!(
            plan(&copy, "node").groups.len(),
            2,
            "the copy has the series that it had"
        );
    }

    /// Asks so many questions whose texts are that long; returns the bytes of the texts that are
    /// remembered.
    fn remembered_bytes(store: &SeriesStore, questions: usize, length: usize) -> usize {
        (0..questions)
            .for_each(|number| drop(plan(store, &format!("{number}{}", "x".repeat(length)))));
        let remembered = store.plans.remembered.lock();
        assert!(remembered.cost <= REMEMBERED_MAX);
        remembered
            .by_metric
            .values()
            .flatten()
            .flat_map(|(_, by)| by.keys().flatten())
            .map(String::len)
            .sum()
    }

    #[test]
    fn what_is_remembered_has_a_bound_for_many_questions_and_for_long_ones() {
        let store = store(&["1"]);
        let bound = REMEMBERED_MAX * UNIT_BYTES;
        assert!(remembered_bytes(&store, 40_000, 8) <= bound);
        assert!(
            store.plans.remembered.lock().by_metric["m"][&[][..]].len() < 40_000,
            "some were given up"
        );
        assert!(
            remembered_bytes(&store, 100, bound / 40) <= bound,
            "a hundred are more than twice the bound"
        );
        let before = remembered_bytes(&store, 0, 0);
        plan(&store, &"x".repeat(bound + 1));
        assert_eq!(
            remembered_bytes(&store, 0, 0),
            before,
            "what is larger than the bound is answered and forgotten"
        );
        assert_eq!(plan(&store, "1").groups.len(), 1);
    }
}
