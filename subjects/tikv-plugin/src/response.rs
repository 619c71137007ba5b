//! Classifies PD's HTTP responses before their content is parsed. All quirks of that API are
//! handled here.

use operator_plugin::{HttpError, Response};
use serde::de::DeserializeOwned;

/// Characters of an unusable body that an error quotes.
const QUOTED_CHARS: usize = 80;

/// Why a response has no usable content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ResponseError {
    /// No store has ever registered: there is nothing to list yet, which is not an error.
    NotBootstrapped,
    /// PD has no leader.
    NoLeader,
    /// This PD version does not have the endpoint.
    Unsupported,
    /// No response arrived.
    Unreachable(String),
    /// The response is unusable.
    Failed(String),
}

impl ResponseError {
    /// The reason as reported in observation gaps.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::NotBootstrapped => "the cluster is not bootstrapped".to_owned(),
            Self::NoLeader => "there is no leader".to_owned(),
            Self::Unsupported => "not supported by this version".to_owned(),
            Self::Unreachable(reason) | Self::Failed(reason) => reason.clone(),
        }
    }

    /// Whether another member may have a usable response.
    pub(crate) fn is_worth_another_member(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::NoLeader)
    }
}

/// The body of a usable response. The content type is ignored: PD sends region lists as
/// `application/octet-stream`.
pub(crate) fn body(result: &Result<Response, HttpError>) -> Result<&[u8], ResponseError> {
    let response = result
        .as_ref()
        .map_err(|error| ResponseError::Unreachable(error.describe()))?;
    if response.status == 200 {
        let cut = || {
            ResponseError::Failed(format!(
                "response truncated at {} bytes",
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
        404 | 405 => ResponseError::Unsupported,
        _ if says("ErrNotBootstrapped") || says("cluster not bootstrapped") => {
            ResponseError::NotBootstrapped
        }
        _ if says("ErrRedirectNoLeader")
            || says("redirect finds no leader")
            || says("ErrEtcdNoLeader") =>
        {
            ResponseError::NoLeader
        }
        status => ResponseError::Failed(format!("responded with status {status}: {text}")),
    })
}

/// Parses a JSON body. A server panic, a bare string or a proxy's HTML page becomes an error that
/// quotes it.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ResponseError> {
    serde_json::from_slice(body).map_err(|error| {
        let kind = if error.is_data() {
            "JSON of an unexpected shape"
        } else {
            "invalid JSON"
        };
        ResponseError::Failed(format!("responded with {kind}: {}", quoted(body)))
    })
}

/// The first characters as one line, without the quotes of a bare JSON string.
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
        "(empty body)".to_owned()
    } else {
        line.chars().take(QUOTED_CHARS).collect()
    }
}

fn contains(body: &[u8], word: &str) -> bool {
    // Errors are short; the rest of a panic's stack trace is irrelevant.
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

    fn response_of(status: u16, body: &str) -> Result<Response, HttpError> {
        Ok(Response {
            status,
            headers: vec![],
            body: body.into(),
            truncated: false,
            elapsed: 1_000_000,
            server_date: None,
        })
    }

    #[test]
    fn the_captured_error_before_bootstrap_is_not_a_failure() {
        let result = response_of(
            500,
            include_str!("../tests/fixtures/pd-8.5.0-stores-not-bootstrapped.json"),
        );
        assert_eq!(body(&result), Err(ResponseError::NotBootstrapped));
    }

    #[test]
    fn the_captured_panic_is_quoted_and_truncated() {
        let result = response_of(
            500,
            include_str!("../tests/fixtures/pd-8.5.0-hotspot-stores-panic.txt"),
        );
        let Err(ResponseError::Failed(reason)) = body(&result) else {
            panic!("a panic is not content")
        };
        assert!(
            reason.starts_with("responded with status 500: PANIC: runtime error"),
            "{reason}"
        );
        assert!(reason.chars().count() <= 80 + "responded with status 500: ".len());
    }

    #[test]
    fn a_panic_with_status_200_is_not_content() {
        let result = response_of(
            200,
            include_str!("../tests/fixtures/pd-8.5.0-hotspot-stores-panic.txt"),
        );
        assert!(matches!(
            read::<Stores>(body(&result).unwrap()),
            Err(ResponseError::Failed(_))
        ));
    }

    #[test]
    fn proxy_html_and_bare_strings_are_quoted() {
        for (text, quote) in [
            ("<html><body>Bad gateway</body></html>", "<html>"),
            (r#""[PD:core:ErrX]text""#, "[PD:core:ErrX]"),
        ] {
            let Err(ResponseError::Failed(reason)) = read::<Stores>(text.as_bytes()) else {
                panic!("{text}")
            };
            assert!(reason.contains(quote), "{reason}");
        }
    }

    #[test]
    fn a_missing_leader_differs_from_a_missing_endpoint() {
        let lost = response_of(
            503,
            "[PD:apiutil:ErrRedirectNoLeader]redirect finds no leader",
        );
        assert_eq!(body(&lost), Err(ResponseError::NoLeader));
        assert_eq!(
            body(&response_of(404, "404 page not found")),
            Err(ResponseError::Unsupported)
        );
        assert_eq!(
            body(&Err(HttpError::Refused)),
            Err(ResponseError::Unreachable("connection refused".to_owned()))
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(status: u16, bytes: Vec<u8>) {
            let result = Ok(Response { status, headers: vec![], body: bytes.clone(), truncated: false, elapsed: 1_000_000, server_date: None });
            let _ = (body(&result), read::<Stores>(&bytes));
        }
    }
}
