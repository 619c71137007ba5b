//! The only doors to the world: clock, HTTP, logs. The simulator has doors of its own behind the
//! same traits, so that the stages run the same code in virtual time.

pub mod http;
pub mod logs;
pub mod real;
pub mod secret;

use operator_model::Timestamp;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// A boxed future, so that ports can be trait objects.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The operator's own clock.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
    /// Now, in microseconds, for measuring how long something took.
    fn now_us(&self) -> u64 {
        self.now().0.saturating_mul(1_000)
    }
    /// Waits. In virtual time this moves the simulated world instead.
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()>;
}

/// Methods that cannot change the observed system. There are no others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// GET.
    Get,
    /// HEAD.
    Head,
    /// POST, only to paths that the configuration marks as read-only.
    Post,
}

/// The body of a POST request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostBody {
    /// Value of the header `Content-Type`.
    pub content_type: String,
    /// The body, whole.
    pub bytes: Vec<u8>,
}

impl Method {
    /// As it is written in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
        }
    }
}

/// One request to a named target. The target's origin, credentials and limits are the port's
/// business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// `http://host:port`, from the configuration or accepted by the egress policy.
    pub origin: String,
    /// GET, HEAD, or POST where it is granted.
    pub method: Method,
    /// The body; only POST has one.
    pub body: Option<PostBody>,
    /// Origin-form, already normalised.
    pub path_and_query: String,
    /// Headers that the policy let pass.
    pub headers: Vec<(String, String)>,
    /// Deadline of the whole exchange.
    pub timeout: Duration,
    /// The body is cut here.
    pub body_bytes_max: usize,
    /// Under which name the port keeps credentials and trust for this target.
    pub credentials: Option<String>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpResponse {
    /// Status code.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Body, cut at the limit.
    pub body: Vec<u8>,
    /// The body was cut.
    pub truncated: bool,
    /// How long it took.
    pub elapsed: Duration,
    /// The `Date` header.
    pub server_date: Option<Timestamp>,
}

/// Why there is no response.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The policy denies it.
    #[error("denied: {0}")]
    Denied(String),
    /// No such target is granted.
    #[error("unknown target {0:?}")]
    UnknownTarget(String),
    /// Too many requests; try again after this long.
    #[error("rate-limited for {0:?}")]
    RateLimited(Duration),
    /// The request was never sent, and nothing is known about the target.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The deadline passed.
    #[error("timeout")]
    Timeout,
    /// The name did not resolve.
    #[error("dns: {0}")]
    Dns(String),
    /// Nothing listens there.
    #[error("connection refused")]
    Refused,
    /// Another failure to connect, or a connection lost in the middle.
    #[error("connect: {0}")]
    Connect(String),
    /// TLS failed.
    #[error("tls: {0}")]
    Tls(String),
    /// Not HTTP.
    #[error("protocol: {0}")]
    Protocol(String),
    /// The server wants us elsewhere; never followed.
    #[error("redirected to {0:?}")]
    Redirected(String),
}

/// The network.
pub trait Http: Send + Sync {
    /// Performs one exchange. Never follows redirects, never uses a proxy.
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>>;
}

/// New lines of a log source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogLines {
    /// Whole lines without the line feed.
    pub lines: Vec<String>,
    /// Lines that were dropped to stay inside the limit.
    pub skipped: u64,
}

/// Log files that the configuration grants by name.
pub trait Logs: Send + Sync {
    /// Names of the sources, sorted.
    fn sources(&self) -> Vec<String>;
    /// Lines since the last call, at most `lines_max`.
    ///
    /// # Errors
    /// The source is not granted or cannot be read; the text states which.
    fn read(&self, source: &str, lines_max: usize) -> Result<LogLines, String>;
}

/// All doors together.
#[derive(Clone)]
pub struct Ports {
    /// Time.
    pub clock: std::sync::Arc<dyn Clock>,
    /// Network.
    pub http: std::sync::Arc<dyn Http>,
    /// Log files.
    pub logs: std::sync::Arc<dyn Logs>,
}
