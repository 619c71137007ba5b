//! A simulated Prometheus in front of a world.
//!
//! It scrapes every node as time passes, and responds to a part of Prometheus' query API at an origin of its own.
//! [`operator_promql`] evaluates the queries, and documents which it supports.

mod http_api;
mod query_string;
mod scraper;

use operator_world::{Answer, World};
use scraper::Scraper;
use std::collections::BTreeMap;

/// The origin of the simulated Prometheus: the port that Prometheus uses by default.
pub const ORIGIN: &str = "http://127.0.0.1:9090";

/// The interval of the Prometheus configuration that TiKV ships.
pub const SCRAPE_INTERVAL_MS: u64 = 15_000;

/// A world with a Prometheus in it.
pub struct WithPrometheus<W> {
    world: W,
    scraper: Scraper,
    next_ms: u64,
}

impl<W: World> WithPrometheus<W> {
    /// Puts a Prometheus into the world; it scrapes for the first time now.
    pub fn new(world: W) -> Self {
        let next_ms = world.now_ms();
        let scraper = Scraper::default();
        let mut with = Self {
            world,
            scraper,
            next_ms,
        };
        with.scrape_until(next_ms);
        with
    }

    fn scrape_until(&mut self, ms: u64) {
        while self.next_ms <= ms {
            self.world.advance_to(self.next_ms);
            self.scraper.scrape(&mut self.world);
            self.next_ms += SCRAPE_INTERVAL_MS;
        }
    }
}

impl<W: World> World for WithPrometheus<W> {
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
        http_api::respond(&self.scraper, self.world.now_ms(), method, path_and_query)
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
