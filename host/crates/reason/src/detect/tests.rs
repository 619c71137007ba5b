//! What detection promises.

use super::thresholds::{COLUMN_REFRESH_MS, FORGOTTEN_AFTER_MS, RELEARN_AFTER_MS};
use super::*;
use operator_data::series::SeriesLimits;
use operator_data::tables::Column;
use operator_data::{SeriesKey, SeriesStore, Table};
use operator_model::knowledge::{Matcher, Reduction, Selector, SignalSource};
use operator_model::{Digest, Entity, Tick, Topology};
use std::sync::Arc;

const SECOND: u64 = 1_000;

fn signal(source: SignalSource, bad: Direction, floor: f64) -> Signal {
    Signal {
        id: "latency".into(),
        title: "Latency".to_owned(),
        unit: "s".to_owned(),
        entity_kind: "node".to_owned(),
        source,
        bad,
        floor,
    }
}

fn column() -> SignalSource {
    let [table, node, value_column] = ["nodes", "node", "value"].map(str::to_owned);
    SignalSource::Column {
        table,
        key_columns: vec![node],
        value_column,
    }
}

fn gauge(window_ms: u64) -> SignalSource {
    let selector = Selector {
        metric: "m".to_owned(),
        all_of: vec![Matcher::NotEquals("kind".into(), "x".into())],
    };
    SignalSource::Series {
        selector,
        reduction: Reduction::Last,
        window_ms,
        by: vec!["node".to_owned()],
    }
}

fn detector(signal: Signal) -> Detector {
    Detector::new(&KnowledgeBase {
        signals: vec![signal],
        ..KnowledgeBase::default()
    })
}

fn snapshot(at: u64, rows: &[(&str, f64)], series: SeriesStore) -> Snapshot {
    let keys = rows
        .iter()
        .map(|(key, _)| Some((*key).to_owned()))
        .collect();
    let values = rows.iter().map(|(_, value)| Some(*value)).collect();
    let columns = vec![
        ("node", None, Column::Texts(keys)),
        ("value", None, Column::Floats(values)),
    ];
    let table = Arc::new(Table::from_columns("nodes", columns).unwrap());
    Snapshot {
        tick: Tick(at),
        taken_at: Timestamp(at),
        host_at: Timestamp(at),
        subject: "s".to_owned(),
        system: String::new(),
        tables: BTreeMap::from([("nodes".to_owned(), table)]),
        past: Vec::new(),
        series: Arc::new(series),
        topology: Topology::default(),
        blind: Vec::new(),
        hash: Digest(String::new()),
    }
}

/// Feeds one value of node 1 every `COLUMN_REFRESH_MS` and returns the last detection.
fn feed(detector: &mut Detector, from: &mut u64, values: &[f64]) -> Detection {
    let mut last = Detection::default();
    for value in values {
        *from += COLUMN_REFRESH_MS;
        last = detector.detect(&snapshot(*from, &[("1", *value)], SeriesStore::default()));
    }
    last
}

fn reading(detection: &Detection) -> Reading {
    detection.readings.values().next().cloned().unwrap()
}

/// Noise without randomness: a value that varies by ten per cent.
fn usual(count: usize) -> Vec<f64> {
    [1.0, 1.05, 0.95, 1.1, 0.9, 1.0, 1.02]
        .into_iter()
        .cycle()
        .take(count)
        .collect()
}

#[test]
fn a_lasting_jump_is_an_anomaly_after_three_samples_and_its_onset_is_a_band() {
    let mut detector = detector(signal(column(), Direction::Up, 0.1));
    let mut at = 0;
    feed(&mut detector, &mut at, &usual(20));
    let last_normal = Timestamp(at);
    assert!(
        feed(&mut detector, &mut at, &[9.0, 9.0])
            .anomalies
            .is_empty()
    );
    let detection = feed(&mut detector, &mut at, &[9.0]);
    let [anomaly] = detection.anomalies.as_slice() else {
        panic!("{:?}", detection.anomalies)
    };
    assert_eq!(
        anomaly.onset,
        (last_normal, last_normal.plus_ms(COLUMN_REFRESH_MS))
    );
    assert_eq!(anomaly.summary, "Latency is 9 s, usually 1 s");
    assert!(reading(&detection).anomalous && reading(&detection).robust_z.unwrap() > 6.0);
}

