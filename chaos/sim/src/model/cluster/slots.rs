//! When each region reports. A million planned events would be more than the regions themselves, so that regions share
//! slots: the minute between two reports is cut into slots, and each region has one.

use super::report::REGION_REPORT_MS;
use super::{Cluster, Event};
use crate::model::ids::RegionId;
use crate::model::rng::Rng;

/// Slots at most: one for each tenth of a second.
const SLOTS_MAX: usize = 600;

/// Regions by slot.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slots {
    slots: Vec<Vec<RegionId>>,
}

impl Slots {
    /// As many slots as regions, up to one for each tenth of a second.
    pub(crate) fn new(regions: usize) -> Self {
        Self {
            slots: vec![Vec::new(); regions.clamp(60, SLOTS_MAX)],
        }
    }

    /// A region gets a slot by chance.
    pub(crate) fn add(&mut self, region: RegionId, rng: &mut Rng) {
        let draw = usize::try_from(rng.bits() >> 33).unwrap_or(0) % self.slots.len().max(1);
        if let Some(slot) = self.slots.get_mut(draw) {
            slot.push(region);
        }
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.slots.len()
    }
}

impl Cluster {
    /// The leaders of a slot's regions report, and will again a minute later.
    pub(super) fn report_slot(&mut self, slot: usize) {
        self.after(REGION_REPORT_MS, Event::ReportSlot(slot));
        let Some(regions) = self.slots.slots.get_mut(slot) else {
            return;
        };
        regions.retain(|region| self.regions.contains_key(region));
        let regions = std::mem::take(regions);
        for region in &regions {
            self.wake_if_used(*region);
            if self
                .regions
                .get(region)
                .is_some_and(|region| region.asleep_under.is_some())
            {
                continue;
            }
            self.report_region(*region);
            self.grow_region(*region);
            self.may_hibernate(*region);
        }
        if let Some(place) = self.slots.slots.get_mut(slot) {
            // Regions that were split off meanwhile were put here.
            let added = std::mem::replace(place, regions);
            place.extend(added);
        }
    }
}
