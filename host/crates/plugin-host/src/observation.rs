//! What a subject saw, taken out of its hands: cleaned, bounded, with a blind spot for everything
//! that had to be left out.

use crate::bindings::observe::observations::Observation;
use crate::bindings::types::types as wit;
use crate::failure::PluginFailure;
use crate::limits::PluginLimits;
use crate::state::GuestState;
use crate::text;
use operator_data::{Observed, Table};
use operator_model::{EntityId, GapSource, ObservationGap};
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// Longest name of a table.
const TABLE_NAME_BYTES_MAX: usize = 64;

pub(crate) fn take(
    raw: Observation,
    guest: &mut GuestState,
    limits: &PluginLimits,
) -> Result<Observed, PluginFailure> {
    let misformed = |id: &wit::EntityId| id.kind.is_empty() || id.key.is_empty();
    let mut topology = raw.topology;
    let given = topology.entities.len() + topology.edges.len();
    topology.entities.retain(|entity| !misformed(&entity.id));
    topology
        .edges
        .retain(|edge| !misformed(&edge.from) && !misformed(&edge.to));
    let mut observed = Observed {
        system: text::clean(&raw.system, limits.entity_id_bytes_max),
        topology: topology.into(),
        blind: raw.gaps.into_iter().map(ObservationGap::from).collect(),
        ..Observed::default()
    };
    // First, so that what the others have to say is not cut off with it.
    bound_blind(&mut observed, limits);
    bound_topology(&mut observed, given, limits);
    let given = raw.tables.len();
    for handle in raw.tables {
        let resource = guest
            .resources
            .delete(handle)
            .map_err(|error| PluginFailure::Nonsense(error.to_string()))?;
        guest.refund(resource.charged_bytes);
        add_table(&mut observed, resource.table);
    }
    if given > limits.tables_max {
        let what = "tables of the observation".to_owned();
        return Err(PluginFailure::OutputTooLarge {
            what,
            size: given,
            limit: limits.tables_max,
        });
    }
    Ok(observed)
}

/// The first of two tables with one name counts; that there were two is a blind spot.
fn add_table(observed: &mut Observed, table: Arc<Table>) {
    match observed
        .tables
        .entry(text::clean(&table.name, TABLE_NAME_BYTES_MAX))
    {
        Entry::Vacant(place) => {
            place.insert(table);
        }
        Entry::Occupied(taken) => {
            let source = GapSource::Table(taken.key().clone());
            blind_to(
                observed,
                source,
                "the subject gave it twice, the first counts".to_owned(),
            );
        }
    }
}

fn bound_topology(observed: &mut Observed, given: usize, limits: &PluginLimits) {
    let topology = &mut observed.topology;
    let fits = |id: &EntityId| !id.0.is_empty() && id.0.len() <= limits.entity_id_bytes_max;
    topology.entities.retain(|entity| fits(&entity.id));
    topology
        .edges
        .retain(|edge| fits(&edge.from) && fits(&edge.to));
    topology.entities.truncate(limits.entities_max);
    topology.edges.truncate(limits.entities_max);
    let clean = |text: &mut String| *text = text::clean(text, limits.entity_id_bytes_max);
    for entity in &mut topology.entities {
        clean(&mut entity.id.0);
        clean(&mut entity.name);
    }
    for edge in &mut topology.edges {
        clean(&mut edge.from.0);
        clean(&mut edge.to.0);
    }
    let left_out = given - topology.entities.len() - topology.edges.len();
    if left_out > 0 {
        let (limit, bytes) = (limits.entities_max, limits.entity_id_bytes_max);
        let reason = format!(
            "{left_out} entities and edges were left out: the limit is {limit} of each, with ids of 1 to {bytes} bytes"
        );
        blind_to(observed, GapSource::Topology, reason);
    }
}

fn bound_blind(observed: &mut Observed, limits: &PluginLimits) {
    let given = observed.blind.len();
    observed.blind.truncate(limits.blind_spots_max);
    for spot in &mut observed.blind {
        clean_source(&mut spot.source, limits);
        if let Some(entity) = &mut spot.entity {
            entity.0 = text::clean(&entity.0, limits.entity_id_bytes_max);
        }
        spot.reason = text::clean(&spot.reason, limits.text_bytes_max);
    }
    if given > limits.blind_spots_max {
        blind_to(
            observed,
            GapSource::Other("observation-gaps".to_owned()),
            format!(
                "{given} were reported, the limit is {}",
                limits.blind_spots_max
            ),
        );
    }
}

fn clean_source(source: &mut GapSource, limits: &PluginLimits) {
    let clean = |text: &mut String| *text = text::clean(text, limits.entity_id_bytes_max);
    match source {
        GapSource::Topology => {}
        GapSource::Path { target, path } => {
            clean(target);
            clean(path);
        }
        GapSource::Target(text)
        | GapSource::Table(text)
        | GapSource::Log(text)
        | GapSource::Series(text)
        | GapSource::Subject(text)
        | GapSource::Other(text) => clean(text),
    }
}

fn blind_to(observed: &mut Observed, source: GapSource, reason: String) {
    observed.blind.push(ObservationGap::new(source, reason));
}
