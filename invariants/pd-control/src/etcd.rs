//! The disk and the space of PD's etcd.

use judging::{entities, locus, metrics};
use operator_plugin::{
    Check, Evidence, Findings, MetricsError, Outcome, PluginError, Row, Severity, Snapshot,
    TableView, Violation, series,
};

/// I62: what PD cannot write in time it cannot lead with: its lease runs out.
pub(crate) fn disk() -> Check {
    Check::new(
        "pd-disk",
        "PD's write-ahead log is on disk within 0.1 s, at P99",
    )
    .hold_ms(60_000)
    .reads(&["members"])
    .by(judge_disk)
}

/// I63: at the quota PD refuses every write.
pub(crate) fn space() -> Check {
    Check::new(
        "pd-etcd-space",
        "PD's etcd uses less than 80 % of its quota",
    )
    .hold_ms(60_000)
    .reads(&["members"])
    .by(judge_space)
}

const FSYNC: &str = "etcd_disk_wal_fsync_duration_seconds";

/// Slow for a member that stands out, and slow for whomever: etcd's own advice and upstream's alert.
const SLOW_S: f64 = 0.1;
const STUCK_S: f64 = 1.0;

/// An idle PD writes less than once a second, so that five minutes are needed for a tail (guard G5).
const WINDOW_MS: u64 = 300_000;
const SAMPLES_MIN: f64 = 300.0;

fn judge_disk(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let members = snapshot.table("members")?;
    let table = match series(FSYNC).by("member").quantile(0.99, WINDOW_MS) {
        Ok(table) => table,
        Err(MetricsError::NoSuchMetric(_)) => {
            return Ok(Outcome::inconclusive(format!(
                "no member's {FSYNC} was collected"
            )));
        }
        Err(_) => {
            return Ok(Outcome::inconclusive(format!(
                "{FSYNC} was not collected twice yet"
            )));
        }
    };
    let mut findings = Findings::new();
    for row in table.rows() {
        judge_fsync(&table, row, &mut findings);
    }
    Ok(findings.conclude(format!("writes of {} members", members.len())))
}

fn judge_fsync(table: &TableView, row: Row<'_>, findings: &mut Findings) {
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
        return findings.unknown(&entity, &format!("only {samples:.0} writes in 5 minutes"));
    }
    let others: Vec<f64> = table
        .rows()
        .filter(|other| other.text("member") != Some(member))
        .filter_map(|other| other.number("value"))
        .collect();
    if p99_s < STUCK_S && !locus::is_outlier(p99_s, &others) {
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
            format!("P99 of the log writes of PD member {member} is {p99_s:.3} s"),
        )
        .evidence(Evidence::metric(query, p99_s, "s").expected("below 0.1 s"))
        .severity(severity),
    );
}

fn judge_space(_: &Snapshot) -> Result<Outcome, PluginError> {
    let read = |metric: &str| {
        series(metric)
            .by("member")
            .last(metrics::WINDOW_MS)
            .map(|table| metrics::by_key(&table, "member"))
    };
    let (Ok(used), Ok(quota)) = (
        read("etcd_mvcc_db_total_size_in_bytes"),
        read("etcd_server_quota_backend_bytes"),
    ) else {
        return Ok(Outcome::inconclusive(
            "the size of PD's etcd or its quota was not collected",
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
            "the etcd of {member} uses {:.0} % of its quota",
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
    Ok(findings.conclude("the etcd of the members"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cluster, Series};
    use operator_plugin::Status;

    fn fsync(rows: &[(&str, f64, f64)]) -> Outcome {
        Series::none().quantile(FSYNC, "member", rows).install();
        disk()
            .evaluate(&Cluster::healthy().snapshot(), None)
            .unwrap()
    }

    #[test]
    fn one_slow_disk_is_named_and_three_small_machines_are_not() {
        let outcome = fsync(&[
            ("pd1", 0.3, 900.0),
            ("pd2", 0.01, 900.0),
            ("pd3", 0.012, 900.0),
        ]);
        assert_eq!(outcome.violations[0].entity, "member/pd1");
        let alike = fsync(&[
            ("pd1", 0.3, 900.0),
            ("pd2", 0.25, 900.0),
            ("pd3", 0.2, 900.0),
        ]);
        assert_eq!(alike.status, Status::Pass);
        let all_stuck = fsync(&[
            ("pd1", 1.3, 900.0),
            ("pd2", 1.25, 900.0),
            ("pd3", 1.2, 900.0),
        ]);
        assert_eq!(all_stuck.violations.len(), 3);
    }

    #[test]
    fn a_slow_write_of_an_idle_member_is_open() {
        let outcome = fsync(&[
            ("pd1", 0.3, 28.0),
            ("pd2", 0.01, 28.0),
            ("pd3", 0.012, 28.0),
        ]);
        assert_eq!(outcome.status, Status::Inconclusive);
        Series::none().install();
        assert_eq!(
            disk()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
                .status,
            Status::Inconclusive
        );
    }

    #[test]
    fn the_quota_is_compared_member_by_member() {
        let judge = |used: f64| {
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
        assert_eq!(judge(79.0).status, Status::Pass);
        assert_eq!(judge(81.0).violations[0].severity, Some(Severity::Warning));
        assert_eq!(judge(96.0).violations[0].severity, Some(Severity::Critical));
        Series::none().install();
        assert_eq!(
            space()
                .evaluate(&Cluster::healthy().snapshot(), None)
                .unwrap()
                .status,
            Status::Inconclusive
        );
    }
}
