//! What experts know of TiKV, as data for the host's diagnosis.
//!
//! A *card* is one way in which a cluster fails: what must be seen, what must not, and what a person can do. Likelihood
//! ratios are judgements, written down once: 2 to 3 hints, 5 to 10 speaks clearly, 20 and more settles it; below 1 the same
//! against the card. Rules of one group share a cause and have one vote. Rules with the ratios 1 and 1 say nothing about the
//! card: they name what its failure brings with it elsewhere.

mod actions;
mod attributes;
mod cards;
mod rules;
mod signals;

#[cfg(test)]
mod tests;

use operator_plugin::KnowledgeBase;

/// The knowledge base of this version of the plugin.
pub(crate) fn base() -> KnowledgeBase {
    let mut signals = signals::all();
    let mut cards = cards::all();
    let mut actions = actions::all();
    signals.sort_by(|left, right| left.id.cmp(&right.id));
    cards.sort_by(|left, right| left.id.cmp(&right.id));
    actions.sort_by(|left, right| left.id.cmp(&right.id));
    KnowledgeBase {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        signals,
        cards,
        actions,
        attributes: attributes::all(),
    }
}
