//! Snapshot isolation as in the Percolator paper: locks, write records, timestamps. One map for the whole cluster; there is
//! no Raft below it, so what this can lose, it loses because a test asked for it.

use super::error_messages::{CommitTsExpired, KeyError, LockInfo, TxnNotFound, WriteConflict};
use super::kv_messages::{
    CheckTxnStatusRequest, CheckTxnStatusResponse, KvPair, Mutation, PrewriteRequest,
};
use std::collections::BTreeMap;
use std::ops::Bound;

/// Low bits of a timestamp that count within a millisecond.
pub(crate) const LOGICAL_BITS: u32 = 18;
const DELETE: i32 = 1;
const LOCK: i32 = 2;
/// Answers of `CheckTxnStatus`.
const TTL_EXPIRE_ROLLBACK: i32 = 1;
const LOCK_NOT_EXIST_ROLLBACK: i32 = 2;

/// All keys, as the client sees them.
#[derive(Default)]
pub(crate) struct Percolator {
    records: BTreeMap<Vec<u8>, Record>,
}

#[derive(Default)]
struct Record {
    lock: Option<Lock>,
    /// By commit timestamp; a rollback stands at its start timestamp.
    writes: BTreeMap<u64, Write>,
}

#[derive(Clone)]
struct Lock {
    start: u64,
    ttl_ms: u64,
    primary: Vec<u8>,
    change: Change,
}

#[derive(Clone, PartialEq)]
enum Change {
    Put(Vec<u8>),
    Delete,
    /// A lock that changes nothing.
    Nothing,
}

struct Write {
    start: u64,
    /// `None` is a rollback: what started then can never be committed.
    change: Option<Change>,
}

impl Record {
    /// The commit timestamp of what started then, `Some(None)` when it was rolled back.
    fn outcome(&self, start: u64) -> Option<Option<u64>> {
        let found = self.writes.iter().find(|(_, write)| write.start == start);
        found.map(|(commit, write)| write.change.is_some().then_some(*commit))
    }

    fn roll_back(&mut self, start: u64) {
        if self.lock.as_ref().is_some_and(|lock| lock.start == start) {
            self.lock = None;
        }
        self.writes.entry(start).or_insert(Write {
            start,
            change: None,
        });
    }

    fn read(&self, key: &[u8], at: u64) -> Result<Option<Vec<u8>>, KeyError> {
        if let Some(lock) = self
            .lock
            .as_ref()
            .filter(|lock| lock.start <= at && lock.change != Change::Nothing)
        {
            return Err(locked(key, lock));
        }
        let value = self
            .writes
            .range(..=at)
            .rev()
            .find_map(|(_, write)| match &write.change {
                Some(Change::Put(value)) => Some(Some(value.clone())),
                Some(Change::Delete) => Some(None),
                Some(Change::Nothing) | None => None,
            });
        Ok(value.flatten())
    }

    fn may_prewrite(&self, key: &[u8], start: u64) -> Result<(), KeyError> {
        if let Some(lock) = self.lock.as_ref().filter(|lock| lock.start != start) {
            return Err(locked(key, lock));
        }
        let newer = self.writes.iter().rev().find(|(commit, write)| {
            (**commit > start && write.change.is_some())
                || (write.start == start && write.change.is_none())
        });
        let Some((commit, write)) = newer else {
            return Ok(());
        };
        let conflict = WriteConflict {
            start_ts: start,
            conflict_ts: write.start,
            key: key.to_vec(),
            conflict_commit_ts: *commit,
            ..Default::default()
        };
        Err(KeyError {
            conflict: Some(conflict),
            ..Default::default()
        })
    }
}

impl Percolator {
    /// The value at a timestamp, unless a lock may still change it.
    pub(crate) fn get(&self, key: &[u8], at: u64) -> Result<Option<Vec<u8>>, KeyError> {
        self.records
            .get(key)
            .map_or(Ok(None), |record| record.read(key, at))
    }

