//! The simulated cluster on sockets: a foreign client sees it live and die.

use operator_capture::serve::{ServeOptions, Server};
use operator_sim::Simulator;
use operator_sim::config::ClusterConfig;
use operator_sim::scenario;
use operator_world::World;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PD: &str = "http://127.0.0.1:2379";
const VICTIM: &str = "http://127.0.0.1:20181";

async fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes(),
        )
        .await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

#[tokio::test]
async fn a_killed_stores_port_closes_and_pd_names_the_ports_where_it_is_served() {
    let scenario = scenario::find("node-death").unwrap();
    let world = Simulator::with_scenario(
        ClusterConfig::default(),
        &scenario,
        scenario.variants.first().unwrap(),
    );
    let bind = world
        .origins()
        .into_iter()
        .map(|origin| (origin, "127.0.0.1:0".parse().unwrap()))
        .collect();
    // A hundred virtual seconds in a real one: the store dies after about a second, whatever the machine does.
    let mut server = Server::open(Box::new(world), &ServeOptions { speed: 100.0, bind })
        .await
        .unwrap();
    let addresses = server.addresses();
    let pd = *addresses.get(PD).unwrap();
    let victim = *addresses.get(VICTIM).unwrap();
    assert!(
        get(victim, "/metrics")
            .await
            .unwrap()
            .contains("tikv_store_size_bytes")
    );
    let stores = get(pd, "/pd/api/v1/stores").await.unwrap();
    assert!(
        stores.contains(&format!("\"status_address\": \"{victim}\"")),
        "{stores}"
    );
    while TcpStream::connect(victim).await.is_ok() {
        server.step().await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(
        get(pd, "/pd/api/v1/stores")
            .await
            .unwrap()
            .starts_with("HTTP/1.1 200")
    );
}
