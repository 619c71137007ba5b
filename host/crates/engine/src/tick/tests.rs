//! Whole ticks over a subject and a module that are made for the test.

mod subject_swap;

use super::*;
use crate::event::EventKind;
use crate::settings::Settings;
use operator_journal::store::{Opened, TicketLog};
use operator_model::{Ticket, TicketChange, Timestamp};
use operator_net::ports::{
    BoxFuture, Clock, Http, HttpError, HttpRequest, HttpResponse, LogLines, Logs, Ports,
};
use operator_plugin_host::{Engine, PluginLimits};
use operator_testkit::guest::{invariant, keeps_state, observation, one_check, passes, subject};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A world of which only the time passes: half a second whenever somebody looks at the clock.
#[derive(Default)]
struct Void {
    now_ms: AtomicU64,
}

impl Clock for Void {
    fn now(&self) -> Timestamp {
        Timestamp(self.now_ms.fetch_add(500, Ordering::Relaxed))
    }

    fn sleep(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

impl Http for Void {
    fn send(&self, _: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(std::future::ready(Err(HttpError::Timeout)))
    }
}

impl Logs for Void {
    fn sources(&self) -> Vec<String> {
        Vec::new()
    }

    fn read(&self, source: &str, _: usize) -> Result<LogLines, String> {
        Err(source.to_owned())
    }
}

/// An operator in a directory, from its start on.
struct Running {
    pipeline: Pipeline,
    ticket_log: TicketLog,
}

impl Running {
    async fn start(directory: &Path, world: &Arc<Void>) -> Self {
        let mut settings = Settings::new(directory.join("watcher.wasm"));
        settings.invariants = vec![directory.join("checks")];
        let ports = Ports {
            clock: world.clone(),
            http: world.clone(),
            logs: world.clone(),
        };
        let engine = Engine::new(&PluginLimits::default()).unwrap();
        let assembly = assemble(
            &settings,
            settings.egress_policy(),
            &ports,
            &engine,
            &**world,
            &mut |_| {},
        )
        .await
        .unwrap();
        let Opened { ticket_log, .. } = TicketLog::open(&directory.join("data"), world.now())
            .await
            .unwrap();
        Self {
            pipeline: Pipeline::new(assembly, String::new(), &ticket_log),
            ticket_log,
        }
    }

    /// What became of tickets in this many ticks.
    async fn ticks(&mut self, count: usize) -> Vec<(TicketChange, Ticket)> {
        let mut written = Vec::new();
        for _ in 0..count {
            let report = self.pipeline.tick(&mut self.ticket_log).await.unwrap();
            written.extend(
                report
                    .events
                    .into_iter()
                    .filter_map(|event| match event.what {
                        EventKind::Ticket(ticket) => Some((ticket.change, ticket.ticket)),
                        _ => None,
                    }),
            );
        }
        written
    }
}

fn write(directory: &Path, module: &[u8]) {
    std::fs::create_dir_all(directory.join("checks")).unwrap();
    std::fs::write(directory.join("checks/disk.wasm"), module).unwrap();
    let watcher = subject(|guest| format!("(i32.const {})", observation(guest, "cluster-1")));
    std::fs::write(directory.join("watcher.wasm"), watcher.component()).unwrap();
}

#[tokio::test]
async fn a_plugin_that_keeps_failing_has_one_ticket_which_ends_when_it_answers_again() {
    let (directory, world) = (tempfile::tempdir().unwrap(), Arc::new(Void::default()));
    write(directory.path(), &one_check(|_| "unreachable".to_owned()));
    let mut running = Running::start(directory.path(), &world).await;
    assert_eq!(
        running.ticks(2).await,
        [],
        "two failures are not yet a pattern"
    );
    let written = running.ticks(1).await;
    let [(TicketChange::Opened, ticket)] = &written[..] else {
        panic!("{written:?}")
    };
    assert_eq!(
        (ticket.key.as_str(), ticket.title.as_str()),
        ("plugin/fixture", "Plugin fixture keeps failing")
    );
    assert_eq!(ticket.explanation_score, 100, "{ticket:?}");
    assert!(
        ticket
            .gaps
            .iter()
            .any(|gap| gap.contains("fixture!evaluate") && gap.contains("tick 3")),
        "{ticket:?}"
    );
    let later = running.ticks(40).await;
    assert!(
        later
            .iter()
            .all(|(change, _)| *change == TicketChange::Updated),
        "{later:?}"
    );
    drop(running);

    // Somebody repairs it and starts the operator again.
    write(
        directory.path(),
        &keeps_state(invariant("1.0.1", &[("c", &[])], passes("ok"))).component(),
    );
    let mut running = Running::start(directory.path(), &world).await;
    assert_eq!(running.ticks(9).await, []);
    let written = running.ticks(1).await;
    let [(TicketChange::Resolved, ticket)] = &written[..] else {
        panic!("{written:?}")
    };
    assert_eq!(ticket.key.as_str(), "plugin/fixture");
    assert_eq!(running.ticks(20).await, []);
}
