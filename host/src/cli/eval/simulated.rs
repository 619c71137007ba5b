//! `operator eval simulated`, `merge`, `compare` and `report`.

use crate::cli::Console;
use crate::cli::console::note;
use crate::cli::demo::plugins;
use crate::cli::subject::CacheArgs;
use crate::console::document;
use crate::console::table;
use crate::eval::compare::{Comparison, Tolerances, compare};
use crate::eval::report;
use crate::eval::simulated::{self, Run, TICK_INTERVAL_MS, Task, key};
use crate::eval::summary::Results;
use crate::exit::{Exit, Failure};
use operator_plugin_host::{Engine, PluginLimits};
use operator_sim::fault::Fault;
use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, VecDeque};
use std::io::Write as _;
use std::num::NonZero;
use std::path::{Path, PathBuf};

/// Which runs.
#[derive(Debug, clap::Args)]
pub(crate) struct SimulatedArgs {
    /// Faults to play [default: all single faults and benign events]
    #[arg(value_name = "FAULT")]
    faults: Vec<String>,
    /// Random seeds
    #[arg(long, value_name = "N,N", value_delimiter = ',', default_value = "1")]
    seeds: Vec<u64>,
    /// Noise profiles
    #[arg(
        long,
        value_name = "NAME,NAME",
        value_delimiter = ',',
        default_value = "usual"
    )]
    noise: Vec<String>,
    /// Play only every N-th run, beginning with the I-th
    #[arg(long, value_name = "I/N", value_parser = shard, default_value = "1/1")]
    shard: (usize, usize),
    /// Results file; runs that it or its `.partial` file has are not played again
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Fail if a figure is worse than in this results file
    #[arg(long, value_name = "FILE")]
    gate: Option<PathBuf>,
    /// Plugin directory [default: `plugins` next to the program or one level up]
    #[arg(long, env = "OPERATOR_PLUGINS", value_name = "DIR")]
    plugins: Option<PathBuf>,
    /// Runs that are played at the same time [default: one for each processor]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
    #[command(flatten)]
    cache: CacheArgs,
}

/// Results of shards.
#[derive(Debug, clap::Args)]
pub(crate) struct MergeArgs {
    /// Results files
    #[arg(value_name = "FILE", required = true)]
    results: Vec<PathBuf>,
    /// Results file to write
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
}

/// Two results.
#[derive(Debug, clap::Args)]
pub(crate) struct CompareArgs {
    /// Results before
    old: PathBuf,
    /// Results after
    new: PathBuf,
    /// Tolerances, as TOML
    #[arg(long, value_name = "FILE")]
    tolerances: Option<PathBuf>,
}

