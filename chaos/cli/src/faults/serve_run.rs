//! `operator chaos run FAULT --target sim --serve`: a simulated cluster on ports of this machine.

use super::{Output, RunArgs};
use crate::duration::milliseconds;
use operator_capture::serve::{ServeError, ServeOptions, Server};
use operator_inject::DockerError;
use operator_sim::Simulator;
use operator_sim::config::ClusterConfig;
use operator_sim::noise::{self, Noise};
use operator_sim::prometheus::{self, WithPrometheus};
use operator_sim::scenario::{self, Scenario};
use operator_world::{Answer, World};
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

pub(super) async fn run(args: &RunArgs, output: &mut Output<'_>) -> Result<(), DockerError> {
    if !args.sim.serve {
        let message = "the simulator is observed over HTTP: add --serve, or run `operator demo` to play a fault and score the diagnosis";
        return Err(DockerError::Refused(message.to_owned()));
    }
    let mut scenario = find(&args.fault)?;
    if let Some(onset) = args.sim.onset {
        scenario.onset_ms = milliseconds(onset);
    }
    let variant = scenario
        .variant(args.sim.variant.as_deref(), args.sim.seed)
        .ok_or_else(|| {
            let known: Vec<&str> = scenario
                .variants
                .iter()
                .map(|variant| variant.id.as_str())
                .collect();
            DockerError::Refused(format!(
                "{} has no such variant; its variants are {}",
                scenario.id,
                known.join(", ")
            ))
        })?;
    let config = ClusterConfig {
        seed: args.sim.seed,
        noise: noise(&args.sim.noise)?,
        ..ClusterConfig::default()
    };
    let mut world = WithPrometheus::new(Simulator::with_scenario(config, &scenario, variant));
    let options = ServeOptions {
        speed: args.sim.speed,
        bind: bind(args, &world.origins())?,
    };
    let targets = world.targets();
    let scraped = scraped(&mut world);
    let server = Server::open(Box::new(world), &options)
        .await
        .map_err(cannot_serve)?;
    announce(
        args,
        &scenario,
        &variant.id,
        &server,
        (&targets, &scraped),
        output,
    )?;
    let stop = stop(args.for_time)?;
    server.run_until(stop).await.map_err(cannot_serve)
}

fn noise(name: &str) -> Result<Noise, DockerError> {
    noise::by_id(name).cloned().ok_or_else(|| {
        let known: Vec<&str> = noise::all().iter().map(|noise| noise.id.as_str()).collect();
        DockerError::Refused(format!(
            "there is no noise profile {name:?}; the profiles are {}",
            known.join(", ")
        ))
    })
}

fn find(name: &str) -> Result<Scenario, DockerError> {
    scenario::find(name).ok_or_else(|| {
        DockerError::Refused(format!(
            "the simulator has no fault {name:?}; see `operator chaos list --target sim`"
        ))
    })
}

/// The origins with metrics; the data port of a store has none.
fn scraped(world: &mut impl World) -> Vec<String> {
    let mut origins = world.origins();
    origins.retain(|origin| {
        matches!(
            world.request(origin, "GET", "/metrics"),
            Answer::Response { status: 200, .. }
        )
    });
    origins
}

/// The address of each node: its default port on the given address, or a free one.
fn bind(args: &RunArgs, origins: &[String]) -> Result<BTreeMap<String, SocketAddr>, DockerError> {
    let one = |origin: &String| {
        let port = origin.rsplit(':').next().and_then(|port| port.parse().ok());
        let port = port.ok_or_else(|| {
            DockerError::Failed(format!("the simulator has no port for {origin}"))
        })?;
        Ok((
            origin.clone(),
            SocketAddr::new(args.sim.bind, if args.sim.free_ports { 0 } else { port }),
        ))
    };
    origins.iter().map(one).collect()
}

fn announce(
    args: &RunArgs,
    scenario: &Scenario,
    variant: &str,
    server: &Server,
    (targets, scraped): (&BTreeMap<String, String>, &[String]),
    output: &mut Output<'_>,
) -> Result<(), DockerError> {
    let addresses = server.addresses();
    let url = |origin: &String| {
        addresses
            .get(origin)
            .map_or_else(|| origin.clone(), |address| format!("http://{address}"))
    };
    let targets: BTreeMap<&String, String> = targets
        .iter()
        .map(|(name, origin)| (name, url(origin)))
        .collect();
    let nodes: Vec<String> = scraped.iter().map(url).collect();
    let prometheus = url(&prometheus::ORIGIN.to_owned());
    if output.json {
        return output.value(&serde_json::json!({
            "event": "serving",
            "fault": scenario.id,
            "variant": variant,
            "seed": args.sim.seed,
            "speed": args.sim.speed,
            "onset_ms": scenario.onset_ms,
            "targets": targets,
            "nodes": nodes,
            "prometheus": prometheus,
        }));
    }
    output.line(&format!(
        "{}: {} (variant {variant}, seed {})",
        scenario.id, scenario.title, args.sim.seed
    ));
    output.line(&format!(
        "the fault begins after {} simulated seconds, at {} simulated seconds per second",
        scenario.onset_ms / 1_000,
        args.sim.speed
    ));
    nodes
        .iter()
        .for_each(|node| output.line(&format!("  {node}/metrics")));
    output.line(&format!(
        "  {prometheus}/api/v1/query?query=up evaluates PromQL over all nodes"
    ));
    let flags: Vec<String> = targets
        .iter()
        .map(|(name, url)| format!("--target {name}={url}"))
        .collect();
    output.line(&format!(
        "observe it with: operator run --plugin target/plugins/{} {}",
        scenario.plugin,
        flags.join(" ")
    ));
    output.line("press Ctrl-C to stop");
    Ok(())
}

/// Completes on SIGINT, SIGTERM, or when the time is up.
#[expect(
    clippy::disallowed_methods,
    reason = "a served cluster lives in real time"
)]
fn stop(for_time: Option<Duration>) -> Result<impl Future<Output = ()>, DockerError> {
    let failed = |error: std::io::Error| DockerError::failed("listen for signals", error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    Ok(async move {
        let over = async {
            match for_time {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = over => {}
        }
    })
}

fn cannot_serve(error: ServeError) -> DockerError {
    match error {
        ServeError::Bind { .. } => DockerError::Impossible(format!(
            "{error}; use --free-ports to let the system choose, or --bind for another address"
        )),
        other => DockerError::Refused(other.to_string()),
    }
}
