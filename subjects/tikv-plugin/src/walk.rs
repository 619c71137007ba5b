//! The walk over all regions, a page a tick, in search of regions without a leader.
//!
//! PD keeps the last leader it heard of, so a region counts as leaderless when PD says so, or when its leader's store is
//! lost and the peers themselves, asked at their status servers, know no leader.

use std::collections::{BTreeMap, BTreeSet};

use operator_plugin::{HttpError, Request, Response, TableData, table};

use crate::answer;
use crate::nodes::Nodes;
use crate::schedule::is_due;
use crate::shapes::{PeerView, Region};

/// Suspects that are remembered; beyond it the cluster has one trouble, not thousands.
const SUSPECTS: usize = 1_024;
/// Suspects whose peers are asked in one tick.
const CONFIRMED_PER_TICK: usize = 8;

/// Where the walk stands and what it found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Walk {
    /// The key to go on from, in hex; empty at the beginning.
    key: String,
    began_ms: Option<u64>,
    is_walking: bool,
    walks: u64,
    suspects: BTreeMap<u64, Suspect>,
    /// The suspect after which the next confirmations go on.
    confirmed_up_to: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Suspect {
    last_leader: Option<u64>,
    peers: Vec<u64>,
    said_by_pd: bool,
    /// What the peers said, when they were asked.
    confirmed: Option<bool>,
    seen_in_walk: u64,
}

impl Walk {
    /// The page to ask for now, if any.
    pub(crate) fn page(&mut self, period_ms: u64, regions: u64, now_ms: u64) -> Option<String> {
        if !self.is_walking {
            if !is_due(self.began_ms, period_ms, now_ms) {
                return None;
            }
            (self.began_ms, self.is_walking) = (Some(now_ms), true);
            self.key.clear();
        }
        Some(format!(
            "/pd/api/v1/regions/key?key={}&limit={regions}&format=hex",
            self.key
        ))
    }

    /// Takes the page.
    pub(crate) fn take(&mut self, page: &[Region], page_regions: u64, lost: &BTreeSet<u64>) {
        for region in page {
            self.judge(region, lost);
        }
        let next = page
            .last()
            .map(|region| region.end_key.clone())
            .unwrap_or_default();
        let is_short = (page.len() as u64) < page_regions;
        // A key that does not grow would walk in circles.
        if next.is_empty() || is_short || next <= self.key {
            self.is_walking = false;
            self.walks += 1;
            let walk = self.walks;
            self.suspects
                .retain(|_, suspect| suspect.seen_in_walk + 1 >= walk);
        } else {
            self.key = next;
        }
    }

    /// Gives the walk up after an answer that could not be read; the next one begins anew.
    pub(crate) fn break_off(&mut self) {
        self.is_walking = false;
    }

    fn judge(&mut self, region: &Region, lost: &BTreeSet<u64>) {
        let leader = region.leader_store();
        let suspicious = leader.is_none_or(|leader| lost.contains(&leader));
        if !suspicious {
            self.suspects.remove(&region.id);
        } else if self.suspects.contains_key(&region.id) || self.suspects.len() < SUSPECTS {
            let before = self.suspects.get(&region.id);
            let suspect = Suspect {
                last_leader: leader.or_else(|| before.and_then(|before| before.last_leader)),
                peers: region
                    .peers
                    .iter()
                    .map(|peer| peer.store_id)
                    .take(16)
                    .collect(),
                said_by_pd: leader.is_none(),
                confirmed: before.and_then(|before| before.confirmed),
                seen_in_walk: self.walks,
            };
            self.suspects.insert(region.id, suspect);
        }
    }

    /// Questions to the peers of the next few suspects.
    pub(crate) fn confirmations(&mut self, nodes: &Nodes, timeout_ms: u64) -> Vec<(u64, Request)> {
        let after = self
            .suspects
            .range(self.confirmed_up_to.saturating_add(1)..);
        let chosen: Vec<u64> = after
            .chain(self.suspects.range(..=self.confirmed_up_to))
            .map(|(id, _)| *id)
            .take(CONFIRMED_PER_TICK)
            .collect();
        self.confirmed_up_to = chosen.last().copied().unwrap_or_default();
        let mut questions = Vec::new();
        for region in chosen {
            let peers = self
                .suspects
                .get(&region)
                .map(|suspect| suspect.peers.clone())
                .unwrap_or_default();
            for store in peers {
                if let Some(node) = nodes.of(&format!("store/{store}")) {
                    questions.push((
                        region,
                        Request::get(&node.target, format!("/region/{region}"))
                            .timeout_ms(timeout_ms),
                    ));
                }
            }
        }
        questions
    }

    /// Takes what the peers said. Silence proves nothing.
    pub(crate) fn confirm(&mut self, answers: &[(u64, Result<Response, HttpError>)]) {
        let mut views: BTreeMap<u64, Vec<bool>> = BTreeMap::new();
        for (region, result) in answers {
            let view = answer::body(result).and_then(answer::read::<PeerView>).ok();
            let state = view
                .and_then(|view| view.raft_status)
                .and_then(|status| status.soft_state);
            if let Some(state) = state {
                let knows_leader = state.leader_id != 0 && !state.raft_state.ends_with("Candidate");
                views.entry(*region).or_default().push(knows_leader);
            }
        }
        for (region, known) in views {
            if let Some(suspect) = self.suspects.get_mut(&region) {
                suspect.confirmed = Some(known.iter().all(|knows| !knows));
            }
        }
    }

