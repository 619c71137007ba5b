//! `/metrics` of a PD member. What only the leader knows, only the leader shows.

use super::pd_http;
use crate::model::cluster::{Cluster, EVICT_SLOW_STORE};
use crate::model::histogram::Histogram;
use crate::model::layouts;
use crate::model::number::{real, real_len};
use crate::model::pd::{Member, MemberCounters};
use operator_exposition::{NumberFormat, Writer};

/// Renders a member's metrics.
pub(super) fn render(cluster: &Cluster, index: usize) -> Vec<u8> {
    let mut out = Writer::new(NumberFormat::Go);
    let Some(member) = cluster.pd.members.get(index) else {
        return Vec::new();
    };
    let leads = cluster.pd.leader == Some(index) || member.stray.is_some();
    process(&mut out, member);
    etcd(&mut out, cluster, member);
    tso(&mut out, cluster, member, leads);
    if leads && !member.isolated && member.stray.is_none() {
        status(&mut out, cluster);
        stores(&mut out, cluster);
        heartbeats(&mut out, cluster, &member.counters);
        scheduling(&mut out, cluster, &member.counters);
        checking(&mut out, cluster, &member.counters);
    } else {
        // A follower keeps the family, at zero.
        let zeros = crate::model::pd::gauges::Abnormal::ALL
            .iter()
            .map(|(_, kind)| (*kind, 0.0));
        out.gauge("pd_regions_status", REGIONS_STATUS_HELP)
            .each("type", zeros);
    }
    out.finish().into_bytes()
}

const REGIONS_STATUS_HELP: &str = "Status of the regions.";

fn process(out: &mut Writer, member: &Member) {
    let version = format!("hash=\"None\",version=\"{}\"", pd_http::PD_VERSION);
    out.counter(
        "process_cpu_seconds_total",
        "Total user and system CPU time spent in seconds.",
    )
    .plain(hundredths(member.counters.cpu));
    out.gauge(
        "process_resident_memory_bytes",
        "Resident memory size in bytes.",
    )
    .plain(112_062_464.0);
    out.gauge(
        "process_start_time_seconds",
        "Start time of the process since unix epoch in seconds.",
    )
    .plain(real(member.started_ms) / 1_000.0);
    out.gauge(
        "process_virtual_memory_bytes",
        "Virtual memory size in bytes.",
    )
    .plain(1_400_000_512.0);
    out.gauge(
        "go_goroutines",
        "Number of goroutines that currently exist.",
    )
    .plain(430.0);
    out.gauge(
        "go_memstats_heap_inuse_bytes",
        "Number of heap bytes that are in use.",
    )
    .plain(75_325_440.0);
    out.gauge(
        "pd_server_info",
        "Indicate the pd server info, and the value is the start timestamp (s).",
    )
    .series(&version, real(member.started_ms / 1_000));
    out.gauge("pd_service_maxprocs", "The value of GOMAXPROCS.")
        .plain(2.0);
    out.gauge(
        "pd_service_memory_quota_bytes",
        "The value of memory quota bytes.",
    )
    .plain(4_294_967_296.0);
}

/// `quota-backend-bytes`.
const ETCD_QUOTA: f64 = 8_589_934_592.0;

fn etcd(out: &mut Writer, cluster: &Cluster, member: &Member) {
    let pd = &cluster.pd;
    let counters = &member.counters;
    let is_leader = pd.etcd_leader == Some(member.index) || member.stray.is_some();
    let id = hex_id(member.own_id());
    out.histogram(
        "etcd_disk_wal_fsync_duration_seconds",
        "The latency distributions of fsync called by WAL.",
    )
    .buckets("", &counters.fsync);
    out.histogram(
        "etcd_disk_backend_commit_duration_seconds",
        "The latency distributions of commit called by backend.",
    )
    .buckets("", &counters.backend_commit);
    out.gauge(
        "etcd_mvcc_db_total_size_in_bytes",
        "Total size of the underlying database physically allocated in bytes.",
    )
    .plain((122_880.0 + pd.revision.floor() * 64.0 + pd.etcd_filled * ETCD_QUOTA).floor());
    out.gauge(
        "etcd_server_has_leader",
        "Whether or not a leader exists. 1 is existence, 0 is not.",
    )
    .plain(flag(
        is_leader || pd.etcd_leader.is_some() && !member.isolated,
    ));
    out.gauge(
        "etcd_server_is_leader",
        "Whether or not this member is a leader. 1 if is, 0 otherwise.",
    )
    .plain(flag(is_leader));
    out.gauge(
        "etcd_server_id",
        "Server or member ID in hexadecimal format. 1 for 'server_id' label with current ID.",
    )
    .series(&format!("server_id=\"{id}\""), 1.0);
    out.counter(
        "etcd_server_leader_changes_seen_total",
        "The number of leader changes seen.",
    )
    .plain(counters.leader_changes);
    out.gauge(
        "etcd_server_proposals_pending",
        "The current number of pending proposals to commit.",
    )
    .plain(0.0);
    out.gauge(
        "etcd_server_quota_backend_bytes",
        "Current backend storage quota size in bytes.",
    )
    .plain(ETCD_QUOTA);
    let mut family = out.histogram(
        "etcd_network_peer_round_trip_time_seconds",
        "Round-Trip-Time histogram between peers",
    );
    for (other, histogram) in &counters.round_trips {
        if let Some(other) = pd.members.get(*other) {
            family.buckets(&format!("To=\"{}\"", hex_id(other.id)), histogram);
        }
    }
    let states = [
        ("appliedIndex", pd.revision.floor()),
        ("committedIndex", pd.revision.floor()),
        ("term", real(pd.term)),
    ];
    out.gauge("pd_server_etcd_state", "Etcd raft states.")
        .each("type", states);
}

