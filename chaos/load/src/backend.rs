//! What can be loaded.

use std::future::Future;

/// A key and its value, or nothing.
pub(crate) type Found = Option<Vec<u8>>;

/// A store of keys and values. Every operation ends by itself: it has an answer, or a failure within the time that is allowed.
pub(crate) trait Backend: Send + Sync + 'static {
    /// Reads a key.
    fn get(&self, key: Vec<u8>) -> impl Future<Output = Result<Found, Failure>> + Send;

    /// Writes a key.
    fn put(&self, key: Vec<u8>, value: Vec<u8>)
    -> impl Future<Output = Result<(), Failure>> + Send;

    /// Removes a key, whether it is there or not.
    fn delete(&self, key: Vec<u8>) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Reads at most `limit` keys of a range; returns how many were read.
    fn scan(
        &self,
        from: Vec<u8>,
        to: Vec<u8>,
        limit: u32,
    ) -> impl Future<Output = Result<usize, Failure>> + Send;

    /// Reads keys as they were at one moment, in the order of the question.
    fn read_together(
        &self,
        keys: Vec<Vec<u8>>,
    ) -> impl Future<Output = Result<Vec<Found>, Failure>> + Send;

    /// Writes this value to every key that has none, in one transaction.
    fn fill(
        &self,
        keys: Vec<Vec<u8>>,
        value: Vec<u8>,
    ) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Moves an amount from one account to another, in one transaction.
    fn transfer(
        &self,
        from: Vec<u8>,
        to: Vec<u8>,
        amount: i64,
    ) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Failure {
    /// None came in time; a write may have happened all the same.
    Timeout,
    /// Another transaction was first; nothing happened.
    Conflict,
    /// Anything else.
    Other(String),
}

impl Failure {
    /// As in the report.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Conflict => "conflict",
            Self::Other(_) => "error",
        }
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Timeout => "no answer in time".to_owned(),
            Self::Conflict => "another transaction was first".to_owned(),
            Self::Other(why) => why.clone(),
        }
    }
}

/// The balance of an account; an invalid value is read as zero, so the sum is wrong and the check fails.
pub(crate) fn balance(value: &Found) -> i64 {
    let text = value
        .as_deref()
        .and_then(|bytes| std::str::from_utf8(bytes).ok());
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}
