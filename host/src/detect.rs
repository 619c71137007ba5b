//! Stage 3, beside the checks: the signals that leave their learned baseline.

use crate::model::knowledge::KnowledgeBase;
use crate::model::{Detection, Snapshot};

/// Follows every signal of the knowledge base, for every entity.
#[derive(Debug, Clone)]
pub struct Detector {
    knowledge: KnowledgeBase,
}

impl Detector {
    /// A detector that has learned nothing yet.
    #[must_use]
    pub fn new(knowledge: &KnowledgeBase) -> Self {
        Self { knowledge: knowledge.clone() }
    }

    /// Reads every signal of the snapshot and says which left their baseline.
    pub fn detect(&mut self, _snapshot: &Snapshot) -> Detection {
        let _ = &self.knowledge;
        Detection::default()
    }
}
