//! Scraping: the metrics of every node, as series.

use operator_exposition::Sample;
use operator_promql::{Labels, METRIC_NAME, MemorySource};
use operator_world::{Answer, World};
use std::collections::BTreeMap;

/// Enough for the usual window of a dashboard, and for rates over an hour.
const RETENTION_MS: u64 = 2 * 3_600_000;

/// Everything that was scraped.
#[derive(Debug, Default)]
pub(super) struct Scraper {
    series: MemorySource,
    /// Nodes that have exposed metrics at least once, by `host:port`.
    instances: BTreeMap<String, Instance>,
}

/// One scraped node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Instance {
    pub(super) job: String,
    /// Whether the last scrape succeeded.
    pub(super) is_up: bool,
    pub(super) scraped_ms: u64,
}

impl Scraper {
    /// Scrapes every node now.
    pub(super) fn scrape(&mut self, world: &mut impl World) {
        let now_ms = world.now_ms();
        for origin in world.origins() {
            let instance = origin.strip_prefix("http://").unwrap_or(&origin);
            match world.request(&origin, "GET", "/metrics") {
                Answer::Response {
                    status: 200, body, ..
                } => self.store(now_ms, instance, &String::from_utf8_lossy(&body)),
                _ => self.fail(now_ms, instance),
            }
        }
        self.series.drop_before(now_ms.saturating_sub(RETENTION_MS));
    }

    fn store(&mut self, now_ms: u64, name: &str, page: &str) {
        let job = if page.contains("\npd_") { "pd" } else { "tikv" };
        let instance = Instance {
            job: job.to_owned(),
            is_up: true,
            scraped_ms: now_ms,
        };
        for sample in operator_exposition::parse(page, |_| true) {
            let value = sample.value;
            self.push(labels(sample), name, job, (now_ms, value));
        }
        self.instances.insert(name.to_owned(), instance);
        self.finish(now_ms, name, job, 1.0);
    }

    /// A port that never exposed metrics is not a target.
    fn fail(&mut self, now_ms: u64, name: &str) {
        let Some(instance) = self.instances.get_mut(name) else {
            return;
        };
        instance.is_up = false;
        instance.scraped_ms = now_ms;
        let job = instance.job.clone();
        self.finish(now_ms, name, &job, 0.0);
    }

    /// Adds `up`, and ends the series that this scrape did not have.
    fn finish(&mut self, now_ms: u64, name: &str, job: &str, up: f64) {
        let labels = Labels::from([(METRIC_NAME.to_owned(), "up".to_owned())]);
        self.push(labels, name, job, (now_ms, up));
        let is_own = |labels: &Labels| labels.get("instance").is_some_and(|own| own == name);
        self.series.mark_ended(now_ms, is_own);
    }

    fn push(&mut self, mut labels: Labels, name: &str, job: &str, (at_ms, value): (u64, f64)) {
        labels.insert("job".to_owned(), job.to_owned());
        labels.insert("instance".to_owned(), name.to_owned());
        self.series.push(labels, at_ms, value);
    }

    /// Every series within the retention.
    pub(super) fn series(&self) -> &MemorySource {
        &self.series
    }

    /// The labels of every series within the retention.
    pub(super) fn labels(&self) -> impl Iterator<Item = &Labels> {
        self.series.labels()
    }

    /// Every scraped node.
    pub(super) fn instances(&self) -> &BTreeMap<String, Instance> {
        &self.instances
    }
}

fn labels(sample: Sample<'_>) -> Labels {
    let own = sample.labels.into_iter();
    let mut labels: Labels = own
        .map(|(name, value)| (name.to_owned(), value.into_owned()))
        .collect();
    labels.insert(METRIC_NAME.to_owned(), sample.name.to_owned());
    labels
}
