//! A stand-in for a cluster: three PD members and three stores on loopback ports, in the process of the test.
//!
//! It speaks the part of gRPC that `tikv-client` speaks, made by hand from that client's own protocol definitions. Its
//! transactions are Percolator's ([`percolator`]); its regions have leaders and epochs; and it misbehaves when asked. It has
//! no Raft, no disk and no scheduler: it shows how `operator-load` and the client library behave, not how TiKV does.

mod error_messages;
mod grpc;
mod kv_messages;
mod pd;
mod pd_messages;
mod percolator;
mod percolator_tests;
mod raw_messages;
mod regions;
mod store;

pub(crate) use regions::Keys;

use error_messages::{RegionError, ServerIsBusy};
use kv_messages::{Context, Mutation, PrewriteRequest};
use parking_lot::{Mutex, MutexGuard};
use percolator::Percolator;
use regions::Regions;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

const STORES: usize = 3;
const PDS: usize = 3;

/// Promises that the stores break.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// A counter's write is acknowledged and not kept.
    LosesCounters,
    /// Of a transfer only the account of the primary lock is changed.
    TearsTransfers,
}

/// What all members and stores share.
pub(crate) struct World {
    pd_addresses: Vec<String>,
    store_addresses: Vec<String>,
    pd_leader: watch::Sender<usize>,
    /// Members, by number, and stores, by id, that take requests and do not answer them.
    silent_pds: watch::Sender<BTreeSet<usize>>,
    silent_stores: watch::Sender<BTreeSet<u64>>,
    oracle: Mutex<pd::Oracle>,
    regions: Mutex<Regions>,
    percolator: Mutex<Percolator>,
    raw: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    faults: Mutex<Faults>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Faults {
    busy: BTreeSet<u64>,
    lie: Option<Lie>,
    delay: Duration,
}

/// What was asked and answered.
#[derive(Default, Clone)]
pub(crate) struct Seen {
    /// Requests that were answered, by region and method.
    pub(crate) answered: BTreeMap<(u64, String), u64>,
    /// Refused, by the reason.
    pub(crate) refused: BTreeMap<&'static str, u64>,
    /// Timestamps, by PD member.
    pub(crate) timestamps: BTreeMap<usize, u64>,
    /// Single reads that found a value.
    pub(crate) found: u64,
    /// Write conflicts.
    pub(crate) conflicts: u64,
}

impl Seen {
    /// Requests of a method to a region.
    pub(crate) fn of(&self, region: u64, method: &str) -> u64 {
        self.answered
            .get(&(region, method.to_owned()))
            .copied()
            .unwrap_or_default()
    }

    /// Requests of a method, to any region.
    pub(crate) fn all(&self, method: &str) -> u64 {
        self.answered
            .iter()
            .filter(|((_, one), _)| one == method)
            .map(|(_, count)| count)
            .sum()
    }

    /// Requests of any method to a region.
    pub(crate) fn region(&self, region: u64) -> u64 {
        self.answered
            .iter()
            .filter(|((one, _), _)| *one == region)
            .map(|(_, count)| count)
            .sum()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock()
}

impl World {
    fn regions(&self) -> MutexGuard<'_, Regions> {
        lock(&self.regions)
    }

    fn percolator(&self) -> MutexGuard<'_, Percolator> {
        lock(&self.percolator)
    }

    fn raw(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Vec<u8>>> {
        lock(&self.raw)
    }

    fn oracle(&self) -> MutexGuard<'_, pd::Oracle> {
        lock(&self.oracle)
    }

    fn lie(&self) -> Option<Lie> {
        lock(&self.faults).lie
    }

    async fn pd_awake(&self, number: usize) {
        let _ = self
            .silent_pds
            .subscribe()
            .wait_for(|silent| !silent.contains(&number))
            .await;
    }

    async fn store_awake(&self, id: u64) {
        let delay = lock(&self.faults).delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        let _ = self
            .silent_stores
            .subscribe()
            .wait_for(|silent| !silent.contains(&id))
            .await;
    }

    fn refusal(&self, store: u64, context: &Context, keys: &[&[u8]]) -> Option<RegionError> {
        let is_busy = lock(&self.faults).busy.contains(&store);
        let busy = || ServerIsBusy {
            reason: "the stand-in was told to be busy".to_owned(),
        };
        let error = self.regions().refusal(store, context, keys).or_else(|| {
            is_busy.then(|| RegionError {
                server_is_busy: Some(busy()),
                ..Default::default()
            })
        })?;
        let reason = match &error {
            RegionError {
                not_leader: Some(_),
                ..
            } => "not leader",
            RegionError {
                epoch_not_match: Some(_),
                ..
            } => "epoch not match",
            RegionError {
                server_is_busy: Some(_),
                ..
            } => "busy",
            RegionError {
                key_not_in_region: Some(_),
                ..
            } => "key not in region",
            _ => "region not found",
        };
        *lock(&self.seen).refused.entry(reason).or_default() += 1;
        Some(error)
    }

    fn note(&self, region: u64, method: &str) {
        *lock(&self.seen)
            .answered
            .entry((region, method.to_owned()))
            .or_default() += 1;
    }

    fn note_found(&self, count: u64) {
        lock(&self.seen).found += count;
    }

