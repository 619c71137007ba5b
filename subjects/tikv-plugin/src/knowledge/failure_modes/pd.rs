//! PD members and their leadership.

use operator_plugin::Severity;
use operator_plugin::knowledge::{EvidenceRule, FailureMode, Fitness, Scope};

use super::super::builder::{Describe, check, consequences, member_probe};

const HEALTH: &str = "pd: server/api/health.go";
const ELECTION: &str = "pd: server/server.go";
const CLOCK: &str = "pd: pkg/tso/tso.go";

pub(super) fn all() -> Vec<FailureMode> {
    vec![
        member_down(),
        member_unreachable(),
        member_cut_off(),
        leader_switch(),
        leader_stuck(),
        quorum_lost(),
        wrong_cluster(),
    ]
}

fn member_down() -> FailureMode {
    FailureMode::new("pd-member-down", "member", Severity::Warning, 0.05)
        .description(
            "PD member down",
            "The process of PD member {name} is gone. Nothing stops while a majority of \
            the members is left; if it was the leader, another member takes over \
            within seconds. In a three-member cluster, one more loss stops all \
            transactions.",
        )
        .evidence(vec![
            unresponsive(),
            quorum_kept(),
            member_probe("refused")
                .ratios(20.0, 0.1)
                .group("probe")
                .because(
                    "its machine refuses connections: no process listens there",
                    HEALTH,
                ),
            member_probe("timeout")
                .ratios(0.1, 1.0)
                .group("probe")
                .because(
                    "a machine that is up refuses the connection immediately",
                    HEALTH,
                ),
            member_probe("ok")
                .ratios(0.02, 1.0)
                .group("probe")
                .because("it responds to the operator", HEALTH),
        ])
        .consequences(lost_member_consequences())
        .alternatives(&[
            "pd-leader-switch",
            "pd-member-unreachable",
            "pd-quorum-lost",
        ])
        .options(&[
            (
                "start-pd-member",
                Fitness::Best,
                "with its old data directory it catches up within seconds",
            ),
            (
                "inspect-pd-member",
                Fitness::Acceptable,
                "the reason is in its log or in the kernel log",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "a majority is left and serves requests",
            ),
            (
                "replace-pd-member",
                Fitness::Acceptable,
                "only if its data directory is lost for good",
            ),
            (
                "transfer-pd-leader",
                Fitness::Useless,
                "the current leader is alive",
            ),
        ])
        .revisit_when("a second member fails, or its data directory turns out to be lost")
}

fn member_unreachable() -> FailureMode {
    FailureMode::new("pd-member-unreachable", "member", Severity::Warning, 0.02)
        .description(
            "PD member unreachable",
            "PD member {name} does not respond: its machine or network is down, or its \
            process is hung. Nothing stops while a majority of the members is left.",
        )
        .evidence(vec![
            unresponsive(),
            quorum_kept(),
            member_probe("timeout")
                .ratios(20.0, 0.1)
                .group("probe")
                .because("nothing responds, not even with a refusal", HEALTH),
            member_probe("refused")
                .ratios(0.03, 1.0)
                .group("probe")
                .because("a machine that refuses connections is up", HEALTH),
            member_probe("ok")
                .ratios(0.1, 1.0)
                .group("probe")
                .because("it responds to the operator", HEALTH),
        ])
        .consequences(lost_member_consequences())
        .alternatives(&["pd-leader-stuck", "pd-member-down"])
        .options(&[
            (
                "inspect-pd-member",
                Fitness::Best,
                "only an inspection on site distinguishes a hung process from a failed \
                machine or cable",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "a majority is left and serves requests",
            ),
            (
                "kill-pd-member",
                Fitness::Acceptable,
                "if the process is running but hung",
            ),
            (
                "replace-pd-member",
                Fitness::Acceptable,
                "only if its machine is lost for good",
            ),
        ])
        .revisit_when("a second member fails, or its machine turns out to be lost")
}

fn member_cut_off() -> FailureMode {
    FailureMode::new("pd-member-cut-off", "member", Severity::Warning, 0.015)
        .description(
            "PD member cut off from the other members",
            "PD member {name} is running and responds to the operator, but the other \
            members cannot reach it: the network between them is down, or a \
            certificate is refused. Nothing stops while the other side has a majority; \
            clients that know only this member are not served.",
        )
        .evidence(vec![
            unresponsive(),
            quorum_kept(),
            member_probe("ok")
                .ratios(15.0, 0.02)
                .group("probe")
                .because(
                    "its process is running and responds to the operator",
                    HEALTH,
                ),
        ])
        .consequences(lost_member_consequences())
        .alternatives(&["pd-member-down", "pd-member-unreachable"])
        .options(&[
            (
                "repair-member-network",
                Fitness::Best,
                "check the routes between the members and their certificates",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "a majority is left and serves requests; a flap recovers by itself",
            ),
            (
                "inspect-pd-member",
                Fitness::Acceptable,
                "its log names the members that it cannot reach, and the reason",
            ),
            (
                "start-pd-member",
                Fitness::Useless,
                "the process is running",
            ),
            (
                "replace-pd-member",
                Fitness::Harmful,
                "discards a member that only a link separates",
            ),
        ])
        .revisit_when("a second member is cut off, or this one stops responding")
}

