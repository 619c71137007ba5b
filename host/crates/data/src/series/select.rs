//! Questions on series, answered as tables.

use super::reduce::reduce;
use super::{SERIES_SELECTED_MAX, SeriesError};
use crate::series::plan_cache::{GroupKey, Member, Plan};
use crate::series::types::OfMetric;
use crate::tables::Column;
use crate::{Series, SeriesKey, SeriesStore, Table};
use operator_model::Timestamp;
use operator_model::knowledge::{Reduction, Selector};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Name of the value column. A label of this name becomes `exported_value`.
pub(super) const VALUE: &str = "value";

/// The series that a question picks.
pub struct SeriesSelection<'a> {
    of_metric: &'a OfMetric,
    plan: Arc<Plan>,
}

impl SeriesStore {
    /// One row a series, or one a group when `by` is not empty (values of a group are summed).
    /// Columns: one text column for each label (or each of `by`), and `value`. Rows are sorted by
    /// their labels; series with too few samples in `(now - window, now]` have no row.
    ///
    /// # Errors
    /// No such metric, too few samples in every series, or too many series.
    pub fn select(
        &self,
        now: Timestamp,
        selector: &Selector,
        reduction: Reduction,
        window_ms: u64,
        by: &[String],
    ) -> Result<Table, SeriesError> {
        let picked = self.pick(&selector.metric, selector, by)?;
        if by.is_empty() {
            return rows_by_series(&selector.metric, &picked.each(now, reduction, window_ms));
        }
        let (keys, values): (Vec<&GroupKey>, Vec<_>) = picked
            .sums(now, reduction, window_ms)
            .map(|(key, value)| (key, Some(value)))
            .unzip();
        if keys.is_empty() {
            return Err(SeriesError::TooFewSamples);
        }
        label_table(
            &selector.metric,
            by,
            keys.into_iter(),
            vec![(VALUE, Column::Floats(values))],
        )
    }

    /// The series of a metric that the selector picks, in groups.
    ///
    /// # Errors
    /// No such metric, or too many series.
    pub fn pick(
        &self,
        metric: &str,
        selector: &Selector,
        by: &[String],
    ) -> Result<SeriesSelection<'_>, SeriesError> {
        let of_metric = self
            .by_metric
            .get(metric)
            .ok_or_else(|| SeriesError::NoSuchMetric(selector.metric.clone()))?;
        let plan = self.plans.plan(metric, of_metric, &selector.all_of, by);
        let count = plan.series_count();
        if count > SERIES_SELECTED_MAX {
            return Err(SeriesError::TooManySeries(
                u64::try_from(count).unwrap_or(u64::MAX),
            ));
        }
        Ok(SeriesSelection { of_metric, plan })
    }
}

impl SeriesSelection<'_> {
    /// Every picked series with its key, group by group.
    pub fn series(&self) -> impl Iterator<Item = (&SeriesKey, &Series)> {
        let members = self.plan.groups.iter().flat_map(|(_, members)| members);
        members.filter_map(|member| {
            Some((
                self.of_metric.keys.get(member.position)?.as_ref(),
                self.of(*member)?,
            ))
        })
    }

    /// The sum of each group that has a value.
    pub fn sums(
        &self,
        now: Timestamp,
        reduction: Reduction,
        window_ms: u64,
    ) -> impl Iterator<Item = (&GroupKey, f64)> {
        let value = move |member: &Member| reduce(self.of(*member)?, now, window_ms, reduction);
        let sum = move |members: &[Member]| {
            members
                .iter()
                .filter_map(value)
                .fold(None, |sum, value| Some(sum.unwrap_or(0.0) + value))
        };
        self.plan
            .groups
            .iter()
            .filter_map(move |(key, members)| Some((key, sum(members)?)))
    }

    /// When the newest sample of each group was collected.
    pub fn newest(&self) -> impl Iterator<Item = (&GroupKey, Timestamp)> {
        let at = |member: &Member| self.of(*member)?.last().map(|last| last.at);
        self.plan
            .groups
            .iter()
            .filter_map(move |(key, members)| Some((key, members.iter().filter_map(at).max()?)))
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = (&GroupKey, &[Member])> {
        self.plan
            .groups
            .iter()
            .map(|(key, members)| (key, members.as_slice()))
    }

    pub(super) fn of(&self, member: Member) -> Option<&Series> {
        self.of_metric.series.get(member.position)
    }

    fn each(&self, now: Timestamp, reduction: Reduction, window_ms: u64) -> Vec<(&SeriesKey, f64)> {
        self.series()
            .filter_map(|(key, series)| Some((key, reduce(series, now, window_ms, reduction)?)))
            .collect()
    }
}

fn rows_by_series(metric: &str, values: &[(&SeriesKey, f64)]) -> Result<Table, SeriesError> {
    if values.is_empty() {
        return Err(SeriesError::TooFewSamples);
    }
    let names: BTreeSet<&str> = values
        .iter()
        .flat_map(|(key, _)| key.labels.iter().map(|(name, _)| name.as_str()))
        .collect();
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    let of_names = |key: &SeriesKey| {
        names
            .iter()
            .map(|name| key.label(name).map(str::to_owned))
            .collect()
    };
    let keys: Vec<GroupKey> = values.iter().map(|(key, _)| of_names(key)).collect();
    let floats = values.iter().map(|(_, value)| Some(*value)).collect();
    label_table(
        metric,
        &names,
        keys.iter(),
        vec![(VALUE, Column::Floats(floats))],
    )
}

