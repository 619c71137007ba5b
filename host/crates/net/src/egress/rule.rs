//! What may be requested of a target: patterns of paths.

use super::path::decode;
use std::fmt;
use std::str::FromStr;

/// A pattern of paths. `*` stands for any text within one segment, `**` at the end for any rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathRule {
    text: String,
    segments: Vec<String>,
    /// Ends in `**`.
    open: bool,
}

impl PathRule {
    /// Whether a path that passed the checks of form is meant. It has to be by both ways in which
    /// servers read an escaped slash: as a slash, and as a part of a segment.
    #[must_use]
    pub fn permits(&self, path_and_query: &str) -> bool {
        let path = path_and_query.split('?').next().unwrap_or_default();
        let Some(inside) = path.strip_prefix('/') else {
            return false;
        };
        let cut_first: Option<Vec<Vec<u8>>> = inside
            .split('/')
            .map(|segment| decode(segment).ok())
            .collect();
        let decoded_first = decode(inside).ok();
        let (Some(cut_first), Some(decoded_first)) = (cut_first, decoded_first) else {
            return false;
        };
        let decoded_first: Vec<Vec<u8>> = decoded_first
            .split(|byte| *byte == b'/')
            .map(<[u8]>::to_vec)
            .collect();
        self.fits(&cut_first) && self.fits(&decoded_first)
    }

    fn fits(&self, segments: &[Vec<u8>]) -> bool {
        let enough = if self.open {
            segments.len() > self.segments.len()
        } else {
            segments.len() == self.segments.len()
        };
        enough
            && self
                .segments
                .iter()
                .zip(segments)
                .all(|(pattern, segment)| is_like(pattern.as_bytes(), segment))
    }
}

/// As it is configured.
impl serde::Serialize for PathRule {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for PathRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!("{text:?} is not a path pattern such as /metrics or /api/**: {why}")
        };
        let inside = text
            .strip_prefix('/')
            .ok_or_else(|| wrong("it must begin with /"))?;
        if let Some(c) = inside
            .chars()
            .find(|c| !c.is_ascii_graphic() || "?#%\\".contains(*c))
        {
            return Err(wrong(&format!(
                "invalid character {c:?}; write paths decoded and without a query"
            )));
        }
        let mut segments: Vec<String> = inside.split('/').map(str::to_owned).collect();
        let open = segments.last().is_some_and(|last| last == "**");
        if open {
            segments.pop();
        }
        if segments.iter().any(|segment| segment.contains("**")) {
            return Err(wrong("** is only allowed as the last segment"));
        }
        if segments
            .iter()
            .any(|segment| matches!(segment.as_str(), "." | ".."))
        {
            return Err(wrong("it contains a . or .. segment"));
        }
        Ok(Self {
            text: text.to_owned(),
            segments,
            open,
        })
    }
}

impl fmt::Display for PathRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether `text` is like `pattern`, in which `*` stands for any bytes. Linear for one star, and
/// never worse than the product of both lengths.
pub(super) fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    let mut at_pattern = 0;
    let mut at_text = 0;
    // The last star, and how much of the text it stands for so far.
    let mut star: Option<(usize, usize)> = None;
    while at_text < text.len() {
        match pattern.get(at_pattern) {
            Some(b'*') => {
                star = Some((at_pattern, at_text));
                at_pattern += 1;
            }
            Some(byte) if text.get(at_text) == Some(byte) => {
                at_pattern += 1;
                at_text += 1;
            }
            _ => {
                let Some((star_at, taken_to)) = star else {
                    return false;
                };
                star = Some((star_at, taken_to + 1));
                at_pattern = star_at + 1;
                at_text = taken_to + 1;
            }
        }
    }
    pattern
        .get(at_pattern..)
        .is_none_or(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(rule: &str, path: &str) -> bool {
        rule.parse::<PathRule>().unwrap().permits(path)
    }

    #[test]
    fn a_pattern_permits_what_it_says_and_nothing_beside_it() {
        for (rule, path, expected) in [
            ("/metrics", "/metrics", true),
            ("/metrics", "/metrics?x=1", true),
            ("/metrics", "/%6detrics", true),
            ("/metrics", "/metrics/", false),
            ("/metrics", "/metricsx", false),
            ("/metrics", "/Metrics", false),
            ("/", "/", true),
            ("/", "/a", false),
            ("/a/*/c", "/a/b/c", true),
            ("/a/*/c", "/a/b/b/c", false),
            ("/a/*/c", "/a//c", true),
            ("/a/v*-x", "/a/v12-x", true),
            ("/a/v*-x", "/a/v12-y", false),
            ("/a/**", "/a/b", true),
            ("/a/**", "/a/b/c?d=/e", true),
            ("/a/**", "/a", false),
            ("/a/**", "/ab/c", false),
            ("/**", "/anything/at/all", true),
        ] {
            assert_eq!(permits(rule, path), expected, "{rule} {path}");
        }
    }

    #[test]
    fn an_escaped_slash_must_fit_both_as_a_slash_and_as_a_letter() {
        assert!(
            !permits("/keys/*", "/keys/a%2Fb"),
            "a server that decodes first sees three segments"
        );
        assert!(
            !permits("/a/b", "/a%2Fb"),
            "a server that cuts first sees one"
        );
        assert!(permits("/keys/**", "/keys/a%2Fb"));
    }

    #[test]
    fn patterns_that_could_be_misread_are_refused() {
        for (rule, why) in [
            ("metrics", "begin with /"),
            ("", "begin with /"),
            ("/a?b", "'?'"),
            ("/a%2f", "'%'"),
            ("/a b", "' '"),
            ("/a/**/b", "only allowed as the last segment"),
            ("/a/x**", "only allowed as the last segment"),
            ("/a/../b", ". or .."),
        ] {
            let error = rule.parse::<PathRule>().unwrap_err();
            assert!(error.contains(why), "{rule}: {error}");
        }
    }

    #[test]
    fn many_stars_do_not_take_for_ever() {
        let pattern = "*a".repeat(50);
        let text = "a".repeat(5_000) + "b";
        assert!(!is_like(pattern.as_bytes(), text.as_bytes()));
        assert!(is_like(b"*", b"") && is_like(b"**", b"x") && !is_like(b"", b"x"));
    }
}
