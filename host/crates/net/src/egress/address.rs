//! Which addresses may be connected to. Asked twice: when a plugin names a target, and by the port
//! with every address that a name resolves to, right before it connects.

use super::network::{Scope, never_allowed, unwrap_embedded};
use super::{DiscoveryPolicy, DiscoveryRule, Grant, Network, Origin};
use parking_lot::{Mutex, MutexGuard};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Addresses of granted targets that are remembered, to know their neighbourhood; as many
/// discovered origins.
const LEARNT_MAX: usize = 4_096;

/// Shared by the egress policy and the HTTP port.
#[derive(Debug)]
pub struct AddressPolicy {
    granted: BTreeMap<Origin, OriginGrant>,
    discovery: DiscoveryPolicy,
    learnt: Mutex<LearntNetworks>,
}

/// The configuration of one origin.
#[derive(Debug, Default)]
struct OriginGrant {
    /// Where it must be, unless it may be anywhere.
    networks: Vec<Network>,
    /// It was granted without networks, at least once.
    anywhere: bool,
    /// It has rules that another name for the same place would go around.
    restricted: bool,
}

/// What was learnt at run time. All of it is bounded.
#[derive(Debug, Default)]
struct LearntNetworks {
    /// Networks around the addresses that granted targets turned out to have.
    networks: BTreeSet<Network>,
    /// Where the restricted targets are.
    restricted: BTreeMap<SocketAddr, Origin>,
    /// How far the addresses of a granted name reached first.
    scopes: BTreeMap<Origin, Scope>,
    /// Where discovered origins may be.
    discovered: BTreeMap<Origin, DiscoveryPolicy>,
}

impl AddressPolicy {
    /// The policy for these granted origins.
    #[must_use]
    pub fn new(granted: BTreeSet<Origin>, discovery: DiscoveryPolicy) -> Self {
        Self::with_grants(granted.into_iter().map(|origin| (origin, None)), discovery)
    }

    /// The policy for origins that are granted with rules of their own.
    #[must_use]
    pub fn with_grants<'g>(
        grants: impl IntoIterator<Item = (Origin, Option<&'g Grant>)>,
        discovery: DiscoveryPolicy,
    ) -> Self {
        let mut granted: BTreeMap<Origin, OriginGrant> = BTreeMap::new();
        for (origin, grant) in grants {
            let networks = grant
                .map(|grant| grant.networks.as_slice())
                .unwrap_or_default();
            let entry = granted.entry(origin).or_default();
            entry.anywhere |= networks.is_empty();
            entry.networks.extend(networks);
            entry.restricted |= grant.is_some_and(Grant::is_restricted);
        }
        let policy = Self {
            granted,
            discovery,
            learnt: Mutex::default(),
        };
        policy.learn_what_is_written();
        policy
    }

    /// Whether a connection of `origin` may go to `address`.
    ///
    /// # Errors
    /// The reason, for people.
    pub fn permit(&self, origin: &Origin, address: IpAddr) -> Result<(), String> {
        refuse_never(origin, address)?;
        if let Some(granted) = self.granted.get(origin) {
            return self.permit_granted(origin, granted, address);
        }
        let scope = self
            .learnt()
            .discovered
            .get(origin)
            .unwrap_or(&self.discovery)
            .clone();
        permit_port(origin, &scope)?;
        self.permit_within(origin, address, &scope)
    }

    /// Whether a plugin may add this origin, under the rule that fits its name, if one does. A name
    /// is resolved, and its addresses are checked, when it is connected to.
    ///
    /// # Errors
    /// The reason, for people.
    pub fn permit_discovery(
        &self,
        origin: &Origin,
        rule: Option<&DiscoveryRule>,
    ) -> Result<(), String> {
        if self.granted.contains_key(origin) {
            return Ok(());
        }
        let scope = self.scope(rule);
        permit_port(origin, &scope)?;
        if let Some(address) = origin.literal() {
            refuse_never(origin, address)?;
            self.permit_within(origin, address, &scope)?;
        }
        self.remember(origin, scope)
    }

    fn permit_granted(
        &self,
        origin: &Origin,
        granted: &OriginGrant,
        address: IpAddr,
    ) -> Result<(), String> {
        if !granted.anywhere
            && !granted
                .networks
                .iter()
                .any(|network| network.contains(address))
        {
            return Err(outside(origin, address, &granted.networks));
        }
        let scope = Scope::of(address);
        let mut learnt = self.learnt();
        let first = *learnt.scopes.entry(origin.clone()).or_insert(scope);
        if first != scope && granted.anywhere {
            return Err(format!(
                "{origin} is at {address}, on {scope}, but was on {first} before: if it may be on both, list its \
                 `networks`"
            ));
        }
        learnt.place(origin, granted, address);
        Ok(())
    }

    fn permit_within(
        &self,
        origin: &Origin,
        address: IpAddr,
        scope: &DiscoveryPolicy,
    ) -> Result<(), String> {
        let learnt = self.learnt();
        if let Some(target) = learnt.restricted.get(&place_of(origin, address)) {
            return Err(format!(
                "{origin} is {target}, which has its own rules: use its own name"
            ));
        }
        let networks: Vec<Network> = if scope.networks.is_empty() {
            learnt.networks.iter().copied().collect()
        } else {
            scope.networks.clone()
        };
        if networks.iter().any(|network| network.contains(address)) {
            return Ok(());
        }
        Err(outside(origin, address, &networks))
    }

