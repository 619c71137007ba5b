//! What PD members depend on: clocks, disks and the etcd quota. Clocks of stores are here too.

use operator_plugin::Severity;
use operator_plugin::knowledge::{EvidenceRule, FailureMode, Fitness, Scope};

use super::super::builder::{Describe, anomaly, check, consequences, outlier};

const CLOCK: &str = "pd: pkg/tso/tso.go";

pub(super) fn all() -> Vec<FailureMode> {
    vec![clock_skew(), store_clock_skew(), slow_disk(), etcd_full()]
}

fn clock_skew() -> FailureMode {
    FailureMode::new("pd-clock-skew", "member", Severity::Warning, 0.01)
        .description(
            "PD member clock skew",
            "The clock of {name} differs from the others or was set back. If it is the \
            leader, timestamps run ahead of the clock or stall until the clock catches \
            up.",
        )
        .evidence(vec![
            check(Scope::Itself, "clock-drift")
                .ratios(30.0, 0.1)
                .group("date")
                .explains()
                .because(
                    "the Date headers of its responses differ from the others",
                    CLOCK,
                ),
            // PD detects only steps back, and only the leader allocates timestamps: the absence of
            // both signs is weak evidence.
            check(Scope::Itself, "pd-clock-steady")
                .ratios(15.0, 0.8)
                .group("jump")
                .explains()
                .because(
                    "it detected that its own clock stepped back",
                    "pd: pkg/systimemon/systimemon.go",
                ),
            check(Scope::Itself, "tso-near-clock")
                .ratios(10.0, 0.8)
                .group("tso")
                .explains()
                .because("its timestamps have drifted from its clock", CLOCK),
        ])
        .consequences(consequences(
            Scope::Itself,
            &["pd-leader-stable"],
            &["pd-clock-offset", "tso-gap", "tso-p99"],
            "a leader with a wrong clock may step down",
            CLOCK,
        ))
        .consequences(consequences(
            Scope::Anyone,
            &["clock-drift"],
            &["store-clock-offset"],
            "processes on one machine share its clock",
            CLOCK,
        ))
        .alternatives(&["pd-slow-disk", "store-clock-skew"])
        .options(&[
            (
                "fix-clock",
                Fitness::Best,
                "slew the clock: after a step, timestamps have to wait",
            ),
            (
                "transfer-pd-leader",
                Fitness::Acceptable,
                "if it is the leader: to a member with a correct clock",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "the time service slews a small offset away",
            ),
        ])
        .revisit_when("timestamps are more than 5 s away from the clock")
}

fn store_clock_skew() -> FailureMode {
    FailureMode::new("store-clock-skew", "store", Severity::Warning, 0.01)
        .description(
            "Store clock skew",
            "The clock of {name} differs from the others. Its logs and metrics do not \
            line up with theirs; data is safe because timestamps come from PD.",
        )
        .evidence(vec![
            check(Scope::Itself, "clock-drift")
                .ratios(20.0, 0.03)
                .explains()
                .because(
                    "the Date headers of its responses differ from the others",
                    CLOCK,
                ),
        ])
        .consequences(consequences(
            Scope::Anyone,
            &[],
            &["store-clock-offset", "pd-clock-offset"],
            "processes on one machine share its clock",
            CLOCK,
        ))
        .alternatives(&["pd-clock-skew"])
        .options(&[
            ("fix-clock", Fitness::Best, "slew the clock"),
            (
                "wait",
                Fitness::Acceptable,
                "the time service slews a small offset away",
            ),
        ])
        .revisit_when("the clock of a PD member is off too")
}

fn slow_disk() -> FailureMode {
    FailureMode::new("pd-slow-disk", "member", Severity::Warning, 0.015)
        .description(
            "PD member has a slow disk",
            "{name} is slow to write its etcd log. If it is the leader, its lease may \
            expire and the PD leader changes repeatedly.",
        )
        .evidence(slow_disk_evidence())
        .consequences(consequences(
            Scope::Anyone,
            &["pd-leader-stable", "pd-single-leader"],
            &["pd-commit-p99", "pd-fsync-p99", "pd-request-p99", "tso-p99"],
            "leases are renewed late",
            "pd: pkg/election/lease.go",
        ))
        .alternatives(&["pd-clock-skew", "pd-leader-switch"])
        .options(&[
            (
                "transfer-pd-leader",
                Fitness::Best,
                "if it is the leader: to a member with a faster disk",
            ),
            (
                "inspect-pd-member",
                Fitness::Acceptable,
                "shows what else writes to that disk",
            ),
            (
                "replace-pd-member",
                Fitness::Acceptable,
                "moves it to a faster disk, while a majority is available",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "if a copy or a backup saturates the disk and will finish",
            ),
        ])
        .revisit_when("the PD leader changes again")
}

fn slow_disk_evidence() -> Vec<EvidenceRule> {
    vec![
        check(Scope::Itself, "pd-disk")
            .ratios(15.0, 0.15)
            .group("fsync")
            .explains()
            .because(
                "its write-ahead log is slow to sync",
                "pd: server/config/config.go",
            ),
        outlier(Scope::Itself, "pd-fsync-p99")
            .ratios(6.0, 0.5)
            .group("fsync")
            .explains()
            .because(
                "slower than the other members",
                "pd: server/config/config.go",
            ),
        anomaly(Scope::Itself, "pd-commit-p99")
            .ratios(3.0, 0.8)
            .explains()
            .because(
                "its backend commits are slow too",
                "pd: server/config/config.go",
            ),
        check(Scope::Itself, "pd-keeps-lease")
            .ratios(40.0, 0.5)
            .explains()
            .because(
                "its log tells of slow writes and of a lease that it lost",
                "pd: pkg/election/lease.go",
            ),
        check(Scope::Anyone, "pd-leader-stable")
            .ratios(2.0, 0.9)
            .because(
                "a lease that is renewed too late lets another member take over",
                "pd: pkg/election/lease.go",
            ),
    ]
}

fn etcd_full() -> FailureMode {
    FailureMode::new("pd-etcd-full", "cluster", Severity::Warning, 0.005)
        .description(
            "PD etcd is running full",
            "PD's etcd is near its quota; all members hold the same data. At the quota \
            PD refuses every write: it can neither save timestamps nor schedule.",
        )
        .evidence(vec![
            check(Scope::Anyone, "pd-etcd-space")
                .ratios(40.0, 0.02)
                .explains()
                .because(
                    "it uses more than 80 % of its quota",
                    "pd: server/config/config.go",
                ),
        ])
        .alternatives(&["pd-slow-disk"])
        .options(&[
            (
                "defragment-etcd",
                Fitness::Best,
                "releases the space used by old revisions; at the quota only disarming the alarm lets PD write again",
            ),
            ("wait", Fitness::Useless, "it does not shrink by itself"),
        ])
        .revisit_when("it fills up again: then something writes too many keys")
}
