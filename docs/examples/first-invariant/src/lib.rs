//! A first check plugin: no store carries far more leaders than the others.

use std::time::Duration;

use operator_plugin::{
    Check, Checks, Findings, Outcome, PluginError, PluginInfo, Snapshot, Violation, entity,
    export_checks,
};

/// More than this many times the mean is far more.
const TIMES_MEAN_MAX: f64 = 2.0;

/// Below this mean a single leader makes all the difference.
const MEAN_MIN: f64 = 10.0;

/// The plugin.
pub struct FirstInvariant;

impl Checks for FirstInvariant {
    fn info() -> PluginInfo {
        PluginInfo::new(
            "first-invariant",
            env!("CARGO_PKG_VERSION"),
            "leaders are spread over the stores",
        )
    }

    fn checks() -> Vec<Check> {
        vec![
            Check::new(
                "leaders-spread",
                "no store carries more than twice the mean number of leaders",
            )
            .pending_for(Duration::from_secs(60))
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
        let store = entity("store", row.text("store").unwrap_or("?"));
        match row.number("leader_count") {
            None => findings.unknown(&store, "its number of leaders is not known"),
            Some(leaders) if leaders <= TIMES_MEAN_MAX * mean => findings.pass(store),
            Some(leaders) => {
                let evidence = row
                    .evidence("leader_count")
                    .expected(format!("about {mean:.0}"));
                let summary = format!("it carries {leaders:.0} leaders, the mean is {mean:.0}");
                findings.fail(Violation::new(store, summary).evidence(evidence));
            }
        }
    }
    Ok(findings.conclude(format!("leaders of {} stores", stores.len())))
}

export_checks!(FirstInvariant);

#[cfg(test)]
mod tests {
    use super::*;
    use operator_plugin::testing::SnapshotBuilder;
    use operator_plugin::{Status, table};

    fn evaluate(leaders: [Option<i64>; 3]) -> Outcome {
        let stores = table("stores")
            .texts("store", ["1", "4", "5"].map(str::to_owned))
            .integers("leader_count", "1", leaders);
        leaders_spread(&SnapshotBuilder::of("test").table(stores).build()).unwrap()
    }

    #[test]
    fn a_store_with_most_leaders_fails_and_an_even_spread_passes() {
        let outcome = evaluate([Some(100), Some(10), Some(10)]);
        assert_eq!(outcome.violations()[0].entity, "store/1");
        assert_eq!(
            evaluate([Some(40), Some(45), Some(38)]).status(),
            Status::Pass
        );
    }

    #[test]
    fn an_unknown_number_is_never_a_pass() {
        assert_eq!(
            evaluate([Some(40), None, Some(38)]).status(),
            Status::Inconclusive
        );
        assert_eq!(
            evaluate([Some(3), Some(0), Some(0)]).status(),
            Status::Inconclusive
        );
    }
}
