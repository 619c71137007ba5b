//! The listener of one origin, and its responses.

use super::{ServeError, Shared};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use operator_world::Answer;
use operator_world::calendar;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// The listener of one origin. Dropping it closes the listener and its idle connections.
pub(super) struct Gate {
    address: SocketAddr,
    /// Bound before anything is served, so that the port is known; taken by the first opening.
    reserved: Option<TcpListener>,
    open: Option<watch::Sender<()>>,
}

/// State of a request handler.
#[derive(Clone)]
struct Door {
    origin: Arc<str>,
    shared: Arc<Shared>,
    closed: watch::Receiver<()>,
}

impl Gate {
    /// Binds the address without responding yet.
    pub(super) async fn reserve(
        origin: &str,
        bind: Option<SocketAddr>,
    ) -> Result<Self, ServeError> {
        let own = || {
            origin
                .strip_prefix("http://")
                .and_then(|address| address.parse().ok())
        };
        let Some(wanted) = bind.or_else(own) else {
            return Err(ServeError::Origin {
                origin: origin.to_owned(),
            });
        };
        let listener = listen(origin, wanted).await?;
        let address = listener.local_addr().map_err(|source| ServeError::Bind {
            origin: origin.to_owned(),
            address: wanted,
            source,
        })?;
        Ok(Self {
            address,
            reserved: Some(listener),
            open: None,
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Opens or closes the listener, as the node lives or not.
    pub(super) async fn set(
        &mut self,
        origin: &str,
        alive: bool,
        shared: &Arc<Shared>,
    ) -> Result<(), ServeError> {
        if !alive {
            self.reserved = None;
            self.open = None;
            return Ok(());
        }
        if self.open.is_some() {
            return Ok(());
        }
        let listener = match self.reserved.take() {
            Some(listener) => listener,
            None => listen(origin, self.address).await?,
        };
        let (sender, closed) = watch::channel(());
        let door = Door {
            origin: Arc::from(origin),
            shared: Arc::clone(shared),
            closed,
        };
        tokio::spawn(answer_all(listener, door));
        self.open = Some(sender);
        Ok(())
    }
}

async fn listen(origin: &str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address)
        .await
        .map_err(|source| ServeError::Bind {
            origin: origin.to_owned(),
            address,
            source,
        })
}

async fn answer_all(listener: TcpListener, door: Door) {
    let mut closed = door.closed.clone();
    let router = Router::new().fallback(answer).with_state(door);
    // The gate's sender never sends: `changed` fails when it is dropped, which is the signal.
    let signal = async move { while closed.changed().await.is_ok() {} };
    if let Err(error) = axum::serve(listener, router)
        .with_graceful_shutdown(signal)
        .await
    {
        tracing::warn!(%error, "a listener failed");
    }
}

async fn answer(State(door): State<Door>, request: Request<Body>) -> Response<Body> {
    let path_and_query = request
        .uri()
        .path_and_query()
        .map_or("/", |path_and_query| path_and_query.as_str());
    // The response to a HEAD is that of a GET whose body the server does not send.
    let method = if request.method() == axum::http::Method::HEAD {
        "GET"
    } else {
        request.method().as_str()
    };
    match door
        .shared
        .with_world(|world| world.request(&door.origin, method, path_and_query))
    {
        Answer::Response {
            status,
            content_type,
            body,
            server_date_ms,
        } => response(
            status,
            &content_type,
            door.shared.rewrite().apply(body),
            server_date_ms,
        ),
        Answer::Refused | Answer::Timeout => never(door.closed).await,
    }
}

fn response(status: u16, content_type: &str, body: Vec<u8>, server_date_ms: u64) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(content_type)
        && !content_type.is_empty()
    {
        headers.insert(header::CONTENT_TYPE, value);
    }
    if let Ok(value) = HeaderValue::from_str(&calendar::http_date(server_date_ms)) {
        headers.insert(header::DATE, value);
    }
    response
}

/// Does not respond until the node dies or the client gives up, as a hung server.
async fn never(mut closed: watch::Receiver<()>) -> Response<Body> {
    while closed.changed().await.is_ok() {}
    Response::new(Body::empty())
}
