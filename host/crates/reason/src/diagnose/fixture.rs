//! The example system for the tests of all reasoning stages: three nodes that write to their disks and
//! communicate over links.

use super::{DiagnoseInput, Memory, explain};
use crate::decide::{Decided, decide};
use crate::detect::Detector;
use operator_data::tables::Column;
use operator_data::{SeriesStore, Snapshot, Table};
use operator_model::command::{Command, Part, PlaceholderKind, Step};
use operator_model::knowledge::{
    Action, Attribute, Deviation, Direction, EvidenceRule, FailureMode, Fitness, KnowledgeBase,
    OptionFit, Risk, Scope, Signal, SignalSource, Test,
};
use operator_model::ticket::Provenance;
use operator_model::{
    Comparison, Detection, Digest, Edge, Entity, EntityId, Incident, ObservationGap, Relation,
    Scalar, Severity, Status, Tick, Ticket, TicketState, Timestamp, Topology, Verdict, Violation,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// When the story begins: 2024-02-29T12:00:00Z.
pub(crate) const START: Timestamp = Timestamp(1_709_208_000_000);

/// Time between two ticks; table columns yield a new sample after this long.
pub(crate) const STEP_MS: u64 = 5_000;

/// What the three nodes and the links look like at one tick.
#[derive(Debug, Clone)]
pub(crate) struct Sight {
    pub(crate) state: [&'static str; 3],
    pub(crate) latency_s: [f64; 3],
    /// Absent: the disks table was not observed.
    pub(crate) disk_wait_s: Option<[f64; 3]>,
    /// Of link/1-2, link/1-3 and link/2-3. Absent: not observed.
    pub(crate) loss: Option<[f64; 3]>,
    pub(crate) verdicts: Vec<Verdict>,
    pub(crate) blind: Vec<ObservationGap>,
    pub(crate) topology: Topology,
    pub(crate) no_tables: bool,
}

impl Default for Sight {
    fn default() -> Self {
        Self {
            state: ["up"; 3],
            latency_s: [0.003; 3],
            disk_wait_s: Some([0.001; 3]),
            loss: Some([0.0; 3]),
            verdicts: vec![holds("node-answers"), holds("writes-fast")],
            blind: Vec::new(),
            topology: topology(),
            no_tables: false,
        }
    }
}

/// The stages in order, with their memory.
pub(crate) struct Story {
    pub(crate) knowledge: KnowledgeBase,
    pub(crate) detector: Detector,
    pub(crate) memory: Memory,
    pub(crate) now: Timestamp,
    tick: u64,
}

impl Story {
    pub(crate) fn new() -> Self {
        Self::with(knowledge())
    }

    pub(crate) fn with(knowledge: KnowledgeBase) -> Self {
        let detector = Detector::new(&knowledge);
        Self {
            knowledge,
            detector,
            memory: Memory::default(),
            now: START,
            tick: 0,
        }
    }

    /// A quiet minute and a half: long enough to learn the baselines.
    pub(crate) fn after_a_quiet_time() -> Self {
        let mut story = Self::new();
        story.repeat(20, &Sight::default());
        story
    }

    pub(crate) fn step(&mut self, sight: &Sight) -> Vec<Incident> {
        self.now = self.now.plus_ms(STEP_MS);
        self.tick += 1;
        let snapshot = snapshot(sight, self.now, self.tick);
        let detection = self.detector.detect(&snapshot);
        self.explain(&snapshot, &sight.verdicts, &detection)
    }

    fn explain(
        &mut self,
        snapshot: &Snapshot,
        verdicts: &[Verdict],
        detection: &Detection,
    ) -> Vec<Incident> {
        let input = DiagnoseInput {
            snapshot,
            verdicts,
            detection,
            knowledge: &self.knowledge,
        };
        let (incidents, memory) = explain(&self.memory, input);
        self.memory = memory;
        incidents
    }

    /// The incidents of the last of this many identical ticks.
    pub(crate) fn repeat(&mut self, ticks: usize, sight: &Sight) -> Vec<Incident> {
        (0..ticks)
            .map(|_| self.step(sight))
            .last()
            .unwrap_or_default()
    }

    pub(crate) fn decide(&self, incident: &Incident, sight: &Sight) -> Decided {
        decide(
            incident,
            &self.knowledge,
            &snapshot(sight, self.now, self.tick),
        )
    }

    /// The ticket, as the ticket stage composes it.
    pub(crate) fn ticket(&self, incident: &Incident, sight: &Sight) -> Ticket {
        let decided = self.decide(incident, sight);
        let diagnosis = incident.diagnosis.clone();
        let suspect = diagnosis
            .hypotheses
            .first()
            .filter(|_| !diagnosis.abstained);
        let mut entities: Vec<EntityId> = suspect
            .and_then(|leader| leader.component.clone())
            .into_iter()
            .collect();
        for symptom in &incident.symptoms {
            if !entities.contains(&symptom.entity) {
                entities.push(symptom.entity.clone());
            }
        }
        let mut gaps = diagnosis.gaps;
        gaps.extend(decided.gaps);
        let mut ticket = Ticket {
            id: "T-1".to_owned(),
            key: incident.key.clone(),
            state: TicketState::Open,
            severity: incident.severity,
            title: incident.title.clone(),
            opened_at: self.now,
            updated_at: self.now,
            entities,
            names: incident.names.clone(),
            observations: incident.evidence.clone(),
            symptoms: incident.symptoms.clone(),
            hypotheses: diagnosis.hypotheses,
            path: diagnosis.path,
            gaps,
            recovering_since: incident.recovering_since,
            abstained: diagnosis.abstained,
            options: decided.options,
            do_not: decided.do_not,
            decision: decided.decision,
            rationale: decided.rationale,
            explanation_score: 0,
            provenance: Provenance {
                host: "0.1.0".to_owned(),
                plugins: BTreeMap::from([("nodes".to_owned(), "ab".repeat(32))]),
                config: "cd".repeat(32),
                knowledge: self.knowledge.version.clone(),
                snapshot: "ef".repeat(32),
            },
        };
        ticket.explanation_score = crate::verify::verify(&ticket, self.memory.topology()).score;
        ticket
    }
}

/// Node 2 is gone: it does not respond, and its neighbours write slowly.
pub(crate) fn node_two_gone() -> Sight {
    Sight {
        state: ["up", "gone", "up"],
        latency_s: [0.09, 0.003, 0.11],
        verdicts: vec![
            fails("node-answers", &["node/2"], &["node/1", "node/3"]),
            holds("writes-fast"),
        ],
        ..Sight::default()
    }
}

/// Writes of node 2 are slow because of its disk.
pub(crate) fn slow_disk_on_two() -> Sight {
    Sight {
        latency_s: [0.003, 0.9, 0.003],
        disk_wait_s: Some([0.001, 0.8, 0.001]),
        verdicts: vec![
            holds("node-answers"),
            fails("writes-fast", &["node/2"], &["node/1", "node/3"]),
        ],
        ..Sight::default()
    }
}

/// Writes of node 2 are slow, and neither disks nor links could be observed.
pub(crate) fn slow_for_an_unknown_reason() -> Sight {
    Sight {
        disk_wait_s: None,
        loss: None,
        ..slow_disk_on_two()
    }
}

pub(crate) fn holds(check: &str) -> Verdict {
    let passed = ["node/1", "node/2", "node/3"].map(EntityId::from).to_vec();
    verdict(check, Status::Pass, Vec::new(), passed)
}

pub(crate) fn fails(check: &str, violators: &[&str], passed: &[&str]) -> Verdict {
    let violations = violators
        .iter()
        .map(|entity| violation(check, entity))
        .collect();
    verdict(
        check,
        Status::Fail,
        violations,
        passed
            .iter()
            .map(|entity| EntityId::from(*entity))
            .collect(),
    )
}

pub(crate) fn cannot_tell(check: &str) -> Verdict {
    verdict(check, Status::Inconclusive, Vec::new(), Vec::new())
}

fn violation(check: &str, entity: &str) -> Violation {
    let (summary, column, value, expected) = match check {
        "node-answers" => (
            "does not respond",
            "state",
            Scalar::Text("gone".to_owned()),
            "up",
        ),
        _ => (
            "writes are slow",
            "latency_s",
            Scalar::Float(0.9),
            "below 100 ms",
        ),
    };
    let observed = operator_model::verdict::Observed {
        table: "nodes".to_owned(),
        row: entity
            .split('/')
            .next_back()
            .and_then(|key| key.parse::<u32>().ok())
            .map(|key| key - 1),
        column: column.to_owned(),
        value,
        unit: (column == "latency_s").then(|| "s".to_owned()),
        expected: Some(expected.to_owned()),
    };
    Violation {
        entity: EntityId::from(entity),
        summary: summary.to_owned(),
        severity: Severity::Critical,
        confirmed: false,
        evidence: vec![observed],
    }
}

fn verdict(
    check: &str,
    status: Status,
    violations: Vec<Violation>,
    passed: Vec<EntityId>,
) -> Verdict {
    let claim = if check == "node-answers" {
        "every node responds"
    } else {
        "writes are fast"
    };
    Verdict {
        check: check.into(),
        module: "nodes".to_owned(),
        status,
        severity: Severity::Critical,
        claim: claim.to_owned(),
        hold_ms: 10_000,
        reason: "checked all nodes".to_owned(),
        violations,
        passed,
        fuel: 1,
    }
}

pub(crate) fn topology() -> Topology {
    let named = |id: &str, name: &str| Entity {
        id: id.into(),
        name: name.to_owned(),
    };
    let edge = |from: &str, to: &str, relation| Edge {
        from: from.into(),
        to: to.into(),
        relation,
    };
    let entities = vec![
        named("link/1-2", "link 1-2"),
        named("link/1-3", "link 1-3"),
        named("link/2-3", "link 2-3"),
        named("node/1", "10.0.0.1:9000"),
        named("node/2", "10.0.0.2:9000"),
        named("node/3", "10.0.0.3:9000"),
    ];
    let mut edges = vec![
        edge("node/1", "node/2", Relation::PeersWith),
        edge("node/1", "node/3", Relation::PeersWith),
        edge("node/2", "node/3", Relation::PeersWith),
    ];
    for (node, link) in [
        ("1", "1-2"),
        ("2", "1-2"),
        ("1", "1-3"),
        ("3", "1-3"),
        ("2", "2-3"),
        ("3", "2-3"),
    ] {
        edges.push(edge(
            &format!("node/{node}"),
            &format!("link/{link}"),
            Relation::DependsOn,
        ));
    }
    edges.sort();
    Topology { entities, edges }
}

pub(crate) fn snapshot(sight: &Sight, at: Timestamp, tick: u64) -> Snapshot {
    let keys = |keys: [&str; 3]| Column::Texts(keys.map(|key| Some(key.to_owned())).to_vec());
    let floats = |values: [f64; 3]| Column::Floats(values.map(Some).to_vec());
    let addresses = ["10.0.0.1:9000", "10.0.0.2:9000", "10.0.0.3:9000"];
    let mut tables = vec![
        Table::from_columns(
            "nodes",
            vec![
                ("node", None, keys(["1", "2", "3"])),
                ("state", None, keys(sight.state)),
                ("address", None, keys(addresses)),
                ("latency_s", Some("s"), floats(sight.latency_s)),
            ],
        )
        .unwrap(),
    ];
    if let Some(wait) = sight.disk_wait_s {
        let columns = vec![
            ("node", None, keys(["1", "2", "3"])),
            ("wait_s", Some("s"), floats(wait)),
        ];
        tables.push(Table::from_columns("disks", columns).unwrap());
    }
    if let Some(loss) = sight.loss {
        let columns = vec![
            ("link", None, keys(["1-2", "1-3", "2-3"])),
            ("loss", Some("ratio"), floats(loss)),
        ];
        tables.push(Table::from_columns("links", columns).unwrap());
    }
    if sight.no_tables {
        tables.clear();
    }
    Snapshot {
        tick: Tick(tick),
        taken_at: at,
        host_at: at,
        subject: "nodes".to_owned(),
        system: "s-1".to_owned(),
        tables: tables
            .into_iter()
            .map(|table| (table.name.clone(), Arc::new(table)))
            .collect(),
        past: Vec::new(),
        series: Arc::new(SeriesStore::default()),
        topology: sight.topology.clone(),
        blind: sight.blind.clone(),
        hash: Digest("00".repeat(32)),
    }
}

pub(crate) fn knowledge() -> KnowledgeBase {
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
    failure_mode(
        "node-gone",
        "Node gone",
        "The process of {name} exited or its machine is down; its peers wait for it.",
        "node",
        vec![
            rule(
                "silent",
                Scope::Itself,
                silent,
                (50.0, 0.02),
                "liveness",
                "a node that is gone does not respond",
            ),
            rule(
                "state",
                Scope::Itself,
                state,
                (20.0, 0.1),
                "liveness",
                "the other nodes agree",
            ),
            rule(
                "peers-wait",
                Scope::Others,
                peers_wait,
                (3.0, 0.8),
                "latency",
                "writes wait for the missing replica",
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
    failure_mode(
        "slow-disk",
        "Slow disk",
        "The disk of {entity} is slow, so all writes of {name} are slow.",
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
                "a slow node still responds",
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
    failure_mode(
        "slow-link",
        "Slow link",
        "{name} loses packets, which are retransmitted.",
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

fn failure_mode(
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
