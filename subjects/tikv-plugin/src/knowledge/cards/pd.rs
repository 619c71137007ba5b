//! PD: members, leader, clocks, disk.

use operator_plugin::Severity;
use operator_plugin::knowledge::{Card, EvidenceRule, Fitness, Scope};

use super::super::rules::{Write, anomaly, card, check, consequences, member_probe, outlier};

const HEALTH: &str = "pd: server/api/health.go";
const ELECTION: &str = "pd: server/server.go";
const CLOCK: &str = "pd: pkg/tso/tso.go";

pub(super) fn cards() -> Vec<Card> {
    vec![
        member_down(),
        member_unreachable(),
        member_cut_off(),
        leader_switch(),
        leader_stuck(),
        quorum_lost(),
        clock_skew(),
        store_clock_skew(),
        slow_disk(),
        etcd_full(),
        wrong_cluster(),
    ]
}

fn member_down() -> Card {
    card("pd-member-down", "member", Severity::Warning, 0.05)
        .says(
            "PD member down",
            "The process of PD member {name} is gone. While a majority of the members is left nothing stops; \
             if it led, another one leads within some seconds. One more loss stops all transactions.",
        )
        .seen_by(vec![
            silent(),
            with_quorum(),
            member_probe("refused")
                .weighs(20.0, 0.1)
                .group("probe")
                .because("its machine refuses connections: no process listens there", HEALTH),
            member_probe("timeout")
                .weighs(0.1, 1.0)
                .group("probe")
                .because("a machine that is there refuses at once", HEALTH),
            member_probe("ok").weighs(0.02, 1.0).group("probe").because("it answers the operator", HEALTH),
        ])
        .brings(of_a_lost_member())
        .unlike(&["pd-leader-switch", "pd-member-unreachable", "pd-quorum-lost"])
        .cured_by(&[
            ("start-pd-member", Fitness::Best, "with its old data directory it catches up in seconds"),
            ("inspect-pd-member", Fitness::Acceptable, "why it died is in its log or the kernel's"),
            ("wait", Fitness::Acceptable, "a majority is left, and serves"),
            ("replace-pd-member", Fitness::Acceptable, "only if its data directory is lost for good"),
            ("transfer-pd-leader", Fitness::Useless, "whoever leads now is alive"),
        ])
        .until("a second member fails, or its data directory turns out to be lost")
}

fn member_unreachable() -> Card {
    card("pd-member-unreachable", "member", Severity::Warning, 0.02)
        .says(
            "PD member unreachable",
            "PD member {name} does not answer: its machine, its network or the process stands still. While a \
             majority of the members is left nothing stops.",
        )
        .seen_by(vec![
            silent(),
            with_quorum(),
            member_probe("timeout")
                .weighs(20.0, 0.1)
                .group("probe")
                .because("nothing answers, not even with a refusal", HEALTH),
            member_probe("refused").weighs(0.03, 1.0).group("probe").because("a machine that refuses is there", HEALTH),
            member_probe("ok").weighs(0.1, 1.0).group("probe").because("it answers the operator", HEALTH),
        ])
        .brings(of_a_lost_member())
        .unlike(&["pd-leader-stuck", "pd-member-down"])
        .cured_by(&[
            (
                "inspect-pd-member",
                Fitness::Best,
                "a process that stands still, a machine or a cable: only a look there tells",
            ),
            ("wait", Fitness::Acceptable, "a majority is left, and serves"),
            ("kill-pd-member", Fitness::Acceptable, "if the process is there and stands still"),
            ("replace-pd-member", Fitness::Acceptable, "only if its machine is lost for good"),
        ])
        .until("a second member fails, or its machine turns out to be lost")
}

fn member_cut_off() -> Card {
    card("pd-member-cut-off", "member", Severity::Warning, 0.015)
        .says(
            "PD member cut off from the others",
            "PD member {name} runs and answers the operator, but the other members cannot reach it: the network \
             between them is cut, or a certificate is refused. While a majority is left on the other side nothing \
             stops; clients that know only this member get nothing.",
        )
        .seen_by(vec![
            silent(),
            with_quorum(),
            member_probe("ok")
                .weighs(15.0, 0.02)
                .group("probe")
                .because("its process runs and answers the operator", HEALTH),
        ])
        .brings(of_a_lost_member())
        .unlike(&["pd-member-down", "pd-member-unreachable"])
        .cured_by(&[
            ("repair-member-network", Fitness::Best, "the routes between the members, and their certificates"),
            ("wait", Fitness::Acceptable, "a majority is left, and serves; a flap heals itself"),
            ("inspect-pd-member", Fitness::Acceptable, "its log names the members that it cannot reach, and why"),
            ("start-pd-member", Fitness::Useless, "the process runs"),
            ("replace-pd-member", Fitness::Harmful, "gives up a member that only a link keeps away"),
        ])
        .until("a second member is cut off, or it turns out not to answer")
}

