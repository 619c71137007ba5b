//! Memory and tables of one instance, summed: wasmtime's own limits count each memory alone.

use crate::failure::PluginFailure;
use crate::limits::CallLimits;
use crate::place::Place;
use wasmtime::ResourceLimiter;

/// Decides whether an instance may grow. Reaching a limit is a trap: a guest whose allocator is told
/// "no" goes on in a state that its author never tested.
pub(crate) struct Meter {
    memory_bytes: usize,
    memory_bytes_max: usize,
    table_elements: usize,
    table_elements_max: usize,
    instances_max: usize,
}

impl Meter {
    pub(crate) fn new(limits: &CallLimits) -> Self {
        Self {
            memory_bytes: 0,
            memory_bytes_max: limits.memory_bytes_max,
            table_elements: 0,
            table_elements_max: limits.table_elements_max,
            instances_max: limits.core_instances_max,
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted_bytes = self
            .memory_bytes
            .saturating_add(desired.saturating_sub(current));
        if wanted_bytes > self.memory_bytes_max {
            let limit_bytes = self.memory_bytes_max;
            return Err(PluginFailure::Memory {
                wanted_bytes,
                limit_bytes,
                place: Place::default(),
            }
            .into());
        }
        self.memory_bytes = wanted_bytes;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self
            .table_elements
            .saturating_add(desired.saturating_sub(current));
        if wanted > self.table_elements_max {
            return Err(PluginFailure::TableElements {
                wanted,
                limit: self.table_elements_max,
            }
            .into());
        }
        self.table_elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances_max
    }

    fn tables(&self) -> usize {
        self.instances_max
    }

    fn memories(&self) -> usize {
        self.instances_max
    }
}
