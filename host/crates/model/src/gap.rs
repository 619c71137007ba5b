//! What could not be observed, and why.

use crate::EntityId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Something that could not be observed in a tick, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObservationGap {
    /// The source that is missing.
    pub source: GapSource,
    /// The entity about which nothing is known because of the gap, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<EntityId>,
    /// Why, in one phrase, for example `connection refused`.
    pub reason: String,
}

impl ObservationGap {
    /// A gap that concerns no entity in particular.
    #[must_use]
    pub fn new(source: GapSource, reason: impl Into<String>) -> Self {
        Self {
            source,
            entity: None,
            reason: reason.into(),
        }
    }
}

/// The source that is missing. Written as text, for example `http:store-2/status` or `table:stores`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", from = "String")]
pub enum GapSource {
    /// Everything that a named target would have shown.
    Target(String),
    /// One path of a named target.
    Path {
        /// Name of the target.
        target: String,
        /// Begins with `/`.
        path: String,
    },
    /// A table, by name.
    Table(String),
    /// A log source, by its granted name.
    Log(String),
    /// The series of a metric, by name.
    Series(String),
    /// Entities or edges of the topology.
    Topology,
    /// Everything that a subject plugin would have shown, by the plugin's name.
    Subject(String),
    /// Any other source.
    Other(String),
}

impl fmt::Display for GapSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(target) => write!(f, "http:{target}"),
            Self::Path { target, path } => write!(f, "http:{target}{path}"),
            Self::Table(name) => write!(f, "table:{name}"),
            Self::Log(name) => write!(f, "log:{name}"),
            Self::Series(name) => write!(f, "series:{name}"),
            Self::Topology => f.write_str("topology"),
            Self::Subject(name) => write!(f, "subject:{name}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl From<GapSource> for String {
    fn from(source: GapSource) -> Self {
        source.to_string()
    }
}

impl From<String> for GapSource {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&str> for GapSource {
    /// Reads what `Display` writes; any other text is [`GapSource::Other`].
    fn from(text: &str) -> Self {
        if text == "topology" {
            return Self::Topology;
        }
        let Some((scheme, rest)) = text.split_once(':') else {
            return Self::Other(text.to_owned());
        };
        let name = rest.to_owned();
        match (scheme, rest.find('/')) {
            ("http", Some(slash)) => {
                let (target, path) = rest.split_at(slash);
                Self::Path {
                    target: target.to_owned(),
                    path: path.to_owned(),
                }
            }
            ("http", None) => Self::Target(name),
            ("table", _) => Self::Table(name),
            ("log", _) => Self::Log(name),
            ("series", _) => Self::Series(name),
            ("subject", _) => Self::Subject(name),
            _ => Self::Other(text.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_survives_writing_and_reading() {
        let texts = [
            "http:pd",
            "http:pd/health",
            "table:stores",
            "log:tikv",
            "series:up",
            "topology",
            "subject:tikv",
            "something else: entirely",
        ];
        for text in texts {
            assert_eq!(GapSource::from(text).to_string(), text);
        }
        assert_eq!(
            GapSource::from("something else: entirely"),
            GapSource::Other("something else: entirely".to_owned())
        );
    }
}
