//! PD's hot-region scheduler: leaders and replicas of busy regions go to stores that carry less.

use super::Cluster;
use crate::model::ids::{RegionId, StoreId};
use crate::model::number::real_len;
use crate::model::pd::hot_cache::{HotKind, HotPeer, HotRates};
use crate::model::pd::hot_pace::{Move, Shift};
use crate::model::pd::operators::Work;
use crate::model::pd::view::StoreState;
use crate::model::region::Role;
use crate::model::slow_score::SCORE_SLOW;

/// The scheduler.
pub(crate) const BALANCE_HOT: &str = "balance-hot-region-scheduler";
/// `hot-region-schedule-limit`.
const LIMIT: f64 = 4.0;
/// A store is a source when it carries so much more than the mean, and a target when so much less
/// (`src-tolerance-ratio`, `dst-tolerance-ratio`).
const TOLERANCE: f64 = 1.05;
/// A move must lower the higher of the two loads to this share, or it would have no effect (`great-dec-ratio`).
const FELT: f64 = 0.95;
/// An operator's effect is reckoned with until stores have reported it: about a minute of their heartbeats.
const REPORTED_MS: u64 = 60_000;

/// A store's load, the peers that make it, and what they carry.
struct Loaded {
    store: StoreId,
    load: HotRates,
    peers: Vec<(RegionId, HotRates)>,
}

impl Cluster {
    /// The hot-region scheduler's turn: reads and writes by turns, more seldom while there is nothing to do.
    pub(super) fn balance_hot(&mut self) {
        let now_ms = self.now_ms;
        if !self.pd.settings.may_run(BALANCE_HOT, now_ms) {
            return;
        }
        self.sample_heat();
        let Some(kind) = self.pd.hot_pace.turn(now_ms) else {
            return;
        };
        if let Some(member) = self.pd.leading_member() {
            member.counters.scheduler_event(BALANCE_HOT, "schedule");
        }
        let running = self
            .pd
            .operators
            .running
            .values()
            .filter(|operator| operator.kind.contains("-hot-"))
            .count();
        let limit = self
            .pd
            .settings
            .number("schedule.hot-region-schedule-limit", LIMIT);
        let found = real_len(running) < limit
            && (self.shift_heat(kind, Move::Leader) || self.shift_heat(kind, Move::Peer));
        self.pd.hot_pace.went(found, now_ms);
    }

    /// What each store carried lately, compared with the mean, is remembered.
    fn sample_heat(&mut self) {
        if !self.pd.hot_pace.is_sampled(self.now_ms) {
            return;
        }
        for (kind, what) in [HotKind::Read, HotKind::Write]
            .into_iter()
            .flat_map(|kind| Move::ALL.map(|what| (kind, what)))
        {
            let loads = self.loads(kind, what);
            let mean = mean(kind, what, &loads);
            for loaded in loads {
                let ratio = first(kind, what, loaded.load) / mean.max(1.0);
                self.pd.hot_pace.sample((kind, what, loaded.store), ratio);
            }
        }
    }

    /// Makes the best move of a sort, if one is felt.
    fn shift_heat(&mut self, kind: HotKind, what: Move) -> bool {
        let loads = self.loads(kind, what);
        let mean = mean(kind, what, &loads);
        let ratio = |loaded: &Loaded| first(kind, what, loaded.load) / mean.max(1.0);
        let always = |loaded: &Loaded, holds: fn(f64) -> bool| {
            holds(ratio(loaded)) && self.pd.hot_pace.always((kind, what, loaded.store), holds)
        };
        let best = (loads.iter())
            .filter(|from| always(from, |ratio| ratio > TOLERANCE))
            .flat_map(|from| loads.iter().map(move |to| (from, to)))
            .filter(|(_, to)| always(to, |ratio| ratio * TOLERANCE < 1.0))
            .flat_map(|(from, to)| {
                from.peers
                    .iter()
                    .map(move |(region, rates)| (from, to, *region, *rates))
            })
            .filter(|(_, to, region, _)| self.fits(*region, to.store, what))
            .filter_map(|(from, to, region, rates)| {
                let higher = felt(kind, what, (from.load, to.load), rates)?;
                Some((
                    higher,
                    Shift {
                        region,
                        from: from.store,
                        to: to.store,
                        rates,
                        until_ms: 0,
                    },
                ))
            })
            .min_by(|(left, _), (right, _)| left.total_cmp(right));
        let Some((_, shift)) = best else { return false };
        self.carry_heat(kind, what, shift)
    }

    /// The stores that take part, with what PD has heard of them and what operators on their way will change.
    fn loads(&self, kind: HotKind, what: Move) -> Vec<Loaded> {
        let sound = |id: &StoreId| {
            self.pd.view.stores.get(id).is_some_and(|view| {
                view.state(self.now_ms) == StoreState::Up
                    && !view.report.busy
                    && view.report.slow_score < SCORE_SLOW
            })
        };
        let stores = self.pd.view.stores.keys().copied().filter(sound);
        stores
            .filter_map(|store| self.load_of(store, kind, what))
            .collect()
    }

