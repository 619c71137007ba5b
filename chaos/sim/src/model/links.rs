//! The links between stores: which store can connect to which, and the delay of a connection.

use super::ids::StoreId;
use std::collections::{BTreeMap, BTreeSet};

/// A lost packet is sent again after this: Linux' smallest retransmission timeout.
pub(crate) const RETRANSMIT_MS: f64 = 200.0;

/// All links. An undisturbed link is not listed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Links {
    /// Since when.
    cut: BTreeMap<(StoreId, StoreId), u64>,
    slow_ms: BTreeMap<StoreId, f64>,
    loss: BTreeMap<StoreId, f64>,
    refused: BTreeSet<StoreId>,
}

impl Links {
    /// Connections from one store to another are dropped, or work again.
    pub(crate) fn cut(&mut self, from: StoreId, to: StoreId, since_ms: Option<u64>) {
        match since_ms {
            Some(since_ms) => self.cut.insert((from, to), since_ms),
            None => self.cut.remove(&(from, to)),
        };
    }

    /// Since when two stores do not hear one another.
    pub(crate) fn since_ms(&self, one: StoreId, other: StoreId) -> Option<u64> {
        let cuts = [(one, other), (other, one)];
        cuts.iter()
            .filter_map(|way| self.cut.get(way))
            .min()
            .copied()
    }

    /// A store's handshakes fail with everybody, or work again.
    pub(crate) fn refuse(&mut self, store: StoreId, refuses: bool) {
        if refuses {
            self.refused.insert(store)
        } else {
            self.refused.remove(&store)
        };
    }

    /// Whether a store's handshakes fail.
    pub(crate) fn refuses(&self, store: StoreId) -> bool {
        self.refused.contains(&store)
    }

    /// Everything to and from a store takes so much longer, there and back.
    pub(crate) fn slow(&mut self, store: StoreId, extra_ms: f64) {
        if extra_ms > 0.0 {
            self.slow_ms.insert(store, extra_ms)
        } else {
            self.slow_ms.remove(&store)
        };
    }

    /// A share of a store's packets is lost.
    pub(crate) fn lose(&mut self, store: StoreId, share: f64) {
        if share > 0.0 {
            self.loss.insert(store, share.min(0.9))
        } else {
            self.loss.remove(&store)
        };
    }

    /// Whether messages of one store come to another one.
    pub(crate) fn delivers(&self, from: StoreId, to: StoreId) -> bool {
        !self.cut.contains_key(&(from, to)) && !self.refuses(from) && !self.refuses(to)
    }

    /// Whether two stores hear one another.
    pub(crate) fn both(&self, one: StoreId, other: StoreId) -> bool {
        one == other || self.delivers(one, other) && self.delivers(other, one)
    }

    /// What a round trip between two stores takes longer.
    pub(crate) fn extra_ms(&self, one: StoreId, other: StoreId) -> f64 {
        let of = |store: StoreId| self.slow_ms.get(&store).copied().unwrap_or(0.0);
        of(one) + of(other)
    }

    /// Share of round trips between two stores in which something is lost, one packet each way.
    pub(crate) fn lossy_share(&self, one: StoreId, other: StoreId) -> f64 {
        let kept = |store: StoreId| (1.0 - self.loss.get(&store).copied().unwrap_or(0.0)).powi(2);
        1.0 - kept(one) * kept(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_link_works_one_way_and_an_expired_certificate_none() {
        let one = StoreId(1);
        let other = StoreId(4);
        let mut links = Links::default();
        links.cut(one, other, Some(5));
        assert!(
            !links.delivers(one, other) && links.delivers(other, one) && !links.both(one, other)
        );
        assert_eq!(links.since_ms(other, one), Some(5));
        links.cut(one, other, None);
        links.refuse(other, true);
        assert!(!links.delivers(one, other) && !links.delivers(other, one));
        links.refuse(other, false);
        assert!(links.both(one, other));
    }

    #[test]
    fn a_tenth_of_lost_packets_disturbs_a_fifth_of_the_round_trips() {
        let mut links = Links::default();
        links.lose(StoreId(4), 0.1);
        assert!((links.lossy_share(StoreId(1), StoreId(4)) - 0.19).abs() < 1e-9);
        assert!(links.lossy_share(StoreId(1), StoreId(5)).abs() < 1e-9);
    }
}
