//! Waiting for a call of a guest, but not for ever.

use crate::bindings::types::types::PluginError;
use crate::failure::PluginFailure;
use crate::limits::CallLimits;
use crate::place::Place;
use std::time::Duration;

/// Waits for a call at most until its deadline. The epoch does not stop a guest that waits inside of
/// the host, so this is the only bound on that; the instance must be dropped afterwards.
pub(crate) async fn bounded<T>(
    limits: &CallLimits,
    call: impl Future<Output = wasmtime::Result<T>>,
) -> Result<T, PluginFailure> {
    let limit_ms = limits.deadline_ms;
    match tokio::time::timeout(Duration::from_millis(limit_ms), call).await {
        Ok(result) => result.map_err(|error| PluginFailure::of(&error, limits)),
        Err(_) => Err(PluginFailure::Deadline {
            limit_ms,
            place: Place::default(),
        }),
    }
}

/// As [`bounded`], for exports that can answer with an error.
pub(crate) async fn answered<T>(
    limits: &CallLimits,
    call: impl Future<Output = wasmtime::Result<Result<T, PluginError>>>,
) -> Result<T, PluginFailure> {
    bounded(limits, call).await?.map_err(PluginFailure::from)
}
