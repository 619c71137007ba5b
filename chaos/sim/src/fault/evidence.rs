//! Signs that an observer must see, and signs that must not show.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The signs of a fault.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// Signs that must show.
    #[serde(default)]
    pub moves: Vec<Sign>,
    /// Signs that must not show.
    #[serde(default)]
    pub still: Vec<Sign>,
}

/// One sign: a metric compared with its value before the onset or with a number, or a line in a log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// The node that shows it.
    pub at: SignLocation,
    /// The metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Labels that the series must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// How the metric is read.
    #[serde(default)]
    pub read: Reading,
    /// It rises to at least this multiple of its earlier value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<f64>,
    /// It falls to at most this share of its earlier value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<f64>,
    /// It is above this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<f64>,
    /// It is below this number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<f64>,
    /// It stays within this factor of its earlier value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<f64>,
    /// The log has a line with this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// It shows within this time after the onset; without it, at any time of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_s: Option<u64>,
}

/// How a metric is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// The current sum of its series.
    #[default]
    Value,
    /// Growth of the sum per second.
    Rate,
    /// The 99th percentile of recent samples.
    P99,
}

/// The nodes that show a sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum SignLocation {
    /// On this store.
    Store(u64),
    /// On every store but this one.
    OtherStores(u64),
    /// On every store.
    EveryStore,
    /// On the PD member that leads at that time.
    PdLeader,
    /// On this PD member.
    Member(String),
}

impl TryFrom<String> for SignLocation {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = |text: &str| {
            text.parse()
                .map_err(|_| format!("{text} is not a store id"))
        };
        match text.split_once('/') {
            Some(("store", id)) => number(id).map(Self::Store),
            Some(("not-store", id)) => number(id).map(Self::OtherStores),
            Some(("member", name)) => Ok(Self::Member(name.to_owned())),
            None if text == "stores" => Ok(Self::EveryStore),
            None if text == "pd-leader" => Ok(Self::PdLeader),
            _ => Err(format!(
                "{text} is neither store/N, not-store/N, stores, member/NAME nor pd-leader"
            )),
        }
    }
}

impl From<SignLocation> for String {
    fn from(place: SignLocation) -> Self {
        match place {
            SignLocation::Store(id) => format!("store/{id}"),
            SignLocation::OtherStores(id) => format!("not-store/{id}"),
            SignLocation::EveryStore => "stores".to_owned(),
            SignLocation::PdLeader => "pd-leader".to_owned(),
            SignLocation::Member(name) => format!("member/{name}"),
        }
    }
}

impl Sign {
    /// Its problem, if any.
    pub(super) fn problem(&self) -> Option<String> {
        let compared = [self.up, self.down, self.over, self.under, self.within]
            .iter()
            .flatten()
            .count();
        match (&self.metric, &self.log) {
            (Some(metric), None) if compared != 1 => Some(format!(
                "{metric} needs one of up, down, over, under, within"
            )),
            (Some(_), None) => None,
            (None, Some(_)) if compared == 0 => None,
            (None, Some(log)) => Some(format!("the log line {log:?} cannot have a comparison")),
            _ => Some("a sign needs either a metric or a log line".to_owned()),
        }
    }
}
