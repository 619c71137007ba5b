//! What is known about the three nodes: signals, failure modes and actions.

use operator_model::command::{Command, Part, PlaceholderKind, Step};
use operator_model::knowledge::{
    Action, Attribute, Deviation, Direction, EvidenceRule, FailureMode, Fitness, KnowledgeBase,
    OptionFit, Risk, Scope, Signal, SignalSource, Test,
};
use operator_model::{Comparison, Scalar, Severity};

/// The knowledge base of the example subject.
#[must_use]
pub fn knowledge() -> KnowledgeBase {
    KnowledgeBase {
        version: "1".to_owned(),
        signals: vec![
            signal(
                "disk-wait",
                "Disk wait",
                "s",
                "node",
                ("disks", "node", "wait_s"),
                0.05,
            ),
            signal(
                "link-loss",
                "Packet loss",
                "ratio",
                "link",
                ("links", "link", "loss"),
                0.02,
            ),
            signal(
                "write-latency",
                "Write latency",
                "s",
                "node",
                ("nodes", "node", "latency_s"),
                0.02,
            ),
        ],
        cards: vec![node_gone(), slow_disk(), slow_link()],
        actions: actions(),
        attributes: vec![Attribute {
            name: "address".to_owned(),
            table: "nodes".to_owned(),
            key_columns: vec!["node".to_owned()],
            value_column: "address".to_owned(),
            entity_kind: "node".to_owned(),
        }],
    }
}

fn signal(
    id: &str,
    title: &str,
    unit: &str,
    kind: &str,
    source: (&str, &str, &str),
    floor: f64,
) -> Signal {
    Signal {
        id: id.into(),
        title: title.to_owned(),
        unit: unit.to_owned(),
        entity_kind: kind.to_owned(),
        source: SignalSource::Column {
            table: source.0.to_owned(),
            key_columns: vec![source.1.to_owned()],
            value_column: source.2.to_owned(),
        },
        bad: Direction::Up,
        floor,
    }
}

fn rule(
    id: &str,
    scope: Scope,
    test: Test,
    ratios: (f64, f64),
    group: &str,
    because: &str,
) -> EvidenceRule {
    EvidenceRule {
        id: id.to_owned(),
        scope,
        explains: matches!(
            test,
            Test::Violated(_) | Test::SignalDeviates(_, Deviation::Anomalous)
        ),
        test,
        ratio_if_true: ratios.0,
        ratio_if_false: ratios.1,
        group: group.to_owned(),
        because: because.to_owned(),
        because_not: String::new(),
        reference: "handbook".to_owned(),
    }
}

fn deviates(signal: &str, deviation: Deviation) -> Test {
    Test::SignalDeviates(signal.into(), deviation)
}

fn node_gone() -> FailureMode {
    let state = Test::RowMatches {
        table: "nodes".to_owned(),
        key_columns: vec!["node".to_owned()],
        column: "state".to_owned(),
        comparison: Comparison::Eq,
        value: Scalar::Text("gone".to_owned()),
    };
    let silent = Test::Violated("node-answers".into());
    let peers_wait = deviates("write-latency", Deviation::Anomalous);
    card(
        "node-gone",
        "Node gone",
        "The process of {name} ended or its machine is off; its peers wait for it.",
        "node",
        vec![
            rule(
                "silent",
                Scope::Itself,
                silent,
                (50.0, 0.02),
                "liveness",
                "a node that is gone does not answer",
            ),
            rule(
                "state",
                Scope::Itself,
                state,
                (20.0, 0.1),
                "liveness",
                "the others agree",
            ),
            rule(
                "peers-wait",
                Scope::Others,
                peers_wait,
                (3.0, 0.8),
                "latency",
                "writes wait for the lost copy",
            ),
        ],
        &[
            ("restart-node", Fitness::Best),
            ("wait", Fitness::Acceptable),
            ("replace-disk", Fitness::Useless),
        ],
    )
}

