//! Which request headers a plugin may set, and which headers of answers it may see.

use std::fmt;

/// Headers of one request.
const HEADERS_MAX: usize = 16;

/// Bytes of one value.
const VALUE_BYTES_MAX: usize = 1_024;

/// Allowed unless the target overrides it. A pattern that begins with `*` matches the end of a
/// name: with such a vendor header a member of a replicated system is asked to answer itself
/// instead of passing the question on to its leader.
pub(super) const ALLOWED_BY_DEFAULT: [&str; 5] = [
    "accept",
    "content-type",
    "if-none-match",
    "x-caller-id",
    "*-allow-follower-handle",
];

/// Shown of an answer unless the target overrides it: what describes the body and the server's
/// load. Vendor headers that end in `-handle` say which member answered.
pub(super) const SHOWN_BY_DEFAULT: [&str; 10] = [
    "age",
    "cache-control",
    "content-length",
    "content-type",
    "date",
    "etag",
    "last-modified",
    "retry-after",
    "server",
    "*-handle",
];

/// Never allowed, regardless of the configuration: routing, identity, what changes the method, and
/// what makes a server encode or cut its answer, in which a credential could not be found any more.
const NEVER: [&str; 33] = [
    "accept-encoding",
    "alt-used",
    "authorization",
    "client-ip",
    "connection",
    "content-encoding",
    "content-length",
    "cookie",
    "early-data",
    "expect",
    "forwarded",
    "from",
    "host",
    "http2-settings",
    "if-range",
    "keep-alive",
    "max-forwards",
    "origin",
    "range",
    "referer",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "true-client-ip",
    "upgrade",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-real-ip",
];

const NEVER_PREFIXES: [&str; 7] = [
    "proxy-",
    "x-forwarded",
    "x-original-",
    "x-rewrite-",
    "x-envoy-",
    "sec-",
    "access-control-",
];

/// Hidden from plugins, regardless of the configuration: credentials, and what belongs to the
/// connection.
const HIDDEN: [&str; 13] = [
    "authentication-info",
    "authorization",
    "connection",
    "cookie",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "set-cookie",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
];

/// Why headers are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum HeaderFault {
    TooMany,
    NotAllowed(String),
    BadValue(String),
}

impl fmt::Display for HeaderFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => write!(f, "more than {HEADERS_MAX} headers"),
            Self::NotAllowed(name) => write!(f, "the header {name:?} is not allowed"),
            Self::BadValue(name) => write!(
                f,
                "the value of the header {name:?} is too long or not printable ASCII"
            ),
        }
    }
}

/// Whether a header of this name could be allowed at all; the configuration is checked with it.
pub fn can_be_allowed(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    is_token(name.trim_start_matches('*'))
        && !NEVER.contains(&name.as_str())
        && !NEVER_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// Accepts headers whose names are on the list; names come back in lower case.
pub(super) fn check_headers(
    headers: &[(String, String)],
    allowed: &[String],
) -> Result<Vec<(String, String)>, HeaderFault> {
    if headers.len() > HEADERS_MAX {
        return Err(HeaderFault::TooMany);
    }
    headers
        .iter()
        .map(|(name, value)| {
            let name = name.to_ascii_lowercase();
            if !can_be_allowed(&name)
                || !allowed
                    .iter()
                    .any(|pattern| matches_pattern(pattern, &name))
            {
                return Err(HeaderFault::NotAllowed(name));
            }
            if value.len() > VALUE_BYTES_MAX
                || !value
                    .bytes()
                    .all(|byte| byte == b' ' || byte.is_ascii_graphic())
            {
                return Err(HeaderFault::BadValue(name));
            }
            Ok((name, value.clone()))
        })
        .collect()
}

/// Whether a header of an answer is hidden from everyone.
pub fn is_hidden(name: &str) -> bool {
    HIDDEN.contains(&name)
}

/// Keeps the headers of an answer that a plugin may see.
pub(super) fn retain_shown(headers: &mut Vec<(String, String)>, shown: &[String]) {
    headers.retain(|(name, _)| {
        !is_hidden(name) && shown.iter().any(|pattern| matches_pattern(pattern, name))
    });
}

fn matches_pattern(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(end) => name.ends_with(&end.to_ascii_lowercase()),
        None => pattern.eq_ignore_ascii_case(name),
    }
}

/// A header name as RFC 9110 has it.
fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, value: &str) -> Result<Vec<(String, String)>, HeaderFault> {
        let allowed: Vec<String> = ALLOWED_BY_DEFAULT.map(str::to_owned).to_vec();
        check_headers(&[(name.to_owned(), value.to_owned())], &allowed)
    }

    #[test]
    fn listed_headers_pass_in_any_case() {
        assert_eq!(
            check("Accept", "text/plain"),
            Ok(vec![("accept".to_owned(), "text/plain".to_owned())])
        );
        assert!(check("Vendor-Allow-Follower-Handle", "true").is_ok());
    }

    #[test]
    fn of_an_answer_only_listed_headers_are_shown_and_some_never() {
        let mut headers: Vec<(String, String)> = ["etag", "x-own", "set-cookie", "vendor-handle"]
            .map(|name| (name.to_owned(), String::new()))
            .to_vec();
        let mut all = headers.clone();
        retain_shown(&mut headers, &SHOWN_BY_DEFAULT.map(str::to_owned));
        assert_eq!(
            headers
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>(),
            ["etag", "vendor-handle"]
        );
        retain_shown(&mut all, &["*".to_owned()]);
        assert_eq!(all.len(), 3, "all but cookies");
    }

    #[test]
    fn other_headers_and_values_that_end_a_line_are_refused() {
        assert_eq!(
            check("X-Other", "1"),
            Err(HeaderFault::NotAllowed("x-other".to_owned()))
        );
        assert_eq!(
            check("accept", "a\r\nhost: b"),
            Err(HeaderFault::BadValue("accept".to_owned()))
        );
        assert_eq!(
            check("accept\r\n", "a"),
            Err(HeaderFault::NotAllowed("accept\r\n".to_owned()))
        );
    }

    #[test]
    fn dangerous_headers_stay_refused_even_when_configured() {
        for name in [
            "Authorization",
            "host",
            "X-Forwarded-For",
            "proxy-authorization",
            "X-HTTP-Method-Override",
            "Range",
            "Accept-Encoding",
        ] {
            let set = [(name.to_owned(), "x".to_owned())];
            assert!(
                check_headers(&set, &["*".to_owned(), name.to_owned()]).is_err(),
                "{name}"
            );
        }
    }
}