/// A table of text columns for labels and the given number columns behind them.
pub(crate) fn label_table<'a>(
    name: &str,
    labels: &[String],
    keys: impl Iterator<Item = &'a GroupKey> + Clone,
    numbers: Vec<(&str, Column)>,
) -> Result<Table, SeriesError> {
    let taken: Vec<&str> = numbers.iter().map(|(name, _)| *name).collect();
    let names: Vec<String> = labels
        .iter()
        .map(|label| {
            if taken.contains(&label.as_str()) {
                format!("exported_{label}")
            } else {
                label.clone()
            }
        })
        .collect();
    let mut columns: Vec<(&str, Option<&str>, Column)> = Vec::new();
    for (position, name) in names.iter().enumerate() {
        let texts = keys
            .clone()
            .map(|key| key.get(position).cloned().flatten())
            .collect();
        columns.push((name, None, Column::Texts(texts)));
    }
    columns.extend(
        numbers
            .into_iter()
            .map(|(name, column)| (name, None, column)),
    );
    Table::from_columns(name, columns).map_err(|error| SeriesError::InvalidQuery(error.to_string()))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::series::SeriesLimits;
    use operator_model::Scalar;
    use operator_model::knowledge::Matcher;

    /// Metric, labels and values of one series.
    type Spec<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [f64]);

    /// A store of series with these labels and samples, taken at 0 s, 10 s, 20 s, ...
    pub(in crate::series) fn store(series: &[Spec<'_>]) -> SeriesStore {
        let mut store = SeriesStore::default();
        for (metric, labels, values) in series {
            let mut labels: Vec<(String, String)> = labels
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect();
            labels.sort();
            let key = SeriesKey {
                metric: (*metric).to_owned(),
                labels,
            };
            for (at, value) in (0..).map(|n| Timestamp(n * 10_000)).zip(*values) {
                store.ingest(
                    at,
                    &[],
                    vec![(key.clone(), *value)],
                    &SeriesLimits::default(),
                );
            }
        }
        store
    }

    pub(in crate::series) fn selector(metric: &str, all_of: Vec<Matcher>) -> Selector {
        Selector {
            metric: metric.to_owned(),
            all_of,
        }
    }

    pub(in crate::series) fn by(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn sample() -> SeriesStore {
        store(&[
            ("m", &[("node", "1"), ("op", "get")], &[0.0, 10.0]),
            ("m", &[("node", "1"), ("op", "put")], &[0.0, 30.0]),
            (
                "m",
                &[("node", "2"), ("op", "put"), ("value", "v")],
                &[5.0, 5.0],
            ),
            ("m", &[("op", "young")], &[1.0]),
        ])
    }

    const NOW: Timestamp = Timestamp(15_000);

    #[test]
    fn without_by_there_is_one_row_a_series_with_all_labels() {
        let table = sample()
            .select(
                NOW,
                &selector("m", vec![]),
                Reduction::Increase,
                60_000,
                &[],
            )
            .unwrap();
        let names: Vec<&str> = table
            .fields
            .iter()
            .map(|field| field.name.as_str())
            .collect();
        assert_eq!(names, ["node", "op", "exported_value", "value"]);
        assert_eq!(table.floats("value", 0, 3).unwrap(), [10.0, 30.0, 0.0]);
        assert_eq!(table.scalar(0, "exported_value"), Scalar::Null);
    }

    #[test]
    fn values_of_a_group_are_summed_and_series_that_cannot_say_are_left_out() {
        let table = sample()
            .select(
                NOW,
                &selector("m", vec![]),
                Reduction::Rate,
                60_000,
                &by(&["node"]),
            )
            .unwrap();
        assert_eq!(
            (table.text(0, "node"), table.text(1, "node")),
            (Some("1"), Some("2"))
        );
        assert_eq!(table.floats("value", 0, 2).unwrap(), [4.0, 0.0]);
    }

    #[test]
    fn a_group_of_an_absent_label_has_a_null() {
        let table = sample()
            .select(
                NOW,
                &selector("m", vec![]),
                Reduction::Last,
                60_000,
                &by(&["node"]),
            )
            .unwrap();
        assert_eq!((table.rows, table.scalar(0, "node")), (3, Scalar::Null));
    }

    #[test]
    fn matchers_treat_an_absent_label_as_empty() {
        let label = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        let rows = |matcher: Matcher| {
            sample()
                .select(
                    NOW,
                    &selector("m", vec![matcher]),
                    Reduction::Last,
                    60_000,
                    &[],
                )
                .map(|table| table.rows)
        };
        let (node, one) = label("node", "1");
        assert_eq!(rows(Matcher::Equals(node.clone(), one.clone())), Ok(2));
        assert_eq!(rows(Matcher::NotEquals(node.clone(), one)), Ok(2));
        assert_eq!(
            rows(Matcher::StartsWith("op".to_owned(), "p".to_owned())),
            Ok(2)
        );
        assert_eq!(rows(Matcher::Equals(node, String::new())), Ok(1));
    }

    #[test]
    fn missing_and_silent_series_are_told_apart() {
        let store = sample();
        let ask = |metric: &str, now| {
            store.select(now, &selector(metric, vec![]), Reduction::Last, 5_000, &[])
        };
        assert_eq!(
            ask("x", NOW).unwrap_err(),
            SeriesError::NoSuchMetric("x".to_owned())
        );
        assert_eq!(
            ask("m", Timestamp(99_000)).unwrap_err(),
            SeriesError::TooFewSamples
        );
    }
}
