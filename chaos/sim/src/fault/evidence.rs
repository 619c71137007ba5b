//! What an observer must see, and what must stay as it was.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Signs of a fault.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// What must move.
    #[serde(default)]
    pub moves: Vec<Sign>,
    /// What must not.
    #[serde(default)]
    pub still: Vec<Sign>,
}

/// One sign: a metric compared with what it was before the onset or with a figure, or a line in a log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sign {
    /// Where it shows.
    pub at: Where,
    /// Its metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Labels that the series must have.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// How the metric is read.
    #[serde(default)]
    pub read: Reading,
    /// It rises to at least this many times of what it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up: Option<f64>,
    /// It falls to at most this share of what it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<f64>,
    /// It is above this figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<f64>,
    /// It is below this figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<f64>,
    /// It stays within this factor of what it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<f64>,
    /// A line with this text is in the log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// It shows at the latest so long after the onset; at any time of the run when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_s: Option<u64>,
}

/// How a metric is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reading {
    /// The sum of its series now.
    #[default]
    Value,
    /// Growth of the sum, a second.
    Rate,
    /// 99 % of the samples that came lately are below it.
    P99,
}

/// Where a sign shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Where {
    /// On this store.
    Store(u64),
    /// On every store but this one.
    OtherStores(u64),
    /// On every store.
    EveryStore,
    /// On the PD member that leads at that moment.
    PdLeader,
    /// On this PD member.
    Member(String),
}

impl TryFrom<String> for Where {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = |text: &str| text.parse().map_err(|_| format!("{text} is no store's id"));
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

impl From<Where> for String {
    fn from(place: Where) -> Self {
        match place {
            Where::Store(id) => format!("store/{id}"),
            Where::OtherStores(id) => format!("not-store/{id}"),
            Where::EveryStore => "stores".to_owned(),
            Where::PdLeader => "pd-leader".to_owned(),
            Where::Member(name) => format!("member/{name}"),
        }
    }
}

impl Sign {
    /// What is wrong with it, if anything.
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
            (None, Some(log)) => Some(format!("the log line {log:?} cannot be compared")),
            _ => Some("a sign is a metric or a log line".to_owned()),
        }
    }
}
