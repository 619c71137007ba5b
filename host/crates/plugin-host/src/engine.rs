//! The WebAssembly engine: one configuration for all plugins, so that fuel, rounding and stopping
//! are the same for each, and one thread that makes time pass for them.

use crate::cache::{CodeCache, WarmCode};
use crate::compile::{Compiler, Urgency};
use crate::limits::PluginLimits;
use crate::link::Linkers;
use crate::trust::TrustPolicy;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy,
    WasmBacktraceDetails,
};

/// How often the epoch advances. Guests are stopped at most this much after their deadline.
pub(crate) const EPOCH_MS: u64 = 1;

/// Instances that can live at the same time: one subject, two checks, the candidates of a hot swap,
/// and room for as many tests of plugin authors as a machine has cores.
const INSTANCES: u32 = 32;

/// Core instances, tables and memories for them: adapters bring a handful each, runtimes up to 40.
const CORE_INSTANCES: u32 = 512;

/// Stack of a guest and of the fibre that carries it; the rest is for the host calls on top.
const WASM_STACK_BYTES: usize = 512 << 10;
const FIBRE_STACK_BYTES: usize = 2 << 20;

/// A shared handle on the engine.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
    trust: Arc<TrustPolicy>,
    urgency: Urgency,
}

struct Inner {
    wasmtime: wasmtime::Engine,
    linkers: Linkers,
    limits: PluginLimits,
    allocation: Allocation,
    cache: Option<CodeCache>,
    compiler: Compiler,
}

/// Where instances live.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allocation {
    /// In slots that were reserved at start.
    Pooled,
    /// In memory that is mapped for each instance, because the pool could not be reserved.
    OnDemand {
        /// What the system said.
        reason: String,
    },
}

/// The engine cannot be made. Nothing that a plugin does causes this.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The processor or the system lacks something.
    #[error("cannot start the WebAssembly engine: {0}")]
    Unsupported(String),
    /// The directory for compiled code cannot be used.
    #[error("cannot use {path} for compiled code: {why}")]
    Cache {
        /// The directory.
        path: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Engine {
    /// An engine without a cache of compiled code.
    ///
    /// # Errors
    /// This machine cannot run WebAssembly.
    pub fn new(limits: &PluginLimits) -> Result<Self, EngineError> {
        Self::build(limits, None)
    }

    /// An engine that keeps compiled code in `directory`, which is made with mode 0700.
    ///
    /// # Errors
    /// As [`Self::new`], or the directory belongs to someone else or cannot be written.
    pub fn with_cache(limits: &PluginLimits, directory: &Path) -> Result<Self, EngineError> {
        let cache = CodeCache::open(directory).map_err(|error| EngineError::Cache {
            path: directory.display().to_string(),
            why: error.to_string(),
        })?;
        Self::build(limits, Some(cache))
    }

    /// The same engine, which admits only what this policy trusts.
    #[must_use]
    pub fn trusting(self, policy: TrustPolicy) -> Self {
        Self {
            trust: Arc::new(policy),
            ..self
        }
    }

    /// The same engine for loading beside the ticks: the compiler stays on one core and gives way.
    #[must_use]
    pub fn in_background(&self) -> Self {
        Self {
            urgency: Urgency::Background,
            ..self.clone()
        }
    }

    /// Compiled code that is kept, sorted by plugin, the newest version first.
    #[must_use]
    pub fn warm_code(&self) -> Vec<WarmCode> {
        self.cache()
            .map(|cache| cache.warm(self.wasmtime()))
            .unwrap_or_default()
    }

    /// Whether instances are pooled.
    #[must_use]
    pub fn allocation(&self) -> &Allocation {
        &self.inner.allocation
    }

    /// The limits of all plugins of this engine.
    #[must_use]
    pub fn limits(&self) -> &PluginLimits {
        &self.inner.limits
    }

    /// The engine below, for the benchmarks: a call under the same settings, without our part of it.
    #[doc(hidden)]
    #[must_use]
    pub fn for_measurement(&self) -> &wasmtime::Engine {
        &self.inner.wasmtime
    }

    /// Whether the compiled form of a component is in the cache: read, held against its seal and loaded. For the benchmarks.
    #[doc(hidden)]
    #[must_use]
    pub fn code_for_measurement(&self, digest: &operator_model::Digest) -> bool {
        self.cache()
            .is_some_and(|cache| cache.load(self.wasmtime(), digest).is_some())
    }

    pub(crate) fn wasmtime(&self) -> &wasmtime::Engine {
        &self.inner.wasmtime
    }

    pub(crate) fn linkers(&self) -> &Linkers {
        &self.inner.linkers
    }

    pub(crate) fn cache(&self) -> Option<&CodeCache> {
        self.inner.cache.as_ref()
    }

    pub(crate) fn compiler(&self) -> &Compiler {
        &self.inner.compiler
    }

    pub(crate) fn trust(&self) -> &TrustPolicy {
        &self.trust
    }

    pub(crate) fn urgency(&self) -> Urgency {
        self.urgency
    }

    fn build(limits: &PluginLimits, cache: Option<CodeCache>) -> Result<Self, EngineError> {
        let (wasmtime, allocation) = pooled_or_on_demand(limits)?;
        let linkers = Linkers::new(&wasmtime).map_err(unsupported)?;
        start_ticker(&wasmtime).map_err(|error| EngineError::Unsupported(error.to_string()))?;
        let (limits, compiler) = (limits.clone(), Compiler::default());
        let inner = Arc::new(Inner {
            wasmtime,
            linkers,
            limits,
            allocation,
            cache,
            compiler,
        });
        Ok(Self {
            inner,
            trust: Arc::default(),
            urgency: Urgency::default(),
        })
    }
}

fn unsupported(error: wasmtime::Error) -> EngineError {
    EngineError::Unsupported(format!("{error:#}"))
}

fn pooled_or_on_demand(
    limits: &PluginLimits,
) -> Result<(wasmtime::Engine, Allocation), EngineError> {
    let mut config = base_config(limits);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(limits)));
    match wasmtime::Engine::new(&config) {
        Ok(engine) => Ok((engine, Allocation::Pooled)),
        Err(error) => {
            let reason = format!("{error:#}");
            tracing::warn!(%reason, "Instance slots cannot be reserved; instances are mapped one by one, which is slower.");
            let engine = wasmtime::Engine::new(&base_config(limits)).map_err(unsupported)?;
            Ok((engine, Allocation::OnDemand { reason }))
        }
    }
}

