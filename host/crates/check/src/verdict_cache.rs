//! The last answer of each check, given again while nothing that the check read has changed.
//!
//! See [`operator_plugin_host::ReadSet`] for why that is the same as asking again. In the debug
//! profile, which tests are built in, it is asked again all the same, and must answer the same.

use crate::version::Version;
use operator_data::Snapshot;
use operator_plugin_host::{Evaluated, Outcome, ReadSet};
use std::sync::{Arc, Weak};

/// One answer with everything that it rests on.
#[derive(Debug)]
pub(super) struct VerdictCache {
    module: Weak<Version>,
    state: Option<Vec<u8>>,
    reads: ReadSet,
    outcome: Outcome,
    fuel: u64,
    memory_bytes: usize,
}

impl VerdictCache {
    /// Nothing when it could not be given again: the next call gets another state, or something was
    /// read that is never the same.
    pub(super) fn of(
        module: &Arc<Version>,
        state: Option<&[u8]>,
        evaluated: &mut Evaluated,
    ) -> Option<Self> {
        let reads = evaluated.reads.take()?;
        let outcome = evaluated
            .result
            .as_ref()
            .ok()
            .filter(|outcome| outcome.state.as_deref() == state)?;
        Some(Self {
            module: Arc::downgrade(module),
            state: state.map(<[u8]>::to_vec),
            reads,
            outcome: outcome.clone(),
            fuel: evaluated.fuel,
            memory_bytes: evaluated.memory_bytes,
        })
    }

    /// The cached result, if this check plugin would return it again.
    pub(super) fn again(
        &self,
        module: &Arc<Version>,
        state: Option<&[u8]>,
        snapshot: &Snapshot,
    ) -> Option<Evaluated> {
        let is_same = std::ptr::eq(self.module.as_ptr(), Arc::as_ptr(module))
            && self.state.as_deref() == state;
        (is_same && self.reads.hold(snapshot)).then(|| Evaluated {
            result: Ok(self.outcome.clone()),
            fuel: self.fuel,
            memory_bytes: self.memory_bytes,
            reads: None,
        })
    }
}
