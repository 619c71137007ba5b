//! `operator demo`: the whole pipeline on a simulated cluster; needs no cluster, key or network.

mod containers;

use super::Console;
use super::subject::CacheArgs;
use crate::console::{HumanSink, JsonSink, Stamp};
use crate::console::{render, table};
use crate::demo::{Plan, Played, Score, Speed, SwapPlan, TICK_INTERVAL_MS, play};
use crate::exit::{Exit, Failure};
use containers::ContainerArgs;
use operator_chaos::faults::TargetKind;
use operator_engine::event::Sink;
use operator_model::Timestamp;
use operator_plugin_host::{Engine, PluginLimits};
use operator_sim::config::ClusterConfig;
use operator_sim::scenario::{self, Scenario, Variant};
use std::path::{Path, PathBuf};

/// Scenarios that `all` plays; the rest run by name.
const DEMO_SCENARIOS: usize = 4;

/// Virtual time played after the first ticket: long enough for the diagnosis to settle.
const AFTER_TICKET_MS: u64 = 75_000;

/// The same when all scenarios have to fit into a minute.
const AFTER_TICKET_SHORT_MS: u64 = 30_000;

/// Default of `--swap`: a node dies, and the limit of one check that notices it is raised from 20 s to 10 min.
/// The value is useless in production; it shows that exactly this verdict changes.
const SWAP_SCENARIO: &str = "node-death";
const SWAP_MODULE: &str = "store-health";
const SWAP_CONFIG: &str = r#"{"heartbeat_lag_max_s":600}"#;

/// Scenario, pace and outputs of the demo.
#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
    /// Scenario to play (see --list), or `all` for a short tour of four
    #[arg(value_name = "SCENARIO", default_value = "all")]
    scenario: String,
    /// Cluster to use: the simulator in virtual time, or containers in real time
    #[arg(long, value_enum, default_value = "sim", value_name = "TARGET")]
    target: TargetKind,
    /// Random seed; the same seed reproduces the same decision log
    #[arg(long, env = "OPERATOR_SEED", default_value_t = 42)]
    seed: u64,
    /// Scenario variant [default: chosen by the seed]
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Playback speed, in virtual seconds per second [default: a readable pace on a terminal]
    #[arg(long, value_name = "N", value_parser = speed, conflicts_with = "fast")]
    speed: Option<f64>,
    /// Play as fast as possible [default when stdout is not a terminal]
    #[arg(long)]
    fast: bool,
    /// Play the whole scenario instead of stopping soon after the first ticket
    #[arg(long)]
    full: bool,
    /// Data directory, which must not hold a decision log yet [default: a temporary directory]
    #[arg(long, env = "OPERATOR_DEMO_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Plugin directory [default: `plugins` next to the program or one level up]
    #[arg(long, env = "OPERATOR_PLUGINS", value_name = "DIR")]
    plugins: Option<PathBuf>,
    /// Swap a check plugin during the incident and show which verdicts change
    #[arg(long)]
    swap: bool,
    /// Record the run to this new file, for `operator replay`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// List the scenarios and exit
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    cache: CacheArgs,
    #[command(flatten)]
    containers: ContainerArgs,
}

fn speed(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|factor| *factor > 0.0 && factor.is_finite())
        .ok_or_else(|| "must be a number greater than zero".to_owned())
}

pub(super) async fn run(args: DemoArgs, console: &Console) -> Result<Exit, Failure> {
    if args.list {
        return list(console);
    }
    if matches!(args.target, TargetKind::Docker) {
        return containers::run(&args, console).await;
    }
    if args.record.is_some() && args.scenario == "all" && !args.swap {
        return Err(Failure::new(
            Exit::Usage,
            "--record needs one scenario: name it",
        ));
    }
    let scenarios = if args.swap && args.scenario == "all" {
        chosen(SWAP_SCENARIO)?
    } else {
        chosen(&args.scenario)?
    };
    let plugins = plugins(args.plugins.as_deref())?;
    let engine = args.cache.engine(&PluginLimits::default())?;
    let several = scenarios.len() > 1;
    let mut scores = Vec::new();
    for scenario in scenarios {
        let plan = plan(&args, scenario, &plugins, several, console)?;
        scores.push(one(&plan, &engine, console).await?);
    }
    if several && !console.json {
        console.line(&summary(&scores))?;
    }
    Ok(if scores.iter().all(Score::passed) {
        Exit::Success
    } else {
        Exit::Findings
    })
}

fn list(console: &Console) -> Result<Exit, Failure> {
    let scenarios = scenario::all();
    if console.json {
        let ids: Vec<_> = scenarios
            .iter()
            .map(|s| serde_json::json!({"id": s.id, "title": s.title}))
            .collect();
        console.value(&ids)?;
    } else {
        let rows = scenarios.into_iter().map(|s| [s.id, s.title]);
        console.line(&table::aligned(0, rows))?;
    }
    Ok(Exit::Success)
}

fn chosen(name: &str) -> Result<Vec<Scenario>, Failure> {
    if name == "all" {
        return Ok(scenario::all().into_iter().take(DEMO_SCENARIOS).collect());
    }
    scenario::find(name)
        .map(|scenario| vec![scenario])
        .ok_or_else(|| {
            let all = scenario::all();
            let near = all
                .iter()
                .map(|s| s.id.as_str())
                .min_by_key(|id| strsim::levenshtein(id, name))
                .unwrap_or_default();
            let names: Vec<&str> = all.iter().map(|s| s.id.as_str()).collect();
            Failure::new(
                Exit::Usage,
                format!(
                    "unknown scenario {name:?}; did you mean {near}? Available: {}",
                    names.join(", ")
                ),
            )
        })
}

