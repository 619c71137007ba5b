//! Observes a service that has a health page:
//!
//! `GET /health.json` returns `{"service": "…", "nodes": [{"name": "a", "up": true, "free_bytes": 5,
//! "total_bytes": 9, "objects": 3}]}`.

use operator_plugin::knowledge::{ColumnSource, Direction, Signal, SignalSource};
use operator_plugin::{
    Entity, HttpError, KnowledgeBase, Observation, ObservationGap, ObserveContext, PluginError,
    PluginInfo, Request, Response, Subject, Topology, World, entity, export_subject, table,
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
        PluginInfo::new(
            "health",
            "0.1.0",
            "Observes a service through its health page",
        )
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
        let response = world.send_all(&[Request::get(TARGET, PATH)]).pop();
        Ok(response
            .ok_or_else(|| "no response".to_owned())
            .and_then(page_of)
            .map_or_else(unobserved, observed))
    }

    fn knowledge(&self) -> Result<KnowledgeBase, PluginError> {
        let source = SignalSource::Column(ColumnSource {
            table: "nodes".to_owned(),
            key_columns: vec!["node".to_owned()],
            value_column: "free_ratio".to_owned(),
        });
        let free = Signal {
            title: "free space".to_owned(),
            unit: "1".to_owned(),
            bad: Direction::Down,
            floor: 0.05,
            ..Signal::new("free-ratio", "node", source)
        };
        Ok(KnowledgeBase {
            version: "0.1.0".to_owned(),
            signals: vec![free],
            ..KnowledgeBase::default()
        })
    }
}

/// The page, or the reason why it is not known.
fn page_of(response: Result<Response, HttpError>) -> Result<Page, String> {
    let response = response.map_err(|error| error.describe())?;
    if response.status != 200 {
        return Err(format!("status {}", response.status));
    }
    serde_json::from_slice(&response.body)
        .map_err(|error| format!("the page is not understood: {error}"))
}

fn observed(page: Page) -> Observation {
    let nodes = &page.nodes;
    let part = |node: &Node| Entity {
        id: entity("node", &node.name),
        name: node.name.clone(),
    };
    let table = table("nodes")
        .texts("node", nodes.iter().map(|node| node.name.clone()))
        .booleans("up", nodes.iter().map(|node| node.up))
        .floats("free_ratio", "1", nodes.iter().map(free_ratio))
        .integers("objects", "", nodes.iter().map(|node| node.objects));
    let topology = Topology {
        entities: nodes.iter().map(part).collect(),
        edges: Vec::new(),
    };
    Observation {
        system: page.service.clone(),
        tables: vec![table],
        topology,
        gaps: Vec::new(),
    }
}

/// Nothing was observed: the page is a gap, and the table that is made of it is one.
fn unobserved(reason: String) -> Observation {
    let topology = Topology {
        entities: Vec::new(),
        edges: Vec::new(),
    };
    let gaps = vec![
        ObservationGap::path(TARGET, PATH, &reason),
        ObservationGap::table("nodes", &reason),
    ];
    Observation {
        system: String::new(),
        tables: Vec::new(),
        topology,
        gaps,
    }
}

/// Not known, rather than a wrong number, when a figure is missing.
fn free_ratio(node: &Node) -> Option<f64> {
    let total = node.total_bytes.filter(|total| *total > 0.0)?;
    Some(node.free_bytes? / total)
}

export_subject!(Health);
