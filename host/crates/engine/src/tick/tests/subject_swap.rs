//! New versions of the subject: between two ticks, on probation, and what becomes of one that keeps failing.

use super::*;
use crate::event::{EventKind, PluginChangeKind};

/// A subject that calls what it sees by this name.
fn sees(system: &str) -> Vec<u8> {
    subject(|guest| format!("(i32.const {})", observation(guest, system))).component()
}

fn traps() -> Vec<u8> {
    subject(|_| "unreachable".to_owned()).component()
}

struct Swapping {
    directory: tempfile::TempDir,
    running: Running,
}

impl Swapping {
    async fn with(watcher: &[u8]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), &one_check(passes("ok")));
        std::fs::write(directory.path().join("watcher.wasm"), watcher).unwrap();
        let running = Running::start(directory.path(), &Arc::new(Void::default())).await;
        Self { directory, running }
    }

    /// Puts another file where the subject came from, and lets it be prepared, as `run` does beside its ticks.
    async fn put(&self, watcher: &[u8]) {
        std::fs::write(self.directory.path().join("watcher.wasm"), watcher).unwrap();
        self.running
            .pipeline
            .source()
            .file()
            .unwrap()
            .prepare_changes()
            .await;
    }

    /// The system that was seen, why not, and what became of plugins.
    async fn tick(&mut self) -> (String, String, Vec<PluginChangeKind>) {
        let report = self
            .running
            .pipeline
            .tick(&mut self.running.ticket_log)
            .await
            .unwrap();
        let changes = report
            .events
            .into_iter()
            .filter_map(|event| match event.what {
                EventKind::Plugin(change) => Some(change.kind),
                _ => None,
            });
        let why: Vec<String> = report
            .snapshot
            .blind
            .iter()
            .map(|spot| spot.reason.clone())
            .collect();
        (
            report.snapshot.system.clone(),
            why.join("; "),
            changes.collect(),
        )
    }
}

#[tokio::test]
async fn a_new_version_looks_from_the_next_tick_on_and_every_tick_has_one() {
    let mut swapping = Swapping::with(&sees("one")).await;
    assert_eq!(swapping.tick().await.0, "one");
    swapping.put(&sees("two")).await;
    let (system, _, changes) = swapping.tick().await;
    assert_eq!(
        (system.as_str(), &changes[..]),
        ("two", &[PluginChangeKind::Swapped][..])
    );
    assert_eq!(
        swapping.tick().await,
        ("two".to_owned(), String::new(), Vec::new())
    );
}

#[tokio::test]
async fn a_version_that_fails_on_probation_is_taken_back_within_the_tick() {
    let mut swapping = Swapping::with(&sees("one")).await;
    swapping.tick().await;
    swapping.put(&traps()).await;
    let (system, why, changes) = swapping.tick().await;
    assert_eq!(
        (system.as_str(), why.as_str()),
        ("one", ""),
        "the version before looked in the same tick"
    );
    assert_eq!(
        changes,
        [PluginChangeKind::Swapped, PluginChangeKind::RolledBack]
    );
    assert_eq!(
        swapping.tick().await,
        ("one".to_owned(), String::new(), Vec::new())
    );
}

#[tokio::test]
async fn a_file_that_is_no_subject_never_looks_and_the_present_one_goes_on() {
    let mut swapping = Swapping::with(&sees("one")).await;
    swapping.tick().await;
    swapping.put(b"not a component").await;
    let (system, _, changes) = swapping.tick().await;
    assert_eq!(
        (system.as_str(), &changes[..]),
        ("one", &[PluginChangeKind::RolledBack][..])
    );
}

#[tokio::test]
async fn a_subject_that_keeps_failing_is_left_alone_for_a_while_and_a_repaired_one_looks_at_once() {
    let mut swapping = Swapping::with(&traps()).await;
    let mut reasons = Vec::new();
    for _ in 0..6 {
        reasons.push(swapping.tick().await.1);
    }
    let in_quarantine: Vec<bool> = reasons
        .iter()
        .map(|reason| reason.contains("is in quarantine"))
        .collect();
    // Three strikes, a pause of one tick, a trial that fails, a pause of two.
    assert_eq!(
        in_quarantine,
        [false, false, false, true, false, true],
        "{reasons:?}"
    );
    assert!(
        reasons[3].contains("until tick 4") && reasons[3].contains("trapped"),
        "{reasons:?}"
    );
    swapping.put(&sees("one")).await;
    assert_eq!(
        swapping.tick().await,
        (
            "one".to_owned(),
            String::new(),
            vec![PluginChangeKind::Swapped]
        )
    );
}
