//! A failed call, with everything that is needed to make it fail again.

use operator_data::Snapshot;
use operator_model::{CheckDeclaration, Digest, PluginFault};
use operator_plugin_host::{InvariantModule, PluginFailure};
use sha2::{Digest as _, Sha256};

/// Tells how `check` failed on `snapshot`.
pub(super) fn explain(
    module: &InvariantModule,
    check: &CheckDeclaration,
    state: Option<&[u8]>,
    snapshot: &Snapshot,
    failure: &PluginFailure,
    fuel: u64,
) -> PluginFault {
    let place = failure.place().cloned().unwrap_or_default();
    PluginFault {
        module: module.info().name.clone(),
        digest: module.digest().clone(),
        check: check.id.clone(),
        tick: snapshot.tick,
        kind: failure.label().to_owned(),
        cause: failure.to_string(),
        function: place.function,
        line: place.line,
        fuel,
        snapshot: snapshot.hash.clone(),
        config: module.config_digest(),
        state: state.map(|state| Digest(hex::encode(Sha256::digest(state)))),
        hint: failure.hint().to_owned(),
    }
}
