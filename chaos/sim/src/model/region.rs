//! A region: its range, its replicas, and what flows through it.

use super::ids::{RegionId, StoreId};
use super::key::Key;
use std::collections::BTreeMap;

/// One replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Peer {
    /// The replica's own id.
    pub id: u64,
    /// Where it lives.
    pub store: StoreId,
    /// What it may do.
    pub role: Role,
}

/// What a replica may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It votes.
    Voter,
    /// It follows.
    Learner,
    /// It will vote when the joint state is left.
    Incoming,
    /// It will not vote any more when the joint state is left.
    Demoting,
}

impl Role {
    /// As the API writes it, and its number.
    pub(crate) fn name(self) -> (&'static str, u64) {
        match self {
            Self::Voter => ("Voter", 0),
            Self::Learner => ("Learner", 1),
            Self::Incoming => ("IncomingVoter", 2),
            Self::Demoting => ("DemotingVoter", 3),
        }
    }
}

/// A key range with its Raft group.
#[derive(Debug, Clone)]
pub(crate) struct Region {
    /// Identity.
    pub id: RegionId,
    /// Its first place.
    pub start: Key,
    /// The first place behind it.
    pub end: Key,
    /// Membership epoch.
    pub conf_ver: u64,
    /// Range epoch.
    pub version: u64,
    /// Replicas.
    pub peers: Vec<Peer>,
    /// The store whose replica leads; none while it is dead.
    pub leader: Option<StoreId>,
    /// The leader of the hibernated region, while it hibernates.
    pub asleep_under: Option<StoreId>,
    /// Raft term.
    pub term: u64,
    /// Log entries so far.
    pub index: f64,
    /// Entries that replicas lack which do not follow at the moment.
    pub lag: BTreeMap<StoreId, f64>,
    /// Rates at the usual load.
    pub rates: Rates,
    /// Flow since the last heartbeat.
    pub flow: Flow,
    /// Where the clients' meter stood when the flow was last brought up to date.
    pub metered: f64,
    /// Size of the data.
    pub bytes: f64,
    /// When the leader last reported.
    pub reported_ms: u64,
}

/// What clients ask of a region, a second at the usual load.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rates {
    /// Keys read.
    pub reads: f64,
    /// Keys written.
    pub writes: f64,
    /// Bytes written.
    pub write_bytes: f64,
}

/// What has flowed.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Flow {
    /// Keys read.
    pub read_keys: f64,
    /// Bytes read.
    pub read_bytes: f64,
    /// Keys written.
    pub written_keys: f64,
    /// Bytes written.
    pub written_bytes: f64,
}

/// Share of written bytes that is new data; the rest replaces what was there.
pub(crate) const NEW_DATA_SHARE: f64 = 0.05;

impl Region {
    /// Replicas that vote.
    pub(crate) fn voters(&self) -> impl Iterator<Item = &Peer> {
        self.peers.iter().filter(|peer| peer.role != Role::Learner)
    }

    /// The replica on a store.
    pub(crate) fn peer_on(&self, store: StoreId) -> Option<Peer> {
        self.peers.iter().copied().find(|peer| peer.store == store)
    }

    /// Brings the flow up to the meter's value. Without a leader nothing flows.
    pub(crate) fn settle(&mut self, meter: f64, value_bytes: f64) {
        let load_seconds = (meter - self.metered).max(0.0);
        self.metered = meter;
        if self.leader.is_none() {
            return;
        }
        let Rates {
            reads,
            writes,
            write_bytes,
        } = self.rates;
        self.flow.read_keys += reads * load_seconds;
        self.flow.read_bytes += reads * value_bytes * load_seconds;
        self.flow.written_keys += writes * load_seconds;
        self.flow.written_bytes += write_bytes * load_seconds;
        self.index += writes * load_seconds;
        self.bytes += write_bytes * load_seconds * NEW_DATA_SHARE;
        for lag in self.lag.values_mut() {
            *lag += writes * load_seconds;
        }
    }

    /// Takes the flow of a heartbeat interval.
    pub(crate) fn take_flow(&mut self) -> Flow {
        std::mem::take(&mut self.flow)
    }
}

impl Flow {
    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            read_keys: self.read_keys + other.read_keys,
            read_bytes: self.read_bytes + other.read_bytes,
            written_keys: self.written_keys + other.written_keys,
            written_bytes: self.written_bytes + other.written_bytes,
        }
    }
}

impl Rates {
    /// Both together.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            reads: self.reads + other.reads,
            writes: self.writes + other.writes,
            write_bytes: self.write_bytes + other.write_bytes,
        }
    }

    /// A share of it.
    pub(crate) fn times(self, share: f64) -> Self {
        Self {
            reads: self.reads * share,
            writes: self.writes * share,
            write_bytes: self.write_bytes * share,
        }
    }

    /// The first without the second. Sums of floats may leave a trace below zero.
    pub(crate) fn minus(self, other: Self) -> Self {
        Self {
            reads: (self.reads - other.reads).max(0.0),
            writes: (self.writes - other.writes).max(0.0),
            write_bytes: (self.write_bytes - other.write_bytes).max(0.0),
        }
    }
}
