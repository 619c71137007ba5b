//! The subject observes captures of real clusters, tick by tick.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod capture;

use capture::Capture;
use operator_plugin::{Observation, ObserveContext, Scalar, Subject, TableData, World};
use tikv_plugin::Tikv;

struct Watch {
    subject: Tikv,
    world: Capture,
    tick: u64,
}

impl Watch {
    /// `None`, with a message on stderr, if the captures are not available.
    fn start(name: &str, config: &str) -> Option<Self> {
        let world = Capture::load(&capture::path(name)?);
        Some(Self {
            subject: Tikv::configure(config).unwrap(),
            world,
            tick: 0,
        })
    }

    fn observe(&mut self, t: f64) -> Snapshot {
        self.world.t = t;
        self.world.requested.clear();
        self.tick += 1;
        let context = ObserveContext {
            tick: self.tick,
            deadline: self.world.now() + 5_000_000_000,
            targets: vec!["pd".to_owned()],
        };
        Snapshot(self.subject.observe(&mut self.world, &context).unwrap())
    }

    /// Observes every second up to `t` and returns the last observation.
    fn until(&mut self, t: u32) -> Snapshot {
        let mut seen = None;
        while self.world.t < f64::from(t) {
            seen = Some(self.observe((self.world.t + 1.0).floor()));
        }
        seen.unwrap()
    }
}

struct Snapshot(Observation);

impl Snapshot {
    fn table(&self, name: &str) -> &TableData {
        self.0
            .tables
            .iter()
            .find(|table| table.name == name)
            .unwrap_or_else(|| panic!("no table {name}"))
    }

    fn has(&self, name: &str) -> bool {
        self.0.tables.iter().any(|table| table.name == name)
    }

    /// The cell of `column` in the row where `key` is `value`.
    fn of(&self, name: &str, key: &str, value: &str, column: &str) -> Scalar {
        let table = self.table(name);
        let row = (0..table.rows()).find(|row| table.scalar(*row, key) == text(value));
        row.map_or(Scalar::Null, |row| table.scalar(row, column))
    }

    fn column(&self, name: &str, column: &str) -> Vec<Scalar> {
        let table = self.table(name);
        (0..table.rows())
            .map(|row| table.scalar(row, column))
            .collect()
    }
}

fn text(value: &str) -> Scalar {
    Scalar::Text(value.to_owned())
}

fn float(value: &Scalar) -> f64 {
    let Scalar::Float(value) = value else {
        panic!("{value:?}")
    };
    *value
}

/// The tables of TABLES.md with their columns.
fn schema() -> Vec<(String, Vec<String>)> {
    let rows = include_str!("../TABLES.md")
        .lines()
        .filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let ticked = |cell: &str| {
            cell.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let kinds = ["text", "boolean", "integer", "float", "instant"];
        let columns = cells[3].split('`').collect::<Vec<_>>();
        let named = columns.windows(2).skip(1).step_by(2);
        let columns = named.filter(|pair| {
            kinds
                .iter()
                .any(|kind| pair[1].trim_start().starts_with(kind))
        });
        (
            ticked(cells[1]).remove(0),
            columns.map(|pair| pair[0].to_owned()).collect(),
        )
    })
    .collect()
}

#[test]
fn every_table_has_exactly_the_documented_columns() {
    let Some(mut watch) = Watch::start("node-death", "") else {
        return;
    };
    let seen = watch.until(60);
    for (name, columns) in schema() {
        let filled: Vec<String> = seen
            .table(&name)
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect();
        assert_eq!(filled, columns, "{name}");
    }
    assert_eq!(seen.0.tables.len(), schema().len());
}

