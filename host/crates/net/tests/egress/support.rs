//! Servers that count, and the way out under a policy.

use operator_model::Timestamp;
use operator_net::egress::{
    AddressPolicy, DiscoveryPolicy, DiscoveryRule, Egress, EgressLimits, EgressPolicy, Grant, Rate,
    TargetPolicy, TargetRequest,
};
use operator_net::ports::http::{NameService, OriginSettings, ReqwestHttp};
use operator_net::ports::{BoxFuture, Clock, Method};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a server does after it has read the head of a request.
#[derive(Clone)]
pub(crate) enum Script {
    /// Writes this and closes.
    Answer(Vec<u8>),
    /// Writes this and never anything more.
    Hang(Vec<u8>),
    /// Writes the first part, then the second one for ever, as fast as it is read.
    Endless(Vec<u8>, Vec<u8>),
    /// Writes one byte at a time, for ever, with a pause after each.
    Drip(Vec<u8>, Duration),
    /// Closes before anything was read.
    Slam,
}

/// A server on a real socket. It remembers the heads of requests and counts connections.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
    script: Arc<Mutex<Script>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// On a port that the system chooses.
    pub(crate) async fn on(ip: &str, script: Script) -> Self {
        Self::at(SocketAddr::new(ip.parse().unwrap(), 0), script)
            .await
            .unwrap()
    }

    /// On this address; there is none where the machine lacks it.
    pub(crate) async fn at(address: SocketAddr, script: Script) -> Option<Self> {
        let listener = TcpListener::bind(address).await.ok()?;
        let address = listener.local_addr().unwrap();
        let (connections, heads, script) =
            (Arc::default(), Arc::default(), Arc::new(Mutex::new(script)));
        let task = tokio::spawn(serve(
            listener,
            Arc::clone(&connections),
            Arc::clone(&heads),
            Arc::clone(&script),
        ));
        Some(Self {
            address,
            connections,
            heads,
            script,
            task,
        })
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Heads of requests since the last call.
    pub(crate) fn heads(&self) -> Vec<String> {
        std::mem::take(&mut self.heads.lock().unwrap())
    }

    pub(crate) fn play(&self, script: Script) {
        *self.script.lock().unwrap() = script;
    }
}

async fn serve(
    listener: TcpListener,
    connections: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
    script: Arc<Mutex<Script>>,
) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        connections.fetch_add(1, Ordering::SeqCst);
        let script = script.lock().unwrap().clone();
        tokio::spawn(converse(stream, Arc::clone(&heads), script));
    }
}

async fn converse(mut stream: TcpStream, heads: Arc<Mutex<Vec<String>>>, script: Script) {
    if matches!(script, Script::Slam) {
        return;
    }
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    heads
        .lock()
        .unwrap()
        .push(String::from_utf8_lossy(&head).into_owned());
    play(&mut stream, script).await;
}

/// Ends when the client has gone.
async fn play(stream: &mut TcpStream, script: Script) {
    match script {
        Script::Answer(bytes) => drop(stream.write_all(&bytes).await),
        Script::Hang(bytes) => {
            let _ = stream.write_all(&bytes).await;
            let _ = stream.read(&mut [0; 64]).await;
        }
        Script::Endless(first, then) => {
            let mut written = stream.write_all(&first).await;
            while written.is_ok() {
                written = stream.write_all(&then).await;
            }
        }
        Script::Drip(bytes, pause) => {
            for byte in bytes.iter().cycle() {
                if stream.write_all(&[*byte]).await.is_err() {
                    return;
                }
                #[expect(
                    clippy::disallowed_methods,
                    reason = "a slow server is slow in real time"
                )]
                tokio::time::sleep(pause).await;
            }
        }
        Script::Slam => {}
    }
}

/// An answer of this status, with these header lines and this body.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Script {
    let text = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    Script::Answer(text.into_bytes())
}

