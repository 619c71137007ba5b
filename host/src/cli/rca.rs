//! `operator rca`: root-cause analysis on public data sets, without failure modes.

use super::Console;
use crate::console::table;
use crate::exit::{Exit, Failure};
use operator_rca::score::{Report, Share};
use operator_rca::{Format, FormatError, formats, score};
use serde::Serialize;
use std::path::PathBuf;
use std::time::Instant;

#[derive(Debug, clap::Args)]
pub(super) struct RcaArgs {
    /// Layout of the data set
    #[arg(long, value_enum)]
    format: Layout,
    /// Directory of the data set
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Layout {
    /// PetShop: graph.csv, noissue/, train/issue_N/, test/issue_N/
    #[value(name = "petshop")]
    PetShop,
    /// RCD: SERVICE-FAULT/N/normal.csv and anomalous.csv
    Rcd,
    /// Nezha: DAY/DAY-fault_list.json and DAY/metric/
    Nezha,
}

#[derive(Serialize)]
struct Answer {
    format: Layout,
    #[serde(flatten)]
    report: Report,
}

#[expect(
    clippy::disallowed_methods,
    reason = "a stopwatch for the report: no answer depends on it"
)]
pub(super) fn run(args: &RcaArgs, console: &Console) -> Result<Exit, Failure> {
    let format = match args.format {
        Layout::PetShop => Format::PetShop,
        Layout::Rcd => Format::Rcd,
        Layout::Nezha => Format::Nezha,
    };
    let set = formats::load(format, &args.directory).map_err(|error| failed(&error))?;
    let begun = Instant::now();
    let report = score(&set, &|| begun.elapsed().as_secs_f64() * 1_000.0);
    if console.json {
        console.value(&Answer {
            format: args.format,
            report,
        })?;
        return Ok(Exit::Success);
    }
    show(&report, console)
}

fn failed(error: &FormatError) -> Failure {
    let exit = match error {
        FormatError::Io { .. } => Exit::Io,
        FormatError::Content { .. } | FormatError::Empty { .. } => Exit::Config,
    };
    Failure::new(exit, error.to_string())
}

fn show(report: &Report, console: &Console) -> Result<Exit, Failure> {
    let rows = report.cases.iter().map(|case| {
        let rank = case
            .rank
            .map_or_else(|| "–".to_owned(), |rank| rank.to_string());
        let first = case.ranking.first().cloned().unwrap_or_default();
        [
            case.case.clone(),
            case.root.clone(),
            rank,
            first,
            format!("{:.1}", case.ms),
        ]
    });
    let header = ["CASE", "ROOT", "RANK", "FIRST", "MS"];
    console.line(&table::wrapped(console.style.width, header, rows))?;
    for (places, ac) in (1..).zip(&report.ac) {
        console.line(&format!("AC@{places}        {}", share(ac)))?;
    }
    console.line(&format!("Avg@5       {:.3}", report.avg5))?;
    console.line(&format!(
        "chance      {:.3} (top-1 of a random order)",
        report.chance
    ))?;
    if let Some(specificity) = &report.specificity {
        console.line(&format!(
            "specificity {} of {} healthy windows",
            share(specificity),
            report.healthy
        ))?;
    }
    for one in &report.detection {
        let delay = one
            .median_delay_s
            .map_or_else(|| "none".to_owned(), |s| format!("{s:.0} s"));
        console.line(&format!(
            "detection   {}: {} of {} faults, median delay {delay}, {:.2} false alarms an hour",
            one.name, one.detected, one.faults, one.false_alarms_per_hour
        ))?;
    }
    console.line(&format!("time        {:.1} ms a case", report.ms_per_case))?;
    Ok(Exit::Success)
}

fn share(share: &Share) -> String {
    format!(
        "{:.3} (95 %: {:.3} to {:.3})",
        share.value, share.low, share.high
    )
}
