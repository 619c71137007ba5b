//! A TiKV store: refuses what it must refuse, and answers the rest from what all stores share.

use super::error_messages::{KeyError, RegionError};
use super::grpc::{Answering, Incoming, Outgoing, one, unknown};
use super::kv_messages::*;
use super::percolator::{bounds, pair};
use super::raw_messages::*;
use super::{Lie, World};
use prost::Message;
use std::sync::Arc;
use tonic::Status;

/// One store.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) world: Arc<World>,
    /// From 1 on.
    pub(crate) id: u64,
}

/// The keys of a region.
type Range = (Vec<u8>, Vec<u8>);

/// A request to a region.
pub(crate) trait ToRegion: Message + Default + 'static {
    type Answer: Message + Default + 'static;

    fn context(&self) -> Option<&Context>;

    /// Keys that must be in the region.
    fn keys(&self) -> Vec<&[u8]>;

    fn refused(error: RegionError) -> Self::Answer;
}

macro_rules! to_region {
    ($($request:ident => $answer:ident, |$it:ident| $keys:expr;)*) => {$(
        impl ToRegion for $request {
            type Answer = $answer;

            fn context(&self) -> Option<&Context> {
                self.context.as_ref()
            }

            fn keys(&self) -> Vec<&[u8]> {
                let $it = self;
                $keys
            }

            #[allow(clippy::needless_update, reason = "some answers have nothing else")]
            fn refused(error: RegionError) -> $answer {
                $answer { region_error: Some(error), ..Default::default() }
            }
        }
    )*};
}

to_region! {
    GetRequest => GetResponse, |it| vec![&it.key];
    ScanRequest => ScanResponse, |it| vec![&it.start_key];
    BatchGetRequest => BatchGetResponse, |it| it.keys.iter().map(Vec::as_slice).collect();
    PrewriteRequest => PrewriteResponse, |it| it.mutations.iter().map(|one| one.key.as_slice()).collect();
    CommitRequest => CommitResponse, |it| it.keys.iter().map(Vec::as_slice).collect();
    BatchRollbackRequest => BatchRollbackResponse, |it| it.keys.iter().map(Vec::as_slice).collect();
    CheckTxnStatusRequest => CheckTxnStatusResponse, |it| vec![&it.primary_key];
    ResolveLockRequest => ResolveLockResponse, |it| it.keys.iter().map(Vec::as_slice).collect();
    ScanLockRequest => ScanLockResponse, |it| vec![&it.start_key];
    TxnHeartBeatRequest => TxnHeartBeatResponse, |it| vec![&it.primary_lock];
    RawGetRequest => RawGetResponse, |it| vec![&it.key];
    RawPutRequest => RawPutResponse, |it| vec![&it.key];
    RawDeleteRequest => RawDeleteResponse, |it| vec![&it.key];
    RawScanRequest => RawScanResponse, |it| vec![&it.start_key];
    RawBatchScanRequest => RawBatchScanResponse, |it| it.ranges.iter().map(|range| range.start_key.as_slice()).collect();
}

impl Answering for Store {
    const NAME: &'static str = "tikvpb.Tikv";

    async fn answer(self, method: String, incoming: Incoming) -> Outgoing {
        match method.as_str() {
            "KvGet" => self.region(method, incoming, World::get).await,
            "KvScan" => self.region(method, incoming, World::scan).await,
            "KvBatchGet" => self.region(method, incoming, World::batch_get).await,
            "KvPrewrite" => self.region(method, incoming, World::prewrite).await,
            "KvCommit" => self.region(method, incoming, World::commit).await,
            "KvBatchRollback" => self.region(method, incoming, World::batch_rollback).await,
            "KvCheckTxnStatus" => self.region(method, incoming, World::check_txn_status).await,
            "KvResolveLock" => self.region(method, incoming, World::resolve_lock).await,
            "KvScanLock" => self.region(method, incoming, World::scan_lock).await,
            "KvTxnHeartBeat" => self.region(method, incoming, World::heart_beat).await,
            "RawGet" => self.region(method, incoming, World::raw_get).await,
            "RawPut" => self.region(method, incoming, World::raw_put).await,
            "RawDelete" => self.region(method, incoming, World::raw_delete).await,
            "RawScan" => self.region(method, incoming, World::raw_scan).await,
            "RawBatchScan" => self.region(method, incoming, World::raw_batch_scan).await,
            _ => unknown(&method, incoming).await,
        }
    }
}

