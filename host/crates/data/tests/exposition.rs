//! Real servers' expositions through the parser, the store and the arithmetic.

use operator_data::SeriesStore;
use operator_data::series::exposition::{Parsed, parse};
use operator_data::series::{SeriesError, SeriesLimits};
use operator_model::Timestamp;
use operator_model::knowledge::{Matcher, Reduction, Selector};
use std::collections::BTreeSet;

const STORE: &str = include_str!("exposition-store.txt");
const MEMBER: &str = include_str!("exposition-member.txt");

fn read(text: &str, names: &[&str]) -> Parsed {
    parse(
        text.as_bytes(),
        &names
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<BTreeSet<_>>(),
    )
}

fn selector(metric: &str, all_of: Vec<Matcher>) -> Selector {
    Selector {
        metric: metric.to_owned(),
        all_of,
    }
}

#[test]
fn real_expositions_hold_nothing_malformed() {
    for (text, wanted, kept) in [
        (STORE, "tikv_store_size_bytes", 7),
        (STORE, "raft_engine_write_duration_seconds", 29),
        (MEMBER, "etcd_disk_wal_fsync_duration_seconds", 17),
        (MEMBER, "go_gc_duration_seconds", 7),
        (MEMBER, "etcd_server_is_leader", 1),
        (MEMBER, "no_such_metric", 0),
    ] {
        let parsed = read(text, &[wanted]);
        let samples = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
            .count();
        assert_eq!(
            (parsed.malformed, parsed.seen as usize),
            (0, samples),
            "{wanted}"
        );
        assert_eq!(parsed.samples.len(), kept, "{wanted}");
    }
}

#[test]
fn every_sample_of_a_real_exposition_is_read_when_all_are_wanted() {
    for text in [STORE, MEMBER] {
        let lines = || {
            text.lines()
                .filter(|line| !line.is_empty() && !line.starts_with('#'))
        };
        let names: Vec<&str> = lines()
            .map(|line| line.split(['{', ' ']).next().unwrap())
            .collect();
        let parsed = read(text, &names);
        assert_eq!(parsed.samples.len(), lines().count());
        for ((key, value), line) in parsed.samples.iter().zip(lines()) {
            let labels: Vec<String> = key
                .labels
                .iter()
                .map(|(k, v)| format!("{k}=\"{v}\""))
                .collect();
            let written = if labels.is_empty() {
                key.metric.clone()
            } else {
                format!("{}{{{}}}", key.metric, labels.join(","))
            };
            let (series, number) = line.rsplit_once(' ').unwrap();
            assert_eq!(
                (written.as_str(), *value),
                (series, number.parse::<f64>().unwrap())
            );
        }
    }
}

/// The exposition as it is, fifteen seconds after one in which every counter was still zero.
fn collected() -> SeriesStore {
    let names = [
        "raft_engine_write_duration_seconds",
        "tikv_store_size_bytes",
        "tikv_thread_cpu_seconds_total",
    ];
    let parsed = read(STORE, &names);
    let zeros = parsed
        .samples
        .iter()
        .map(|(key, _)| (key.clone(), 0.0))
        .collect();
    let labels = [("store".to_owned(), "1".to_owned())];
    let mut store = SeriesStore::default();
    store.ingest(Timestamp(0), &labels, zeros, &SeriesLimits::default());
    store.ingest(
        Timestamp(15_000),
        &labels,
        parsed.samples,
        &SeriesLimits::default(),
    );
    store
}

#[test]
fn a_quantile_of_a_real_histogram_is_what_prometheus_computes() {
    let of = |quantile| {
        let histogram = selector("raft_engine_write_duration_seconds", vec![]);
        collected()
            .quantile(
                Timestamp(15_000),
                quantile,
                &histogram,
                60_000,
                &["store".to_owned()],
            )
            .unwrap()
    };
    // Worked out with the formula of `histogram_quantile` on the same counts.
    for (quantile, expected) in [
        (0.5, 0.000_958_582_391_752_577_6),
        (0.99, 0.013_518_988_062_893_034),
    ] {
        let table = of(quantile);
        assert_eq!((table.rows, table.text(0, "store")), (1, Some("1")));
        assert!((table.number(0, "value").unwrap() - expected).abs() < 1e-12);
        assert_eq!(table.number(0, "samples"), Some(24_276.0));
    }
}

#[test]
fn gauges_and_counters_of_a_real_server_are_selected_by_label_and_group() {
    let store = collected();
    let available = vec![Matcher::Equals("type".to_owned(), "available".to_owned())];
    let sizes = selector("tikv_store_size_bytes", available);
    let table = store
        .select(Timestamp(15_000), &sizes, Reduction::Last, 60_000, &[])
        .unwrap();
    assert_eq!(
        (table.rows, table.number(0, "value")),
        (1, Some(8_227_315_184.0))
    );
    let background = vec![Matcher::StartsWith(
        "name".to_owned(),
        "background_".to_owned(),
    )];
    let threads = selector("tikv_thread_cpu_seconds_total", background);
    let table = store
        .select(
            Timestamp(15_000),
            &threads,
            Reduction::Rate,
            60_000,
            &["store".to_owned()],
        )
        .unwrap();
    assert!((table.number(0, "value").unwrap() - (0.56 + 0.62) / 15.0).abs() < 1e-12);
    let missing = store.select(
        Timestamp(0),
        &selector("tikv_nothing", vec![]),
        Reduction::Last,
        1,
        &[],
    );
    assert_eq!(
        missing.unwrap_err(),
        SeriesError::NoSuchMetric("tikv_nothing".to_owned())
    );
}
