//! An instance taken apart, for the benchmarks and nobody else.

use super::instance::Call;
use super::{InvariantModule, InvariantPre};
use crate::failure::PluginFailure;
use crate::limits::CallLimits;
use crate::state::{CheckState, GuestState, new_store};
use operator_model::Timestamp;
use wasmtime::Store;

/// A store in which nothing runs yet.
pub struct BareStore<'m> {
    store: Store<CheckState>,
    limits: &'m CallLimits,
    linked: &'m InvariantPre,
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
        let mut store = new_store(
            &self.engine,
            CheckState {
                guest: GuestState::new(limits),
                snapshot: None,
            },
            limits,
        )?;
        store.data_mut().guest.begin_call(Timestamp::default());
        Ok(BareStore {
            store,
            limits,
            linked: self.active.instantiable(),
        })
    }
}

impl BareStore<'_> {
    /// Nothing but the instantiation.
    ///
    /// # Errors
    /// The guest trapped in it.
    pub async fn instantiate(mut self) -> Result<BareInstance, PluginFailure> {
        let exports = self
            .linked
            .instantiate(&mut self.store, self.limits)
            .await?;
        Ok(BareInstance {
            _call: Call {
                store: self.store,
                exports,
            },
        })
    }
}
