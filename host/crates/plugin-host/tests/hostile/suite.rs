//! Every hostile component on one engine, beside a module that holds a secret and one that does nothing wrong.

use super::{limits_with, snapshot};
use operator_model::{Status, Tick, Timestamp};
use operator_plugin_host::{
    Engine, InvariantModule, LoadError, PluginFailure, PluginLimits, Subject, SubjectWorld,
};
use operator_testkit::guest::{OutcomeParts, one_check, outcome, passes};
use operator_testkit::hostile::{self as catalogue, Case, Kind};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What SECURITY.md promises.
const CASES_MIN: usize = 250;

/// Lies in the memory, in the state and in the reason of another plugin.
const CANARY: &str = "canary-5b1e0c7d9a";

/// Small limits, so that bombs end soon; what is tested is that they end in a typed way.
fn small() -> PluginLimits {
    limits_with(|limits| {
        for call in [&mut limits.check, &mut limits.subject] {
            (call.fuel, call.memory_bytes_max, call.table_elements_max) =
                (3_000_000, 4 << 20, 20_000);
        }
    })
}

/// A check that fills its memory with the canary and hands it on as its state.
fn vault() -> Vec<u8> {
    one_check(|guest| {
        let state = guest.text(CANARY);
        let answer = outcome(
            guest,
            &OutcomeParts {
                state: Some(state),
                ..OutcomeParts::default()
            },
        );
        let (from, length) = (state[0], state[1]);
        format!(
            "(local $to i32) (local.set $to (i32.const 140000))
             (loop $again
                (memory.copy (local.get $to) (i32.const {from}) (i32.const {length}))
                (local.set $to (i32.add (local.get $to) (i32.const 32)))
                (br_if $again (i32.lt_u (local.get $to) (i32.const 260000))))
             (i32.const {answer})"
        )
    })
}

/// What a case came to, and every text and byte that came out of it.
struct Ended {
    how: &'static str,
    shown: String,
    /// A typed answer, and not an error that only the host can be blamed for.
    is_typed: bool,
}

fn of_load(error: &LoadError) -> Ended {
    let how = match error {
        LoadError::Failed { failure, .. } => return of_failure(failure),
        _ => "refused",
    };
    Ended {
        how,
        shown: format!("{error} {error:?}"),
        is_typed: true,
    }
}

fn of_failure(failure: &PluginFailure) -> Ended {
    let how = match failure {
        PluginFailure::OutOfFuel { .. } => "out of fuel",
        PluginFailure::Deadline { .. } => "deadline",
        PluginFailure::Memory { .. } => "memory",
        PluginFailure::TableElements { .. } => "table",
        PluginFailure::Trap { .. } => "trapped",
        _ => "another limit",
    };
    let is_typed = !matches!(failure, PluginFailure::Host(_));
    Ended {
        how,
        shown: format!("{failure} {failure:?}"),
        is_typed,
    }
}

async fn run(engine: &Engine, case: &Case) -> Ended {
    match case.kind {
        Kind::Check => run_check(engine, &case.bytes).await,
        Kind::Subject => run_subject(engine, &case.bytes).await,
    }
}

/// Loads, evaluates twice and migrates; the first failure counts.
async fn run_check(engine: &Engine, bytes: &[u8]) -> Ended {
    let module = match InvariantModule::load(engine, "x.wasm", bytes, "{}").await {
        Ok(module) => module,
        Err(error) => return of_load(&error),
    };
    let mut shown = format!("{:?} {:?}", module.info(), module.checks());
    for check in module.checks() {
        for state in [None, Some(b"state".as_slice())] {
            match module
                .evaluate(check, &snapshot(Vec::new()), state)
                .await
                .result
            {
                Ok(outcome) => shown.push_str(&format!(
                    "{outcome:?} {:?}",
                    outcome.state.as_deref().map(String::from_utf8_lossy)
                )),
                Err(failure) => return of_failure(&failure),
            }
        }
        match module.migrate(check, "0.9.0", b"state").await {
            Ok(state) => shown.push_str(&format!(
                "{:?}",
                state.as_deref().map(String::from_utf8_lossy)
            )),
            Err(failure) => return of_failure(&failure),
        }
    }
    Ended {
        how: "completed",
        shown,
        is_typed: true,
    }
}

