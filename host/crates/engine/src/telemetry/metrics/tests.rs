use super::*;
use operator_data::{SeriesStore, Snapshot};
use operator_model::{Digest, Severity, Tick, Topology, Verdict};
use operator_net::egress::RefusalReason;

fn report(statuses: &[(&str, Status)]) -> TickReport {
    let verdict = |(check, status): &(&str, Status)| Verdict {
        check: CheckId((*check).to_owned()),
        module: "m\"1".to_owned(),
        status: *status,
        severity: Severity::Warning,
        claim: String::new(),
        hold_ms: 0,
        reason: String::new(),
        violations: Vec::new(),
        passed: Vec::new(),
        fuel: 100,
    };
    let snapshot = Snapshot {
        tick: Tick(1),
        taken_at: Timestamp(0),
        host_at: Timestamp(0),
        subject: String::new(),
        system: String::new(),
        tables: BTreeMap::new(),
        past: Vec::new(),
        series: Arc::new(SeriesStore::default()),
        topology: Topology::default(),
        blind: Vec::new(),
        hash: Digest(String::new()),
    };
    TickReport {
        snapshot: Arc::new(snapshot),
        verdicts: statuses.iter().map(verdict).collect(),
        incidents: Vec::new(),
        events: Vec::new(),
        opened: 1,
        resolved: 0,
        withheld: 0,
        open_tickets: 2,
    }
}

fn done(took_ms: u64) -> TickDone {
    TickDone {
        snapshot: String::new(),
        pass: 0,
        fail: 0,
        inconclusive: 0,
        blind: 0,
        open_tickets: 0,
        skipped: 3,
        took_ms,
    }
}

fn counted() -> Metrics {
    let metrics = Metrics::new(1_000);
    let egress = EgressCounters {
        sent: 7,
        refused: [(RefusalReason::Address, 4)].into(),
        ..EgressCounters::default()
    };
    let failures: BTreeMap<&'static str, u64> = [("nonsense", 2)].into();
    let verdicts = [("a", Status::Fail), ("b", Status::Pass)];
    for (took_ms, at) in [(40, 5_000), (700, 6_500)] {
        metrics.count(
            &report(&verdicts),
            &done(took_ms),
            Timestamp(at),
            egress.clone(),
            failures.clone(),
        );
    }
    metrics
}

#[test]
fn two_ticks_are_counted_by_how_long_they_took() {
    let page = counted().exposition();
    for line in [
        "operator_ticks_total 2",
        "operator_ticks_skipped_total 6",
        "operator_tick_duration_seconds_bucket{le=\"0.025\"} 0",
        "operator_tick_duration_seconds_bucket{le=\"0.050\"} 1",
        "operator_tick_duration_seconds_bucket{le=\"1.000\"} 2",
        "operator_tick_duration_seconds_bucket{le=\"+Inf\"} 2",
        "operator_tick_duration_seconds_sum 0.740",
        "operator_last_tick_timestamp_seconds 6.500",
        "operator_tickets_open 2",
        "operator_tickets_opened_total 2",
        "operator_egress_requests_total 7",
        "operator_egress_refused_total{reason=\"address\"} 4",
        "operator_check_failures_total{kind=\"nonsense\"} 2",
        "operator_check_failures_total{kind=\"trap\"} 0",
    ] {
        assert!(
            page.lines().any(|found| found == line),
            "{line} is not in\n{page}"
        );
    }
}

#[test]
fn checks_are_shown_as_the_last_tick_left_them_and_names_are_escaped() {
    let page = counted().exposition();
    assert!(
        page.contains("operator_verdicts{status=\"fail\"} 1\n"),
        "{page}"
    );
    assert!(
        page.contains("operator_check_failing{check=\"a\",module=\"m\\\"1\"} 1\n"),
        "{page}"
    );
    assert!(
        page.contains("operator_check_failing{check=\"b\",module=\"m\\\"1\"} 0\n"),
        "{page}"
    );
    assert!(
        page.contains("operator_check_fuel_total{module=\"m\\\"1\"} 400\n"),
        "{page}"
    );
}

#[test]
fn every_series_belongs_to_a_family_that_was_announced_once() {
    let page = counted().exposition();
    let families: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let mut once = families.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), families.len());
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        let base = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(name);
        assert!(
            families.contains(&base) || families.contains(&name),
            "{line}"
        );
    }
}

#[test]
fn an_operator_that_does_not_tick_any_more_is_unwell() {
    assert!(
        Metrics::new(1_000).is_well(Timestamp(1_000_000)),
        "it may still be starting"
    );
    let metrics = counted();
    assert!(metrics.is_well(Timestamp(36_500)));
    assert!(!metrics.is_well(Timestamp(36_501)));
}
