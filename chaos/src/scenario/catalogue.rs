//! The scenarios that are shipped.

use super::Scenario;

/// Every scenario, the four of the demo first.
#[must_use]
pub fn all() -> Vec<Scenario> {
    Vec::new()
}
