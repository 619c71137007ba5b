//! `compose/verify.sh` on the served simulator.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a helper of a test fails the test, and says why one is skipped"
)]

use operator_capture::serve::{ServeOptions, Server};
use operator_sim::Simulator;
use operator_sim::config::ClusterConfig;
use operator_world::World;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn is_installed(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !found {
        eprintln!("\n!!! SKIPPED, NOTHING WAS TESTED: {program} is not installed\n");
    }
    found
}

async fn verified(urls: Vec<String>) -> (Option<i32>, String) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../compose/verify.sh");
    let run = move || -> Output { Command::new("sh").arg(script).args(urls).output().unwrap() };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_script_passes_a_right_cluster_and_names_a_pd_that_does_not_run() {
    if !(is_installed("jq") && is_installed("curl")) {
        return;
    }
    let world = Simulator::new(ClusterConfig::default());
    let bind = world
        .origins()
        .into_iter()
        .map(|origin| (origin, "127.0.0.1:0".parse().unwrap()))
        .collect();
    let server = Server::open(Box::new(world), &ServeOptions { speed: 1.0, bind })
        .await
        .unwrap();
    let members = [
        "http://127.0.0.1:2379",
        "http://127.0.0.1:2479",
        "http://127.0.0.1:2579",
    ];
    let addresses = server.addresses();
    let mut urls: Vec<String> = members
        .iter()
        .map(|origin| format!("http://{}", addresses[*origin]))
        .collect();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.run_until(async move { drop(stopped.await) }));
    let (code, said) = verified(urls.clone()).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("0 wrong, 0 could not be told"), "{said}");
    // Port 1 is nobody's.
    urls.push("http://127.0.0.1:1".to_owned());
    let (code, said) = verified(urls).await;
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("no useful answer of: http://127.0.0.1:1"),
        "{said}"
    );
    drop(stop);
    serving.await.unwrap().unwrap();
}
