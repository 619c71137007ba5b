//! What experts know of TiKV, as data for the host's diagnosis.

use operator_plugin::KnowledgeBase;

/// The knowledge base of this version of the plugin.
pub fn base() -> KnowledgeBase {
    KnowledgeBase { version: String::new(), signals: vec![], cards: vec![], actions: vec![], attributes: vec![] }
}
