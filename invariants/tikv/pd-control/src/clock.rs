//! Clocks of the machines, and the timestamps that PD allocates.

use std::time::Duration;

use operator_plugin::{
    Check, EntityId, Evidence, Findings, Outcome, PluginError, Row, Snapshot, TableView, Violation,
    series,
};
use tikv_check_support::{entities, metrics};

/// Timestamps, leases and logs of machines with different clocks cannot be compared.
pub(crate) fn drift() -> Check {
    Check::new(
        "clock-drift",
        "the clocks of all members and stores agree within 2 s",
    )
    .pending_for(Duration::from_secs(120))
    .reads(&["members", "stores"])
    .by(evaluate_drift)
}

/// Timestamps that deviate from the wall clock in either direction mean that the clock was set.
pub(crate) fn tso() -> Check {
    Check::new(
        "tso-near-clock",
        "the timestamps that PD allocates stay within 5 s of its clock",
    )
    .critical()
    .pending_for(Duration::from_secs(30))
    .reads(&["members"])
    .by(evaluate_tso)
}

/// The cause of the above: PD observed its own clock step back.
pub(crate) fn jumps() -> Check {
    Check::new(
        "pd-clock-steady",
        "no PD member's clock stepped back in the last 10 min",
    )
    .reads(&["members"])
    .by(evaluate_jumps)
}

/// TiKV needs 500 ms. But the `Date` header that is compared has a resolution of 1 s, and the response of a busy machine is
/// up to 1 s old.
const DRIFT_MAX_S: f64 = 2.0;

fn evaluate_drift(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let mut findings = Findings::new();
    let members = snapshot.table("members")?;
    let stores = snapshot.table("stores")?;
    for (table, key, name) in [
        (&members, "member", entities::member as fn(&str) -> EntityId),
        (&stores, "store", entities::store),
    ] {
        for row in table.rows() {
            evaluate_offset(row, key, name, &mut findings);
        }
    }
    Ok(findings.conclude(format!(
        "clocks of {} members and {} stores",
        members.len(),
        stores.len()
    )))
}

fn evaluate_offset(row: Row<'_>, key: &str, name: fn(&str) -> EntityId, findings: &mut Findings) {
    let Some(entity) = row.text(key).map(name) else {
        return;
    };
    match row.number("date_offset_s") {
        // Other checks report a process that does not respond; its clock is unknown.
        None => {}
        Some(offset_s) if offset_s.abs() < DRIFT_MAX_S => findings.pass(entity),
        Some(offset_s) => {
            let side = if offset_s > 0.0 { "ahead of" } else { "behind" };
            let summary = format!(
                "its clock is {:.1} s {side} the clocks of the others",
                offset_s.abs()
            );
            findings.fail(
                Violation::new(entity, summary)
                    .evidence(row.evidence("date_offset_s").expected("within 2 s")),
            );
        }
    }
}

/// PD persists an upper bound 3 to 5 s ahead. A larger gap means that timestamps no longer follow the clock.
const TSO_GAP_MAX_MS: f64 = 5_000.0;

fn evaluate_tso(_: &Snapshot) -> Result<Outcome, PluginError> {
    let Ok(gaps) = series("pd_cluster_tso_gap_millionseconds")
        .by("member")
        .last(metrics::WINDOW)
    else {
        return Ok(Outcome::inconclusive(
            "the gap between PD's timestamps and its clock was not collected",
        ));
    };
    let mut findings = Findings::new();
    for (member, gap_ms) in metrics::by_key(&gaps, "member") {
        if gap_ms.abs() < TSO_GAP_MAX_MS {
            findings.pass(entities::member(&member));
            continue;
        }
        let side = if gap_ms > 0.0 { "behind" } else { "ahead of" };
        let summary = format!(
            "the timestamps of PD member {member} are {:.1} s {side} its clock",
            gap_ms.abs() / 1e3
        );
        let query = format!("pd_cluster_tso_gap_millionseconds{{member=\"{member}\"}}");
        let evidence =
            Evidence::metric(query, gap_ms, "ms").expected("within 5000 ms, usually about 50 ms");
        findings.fail(Violation::new(entities::member(&member), summary).evidence(evidence));
    }
    Ok(findings.conclude("timestamps of the PD leader"))
}