    /// Where targets of this rule may be.
    fn scope(&self, rule: Option<&DiscoveryRule>) -> DiscoveryPolicy {
        let mut scope = self.discovery.clone();
        if let Some(networks) = rule
            .map(|rule| &rule.grant.networks)
            .filter(|networks| !networks.is_empty())
        {
            scope.networks.clone_from(networks);
        }
        if let Some(ports) = rule.and_then(|rule| rule.ports.clone()) {
            scope.ports = ports;
        }
        scope
    }

    /// One place has one scope, whatever names it is given.
    fn remember(&self, origin: &Origin, scope: DiscoveryPolicy) -> Result<(), String> {
        let mut learnt = self.learnt();
        match learnt.discovered.get(origin) {
            Some(known) if *known != scope => Err(format!(
                "{origin} was already discovered under another rule"
            )),
            None if learnt.discovered.len() >= LEARNT_MAX => {
                Err(format!("more than {LEARNT_MAX} discovered origins"))
            }
            Some(_) => Ok(()),
            None => {
                learnt.discovered.insert(origin.clone(), scope);
                Ok(())
            }
        }
    }

    /// Literal addresses, and the name that every machine has for itself, are known before any
    /// connection.
    fn learn_what_is_written(&self) {
        let mut learnt = self.learnt();
        for (origin, granted) in &self.granted {
            match origin.literal() {
                Some(address) => learnt.place(origin, granted, address),
                None if origin.host() == "localhost" => {
                    Network::LOOPBACK
                        .iter()
                        .for_each(|network| learnt.keep(*network));
                }
                None => {}
            }
        }
    }

    fn learnt(&self) -> MutexGuard<'_, LearntNetworks> {
        self.learnt.lock()
    }
}

impl LearntNetworks {
    /// A granted target is here.
    fn place(&mut self, origin: &Origin, granted: &OriginGrant, address: IpAddr) {
        Network::around(address)
            .into_iter()
            .for_each(|network| self.keep(network));
        if granted.restricted && self.restricted.len() < LEARNT_MAX {
            self.restricted
                .insert(place_of(origin, address), origin.clone());
        }
    }

    fn keep(&mut self, network: Network) {
        if self.networks.len() < LEARNT_MAX {
            self.networks.insert(network);
        }
    }
}

/// Where a server is, however its address is written. A server on this machine commonly listens on
/// all of its addresses, so they count as one.
fn place_of(origin: &Origin, address: IpAddr) -> SocketAddr {
    let address = unwrap_embedded(address);
    let address = if address.is_loopback() {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    } else {
        address
    };
    SocketAddr::new(address, origin.port())
}

fn refuse_never(origin: &Origin, address: IpAddr) -> Result<(), String> {
    never_allowed(address).map_or(Ok(()), |why| {
        Err(format!("{origin} is at {address}: {why}"))
    })
}

fn permit_port(origin: &Origin, discovery: &DiscoveryPolicy) -> Result<(), String> {
    let ports = &discovery.ports;
    if ports.contains(&origin.port()) {
        return Ok(());
    }
    Err(format!(
        "{origin} has a port outside the granted ports {}-{}",
        ports.start(),
        ports.end()
    ))
}

