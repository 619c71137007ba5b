//! Text that must never be shown.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;

/// A credential. It can be used, compared and searched for, but not printed or serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a credential.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The credential, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Finds credentials in what a server sends back: an attacked or talkative one may echo them, as
/// they are or in one of the usual encodings.
#[derive(Clone, Default)]
pub struct Scrubber {
    forms: Vec<Vec<u8>>,
}

impl Scrubber {
    /// Looks for these.
    #[must_use]
    pub fn new<'s>(secrets: impl IntoIterator<Item = &'s Secret>) -> Self {
        let mut forms: Vec<Vec<u8>> = secrets
            .into_iter()
            .flat_map(|secret| forms(secret.expose()))
            .collect();
        // The longest first, so that no form is cut in half by a shorter one inside of it.
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Self { forms }
    }

    /// Replaces every occurrence. If the bytes were `cut`, also removes the beginning of an
    /// occurrence at their end goes.
    #[must_use]
    pub fn scrub(&self, mut bytes: Vec<u8>, cut: bool) -> Vec<u8> {
        for form in &self.forms {
            bytes = without(bytes, form);
        }
        if cut {
            bytes.truncate(bytes.len() - self.begun_at_the_end(&bytes));
        }
        bytes
    }

    /// As [`Self::scrub`], for a text that is whole.
    #[must_use]
    pub fn scrub_text(&self, text: String) -> String {
        if self.forms.is_empty() {
            return text;
        }
        String::from_utf8_lossy(&self.scrub(text.into_bytes(), false)).into_owned()
    }

    fn begun_at_the_end(&self, bytes: &[u8]) -> usize {
        let begun = |form: &Vec<u8>| {
            (1..form.len().min(bytes.len() + 1)).rev().find(|length| {
                form.get(..*length)
                    .is_some_and(|part| bytes.ends_with(part))
            })
        };
        self.forms.iter().filter_map(begun).max().unwrap_or(0)
    }
}

/// A credential as it is, and as it looks in URLs, JSON, hexadecimal and base64.
fn forms(secret: &str) -> Vec<Vec<u8>> {
    /// Shorter ones are found in any text by chance, and are no credentials.
    const DERIVED_BYTES_MIN: usize = 4;
    let json = serde_json::to_string(secret).unwrap_or_default();
    let percent = |upper: bool| -> String {
        let escape = |byte: u8| match byte {
            _ if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => {
                char::from(byte).to_string()
            }
            _ if upper => format!("%{byte:02X}"),
            _ => format!("%{byte:02x}"),
        };
        secret.bytes().map(escape).collect()
    };
    let base64 = base64(secret.as_bytes());
    let derived = [
        json.get(1..json.len().saturating_sub(1))
            .unwrap_or_default()
            .to_owned(),
        percent(true),
        percent(false),
        hex::encode(secret),
        hex::encode_upper(secret),
        base64.trim_end_matches('=').to_owned(),
        base64
            .trim_end_matches('=')
            .replace('+', "-")
            .replace('/', "_"),
    ];
    let long_enough = derived
        .into_iter()
        .filter(|_| secret.len() >= DERIVED_BYTES_MIN);
    std::iter::once(secret.to_owned())
        .chain(long_enough)
        .filter(|form| !form.is_empty())
        .map(String::into_bytes)
        .collect()
}

/// RFC 4648, with padding.
#[must_use]
pub fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn without(bytes: Vec<u8>, needle: &[u8]) -> Vec<u8> {
    if !bytes.windows(needle.len()).any(|window| window == needle) {
        return bytes;
    }
    let mut clean = Vec::with_capacity(bytes.len());
    let mut rest = bytes.as_slice();
    while let Some((first, after)) = rest.split_first() {
        if let Some(behind) = rest.strip_prefix(needle) {
            clean.extend_from_slice(b"***");
            rest = behind;
        } else {
            clean.push(*first);
            rest = after;
        }
    }
    clean
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scrub(secret: &str, text: &str, cut: bool) -> String {
        let scrubber = Scrubber::new([&Secret::new(secret.to_owned())]);
        String::from_utf8(scrubber.scrub(text.as_bytes().to_vec(), cut)).unwrap()
    }

    #[test]
    fn a_secret_is_neither_printed_nor_passed_on() {
        assert_eq!(format!("{:?}", Secret::new("s3cret".to_owned())), "***");
        assert_eq!(scrub("s3cret", "a s3crets3cret b", false), "a ****** b");
        assert_eq!(scrub("s3cret", "s3cre", false), "s3cre");
    }

    #[test]
    fn the_beginning_of_a_secret_at_the_end_of_a_cut_body_is_not_passed_on() {
        assert_eq!(scrub("s3cret", "abc s3cre", true), "abc ");
        assert_eq!(scrub("s3cret", "abc s", true), "abc ");
        assert_eq!(scrub("s3cret", "abc s3crex", true), "abc s3crex");
        assert_eq!(scrub("s3cret", "", true), "");
    }

    #[test]
    fn a_secret_is_found_in_the_encodings_in_which_servers_echo() {
        let secret = "p\"ss/w+rd?>";
        for echoed in [
            "p\\\"ss/w+rd?>",
            "p%22ss%2Fw%2Brd%3F%3E",
            "p%22ss%2fw%2brd%3f%3e",
            "702273732f772b72643f3e",
            "cCJzcy93K3JkPz4=",
            "cCJzcy93K3JkPz4",
        ] {
            let scrubbed = scrub(secret, &format!("<{echoed}>"), false);
            assert!(
                scrubbed.starts_with("<***") && scrubbed.len() < 8,
                "{echoed}: {scrubbed}"
            );
        }
        assert_eq!(scrub("~~~?", "fn5-Pw", false), "***");
    }
}
