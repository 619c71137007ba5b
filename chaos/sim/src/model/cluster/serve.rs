//! A second of service of one store.

use super::{Cluster, Event, REPLICAS, TICK_MS};
use crate::model::clients::Clients;
use crate::model::disk::DiskUsage;
use crate::model::histogram::Histogram;
use crate::model::ids::StoreId;
use crate::model::layouts;
use crate::model::links::RETRANSMIT_MS;
use crate::model::number::{real, real_len};
use crate::model::region::{NEW_DATA_SHARE, Rates};
use crate::model::slow_score::{PROBE_TIMEOUT_MS, PROBES_PER_SECOND, ROUND_MS};
use crate::model::stages::{Demand, Platform, Stages};
use crate::model::store::Store;

/// A write that gets no answer is given up by the client after this.
const CLIENT_TIMEOUT_S: f64 = 2.0;
/// Slow operations are logged from here on (`slow-log-threshold`).
const SLOW_LOG_MS: f64 = 1_000.0;
/// The slowest of a second's many operations takes about so many times the median.
const SLOWEST_OF_A_SECOND: f64 = 4.5;
/// From more stores than this on, links are sampled.
const MANY_STORES: usize = 30;
/// A raft heartbeat every two seconds to each follower of an awake region.
const HEARTBEATS_PER_REGION: f64 = 0.5;

impl Cluster {
    /// A second passes on a store.
    pub(super) fn serve_store(&mut self, id: StoreId) {
        self.after(TICK_MS, Event::Serve(id));
        let seconds = real(TICK_MS) / 1_000.0;
        let followers = self.followers(id);
        let ingested =
            self.clients.ingested * real_len(REPLICAS) / real_len(self.stores.len().max(1));
        let load_jitter = self.rng.noise(self.config.noise.jitter);
        let latency_jitter = self.rng.noise(self.config.noise.jitter);
        let demand = self.demand(id, load_jitter);
        let usage_before = self.stores.get(&id).map(|store| store.disk.usage());
        let Some(store) = self.stores.get_mut(&id) else {
            return;
        };
        if !store.serves() {
            // The disk's other users do not stop when the store does.
            store.disk.pass(seconds, 0.0, 0.0);
            return;
        }
        let platform = Platform {
            cores: store.cores,
            cpu_factor: store.cpu_factor,
            flush_ms: if store.disk.hung {
                f64::INFINITY
            } else {
                store.disk.flush_ms()
            },
            follower_ms: &followers.answer_ms,
            lossy_share: followers.lossy_share,
            stall_ms: store.tree.stall_ms(),
            groups: real(store.held_regions.saturating_sub(store.asleep.held)),
            costs: store.costs,
        };
        store.demand = demand;
        store.stages = Stages::under(&demand, &platform);
        let stages = store.stages.clone();
        store
            .counters
            .serve(seconds, &demand, &stages, latency_jitter);
        let timed_out =
            store
                .counters
                .probe(PROBES_PER_SECOND * seconds, &stages, PROBE_TIMEOUT_MS);
        store
            .slow_score
            .record(PROBES_PER_SECOND * seconds, timed_out);
        write_to_disk(
            store,
            seconds,
            self.clients.load.value_bytes,
            self.clients.intensity(),
            ingested,
        );
        queue_writes(store, seconds, self.clients.written_value_bytes);
        let ended_by_kernel = store.memory.pass(seconds, store.tree.memtable_bytes);
        self.talk(id, seconds, latency_jitter);
        self.note_disk_usage(id, usage_before);
        self.log_slowness(id, &stages);
        self.adapt_clients();
        if ended_by_kernel {
            self.end_for_memory(id);
        }
    }

    /// The kernel leaves no line in the log; the supervisor starts the process again.
    fn end_for_memory(&mut self, id: StoreId) {
        self.kill_store(id);
        self.after(
            SUPERVISOR_MS,
            Event::Action(crate::fault::SimAction::StartStore { store: id.0 }),
        );
    }