#[test]
fn two_deviating_samples_or_the_good_direction_are_no_anomaly() {
    let mut detector = detector(signal(column(), Direction::Up, 0.1));
    let mut at = 0;
    feed(&mut detector, &mut at, &usual(20));
    let detection = feed(&mut detector, &mut at, &[9.0, 9.0, 1.0, 9.0, 9.0, 1.0]);
    assert!(detection.anomalies.is_empty());
    assert!(
        feed(&mut detector, &mut at, &[0.0; 8]).anomalies.is_empty(),
        "less is not worse"
    );
}

#[test]
fn falling_is_bad_where_the_signal_declares_it() {
    for (bad, expected) in [
        (Direction::Down, 1),
        (Direction::Either, 1),
        (Direction::Up, 0),
    ] {
        let mut detector = detector(signal(column(), bad, 0.1));
        let mut at = 0;
        feed(&mut detector, &mut at, &usual(20));
        assert_eq!(
            feed(&mut detector, &mut at, &[0.0; 4]).anomalies.len(),
            expected,
            "{bad:?}"
        );
    }
}

#[test]
fn a_deviation_at_the_floor_is_an_anomaly_and_below_it_is_not() {
    for (value, expected) in [(1.9, 0), (2.0, 1)] {
        let mut detector = detector(signal(column(), Direction::Up, 2.0));
        let mut at = 0;
        feed(&mut detector, &mut at, &[0.0; 20]);
        assert_eq!(
            feed(&mut detector, &mut at, &[value; 4]).anomalies.len(),
            expected,
            "{value}"
        );
    }
}

#[test]
fn nothing_is_abnormal_before_a_baseline_is_learned() {
    let mut detector = detector(signal(column(), Direction::Up, 0.1));
    let mut at = 0;
    let detection = feed(
        &mut detector,
        &mut at,
        &[1.0, 1.0, 1.0, 1.0, 9.0, 9.0, 9.0, 9.0],
    );
    let reading = reading(&detection);
    assert!(detection.anomalies.is_empty() && reading.robust_z.is_none() && !reading.normal);
}

#[test]
fn a_fault_is_not_learned_as_normal_but_a_new_level_is_after_half_an_hour() {
    let mut detector = detector(signal(column(), Direction::Up, 0.1));
    let mut at = 0;
    feed(&mut detector, &mut at, &usual(20));
    let samples = usize::try_from(RELEARN_AFTER_MS / COLUMN_REFRESH_MS).unwrap();
    let during = feed(&mut detector, &mut at, &vec![9.0; samples - 1]);
    assert_eq!(
        (during.anomalies.len(), reading(&during).median),
        (1, Some(1.0))
    );
    let after = feed(&mut detector, &mut at, &vec![9.0; 30]);
    assert_eq!(
        (after.anomalies.len(), reading(&after).median),
        (0, Some(9.0))
    );
    assert!(reading(&after).normal);
}

#[test]
fn after_an_anomaly_the_baseline_is_the_one_from_before() {
    let mut detector = detector(signal(column(), Direction::Up, 0.1));
    let mut at = 0;
    feed(&mut detector, &mut at, &[1.0; 20]);
    feed(&mut detector, &mut at, &[9.0; 10]);
    let calm = feed(&mut detector, &mut at, &[1.0; 3]);
    assert!(calm.anomalies.is_empty());
    let later = feed(&mut detector, &mut at, &[1.0; 20]);
    assert_eq!(
        (reading(&later).median, reading(&later).iqr),
        (Some(1.0), Some(0.0))
    );
}