/// One results file.
#[derive(Debug, clap::Args)]
pub(crate) struct ReportArgs {
    /// Results file
    results: PathBuf,
    /// Write one HTML page instead of Markdown
    #[arg(long)]
    html: bool,
    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

fn shard(text: &str) -> Result<(usize, usize), String> {
    let parsed = text.split_once('/').and_then(|(index, of)| {
        let (index, of): (usize, usize) = (index.parse().ok()?, of.parse().ok()?);
        (index >= 1 && index <= of).then_some((index, of))
    });
    parsed.ok_or_else(|| format!("{text:?} is not I/N with 1 <= I <= N, such as 2/8"))
}

pub(super) fn run(args: &SimulatedArgs, console: &Console) -> Result<Exit, Failure> {
    let tasks = tasks(args)?;
    let plugins = plugins(args.plugins.as_deref())?;
    let session = Session {
        build: build_of(&plugins)?,
        plugins,
        engine: args.cache.engine(&PluginLimits::default())?,
    };
    let mut journal = PartialResults::open(args.output.as_deref(), &session.build)?;
    let todo: VecDeque<Task> = tasks
        .into_iter()
        .filter(|task| !journal.has(task))
        .collect();
    let jobs = args.jobs.map_or_else(super::processors, NonZero::get);
    play_all(&session, todo, jobs, &mut journal)?;
    let results = Results::of(journal.runs(), TICK_INTERVAL_MS);
    if let Some(path) = &args.output {
        write_results(path, &results)?;
    }
    journal.remove_file();
    if console.json {
        console.value(&results)?;
    } else {
        show(&results, console)?;
    }
    match &args.gate {
        Some(path) => gate(&read_results(path)?, &results),
        None => Ok(Exit::Success),
    }
}

pub(super) fn merge(args: &MergeArgs, console: &Console) -> Result<Exit, Failure> {
    let mut runs: BTreeMap<String, Run> = BTreeMap::new();
    for path in &args.results {
        for run in read_results(path)?.runs {
            if runs
                .insert(key(&run), run.clone())
                .is_some_and(|before| before != run)
            {
                let message = format!("{} differs in two of the files", key(&run));
                return Err(Failure::new(Exit::Findings, message));
            }
        }
    }
    let results = Results::of(runs.into_values().collect(), TICK_INTERVAL_MS);
    write_results(&args.output, &results)?;
    show(&results, console)?;
    Ok(Exit::Success)
}

pub(super) fn compare_files(args: &CompareArgs, console: &Console) -> Result<Exit, Failure> {
    let tolerances = args
        .tolerances
        .as_deref()
        .map(read_tolerances)
        .transpose()?;
    let old = read_results(&args.old)?;
    let new = read_results(&args.new)?;
    let comparison = compare(&old, &new, tolerances.unwrap_or_default());
    if console.json {
        console.value(&comparison)?;
    } else {
        show_comparison(&comparison, console)?;
    }
    Ok(if comparison.beyond.is_empty() {
        Exit::Success
    } else {
        Exit::Findings
    })
}

pub(super) fn write_report(args: &ReportArgs, console: &Console) -> Result<Exit, Failure> {
    let page = report::document(&read_results(&args.results)?);
    let text = if args.html {
        document::html(&page)
    } else {
        document::markdown(&page)
    };
    match &args.output {
        Some(path) => write(path, &text)?,
        None => console.line(text.trim_end())?,
    }
    Ok(Exit::Success)
}

fn tasks(args: &SimulatedArgs) -> Result<Vec<Task>, Failure> {
    let usage = |message: String| Failure::new(Exit::Usage, message);
    let known = simulated::faults();
    let mut faults: Vec<&'static Fault> = Vec::new();
    for name in &args.faults {
        let found = known.iter().find(|fault| fault.id == *name);
        faults.push(found.copied().ok_or_else(|| {
            usage(format!(
                "the simulator plays no single fault {name:?}; see `operator chaos list`"
            ))
        })?);
    }
    if args.faults.is_empty() {
        faults = known;
    }
    let mut tasks = Vec::new();
    for name in &args.noise {
        let noise = simulated::noise_of(name).ok_or_else(|| {
            usage(format!(
                "no noise profile {name:?}; there are {}",
                simulated::noises().join(", ")
            ))
        })?;
        for &seed in &args.seeds {
            let with = faults.iter().map(|fault| Some(*fault));
            tasks.extend(with.chain([None]).map(|fault| Task { fault, seed, noise }));
        }
    }
    let (index, of) = args.shard;
    Ok(tasks.into_iter().skip(index - 1).step_by(of).collect())
}

/// What all runs share.
struct Session {
    plugins: PathBuf,
    /// sha256 of everything that decides what a run comes to.
    build: String,
    engine: Engine,
}

impl Session {
    fn play(&self, task: Task) -> Result<Run, Failure> {
        let io = |error: std::io::Error| Failure::new(Exit::Io, error.to_string());
        let data = tempfile::tempdir().map_err(io)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(io)?;
        runtime
            .block_on(simulated::run(
                task,
                &self.plugins,
                &self.engine,
                data.path(),
            ))
            .map(|run| Run {
                build: self.build.clone(),
                ..run
            })
    }
}

fn play_all(
    session: &Session,
    todo: VecDeque<Task>,
    jobs: usize,
    journal: &mut PartialResults,
) -> Result<(), Failure> {
    let all = todo.len();
    let waiting = Mutex::new(todo);
    let done = Mutex::new((0_usize, journal, None::<Failure>));
    std::thread::scope(|scope| {
        for _ in 0..jobs.min(all) {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().pop_front();
                    let Some(task) = next else { return };
                    let played = session.play(task);
                    let mut done = done.lock();
                    let (number, journal, failure) = &mut *done;
                    let kept = played.and_then(|run| journal.keep(run));
                    if let Err(error) = kept {
                        failure.get_or_insert(error);
                        waiting.lock().clear();
                        return;
                    }
                    *number += 1;
                    note(&format!("{number} of {all} runs played"));
                }
            });
        }
    });
    match done.into_inner().2 {
        Some(failure) => Err(failure),
        None => Ok(()),
    }
}

/// sha256 of the version of the operator and of all components.
fn build_of(plugins: &Path) -> Result<String, Failure> {
    let io =
        |error: std::io::Error| Failure::new(Exit::Io, format!("{}: {error}", plugins.display()));
    let mut files = Vec::new();
    for directory in [plugins.to_owned(), plugins.join("invariants")] {
        for entry in std::fs::read_dir(directory).map_err(io)? {
            let path = entry.map_err(io)?.path();
            files.extend(
                path.extension()
                    .is_some_and(|end| end == "wasm")
                    .then_some(path),
            );
        }
    }
    files.sort();
    let mut all = Sha256::new_with_prefix(env!("CARGO_PKG_VERSION"));
    for file in files {
        all.update(Sha256::digest(std::fs::read(file).map_err(io)?));
    }
    Ok(hex::encode(all.finalize()))
}

/// Runs that are done, on disk as soon as they are.
struct PartialResults {
    file: Option<(PathBuf, std::fs::File)>,
    runs: BTreeMap<String, Run>,
}