fn leader_switch() -> Card {
    card("pd-leader-switch", "member", Severity::Info, 0.05)
        .says(
            "PD changed its leader",
            "{name} leads PD since a moment ago. Timestamps paused for some seconds; for up to 5 minutes PD \
             schedules nothing and its lists of regions fill up again.",
        )
        .seen_by(vec![
            check(Scope::Itself, "pd-leader-stable")
                .weighs(20.0, 0.02)
                .explains()
                .because("it became the leader less than 5 minutes ago", ELECTION),
            check(Scope::Others, "pd-members-healthy")
                .weighs(0.2, 1.5)
                .because("a dead member would be the cause of the switch", HEALTH),
            check(Scope::Anyone, "pd-disk")
                .weighs(0.4, 1.1)
                .because("a slow disk would be the cause of the switch", "pd: pkg/election/lease.go"),
        ])
        .brings(consequences(
            Scope::Anyone,
            &["pd-single-leader", "store-heartbeat", "store-leads"],
            &["heartbeat-lag", "heartbeat-queue", "leader-count", "pd-request-p99", "tso-p99"],
            "until the stores have reported to the new leader",
            ELECTION,
        ))
        .unlike(&["pd-member-down", "pd-slow-disk"])
        .cured_by(&[
            ("wait", Fitness::Best, "it is over within seconds; scheduling resumes within 5 minutes"),
            ("inspect-pd-member", Fitness::Acceptable, "if nobody asked for it: the old leader's log says why"),
            ("transfer-pd-leader", Fitness::Useless, "another switch costs another pause"),
        ])
        .until("it changes again within the hour")
}

fn leader_stuck() -> Card {
    card("pd-leader-stuck", "member", Severity::Critical, 0.005)
        .says(
            "PD leader stands still",
            "{name} holds the leadership of PD without serving, while its etcd has another leader. Nobody gets \
             timestamps: transactions stop.",
        )
        .seen_by(vec![
            check(Scope::Itself, "pd-leader-is-etcd-leader")
                .weighs(40.0, 0.03)
                .explains()
                .because("etcd follows another member for longer than a failover takes", "pd: pkg/member/member.go"),
            check(Scope::Itself, "tso-near-clock")
                .weighs(8.0, 0.6)
                .explains()
                .because("its timestamps fall behind its clock: it gives none", CLOCK),
            member_probe("timeout").weighs(5.0, 0.7).group("probe").because("it does not answer", HEALTH),
            member_probe("refused")
                .weighs(0.2, 1.0)
                .group("probe")
                .because("a process that is gone loses its lease within 5 s", HEALTH),
        ])
        .brings(of_a_lost_member())
        .brings(consequences(
            Scope::Anyone,
            &["pd-members-healthy", "store-heartbeat", "store-up"],
            &["heartbeat-lag", "heartbeat-queue", "pd-request-p99", "tso-p99"],
            "nobody gets an answer from it",
            ELECTION,
        ))
        .unlike(&["pd-leader-switch", "pd-member-unreachable"])
        .cured_by(&[
            ("kill-pd-member", Fitness::Best, "its lease runs out within 5 s and another member leads"),
            ("transfer-pd-leader", Fitness::Acceptable, "if it still answers"),
            ("inspect-pd-member", Fitness::Acceptable, "a hung disk below it would stop it again"),
            ("wait", Fitness::Harmful, "transactions stand still; it campaigns again by itself only after 40 to 50 s"),
        ])
        .until("another member leads")
}

