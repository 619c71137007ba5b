//! Which addresses may be connected to. Asked twice: when a plugin names a target, and by the port
//! with every address that a name resolves to, right before it connects.

use super::network::never_allowed;
use super::{DiscoveryPolicy, Network, Origin};
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Addresses of granted targets that are remembered, to know their neighbourhood.
const LEARNT_MAX: usize = 1_024;

/// Shared by the egress policy and the HTTP port.
#[derive(Debug)]
pub struct AddressPolicy {
    granted: BTreeSet<Origin>,
    discovery: DiscoveryPolicy,
    /// Networks around the addresses that granted targets turned out to have.
    learnt: Mutex<BTreeSet<Network>>,
}

impl AddressPolicy {
    /// The policy for these granted origins.
    #[must_use]
    pub fn new(granted: BTreeSet<Origin>, discovery: DiscoveryPolicy) -> Self {
        let policy = Self { granted, discovery, learnt: Mutex::default() };
        for origin in &policy.granted {
            match origin.literal() {
                Some(address) => policy.learn(address),
                None if origin.host() == "localhost" => {
                    Network::LOOPBACK.iter().for_each(|network| policy.keep(*network))
                }
                None => {}
            }
        }
        policy
    }

    /// Whether a connection of `origin` may go to `address`.
    ///
    /// # Errors
    /// The reason, for people.
    pub fn permit(&self, origin: &Origin, address: IpAddr) -> Result<(), String> {
        if let Some(why) = never_allowed(address) {
            return Err(format!("{origin} is at {address}: {why}"));
        }
        if self.granted.contains(origin) {
            self.learn(address);
            return Ok(());
        }
        self.permit_port(origin)?;
        let networks = self.networks();
        if networks.iter().any(|network| network.contains(address)) {
            return Ok(());
        }
        let names: Vec<String> = networks.iter().map(Network::to_string).collect();
        Err(format!("{origin} is at {address}, outside the granted networks [{}]", names.join(", ")))
    }

    /// Whether a plugin may add this origin. A name is resolved, and its addresses are checked,
    /// when it is connected to.
    ///
    /// # Errors
    /// The reason, for people.
    pub fn permit_discovery(&self, origin: &Origin) -> Result<(), String> {
        self.permit_port(origin)?;
        match origin.literal() {
            Some(address) => self.permit(origin, address),
            None => Ok(()),
        }
    }

    fn permit_port(&self, origin: &Origin) -> Result<(), String> {
        let ports = &self.discovery.ports;
        if ports.contains(&origin.port()) || self.granted.contains(origin) {
            return Ok(());
        }
        Err(format!("{origin} has a port outside the granted ports {}-{}", ports.start(), ports.end()))
    }

    fn networks(&self) -> Vec<Network> {
        if self.discovery.networks.is_empty() {
            self.learnt.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
        } else {
            self.discovery.networks.clone()
        }
    }

    fn learn(&self, address: IpAddr) {
        Network::around(address).into_iter().for_each(|network| self.keep(network));
    }

    fn keep(&self, network: Network) {
        let mut learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        if learnt.len() < LEARNT_MAX {
            learnt.insert(network);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> Origin {
        text.parse().unwrap()
    }

    fn policy(granted: &[&str], networks: &[&str]) -> AddressPolicy {
        let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        let discovery = DiscoveryPolicy { networks, ..DiscoveryPolicy::default() };
        AddressPolicy::new(granted.iter().map(|text| origin(text)).collect(), discovery)
    }

    fn discovers(policy: &AddressPolicy, text: &str) -> bool {
        policy.permit_discovery(&origin(text)).is_ok()
    }

    #[test]
    fn beside_a_loopback_target_only_loopback_is_discovered() {
        let policy = policy(&["http://127.0.0.1:2379"], &[]);
        assert!(discovers(&policy, "http://127.0.0.1:20180") && discovers(&policy, "http://127.9.9.9:20180"));
        assert!(discovers(&policy, "http://[::1]:20180"));
        assert!(!discovers(&policy, "http://127.0.0.1:22"), "a privileged port");
        assert!(!discovers(&policy, "http://10.0.0.1:20180"));
        assert!(!discovers(&policy, "http://169.254.169.254:20180"));
    }

    #[test]
    fn beside_another_target_its_segment_is_discovered_and_loopback_is_not() {
        let policy = policy(&["http://10.1.2.3:2379"], &[]);
        assert!(discovers(&policy, "http://10.1.2.77:20180"));
        assert!(!discovers(&policy, "http://10.1.3.77:20180") && !discovers(&policy, "http://127.0.0.1:20180"));
    }

    #[test]
    fn what_the_configuration_names_replaces_the_default() {
        let policy = policy(&["http://127.0.0.1:2379"], &["10.0.0.0/8"]);
        assert!(discovers(&policy, "http://10.200.0.1:20180") && !discovers(&policy, "http://127.0.0.1:20180"));
    }

    #[test]
    fn a_name_is_checked_by_the_addresses_that_it_resolves_to() {
        let policy = policy(&["http://head:2379"], &[]);
        let tail = origin("http://tail:20180");
        assert!(policy.permit_discovery(&tail).is_ok());
        assert!(policy.permit(&tail, "172.18.0.9".parse().unwrap()).is_err(), "nothing is known yet");
        policy.permit(&origin("http://head:2379"), "172.18.0.2".parse().unwrap()).unwrap();
        assert!(policy.permit(&tail, "172.18.0.9".parse().unwrap()).is_ok());
        assert!(policy.permit(&tail, "169.254.169.254".parse().unwrap()).is_err(), "rebinding");
    }

    #[test]
    fn even_a_granted_target_may_not_be_a_metadata_service() {
        let granted = origin("http://metadata:80");
        let policy = AddressPolicy::new(BTreeSet::from([granted.clone()]), DiscoveryPolicy::default());
        assert!(policy.permit(&granted, "169.254.169.254".parse().unwrap()).is_err());
    }
}