/// Finds the plugin directory.
pub(super) fn plugins(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let program_dir = std::env::current_exe()
        .ok()
        .and_then(|program| program.parent().map(Path::to_owned));
    let tried: Vec<PathBuf> = match (given, program_dir) {
        (Some(given), _) => vec![given.to_owned()],
        (None, Some(program_dir)) => ["plugins", "../plugins", "../share/operator/plugins"]
            .map(|path| program_dir.join(path))
            .into(),
        (None, None) => Vec::new(),
    };
    tried
        .iter()
        .find(|directory| directory.join("invariants").is_dir())
        .cloned()
        .ok_or_else(|| {
            let tried: Vec<String> = tried
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            let message = format!(
                "no plugins in {}: build them with `cargo xtask guests`, or pass --plugins DIR",
                tried.join(" or ")
            );
            Failure::new(Exit::Config, message)
        })
}

fn plan(
    args: &DemoArgs,
    scenario: Scenario,
    plugins: &Path,
    several: bool,
    console: &Console,
) -> Result<Plan, Failure> {
    let variant = variant(args, &scenario)?;
    let interactive = console.terminal && !console.json && !args.fast && !several;
    Ok(Plan {
        data: data(args.data.as_deref(), &scenario.id, several),
        plugins: plugins.to_owned(),
        record: args.record.clone(),
        swap: args.swap.then(|| SwapPlan {
            module: SWAP_MODULE.to_owned(),
            config: SWAP_CONFIG.to_owned(),
        }),
        seed: args.seed,
        speed: args.speed.map_or(
            if interactive {
                Speed::Readable
            } else {
                Speed::Unpaced
            },
            Speed::Times,
        ),
        tick_interval_ms: TICK_INTERVAL_MS,
        noise: None,
        after_ticket_ms: (!args.full).then_some(if several {
            AFTER_TICKET_SHORT_MS
        } else {
            AFTER_TICKET_MS
        }),
        variant,
        scenario,
    })
}

fn variant(args: &DemoArgs, scenario: &Scenario) -> Result<Variant, Failure> {
    scenario
        .variant(args.variant.as_deref(), args.seed)
        .cloned()
        .ok_or_else(|| {
            let known: Vec<&str> = scenario
                .variants
                .iter()
                .map(|variant| variant.id.as_str())
                .collect();
            let given = args.variant.as_deref().unwrap_or_default();
            Failure::new(
                Exit::Usage,
                format!(
                    "{} has no variant {given:?}; available: {}",
                    scenario.id,
                    known.join(", ")
                ),
            )
        })
}

fn data(given: Option<&Path>, scenario: &str, several: bool) -> PathBuf {
    match given {
        Some(given) if several => given.join(scenario),
        Some(given) => given.to_owned(),
        None => {
            std::env::temp_dir().join(format!("operator-demo-{}-{scenario}", std::process::id()))
        }
    }
}

async fn one(plan: &Plan, engine: &Engine, console: &Console) -> Result<Score, Failure> {
    let began = Timestamp(ClusterConfig::default().start_unix_ms);
    let mut sink: Box<dyn Sink> = if console.json {
        Box::new(JsonSink::new(std::io::stdout()))
    } else {
        Box::new(HumanSink::new(
            std::io::stdout(),
            console.style,
            Stamp::Since(began),
        ))
    };
    let played = play(plan, engine, sink.as_mut()).await?;
    if console.json {
        played
            .swapped
            .iter()
            .try_for_each(|swapped| console.value(swapped))?;
        console.value(&played.score)?;
    } else {
        console.line(&ending(&plan.data, plan.swap.is_some(), &played, console))?;
    }
    Ok(played.score)
}

fn ending(data: &Path, swap_asked: bool, played: &Played, console: &Console) -> String {
    let ticket = played.ticket.as_ref();
    let page = ticket
        .map(|ticket| format!("{}\n\n", render::ticket(ticket, &console.style).trim_end()))
        .unwrap_or_default();
    let swapped = match &played.swapped {
        Some(swapped) => format!("Swap\n  {}\n\n", swapped.lines().join("\n  ")),
        None if swap_asked => "Swap\n  not performed: no ticket was opened in time\n\n".to_owned(),
        None => String::new(),
    };
    let data = data.display();
    let show = ticket
        .map(|ticket| format!("  operator tickets show {} --data {data}\n", ticket.id))
        .unwrap_or_default();
    format!(
        "\n{page}{swapped}{}\n\nNext steps\n{show}  operator log show --data {data}\n  operator log verify --data {data}\n",
        played.score.human()
    )
}

fn summary(scores: &[Score]) -> String {
    let row = |score: &Score| {
        let after = score.detected_after_s.map_or_else(
            || "not detected".to_owned(),
            |seconds| format!("detected after {seconds:.0} s"),
        );
        let found = score
            .diagnosis
            .as_ref()
            .map_or("no diagnosis", |(title, _)| title.as_str());
        let verdict = if score.passed() { "passed" } else { "FAILED" };
        [
            score.scenario.clone(),
            verdict.to_owned(),
            after,
            found.to_owned(),
        ]
    };
    format!(
        "All scenarios\n{}",
        table::aligned(2, scores.iter().map(row))
    )
}