fn leader_switch() -> FailureMode {
    FailureMode::new("pd-leader-switch", "member", Severity::Info, 0.05)
        .description(
            "PD leader changed",
            "{name} has just become the PD leader. Timestamps paused for a few seconds; \
            for up to 5 minutes PD does not schedule and rebuilds its region \
            statistics.",
        )
        .evidence(vec![
            check(Scope::Itself, "pd-leader-stable")
                .ratios(20.0, 0.02)
                .explains()
                .because("it became the leader less than 5 minutes ago", ELECTION),
            check(Scope::Others, "pd-members-healthy")
                .ratios(0.2, 1.5)
                .because(
                    "a dead member would be the cause of the leader change",
                    HEALTH,
                ),
            check(Scope::Anyone, "pd-disk").ratios(0.4, 1.1).because(
                "a slow disk would be the cause of the leader change",
                "pd: pkg/election/lease.go",
            ),
            check(Scope::Anyone, "pd-keeps-lease")
                .ratios(0.05, 1.05)
                .because(
                    "a lease that was lost because of a slow disk would be the cause",
                    "pd: pkg/election/lease.go",
                ),
        ])
        .consequences(consequences(
            Scope::Anyone,
            &["pd-single-leader", "store-heartbeat", "store-leads"],
            &[
                "heartbeat-lag",
                "heartbeat-queue",
                "leader-count",
                "pd-request-p99",
                "tso-p99",
            ],
            "until the stores have reported to the new leader",
            ELECTION,
        ))
        .alternatives(&["pd-member-down", "pd-slow-disk"])
        .options(&[
            (
                "wait",
                Fitness::Best,
                "it is over within seconds; scheduling resumes within 5 minutes",
            ),
            (
                "inspect-pd-member",
                Fitness::Acceptable,
                "if the change was not requested: the old leader's log shows the reason",
            ),
            (
                "transfer-pd-leader",
                Fitness::Useless,
                "another leader change causes another pause",
            ),
        ])
        .revisit_when("the leader changes again within the hour")
}

fn leader_stuck() -> FailureMode {
    FailureMode::new("pd-leader-stuck", "member", Severity::Critical, 0.005)
        .description(
            "PD leader hung",
            "{name} holds the PD leadership without serving, while its etcd has a \
            different leader. No timestamps are allocated, so transactions stop.",
        )
        .evidence(vec![
            check(Scope::Itself, "pd-leader-is-etcd-leader")
                .ratios(40.0, 0.03)
                .explains()
                .because(
                    "etcd has followed another member for longer than a failover takes",
                    "pd: pkg/member/member.go",
                ),
            check(Scope::Itself, "tso-near-clock")
                .ratios(8.0, 0.6)
                .explains()
                .because(
                    "its timestamps fall behind its clock: it allocates none",
                    CLOCK,
                ),
            member_probe("timeout")
                .ratios(5.0, 0.7)
                .group("probe")
                .because("it does not respond", HEALTH),
            member_probe("refused")
                .ratios(0.2, 1.0)
                .group("probe")
                .because("a process that is gone loses its lease within 5 s", HEALTH),
        ])
        .consequences(lost_member_consequences())
        .consequences(consequences(
            Scope::Anyone,
            &["pd-members-healthy", "store-heartbeat", "store-up"],
            &[
                "heartbeat-lag",
                "heartbeat-queue",
                "pd-request-p99",
                "tso-p99",
            ],
            "none of its clients gets a response",
            ELECTION,
        ))
        .alternatives(&["pd-leader-switch", "pd-member-unreachable"])
        .options(&[
            (
                "kill-pd-member",
                Fitness::Best,
                "its lease expires within 5 s and another member takes over",
            ),
            (
                "transfer-pd-leader",
                Fitness::Acceptable,
                "if it still responds",
            ),
            (
                "inspect-pd-member",
                Fitness::Acceptable,
                "a hung disk would stop it again",
            ),
            (
                "wait",
                Fitness::Harmful,
                "transactions are stopped; it campaigns again by itself only after 40 to 50 \
                s",
            ),
        ])
        .revisit_when("another member leads")
}