    /// The `regions_without_leader` table, once a walk came to its end.
    pub(crate) fn table(&self) -> Option<TableData> {
        let leaderless =
            |suspect: &&(&u64, &Suspect)| suspect.1.said_by_pd || suspect.1.confirmed == Some(true);
        let entries: Vec<(&u64, &Suspect)> = self.suspects.iter().collect();
        let rows: Vec<_> = entries.iter().filter(leaderless).collect();
        (self.walks > 0 || !rows.is_empty()).then(|| {
            table("regions_without_leader")
                .texts("region", rows.iter().map(|(region, _)| region.to_string()))
                .texts(
                    "last_leader_store",
                    rows.iter()
                        .map(|(_, suspect)| suspect.last_leader.map(|store| store.to_string())),
                )
                .booleans(
                    "confirmed",
                    rows.iter()
                        .map(|(_, suspect)| suspect.confirmed == Some(true)),
                )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Scalar;

    fn region(id: u64, end_key: &str, leader: Option<u64>) -> Region {
        let peer = |store_id| crate::shapes::Peer {
            id: id * 10 + store_id,
            store_id,
        };
        Region {
            id,
            end_key: end_key.to_owned(),
            peers: [1, 4, 5].map(peer).to_vec(),
            leader: leader.map(peer),
            ..Region::default()
        }
    }

    fn says(leader_id: u64, raft_state: &str) -> Result<Response, HttpError> {
        let body = format!(
            r#"{{"raft_status":{{"soft_state":{{"leader_id":{leader_id},"raft_state":"{raft_state}"}}}}}}"#
        );
        Ok(Response {
            status: 200,
            headers: vec![],
            body: body.into_bytes(),
            truncated: false,
            elapsed: 1,
            server_date: None,
        })
    }

    #[test]
    fn a_walk_goes_page_by_page_and_rests_at_the_end() {
        let mut walk = Walk::default();
        assert_eq!(
            walk.page(30_000, 2, 0).unwrap(),
            "/pd/api/v1/regions/key?key=&limit=2&format=hex"
        );
        walk.take(
            &[region(1, "61", Some(1)), region(2, "62", Some(1))],
            2,
            &BTreeSet::new(),
        );
        assert!(walk.table().is_none(), "the walk is not at its end");
        assert_eq!(
            walk.page(30_000, 2, 1_000).unwrap(),
            "/pd/api/v1/regions/key?key=62&limit=2&format=hex"
        );
        walk.take(&[region(3, "", Some(1))], 2, &BTreeSet::new());
        assert_eq!(
            (walk.page(30_000, 2, 2_000), walk.table().unwrap().rows()),
            (None, 0)
        );
        assert!(walk.page(30_000, 2, 30_000).is_some());
    }

    #[test]
    fn a_key_that_does_not_grow_ends_the_walk() {
        let mut walk = Walk {
            key: "62".to_owned(),
            is_walking: true,
            ..Walk::default()
        };
        walk.take(&[region(1, "61", Some(1))], 1, &BTreeSet::new());
        assert!(!walk.is_walking);
    }

    #[test]
    fn a_leader_on_a_lost_store_is_doubted_until_its_peers_are_asked() {
        let mut walk = Walk::default();
        walk.take(&[region(7, "", Some(4))], 256, &[4].into());
        assert_eq!(
            walk.table().unwrap().rows(),
            0,
            "the word of PD alone proves nothing"
        );
        walk.confirm(&[(7, says(0, "PreCandidate")), (7, says(0, "Follower"))]);
        let table = walk.table().unwrap();
        assert_eq!(
            table.scalar(0, "last_leader_store"),
            Scalar::Text("4".to_owned())
        );
        assert_eq!(table.scalar(0, "confirmed"), Scalar::Boolean(true));
        walk.confirm(&[(7, says(71, "Leader"))]);
        assert_eq!(walk.table().unwrap().rows(), 0);
    }

    #[test]
    fn what_pd_calls_leaderless_is_shown_even_unconfirmed_and_goes_when_it_has_a_leader() {
        let mut walk = Walk::default();
        walk.take(&[region(7, "", None)], 256, &BTreeSet::new());
        assert_eq!(
            walk.table().unwrap().scalar(0, "confirmed"),
            Scalar::Boolean(false)
        );
        walk.take(&[region(7, "", Some(1))], 256, &BTreeSet::new());
        assert_eq!(walk.table().unwrap().rows(), 0);
    }

    #[test]
    fn a_region_that_was_merged_away_is_forgotten() {
        let mut walk = Walk::default();
        walk.take(&[region(7, "", None)], 256, &BTreeSet::new());
        for _ in 0..2 {
            walk.take(&[region(8, "", Some(1))], 256, &BTreeSet::new());
        }
        assert_eq!(walk.table().unwrap().rows(), 0);
    }
}