fn tso(out: &mut Writer, cluster: &Cluster, member: &Member, leads: bool) {
    const EVENTS: [&str; 10] = [
        "exceeded_max_retry",
        "logical_overflow",
        "not_leader",
        "reset_tso_ok",
        "save",
        "skip_save",
        "slow_save",
        "sync",
        "sync_ok",
        "system_time_slow",
    ];
    let counters = &member.counters;
    let labels = |kind: &str| format!("dc=\"global\",group=\"0\",type=\"{kind}\"");
    let mut events = out.counter("pd_tso_events", "Counter of tso events");
    for kind in EVENTS {
        let value = match kind {
            "save" => counters.tso_saves.floor(),
            "sync" | "sync_ok" => flag(leads),
            _ => 0.0,
        };
        events.series(&labels(kind), value);
    }
    let given_ms = cluster.pd.last_tso_ms / 50 * 50;
    let now = if leads { real(given_ms) } else { 0.0 };
    let mut tso = out.gauge("pd_cluster_tso", "Record of tso metadata.");
    tso.series(&labels("global_tso_sync_rtt"), 0.0)
        .series(&labels("tso"), now);
    out.gauge(
        "pd_tso_role",
        "Indicate the PD server role info, whether it's a TSO allocator.",
    )
    .series("dc=\"global\",group=\"0\"", flag(leads));
    out.counter(
        "pd_monitor_time_jump_back_total",
        "Counter of system time jumps backward.",
    )
    .plain(counters.clock_jumps);
    out.histogram(
        "pd_server_handle_tso_duration_seconds",
        "Bucketed histogram of processing time (s) of handled tso requests.",
    )
    .buckets("", &counters.tso);
    if leads {
        out.gauge(
            "pd_cluster_tso_gap_millionseconds",
            "The minimal (non-zero) TSO gap for each DC.",
        )
        .series("dc=\"global\",group=\"group\"", tso_gap_ms(cluster, member));
        out.gauge("service_member_role", "The leader/primary of services")
            .series("service=\"PD\"", 1.0);
    }
}

/// The clock minus the last timestamp: about the interval at which timestamps advance, unless a clock was set or no member
/// moves them.
fn tso_gap_ms(cluster: &Cluster, member: &Member) -> f64 {
    let clock_ms = real(member.clock_ms(cluster.now_ms));
    let given_ms = real(cluster.pd.last_tso_ms);
    let gap_ms = clock_ms - given_ms;
    if gap_ms.abs() < 2_000.0 { 50.0 } else { gap_ms }
}

