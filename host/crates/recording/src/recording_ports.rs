//! Ports that record what passes through them, and ports that play it back.

use super::blobs::{ReadBlobs, WrittenBlobs};
use super::line::Writer;
use operator_model::Timestamp;
use operator_net::ports::{
    BoxFuture, Clock, Http, HttpError, HttpRequest, HttpResponse, LogLines, Logs, Method, Ports,
    PostBody,
};
use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// One request and what came of it. What the request carries in headers is left out: credentials
/// are there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Whom, how and what.
    pub asked: RequestKey,
    /// The answer.
    pub answer: Result<HttpResponse, HttpError>,
}

/// What identifies a request within a tick.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestKey {
    /// `http://host:port`.
    pub origin: String,
    /// HEAD instead of GET.
    pub head: bool,
    /// Path and query.
    pub path: String,
    /// sha256 of the content type and the body of a POST request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post: Option<String>,
}

/// New lines of a log, as they were handed out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRead {
    /// Name of the source.
    pub source: String,
    /// The lines, or why there are none.
    pub lines: Result<Vec<String>, String>,
    /// Lines that were dropped.
    pub skipped: u64,
}

/// Everything that came through the ports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PortTraffic {
    /// In the order in which answers came.
    pub exchanges: Vec<Exchange>,
    /// In the order of reading.
    pub logs: Vec<LogRead>,
}

/// Collects what passes through the ports. What it holds is bounded by what one tick may observe,
/// as long as someone takes it away after every tick.
#[derive(Debug, Default)]
pub struct RecordingPorts {
    seen: Mutex<PortTraffic>,
}

impl RecordingPorts {
    /// The same ports, overheard.
    #[must_use]
    pub fn around(self: &Arc<Self>, ports: &Ports) -> Ports {
        Ports {
            clock: Arc::clone(&ports.clock),
            http: Arc::new(TappedHttp {
                inner: Arc::clone(&ports.http),
                recording_ports: Arc::clone(self),
            }),
            logs: Arc::new(TappedLogs {
                inner: Arc::clone(&ports.logs),
                recording_ports: Arc::clone(self),
            }),
        }
    }

    /// Everything since the last call.
    #[must_use]
    pub fn take(&self) -> PortTraffic {
        std::mem::take(&mut *self.seen())
    }

    fn seen(&self) -> MutexGuard<'_, PortTraffic> {
        self.seen.lock()
    }
}

struct TappedHttp {
    inner: Arc<dyn Http>,
    recording_ports: Arc<RecordingPorts>,
}

impl Http for TappedHttp {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            let asked = RequestKey::of(&request);
            let answer = self.inner.send(request).await;
            self.recording_ports.seen().exchanges.push(Exchange {
                asked,
                answer: answer.clone(),
            });
            answer
        })
    }
}

struct TappedLogs {
    inner: Arc<dyn Logs>,
    recording_ports: Arc<RecordingPorts>,
}

impl Logs for TappedLogs {
    fn sources(&self) -> Vec<String> {
        self.inner.sources()
    }

    fn read(&self, source: &str, lines_max: usize) -> Result<LogLines, String> {
        let read = self.inner.read(source, lines_max);
        let skipped = read.as_ref().map_or(0, |read| read.skipped);
        let lines = read.clone().map(|read| read.lines);
        self.recording_ports.seen().logs.push(LogRead {
            source: source.to_owned(),
            lines,
            skipped,
        });
        read
    }
}

impl RequestKey {
    fn of(request: &HttpRequest) -> Self {
        let head = request.method == Method::Head;
        Self {
            origin: request.origin.clone(),
            head,
            path: request.path_and_query.clone(),
            post: request.body.as_ref().map(digest_of),
        }
    }
}

fn digest_of(body: &PostBody) -> String {
    let mut hash = Sha256::new();
    hash.update(&body.content_type);
    hash.update([0]);
    hash.update(&body.bytes);
    hex::encode(hash.finalize())
}

/// Ports that answer as they did in the recorded tick that is set.
#[derive(Default)]
pub struct PlayedWorld {
    state: Mutex<PlaybackState>,
}

#[derive(Default)]
struct PlaybackState {
    now: Timestamp,
    answers: BTreeMap<RequestKey, VecDeque<Result<HttpResponse, HttpError>>>,
    logs: BTreeMap<String, VecDeque<LogRead>>,
    missing: u64,
}

impl PlayedWorld {
    /// From now on it is this tick.
    pub fn set(&self, now: Timestamp, seen: PortTraffic) {
        let mut state = self.state();
        *state = PlaybackState {
            now,
            missing: state.missing,
            ..PlaybackState::default()
        };
        for Exchange { asked, answer } in seen.exchanges {
            state.answers.entry(asked).or_default().push_back(answer);
        }
        for read in seen.logs {
            state
                .logs
                .entry(read.source.clone())
                .or_default()
                .push_back(read);
        }
    }

    /// Requests so far to which the recording has no answer.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.state().missing
    }

    fn state(&self) -> MutexGuard<'_, PlaybackState> {
        self.state.lock()
    }
}

