//! Transactional requests to a store and their answers: `kvrpcpb`, as in `pd_messages.rs`.

use super::error_messages::{KeyError, LockInfo, RegionError};
use super::pd_messages::{Peer, RegionEpoch};
use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Context {
    #[prost(uint64, tag = "1")]
    pub(crate) region_id: u64,
    #[prost(message, optional, tag = "2")]
    pub(crate) region_epoch: Option<RegionEpoch>,
    #[prost(message, optional, tag = "3")]
    pub(crate) peer: Option<Peer>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct KvPair {
    #[prost(message, optional, tag = "1")]
    pub(crate) error: Option<KeyError>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Mutation {
    #[prost(int32, tag = "1")]
    pub(crate) op: i32,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) context: Option<Context>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) key: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(crate) version: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) region_error: Option<RegionError>,
    #[prost(message, optional, tag = "2")]
    pub(crate) error: Option<KeyError>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) value: Vec<u8>,
    #[prost(bool, tag = "4")]
    pub(crate) not_found: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ScanRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) context: Option<Context>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) start_key: Vec<u8>,
    #[prost(uint32, tag = "3")]
    pub(crate) limit: u32,
    #[prost(uint64, tag = "4")]
    pub(crate) version: u64,
    #[prost(bytes = "vec", tag = "7")]
    pub(crate) end_key: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ScanResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) region_error: Option<RegionError>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) pairs: Vec<KvPair>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct BatchGetRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) context: Option<Context>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(crate) keys: Vec<Vec<u8>>,
    #[prost(uint64, tag = "3")]
    pub(crate) version: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct BatchGetResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) region_error: Option<RegionError>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) pairs: Vec<KvPair>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PrewriteRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) context: Option<Context>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) mutations: Vec<Mutation>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) primary_lock: Vec<u8>,
    #[prost(uint64, tag = "4")]
    pub(crate) start_version: u64,
    #[prost(uint64, tag = "5")]
    pub(crate) lock_ttl: u64,
    #[prost(bool, tag = "11")]
    pub(crate) use_async_commit: bool,
    #[prost(bool, tag = "13")]
    pub(crate) try_one_pc: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct PrewriteResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) region_error: Option<RegionError>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) errors: Vec<KeyError>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct CommitRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) context: Option<Context>,
    #[prost(uint64, tag = "2")]
    pub(crate) start_version: u64,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub(crate) keys: Vec<Vec<u8>>,
    #[prost(uint64, tag = "4")]
    pub(crate) commit_version: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct CommitResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) region_error: Option<RegionError>,
    #[prost(message, optional, tag = "2")]
    pub(crate) error: Option<KeyError>,
    #[prost(uint64, tag = "3")]
    pub(crate) commit_version: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct BatchRollbackRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) context: Option<Context>,
    #[prost(uint64, tag = "2")]
    pub(crate) start_version: u64,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub(crate) keys: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct BatchRollbackResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) region_error: Option<RegionError>,
    #[prost(message, optional, tag = "2")]
    pub(crate) error: Option<KeyError>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct CheckTxnStatusRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) context: Option<Context>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) primary_key: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(crate) lock_ts: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) caller_start_ts: u64,
    #[prost(uint64, tag = "5")]
    pub(crate) current_ts: u64,
    #[prost(bool, tag = "6")]
    pub(crate) rollback_if_not_exist: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct CheckTxnStatusResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) region_error: Option<RegionError>,
    #[prost(message, optional, tag = "2")]
    pub(crate) error: Option<KeyError>,
    #[prost(uint64, tag = "3")]
    pub(crate) lock_ttl: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) commit_version: u64,
    #[prost(int32, tag = "5")]
    pub(crate) action: i32,
    #[prost(message, optional, tag = "6")]
    pub(crate) lock_info: Option<LockInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ResolveLockRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) context: Option<Context>,
    #[prost(uint64, tag = "2")]
    pub(crate) start_version: u64,
    #[prost(uint64, tag = "3")]
    pub(crate) commit_version: u64,
    #[prost(message, repeated, tag = "4")]
    pub(crate) txn_infos: Vec<TxnInfo>,
    #[prost(bytes = "vec", repeated, tag = "5")]
    pub(crate) keys: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TxnInfo {
    #[prost(uint64, tag = "1")]
    pub(crate) txn: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) status: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ResolveLockResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) region_error: Option<RegionError>,
    #[prost(message, optional, tag = "2")]
    pub(crate) error: Option<KeyError>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TxnHeartBeatRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) context: Option<Context>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) primary_lock: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(crate) start_version: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) advise_lock_ttl: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TxnHeartBeatResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) region_error: Option<RegionError>,
    #[prost(message, optional, tag = "2")]
    pub(crate) error: Option<KeyError>,
    #[prost(uint64, tag = "3")]
    pub(crate) lock_ttl: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ScanLockRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) context: Option<Context>,
    #[prost(uint64, tag = "2")]
    pub(crate) max_version: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) start_key: Vec<u8>,
    #[prost(uint32, tag = "4")]
    pub(crate) limit: u32,
    #[prost(bytes = "vec", tag = "5")]
    pub(crate) end_key: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ScanLockResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) region_error: Option<RegionError>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) locks: Vec<LockInfo>,
}
