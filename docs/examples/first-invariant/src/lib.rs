//! A first module: no store carries far more leaders than the others.

use operator_plugin::{
    Check, Findings, Invariants, Outcome, PluginError, PluginInfo, Snapshot, Violation,
    export_invariants,
};

/// More than this many times the mean is far more.
const TIMES_MEAN_MAX: f64 = 2.0;

/// Below this mean a single leader makes all the difference.
const MEAN_MIN: f64 = 10.0;

/// The module.
pub struct FirstInvariant;

impl Invariants for FirstInvariant {
    fn info() -> PluginInfo {
        PluginInfo {
            name: "first-invariant".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            summary: "leaders are spread over the stores".to_owned(),
        }
    }

    fn checks() -> Vec<Check> {
        vec![
            Check::new(
                "leaders-spread",
                "no store carries more than twice the mean number of leaders",
            )
            .hold_ms(60_000)
            .reads(&["stores"])
            .by(leaders_spread),
        ]
    }
}

fn leaders_spread(snapshot: &Snapshot) -> Result<Outcome, PluginError> {
    let stores = snapshot.table("stores")?;
    let known: Vec<f64> = stores
        .rows()
        .filter_map(|row| row.number("leader_count"))
        .collect();
    let mean = known.iter().sum::<f64>() / known.len().max(1) as f64;
    if mean < MEAN_MIN {
        return Ok(Outcome::inconclusive(format!(
            "{mean:.1} leaders a store are too few to compare"
        )));
    }
    let mut findings = Findings::new();
    for row in stores.rows() {
        let entity = format!("store/{}", row.text("store").unwrap_or("?"));
        match row.number("leader_count") {
            None => findings.unknown(&entity, "its number of leaders is not known"),
            Some(leaders) if leaders <= TIMES_MEAN_MAX * mean => findings.pass(entity),
            Some(leaders) => {
                let evidence = row
                    .evidence("leader_count")
                    .expected(format!("about {mean:.0}"));
                let summary = format!("it carries {leaders:.0} leaders, the mean is {mean:.0}");
                findings.fail(Violation::new(entity, summary).evidence(evidence));
            }
        }
    }
    Ok(findings.conclude(format!("leaders of {} stores", stores.len())))
}

export_invariants!(FirstInvariant);

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::testing::SnapshotBuilder;
    use operator_plugin::{Status, table};

    fn judge(leaders: [Option<i64>; 3]) -> Outcome {
        let stores = table("stores")
            .texts("store", ["1", "4", "5"].map(str::to_owned))
            .integers("leader_count", "1", leaders);
        leaders_spread(&SnapshotBuilder::of("test").table(stores).build()).unwrap()
    }

    #[test]
    fn a_store_with_most_leaders_fails_and_an_even_spread_passes() {
        let outcome = judge([Some(100), Some(10), Some(10)]);
        assert_eq!(outcome.violations[0].entity, "store/1");
        assert_eq!(judge([Some(40), Some(45), Some(38)]).status, Status::Pass);
    }

    #[test]
    fn what_is_not_known_is_never_a_pass() {
        assert_eq!(
            judge([Some(40), None, Some(38)]).status,
            Status::Inconclusive
        );
        assert_eq!(
            judge([Some(3), Some(0), Some(0)]).status,
            Status::Inconclusive
        );
    }
}
