//! Eyes for tests: answers as JSON, metrics as numbers.

use crate::Simulator;
use crate::config::ClusterConfig;
use crate::scenario;
use operator_world::{Answer, World};
use serde_json::Value;
use std::collections::BTreeMap;

pub(super) const PD1: &str = "http://127.0.0.1:2379";
pub(super) const PD3: &str = "http://127.0.0.1:2579";
/// Status servers of stores 1, 4 and 5.
pub(super) const STATUS: [&str; 3] = [
    "http://127.0.0.1:20180",
    "http://127.0.0.1:20181",
    "http://127.0.0.1:20182",
];

/// A run of a scenario.
pub(super) struct Run {
    pub(super) world: Simulator,
    pub(super) began_ms: u64,
    pub(super) onset_ms: u64,
}

impl Run {
    pub(super) fn of(id: &str, variant: &str) -> Self {
        Self::seeded(id, variant, 1)
    }

    pub(super) fn seeded(id: &str, variant: &str, seed: u64) -> Self {
        let scenario = scenario::find(id).unwrap();
        let variant = scenario.variant(Some(variant), seed).unwrap();
        let config = ClusterConfig {
            seed,
            ..ClusterConfig::default()
        };
        let world = Simulator::with_scenario(config, &scenario, variant);
        let began_ms = world.now_ms();
        Self {
            onset_ms: began_ms + scenario.onset_ms,
            world,
            began_ms,
        }
    }

    /// Goes to so many seconds after the fault (before, when negative).
    pub(super) fn at(&mut self, seconds_after_onset: i64) -> &mut Self {
        let to = self
            .onset_ms
            .checked_add_signed(seconds_after_onset * 1_000)
            .unwrap();
        self.world.advance_to(to);
        self
    }

    pub(super) fn json(&mut self, path: &str) -> Value {
        serde_json::from_slice(&body(&mut self.world, PD1, &format!("/pd/api/v1{path}"))).unwrap()
    }

    pub(super) fn store(&mut self, id: u64) -> Value {
        let stores = self.json("/stores");
        stores["stores"]
            .as_array()
            .unwrap()
            .iter()
            .find(|store| store["store"]["id"] == id)
            .unwrap()
            .clone()
    }

    pub(super) fn metrics(&mut self, origin: &str) -> Metrics {
        Metrics::parse(&String::from_utf8(body(&mut self.world, origin, "/metrics")).unwrap())
    }

    /// What histograms and counters of each store did between two moments.
    pub(super) fn window(&mut self, from: i64, to: i64) -> [Window; 3] {
        self.at(from);
        let before = STATUS.map(|origin| self.metrics(origin));
        self.at(to);
        let after = STATUS.map(|origin| self.metrics(origin));
        let mut pairs = before.into_iter().zip(after);
        std::array::from_fn(|_| {
            let (before, after) = pairs.next().unwrap();
            Window {
                before,
                after,
                seconds: (to - from) as f64,
            }
        })
    }
}

pub(super) fn body(world: &mut Simulator, origin: &str, path: &str) -> Vec<u8> {
    match world.request(origin, "GET", path) {
        Answer::Response {
            status: 200, body, ..
        } => body,
        other => panic!("{origin}{path}: {other:?}"),
    }
}

/// Values by series, the series as it is written.
#[derive(Debug)]
pub(super) struct Metrics(pub(super) BTreeMap<String, f64>);

impl Metrics {
    pub(super) fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        Self(
            lines
                .map(|line| line.rsplit_once(' ').unwrap())
                .map(|(key, value)| (key.to_owned(), value.parse().unwrap()))
                .collect(),
        )
    }

    pub(super) fn get(&self, series: &str) -> f64 {
        *self
            .0
            .get(series)
            .unwrap_or_else(|| panic!("no series {series}"))
    }

    /// The sum of all series that begin so.
    pub(super) fn sum(&self, prefix: &str) -> f64 {
        self.0
            .iter()
            .filter(|(key, _)| key.starts_with(prefix))
            .map(|(_, value)| value)
            .sum()
    }
}

/// Two scrapes.
pub(super) struct Window {
    pub(super) before: Metrics,
    pub(super) after: Metrics,
    seconds: f64,
}

impl Window {
    pub(super) fn rate(&self, prefix: &str) -> f64 {
        (self.after.sum(prefix) - self.before.sum(prefix)) / self.seconds
    }

    /// The upper bound of the bucket that holds the quantile, in seconds.
    pub(super) fn quantile(&self, quantile: f64, name: &str, labels: &str) -> f64 {
        let prefix = format!("{name}_bucket{{{labels}");
        let mut buckets: Vec<(f64, f64)> = self
            .after
            .0
            .iter()
            .filter(|(key, _)| key.starts_with(&prefix))
            .map(|(key, after)| {
                let bound = key
                    .rsplit("le=\"")
                    .next()
                    .unwrap()
                    .trim_end_matches("\"}")
                    .replace("+Inf", "inf");
                (
                    bound.parse().unwrap(),
                    after - self.before.0.get(key).copied().unwrap_or(0.0),
                )
            })
            .collect();
        buckets.sort_by(|left, right| left.0.total_cmp(&right.0));
        let wanted = buckets.last().unwrap().1 * quantile;
        buckets
            .into_iter()
            .find(|(_, count)| *count >= wanted)
            .unwrap()
            .0
    }

    pub(super) fn p99(&self, name: &str) -> f64 {
        self.quantile(0.99, name, "")
    }

    pub(super) fn cpu(&self) -> f64 {
        self.rate("tikv_thread_cpu_seconds_total")
    }
}
