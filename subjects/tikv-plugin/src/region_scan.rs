//! The scan of all regions, one page per tick, for regions without a leader.
//!
//! PD keeps the last known leader, so a region is leaderless if PD reports none, or if the leader's
//! store is lost and the peers report at their status servers that they know of no leader.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use operator_plugin::{HttpError, Request, Response, TableData, table};

use crate::nodes::Nodes;
use crate::region_repair::{KnownStores, RegionRepair};
use crate::response;
use crate::schedule::is_due;
use crate::shapes::{PeerView, Region};

/// Suspects that are tracked; with more, the cluster has one common problem.
const SUSPECTS: usize = 1_024;
/// Suspects whose peers are queried per tick.
const CONFIRMED_PER_TICK: usize = 8;

/// The position of the scan and its findings.
#[derive(Debug, Clone, Default)]
pub(crate) struct RegionScan {
    /// The key to continue from, in hex; empty at the beginning.
    key: String,
    began_ms: Option<u64>,
    is_running: bool,
    scans: u64,
    suspects: BTreeMap<u64, Suspect>,
    /// The suspect after which the next confirmations continue.
    confirmed_up_to: u64,
    repair: RegionRepair,
}

/// What a page is judged with.
#[derive(Debug, Default)]
pub(crate) struct PageContext {
    /// The size of a whole page.
    pub(crate) page_regions: u64,
    /// Stores whose leadership is in doubt.
    pub(crate) lost: BTreeSet<u64>,
    pub(crate) known: KnownStores,
    pub(crate) now: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Suspect {
    last_leader: Option<u64>,
    peers: Vec<u64>,
    leaderless_in_pd: bool,
    /// Whether the peers confirmed it, once they responded.
    confirmed: Option<bool>,
    last_scan: u64,
}

impl RegionScan {
    /// The page to request now, if any.
    pub(crate) fn page(&mut self, period_ms: u64, regions: u64, now_ms: u64) -> Option<String> {
        if !self.is_running {
            if !is_due(self.began_ms, period_ms, now_ms) {
                return None;
            }
            self.began_ms = Some(now_ms);
            self.is_running = true;
            self.key.clear();
        }
        Some(format!(
            "/pd/api/v1/regions/key?key={}&limit={regions}&format=hex",
            self.key
        ))
    }

    /// Evaluates a page.
    pub(crate) fn take(&mut self, page: &[Region], context: &PageContext) {
        for region in page {
            self.evaluate(region, &context.lost);
            self.repair
                .take(region, &context.known, self.scans, context.now);
        }
        let next = page
            .last()
            .map(|region| region.end_key.clone())
            .unwrap_or_default();
        let is_short = (page.len() as u64) < context.page_regions;
        // A key that does not advance would loop forever.
        if next.is_empty() || is_short || next <= self.key {
            self.is_running = false;
            self.scans += 1;
            let scan = self.scans;
            self.suspects
                .retain(|_, suspect| suspect.last_scan + 1 >= scan);
            self.repair.end_scan(scan);
        } else {
            self.key = next;
        }
    }

    /// Aborts the scan after an unusable response; the next one starts over.
    pub(crate) fn abort(&mut self) {
        self.is_running = false;
    }

