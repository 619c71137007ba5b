//! A simulated world behind the ports: virtual time, answers from memory, no socket.
//!
//! Time stands still except while someone sleeps on the clock, so a run over one seed sees the same world
//! however fast the machine is.

use operator_model::Timestamp;
use operator_net::ports::{
    BoxFuture, Clock, Http, HttpError, HttpRequest, HttpResponse, LogLines, Logs, Method, Ports,
};
use operator_world::{Answer, World};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A world that all ports share.
#[derive(Clone)]
pub struct SimulatedWorld {
    world: Arc<Mutex<Box<dyn World>>>,
}

/// How long a simulated answer takes, by the virtual clock: nothing reads it except traces.
const ANSWER_TAKES: Duration = Duration::from_millis(1);

impl SimulatedWorld {
    /// Takes over a world.
    #[must_use]
    pub fn new(world: Box<dyn World>) -> Self {
        Self {
            world: Arc::new(Mutex::new(world)),
        }
    }

    /// The doors to it.
    #[must_use]
    pub fn ports(&self) -> Ports {
        Ports {
            clock: Arc::new(self.clone()),
            http: Arc::new(self.clone()),
            logs: Arc::new(self.clone()),
        }
    }

    /// Target name → origin, as an operator would be configured.
    #[must_use]
    pub fn targets(&self) -> BTreeMap<String, String> {
        self.world().targets()
    }

    /// A panic of the simulator while it held the lock ends the run elsewhere; its state is still readable.
    fn world(&self) -> MutexGuard<'_, Box<dyn World>> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
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
        elapsed: ANSWER_TAKES,
        // A `Date` header has whole seconds.
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