fn status(out: &mut Writer, cluster: &Cluster) {
    let pd = &cluster.pd;
    let gauges = &cluster.pd.gauges;
    out.gauge("pd_cluster_status", "Status of the cluster.")
        .each(
            "type",
            gauges.cluster.iter().map(|(kind, value)| (*kind, *value)),
        );
    out.gauge("pd_regions_status", REGIONS_STATUS_HELP).each(
        "type",
        gauges.regions.iter().map(|(kind, value)| (*kind, *value)),
    );
    out.gauge(
        "pd_regions_label_level",
        "Number of regions in the different label level.",
    )
    .each("type", [("host", real_len(pd.view.regions.len()))]);
    out.gauge(
        "pd_checker_region_list",
        "Number of region about different type.",
    )
    .each(
        "type",
        [("pending_processed_regions", 0.0), ("priority_list", 0.0)],
    );
    out.gauge(
        "pd_checker_patrol_regions_time",
        "Time spent of patrol checks region.",
    )
    .plain(0.010_3);
    out.gauge(
        "pd_scheduling_allowance_status",
        "Status of the scheduling allowance.",
    )
    .each(
        "kind",
        [(
            "halt-scheduling",
            flag(pd.settings.is_on("schedule.halt-scheduling")),
        )],
    );
    out.gauge("pd_cluster_metadata", "Record critical metadata.")
        .each(
            "type",
            [(format!("cluster{}", pd.cluster_id).as_str(), 0.0)],
        );
    let health = pd
        .members
        .iter()
        .map(|member| (member.name.as_str(), flag(member.answers())));
    out.gauge("pd_cluster_health_status", "Status of the cluster.")
        .each("name", health);
    out.gauge(
        "pd_config_status",
        "Status of the scheduling configurations.",
    )
    .each("type", config_status(cluster));
    let point = pd.safepoints.values().min().map_or(0, |at_ms| at_ms << 18);
    if point > 0 {
        out.gauge("pd_gc_gc_safepoint", "The ts of gc safepoint")
            .each("type", [("gc_safepoint", real(point))]);
    }
}

