//! What could not be observed, and why.

use serde::{Deserialize, Serialize};

/// A source that could not be seen, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BlindSpot {
    /// For example `http:store-2/status` or `table:stores`.
    pub source: String,
    /// For example `connection refused`.
    pub reason: String,
}