impl Store {
    /// What every request goes through. It runs to its end even when the client no longer waits, as it does in TiKV.
    async fn region<Q: ToRegion>(
        self,
        method: String,
        incoming: Incoming,
        act: fn(&World, Q, Range) -> Q::Answer,
    ) -> Outgoing {
        let run = move |request: Q| async move {
            let acting = async move {
                self.world.store_awake(self.id).await;
                let context = request.context().cloned().unwrap_or_default();
                if let Some(error) = self.world.refusal(self.id, &context, &request.keys()) {
                    return Q::refused(error);
                }
                self.world.note(context.region_id, &method);
                let range = self.world.regions().range(context.region_id);
                act(&self.world, request, range)
            };
            tokio::spawn(acting)
                .await
                .map_err(|_| Status::internal("the stand-in panicked"))
        };
        one(incoming, run).await
    }
}

/// The part of a range that is in a region.
fn clipped(from: Vec<u8>, to: Vec<u8>, region: Range) -> Range {
    let end = if region.1.is_empty() || (!to.is_empty() && to < region.1) {
        to
    } else {
        region.1
    };
    (from.max(region.0), end)
}

/// Transactions.
impl World {
    fn get(&self, request: GetRequest, _: Range) -> GetResponse {
        match self.percolator().get(&request.key, request.version) {
            Ok(Some(value)) => {
                self.note_found(1);
                GetResponse {
                    value,
                    ..Default::default()
                }
            }
            Ok(None) => GetResponse {
                not_found: true,
                ..Default::default()
            },
            Err(error) => GetResponse {
                error: Some(error),
                ..Default::default()
            },
        }
    }

    fn scan(&self, request: ScanRequest, region: Range) -> ScanResponse {
        let (from, to) = clipped(request.start_key, request.end_key, region);
        let pairs = self
            .percolator()
            .scan(&from, &to, request.limit, request.version);
        ScanResponse {
            region_error: None,
            pairs,
        }
    }

    fn batch_get(&self, request: BatchGetRequest, _: Range) -> BatchGetResponse {
        let percolator = self.percolator();
        let pairs = request
            .keys
            .iter()
            .filter_map(|key| pair(key, percolator.get(key, request.version)))
            .collect();
        BatchGetResponse {
            region_error: None,
            pairs,
        }
    }

    fn prewrite(&self, request: PrewriteRequest, _: Range) -> PrewriteResponse {
        assert!(
            !request.use_async_commit && !request.try_one_pc,
            "the load tool uses neither"
        );
        let errors = self.percolator().prewrite(&request);
        self.note_conflicts(
            errors
                .iter()
                .filter(|error| error.conflict.is_some())
                .count() as u64,
        );
        PrewriteResponse {
            region_error: None,
            errors,
        }
    }

    fn commit(&self, request: CommitRequest, _: Range) -> CommitResponse {
        let mut percolator = self.percolator();
        let commit = request.commit_version;
        for key in &request.keys {
            let kept = self.keeps(key, percolator.primary_of(key));
            if let Err(error) = percolator.commit(key, request.start_version, commit, kept) {
                return CommitResponse {
                    error: Some(error),
                    ..Default::default()
                };
            }
        }
        CommitResponse {
            commit_version: commit,
            ..Default::default()
        }
    }

    fn batch_rollback(&self, request: BatchRollbackRequest, _: Range) -> BatchRollbackResponse {
        let mut percolator = self.percolator();
        let error = request
            .keys
            .iter()
            .find_map(|key| percolator.roll_back(key, request.start_version).err());
        BatchRollbackResponse {
            region_error: None,
            error,
        }
    }

    fn check_txn_status(&self, request: CheckTxnStatusRequest, _: Range) -> CheckTxnStatusResponse {
        self.percolator().status(&request)
    }

