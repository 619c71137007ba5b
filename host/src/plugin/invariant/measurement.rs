//! An instance taken apart, for the benchmarks and nobody else.

use super::{Call, InvariantModule, world};
use crate::model::Timestamp;
use crate::plugin::failure::PluginFailure;
use crate::plugin::state::{CheckState, GuestState, new_store};
use wasmtime::Store;

/// A store in which nothing runs yet.
pub struct BareStore<'m> {
    store: Store<CheckState>,
    linked: &'m world::InvariantPre<CheckState>,
}

/// An instance that nobody calls.
pub struct BareInstance {
    _call: Call,
}

impl InvariantModule {
    /// A store for one instance.
    ///
    /// # Errors
    /// The limits do not fit the engine.
    pub fn store_for_measurement(&self) -> Result<BareStore<'_>, PluginFailure> {
        let limits = &self.engine.limits().check;
        let mut store = new_store(&self.engine, CheckState { guest: GuestState::new(limits), snapshot: None }, limits)?;
        store.data_mut().guest.begin_call(Timestamp::default());
        Ok(BareStore { store, linked: self.active.instantiable() })
    }
}

impl BareStore<'_> {
    /// Nothing but the instantiation.
    ///
    /// # Errors
    /// The guest trapped in it.
    pub async fn instantiate(mut self) -> Result<BareInstance, PluginFailure> {
        let exports = self.linked.instantiate_async(&mut self.store).await;
        let exports = exports.map_err(|error| PluginFailure::Host(error.to_string()))?;
        Ok(BareInstance { _call: Call { store: self.store, exports } })
    }
}
