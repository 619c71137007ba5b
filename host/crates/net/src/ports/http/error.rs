//! What a failed exchange means to the caller.

use crate::ports::HttpError;
use std::error::Error;
use std::io::{self, ErrorKind};

/// Sorts an error of the client. `Refused` is only what the other machine's TCP refused: it is
/// evidence that nothing listens there, and nothing else may look like it.
pub(super) fn classify(error: &reqwest::Error) -> HttpError {
    if error.is_timeout() {
        return HttpError::Timeout;
    }
    if causes(error).any(|cause| cause.is::<rustls::Error>()) {
        return HttpError::Tls(chain(error));
    }
    match causes(error)
        .find_map(|cause| cause.downcast_ref())
        .map(io::Error::kind)
    {
        Some(ErrorKind::ConnectionRefused) => HttpError::Refused,
        Some(ErrorKind::TimedOut) => HttpError::Timeout,
        Some(_) => HttpError::Connect(chain(error)),
        None if error.is_connect() || error.is_body() || was_cut(error) => {
            HttpError::Connect(chain(error))
        }
        None => HttpError::Protocol(chain(error)),
    }
}

/// The causes in one line, without the address, which the caller knows better.
pub(super) fn chain(error: &reqwest::Error) -> String {
    let mut texts: Vec<String> = causes(error).map(ToString::to_string).collect();
    texts.dedup();
    if texts.is_empty() {
        error.to_string()
    } else {
        texts.join(": ")
    }
}

/// The client's HTTP layer distinguishes a lost connection from a malformed response only by the
/// text of the error.
fn was_cut(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| {
        cause
            .to_string()
            .contains("closed before message completed")
    })
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |cause| next_cause(*cause))
}

/// `io::Error::source` passes over the error that it wraps, which is the one wanted here.
fn next_cause<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match cause
        .downcast_ref::<io::Error>()
        .and_then(io::Error::get_ref)
    {
        Some(wrapped) => Some(wrapped),
        None => cause.source(),
    }
}
