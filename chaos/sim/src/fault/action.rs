//! What can be done to the simulated cluster.

use serde::{Deserialize, Serialize};

/// What can be done. Each changes the physics only; what becomes visible follows from the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SimAction {
    /// A store's process dies at once (`kill -9`).
    KillStore {
        /// Which store.
        store: u64,
    },
    /// A store's machine is gone: nobody refuses connections, nobody answers.
    LoseMachine {
        /// Which store.
        store: u64,
    },
    /// A store's process is started again on the same data.
    StartStore {
        /// Which store.
        store: u64,
    },
    /// A store's process is asked to stop: it hands its leaders over first.
    StopStore {
        /// Which store.
        store: u64,
    },
    /// A store's process stands still (`SIGSTOP`): its ports take connections and nothing comes back.
    FreezeStore {
        /// Which store.
        store: u64,
    },
    /// A process that stood still goes on.
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
    /// A store's process takes more and more memory, until the kernel ends it and its supervisor starts it again.
    GrowMemory {
        /// Which store.
        store: u64,
        /// Growth.
        bytes_per_second: f64,
        /// It stops at this share of what it may have; above 1 the kernel ends it first.
        until_share: f64,
    },
    /// A process gives its memory back.
    ReleaseMemory {
        /// Which store.
        store: u64,
    },
    /// A file of a store's data is found to be damaged.
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
    /// They are like the others again.
    CoolRegions,
    /// The region that clients were after is like the others again.
    CoolRegion,
    /// All clients send this many times their usual load, with as many more hands.
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
    /// A store's disk stops answering.
    HangDisk {
        /// Which store.
        store: u64,
    },
    /// Others use a store's disk.
    BusyDisk {
        /// Which store.
        store: u64,
        /// What they write; 0 stops them.
        bytes_per_second: f64,
    },
    /// Something else uses the processors of a store's machine.
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
    /// A store compacts at a part of its speed.
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
    /// A person has a store compact all that it has.
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
        /// Who connects.
        from: u64,
        /// To whom.
        to: u64,
    },
    /// They work again.
    JoinLink {
        /// Who connects.
        from: u64,
        /// To whom.
        to: u64,
    },
    /// Everything that a store sends to and gets from the others takes longer.
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
    /// The PD member that leads dies at once.
    KillPdLeader,
    /// PD members that do not lead die.
    KillPdFollowers {
        /// How many.
        count: u64,
    },
    /// Every dead, frozen, isolated or stray PD member is well again.
    StartPdMembers,
    /// A PD member that does not lead starts again without its data, and forms a cluster of its own behind its address.
    StrayPdMember,
    /// The PD member that leads stands still (`SIGSTOP`).
    FreezePdLeader,
    /// The PD member that leads keeps its office and does none of its work, while another one leads etcd.
    StickPdLeader,
    /// The PD member that leads cannot reach the other members.
    IsolatePdLeader,
    /// A person moves PD's leadership to another member.
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
    /// All clocks wander a little.
    JitterClocks {
        /// By so much to either side, at most.
        by_ms: u64,
    },
    /// A person changes PD's configuration.
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
    /// Someone moves all leaders away from a store.
    EvictLeaders {
        /// Which store.
        store: u64,
    },
    /// Leaders may come back to the store.
    AllowLeaders {
        /// Which store.
        store: u64,
    },
    /// A new store joins.
    AddStore,
    /// A person removes a store: its replicas shall move away.
    DeleteStore {
        /// Which store.
        store: u64,
    },
    /// The removal of a store is called off.
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
    /// A region is lost with all its replicas, and PD's record of it: nobody holds its keys.
    LoseRange,
    /// Files are loaded into the cluster beside the usual writes.
    Ingest {
        /// How much, in the whole cluster; 0 stops it.
        bytes_per_second: f64,
    },
    /// A person moves leaders of regions by hand.
    MoveLeaders {
        /// How many.
        count: u64,
    },
    /// A service that is gone holds the point back up to which old versions are deleted.
    BlockSafepoint {
        /// Its name.
        service: String,
    },
    /// Its hold is removed.
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
    /// Applies what was agreed.
    Apply,
    /// Takes requests and messages.
    Grpc,
    /// Runs write commands.
    Scheduler,
    /// Reads.
    Read,
    /// Writes the Raft log.
    Writer,
}
