//! The latest response of each endpoint, parsed once and kept until the next one.

use std::collections::{BTreeMap, BTreeSet};

use operator_plugin::ObservationGap;
use serde::de::DeserializeOwned;

use crate::response::{self, ResponseError};
use crate::schedule::Endpoint;
use crate::shapes::{
    Count, Health, HotPeers, Members, Regions, Safepoints, SchedulerEntry, SchedulerStores,
    Settings, StoreRates, Stores,
};

/// The latest content of an endpoint, or the reason for its absence, with its time. Empty before
/// the first poll.
#[derive(Debug, Clone)]
pub(crate) struct PolledValue<T> {
    at: u64,
    result: Option<Result<T, ResponseError>>,
}

impl<T> Default for PolledValue<T> {
    fn default() -> Self {
        Self {
            at: 0,
            result: None,
        }
    }
}

impl<T> PolledValue<T> {
    /// The content, if there is any.
    pub(crate) fn value(&self) -> Option<&T> {
        self.result.as_ref().and_then(|result| result.as_ref().ok())
    }

    /// Why there is no content.
    pub(crate) fn why(&self) -> Option<&ResponseError> {
        self.result
            .as_ref()
            .and_then(|result| result.as_ref().err())
    }

    /// When the response arrived, in nanoseconds.
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

impl<T: DeserializeOwned + Default> PolledValue<T> {
    /// Stores a response. Before the bootstrap every list is empty rather than unknown.
    pub(crate) fn take(
        &mut self,
        at: u64,
        body: Result<&[u8], ResponseError>,
    ) -> Result<(), ResponseError> {
        let result = match body {
            Ok(body) => response::read(body),
            Err(ResponseError::NotBootstrapped) => Ok(T::default()),
            Err(why) => Err(why),
        };
        let outcome = result.as_ref().map(|_| ()).map_err(Clone::clone);
        self.at = at;
        self.result = Some(result);
        outcome
    }
}

/// The latest responses of all PD endpoints.
#[derive(Debug, Clone, Default)]
pub(crate) struct PdState {
    pub(crate) members: PolledValue<Members>,
    pub(crate) health: PolledValue<Vec<Health>>,
    pub(crate) stores: PolledValue<Stores>,
    pub(crate) region_count: PolledValue<Count>,
    pub(crate) abnormal: BTreeMap<Endpoint, PolledValue<Count>>,
    pub(crate) hot_write: PolledValue<HotPeers>,
    pub(crate) hot_read: PolledValue<HotPeers>,
    pub(crate) store_rates: PolledValue<StoreRates>,
    pub(crate) operators: PolledValue<Vec<String>>,
    pub(crate) schedulers: PolledValue<Vec<SchedulerEntry>>,
    pub(crate) paused: PolledValue<Vec<SchedulerEntry>>,
    pub(crate) scheduler_stores: BTreeMap<Endpoint, PolledValue<SchedulerStores>>,
    pub(crate) write_flow: PolledValue<Regions>,
    pub(crate) read_flow: PolledValue<Regions>,
    pub(crate) schedule: PolledValue<Settings>,
    pub(crate) replication: PolledValue<Settings>,
    pub(crate) range_holes: PolledValue<Vec<(String, String)>>,
    pub(crate) large_regions: PolledValue<Regions>,
    pub(crate) safepoints: PolledValue<Safepoints>,
    pub(crate) page: PolledValue<Regions>,
    /// Whether the cluster has been bootstrapped; unknown until the stores have been listed.
    pub(crate) bootstrapped: Option<bool>,
    failures: BTreeMap<Endpoint, ResponseError>,
}

impl PdState {
    /// Stores the response of one endpoint.
    pub(crate) fn take(&mut self, endpoint: Endpoint, at: u64, body: Result<&[u8], ResponseError>) {
        if endpoint == Endpoint::Stores {
            self.bootstrapped = match &body {
                Ok(_) => Some(true),
                Err(ResponseError::NotBootstrapped) => Some(false),
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

    /// The cluster ID, if PD reported it.
    pub(crate) fn cluster_id(&self) -> Option<u64> {
        self.members
            .value()
            .map(|members| members.header.cluster_id)
            .filter(|id| *id != 0)
    }

    /// The number of regions, 0 if unknown.
    pub(crate) fn regions(&self) -> u64 {
        self.region_count.value().map_or(0, |count| count.count)
    }

    /// Observation gaps: one for each unusable response, but only one for an unreachable PD.
    pub(crate) fn observation_gaps(&self, target: &str) -> Vec<ObservationGap> {
        let mut gaps = Vec::new();
        let mut silent = BTreeSet::new();
        for (endpoint, why) in &self.failures {
            match why {
                ResponseError::Unreachable(_) | ResponseError::NoLeader => {
                    silent.insert(why.text());
                }
                ResponseError::Unsupported if !endpoint.is_required() => {}
                // Before the bootstrap some endpoints panic, and there is nothing to observe there.
                ResponseError::Failed(_) if self.bootstrapped == Some(false) => {}
                _ => {
                    let path = format!("/pd/api/v1/{}", endpoint.path());
                    gaps.push(ObservationGap::path(target, path, why.text()));
                }
            }
        }
        let whole_target = |reason| ObservationGap::target(target, reason);
        gaps.extend(silent.into_iter().map(whole_target));
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_the_bootstrap_lists_are_empty_and_there_are_no_gaps() {
        let mut pd_state = PdState::default();
        for endpoint in [
            Endpoint::Stores,
            Endpoint::HotStores,
            Endpoint::RangeHoles,
            Endpoint::Operators,
        ] {
            pd_state.take(endpoint, 1, Err(ResponseError::NotBootstrapped));
        }
        assert_eq!(
            (pd_state.bootstrapped, pd_state.stores.value()),
            (Some(false), Some(&Stores::default()))
        );
        assert_eq!(pd_state.observation_gaps("pd"), []);
    }

    #[test]
    fn an_unusable_response_is_a_gap_for_its_endpoint_only() {
        let mut pd_state = PdState::default();
        pd_state.take(Endpoint::Stores, 1, Ok(br#"{"count":0,"stores":[]}"#));
        pd_state.take(
            Endpoint::HotStores,
            1,
            Err(ResponseError::Failed(
                "responded with status 500: PANIC".to_owned(),
            )),
        );
        pd_state.take(
            Endpoint::PausedSchedulers,
            1,
            Err(ResponseError::Unsupported),
        );
        let gaps = pd_state.observation_gaps("pd");
        assert_eq!(gaps.len(), 1, "{gaps:?}");
        assert_eq!(
            gaps[0].source.to_string(),
            "http:pd/pd/api/v1/hotspot/stores"
        );
        pd_state.take(Endpoint::HotStores, 2, Ok(b"{}"));
        assert_eq!(pd_state.observation_gaps("pd"), []);
    }

    #[test]
    fn an_unreachable_pd_is_one_gap() {
        let mut pd_state = PdState::default();
        for endpoint in Endpoint::ALL {
            pd_state.take(
                endpoint,
                1,
                Err(ResponseError::Unreachable("connection refused".to_owned())),
            );
        }
        assert_eq!(pd_state.observation_gaps("pd").len(), 1);
        assert_eq!(pd_state.bootstrapped, None);
    }
}
