//! Puts the addresses where a world is served into its answers, in place of the world's own.

use std::net::SocketAddr;

/// Pairs of an address in the body and its replacement.
pub(crate) struct Rewrite {
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Rewrite {
    /// Only origins that are served elsewhere need anything.
    pub(crate) fn new<'a>(served: impl Iterator<Item = (&'a str, SocketAddr)>) -> Self {
        let mut pairs = Vec::new();
        for (origin, address) in served {
            let own = origin.strip_prefix("http://").unwrap_or(origin);
            let actual = address.to_string();
            if own != actual {
                pairs.push((own.as_bytes().to_vec(), actual.into_bytes()));
            }
        }
        Self { pairs }
    }

    /// The body with every address replaced. One pass, so that a replacement is never replaced again.
    pub(crate) fn apply(&self, body: Vec<u8>) -> Vec<u8> {
        if self.pairs.is_empty() {
            return body;
        }
        let mut out = Vec::with_capacity(body.len());
        let mut rest = body.as_slice();
        while let Some((first, tail)) = rest.split_first() {
            let hit = self.pairs.iter().find_map(|(own, actual)| {
                let after = rest.strip_prefix(own.as_slice())?;
                // `127.0.0.1:2379` must not match the beginning of `127.0.0.1:23790`.
                (!after.first().is_some_and(u8::is_ascii_digit)).then_some((after, actual))
            });
            if let Some((after, actual)) = hit {
                out.extend_from_slice(actual);
                rest = after;
            } else {
                out.push(*first);
                rest = tail;
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_addresses_are_replaced() {
        let served: SocketAddr = "127.0.0.1:9".parse().unwrap();
        let rewrite = Rewrite::new([("http://127.0.0.1:23", served)].into_iter());
        let body = b"127.0.0.1:23/ 127.0.0.1:234 127.0.0.1:23".to_vec();
        assert_eq!(
            rewrite.apply(body),
            b"127.0.0.1:9/ 127.0.0.1:234 127.0.0.1:9"
        );
    }

    #[test]
    fn nothing_is_touched_when_everything_is_served_at_home() {
        let rewrite =
            Rewrite::new([("http://127.0.0.1:9", "127.0.0.1:9".parse().unwrap())].into_iter());
        assert_eq!(rewrite.apply(b"127.0.0.1:9".to_vec()), b"127.0.0.1:9");
    }
}
