//! Newtypes for identities and for time.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The text of the id.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id!(
    /// An entity of the observed system, `kind/key`, for example `store/4`.
    EntityId
);
text_id!(
    /// A piece of evidence, unique within one incident or one `check` report, for example `e12`.
    EvidenceId
);
text_id!(
    /// A check, unique among all check plugins, for example `disk-space`.
    CheckId
);
text_id!(
    /// A failure mode of the subject's knowledge.
    FailureModeId
);
text_id!(
    /// A signal of the subject's knowledge.
    SignalId
);
text_id!(
    /// A sha256 in lower-case hexadecimal.
    Digest
);

/// What an incident is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IncidentKind {
    /// The observed system. The key is a digest of the cause.
    System,
    /// A plugin that keeps failing. The key names the plugin.
    Plugin,
}

/// What makes two observations the same incident, stable across restarts.
/// Written as the digest of the cause, or as `plugin/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IncidentKey {
    text: String,
    kind: IncidentKind,
}

impl IncidentKey {
    /// The key of an incident of the observed system. `digest` must not begin with `plugin/`.
    #[must_use]
    pub fn system(digest: String) -> Self {
        Self {
            text: digest,
            kind: IncidentKind::System,
        }
    }

    /// The key of the incident about a plugin.
    #[must_use]
    pub fn plugin(name: &str) -> Self {
        Self {
            text: format!("{PLUGIN_PREFIX}{name}"),
            kind: IncidentKind::Plugin,
        }
    }

    /// What the incident is about.
    #[must_use]
    pub fn kind(&self) -> IncidentKind {
        self.kind
    }

    /// The key as it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Sets a written key of a plugin apart from a digest.
const PLUGIN_PREFIX: &str = "plugin/";

impl From<&str> for IncidentKey {
    /// Reads a key as it is written.
    fn from(text: &str) -> Self {
        text.strip_prefix(PLUGIN_PREFIX)
            .map_or_else(|| Self::system(text.to_owned()), Self::plugin)
    }
}

impl fmt::Display for IncidentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for IncidentKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for IncidentKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self::from(text.as_str()))
    }
}

impl EntityId {
    /// Builds `kind/key`.
    #[must_use]
    pub fn new(kind: &str, key: &str) -> Self {
        Self(format!("{kind}/{key}"))
    }

    /// The entity that a table or a label names by its key or by its whole id.
    #[must_use]
    pub fn of_kind(kind: &str, key_or_id: &str) -> Self {
        match key_or_id.strip_prefix(kind) {
            Some(rest) if rest.starts_with('/') => Self(key_or_id.to_owned()),
            _ => Self::new(kind, key_or_id),
        }
    }

    /// The part before the first `/`; the whole id when there is none.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0
            .split_once('/')
            .map_or(self.0.as_str(), |(kind, _)| kind)
    }

    /// The part after the first `/`; empty when there is none.
    #[must_use]
    pub fn key(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, key)| key)
    }
}

/// Number of a tick since the operator's data directory was created; the first is 1.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Tick(pub u64);

/// Milliseconds since the Unix epoch, UTC. Written as RFC 3339 with three decimals.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Milliseconds from `earlier` to `self`; 0 when `earlier` is later.
    #[must_use]
    pub fn since_ms(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// This time moved forward.
    #[must_use]
    pub fn plus_ms(self, duration_ms: u64) -> Self {
        Self(self.0.saturating_add(duration_ms))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = i64::try_from(self.0).unwrap_or(i64::MAX);
        // Beyond the year 9999 RFC 3339 has no form; the last instant that has one stands for the rest.
        let instant = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
        write!(f, "{instant:.3}")
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse_rfc3339(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "not an RFC 3339 time in UTC with milliseconds: {text:?}"
            ))
        })
    }
}

/// Reads exactly the form that `Display` writes.
fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    let read: Timestamp = text.parse().ok()?;
    (read.to_string() == text).then_some(read)
}

/// A text that is no time after 1970 in RFC 3339.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a time with a zone, such as 2026-01-02T03:04:05Z")]
pub struct TimestampError(String);

/// As a person writes it: any precision and any zone.
impl std::str::FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || TimestampError(text.to_owned());
        let instant: jiff::Timestamp = text.parse().map_err(|_| error())?;
        let ms = u64::try_from(instant.as_millisecond()).map_err(|_| error())?;
        Ok(Self(ms))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_survives_writing_and_reading() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (1_709_210_096_789, "2024-02-29T12:34:56.789Z"),
        ] {
            assert_eq!(Timestamp(ms).to_string(), text);
            assert_eq!(parse_rfc3339(text), Some(Timestamp(ms)));
        }
        for text in [
            "2024-02-29 12:34",
            "2024-02-29T12:34:56Z",
            "2024-02-30T12:34:56.789Z",
            "1969-12-31T23:59:59.999Z",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
        let typed = "2024-02-29T13:34:56+01:00".parse();
        assert_eq!(typed, Ok(Timestamp(1_709_210_096_000)));
        assert!("yesterday".parse::<Timestamp>().is_err());
    }

    #[test]
    fn an_incident_key_is_written_as_a_plain_string() {
        for (key, kind, text) in [
            (
                IncidentKey::system("0a1b".to_owned()),
                IncidentKind::System,
                "\"0a1b\"",
            ),
            (
                IncidentKey::plugin("disk"),
                IncidentKind::Plugin,
                "\"plugin/disk\"",
            ),
        ] {
            assert_eq!(key.kind(), kind);
            assert_eq!(serde_json::to_string(&key).unwrap(), text);
            assert_eq!(serde_json::from_str::<IncidentKey>(text).unwrap(), key);
        }
    }
}
