//! `operator-chaos capture`: serving captures of real clusters and cutting them to size.

use crate::faults::Output;
use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use operator_capture::Capture;
use operator_capture::play::{self, PlayOptions, Report};
use operator_capture::trim::{self, TrimOptions};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Commands of `operator-chaos capture`.
#[derive(Debug, Subcommand)]
pub enum CaptureCommand {
    /// Serve a capture as if it were the cluster, on the ports that it was captured from
    Serve(ServeArgs),
    /// Cut a capture down to a window of time and to the metrics that a test needs
    Trim(TrimArgs),
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Capture file, .jsonl or .jsonl.gz
    file: PathBuf,
    /// Captured seconds per second
    #[arg(long, default_value_t = 1.0, value_name = "N")]
    speed: f64,
    /// Where in the capture to start, in seconds
    #[arg(long, default_value_t = 0, value_name = "SECONDS")]
    start: u64,
    /// Write the captured log files to this directory, each line at its time
    #[arg(long, value_name = "DIR")]
    logs_dir: Option<PathBuf>,
    /// Address to listen on in place of the captured ones; ports stay the same
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    bind: IpAddr,
    /// Print NAME=URL of every target for an operator, without serving
    #[arg(long)]
    print_targets: bool,
    /// Repeat the last responses at the end of the capture (default)
    #[arg(long, conflicts_with = "exit_at_end")]
    hold_at_end: bool,
    /// Exit at the end of the capture
    #[arg(long)]
    exit_at_end: bool,
}

/// Arguments of `trim`.
#[derive(Debug, Args)]
pub struct TrimArgs {
    /// Capture file, .jsonl or .jsonl.gz
    from: PathBuf,
    /// Output file, .jsonl.gz
    to: PathBuf,
    /// First second to keep; it becomes the start of the output
    #[arg(long = "from", default_value_t = 0.0, value_name = "SECONDS")]
    from_s: f64,
    /// Last second to keep
    #[arg(long = "to", value_name = "SECONDS")]
    to_s: Option<f64>,
    /// Drop every URL that contains this text; may be repeated
    #[arg(long, value_name = "TEXT")]
    drop_url: Vec<String>,
    /// File with the metric families to keep, one a line; lines that start with # are comments
    #[arg(long, value_name = "FILE")]
    families: Option<PathBuf>,
}

/// Runs a command.
///
/// # Errors
/// A file cannot be read or written, or a port is in use.
pub async fn run(command: CaptureCommand, output: &mut Output<'_>) -> Result<()> {
    match command {
        CaptureCommand::Serve(args) => serve(&args, output).await,
        CaptureCommand::Trim(args) => trim(args, output),
    }
}

async fn serve(args: &ServeArgs, output: &mut Output<'_>) -> Result<()> {
    let capture = Arc::new(Capture::load(&args.file)?);
    if args.print_targets {
        play::served_targets(&capture, args.bind)
            .iter()
            .for_each(|(name, origin)| output.line(&format!("{name}={origin}")));
        return Ok(());
    }
    let options = PlayOptions {
        speed: args.speed,
        start_ms: args.start.saturating_mul(1_000),
        logs_folder: args.logs_dir.clone(),
        bind: args.bind,
        exit_at_end: args.exit_at_end,
    };
    let length_s = capture.length_ms() / 1_000;
    let report = |report: Report| output.line(&described(&report, args, length_s));
    play::play(capture, &options, report).await?;
    Ok(())
}

fn described(report: &Report, args: &ServeArgs, length_s: u64) -> String {
    match report {
        Report::Ready { targets } => {
            let targets = targets.iter();
            let targets: Vec<String> = targets
                .map(|(name, origin)| format!("--target {name}={origin}"))
                .collect();
            format!(
                "ready: {} serves {}, {length_s} s at {} times the speed",
                targets.join(" "),
                args.file.display(),
                args.speed
            )
        }
        Report::Progress { elapsed_ms } => format!("{} s of {length_s} s", elapsed_ms / 1_000),
        Report::Ended if args.exit_at_end => "the capture has ended".to_owned(),
        Report::Ended => {
            "the capture has ended; its last responses are repeated until you stop this command"
                .to_owned()
        }
    }
}

fn trim(args: TrimArgs, output: &mut Output<'_>) -> Result<()> {
    let families = args.families.as_deref().map(families_in).transpose()?;
    let options = TrimOptions {
        from_s: args.from_s,
        to_s: args.to_s,
        dropped_urls: args.drop_url,
        families: families.unwrap_or_default(),
    };
    let lines = trim::trim(&args.from, &args.to, &options)?;
    let bytes = std::fs::metadata(&args.to)
        .with_context(|| format!("cannot read {}", args.to.display()))?
        .len();
    output.line(&format!(
        "{}: {lines} lines, {} KiB",
        args.to.display(),
        bytes / 1_024
    ));
    Ok(())
}

fn families_in(path: &Path) -> Result<BTreeSet<String>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let names = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(names.map(str::to_owned).collect())
}
