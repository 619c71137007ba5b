//! Raft leadership: elections after a loss, and transfers on request.

use super::{Cluster, Event};
use crate::model::ids::{RegionId, StoreId};
use crate::model::region::Peer;

/// A follower waits for 10 to 20 ticks of a second before it asks to be elected.
const PATIENCE_MS: (u64, u64) = (10_000, 20_000);
/// The last heartbeat before a death was up to one heartbeat interval old.
const HEARTBEAT_MS: u64 = 2_000;
/// Votes and the first heartbeat.
const VOTE_MS: u64 = 20;

impl Cluster {
    /// A leader is gone: its followers wait, each with a patience of its own, and the first one asks.
    pub(super) fn lose_leader(&mut self, id: RegionId) {
        self.set_leader(id, None);
        match self
            .regions
            .get(&id)
            .map(|region| (region.asleep_under, region.term))
        {
            Some((Some(_), term)) => self.sleep_on(id, term),
            _ => self.await_election(id),
        }
    }

    /// Followers without a leader wait.
    pub(super) fn await_election(&mut self, id: RegionId) {
        let Some(region) = self.regions.get(&id) else {
            return;
        };
        let term = region.term;
        let voters = region.voters().count().saturating_sub(1);
        let heard_ago = self.rng.between_ms(0, HEARTBEAT_MS);
        let patience = (0..voters)
            .map(|_| self.rng.between_ms(PATIENCE_MS.0, PATIENCE_MS.1))
            .min();
        self.after(
            patience.unwrap_or(PATIENCE_MS.0).saturating_sub(heard_ago),
            Event::Elect(id, term),
        );
    }

    /// A follower's patience has ended.
    pub(super) fn elect(&mut self, id: RegionId, term: u64) {
        let Some(region) = self.regions.get(&id) else {
            return;
        };
        if region.term != term || region.leader.is_some() {
            return;
        }
        self.wake(id);
        let alive = self.able_voters(id);
        // A candidate that reaches a majority can win; without one, every campaign fails.
        let electable: Vec<Peer> = alive
            .iter()
            .copied()
            .filter(|peer| self.has_majority(id, peer.store))
            .collect();
        let Some(region) = self.regions.get(&id) else {
            return;
        };
        let Some(candidate) = newest(
            region,
            if electable.is_empty() {
                &alive
            } else {
                &electable
            },
        ) else {
            self.after(PATIENCE_MS.1, Event::Elect(id, term));
            return;
        };
        self.log_candidate(id, candidate, term);
        if electable.is_empty() {
            // No majority answers the pre-vote: the term does not grow, and it tries again.
            let again = self.rng.between_ms(PATIENCE_MS.0, PATIENCE_MS.1);
            self.after(again, Event::Elect(id, term));
            return;
        }
        self.win(id, candidate);
    }

    fn able_voters(&self, id: RegionId) -> Vec<Peer> {
        let able = |peer: &&Peer| {
            self.stores
                .get(&peer.store)
                .is_some_and(|store| store.appends())
        };
        self.regions
            .get(&id)
            .into_iter()
            .flat_map(|region| region.voters())
            .filter(able)
            .copied()
            .collect()
    }

    /// Whether a store is heard by a majority of a region's voters, itself included.
    fn has_majority(&self, id: RegionId, from: StoreId) -> bool {
        let voters = self
            .regions
            .get(&id)
            .map_or(0, |region| region.voters().count());
        self.able_voters(id)
            .iter()
            .filter(|peer| self.links.both(from, peer.store))
            .count()
            * 2
            > voters
    }

