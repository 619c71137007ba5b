//! `operator-chaos`: plays recordings of clusters, cuts them to size, and makes faults.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks to the person who started it"
)]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result};
use clap::{Args, Parser, Subcommand};

use operator_chaos::cassette::Recording;
use operator_chaos::cassette::play::{self, PlayOptions, Report};
use operator_chaos::cassette::trim::{self, TrimOptions};
use operator_chaos::commands::{self, ChaosCommand, Voice};
use operator_chaos::docker::Launcher;

/// A cluster that breaks on demand.
#[derive(Parser)]
#[command(version)]
enum Arguments {
    /// Recordings of real clusters
    #[command(subcommand)]
    Cassette(CassetteCommand),
    /// Faults, as `operator chaos` makes them
    Faults(Faults),
}

#[derive(Args)]
struct Faults {
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: ChaosCommand,
}

#[derive(Subcommand)]
enum CassetteCommand {
    /// Serve a recording as if it were the cluster, on the ports it was recorded from
    Serve(Serve),
    /// Cut a recording down to a window of time and to the metrics that a test needs
    Trim(Trim),
}

#[derive(Args)]
struct Serve {
    /// The recording, .jsonl or .jsonl.gz
    file: PathBuf,
    /// Recorded seconds that pass in one second
    #[arg(long, default_value_t = 1.0, value_name = "N")]
    speed: f64,
    /// Where in the recording to begin
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    start: u64,
    /// Write the recorded log files here, each line at its time
    #[arg(long, value_name = "DIR")]
    logs_dir: Option<PathBuf>,
    /// The address that stands for the recorded ones; ports stay as they are
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    bind: IpAddr,
    /// Print NAME=URL of every target that an operator needs, and do not serve
    #[arg(long)]
    print_targets: bool,
    /// Go on answering with the last answers when everything has been played (the default)
    #[arg(long, conflicts_with = "exit_at_end")]
    hold_at_end: bool,
    /// Stop when everything has been played
    #[arg(long)]
    exit_at_end: bool,
}

#[derive(Args)]
struct Trim {
    /// The recording, .jsonl or .jsonl.gz
    from: PathBuf,
    /// The result, .jsonl.gz
    to: PathBuf,
    /// First second that is kept; it becomes the beginning
    #[arg(long = "from", default_value_t = 0.0, value_name = "SECONDS")]
    from_s: f64,
    /// Last second that is kept
    #[arg(long = "to", value_name = "SECONDS")]
    to_s: Option<f64>,
    /// Drop every URL that contains this; may be repeated
    #[arg(long, value_name = "TEXT")]
    drop_url: Vec<String>,
    /// A file with the metric families to keep, one a line; lines with # are comments
    #[arg(long, value_name = "FILE")]
    families: Option<PathBuf>,
}

fn main() -> ExitCode {
    let result = match Arguments::parse() {
        Arguments::Cassette(CassetteCommand::Serve(serve)) => run_serve(&serve),
        Arguments::Cassette(CassetteCommand::Trim(trim)) => run_trim(trim),
        Arguments::Faults(faults) => run_faults(faults),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_faults(faults: Faults) -> Result<()> {
    let program = std::env::current_exe().context("cannot find this program")?;
    let launcher = Launcher {
        program,
        leading: vec!["faults".to_owned()],
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let mut write = |line: &str| println!("{line}");
    let mut voice = Voice {
        json: faults.json,
        write: &mut write,
    };
    runtime.block_on(commands::run(faults.command, &launcher, &mut voice))?;
    Ok(())
}

fn run_serve(serve: &Serve) -> Result<()> {
    let recording = Arc::new(Recording::load(&serve.file)?);
    if serve.print_targets {
        play::served_targets(&recording, serve.bind)
            .iter()
            .for_each(|(name, origin)| println!("{name}={origin}"));
        return Ok(());
    }
    let options = PlayOptions {
        speed: serve.speed,
        start_ms: serve.start.saturating_mul(1_000),
        logs_folder: serve.logs_dir.clone(),
        bind: serve.bind,
        exit_at_end: serve.exit_at_end,
    };
    let length_s = recording.length_ms() / 1_000;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let say = |report: Report| match report {
        Report::Ready { targets } => {
            let targets: Vec<String> = targets
                .iter()
                .map(|(name, origin)| format!("--target {name}={origin}"))
                .collect();
            let (file, speed) = (serve.file.display(), serve.speed);
            println!(
                "ready: {} plays {file}, {length_s} s at {speed} times the speed",
                targets.join(" ")
            );
        }
        Report::Progress { elapsed_ms } => println!("{} s of {length_s} s", elapsed_ms / 1_000),
        Report::Ended if serve.exit_at_end => println!("the recording has ended"),
        Report::Ended => {
            println!("the recording has ended; its last answers hold until you stop me")
        }
    };
    runtime.block_on(play::play(recording, &options, say))?;
    Ok(())
}

fn run_trim(trim: Trim) -> Result<()> {
    let families = trim
        .families
        .as_deref()
        .map(families_in)
        .transpose()?
        .unwrap_or_default();
    let options = TrimOptions {
        from_s: trim.from_s,
        to_s: trim.to_s,
        dropped_urls: trim.drop_url,
        families,
    };
    let lines = trim::trim(&trim.from, &trim.to, &options)?;
    let bytes = std::fs::metadata(&trim.to)
        .with_context(|| format!("cannot look at {}", trim.to.display()))?
        .len();
    println!(
        "{}: {lines} lines, {} KiB",
        trim.to.display(),
        bytes / 1_024
    );
    Ok(())
}

fn families_in(path: &std::path::Path) -> Result<BTreeSet<String>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let names = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(names.map(str::to_owned).collect())
}
