//! What a plugin may put behind the origin: an origin-form path that means the same to every
//! parser.

use std::fmt;

/// Longest path with its query; servers commonly refuse 8 KiB.
const PATH_BYTES_MAX: usize = 8_190;

/// Why a path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathFault {
    TooLong,
    NotOriginForm,
    Character(char),
    BadEscape,
    DotSegment,
    EmptySegment,
}

impl fmt::Display for PathFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "the path is longer than {PATH_BYTES_MAX} bytes"),
            Self::NotOriginForm => f.write_str("the path does not begin with a single /"),
            Self::Character(c) => {
                write!(f, "the path contains {c:?}, which must be percent-encoded")
            }
            Self::BadEscape => f.write_str("the path has an invalid or nested percent escape"),
            Self::DotSegment => f.write_str("the path contains a . or .. segment"),
            Self::EmptySegment => f.write_str("the path contains an empty segment"),
        }
    }
}

/// Accepts a path whose normal form is itself; it is sent byte by byte as it is.
pub(super) fn check_path(path_and_query: &str) -> Result<(), PathFault> {
    if path_and_query.len() > PATH_BYTES_MAX {
        return Err(PathFault::TooLong);
    }
    if let Some(wrong) = path_and_query.chars().find(|c| !is_allowed(*c)) {
        return Err(PathFault::Character(wrong));
    }
    let (path, query) = path_and_query
        .split_once('?')
        .unwrap_or((path_and_query, ""));
    // The client would escape it, and what is sent must be what was checked.
    if query.contains('\'') {
        return Err(PathFault::Character('\''));
    }
    decode(query)?;
    let inside = path.strip_prefix('/').ok_or(PathFault::NotOriginForm)?;
    if inside.starts_with('/') {
        return Err(PathFault::NotOriginForm);
    }
    if inside.contains("//") {
        return Err(PathFault::EmptySegment);
    }
    let decoded = decode(inside)?;
    if decoded
        .iter()
        .any(|byte| byte.is_ascii_control() || *byte == b'\\')
        || hides_an_escape(&decoded)
    {
        return Err(PathFault::BadEscape);
    }
    // An encoded slash counts as one: some servers decode before they cut.
    if decoded.split(|byte| *byte == b'/').any(is_dot) {
        Err(PathFault::DotSegment)
    } else {
        Ok(())
    }
}

/// Also what some servers turn into a dot segment: they drop parameters behind `;`, and blanks.
fn is_dot(segment: &[u8]) -> bool {
    let name = segment
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default();
    matches!(name.trim_ascii(), b"." | b"..")
}

/// What a second decoding, or one that knows no shortest form, would take for a dot or a slash.
fn hides_an_escape(decoded: &[u8]) -> bool {
    let is_escape = |window: &[u8]| matches!(window, [b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
    decoded.windows(3).any(is_escape) || LOOK_ALIKES.iter().any(|alike| contains(decoded, alike))
}

/// Overlong UTF-8 of `.`, `/` and `\`, and characters that compatibility mapping turns into them.
const LOOK_ALIKES: [&[u8]; 14] = [
    b"\xc0\xae",
    b"\xc0\xaf",
    b"\xc1\x9c",
    b"\xe0\x80\xae",
    b"\xe0\x80\xaf",
    b"\xe0\x81\x9c",
    b"\xf0\x80\x80\xae",
    b"\xf0\x80\x80\xaf",
    "\u{ff0e}".as_bytes(),
    "\u{ff0f}".as_bytes(),
    "\u{ff3c}".as_bytes(),
    "\u{2024}".as_bytes(),
    "\u{2025}".as_bytes(),
    "\u{2215}".as_bytes(),
];

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// RFC 3986 `pchar`, `/`, `?` and the escape sign.
fn is_allowed(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?%".contains(c)
}

/// The bytes that the text stands for.
pub(super) fn decode(text: &str) -> Result<Vec<u8>, PathFault> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let mut digit = || {
            bytes
                .next()
                .and_then(|byte| char::from(byte).to_digit(16))
                .ok_or(PathFault::BadEscape)
        };
        let high = digit()?;
        let low = digit()?;
        decoded.push(u8::try_from(high * 16 + low).map_err(|_wide| PathFault::BadEscape)?);
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_paths_pass() {
        for path in [
            "/",
            "/metrics",
            "/a/v1/things?limit=10&key=%00%FF",
            "/a/%41b%2Fc",
            "/a/...",
            "/a?next=/b//c",
        ] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn whatever_two_parsers_could_read_differently_is_refused() {
        for (path, fault) in [
            ("", PathFault::NotOriginForm),
            ("metrics", PathFault::NotOriginForm),
            ("//host/x", PathFault::NotOriginForm),
            ("http://host/x", PathFault::NotOriginForm),
            ("/a//b", PathFault::EmptySegment),
            ("/a\\b", PathFault::Character('\\')),
            ("/a b", PathFault::Character(' ')),
            ("/a\r\nHost: b", PathFault::Character('\r')),
            ("/a#b", PathFault::Character('#')),
            ("/ä", PathFault::Character('ä')),
            ("/a/../b", PathFault::DotSegment),
            ("/./a", PathFault::DotSegment),
            ("/a/%2e%2E/b", PathFault::DotSegment),
            ("/a%2f..%2fb", PathFault::DotSegment),
            ("/a/..;x=1/b", PathFault::DotSegment),
            ("/a/..%20/b", PathFault::DotSegment),
            ("/a/%252e%252e/b", PathFault::BadEscape),
            ("/a/%c0%ae%c0%ae/b", PathFault::BadEscape),
            ("/a/%ef%bc%8e%ef%bc%8e/b", PathFault::BadEscape),
            ("/a?b='c'", PathFault::Character('\'')),
            ("/a%5cb", PathFault::BadEscape),
            ("/a%0d%0a", PathFault::BadEscape),
            ("/a%", PathFault::BadEscape),
            ("/a%4", PathFault::BadEscape),
            ("/a?b=%zz", PathFault::BadEscape),
        ] {
            assert_eq!(check_path(path), Err(fault), "{path}");
        }
        assert_eq!(
            check_path(&format!("/{}", "a".repeat(9_000))),
            Err(PathFault::TooLong)
        );
    }

    proptest! {
        #[test]
        fn a_path_that_passes_stays_on_its_host_and_keeps_its_path(path in r"/[ -~]{0,30}|.{0,20}|[/.%25a2eEfF?]{0,12}") {
            if check_path(&path).is_ok() {
                let url = reqwest::Url::parse(&format!("http://host:1{path}")).unwrap();
                prop_assert_eq!(url.host_str(), Some("host"));
                prop_assert_eq!(url.port(), Some(1));
                prop_assert_eq!(url.path(), path.split('?').next().unwrap());
                prop_assert_eq!(url.query(), path.split_once('?').map(|(_, query)| query));
                prop_assert_eq!(url.fragment(), None);
            }
        }
    }
}