fn evaluate_jumps(_: &Snapshot) -> Result<Outcome, PluginError> {
    let counted = series("pd_monitor_time_jump_back_total")
        .by("member")
        .increase(Duration::from_secs(600));
    Ok(counted.map_or_else(
        |_| Outcome::inconclusive("PD's counter of clock jumps was not collected"),
        |table| jumps_of(&table),
    ))
}

fn jumps_of(table: &TableView) -> Outcome {
    let mut findings = Findings::new();
    for (member, jumps) in metrics::by_key(table, "member") {
        if jumps < 1.0 {
            findings.pass(entities::member(&member));
            continue;
        }
        let query =
            format!("increase(pd_monitor_time_jump_back_total{{member=\"{member}\"}}[10m])");
        let evidence = Evidence::metric(query, jumps, "1").expected("0");
        let summary = format!(
            "the clock of PD member {member} stepped back {jumps:.0} times in the last 10 min"
        );
        findings.fail(Violation::new(entities::member(&member), summary).evidence(evidence));
    }
    findings.conclude("clock jumps of the PD members")
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cell, Cluster, Series};

    fn evaluate(check: &Check, cluster: Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn an_offset_of_seconds_is_a_violation_and_one_second_is_not() {
        let outcome = evaluate(
            &drift(),
            Cluster::healthy().store("4", "date_offset_s", -7.0),
        );
        assert_eq!(outcome.violations()[0].entity, "store/4");
        assert_eq!(
            evaluate(
                &drift(),
                Cluster::healthy().member("pd2", "date_offset_s", 1.0)
            )
            .status(),
            Status::Pass
        );
    }

    #[test]
    fn without_any_clock_it_is_inconclusive() {
        let members = ["pd1", "pd2", "pd3"]
            .iter()
            .fold(Cluster::healthy(), |c, m| {
                c.member(m, "date_offset_s", Cell::Null)
            });
        let unknown = ["1", "4", "5"]
            .iter()
            .fold(members, |c, s| c.store(s, "date_offset_s", Cell::Null));
        assert_eq!(evaluate(&drift(), unknown).status(), Status::Inconclusive);
    }

    #[test]
    fn timestamps_far_from_the_clock_are_a_violation_in_either_direction() {
        for (gap_ms, status) in [
            (50.0, Status::Pass),
            (-6_000.0, Status::Fail),
            (6_000.0, Status::Fail),
        ] {
            Series::none()
                .values(
                    "pd_cluster_tso_gap_millionseconds",
                    &["member"],
                    &[(&["pd1"], gap_ms)],
                )
                .install();
            assert_eq!(
                evaluate(&tso(), Cluster::healthy()).status(),
                status,
                "{gap_ms} ms"
            );
        }
        Series::none().install();
        assert_eq!(
            evaluate(&tso(), Cluster::healthy()).status(),
            Status::Inconclusive
        );
    }

    #[test]
    fn a_step_back_is_a_violation() {
        let rows: [(&[&str], f64); 2] = [(&["pd1"], 0.0), (&["pd3"], 1.0)];
        Series::none()
            .values("pd_monitor_time_jump_back_total", &["member"], &rows)
            .install();
        let outcome = evaluate(&jumps(), Cluster::healthy());
        assert_eq!(
            (
                outcome.violations()[0].entity.to_string().as_str(),
                outcome.passed().len()
            ),
            ("member/pd3", 1)
        );
        Series::none().install();
        assert_eq!(
            evaluate(&jumps(), Cluster::healthy()).status(),
            Status::Inconclusive
        );
    }
}
