//! `operator run`: the daemon.

use super::subject::{LiveSystem, SubjectArgs};
use super::{Console, duration};
use crate::console::{HumanSink, JsonSink, Stamp};
use crate::exit::{Exit, Failure};
use operator_engine::daemon::{Daemon, Stop, Until};
use operator_engine::event::Sink;
use operator_engine::telemetry::metrics::Metrics;
use operator_engine::telemetry::serve;
use operator_journal::store::TicketLog;
use operator_net::ports::Clock;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What to watch, how long, and where to write.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Data directory for tickets and the decision log [default: operator-data]
    #[arg(long, env = "OPERATOR_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Stop after this time, for example 90s or 5m [default: run until stopped]
    #[arg(long = "for", env = "OPERATOR_FOR", value_name = "DURATION", value_parser = duration::positive)]
    duration: Option<Duration>,
    /// Record everything to this new file, for `operator replay`; it contains all observed data
    #[arg(long, env = "OPERATOR_RECORD", value_name = "FILE")]
    record: Option<PathBuf>,
    /// Tick interval, in milliseconds [default: 1000]
    #[arg(long, env = "OPERATOR_TICK_INTERVAL_MS", value_name = "MS", value_parser = clap::value_parser!(u64).range(10..))]
    tick_interval_ms: Option<u64>,
    /// Serve Prometheus metrics and health at this address, for example 127.0.0.1:9464 [default: off]
    #[arg(long, env = "OPERATOR_METRICS_LISTEN", value_name = "ADDRESS:PORT")]
    metrics_listen: Option<SocketAddr>,
}

pub(super) async fn run(args: RunArgs, console: &Console) -> Result<Exit, Failure> {
    let stop = Stop::default();
    stop.on_signals()
        .map_err(|error| Failure::new(Exit::Io, format!("cannot listen for signals: {error}")))?;
    let mut settings = args
        .subject
        .settings(args.data.as_deref(), args.tick_interval_ms)?;
    settings.record.clone_from(&args.record);
    let real = LiveSystem::new(settings, &args.subject.cache)?;
    // The directory first: a second operator on the same data must fail before it does any work.
    let opened = TicketLog::open(&real.settings.data, real.ports.clock.now()).await?;
    let metrics = Metrics::new(real.settings.tick_interval_ms);
    let endpoint = match args.metrics_listen.or(real.settings.metrics_listen) {
        Some(address) => Some(listen(address, &metrics, &real.ports.clock).await?),
        None => None,
    };
    let mut sink = sink(console);
    if let Some(endpoint) = &endpoint {
        sink.progress(&format!("  metrics  http://{}/metrics", endpoint.address()));
    }
    let assembly = real.assemble(&mut |line| sink.progress(&line)).await?;
    let clock = Arc::clone(&real.ports.clock);
    let daemon = Daemon::start(&real.settings, clock, assembly, opened, sink.as_mut())
        .await?
        .measured_by(metrics);
    daemon
        .run(Until {
            duration: args.duration,
            stop,
            watch_files: true,
        })
        .await?;
    Ok(Exit::Success)
}

async fn listen(
    address: SocketAddr,
    metrics: &Metrics,
    clock: &Arc<dyn Clock>,
) -> Result<serve::Door, Failure> {
    serve::open(address, metrics.clone(), Arc::clone(clock))
        .await
        .map_err(|error| {
            Failure::new(
                Exit::Unavailable,
                format!("cannot serve metrics at {address}: {error}"),
            )
        })
}

fn sink(console: &Console) -> Box<dyn Sink> {
    if console.json {
        Box::new(JsonSink::new(std::io::stdout()))
    } else {
        Box::new(HumanSink::new(
            std::io::stdout(),
            console.style,
            Stamp::TimeOfDay,
        ))
    }
}
