//! How the errors of host calls become the error of an export, so that `?` is enough in a plugin.

#[cfg(feature = "subject")]
use std::time::Duration;

#[cfg(feature = "subject")]
use crate::HttpError;
use crate::{PluginError, SeriesError, TableError};

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
            TableError::OutOfRange => Self::Internal("a window lies outside its table".to_owned()),
            TableError::TooLarge(limit) => Self::Limit(format!("a table is larger than {limit}")),
            TableError::Other(why) => Self::Other(why),
        }
    }
}

impl From<SeriesError> for PluginError {
    fn from(error: SeriesError) -> Self {
        match error {
            SeriesError::NoSuchMetric(name) => {
                Self::Unavailable(format!("no series {name} was ever collected"))
            }
            SeriesError::TooFewSamples => {
                Self::Unavailable("too few samples in the window".to_owned())
            }
            SeriesError::TooManySeries(limit) => {
                Self::Limit(format!("more than {limit} series match"))
            }
            SeriesError::InvalidQuery(why) => Self::Internal(format!("invalid query: {why}")),
            SeriesError::Unavailable(why) => Self::Unavailable(why),
            SeriesError::Other(why) => Self::Other(why),
        }
    }
}

#[cfg(feature = "subject")]
impl From<HttpError> for PluginError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::Denied(why) => Self::Denied(why),
            HttpError::UnknownTarget(name) => Self::Denied(format!("target {name} is not granted")),
            HttpError::RateLimited(_) => Self::Limit(describe(&error)),
            other => Self::Unavailable(describe(&other)),
        }
    }
}

/// One lower-case phrase for logs and observation gaps.
#[cfg(feature = "subject")]
pub(crate) fn describe(error: &HttpError) -> String {
    match error {
        HttpError::Denied(why) => format!("denied: {why}"),
        HttpError::UnknownTarget(name) => format!("target {name} is not granted"),
        HttpError::RateLimited(wait) => {
            let wait = Duration::from_nanos(*wait);
            format!("rate limited for {} ms", wait.as_millis())
        }
        HttpError::NotSent(why) => format!("not sent: {why}"),
        HttpError::Timeout => "timed out".to_owned(),
        HttpError::Dns(why) => format!("name not resolved: {why}"),
        HttpError::Refused => "connection refused".to_owned(),
        HttpError::Connect(why) => format!("connection failed: {why}"),
        HttpError::Tls(why) => format!("TLS failed: {why}"),
        HttpError::Protocol(why) => format!("not HTTP: {why}"),
        HttpError::Redirected(location) => {
            format!("redirected to {location}, which is never followed")
        }
        HttpError::Other(why) => why.clone(),
    }
}
