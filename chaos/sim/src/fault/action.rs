//! The actions of the simulator.

use serde::{Deserialize, Serialize};

/// An action of the simulator. It changes only the physics; everything visible follows from the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SimAction {
    /// A store's process dies immediately (`kill -9`).
    KillStore {
        /// Which store.
        store: u64,
    },
    /// A store's machine is lost: connections to it time out.
    LoseMachine {
        /// Which store.
        store: u64,
    },
    /// A store's process is started again on the same data.
    StartStore {
        /// Which store.
        store: u64,
    },
    /// A store's process receives SIGTERM: it transfers its leaders first.
    StopStore {
        /// Which store.
        store: u64,
    },
    /// A store's process is frozen (`SIGSTOP`): its ports accept connections and do not respond.
    FreezeStore {
        /// Which store.
        store: u64,
    },
    /// A frozen process continues.
    ThawStore {
        /// Which store.
        store: u64,
    },
    /// A store's process ends and comes back as another version.
    UpgradeStore {
        /// Which store.
        store: u64,
        /// The version, without `v`.
        version: String,
    },
    /// The memory of a store's process grows, until it is OOM-killed and its supervisor restarts it.
    GrowMemory {
        /// Which store.
        store: u64,
        /// Growth.
        bytes_per_second: f64,
        /// It stops at this share of its limit; above 1 it is OOM-killed first.
        until_share: f64,
    },
    /// A process releases its memory.
    ReleaseMemory {
        /// Which store.
        store: u64,
    },
    /// A file of a store's data is found to be corrupted.
    DamageFile {
        /// Which store.
        store: u64,
    },
    /// Clients write to neighbouring keys of one region.
    HotWrite {
        /// The store that leads the region when the load begins.
        leader: u64,
        /// User bytes a second.
        bytes_per_second: f64,
        /// Bytes of one value.
        value_bytes: f64,
    },
    /// Clients read neighbouring keys of one region.
    HotRead {
        /// The store that leads the region when the load begins.
        leader: u64,
        /// Reads a second.
        reads_per_second: f64,
    },
    /// Clients write to several regions that one store leads.
    WarmRegions {
        /// The store that leads them when the load begins.
        leader: u64,
        /// How many.
        regions: u64,
        /// Writes of each, a second.
        writes_per_second: f64,
    },
    /// These regions have the usual load again.
    CoolRegions,
    /// The hot region has the usual load again.
    CoolRegion,
    /// All clients send this many times their usual load, with as many times the concurrency.
    LoadFactor {
        /// 1 is the usual load.
        factor: f64,
    },
    /// Clients write values of another size.
    ValueBytes {
        /// Bytes of one value.
        bytes: f64,
    },
    /// Clients read long ranges.
    Scan {
        /// Scans a second in the whole cluster; 0 stops them.
        scans_per_second: f64,
        /// Keys of one scan.
        keys: f64,
    },
    /// Each operation of a store's disk takes longer.
    SlowDisk {
        /// Which store.
        store: u64,
        /// How many times longer; 1 is healthy.
        factor: f64,
    },
    /// A store's disk stops responding.
    HangDisk {
        /// Which store.
        store: u64,
    },
    /// Other processes use a store's disk.
    BusyDisk {
        /// Which store.
        store: u64,
        /// What they write; 0 stops them.
        bytes_per_second: f64,
    },
    /// Another process uses the CPUs of a store's machine.
    CpuSteal {
        /// Which store.
        store: u64,
        /// Share of the machine that is left for the store; 1 is all.
        share_left: f64,
    },
    /// Work of one pool of threads takes longer than usual on a store.
    PoolCost {
        /// Which store.
        store: u64,
        /// Which pool.
        pool: Pool,
        /// How many times longer; 1 is healthy.
        factor: f64,
    },
    /// Files that are not the store's own grow on its disk.
    FillDisk {
        /// Which store.
        store: u64,
        /// Bytes a second.
        bytes_per_second: f64,
        /// Growth stops when this many bytes are free.
        until_free_bytes: f64,
    },
    /// Files that are not the store's own are deleted.
    FreeDisk {
        /// Which store.
        store: u64,
    },
    /// A store's data lies on another disk from now on.
    ReplaceDisk {
        /// Which store.
        store: u64,
        /// Size of the new one.
        bytes: f64,
    },
    /// A store compacts at a fraction of its speed.
    SlowCompaction {
        /// Which store.
        store: u64,
        /// Share of the usual speed; 1 is healthy.
        share: f64,
    },
    /// A store's flow control is switched: without it the engine itself stalls writes.
    FlowControl {
        /// Which store.
        store: u64,
        /// Whether it is on.
        on: bool,
    },
    /// An operator starts a full compaction of a store.
    CompactAll {
        /// Which store.
        store: u64,
    },
    /// The link between a store and all PD members breaks.
    CutStoreFromPd {
        /// Which store.
        store: u64,
    },
    /// The link works again.
    JoinStoreToPd {
        /// Which store.
        store: u64,
    },
    /// Connections that one store opens to another one are dropped.
    CutLink {
        /// The store that connects.
        from: u64,
        /// The store that it connects to.
        to: u64,
    },
    /// They work again.
    JoinLink {
        /// The store that connects.
        from: u64,
        /// The store that it connects to.
        to: u64,
    },
    /// Messages between a store and the others take longer.
    SlowLinks {
        /// Which store.
        store: u64,
        /// There and back, in milliseconds; 0 is healthy.
        extra_ms: f64,
    },
    /// A share of the packets of a store is lost.
    LossyLinks {
        /// Which store.
        store: u64,
        /// 0 is healthy.
        share: f64,
    },
    /// A store's certificate is no longer valid: new connections to it and from it fail.
    ExpireCertificate {
        /// Which store.
        store: u64,
    },
    /// It is renewed.
    RenewCertificate {
        /// Which store.
        store: u64,
    },
    /// The leading PD member dies immediately.
    KillPdLeader,
    /// PD members that do not lead die.
    KillPdFollowers {
        /// How many.
        count: u64,
    },
    /// Every dead, frozen, isolated or stray PD member recovers.
    StartPdMembers,
    /// A PD member that does not lead starts again without its data, and forms a cluster of its own behind its address.
    StrayPdMember,
    /// The leading PD member is frozen (`SIGSTOP`).
    FreezePdLeader,
    /// The leading PD member keeps its lease and does no work, while another one leads etcd.
    StickPdLeader,
    /// The PD member that leads cannot reach the other members.
    IsolatePdLeader,
    /// An operator transfers PD leadership to another member.
    TransferPdLeader,
    /// The disk of the PD member that leads takes longer for each flush.
    SlowPdDisk {
        /// How many times longer; 1 is healthy.
        factor: f64,
    },
    /// PD's etcd grows.
    FillEtcd {
        /// To this share of its quota.
        share: f64,
    },
    /// The clock of the PD member that leads is set.
    StepPdClock {
        /// By so much; negative is back.
        by_ms: i64,
    },
    /// A store's clock is off.
    SkewClock {
        /// Which store.
        store: u64,
        /// By so much; negative is behind; 0 is right.
        by_ms: i64,
    },
    /// All clocks drift slightly.
    JitterClocks {
        /// Maximum deviation in either direction.
        by_ms: u64,
    },
    /// An operator changes PD's configuration.
    SetConfig {
        /// For example `schedule.leader-schedule-limit`.
        key: String,
        /// As the API takes it.
        value: String,
    },
    /// A scheduler is paused.
    PauseScheduler {
        /// Which scheduler.
        name: String,
        /// For so long.
        for_s: u64,
    },
    /// An operator evicts all leaders from a store.
    EvictLeaders {
        /// Which store.
        store: u64,
    },
    /// The eviction of leaders ends.
    AllowLeaders {
        /// Which store.
        store: u64,
    },
    /// A new store joins.
    AddStore,
    /// An operator removes a store: PD moves its replicas away.
    DeleteStore {
        /// Which store.
        store: u64,
    },
    /// The removal of a store is cancelled.
    KeepStore {
        /// Which store.
        store: u64,
    },
    /// Regions are split.
    SplitRegions {
        /// How many new ones.
        count: u64,
        /// How fast.
        per_second: f64,
    },
    /// A table is dropped: all data of neighbouring regions is deleted.
    EmptyRegions {
        /// How many regions.
        count: u64,
    },
    /// One region grows and cannot be split, because it is one key with many versions.
    SwellRegion {
        /// How fast.
        bytes_per_second: f64,
    },
    /// A region is lost with all its replicas and PD's record of it: its keys belong to no region.
    LoseRange,
    /// Files are ingested in addition to the usual writes.
    Ingest {
        /// How much, in the whole cluster; 0 stops it.
        bytes_per_second: f64,
    },
    /// An operator transfers leaders of regions.
    MoveLeaders {
        /// How many.
        count: u64,
    },
    /// The safepoint of a dead service blocks garbage collection.
    BlockSafepoint {
        /// Its name.
        service: String,
    },
    /// That safepoint is removed.
    ReleaseSafepoint {
        /// Its name.
        service: String,
    },
    /// A transaction locks keys of one store's regions and does not end.
    HoldLock {
        /// Which store.
        store: u64,
    },
    /// It ends.
    ReleaseLock {
        /// Which store.
        store: u64,
    },
}

/// A pool of threads of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pool {
    /// Proposes and ticks.
    Raftstore,
    /// Applies committed entries.
    Apply,
    /// Receives requests and messages.
    Grpc,
    /// Runs write commands.
    Scheduler,
    /// Reads.
    Read,
    /// Writes the Raft log.
    Writer,
}