    /// How long the other stores take to append and to say so.
    fn followers(&self, id: StoreId) -> Followers {
        let round_trip_ms = self.config.machine.round_trip_ms;
        let heard =
            |store: &&Store| store.id != id && store.appends() && self.links.both(id, store.id);
        let (mut answer_ms, mut lossy): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
        for store in self.stores.values().filter(heard) {
            answer_ms
                .push(store.stages.append_ms + round_trip_ms + self.links.extra_ms(id, store.id));
            lossy.push(self.links.lossy_share(id, store.id));
        }
        // The faster of two followers is enough: a commit is late when the packets of both are.
        lossy.sort_by(f64::total_cmp);
        let lossy_share =
            lossy.iter().take(2).product::<f64>() * f64::from(u8::from(!lossy.is_empty()));
        Followers {
            answer_ms,
            lossy_share,
        }
    }

    fn demand(&self, id: StoreId, jitter: f64) -> Demand {
        let Some(store) = self.stores.get(&id) else {
            return Demand::default();
        };
        let intensity = self.clients.intensity() * jitter;
        let hot = self
            .hot_region
            .and_then(|region| self.regions.get(&region))
            .filter(|region| region.leader.is_some());
        let hot_rate = hot.map_or(0.0, |region| region.rates.writes) * intensity;
        let leads_hot = hot.is_some_and(|region| region.leader == Some(id));
        let holds_hot = hot.is_some_and(|region| region.peer_on(id).is_some());
        let writable = store.disk.usage() == DiskUsage::Normal;
        let kept = 1.0 - store.tree.held_back(store.led.write_bytes * intensity);
        Demand {
            reads: store.led.reads * intensity,
            led_writes: if writable {
                store.led.writes * intensity * kept
            } else {
                0.0
            },
            hot_writes: if leads_hot && writable {
                hot_rate * kept
            } else {
                0.0
            },
            appends: store.replicated.writes * intensity,
            hot_appends: if holds_hot { hot_rate } else { 0.0 },
            scans: self.clients.scans * self.clients.intensity() * real(store.led_regions)
                / real_len(self.regions.len().max(1)),
            scan_keys: self.clients.scan_keys,
        }
    }

    /// Messages to other stores, and probes of the way there.
    fn talk(&mut self, id: StoreId, seconds: f64, jitter: f64) {
        let state = |store: &Store| {
            let reached = store.serves() && self.links.delivers(id, store.id);
            let way = (
                self.links.extra_ms(id, store.id),
                self.links.lossy_share(id, store.id),
            );
            (store.id, reached, way)
        };
        let alive: Vec<(StoreId, bool, (f64, f64))> = self
            .stores
            .values()
            .filter(|store| store.joined && store.id != id)
            .map(state)
            .collect();
        let round_trip_ms = self.config.machine.round_trip_ms;
        let Some(store) = self.stores.get_mut(&id) else {
            return;
        };
        let wake_ms = store.stages.wake_ms;
        let led = store.led_regions.saturating_sub(store.asleep.led);
        let held = store.held_regions.saturating_sub(store.asleep.held);
        let followed = real(held.saturating_sub(led));
        let led = real(led);
        let others = real_len(alive.len()).max(1.0);
        // Many stores have too many links to check each one every second: a sample stands for all.
        let (portions, turn) = if alive.len() > MANY_STORES {
            (10_u64, self.now_ms / TICK_MS)
        } else {
            (1, 0)
        };
        let portion_of = |other: StoreId| {
            f64::from(u8::from((other.0 + turn).is_multiple_of(portions))) * real(portions)
        };
        for (other, alive, (extra_ms, lossy)) in alive {
            let portion = portion_of(other);
            if alive && portion > 0.0 {
                let probes = PROBES_PER_SECOND * seconds * portion;
                let way_ms = round_trip_ms + wake_ms + extra_ms;
                probe(store, other, (probes, lossy), (way_ms, jitter));
            }
            if alive {
                store
                    .counters
                    .send("append", store.demand.led_writes * seconds);
                store.counters.send(
                    "append_resp",
                    (store.demand.appends - store.demand.led_writes).max(0.0) * seconds / others,
                );
                store
                    .counters
                    .send("heartbeat", led * HEARTBEATS_PER_REGION * seconds);
                store.counters.send(
                    "heartbeat_resp",
                    followed * HEARTBEATS_PER_REGION * seconds / others,
                );
            } else {
                // Every region's leader reports each failed heartbeat; the connection backs off to about that rate.
                // Followers answer heartbeats; of a leader that was never heard there is nothing to answer.
                let failed =
                    (led + followed / others * 0.25) * HEARTBEATS_PER_REGION * seconds * 0.5;
                *store.counters.unreachable.entry(other).or_insert(0.0) += failed;
            }
        }
        store.counters.pd_request("tso", seconds, 0.4 * jitter);
        store
            .counters
            .pd_request("min_resolved_ts", seconds, 1.5 * jitter);
    }