    /// The pairs of a range at a timestamp; a locked key is a pair with an error.
    pub(crate) fn scan(&self, from: &[u8], to: &[u8], limit: u32, at: u64) -> Vec<KvPair> {
        let pairs = self
            .range(from, to)
            .filter_map(|(key, record)| pair(key, record.read(key, at)));
        pairs.take(limit as usize).collect()
    }

    /// Writes the locks of one request, or none of them.
    pub(crate) fn prewrite(&mut self, request: &PrewriteRequest) -> Vec<KeyError> {
        let start = request.start_version;
        let refused = |mutation: &Mutation| {
            self.records
                .get(&mutation.key)?
                .may_prewrite(&mutation.key, start)
                .err()
        };
        let errors: Vec<KeyError> = request.mutations.iter().filter_map(refused).collect();
        if errors.is_empty() {
            for mutation in &request.mutations {
                let change = match mutation.op {
                    DELETE => Change::Delete,
                    LOCK => Change::Nothing,
                    _ => Change::Put(mutation.value.clone()),
                };
                let primary = request.primary_lock.clone();
                let record = self.records.entry(mutation.key.clone()).or_default();
                record.lock = Some(Lock {
                    start,
                    ttl_ms: request.lock_ttl,
                    primary,
                    change,
                });
            }
        }
        errors
    }

    /// Makes what a lock holds visible from `commit` on. When `kept` is false it only pretends to.
    pub(crate) fn commit(
        &mut self,
        key: &[u8],
        start: u64,
        commit: u64,
        kept: bool,
    ) -> Result<(), KeyError> {
        let record = self.records.entry(key.to_vec()).or_default();
        let Some(lock) = record.lock.take_if(|lock| lock.start == start) else {
            return match record.outcome(start) {
                Some(Some(_)) => Ok(()),
                _ => Err(KeyError {
                    retryable: format!("TxnLockNotFound {{ start_ts: {start} }}"),
                    ..Default::default()
                }),
            };
        };
        if commit <= start {
            let key = key.to_vec();
            let expired = CommitTsExpired {
                start_ts: start,
                attempted_commit_ts: commit,
                key,
                min_commit_ts: start + 1,
            };
            record.lock = Some(lock);
            return Err(KeyError {
                commit_ts_expired: Some(expired),
                ..Default::default()
            });
        }
        if kept {
            record.writes.insert(
                commit,
                Write {
                    start,
                    change: Some(lock.change),
                },
            );
        }
        Ok(())
    }

    /// Forbids what started then, unless it was committed.
    pub(crate) fn roll_back(&mut self, key: &[u8], start: u64) -> Result<(), KeyError> {
        let record = self.records.entry(key.to_vec()).or_default();
        if let Some(Some(commit)) = record.outcome(start) {
            return Err(KeyError {
                abort: format!("Committed {{ commit_ts: {commit} }}"),
                ..Default::default()
            });
        }
        record.roll_back(start);
        Ok(())
    }

    /// What became of a transaction, by its primary key; one that is overdue is rolled back.
    pub(crate) fn status(&mut self, request: &CheckTxnStatusRequest) -> CheckTxnStatusResponse {
        let key = &request.primary_key;
        let start = request.lock_ts;
        let record = self.records.entry(key.clone()).or_default();
        let mut answer = CheckTxnStatusResponse::default();
        if let Some(lock) = record.lock.as_ref().filter(|lock| lock.start == start) {
            if (start >> LOGICAL_BITS) + lock.ttl_ms > request.current_ts >> LOGICAL_BITS {
                answer.lock_ttl = lock.ttl_ms;
                answer.lock_info = locked(key, lock).locked;
                return answer;
            }
            record.roll_back(start);
            answer.action = TTL_EXPIRE_ROLLBACK;
            return answer;
        }
        match record.outcome(start) {
            Some(commit) => answer.commit_version = commit.unwrap_or_default(),
            None if request.rollback_if_not_exist => {
                record.roll_back(start);
                answer.action = LOCK_NOT_EXIST_ROLLBACK;
            }
            None => {
                let missing = TxnNotFound {
                    start_ts: start,
                    primary_key: key.clone(),
                };
                answer.error = Some(KeyError {
                    txn_not_found: Some(missing),
                    ..Default::default()
                });
            }
        }
        answer
    }

