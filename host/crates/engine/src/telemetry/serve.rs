//! An HTTP endpoint for Prometheus and for a supervisor of the process: `/metrics` and `/healthz`,
//! nothing else.

use super::metrics::Metrics;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use operator_net::ports::Clock;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What Prometheus calls this format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// An open door. Dropping it closes it.
pub struct Door {
    address: SocketAddr,
    _open: watch::Sender<()>,
}

impl Door {
    /// Where it is, also when the system chose the port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

#[derive(Clone)]
struct Shown {
    metrics: Metrics,
    clock: Arc<dyn Clock>,
}

/// Opens the door.
///
/// # Errors
/// The address cannot be listened on.
pub async fn open(
    address: SocketAddr,
    metrics: Metrics,
    clock: Arc<dyn Clock>,
) -> std::io::Result<Door> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let router = Router::new()
        .route("/metrics", get(page))
        .route("/healthz", get(health))
        .with_state(Shown { metrics, clock });
    let (open, mut closed) = watch::channel(());
    // The sender never sends: `changed` fails when it is dropped, which is the signal.
    let signal = async move { while closed.changed().await.is_ok() {} };
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, router)
            .with_graceful_shutdown(signal)
            .await
        {
            tracing::warn!(%error, "metrics endpoint stopped");
        }
    });
    Ok(Door {
        address,
        _open: open,
    })
}

async fn page(State(shown): State<Shown>) -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, TEXT_FORMAT)],
        shown.metrics.exposition(),
    )
}

async fn health(State(shown): State<Shown>) -> impl IntoResponse {
    if shown.metrics.is_well(shown.clock.now()) {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "no tick ended lately\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use operator_net::ports::real::RealClock;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    async fn asked(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn metrics_and_health_are_served_and_nothing_else() {
        let any = "127.0.0.1:0".parse().unwrap();
        let door = open(any, Metrics::new(1_000), Arc::new(RealClock))
            .await
            .unwrap();
        let metrics = asked(door.address(), "/metrics").await;
        assert!(
            metrics.contains("version=0.0.4") && metrics.contains("operator_ticks_total 0"),
            "{metrics}"
        );
        assert!(
            asked(door.address(), "/healthz")
                .await
                .starts_with("HTTP/1.1 200")
        );
        assert!(asked(door.address(), "/").await.starts_with("HTTP/1.1 404"));
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_an_error() {
        let door = open(
            "127.0.0.1:0".parse().unwrap(),
            Metrics::new(1_000),
            Arc::new(RealClock),
        )
        .await
        .unwrap();
        assert!(
            open(door.address(), Metrics::new(1_000), Arc::new(RealClock))
                .await
                .is_err()
        );
    }
}