    fn note_disk_usage(&mut self, id: StoreId, before: Option<DiskUsage>) {
        let Some(store) = self.stores.get(&id) else {
            return;
        };
        let after = store.disk.usage();
        let before = before.unwrap_or(DiskUsage::Normal);
        if after == before {
            return;
        }
        let disk = &store.disk;
        let message = format!(
            "disk usage {before:?}->{after:?} (raft engine usage={:.0}, kv available={:.0}, capacity={:.0})",
            disk.raft_bytes,
            disk.available(),
            disk.capacity
        );
        self.log_store(id, "WARN", "server.rs:1512", &message, &[]);
    }

    fn log_slowness(&mut self, id: StoreId, stages: &Stages) {
        let slowest_ms = stages.flush_ms * SLOWEST_OF_A_SECOND;
        if !slowest_ms.is_finite() || slowest_ms < SLOW_LOG_MS {
            return;
        }
        let seconds = slowest_ms / 1_000.0;
        let message = format!(
            "[store {id}] async write too slow, write_kv: 0s, write_raft: {seconds:.6}s, send: 0.000012s, callback: 0.000031s thread: 0"
        );
        self.log_store(
            id,
            "WARN",
            "write.rs:812",
            &message,
            &[("takes", format!("{slowest_ms:.0}"))],
        );
    }

    /// Clients wait: what takes long takes their hands.
    fn adapt_clients(&mut self) {
        let wanted = self.clients.wanted();
        let in_flight: f64 = self
            .stores
            .values()
            .filter(|store| store.serves())
            .map(|store| waiting(store, wanted))
            .sum();
        let served: Rates = self
            .stores
            .values()
            .fold(Rates::default(), |sum, store| sum.plus(store.led));
        let load = &self.clients.load;
        let missing = (load.reads_per_second - served.reads).max(0.0)
            + (load.writes_per_second - served.writes).max(0.0);
        // Sums of floats are not exact: a millionth of the load is no queue.
        let missing = if missing > 1e-3 { missing } else { 0.0 };
        self.clients
            .adapt(self.now_ms, in_flight + Clients::stuck(missing * wanted));
    }

    /// A round of the slow score ends.
    pub(super) fn end_slow_round(&mut self, id: StoreId) {
        self.after(ROUND_MS, Event::EndSlowRound(id));
        if let Some(store) = self.stores.get_mut(&id).filter(|store| store.serves()) {
            store.slow_score.end_round();
        }
    }
}

/// Requests of the clients that a store keeps waiting.
fn waiting(store: &Store, wanted: f64) -> f64 {
    let seconds = |milliseconds: f64| (milliseconds / 1_000.0).min(CLIENT_TIMEOUT_S);
    let stages = &store.stages;
    let read_ms = stages.grpc_ms + stages.read_wait_ms + stages.read_ms;
    let write_ms =
        stages.grpc_ms + stages.schedule_wait_ms + stages.write_ms.max(stages.hot_write_ms);
    (store.led.reads * seconds(read_ms) + store.led.writes * seconds(write_ms)) * wanted
}

/// What a store hears of the others.
struct Followers {
    answer_ms: Vec<f64>,
    lossy_share: f64,
}

