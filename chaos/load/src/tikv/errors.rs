//! What an error of the client means for a load, in words that a person can read.

use crate::backend::Failure;
use tikv_client::{Error, ProtoKeyError, ProtoRegionError};

/// A text longer than this is a dump.
const TEXT_MAX: usize = 300;

/// By what the error is, not by how it is printed.
///
/// [`Failure::Conflict`] promises that nothing was committed: each of these comes before the commit, or says that it can no
/// longer happen.
pub(super) fn failure(error: &Error) -> Failure {
    match error {
        Error::ResolveLockError(_) | Error::TxnNotFound(_) => Failure::Conflict,
        Error::KeyError(error) => of_key(error),
        Error::ExtractedErrors(errors) | Error::MultipleKeyErrors(errors) => of_many(errors),
        Error::UndeterminedError(error) => Failure::Other(short(&format!(
            "it is not known whether it was committed: {}",
            error_text(error)
        ))),
        Error::GrpcAPI(status) if is_late(&format!("{:?}", status.code()), status.message()) => {
            Failure::Timeout
        }
        _ => Failure::Other(error_text(error)),
    }
}

/// For people, without the client's own source paths and dumps.
pub(super) fn error_text(error: &Error) -> String {
    let text = match error {
        Error::RegionError(error) => of_region(error),
        Error::GrpcAPI(status) => format!("gRPC {:?}: {}", status.code(), status.message()),
        Error::InternalError { message } => without_source(message).to_owned(),
        other => other.to_string(),
    };
    short(&text)
}

/// The transaction of a lock that was met is not known.
pub(super) fn is_unknown_transaction(error: &Error) -> bool {
    match error {
        Error::TxnNotFound(_) => true,
        Error::KeyError(error) => error.txn_not_found.is_some(),
        Error::ExtractedErrors(errors) | Error::MultipleKeyErrors(errors) => {
            errors.iter().any(is_unknown_transaction)
        }
        _ => false,
    }
}

fn of_many(errors: &[Error]) -> Failure {
    let mut failures = errors.iter().map(failure);
    failures
        .find(|failure| *failure != Failure::Conflict)
        .unwrap_or(Failure::Conflict)
}

fn of_key(error: &ProtoKeyError) -> Failure {
    // `retryable` is how TiKV says that the locks were taken away by somebody who thought that they were left behind.
    let is_conflict = error.conflict.is_some()
        || error.locked.is_some()
        || error.already_exist.is_some()
        || error.txn_not_found.is_some()
        || !error.retryable.is_empty();
    if is_conflict {
        return Failure::Conflict;
    }
    let text = if error.abort.is_empty() {
        format!("{error:?}")
    } else {
        format!("aborted: {}", error.abort)
    };
    Failure::Other(short(&text))
}

fn of_region(error: &ProtoRegionError) -> String {
    let known = [
        (
            error.not_leader.is_some(),
            "the region has no leader that answers",
        ),
        (
            error.region_not_found.is_some(),
            "the region is not on the store that PD names",
        ),
        (
            error.key_not_in_region.is_some(),
            "the key is not in the region that PD names",
        ),
        (
            error.epoch_not_match.is_some(),
            "the region was split, merged or moved",
        ),
        (
            error.stale_command.is_some(),
            "the leader changed while it waited",
        ),
        (
            error.store_not_match.is_some(),
            "another store is at the address that PD names",
        ),
        (
            error.raft_entry_too_large.is_some(),
            "the write is too large",
        ),
        (error.disk_full.is_some(), "a disk is full"),
    ];
    let reason = known
        .iter()
        .find(|(is_so, _)| *is_so)
        .map(|(_, text)| *text);
    match (&error.server_is_busy, reason) {
        (Some(busy), _) => format!("the store is busy: {}", busy.reason),
        (None, Some(reason)) => reason.to_owned(),
        (None, None) => format!("region error: {}", error.message),
    }
}

/// A deadline that the client set, or that the server saw.
fn is_late(code: &str, message: &str) -> bool {
    code == "DeadlineExceeded" || (code == "Cancelled" && message.contains("Timeout expired"))
}

/// The client begins some messages with `[its source file:line]: `.
fn without_source(message: &str) -> &str {
    match message.split_once("]: ") {
        Some((source, rest)) if source.starts_with('[') => rest,
        _ => message,
    }
}

fn short(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_the_client_does_not_name_its_source() {
        let message = "[somewhere/cluster.rs:197]: PD cluster failed to respond".to_owned();
        assert_eq!(
            error_text(&Error::InternalError { message }),
            "PD cluster failed to respond"
        );
    }

    #[test]
    fn only_conflicts_alone_are_a_conflict() {
        let conflict = || Error::ResolveLockError(Vec::new());
        assert_eq!(
            failure(&Error::MultipleKeyErrors(vec![conflict(), conflict()])),
            Failure::Conflict
        );
        let mixed = Error::ExtractedErrors(vec![conflict(), Error::StringError("disk".to_owned())]);
        assert_eq!(failure(&mixed), Failure::Other("disk".to_owned()));
        let unknown = Error::UndeterminedError(Box::new(conflict()));
        assert!(matches!(failure(&unknown), Failure::Other(text) if text.contains("not known")));
    }

    #[test]
    fn locks_that_were_taken_away_are_a_conflict() {
        let error = ProtoKeyError {
            retryable: "TxnLockNotFound".to_owned(),
            ..Default::default()
        };
        assert_eq!(
            failure(&Error::KeyError(Box::new(error))),
            Failure::Conflict
        );
    }
}
