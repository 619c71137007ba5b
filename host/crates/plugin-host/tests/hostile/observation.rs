//! Subjects that do the wrong thing when they look.

use super::{limits, limits_with, names};
use operator_model::{Tick, Timestamp};
use operator_net::egress::{DiscoveryPolicy, Egress, EgressLimits, EgressPolicy, TargetPolicy};
use operator_net::ports::{BoxFuture, Http, HttpError, HttpRequest, HttpResponse};
use operator_plugin_host::observe::observe;
use operator_plugin_host::{Engine, LoadError, PluginFailure, PluginLimits, Subject, SubjectWorld};
use operator_testkit::guest::{Body, Guest, observation, subject};
use std::sync::Arc;
use std::time::Duration;

const NO_TIME: Duration = Duration::ZERO;

/// A network behind which nobody ever answers.
struct Silence;

impl Http for Silence {
    fn send(&self, _: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, HttpError>> {
        Box::pin(std::future::pending())
    }
}

async fn loaded(
    limits: &PluginLimits,
    world: SubjectWorld,
    guest: &Guest,
) -> Result<Subject, LoadError> {
    Subject::load(
        &Engine::new(limits).unwrap(),
        "x.wasm",
        &guest.component(),
        "{}",
        world,
    )
    .await
}

async fn subject_that(body: impl FnOnce(&mut Guest) -> Body) -> Subject {
    loaded(&limits(), SubjectWorld::nothing(), &subject(body))
        .await
        .unwrap()
}

fn sees(system: &str) -> impl FnOnce(&mut Guest) -> Body {
    let system = system.to_owned();
    move |guest| format!("(i32.const {})", observation(guest, &system))
}

#[tokio::test]
async fn a_well_behaved_subject_says_what_it_sees() {
    let mut subject = subject_that(sees("cluster-1")).await;
    let observed = observe(&mut subject, Tick(1), Timestamp(5), NO_TIME).await;
    assert_eq!(
        (subject.info().name.as_str(), observed.system.as_str()),
        ("watcher", "cluster-1")
    );
    assert!(observed.blind.is_empty() && names(&observed.tables).is_empty());
}

#[tokio::test]
async fn a_failed_look_is_a_blind_spot_and_the_next_tick_begins_anew() {
    // Traps in every tick but the second; a new instance does not remember the first.
    let mut subject = subject_that(|guest| {
        let answer = sees("s")(guest);
        format!("(if (i64.ne (local.get $tick) (i64.const 2)) (then unreachable)) {answer}")
    })
    .await;
    let first = observe(&mut subject, Tick(1), Timestamp(5), NO_TIME).await;
    assert_eq!(first.blind[0].source.to_string(), "subject:watcher");
    assert!(
        first.blind[0].reason.contains("trapped"),
        "{:?}",
        first.blind
    );
    assert_eq!(
        observe(&mut subject, Tick(2), Timestamp(6), NO_TIME)
            .await
            .system,
        "s"
    );
    assert_eq!(
        observe(&mut subject, Tick(3), Timestamp(7), NO_TIME)
            .await
            .blind
            .len(),
        1
    );
}

#[tokio::test]
async fn an_endless_loop_runs_out_of_fuel() {
    let limits = limits_with(|limits| limits.subject.fuel = 1_000_000);
    let guest = subject(|_| "(loop $for_ever (br $for_ever)) unreachable".to_owned());
    let mut subject = loaded(&limits, SubjectWorld::nothing(), &guest)
        .await
        .unwrap();
    let failure = subject
        .observe(Tick(1), Timestamp(5), NO_TIME)
        .await
        .unwrap_err();
    assert!(
        matches!(
            failure,
            PluginFailure::OutOfFuel {
                limit: 1_000_000,
                ..
            }
        ),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_loop_with_endless_fuel_is_stopped_by_the_clock() {
    let limits =
        limits_with(|limits| (limits.subject.fuel, limits.subject.deadline_ms) = (u64::MAX, 1_000));
    let guest = subject(|_| "(loop $for_ever (br $for_ever)) unreachable".to_owned());
    let mut subject = loaded(&limits, SubjectWorld::nothing(), &guest)
        .await
        .unwrap();
    let failure = subject
        .observe(Tick(1), Timestamp(5), NO_TIME)
        .await
        .unwrap_err();
    assert!(
        matches!(
            failure,
            PluginFailure::Deadline {
                limit_ms: 1_000,
                ..
            }
        ),
        "{failure:?}"
    );
}

/// Sends a request to target `t` and expects an answer that is an error (discriminant 1).
fn asks(guest: &mut Guest) -> Body {
    guest.with(
        r#"(import "operator:telemetry/http@0.2.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i64 i32)))"#,
    );
    let (target, path) = (guest.text("t"), guest.text("/x"));
    let answer = sees("asked")(guest);
    format!(
        "(call $send (i32.const {}) (i32.const {})
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const {}) (i32.const {}) (i32.const 0) (i32.const 0)
            (i32.const 0) (i64.const 0) (i32.const 128))
         (if (i32.eqz (i32.load8_u (i32.const 128))) (then unreachable)) {answer}",
        target[0], target[1], path[0], path[1]
    )
}

#[tokio::test]
async fn a_target_that_is_not_granted_is_an_answer_and_not_a_trap() {
    let mut subject = subject_that(asks).await;
    assert_eq!(
        subject
            .observe(Tick(1), Timestamp(5), NO_TIME)
            .await
            .unwrap()
            .system,
        "asked"
    );
}

#[tokio::test]
async fn a_subject_that_waits_for_ever_is_given_up() {
    let nothing = SubjectWorld::nothing();
    let limits = limits_with(|limits| limits.subject.deadline_ms = 1_000);
    let target = TargetPolicy::new(
        "http://127.0.0.1:9".parse().unwrap(),
        &EgressLimits::default(),
    );
    let targets = [("t".to_owned(), target)].into();
    let policy = EgressPolicy::new(targets, DiscoveryPolicy::default(), EgressLimits::default());
    let egress = Arc::new(Egress::new(
        policy,
        Arc::new(Silence),
        Arc::clone(&nothing.clock),
    ));
    let mut subject = loaded(&limits, SubjectWorld { egress, ..nothing }, &subject(asks))
        .await
        .unwrap();
    // The budget of requests never ends by this clock, which stands still.
    let failure = subject
        .observe(Tick(1), Timestamp(5), Duration::from_millis(30))
        .await
        .unwrap_err();
    assert!(
        matches!(
            failure,
            PluginFailure::Deadline {
                limit_ms: 1_030,
                ..
            }
        ),
        "{failure:?}"
    );
}

#[tokio::test]
async fn a_configuration_that_the_subject_refuses_is_its_own_error() {
    let mut guest = Guest::bare("subject");
    let why = guest.text("no key \"east\"");
    let refusal = guest.words(&[1, 0, why[0], why[1]]);
    operator_testkit::guest::describe_and_knowledge(&mut guest);
    guest.with(&format!(
        r#"(func (export "configure") (param i32 i32) (result i32) (i32.const {refusal}))"#
    ));
    guest.with(r#"(func (export "observe") (param i64 i64 i32 i32) (result i32) unreachable)"#);
    let error = loaded(&limits(), SubjectWorld::nothing(), &guest)
        .await
        .err()
        .unwrap();
    assert_eq!(
        error.to_string(),
        "plugin x.wasm failed in `configure`: answered with an error: invalid configuration: no key \"east\""
    );
}

#[tokio::test]
async fn one_table_given_twice_and_ids_that_are_too_long_become_blind_spots() {
    let mut subject = subject_that(|guest| {
        guest.with(r#"(import "operator:tables/tables@0.2.0" "[constructor]builder" (func $builder (param i32 i32 i32 i32) (result i32)))"#);
        guest.with(r#"(import "operator:tables/tables@0.2.0" "[static]builder.finish" (func $finish (param i32 i32)))"#);
        let (name, long, system) = (guest.text("t"), guest.text(&"k/".repeat(300)), guest.text("s"));
        let kind = guest.text("k");
        let key = guest.words(&long);
        let entity = guest.words(&[kind[0], kind[1], key, 1, kind[0], kind[1]]);
        let tables = guest.words(&[0, 0]);
        let observation =
            guest.words(&[0, system[0], system[1], tables, 2, entity, 1, 0, 0, 0, 0]);
        let make = |slot: u32| {
            format!(
                "(call $finish (call $builder (i32.const {}) (i32.const {}) (i32.const 0) (i32.const 0)) (i32.const 256))
                 (i32.store (i32.const {}) (i32.load (i32.const 264)))",
                name[0],
                name[1],
                tables + slot * 4
            )
        };
        format!("{} {} (i32.const {observation})", make(0), make(1))
    })
    .await;
    let observed = subject
        .observe(Tick(1), Timestamp(5), NO_TIME)
        .await
        .unwrap();
    assert_eq!(names(&observed.tables), ["t"]);
    assert!(observed.topology.entities.is_empty());
    let sources: Vec<String> = observed
        .blind
        .iter()
        .map(|spot| spot.source.to_string())
        .collect();
    assert_eq!(sources, ["topology", "table:t"]);
}
