//! One line of a capture, as it is written in the file.

use serde::{Deserialize, Serialize};

/// An answer, a failure, or a log line; fields that we do not know are let pass, because recorders learn more.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Line {
    /// `log`, or nothing for an answer. Other kinds are passed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kind: Option<String>,
    /// Seconds since the capture began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) t: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unix_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    /// How long the request took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) body: Option<String>,
    /// The body equals the last one of the same URL.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) same: bool,
    /// The client's error in place of a response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
    /// The log file that a log line comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<String>,
}

impl Line {
    pub(crate) fn is_log(&self) -> bool {
        self.kind.as_deref() == Some("log")
    }

    pub(crate) fn is_exchange(&self) -> bool {
        self.kind.as_deref().is_none_or(|kind| kind == "http")
    }

    /// The moment in whole milliseconds since the capture began, or what is wrong with it.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked: finite and not negative"
    )]
    pub(crate) fn at_ms(&self) -> Result<u64, String> {
        let seconds = self.t.ok_or("field `t` is missing")?;
        if !(0.0..1e9).contains(&seconds) {
            return Err(format!(
                "`t` is {seconds}, which is not a time in seconds since the start"
            ));
        }
        Ok((seconds * 1_000.0).round() as u64)
    }
}

/// `http://host:port` and the rest of a URL.
pub(crate) fn split_url(url: &str) -> Result<(&str, &str), String> {
    let wrong = || format!("`{url}` is not an http URL");
    let authority_and_rest = url.strip_prefix("http://").ok_or_else(wrong)?;
    let authority_end = authority_and_rest
        .find(['/', '?'])
        .unwrap_or(authority_and_rest.len());
    if authority_end == 0 {
        return Err(wrong());
    }
    let (origin, rest) = url.split_at("http://".len() + authority_end);
    Ok((origin, if rest.is_empty() { "/" } else { rest }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_fall_into_origin_and_path() {
        let url = "http://127.0.0.1:2379/pd/api/v1/stats/region?count";
        assert_eq!(
            split_url(url),
            Ok(("http://127.0.0.1:2379", "/pd/api/v1/stats/region?count"))
        );
        assert_eq!(split_url("http://a:1"), Ok(("http://a:1", "/")));
        assert!(split_url("ftp://a").is_err());
        assert!(split_url("http:///x").is_err());
    }

    #[test]
    fn a_time_before_the_beginning_is_refused() {
        let line = |json: &str| serde_json::from_str::<Line>(json).unwrap().at_ms();
        assert_eq!(line(r#"{"t": 1.2345}"#), Ok(1_235));
        assert!(line(r#"{"t": -1}"#).unwrap_err().contains("-1"));
        assert!(line("{}").unwrap_err().contains("missing"));
    }
}
