//! The machine's clock, for leases. The only place of the injector that reads it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "an injector acts on the real world; there is no virtual time in it"
)]
pub(super) fn now_ms() -> u64 {
    // A clock before 1970 reads as 1970: every lease is then still running, and undo waits for the injector's end.
    let since_epoch = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

/// Waits in a task.
#[expect(
    clippy::disallowed_methods,
    reason = "an injector acts on the real world; there is no virtual time in it"
)]
pub(super) async fn pause(ms: u64) {
    tokio::time::sleep(Duration::from_millis(ms)).await;
}

/// Waits in a thread of an agent, which has no tasks.
#[expect(
    clippy::disallowed_methods,
    reason = "an agent acts on the real world; there is no virtual time in it"
)]
pub(super) fn block(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}
