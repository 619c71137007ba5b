//! The network: one exchange with one origin. No redirects, no proxy from the environment, a capped
//! body, one deadline over everything, connections only to checked addresses.

mod client;
pub mod date;
mod error;
#[cfg(test)]
mod tests;

pub use client::OriginSettings;

use super::secret::Secret;
use super::{BoxFuture, Clock, Http, HttpError, HttpRequest, HttpResponse, Method};
use crate::egress::{AddressPolicy, Origin};
use client::Clients;
use error::classify;
use reqwest::header::{HeaderMap, LOCATION};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of all headers of one answer.
const RESPONSE_HEADER_BYTES_MAX: usize = 32 << 10;

/// Response headers that no plugin may see: credentials, and what belongs to the connection.
const HIDDEN_HEADERS: [&str; 11] = [
    "authentication-info",
    "authorization",
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "set-cookie",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "www-authenticate",
];

/// HTTP over real sockets.
pub struct ReqwestHttp {
    clock: Arc<dyn Clock>,
    clients: Clients,
    settings: BTreeMap<Origin, OriginSettings>,
}

impl ReqwestHttp {
    /// A port that connects only where the policy permits.
    #[must_use]
    pub fn new(
        clock: Arc<dyn Clock>,
        addresses: Arc<AddressPolicy>,
        settings: BTreeMap<Origin, OriginSettings>,
    ) -> Self {
        // Somebody else may have installed the provider already; any is good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { clock, clients: Clients::new(addresses), settings }
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let started_at = self.clock.now();
        let origin: Origin = request.origin.parse().map_err(HttpError::Denied)?;
        let settings = self.settings.get(&origin);
        let client = self.clients.for_origin(&origin, settings, started_at).await?;
        let bearer = settings.and_then(|settings| settings.bearer.as_ref());
        let response = send(&client, &origin, &request, bearer).await?;
        let status = response.status().as_u16();
        if response.status().is_redirection() && status != 304 {
            return Err(HttpError::Redirected(location(response.headers())));
        }
        let server_date = response.headers().get("date").and_then(|value| date::parse(value.to_str().ok()?));
        let headers = visible_headers(response.headers(), bearer)?;
        let (body, truncated) = read_body(response, request.body_bytes_max).await?;
        let body = match bearer {
            Some(secret) => secret.scrub(body),
            None => body,
        };
        let elapsed = std::time::Duration::from_millis(self.clock.now().since_ms(started_at));
        Ok(HttpResponse { status, headers, body, truncated, elapsed, server_date })
    }
}

impl Http for ReqwestHttp {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            // One deadline over resolving, connecting, waiting and reading.
            let timeout = request.timeout;
            tokio::time::timeout(timeout, self.exchange(request)).await.unwrap_or(Err(HttpError::Timeout))
        })
    }
}

async fn send(
    client: &reqwest::Client,
    origin: &Origin,
    request: &HttpRequest,
    bearer: Option<&Secret>,
) -> Result<reqwest::Response, HttpError> {
    let method = match request.method {
        Method::Get => reqwest::Method::GET,
        Method::Head => reqwest::Method::HEAD,
    };
    let mut builder = client.request(method, format!("{origin}{}", request.path_and_query));
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    if let Some(secret) = bearer {
        builder = builder.bearer_auth(secret.expose());
    }
    builder.send().await.map_err(|error| classify(&error))
}

/// Reads until the end or the limit, whichever comes first; never more than one chunk beyond it.
async fn read_body(mut response: reqwest::Response, bytes_max: usize) -> Result<(Vec<u8>, bool), HttpError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| classify(&error))? {
        let room = bytes_max.saturating_sub(body.len());
        if chunk.len() > room {
            body.extend(chunk.iter().take(room));
            return Ok((body, true));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body, false))
}

fn visible_headers(headers: &HeaderMap, bearer: Option<&Secret>) -> Result<Vec<(String, String)>, HttpError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes > RESPONSE_HEADER_BYTES_MAX {
        return Err(HttpError::Protocol(format!("headers of {bytes} bytes, the limit is {RESPONSE_HEADER_BYTES_MAX}")));
    }
    let shown = headers.iter().filter(|(name, _)| !HIDDEN_HEADERS.contains(&name.as_str()));
    let scrubbed = |value: &[u8]| {
        let value = bearer.map_or_else(|| value.to_vec(), |secret| secret.scrub(value.to_vec()));
        String::from_utf8_lossy(&value).into_owned()
    };
    Ok(shown.map(|(name, value)| (name.as_str().to_owned(), scrubbed(value.as_bytes()))).collect())
}

fn location(headers: &HeaderMap) -> String {
    headers.get(LOCATION).map_or_else(String::new, |value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
