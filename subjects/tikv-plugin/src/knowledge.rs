//! Expert knowledge of TiKV, as data for the host's diagnosis.
//!
//! A *failure mode* is one way in which a cluster fails: which observations support it, which
//! contradict it, and what a person can do about it. Likelihood ratios are expert estimates: 2 to 3
//! is a hint, 5 to 10 strong evidence, 20 and more nearly conclusive; values below 1 are the same
//! evidence against it. The rules of one group have a common cause and share one vote. Rules with
//! both ratios at 1 are no evidence: they list what the failure disturbs elsewhere.

mod actions;
mod attributes;
mod builder;
mod failure_modes;
mod signals;

#[cfg(test)]
mod tests;

use operator_plugin::KnowledgeBase;

/// The knowledge base of this version of the plugin.
pub(crate) fn base() -> KnowledgeBase {
    let mut signals = signals::all();
    let mut failure_modes = failure_modes::all();
    let mut actions = actions::all();
    signals.sort_by(|left, right| left.id.cmp(&right.id));
    failure_modes.sort_by(|left, right| left.id.cmp(&right.id));
    actions.sort_by(|left, right| left.id.cmp(&right.id));
    KnowledgeBase {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        signals,
        failure_modes,
        actions,
        attributes: attributes::all(),
    }
}
