//! `operator-load`: generates application-like load for a TiKV cluster, measures its latency and checks its safety.
//!
//! Exit codes: 0 success, 1 safety violation or no successful operation, 64 usage error, 69 cluster unreachable,
//! 74 report not written, 130 interrupted twice, without a report.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command prints its result"
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
            // Printing fails only when the output is closed.
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
    // Tasks of the client that still try to reach a dead node must not delay the exit.
    runtime.shutdown_background();
    finish(&report??, &options)
}

async fn load<B: Backend>(backend: Arc<B>, options: &Options) -> Result<Report, (u8, String)> {
    run::run(backend, options).await.map_err(|none| match none {
        NoReport::Unreachable(message) => (EXIT_UNREACHABLE, message),
        NoReport::StoppedTwice => (
            EXIT_STOPPED,
            "interrupted again before the run could end: there is no report".to_owned(),
        ),
    })
}

/// Prints and writes the report; returns the exit code.
fn finish(report: &Report, options: &Options) -> Result<u8, (u8, String)> {
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