    fn evaluate(&mut self, region: &Region, lost: &BTreeSet<u64>) {
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
                leaderless_in_pd: leader.is_none(),
                confirmed: before.and_then(|before| before.confirmed),
                last_scan: self.scans,
            };
            self.suspects.insert(region.id, suspect);
        }
    }

    /// Requests to the peers of the next few suspects.
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
        let mut requests = Vec::new();
        for region in chosen {
            let peers = self
                .suspects
                .get(&region)
                .map(|suspect| suspect.peers.clone())
                .unwrap_or_default();
            for store in peers {
                if let Some(node) = nodes.of(&format!("store/{store}")) {
                    requests.push((
                        region,
                        Request::get(&node.target, format!("/region/{region}"))
                            .timeout(Duration::from_millis(timeout_ms)),
                    ));
                }
            }
        }
        requests
    }

    /// Records the responses of the peers. A missing response proves nothing.
    pub(crate) fn confirm(&mut self, answers: &[(u64, Result<Response, HttpError>)]) {
        let mut views: BTreeMap<u64, Vec<bool>> = BTreeMap::new();
        for (region, result) in answers {
            let view = response::body(result)
                .and_then(response::read::<PeerView>)
                .ok();
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

    /// The tables of regions whose replicas are not repaired, once a scan is complete.
    pub(crate) fn repair_tables(&self, cluster: &str, now: u64) -> Vec<TableData> {
        if self.scans == 0 {
            return Vec::new();
        }
        vec![self.repair.table(now), self.repair.cluster_table(cluster)]
    }

    /// The `regions_without_leader` table, once a scan is complete.
    pub(crate) fn table(&self) -> Option<TableData> {
        let leaderless = |suspect: &&(&u64, &Suspect)| {
            suspect.1.leaderless_in_pd || suspect.1.confirmed == Some(true)
        };
        let entries: Vec<(&u64, &Suspect)> = self.suspects.iter().collect();
        let rows: Vec<_> = entries.iter().filter(leaderless).collect();
        (self.scans > 0 || !rows.is_empty()).then(|| {
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
            ..crate::shapes::Peer::default()
        };
        Region {
            id,
            end_key: end_key.to_owned(),
            peers: [1, 4, 5].map(peer).to_vec(),
            leader: leader.map(peer),
            ..Region::default()
        }
    }

    fn within(page_regions: u64, lost: BTreeSet<u64>) -> PageContext {
        PageContext {
            page_regions,
            lost,
            ..PageContext::default()
        }
    }

    fn responds(leader_id: u64, raft_state: &str) -> Result<Response, HttpError> {
        let body = format!(
            r#"{{"raft_status":{{"soft_state":{{"leader_id":{leader_id},"raft_state":"{raft_state}"}}}}}}"#
        );
        Ok(Response {
            status: 200,
            headers: vec![],
            body: body.into_bytes(),
            truncated: false,
            elapsed: 1_000_000,
            server_date: None,
        })
    }

    #[test]
    fn a_scan_proceeds_page_by_page_and_pauses_at_the_end() {
        let mut scan = RegionScan::default();
        assert_eq!(
            scan.page(30_000, 2, 0).unwrap(),
            "/pd/api/v1/regions/key?key=&limit=2&format=hex"
        );
        scan.take(
            &[region(1, "61", Some(1)), region(2, "62", Some(1))],
            &within(2, BTreeSet::new()),
        );
        assert!(scan.table().is_none(), "the scan is incomplete");
        assert_eq!(
            scan.page(30_000, 2, 1_000).unwrap(),
            "/pd/api/v1/regions/key?key=62&limit=2&format=hex"
        );
        scan.take(&[region(3, "", Some(1))], &within(2, BTreeSet::new()));
        assert_eq!(
            (scan.page(30_000, 2, 2_000), scan.table().unwrap().rows()),
            (None, 0)
        );
        assert!(scan.page(30_000, 2, 30_000).is_some());
    }

    #[test]
    fn a_key_that_does_not_advance_ends_the_scan() {
        let mut scan = RegionScan {
            key: "62".to_owned(),
            is_running: true,
            ..RegionScan::default()
        };
        scan.take(&[region(1, "61", Some(1))], &within(1, BTreeSet::new()));
        assert!(!scan.is_running);
    }

    #[test]
    fn a_leader_on_a_lost_store_is_suspect_until_its_peers_confirm() {
        let mut scan = RegionScan::default();
        scan.take(&[region(7, "", Some(4))], &within(256, [4].into()));
        assert_eq!(scan.table().unwrap().rows(), 0, "PD alone proves nothing");
        scan.confirm(&[
            (7, responds(0, "PreCandidate")),
            (7, responds(0, "Follower")),
        ]);
        let table = scan.table().unwrap();
        assert_eq!(
            table.scalar(0, "last_leader_store"),
            Scalar::Text("4".to_owned())
        );
        assert_eq!(table.scalar(0, "confirmed"), Scalar::Boolean(true));
        scan.confirm(&[(7, responds(71, "Leader"))]);
        assert_eq!(scan.table().unwrap().rows(), 0);
    }

    #[test]
    fn a_region_without_leader_in_pd_is_listed_unconfirmed_until_it_has_one() {
        let mut scan = RegionScan::default();
        scan.take(&[region(7, "", None)], &within(256, BTreeSet::new()));
        assert_eq!(
            scan.table().unwrap().scalar(0, "confirmed"),
            Scalar::Boolean(false)
        );
        scan.take(&[region(7, "", Some(1))], &within(256, BTreeSet::new()));
        assert_eq!(scan.table().unwrap().rows(), 0);
    }

    #[test]
    fn a_merged_region_is_dropped() {
        let mut scan = RegionScan::default();
        scan.take(&[region(7, "", None)], &within(256, BTreeSet::new()));
        for _ in 0..2 {
            scan.take(&[region(8, "", Some(1))], &within(256, BTreeSet::new()));
        }
        assert_eq!(scan.table().unwrap().rows(), 0);
    }
}
