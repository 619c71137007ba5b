//! What each case costs. Fuel, memory and the size of the answer are the same on every run, so growth of them is a
//! finding; time depends on the machine and is only shown.

use super::cases::Case;
use anyhow::{Context, Result, ensure};
use operator_net::ports::Clock;
use operator_plugin_host::InvariantModule;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Runs of a case that its time is the mean of: the clock ticks in milliseconds, a check takes tens of microseconds.
const RUNS: u32 = 50;

/// What a case costs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// About one unit an instruction.
    pub fuel: u64,
    /// Linear memory at the end of the check.
    pub memory_bytes: usize,
    /// What it answers.
    pub answer_bytes: usize,
    /// A whole evaluation, instance included, on this machine.
    #[serde(default, skip_deserializing)]
    pub mean_us: u64,
}

/// By name of the case.
pub type Costs = BTreeMap<String, Cost>;

/// Measures all cases.
///
/// # Errors
/// A case is wrong, fails, or costs something else every time.
pub async fn measure(module: &InvariantModule, cases: &[Case], clock: &dyn Clock) -> Result<Costs> {
    let mut costs = Costs::new();
    for case in cases {
        let first = case.run(module).await?;
        ensure!(
            first.differences.is_empty(),
            "case {:?} fails: {}",
            case.name,
            first.differences.join("; ")
        );
        let began = clock.now();
        for _ in 0..RUNS {
            let again = case.run(module).await?;
            ensure!(
                again.fuel == first.fuel,
                "case {:?} used {} fuel, then {}",
                case.name,
                first.fuel,
                again.fuel
            );
        }
        let mean_us = clock.now().0.saturating_sub(began.0).saturating_mul(1_000) / u64::from(RUNS);
        let (memory_bytes, answer_bytes) = (first.memory_bytes, first.answer_bytes);
        costs.insert(
            case.name.clone(),
            Cost {
                fuel: first.fuel,
                memory_bytes,
                answer_bytes,
                mean_us,
            },
        );
    }
    Ok(costs)
}

/// The costs that were measured before.
///
/// # Errors
/// The file cannot be read or is none.
pub fn baseline(file: &Path) -> Result<Costs> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("no baseline in {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("{} is no baseline", file.display()))
}

/// Everything that costs more than it did, beyond `tolerance_percent`.
#[must_use]
pub fn growth(before: &Costs, now: &Costs, tolerance_percent: u64) -> Vec<String> {
    let mut found = Vec::new();
    for (case, cost) in now {
        let Some(old) = before.get(case) else {
            continue;
        };
        let figures = [
            ("fuel", old.fuel, cost.fuel),
            (
                "bytes of memory",
                old.memory_bytes as u64,
                cost.memory_bytes as u64,
            ),
            (
                "bytes of answer",
                old.answer_bytes as u64,
                cost.answer_bytes as u64,
            ),
        ];
        for (what, old, new) in figures {
            if u128::from(new) * 100 > u128::from(old) * u128::from(100 + tolerance_percent) {
                found.push(format!("{case}: {new} {what}, the baseline has {old}"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn costs(fuel: u64) -> Costs {
        let cost = Cost {
            fuel,
            memory_bytes: 65_536,
            answer_bytes: 100,
            mean_us: fuel,
        };
        Costs::from([("one".to_owned(), cost)])
    }

    #[test]
    fn growth_beyond_the_tolerance_is_found_and_time_never_counts() {
        assert!(growth(&costs(1_000), &costs(1_020), 2).is_empty());
        let found = growth(&costs(1_000), &costs(1_021), 2);
        assert_eq!(found, ["one: 1021 fuel, the baseline has 1000"]);
        assert!(
            growth(&costs(1_000), &costs(10), 0).is_empty(),
            "less is never growth"
        );
    }

    #[test]
    fn a_baseline_reads_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bench.json");
        std::fs::write(&file, serde_json::to_string(&costs(5)).unwrap()).unwrap();
        assert!(growth(&baseline(&file).unwrap(), &costs(5), 0).is_empty());
        assert!(growth(&baseline(&file).unwrap(), &costs(6), 0).len() == 1);
    }
}