#[test]
fn a_healthy_cluster_shows_no_anomaly() {
    let Some(mut watch) = Watch::start("healthy-mix", "") else {
        return;
    };
    for t in 1..150 {
        let seen = watch.observe(f64::from(t));
        assert_eq!(seen.0.gaps, [], "{t}");
        assert_eq!(seen.0.system, "7710456005839950031");
        for store in ["1", "4", "5"] {
            assert_eq!(
                seen.of("stores", "store", store, "state"),
                text("Up"),
                "{t}"
            );
            assert_eq!(
                seen.of("stores", "store", store, "probe"),
                text("ok"),
                "{t}"
            );
            assert!(
                float(&seen.of("stores", "store", store, "heartbeat_lag_s")) < 15.0,
                "{t}"
            );
            assert!(
                float(&seen.of("stores", "store", store, "date_offset_s")).abs() < 0.1,
                "{t}"
            );
            assert!(
                float(&seen.of("stores", "store", store, "available_ratio")) > 0.9,
                "{t}"
            );
        }
        for member in ["pd1", "pd2", "pd3"] {
            assert_eq!(
                seen.of("members", "member", member, "healthy"),
                Scalar::Boolean(true),
                "{t}"
            );
            assert_eq!(
                seen.of("members", "member", member, "probe"),
                text("ok"),
                "{t}"
            );
            assert_eq!(
                seen.of("members", "member", member, "leader_seen"),
                text("pd3"),
                "{t}"
            );
        }
        assert_eq!(seen.column("cluster", "pd_leader"), [text("pd3")]);
        assert_eq!(
            seen.column("cluster", "bootstrapped"),
            [Scalar::Boolean(true)]
        );
        assert_eq!(seen.column("cluster", "pd_leader_since_s"), [Scalar::Null]);
        assert_eq!(
            seen.of("region_health", "kind", "miss-peer", "regions"),
            Scalar::Integer(0),
            "{t}"
        );
        assert_eq!(seen.table("range_holes").rows(), 0);
        assert_eq!(seen.table("regions_without_leader").rows(), 0);
        assert_eq!(seen.column("operators", "running"), [Scalar::Integer(0)]);
        assert_eq!(seen.table("schedulers").rows(), 4);
    }
}

#[test]
fn a_killed_store_refuses_its_probe_before_pd_reports_it() {
    let Some(mut watch) = Watch::start("node-death", "") else {
        return;
    };
    let before = watch.until(44);
    assert_eq!(before.of("stores", "store", "4", "probe"), text("ok"));
    let soon = watch.until(50);
    assert_eq!(soon.of("stores", "store", "4", "probe"), text("refused"));
    assert_eq!(soon.of("stores", "store", "4", "state"), text("Up"));
    assert_eq!(
        soon.of("stores", "store", "4", "address"),
        text("127.0.0.1:20161")
    );
    assert_eq!(soon.of("stores", "store", "1", "probe"), text("ok"));
    let later = watch.until(66);
    assert_eq!(
        later.of("stores", "store", "4", "state"),
        text("Disconnected")
    );
    assert_eq!(
        later.of("stores", "store", "4", "leader_count"),
        Scalar::Integer(0)
    );
    assert!(float(&later.of("stores", "store", "4", "heartbeat_lag_s")) > 15.0);
    assert_eq!(
        later.0.gaps,
        [],
        "a dead store is a finding, not an observation gap"
    );
    let reports = watch.until(100);
    assert_eq!(
        reports.of("unreachable_reports", "target", "4", "reporter"),
        text("1")
    );
    let back = watch.until(200);
    assert_eq!(back.of("stores", "store", "4", "state"), text("Up"));
    assert_eq!(back.of("stores", "store", "4", "probe"), text("ok"));
    assert!(float(&back.of("stores", "store", "4", "uptime_s")) < 30.0);
    assert_eq!(back.table("regions_without_leader").rows(), 0);
}

#[test]
fn the_survivors_log_the_lost_connection() {
    let Some(mut watch) = Watch::start("node-death", r#"{"logs":{"tikv0":{"store":"1"}}}"#) else {
        return;
    };
    watch.until(44);
    let seen = watch.observe(46.0);
    let table = seen.table("log_events");
    let row = (0..table.rows())
        .find(|row| table.scalar(*row, "event") == text("store-connection-lost"))
        .expect("the log contains the lost connection");
    assert_eq!(table.scalar(row, "store"), text("4"));
    assert_eq!(table.scalar(row, "source"), text("tikv0"));
}

