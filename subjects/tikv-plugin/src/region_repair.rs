//! Regions whose replicas PD does not get right: stuck between two configurations, with a peer on a store that
//! does not exist, or with a learner beside a dead voter.

use std::collections::{BTreeMap, BTreeSet};

use operator_plugin::{TableData, table};

use crate::shapes::{Peer, Region};
use crate::units::seconds_between;

/// Regions that are followed; with more, the cluster has one common problem.
const REGIONS: usize = 256;
/// TiKV reports a peer as down after 10 min; a younger one may return.
const DOWN_S: u64 = 600;
/// Peers that are described.
const PEERS: usize = 8;

/// Stores by what may live there.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownStores {
    /// Stores that PD lists.
    pub(crate) listed: BTreeSet<u64>,
    /// Columnar stores, on which every replica is a learner for good.
    pub(crate) columnar: BTreeSet<u64>,
}

/// What is wrong with the replicas of a region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    JointState,
    UnknownStore,
    LearnerBesideDeadVoter,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::JointState => "joint-state",
            Self::UnknownStore => "unknown-store",
            Self::LearnerBesideDeadVoter => "learner-beside-dead-voter",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Stuck {
    kind: Kind,
    /// The store on which the peer in question lives.
    store: u64,
    leader: Option<u64>,
    since: u64,
    peers: String,
    scan: u64,
}

/// The regions in question, by id.
#[derive(Debug, Clone, Default)]
pub(crate) struct RegionRepair(BTreeMap<u64, Stuck>);

impl RegionRepair {
    /// Evaluates one region of a scan.
    pub(crate) fn take(&mut self, region: &Region, known: &KnownStores, scan: u64, now: u64) {
        let Some((kind, store)) = judge(region, known) else {
            self.0.remove(&region.id);
            return;
        };
        let before = self.0.get(&region.id).filter(|stuck| stuck.kind == kind);
        if before.is_none() && self.0.len() >= REGIONS {
            return;
        }
        let stuck = Stuck {
            kind,
            store,
            leader: region.leader_store(),
            since: before.map_or(now, |stuck| stuck.since),
            peers: described(region),
            scan,
        };
        self.0.insert(region.id, stuck);
    }

    /// Drops regions that complete scans no longer found.
    pub(crate) fn end_scan(&mut self, scan: u64) {
        self.0.retain(|_, stuck| stuck.scan + 1 >= scan);
    }

    /// The `stuck_regions` table.
    pub(crate) fn table(&self, now: u64) -> TableData {
        let rows = || self.0.iter();
        table("stuck_regions")
            .texts("region", rows().map(|(region, _)| region.to_string()))
            .texts(
                "kind",
                rows().map(|(_, stuck)| stuck.kind.word().to_owned()),
            )
            .texts("store", rows().map(|(_, stuck)| stuck.store.to_string()))
            .texts(
                "leader_store",
                rows().map(|(_, stuck)| stuck.leader.map(|store| store.to_string())),
            )
            .floats(
                "lasting_s",
                "s",
                rows().map(|(_, stuck)| seconds_between(now, stuck.since)),
            )
            .texts("peers", rows().map(|(_, stuck)| stuck.peers.clone()))
    }

    /// The `repairs` table: one row for the cluster with the first region of each kind, for commands.
    pub(crate) fn cluster_table(&self, cluster: &str) -> TableData {
        let first = |kind: Kind| self.0.iter().find(|(_, stuck)| stuck.kind == kind);
        let region = |kind| [first(kind).map(|(region, _)| region.to_string())];
        let store = |kind| [first(kind).map(|(_, stuck)| stuck.store.to_string())];
        table("repairs")
            .texts("cluster", [cluster.to_owned()])
            .texts("joint_region", region(Kind::JointState))
            .texts("unknown_region", region(Kind::UnknownStore))
            .texts("unknown_store", store(Kind::UnknownStore))
            .texts("learner_region", region(Kind::LearnerBesideDeadVoter))
            .texts("learner_store", store(Kind::LearnerBesideDeadVoter))
    }
}

