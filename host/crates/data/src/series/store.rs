//! What is kept: bounded rings, a bounded number of series, nothing older than it is useful.

use crate::{Sample, Series, SeriesKey, SeriesStore};
use operator_model::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Bounds of the series store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SeriesLimits {
    /// Samples of one series. One hour at a scrape every 15 s.
    #[schemars(extend("x-unit" = "samples", "x-when-reached" = "the oldest are dropped"))]
    pub samples_per_series_max: usize,
    /// Series in all. A hundred servers with two thousand wanted series each; full rings of all of
    /// them take about 1 GB.
    #[schemars(extend("x-unit" = "series", "x-when-reached" = "samples of new series are dropped and counted"))]
    pub series_max: usize,
    /// Time since a series was last observed.
    #[serde(rename = "series_unseen_ms_max")]
    #[schemars(extend("x-unit" = "ms", "x-when-reached" = "the series is forgotten"))]
    pub unseen_ms_max: u64,
}

impl Default for SeriesLimits {
    fn default() -> Self {
        Self {
            samples_per_series_max: 240,
            series_max: 200_000,
            unseen_ms_max: 3_600_000,
        }
    }
}

/// What happened to the samples of one collection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IngestSummary {
    /// Samples that were appended.
    pub kept: u32,
    /// Samples of new series for which there was no room.
    pub dropped: u32,
    /// Samples of the same time as the last one of their series, for example repeated lines.
    pub repeated: u32,
    /// Series that were forgotten because they were not seen for too long.
    pub aged_out: u32,
}

impl SeriesStore {
    /// Adds the samples of one collection, all at the time `at`. `extra_labels` are added to each
    /// series; a label of the same name is kept as `exported_…`, as Prometheus does.
    pub fn ingest(
        &mut self,
        at: Timestamp,
        extra_labels: &[(String, String)],
        samples: Vec<(SeriesKey, f64)>,
        limits: &SeriesLimits,
    ) -> IngestSummary {
        let mut summary = IngestSummary {
            aged_out: self.age_out(at, limits),
            ..IngestSummary::default()
        };
        let mut series_count = self.series_count();
        for (mut key, value) in samples {
            add_labels(&mut key, extra_labels);
            let sample = Sample { at, value };
            if let Some(series) = self.known(&key) {
                let appended = series.append(sample, limits);
                *(if appended {
                    &mut summary.kept
                } else {
                    &mut summary.repeated
                }) += 1;
            } else if series_count < limits.series_max
                && let Some(series) = self.entry(&Arc::new(key))
            {
                series.append(sample, limits);
                series_count += 1;
                summary.kept += 1;
            } else {
                summary.dropped += 1;
            }
        }
        summary
    }

    fn known(&mut self, key: &SeriesKey) -> Option<&mut Series> {
        let of_metric = self.by_metric.get_mut(key.metric.as_str())?;
        let position = of_metric.position(key).ok()?;
        Arc::make_mut(of_metric).series.get_mut(position)
    }

    /// Forgets series that were not seen for too long. Collections of one time look once.
    fn age_out(&mut self, now: Timestamp, limits: &SeriesLimits) -> u32 {
        if self.aged_at.replace(now) == Some(now) {
            return 0;
        }
        let is_young = |last: Sample| now.since_ms(last.at) <= limits.unseen_ms_max;
        let forgotten = self.retain(|_, series| series.last().is_some_and(is_young));
        u32::try_from(forgotten).unwrap_or(u32::MAX)
    }
}

impl Series {
    /// Appends a sample that does not repeat the last one, and returns whether it did.
    fn append(&mut self, sample: Sample, limits: &SeriesLimits) -> bool {
        match self.last() {
            Some(last) if last.at == sample.at => return false,
            // The observed clock goes back only once, when the first response reports the time
            // over there. What was collected before that carries a time that means nothing.
            Some(last) if last.at > sample.at => self.clear(),
            _ => {}
        }
        self.push(sample, limits.samples_per_series_max);
        true
    }
}

