//! How the errors of host calls become the answer of an export, so that `?` is enough in a plugin.

#[cfg(feature = "subject")]
use crate::HttpError;
use crate::{MetricsError, PluginError, TableError};

impl From<TableError> for PluginError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::NoSuchTable(name) => {
                Self::Unavailable(format!("no table {name} in this snapshot"))
            }
            TableError::NoSuchColumn(name) => {
                Self::Protocol(format!("no column {name} in the table"))
            }
            TableError::WrongKind(kind) => {
                Self::Protocol(format!("the column is of kind {kind:?}"))
            }
            TableError::OutOfRange => {
                Self::Internal("a window lies outside of its table".to_owned())
            }
            TableError::TooLarge(limit) => Self::Limit(format!("a table is larger than {limit}")),
        }
    }
}

impl From<MetricsError> for PluginError {
    fn from(error: MetricsError) -> Self {
        match error {
            MetricsError::NoSuchMetric(name) => {
                Self::Unavailable(format!("no series {name} was ever collected"))
            }
            MetricsError::TooFewSamples => {
                Self::Unavailable("too few samples in the window".to_owned())
            }
            MetricsError::TooManySeries(limit) => {
                Self::Limit(format!("more than {limit} series match"))
            }
            MetricsError::InvalidQuery(why) => Self::Internal(format!("invalid query: {why}")),
            MetricsError::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

#[cfg(feature = "subject")]
impl From<HttpError> for PluginError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Denied(why) => Self::Denied(why),
            HttpError::UnknownTarget(name) => Self::Denied(format!("target {name} is not granted")),
            HttpError::RateLimited(wait_ms) => {
                Self::Limit(format!("rate limited for {wait_ms} ms"))
            }
            other => Self::Unavailable(describe(&other)),
        }
    }
}

#[cfg(feature = "subject")]
/// One lower-case phrase for logs and blind spots.
pub(crate) fn describe(error: &HttpError) -> String {
    match error {
        HttpError::Denied(why) => format!("denied: {why}"),
        HttpError::UnknownTarget(name) => format!("target {name} is not granted"),
        HttpError::RateLimited(wait_ms) => format!("rate limited for {wait_ms} ms"),
        HttpError::Timeout => "timed out".to_owned(),
        HttpError::Dns(why) => format!("name not resolved: {why}"),
        HttpError::Refused => "connection refused".to_owned(),
        HttpError::Connect(why) => format!("connection failed: {why}"),
        HttpError::Tls(why) => format!("tls failed: {why}"),
        HttpError::Protocol(why) => format!("not http: {why}"),
        HttpError::Redirected(location) => {
            format!("redirected to {location}, which is never followed")
        }
    }
}
