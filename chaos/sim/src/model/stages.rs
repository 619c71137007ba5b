//! How long each stage of a store's read and write paths takes under its load.
//!
//! Every stage is a queue: base service time over (1 − utilisation), as in an M/M/1 system. Slow CPUs
//! stretch every service time; busy CPUs delay every wake-up of a thread; a slow disk stretches only
//! what waits for a flush. Times are medians in milliseconds.

/// What a store has to do, a second.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Demand {
    /// Reads of regions that it leads.
    pub reads: f64,
    /// Writes of regions that it leads.
    pub led_writes: f64,
    /// The part of them that goes to its busiest region, which one thread must serve.
    pub hot_writes: f64,
    /// Log entries that it appends, as leader or follower.
    pub appends: f64,
    /// The part of them that belongs to the busiest region it replicates.
    pub hot_appends: f64,
    /// Long reads of regions that it leads.
    pub scans: f64,
    /// Keys of one of them.
    pub scan_keys: f64,
}

/// How many times longer than usual the work of each pool takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Costs {
    /// `raftstore_*`.
    pub raftstore: f64,
    /// `apply_*`.
    pub apply: f64,
    /// `grpc_server_*`.
    pub grpc: f64,
    /// `sched_pool_*`.
    pub scheduler: f64,
    /// `unified_read_po*`.
    pub read: f64,
    /// `store_writer_*`.
    pub writer: f64,
}

impl Default for Costs {
    fn default() -> Self {
        Self {
            raftstore: 1.0,
            apply: 1.0,
            grpc: 1.0,
            scheduler: 1.0,
            read: 1.0,
            writer: 1.0,
        }
    }
}

/// The machine that the stages run on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Platform<'a> {
    /// CPUs.
    pub cores: f64,
    /// How many times longer each computation takes than on a healthy CPU.
    pub cpu_factor: f64,
    /// One flush; infinite when the disk hangs.
    pub flush_ms: f64,
    /// How long the other replicas take to append and to say so, the way there and back included.
    pub follower_ms: &'a [f64],
    /// Share of commits that wait for a lost packet.
    pub lossy_share: f64,
    /// What the engine itself makes a write wait.
    pub stall_ms: f64,
    /// Raft groups that tick.
    pub groups: f64,
    /// How much harder than usual the work of each pool is.
    pub costs: Costs,
}

/// Medians in milliseconds, utilisations from 0 to 1.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stages {
    /// Delay of a thread that becomes runnable.
    pub wake_ms: f64,
    /// gRPC's own work for a request.
    pub grpc_ms: f64,
    /// Waiting for a thread of the read pool.
    pub read_wait_ms: f64,
    /// Reading.
    pub read_ms: f64,
    /// Waiting for a scheduler thread.
    pub schedule_wait_ms: f64,
    /// Waiting for the raftstore thread.
    pub propose_wait_ms: f64,
    /// The same for the busiest region.
    pub hot_propose_wait_ms: f64,
    /// Waiting for the log writer.
    pub write_wait_ms: f64,
    /// One round of the log writer.
    pub write_loop_ms: f64,
    /// The flush inside of it.
    pub flush_ms: f64,
    /// Waiting and writing.
    pub append_ms: f64,
    /// Until a majority has the entry.
    pub commit_ms: f64,
    /// Waiting for an apply thread.
    pub apply_wait_ms: f64,
    /// Applying.
    pub apply_ms: f64,
    /// Share of commits that wait for a lost packet.
    pub lossy_share: f64,
    /// One long read.
    pub scan_ms: f64,
    /// A round of a Raft thread.
    pub round_ms: f64,
    /// A write from proposal to answer, without gRPC and scheduler.
    pub write_ms: f64,
    /// The same for the busiest region.
    pub hot_write_ms: f64,
    /// Rounds of the log writer, a second; it writes together what has gathered.
    pub write_loops: f64,
    /// CPU seconds per second.
    pub cpu: CpuUse,
}

/// CPU seconds per second, by group of threads.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CpuUse {
    /// `raftstore_*`, all threads.
    pub raftstore: f64,
    /// The busiest raftstore thread.
    pub raftstore_hot: f64,
    /// `apply_*`, all threads.
    pub apply: f64,
    /// The busiest apply thread.
    pub apply_hot: f64,
    /// `store_writer_*`.
    pub writer: f64,
    /// `grpc_server_*`.
    pub grpc: f64,
    /// `sched_pool_*`.
    pub scheduler: f64,
    /// `unified_read_po*`.
    pub read: f64,
    /// Everything else.
    pub background: f64,
}

