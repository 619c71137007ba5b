//! `snapshots`: handles on frozen tables; opening one copies nothing.

use crate::bindings::checks::snapshots::{Host, HostSnapshot};
use crate::bindings::tables::tables::TableError;
use crate::bindings::types::gaps::ObservationGap;
use crate::convert;
use crate::read_set::ReadSet;
use crate::resources::{SnapshotResource, TableResource};
use crate::state::GuestState;
use std::sync::Arc;
use wasmtime::Result;
use wasmtime::component::Resource;

type Handle = Resource<SnapshotResource>;

impl Host for GuestState {}

impl HostSnapshot for GuestState {
    fn tick(&mut self, this: Handle) -> Result<u64> {
        self.note(ReadSet::never_hold);
        Ok(self.resources.get(&this)?.0.tick.0)
    }

    fn taken_at(&mut self, this: Handle) -> Result<u64> {
        self.note(ReadSet::never_hold);
        Ok(convert::instant_of(self.resources.get(&this)?.0.taken_at))
    }

    fn subject(&mut self, this: Handle) -> Result<String> {
        self.note(ReadSet::never_hold);
        Ok(self.resources.get(&this)?.0.subject.clone())
    }

    fn tables(&mut self, this: Handle) -> Result<Vec<String>> {
        self.note(ReadSet::never_hold);
        Ok(self
            .resources
            .get(&this)?
            .0
            .tables
            .keys()
            .cloned()
            .collect())
    }

    fn open(
        &mut self,
        this: Handle,
        name: String,
    ) -> Result<std::result::Result<Resource<TableResource>, TableError>> {
        let table = self
            .resources
            .get(&this)?
            .0
            .tables
            .get(&name)
            .map(Arc::clone);
        let place = self
            .reads
            .as_mut()
            .map(|reads| reads.opened(&name, table.as_deref()));
        match table {
            Some(table) => Ok(Ok(self.share(table, place)?)),
            None => Ok(Err(TableError::NoSuchTable(name))),
        }
    }

    fn open_past(
        &mut self,
        this: Handle,
        name: String,
        ticks_ago: u32,
    ) -> Result<std::result::Result<Option<Resource<TableResource>>, TableError>> {
        self.note(ReadSet::never_hold);
        let snapshot = &self.resources.get(&this)?.0;
        let table = match usize::try_from(ticks_ago)
            .ok()
            .and_then(|ago| ago.checked_sub(1))
        {
            None => snapshot.tables.get(&name),
            Some(index) => snapshot
                .past
                .get(index)
                .and_then(|tables| tables.get(&name)),
        };
        let handle = table
            .map(Arc::clone)
            .map(|table| self.share(table, None))
            .transpose()?;
        Ok(Ok(handle))
    }

    fn observation_gaps(&mut self, this: Handle) -> Result<Vec<ObservationGap>> {
        self.note(ReadSet::never_hold);
        let gaps = &self.resources.get(&this)?.0.blind;
        Ok(gaps.iter().map(ObservationGap::from).collect())
    }

    fn drop(&mut self, this: Handle) -> Result<()> {
        self.resources.delete(this)?;
        Ok(())
    }
}