pub(crate) fn ok() -> Script {
    answer("200 OK", "", "ok")
}

/// A clock that is set by hand.
#[derive(Default)]
pub(crate) struct HandClock(pub(crate) AtomicU64);

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp(1_000 + self.0.load(Ordering::SeqCst))
    }

    fn sleep(&self, _duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

/// A resolver that says what the case wants, and counts.
#[derive(Default)]
pub(crate) struct FakeNames {
    pub(crate) answers: Mutex<Vec<IpAddr>>,
    pub(crate) asked: AtomicUsize,
}

impl NameService for FakeNames {
    fn addresses<'a>(
        &'a self,
        _host: &'a str,
        port: u16,
    ) -> BoxFuture<'a, std::io::Result<Vec<SocketAddr>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answers = self
            .answers
            .lock()
            .unwrap()
            .iter()
            .map(|ip| SocketAddr::new(*ip, port))
            .collect();
        Box::pin(std::future::ready(Ok(answers)))
    }
}

/// How the way out is built.
pub(crate) struct Setup {
    pub(crate) targets: Vec<(&'static str, String, Grant)>,
    pub(crate) discovery: DiscoveryPolicy,
    pub(crate) rules: Vec<DiscoveryRule>,
    pub(crate) credentials: BTreeMap<String, OriginSettings>,
    pub(crate) names: Option<Arc<FakeNames>>,
    pub(crate) clock: Arc<HandClock>,
}

impl Setup {
    /// One target, called `it`.
    pub(crate) fn granting(origin: &str) -> Self {
        Self {
            targets: vec![("it", origin.to_owned(), grant())],
            discovery: DiscoveryPolicy::default(),
            rules: Vec::new(),
            credentials: BTreeMap::new(),
            names: None,
            clock: Arc::default(),
        }
    }

    pub(crate) fn with_grant(mut self, change: impl FnOnce(&mut Grant)) -> Self {
        change(&mut self.targets[0].2);
        self
    }

    pub(crate) fn discovering(mut self, networks: &[&str]) -> Self {
        self.discovery.networks = networks
            .iter()
            .map(|network| network.parse().unwrap())
            .collect();
        self
    }

    pub(crate) fn egress(&self) -> Egress {
        let target = |(name, origin, grant): &(&str, String, Grant)| {
            (
                (*name).to_owned(),
                TargetPolicy {
                    origin: origin.parse().unwrap(),
                    grant: grant.clone(),
                },
            )
        };
        let targets = self.targets.iter().map(target).collect();
        let policy = EgressPolicy::new(targets, self.discovery.clone(), limits())
            .with_rules(self.rules.clone());
        let clock = Arc::clone(&self.clock) as Arc<dyn Clock>;
        let addresses: Arc<AddressPolicy> = Arc::clone(&policy.addresses);
        let http = match &self.names {
            Some(names) => {
                let names = Arc::clone(names) as Arc<dyn NameService>;
                ReqwestHttp::with_names(
                    Arc::clone(&clock),
                    addresses,
                    self.credentials.clone(),
                    names,
                )
            }
            None => ReqwestHttp::new(Arc::clone(&clock), addresses, self.credentials.clone()),
        };
        Egress::new(policy, Arc::new(http), clock)
    }
}

/// The clock stands, so buckets must hold a whole table.
fn limits() -> EgressLimits {
    let rate = Rate {
        requests_per_second_max: 1,
        requests_burst_max: 10_000,
    };
    EgressLimits {
        rate,
        body_bytes_max: 4_096,
        ..EgressLimits::default()
    }
}

pub(crate) fn grant() -> Grant {
    Grant::new(&limits())
}

pub(crate) fn get(target: &str, path: &str) -> TargetRequest {
    TargetRequest {
        target: target.to_owned(),
        method: Method::Get,
        body: None,
        path_and_query: path.to_owned(),
        headers: Vec::new(),
        timeout: None,
    }
}
