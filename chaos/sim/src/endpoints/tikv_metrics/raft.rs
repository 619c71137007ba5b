//! Raft: how long its stages took, what it counted, and what it sent.

use crate::model::histogram::Histogram;
use crate::model::number::real;
use crate::model::store::Store;
use crate::model::store::counters::Counters;
use operator_exposition::Writer;
use std::collections::BTreeMap;

pub(super) fn durations(out: &mut Writer, store: &Store) {
    let log = log_histograms(&store.counters).into_iter();
    for (name, help, histogram) in log.chain(store_histograms(&store.counters)) {
        out.histogram(name, help).buckets("", histogram);
    }
    let name = "tikv_raftstore_raft_process_duration_secs";
    out.histogram(name, "Bucketed histogram of peer processing raft duration.")
        .buckets("type=\"ready\"", &store.counters.raft_ready);
}

/// Name, help and histogram of the families of the Raft log, without labels.
fn log_histograms(counters: &Counters) -> [(&'static str, &'static str, &Histogram); 7] {
    [
        (
            "raft_engine_sync_log_duration_seconds",
            "Bucketed histogram of Raft Engine sync log duration",
            &counters.engine_sync,
        ),
        (
            "raft_engine_write_duration_seconds",
            "Bucketed histogram of Raft Engine write duration",
            &counters.engine_write,
        ),
        (
            "tikv_raftstore_append_log_duration_seconds",
            "Bucketed histogram of peer appending log duration.",
            &counters.append,
        ),
        (
            "tikv_raftstore_apply_log_duration_seconds",
            "Bucketed histogram of peer applying log duration.",
            &counters.apply,
        ),
        (
            "tikv_raftstore_apply_wait_time_duration_secs",
            "Bucketed histogram of apply task wait time duration.",
            &counters.apply_wait,
        ),
        (
            "tikv_raftstore_commit_log_duration_seconds",
            "Bucketed histogram of peer commits logs duration.",
            &counters.commit,
        ),
        (
            "tikv_raftstore_log_lag",
            "Bucketed histogram of log lag in a region.",
            &counters.log_lag,
        ),
    ]
}

/// Name, help and histogram of the other families without labels.
fn store_histograms(counters: &Counters) -> [(&'static str, &'static str, &Histogram); 7] {
    [
        (
            "tikv_raftstore_region_size",
            "Bucketed histogram of approximate region size.",
            &counters.region_size,
        ),
        (
            "tikv_raftstore_request_wait_time_duration_secs",
            "Bucketed histogram of request wait time duration.",
            &counters.propose_wait,
        ),
        (
            "tikv_raftstore_store_duration_secs",
            "Bucketed histogram of store time duration.",
            &counters.store_duration,
        ),
        (
            "tikv_raftstore_store_write_loop_duration_seconds",
            "Bucketed histogram of store write loop duration.",
            &counters.write_loop,
        ),
        (
            "tikv_raftstore_store_write_raftdb_duration_seconds",
            "Bucketed histogram of store write raft db duration.",
            &counters.write_raftdb,
        ),
        (
            "tikv_raftstore_store_write_task_wait_duration_secs",
            "Bucketed histogram of store write task wait time duration.",
            &counters.write_wait,
        ),
        (
            "tikv_region_written_bytes",
            "Histogram of bytes written for regions",
            &counters.region_written,
        ),
    ]
}

pub(super) fn counts(out: &mut Writer, store: &Store) {
    let counters = &store.counters;
    let led = store.led_regions;
    let all = store.held_regions;
    let counts = [
        ("buckets", real(all)),
        ("leader", real(led)),
        ("region", real(all)),
    ];
    out.gauge(
        "tikv_raftstore_region_count",
        "Number of regions collected in region_collector",
    )
    .each("type", counts);
    out.gauge(
        "tikv_raftstore_leader_missing",
        "Total number of leader missed region.",
    )
    .plain(real(
        store
            .leaderless_regions
            .saturating_sub(store.asleep.leaderless),
    ));
    let hibernation = [
        ("awaken", real(all.saturating_sub(store.asleep.held))),
        ("hibernated", real(store.asleep.held)),
    ];
    out.gauge(
        "tikv_raftstore_hibernated_peer_state",
        "Number of peers in hibernated state.",
    )
    .each("state", hibernation);
    let proposals = [
        ("all", counters.puts_done.floor()),
        ("batch", 0.0),
        ("conf_change", counters.conf_changes),
        ("local_read", 0.0),
        ("normal", counters.puts_done.floor()),
        ("read_index", 0.0),
        ("transfer_leader", counters.transfers),
    ];
    out.counter(
        "tikv_raftstore_proposal_total",
        "Total number of proposal made.",
    )
    .each("type", proposals);
    let mut admin = out.counter(
        "tikv_raftstore_admin_cmd_total",
        "Total number of admin cmd processed.",
    );
    for status in ["all", "success"] {
        for (kind, count) in [
            ("batch-split", counters.splits),
            ("commit_merge", counters.merges_committed),
            ("conf_change", counters.conf_changes),
            ("prepare_merge", counters.merges_prepared),
            ("transfer_leader", counters.transfers),
        ] {
            admin.series(&format!("status=\"{status}\",type=\"{kind}\""), count);
        }
    }
    checks_and_snapshots(out, store);
}

