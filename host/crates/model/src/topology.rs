//! The entities of the observed system and how they depend on each other.

use crate::EntityId;
use serde::{Deserialize, Serialize};

/// An entity of the observed system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// `kind/key`.
    pub id: EntityId,
    /// Its name for people, for example an address.
    pub name: String,
}

/// How a fault propagates along an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Relation {
    /// `from` runs on, or is stored in, `to`.
    RunsOn,
    /// `from` calls `to`.
    DependsOn,
    /// Both are peers that communicate.
    PeersWith,
}

/// A directed edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Edge {
    /// Start.
    pub from: EntityId,
    /// End.
    pub to: EntityId,
    /// Meaning.
    pub relation: Relation,
}

/// Entities and edges, both sorted by the snapshot stage.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Topology {
    /// Sorted by id.
    pub entities: Vec<Entity>,
    /// Sorted.
    pub edges: Vec<Edge>,
}

impl Topology {
    /// The entity with this id.
    #[must_use]
    pub fn entity(&self, id: &EntityId) -> Option<&Entity> {
        self.entities
            .binary_search_by(|entity| entity.id.cmp(id))
            .ok()
            .and_then(|index| self.entities.get(index))
    }

    /// The name of the entity; its id if it has none.
    #[must_use]
    pub fn name_of<'a>(&'a self, id: &'a EntityId) -> &'a str {
        self.entity(id)
            .map_or(id.as_str(), |entity| entity.name.as_str())
    }

    /// What `id` runs on or is stored in, sorted.
    pub fn hosts_of<'a>(&'a self, id: &'a EntityId) -> impl Iterator<Item = &'a EntityId> {
        let leaving = self
            .edges
            .iter()
            .filter(move |edge| &edge.from == id && edge.relation == Relation::RunsOn);
        leaving.map(|edge| &edge.to)
    }

    /// Entities joined to `id` by an edge in either direction, sorted, without repeats.
    #[must_use]
    pub fn neighbours(&self, id: &EntityId) -> Vec<&EntityId> {
        let mut found: Vec<&EntityId> = self
            .edges
            .iter()
            .filter_map(|edge| {
                if &edge.from == id {
                    Some(&edge.to)
                } else if &edge.to == id {
                    Some(&edge.from)
                } else {
                    None
                }
            })
            .collect();
        found.sort();
        found.dedup();
        found
    }
}