    fn win(&mut self, id: RegionId, winner: Peer) {
        let Some(region) = self.regions.get_mut(&id) else {
            return;
        };
        region.term += 1;
        let term = region.term;
        let peers = region.peers.clone();
        if let Some(store) = self.stores.get_mut(&winner.store) {
            store.counters.elections += 1.0;
            for message in ["prevote", "vote"] {
                store.counters.send(message, 2.0);
            }
        }
        self.set_leader(id, Some(winner.store));
        let fields = |peer: u64| {
            vec![
                ("term", term.to_string()),
                ("raft_id", peer.to_string()),
                ("region_id", id.to_string()),
            ]
        };
        self.log_store(
            winner.store,
            "INFO",
            "raft.rs:1187",
            &format!("became candidate at term {term}"),
            &fields(winner.id),
        );
        self.log_store(
            winner.store,
            "INFO",
            "raft.rs:1271",
            &format!("became leader at term {term}"),
            &fields(winner.id),
        );
        for peer in peers.iter().filter(|peer| peer.store != winner.store) {
            let hears = self.links.both(winner.store, peer.store);
            let alive = hears
                && self
                    .stores
                    .get(&peer.store)
                    .is_some_and(|store| store.appends());
            if alive {
                let message = format!("became follower at term {term}");
                self.log_store(
                    peer.store,
                    "INFO",
                    "raft.rs:1162",
                    &message,
                    &fields(peer.id),
                );
            }
        }
        self.follow_leader(id);
        self.report_region(id);
    }

    fn log_candidate(&mut self, id: RegionId, candidate: Peer, term: u64) {
        let fields = [
            ("term", term.to_string()),
            ("raft_id", candidate.id.to_string()),
            ("region_id", id.to_string()),
        ];
        self.log_store(
            candidate.store,
            "INFO",
            "raft.rs:1569",
            "starting a new election",
            &fields,
        );
        let message = format!("became pre-candidate at term {term}");
        self.log_store(candidate.store, "INFO", "raft.rs:1213", &message, &fields);
    }

    /// A leader that has not heard from a majority for an election timeout gives up (check-quorum).
    pub(super) fn step_down(&mut self, id: RegionId, term: u64) {
        let Some(region) = self.regions.get(&id) else {
            return;
        };
        let (Some(leader), same_term) = (region.leader, region.term == term) else {
            return;
        };
        if same_term && !self.has_majority(id, leader) {
            let fields = [("term", term.to_string()), ("region_id", id.to_string())];
            self.log_store(
                leader,
                "INFO",
                "raft.rs:1162",
                &format!("became follower at term {term}"),
                &fields,
            );
            self.lose_leader(id);
        }
    }

    /// A transfer reaches its region's leader. A target that does not respond gets nothing; PD waits and gives up.
    pub(super) fn transfer(&mut self, id: RegionId, to: StoreId) {
        let Some(region) = self.regions.get(&id) else {
            return;
        };
        let (Some(leader), Some(target)) = (region.leader, region.peer_on(to)) else {
            return;
        };
        let able = |store: StoreId| self.stores.get(&store).is_some_and(|store| store.appends());
        let caught_up = region.lag.get(&to).is_none_or(|lag| *lag < 1_024.0);
        if leader == to || !able(leader) || !able(to) || !caught_up || !self.links.both(leader, to)
        {
            return;
        }
        let term = region.term;
        let source = region.peer_on(leader);
        if let Some(source) = source {
            let fields = [
                ("term", term.to_string()),
                ("raft_id", source.id.to_string()),
                ("region_id", id.to_string()),
            ];
            let message = format!(
                "[term {term}] starts to transfer leadership to {}",
                target.id
            );
            self.log_store(leader, "INFO", "raft.rs:1751", &message, &fields);
        }
        if let Some(store) = self.stores.get_mut(&leader) {
            store.counters.transfers += 1.0;
            store.counters.send("timeout_now", 1.0);
        }
        self.win(id, target);
        self.finish_transfer(id);
    }

    /// Elections of a store's regions are planned when its death begins; this is how long a lone vote takes.
    pub(super) fn vote_ms(&mut self) -> u64 {
        VOTE_MS + self.rng.between_ms(0, VOTE_MS)
    }
}

/// The replica with the newest log wins; among equals the one whose store comes first after the dead leader's term.
fn newest(region: &super::Region, alive: &[Peer]) -> Option<Peer> {
    let lag = |peer: &Peer| region.lag.get(&peer.store).copied().unwrap_or(0.0);
    let least = alive.iter().map(lag).min_by(f64::total_cmp)?;
    let equals: Vec<Peer> = alive
        .iter()
        .filter(|peer| lag(peer) <= least + 1.0)
        .copied()
        .collect();
    let index = usize::try_from(region.term + region.id.0 / 4).unwrap_or(0) % equals.len().max(1);
    equals.get(index).copied()
}
