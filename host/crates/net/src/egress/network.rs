//! Networks in CIDR notation, and the addresses that no configuration can grant.

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// Addresses that share their first bits, for example `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network(IpNet);

impl Network {
    /// The loopback networks of both families.
    pub const LOOPBACK: [Self; 2] = [
        Self(IpNet::V4(Ipv4Net::new_assert(
            Ipv4Addr::new(127, 0, 0, 0),
            8,
        ))),
        Self(IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128))),
    ];

    /// The default neighbourhood of an address: loopback for loopback, else the /24 or /64 around
    /// it, the usual sizes of one network segment.
    #[must_use]
    pub fn around(address: IpAddr) -> Vec<Self> {
        let address = unwrap_embedded(address);
        if address.is_loopback() {
            return Self::LOOPBACK.to_vec();
        }
        let prefix_bits = if address.is_ipv4() { 24 } else { 64 };
        IpNet::new(address, prefix_bits)
            .map(|net| Self(net.trunc()))
            .into_iter()
            .collect()
    }

    /// Whether the address lies inside.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&unwrap_embedded(address))
    }
}

/// As it is configured.
impl serde::Serialize for Network {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let net = text
            .parse::<IpNet>()
            .or_else(|_no_prefix| text.parse::<IpAddr>().map(IpNet::from))
            .map_err(|_invalid| format!("{text:?} is neither an address nor a CIDR network"))?;
        if net != net.trunc() {
            return Err(format!(
                "{text:?} has bits set after its prefix: did you mean {}?",
                net.trunc()
            ));
        }
        Ok(Self(net))
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why an address is never connected to, regardless of the configuration: it is not a host of the
/// observed system but the machine's own neighbourhood or a cloud's credential service.
pub(super) fn never_allowed(address: IpAddr) -> Option<&'static str> {
    let address = unwrap_embedded(address);
    let link_local = match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        // fec0::/10 is the site-local predecessor of private addresses, which systems still route.
        IpAddr::V6(v6) => {
            v6.is_unicast_link_local()
                || v6.segments().first().is_some_and(|s| s & 0xffc0 == 0xfec0)
        }
    };
    if link_local {
        Some("link-local addresses, which hold cloud metadata services, are always refused")
    } else if is_metadata(address) {
        Some("cloud metadata services are always refused")
    } else if address.is_multicast() || is_reserved(address) {
        Some("multicast, broadcast and reserved addresses are always refused")
    } else if address.is_unspecified()
        || matches!(address, IpAddr::V4(v4) if v4.octets().first() == Some(&0))
    {
        Some("the unspecified address is always refused")
    } else {
        None
    }
}

/// Services that hand out credentials to the machine that asks; most others are link-local.
fn is_metadata(address: IpAddr) -> bool {
    // Alibaba Cloud; Azure's agent; Oracle Cloud.
    const V4: [Ipv4Addr; 3] = [
        Ipv4Addr::new(100, 100, 100, 200),
        Ipv4Addr::new(168, 63, 129, 16),
        Ipv4Addr::new(192, 0, 0, 192),
    ];
    match address {
        IpAddr::V4(v4) => V4.contains(&v4),
        // AWS keeps fd00:ec2::/32 for such services; then Google Cloud and Scaleway.
        IpAddr::V6(v6) => matches!(
            v6.segments(),
            [0xfd00, 0xec2, ..]
                | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]
                | [0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42]
        ),
    }
}

/// 240.0.0.0/4 with the broadcast address: some systems route it, none has servers in it.
fn is_reserved(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(v4) if v4.octets().first().is_some_and(|first| *first >= 240))
}

/// The scope of an address. A granted name keeps the scope that it had first: one that moves
/// from the network of the observed system to this machine is an attack, not a move.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    /// This machine.
    Machine,
    /// Private networks, shared address space and unique local addresses.
    Site,
    /// Everything else.
    World,
}

