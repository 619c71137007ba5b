//! Requests to a store without transactions: the other half of `kvrpcpb`.

use super::error_messages::RegionError;
use super::kv_messages::{Context, KvPair};
use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RawGetRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) context: Option<Context>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) key: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RawGetResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) region_error: Option<RegionError>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) value: Vec<u8>,
    #[prost(bool, tag = "4")]
    pub(crate) not_found: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RawPutRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) context: Option<Context>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) value: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RawPutResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) region_error: Option<RegionError>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RawDeleteRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) context: Option<Context>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) key: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RawDeleteResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) region_error: Option<RegionError>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RawScanRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) context: Option<Context>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) start_key: Vec<u8>,
    #[prost(uint32, tag = "3")]
    pub(crate) limit: u32,
    #[prost(bytes = "vec", tag = "7")]
    pub(crate) end_key: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RawScanResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) region_error: Option<RegionError>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) kvs: Vec<KvPair>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RawBatchScanRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) context: Option<Context>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) ranges: Vec<KeyRange>,
    #[prost(uint32, tag = "3")]
    pub(crate) each_limit: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct RawBatchScanResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) region_error: Option<RegionError>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) kvs: Vec<KvPair>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct KeyRange {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) start_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) end_key: Vec<u8>,
}
