//! Resolve, check, pin: one client for each origin, which can connect only to checked addresses.

use super::settings::OriginSettings;
use crate::egress::{AddressPolicy, Origin};
use crate::ports::{BoxFuture, HttpError};
use operator_model::Timestamp;
use parking_lot::{Mutex, MutexGuard};
use reqwest::dns::{Name, Resolve, Resolving};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long resolved addresses are used: shorter than the time in which a moved server matters.
const PINNED_MS: u64 = 10_000;

/// Headers of one answer; servers of the known kind send fewer than 20.
const RESPONSE_HEADERS_MAX: usize = 64;

/// Longest wait for a TCP connection; within a data centre it takes a millisecond.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Clients that are kept; one for each origin that was queried lately.
const CLIENTS_MAX: usize = 2_048;

/// Addresses of one name that are looked at.
const ADDRESSES_MAX: usize = 64;

/// Resolves names: the system's resolver, or that of a test.
pub trait NameService: Send + Sync {
    /// Every address of the host, with the port.
    fn addresses<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
}

/// The system's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemNames;

impl NameService for SystemNames {
    fn addresses<'a>(
        &'a self,
        host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            Ok(tokio::net::lookup_host((host, port))
                .await?
                .take(ADDRESSES_MAX)
                .collect())
        })
    }
}

/// The clients by origin and by the name of the credentials that they use.
pub(super) struct Clients {
    addresses: Arc<AddressPolicy>,
    names: Arc<dyn NameService>,
    pinned: Mutex<BTreeMap<ClientKey, PinnedClient>>,
}

type ClientKey = (Origin, Option<String>);

/// A client that can connect to these addresses only.
#[derive(Clone)]
pub(super) struct PinnedClient {
    pub(super) addresses: BTreeSet<SocketAddr>,
    pub(super) client: reqwest::Client,
    checked_at: Timestamp,
}

impl Clients {
    pub(super) fn new(addresses: Arc<AddressPolicy>, names: Arc<dyn NameService>) -> Self {
        Self {
            addresses,
            names,
            pinned: Mutex::default(),
        }
    }

    /// A client that connects to addresses of `origin` that were checked a moment ago.
    pub(super) async fn for_origin(
        &self,
        origin: &Origin,
        credentials: Option<&String>,
        settings: Option<&OriginSettings>,
        now: Timestamp,
    ) -> Result<PinnedClient, HttpError> {
        let key = (origin.clone(), credentials.cloned());
        let known = self.pinned().get(&key).cloned();
        if let Some(pinned) = &known
            && now.since_ms(pinned.checked_at) < PINNED_MS
        {
            return Ok(pinned.clone());
        }
        let addresses = self.checked_addresses(origin).await?;
        let client = match known {
            // The same addresses: open connections stay useful.
            Some(pinned) if pinned.addresses == addresses => pinned.client,
            _ => build(origin, settings, &addresses)?,
        };
        let pinned = PinnedClient {
            addresses,
            checked_at: now,
            client,
        };
        let mut clients = self.pinned();
        if clients.len() >= CLIENTS_MAX {
            clients.clear();
        }
        clients.insert(key, pinned.clone());
        Ok(pinned)
    }

    /// All addresses that the policy permits; a refusal when it permits none.
    async fn checked_addresses(&self, origin: &Origin) -> Result<BTreeSet<SocketAddr>, HttpError> {
        let resolved = self.resolve(origin).await?;
        let mut refusal = None;
        let mut permitted = BTreeSet::new();
        for address in resolved {
            match self.addresses.permit(origin, address.ip()) {
                // The port is that of the target, whatever the resolver returns.
                Ok(()) => drop(permitted.insert(SocketAddr::new(address.ip(), origin.port()))),
                Err(why) => refusal = Some(why),
            }
        }
        match refusal {
            Some(why) if permitted.is_empty() => Err(HttpError::Denied(why)),
            _ if permitted.is_empty() => {
                Err(HttpError::Dns(format!("{} has no address", origin.host())))
            }
            _ => Ok(permitted),
        }
    }

    async fn resolve(&self, origin: &Origin) -> Result<Vec<SocketAddr>, HttpError> {
        if let Some(address) = origin.literal() {
            return Ok(vec![SocketAddr::new(address, origin.port())]);
        }
        let found = self.names.addresses(origin.host(), origin.port()).await;
        found.map_err(|error| HttpError::Dns(format!("{}: {error}", origin.host())))
    }

    fn pinned(&self) -> MutexGuard<'_, BTreeMap<ClientKey, PinnedClient>> {
        self.pinned.lock()
    }
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
        let certificates =
            reqwest::Certificate::from_pem_bundle(pem).map_err(|error| tls(&error))?;
        builder = builder.tls_certs_only(certificates);
    } else if !origin.is_https() {
        // Plain HTTP needs no trust store, and loading the system's takes longer than all else.
        builder = builder.tls_certs_only([]);
    }
    if let Some(pem) = settings.and_then(|settings| settings.identity_pem.as_ref()) {
        let identity =
            reqwest::Identity::from_pem(pem.expose().as_bytes()).map_err(|error| tls(&error))?;
        builder = builder.identity(identity);
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
