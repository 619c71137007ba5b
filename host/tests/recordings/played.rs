//! A recording, watched from the first to the last second by the same code as `operator run`, in virtual time.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use operator::config::{Settings, TargetSettings};
use operator::daemon::Daemon;
use operator::event::{Event, Sink, What};
use operator::model::{Ticket, TicketChange, Timestamp};
use operator::plugin::{Engine, PluginLimits};
use operator::ports::Clock as _;
use operator::ports::real::RealClock;
use operator::ports::simulated::SimulatedWorld;
use operator::store::Book;
use operator::tick::assemble;
use operator_chaos::cassette::{Cassette, Recording};

/// As `run` does when nothing else is said.
const TICK_INTERVAL: Duration = Duration::from_secs(1);

/// What came of it.
pub(crate) struct Played {
    began: Timestamp,
    ticks: u64,
    /// Every ticket as it stood when it was opened, and at the end.
    opened: BTreeMap<String, Ticket>,
    last: BTreeMap<String, Ticket>,
    /// Ids of tickets that were resolved, in order.
    pub(crate) resolved: Vec<String>,
}

impl Played {
    /// Tickets as they were opened, the oldest first.
    pub(crate) fn opened(&self) -> Vec<&Ticket> {
        let mut tickets: Vec<&Ticket> = self.opened.values().collect();
        tickets.sort_by_key(|ticket| (ticket.opened_at, ticket.id.clone()));
        tickets
    }

    /// The ticket as it stood at the end.
    pub(crate) fn at_end(&self, id: &str) -> &Ticket {
        self.last.get(id).unwrap()
    }

    /// Seconds of recorded time from the beginning.
    pub(crate) fn seconds(&self, at: Timestamp) -> f64 {
        at.since_ms(self.began) as f64 / 1_000.0
    }

    pub(crate) fn ticks(&self) -> u64 {
        self.ticks
    }

    /// For a message that shows everything when a test fails.
    pub(crate) fn story(&self) -> String {
        let line = |ticket: &&Ticket| {
            let end = self.at_end(&ticket.id);
            let card = |ticket: &Ticket| {
                ticket.hypotheses.first().map(|h| format!("{} {:.2} {:?}", h.card, h.probability, h.component))
            };
            format!(
                "{:6.1} s {} [{}] {} | first {:?} | at end {:?} {:?}",
                self.seconds(ticket.opened_at),
                ticket.id,
                ticket.key,
                ticket.title,
                card(ticket),
                end.state,
                card(end)
            )
        };
        self.opened().iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

/// Watches the whole recording.
pub(crate) async fn play(recording: Recording) -> Played {
    let ends_at = Timestamp(recording.ends_at_ms());
    let world = SimulatedWorld::new(Box::new(Cassette::new(Arc::new(recording))));
    let ports = world.ports();
    let data = tempfile::tempdir().unwrap();
    let settings = settings(&world, data.path().join("data"));
    let engine = Engine::new(&PluginLimits::default()).unwrap();
    let opened = Book::open(&settings.data, ports.clock.now()).await.unwrap();
    let policy = settings.egress_policy();
    let assembly = assemble(&settings, policy, &ports, &engine, &RealClock, &mut |_| {}).await.unwrap();
    let began = ports.clock.now();
    let mut taker = Taker::default();
    let mut daemon = Daemon::start(&settings, Arc::clone(&ports.clock), assembly, opened, &mut taker).await.unwrap();
    let mut ticks = 0;
    while ports.clock.now() < ends_at {
        daemon.tick(0).await.unwrap();
        ticks += 1;
        ports.clock.sleep(TICK_INTERVAL).await;
    }
    daemon.stop("the recording is over".to_owned()).await.unwrap();
    let Taker { opened, last, resolved } = taker;
    Played { began, ticks, opened, last, resolved }
}

fn settings(world: &SimulatedWorld, data: PathBuf) -> Settings {
    let plugins = plugins();
    let mut settings = Settings::new(plugins.join("tikv.wasm"));
    for (name, origin) in world.targets() {
        settings.targets.insert(name, TargetSettings::new(origin.parse().unwrap()));
    }
    settings.invariants = vec![plugins.join("invariants")];
    settings.data = data;
    settings
}

/// Where `cargo xtask guests` puts components.
#[expect(clippy::disallowed_methods, reason = "a test has no configuration")]
fn plugins() -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/plugins");
    let folder = std::env::var_os("OPERATOR_PLUGINS").map_or_else(beside, PathBuf::from);
    assert!(
        folder.join("tikv.wasm").is_file(),
        "no components in {}: run `cargo xtask guests` first",
        folder.display()
    );
    folder
}

/// Takes what is said of tickets.
#[derive(Default)]
struct Taker {
    opened: BTreeMap<String, Ticket>,
    last: BTreeMap<String, Ticket>,
    resolved: Vec<String>,
}

impl Sink for Taker {
    fn emit(&mut self, event: &Event) {
        let What::Ticket(written) = &event.what else { return };
        let ticket = written.ticket.clone();
        match written.change {
            TicketChange::Opened => {
                self.opened.insert(ticket.id.clone(), ticket.clone());
            }
            TicketChange::Resolved => self.resolved.push(ticket.id.clone()),
            _ => {}
        }
        self.last.insert(ticket.id.clone(), ticket);
    }

    fn progress(&mut self, _line: &str) {}

    fn story(&mut self, _observed_at: Timestamp, _word: &str, _text: &str) {}
}