    fn load_of(&self, store: StoreId, kind: HotKind, what: Move) -> Option<Loaded> {
        let moved = |peer: &&HotPeer| what == Move::Peer || peer.leads;
        let shown = self.pd.hot.shown(kind, store).into_iter().filter(moved);
        let peers: Vec<(RegionId, HotRates)> =
            shown.map(|peer| (peer.region, peer.rates())).collect();
        let rates = self.pd.hot.store_rates(store)?;
        let load = match (kind, what) {
            (HotKind::Read, _) => rates.read,
            (HotKind::Write, Move::Peer) => rates.write,
            // Stores do not say what of their writing is a leader's: the listed leaders stand for it.
            (HotKind::Write, Move::Leader) => peers
                .iter()
                .fold(HotRates::default(), |sum, (_, rates)| sum.plus(*rates)),
        };
        // A leader that moved is listed where it is as soon as it reports; sums of whole stores take their time.
        let listed = kind == HotKind::Write && what == Move::Leader;
        let due = |shift: &Shift| !listed || self.pd.operators.running.contains_key(&shift.region);
        Some(Loaded {
            store,
            load: self.pd.hot_pace.expected(kind, store, load, due),
            peers,
        })
    }

    /// The region has no operator, and the other store may lead it or hold it.
    fn fits(&self, region: RegionId, to: StoreId, what: Move) -> bool {
        let Some(view) = self.pd.view.regions.get(&region) else {
            return false;
        };
        let healthy = view.down.is_empty() && view.pending.is_empty();
        let held = view.peers.iter().find(|peer| peer.store == to);
        let free = match what {
            Move::Leader => {
                held.is_some_and(|peer| peer.role == Role::Voter) && !self.pd.evicts(to)
            }
            Move::Peer => held.is_none() && self.takes_replicas(to),
        };
        healthy && free && !self.pd.operators.running.contains_key(&region)
    }

    fn carry_heat(&mut self, kind: HotKind, what: Move, shift: Shift) -> bool {
        let leads = self
            .pd
            .view
            .regions
            .get(&shift.region)
            .and_then(|view| view.leader);
        let leads = leads.is_some_and(|leader| leader.store == shift.from);
        let (name, work) = match (kind, what) {
            (HotKind::Read, Move::Leader) => (
                "transfer-hot-read-leader",
                Work::Transfer(shift.from, shift.to),
            ),
            (HotKind::Write, Move::Leader) => (
                "transfer-hot-write-leader",
                Work::Transfer(shift.from, shift.to),
            ),
            (HotKind::Read, Move::Peer) if leads => {
                ("move-hot-read-leader", Work::Move(shift.from, shift.to))
            }
            (HotKind::Write, Move::Peer) if leads => {
                ("move-hot-write-leader", Work::Move(shift.from, shift.to))
            }
            (HotKind::Read, Move::Peer) => ("move-hot-read-peer", Work::Move(shift.from, shift.to)),
            (HotKind::Write, Move::Peer) => {
                ("move-hot-write-peer", Work::Move(shift.from, shift.to))
            }
        };
        if !self.pay(shift.region, work) {
            return false;
        }
        self.create_operator(name, shift.region, work);
        self.pd.hot_pace.expect(
            kind,
            Shift {
                until_ms: self.now_ms + REPORTED_MS,
                ..shift
            },
        );
        true
    }
}

fn mean(kind: HotKind, what: Move, loads: &[Loaded]) -> f64 {
    loads
        .iter()
        .map(|loaded| first(kind, what, loaded.load))
        .sum::<f64>()
        / real_len(loads.len().max(1))
}

/// What PD considers first: requests for reads, keys for leaders of writes, bytes for their replicas
/// (`read-priorities`, `write-leader-priorities`, `write-peer-priorities`).
fn first(kind: HotKind, what: Move, rates: HotRates) -> f64 {
    match (kind, what) {
        (HotKind::Read, _) => rates.queries,
        (HotKind::Write, Move::Leader) => rates.keys,
        (HotKind::Write, Move::Peer) => rates.bytes,
    }
}

/// The higher of the two loads after a move, when the move is felt. A region that alone is hotter than all else only
/// takes its hotness along: nothing is gained.
fn felt(
    kind: HotKind,
    what: Move,
    (from, to): (HotRates, HotRates),
    rates: HotRates,
) -> Option<f64> {
    let pick = |rates: HotRates| first(kind, what, rates);
    let after = (pick(from) - pick(rates)).max(pick(to) + pick(rates));
    let bytes_after = (from.bytes - rates.bytes).max(to.bytes + rates.bytes);
    let worse = bytes_after > from.bytes.max(to.bytes);
    (pick(rates) > 0.0 && after <= pick(from) * FELT && !worse).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(keys: f64) -> HotRates {
        HotRates {
            bytes: keys * 1_000.0,
            keys,
            queries: 0.0,
        }
    }

    fn write(from: f64, to: f64, moved: f64) -> Option<f64> {
        felt(
            HotKind::Write,
            Move::Leader,
            (rates(from), rates(to)),
            rates(moved),
        )
    }

    #[test]
    fn one_of_several_hot_regions_is_moved() {
        assert!(write(900.0, 100.0, 400.0).is_some_and(|after| (after - 500.0).abs() < 1e-9));
    }

    #[test]
    fn the_only_hot_region_and_a_region_that_is_hardly_felt_stay() {
        assert_eq!(write(900.0, 100.0, 850.0), None);
        assert_eq!(write(900.0, 100.0, 10.0), None);
    }
}
