//! One fresh instance of a module of checks, and the calls of it.

use crate::bindings::checks::findings::{Declaration, Outcome};
use crate::bindings::types::types::PluginError;
use crate::bindings::{check as direct, waiting_check as waiting};
use crate::call::{answered, bounded};
use crate::engine::Engine;
use crate::failure::PluginFailure;
use crate::limits::CallLimits;
use crate::read_set::ReadSet;
use crate::resources::SnapshotResource;
use crate::state::{CheckState, GuestState, new_store};
use operator_data::Snapshot;
use operator_model::Timestamp;
use std::sync::Arc;
use wasmtime::Store;
use wasmtime::component::{InstancePre, Resource};

/// What instances of a module of checks are made of.
pub(crate) enum InvariantPre {
    /// Nothing that it imports can wait: it runs on the stack of its caller.
    Direct(direct::CheckPre<CheckState>),
    /// It imports something that can wait: it runs on a fibre, so that the wait can be cut off.
    Waiting(waiting::CheckPre<CheckState>),
}

impl InvariantPre {
    /// # Errors
    /// It does not export the world.
    pub(crate) fn new(linked: InstancePre<CheckState>) -> wasmtime::Result<Self> {
        if can_wait(&linked) {
            return Ok(Self::Waiting(waiting::CheckPre::new(linked)?));
        }
        Ok(Self::Direct(direct::CheckPre::new(linked)?))
    }

    pub(super) async fn instantiate(
        &self,
        store: &mut Store<CheckState>,
        limits: &CallLimits,
    ) -> Result<Exports, PluginFailure> {
        match self {
            Self::Direct(linked) => linked
                .instantiate(store)
                .map(Exports::Direct)
                .map_err(|error| PluginFailure::of(&error, limits)),
            Self::Waiting(linked) => Ok(Exports::Waiting(
                bounded(limits, linked.instantiate_async(store)).await?,
            )),
        }
    }
}

/// Whether it imports WASI, some functions of which wait; nothing that the contract offers to a check does.
fn can_wait(linked: &InstancePre<CheckState>) -> bool {
    let component = linked.component().component_type();
    component
        .imports(linked.engine())
        .any(|(interface, _)| interface.starts_with("wasi:"))
}

/// What the host can call.
pub(super) enum Exports {
    Direct(direct::Check),
    Waiting(waiting::Check),
}

/// One fresh instance.
pub(super) struct Call {
    pub(super) store: Store<CheckState>,
    pub(super) exports: Exports,
}

impl Call {
    pub(super) async fn start(
        engine: &Engine,
        linked: &InvariantPre,
        snapshot: Option<Arc<Snapshot>>,
        now: Timestamp,
    ) -> Result<Self, PluginFailure> {
        let limits = &engine.limits().check;
        let mut store = new_store(
            engine,
            CheckState {
                guest: GuestState::new(limits),
                snapshot,
            },
            limits,
        )?;
        store.data_mut().guest.begin_call(now);
        if store.data().snapshot.is_some() {
            store.data_mut().guest.reads = Some(ReadSet::default());
        }
        let exports = linked.instantiate(&mut store, limits).await?;
        Ok(Self { store, exports })
    }

    pub(super) async fn declare(
        &mut self,
        engine: &Engine,
        config: &str,
    ) -> Result<Declaration, PluginFailure> {
        let (limits, store) = (&engine.limits().check, &mut self.store);
        match &self.exports {
            Exports::Direct(exports) => direct_answer(exports.call_declare(store, config), limits),
            Exports::Waiting(exports) => {
                answered(limits, exports.call_declare(store, config)).await
            }
        }
    }

    pub(super) async fn evaluate(
        &mut self,
        engine: &Engine,
        check: &str,
        snapshot: Resource<SnapshotResource>,
        state: Option<&[u8]>,
    ) -> Result<Outcome, PluginFailure> {
        let (limits, store) = (&engine.limits().check, &mut self.store);
        match &self.exports {
            Exports::Direct(exports) => {
                direct_answer(exports.call_evaluate(store, check, snapshot, state), limits)
            }
            Exports::Waiting(exports) => {
                answered(limits, exports.call_evaluate(store, check, snapshot, state)).await
            }
        }
    }

    pub(super) async fn migrate(
        &mut self,
        engine: &Engine,
        check: &str,
        from_version: &str,
        state: &[u8],
    ) -> Result<Option<Vec<u8>>, PluginFailure> {
        let (limits, store) = (&engine.limits().check, &mut self.store);
        match &self.exports {
            Exports::Direct(exports) => direct_answer(
                exports.call_migrate(store, check, from_version, state),
                limits,
            ),
            Exports::Waiting(exports) => {
                answered(
                    limits,
                    exports.call_migrate(store, check, from_version, state),
                )
                .await
            }
        }
    }
}

/// The epoch is what bounds a call that cannot wait.
fn direct_answer<T>(
    called: wasmtime::Result<Result<T, PluginError>>,
    limits: &CallLimits,
) -> Result<T, PluginFailure> {
    called
        .map_err(|error| PluginFailure::of(&error, limits))?
        .map_err(PluginFailure::from)
}
