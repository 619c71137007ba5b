//! What an answer of PD means before its content is read: the traps of its HTTP API are all here.

use operator_plugin::{HttpError, Response};
use serde::de::DeserializeOwned;

/// How much of a body that makes no sense is quoted.
const QUOTED_CHARS: usize = 80;

/// Why there is no content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// No TiKV ever registered: there is nothing to list yet, which is no fault.
    NotBootstrapped,
    /// The members have no leader.
    NoLeader,
    /// This version has no such endpoint.
    NotOffered,
    /// Nobody answered.
    Unreachable(String),
    /// The answer cannot be used.
    Failed(String),
}

impl Why {
    /// For blind spots.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::NotBootstrapped => "the cluster is not bootstrapped".to_owned(),
            Self::NoLeader => "there is no leader".to_owned(),
            Self::NotOffered => "not offered by this version".to_owned(),
            Self::Unreachable(reason) | Self::Failed(reason) => reason.clone(),
        }
    }

    /// Whether another member may do better.
    pub(crate) fn is_worth_another_member(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::NoLeader)
    }
}

/// The body of a useful answer. Judged by content: PD's region lists come as `application/octet-stream`.
pub(crate) fn body(result: &Result<Response, HttpError>) -> Result<&[u8], Why> {
    let response = result
        .as_ref()
        .map_err(|error| Why::Unreachable(error.describe()))?;
    if response.status == 200 {
        let cut = || {
            Why::Failed(format!(
                "the answer was cut at {} bytes",
                response.body.len()
            ))
        };
        return if response.truncated {
            Err(cut())
        } else {
            Ok(&response.body)
        };
    }
    let text = quoted(&response.body);
    let says = |word: &str| contains(&response.body, word);
    Err(match response.status {
        404 | 405 => Why::NotOffered,
        _ if says("ErrNotBootstrapped") || says("cluster not bootstrapped") => Why::NotBootstrapped,
        _ if says("ErrRedirectNoLeader")
            || says("redirect finds no leader")
            || says("ErrEtcdNoLeader") =>
        {
            Why::NoLeader
        }
        status => Why::Failed(format!("answered {status}: {text}")),
    })
}

/// Reads a body as JSON of a shape. A panic of the server, a bare string or a proxy's HTML become an error that quotes it.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Why> {
    serde_json::from_slice(body).map_err(|error| {
        let kind = if error.is_data() {
            "json of another shape"
        } else {
            "no json"
        };
        Why::Failed(format!("answered {kind}: {}", quoted(body)))
    })
}

/// The first characters on one line, without the quotes of a bare JSON string.
fn quoted(body: &[u8]) -> String {
    let start = body
        .get(..body.len().min(QUOTED_CHARS * 4))
        .unwrap_or_default();
    let text = String::from_utf8_lossy(start);
    let text = text.trim().trim_matches('"');
    let line: String = text
        .chars()
        .map(|letter| if letter.is_control() { ' ' } else { letter })
        .collect();
    if line.is_empty() {
        "(an empty body)".to_owned()
    } else {
        line.chars().take(QUOTED_CHARS).collect()
    }
}

fn contains(body: &[u8], word: &str) -> bool {
    // Errors are short; a panic's stack need not be searched to its end.
    let start = body.get(..body.len().min(4096)).unwrap_or_default();
    start
        .windows(word.len())
        .any(|window| window == word.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shapes::Stores;
    use proptest::prelude::*;

    fn answered(status: u16, body: &str) -> Result<Response, HttpError> {
        Ok(Response {
            status,
            headers: vec![],
            body: body.into(),
            truncated: false,
            elapsed: 1,
            server_date: None,
        })
    }

    #[test]
    fn the_recorded_error_before_bootstrap_is_no_fault() {
        let result = answered(
            500,
            include_str!("../tests/fixtures/pd-8.5.0-stores-not-bootstrapped.json"),
        );
        assert_eq!(body(&result), Err(Why::NotBootstrapped));
    }

    #[test]
    fn the_recorded_panic_is_quoted_and_cut() {
        let result = answered(
            500,
            include_str!("../tests/fixtures/pd-8.5.0-hotspot-stores-panic.txt"),
        );
        let Err(Why::Failed(reason)) = body(&result) else {
            panic!("a panic is no content")
        };
        assert!(
            reason.starts_with("answered 500: PANIC: runtime error"),
            "{reason}"
        );
        assert!(reason.chars().count() <= 80 + "answered 500: ".len());
    }

    #[test]
    fn a_panic_with_status_200_is_no_content_either() {
        let result = answered(
            200,
            include_str!("../tests/fixtures/pd-8.5.0-hotspot-stores-panic.txt"),
        );
        assert!(matches!(
            read::<Stores>(body(&result).unwrap()),
            Err(Why::Failed(_))
        ));
    }

    #[test]
    fn html_of_a_proxy_and_bare_strings_are_quoted() {
        for (text, quote) in [
            ("<html><body>Bad gateway</body></html>", "<html>"),
            (r#""[PD:core:ErrX]text""#, "[PD:core:ErrX]"),
        ] {
            let Err(Why::Failed(reason)) = read::<Stores>(text.as_bytes()) else {
                panic!("{text}")
            };
            assert!(reason.contains(quote), "{reason}");
        }
    }

    #[test]
    fn no_leader_and_no_such_endpoint_are_told_apart() {
        let lost = answered(
            503,
            "[PD:apiutil:ErrRedirectNoLeader]redirect finds no leader",
        );
        assert_eq!(body(&lost), Err(Why::NoLeader));
        assert_eq!(
            body(&answered(404, "404 page not found")),
            Err(Why::NotOffered)
        );
        assert_eq!(
            body(&Err(HttpError::Refused)),
            Err(Why::Unreachable("connection refused".to_owned()))
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(status: u16, bytes: Vec<u8>) {
            let result = Ok(Response { status, headers: vec![], body: bytes.clone(), truncated: false, elapsed: 1, server_date: None });
            let _ = (body(&result), read::<Stores>(&bytes));
        }
    }
}