/// Everything but the allocator. Deterministic where WebAssembly leaves a choice.
fn base_config(limits: &PluginLimits) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .cranelift_opt_level(OptLevel::Speed)
        .parallel_compilation(true)
        .concurrency_support(false)
        .consume_fuel(true)
        .epoch_interruption(true)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_memory64(false)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBRE_STACK_BYTES)
        // No guest can read the native stack, and wiping two megabytes costs more than a short check.
        .async_stack_zeroing(false)
        .wasm_backtrace_details(WasmBacktraceDetails::Enable)
        .wasm_backtrace_max_frames(NonZeroUsize::new(32))
        // A slot reserves what a guest may use and no more: 4 GiB each would exhaust the address
        // space that containers are commonly allowed.
        .memory_reservation(memory_bytes_max(limits) as u64)
        .memory_guard_size(64 << 10)
        .memory_init_cow(true);
    config
}

fn pool(limits: &PluginLimits) -> PoolingAllocationConfig {
    let table_elements = limits
        .subject
        .table_elements_max
        .max(limits.check.table_elements_max);
    let core_instances = limits
        .subject
        .core_instances_max
        .max(limits.check.core_instances_max);
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES)
        .total_core_instances(CORE_INSTANCES)
        .total_memories(INSTANCES * 2)
        .total_tables(CORE_INSTANCES)
        .total_stacks(INSTANCES)
        .max_memory_size(memory_bytes_max(limits))
        .max_memories_per_component(8)
        .max_tables_per_component(64)
        .max_core_instances_per_component(u32::try_from(core_instances).unwrap_or(u32::MAX))
        .max_core_instance_size(4 << 20)
        .max_component_instance_size(4 << 20)
        .table_elements(table_elements)
        // Measured: with a page map scan only dirty pages are wiped, and 64 KiB of them gave the highest rate of
        // short checks on two threads (89,000 a second, against 75,000 with 256 KiB and 20,000 with none).
        .linear_memory_keep_resident(64 << 10)
        .table_keep_resident(64 << 10)
        .max_unused_warm_slots(INSTANCES)
        // Measured: a slot that waits to be wiped with others is not there when its module asks next, so the module gets
        // one of another and its image is mapped anew. With eight modules a tick cost a third more with batches of 16.
        .decommit_batch_size(1)
        .pagemap_scan(Enabled::Auto);
    pool
}

fn memory_bytes_max(limits: &PluginLimits) -> usize {
    limits
        .subject
        .memory_bytes_max
        .max(limits.check.memory_bytes_max)
}

/// Advances the epoch for as long as the engine lives. Real time by design: it stops runaway
/// computing and is never an input of a verdict.
fn start_ticker(engine: &wasmtime::Engine) -> std::io::Result<()> {
    let weak = engine.weak();
    let tick = move || {
        while let Some(engine) = weak.upgrade() {
            engine.increment_epoch();
            drop(engine);
            std::thread::park_timeout(Duration::from_millis(EPOCH_MS));
        }
    };
    std::thread::Builder::new()
        .name("plugin-epoch".to_owned())
        .spawn(tick)
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_are_pooled_with_the_default_limits() {
        assert_eq!(
            *Engine::new(&PluginLimits::default()).unwrap().allocation(),
            Allocation::Pooled
        );
    }

    #[test]
    fn a_pool_that_cannot_be_reserved_is_replaced_and_the_reason_kept() {
        let mut limits = PluginLimits::default();
        // 64 memories of 4 TiB are more than any address space.
        limits.check.memory_bytes_max = 1 << 42;
        match Engine::new(&limits).map(|engine| engine.allocation().clone()) {
            Ok(Allocation::OnDemand { reason }) => assert!(!reason.is_empty()),
            other => panic!("{other:?}"),
        }
    }
}