#[test]
fn the_hot_region_shows_long_before_pd_lists_it() {
    let Some(mut watch) = Watch::start("hot-write", "") else {
        return;
    };
    let before = watch.until(29);
    let share = |seen: &Snapshot| match seen.of("region_flow", "region", "88", "share") {
        Scalar::Float(share) => share,
        _ => 0.0,
    };
    assert!(share(&before) < 0.3, "{}", share(&before));
    let seen = watch.until(121);
    assert_eq!(seen.column("region_flow", "region")[0], text("88"));
    assert_eq!(seen.column("region_flow", "store")[0], text("4"));
    assert!(share(&seen) > 0.5, "{}", share(&seen));
    let rate = float(&seen.of("region_flow", "region", "88", "bytes_per_s"));
    assert!((400_000.0..800_000.0).contains(&rate), "{rate}");
    let listed = seen.of("hot_peers", "region", "88", "bytes_per_s");
    assert!(
        listed == Scalar::Null || float(&listed) < 50_000.0,
        "PD's own list does not contain it yet: {listed:?}"
    );
    assert!(
        seen.0
            .topology
            .edges
            .iter()
            .any(|edge| edge.from == "region/88" && edge.to == "store/4")
    );
}

#[test]
fn a_fresh_cluster_is_empty_then_without_heartbeats_then_up() {
    let Some(mut watch) = Watch::start("fresh-cluster", "") else {
        return;
    };
    let first = watch.observe(1.0);
    assert_eq!(
        first.column("cluster", "bootstrapped"),
        [Scalar::Boolean(false)]
    );
    assert_eq!(first.table("stores").rows(), 0);
    // One endpoint panics before the bootstrap; there is nothing to observe there.
    assert_eq!(first.0.gaps, []);
    let registered = watch.until(15);
    assert_eq!(registered.column("stores", "state"), vec![text("Down"); 3]);
    assert_eq!(
        registered.column("stores", "heartbeat_seen"),
        vec![Scalar::Boolean(false); 3]
    );
    let up = watch.until(25);
    assert_eq!(up.column("stores", "state"), vec![text("Up"); 3]);
    assert_eq!(
        up.column("stores", "heartbeat_seen"),
        vec![Scalar::Boolean(true); 3]
    );
    assert_eq!(up.column("stores", "uptime_s"), vec![Scalar::Null; 3]);
    assert_eq!(up.0.gaps, []);
}

#[test]
fn without_a_grant_the_nodes_are_gaps_and_pd_is_still_observed() {
    let Some(mut watch) = Watch::start("healthy-mix", "") else {
        return;
    };
    watch.world.grants = false;
    let seen = watch.until(20);
    assert_eq!(seen.of("stores", "store", "4", "probe"), text("denied"));
    assert_eq!(
        seen.of("members", "member", "pd1", "reachable"),
        Scalar::Null
    );
    assert_eq!(seen.of("stores", "store", "4", "state"), text("Up"));
    assert_eq!(seen.0.gaps.len(), 6, "{:?}", seen.0.gaps);
    assert_eq!(
        seen.of("region_health", "kind", "down-peer", "source"),
        text("list")
    );
}

#[test]
fn another_member_is_polled_when_the_granted_one_is_gone() {
    let Some(mut watch) = Watch::start("healthy-mix", "") else {
        return;
    };
    watch.until(16);
    watch.world.close("http://127.0.0.1:2379");
    let seen = watch.until(18);
    assert!(seen.has("stores") && seen.has("cluster"));
    assert_eq!(
        seen.of("members", "member", "pd1", "probe"),
        text("refused")
    );
    assert_eq!(seen.0.gaps, []);
    watch.world.close("http://127.0.0.1:2479");
    watch.world.close("http://127.0.0.1:2579");
    let dark = watch.until(20);
    assert!(!dark.has("stores"), "unobserved tables are absent");
    assert_eq!(dark.column("members", "probe"), vec![text("refused"); 3]);
    assert!(
        dark.0
            .gaps
            .iter()
            .any(|gap| gap.source.to_string() == "http:pd" && gap.reason == "connection refused"),
        "{:?}",
        dark.0.gaps
    );
    assert_eq!(dark.0.system, seen.0.system);
}

#[test]
fn between_polls_only_cheap_requests_are_sent() {
    let Some(mut watch) = Watch::start("healthy-mix", "") else {
        return;
    };
    watch.until(31);
    watch.observe(32.0);
    let of_pd = |path: &str| {
        watch
            .world
            .requested
            .iter()
            .filter(|(target, requested)| target == "pd" && requested.contains(path))
            .count()
    };
    assert_eq!(
        (of_pd("members"), of_pd("/stores"), of_pd("")),
        (1, 1, 2),
        "{:?}",
        watch.world.requested
    );
    assert_eq!(
        watch.world.requested.len(),
        8,
        "{:?}",
        watch.world.requested
    );
}
