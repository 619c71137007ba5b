//! Bucket bounds of the real programs' histograms.

use super::histogram::Layout;
use std::sync::OnceLock;

macro_rules! layouts {
    ($($(#[$doc:meta])* $name:ident = $layout:expr;)*) => {
        $(
            $(#[$doc])*
            pub(crate) fn $name() -> &'static Layout {
                static LAYOUT: OnceLock<Layout> = OnceLock::new();
                LAYOUT.get_or_init(|| $layout)
            }
        )*
    };
}

layouts! {
    /// Most of TiKV's durations.
    tikv_seconds = Layout::exponential(0.000_01, 2.0, 26);
    /// Commit durations, which may be hours.
    tikv_commit_seconds = Layout::exponential(0.000_01, 2.0, 32);
    /// gRPC messages.
    tikv_grpc_seconds = Layout::exponential(0.000_05, 2.0, 22);
    /// Waits in yatp pools.
    tikv_yatp_seconds = Layout::exponential(0.000_01, 2.0, 22);
    /// Raft engine.
    raft_engine_seconds = Layout::exponential(0.000_05, 1.8, 26);
    /// The client libraries' default buckets.
    default_seconds = Layout::of(vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0]);
    /// Entries that a follower lacks.
    tikv_log_lag = Layout::of(vec![2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1_024.0, 5_120.0, 10_240.0]);
    /// Sizes of regions.
    tikv_region_size = Layout::exponential(1_048_576.0, 2.0, 20);
    /// Bytes that a region's heartbeat reports.
    tikv_region_bytes = Layout::exponential(256.0, 2.0, 20);
    /// etcd's disk.
    etcd_disk_seconds = Layout::exponential(0.001, 2.0, 14);
    /// etcd's network.
    etcd_network_seconds = Layout::exponential(0.000_1, 2.0, 16);
    /// PD's short durations.
    pd_short_seconds = Layout::exponential(0.000_5, 2.0, 13);
    /// PD's store heartbeats.
    pd_heartbeat_seconds = Layout::exponential(0.000_1, 2.0, 29);
    /// Operators from creation to end.
    pd_operator_seconds = Layout::of(vec![
        0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 40.0, 60.0, 90.0, 120.0, 180.0, 240.0, 300.0, 480.0, 600.0, 720.0, 900.0,
        1_200.0, 1_800.0, 3_600.0,
    ]);
}
