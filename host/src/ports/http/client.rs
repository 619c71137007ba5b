//! Resolve, check, pin: one client for each origin, which can connect only to checked addresses.

use crate::egress::{AddressPolicy, Origin};
use crate::model::Timestamp;
use crate::ports::{HttpError, secret::Secret};
use reqwest::dns::{Name, Resolve, Resolving};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How long resolved addresses are used: shorter than the time in which a moved server matters.
const PINNED_MS: u64 = 10_000;

/// Headers of one answer; servers of the known kind send fewer than 20.
const RESPONSE_HEADERS_MAX: usize = 64;

/// Longest wait for a TCP connection; within a data centre it takes a millisecond.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Clients that are kept; one for each origin that was asked lately.
const CLIENTS_MAX: usize = 2_048;

/// What only the port may know about an origin.
#[derive(Debug, Clone, Default)]
pub struct OriginSettings {
    /// Sent as `authorization: Bearer`.
    pub bearer: Option<Secret>,
    /// PEM certificates that replace the system's trust for https.
    pub ca_pem: Option<Vec<u8>>,
}

/// The clients by origin.
pub(super) struct Clients {
    addresses: Arc<AddressPolicy>,
    pinned: Mutex<BTreeMap<Origin, Pinned>>,
}

#[derive(Clone)]
struct Pinned {
    addresses: BTreeSet<SocketAddr>,
    checked_at: Timestamp,
    client: reqwest::Client,
}

impl Clients {
    pub(super) fn new(addresses: Arc<AddressPolicy>) -> Self {
        Self { addresses, pinned: Mutex::default() }
    }

    /// A client that connects to addresses of `origin` that were checked a moment ago.
    pub(super) async fn for_origin(
        &self,
        origin: &Origin,
        settings: Option<&OriginSettings>,
        now: Timestamp,
    ) -> Result<reqwest::Client, HttpError> {
        let known = self.pinned.lock().unwrap_or_else(PoisonError::into_inner).get(origin).cloned();
        if let Some(pinned) = &known
            && now.since_ms(pinned.checked_at) < PINNED_MS
        {
            return Ok(pinned.client.clone());
        }
        let addresses = self.checked_addresses(origin).await?;
        let client = match known {
            // The same addresses: open connections stay useful.
            Some(pinned) if pinned.addresses == addresses => pinned.client,
            _ => build(origin, settings, &addresses)?,
        };
        let mut clients = self.pinned.lock().unwrap_or_else(PoisonError::into_inner);
        if clients.len() >= CLIENTS_MAX {
            clients.clear();
        }
        clients.insert(origin.clone(), Pinned { addresses, checked_at: now, client: client.clone() });
        Ok(client)
    }

    /// All addresses that the policy permits; a refusal when it permits none.
    async fn checked_addresses(&self, origin: &Origin) -> Result<BTreeSet<SocketAddr>, HttpError> {
        let resolved = resolve(origin).await?;
        let mut refusal = None;
        let mut permitted = BTreeSet::new();
        for address in resolved {
            match self.addresses.permit(origin, address.ip()) {
                Ok(()) => drop(permitted.insert(address)),
                Err(why) => refusal = Some(why),
            }
        }
        match refusal {
            Some(why) if permitted.is_empty() => Err(HttpError::Denied(why)),
            _ if permitted.is_empty() => Err(HttpError::Dns(format!("{} has no address", origin.host()))),
            _ => Ok(permitted),
        }
    }
}

async fn resolve(origin: &Origin) -> Result<Vec<SocketAddr>, HttpError> {
    if let Some(address) = origin.literal() {
        return Ok(vec![SocketAddr::new(address, origin.port())]);
    }
    let found = tokio::net::lookup_host((origin.host(), origin.port())).await;
    found.map(Iterator::collect).map_err(|error| HttpError::Dns(format!("{}: {error}", origin.host())))
}

fn build(
    origin: &Origin,
    settings: Option<&OriginSettings>,
    addresses: &BTreeSet<SocketAddr>,
) -> Result<reqwest::Client, HttpError> {
    let addresses: Vec<SocketAddr> = addresses.iter().copied().collect();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("operator/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .http1_only()
        .http1_max_headers(RESPONSE_HEADERS_MAX)
        .connect_timeout(CONNECT_TIMEOUT)
        .dns_resolver(Arc::new(NothingElse))
        .resolve_to_addrs(origin.host(), &addresses);
    let ca_pem = settings.and_then(|settings| settings.ca_pem.as_deref());
    if let Some(pem) = ca_pem {
        let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(|error| tls(&error))?;
        builder = builder.tls_certs_only(certificates);
    } else if !origin.is_https() {
        // Plain HTTP needs no trust store, and loading the system's takes longer than all else.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|error| tls(&error))
}

fn tls(error: &reqwest::Error) -> HttpError {
    HttpError::Tls(super::error::chain(error))
}

/// Resolves no name: a name that is not pinned is never connected to.
struct NothingElse;

impl Resolve for NothingElse {
    fn resolve(&self, name: Name) -> Resolving {
        let refusal = format!("{} is not pinned", name.as_str());
        Box::pin(std::future::ready(Err(refusal.into())))
    }
}
