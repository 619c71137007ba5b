//! Whether an upgrade was finished.

use std::collections::BTreeMap;

use judging::entities;
use operator_plugin::{Check, Findings, Outcome, PluginError, Row, Snapshot, TableView, Violation};

/// I65: PD among itself and the stores among themselves; the two have versions of their own.
pub(crate) fn agree() -> Check {
    Check::new(
        "version-agreement",
        "all stores have one version, and all PD members have one",
    )
    .info()
    // An upgrade takes hours, and is nobody's fault.
    .hold_ms(86_400_000)
    .reads(&["stores", "members"])
    .by(judge)
}

fn judge(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let mut findings = Findings::new();
    judge_kind(
        &snapshot.table("stores")?,
        "store",
        entities::store,
        &mut findings,
    );
    judge_kind(
        &snapshot.table("members")?,
        "member",
        entities::member,
        &mut findings,
    );
    Ok(findings.conclude("versions of stores and members"))
}

fn judge_kind(table: &TableView, key: &str, name: fn(&str) -> String, findings: &mut Findings) {
    let mut versions: BTreeMap<&str, Vec<(&str, Row<'_>)>> = BTreeMap::new();
    for row in table.rows() {
        let Some(entity) = row.text(key) else {
            continue;
        };
        match row.text("version") {
            Some(version) => versions
                .entry(version.trim_start_matches('v'))
                .or_default()
                .push((entity, row)),
            None => findings.unknown(&name(entity), "its version is not known"),
        }
    }
    let usual = versions
        .iter()
        .max_by_key(|(version, rows)| (rows.len(), **version))
        .map(|(version, _)| *version);
    for (version, rows) in &versions {
        for (entity, row) in rows {
            if Some(*version) == usual {
                findings.pass(name(entity));
                continue;
            }
            let summary = format!(
                "it runs {version}, most others {}",
                usual.unwrap_or("another version")
            );
            let evidence = row.evidence("version").expected(usual.unwrap_or_default());
            findings.fail(Violation::new(name(entity), summary).evidence(evidence));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use judging::examples::{Cell, Cluster};
    use operator_plugin::Status;

    fn judge(cluster: Cluster) -> Outcome {
        agree().evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn the_odd_one_is_named_in_either_group() {
        assert_eq!(
            judge(Cluster::healthy().store("4", "version", "8.1.0")).violations[0].entity,
            "store/4"
        );
        assert_eq!(
            judge(Cluster::healthy().member("pd2", "version", "v8.1.0")).violations[0].entity,
            "member/pd2"
        );
    }

    #[test]
    fn stores_may_differ_from_pd_and_a_leading_v_is_no_difference() {
        let mixed = ["1", "4", "5"].iter().fold(Cluster::healthy(), |c, s| {
            c.store(s, "version", "9.0.0-beta.2")
        });
        assert_eq!(
            judge(mixed.member("pd2", "version", "8.5.0")).status,
            Status::Pass
        );
        assert_eq!(
            judge(Cluster::healthy().store("4", "version", Cell::Null)).status,
            Status::Inconclusive
        );
    }
}
