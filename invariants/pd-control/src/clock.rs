//! Clocks: of the machines, and the timestamps that PD gives out.

use judging::{entities, metrics};
use operator_plugin::{
    Check, Evidence, Findings, Outcome, PluginError, Row, Snapshot, TableView, Violation, series,
};

/// I23: timestamps, leases and logs of machines whose clocks differ cannot be compared.
pub(crate) fn drift() -> Check {
    Check::new(
        "clock-drift",
        "the clocks of the members and stores agree within 2 s",
    )
    .hold_ms(120_000)
    .reads(&["members", "stores"])
    .by(judge_drift)
}

/// I22: timestamps that leave the wall clock behind, or run ahead of it, mean a clock that was set.
pub(crate) fn tso() -> Check {
    Check::new(
        "tso-near-clock",
        "the timestamps that PD gives out follow its clock within 5 s",
    )
    .critical()
    .hold_ms(30_000)
    .reads(&["members"])
    .by(judge_tso)
}

/// I22, the cause: PD saw its own clock go back.
pub(crate) fn jumps() -> Check {
    Check::new(
        "pd-clock-steady",
        "the clocks of the PD members did not step back within 10 minutes",
    )
    .reads(&["members"])
    .by(judge_jumps)
}

/// The catalogue asks for 500 ms, but the `Date` header that is compared is a second fine, and an answer of a busy
/// machine is another second old.
const DRIFT_MAX_S: f64 = 2.0;

fn judge_drift(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let mut findings = Findings::new();
    let (members, stores) = (snapshot.table("members")?, snapshot.table("stores")?);
    for (table, key, name) in [
        (&members, "member", entities::member as fn(&str) -> String),
        (&stores, "store", entities::store),
    ] {
        for row in table.rows() {
            judge_offset(row, key, name, &mut findings);
        }
    }
    Ok(findings.conclude(format!(
        "clocks of {} members and {} stores",
        members.len(),
        stores.len()
    )))
}

fn judge_offset(row: Row<'_>, key: &str, name: fn(&str) -> String, findings: &mut Findings) {
    let Some(entity) = row.text(key).map(name) else {
        return;
    };
    match row.number("date_offset_s") {
        // A silent machine is another check's business; its clock is simply not known.
        None => {}
        Some(offset_s) if offset_s.abs() < DRIFT_MAX_S => findings.pass(entity),
        Some(offset_s) => {
            let side = if offset_s > 0.0 { "ahead of" } else { "behind" };
            let summary = format!("its clock is {:.1} s {side} the others'", offset_s.abs());
            findings.fail(
                Violation::new(entity, summary)
                    .evidence(row.evidence("date_offset_s").expected("within 2 s")),
            );
        }
    }
}

/// PD saves its timestamps 3 to 5 s ahead; further away from the clock than that they are not made by it.
const TSO_GAP_MAX_MS: f64 = 5_000.0;

fn judge_tso(_: &Snapshot) -> Result<Outcome, PluginError> {
    let Ok(gaps) = series("pd_cluster_tso_gap_millionseconds")
        .by("member")
        .last(metrics::WINDOW_MS)
    else {
        return Ok(Outcome::inconclusive(
            "the distance of PD's timestamps from its clock was not collected",
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
            "the timestamps of {member} are {:.1} s {side} its clock",
            gap_ms.abs() / 1e3
        );
        let query = format!("pd_cluster_tso_gap_millionseconds{{member=\"{member}\"}}");
        let evidence =
            Evidence::metric(query, gap_ms, "ms").expected("within 5000 ms, usually 50 ms");
        findings.fail(Violation::new(entities::member(&member), summary).evidence(evidence));
    }
    Ok(findings.conclude("timestamps of the PD leader"))
}

fn judge_jumps(_: &Snapshot) -> Result<Outcome, PluginError> {
    let counted = series("pd_monitor_time_jump_back_total")
        .by("member")
        .increase(600_000);
    Ok(counted.map_or_else(
        |_| Outcome::inconclusive("PD's count of clock jumps was not collected"),
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
        let summary =
            format!("the clock of {member} stepped back {jumps:.0} times within 10 minutes");
        findings.fail(Violation::new(entities::member(&member), summary).evidence(evidence));
    }
    findings.conclude("clock jumps of the PD members")
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cell, Cluster, Series};
    use operator_plugin::Status;

    fn judge(check: &Check, cluster: Cluster) -> Outcome {
        check.evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn a_clock_that_is_off_is_named_and_one_second_is_not() {
        let outcome = judge(
            &drift(),
            Cluster::healthy().store("4", "date_offset_s", -7.0),
        );
        assert_eq!(outcome.violations[0].entity, "store/4");
        assert_eq!(
            judge(
                &drift(),
                Cluster::healthy().member("pd2", "date_offset_s", 1.0)
            )
            .status,
            Status::Pass
        );
    }

    #[test]
    fn no_clock_at_all_is_open() {
        let members = ["pd1", "pd2", "pd3"]
            .iter()
            .fold(Cluster::healthy(), |c, m| {
                c.member(m, "date_offset_s", Cell::Null)
            });
        let blind = ["1", "4", "5"]
            .iter()
            .fold(members, |c, s| c.store(s, "date_offset_s", Cell::Null));
        assert_eq!(judge(&drift(), blind).status, Status::Inconclusive);
    }

    #[test]
    fn timestamps_far_from_the_clock_are_a_violation_on_either_side() {
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
                judge(&tso(), Cluster::healthy()).status,
                status,
                "{gap_ms} ms"
            );
        }
        Series::none().install();
        assert_eq!(
            judge(&tso(), Cluster::healthy()).status,
            Status::Inconclusive
        );
    }

    #[test]
    fn a_step_back_is_named() {
        let rows: [(&[&str], f64); 2] = [(&["pd1"], 0.0), (&["pd3"], 1.0)];
        Series::none()
            .values("pd_monitor_time_jump_back_total", &["member"], &rows)
            .install();
        let outcome = judge(&jumps(), Cluster::healthy());
        assert_eq!(
            (outcome.violations[0].entity.as_str(), outcome.passed.len()),
            ("member/pd3", 1)
        );
        Series::none().install();
        assert_eq!(
            judge(&jumps(), Cluster::healthy()).status,
            Status::Inconclusive
        );
    }
}
