//! Observes a service that has a health page:
//!
//! `GET /health.json` answers `{"service": "…", "nodes": [{"name": "a", "up": true, "free_bytes": 5,
//! "total_bytes": 9, "objects": 3}]}`.

use operator_plugin::knowledge::{ColumnSource, Direction, Signal, SignalSource};
use operator_plugin::{
    BlindSpot, Entity, HttpError, KnowledgeBase, Observation, ObserveContext, PluginError,
    PluginInfo, Request, Response, Subject, Topology, World, export_subject, table,
};
use serde::Deserialize;

const TARGET: &str = "health";
const PATH: &str = "/health.json";

/// The subject.
pub struct Health;

#[derive(Deserialize)]
struct Page {
    service: String,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    name: String,
    up: Option<bool>,
    free_bytes: Option<f64>,
    total_bytes: Option<f64>,
    objects: Option<i64>,
}

impl Subject for Health {
    fn describe() -> PluginInfo {
        let (name, version, summary) = (
            "health",
            "0.1.0",
            "Observes a service through its health page",
        );
        PluginInfo {
            name: name.to_owned(),
            version: version.to_owned(),
            summary: summary.to_owned(),
        }
    }

    fn configure(config: &str) -> Result<Self, PluginError> {
        match config.trim() {
            "" | "{}" => Ok(Self),
            _ => Err(PluginError::InvalidConfig(
                "this subject has no settings".to_owned(),
            )),
        }
    }

    fn observe(
        &mut self,
        world: &mut dyn World,
        _context: &ObserveContext,
    ) -> Result<Observation, PluginError> {
        let answer = world.send_all(&[Request::get(TARGET, PATH)]).pop();
        Ok(answer
            .ok_or_else(|| "no answer".to_owned())
            .and_then(understood)
            .map_or_else(blind, seen))
    }

    fn knowledge(&self) -> Result<KnowledgeBase, PluginError> {
        let column = |name: &str| name.to_owned();
        let source = ColumnSource {
            table: column("nodes"),
            entity_column: column("node"),
            value_column: column("free_ratio"),
        };
        let signal = Signal {
            id: "free-ratio".to_owned(),
            title: "free space".to_owned(),
            unit: "1".to_owned(),
            entity_kind: "node".to_owned(),
            source: SignalSource::Column(source),
            bad: Direction::Down,
            floor: 0.05,
        };
        let (cards, actions, attributes) = (Vec::new(), Vec::new(), Vec::new());
        Ok(KnowledgeBase {
            version: "0.1.0".to_owned(),
            signals: vec![signal],
            cards,
            actions,
            attributes,
        })
    }
}

/// What the page says, or the reason why that is not known.
fn understood(answer: Result<Response, HttpError>) -> Result<Page, String> {
    let response = answer.map_err(|error| error.describe())?;
    if response.status != 200 {
        return Err(format!("status {}", response.status));
    }
    serde_json::from_slice(&response.body)
        .map_err(|error| format!("the page is not understood: {error}"))
}

fn seen(page: Page) -> Observation {
    let nodes = &page.nodes;
    let entity = |node: &Node| Entity {
        id: format!("node/{}", node.name),
        kind: "node".to_owned(),
        name: node.name.clone(),
    };
    let table = table("nodes")
        .texts("node", nodes.iter().map(|node| node.name.clone()))
        .booleans("up", nodes.iter().map(|node| node.up))
        .floats("free_ratio", "1", nodes.iter().map(free_ratio))
        .integers("objects", "", nodes.iter().map(|node| node.objects));
    let topology = Topology {
        entities: nodes.iter().map(entity).collect(),
        edges: Vec::new(),
    };
    Observation {
        system: page.service.clone(),
        tables: vec![table],
        topology,
        blind: Vec::new(),
    }
}

fn blind(reason: String) -> Observation {
    let topology = Topology {
        entities: Vec::new(),
        edges: Vec::new(),
    };
    let blind = vec![BlindSpot {
        source: format!("http:{TARGET}{PATH}"),
        reason,
    }];
    Observation {
        system: String::new(),
        tables: Vec::new(),
        topology,
        blind,
    }
}

/// Not known, rather than a wrong number, when a figure is missing.
fn free_ratio(node: &Node) -> Option<f64> {
    let total = node.total_bytes.filter(|total| *total > 0.0)?;
    Some(node.free_bytes? / total)
}

export_subject!(Health);