impl CpuUse {
    /// The whole process.
    pub(crate) fn total(&self) -> f64 {
        self.raftstore
            + self.apply
            + self.writer
            + self.grpc
            + self.scheduler
            + self.read
            + self.background
    }
}

/// Threads of each pool, as small servers are configured.
pub(crate) const RAFTSTORE_THREADS: f64 = 2.0;
/// Apply threads.
pub(crate) const APPLY_THREADS: f64 = 2.0;
/// Threads of the unified read pool.
pub(crate) const READ_THREADS: f64 = 3.0;
/// gRPC threads.
pub(crate) const GRPC_THREADS: f64 = 2.0;
/// Scheduler threads.
pub(crate) const SCHEDULER_THREADS: f64 = 2.0;

// CPU time of one operation, in milliseconds. Chosen so that a store does some 10 000 small operations a
// second with a core, the order of magnitude of TiKV's published benchmarks.
const GRPC_READ: f64 = 0.04;
const GRPC_WRITE: f64 = 0.05;
const GRPC_APPEND: f64 = 0.02;
const READ: f64 = 0.11;
const SCHEDULE: f64 = 0.06;
const PROPOSE: f64 = 0.18;
const RAFT_APPEND: f64 = 0.05;
const APPLY: f64 = 0.06;
const WRITE: f64 = 0.02;
/// A key of a long read.
const SCAN_KEY: f64 = 0.001;
/// A tick, a heartbeat and its answer of one Raft group, each second.
const GROUP: f64 = 0.05;
/// Timers, statistics, compaction: seconds a second.
const BACKGROUND: f64 = 0.1;
/// A log writer that takes longer than this for a flush is waited for: its channel is full.
const WRITER_PATIENCE_MS: f64 = 500.0;
/// One time slice's share that a thread waits when it becomes runnable on a busy machine.
const WAKE: f64 = 0.05;
/// Queues are finite and clients give up, so no queue is longer than at this utilisation.
const UTILISATION_MAX: f64 = 0.97;

impl Stages {
    /// The stages under this load.
    pub(crate) fn under(demand: &Demand, platform: &Platform<'_>) -> Self {
        let cpu = cpu_use(demand, platform);
        let factor = platform.cpu_factor;
        let wake_ms = WAKE * factor * queue(cpu.total() / platform.cores);
        let mut stages = Self {
            wake_ms,
            cpu,
            ..Self::default()
        };
        let costs = platform.costs;
        stages.grpc_ms =
            GRPC_READ * costs.grpc * factor / (1.0 - busy(cpu.grpc / GRPC_THREADS)) + wake_ms;
        // A read waits for all earlier reads, short and long.
        let mean_read_ms = (demand.reads * READ * costs.read
            + demand.scans * demand.scan_keys * SCAN_KEY * costs.read)
            / (demand.reads + demand.scans).max(1.0);
        stages.read_wait_ms =
            0.01 * factor + mean_read_ms * factor * queue(cpu.read / READ_THREADS) + wake_ms;
        stages.read_ms = READ * costs.read * factor;
        stages.scan_ms = demand.scan_keys * SCAN_KEY * costs.read * factor;
        stages.schedule_wait_ms = 0.01 * factor
            + SCHEDULE * costs.scheduler * factor * queue(cpu.scheduler / SCHEDULER_THREADS)
            + wake_ms;
        stages.raft(demand, platform);
        stages
    }

    fn raft(&mut self, demand: &Demand, platform: &Platform<'_>) {
        let factor = platform.cpu_factor;
        let costs = platform.costs;
        let cold_raftstore =
            (self.cpu.raftstore - self.cpu.raftstore_hot).max(0.0) / (RAFTSTORE_THREADS - 1.0);
        // A thread that sleeps on the disk is woken ahead of those that compute.
        self.flush_ms = platform.flush_ms + self.wake_ms / 8.0;
        let blocked_ms = if self.flush_ms.is_finite() {
            (self.flush_ms - WRITER_PATIENCE_MS).max(0.0)
        } else {
            0.0
        };
        self.round_ms = 0.03 * factor + self.wake_ms + blocked_ms;
        let service_ms = PROPOSE * costs.raftstore * factor;
        let propose = |utilisation: f64| {
            0.03 * factor + service_ms * queue(utilisation) + self.wake_ms + blocked_ms
        };
        self.propose_wait_ms = propose(cold_raftstore);
        self.hot_propose_wait_ms = propose(self.cpu.raftstore_hot);
        self.write_loops = demand.appends / (1.0 + demand.appends * self.flush_ms / 1_000.0);
        let writer_busy = (self.write_loops * self.flush_ms / 1_000.0).min(1.0);
        // Its thread is one: entries wait for its flushes, and for its work on those before them.
        let entry_ms = WRITE * costs.writer * factor;
        let queued_ms = entry_ms * queue(self.cpu.writer);
        self.write_wait_ms =
            0.01 * factor + self.flush_ms * 0.5 * writer_busy + queued_ms + self.wake_ms;
        self.write_loop_ms = entry_ms + self.flush_ms;
        self.append_ms = self.write_wait_ms + self.write_loop_ms;
        self.commit_ms = majority(self.append_ms, platform) + RAFT_APPEND * factor + self.wake_ms;
        self.lossy_share = platform.lossy_share;
        let apply_ms = APPLY * costs.apply * factor;
        self.apply_wait_ms = 0.02 * factor
            + apply_ms * queue(self.cpu.apply_hot)
            + self.wake_ms
            + platform.stall_ms / 2.0;
        self.apply_ms = apply_ms + platform.stall_ms;
        // An entry is applied when it is committed and when the leader itself has it on disk.
        let after_propose = self.commit_ms.max(self.append_ms) + self.apply_wait_ms + self.apply_ms;
        self.write_ms = self.propose_wait_ms + after_propose;
        self.hot_write_ms = self.hot_propose_wait_ms + after_propose;
    }
}

