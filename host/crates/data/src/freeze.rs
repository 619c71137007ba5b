//! Stage 2: the observation is sorted, hashed and frozen. Later stages read nothing else.

use crate::{Observed, SeriesStore, Snapshot, Table};
use operator_model::{Digest, GapSource, ObservationGap, Tick, Timestamp, Topology};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Written in front of what is hashed; changes when the order or the form of it does.
const HASH_FORM: &str = "operator-snapshot-1";

/// The tables of one tick.
pub type Tables = BTreeMap<String, Arc<Table>>;

/// Everything that a snapshot is made of.
pub struct FreezeInput<'a> {
    /// Which tick.
    pub tick: Tick,
    /// Time by the observed clock.
    pub taken_at: Timestamp,
    /// Time by the operator's own clock.
    pub host_at: Timestamp,
    /// Name of the subject.
    pub subject: &'a str,
    /// What it saw.
    pub observed: Observed,
    /// The series collected so far.
    pub series: Arc<SeriesStore>,
    /// Tables of earlier ticks, the last tick first.
    pub past: &'a [Arc<Tables>],
    /// How many of those are kept.
    pub history_ticks: usize,
}

/// Freezes one tick.
#[must_use]
pub fn freeze(input: FreezeInput<'_>) -> Arc<Snapshot> {
    let Observed {
        system,
        tables,
        topology,
        mut blind,
    } = input.observed;
    let topology = sorted_topology(topology);
    let (tables, digests) = digest_tables(tables, &mut blind);
    blind.sort();
    blind.dedup();
    Arc::new(Snapshot {
        tick: input.tick,
        taken_at: input.taken_at,
        host_at: input.host_at,
        subject: input.subject.to_owned(),
        system,
        hash: hash(&digests, &topology, &blind),
        tables,
        past: input
            .past
            .iter()
            .take(input.history_ticks)
            .map(Arc::clone)
            .collect(),
        series: input.series,
        topology,
        blind,
    })
}

/// The tables of the last ticks, for the next snapshot: this one first.
#[must_use]
pub fn history(snapshot: &Snapshot, history_ticks: usize) -> Vec<Arc<Tables>> {
    let newest = Arc::new(snapshot.tables.clone());
    std::iter::once(newest)
        .chain(snapshot.past.iter().map(Arc::clone))
        .take(history_ticks)
        .collect()
}

/// Sorted by id; of two entities with one id the first is kept.
fn sorted_topology(mut topology: Topology) -> Topology {
    topology.entities.sort_by(|a, b| a.id.cmp(&b.id));
    topology
        .entities
        .dedup_by(|later, earlier| later.id == earlier.id);
    topology.edges.sort();
    topology.edges.dedup();
    topology
}

/// The fingerprint of every table. A table that has none, because its columns are not what its
/// fields say, was not observed.
fn digest_tables(
    tables: Tables,
    blind: &mut Vec<ObservationGap>,
) -> (Tables, BTreeMap<String, String>) {
    let mut digests = BTreeMap::new();
    let mut kept = Tables::new();
    for (name, table) in tables {
        let mut hash = Sha256::new();
        match table.hash_into(&mut hash) {
            Ok(()) => {
                digests.insert(name.clone(), hex::encode(hash.finalize()));
                kept.insert(name, table);
            }
            Err(error) => blind.push(ObservationGap::new(
                GapSource::Table(name),
                error.to_string(),
            )),
        }
    }
    (kept, digests)
}

fn hash(
    tables: &BTreeMap<String, String>,
    topology: &Topology,
    blind: &[ObservationGap],
) -> Digest {
    #[derive(Serialize)]
    struct Hashed<'a>(
        &'a str,
        &'a BTreeMap<String, String>,
        &'a Topology,
        &'a [ObservationGap],
    );
    let mut hash = Sha256::new();
    // Maps are ordered and there are no floats in it, so the text is the same for the same content.
    // Writing into a hash cannot fail, and nothing in it can fail to be written.
    let _infallible = serde_json::to_writer(
        HashWriter(&mut hash),
        &Hashed(HASH_FORM, tables, topology, blind),
    );
    Digest(hex::encode(hash.finalize()))
}

struct HashWriter<'a>(&'a mut Sha256);

impl std::io::Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables::Column;
    use operator_model::{Edge, Entity, EntityId, Relation};

    fn table(values: &[i64]) -> Arc<Table> {
        let values = values.iter().copied().map(Some).collect();
        Arc::new(Table::from_columns("t", vec![("n", None, Column::Integers(values))]).unwrap())
    }

    fn entity(key: &str) -> Entity {
        Entity {
            id: EntityId::new("store", key),
            name: key.to_owned(),
        }
    }

    fn edge(from: &str, to: &str) -> Edge {
        Edge {
            from: EntityId::new("store", from),
            to: EntityId::new("store", to),
            relation: Relation::PeersWith,
        }
    }

    fn frozen(observed: Observed) -> Arc<Snapshot> {
        freeze(FreezeInput {
            tick: Tick(1),
            taken_at: Timestamp(1_000),
            host_at: Timestamp(2_000),
            subject: "test",
            observed,
            series: Arc::default(),
            past: &[],
            history_ticks: 3,
        })
    }

    fn observed(values: &[i64], entities: &[&str]) -> Observed {
        Observed {
            system: "s".to_owned(),
            tables: [("t".to_owned(), table(values))].into(),
            topology: Topology {
                entities: entities.iter().map(|key| entity(key)).collect(),
                edges: vec![edge("2", "1"), edge("1", "2"), edge("2", "1")],
            },
            blind: vec![ObservationGap {
                source: "http:b".into(),
                entity: None,
                reason: "timeout".to_owned(),
            }],
        }
    }

    #[test]
    fn the_order_in_which_parts_are_seen_does_not_matter() {
        let one = frozen(observed(&[1], &["2", "1"]));
        let other = frozen(observed(&[1], &["1", "2", "1"]));
        assert_eq!(one.hash, other.hash);
        assert_eq!(one.topology.entities, [entity("1"), entity("2")]);
        assert_eq!(one.topology.edges, [edge("1", "2"), edge("2", "1")]);
    }

    #[test]
    fn a_changed_value_a_changed_part_and_a_changed_blind_spot_change_the_hash() {
        let hash = frozen(observed(&[1], &["1"])).hash.clone();
        assert_ne!(hash, frozen(observed(&[2], &["1"])).hash);
        assert_ne!(hash, frozen(observed(&[1], &["1", "2"])).hash);
        let mut blinder = observed(&[1], &["1"]);
        blinder.blind.clear();
        assert_ne!(hash, frozen(blinder).hash);
    }

    #[test]
    fn history_is_bounded_and_the_last_tick_comes_first() {
        let mut past = Vec::new();
        for value in 1..=5 {
            let snapshot = frozen(observed(&[value], &[]));
            past = history(
                &Snapshot {
                    past,
                    ..Snapshot::clone(&snapshot)
                },
                3,
            );
        }
        let kept: Vec<_> = past
            .iter()
            .map(|tables| tables["t"].integers("n", 0, 1).unwrap()[0])
            .collect();
        assert_eq!(kept, [5, 4, 3]);
    }
}
