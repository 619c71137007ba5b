//! Other code on the same ticks: which verdicts would have been different, and since when.

use super::loaded::{self, ReplayError};
use operator_check::{CheckSet, run_all};
use operator_data::freeze::{FreezeInput, Tables};
use operator_data::{Snapshot, freeze as snapshot};
use operator_model::{CheckId, Status, Tick, Timestamp, Verdict};
use operator_plugin_host::Engine;
use operator_plugin_host::observe::observe;
use operator_recording::{PlayedWorld, RecordedTick, Recording};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Changes that are listed; a check that flaps all the time is understood after that many.
const FLIPS_MAX: usize = 10_000;

/// The differences.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Against {
    /// Name and version of the plugin that was tried.
    pub plugin: String,
    /// sha256 of it.
    pub digest: String,
    /// Path or name of what it stood in for; nothing for an additional check.
    pub instead_of: Option<String>,
    /// Ticks that were evaluated.
    pub ticks: u64,
    /// Ticks in which at least one verdict was different.
    pub ticks_different: u64,
    /// Verdicts in all.
    pub verdicts: u64,
    /// Every time that the difference of a check changed, in the order of ticks.
    pub flips: Vec<Flip>,
    /// Flips that are not listed.
    pub flips_left_out: u64,
    /// Requests of a subject to which the recording has no answer.
    pub unanswered: u64,
}

/// From this tick on, the verdict of a check differs from the recorded one, or agrees again.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Flip {
    /// From this tick on.
    pub tick: Tick,
    /// When, by the observed clock.
    pub at: Timestamp,
    /// Which check.
    pub invariant: CheckId,
    /// What was recorded; nothing when the check was not there.
    pub recorded: Option<Status>,
    /// Its verdict now; nothing when the check is not there any more.
    pub replayed: Option<Status>,
    /// Why, now.
    pub reason: String,
}

/// Evaluates all recorded ticks with the component `bytes` in the place of the plugin of the same
/// name. A check plugin of which the recording has none is asked next to the others.
///
/// # Errors
/// The recording is damaged, or a plugin cannot be loaded.
pub async fn against(
    engine: &Engine,
    recording: Recording,
    name: &str,
    bytes: Vec<u8>,
) -> Result<Against, ReplayError> {
    match operator_plugin_host::inspect(name, &bytes, engine.limits())?
        .world
        .base()
    {
        operator_plugin_host::World::Subject => {
            against_subject(engine, recording, name, &bytes).await
        }
        _ => against_module(engine, recording, name, bytes).await,
    }
}

async fn against_module(
    engine: &Engine,
    recording: Recording,
    name: &str,
    bytes: Vec<u8>,
) -> Result<Against, ReplayError> {
    let tried = CheckSet::from_modules(
        engine,
        vec![(name.to_owned(), bytes.clone())],
        BTreeMap::new(),
    )
    .await?;
    let (plugin, digest) = tried.modules().into_iter().next().unwrap_or_default();
    let same = recording
        .begin()
        .modules
        .iter()
        .find(|module| module.name == plugin);
    let instead_of = same.map(|module| module.source.clone());
    let tried = match same.filter(|module| module.config.trim() != "{}") {
        None => tried,
        Some(module) => {
            let configs = [(loaded::stem(name), module.config.clone())].into();
            CheckSet::from_modules(engine, vec![(name.to_owned(), bytes)], configs).await?
        }
    };
    let mut walk = Walk::new(Against {
        plugin: plugin.clone(),
        digest,
        instead_of,
        ..Against::nothing()
    });
    let mut recording = recording;
    while let Some(recorded) = recording.next_tick()? {
        let mut before = verdicts_of(&recorded);
        before.retain(|verdict| verdict.module == plugin);
        let now = judge(&tried, &recorded.snapshot);
        walk.tick(&recorded.snapshot, &before, &now);
    }
    Ok(walk.against)
}