fn quorum_lost() -> FailureMode {
    FailureMode::new("pd-quorum-lost", "cluster", Severity::Critical, 0.02)
        .description(
            "PD quorum lost",
            "Fewer PD members than a majority respond. No timestamps are allocated: all \
            transactions stop, and so do splits and scheduling. RawKV reads and writes \
            continue with the routes that clients have cached.",
        )
        .evidence(quorum_lost_evidence())
        .consequences(lost_member_consequences())
        .consequences(consequences(
            Scope::Anyone,
            &["pd-leader-is-etcd-leader", "store-heartbeat", "store-up"],
            &[
                "heartbeat-lag",
                "heartbeat-queue",
                "members-healthy",
                "pd-request-p99",
                "request-rate",
                "tso-p99",
            ],
            "no member processes store heartbeats or allocates timestamps",
            ELECTION,
        ))
        .alternatives(&["pd-leader-stuck", "pd-member-down", "pd-member-unreachable"])
        .options(&[
            (
                "start-pd-member",
                Fitness::Best,
                "with their old data directories; PD serves again within 10 s of regaining \
                a majority",
            ),
            (
                "inspect-pd-member",
                Fitness::Acceptable,
                "live members on both sides of a partition need the network repaired, not a \
                restart",
            ),
            (
                "repair-network",
                Fitness::Acceptable,
                "if the silent members are alive",
            ),
            (
                "replace-pd-member",
                Fitness::Harmful,
                "needs the very majority that is missing",
            ),
            (
                "wait",
                Fitness::Harmful,
                "all transactions are stopped until a majority is back",
            ),
        ])
        .revisit_when("a majority of the members responds")
}

fn quorum_lost_evidence() -> Vec<EvidenceRule> {
    vec![
        check(Scope::Itself, "pd-quorum")
            .ratios(100.0, 0.005)
            .explains()
            .because(
                "fewer members than a majority respond",
                "pd: server/apiv2/handlers/ready.go",
            ),
        check(Scope::Itself, "pd-single-leader")
            .ratios(2.0, 0.8)
            .group("leader")
            .explains()
            .because("no member can become leader without a majority", ELECTION),
        check(Scope::Anyone, "pd-members-healthy")
            .ratios(2.0, 0.3)
            .group("members")
            .explains()
            .because("members do not respond", HEALTH),
    ]
}

fn wrong_cluster() -> FailureMode {
    FailureMode::new("pd-wrong-cluster", "member", Severity::Critical, 0.003)
        .description(
            "PD member belongs to another cluster",
            "{name} belongs to a different cluster than the other configured members. \
            An address points at the wrong machine; take no action until this is \
            resolved.",
        )
        .evidence(vec![
            check(Scope::Itself, "pd-one-cluster")
                .ratios(60.0, 0.01)
                .explains()
                .because(
                    "it reports a different cluster ID",
                    "pd: server/cluster/cluster.go",
                ),
        ])
        .alternatives(&["pd-member-down"])
        .options(&[
            (
                "inspect-pd-member",
                Fitness::Best,
                "shows which address leads to which cluster",
            ),
            (
                "wait",
                Fitness::Acceptable,
                "nothing is lost as long as no action is taken",
            ),
            (
                "replace-pd-member",
                Fitness::Harmful,
                "may hit a member of the other cluster",
            ),
        ])
        .revisit_when("its addresses have been checked")
}

fn unresponsive() -> EvidenceRule {
    check(Scope::Itself, "pd-members-healthy")
        .ratios(15.0, 0.03)
        .group("silent")
        .explains()
        .because("it does not respond, or not to the other members", HEALTH)
}

/// When several members are lost together, `pd-quorum-lost` is the cause.
fn quorum_kept() -> EvidenceRule {
    check(Scope::Neighbours, "pd-quorum")
        .ratios(0.05, 1.1)
        .because("without a quorum, more than this member is lost", HEALTH)
}

fn lost_member_consequences() -> Vec<EvidenceRule> {
    let because = "another member takes over, and connections to the lost one fail";
    let checks = [
        "pd-leader-is-etcd-leader",
        "pd-leader-stable",
        "pd-single-leader",
    ];
    let signals = [
        "members-healthy",
        "pd-commit-p99",
        "pd-fsync-p99",
        "pd-link-p99",
        "pd-request-p99",
        "tso-gap",
        "tso-p99",
    ];
    let mut rules = consequences(Scope::Anyone, &checks, &signals, because, ELECTION);
    rules.extend(consequences(
        Scope::Anyone,
        &["store-heartbeat"],
        &["heartbeat-lag", "heartbeat-queue", "leader-count"],
        "stores report to the new leader from their next heartbeat on",
        ELECTION,
    ));
    rules
}
