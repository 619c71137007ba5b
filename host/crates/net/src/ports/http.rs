//! The network: one exchange with one origin. No redirects, no proxy from the environment, a capped
//! body, one deadline over everything, connections only to checked addresses.

mod client;
pub mod date;
mod error;
mod settings;
#[cfg(test)]
mod tests;

pub use client::{NameService, SystemNames};
pub use settings::OriginSettings;

use super::secret::Scrubber;
use super::{BoxFuture, Clock, Http, HttpError, HttpRequest, HttpResponse, Method};
use crate::egress::{AddressPolicy, Origin, is_hidden};
use client::Clients;
use error::classify;
use reqwest::header::{HeaderMap, HeaderValue, LOCATION};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bytes of all headers of one answer.
const RESPONSE_HEADER_BYTES_MAX: usize = 32 << 10;

/// HTTP over real sockets.
pub struct ReqwestHttp {
    clock: Arc<dyn Clock>,
    clients: Clients,
    credentials: BTreeMap<String, Known>,
}

/// What is known under one name of credentials.
struct Known {
    settings: OriginSettings,
    scrubber: Scrubber,
}

impl ReqwestHttp {
    /// A port that connects only where the policy permits. Credentials and trust are kept by the
    /// name that requests refer to.
    #[must_use]
    pub fn new(
        clock: Arc<dyn Clock>,
        addresses: Arc<AddressPolicy>,
        credentials: BTreeMap<String, OriginSettings>,
    ) -> Self {
        Self::with_names(clock, addresses, credentials, Arc::new(SystemNames))
    }

    /// The same with a resolver of its own.
    #[must_use]
    pub fn with_names(
        clock: Arc<dyn Clock>,
        addresses: Arc<AddressPolicy>,
        credentials: BTreeMap<String, OriginSettings>,
        names: Arc<dyn NameService>,
    ) -> Self {
        // Another crate may have installed the provider already; any is good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let known = |settings: OriginSettings| Known {
            scrubber: settings.scrubber(),
            settings,
        };
        let credentials = credentials
            .into_iter()
            .map(|(name, settings)| (name, known(settings)))
            .collect();
        Self {
            clock,
            clients: Clients::new(addresses, names),
            credentials,
        }
    }

    /// One exchange; what comes back holds no credential of the operator.
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let known = request
            .credentials
            .as_ref()
            .and_then(|name| self.credentials.get(name));
        let Some(Known { settings, scrubber }) = known else {
            return self.unscrubbed(&request, None).await;
        };
        let result = self.unscrubbed(&request, Some(settings)).await;
        result
            .map(|response| scrubbed(response, scrubber))
            .map_err(|error| scrubbed_error(error, scrubber))
    }

    async fn unscrubbed(
        &self,
        request: &HttpRequest,
        settings: Option<&OriginSettings>,
    ) -> Result<HttpResponse, HttpError> {
        let started_at = self.clock.now();
        let origin: Origin = request.origin.parse().map_err(HttpError::Denied)?;
        let pinned = self
            .clients
            .for_origin(&origin, request.credentials.as_ref(), settings, started_at)
            .await?;
        let response = send(&pinned.client, &origin, request, settings).await?;
        if let Some(peer) = response
            .remote_addr()
            .filter(|peer| !pinned.addresses.contains(peer))
        {
            return Err(HttpError::Denied(format!(
                "{origin}: response came from {peer}, an address that was not verified"
            )));
        }
        let status = response.status().as_u16();
        if response.status().is_redirection() && status != 304 {
            return Err(HttpError::Redirected(location(response.headers())));
        }
        if request.method != Method::Head {
            refuse_encoded(response.headers())?;
        }
        let server_date = response
            .headers()
            .get("date")
            .and_then(|value| date::parse(value.to_str().ok()?));
        let headers = visible_headers(response.headers())?;
        let (body, truncated) = read_body(response, request.body_bytes_max).await?;
        let elapsed = std::time::Duration::from_millis(self.clock.now().since_ms(started_at));
        Ok(HttpResponse {
            status,
            headers,
            body,
            truncated,
            elapsed,
            server_date,
        })
    }
}

impl Http for ReqwestHttp {
    fn send(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async move {
            // One deadline over resolving, connecting, waiting and reading.
            let timeout = request.timeout;
            tokio::time::timeout(timeout, self.exchange(request))
                .await
                .unwrap_or(Err(HttpError::Timeout))
        })
    }
}

