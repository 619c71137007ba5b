//! The real world: the machine's clock, sockets and files. The only place that reads a clock.

use super::http::{NameService, OriginSettings, ReqwestHttp, SystemNames};
use super::logs::FileLogs;
use super::{BoxFuture, Clock, Ports};
use crate::egress::AddressPolicy;
use operator_model::Timestamp;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealClock;

impl Clock for RealClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the port that the others must use"
    )]
    fn now(&self) -> Timestamp {
        // A clock before 1970 reads as 1970.
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the port that the others must use"
    )]
    fn now_us(&self) -> u64 {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since_epoch.as_micros()).unwrap_or(u64::MAX)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the port that the others must use"
    )]
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// What the real ports need to know.
#[derive(Debug)]
pub struct RealWorld {
    /// Which addresses may be connected to; the same policy that the egress uses.
    pub addresses: Arc<AddressPolicy>,
    /// Credentials and trust, by the name that requests refer to.
    pub credentials: BTreeMap<String, OriginSettings>,
    /// Log files by name.
    pub logs: BTreeMap<String, PathBuf>,
    /// Read logs from their beginning instead of from now.
    pub logs_from_start: bool,
}

/// The real ports.
#[must_use]
pub fn real_ports(world: RealWorld) -> Ports {
    real_ports_with_names(world, Arc::new(SystemNames))
}

/// The real ports, with names resolved by this service.
#[must_use]
pub fn real_ports_with_names(world: RealWorld, names: Arc<dyn NameService>) -> Ports {
    let clock: Arc<dyn Clock> = Arc::new(RealClock);
    Ports {
        http: Arc::new(ReqwestHttp::with_names(
            Arc::clone(&clock),
            world.addresses,
            world.credentials,
            names,
        )),
        logs: Arc::new(FileLogs::open(&world.logs, world.logs_from_start)),
        clock,
    }
}