async fn run_subject(engine: &Engine, bytes: &[u8]) -> Ended {
    let mut subject =
        match Subject::load(engine, "x.wasm", bytes, "{}", SubjectWorld::nothing()).await {
            Ok(subject) => subject,
            Err(error) => return of_load(&error),
        };
    match subject
        .observe(Tick(1), Timestamp(5), Duration::from_millis(100))
        .await
    {
        Ok(observed) => Ended {
            how: "completed",
            shown: observed.system,
            is_typed: true,
        },
        Err(failure) => of_failure(&failure),
    }
}

#[tokio::test]
async fn no_hostile_component_hurts_the_host_or_sees_another_plugin() {
    let engine = Engine::new(&small()).unwrap();
    let good = InvariantModule::load(&engine, "good", &one_check(passes("ok")), "{}")
        .await
        .unwrap();
    let vault = InvariantModule::load(&engine, "vault", &vault(), "{}")
        .await
        .unwrap();
    let cases = catalogue::all();
    let labels: BTreeSet<&str> = cases.iter().map(|case| case.label.as_str()).collect();
    assert_eq!(labels.len(), cases.len(), "no case twice");
    assert!(cases.len() >= CASES_MIN, "{} cases", cases.len());
    let mut endings: BTreeMap<&str, usize> = BTreeMap::new();
    for case in &cases {
        // The slot that the case gets was just used by somebody with a secret.
        let kept = vault
            .evaluate(&vault.checks()[0], &snapshot(Vec::new()), None)
            .await
            .result
            .unwrap();
        assert_eq!(kept.state.as_deref(), Some(CANARY.as_bytes()));
        let ended = run(&engine, case).await;
        assert!(ended.is_typed, "{}: {}", case.label, ended.shown);
        assert!(!ended.shown.contains(CANARY), "{}", case.label);
        *endings.entry(ended.how).or_default() += 1;
        let after = good
            .evaluate(&good.checks()[0], &snapshot(Vec::new()), None)
            .await
            .result;
        assert!(
            matches!(&after, Ok(outcome) if outcome.status == Status::Pass),
            "after {}: {after:?}",
            case.label
        );
    }
    // The suite reaches what it wants to reach: each kind of ending is the ending of some case.
    for ending in [
        "refused",
        "out of fuel",
        "memory",
        "table",
        "trapped",
        "completed",
    ] {
        assert!(endings.contains_key(ending), "{endings:?}");
    }
}

/// A check that hands out a part of its memory which it never wrote.
fn reader(from: u32, length: u32, grows: u32) -> Vec<u8> {
    one_check(|guest| {
        let answer = outcome(
            guest,
            &OutcomeParts {
                state: Some([from, length]),
                ..OutcomeParts::default()
            },
        );
        format!("(drop (memory.grow (i32.const {grows}))) (i32.const {answer})")
    })
}

#[tokio::test]
async fn memory_that_a_plugin_never_wrote_holds_nothing() {
    let engine = Engine::new(&small()).unwrap();
    let vault = InvariantModule::load(&engine, "vault", &vault(), "{}")
        .await
        .unwrap();
    // Memory begins with four pages; the allocator of the fixture begins at 131,072.
    for (from, length, grows) in [
        (4_096, 120_000, 0),
        (139_000, 122_000, 0),
        (262_144, 65_536, 1),
        (262_144, 200_000, 8),
        (1_000_000, 200_000, 20),
    ] {
        let reader = InvariantModule::load(&engine, "reader", &reader(from, length, grows), "{}")
            .await
            .unwrap();
        for _ in 0..20 {
            vault
                .evaluate(&vault.checks()[0], &snapshot(Vec::new()), None)
                .await
                .result
                .unwrap();
            let seen = reader
                .evaluate(&reader.checks()[0], &snapshot(Vec::new()), None)
                .await
                .result
                .unwrap();
            let state = seen.state.unwrap();
            assert_eq!(state.len(), length as usize);
            assert!(state.iter().all(|byte| *byte == 0), "{from} {grows}");
        }
    }
}

#[tokio::test]
async fn a_hostile_component_costs_the_same_fuel_and_ends_the_same_way_every_time() {
    let engine = Engine::new(&small()).unwrap();
    let loops = catalogue::all()
        .into_iter()
        .filter(|case| case.label.ends_with("in evaluate"));
    for case in loops {
        let module = InvariantModule::load(&engine, "x.wasm", &case.bytes, "{}")
            .await
            .unwrap();
        let run = async || {
            let evaluated = module
                .evaluate(&module.checks()[0], &snapshot(Vec::new()), None)
                .await;
            (
                of_failure(&evaluated.result.unwrap_err()).how,
                evaluated.fuel,
            )
        };
        assert_eq!(run().await, run().await, "{}", case.label);
    }
}