fn outside(origin: &Origin, address: IpAddr, networks: &[Network]) -> String {
    let names: Vec<String> = networks.iter().map(Network::to_string).collect();
    format!(
        "{origin} is at {address}, outside the granted networks [{}]",
        names.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::egress::EgressLimits;

    fn origin(text: &str) -> Origin {
        text.parse().unwrap()
    }

    fn policy(granted: &[&str], networks: &[&str]) -> AddressPolicy {
        let networks = networks
            .iter()
            .map(|network| network.parse().unwrap())
            .collect();
        let discovery = DiscoveryPolicy {
            networks,
            ..DiscoveryPolicy::default()
        };
        AddressPolicy::new(granted.iter().map(|text| origin(text)).collect(), discovery)
    }

    fn discovers(policy: &AddressPolicy, text: &str) -> bool {
        policy.permit_discovery(&origin(text), None).is_ok()
    }

    #[test]
    fn beside_a_loopback_target_only_loopback_is_discovered() {
        let policy = policy(&["http://127.0.0.1:2379"], &[]);
        assert!(
            discovers(&policy, "http://127.0.0.1:20180")
                && discovers(&policy, "http://127.9.9.9:20180")
        );
        assert!(discovers(&policy, "http://[::1]:20180"));
        assert!(
            !discovers(&policy, "http://127.0.0.1:22"),
            "a privileged port"
        );
        assert!(!discovers(&policy, "http://10.0.0.1:20180"));
        assert!(!discovers(&policy, "http://169.254.169.254:20180"));
    }

    #[test]
    fn beside_another_target_its_segment_is_discovered_and_loopback_is_not() {
        let policy = policy(&["http://10.1.2.3:2379"], &[]);
        assert!(discovers(&policy, "http://10.1.2.77:20180"));
        assert!(
            !discovers(&policy, "http://10.1.3.77:20180")
                && !discovers(&policy, "http://127.0.0.1:20180")
        );
    }

    #[test]
    fn what_the_configuration_names_replaces_the_default() {
        let policy = policy(&["http://127.0.0.1:2379"], &["10.0.0.0/8"]);
        assert!(
            discovers(&policy, "http://10.200.0.1:20180")
                && !discovers(&policy, "http://127.0.0.1:20180")
        );
    }

    #[test]
    fn a_name_is_checked_by_the_addresses_that_it_resolves_to() {
        let policy = policy(&["http://head:2379"], &[]);
        let tail = origin("http://tail:20180");
        assert!(policy.permit_discovery(&tail, None).is_ok());
        assert!(
            policy.permit(&tail, "172.18.0.9".parse().unwrap()).is_err(),
            "nothing is known yet"
        );
        policy
            .permit(&origin("http://head:2379"), "172.18.0.2".parse().unwrap())
            .unwrap();
        assert!(policy.permit(&tail, "172.18.0.9".parse().unwrap()).is_ok());
        assert!(
            policy
                .permit(&tail, "169.254.169.254".parse().unwrap())
                .is_err(),
            "rebinding"
        );
    }

    #[test]
    fn a_granted_name_keeps_its_reach_unless_networks_say_where_it_may_be() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let head = origin("http://head:2379");
        let first_private = policy(&["http://head:2379"], &[]);
        first_private.permit(&head, ip("10.0.0.2")).unwrap();
        assert!(
            first_private.permit(&head, ip("192.168.1.2")).is_ok(),
            "it moved"
        );
        assert!(
            first_private.permit(&head, ip("127.0.0.1")).is_err(),
            "rebinding to this machine"
        );
        assert!(first_private.permit(&head, ip("8.8.8.8")).is_err());
        let networks = ["10.0.0.0/8", "127.0.0.0/8"]
            .map(|network| network.parse().unwrap())
            .to_vec();
        let grant = Grant {
            networks,
            ..Grant::new(&EgressLimits::default())
        };
        let named =
            AddressPolicy::with_grants([(head.clone(), Some(&grant))], DiscoveryPolicy::default());
        assert!(
            named.permit(&head, ip("10.0.0.2")).is_ok()
                && named.permit(&head, ip("127.0.0.1")).is_ok()
        );
        assert!(named.permit(&head, ip("192.168.1.2")).is_err());
    }

    #[test]
    fn another_name_for_a_place_with_rules_does_not_go_around_them() {
        let paths = vec!["/metrics".parse().unwrap()];
        let grant = Grant {
            paths,
            ..Grant::new(&EgressLimits::default())
        };
        let head = (origin("http://127.0.0.1:2379"), Some(&grant));
        let policy = AddressPolicy::with_grants([head], DiscoveryPolicy::default());
        let alias = origin("http://localhost:2379");
        assert!(policy.permit(&alias, "127.0.0.1".parse().unwrap()).is_err());
        assert!(
            policy
                .permit(
                    &origin("http://localhost:2380"),
                    "127.0.0.1".parse().unwrap()
                )
                .is_ok()
        );
    }

    #[test]
    fn a_rule_says_where_its_targets_may_be_and_an_origin_has_one_rule() {
        let rule = |name: &str, network: &str| DiscoveryRule {
            name: name.to_owned(),
            targets: "*".to_owned(),
            ports: Some(20_000..=20_999),
            grant: Grant {
                networks: vec![network.parse().unwrap()],
                ..Grant::new(&EgressLimits::default())
            },
        };
        let policy = policy(&["http://127.0.0.1:2379"], &[]);
        let ours = rule("ours", "10.0.0.0/8");
        let theirs = rule("theirs", "192.168.0.0/16");
        assert!(
            policy
                .permit_discovery(&origin("http://10.1.1.1:20180"), Some(&ours))
                .is_ok()
        );
        assert!(
            policy
                .permit_discovery(&origin("http://10.1.1.1:20180"), Some(&theirs))
                .is_err()
        );
        assert!(
            policy
                .permit_discovery(&origin("http://10.1.1.1:2379"), Some(&ours))
                .is_err(),
            "the port"
        );
        assert!(
            policy
                .permit_discovery(&origin("http://127.0.0.1:20180"), Some(&ours))
                .is_err(),
            "the network"
        );
        assert!(
            policy
                .permit(
                    &origin("http://10.1.1.1:20180"),
                    "192.168.1.1".parse().unwrap()
                )
                .is_err()
        );
    }

    #[test]
    fn even_a_granted_target_may_not_be_a_metadata_service() {
        let granted = origin("http://metadata:80");
        let policy = AddressPolicy::new(
            BTreeSet::from([granted.clone()]),
            DiscoveryPolicy::default(),
        );
        assert!(
            policy
                .permit(&granted, "169.254.169.254".parse().unwrap())
                .is_err()
        );
    }
}
