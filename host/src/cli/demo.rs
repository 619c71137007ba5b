//! `operator demo`: everything at once, without a cluster, a key or a network.

mod containers;

use super::Console;
use super::subject::CacheArgs;
use crate::console::render;
use crate::console::{HumanSink, JsonSink, Stamp};
use crate::demo::{Plan, Played, Score, Speed, SwapPlan, play};
use crate::exit::{Exit, Failure};
use containers::ContainerArgs;
use operator_chaos::faults::TargetKind;
use operator_engine::event::Sink;
use operator_model::Timestamp;
use operator_plugin_host::{Engine, PluginLimits};
use operator_sim::config::ClusterConfig;
use operator_sim::scenario::{self, Scenario, Variant};
use std::path::{Path, PathBuf};

/// Scenarios of the demo; the catalogue has more, by name.
const DEMO_SCENARIOS: usize = 4;

/// Virtual time that is played after the first ticket: long enough to see the diagnosis settle.
const AFTER_TICKET_MS: u64 = 75_000;

/// The same when all scenarios are shown in a minute.
const AFTER_TICKET_SHORT_MS: u64 = 30_000;

/// What `--swap` shows when nothing else is said: a node dies, and the limit of one of the checks that see it
/// is raised from 20 s to 10 minutes. A real operator would not; one sees that exactly this verdict changes.
const SWAP_SCENARIO: &str = "node-death";
const SWAP_MODULE: &str = "store-health";
const SWAP_CONFIG: &str = r#"{"heartbeat_lag_max_s":600}"#;

/// What to play, and how fast.
#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
    /// Name of a scenario, or `all` for the four of the demo, shortened
    #[arg(value_name = "SCENARIO", default_value = "all")]
    scenario: String,
    /// Where it is played: on the simulator in virtual time, or on a cluster in containers in real time
    #[arg(long, value_enum, default_value = "sim", value_name = "TARGET")]
    target: TargetKind,
    /// Decides everything that is left to chance; the same seed writes the same decision log
    #[arg(long, env = "OPERATOR_SEED", default_value_t = 42)]
    seed: u64,
    /// Which way the scenario goes, instead of what the seed picks
    #[arg(long, value_name = "NAME")]
    variant: Option<String>,
    /// Virtual seconds a second, instead of a pace that a person can follow
    #[arg(long, value_name = "N", value_parser = speed, conflicts_with = "fast")]
    speed: Option<f64>,
    /// As fast as the machine can; the default when nobody watches
    #[arg(long)]
    fast: bool,
    /// Play the scenario to its end, also after the ticket
    #[arg(long)]
    full: bool,
    /// Data directory, must be new [default: a directory for temporary files]
    #[arg(long, env = "OPERATOR_DEMO_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Directory with the plugins [default: `plugins` beside the program, or one above]
    #[arg(long, env = "OPERATOR_PLUGINS", value_name = "DIR")]
    plugins: Option<PathBuf>,
    /// Change a module in the middle of the incident, and show what that changes in the verdicts
    #[arg(long)]
    swap: bool,
    /// Record everything into this new file, for `operator replay`
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// List the scenarios
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
        .ok_or_else(|| "a number above zero is needed".to_owned())
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
            "a recording holds one scenario: name it",
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
        scenarios
            .iter()
            .try_for_each(|s| console.line(&format!("{:<22}{}", s.id, s.title)))?;
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
                    "no scenario {name:?}; did you mean {near}? There are {}",
                    names.join(", ")
                ),
            )
        })
}

/// Where the components are.
pub(super) fn plugins(given: Option<&Path>) -> Result<PathBuf, Failure> {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|program| program.parent().map(Path::to_owned));
    let tried: Vec<PathBuf> = match (given, beside) {
        (Some(given), _) => vec![given.to_owned()],
        (None, Some(beside)) => ["plugins", "../plugins", "../share/operator/plugins"]
            .map(|path| beside.join(path))
            .into(),
        (None, None) => Vec::new(),
    };
    tried.iter().find(|directory| directory.join("invariants").is_dir()).cloned().ok_or_else(|| {
        let tried: Vec<String> = tried.iter().map(|path| path.display().to_string()).collect();
        let message = format!(
            "no plugins in {}: build them with `cargo xtask guests`, or say where they are with --plugins",
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
    let watched = console.terminal && !console.json && !args.fast && !several;
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
            if watched {
                Speed::Story
            } else {
                Speed::Unpaced
            },
            Speed::Times,
        ),
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
                    "{} has no variant {given:?}; there are {}",
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
        None if swap_asked => {
            "Swap\n  it did not come about: no ticket was opened in time\n\n".to_owned()
        }
        None => String::new(),
    };
    let data = data.display();
    let show = ticket
        .map(|ticket| format!("  operator tickets show {} --data {data}\n", ticket.id))
        .unwrap_or_default();
    format!(
        "\n{page}{swapped}{}\n\nLook again\n{show}  operator log show --data {data}\n  operator log verify --data {data}\n",
        played.score.human()
    )
}

fn summary(scores: &[Score]) -> String {
    let mut text = String::from("All scenarios");
    for score in scores {
        let after = score
            .detected_after_s
            .map_or("-".to_owned(), |seconds| format!("{seconds:.0} s"));
        let verdict = if score.passed() { "passed" } else { "FAILED" };
        let found = score
            .diagnosis
            .as_ref()
            .map_or("nothing found", |(title, _)| title.as_str());
        text.push_str(&format!(
            "\n  {:<20} {verdict}  detected after {after:>5}  {found}",
            score.scenario
        ));
    }
    text
}