/// Checks of the split checker, and snapshots.
fn checks_and_snapshots(out: &mut Writer, store: &Store) {
    let counters = &store.counters;
    let checks = [
        ("all", counters.split_checks),
        ("ignore", counters.split_checks - counters.splits),
        ("success", counters.splits),
    ];
    out.counter(
        "tikv_raftstore_check_split_total",
        "Total number of raftstore split check.",
    )
    .each("type", checks);
    let done = |kind: &str| counters.snapshots.get(kind).copied().unwrap_or(0.0);
    let mut family = out.counter(
        "tikv_raftstore_snapshot_total",
        "Total number of raftstore snapshot processed.",
    );
    for status in ["all", "fail", "success"] {
        for kind in ["apply", "generate"] {
            let count = if status == "fail" { 0.0 } else { done(kind) };
            family.series(&format!("status=\"{status}\",type=\"{kind}\""), count);
        }
    }
    out.gauge(
        "tikv_raftstore_snapshot_pending_applies",
        "Total snapshots in the pending queue of apply worker.",
    )
    .plain(0.0);
    let traffic = [
        ("receiving", real(store.receiving)),
        ("sending", real(store.sending)),
    ];
    out.gauge(
        "tikv_raftstore_snapshot_traffic_total",
        "Total number of raftstore snapshot traffic.",
    )
    .each("type", traffic);
}

pub(super) fn messages(out: &mut Writer, store: &Store) {
    const SENT: [&str; 9] = [
        "append",
        "append_resp",
        "heartbeat",
        "heartbeat_resp",
        "prevote",
        "prevote_resp",
        "timeout_now",
        "vote",
        "vote_resp",
    ];
    let counters = &store.counters;
    let of = |map: &BTreeMap<&'static str, f64>, kind: &str| {
        map.get(kind).copied().unwrap_or(0.0).floor()
    };
    let mut sent = out.counter(
        "tikv_raftstore_raft_sent_message_total",
        "Total number of raft ready sent messages.",
    );
    for kind in SENT {
        sent.series(
            &format!("status=\"accept\",type=\"{kind}\""),
            of(&counters.messages, kind),
        );
        sent.series(&format!("status=\"drop\",type=\"{kind}\""), 0.0);
    }
    let dropped = [
        "applying_snap",
        "disk_full",
        "mismatch_region_epoch",
        "mismatch_store_id",
        "region_nonexistent",
        "stale_msg",
    ];
    let values = dropped.map(|kind| (kind, of(&counters.dropped, kind)));
    out.counter(
        "tikv_raftstore_raft_dropped_message_total",
        "Total number of raft dropped messages.",
    )
    .each("type", values);
    failures(out, store);
}

/// Invalid messages, and the network between stores.
fn failures(out: &mut Writer, store: &Store) {
    let counters = &store.counters;
    let invalid = [
        "epoch_not_match",
        "not_leader",
        "region_not_found",
        "stale_command",
    ]
    .map(|kind| (kind, 0.0));
    out.counter(
        "tikv_raftstore_raft_invalid_proposal_total",
        "Total number of raft invalid proposal.",
    )
    .each("type", invalid);
    let mut network = out.histogram(
        "tikv_raftstore_inspect_network_duration_seconds",
        "Bucketed histogram of inspect network duration.",
    );
    for (target, histogram) in &counters.network {
        network.buckets(&format!("target=\"{target}\""), histogram);
    }
    // As in the real program, the family appears with the first failure.
    let mut failures = out.counter(
        "tikv_server_report_failure_msg_total",
        "Total number of reporting failure messages",
    );
    for (target, count) in &counters.unreachable {
        failures.series(
            &format!("store_id=\"{target}\",type=\"unreachable\""),
            count.floor(),
        );
    }
}