fn judge(region: &Region, known: &KnownStores) -> Option<(Kind, u64)> {
    let peers = || region.peers.iter().copied();
    let on_unknown = |peer: &Peer| peer.store_id != 0 && !known.listed.contains(&peer.store_id);
    if let Some(peer) = peers().find(|peer| peer.is_joint()) {
        return Some((Kind::JointState, peer.store_id));
    }
    if known.listed.is_empty() {
        return None;
    }
    if let Some(peer) = peers().find(on_unknown) {
        return Some((Kind::UnknownStore, peer.store_id));
    }
    let is_dead = |peer: Peer| {
        let mut down = region.down_peers.iter();
        down.any(|down| down.peer.id == peer.id && down.down_seconds >= DOWN_S)
    };
    let is_pending = |peer: Peer| region.pending_peers.iter().any(|other| other.id == peer.id);
    let dead_voter = peers().any(|peer| !peer.is_learner() && is_dead(peer));
    let healthy_learner = |peer: &Peer| {
        peer.is_learner()
            && !known.columnar.contains(&peer.store_id)
            && !is_dead(*peer)
            && !is_pending(*peer)
    };
    let learner = peers().find(healthy_learner).filter(|_| dead_voter)?;
    Some((Kind::LearnerBesideDeadVoter, learner.store_id))
}

/// For example `voter on 1, voter on 4 down for 40307 s, learner on 2751`.
fn described(region: &Region) -> String {
    let describe = |peer: &Peer| {
        let down = region
            .down_peers
            .iter()
            .find(|down| down.peer.id == peer.id);
        let down = down.map_or_else(String::new, |down| {
            format!(" down for {} s", down.down_seconds)
        });
        format!("{} on {}{down}", peer.role(), peer.store_id)
    };
    let peers: Vec<String> = region.peers.iter().take(PEERS).map(describe).collect();
    peers.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::DownPeer;
    use operator_plugin::Scalar;

    fn peer(store_id: u64, role: u64) -> Peer {
        Peer {
            id: store_id * 10,
            store_id,
            role,
            is_learner: role == 1,
        }
    }

    fn known() -> KnownStores {
        KnownStores {
            listed: [1, 4, 5, 77, 2751].into(),
            columnar: [77].into(),
        }
    }

    fn found(region: &Region) -> Option<(String, String)> {
        let mut repair = RegionRepair::default();
        repair.take(region, &known(), 1, 0);
        let table = repair.table(60_000_000_000);
        let text = |column| match table.scalar(0, column) {
            Scalar::Text(text) => Some(text),
            _ => None,
        };
        (table.rows() > 0).then(|| (text("kind").unwrap(), text("store").unwrap()))
    }

    fn region(peers: &[Peer]) -> Region {
        Region {
            id: 7,
            peers: peers.to_vec(),
            ..Region::default()
        }
    }

    #[test]
    fn healthy_regions_are_not_listed() {
        assert_eq!(found(&region(&[peer(1, 0), peer(4, 0), peer(5, 0)])), None);
        let columnar = region(&[peer(1, 0), peer(4, 0), peer(5, 0), peer(77, 1)]);
        assert_eq!(found(&columnar), None);
    }

    #[test]
    fn each_kind_is_told_with_its_store() {
        let of = |kind: &str, store: &str| Some((kind.to_owned(), store.to_owned()));
        let joint = region(&[peer(1, 3), peer(4, 0), peer(5, 0), peer(2751, 2)]);
        assert_eq!(found(&joint), of("joint-state", "1"));
        let unknown = region(&[peer(1, 0), peer(4, 0), peer(11, 0)]);
        assert_eq!(found(&unknown), of("unknown-store", "11"));
        let mut blocked = region(&[peer(1, 0), peer(4, 0), peer(5, 0), peer(2751, 1)]);
        assert_eq!(found(&blocked), None, "a learner alone is on its way");
        blocked.down_peers = vec![DownPeer {
            down_seconds: 40_307,
            peer: peer(4, 0),
        }];
        assert_eq!(found(&blocked), of("learner-beside-dead-voter", "2751"));
    }

    #[test]
    fn a_repaired_region_is_forgotten() {
        let mut repair = RegionRepair::default();
        repair.take(&region(&[peer(1, 3)]), &known(), 1, 0);
        assert_eq!(repair.table(0).rows(), 1);
        repair.take(&region(&[peer(1, 0)]), &known(), 1, 0);
        assert_eq!(repair.table(0).rows(), 0);
    }
}