fn quorum_lost() -> Card {
    card("pd-quorum-lost", "cluster", Severity::Critical, 0.02)
        .says(
            "PD has lost its quorum",
            "Fewer members of PD than a majority answer. Nobody gets timestamps: all transactions stop, and so \
             do splits and scheduling; raw reads and writes go on with the routes that clients know.",
        )
        .seen_by(vec![
            check(Scope::Itself, "pd-quorum")
                .weighs(100.0, 0.005)
                .explains()
                .because("fewer members than a majority answer", "pd: server/apiv2/handlers/ready.go"),
            check(Scope::Itself, "pd-single-leader")
                .weighs(2.0, 0.8)
                .group("leader")
                .explains()
                .because("without a majority nobody can lead", ELECTION),
            check(Scope::Anyone, "pd-members-healthy")
                .weighs(2.0, 0.3)
                .group("members")
                .explains()
                .because("members do not answer", HEALTH),
        ])
        .brings(of_a_lost_member())
        .brings(consequences(
            Scope::Anyone,
            &["pd-leader-is-etcd-leader", "store-heartbeat", "store-up"],
            &["heartbeat-lag", "heartbeat-queue", "members-healthy", "pd-request-p99", "request-rate", "tso-p99"],
            "nobody hears of the stores and nobody gets timestamps",
            ELECTION,
        ))
        .unlike(&["pd-leader-stuck", "pd-member-down", "pd-member-unreachable"])
        .cured_by(&[
            (
                "start-pd-member",
                Fitness::Best,
                "with their old data directories; within 10 s of a majority PD serves again",
            ),
            (
                "inspect-pd-member",
                Fitness::Acceptable,
                "members that are alive on both sides of a cut need a network, not a start",
            ),
            ("repair-network", Fitness::Acceptable, "if the silent members are alive"),
            ("replace-pd-member", Fitness::Harmful, "needs the majority that is missing"),
            ("wait", Fitness::Harmful, "all transactions stand still until a majority is back"),
        ])
        .until("a majority of the members answers")
}

fn clock_skew() -> Card {
    card("pd-clock-skew", "member", Severity::Warning, 0.01)
        .says(
            "PD member's clock is off",
            "The clock of {name} differs from the others' or was set back. If it leads, timestamps run ahead \
             of the clock or stall until the clock has caught up.",
        )
        .seen_by(vec![
            check(Scope::Itself, "clock-drift")
                .weighs(30.0, 0.1)
                .group("date")
                .explains()
                .because("the dates of its answers differ from the others'", CLOCK),
            // It notices only steps back, and only the leader gives timestamps: that neither is seen says little.
            check(Scope::Itself, "pd-clock-steady")
                .weighs(15.0, 0.8)
                .group("jump")
                .explains()
                .because("it saw its own clock step back", "pd: pkg/systimemon/systimemon.go"),
            check(Scope::Itself, "tso-near-clock")
                .weighs(10.0, 0.8)
                .group("tso")
                .explains()
                .because("its timestamps have left its clock", CLOCK),
        ])
        .brings(consequences(
            Scope::Itself,
            &["pd-leader-stable"],
            &["pd-clock-offset", "tso-gap", "tso-p99"],
            "a leader whose clock is off may step down",
            CLOCK,
        ))
        .brings(consequences(
            Scope::Anyone,
            &["clock-drift"],
            &["store-clock-offset"],
            "processes of one machine share its clock",
            CLOCK,
        ))
        .unlike(&["pd-slow-disk", "store-clock-skew"])
        .cured_by(&[
            ("fix-clock", Fitness::Best, "slew it: a step makes timestamps wait"),
            ("transfer-pd-leader", Fitness::Acceptable, "if it leads: to a member whose clock is right"),
            ("wait", Fitness::Acceptable, "a small difference is slewed away by the time service"),
        ])
        .until("timestamps leave the clock by more than 5 s")
}

fn store_clock_skew() -> Card {
    card("store-clock-skew", "store", Severity::Warning, 0.01)
        .says(
            "Store's clock is off",
            "The clock of {name} differs from the others'. Its logs and metrics cannot be compared with \
             theirs; data is safe, as timestamps come from PD.",
        )
        .seen_by(vec![
            check(Scope::Itself, "clock-drift")
                .weighs(20.0, 0.03)
                .explains()
                .because("the dates of its answers differ from the others'", CLOCK),
        ])
        .brings(consequences(
            Scope::Anyone,
            &[],
            &["store-clock-offset", "pd-clock-offset"],
            "processes of one machine share its clock",
            CLOCK,
        ))
        .unlike(&["pd-clock-skew"])
        .cured_by(&[
            ("fix-clock", Fitness::Best, "slew it"),
            ("wait", Fitness::Acceptable, "a small difference is slewed away by the time service"),
        ])
        .until("a PD member's clock is off as well")
}

