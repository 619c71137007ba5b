//! `cargo xtask bench`: what plugins cost, against what the project promises. Ratios are measured in one run, so that
//! a slow machine does not matter to them.
//!
//! Nothing here is a framework: each number is a function that returns what it measured. A number that is missed is said
//! and does not fail the run; `docs/PERFORMANCE.md` says what holds it back.
#![expect(clippy::print_stdout, reason = "figures are for the person who asked")]
#![expect(
    clippy::disallowed_methods,
    reason = "a stopwatch reads the clock of the machine"
)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a benchmark that cannot run says where it stopped"
)]
#![expect(clippy::indexing_slicing, reason = "sizes are those of this file")]

mod calls;
mod checks;
mod columns;
mod compile;
mod report;
mod rule;
mod tick;

use operator_plugin_host::{Engine, PluginLimits};
use report::Report;

fn main() {
    let json = std::env::args().any(|argument| argument == "--json");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let engine = Engine::new(&PluginLimits::default()).unwrap();
    let mut report = Report::default();
    runtime.block_on(async {
        checks::measure(&engine, &mut report).await;
        rule::measure(&engine, &mut report).await;
        tick::measure(&mut report).await;
        columns::measure(&mut report).await;
        calls::measure(&engine, &mut report).await;
        compile::measure(&mut report).await;
    });
    // The pause of a hot swap is measured where ten thousand of them are made: `host/crates/check/tests/soak.rs`.
    println!("{}", if json { report.json() } else { report.table() });
}
