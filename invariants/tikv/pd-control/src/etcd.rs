//! Disk latency and space of PD's etcd.

use std::time::Duration;

use operator_plugin::{
    Check, Evidence, Findings, Outcome, PluginError, Row, Severity, Snapshot, TableView, Violation,
    series,
};
use tikv_check_support::{entities, metrics, outlier};

/// A PD leader that cannot write in time loses its lease.
pub(crate) fn disk() -> Check {
    Check::new(
        "pd-disk",
        "P99 of the WAL fsync of every PD member is below 0.1 s",
    )
    .pending_for(Duration::from_secs(60))
    .reads(&["members"])
    .by(evaluate_disk)
}

/// At the quota, PD rejects every write.
pub(crate) fn space() -> Check {
    Check::new(
        "pd-etcd-space",
        "the etcd of every PD member uses less than 80 % of its quota",
    )
    .pending_for(Duration::from_secs(60))
    .reads(&["members"])
    .by(evaluate_space)
}

const FSYNC: &str = "etcd_disk_wal_fsync_duration_seconds";

/// For outliers, the limit that etcd recommends; for every member, the limit of PD's own alert rules.
const SLOW_S: f64 = 0.1;
const STUCK_S: f64 = 1.0;

/// An idle PD writes less than once per second, so a meaningful tail takes 5 min.
const WINDOW: Duration = Duration::from_secs(300);
const SAMPLES_MIN: f64 = 300.0;

fn evaluate_disk(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let members = snapshot.table("members")?;
    let table = match series(FSYNC).by("member").quantile(0.99, WINDOW) {
        Ok(table) => table,
        Err(error) => return Ok(Outcome::inconclusive(metrics::describe(&error, FSYNC))),
    };
    let mut findings = Findings::new();
    for row in table.rows() {
        evaluate_fsync(&table, row, &mut findings);
    }
    Ok(findings.conclude(format!("WAL fsync of {} members", members.len())))
}

fn evaluate_fsync(table: &TableView, row: Row<'_>, findings: &mut Findings) {
    let (Some(member), Some(p99_s)) = (
        row.text("member"),
        row.number("value").filter(|value| value.is_finite()),
    ) else {
        return;
    };
    let entity = entities::member(member);
    let samples = row.number("samples").unwrap_or(0.0);
    if p99_s < SLOW_S {
        return findings.pass(entity);
    }
    if samples < SAMPLES_MIN {
        return findings.unknown(
            &entity,
            &format!("only {samples:.0} writes in the last 5 min"),
        );
    }
    let others: Vec<f64> = table
        .rows()
        .filter(|other| other.text("member") != Some(member))
        .filter_map(|other| other.number("value"))
        .collect();
    if p99_s < STUCK_S && !outlier::is_outlier(p99_s, &others) {
        return findings.pass(entity);
    }
    let query = format!(
        "histogram_quantile(0.99, sum by (le) (rate({FSYNC}_bucket{{member=\"{member}\"}}[5m])))"
    );
    let severity = if p99_s < STUCK_S {
        Severity::Warning
    } else {
        Severity::Critical
    };
    findings.fail(
        Violation::new(
            entity,
            format!("P99 of the WAL fsync of PD member {member} is {p99_s:.3} s"),
        )
        .evidence(Evidence::metric(query, p99_s, "s").expected("below 0.1 s"))
        .severity(severity),
    );
}

fn evaluate_space(_: &Snapshot) -> Result<Outcome, PluginError> {
    let read = |metric: &str| {
        series(metric)
            .by("member")
            .last(metrics::WINDOW)
            .map(|table| metrics::by_key(&table, "member"))
    };
    let (Ok(used), Ok(quota)) = (
        read("etcd_mvcc_db_total_size_in_bytes"),
        read("etcd_server_quota_backend_bytes"),
    ) else {
        return Ok(Outcome::inconclusive(
            "the size or the quota of PD's etcd was not collected",
        ));
    };
    let mut findings = Findings::new();
    for (member, used) in used {
        let Some(share) = quota
            .get(&member)
            .filter(|quota| **quota > 0.0)
            .map(|quota| used / quota)
        else {
            continue;
        };
        if share < 0.8 {
            findings.pass(entities::member(&member));
            continue;
        }
        let query = format!(
            "etcd_mvcc_db_total_size_in_bytes{{member=\"{member}\"}} / etcd_server_quota_backend_bytes"
        );
        let summary = format!(
            "the etcd of PD member {member} uses {:.0} % of its quota",
            share * 100.0
        );
        findings.fail(
            Violation::new(entities::member(&member), summary)
                .evidence(Evidence::metric(query, share, "1").expected("below 0.8"))
                .severity(if share < 0.95 {
                    Severity::Warning
                } else {
                    Severity::Critical
                }),
        );
    }
    Ok(findings.conclude("etcd of the PD members"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cluster, Series};

    fn fsync(rows: &[(&str, f64, f64)]) -> Outcome {
        Series::none().quantile(FSYNC, "member", rows).install();
        disk()
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap()
    }

    #[test]
    fn one_slow_disk_is_a_violation_and_three_equally_slow_ones_are_not() {
        let outcome = fsync(&[
            ("pd1", 0.3, 900.0),
            ("pd2", 0.01, 900.0),
            ("pd3", 0.012, 900.0),
        ]);
        assert_eq!(outcome.violations()[0].entity, "member/pd1");
        let alike = fsync(&[
            ("pd1", 0.3, 900.0),
            ("pd2", 0.25, 900.0),
            ("pd3", 0.2, 900.0),
        ]);
        assert_eq!(alike.status(), Status::Pass);
        let all_stuck = fsync(&[
            ("pd1", 1.3, 900.0),
            ("pd2", 1.25, 900.0),
            ("pd3", 1.2, 900.0),
        ]);
        assert_eq!(all_stuck.violations().len(), 3);
    }

    #[test]
    fn a_slow_write_of_an_idle_member_is_inconclusive() {
        let outcome = fsync(&[
            ("pd1", 0.3, 28.0),
            ("pd2", 0.01, 28.0),
            ("pd3", 0.012, 28.0),
        ]);
        assert_eq!(outcome.status(), Status::Inconclusive);
        Series::none().install();
        assert_eq!(
            disk()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
                .status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn the_quota_is_compared_per_member() {
        let evaluate = |used: f64| {
            Series::none()
                .values(
                    "etcd_mvcc_db_total_size_in_bytes",
                    &["member"],
                    &[(&["pd1"], used)],
                )
                .values(
                    "etcd_server_quota_backend_bytes",
                    &["member"],
                    &[(&["pd1"], 100.0)],
                )
                .install();
            space()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
        };
        assert_eq!(evaluate(79.0).status(), Status::Pass);
        assert_eq!(
            evaluate(81.0).violations()[0].severity,
            Some(Severity::Warning)
        );
        assert_eq!(
            evaluate(96.0).violations()[0].severity,
            Some(Severity::Critical)
        );
        Series::none().install();
        assert_eq!(
            space()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
                .status(),
            Status::Inconclusive
        );
    }
}