fn slow_disk() -> FailureMode {
    let disk = deviates("disk-wait", Deviation::Anomalous);
    let outlier = deviates("disk-wait", Deviation::Outlier);
    let answers = Test::Holds("node-answers".into());
    let slow = Test::Violated("writes-fast".into());
    let latency = deviates("write-latency", Deviation::Anomalous);
    card(
        "slow-disk",
        "Slow disk",
        "The disk of {entity} takes long, so everything that {name} writes does.",
        "node",
        vec![
            rule(
                "disk-waits",
                Scope::Itself,
                disk,
                (40.0, 0.05),
                "disk",
                "the disk itself is slow",
            ),
            rule(
                "worse-than-peers",
                Scope::Itself,
                outlier,
                (10.0, 0.3),
                "disk",
                "only this disk is slow",
            ),
            rule(
                "still-answers",
                Scope::Itself,
                answers,
                (2.0, 0.01),
                "liveness",
                "a slow node still answers",
            ),
            rule(
                "slow-writes",
                Scope::Itself,
                slow,
                (4.0, 0.2),
                "latency",
                "writes wait for the disk",
            ),
            rule(
                "latency",
                Scope::Itself,
                latency,
                (4.0, 0.3),
                "latency",
                "writes wait for the disk",
            ),
        ],
        &[
            ("replace-disk", Fitness::Best),
            ("wait", Fitness::Useless),
            ("restart-node", Fitness::Harmful),
        ],
    )
}

fn slow_link() -> FailureMode {
    let loss = deviates("link-loss", Deviation::Anomalous);
    let slow = Test::Violated("writes-fast".into());
    let latency = deviates("write-latency", Deviation::Anomalous);
    card(
        "slow-link",
        "Slow link",
        "{name} loses packets, so what crosses it is sent again.",
        "link",
        vec![
            rule(
                "loss",
                Scope::Itself,
                loss,
                (40.0, 0.05),
                "loss",
                "packets are lost",
            ),
            rule(
                "slow-writes",
                Scope::Neighbours,
                slow,
                (4.0, 0.2),
                "latency",
                "writes wait for the network",
            ),
            rule(
                "latency",
                Scope::Neighbours,
                latency,
                (4.0, 0.3),
                "latency",
                "writes wait for the network",
            ),
        ],
        &[
            ("wait", Fitness::Acceptable),
            ("reroute", Fitness::Best),
            ("replace-disk", Fitness::Useless),
        ],
    )
}

fn card(
    id: &str,
    title: &str,
    mechanism: &str,
    kind: &str,
    evidence: Vec<EvidenceRule>,
    options: &[(&str, Fitness)],
) -> FailureMode {
    let fit = |(action, fitness): &(&str, Fitness)| OptionFit {
        action: (*action).to_owned(),
        fitness: *fitness,
        because: match fitness {
            Fitness::Harmful => format!("makes “{title}” worse"),
            _ => format!("the usual remedy for “{title}”"),
        },
        when: None,
        affects: Vec::new(),
    };
    FailureMode {
        id: id.into(),
        title: title.to_owned(),
        mechanism: mechanism.to_owned(),
        entity_kind: kind.to_owned(),
        severity: Severity::Warning,
        prior: 0.02,
        evidence,
        rivals: Vec::new(),
        options: options.iter().map(fit).collect(),
        revisit_when: "{name} recovers without help".to_owned(),
    }
}

/// The one command of an action: words, of which those in braces are placeholders for ids.
fn steps(command: &str) -> Vec<Step> {
    let word = |word: &str| {
        let name = word
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'));
        vec![match name {
            Some(name) => Part::Placeholder {
                name: name.to_owned(),
                kind: PlaceholderKind::Id,
            },
            None => Part::Literal(word.to_owned()),
        }]
    };
    if command.is_empty() {
        return Vec::new();
    }
    vec![Step::Run(Command {
        pipeline: vec![command.split(' ').map(word).collect()],
        note: None,
    })]
}

fn actions() -> Vec<Action> {
    let action = |id: &str, title: &str, risk: Risk, command: &str| Action {
        id: id.to_owned(),
        title: title.to_owned(),
        effect: format!("{title} on {{name}}."),
        risk,
        risk_note: if risk == Risk::None {
            String::new()
        } else {
            "Writes stop for a few seconds.".to_owned()
        },
        preconditions: vec!["The other nodes are up".to_owned()],
        steps: steps(command),
        undo: if risk < Risk::High {
            vec![Step::Instruction("Undo it with the same tool.".to_owned())]
        } else {
            Vec::new()
        },
    };
    vec![
        action(
            "replace-disk",
            "Replace the disk",
            Risk::High,
            "disktool drain --node {key} --host {address}",
        ),
        action(
            "reroute",
            "Route around the link",
            Risk::Low,
            "nettool avoid {key}",
        ),
        action(
            "restart-node",
            "Restart the node",
            Risk::Medium,
            "nodectl restart {address}",
        ),
        action("wait", "Wait and watch", Risk::None, ""),
    ]
}
