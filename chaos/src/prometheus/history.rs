//! What was scraped.

use std::collections::{BTreeMap, VecDeque};

/// Label → value; the name is `__name__`.
pub(super) type Labels = BTreeMap<String, String>;

/// What is kept: a dashboard's usual window, and an hour's rates.
pub(super) const RETENTION_MS: u64 = 2 * 3_600_000;

/// How far back a value may lie to count as present.
const LOOKBACK_MS: u64 = 300_000;

/// A value, or that there is none any more.
type Sample = (u64, Option<f64>);

/// All series.
#[derive(Debug, Default)]
pub(super) struct History {
    series: BTreeMap<Labels, VecDeque<Sample>>,
    /// Job of each instance, and whether its last scrape succeeded.
    instances: BTreeMap<String, Instance>,
}

/// One scraped node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instance {
    pub(super) job: String,
    pub(super) is_up: bool,
    pub(super) scraped_ms: u64,
}

impl History {
    /// Takes what one scrape gave; `None` when nobody answered. Series that are gone are marked as gone.
    pub(super) fn take(
        &mut self,
        at_ms: u64,
        job: &str,
        instance: &str,
        samples: Option<Vec<(Labels, f64)>>,
    ) {
        let known = self.instances.get(instance).map(|known| known.job.clone());
        let job = if samples.is_some() {
            job.to_owned()
        } else {
            known.unwrap_or_default()
        };
        let entry = Instance {
            job: job.clone(),
            is_up: samples.is_some(),
            scraped_ms: at_ms,
        };
        self.instances.insert(instance.to_owned(), entry);
        let up = (
            Labels::from([("__name__".to_owned(), "up".to_owned())]),
            f64::from(u8::from(samples.is_some())),
        );
        for (mut labels, value) in samples.into_iter().flatten().chain([up]) {
            labels.insert("job".to_owned(), job.clone());
            labels.insert("instance".to_owned(), instance.to_owned());
            self.push(labels, at_ms, value);
        }
        self.mark_gone(at_ms, instance);
    }

    /// Adds one value, for tests as for scrapes.
    pub(super) fn push(&mut self, labels: Labels, at_ms: u64, value: f64) {
        self.series
            .entry(labels)
            .or_default()
            .push_back((at_ms, Some(value)));
    }

    fn mark_gone(&mut self, at_ms: u64, instance: &str) {
        let of_instance = self
            .series
            .iter_mut()
            .filter(|(labels, _)| labels.get("instance").is_some_and(|own| own == instance));
        for (_, samples) in of_instance {
            if samples
                .back()
                .is_some_and(|(last_ms, value)| *last_ms < at_ms && value.is_some())
            {
                samples.push_back((at_ms, None));
            }
        }
    }

    /// Drops what is too old.
    pub(super) fn forget_before(&mut self, ms: u64) {
        self.series.retain(|_, samples| {
            while samples.front().is_some_and(|(at_ms, _)| *at_ms < ms) {
                samples.pop_front();
            }
            !samples.is_empty()
        });
    }

    /// All series that fit.
    pub(super) fn matching<'all>(
        &'all self,
        fits: impl Fn(&Labels) -> bool + 'all,
    ) -> impl Iterator<Item = (&'all Labels, &'all VecDeque<Sample>)> {
        self.series.iter().filter(move |(labels, _)| fits(labels))
    }

    /// Every scraped node.
    pub(super) fn instances(&self) -> &BTreeMap<String, Instance> {
        &self.instances
    }
}

/// The value at a moment; nothing when the series is gone or silent for long.
pub(super) fn value_at(samples: &VecDeque<Sample>, at_ms: u64) -> Option<f64> {
    let (last_ms, value) = samples
        .iter()
        .rev()
        .find(|(sample_ms, _)| *sample_ms <= at_ms)?;
    value.filter(|_| at_ms - last_ms < LOOKBACK_MS)
}

/// The values of a window, both ends included.
pub(super) fn values_in(samples: &VecDeque<Sample>, from_ms: u64, to_ms: u64) -> Vec<(u64, f64)> {
    let inside = samples
        .iter()
        .filter(|(at_ms, _)| (from_ms..=to_ms).contains(at_ms));
    inside
        .filter_map(|(at_ms, value)| Some((*at_ms, (*value)?)))
        .collect()
}
