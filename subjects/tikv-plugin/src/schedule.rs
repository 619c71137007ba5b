//! The poll schedule: every PD endpoint with its period in observed time.

use std::collections::BTreeMap;

use crate::configuration::Configuration;

/// The initial backoff after a 404, doubled each time: a proxy may respond so for a moment, an old
/// PD until it is upgraded.
const UNSUPPORTED_MS: u64 = 15_000;
/// The initial backoff without a response, doubled each time up to the period: PD changes its
/// leader within seconds, and an overloaded PD must not be pressed.
const NO_RESPONSE_MS: u64 = 5_000;
/// The longest backoff after a 404.
const UNSUPPORTED_MAX_MS: u64 = 300_000;
/// With more regions than this, requests that scan all of them are less frequent.
const MANY_REGIONS: u64 = 100_000;

/// A polled PD endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Endpoint {
    Members,
    Stores,
    Health,
    RegionCount,
    MissPeer,
    DownPeer,
    PendingPeer,
    OfflinePeer,
    HotWrite,
    HotRead,
    HotStores,
    Operators,
    Schedulers,
    PausedSchedulers,
    EvictLeader,
    GrantLeader,
    EvictSlowStore,
    WriteFlow,
    ReadFlow,
    Schedule,
    Replication,
    RangeHoles,
    LargeRegions,
    Safepoints,
    RegionPage,
}

impl Endpoint {
    /// All endpoints, in the order of the requests.
    pub(crate) const ALL: [Self; 25] = [
        Self::Members,
        Self::Stores,
        Self::Health,
        Self::RegionCount,
        Self::MissPeer,
        Self::DownPeer,
        Self::PendingPeer,
        Self::OfflinePeer,
        Self::HotWrite,
        Self::HotRead,
        Self::HotStores,
        Self::Operators,
        Self::Schedulers,
        Self::PausedSchedulers,
        Self::EvictLeader,
        Self::GrantLeader,
        Self::EvictSlowStore,
        Self::WriteFlow,
        Self::ReadFlow,
        Self::Schedule,
        Self::Replication,
        Self::RangeHoles,
        Self::LargeRegions,
        Self::Safepoints,
        Self::RegionPage,
    ];

    /// The path below `/pd/api/v1`, without the variable parts.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Members => "members",
            Self::Stores => "stores",
            Self::Health => "health",
            Self::RegionCount => "regions/count",
            Self::MissPeer => "regions/check/miss-peer",
            Self::DownPeer => "regions/check/down-peer",
            Self::PendingPeer => "regions/check/pending-peer",
            Self::OfflinePeer => "regions/check/offline-peer",
            Self::HotWrite => "hotspot/regions/write",
            Self::HotRead => "hotspot/regions/read",
            Self::HotStores => "hotspot/stores",
            Self::Operators => "operators",
            Self::Schedulers => "schedulers",
            Self::PausedSchedulers => "schedulers?status=paused",
            Self::EvictLeader => "scheduler-config/evict-leader-scheduler/list",
            Self::GrantLeader => "scheduler-config/grant-leader-scheduler/list",
            Self::EvictSlowStore => "scheduler-config/evict-slow-store-scheduler/list",
            Self::WriteFlow => "regions/writeflow",
            Self::ReadFlow => "regions/readflow",
            Self::Schedule => "config/schedule",
            Self::Replication => "config/replicate",
            Self::RangeHoles => "regions/range-holes",
            Self::LargeRegions => "regions/size",
            Self::Safepoints => "gc/safepoint",
            Self::RegionPage => "regions/key",
        }
    }

    /// Whether every PD version supports it, so a 404 is an error.
    pub(crate) fn is_required(self) -> bool {
        matches!(self, Self::Members | Self::Stores)
    }

    fn period_ms(self, configuration: &Configuration, regions: u64) -> u64 {
        let periods = &configuration.poll_ms;
        match self {
            Self::Members => periods.members,
            Self::Stores => periods.stores,
            Self::Health => periods.health,
            Self::RegionCount => periods.region_count,
            Self::MissPeer | Self::DownPeer | Self::PendingPeer | Self::OfflinePeer => {
                periods.abnormal
            }
            Self::HotWrite | Self::HotRead | Self::HotStores => periods.hot,
            Self::Operators => periods.operators,
            Self::Schedulers | Self::PausedSchedulers => periods.schedulers,
            Self::EvictLeader | Self::GrantLeader | Self::EvictSlowStore => periods.schedulers,
            Self::WriteFlow | Self::ReadFlow if regions > MANY_REGIONS => periods.flow.max(60_000),
            Self::WriteFlow | Self::ReadFlow => periods.flow,
            Self::Schedule | Self::Replication | Self::Safepoints => periods.settings,
            Self::RangeHoles | Self::LargeRegions if regions > MANY_REGIONS => {
                periods.range_holes.max(300_000)
            }
            // Sorting all regions by size costs PD as much as searching for holes.
            Self::RangeHoles | Self::LargeRegions => periods.range_holes,
            Self::RegionPage => 0,
        }
    }
}

/// The backoff of an endpoint after a 404 or without a response.
#[derive(Debug, Clone, Copy)]
struct Backoff {
    until_ms: u64,
    delay_ms: u64,
}

/// When each endpoint was last polled.
#[derive(Debug, Clone, Default)]
pub(crate) struct Polls {
    polled_ms: BTreeMap<Endpoint, u64>,
    absent: BTreeMap<Endpoint, Backoff>,
    silent: BTreeMap<Endpoint, Backoff>,
}

/// The outcome of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered,
    Unsupported,
    NoResponse,
}

