//! Why a store refuses a request, or a key: `errorpb` and the errors of `kvrpcpb`, as in `pd_messages.rs`.

use super::pd_messages::{Peer, Region};
use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RegionError {
    #[prost(string, tag = "1")]
    pub(crate) message: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) not_leader: Option<NotLeader>,
    #[prost(message, optional, tag = "3")]
    pub(crate) region_not_found: Option<RegionNotFound>,
    #[prost(message, optional, tag = "4")]
    pub(crate) key_not_in_region: Option<KeyNotInRegion>,
    #[prost(message, optional, tag = "5")]
    pub(crate) epoch_not_match: Option<EpochNotMatch>,
    #[prost(message, optional, tag = "6")]
    pub(crate) server_is_busy: Option<ServerIsBusy>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct NotLeader {
    #[prost(uint64, tag = "1")]
    pub(crate) region_id: u64,
    #[prost(message, optional, tag = "2")]
    pub(crate) leader: Option<Peer>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RegionNotFound {
    #[prost(uint64, tag = "1")]
    pub(crate) region_id: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct KeyNotInRegion {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) key: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(crate) region_id: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct EpochNotMatch {
    #[prost(message, repeated, tag = "1")]
    pub(crate) current_regions: Vec<Region>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ServerIsBusy {
    #[prost(string, tag = "1")]
    pub(crate) reason: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct KeyError {
    #[prost(message, optional, tag = "1")]
    pub(crate) locked: Option<LockInfo>,
    #[prost(string, tag = "2")]
    pub(crate) retryable: String,
    #[prost(string, tag = "3")]
    pub(crate) abort: String,
    #[prost(message, optional, tag = "4")]
    pub(crate) conflict: Option<WriteConflict>,
    #[prost(message, optional, tag = "7")]
    pub(crate) commit_ts_expired: Option<CommitTsExpired>,
    #[prost(message, optional, tag = "8")]
    pub(crate) txn_not_found: Option<TxnNotFound>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct LockInfo {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) primary_lock: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(crate) lock_version: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) key: Vec<u8>,
    #[prost(uint64, tag = "4")]
    pub(crate) lock_ttl: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct WriteConflict {
    #[prost(uint64, tag = "1")]
    pub(crate) start_ts: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) conflict_ts: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) primary: Vec<u8>,
    #[prost(uint64, tag = "5")]
    pub(crate) conflict_commit_ts: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct CommitTsExpired {
    #[prost(uint64, tag = "1")]
    pub(crate) start_ts: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) attempted_commit_ts: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) key: Vec<u8>,
    #[prost(uint64, tag = "4")]
    pub(crate) min_commit_ts: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TxnNotFound {
    #[prost(uint64, tag = "1")]
    pub(crate) start_ts: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) primary_key: Vec<u8>,
}