impl PartialResults {
    /// Runs of other builds are played again.
    fn open(output: Option<&Path>, build: &str) -> Result<Self, Failure> {
        let mut runs = BTreeMap::new();
        let Some(output) = output else {
            return Ok(Self { file: None, runs });
        };
        if output.exists() {
            runs.extend(
                read_results(output)?
                    .runs
                    .into_iter()
                    .map(|run| (key(&run), run)),
            );
        }
        let mut path = output.as_os_str().to_owned();
        path.push(".partial");
        let path = PathBuf::from(path);
        let io =
            |error: std::io::Error| Failure::new(Exit::Io, format!("{}: {error}", path.display()));
        if path.exists() {
            let text = std::fs::read_to_string(&path).map_err(io)?;
            // The last line of a run that was killed may be cut.
            let lines = text
                .lines()
                .filter_map(|line| serde_json::from_str::<Run>(line).ok());
            runs.extend(lines.map(|run| (key(&run), run)));
        }
        runs.retain(|_, run| run.build == build);
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(io)?;
        Ok(Self {
            file: Some((path, file)),
            runs,
        })
    }

    fn has(&self, task: &Task) -> bool {
        let fault = task.fault.map_or("none", |fault| fault.id.as_str());
        let is_same =
            |run: &Run| run.fault == fault && run.seed == task.seed && run.noise == task.noise.id;
        self.runs.values().any(is_same)
    }

    fn keep(&mut self, run: Run) -> Result<(), Failure> {
        if let Some((path, file)) = &mut self.file {
            let line = serde_json::to_string(&run)
                .map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
            writeln!(file, "{line}").map_err(|error| {
                Failure::new(
                    Exit::Io,
                    format!("cannot write {}: {error}", path.display()),
                )
            })?;
        }
        self.runs.insert(key(&run), run);
        Ok(())
    }

    fn runs(&self) -> Vec<Run> {
        self.runs.values().cloned().collect()
    }

    /// Everything is in the results file.
    fn remove_file(self) {
        if let Some((path, _)) = &self.file {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn show(results: &Results, console: &Console) -> Result<(), Failure> {
    console.line(&results.independence)?;
    let rows = report::figures(&results.summary)
        .into_iter()
        .filter_map(|row| <[String; 2]>::try_from(row).ok());
    console.line(&table::aligned(2, rows))?;
    let wrong = results
        .runs
        .iter()
        .filter(|run| run.expected && !(run.component && run.mechanism));
    for run in wrong {
        let named = run.named.as_deref().unwrap_or("no ticket");
        console.line(&format!("  not right: {}: {named}", key(run)))?;
    }
    let alarmed = results.runs.iter().filter(|run| run.false_tickets > 0);
    for run in alarmed {
        console.line(&format!(
            "  false tickets: {}: {}",
            key(run),
            run.false_tickets
        ))?;
    }
    Ok(())
}

fn gate(old: &Results, new: &Results) -> Result<Exit, Failure> {
    let comparison = compare(old, new, Tolerances::default());
    if comparison.beyond.is_empty() {
        return Ok(Exit::Success);
    }
    let message = format!("the gate is closed: {}", comparison.beyond.join("; "));
    Err(Failure::new(Exit::Findings, message))
}

fn show_comparison(comparison: &Comparison, console: &Console) -> Result<(), Failure> {
    let number =
        |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |value| format!("{value:.3}"));
    let rows = comparison.figures.iter().map(|figure| {
        [
            figure.name.to_owned(),
            number(figure.old),
            number(figure.new),
        ]
    });
    console.line(&table::aligned(2, rows))?;
    for (word, lines) in [("worse", &comparison.worse), ("better", &comparison.better)] {
        for line in lines {
            console.line(&format!("  {word}: {line}"))?;
        }
    }
    if comparison.unpaired > 0 {
        console.line(&format!(
            "  {} runs are in one file only",
            comparison.unpaired
        ))?;
    }
    for line in &comparison.beyond {
        console.line(&format!("  beyond tolerance: {line}"))?;
    }
    Ok(())
}

fn read_results(path: &Path) -> Result<Results, Failure> {
    let refuse = |exit, why: String| Failure::new(exit, format!("{}: {why}", path.display()));
    let text =
        std::fs::read_to_string(path).map_err(|error| refuse(Exit::Io, error.to_string()))?;
    serde_json::from_str(&text)
        .map_err(|error| refuse(Exit::Config, format!("not a results file: {error}")))
}

fn read_tolerances(path: &Path) -> Result<Tolerances, Failure> {
    let refuse = |exit, why: String| Failure::new(exit, format!("{}: {why}", path.display()));
    let text =
        std::fs::read_to_string(path).map_err(|error| refuse(Exit::Io, error.to_string()))?;
    toml::from_str(&text).map_err(|error| refuse(Exit::Config, error.to_string()))
}

fn write_results(path: &Path, results: &Results) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(results)
        .map_err(|error| Failure::new(Exit::Internal, error.to_string()))?;
    write(path, &format!("{text}\n"))
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| {
        Failure::new(
            Exit::Io,
            format!("cannot write {}: {error}", path.display()),
        )
    })
}
