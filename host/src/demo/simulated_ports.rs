//! Ports of a simulated world: virtual time, responses from memory, no socket.
//!
//! Time advances only while a task sleeps on the clock, so a seed yields the same run on any machine.

use operator_model::Timestamp;
use operator_net::ports::{
    BoxFuture, Clock, Http, HttpError, HttpRequest, HttpResponse, LogLines, Logs, Method, Ports,
};
use operator_world::{Answer, World};
use parking_lot::{Mutex, MutexGuard};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A world that all ports share.
#[derive(Clone)]
pub struct SimulatedWorld {
    world: Arc<Mutex<Box<dyn World>>>,
}

/// Virtual duration of a response; only traces use it.
const RESPONSE_TIME: Duration = Duration::from_millis(1);

impl SimulatedWorld {
    /// Wraps a world.
    #[must_use]
    pub fn new(world: Box<dyn World>) -> Self {
        Self {
            world: Arc::new(Mutex::new(world)),
        }
    }

    /// The ports of the world.
    #[must_use]
    pub fn ports(&self) -> Ports {
        Ports {
            clock: Arc::new(self.clone()),
            http: Arc::new(self.clone()),
            logs: Arc::new(self.clone()),
        }
    }

    /// Target name → origin.
    #[must_use]
    pub fn targets(&self) -> BTreeMap<String, String> {
        self.world().targets()
    }

    fn world(&self) -> MutexGuard<'_, Box<dyn World>> {
        self.world.lock()
    }
}

impl Clock for SimulatedWorld {
    fn now(&self) -> Timestamp {
        Timestamp(self.world().now_ms())
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let mut world = self.world();
            let until = world
                .now_ms()
                .saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX));
            world.advance_to(until);
        })
    }
}

impl Http for SimulatedWorld {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let method = match request.method {
                Method::Get => "GET",
                Method::Head => "HEAD",
                Method::Post => "POST",
            };
            match self
                .world()
                .request(&request.origin, method, &request.path_and_query)
            {
                Answer::Refused => Err(HttpError::Refused),
                Answer::Timeout => Err(HttpError::Timeout),
                Answer::Response {
                    status,
                    content_type,
                    body,
                    server_date_ms,
                } => Ok(response(
                    status,
                    content_type,
                    body,
                    server_date_ms,
                    request.body_bytes_max,
                )),
            }
        })
    }
}

fn response(
    status: u16,
    content_type: String,
    mut body: Vec<u8>,
    date_ms: u64,
    bytes_max: usize,
) -> HttpResponse {
    let truncated = body.len() > bytes_max;
    body.truncate(bytes_max);
    HttpResponse {
        status,
        headers: vec![("content-type".to_owned(), content_type)],
        body,
        truncated,
        elapsed: RESPONSE_TIME,
        // A `Date` header has a resolution of one second.
        server_date: Some(Timestamp(date_ms / 1_000 * 1_000)),
    }
}

impl Logs for SimulatedWorld {
    fn sources(&self) -> Vec<String> {
        self.world().log_sources()
    }

    fn read(&self, source: &str, lines_max: usize) -> Result<LogLines, String> {
        let mut world = self.world();
        if !world.log_sources().iter().any(|known| known == source) {
            return Err(format!("no log source {source:?}"));
        }
        let (lines, skipped) = world.read_log(source, lines_max);
        Ok(LogLines { lines, skipped })
    }
}