fn add_labels(key: &mut SeriesKey, extra: &[(String, String)]) {
    for (name, value) in extra {
        for (own, _) in &mut key.labels {
            if own == name {
                *own = format!("exported_{name}");
            }
        }
        key.labels.push((name.clone(), value.clone()));
    }
    key.labels.sort();
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key(metric: &str, labels: &[(&str, &str)]) -> SeriesKey {
        let labels = labels
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        SeriesKey {
            metric: metric.to_owned(),
            labels,
        }
    }

    fn only(store: &SeriesStore) -> (&SeriesKey, &Series) {
        store.all().next().unwrap()
    }

    #[test]
    fn extra_labels_win_and_the_exposed_one_is_kept_under_another_name() {
        let mut store = SeriesStore::default();
        let extra = [("node".to_owned(), "4".to_owned())];
        store.ingest(
            Timestamp(1),
            &extra,
            vec![(key("m", &[("node", "x")]), 1.0)],
            &SeriesLimits::default(),
        );
        assert_eq!(only(&store).0.label("node"), Some("4"));
        assert_eq!(only(&store).0.label("exported_node"), Some("x"));
    }

    #[test]
    fn the_ring_keeps_the_newest_samples() {
        let limits = SeriesLimits {
            samples_per_series_max: 3,
            ..SeriesLimits::default()
        };
        let mut store = SeriesStore::default();
        for at in 1..=5_u32 {
            store.ingest(
                Timestamp(at.into()),
                &[],
                vec![(key("m", &[]), at.into())],
                &limits,
            );
        }
        let values: Vec<f64> = only(&store).1.iter().map(|sample| sample.value).collect();
        assert_eq!(values, [3.0, 4.0, 5.0]);
    }

    #[test]
    fn a_sample_of_the_same_time_is_counted_and_left_out() {
        let mut store = SeriesStore::default();
        let twice = vec![(key("m", &[]), 1.0), (key("m", &[]), 2.0)];
        let summary = store.ingest(Timestamp(5), &[], twice, &SeriesLimits::default());
        assert_eq!((summary.kept, summary.repeated), (1, 1));
        assert_eq!(only(&store).1.len(), 1);
    }

    #[test]
    fn a_series_begins_anew_when_the_time_goes_back() {
        let mut store = SeriesStore::default();
        for (at, value) in [(500, 1.0), (600, 2.0), (7, 3.0), (8, 4.0)] {
            store.ingest(
                Timestamp(at),
                &[],
                vec![(key("m", &[]), value)],
                &SeriesLimits::default(),
            );
        }
        let values: Vec<f64> = only(&store).1.iter().map(|sample| sample.value).collect();
        assert_eq!(values, [3.0, 4.0]);
    }

    #[test]
    fn series_beyond_the_limit_are_dropped_and_counted_and_known_ones_go_on() {
        let limits = SeriesLimits {
            series_max: 1,
            ..SeriesLimits::default()
        };
        let mut store = SeriesStore::default();
        let two = |value| vec![(key("a", &[]), value), (key("b", &[]), value)];
        assert_eq!(
            store.ingest(Timestamp(1), &[], two(1.0), &limits).dropped,
            1
        );
        let second = store.ingest(Timestamp(2), &[], two(2.0), &limits);
        assert_eq!((second.kept, second.dropped), (1, 1));
    }

    #[test]
    fn a_series_that_is_not_seen_for_an_hour_is_forgotten() {
        let mut store = SeriesStore::default();
        let limits = SeriesLimits::default();
        store.ingest(Timestamp(0), &[], vec![(key("old", &[]), 1.0)], &limits);
        assert_eq!(
            store
                .ingest(
                    Timestamp(3_600_000),
                    &[],
                    vec![(key("new", &[]), 1.0)],
                    &limits
                )
                .aged_out,
            0
        );
        assert_eq!(
            store
                .ingest(Timestamp(3_600_001), &[], vec![], &limits)
                .aged_out,
            1
        );
        assert_eq!(store.metrics().collect::<Vec<_>>(), ["new"]);
    }

    proptest! {
        #[test]
        fn samples_of_a_ring_always_rise_in_time(times in prop::collection::vec(0_u64..50, 0..80)) {
            let limits = SeriesLimits { samples_per_series_max: 7, ..SeriesLimits::default() };
            let mut store = SeriesStore::default();
            for at in times {
                store.ingest(Timestamp(at), &[], vec![(key("m", &[]), 0.0)], &limits);
            }
            for (_, series) in store.all() {
                prop_assert!(series.len() <= 7);
                prop_assert!(series.iter().zip(series.iter().skip(1)).all(|(a, b)| a.at < b.at));
            }
        }
    }
}
