//! The scenarios of the demo: each plays one fault, or one of several that look alike at first.

use super::{Scenario, Variant};
use crate::fault;

/// A scenario's name, its title and description, and its variants with the fault that each plays.
struct Entry {
    id: &'static str,
    /// Title and description, where those of the first fault do not fit.
    text: Option<(&'static str, &'static str)>,
    variants: &'static [(&'static str, &'static str)],
}

/// The four of the demo first.
const ENTRIES: [Entry; 11] = [
    Entry {
        id: "node-death",
        text: None,
        variants: &[
            ("for-good", "node-death"),
            ("comes-back", "node-death-returns"),
        ],
    },
    Entry {
        id: "hot-region",
        text: None,
        variants: &[("neighbouring-keys", "hot-region")],
    },
    Entry {
        id: "disk-pressure",
        text: None,
        variants: &[("foreign-files", "disk-pressure")],
    },
    Entry {
        id: "ambiguous-slowness",
        text: Some((
            "A store is slow, and two causes look alike at first",
            "Writes to one store become slow: either its disk takes 60 times as long for each flush, or another process uses its CPUs.",
        )),
        variants: &[
            ("slow-disk", "slow-disk"),
            ("cpu-starvation", "cpu-starvation"),
        ],
    },
    Entry {
        id: "pd-leader-kill",
        text: None,
        variants: &[("kill", "pd-leader-kill")],
    },
    Entry {
        id: "store-pd-partition",
        text: None,
        variants: &[("cut", "store-pd-partition")],
    },
    Entry {
        id: "hung-disk",
        text: None,
        variants: &[("hang", "hung-disk")],
    },
    Entry {
        id: "leader-eviction",
        text: None,
        variants: &[("evict", "leader-eviction")],
    },
    Entry {
        id: "rolling-restart",
        text: None,
        variants: &[("three-stores", "rolling-restart")],
    },
    Entry {
        id: "load-surge",
        text: None,
        variants: &[("double", "load-surge")],
    },
    Entry {
        id: "healthy",
        text: None,
        variants: &[("nothing", "healthy")],
    },
];

/// Every scenario, the four of the demo first.
#[must_use]
pub fn all() -> Vec<Scenario> {
    ENTRIES.iter().filter_map(scenario).collect()
}

fn scenario(entry: &Entry) -> Option<Scenario> {
    let variants = entry.variants.iter();
    let variants: Vec<_> = variants
        .filter_map(|(name, id)| Some((*name, fault::by_id(id)?)))
        .collect();
    let (_, first) = variants.first()?;
    // The onset and duration are those of the first fault; the faults of one scenario last equally long.
    let mut scenario = Scenario::of_fault(first);
    scenario.id = entry.id.to_owned();
    if let Some((title, description)) = entry.text {
        scenario.title = title.to_owned();
        scenario.description = description.to_owned();
    }
    let variants = variants.iter();
    scenario.variants = variants
        .map(|(name, fault)| Variant::of_fault(name, fault))
        .collect();
    Some(scenario)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_has_all_its_variants() {
        let scenarios = all();
        assert_eq!(scenarios.len(), ENTRIES.len());
        for (scenario, entry) in scenarios.iter().zip(&ENTRIES) {
            assert_eq!(
                scenario.variants.len(),
                entry.variants.len(),
                "{}",
                entry.id
            );
        }
    }
}