    fn note_conflicts(&self, count: u64) {
        lock(&self.seen).conflicts += count;
    }

    fn note_timestamps(&self, pd: usize, count: u32) {
        *lock(&self.seen).timestamps.entry(pd).or_default() += u64::from(count);
    }
}

/// A running stand-in; it ends when it is dropped.
pub(crate) struct StandIn {
    world: Arc<World>,
    _runtime: tokio::runtime::Runtime,
}

impl StandIn {
    /// Starts one whose regions have these borders.
    pub(crate) fn start(keys: Keys, borders: &[&str]) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build();
        let runtime = runtime.expect("threads");
        let listeners = runtime.block_on(async {
            let mut listeners = Vec::new();
            for _ in 0..PDS + STORES {
                listeners.push(TcpListener::bind("127.0.0.1:0").await.expect("a free port"));
            }
            listeners
        });
        let mut pd_addresses: Vec<String> = listeners
            .iter()
            .map(|listener| listener.local_addr().expect("an address").to_string())
            .collect();
        let store_addresses = pd_addresses.split_off(PDS);
        let world = Arc::new(World {
            pd_addresses,
            store_addresses,
            pd_leader: watch::Sender::new(0),
            silent_pds: watch::Sender::default(),
            silent_stores: watch::Sender::default(),
            oracle: Mutex::default(),
            regions: Mutex::new(Regions::new(keys, STORES as u64, borders)),
            percolator: Mutex::default(),
            raw: Mutex::default(),
            faults: Mutex::default(),
            seen: Mutex::default(),
        });
        for (number, listener) in listeners.into_iter().enumerate() {
            let world = Arc::clone(&world);
            runtime.spawn(async move {
                let incoming =
                    TcpIncoming::from_listener(listener, true, None).expect("a listener");
                let mut server = Server::builder();
                let router = if number < PDS {
                    server.add_service(grpc::Served(pd::Pd { world, number }))
                } else {
                    server.add_service(grpc::Served(store::Store {
                        world,
                        id: (number - PDS) as u64 + 1,
                    }))
                };
                let _ = router.serve_with_incoming(incoming).await;
            });
        }
        Self {
            world,
            _runtime: runtime,
        }
    }

    /// The addresses of PD, as `--pd` takes them.
    pub(crate) fn pd(&self) -> String {
        self.world.pd_addresses.join(",")
    }

    /// What was asked until now.
    pub(crate) fn seen(&self) -> Seen {
        lock(&self.world.seen).clone()
    }

    /// The region of a key.
    pub(crate) fn region_of(&self, key: &str) -> u64 {
        self.world.regions().id_of(key.as_bytes())
    }

    /// Another store leads the region of this key.
    pub(crate) fn move_leader(&self, key: &str) {
        self.world.regions().move_leader(key.as_bytes());
    }

    /// A new border between regions.
    pub(crate) fn split(&self, border: &str) {
        self.world.regions().split(border.as_bytes());
    }

    /// Another member of PD leads.
    pub(crate) fn move_pd_leader(&self, number: usize) {
        self.world.pd_leader.send_replace(number);
    }

    /// A member of PD takes requests and does not answer, or answers again.
    pub(crate) fn silence_pd(&self, number: usize, silent: bool) {
        self.world.silent_pds.send_modify(|all| {
            _ = if silent {
                all.insert(number)
            } else {
                all.remove(&number)
            }
        });
    }

    /// A store takes requests and does not answer, or answers again, first what it has.
    pub(crate) fn silence_store(&self, id: u64, silent: bool) {
        self.world.silent_stores.send_modify(|all| {
            _ = if silent {
                all.insert(id)
            } else {
                all.remove(&id)
            }
        });
    }

    /// A store says that it is busy, or no longer.
    pub(crate) fn make_busy(&self, id: u64, busy: bool) {
        let mut faults = lock(&self.world.faults);
        _ = if busy {
            faults.busy.insert(id)
        } else {
            faults.busy.remove(&id)
        };
    }

    /// Every request to a store takes this much longer.
    pub(crate) fn slow_down(&self, delay: Duration) {
        lock(&self.world.faults).delay = delay;
    }

    /// From now on a promise is broken.
    pub(crate) fn lie(&self, lie: Lie) {
        lock(&self.world.faults).lie = Some(lie);
    }

    /// Leaves a lock, as a client does that was killed in the middle of preparing or committing. When `primary` is another
    /// key, that one was never prepared.
    pub(crate) fn leave_lock(&self, key: &str, primary: &str) {
        let start_version = self.world.oracle().take(1);
        let mutations = vec![Mutation {
            op: 0,
            key: key.into(),
            value: b"12345".to_vec(),
        }];
        let primary_lock = primary.into();
        let lock_ttl = 3_000;
        let request = PrewriteRequest {
            mutations,
            primary_lock,
            start_version,
            lock_ttl,
            ..Default::default()
        };
        assert!(self.world.percolator().prewrite(&request).is_empty());
    }

    /// Transactional keys that begin so.
    pub(crate) fn keys_of(&self, start: &str) -> Vec<String> {
        self.world.percolator().keys_of(start.as_bytes())
    }

    /// Locks that nobody took away.
    pub(crate) fn locks(&self) -> usize {
        self.world.percolator().locks()
    }
}
