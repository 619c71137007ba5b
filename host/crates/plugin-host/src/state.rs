//! What the host keeps for one instance while it lives: its handles, its meters, its log.

use crate::capabilities::KnowledgeSize;
use crate::engine::{EPOCH_MS, Engine};
use crate::failure::PluginFailure;
use crate::guest_log::GuestLog;
use crate::limits::CallLimits;
use crate::meter::Meter;
use crate::read_set::ReadSet;
use crate::resources::TableResource;
use crate::wasi::{TickClock, empty_wasi};
use operator_data::tables::TableError;
use operator_data::{Snapshot, Table};
use operator_model::Timestamp;
use std::sync::Arc;
use wasmtime::Store;
use wasmtime::component::{Resource, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// The part that all worlds share.
pub(crate) struct GuestState {
    pub(crate) resources: ResourceTable,
    pub(crate) log: GuestLog,
    pub(crate) clock: TickClock,
    meter: Meter,
    limits: CallLimits,
    table_bytes: usize,
    rows_worked: u64,
    wasi: Option<WasiCtx>,
    /// How much it has stated of what it knows, in this call.
    pub(crate) knowledge: KnowledgeSize,
    /// What is read, of a call that may not have to be made again.
    pub(crate) reads: Option<ReadSet>,
}

/// The state of an instance of any world.
pub(crate) trait HasGuest: Send + 'static {
    /// The shared part.
    fn guest(&mut self) -> &mut GuestState;
}

/// The state of an instance of the world `check`.
pub(crate) struct CheckState {
    pub(crate) guest: GuestState,
    /// What `frozen-series` responds from; absent while a module only declares or migrates.
    pub(crate) snapshot: Option<Arc<Snapshot>>,
}

impl GuestState {
    pub(crate) fn new(limits: &CallLimits) -> Self {
        let mut resources = ResourceTable::new();
        resources.set_max_capacity(limits.handles_max);
        Self {
            resources,
            log: GuestLog::new(limits),
            clock: TickClock::default(),
            meter: Meter::new(limits),
            limits: limits.clone(),
            table_bytes: 0,
            rows_worked: 0,
            wasi: None,
            knowledge: KnowledgeSize::default(),
            reads: None,
        }
    }

    /// A new call: what is counted by call starts at zero, and time stands at `now`.
    pub(crate) fn begin_call(&mut self, now: Timestamp) {
        self.clock.set(now);
        self.log.begin_call();
        self.rows_worked = 0;
        self.knowledge = KnowledgeSize::default();
    }

    /// Gives the guest a handle on a table that the host made for it.
    pub(crate) fn hold(
        &mut self,
        table: Arc<Table>,
    ) -> wasmtime::Result<Result<Resource<TableResource>, TableError>> {
        let charged_bytes = table
            .columns
            .iter()
            .map(|column| column.get_array_memory_size())
            .sum();
        if let Err(error) = self.charge(charged_bytes) {
            return Ok(Err(error));
        }
        Ok(Ok(self.resources.push(TableResource {
            table,
            charged_bytes,
            place: None,
        })?))
    }

    /// Gives the guest a handle on a table that the host holds anyway.
    pub(crate) fn share(
        &mut self,
        table: Arc<Table>,
        place: Option<usize>,
    ) -> wasmtime::Result<Resource<TableResource>> {
        Ok(self.resources.push(TableResource {
            table,
            charged_bytes: 0,
            place,
        })?)
    }

    /// Remembers something that was read.
    pub(crate) fn note(&mut self, read: impl FnOnce(&mut ReadSet)) {
        self.reads.as_mut().map(read);
    }

    /// Linear memory of the instance, summed over its memories.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.meter.memory_bytes()
    }

    /// Counts bytes that the host holds for the guest.
    pub(crate) fn charge(&mut self, bytes: usize) -> Result<(), TableError> {
        let limit = self.limits.host_table_bytes_max;
        let total = self.table_bytes.saturating_add(bytes);
        if total > limit {
            return Err(TableError::TooLarge(limit as u64));
        }
        self.table_bytes = total;
        Ok(())
    }

    /// The guest let go of that many bytes.
    pub(crate) fn refund(&mut self, bytes: usize) {
        self.table_bytes = self.table_bytes.saturating_sub(bytes);
    }

    /// Counts rows that the host works on for the guest, which fuel does not see.
    pub(crate) fn work(&mut self, rows: usize) -> Result<(), TableError> {
        self.rows_worked = self.rows_worked.saturating_add(rows as u64);
        if self.rows_worked > self.limits.host_rows_max {
            return Err(TableError::TooLarge(self.limits.host_rows_max));
        }
        Ok(())
    }
}

impl HasGuest for CheckState {
    fn guest(&mut self) -> &mut GuestState {
        &mut self.guest
    }
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        // Whoever has WASI may read its clock.
        self.note(ReadSet::never_hold);
        let clock = &self.clock;
        WasiCtxView {
            ctx: self.wasi.get_or_insert_with(|| empty_wasi(clock)),
            table: &mut self.resources,
        }
    }
}

impl WasiView for CheckState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.guest.ctx()
    }
}

/// A store whose guest can use no more than `limits`.
pub(crate) fn new_store<T: HasGuest>(
    engine: &Engine,
    state: T,
    limits: &CallLimits,
) -> Result<Store<T>, PluginFailure> {
    let failed = |error: wasmtime::Error| PluginFailure::of(&error, limits);
    let mut store = Store::try_new(engine.wasmtime(), state).map_err(failed)?;
    store.limiter(|state| &mut state.guest().meter);
    store.set_hostcall_fuel(limits.hostcall_bytes_max);
    store.set_max_component_handles(limits.handles_max);
    refuel(&mut store, limits)?;
    Ok(store)
}

/// Fuel and time for one more call.
pub(crate) fn refuel<T>(store: &mut Store<T>, limits: &CallLimits) -> Result<(), PluginFailure> {
    store
        .set_fuel(limits.fuel)
        .map_err(|error| PluginFailure::of(&error, limits))?;
    store.set_epoch_deadline(limits.deadline_ms.div_ceil(EPOCH_MS).max(1));
    store.epoch_deadline_trap();
    Ok(())
}

/// Fuel that was used since [`refuel`].
pub(crate) fn fuel_used<T>(store: &Store<T>, limits: &CallLimits) -> u64 {
    limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0))
}

#[cfg(test)]
mod tests;
