//! One fault, from the first observation to the end, through the same pipeline as in production.

use operator::demo::simulated_ports::SimulatedWorld;
use operator_engine::settings::{Settings, TargetSettings};
use operator_engine::tick::{Pipeline, TickReport, assemble, config_digest};
use operator_journal::store::TicketLog;
use operator_model::{CheckDeclaration, CheckId, Severity, Status, Timestamp, Verdict};
use operator_net::ports::real::RealClock;
use operator_plugin_host::Engine;
use operator_sim::Simulator;
use operator_sim::config::ClusterConfig;
use operator_sim::fault::Fault;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Virtual time between two ticks. Checks look at windows of a minute, which holds enough of these.
const TICK_MS: u64 = 10_000;

/// What all faults are played with.
pub(crate) struct Bench {
    engine: Engine,
    plugins: PathBuf,
    runtime: tokio::runtime::Runtime,
    declarations: Vec<CheckDeclaration>,
}

/// The result of one fault.
pub(crate) struct Played {
    pub(crate) fault: &'static Fault,
    pub(crate) checks: BTreeMap<CheckId, Failing>,
    /// Titles of the tickets that were opened.
    pub(crate) tickets: Vec<String>,
}

/// How long and how badly a check failed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failing {
    since: Option<Timestamp>,
    /// It failed for as long as it must before anybody is told.
    pub(crate) held: bool,
    /// The worst violation that was held.
    pub(crate) severity: Severity,
}

impl Played {
    /// Checks of which a person would be told, notes left aside.
    pub(crate) fn alarms(&self) -> impl Iterator<Item = &CheckId> {
        self.checks
            .iter()
            .filter(|(_, failing)| failing.held && failing.severity > Severity::Info)
            .map(|(id, _)| id)
    }
}

impl Bench {
    /// Nothing where the components were not built; that is an error where it counts.
    pub(crate) fn open() -> Option<Self> {
        let built = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("plugins");
        let plugins = std::env::var_os("OPERATOR_PLUGINS").map_or(built, PathBuf::from);
        if !plugins.join("invariants").is_dir() {
            let message = format!(
                "no components in {}: build them with `cargo xtask guests`",
                plugins.display()
            );
            assert!(std::env::var_os("CI").is_none(), "{message}");
            eprintln!("\n!!! SKIPPED, NOTHING WAS TESTED: {message}\n");
            return None;
        }
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache");
        let limits = Settings::new(plugins.join("tikv.wasm")).plugin_limits;
        let engine = Engine::with_cache(&limits, &cache).expect("an engine");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let mut bench = Self {
            engine,
            plugins,
            runtime,
            declarations: Vec::new(),
        };
        bench.declarations = bench.runtime.block_on(bench.declare());
        Some(bench)
    }

    /// Every check of every module.
    pub(crate) fn declarations(&self) -> &[CheckDeclaration] {
        &self.declarations
    }

    async fn declare(&self) -> Vec<CheckDeclaration> {
        let world = SimulatedWorld::new(Box::new(Simulator::new(ClusterConfig::default())));
        let settings = self.settings(&world, Path::new("unused"));
        let ports = world.ports();
        let assembly = assemble(
            &settings,
            settings.egress_policy(),
            &ports,
            &self.engine,
            &RealClock,
            &mut |_| {},
        )
        .await
        .expect("components");
        assembly
            .checks
            .declarations()
            .into_iter()
            .map(|(_, declaration)| declaration)
            .collect()
    }

    pub(crate) fn play(&self, fault: &'static Fault) -> Played {
        let data = tempfile::tempdir().expect("a directory");
        let played = self.runtime.block_on(self.watch(fault, data.path()));
        let alarms: Vec<&str> = played.alarms().map(CheckId::as_str).collect();
        eprintln!(
            "{}: {} | tickets: {}",
            fault.id,
            alarms.join(" "),
            played.tickets.join("; ")
        );
        played
    }

    async fn watch(&self, fault: &'static Fault, data: &Path) -> Played {
        let mut played = Played {
            fault,
            checks: BTreeMap::new(),
            tickets: Vec::new(),
        };
        self.each_tick(fault, data, |report, ticket_log| {
            report
                .verdicts
                .iter()
                .for_each(|verdict| played.learn(verdict, report.snapshot.taken_at));
            let titles = ticket_log.ticket_table().tickets();
            played.tickets = titles.map(|ticket| ticket.title.clone()).collect();
        })
        .await;
        played
    }

    /// Watches a fault from the first observation to the end.
    pub(crate) async fn each_tick(
        &self,
        fault: &Fault,
        data: &Path,
        mut see: impl FnMut(&TickReport, &TicketLog),
    ) {
        let world = SimulatedWorld::new(Box::new(Simulator::with_fault(
            ClusterConfig::default(),
            fault,
        )));
        let (settings, ports) = (self.settings(&world, data), world.ports());
        let mut ticket_log = TicketLog::open(data, ports.clock.now())
            .await
            .expect("a book")
            .ticket_log;
        let assembly = assemble(
            &settings,
            settings.egress_policy(),
            &ports,
            &self.engine,
            &RealClock,
            &mut |_| {},
        )
        .await
        .expect("components");
        let mut pipeline = Pipeline::new(assembly, config_digest(&settings), &ticket_log);
        pipeline.source().prime().await;
        for _ in 0..fault.duration_s * 1_000 / TICK_MS {
            let report = pipeline
                .tick(&mut ticket_log)
                .await
                .expect("the book is written");
            see(&report, &ticket_log);
            ports.clock.sleep(Duration::from_millis(TICK_MS)).await;
        }
        ticket_log.close().await.expect("the book is closed");
    }

    pub(crate) fn runtime(&self) -> &tokio::runtime::Runtime {
        &self.runtime
    }

    fn settings(&self, world: &SimulatedWorld, data: &Path) -> Settings {
        let mut settings = Settings::new(self.plugins.join("tikv.wasm"));
        for (name, origin) in world.targets() {
            settings.targets.insert(
                name,
                TargetSettings::new(origin.parse().expect("an origin")),
            );
        }
        settings.invariants = vec![self.plugins.join("invariants")];
        settings.data = data.to_owned();
        settings.tick_interval_ms = TICK_MS;
        settings
    }
}

impl Played {
    fn learn(&mut self, verdict: &Verdict, now: Timestamp) {
        if verdict.status != Status::Fail {
            if let Some(failing) = self.checks.get_mut(&verdict.check) {
                failing.since = None;
            }
            return;
        }
        let new = Failing {
            since: None,
            held: false,
            severity: Severity::Info,
        };
        let failing = self.checks.entry(verdict.check.clone()).or_insert(new);
        let since = *failing.since.get_or_insert(now);
        let confirmed = verdict
            .violations
            .iter()
            .any(|violation| violation.confirmed);
        if confirmed || now.since_ms(since) >= verdict.hold_ms {
            failing.held = true;
            failing.severity = failing.severity.max(verdict.severity);
        }
    }
}
