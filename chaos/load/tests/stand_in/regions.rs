//! Which range of keys is where: regions, their leaders, and the epochs that tell a split.

use super::error_messages::{
    EpochNotMatch, KeyNotInRegion, NotLeader, RegionError, RegionNotFound,
};
use super::kv_messages::Context;
use super::pd_messages::{Peer, Region, RegionEpoch};

/// How keys look to PD.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// As they are.
    Raw,
    /// In the encoding that keeps the order when a timestamp is appended.
    Encoded,
}

impl Keys {
    /// A key as PD sees it.
    pub(crate) fn seen_by_pd(self, key: &[u8]) -> Vec<u8> {
        const GROUP: usize = 8;
        if self == Self::Raw {
            return key.to_vec();
        }
        let mut encoded = Vec::new();
        // A key whose length is a multiple of the group ends with an empty group.
        for start in (0..=key.len()).step_by(GROUP) {
            let group = &key[start..key.len().min(start + GROUP)];
            let padding = GROUP - group.len();
            encoded.extend_from_slice(group);
            encoded.extend(std::iter::repeat_n(0, padding));
            encoded.push(0xFF - padding as u8);
        }
        encoded
    }
}

/// All regions, in the order of their keys; the first begins and the last ends with nothing.
pub(crate) struct Regions {
    keys: Keys,
    stores: u64,
    regions: Vec<Placed>,
    next_id: u64,
}

struct Placed {
    id: u64,
    /// As the client sees it.
    start: Vec<u8>,
    epoch: RegionEpoch,
    leader_store: u64,
}

impl Regions {
    /// One region for each piece between the borders, led by the stores in turn.
    pub(crate) fn new(keys: Keys, stores: u64, borders: &[&str]) -> Self {
        let mut regions = Self {
            keys,
            stores,
            regions: Vec::new(),
            next_id: 100,
        };
        for border in [""].iter().chain(borders) {
            let leader_store = 1 + regions.regions.len() as u64 % stores;
            let epoch = RegionEpoch {
                conf_ver: 1,
                version: 1,
            };
            regions.regions.push(Placed {
                id: regions.next_id,
                start: border.as_bytes().to_vec(),
                epoch,
                leader_store,
            });
            regions.next_id += 10;
        }
        assert!(
            regions
                .regions
                .is_sorted_by(|one, two| one.start < two.start),
            "borders come in order"
        );
        regions
    }

    /// The region in which a key is, by the key as the client sees it.
    pub(crate) fn id_of(&self, key: &[u8]) -> u64 {
        self.regions[self.position(key)].id
    }

    /// The same by the key as PD sees it.
    pub(crate) fn id_of_encoded(&self, key: &[u8]) -> u64 {
        let position = self
            .regions
            .partition_point(|region| self.border(&region.start).as_slice() <= key);
        self.regions[position - 1].id
    }

    /// A region and the peer that leads it.
    pub(crate) fn described(&self, id: u64) -> Option<(Region, Peer)> {
        let position = self.regions.iter().position(|region| region.id == id)?;
        let region = &self.regions[position];
        let described = Region {
            id,
            start_key: self.border(&region.start),
            end_key: self.border(self.end(position)),
            region_epoch: Some(region.epoch),
            peers: (1..=self.stores).map(|store| peer(id, store)).collect(),
        };
        Some((described, peer(id, region.leader_store)))
    }

    /// Begin and end of a region, as the client sees them.
    pub(crate) fn range(&self, id: u64) -> (Vec<u8>, Vec<u8>) {
        let position = self
            .regions
            .iter()
            .position(|region| region.id == id)
            .expect("a region that was checked");
        (
            self.regions[position].start.clone(),
            self.end(position).to_vec(),
        )
    }

    /// Why a store must not answer, as TiKV checks it: the region, its leader, its epoch, the keys.
    pub(crate) fn refusal(
        &self,
        store: u64,
        context: &Context,
        keys: &[&[u8]],
    ) -> Option<RegionError> {
        let id = context.region_id;
        let Some(position) = self.regions.iter().position(|region| region.id == id) else {
            return Some(RegionError {
                region_not_found: Some(RegionNotFound { region_id: id }),
                ..Default::default()
            });
        };
        let region = &self.regions[position];
        if region.leader_store != store {
            let leader = Some(peer(id, region.leader_store));
            return Some(RegionError {
                not_leader: Some(NotLeader {
                    region_id: id,
                    leader,
                }),
                ..Default::default()
            });
        }
        if context.region_epoch != Some(region.epoch) {
            let current_regions = self
                .described(id)
                .map(|(region, _)| region)
                .into_iter()
                .collect();
            return Some(RegionError {
                epoch_not_match: Some(EpochNotMatch { current_regions }),
                ..Default::default()
            });
        }
        let outside = keys.iter().find(|key| self.position(key) != position)?;
        let error = KeyNotInRegion {
            key: outside.to_vec(),
            region_id: id,
        };
        Some(RegionError {
            key_not_in_region: Some(error),
            ..Default::default()
        })
    }

    /// Another store leads the region of a key from now on.
    pub(crate) fn move_leader(&mut self, key: &[u8]) {
        let position = self.position(key);
        let stores = self.stores;
        let region = &mut self.regions[position];
        region.leader_store = 1 + region.leader_store % stores;
    }

    /// A region becomes two; both have a new epoch.
    pub(crate) fn split(&mut self, border: &[u8]) {
        let position = self.position(border);
        let old = &mut self.regions[position];
        assert!(old.start != border, "there is a border already");
        old.epoch.version += 1;
        let new = Placed {
            id: self.next_id,
            start: border.to_vec(),
            epoch: old.epoch,
            leader_store: old.leader_store,
        };
        self.next_id += 10;
        self.regions.insert(position + 1, new);
    }

    fn position(&self, key: &[u8]) -> usize {
        self.regions
            .partition_point(|region| region.start.as_slice() <= key)
            - 1
    }

    fn end(&self, position: usize) -> &[u8] {
        self.regions
            .get(position + 1)
            .map_or(&[], |next| next.start.as_slice())
    }

    fn border(&self, key: &[u8]) -> Vec<u8> {
        if key.is_empty() {
            Vec::new()
        } else {
            self.keys.seen_by_pd(key)
        }
    }
}

fn peer(region: u64, store: u64) -> Peer {
    Peer {
        id: region + store,
        store_id: store,
    }
}
