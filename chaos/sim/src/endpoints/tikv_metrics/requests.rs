//! Requests of clients, from gRPC to the engine.

use crate::model::stages::READ_THREADS;
use crate::model::store::Store;
use operator_exposition::Writer;

/// Long reads; they show with the first one.
fn grpc_scans(out: &mut Writer, store: &Store) {
    let counters = &store.counters;
    out.histogram(
        "tikv_grpc_msg_duration_seconds",
        "Bucketed histogram of grpc server messages",
    )
    .buckets(
        "priority=\"unknown\",type=\"raw_scan\"",
        &counters.grpc_scan,
    );
    out.counter(
        "tikv_storage_command_total",
        "Total number of commands received.",
    )
    .each("type", [("raw_scan", counters.scans.floor())]);
}

pub(super) fn write(out: &mut Writer, store: &Store) {
    let counters = &store.counters;
    let mut grpc = out.histogram(
        "tikv_grpc_msg_duration_seconds",
        "Bucketed histogram of grpc server messages",
    );
    grpc.buckets("priority=\"unknown\",type=\"raw_get\"", &counters.grpc_get);
    grpc.buckets("priority=\"unknown\",type=\"raw_put\"", &counters.grpc_put);
    let mut engine = out.histogram(
        "tikv_storage_engine_async_request_duration_seconds",
        "Bucketed histogram of processing successful asynchronous requests.",
    );
    engine
        .buckets("type=\"snapshot\"", &counters.snapshot)
        .buckets("type=\"write\"", &counters.write);
    let mut command = out.histogram(
        "tikv_scheduler_command_duration_seconds",
        "Bucketed histogram of command execution",
    );
    command
        .buckets("type=\"raw_get\"", &counters.command_get)
        .buckets("type=\"raw_put\"", &counters.command_put);
    let mut waits = out.histogram(
        "tikv_yatp_pool_schedule_wait_duration",
        "Histogram of yatp pool schedule wait duration.",
    );
    waits.buckets(
        "name=\"sched-pool\",priority=\"medium\"",
        &counters.schedule_wait,
    );
    waits.buckets(
        "name=\"unified-read-pool\",priority=\"medium\"",
        &counters.read_wait,
    );
    if counters.scans >= 1.0 {
        grpc_scans(out, store);
    }
    commands(out, store);
}

/// Commands of the storage layer and the requests of the engine.
fn commands(out: &mut Writer, store: &Store) {
    let counters = &store.counters;
    let commands = [
        ("raw_get", counters.gets.floor()),
        ("raw_put", counters.puts.floor()),
    ];
    out.counter(
        "tikv_storage_command_total",
        "Total number of commands received.",
    )
    .each("type", commands);
    let mut total = out.counter(
        "tikv_storage_engine_async_request_total",
        "Total number of engine asynchronous requests",
    );
    for status in ["all", "success"] {
        total.series(
            &format!("status=\"{status}\",type=\"snapshot\""),
            counters.gets.floor(),
        );
    }
    total.series("status=\"all\",type=\"write\"", counters.puts.floor());
    total.series(
        "status=\"success\",type=\"write\"",
        counters.puts_done.floor(),
    );
    for status in [
        "err_disk_full",
        "err_epoch_not_match",
        "err_not_leader",
        "err_stale_command",
    ] {
        let count = counters.write_errors.get(status).copied().unwrap_or(0.0);
        total.series(
            &format!("status=\"{status}\",type=\"write\""),
            count.floor(),
        );
    }
    scheduler(out, store);
}

/// Stages and running tasks of the write scheduler.
fn scheduler(out: &mut Writer, store: &Store) {
    let counters = &store.counters;
    let mut stages = out.counter(
        "tikv_scheduler_stage_total",
        "Total number of commands on each stage.",
    );
    for stage in ["new", "write_finish"] {
        let count = if stage == "new" {
            counters.puts
        } else {
            counters.puts_done
        };
        stages.series(
            &format!("stage=\"{stage}\",type=\"raw_put\""),
            count.floor(),
        );
    }
    let running = ["high", "low", "medium"].map(|priority| {
        let tasks = if priority == "medium" {
            (store.demand.reads * store.stages.read_wait_ms / 1_000.0).floor()
        } else {
            0.0
        };
        (priority, tasks)
    });
    let mut family = out.gauge(
        "tikv_unified_read_pool_running_tasks",
        "The number of running tasks in the unified read pool",
    );
    for (priority, tasks) in running {
        family.series(
            &format!("name=\"unified-read-pool\",priority=\"{priority}\""),
            tasks,
        );
    }
    out.gauge(
        "tikv_unified_read_pool_thread_count",
        "The number of running threads in the unified read pool",
    )
    .each("name", [("unified-read-pool", READ_THREADS)]);
}
