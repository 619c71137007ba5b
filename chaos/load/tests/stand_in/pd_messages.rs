//! The messages of PD that the client sends and reads: only the fields that matter, with the tags of the client's own
//! generated code. A field that is not here is skipped when read and has its default when written.

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct ResponseHeader {
    #[prost(uint64, tag = "1")]
    pub(crate) cluster_id: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Member {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(uint64, tag = "2")]
    pub(crate) member_id: u64,
    #[prost(string, repeated, tag = "4")]
    pub(crate) client_urls: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetMembersRequest {}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetMembersResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) header: Option<ResponseHeader>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) members: Vec<Member>,
    #[prost(message, optional, tag = "3")]
    pub(crate) leader: Option<Member>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TsoRequest {
    #[prost(uint32, tag = "2")]
    pub(crate) count: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub(crate) physical: i64,
    #[prost(int64, tag = "2")]
    pub(crate) logical: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TsoResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) header: Option<ResponseHeader>,
    #[prost(uint32, tag = "2")]
    pub(crate) count: u32,
    /// The last of them.
    #[prost(message, optional, tag = "3")]
    pub(crate) timestamp: Option<Timestamp>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetRegionRequest {
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) region_key: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetRegionByIdRequest {
    #[prost(uint64, tag = "2")]
    pub(crate) region_id: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetRegionResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) header: Option<ResponseHeader>,
    #[prost(message, optional, tag = "2")]
    pub(crate) region: Option<Region>,
    #[prost(message, optional, tag = "3")]
    pub(crate) leader: Option<Peer>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetStoreRequest {
    #[prost(uint64, tag = "2")]
    pub(crate) store_id: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetStoreResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) header: Option<ResponseHeader>,
    #[prost(message, optional, tag = "2")]
    pub(crate) store: Option<Store>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetAllStoresRequest {}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetAllStoresResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) header: Option<ResponseHeader>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) stores: Vec<Store>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Store {
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
    #[prost(string, tag = "2")]
    pub(crate) address: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct RegionEpoch {
    #[prost(uint64, tag = "1")]
    pub(crate) conf_ver: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) version: u64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Region {
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) start_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) end_key: Vec<u8>,
    #[prost(message, optional, tag = "4")]
    pub(crate) region_epoch: Option<RegionEpoch>,
    #[prost(message, repeated, tag = "5")]
    pub(crate) peers: Vec<Peer>,
}

#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub(crate) struct Peer {
    #[prost(uint64, tag = "1")]
    pub(crate) id: u64,
    #[prost(uint64, tag = "2")]
    pub(crate) store_id: u64,
}
