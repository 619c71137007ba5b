//! State that a check keeps from one tick to the next: typed, versioned, compact.
//!
//! The host hands the bytes back after a restart or a hot swap, so they may come from another version of the
//! module. State that does not decode is dropped: every check rebuilds it within a few ticks.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// State of one check.
pub trait State: Serialize + DeserializeOwned {
    /// Version of the encoding. Increase it with every change of the type.
    const VERSION: u32;

    /// The bytes for the host: the version, then the value. Empty if the value cannot be encoded, which no type
    /// of this workspace allows; empty state decodes to `None`.
    #[must_use]
    fn encode(&self) -> Vec<u8> {
        postcard::to_allocvec(&(Self::VERSION, self)).unwrap_or_default()
    }

    /// Reads what [`State::encode`] wrote; `None` for another version, for other bytes and for a surplus.
    #[must_use]
    fn decode(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = postcard::take_from_bytes::<u32>(bytes).ok()?;
        if version != Self::VERSION {
            return None;
        }
        let (value, rest) = postcard::take_from_bytes::<Self>(rest).ok()?;
        rest.is_empty().then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Shares(BTreeMap<String, Option<f64>>);

    impl State for Shares {
        const VERSION: u32 = 2;
    }

    fn shares() -> Shares {
        Shares(BTreeMap::from([
            ("a key with spaces\n".to_owned(), Some(0.1 + 0.2)),
            ("4".to_owned(), None),
        ]))
    }

    #[test]
    fn state_survives_the_round_trip_bit_by_bit() {
        assert_eq!(Shares::decode(&shares().encode()), Some(shares()));
    }

    #[test]
    fn state_of_another_version_truncated_state_and_other_bytes_are_dropped() {
        let bytes = shares().encode();
        let mut other_version = bytes.clone();
        other_version[0] = 1;
        let mut longer = bytes.clone();
        longer.push(0);
        for bytes in [
            &other_version[..],
            &longer[..],
            &bytes[..bytes.len() - 1],
            b"store/4 1795230600000000000\n",
            b"",
        ] {
            assert_eq!(Shares::decode(bytes), None, "{bytes:?}");
        }
    }
}