fn config_status(cluster: &Cluster) -> impl Iterator<Item = (&'static str, f64)> + '_ {
    let settings = &cluster.pd.settings;
    CONFIG_STATUS.into_iter().map(|(name, usual)| {
        let value = settings.number(&format!("schedule.{name}"), usual);
        (name, settings.number(&format!("replication.{name}"), value))
    })
}

/// As recorded, with the split sizes of the default configuration.
const CONFIG_STATUS: [(&str, f64); 22] = [
    ("enable-makeup-replica", 1.0),
    ("enable-remove-down-replica", 1.0),
    ("enable-remove-extra-replica", 1.0),
    ("enable-replace-offline-replica", 1.0),
    ("high-space-ratio", 0.7),
    ("hot-region-cache-hits-threshold", 3.0),
    ("hot-region-schedule-limit", 4.0),
    ("leader-schedule-limit", 4.0),
    ("low-space-ratio", 0.8),
    ("max-merge-region-keys", 540_000.0),
    ("max-merge-region-size", 54.0),
    ("max-pending-peer-count", 64.0),
    ("max-replicas", 3.0),
    ("max-snapshot-count", 64.0),
    ("merge-schedule-limit", 8.0),
    ("region-max-keys", 1_440_000.0),
    ("region-max-size", 144.0),
    ("region-schedule-limit", 2_048.0),
    ("region-split-keys", 960_000.0),
    ("region-split-size", 96.0),
    ("replica-schedule-limit", 64.0),
    ("tolerant-size-ratio", 0.0),
];

fn stores(out: &mut Writer, cluster: &Cluster) {
    let gauges = &cluster.pd.gauges;
    let address = |id: &crate::model::ids::StoreId| {
        cluster
            .stores
            .get(id)
            .map(crate::model::store::Store::address)
            .unwrap_or_default()
    };
    let mut family = out.gauge("pd_scheduler_store_status", "Store status for schedule");
    for ((id, kind), value) in &gauges.stores {
        family.series(
            &format!("address=\"{}\",store=\"{id}\",type=\"{kind}\"", address(id)),
            *value,
        );
    }
    let mut family = out.gauge("pd_hotspot_status", "Status of the hotspot.");
    for ((id, kind), value) in &gauges.hot {
        family.series(
            &format!("address=\"{}\",store=\"{id}\",type=\"{kind}\"", address(id)),
            *value,
        );
    }
    for id in cluster.pd.view.stores.keys() {
        let mut limits = out.gauge("pd_cluster_store_limit", "Status of the store limit.");
        for kind in ["add-peer", "remove-peer"] {
            limits.series(&format!("store=\"{id}\",type=\"{kind}\""), 15.0);
        }
        use crate::model::pd::hot_cache::HotKind;
        let mut cache = out.gauge("pd_hotcache_status", "Status of the hotspot.");
        for (name, kind) in [("read", HotKind::Read), ("write", HotKind::Write)] {
            let labels = format!("name=\"total_length\",store=\"store-{id}\",type=\"{name}\"");
            cache.series(&labels, cluster.pd.hot.kept(kind, *id));
        }
    }
}

fn heartbeats(out: &mut Writer, cluster: &Cluster, counters: &MemberCounters) {
    let place = |id: &crate::model::ids::StoreId| {
        cluster
            .stores
            .get(id)
            .map(crate::model::store::Store::address)
            .unwrap_or_default()
    };
    for (id, histogram) in &counters.store_heartbeats {
        let labels = format!("address=\"{}\",store=\"{id}\"", place(id));
        out.histogram(
            "pd_scheduler_handle_store_heartbeat_duration_seconds",
            "Bucketed histogram of processing time (s) of handled store heartbeat requests.",
        )
        .buckets(&labels, histogram);
    }
    for (id, count) in &counters.region_heartbeats {
        let labels = format!("address=\"{}\",store=\"{id}\"", place(id));
        let mut latency = Histogram::new(layouts::pd_short_seconds());
        latency.observe_exactly(*count, 0.0);
        out.histogram(
            "pd_scheduler_region_heartbeat_latency_seconds",
            "Bucketed histogram of latency (s) of receiving heartbeat.",
        )
        .buckets(&labels, &latency);
        let mut family = out.counter(
            "pd_scheduler_region_heartbeat",
            "Counter of region heartbeat.",
        );
        for status in ["ok", "recv"] {
            family.series(
                &format!(
                    "address=\"{}\",status=\"{status}\",store=\"{id}\",type=\"report\"",
                    place(id)
                ),
                *count,
            );
        }
    }
    for ((id, status), count) in &counters.stream_messages {
        let labels = format!(
            "address=\"{}\",status=\"{status}\",store=\"{id}\",type=\"keepalive\"",
            place(id)
        );
        out.counter(
            "pd_hbstream_region_message",
            "Counter of message hbstream sent.",
        )
        .series(&labels, *count);
    }
}

fn scheduling(out: &mut Writer, cluster: &Cluster, counters: &MemberCounters) {
    let evicted = cluster
        .pd
        .evicting
        .get(EVICT_SLOW_STORE)
        .into_iter()
        .flatten();
    let mut status = out.gauge(
        "pd_scheduler_evicted_slow_store_status",
        "Store evicted status for schedule",
    );
    for store in evicted {
        status.series(&format!("slow_type=\"disk\",store=\"{store}\""), 1.0);
    }
    let mut events = out.counter(
        "pd_schedule_operators_count",
        "Counter of schedule operators.",
    );
    for ((kind, event), count) in &counters.operators {
        events.series(&format!("event=\"{event}\",type=\"{kind}\""), *count);
    }
    let mut seconds = out.histogram(
        "pd_schedule_finish_operators_duration_seconds",
        "Bucketed histogram of processing time (s) of finished operator.",
    );
    for (kind, histogram) in &counters.operator_seconds {
        seconds.buckets(&format!("type=\"{kind}\""), histogram);
    }
    let mut events = out.counter("pd_scheduler_event_count", "Counter of scheduler events.");
    for ((kind, name), count) in &counters.scheduler_events {
        events.series(&format!("name=\"{name}\",type=\"{kind}\""), *count);
    }
}

/// The patrol checks every region in each round, and does nothing while replicas suffice.
fn checking(out: &mut Writer, cluster: &Cluster, counters: &MemberCounters) {
    const CHECKERS: [&str; 4] = [
        "joint_state_checker",
        "merge_checker",
        "rule_checker",
        "split_checker",
    ];
    const PATROLS_PER_SECOND: f64 = 10.0;
    let seconds = real(cluster.now_ms.saturating_sub(cluster.pd.led_since_ms)) / 1_000.0;
    let checks = (seconds * PATROLS_PER_SECOND).floor() * real_len(cluster.pd.view.regions.len());
    let mut events = out.counter("pd_checker_event_count", "Counter of checker events.");
    for checker in CHECKERS {
        events.series(&format!("name=\"check\",type=\"{checker}\""), checks);
    }
    for (name, checker) in [
        ("new-operator", "merge_checker"),
        ("no-store-add", "rule_checker"),
        ("no-store-replace", "rule_checker"),
        ("no-target-store", "replica_checker"),
    ] {
        let count = counters.checker_events.get(name).copied().unwrap_or(0.0);
        events.series(&format!("name=\"{name}\",type=\"{checker}\""), count);
    }
}

fn hex_id(id: u64) -> String {
    format!("{id:x}")
}

fn flag(yes: bool) -> f64 {
    f64::from(u8::from(yes))
}

fn hundredths(seconds: f64) -> f64 {
    (seconds * 100.0).floor() / 100.0
}
