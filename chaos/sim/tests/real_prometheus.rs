//! The served simulator before the eyes of a real Prometheus: Debian's package, where it is installed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a helper of a test fails the test, and says why one is skipped"
)]

use operator_capture::serve::{ServeOptions, Server};
use operator_sim::Simulator;
use operator_sim::config::ClusterConfig;
use operator_sim::prometheus::{ORIGIN, WithPrometheus};
use operator_world::World;
use serde_json::Value;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Duration, Instant, interval};

/// How long a real Prometheus may take to start and to scrape everything twice, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A process that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn is_installed(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        eprintln!(
            "\n!!! SKIPPED, NOTHING WAS TESTED: {program} is not installed (Debian: apt-get install prometheus)\n"
        );
    }
    found
}

async fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    // 1.0, so that the answer does not come in chunks.
    stream
        .write_all(
            format!("GET {path} HTTP/1.0\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes(),
        )
        .await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
        .unwrap_or_default())
}

async fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap()
}

/// Serves a healthy cluster; gives the addresses of its six nodes and of its simulated Prometheus.
async fn served() -> (Server, Vec<SocketAddr>, SocketAddr) {
    let world = WithPrometheus::new(Simulator::new(ClusterConfig::default()));
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let bind = world
        .origins()
        .into_iter()
        .map(|origin| (origin, any))
        .collect();
    let server = Server::open(Box::new(world), &ServeOptions { speed: 1.0, bind })
        .await
        .unwrap();
    let addresses = server.addresses();
    let is_node = |origin: &str| {
        ["237", "247", "257", "2018"]
            .iter()
            .any(|port| origin.contains(&format!("127.0.0.1:{port}")))
    };
    let nodes = addresses
        .iter()
        .filter(|(origin, _)| is_node(origin))
        .map(|(_, address)| *address)
        .collect();
    (server, nodes, *addresses.get(ORIGIN).unwrap())
}

fn start(folder: &Path, nodes: &[SocketAddr], listen: SocketAddr) -> Running {
    let targets: Vec<String> = nodes.iter().map(|node| format!("\"{node}\"")).collect();
    let config = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n  - job_name: simulated\n    static_configs:\n      - targets: [{}]\n",
        targets.join(", ")
    );
    let file = folder.join("prometheus.yml");
    std::fs::write(&file, config).unwrap();
    let child = Command::new("prometheus")
        .arg(format!("--config.file={}", file.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            folder.join("data").display()
        ))
        .arg(format!("--web.listen-address={listen}"))
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap();
    Running(child)
}

async fn asked(address: SocketAddr, path: &str) -> Option<Value> {
    serde_json::from_str(&get(address, path).await.ok()?).ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_scrapes_every_node_without_a_complaint_and_agrees_with_the_simulated_one()
 {
    if !is_installed("prometheus") {
        return;
    }
    let (server, nodes, simulated) = served().await;
    assert_eq!(nodes.len(), 6);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.run_until(async move { drop(stopped.await) }));
    let folder = tempfile::tempdir().unwrap();
    let listen = free_port().await;
    let _running = start(folder.path(), &nodes, listen);
    let end = Instant::now() + PATIENCE;
    let mut ticks = interval(Duration::from_millis(500));
    let targets = loop {
        ticks.tick().await;
        let answer = asked(listen, "/api/v1/targets").await.unwrap_or_default();
        let targets = answer["data"]["activeTargets"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        let is_up = |target: &Value| target["health"] == "up";
        if targets.len() == 6 && targets.iter().all(is_up) {
            break targets;
        }
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        assert!(
            Instant::now() < end,
            "not all targets are up: {targets:?}\n{log}"
        );
    };
    assert!(
        targets.iter().all(|target| target["lastError"] == ""),
        "{targets:?}"
    );
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(
        !log.contains("level=warn") && !log.contains("level=error"),
        "{log}"
    );
    // The same question to both gives the same series.
    let question = "/api/v1/query?query=count(tikv_store_size_bytes)";
    let mut answers = Vec::new();
    for address in [listen, simulated] {
        let answer = asked(address, question).await.unwrap();
        answers.push((
            answer["status"].clone(),
            answer["data"]["result"][0]["value"][1].clone(),
        ));
    }
    assert_eq!(answers[0], answers[1]);
    drop(stop);
    serving.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn promtool_finds_nothing_in_the_pages_but_upstreams_own_names() {
    if !is_installed("promtool") {
        return;
    }
    let (server, nodes, _) = served().await;
    for node in nodes {
        let page = get(node, "/metrics").await.unwrap();
        let mut child = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(page.as_bytes())
            .unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned()
            + &String::from_utf8_lossy(&output.stdout);
        let complaints: Vec<&str> = said.lines().filter(|line| !is_upstreams(line)).collect();
        assert!(complaints.is_empty(), "{node}: {complaints:#?}");
    }
    drop(server);
}

/// Advice about names, which are upstream's: a faithful cluster cannot have better ones.
fn is_upstreams(line: &str) -> bool {
    let advice = [
        "should have \"_total\" suffix",
        "should not have \"_total\" suffix",
        "should not include type",
        "should use base unit",
        "should not contain abbreviated units",
        "should not contain abbreviated unit",
        "should not have \"_count\" suffix",
        "should not have \"_sum\" suffix",
        "should not have \"_bucket\" suffix",
        "metric names should be written in 'snake_case' not 'camelCase'",
        "label names should be written in 'snake_case' not 'camelCase'",
        "no help text",
    ];
    line.trim().is_empty() || advice.iter().any(|part| line.contains(part))
}