impl Scope {
    pub(super) fn of(address: IpAddr) -> Self {
        let address = unwrap_embedded(address);
        let is_site = match address {
            IpAddr::V4(v4) => {
                v4.is_private() || (v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64)
            }
            IpAddr::V6(v6) => v6.is_unique_local(),
        };
        if address.is_loopback() {
            Self::Machine
        } else if is_site {
            Self::Site
        } else {
            Self::World
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Machine => "this machine",
            Self::Site => "a private network",
            Self::World => "a public network",
        })
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped, translated, compatible, NAT64, 6to4,
/// Teredo or ISATAP. A gateway on the way may deliver to it.
pub(super) fn unwrap_embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    let pair = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => pair(high, low),
        [0x64, 0xff9b, 0 | 1, .., high, low] => pair(high, low),
        [0x2002, high, low, ..] => pair(high, low),
        // Teredo stores the client's address with every bit inverted.
        [0x2001, 0, .., high, low] => pair(!high, !low),
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => pair(high, low),
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => pair(high, low),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_contains_what_shares_its_first_bits() {
        let network: Network = "172.18.0.0/16".parse().unwrap();
        assert!(network.contains(ip("172.18.255.1")) && network.contains(ip("::ffff:172.18.0.9")));
        assert!(!network.contains(ip("172.19.0.1")) && !network.contains(ip("::1")));
        assert!(
            "0.0.0.0/0"
                .parse::<Network>()
                .unwrap()
                .contains(ip("8.8.8.8"))
        );
        assert!(
            "::/0"
                .parse::<Network>()
                .unwrap()
                .contains(ip("2001:db8::1"))
        );
        assert_eq!(
            "10.1.2.3".parse::<Network>().unwrap().to_string(),
            "10.1.2.3/32"
        );
    }

    #[test]
    fn wrong_networks_are_named_with_what_was_meant() {
        assert!(
            "10.0.0.1/8"
                .parse::<Network>()
                .unwrap_err()
                .contains("10.0.0.0/8")
        );
        for wrong in ["10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "host/8", ""] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn metadata_and_link_local_are_refused_in_every_disguise() {
        for never in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "2002:a9fe:a9fe::1",
            "::169.254.169.254",
            "::ffff:0:169.254.169.254",
            "64:ff9b:1::a9fe:a9fe",
            "2001:0:1::5601:5601",
            "2001:db8::5efe:a9fe:a9fe",
            "fe80::1",
            "fec0::1",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "240.0.0.1",
            "224.0.0.1",
            "ff02::1",
            "0.0.0.0",
            "::",
            "0.1.2.3",
            "255.255.255.255",
        ] {
            assert!(never_allowed(ip(never)).is_some(), "{never}");
        }
        for fine in [
            "127.0.0.1",
            "::1",
            "10.0.0.1",
            "192.168.1.1",
            "2001:db8::1",
            "fd00::1",
        ] {
            assert_eq!(never_allowed(ip(fine)), None, "{fine}");
        }
    }

    #[test]
    fn the_reach_of_an_address_is_that_of_what_it_stands_for() {
        for (address, scope) in [
            ("127.9.9.9", Scope::Machine),
            ("::ffff:127.0.0.1", Scope::Machine),
            ("10.0.0.1", Scope::Site),
            ("100.64.0.1", Scope::Site),
            ("fd00::1", Scope::Site),
            ("64:ff9b::a00:1", Scope::Site),
            ("8.8.8.8", Scope::World),
            ("100.128.0.1", Scope::World),
            ("2001:db8::1", Scope::World),
        ] {
            assert_eq!(Scope::of(ip(address)), scope, "{address}");
        }
    }

    #[test]
    fn the_neighbourhood_of_loopback_is_loopback_and_of_others_their_segment() {
        assert_eq!(Network::around(ip("127.0.0.1")), Network::LOOPBACK);
        assert_eq!(
            Network::around(ip("10.1.2.3"))[0].to_string(),
            "10.1.2.0/24"
        );
        assert_eq!(
            Network::around(ip("fd00:1:2:3:4::5"))[0].to_string(),
            "fd00:1:2:3::/64"
        );
    }
}
