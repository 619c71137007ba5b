//! Stores that end by themselves or do not get ready, told apart by what their logs say.

use operator_plugin::knowledge::{EvidenceRule, FailureMode, Fitness, Scope};
use operator_plugin::{Comparison, Scalar, Severity};

use super::super::builder::{Describe, RuleBuilder, cell, check, consequences, store_probe};
use super::stores::lost_store_consequences;

const PANIC: &str = "tikv: components/tikv_util/src/lib.rs, set_panic_hook";
const START: &str = "tikv: components/server/src/server.rs";
const STATES: &str = "pd: pkg/core/store.go";

pub(super) fn all() -> Vec<FailureMode> {
    vec![
        panicked(),
        timestamp_ahead(),
        configuration_refused(),
        address_taken(),
        raft_log_lost(),
        not_a_member(),
        full_disk(),
        recovering(),
        stopped(),
    ]
}

/// The first ending since the process last served, as its log tells it; `none` where it tells of none.
pub(super) fn cause(kind: &str) -> RuleBuilder {
    let value = Scalar::Text(kind.to_owned());
    let column = ("process_logs", "store", "cause");
    cell(Scope::Itself, column, Comparison::Eq, value)
        .id(&format!("log-{kind}"))
        .group("log")
}

/// Where the process is in its life, as its log tells it.
pub(super) fn phase(phase: &str) -> RuleBuilder {
    let value = Scalar::Text(phase.to_owned());
    let column = ("process_logs", "store", "phase");
    cell(Scope::Itself, column, Comparison::Eq, value).id(&format!("phase-{phase}"))
}

/// Its log says so.
pub(super) fn told_by_log(kinds: &[&str], because: &str) -> Vec<EvidenceRule> {
    let told = |kind: &&str| cause(kind).ratios(100.0, 0.03);
    let mut rules: Vec<EvidenceRule> = kinds
        .iter()
        .map(|kind| {
            told(kind)
                .because_not("its log tells of another ending, or of none")
                .because(because, PANIC)
        })
        .collect();
    rules.push(
        check(Scope::Itself, "process-ending")
            .ratios(8.0, 0.2)
            .explains()
            .because_not("no process ended by itself")
            .because("its process ended by itself", PANIC),
    );
    rules.extend(process_gone());
    rules
}

/// As for any other death, but a supervisor may start the process again.
pub(super) fn process_gone() -> Vec<EvidenceRule> {
    vec![
        check(Scope::Itself, "store-up")
            .ratios(18.0, 0.7)
            .group("away")
            .explains()
            .because_not("PD still receives its heartbeats")
            .because("PD receives no heartbeats from it", STATES),
        store_probe("refused")
            .ratios(20.0, 0.8)
            .group("probe")
            .because_not("something listens at its status address")
            .because("no process listens at its status address", START),
    ]
}

/// What the end of a process disturbs, its own return included.
pub(super) fn ending_consequences() -> Vec<EvidenceRule> {
    let mut rules = lost_store_consequences();
    rules.extend(consequences(
        Scope::Itself,
        &["process-starting", "store-stays-up", "store-up"],
        &[],
        "the process is gone, or comes and goes",
        STATES,
    ));
    rules
}

const HARMFUL_RECOVERY: (&str, Fitness, &str) = (
    "unsafe-recovery",
    Fitness::Harmful,
    "discards acknowledged writes although a majority is intact",
);

fn panicked() -> FailureMode {
    FailureMode::new("store-panicked", "store", Severity::Critical, 0.01)
        .description(
            "Store ended by its own panic",
            "The process of {name} ended with a panic or a fatal error that its log quotes. The same input or state \
            may end it again after a start.",
        )
        .evidence(told_by_log(&["panic"], "its log ends with a panic or a fatal error"))
        .consequences(ending_consequences())
        .alternatives(&["store-process-dead", "store-data-damaged"])
        .options(&[
            (
                "read-store-log",
                Fitness::Best,
                "message, location and thread of the panic are in its log; known panics have a fixed version",
            ),
            (
                "start-store",
                Fitness::Acceptable,
                "once: if it ends the same way again, something feeds the panic",
            ),
            (
                "evict-leaders",
                Fitness::Acceptable,
                "clients no longer hit it while it comes and goes",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "every region keeps a majority; PD rebuilds nothing for 30 minutes",
            ),
            HARMFUL_RECOVERY,
        ])
        .revisit_when("a second store ends with the same message")
}

