//! What PD is doing: operators, each a list of steps for one region.

use crate::model::ids::{RegionId, StoreId};
use crate::model::number::real;
use std::collections::{BTreeMap, VecDeque};

/// A step that only changes roles times out after this (`pd: pkg/schedule/operator/`).
const FAST_TIMEOUT_MS: f64 = 60_000.0;
/// One that copies data after this, or after 6 s for each MiB.
const SLOW_TIMEOUT_MS: f64 = 600_000.0;
/// … for each MiB.
const SLOW_TIMEOUT_MS_PER_MIB: f64 = 6_000.0;
/// Finished operators are remembered for so long.
const RECORDS_MS: u64 = 600_000;

/// What an operator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// The leader goes from one store to another one.
    Transfer(StoreId, StoreId),
    /// A replica more.
    Add(StoreId),
    /// A replica goes from one store to another one.
    Move(StoreId, StoreId),
    /// A replica less.
    Remove(StoreId),
    /// The first region becomes part of the second; both have such an operator.
    Merge(RegionId, RegionId),
}

/// A running operator.
#[derive(Debug, Clone)]
pub(crate) struct Operator {
    /// Its creator, and the type label of its metric.
    pub kind: &'static str,
    /// The region.
    pub region: RegionId,
    /// What it does.
    pub work: Work,
    /// Id of the replica that it adds, if it adds one.
    pub peer: u64,
    /// How far it is.
    pub step: usize,
    /// The region's epoch.
    pub epoch: (u64, u64),
    /// The region's size.
    pub size_mib: u64,
    /// When it was made.
    pub created_ms: u64,
}

/// An operator that is over.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    /// As PD prints it.
    pub text: String,
    /// When it ended.
    pub ended_ms: u64,
}

/// Running operators, one for a region at most, and those that ended lately.
#[derive(Debug, Clone, Default)]
pub(crate) struct Operators {
    /// By region.
    pub running: BTreeMap<RegionId, Operator>,
    records: VecDeque<Record>,
}

impl Operators {
    /// How many of a kind are running.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.running
            .values()
            .filter(|operator| operator.kind == kind)
            .count()
    }

    /// Takes those whose time is over.
    pub(crate) fn take_expired(&mut self, now_ms: u64) -> Vec<Operator> {
        let expired = |operator: &Operator| {
            real(now_ms.saturating_sub(operator.created_ms)) >= operator.timeout_ms()
        };
        let taken = self
            .running
            .values()
            .filter(|operator| expired(operator))
            .cloned()
            .collect();
        self.running.retain(|_, operator| !expired(operator));
        taken
    }

    /// Remembers an operator that ended.
    pub(crate) fn remember(&mut self, text: String, now_ms: u64) {
        self.records.push_back(Record {
            text,
            ended_ms: now_ms,
        });
        while self
            .records
            .front()
            .is_some_and(|record| now_ms.saturating_sub(record.ended_ms) > RECORDS_MS)
        {
            self.records.pop_front();
        }
    }

    /// Operators that ended after a moment.
    pub(crate) fn records_since(&self, from_ms: u64) -> impl Iterator<Item = &Record> {
        self.records
            .iter()
            .filter(move |record| record.ended_ms >= from_ms)
    }
}

impl Operator {
    /// How long it may take.
    pub(crate) fn timeout_ms(&self) -> f64 {
        match self.work {
            Work::Transfer(..) | Work::Remove(_) => FAST_TIMEOUT_MS,
            Work::Merge(..) => FAST_TIMEOUT_MS * 10.0,
            Work::Add(_) | Work::Move(..) => {
                SLOW_TIMEOUT_MS.max(real(self.size_mib) * SLOW_TIMEOUT_MS_PER_MIB)
            }
        }
    }

    /// What it does, in PD's words.
    pub(crate) fn brief(&self) -> String {
        let kind = self.kind;
        match self.work {
            Work::Transfer(from, to) => format!("{kind} {{transfer leader: store {from} to {to}}}"),
            Work::Add(to) => format!("{kind} {{add peer: store [{to}]}}"),
            Work::Move(from, to) => format!("{kind} {{mv peer: store [{from}] to [{to}]}}"),
            Work::Remove(from) => format!("{kind} {{rm peer: store [{from}]}}"),
            Work::Merge(source, target) => format!("{kind} {{merge: region {source} to {target}}}"),
        }
    }

    /// Its steps, in PD's words.
    pub(crate) fn steps(&self) -> Vec<String> {
        let peer = self.peer;
        match self.work {
            Work::Transfer(from, to) => {
                vec![format!("transfer leader from store {from} to store {to}")]
            }
            Work::Add(to) => vec![
                format!("add learner peer {peer} on store {to}"),
                format!("promote learner peer {peer} on store {to} to voter"),
            ],
            Work::Move(from, to) => vec![
                format!("add learner peer {peer} on store {to}"),
                format!(
                    "use joint consensus, promote learner peer {peer} on store {to} to voter, demote voter peer on store {from} to learner"
                ),
                format!(
                    "leave joint state, promote learner peer {peer} on store {to} to voter, demote voter peer on store {from} to learner"
                ),
                format!("remove peer on store {from}"),
            ],
            Work::Remove(from) => vec![format!("remove peer on store {from}")],
            Work::Merge(source, target) => {
                vec![format!("merge region {source} into region {target}")]
            }
        }
    }

    /// The step that it is at.
    pub(crate) fn present_step(&self) -> String {
        self.steps().into_iter().nth(self.step).unwrap_or_default()
    }

    /// The kind as PD prints it.
    pub(crate) fn flags(&self) -> &'static str {
        match (self.work, self.kind) {
            (Work::Transfer(..), kind) if kind.contains("-hot-") => "hot-region,leader",
            (Work::Transfer(..), _) => "leader",
            (Work::Merge(..), _) => "merge",
            (_, kind) if kind.contains("-hot-") => "hot-region,region",
            (_, kind) if kind.contains("rule") => "replica,region",
            _ => "region",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operator(work: Work, size_mib: u64) -> Operator {
        let region = RegionId(8);
        let kind = "balance-region";
        Operator {
            kind,
            region,
            work,
            peer: 99,
            step: 0,
            epoch: (1, 5),
            size_mib,
            created_ms: 0,
        }
    }

    #[test]
    fn copies_may_take_longer_than_transfers() {
        let transfer = operator(Work::Transfer(StoreId(1), StoreId(4)), 500);
        let large = operator(Work::Move(StoreId(1), StoreId(4)), 500);
        assert!(
            (transfer.timeout_ms() - 60_000.0).abs() < 1.0
                && (large.timeout_ms() - 3_000_000.0).abs() < 1.0
        );
        let mut operators = Operators::default();
        operators.running.insert(RegionId(8), transfer);
        assert!(operators.take_expired(59_999).is_empty());
        assert_eq!(operators.take_expired(60_000).len(), 1);
    }

    #[test]
    fn what_ended_is_remembered_for_ten_minutes() {
        let mut operators = Operators::default();
        operators.remember("one".into(), 1_000);
        operators.remember("two".into(), 700_000);
        assert_eq!(
            operators
                .records_since(0)
                .map(|record| record.text.as_str())
                .collect::<Vec<_>>(),
            ["two"]
        );
    }
}