async fn send(
    client: &reqwest::Client,
    origin: &Origin,
    request: &HttpRequest,
    settings: Option<&OriginSettings>,
) -> Result<reqwest::Response, HttpError> {
    let method = match request.method {
        Method::Get => reqwest::Method::GET,
        Method::Head => reqwest::Method::HEAD,
        Method::Post => reqwest::Method::POST,
    };
    let mut builder = client.request(method, format!("{origin}{}", request.path_and_query));
    // Without it a server may encode as it likes.
    builder = builder.header("accept-encoding", "identity");
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    for (name, value) in settings.into_iter().flat_map(|settings| &settings.headers) {
        let unusable = |_wrong| {
            HttpError::Denied(format!(
                "the credential for {name} cannot be sent in a header"
            ))
        };
        let mut value = HeaderValue::from_str(value.expose()).map_err(unusable)?;
        value.set_sensitive(true);
        builder = builder.header(name, value);
    }
    if let Some(body) = &request.body {
        builder = builder
            .header("content-type", &body.content_type)
            .body(body.bytes.clone());
    }
    builder.send().await.map_err(|error| classify(&error))
}

/// An encoded body may be small here and huge where it is decoded, and a credential in it is not
/// found.
fn refuse_encoded(headers: &HeaderMap) -> Result<(), HttpError> {
    let encodings = headers
        .get_all("content-encoding")
        .iter()
        .chain(headers.get_all("transfer-encoding"));
    let mut codings = encodings.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let is_plain = |coding: &[u8]| {
        ["", "identity", "chunked"]
            .iter()
            .any(|plain| coding.trim_ascii().eq_ignore_ascii_case(plain.as_bytes()))
    };
    match codings.find(|coding| !is_plain(coding)) {
        Some(coding) => {
            let coding = String::from_utf8_lossy(coding.trim_ascii()).into_owned();
            Err(HttpError::Protocol(format!(
                "the response has the encoding {coding:?}, which was not requested"
            )))
        }
        None => Ok(()),
    }
}

fn scrubbed(response: HttpResponse, scrubber: &Scrubber) -> HttpResponse {
    let headers = response
        .headers
        .into_iter()
        .map(|(name, value)| (name, scrubber.scrub_text(value)));
    HttpResponse {
        headers: headers.collect(),
        body: scrubber.scrub(response.body, response.truncated),
        status: response.status,
        truncated: response.truncated,
        elapsed: response.elapsed,
        server_date: response.server_date,
    }
}

/// The text of an error may hold what the server wrote.
fn scrubbed_error(error: HttpError, scrubber: &Scrubber) -> HttpError {
    match error {
        HttpError::Denied(why) => HttpError::Denied(scrubber.scrub_text(why)),
        HttpError::UnknownTarget(name) => HttpError::UnknownTarget(scrubber.scrub_text(name)),
        HttpError::NotSent(why) => HttpError::NotSent(scrubber.scrub_text(why)),
        HttpError::Dns(why) => HttpError::Dns(scrubber.scrub_text(why)),
        HttpError::Connect(why) => HttpError::Connect(scrubber.scrub_text(why)),
        HttpError::Tls(why) => HttpError::Tls(scrubber.scrub_text(why)),
        HttpError::Protocol(why) => HttpError::Protocol(scrubber.scrub_text(why)),
        HttpError::Redirected(location) => HttpError::Redirected(scrubber.scrub_text(location)),
        other @ (HttpError::RateLimited(_) | HttpError::Timeout | HttpError::Refused) => other,
    }
}

/// Reads until the end or the limit, whichever comes first; never more than one chunk beyond it.
async fn read_body(
    mut response: reqwest::Response,
    bytes_max: usize,
) -> Result<(Vec<u8>, bool), HttpError> {
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

fn visible_headers(headers: &HeaderMap) -> Result<Vec<(String, String)>, HttpError> {
    let bytes: usize = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    if bytes > RESPONSE_HEADER_BYTES_MAX {
        return Err(HttpError::Protocol(format!(
            "headers of {bytes} bytes, the limit is {RESPONSE_HEADER_BYTES_MAX}"
        )));
    }
    let shown = headers.iter().filter(|(name, _)| !is_hidden(name.as_str()));
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    Ok(shown
        .map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())))
        .collect())
}

fn location(headers: &HeaderMap) -> String {
    headers.get(LOCATION).map_or_else(String::new, |value| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    })
}