fn timestamp_ahead() -> FailureMode {
    FailureMode::new("store-timestamp-ahead", "store", Severity::Critical, 0.01)
        .description(
            "Client sends timestamps ahead of PD",
            "A request with a timestamp that PD has not allocated yet ended the process of {name}: the sender used \
            another cluster or a wrong clock. The store itself is healthy, and the next such request ends it or \
            another one again.",
        )
        .evidence(told_by_log(
            &["timestamp-ahead"],
            "its log ends with “invalid max_ts update”, which names the source of the request",
        ))
        .consequences(ending_consequences())
        .alternatives(&["store-panicked", "store-crash-loop"])
        .options(&[
            (
                "find-timestamp-sender",
                Fitness::Best,
                "only stopping or upgrading the sender ends it; the log names the kind of request",
            ),
            (
                "tolerate-future-timestamps",
                Fitness::Acceptable,
                "keeps the stores up until the sender is found",
            ),
            (
                "wait",
                Fitness::Useless,
                "the sender repeats its request",
            ),
            (
                "delete-store",
                Fitness::Harmful,
                "copies all its data although nothing is wrong with it",
            ),
            HARMFUL_RECOVERY,
        ])
        .revisit_when("several kinds of requests are named: then look at PD's timestamps")
}

fn configuration_refused() -> FailureMode {
    FailureMode::new("store-configuration-refused", "store", Severity::Critical, 0.005)
        .description(
            "Store refuses its configuration",
            "The process of {name} reads its configuration, refuses it and ends. It stays down until the \
            configuration is corrected.",
        )
        .evidence(told_by_log(&["configuration"], "its log says which setting it refuses"))
        .consequences(ending_consequences())
        .alternatives(&["store-process-dead"])
        .options(&[
            (
                "fix-configuration",
                Fitness::Best,
                "the message names the setting; the store's data is untouched",
            ),
            ("read-store-log", Fitness::Acceptable, "shows the whole message"),
            (
                "start-store",
                Fitness::Useless,
                "it refuses the same configuration again",
            ),
            (
                "wait",
                Fitness::Useless,
                "a supervisor starts it again and again without effect",
            ),
            HARMFUL_RECOVERY,
        ])
        .revisit_when("it refuses another setting after the correction")
}

fn address_taken() -> FailureMode {
    FailureMode::new("store-address-taken", "store", Severity::Critical, 0.005)
        .description(
            "Store's address or directory is taken",
            "The process of {name} cannot start because another registration, process or instance holds its address \
            or its data directory.",
        )
        .evidence(told_by_log(
            &["address-taken", "directory-locked"],
            "its log says that the address or the directory is in use",
        ))
        .consequences(ending_consequences())
        .alternatives(&["store-process-dead"])
        .options(&[
            (
                "free-address",
                Fitness::Best,
                "it starts as soon as the address is its own",
            ),
            ("read-store-log", Fitness::Acceptable, "names the other holder"),
            (
                "start-store",
                Fitness::Useless,
                "it ends the same way while the address is taken",
            ),
            ("wait", Fitness::Useless, "the address does not become free by itself"),
            HARMFUL_RECOVERY,
        ])
        .revisit_when("the other holder turns out to be the intended one")
}

fn raft_log_lost() -> FailureMode {
    FailureMode::new("store-raft-log-lost", "store", Severity::Critical, 0.005)
        .description(
            "Store has lost Raft log or state",
            "The Raft log or state of {name} does not match its data: it was cut off by a power failure, restored from \
            an old copy, or deleted. With it, votes and acknowledged entries may be gone.",
        )
        .evidence(told_by_log(
            &["raft-log-lost"],
            "its log says that Raft log or state is missing or does not match",
        ))
        .consequences(ending_consequences())
        .alternatives(&["store-data-damaged", "store-process-dead"])
        .options(&[
            (
                "replace-store",
                Fitness::Best,
                "a store that forgot its votes must not take part again; the other replicas are intact",
            ),
            ("read-store-log", Fitness::Acceptable, "names the regions"),
            (
                "wait",
                Fitness::Acceptable,
                "every region keeps a majority; PD rebuilds its replicas after 30 minutes",
            ),
            (
                "start-store",
                Fitness::Harmful,
                "it may acknowledge what it no longer has",
            ),
            HARMFUL_RECOVERY,
        ])
        .revisit_when("a second store reports the same")
}

fn not_a_member() -> FailureMode {
    FailureMode::new("store-not-a-member", "store", Severity::Critical, 0.003)
        .description(
            "Store belongs to another cluster or was removed",
            "PD refuses {name}: its data directory belongs to another cluster, or PD has removed this store. Its data \
            is not part of this cluster.",
        )
        .evidence(told_by_log(
            &["other-cluster", "store-removed"],
            "its log says that PD does not accept it",
        ))
        .consequences(ending_consequences())
        .alternatives(&["store-process-dead"])
        .options(&[
            (
                "replace-store",
                Fitness::Best,
                "it joins as a new store with an empty data directory",
            ),
            (
                "inspect-store",
                Fitness::Acceptable,
                "shows which store id and cluster it believes in",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "nothing is missing in this cluster if the store was removed on purpose",
            ),
            ("start-store", Fitness::Useless, "PD refuses it again"),
            HARMFUL_RECOVERY,
        ])
        .revisit_when("it is known who removed it")
}