fn cpu_use(demand: &Demand, platform: &Platform<'_>) -> CpuUse {
    let second = |operations: f64, milliseconds: f64| {
        operations * milliseconds * platform.cpu_factor / 1_000.0
    };
    let follower_appends = (demand.appends - demand.led_writes).max(0.0);
    let hot_follower_appends = (demand.hot_appends - demand.hot_writes).max(0.0);
    let costs = platform.costs;
    let ticks = second(platform.groups, GROUP);
    let raftstore = (second(demand.led_writes, PROPOSE) + second(follower_appends, RAFT_APPEND))
        * costs.raftstore
        + ticks;
    let hot = (second(demand.hot_writes, PROPOSE) + second(hot_follower_appends, RAFT_APPEND))
        * costs.raftstore;
    let apply = second(demand.appends, APPLY) * costs.apply;
    let hot_apply = second(demand.hot_appends, APPLY) * costs.apply;
    let cpu = CpuUse {
        raftstore,
        // The busiest region's thread also has its share of the others.
        raftstore_hot: hot + (raftstore - hot).max(0.0) / RAFTSTORE_THREADS,
        apply,
        apply_hot: hot_apply + (apply - hot_apply).max(0.0) / APPLY_THREADS,
        writer: second(demand.appends, WRITE) * costs.writer,
        grpc: (second(demand.reads, GRPC_READ)
            + second(demand.led_writes, GRPC_WRITE)
            + second(follower_appends, GRPC_APPEND))
            * costs.grpc,
        scheduler: second(demand.led_writes, SCHEDULE) * costs.scheduler,
        read: (second(demand.reads, READ) + second(demand.scans * demand.scan_keys, SCAN_KEY))
            * costs.read,
        background: BACKGROUND * platform.cpu_factor,
    };
    cpu.within(platform.cores)
}

impl CpuUse {
    /// No machine provides more CPU time than it has, and no thread uses more than one CPU.
    fn within(self, cores: f64) -> Self {
        let scale = (cores * UTILISATION_MAX / self.total()).min(1.0);
        Self {
            raftstore: (self.raftstore * scale).min(RAFTSTORE_THREADS),
            raftstore_hot: (self.raftstore_hot * scale).min(1.0),
            apply: (self.apply * scale).min(APPLY_THREADS),
            apply_hot: (self.apply_hot * scale).min(1.0),
            writer: (self.writer * scale).min(1.0),
            grpc: (self.grpc * scale).min(GRPC_THREADS),
            scheduler: (self.scheduler * scale).min(SCHEDULER_THREADS),
            read: (self.read * scale).min(READ_THREADS),
            background: self.background * scale,
        }
    }
}

/// When a majority has an entry: the second of three replicas decides. In a bigger cluster the followers are
/// spread over many stores, of which the median one stands for all.
fn majority(own_append_ms: f64, platform: &Platform<'_>) -> f64 {
    let mut followers = platform.follower_ms.to_vec();
    followers.sort_by(f64::total_cmp);
    let fast = if followers.len() > 2 {
        followers.get(followers.len() / 2)
    } else {
        followers.first()
    };
    let slow = if followers.len() > 2 {
        fast
    } else {
        followers.get(1)
    };
    let fast = fast.copied().unwrap_or(f64::INFINITY);
    let slow = slow.copied().unwrap_or(f64::INFINITY);
    // The leader's own copy is part of the majority, but not a majority alone.
    own_append_ms.max(fast).min(slow)
}

