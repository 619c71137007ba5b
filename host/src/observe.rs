//! Stage 1: subjects look at the system.

use crate::model::{BlindSpot, Observed, Tick, Timestamp};
use crate::plugin::{PluginFailure, Subject};
use std::time::Duration;

/// Lets the subject look once. `at` is the time by the observed clock, which is the time of every
/// sample that is collected now; `budget` bounds all requests, by the operator's own clock.
///
/// A tick cannot fail: what goes wrong is something that could not be seen.
pub async fn observe(subject: &mut Subject, tick: Tick, at: Timestamp, budget: Duration) -> Observed {
    let result = subject.observe(tick, at, budget).await;
    seen(result, subject)
}

/// What was seen, or that nothing was.
#[must_use]
pub fn seen(result: Result<Observed, PluginFailure>, subject: &Subject) -> Observed {
    match result {
        Ok(observed) => observed,
        Err(failure) => {
            let source = format!("subject:{}", subject.info().name);
            let blind = vec![BlindSpot { source, reason: format!("the subject {failure}") }];
            Observed { blind, ..Observed::default() }
        }
    }
}
