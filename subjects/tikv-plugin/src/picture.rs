//! The newest answer to each question, read once and kept until the next one.

use std::collections::{BTreeMap, BTreeSet};

use operator_plugin::BlindSpot;
use serde::de::DeserializeOwned;

use crate::answer::{self, Why};
use crate::schedule::Endpoint;
use crate::shapes::{
    Count, Health, HotPeers, Members, Regions, Safepoints, SchedulerEntry, SchedulerStores,
    Settings, StoreRates, Stores,
};

/// An answer, or why there is none, and when it came. Never asked is neither.
#[derive(Debug, Clone)]
pub(crate) struct Seen<T> {
    at: u64,
    result: Option<Result<T, Why>>,
}

impl<T> Default for Seen<T> {
    fn default() -> Self {
        Self {
            at: 0,
            result: None,
        }
    }
}

impl<T> Seen<T> {
    /// The content, when there is some.
    pub(crate) fn value(&self) -> Option<&T> {
        self.result.as_ref().and_then(|result| result.as_ref().ok())
    }

    /// Why there is none.
    pub(crate) fn why(&self) -> Option<&Why> {
        self.result
            .as_ref()
            .and_then(|result| result.as_ref().err())
    }

    /// When it came, in nanoseconds.
    pub(crate) fn at(&self) -> u64 {
        self.at
    }

    #[cfg(test)]
    pub(crate) fn of(at: u64, value: T) -> Self {
        Self {
            at,
            result: Some(Ok(value)),
        }
    }
}

impl<T: DeserializeOwned + Default> Seen<T> {
    /// Takes an answer. Before the bootstrap every list is empty rather than unknown.
    pub(crate) fn take(&mut self, at: u64, body: Result<&[u8], Why>) -> Result<(), Why> {
        let result = match body {
            Ok(body) => answer::read(body),
            Err(Why::NotBootstrapped) => Ok(T::default()),
            Err(why) => Err(why),
        };
        let outcome = result.as_ref().map(|_| ()).map_err(Clone::clone);
        (self.at, self.result) = (at, Some(result));
        outcome
    }
}

/// All that PD said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Picture {
    pub(crate) members: Seen<Members>,
    pub(crate) health: Seen<Vec<Health>>,
    pub(crate) stores: Seen<Stores>,
    pub(crate) region_count: Seen<Count>,
    pub(crate) abnormal: BTreeMap<Endpoint, Seen<Count>>,
    pub(crate) hot_write: Seen<HotPeers>,
    pub(crate) hot_read: Seen<HotPeers>,
    pub(crate) store_rates: Seen<StoreRates>,
    pub(crate) operators: Seen<Vec<String>>,
    pub(crate) schedulers: Seen<Vec<SchedulerEntry>>,
    pub(crate) paused: Seen<Vec<SchedulerEntry>>,
    pub(crate) scheduler_stores: BTreeMap<Endpoint, Seen<SchedulerStores>>,
    pub(crate) write_flow: Seen<Regions>,
    pub(crate) read_flow: Seen<Regions>,
    pub(crate) schedule: Seen<Settings>,
    pub(crate) replication: Seen<Settings>,
    pub(crate) range_holes: Seen<Vec<(String, String)>>,
    pub(crate) large_regions: Seen<Regions>,
    pub(crate) safepoints: Seen<Safepoints>,
    pub(crate) page: Seen<Regions>,
    /// Whether the cluster was ever started; unknown until the stores were asked for.
    pub(crate) bootstrapped: Option<bool>,
    failures: BTreeMap<Endpoint, Why>,
}