fn full_disk() -> FailureMode {
    FailureMode::new("store-died-of-full-disk", "store", Severity::Critical, 0.01)
        .description(
            "Store ended because its disk is full",
            "The process of {name} ended because its disk has no space left, and every start ends the same way. Its \
            data is intact, but it needs space even to start.",
        )
        .evidence(told_by_log(
            &["no-space"],
            "its log ends with “no space left on device”",
        ))
        .evidence(vec![
            check(Scope::Itself, "disk-space")
                .ratios(4.0, 0.7)
                .explains()
                .because("its disk was nearly full before", STATES),
        ])
        .consequences(super::disk_space::low_space_consequences())
        .consequences(ending_consequences())
        .alternatives(&["disk-space-low", "disk-space-foreign-files"])
        .options(&[
            (
                "free-space",
                Fitness::Best,
                "space first, then a start: nothing else lets it run",
            ),
            (
                "add-store",
                Fitness::Acceptable,
                "gives the data another place, but does not bring this store back",
            ),
            (
                "start-store",
                Fitness::Useless,
                "it ends again at once while the disk is full",
            ),
            (
                "wait",
                Fitness::Useless,
                "a full disk does not empty itself",
            ),
            HARMFUL_RECOVERY,
        ])
        .revisit_when("it has space and still ends")
}

fn recovering() -> FailureMode {
    FailureMode::new("store-recovering", "store", Severity::Warning, 0.02)
        .description(
            "Store is starting and recovering",
            "The process of {name} runs and reads its Raft log or its data before it serves. That takes minutes for \
            hundreds of gigabytes of Raft log, and begins anew if the process is ended.",
        )
        .evidence(vec![
            phase("starting")
                .ratios(60.0, 0.02)
                .because_not("its log does not say that it is starting")
                .because("its log says that it started, and not yet that it serves", START),
            check(Scope::Itself, "process-starting")
                .ratios(8.0, 0.6)
                .explains()
                .because("it has been starting for longer than usual", START),
            check(Scope::Itself, "store-up")
                .ratios(2.0, 0.8)
                .explains()
                .because("PD receives no heartbeats before it serves", STATES),
            check(Scope::Itself, "process-ending")
                .ratios(0.05, 1.2)
                .because("it ended by itself before, so the start does not succeed", PANIC),
        ])
        .consequences(ending_consequences())
        .alternatives(&["store-process-dead", "store-machine-or-network-lost"])
        .options(&[
            (
                "wait",
                Fitness::Best,
                "it serves as soon as the recovery is complete",
            ),
            (
                "raise-max-store-down-time",
                Fitness::Acceptable,
                "so that PD does not rebuild its replicas while it recovers",
            ),
            (
                "read-store-log",
                Fitness::Acceptable,
                "shows what it is reading",
            ),
            (
                "start-store",
                Fitness::Harmful,
                "the process runs; a second start fails or makes the recovery begin anew",
            ),
            (
                "kill-store",
                Fitness::Harmful,
                "the recovery begins anew with the next start",
            ),
            (
                "delete-store",
                Fitness::Harmful,
                "copies all its data although it is about to return with it",
            ),
            HARMFUL_RECOVERY,
        ])
        .revisit_when("its log shows an error, or it is not ready within 30 minutes")
}

fn stopped() -> FailureMode {
    FailureMode::new("store-stopped", "store", Severity::Warning, 0.02)
        .description(
            "Store stopped on request",
            "The process of {name} received a signal to stop and ended in order, as deployments and operators of \
            Kubernetes do it. It has not been started again.",
        )
        .evidence(vec![
            phase("stopping")
                .ratios(60.0, 0.02)
                .because_not("its log does not say that it was asked to stop")
                .because("its log says that it received a signal to stop", START),
            check(Scope::Itself, "store-up")
                .ratios(3.0, 0.5)
                .explains()
                .because("PD receives no heartbeats any more", STATES),
        ])
        .consequences(ending_consequences())
        .alternatives(&["store-process-dead", "store-restarted"])
        .options(&[
            (
                "wait",
                Fitness::Best,
                "planned maintenance ends with a start",
            ),
            (
                "start-store",
                Fitness::Acceptable,
                "if no maintenance is planned",
            ),
            (
                "raise-max-store-down-time",
                Fitness::Acceptable,
                "if the maintenance takes longer than 30 minutes",
            ),
            HARMFUL_RECOVERY,
        ])
        .revisit_when("the stop was not planned, or it is not back within 30 minutes")
}
