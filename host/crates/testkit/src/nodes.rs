//! A system that does not exist, for the tests of all reasoning stages: three nodes that write to their
//! disks and talk over links.

use operator_data::tables::Column;
use operator_data::{SeriesStore, Snapshot, Table};
use operator_model::knowledge::KnowledgeBase;
use operator_model::ticket::Provenance;
use operator_model::{
    Detection, Digest, Edge, Entity, EntityId, Incident, ObservationGap, Relation, Scalar,
    Severity, Status, Tick, Ticket, TicketState, Timestamp, Topology, Verdict, Violation,
};
use operator_reason::decide::{Decided, decide};
use operator_reason::detect::Detector;
use operator_reason::diagnose::{DiagnoseInput, Memory, explain};
use std::collections::BTreeMap;
use std::sync::Arc;

mod knowledge;

pub use knowledge::knowledge;

/// When the story begins: 2024-02-29T12:00:00Z.
pub const START: Timestamp = Timestamp(1_709_208_000_000);

/// Distance of two ticks; the columns of tables count as new after this long.
pub const STEP_MS: u64 = 5_000;

/// What the three nodes and the links show at one tick.
#[derive(Debug, Clone)]
pub struct Sight {
    pub state: [&'static str; 3],
    pub latency_s: [f64; 3],
    /// Absent: the table of disks was not observed.
    pub disk_wait_s: Option<[f64; 3]>,
    /// Of link/1-2, link/1-3, link/2-3; absent: not observed.
    pub loss: Option<[f64; 3]>,
    pub verdicts: Vec<Verdict>,
    pub blind: Vec<ObservationGap>,
    pub topology: Topology,
    pub no_tables: bool,
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

/// The stages in order, with what they remember.
pub struct Story {
    pub knowledge: KnowledgeBase,
    pub detector: Detector,
    pub memory: Memory,
    pub now: Timestamp,
    tick: u64,
}

impl Default for Story {
    fn default() -> Self {
        Self::new()
    }
}

impl Story {
    pub fn new() -> Self {
        Self::with(knowledge())
    }

    pub fn with(knowledge: KnowledgeBase) -> Self {
        let detector = Detector::new(&knowledge);
        Self {
            knowledge,
            detector,
            memory: Memory::default(),
            now: START,
            tick: 0,
        }
    }

    /// A quiet minute and a half: long enough to learn what is usual.
    pub fn after_a_quiet_time() -> Self {
        let mut story = Self::new();
        story.repeat(20, &Sight::default());
        story
    }

    pub fn step(&mut self, sight: &Sight) -> Vec<Incident> {
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

    /// The incidents of the last of so many equal ticks.
    pub fn repeat(&mut self, ticks: usize, sight: &Sight) -> Vec<Incident> {
        (0..ticks)
            .map(|_| self.step(sight))
            .last()
            .unwrap_or_default()
    }

    pub fn decide(&self, incident: &Incident, sight: &Sight) -> Decided {
        decide(
            incident,
            &self.knowledge,
            &snapshot(sight, self.now, self.tick),
        )
    }

    /// The ticket, as the ticket stage puts it together.
    pub fn ticket(&self, incident: &Incident, sight: &Sight) -> Ticket {
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
            recovering_since: None,
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
        ticket.explanation_score =
            operator_reason::verify::verify(&ticket, self.memory.topology()).score;
        ticket
    }
}

/// Node 2 is gone: it does not answer, and its neighbours write slowly.
pub fn node_two_gone() -> Sight {
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

/// Writes of node 2 are slow, and its disk is why.
pub fn slow_disk_on_two() -> Sight {
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
pub fn slow_for_an_unknown_reason() -> Sight {
    Sight {
        disk_wait_s: None,
        loss: None,
        ..slow_disk_on_two()
    }
}

pub fn holds(check: &str) -> Verdict {
    let passed = ["node/1", "node/2", "node/3"].map(EntityId::from).to_vec();
    verdict(check, Status::Pass, Vec::new(), passed)
}

pub fn fails(check: &str, violators: &[&str], passed: &[&str]) -> Verdict {
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

pub fn cannot_tell(check: &str) -> Verdict {
    verdict(check, Status::Inconclusive, Vec::new(), Vec::new())
}

fn violation(check: &str, entity: &str) -> Violation {
    let (summary, column, value, expected) = match check {
        "node-answers" => (
            "does not answer",
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
        "every node answers"
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
        reason: "looked at all nodes".to_owned(),
        violations,
        passed,
        fuel: 1,
    }
}

pub fn topology() -> Topology {
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

pub fn snapshot(sight: &Sight, at: Timestamp, tick: u64) -> Snapshot {
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
