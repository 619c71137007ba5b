//! The targets that one plugin can name: those of the configuration, and those that it discovered.

use super::{EgressPolicy, Grant, Origin, TargetPolicy};
use std::collections::BTreeMap;

/// Discovered targets by name.
#[derive(Debug, Default)]
pub(super) struct DiscoveredTargets {
    targets: BTreeMap<String, TargetPolicy>,
}

/// Longest name of a discovered target, in bytes; it is a key of several maps.
const NAME_BYTES_MAX: usize = 256;

impl DiscoveredTargets {
    pub(super) fn get(&self, name: &str) -> Option<&TargetPolicy> {
        self.targets.get(name)
    }

    /// Adds a target that the observed system named, or moves it.
    ///
    /// # Errors
    /// The reason, for people.
    pub(super) fn add(
        &mut self,
        policy: &EgressPolicy,
        name: &str,
        origin: &str,
    ) -> Result<(), String> {
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return Err(format!(
                "the name of a target has 1 to {NAME_BYTES_MAX} bytes"
            ));
        }
        if policy.targets.contains_key(name) {
            return Err(format!(
                "the target {name:?} is granted by the configuration and cannot be moved"
            ));
        }
        let limit = policy.limits.discovered_max;
        if !self.targets.contains_key(name) && self.targets.len() >= limit {
            return Err(format!("more than {limit} discovered targets"));
        }
        let origin: Origin = origin.parse()?;
        let grant = granted_grant(policy, &origin)
            .map_or_else(|| discovered_grant(policy, name, &origin), Ok)?;
        self.targets
            .insert(name.to_owned(), TargetPolicy { origin, grant });
        Ok(())
    }
}

/// A granted place under another name keeps its rules.
fn granted_grant(policy: &EgressPolicy, origin: &Origin) -> Option<Grant> {
    policy
        .targets
        .values()
        .find(|target| target.origin == *origin)
        .map(|target| target.grant.clone())
}

fn discovered_grant(policy: &EgressPolicy, name: &str, origin: &Origin) -> Result<Grant, String> {
    let rule = policy.rules.iter().find(|rule| rule.is_for(name));
    if rule.is_none() && !policy.rules.is_empty() {
        return Err(format!(
            "no rule for discovered targets fits the name {name:?}"
        ));
    }
    policy.addresses.permit_discovery(origin, rule)?;
    Ok(rule.map_or_else(|| Grant::new(&policy.limits), |rule| rule.grant.clone()))
}