#[test]
fn one_scrape_that_many_ticks_read_is_one_sample() {
    let mut detector = detector(signal(gauge(60 * SECOND), Direction::Up, 0.1));
    let key = SeriesKey {
        metric: "m".to_owned(),
        labels: vec![("node".to_owned(), "1".to_owned())],
    };
    let mut store = SeriesStore::default();
    let mut detect = |at: u64, sample: Option<(u64, f64)>| {
        if let Some((at, value)) = sample {
            store.ingest(
                Timestamp(at),
                &[],
                vec![(key.clone(), value)],
                &SeriesLimits::default(),
            );
        }
        detector.detect(&snapshot(at, &[], store.clone()))
    };
    for scrape in 0..20 {
        detect(scrape * 15 * SECOND, Some((scrape * 15 * SECOND, 1.0)));
    }
    let odd = 300 * SECOND;
    detect(odd, Some((odd, 9.0)));
    for tick in 1..15 {
        assert!(
            detect(odd + tick * SECOND, None).anomalies.is_empty(),
            "the same scrape, {tick} s later"
        );
    }
    detect(odd + 15 * SECOND, Some((odd + 15 * SECOND, 9.0)));
    assert_eq!(
        detect(odd + 30 * SECOND, Some((odd + 30 * SECOND, 9.0)))
            .anomalies
            .len(),
        1
    );
}

#[test]
fn a_signal_that_lost_its_values_is_gone_and_not_zero() {
    let mut detector = detector(signal(column(), Direction::Down, 0.1));
    let mut at = 0;
    feed(&mut detector, &mut at, &usual(20));
    let gone = detector.detect(&snapshot(at + SECOND, &[], SeriesStore::default()));
    let reading = reading(&gone);
    assert!(
        reading.gone && reading.value.is_none() && !reading.anomalous && !reading.recent.is_empty()
    );
    let forgotten = detector.detect(&snapshot(
        at + FORGOTTEN_AFTER_MS,
        &[],
        SeriesStore::default(),
    ));
    assert!(forgotten.readings.is_empty());
}

#[test]
fn an_outlier_is_far_from_at_least_two_peers() {
    let cases: [(&[f64], &[bool]); 5] = [
        (&[1.0, 1.1, 9.0], &[false, false, true]),
        (&[1.0, 9.0], &[false, false]),
        (&[1.0, 1.0, 1.9], &[false, false, false]),
        (&[10.0, 30.0, 70.0, 90.0, 95.0], &[false; 5]),
        (&[0.0, 0.0, 0.0, 0.05], &[false; 4]),
    ];
    for (values, expected) in cases {
        let mut detector = detector(signal(column(), Direction::Up, 0.1));
        let keys: Vec<String> = (1..=values.len()).map(|key| key.to_string()).collect();
        let rows: Vec<(&str, f64)> = keys
            .iter()
            .map(String::as_str)
            .zip(values.iter().copied())
            .collect();
        let detection = detector.detect(&snapshot(SECOND, &rows, SeriesStore::default()));
        let outliers: Vec<bool> = detection
            .readings
            .values()
            .map(|reading| reading.outlier)
            .collect();
        assert_eq!(outliers, expected, "{values:?}");
    }
}

#[test]
fn a_low_outlier_is_one_where_falling_is_bad() {
    let mut detector = detector(signal(column(), Direction::Down, 0.1));
    let rows = [("1", 10.0), ("2", 11.0), ("3", 1.0)];
    let detection = detector.detect(&snapshot(SECOND, &rows, SeriesStore::default()));
    let outliers: Vec<bool> = detection
        .readings
        .values()
        .map(|reading| reading.outlier)
        .collect();
    assert_eq!(outliers, [false, false, true]);
}

#[test]
fn of_several_rows_of_an_entity_the_worst_is_used_and_unlisted_entities_are_ignored() {
    let mut detector = detector(signal(column(), Direction::Up, 0.1));
    let mut listed = snapshot(
        SECOND,
        &[("1", 2.0), ("node/1", 5.0), ("1", 3.0), ("7", 9.0)],
        SeriesStore::default(),
    );
    listed.topology.entities = vec![Entity {
        id: "node/1".into(),
        name: "a".to_owned(),
    }];
    let detection = detector.detect(&listed);
    let values: Vec<(&str, Option<f64>)> = detection
        .readings
        .iter()
        .map(|((_, e), r)| (e.as_str(), r.value))
        .collect();
    assert_eq!(values, [("node/1", Some(5.0))]);
}
