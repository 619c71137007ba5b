//! Stage 1: subjects look at the system.
//!
//! A tick cannot fail: what goes wrong is something that could not be seen.

use crate::{PluginFailure, Subject};
use operator_data::Observed;
use operator_model::{GapSource, ObservationGap, Tick, Timestamp};
use std::time::Duration;

/// Lets the subject look once. `at` is the time by the observed clock, which is the time of every
/// sample that is collected now; `budget` bounds all requests, by the operator's own clock.
pub async fn observe(
    subject: &mut Subject,
    tick: Tick,
    at: Timestamp,
    budget: Duration,
) -> Observed {
    let result = subject.observe(tick, at, budget).await;
    seen(result, subject)
}

/// What was seen, or that nothing was.
#[must_use]
pub fn seen(result: Result<Observed, PluginFailure>, subject: &Subject) -> Observed {
    result.unwrap_or_else(|failure| unseen(subject, &failure.to_string()))
}

/// Nothing was seen. `why` goes on after "the subject".
#[must_use]
pub fn unseen(subject: &Subject, why: &str) -> Observed {
    let source = GapSource::Subject(subject.info().name.clone());
    let blind = vec![ObservationGap::new(source, format!("the subject {why}"))];
    Observed {
        blind,
        ..Observed::default()
    }
}
