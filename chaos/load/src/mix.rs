//! Which operations, and how often each.

use crate::chance::Chance;
use std::fmt;
use std::str::FromStr;

/// Kinds of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// One key.
    Read,
    /// One key.
    Write,
    /// A range of one user's keys.
    Scan,
    /// One key.
    Delete,
    /// Money from one account to another, in one transaction.
    Transfer,
}

impl Operation {
    /// All, in the order of the report.
    pub(crate) const ALL: [Self; 5] = [
        Self::Read,
        Self::Write,
        Self::Scan,
        Self::Delete,
        Self::Transfer,
    ];

    /// As in `--mix` and in the report.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Scan => "scan",
            Self::Delete => "delete",
            Self::Transfer => "transfer",
        }
    }
}

/// Shares of operations, in any unit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mix {
    shares: Vec<(Operation, f64)>,
}

impl Mix {
    /// Picks one.
    pub(crate) fn pick(&self, chance: &mut Chance) -> Operation {
        let total: f64 = self.shares.iter().map(|(_, share)| share).sum();
        let mut left = chance.share() * total;
        for (operation, share) in &self.shares {
            if left < *share {
                return *operation;
            }
            left -= share;
        }
        self.shares
            .last()
            .map_or(Operation::Read, |(operation, _)| *operation)
    }

    /// The same without an operation; `None` when nothing is left.
    pub(crate) fn without(&self, operation: Operation) -> Option<Self> {
        let shares: Vec<_> = self
            .shares
            .iter()
            .copied()
            .filter(|(one, _)| *one != operation)
            .collect();
        (!shares.is_empty()).then_some(Self { shares })
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut shares = Vec::new();
        for part in text.split(',') {
            let (name, share) = part
                .split_once('=')
                .ok_or_else(|| format!("{part:?} is not NAME=SHARE"))?;
            let operation = Operation::ALL
                .into_iter()
                .find(|operation| operation.name() == name.trim());
            let operation = operation.ok_or_else(|| {
                format!("{name:?} is no operation; there are read, write, scan, delete, transfer")
            })?;
            let share = share
                .trim()
                .parse::<f64>()
                .ok()
                .filter(|share| share.is_finite() && *share >= 0.0);
            let share =
                share.ok_or_else(|| format!("the share of {name} is not a number from 0 on"))?;
            if share > 0.0 {
                shares.push((operation, share));
            }
        }
        if shares.is_empty() {
            Err("no operation has a share".to_owned())
        } else {
            Ok(Self { shares })
        }
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self
            .shares
            .iter()
            .map(|(operation, share)| format!("{}={share}", operation.name()))
            .collect();
        f.write_str(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_come_in_their_shares() {
        let mix: Mix = "read=3,write=1,scan=0".parse().unwrap();
        let mut chance = Chance::new(1, 1);
        let reads = (0..10_000)
            .filter(|_| mix.pick(&mut chance) == Operation::Read)
            .count();
        assert!((7_300..7_700).contains(&reads), "{reads}");
        assert_eq!(mix.to_string(), "read=3,write=1");
    }

    #[test]
    fn a_mix_that_makes_no_sense_is_refused() {
        for wrong in ["", "read", "read=x", "read=-1", "walk=1", "read=0"] {
            assert!(wrong.parse::<Mix>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_operation_can_be_taken_out() {
        let mix: Mix = "read=1,transfer=1".parse().unwrap();
        assert_eq!(
            mix.without(Operation::Transfer).unwrap().to_string(),
            "read=1"
        );
        assert_eq!(
            "transfer=1"
                .parse::<Mix>()
                .unwrap()
                .without(Operation::Transfer),
            None
        );
    }
}