impl Picture {
    /// Takes the answer to one question.
    pub(crate) fn take(&mut self, endpoint: Endpoint, at: u64, body: Result<&[u8], Why>) {
        if endpoint == Endpoint::Stores {
            self.bootstrapped = match &body {
                Ok(_) => Some(true),
                Err(Why::NotBootstrapped) => Some(false),
                Err(_) => None,
            };
        }
        let outcome = match endpoint {
            Endpoint::Members => self.members.take(at, body),
            Endpoint::Health => self.health.take(at, body),
            Endpoint::Stores => self.stores.take(at, body),
            Endpoint::RegionCount => self.region_count.take(at, body),
            Endpoint::MissPeer
            | Endpoint::DownPeer
            | Endpoint::PendingPeer
            | Endpoint::OfflinePeer => self.abnormal.entry(endpoint).or_default().take(at, body),
            Endpoint::HotWrite => self.hot_write.take(at, body),
            Endpoint::HotRead => self.hot_read.take(at, body),
            Endpoint::HotStores => self.store_rates.take(at, body),
            Endpoint::Operators => self.operators.take(at, body),
            Endpoint::Schedulers => self.schedulers.take(at, body),
            Endpoint::PausedSchedulers => self.paused.take(at, body),
            Endpoint::EvictLeader | Endpoint::GrantLeader | Endpoint::EvictSlowStore => self
                .scheduler_stores
                .entry(endpoint)
                .or_default()
                .take(at, body),
            Endpoint::WriteFlow => self.write_flow.take(at, body),
            Endpoint::ReadFlow => self.read_flow.take(at, body),
            Endpoint::Schedule => self.schedule.take(at, body),
            Endpoint::Replication => self.replication.take(at, body),
            Endpoint::RangeHoles => self.range_holes.take(at, body),
            Endpoint::LargeRegions => self.large_regions.take(at, body),
            Endpoint::Safepoints => self.safepoints.take(at, body),
            Endpoint::RegionPage => self.page.take(at, body),
        };
        match outcome {
            Ok(()) => self.failures.remove(&endpoint),
            Err(why) => self.failures.insert(endpoint, why),
        };
    }

    /// The cluster's id, when PD said it.
    pub(crate) fn cluster_id(&self) -> Option<u64> {
        self.members
            .value()
            .map(|members| members.header.cluster_id)
            .filter(|id| *id != 0)
    }

    /// Number of regions, 0 when unknown.
    pub(crate) fn regions(&self) -> u64 {
        self.region_count.value().map_or(0, |count| count.count)
    }

    /// What PD did not tell: each broken answer by itself, but an unreachable PD once.
    pub(crate) fn blind_spots(&self, target: &str) -> Vec<BlindSpot> {
        let mut spots = Vec::new();
        let mut silent = BTreeSet::new();
        for (endpoint, why) in &self.failures {
            let source = format!("http:{target}/pd/api/v1/{}", endpoint.path());
            match why {
                Why::Unreachable(_) | Why::NoLeader => {
                    silent.insert(why.text());
                }
                Why::NotOffered if !endpoint.is_required() => {}
                _ => spots.push(BlindSpot {
                    source,
                    reason: why.text(),
                }),
            }
        }
        spots.extend(silent.into_iter().map(|reason| BlindSpot {
            source: format!("http:{target}"),
            reason,
        }));
        spots
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_the_bootstrap_lists_are_empty_and_nothing_is_blind() {
        let mut picture = Picture::default();
        for endpoint in [
            Endpoint::Stores,
            Endpoint::HotStores,
            Endpoint::RangeHoles,
            Endpoint::Operators,
        ] {
            picture.take(endpoint, 1, Err(Why::NotBootstrapped));
        }
        assert_eq!(
            (picture.bootstrapped, picture.stores.value()),
            (Some(false), Some(&Stores::default()))
        );
        assert_eq!(picture.blind_spots("pd"), []);
    }

    #[test]
    fn one_broken_answer_blinds_one_endpoint_only() {
        let mut picture = Picture::default();
        picture.take(Endpoint::Stores, 1, Ok(br#"{"count":0,"stores":[]}"#));
        picture.take(
            Endpoint::HotStores,
            1,
            Err(Why::Failed("answered 500: PANIC".to_owned())),
        );
        picture.take(Endpoint::PausedSchedulers, 1, Err(Why::NotOffered));
        let spots = picture.blind_spots("pd");
        assert_eq!(spots.len(), 1, "{spots:?}");
        assert_eq!(spots[0].source, "http:pd/pd/api/v1/hotspot/stores");
        picture.take(Endpoint::HotStores, 2, Ok(b"{}"));
        assert_eq!(picture.blind_spots("pd"), []);
    }

    #[test]
    fn an_unreachable_pd_is_one_blind_spot() {
        let mut picture = Picture::default();
        for endpoint in Endpoint::ALL {
            picture.take(
                endpoint,
                1,
                Err(Why::Unreachable("connection refused".to_owned())),
            );
        }
        assert_eq!(picture.blind_spots("pd").len(), 1);
        assert_eq!(picture.bootstrapped, None);
    }
}
