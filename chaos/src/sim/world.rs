//! The simulated cluster as a [`World`].

use super::Simulator;
use crate::world::{Answer, World};
use std::collections::BTreeMap;

impl World for Simulator {
    fn now_ms(&self) -> u64 {
        self.cluster.now_ms
    }

    fn advance_to(&mut self, ms: u64) {
        self.cluster.advance_to(ms);
    }

    fn request(&mut self, origin: &str, method: &str, path_and_query: &str) -> Answer {
        super::faces::answer(&self.cluster, origin, method, path_and_query)
    }

    fn listens(&self, origin: &str) -> bool {
        super::faces::find(&self.cluster, origin).is_some_and(|node| node.listens(&self.cluster))
    }

    fn origins(&self) -> Vec<String> {
        super::faces::origins(&self.cluster)
    }

    fn log_sources(&self) -> Vec<String> {
        self.cluster.logs.sources()
    }

    fn read_log(&mut self, source: &str, lines_max: usize) -> (Vec<String>, u64) {
        self.cluster.logs.read(source, lines_max)
    }

    fn targets(&self) -> BTreeMap<String, String> {
        let first = self.cluster.pd.members.first();
        first
            .map(|member| ("pd".to_owned(), member.client_url()))
            .into_iter()
            .collect()
    }
}
