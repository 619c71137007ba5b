//! The scenarios of the demo: each a card, or a choice between cards that look alike at first.

use super::Scenario;
use crate::cards;

/// A scenario's name, title and story, and its variants with the card that each plays.
struct Entry {
    id: &'static str,
    /// Where the cards do not say it: the title and the story.
    told: Option<(&'static str, &'static str)>,
    variants: &'static [(&'static str, &'static str)],
}

/// The four of the demo first.
const ENTRIES: [Entry; 11] = [
    Entry {
        id: "node-death",
        told: None,
        variants: &[
            ("for-good", "node-death"),
            ("comes-back", "node-death-returns"),
        ],
    },
    Entry {
        id: "hot-region",
        told: None,
        variants: &[("neighbouring-keys", "hot-region")],
    },
    Entry {
        id: "disk-pressure",
        told: None,
        variants: &[("foreign-files", "disk-pressure")],
    },
    Entry {
        id: "ambiguous-slowness",
        told: Some((
            "A store is slow, and two causes look alike at first",
            "Writes of one store become slow. Either its disk takes sixty times as long for each flush, or something else uses its processors.",
        )),
        variants: &[
            ("slow-disk", "slow-disk"),
            ("cpu-starvation", "cpu-starvation"),
        ],
    },
    Entry {
        id: "pd-leader-kill",
        told: None,
        variants: &[("kill", "pd-leader-kill")],
    },
    Entry {
        id: "store-pd-partition",
        told: None,
        variants: &[("cut", "store-pd-partition")],
    },
    Entry {
        id: "hung-disk",
        told: None,
        variants: &[("hang", "hung-disk")],
    },
    Entry {
        id: "leader-eviction",
        told: None,
        variants: &[("evict", "leader-eviction")],
    },
    Entry {
        id: "rolling-restart",
        told: None,
        variants: &[("three-stores", "rolling-restart")],
    },
    Entry {
        id: "load-surge",
        told: None,
        variants: &[("double", "load-surge")],
    },
    Entry {
        id: "healthy",
        told: None,
        variants: &[("nothing", "healthy")],
    },
];

/// Every scenario, the four of the demo first.
#[must_use]
pub fn all() -> Vec<Scenario> {
    ENTRIES.iter().filter_map(scenario).collect()
}

fn scenario(entry: &Entry) -> Option<Scenario> {
    let variants: Vec<_> = entry
        .variants
        .iter()
        .filter_map(|(name, card)| Some((name, cards::by_id(card)?)))
        .collect();
    let (_, first) = variants.first()?;
    let told = entry
        .told
        .map(|(title, story)| (title.to_owned(), story.to_owned()));
    let (title, story) = told.unwrap_or_else(|| (first.title.clone(), first.story.clone()));
    // The story ends where the first variant's card ends: variants of a choice are as long as one another.
    let played = first.scenario();
    let variants = variants
        .iter()
        .map(|(name, card)| card.variant(name))
        .collect();
    Some(Scenario {
        id: entry.id.to_owned(),
        title,
        story,
        variants,
        ..played
    })
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