fn slow_disk() -> Card {
    card("pd-slow-disk", "member", Severity::Warning, 0.015)
        .says(
            "PD member's disk is slow",
            "{name} takes long to write its log. If it leads, its lease may run out: PD changes its leader \
             again and again.",
        )
        .seen_by(vec![
            check(Scope::Itself, "pd-disk")
                .weighs(15.0, 0.15)
                .group("fsync")
                .explains()
                .because("its write-ahead log is slow to reach the disk", "pd: server/config/config.go"),
            outlier(Scope::Itself, "pd-fsync-p99")
                .weighs(6.0, 0.5)
                .group("fsync")
                .explains()
                .because("slower than the other members", "pd: server/config/config.go"),
            anomaly(Scope::Itself, "pd-commit-p99")
                .weighs(3.0, 0.8)
                .explains()
                .because("its data is slow to reach the disk as well", "pd: server/config/config.go"),
            check(Scope::Anyone, "pd-leader-stable")
                .weighs(2.0, 0.9)
                .because("a lease that is renewed too late makes another member lead", "pd: pkg/election/lease.go"),
        ])
        .brings(consequences(
            Scope::Anyone,
            &["pd-leader-stable", "pd-single-leader"],
            &["pd-commit-p99", "pd-fsync-p99", "pd-request-p99", "tso-p99"],
            "leases are renewed late",
            "pd: pkg/election/lease.go",
        ))
        .unlike(&["pd-clock-skew", "pd-leader-switch"])
        .cured_by(&[
            ("transfer-pd-leader", Fitness::Best, "if it leads: to a member with a faster disk"),
            ("inspect-pd-member", Fitness::Acceptable, "what else writes to that disk"),
            ("replace-pd-member", Fitness::Acceptable, "onto a better disk, with a majority at hand"),
            ("wait", Fitness::Acceptable, "if a copy or a backup takes the disk and ends"),
        ])
        .until("PD changes its leader again")
}

fn etcd_full() -> Card {
    card("pd-etcd-full", "cluster", Severity::Warning, 0.005)
        .says(
            "PD's etcd fills up",
            "The etcd of PD nears its quota: all members hold the same data. At the quota PD refuses every write: no timestamps are saved, \
             nothing is scheduled.",
        )
        .seen_by(vec![
            check(Scope::Anyone, "pd-etcd-space")
                .weighs(40.0, 0.02)
                .explains()
                .because("it uses more than 80 % of its quota", "pd: server/config/config.go"),
        ])
        .unlike(&["pd-slow-disk"])
        .cured_by(&[
            ("defragment-etcd", Fitness::Best, "gives back what old revisions took"),
            ("wait", Fitness::Useless, "it does not shrink by itself"),
        ])
        .until("95 % of the quota are used")
}

fn wrong_cluster() -> Card {
    card("pd-wrong-cluster", "member", Severity::Critical, 0.003)
        .says(
            "PD member of another cluster",
            "{name} belongs to another cluster than the members beside it. An address points at the wrong \
             machine; act on nothing before that is clear.",
        )
        .seen_by(vec![
            check(Scope::Itself, "pd-one-cluster")
                .weighs(60.0, 0.01)
                .explains()
                .because("it gives another cluster id", "pd: server/cluster/cluster.go"),
        ])
        .unlike(&["pd-member-down"])
        .cured_by(&[
            ("inspect-pd-member", Fitness::Best, "which address leads where"),
            ("wait", Fitness::Acceptable, "nothing is lost while nobody acts"),
            ("replace-pd-member", Fitness::Harmful, "may hit a member of the other cluster"),
        ])
        .until("its addresses are checked")
}

fn silent() -> EvidenceRule {
    check(Scope::Itself, "pd-members-healthy")
        .weighs(15.0, 0.03)
        .group("silent")
        .explains()
        .because("it does not answer, or not to the others", HEALTH)
}

/// Members that are lost together are one trouble, and another card's.
fn with_quorum() -> EvidenceRule {
    check(Scope::Neighbours, "pd-quorum")
        .weighs(0.05, 1.1)
        .because(
            "without a quorum it is not this member alone that is lost",
            HEALTH,
        )
}

fn of_a_lost_member() -> Vec<EvidenceRule> {
    let because = "another member leads, and the ways to the lost one fail";
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
