//! The server is tested through what a client of its sockets sees.

use super::*;
use operator_world::Answer;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ORIGIN: &str = "http://127.0.0.1:20180";
// 2024-02-29 12:30:45 UTC.
const NOW_MS: u64 = 1_709_209_845_000;

/// One node that lives while a flag is set, and whose response contains its own address.
struct OneNode {
    alive: Arc<AtomicBool>,
}

impl World for OneNode {
    fn now_ms(&self) -> u64 {
        NOW_MS
    }
    fn advance_to(&mut self, _ms: u64) {}
    fn request(&mut self, origin: &str, method: &str, path_and_query: &str) -> Answer {
        let body = format!("{method} {path_and_query} at {origin}").into_bytes();
        Answer::Response {
            status: 404,
            content_type: "text/plain".into(),
            body,
            server_date_ms: NOW_MS,
        }
    }
    fn listens(&self, _origin: &str) -> bool {
        self.alive.load(Ordering::SeqCst)
    }
    fn origins(&self) -> Vec<String> {
        vec![ORIGIN.to_owned()]
    }
    fn log_sources(&self) -> Vec<String> {
        Vec::new()
    }
    fn read_log(&mut self, _source: &str, _lines_max: usize) -> (Vec<String>, u64) {
        (Vec::new(), 0)
    }
    fn targets(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
}

async fn open() -> (Server, SocketAddr, Arc<AtomicBool>) {
    let alive = Arc::new(AtomicBool::new(true));
    let world = OneNode {
        alive: Arc::clone(&alive),
    };
    let bind = BTreeMap::from([(ORIGIN.to_owned(), "127.0.0.1:0".parse().unwrap())]);
    let server = Server::open(Box::new(world), &ServeOptions { speed: 1.0, bind })
        .await
        .unwrap();
    let address = server.addresses()[ORIGIN];
    (server, address, alive)
}

async fn get(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(b"GET /status?a=1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

#[tokio::test]
async fn answers_carry_the_worlds_status_date_and_the_served_address() {
    let (_server, address, _alive) = open().await;
    let text = get(address).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 404"), "{text}");
    assert!(
        text.contains("date: Thu, 29 Feb 2024 12:30:45 GMT"),
        "{text}"
    );
    assert!(
        text.ends_with(&format!("GET /status?a=1 at http://{address}")),
        "{text}"
    );
}

#[tokio::test]
async fn a_dead_node_refuses_and_a_living_one_answers_at_the_same_address_again() {
    let (mut server, address, alive) = open().await;
    alive.store(false, Ordering::SeqCst);
    server.step().await.unwrap();
    // The listener closes on its own task: it is gone after at most a few turns of the scheduler.
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert_eq!(
        get(address).await.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
    alive.store(true, Ordering::SeqCst);
    server.step().await.unwrap();
    assert!(get(address).await.unwrap().starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_speed_that_is_no_speed_is_an_error() {
    let world = OneNode {
        alive: Arc::default(),
    };
    let options = ServeOptions {
        speed: 0.0,
        bind: BTreeMap::new(),
    };
    let error = Server::open(Box::new(world), &options).await.err().unwrap();
    assert_eq!(error.to_string(), "speed 0 is not a positive number");
}
