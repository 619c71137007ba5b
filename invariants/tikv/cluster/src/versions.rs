//! Unfinished upgrades.

use std::collections::BTreeMap;
use std::time::Duration;

use operator_plugin::{
    Check, EntityId, Findings, Outcome, PluginError, Row, Snapshot, TableView, Violation,
};
use tikv_check_support::entities;

/// Compares PD members with each other and stores with each other; the two groups may differ.
pub(crate) fn agree() -> Check {
    Check::new(
        "version-agreement",
        "all stores run the same version, and so do all PD members",
    )
    .info()
    // A rolling upgrade takes hours and is no fault.
    .pending_for(Duration::from_secs(86_400))
    .reads(&["stores", "members"])
    .by(evaluate)
}

fn evaluate(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let mut findings = Findings::new();
    evaluate_kind(
        &snapshot.table("stores")?,
        "store",
        entities::store,
        &mut findings,
    );
    evaluate_kind(
        &snapshot.table("members")?,
        "member",
        entities::member,
        &mut findings,
    );
    Ok(findings.conclude("versions of stores and members"))
}

fn evaluate_kind(
    table: &TableView,
    key: &str,
    name: fn(&str) -> EntityId,
    findings: &mut Findings,
) {
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
            None => findings.unknown(&name(entity), "its version is unknown"),
        }
    }
    let majority = versions
        .iter()
        .max_by_key(|(version, rows)| (rows.len(), **version))
        .map(|(version, _)| *version);
    for (version, rows) in &versions {
        for (entity, row) in rows {
            if Some(*version) == majority {
                findings.pass(name(entity));
                continue;
            }
            let summary = format!(
                "it runs version {version}, most others run {}",
                majority.unwrap_or("another version")
            );
            let evidence = row
                .evidence("version")
                .expected(majority.unwrap_or_default());
            findings.fail(Violation::new(name(entity), summary).evidence(evidence));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::Status;
    use tikv_check_support::examples::{Cell, Cluster};

    fn evaluate(cluster: Cluster) -> Outcome {
        agree().evaluate(&cluster.snapshot(), None).unwrap()
    }

    #[test]
    fn a_different_version_is_a_violation_in_either_group() {
        assert_eq!(
            evaluate(Cluster::healthy().store("4", "version", "8.1.0")).violations()[0].entity,
            "store/4"
        );
        assert_eq!(
            evaluate(Cluster::healthy().member("pd2", "version", "v8.1.0")).violations()[0].entity,
            "member/pd2"
        );
    }

    #[test]
    fn stores_may_differ_from_pd_and_a_leading_v_is_ignored() {
        let mixed = ["1", "4", "5"].iter().fold(Cluster::healthy(), |c, s| {
            c.store(s, "version", "9.0.0-beta.2")
        });
        assert_eq!(
            evaluate(mixed.member("pd2", "version", "8.5.0")).status(),
            Status::Pass
        );
        assert_eq!(
            evaluate(Cluster::healthy().store("4", "version", Cell::Null)).status(),
            Status::Inconclusive
        );
    }
}
