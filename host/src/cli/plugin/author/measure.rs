//! `operator plugin test` and `bench`: the cases of a project, under the daemon's limits.

use super::{component, wrong};
use crate::cli::Console;
use crate::cli::plugin::read;
use crate::cli::subject::CacheArgs;
use crate::console::table;
use crate::exit::{Exit, Failure};
use operator_authoring::bench::{Costs, baseline, growth, measure};
use operator_authoring::cases;
use operator_authoring::cases::{Case, Ran};
use operator_net::ports::real::RealClock;
use operator_plugin_host::{InvariantModule, PluginLimits};
use serde_json::json;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct TestArgs {
    /// Project directory with plugin.toml and cases.toml; it is built first
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Test this component instead of building one
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Test cases [default: DIR/cases.toml]
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    #[command(flatten)]
    cache: CacheArgs,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct BenchArgs {
    #[command(flatten)]
    of: TestArgs,
    /// Fail when fuel, memory or result size exceeds this baseline
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Tolerated growth, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 2)]
    tolerance: u64,
    /// Rewrite the baseline instead of comparing with it
    #[arg(long, requires = "baseline")]
    update: bool,
}

impl TestArgs {
    async fn load(&self) -> Result<(InvariantModule, Vec<Case>), Failure> {
        let file = match &self.component {
            Some(file) => file.clone(),
            None => component(&self.dir)?,
        };
        let engine = self.cache.engine(&PluginLimits::default())?;
        let module = cases::load(&engine, &file.display().to_string(), &read(&file)?).await;
        let cases = self
            .cases
            .clone()
            .unwrap_or_else(|| self.dir.join(cases::FILE));
        let cases = cases::read(&cases).map_err(|error| wrong(&error))?;
        Ok((module.map_err(|error| wrong(&error))?, cases))
    }
}

pub(in crate::cli::plugin) async fn test(
    args: &TestArgs,
    console: &Console,
) -> Result<Exit, Failure> {
    let (module, cases) = args.load().await?;
    let mut ran = Vec::new();
    for case in &cases {
        ran.push(case.run(&module).await.map_err(|error| wrong(&error))?);
    }
    let gaps = cases::gaps(&module, &ran);
    let failed = ran.iter().filter(|ran| !ran.differences.is_empty()).count();
    if console.json {
        console.value(&json!({ "cases": ran, "gaps": gaps }))?;
    } else {
        ran.iter().try_for_each(|ran| console.line(&line(ran)))?;
        gaps.iter()
            .try_for_each(|gap| console.line(&format!("gap   {gap}")))?;
        console.line(&format!(
            "{} cases, {failed} failed, {} gaps",
            ran.len(),
            gaps.len()
        ))?;
    }
    Ok(if failed > 0 || !gaps.is_empty() {
        Exit::Findings
    } else {
        Exit::Success
    })
}

fn line(ran: &Ran) -> String {
    let word = if ran.differences.is_empty() {
        "ok   "
    } else {
        "FAIL "
    };
    let mut text = format!("{word} {}: {}", ran.check, ran.case);
    for difference in &ran.differences {
        text.push_str("\n      ");
        text.push_str(difference);
    }
    text
}

pub(in crate::cli::plugin) async fn bench(
    args: &BenchArgs,
    console: &Console,
) -> Result<Exit, Failure> {
    let (module, cases) = args.of.load().await?;
    let costs = measure(&module, &cases, &RealClock)
        .await
        .map_err(|error| wrong(&error))?;
    let grown = match &args.baseline {
        Some(file) if args.update => write(file, &costs).map(|()| Vec::new())?,
        Some(file) => growth(
            &baseline(file).map_err(|error| wrong(&error))?,
            &costs,
            args.tolerance,
        ),
        None => Vec::new(),
    };
    if console.json {
        console.value(&json!({ "cases": costs, "grown": grown }))?;
    } else {
        let rows = costs.iter().map(|(case, cost)| {
            [
                format!("{} fuel", cost.fuel),
                format!("{} KiB memory", cost.memory_bytes / 1024),
                format!("{} B result", cost.answer_bytes),
                format!("{} µs", cost.mean_us),
                case.to_string(),
            ]
        });
        console.line(&table::aligned(0, rows))?;
        grown
            .iter()
            .try_for_each(|grown| console.line(&format!("grown {grown}")))?;
    }
    Ok(if grown.is_empty() {
        Exit::Success
    } else {
        Exit::Findings
    })
}

fn write(file: &PathBuf, costs: &Costs) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new(
            Exit::Io,
            format!("cannot write {}: {error}", file.display()),
        )
    };
    let text = serde_json::to_string_pretty(costs).map_err(|error| failed(error.into()))?;
    std::fs::write(file, text + "\n").map_err(failed)
}
