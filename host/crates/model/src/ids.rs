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
    /// A part of the observed system, `kind/key`, for example `store/4`.
    EntityId
);
text_id!(
    /// A piece of evidence, unique within one incident or one `check` answer, for example `e12`.
    EvidenceId
);
text_id!(
    /// An invariant, unique among all modules, for example `disk-space`.
    CheckId
);
text_id!(
    /// A failure card of the subject's knowledge.
    FailureModeId
);
text_id!(
    /// A signal of the subject's knowledge.
    SignalId
);
text_id!(
    /// What makes two observations the same incident, stable across restarts.
    IncidentKey
);
text_id!(
    /// A sha256 in lower-case hexadecimal.
    Digest
);

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
    /// RFC 3339 in UTC. Days to civil date: Howard Hinnant, "chrono-compatible low-level date algorithms".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, ms) = (self.0 / 86_400_000, self.0 % 86_400_000);
        let z = days + 719_468;
        let (era, doe) = (z / 146_097, z % 146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + u64::from(month <= 2);
        let (h, m, s, milli) = (
            ms / 3_600_000,
            ms / 60_000 % 60,
            ms / 1_000 % 60,
            ms % 1_000,
        );
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{milli:03}Z"
        )
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
            serde::de::Error::custom(format!("not a UTC time with milliseconds: {text:?}"))
        })
    }
}

/// Reads exactly the form that `Display` writes.
fn parse_rfc3339(text: &str) -> Option<Timestamp> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (h, m, s, milli) = (
        number(11..13)?,
        number(14..16)?,
        number(17..19)?,
        number(20..23)?,
    );
    if year < 1970
        || !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || text.get(23..)? != "Z"
    {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let (era, yoe) = (y / 400, y % 400);
    let mp = if month > 2 { month - 3 } else { month + 9 };
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + (153 * mp + 2) / 5 + day - 1;
    let days = era * 146_097 + doe - 719_468;
    Some(Timestamp(
        ((days * 24 + h) * 60 + m) * 60_000 + s * 1_000 + milli,
    ))
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
        assert_eq!(parse_rfc3339("2024-02-29 12:34"), None);
    }
}