    fn resolve_lock(&self, request: ResolveLockRequest, (from, to): Range) -> ResolveLockResponse {
        let mut transactions: Vec<(u64, u64)> = request
            .txn_infos
            .iter()
            .map(|info| (info.txn, info.status))
            .collect();
        if transactions.is_empty() {
            transactions.push((request.start_version, request.commit_version));
        }
        let mut percolator = self.percolator();
        let mut error = None;
        for (start, commit) in transactions {
            for key in percolator.held(&from, &to, start) {
                let kept = self.keeps(&key, percolator.primary_of(&key));
                let resolved = match commit {
                    0 => percolator.roll_back(&key, start),
                    _ => percolator.commit(&key, start, commit, kept),
                };
                error = error.or(resolved.err());
            }
        }
        ResolveLockResponse {
            region_error: None,
            error,
        }
    }

    fn scan_lock(&self, request: ScanLockRequest, region: Range) -> ScanLockResponse {
        let (from, to) = clipped(request.start_key, request.end_key, region);
        let locks = self
            .percolator()
            .locks_in(&from, &to, request.limit, request.max_version);
        ScanLockResponse {
            region_error: None,
            locks,
        }
    }

    fn heart_beat(&self, request: TxnHeartBeatRequest, _: Range) -> TxnHeartBeatResponse {
        let (lock_ttl, error): (Option<u64>, Option<KeyError>) = match self.percolator().extend(
            &request.primary_lock,
            request.start_version,
            request.advise_lock_ttl,
        ) {
            Ok(ttl_ms) => (Some(ttl_ms), None),
            Err(error) => (None, Some(error)),
        };
        TxnHeartBeatResponse {
            region_error: None,
            error,
            lock_ttl: lock_ttl.unwrap_or_default(),
        }
    }

    /// Whether a commit of this key is kept, or only acknowledged.
    fn keeps(&self, key: &[u8], primary: Option<&[u8]>) -> bool {
        let holds = |part: &str| {
            key.windows(part.len())
                .any(|window| window == part.as_bytes())
        };
        match self.lie() {
            Some(Lie::LosesCounters) => !holds("/sequence/"),
            Some(Lie::TearsTransfers) => !holds("/bank") || primary == Some(key),
            None => true,
        }
    }
}

/// Single keys.
impl World {
    fn raw_get(&self, request: RawGetRequest, _: Range) -> RawGetResponse {
        let value = self.raw().get(&request.key).cloned();
        self.note_found(u64::from(value.is_some()));
        let not_found = value.is_none();
        RawGetResponse {
            region_error: None,
            value: value.unwrap_or_default(),
            not_found,
        }
    }

    fn raw_put(&self, request: RawPutRequest, _: Range) -> RawPutResponse {
        if self.keeps(&request.key, None) {
            self.raw().insert(request.key, request.value);
        }
        RawPutResponse::default()
    }

    fn raw_delete(&self, request: RawDeleteRequest, _: Range) -> RawDeleteResponse {
        self.raw().remove(&request.key);
        RawDeleteResponse::default()
    }

    fn raw_scan(&self, request: RawScanRequest, region: Range) -> RawScanResponse {
        let range = clipped(request.start_key, request.end_key, region);
        RawScanResponse {
            region_error: None,
            kvs: self.raw_pairs(&range, request.limit),
        }
    }

    fn raw_batch_scan(&self, request: RawBatchScanRequest, region: Range) -> RawBatchScanResponse {
        let ranges = request
            .ranges
            .into_iter()
            .map(|range| clipped(range.start_key, range.end_key, region.clone()));
        let kvs = ranges
            .flat_map(|range| self.raw_pairs(&range, request.each_limit))
            .collect();
        RawBatchScanResponse {
            region_error: None,
            kvs,
        }
    }

    fn raw_pairs(&self, (from, to): &Range, limit: u32) -> Vec<KvPair> {
        let raw = self.raw();
        let pairs = raw
            .range(bounds(from, to))
            .map(|(key, value)| (key.clone(), value.clone()));
        pairs
            .take(limit as usize)
            .map(|(key, value)| KvPair {
                error: None,
                key,
                value,
            })
            .collect()
    }
}