    /// The keys of a range that a transaction holds.
    pub(crate) fn held(&self, from: &[u8], to: &[u8], start: u64) -> Vec<Vec<u8>> {
        let held = self
            .range(from, to)
            .filter(|(_, record)| record.lock.as_ref().is_some_and(|lock| lock.start == start));
        held.map(|(key, _)| key.clone()).collect()
    }

    /// Locks of transactions that began at `before` or earlier.
    pub(crate) fn locks_in(
        &self,
        from: &[u8],
        to: &[u8],
        limit: u32,
        before: u64,
    ) -> Vec<LockInfo> {
        let found = self.range(from, to).filter_map(|(key, record)| {
            let lock = record.lock.as_ref().filter(|lock| lock.start <= before)?;
            locked(key, lock).locked
        });
        found.take(limit as usize).collect()
    }

    /// Gives a lock more time; says how much it has.
    pub(crate) fn extend(&mut self, key: &[u8], start: u64, ttl_ms: u64) -> Result<u64, KeyError> {
        let lock = self
            .records
            .get_mut(key)
            .and_then(|record| record.lock.as_mut())
            .filter(|lock| lock.start == start);
        let Some(lock) = lock else {
            let missing = TxnNotFound {
                start_ts: start,
                primary_key: key.to_vec(),
            };
            return Err(KeyError {
                txn_not_found: Some(missing),
                ..Default::default()
            });
        };
        lock.ttl_ms = lock.ttl_ms.max(ttl_ms);
        Ok(lock.ttl_ms)
    }

    /// The primary of the lock on a key.
    pub(crate) fn primary_of(&self, key: &[u8]) -> Option<&[u8]> {
        self.records
            .get(key)?
            .lock
            .as_ref()
            .map(|lock| lock.primary.as_slice())
    }

    /// Keys that begin so.
    pub(crate) fn keys_of(&self, start: &[u8]) -> Vec<String> {
        let keys = self
            .range(start, &[])
            .map(|(key, _)| key)
            .take_while(|key| key.starts_with(start));
        keys.map(|key| String::from_utf8_lossy(key).into_owned())
            .collect()
    }

    /// Locks that nobody took away yet.
    pub(crate) fn locks(&self) -> usize {
        self.records
            .values()
            .filter(|record| record.lock.is_some())
            .count()
    }

    fn range<'a>(
        &'a self,
        from: &[u8],
        to: &[u8],
    ) -> impl Iterator<Item = (&'a Vec<u8>, &'a Record)> {
        self.records.range(bounds(from, to))
    }
}

/// A range of keys whose end may be open, as everywhere in TiKV.
pub(crate) fn bounds(from: &[u8], to: &[u8]) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
    let end = if to.is_empty() {
        Bound::Unbounded
    } else {
        Bound::Excluded(to.max(from).to_vec())
    };
    (Bound::Included(from.to_vec()), end)
}

/// A pair as a scan or a batch returns it; nothing for a key without a value.
pub(crate) fn pair(key: &[u8], read: Result<Option<Vec<u8>>, KeyError>) -> Option<KvPair> {
    match read {
        Ok(value) => Some(KvPair {
            error: None,
            key: key.to_vec(),
            value: value?,
        }),
        Err(error) => Some(KvPair {
            error: Some(error),
            key: key.to_vec(),
            value: Vec::new(),
        }),
    }
}

fn locked(key: &[u8], lock: &Lock) -> KeyError {
    let primary_lock = lock.primary.clone();
    let lock_version = lock.start;
    let lock_ttl = lock.ttl_ms;
    KeyError {
        locked: Some(LockInfo {
            primary_lock,
            lock_version,
            key: key.to_vec(),
            lock_ttl,
        }),
        ..Default::default()
    }
}
