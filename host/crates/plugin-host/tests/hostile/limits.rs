//! Limits that are reached over several calls or parts; the others are reached beside what they bound.

use super::{limits, limits_with, snapshot};
use futures_util::future::join_all;
use operator_model::{Tick, Timestamp};
use operator_net::egress::{
    DiscoveryPolicy, Egress, EgressLimits, EgressPolicy, TargetPolicy, TargetRequest,
};
use operator_net::ports::{BoxFuture, Http, HttpError, HttpRequest, HttpResponse, Method};
use operator_plugin_host::{
    Engine, InvariantModule, LoadError, PluginFailure, PluginLimits, Subject, SubjectWorld,
};
use operator_testkit::guest::{
    Guest, OutcomeParts, entity_set, invariant, keeps_state, observation, one_check, outcome,
    passes, subject,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

async fn load(limits: &PluginLimits, bytes: &[u8]) -> Result<InvariantModule, LoadError> {
    InvariantModule::load(&Engine::new(limits).unwrap(), "x.wasm", bytes, "{}").await
}

async fn loaded_subject(limits: &PluginLimits, guest: &Guest) -> Subject {
    let engine = Engine::new(limits).unwrap();
    Subject::load(
        &engine,
        "x.wasm",
        &guest.component(),
        "{}",
        SubjectWorld::nothing(),
    )
    .await
    .unwrap()
}

#[tokio::test]
async fn more_core_instances_than_allowed_are_refused() {
    // An import takes two more core modules: one for the indirect call, one that fills it in.
    let bytes = one_check(|guest| {
        guest.with(r#"(import "operator:telemetry/log@0.2.0" "emit" (func $emit (param i32 i32 i32 i32 i32)))"#);
        passes("ok")(guest)
    });
    assert!(load(&limits(), &bytes).await.is_ok());
    match load(
        &limits_with(|limits| limits.check.core_instances_max = 1),
        &bytes,
    )
    .await
    {
        Err(LoadError::Failed {
            failure: PluginFailure::Trap { cause, .. },
            ..
        }) => {
            assert!(cause.contains("instance"), "{cause}");
        }
        other => panic!("{:?}", other.err()),
    }
}

#[tokio::test]
async fn a_module_with_more_checks_than_allowed_is_refused() {
    let limits = limits_with(|limits| limits.checks_per_module_max = 1);
    let bytes =
        keeps_state(invariant("1.0.0", &[("a", &[]), ("b", &[])], passes("ok"))).component();
    let error = load(&limits, &bytes).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        "plugin x.wasm declares 2 checks, the limit is 1"
    );
}

#[tokio::test]
async fn a_reason_above_the_limit_is_cut_and_says_so() {
    let limits = limits_with(|limits| limits.text_bytes_max = 40);
    let module = load(&limits, &one_check(passes(&"x".repeat(1_000))))
        .await
        .unwrap();
    let reason = module
        .evaluate(&module.checks()[0], &snapshot(Vec::new()), None)
        .await
        .result
        .unwrap()
        .reason;
    assert!(
        reason.len() <= 40 && reason.starts_with("xxxx") && !reason.ends_with('x'),
        "{reason}"
    );
}

#[tokio::test]
async fn a_subject_gets_a_new_instance_after_its_number_of_calls() {
    // Traps in the third call of one instance.
    let guest = subject(|guest| {
        guest.with("(global $calls (mut i32) (i32.const 0))");
        let seen = observation(guest, "s");
        format!(
            "(global.set $calls (i32.add (global.get $calls) (i32.const 1)))
             (if (i32.ge_u (global.get $calls) (i32.const 3)) (then unreachable)) (i32.const {seen})"
        )
    });
    let failures = async |calls_max| {
        let mut subject = loaded_subject(
            &limits_with(|limits| limits.subject_calls_per_instance_max = calls_max),
            &guest,
        )
        .await;
        let mut failures = 0;
        for tick in 1..=6 {
            failures += usize::from(
                subject
                    .observe(Tick(tick), Timestamp(tick), Duration::ZERO)
                    .await
                    .is_err(),
            );
        }
        failures
    };
    assert_eq!(failures(2).await, 0);
    assert!(failures(1_000).await > 0);
}

#[tokio::test]
async fn entities_and_blind_spots_beyond_their_limits_are_left_out() {
    let limits = limits_with(|limits| (limits.entities_max, limits.blind_spots_max) = (1, 1));
    let guest = subject(|guest| {
        let text = guest.text("k/1");
        let kind = guest.text("k");
        let key = guest.words(&text);
        let entity = [kind[0], kind[1], key, 1, text[0], text[1]];
        let entities = guest.words(&entity.repeat(2));
        // Source `other`, no entity, reason.
        let gap = [6, text[0], text[1], 0, 0, 0, 0, 0, 0, 0, text[0], text[1]];
        let spots = guest.words(&gap.repeat(2));
        let seen = guest.words(&[0, text[0], text[1], 0, 0, entities, 2, 0, 0, spots, 2]);
        format!("(i32.const {seen})")
    });
    let observed = loaded_subject(&limits, &guest)
        .await
        .observe(Tick(1), Timestamp(1), Duration::ZERO)
        .await
        .unwrap();
    assert_eq!(
        (observed.topology.entities.len(), observed.blind.len()),
        (1, 3)
    );
    assert!(
        observed
            .blind
            .iter()
            .any(|spot| spot.source.to_string() == "topology"),
        "{:?}",
        observed.blind
    );
    assert!(
        observed
            .blind
            .iter()
            .any(|spot| spot.source.to_string() == "observation-gaps"),
        "{:?}",
        observed.blind
    );
}

#[tokio::test]
async fn tables_beyond_their_limit_are_refused() {
    let limits = limits_with(|limits| limits.tables_max = 1);
    let two_tables = subject(|guest| {
        guest.with(r#"(import "operator:tables/tables@0.2.0" "[constructor]builder" (func $builder (param i32 i32 i32 i32) (result i32)))"#);
        guest
            .with(r#"(import "operator:tables/tables@0.2.0" "[static]builder.finish" (func $finish (param i32 i32)))"#);
        let names = [guest.text("a"), guest.text("b")];
        let (tables, system) = (guest.words(&[0, 0]), guest.text("s"));
        let seen = guest.words(&[0, system[0], system[1], tables, 2, 0, 0, 0, 0, 0, 0]);
        let make = |slot: usize| {
            format!(
                "(call $finish (call $builder (i32.const {}) (i32.const {}) (i32.const 0) (i32.const 0)) (i32.const 256))
                 (i32.store (i32.const {}) (i32.load (i32.const 264)))",
                names[slot][0],
                names[slot][1],
                tables as usize + slot * 4
            )
        };
        format!("{} {} (i32.const {seen})", make(0), make(1))
    });
    let failure = loaded_subject(&limits, &two_tables)
        .await
        .observe(Tick(1), Timestamp(1), Duration::ZERO)
        .await;
    assert!(
        matches!(
            failure,
            Err(PluginFailure::OutputTooLarge {
                size: 2,
                limit: 1,
                ..
            })
        ),
        "{failure:?}"
    );
}

/// A network that counts how many requests it holds at one time.
#[derive(Default)]
struct Counting {
    in_flight: AtomicUsize,
    most: AtomicUsize,
}

impl Http for Counting {
    fn send(&self, _: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(async {
            let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            // Everyone who may begin does so before the first one ends.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            self.in_flight.fetch_sub(1, Ordering::SeqCst);
            Err(HttpError::Timeout)
        })
    }
}

#[tokio::test]
async fn requests_in_flight_are_bounded_for_each_target_and_in_all() {
    for (per_target, in_all, most) in [(2, 100, 4), (100, 3, 3), (1, 100, 2)] {
        let limits = EgressLimits {
            in_flight_per_target_max: per_target,
            in_flight_max: in_all,
            ..EgressLimits::default()
        };
        let target = TargetPolicy::new("http://127.0.0.1:9".parse().unwrap(), &limits);
        let other = TargetPolicy::new("http://127.0.0.1:10".parse().unwrap(), &limits);
        let targets = [("a".to_owned(), target), ("b".to_owned(), other)].into();
        let policy = EgressPolicy::new(targets, DiscoveryPolicy::default(), limits);
        let http = Arc::new(Counting::default());
        let egress = Egress::new(
            policy,
            Arc::clone(&http) as Arc<dyn Http>,
            SubjectWorld::nothing().clock,
        );
        egress.begin_tick(Timestamp(60_000));
        let request = |target: &str| TargetRequest {
            target: target.to_owned(),
            method: Method::Get,
            body: None,
            path_and_query: "/".to_owned(),
            headers: Vec::new(),
            timeout: None,
        };
        let sends = (0..10)
            .flat_map(|_| ["a", "b"])
            .map(|target| egress.send(request(target)));
        join_all(sends).await;
        assert_eq!(
            http.most.load(Ordering::SeqCst),
            most,
            "{per_target} to one target, {in_all} in all"
        );
    }
}

#[tokio::test]
async fn an_outcome_at_every_limit_at_once_is_still_an_outcome() {
    let bytes = one_check(|guest| {
        let state = guest.text("1234");
        let kind = guest.text("k");
        let passed = [entity_set(guest, kind), 1];
        let parts = OutcomeParts {
            state: Some(state),
            passed,
            ..OutcomeParts::default()
        };
        format!("(i32.const {})", outcome(guest, &parts))
    });
    let limits = limits_with(|limits| (limits.state_bytes_max, limits.passed_max) = (4, 1));
    let module = load(&limits, &bytes).await.unwrap();
    let outcome = module
        .evaluate(&module.checks()[0], &snapshot(Vec::new()), None)
        .await
        .result
        .unwrap();
    assert_eq!(
        (outcome.state.as_deref(), outcome.passed.len()),
        (Some(&b"1234"[..]), 1)
    );
}
