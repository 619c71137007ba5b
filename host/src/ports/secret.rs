//! Text that must never be shown.

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

    /// Replaces every occurrence in `bytes`, which an attacked or talkative server may have echoed.
    #[must_use]
    pub fn scrub(&self, bytes: Vec<u8>) -> Vec<u8> {
        let needle = self.0.as_bytes();
        if needle.is_empty() || !bytes.windows(needle.len()).any(|window| window == needle) {
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
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_neither_printed_nor_passed_on() {
        let secret = Secret::new("s3cret".to_owned());
        assert_eq!(format!("{secret:?}"), "***");
        assert_eq!(secret.scrub(b"a s3crets3cret b".to_vec()), b"a ****** b");
        assert_eq!(secret.scrub(b"s3cre".to_vec()), b"s3cre");
    }
}