fn busy(utilisation: f64) -> f64 {
    utilisation.clamp(0.0, UTILISATION_MAX)
}

/// Waiting time in an M/M/1 queue, in service times.
fn queue(utilisation: f64) -> f64 {
    busy(utilisation) / (1.0 - busy(utilisation))
}

#[cfg(test)]
mod tests {
    use super::*;

    const USUAL: Demand = Demand {
        reads: 2_000.0,
        led_writes: 500.0,
        hot_writes: 20.0,
        appends: 1_500.0,
        hot_appends: 20.0,
        scans: 0.0,
        scan_keys: 0.0,
    };
    const HEALTHY: Platform<'static> = Platform {
        cores: 4.0,
        cpu_factor: 1.0,
        flush_ms: 0.8,
        follower_ms: &[1.3, 1.3],
        lossy_share: 0.0,
        stall_ms: 0.0,
        groups: 120.0,
        costs: Costs {
            raftstore: 1.0,
            apply: 1.0,
            grpc: 1.0,
            scheduler: 1.0,
            read: 1.0,
            writer: 1.0,
        },
    };

    #[test]
    fn a_healthy_store_uses_a_fifth_of_its_processors_and_writes_in_a_few_milliseconds() {
        let stages = Stages::under(&USUAL, &HEALTHY);
        assert!(
            (0.1..0.3).contains(&(stages.cpu.total() / 4.0)),
            "{:?}",
            stages.cpu
        );
        assert!((0.5..5.0).contains(&stages.write_ms), "{stages:?}");
    }

    #[test]
    fn a_slow_disk_stretches_what_waits_for_flushes_and_nothing_else() {
        let healthy = Stages::under(&USUAL, &HEALTHY);
        let slow = Stages::under(
            &USUAL,
            &Platform {
                flush_ms: 120.0,
                ..HEALTHY
            },
        );
        assert!(slow.append_ms > healthy.append_ms * 50.0);
        assert!((slow.propose_wait_ms / healthy.propose_wait_ms - 1.0).abs() < 0.01);
        assert!((slow.apply_ms / healthy.apply_ms - 1.0).abs() < 0.01);
        assert!((slow.cpu.total() / healthy.cpu.total() - 1.0).abs() < 0.01);
    }

    #[test]
    fn slow_processors_stretch_every_stage_but_hardly_the_flush() {
        let healthy = Stages::under(&USUAL, &HEALTHY);
        let slow = Stages::under(
            &USUAL,
            &Platform {
                cpu_factor: 4.8,
                ..HEALTHY
            },
        );
        for (slow, healthy) in [
            (slow.propose_wait_ms, healthy.propose_wait_ms),
            (slow.apply_wait_ms, healthy.apply_wait_ms),
            (slow.read_wait_ms, healthy.read_wait_ms),
            (slow.grpc_ms, healthy.grpc_ms),
        ] {
            assert!(slow > healthy * 4.0, "{slow} {healthy}");
        }
        assert!(
            slow.flush_ms < healthy.flush_ms * 2.0,
            "{} {}",
            slow.flush_ms,
            healthy.flush_ms
        );
        assert!(slow.cpu.total() > healthy.cpu.total() * 3.0);
    }

    #[test]
    fn a_hot_region_delays_its_own_proposals_first() {
        let hot = Demand {
            led_writes: 4_900.0,
            hot_writes: 4_400.0,
            appends: 5_900.0,
            hot_appends: 4_400.0,
            ..USUAL
        };
        let stages = Stages::under(&hot, &HEALTHY);
        assert!(
            stages.hot_propose_wait_ms > stages.propose_wait_ms * 3.0,
            "{stages:?}"
        );
        assert!(stages.cpu.raftstore_hot > 0.7, "{stages:?}");
    }

    #[test]
    fn one_dead_follower_leaves_the_other_to_commit_and_two_leave_none() {
        assert!(
            Stages::under(
                &USUAL,
                &Platform {
                    follower_ms: &[1.3],
                    ..HEALTHY
                }
            )
            .commit_ms
                < 5.0
        );
        assert!(
            Stages::under(
                &USUAL,
                &Platform {
                    follower_ms: &[],
                    ..HEALTHY
                }
            )
            .commit_ms
            .is_infinite()
        );
    }

    #[test]
    fn a_leader_on_a_slow_disk_commits_by_its_followers() {
        let slow = Stages::under(
            &USUAL,
            &Platform {
                flush_ms: 120.0,
                ..HEALTHY
            },
        );
        assert!(slow.commit_ms < 5.0 && slow.write_ms > 100.0, "{slow:?}");
    }
}
