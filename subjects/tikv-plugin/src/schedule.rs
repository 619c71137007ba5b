//! What is due: every question to PD with its period in observed time.

use std::collections::BTreeMap;

use crate::configuration::Configuration;

/// What was answered with 404 rests for this long at first, and twice as long each further time: a proxy may answer so for
/// a moment, an old PD until it is upgraded.
const NOT_OFFERED_MS: u64 = 15_000;
/// What nobody answered is asked again after this long, and after twice as long each further time, up to its period: PD
/// changes its leader within some seconds, and must not be pressed while it is overloaded.
const SILENT_MS: u64 = 5_000;
/// The longest rest.
const NOT_OFFERED_MOST_MS: u64 = 300_000;
/// Above this many regions, what scans all of them is asked less often.
const MANY_REGIONS: u64 = 100_000;

/// One question to PD.
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
    /// All of them, in the order of asking.
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

    /// The path below `/pd/api/v1`, without the parts that change.
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

    /// Whether every version offers it, so that a 404 is worth saying.
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
            // Sorting all regions by size costs PD as much as looking for holes.
            Self::RangeHoles | Self::LargeRegions => periods.range_holes,
            Self::RegionPage => 0,
        }
    }
}

/// A question that rests: it was answered with 404, or by nobody.
#[derive(Debug, Clone, Copy)]
struct Rest {
    until_ms: u64,
    rest_ms: u64,
}

/// When each question was last asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Polls {
    asked_ms: BTreeMap<Endpoint, u64>,
    absent: BTreeMap<Endpoint, Rest>,
    silent: BTreeMap<Endpoint, Rest>,
}

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Answered,
    NotOffered,
    Silence,
}

impl Polls {
    /// What to ask now.
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
                .is_some_and(|rest| now_ms < rest.until_ms);
            let again = self
                .silent
                .get(endpoint)
                .is_some_and(|rest| now_ms >= rest.until_ms);
            let last = self.asked_ms.get(endpoint);
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

    /// Remembers that it was asked, and what became of it. What every version offers is never put to rest.
    pub(crate) fn asked(&mut self, endpoint: Endpoint, outcome: Outcome, now_ms: u64) {
        self.asked_ms.insert(endpoint, now_ms);
        let (absent, silent) = (self.absent.remove(&endpoint), self.silent.remove(&endpoint));
        match outcome {
            Outcome::NotOffered if !endpoint.is_required() => {
                let rest = Rest::after(absent, NOT_OFFERED_MS, NOT_OFFERED_MOST_MS, now_ms);
                self.absent.insert(endpoint, rest);
            }
            Outcome::Silence => {
                self.silent
                    .insert(endpoint, Rest::after(silent, SILENT_MS, u64::MAX, now_ms));
            }
            _ => {}
        }
    }
}

impl Rest {
    /// Twice as long as the one before.
    fn after(before: Option<Self>, least_ms: u64, most_ms: u64, now_ms: u64) -> Self {
        let rest_ms = before
            .map_or(0, |before| before.rest_ms)
            .saturating_mul(2)
            .clamp(least_ms, most_ms);
        Self {
            until_ms: now_ms.saturating_add(rest_ms),
            rest_ms,
        }
    }
}

/// Whether a period has passed. A clock that went back makes everything due.
pub(crate) fn is_due(last_ms: Option<u64>, period_ms: u64, now_ms: u64) -> bool {
    last_ms.is_none_or(|last| now_ms < last || now_ms - last >= period_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_due_at_first_and_only_the_cheap_a_second_later() {
        let (configuration, mut polls) = (Configuration::default(), Polls::default());
        assert_eq!(polls.due(&configuration, 0, 1_000), Endpoint::ALL);
        for endpoint in Endpoint::ALL {
            polls.asked(endpoint, Outcome::Answered, 1_000);
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
    fn what_nobody_answered_is_asked_again_soon_and_then_ever_later_up_to_its_period() {
        let (configuration, mut polls) = (Configuration::default(), Polls::default());
        let mut asked = Vec::new();
        for now_ms in (0..180_000).step_by(1_000) {
            if polls
                .due(&configuration, 0, now_ms)
                .contains(&Endpoint::Replication)
            {
                polls.asked(Endpoint::Replication, Outcome::Silence, now_ms);
                asked.push(now_ms / 1_000);
            }
        }
        assert_eq!(asked, [0, 5, 15, 35, 75, 135]);
        polls.asked(Endpoint::Replication, Outcome::Answered, 180_000);
        assert!(
            !polls
                .due(&configuration, 0, 186_000)
                .contains(&Endpoint::Replication)
        );
    }

    #[test]
    fn what_is_not_offered_rests_ever_longer_up_to_five_minutes() {
        let (configuration, mut polls) = (Configuration::default(), Polls::default());
        let is_due = |polls: &Polls, now_ms| {
            polls
                .due(&configuration, 0, now_ms)
                .contains(&Endpoint::RegionPage)
        };
        let mut now_ms = 0;
        for rest_ms in [15_000, 30_000, 60_000, 120_000, 240_000, 300_000, 300_000] {
            polls.asked(Endpoint::RegionPage, Outcome::NotOffered, now_ms);
            now_ms += rest_ms;
            assert!(
                !is_due(&polls, now_ms - 1) && is_due(&polls, now_ms),
                "{rest_ms}"
            );
        }
        polls.asked(Endpoint::RegionPage, Outcome::Answered, now_ms);
        assert!(is_due(&polls, now_ms));
    }

    #[test]
    fn what_every_version_offers_is_never_put_to_rest() {
        let (configuration, mut polls) = (Configuration::default(), Polls::default());
        polls.asked(Endpoint::Stores, Outcome::NotOffered, 1_000);
        assert!(
            polls
                .due(&configuration, 0, 2_000)
                .contains(&Endpoint::Stores)
        );
    }

    #[test]
    fn full_scans_are_rarer_on_a_large_cluster() {
        let (configuration, mut polls) = (Configuration::default(), Polls::default());
        polls.asked(Endpoint::WriteFlow, Outcome::Answered, 0);
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
    fn a_clock_that_goes_back_stops_nothing() {
        assert!(is_due(Some(10_000), 60_000, 5_000));
    }
}
