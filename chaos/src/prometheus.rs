//! A Prometheus beside a world: it scrapes every node as time passes and answers a part of Prometheus' query API, at an
//! address of its own.
//!
//! Queries: selectors with offset, `rate`, `increase`, `delta`, `irate`, `*_over_time`, aggregation by and without,
//! arithmetic, comparison and set operators with matching, `histogram_quantile`, and simple functions of one number. Anything
//! else is an error that names it.

mod answer;
mod evaluate;
mod exposition;
mod functions;
mod history;
mod operators;
mod query;

use crate::world::{Answer, World};
use history::History;
use std::collections::{BTreeMap, BTreeSet};

/// Where it is in the world, as Prometheus would be.
pub const ORIGIN: &str = "http://127.0.0.1:9090";

/// Upstream's own scrape interval.
pub const SCRAPE_INTERVAL_MS: u64 = 15_000;

/// A world with a Prometheus in it.
pub struct Watched<W> {
    world: W,
    history: History,
    /// Nodes that have ever shown metrics: their silence is worth a series.
    targets: BTreeSet<String>,
    next_ms: u64,
}

impl<W: World> Watched<W> {
    /// Puts it into the world; the first scrape is now.
    pub fn new(world: W) -> Self {
        let next_ms = world.now_ms();
        let mut watched = Self {
            world,
            history: History::default(),
            targets: BTreeSet::new(),
            next_ms,
        };
        watched.scrape_until(next_ms);
        watched
    }

    fn scrape_until(&mut self, ms: u64) {
        while self.next_ms <= ms {
            self.world.advance_to(self.next_ms);
            self.scrape();
            self.next_ms += SCRAPE_INTERVAL_MS;
        }
    }

    fn scrape(&mut self) {
        let at_ms = self.world.now_ms();
        for origin in self.world.origins() {
            let instance = origin.strip_prefix("http://").unwrap_or(&origin).to_owned();
            match self.world.request(&origin, "GET", "/metrics") {
                Answer::Response {
                    status: 200, body, ..
                } => {
                    let text = String::from_utf8_lossy(&body);
                    let job = if text.contains("\npd_") { "pd" } else { "tikv" };
                    self.targets.insert(origin);
                    self.history
                        .take(at_ms, job, &instance, Some(exposition::samples(&text)));
                }
                _ if self.targets.contains(&origin) => {
                    self.history.take(at_ms, "", &instance, None)
                }
                // A port that never had metrics is none of ours.
                _ => {}
            }
        }
        self.history
            .forget_before(at_ms.saturating_sub(history::RETENTION_MS));
    }
}

impl<W: World> World for Watched<W> {
    fn now_ms(&self) -> u64 {
        self.world.now_ms()
    }

    fn advance_to(&mut self, ms: u64) {
        self.scrape_until(ms);
        self.world.advance_to(ms);
    }

    fn request(&mut self, origin: &str, method: &str, path_and_query: &str) -> Answer {
        if origin != ORIGIN {
            return self.world.request(origin, method, path_and_query);
        }
        answer::answer(&self.history, self.world.now_ms(), method, path_and_query)
    }

    fn listens(&self, origin: &str) -> bool {
        origin == ORIGIN || self.world.listens(origin)
    }

    fn origins(&self) -> Vec<String> {
        let mut origins = self.world.origins();
        origins.push(ORIGIN.to_owned());
        origins.sort();
        origins
    }

    fn log_sources(&self) -> Vec<String> {
        self.world.log_sources()
    }

    fn read_log(&mut self, source: &str, lines_max: usize) -> (Vec<String>, u64) {
        self.world.read_log(source, lines_max)
    }

    fn targets(&self) -> BTreeMap<String, String> {
        self.world.targets()
    }
}

#[cfg(test)]
mod tests;
