//! The entities of the cluster and the edges along which failures propagate.

use std::collections::{BTreeMap, BTreeSet};

use operator_plugin::{Edge, Entity, EntityId, Relation, Topology, entity};

use crate::pd_state::PdState;
use crate::shapes::Member;
use crate::{hot, stores, tiflash};

/// Regions that become entities: the busiest and the oversized ones.
const REGIONS: usize = 64;
/// With more entities than this, a full mesh of peers carries no information and is omitted.
const PEERING: usize = 32;

/// Entities and edges of this tick.
pub(crate) fn topology(pd_state: &PdState, system: &str, members: &[Member]) -> Topology {
    let mut drawn = Topology {
        entities: Vec::new(),
        edges: Vec::new(),
    };
    let cluster = (!system.is_empty())
        .then(|| add(&mut drawn, "cluster", system, format!("cluster {system}")));
    let members: Vec<EntityId> = members
        .iter()
        .map(|member| add(&mut drawn, "member", &member.name, member.name.clone()))
        .collect();
    let listed = pd_state
        .stores
        .value()
        .map(stores::living)
        .unwrap_or_default();
    let stores: Vec<EntityId> = listed
        .iter()
        .map(|item| {
            add(
                &mut drawn,
                "store",
                &item.store.id.to_string(),
                item.store.address.clone(),
            )
        })
        .collect();
    draw_columnar(&mut drawn, pd_state, &stores);
    if let Some(cluster) = &cluster {
        join(
            &mut drawn,
            members.iter().map(|member| (cluster, member)),
            Relation::RunsOn,
        );
        join(
            &mut drawn,
            stores.iter().map(|store| (store, cluster)),
            Relation::DependsOn,
        );
    }
    join(&mut drawn, pairs(&members), Relation::PeersWith);
    join(&mut drawn, pairs(&stores), Relation::PeersWith);
    let known = listed.iter().map(|item| item.store.id).collect();
    draw_regions(&mut drawn, pd_state, &known);
    drawn
}

/// The busiest and the oversized regions, each on the store of its leader.
fn draw_regions(drawn: &mut Topology, pd_state: &PdState, known: &BTreeSet<u64>) {
    let notable: BTreeMap<u64, u64> = hot::notable(pd_state)
        .into_iter()
        .chain(large(pd_state))
        .collect();
    for (region, store) in notable
        .into_iter()
        .filter(|(_, store)| known.contains(store))
        .take(REGIONS)
    {
        let region = add(
            drawn,
            "region",
            &region.to_string(),
            format!("region {region} on store {store}"),
        );
        join(
            drawn,
            std::iter::once((&region, &entity("store", store.to_string()))),
            Relation::RunsOn,
        );
    }
}

/// Columnar stores. The leaders keep the log that one of them does not take.
fn draw_columnar(drawn: &mut Topology, pd_state: &PdState, stores: &[EntityId]) {
    let listed = pd_state.stores.value().map(tiflash::living);
    let columnar: Vec<EntityId> = listed
        .unwrap_or_default()
        .into_iter()
        .map(|item| {
            let name = item.store.address.clone();
            add(drawn, "tiflash", &item.store.id.to_string(), name)
        })
        .collect();
    let feeds = stores
        .iter()
        .flat_map(|store| columnar.iter().map(move |columnar| (store, columnar)));
    join(drawn, feeds.take(PEERING * PEERING), Relation::DependsOn);
}

fn large(pd_state: &PdState) -> impl Iterator<Item = (u64, u64)> {
    let listed = pd_state
        .large_regions
        .value()
        .map(|list| list.regions.as_slice())
        .unwrap_or_default();
    listed
        .iter()
        .filter_map(|region| region.leader_store().map(|store| (region.id, store)))
}

fn add(drawn: &mut Topology, kind: &str, key: &str, name: String) -> EntityId {
    let id = entity(kind, key);
    drawn.entities.push(Entity {
        id: id.clone(),
        name,
    });
    id
}

fn join<'ids>(
    drawn: &mut Topology,
    pairs: impl Iterator<Item = (&'ids EntityId, &'ids EntityId)>,
    relation: Relation,
) {
    drawn.edges.extend(pairs.map(|(from, to)| Edge {
        from: from.clone(),
        to: to.clone(),
        relation,
    }));
}

fn pairs(ids: &[EntityId]) -> impl Iterator<Item = (&EntityId, &EntityId)> {
    let few = if ids.len() <= PEERING { ids } else { &[] };
    few.iter()
        .enumerate()
        .flat_map(move |(place, from)| few.iter().skip(place + 1).map(move |to| (from, to)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Endpoint;

    #[test]
    fn the_busiest_region_runs_on_the_store_of_its_leader() {
        let mut pd_state = PdState::default();
        pd_state.take(
            Endpoint::Stores,
            1,
            Ok(include_bytes!(
                "../tests/fixtures/pd-8.5.0-stores-one-disconnected.json"
            )),
        );
        pd_state.take(
            Endpoint::WriteFlow,
            1,
            Ok(include_bytes!(
                "../tests/fixtures/pd-8.5.0-writeflow-hot.json"
            )),
        );
        let drawn = topology(
            &pd_state,
            "7",
            &[Member {
                name: "pd1".to_owned(),
                ..Member::default()
            }],
        );
        let edge = |from: &str, to: &str| {
            drawn
                .edges
                .iter()
                .any(|edge| edge.from == from && edge.to == to)
        };
        assert!(
            edge("region/88", "store/4")
                && edge("store/4", "cluster/7")
                && edge("cluster/7", "member/pd1")
        );
        assert!(edge("store/1", "store/4") && !edge("store/4", "store/1"));
        let store = drawn
            .entities
            .iter()
            .find(|entity| entity.id == "store/4")
            .unwrap();
        assert_eq!(store.name, "127.0.0.1:20161");
    }
}
