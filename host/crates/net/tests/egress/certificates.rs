//! TLS in both directions, with real certificates: whom the operator believes, and whom it shows itself to.

use crate::support::{Setup, get};
use operator_net::egress::Egress;
use operator_net::ports::http::OriginSettings;
use operator_net::ports::secret::Secret;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/egress/tls")
        .join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What the operator brings, and whether the request arrives. The server asks for a certificate where `asks` says so.
struct Vector {
    label: &'static str,
    asks: bool,
    believes: &'static str,
    shows: Option<&'static str>,
    host: &'static str,
    arrives: bool,
}

const fn vector(
    label: &'static str,
    believes: &'static str,
    shows: Option<&'static str>,
    arrives: bool,
) -> Vector {
    Vector {
        label,
        asks: true,
        believes,
        shows,
        host: "127.0.0.1",
        arrives,
    }
}

const AUTHORITY: &str = "authority.pem";

fn vectors() -> Vec<Vector> {
    vec![
        vector(
            "both show what the other believes",
            AUTHORITY,
            Some("client"),
            true,
        ),
        vector("the operator shows nothing", AUTHORITY, None, false),
        vector(
            "the operator shows a server's certificate",
            AUTHORITY,
            Some("server"),
            false,
        ),
        vector(
            "the server's authority is another one",
            "stranger.pem",
            Some("client"),
            false,
        ),
        vector(
            "the server's certificate is believed, not its authority",
            "client.pem",
            Some("client"),
            false,
        ),
        Vector {
            asks: false,
            ..vector("the server asks for nothing", AUTHORITY, None, true)
        },
        Vector {
            asks: false,
            ..vector(
                "a stranger that asks for nothing",
                "stranger.pem",
                None,
                false,
            )
        },
        Vector {
            host: "127.0.0.2",
            ..vector(
                "the certificate is for another host",
                AUTHORITY,
                Some("client"),
                false,
            )
        },
    ]
}

pub(crate) fn labels() -> Vec<String> {
    vectors()
        .iter()
        .map(|vector| vector.label.to_owned())
        .collect()
}

/// A server that answers everything and counts the requests that it could read.
fn serve(vector: &Vector) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((vector.host, 0)).unwrap();
    let origin = format!("https://{}", listener.local_addr().unwrap());
    let config = Arc::new(server_config(vector.asks));
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream =
                StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            let mut head = [0; 1_024];
            if stream.read(&mut head).is_ok_and(|bytes| bytes > 0) {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(
                    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
                );
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    (origin, requests)
}

fn server_config(asks: bool) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let certificates = CertificateDer::pem_slice_iter(&fixture("server.pem"))
        .collect::<Result<Vec<_>, _>>()
        .unwrap();
    let key = PrivateKeyDer::from_pem_slice(&fixture("server.key")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    if !asks {
        return config
            .with_no_client_auth()
            .with_single_cert(certificates, key)
            .unwrap();
    }
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(&fixture(AUTHORITY)).unwrap())
        .unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .unwrap();
    config
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates, key)
        .unwrap()
}

fn egress(origin: &str, vector: &Vector) -> Egress {
    let mut setup =
        Setup::granting(origin).with_grant(|grant| grant.credentials = Some("it".to_owned()));
    let shown = vector.shows.map(|name| {
        let pem = [
            fixture(&format!("{name}.pem")),
            fixture(&format!("{name}.key")),
        ]
        .concat();
        Secret::new(String::from_utf8(pem).unwrap())
    });
    let settings = OriginSettings {
        ca_pem: Some(fixture(vector.believes)),
        identity_pem: shown,
        ..OriginSettings::default()
    };
    setup.credentials = BTreeMap::from([("it".to_owned(), settings)]);
    setup.egress()
}

#[tokio::test]
async fn a_request_arrives_only_where_both_sides_believe_each_other() {
    for vector in vectors() {
        let (origin, requests) = serve(&vector);
        let answered = egress(&origin, &vector).send(get("it", "/")).await;
        let arrived = requests.load(Ordering::SeqCst);
        assert_eq!(
            (answered.is_ok(), arrived),
            (vector.arrives, usize::from(vector.arrives)),
            "{}: {answered:?}",
            vector.label
        );
        if let Err(error) = answered {
            let error = error.to_string();
            assert!(!error.contains("PRIVATE KEY"), "{}: {error}", vector.label);
        }
    }
}