impl Clock for PlayedWorld {
    fn now(&self) -> Timestamp {
        self.state().now
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl Http for PlayedWorld {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        let mut state = self.state();
        let answer = match state.answers.get_mut(&RequestKey::of(&request)) {
            Some(answers) if answers.len() > 1 => answers.pop_front(),
            Some(answers) => answers.front().cloned(),
            None => None,
        };
        let answer = answer.unwrap_or_else(|| {
            state.missing += 1;
            Err(HttpError::Connect(
                "the recording has no response to this request".to_owned(),
            ))
        });
        Box::pin(std::future::ready(answer))
    }
}

impl Logs for PlayedWorld {
    fn sources(&self) -> Vec<String> {
        self.state().logs.keys().cloned().collect()
    }

    fn read(&self, source: &str, _: usize) -> Result<LogLines, String> {
        let read = self
            .state()
            .logs
            .get_mut(source)
            .and_then(VecDeque::pop_front);
        let Some(LogRead { lines, skipped, .. }) = read else {
            return Ok(LogLines::default());
        };
        lines.map(|lines| LogLines { lines, skipped })
    }
}

/// An exchange as it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct ExchangeLine {
    #[serde(flatten)]
    asked: RequestKey,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<AnswerLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorLine>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct AnswerLine {
    status: u16,
    headers: Vec<(String, String)>,
    /// `text` or `hex`, and the content.
    body: (String, String),
    truncated: bool,
    elapsed_ms: u64,
    date_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ErrorLine {
    Denied(String),
    UnknownTarget(String),
    RateLimitedMs(u64),
    NotSent(String),
    Timeout,
    Dns(String),
    Refused,
    Connect(String),
    Tls(String),
    Protocol(String),
    Redirected(String),
}

pub(super) fn write(
    exchange: &Exchange,
    blobs: &mut WrittenBlobs,
    writer: &mut Writer,
) -> std::io::Result<ExchangeLine> {
    let mut answer = None;
    let mut error = None;
    match &exchange.answer {
        Err(failed) => error = Some(ErrorLine::from(failed)),
        Ok(response) => {
            let (form, text) = match std::str::from_utf8(&response.body) {
                Ok(text) => ("text", blobs.name(writer, text)?),
                Err(_) => ("hex", blobs.name(writer, &hex::encode(&response.body))?),
            };
            answer = Some(AnswerLine {
                status: response.status,
                headers: response.headers.clone(),
                body: (form.to_owned(), text),
                truncated: response.truncated,
                elapsed_ms: milliseconds(response.elapsed),
                date_ms: response.server_date.map(|date| date.0),
            });
        }
    }
    Ok(ExchangeLine {
        asked: exchange.asked.clone(),
        answer,
        error,
    })
}

pub(super) fn read(line: ExchangeLine, blobs: &mut ReadBlobs) -> Result<Exchange, String> {
    let answer = match (line.answer, line.error) {
        (Some(answer), _) => Ok(response(answer, blobs)?),
        (None, Some(error)) => Err(HttpError::from(error)),
        (None, None) => return Err("an exchange has neither a response nor an error".to_owned()),
    };
    Ok(Exchange {
        asked: line.asked,
        answer,
    })
}

fn response(line: AnswerLine, blobs: &mut ReadBlobs) -> Result<HttpResponse, String> {
    let text = blobs.text(&line.body.1)?;
    let body = match line.body.0.as_str() {
        "hex" => {
            hex::decode(text.as_bytes()).map_err(|error| format!("a body is no hex: {error}"))?
        }
        _ => text.as_bytes().to_vec(),
    };
    Ok(HttpResponse {
        status: line.status,
        headers: line.headers,
        body,
        truncated: line.truncated,
        elapsed: Duration::from_millis(line.elapsed_ms),
        server_date: line.date_ms.map(Timestamp),
    })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl From<&HttpError> for ErrorLine {
    fn from(error: &HttpError) -> Self {
        match error.clone() {
            HttpError::Denied(why) => Self::Denied(why),
            HttpError::UnknownTarget(name) => Self::UnknownTarget(name),
            HttpError::RateLimited(wait) => Self::RateLimitedMs(milliseconds(wait)),
            HttpError::NotSent(why) => Self::NotSent(why),
            HttpError::Timeout => Self::Timeout,
            HttpError::Dns(why) => Self::Dns(why),
            HttpError::Refused => Self::Refused,
            HttpError::Connect(why) => Self::Connect(why),
            HttpError::Tls(why) => Self::Tls(why),
            HttpError::Protocol(why) => Self::Protocol(why),
            HttpError::Redirected(location) => Self::Redirected(location),
        }
    }
}

impl From<ErrorLine> for HttpError {
    fn from(line: ErrorLine) -> Self {
        match line {
            ErrorLine::Denied(why) => Self::Denied(why),
            ErrorLine::UnknownTarget(name) => Self::UnknownTarget(name),
            ErrorLine::NotSent(why) => Self::NotSent(why),
            ErrorLine::RateLimitedMs(wait_ms) => Self::RateLimited(Duration::from_millis(wait_ms)),
            ErrorLine::Timeout => Self::Timeout,
            ErrorLine::Dns(why) => Self::Dns(why),
            ErrorLine::Refused => Self::Refused,
            ErrorLine::Connect(why) => Self::Connect(why),
            ErrorLine::Tls(why) => Self::Tls(why),
            ErrorLine::Protocol(why) => Self::Protocol(why),
            ErrorLine::Redirected(location) => Self::Redirected(location),
        }
    }
}