impl Polls {
    /// The endpoints to poll now.
    pub(crate) fn due(
        &self,
        configuration: &Configuration,
        regions: u64,
        now_ms: u64,
    ) -> Vec<Endpoint> {
        let is_due = |endpoint: &Endpoint| {
            let absent = self
                .absent
                .get(endpoint)
                .is_some_and(|backoff| now_ms < backoff.until_ms);
            let again = self
                .silent
                .get(endpoint)
                .is_some_and(|backoff| now_ms >= backoff.until_ms);
            let last = self.polled_ms.get(endpoint);
            !absent
                && (again
                    || is_due(
                        last.copied(),
                        endpoint.period_ms(configuration, regions),
                        now_ms,
                    ))
        };
        Endpoint::ALL.into_iter().filter(is_due).collect()
    }

    /// Records a request and its outcome. Endpoints that every version supports have no backoff
    /// after a 404.
    pub(crate) fn record(&mut self, endpoint: Endpoint, outcome: Outcome, now_ms: u64) {
        self.polled_ms.insert(endpoint, now_ms);
        let absent = self.absent.remove(&endpoint);
        let silent = self.silent.remove(&endpoint);
        match outcome {
            Outcome::Unsupported if !endpoint.is_required() => {
                let backoff = Backoff::after(absent, UNSUPPORTED_MS, UNSUPPORTED_MAX_MS, now_ms);
                self.absent.insert(endpoint, backoff);
            }
            Outcome::NoResponse => {
                self.silent.insert(
                    endpoint,
                    Backoff::after(silent, NO_RESPONSE_MS, u64::MAX, now_ms),
                );
            }
            _ => {}
        }
    }
}

impl Backoff {
    /// A delay twice as long as the previous one, within bounds.
    fn after(before: Option<Self>, min_ms: u64, max_ms: u64, now_ms: u64) -> Self {
        let delay_ms = before
            .map_or(0, |before| before.delay_ms)
            .saturating_mul(2)
            .clamp(min_ms, max_ms);
        Self {
            until_ms: now_ms.saturating_add(delay_ms),
            delay_ms,
        }
    }
}

/// Whether a period has passed. A clock that steps back makes everything due.
pub(crate) fn is_due(last_ms: Option<u64>, period_ms: u64, now_ms: u64) -> bool {
    last_ms.is_none_or(|last| now_ms < last || now_ms - last >= period_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_due_at_first_and_only_cheap_requests_a_second_later() {
        let configuration = Configuration::default();
        let mut polls = Polls::default();
        assert_eq!(polls.due(&configuration, 0, 1_000), Endpoint::ALL);
        for endpoint in Endpoint::ALL {
            polls.record(endpoint, Outcome::Answered, 1_000);
        }
        let due = polls.due(&configuration, 0, 2_000);
        assert_eq!(
            due,
            [Endpoint::Members, Endpoint::Stores, Endpoint::RegionPage]
        );
        assert!(
            polls
                .due(&configuration, 0, 6_000)
                .contains(&Endpoint::HotWrite)
        );
    }

    #[test]
    fn retries_without_a_response_back_off_up_to_the_period() {
        let configuration = Configuration::default();
        let mut polls = Polls::default();
        let mut asked = Vec::new();
        for now_ms in (0..180_000).step_by(1_000) {
            if polls
                .due(&configuration, 0, now_ms)
                .contains(&Endpoint::Replication)
            {
                polls.record(Endpoint::Replication, Outcome::NoResponse, now_ms);
                asked.push(now_ms / 1_000);
            }
        }
        assert_eq!(asked, [0, 5, 15, 35, 75, 135]);
        polls.record(Endpoint::Replication, Outcome::Answered, 180_000);
        assert!(
            !polls
                .due(&configuration, 0, 186_000)
                .contains(&Endpoint::Replication)
        );
    }

    #[test]
    fn unsupported_endpoints_back_off_up_to_five_minutes() {
        let configuration = Configuration::default();
        let mut polls = Polls::default();
        let is_due = |polls: &Polls, now_ms| {
            polls
                .due(&configuration, 0, now_ms)
                .contains(&Endpoint::RegionPage)
        };
        let mut now_ms = 0;
        for rest_ms in [15_000, 30_000, 60_000, 120_000, 240_000, 300_000, 300_000] {
            polls.record(Endpoint::RegionPage, Outcome::Unsupported, now_ms);
            now_ms += rest_ms;
            assert!(
                !is_due(&polls, now_ms - 1) && is_due(&polls, now_ms),
                "{rest_ms}"
            );
        }
        polls.record(Endpoint::RegionPage, Outcome::Answered, now_ms);
        assert!(is_due(&polls, now_ms));
    }

    #[test]
    fn required_endpoints_never_back_off_after_a_404() {
        let configuration = Configuration::default();
        let mut polls = Polls::default();
        polls.record(Endpoint::Stores, Outcome::Unsupported, 1_000);
        assert!(
            polls
                .due(&configuration, 0, 2_000)
                .contains(&Endpoint::Stores)
        );
    }

    #[test]
    fn full_scans_are_less_frequent_on_a_large_cluster() {
        let configuration = Configuration::default();
        let mut polls = Polls::default();
        polls.record(Endpoint::WriteFlow, Outcome::Answered, 0);
        assert!(
            polls
                .due(&configuration, 29, 15_000)
                .contains(&Endpoint::WriteFlow)
        );
        assert!(
            !polls
                .due(&configuration, 1_000_000, 15_000)
                .contains(&Endpoint::WriteFlow)
        );
        assert!(
            polls
                .due(&configuration, 1_000_000, 60_000)
                .contains(&Endpoint::WriteFlow)
        );
    }

    #[test]
    fn a_clock_that_steps_back_does_not_stop_polling() {
        assert!(is_due(Some(10_000), 60_000, 5_000));
    }
}