async fn against_subject(
    engine: &Engine,
    mut recording: Recording,
    name: &str,
    bytes: &[u8],
) -> Result<Against, ReplayError> {
    let begin = recording.begin().clone();
    let played: Arc<PlayedWorld> = Arc::default();
    let (mut subject, series) = loaded::subject(engine, &begin, name, bytes, &played).await?;
    let checks = loaded::checks(engine, &recording).await?;
    let plugin = format!("{} {}", subject.info().name, subject.info().version);
    let instead_of = Some(begin.subject.source.clone());
    let digest = subject.digest().0.clone();
    let mut walk = Walk::new(Against {
        plugin,
        digest,
        instead_of,
        ..Against::nothing()
    });
    let budget = Duration::from_millis(begin.tick_deadline_ms);
    let mut past: Vec<Arc<Tables>> = Vec::new();
    while let Some(recorded) = recording.next_tick()? {
        let was = &recorded.snapshot;
        played.set(was.host_at, recorded.seen.clone());
        let observed = observe(&mut subject, was.tick, was.taken_at, budget).await;
        let series = Arc::new(
            series
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        );
        let snapshot = snapshot::freeze(FreezeInput {
            tick: was.tick,
            taken_at: was.taken_at,
            host_at: was.host_at,
            subject: &subject.info().name,
            observed,
            series,
            past: &past,
            history_ticks: begin.history_ticks,
        });
        past = snapshot::history(&snapshot, begin.history_ticks);
        let now = judge(&checks, &snapshot);
        walk.tick(was, &verdicts_of(&recorded), &now);
    }
    walk.against.unanswered = played.missing();
    Ok(walk.against)
}

/// Guests are driven by threads of their own; a replay has nothing else to do meanwhile.
fn judge(checks: &CheckSet, snapshot: &Arc<Snapshot>) -> Vec<Verdict> {
    run_all(checks, snapshot)
}

fn verdicts_of(recorded: &RecordedTick) -> Vec<Verdict> {
    recorded
        .verdicts
        .iter()
        .filter_map(|text| serde_json::from_str(text).ok())
        .collect()
}

impl Against {
    fn nothing() -> Self {
        Self {
            plugin: String::new(),
            digest: String::new(),
            instead_of: None,
            ticks: 0,
            ticks_different: 0,
            verdicts: 0,
            flips: Vec::new(),
            flips_left_out: 0,
            unanswered: 0,
        }
    }
}

/// Compares tick by tick.
struct Walk {
    against: Against,
    /// The last difference that was reported, by check.
    journal_events: BTreeMap<CheckId, (Option<Status>, Option<Status>)>,
}

impl Walk {
    fn new(against: Against) -> Self {
        Self {
            against,
            journal_events: BTreeMap::new(),
        }
    }

    fn tick(&mut self, snapshot: &Snapshot, before: &[Verdict], now: &[Verdict]) {
        let mut pairs: BTreeMap<&CheckId, (Option<&Verdict>, Option<&Verdict>)> = BTreeMap::new();
        before
            .iter()
            .for_each(|verdict| pairs.entry(&verdict.check).or_default().0 = Some(verdict));
        now.iter()
            .for_each(|verdict| pairs.entry(&verdict.check).or_default().1 = Some(verdict));
        let mut different = false;
        for (check, (before, now)) in pairs {
            let pair = (
                before.map(|verdict| verdict.status),
                now.map(|verdict| verdict.status),
            );
            different |= pair.0 != pair.1;
            self.tell(snapshot, check, pair, now);
        }
        self.against.ticks += 1;
        self.against.verdicts += now.len() as u64;
        self.against.ticks_different += u64::from(different);
    }

    /// A difference, and the end of one. Where nothing was recorded, every change of status.
    fn tell(
        &mut self,
        snapshot: &Snapshot,
        check: &CheckId,
        pair: (Option<Status>, Option<Status>),
        now: Option<&Verdict>,
    ) {
        let journal_events = self.journal_events.insert(check.clone(), pair);
        let was_different = journal_events.is_some_and(|(before, now)| before != now);
        let is_news = if pair.0 == pair.1 {
            was_different
        } else {
            journal_events != Some(pair)
        };
        if !is_news {
            return;
        }
        if self.against.flips.len() >= FLIPS_MAX {
            self.against.flips_left_out += 1;
            return;
        }
        let first = now.and_then(|verdict| verdict.violations.first());
        let reason = first.map(|violation| format!("{}: {}", violation.entity, violation.summary));
        self.against.flips.push(Flip {
            tick: snapshot.tick,
            at: snapshot.taken_at,
            invariant: check.clone(),
            recorded: pair.0,
            replayed: pair.1,
            reason: reason
                .or_else(|| now.map(|verdict| verdict.reason.clone()))
                .unwrap_or_default(),
        });
    }
}
