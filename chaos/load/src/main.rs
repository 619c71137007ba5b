//! `operator-load`: load for a TiKV cluster that looks like an application's, with latency measured and safety checked
//! while it runs.
//!
//! Exit codes: 0 done, 1 safety was violated or nothing succeeded, 64 wrong command line, 69 the cluster cannot be reached,
//! 74 the report cannot be written, 130 stopped twice, so that there is no report.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command talks to the person who started it"
)]

mod backend;
mod chance;
mod keys;
mod latency;
mod memory;
mod mix;
mod options;
mod progress;
mod report;
mod run;
mod safety;
mod stop;
mod tikv;
mod worker;

use backend::Backend;
use clap::Parser as _;
use options::{BackendKind, Options};
use report::Report;
use run::NoReport;
use std::process::ExitCode;
use std::sync::Arc;

const EXIT_UNSAFE: u8 = 1;
const EXIT_USAGE: u8 = 64;
const EXIT_UNREACHABLE: u8 = 69;
const EXIT_IO: u8 = 74;
const EXIT_STOPPED: u8 = 130;

fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => {
            // Printing fails only when nobody reads.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { EXIT_USAGE } else { 0 });
        }
    };
    match started(options) {
        Ok(code) => ExitCode::from(code),
        Err((code, message)) => {
            eprintln!("operator-load: {message}");
            ExitCode::from(code)
        }
    }
}

fn started(options: Options) -> Result<u8, (u8, String)> {
    options.check().map_err(|message| (EXIT_USAGE, message))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| (EXIT_IO, format!("cannot start worker threads: {error}")))?;
    let report = runtime.block_on(async {
        match options.backend {
            BackendKind::Memory => Ok(load(Arc::new(memory::Memory::default()), &options).await),
            BackendKind::Tikv => {
                let backend = tikv::Tikv::connect(&options)
                    .await
                    .map_err(|message| (EXIT_UNREACHABLE, message))?;
                Ok(load(Arc::new(backend), &options).await)
            }
        }
    });
    // Tasks of the client that still try to reach a dead node must not keep us.
    runtime.shutdown_background();
    told(&report??, &options)
}

async fn load<B: Backend>(backend: Arc<B>, options: &Options) -> Result<Report, (u8, String)> {
    run::run(backend, options).await.map_err(|none| match none {
        NoReport::Unreachable(message) => (EXIT_UNREACHABLE, message),
        NoReport::StoppedTwice => (
            EXIT_STOPPED,
            "stopped again before it could end: there is no report".to_owned(),
        ),
    })
}

/// Shows and writes the report; says with which code to end.
fn told(report: &Report, options: &Options) -> Result<u8, (u8, String)> {
    let json = serde_json::to_string_pretty(report)
        .map_err(|error| (EXIT_IO, format!("cannot write JSON: {error}")))?;
    if let Some(path) = &options.report {
        std::fs::write(path, format!("{json}\n"))
            .map_err(|error| (EXIT_IO, format!("cannot write {}: {error}", path.display())))?;
    }
    if options.json {
        println!("{json}");
    } else {
        println!("{}", report.human());
    }
    Ok(if report.is_good() { 0 } else { EXIT_UNSAFE })
}
