//! What the operator reports about itself: its own log on stderr (JSON lines, or a human form on a
//! terminal), and metrics.

pub mod metrics;
pub mod serve;

use std::io::IsTerminal as _;
use tracing_subscriber::EnvFilter;

/// Starts logging. `filter` is a level, or a list of `module=level`.
///
/// # Errors
/// The filter is not one.
pub fn init(filter: &str) -> Result<(), String> {
    let filter =
        EnvFilter::try_new(filter).map_err(|error| format!("--log-level {filter:?}: {error}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let terminal = std::io::stderr().is_terminal();
    // A second call in one process (tests) keeps the first subscriber.
    let started = if terminal {
        builder.with_target(false).without_time().try_init()
    } else {
        builder.json().try_init()
    };
    started.or(Ok(()))
}