/// Writes that wait in the scheduler are turned away beyond this (`storage.scheduler-pending-write-threshold`).
const PENDING_WRITE_BYTES: f64 = 100.0 * 1_048_576.0;
/// Messages that a region's mailbox holds (`raftstore.notify-capacity`).
const MAILBOX: f64 = 40_960.0;
/// What a supervisor waits before it starts a process again.
const SUPERVISOR_MS: u64 = 5_000;

/// Queues before the engine: the scheduler's, flow control's, and the mailbox of the busiest region.
fn queue_writes(store: &mut Store, seconds: f64, value_bytes: f64) {
    let Store {
        counters,
        demand,
        tree,
        stages,
        mailbox,
        disk,
        led,
        ..
    } = store;
    let latency_s =
        (stages.write_ms / 1_000.0).min(CLIENT_TIMEOUT_S) + stages.schedule_wait_ms / 1_000.0;
    let pending = demand.led_writes * latency_s * value_bytes;
    if pending > PENDING_WRITE_BYTES {
        counters.too_busy += demand.led_writes * seconds * (1.0 - PENDING_WRITE_BYTES / pending);
    }
    let held_back = tree.held_back(led.write_bytes);
    if held_back > 0.0 {
        counters
            .throttled
            .observe(demand.led_writes * seconds, held_back, 0.5);
    }
    // A client that gives up leaves its message behind; without a disk it is never removed.
    let came = demand.hot_writes * seconds;
    *mailbox = if disk.hung { *mailbox + came } else { 0.0 };
    if *mailbox > MAILBOX {
        counters.mailbox_full += came;
    }
}

fn write_to_disk(store: &mut Store, seconds: f64, value_bytes: f64, intensity: f64, ingested: f64) {
    let Store {
        disk,
        tree,
        counters,
        demand,
        interval,
        replicated,
        cpu_factor,
        ..
    } = store;
    if disk.hung {
        return;
    }
    let bytes = replicated.write_bytes
        * intensity
        * seconds
        * (1.0 - tree.held_back(replicated.write_bytes * intensity));
    if ingested > 0.0 {
        // Loaded files arrive at the bottom of the tree; about a third of them overlaps and is compacted.
        disk.kv_bytes += (ingested * seconds).min(disk.available());
        tree.pending_bytes += ingested * seconds * 0.3;
    }
    let flushed_before = tree.memtable_bytes;
    let done = tree.pass(seconds, bytes, *cpu_factor);
    let flushed = (flushed_before + bytes - tree.memtable_bytes).max(0.0);
    counters.written_bytes += bytes;
    counters.read_bytes += demand.reads * seconds * value_bytes;
    counters.flushed_bytes += flushed;
    counters.compacted_bytes += (done - flushed).max(0.0);
    interval.written_bytes += bytes;
    interval.written_keys += demand.appends * seconds;
    interval.read_bytes += demand.reads * seconds * value_bytes;
    interval.read_keys += demand.reads * seconds;
    // Each byte goes to the raft log and to the write-ahead log before it is flushed.
    disk.pass(
        seconds,
        2.0 * bytes + done + ingested * seconds,
        bytes * NEW_DATA_SHARE,
    );
    if disk.usage() != DiskUsage::Normal {
        let rejected = store.led.writes * intensity * seconds;
        counters.puts += rejected;
        *counters.write_errors.entry("err_disk_full").or_insert(0.0) += rejected;
    }
}

/// Records probes of the link to another store, of which a share is lost and retransmitted.
fn probe(
    store: &mut Store,
    other: StoreId,
    (probes, lossy): (f64, f64),
    (way_ms, jitter): (f64, f64),
) {
    let histogram = store
        .counters
        .network
        .entry(other)
        .or_insert_with(|| Histogram::new(layouts::tikv_seconds()));
    histogram.observe(probes * (1.0 - lossy), way_ms / 1_000.0 * jitter, 0.4);
    histogram.observe(
        probes * lossy,
        (way_ms + RETRANSMIT_MS) / 1_000.0 * jitter,
        0.4,
    );
}
