//! JSON as PD's two writers make it, and queries as they read them.

use super::{JSON, Reply};
use crate::model::number::whole;
use serde::{Serialize, Serializer};
use std::fmt::Write as _;

/// An answer of the usual writer: indented, with a line feed at the end.
pub(super) fn indented(status: u16, value: &impl Serialize) -> Reply {
    match serde_json::to_string_pretty(value) {
        Ok(text) => Reply::text(status, JSON, text + "\n"),
        Err(error) => Reply::text(500, JSON, format!("\"{error}\"\n")),
    }
}

/// An error: a bare JSON string.
pub(super) fn error(status: u16, text: &str) -> Reply {
    indented(status, &text)
}

/// A float as Go writes it: without a point when it is whole.
#[derive(Debug, Clone, Copy)]
pub(super) struct Float(pub f64);

impl Serialize for Float {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Above 2^53 not every whole number is a float, and Go changes to exponents only at 10^21.
        let is_whole = self.0 >= 0.0 && self.0 < 9e15 && self.0.fract().abs() < f64::EPSILON;
        if is_whole {
            serializer.serialize_u64(whole(self.0))
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

/// Bytes with four significant digits and a binary unit.
pub(super) fn size(bytes: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes;
    let mut unit = 0;
    while value >= 1_024.0 && unit + 1 < units.len() {
        value /= 1_024.0;
        unit += 1;
    }
    let decimals = match value {
        value if value < 10.0 => 3,
        value if value < 100.0 => 2,
        value if value < 1_000.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.decimals$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}{}", units.get(unit).copied().unwrap_or(""))
}

/// A duration as Go prints it.
pub(super) fn duration(milliseconds: u64) -> String {
    let hours = milliseconds / 3_600_000;
    let minutes = milliseconds / 60_000 % 60;
    let seconds = milliseconds / 1_000 % 60;
    let fraction = milliseconds % 1_000;
    let mut text = String::new();
    // Writing to a String cannot fail.
    if hours > 0 {
        let _ = write!(text, "{hours}h");
    }
    if hours > 0 || minutes > 0 {
        let _ = write!(text, "{minutes}m");
    }
    let _ = write!(text, "{seconds}");
    if fraction > 0 {
        let _ = write!(text, ".{}", format!("{fraction:03}").trim_end_matches('0'));
    }
    text.push('s');
    text
}

/// A key in upper-case hexadecimal.
pub(crate) fn hex(key: &[u8]) -> String {
    key.iter()
        .fold(String::with_capacity(key.len() * 2), |mut text, byte| {
            let _ = write!(text, "{byte:02X}");
            text
        })
}

/// A decoded query.
pub(super) struct Query {
    pairs: Vec<(String, Vec<u8>)>,
}

impl Query {
    /// Splits and decodes.
    pub(super) fn parse(text: &str) -> Self {
        let pair = |part: &str| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (name.to_owned(), percent_decoded(value))
        };
        Self {
            pairs: text
                .split('&')
                .filter(|part| !part.is_empty())
                .map(pair)
                .collect(),
        }
    }

    /// Whether a name occurs at all.
    pub(super) fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(known, _)| known == name)
    }

    /// All values of a name, as text.
    pub(super) fn all(&self, name: &str) -> Vec<String> {
        let values = self.pairs.iter().filter(|(known, _)| known == name);
        values
            .map(|(_, value)| String::from_utf8_lossy(value).into_owned())
            .collect()
    }

    /// A number; nothing when it is absent or none.
    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.all(name).first()?.parse().ok()
    }

    /// A key, raw or in hexadecimal as the query specifies.
    pub(super) fn key(&self, name: &str) -> Vec<u8> {
        let value = self
            .pairs
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.clone())
            .unwrap_or_default();
        if self.all("format").iter().any(|format| format == "hex") {
            unhex(&value)
        } else {
            value
        }
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

fn unhex(text: &[u8]) -> Vec<u8> {
    let byte = |pair: &[u8]| match pair {
        [high, low] => Some(digit(*high)? * 16 + digit(*low)?),
        _ => None,
    };
    text.chunks(2).filter_map(byte).collect()
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let escaped = match tail {
            [high, low, after @ ..] if *first == b'%' => digit(*high)
                .zip(digit(*low))
                .map(|(high, low)| (high * 16 + low, after)),
            _ => None,
        };
        let (byte, after) = escaped.unwrap_or((if *first == b'+' { b' ' } else { *first }, tail));
        out.push(byte);
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_four_significant_digits() {
        // The second and third are recorded: 8280928779 and 306919014 bytes.
        for (bytes, text) in [
            (0.0, "0B"),
            (8_280_928_779.0, "7.712GiB"),
            (306_919_014.0, "292.7MiB"),
            (68_719_476_736.0, "64GiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }

    #[test]
    fn durations_look_as_go_prints_them() {
        assert_eq!(duration(580_509), "9m40.509s");
        assert_eq!(duration(172_800_120), "48h0m0.12s");
        assert_eq!(duration(5_000), "5s");
    }

    #[test]
    fn keys_are_read_raw_or_in_hexadecimal() {
        assert_eq!(Query::parse("key=%2Fa%ff").key("key"), b"/a\xff");
        assert_eq!(Query::parse("key=2F61&format=hex").key("key"), b"/a");
        assert_eq!(hex(b"/a\xff"), "2F61FF");
    }

    #[test]
    fn whole_floats_have_no_point() {
        assert_eq!(
            serde_json::to_string(&[Float(3.0), Float(0.5), Float(8_464_443_777.331_755)]).unwrap(),
            "[3,0.5,8464443777.331755]"
        );
    }
}
