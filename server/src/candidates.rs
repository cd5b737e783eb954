//! The addresses at which clients are told to send their media.

use std::net::{IpAddr, SocketAddr};

use crate::config::{Choice, Cidr, Rtc};

/// Most addresses told to a client: each costs it a round of connectivity checks.
const CANDIDATES_MAX: usize = 16;

/// One address of one network interface.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Interface {
    pub(crate) name: String,
    pub(crate) ip: IpAddr,
}

/// What the operator decided of candidates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    pub(crate) interfaces: &'a Choice<String>,
    pub(crate) ips: &'a Choice<Cidr>,
    pub(crate) loopback: bool,
    /// Told in place of the interfaces' own: `rtc.node_ip` or what STUN found.
    pub(crate) node_ips: &'a [IpAddr],
}

impl<'a> Rules<'a> {
    /// The rules of a configuration, with the addresses found outside, if any.
    pub(crate) fn new(rtc: &'a Rtc, external: &'a [IpAddr]) -> Self {
        let node_ips = if rtc.node_ips.is_empty() { external } else { &rtc.node_ips };
        Self { interfaces: &rtc.interfaces, ips: &rtc.ips, loopback: rtc.loopback_candidate, node_ips }
    }
}

/// The addresses of all interfaces of this machine; none, with a warning, when the system does not tell.
pub(crate) fn interfaces() -> Vec<Interface> {
    let found = if_addrs::get_if_addrs().unwrap_or_else(|error| {
        tracing::warn!(%error, "cannot list the network interfaces; name the address with rtc.node_ip");
        Vec::new()
    });
    found.into_iter().map(|interface| Interface { ip: interface.ip(), name: interface.name }).collect()
}

/// Which addresses clients are told, best first: IPv4 before IPv6, loopback last.
///
/// `sockets` is where media listens. A socket bound to one address is reached there; one bound to all is
/// reached at every chosen interface, or at the node's own addresses of the same family.
pub(crate) fn choose(rules: Rules<'_>, interfaces: &[Interface], sockets: &[SocketAddr]) -> Vec<SocketAddr> {
    let mut chosen = Vec::new();
    for socket in sockets {
        if socket.ip().is_unspecified() {
            let ips = reachable(rules, interfaces).into_iter().filter(|ip| ip.is_ipv4() == socket.is_ipv4());
            chosen.extend(ips.map(|ip| SocketAddr::new(ip, socket.port())));
        } else {
            chosen.push(*socket);
        }
    }
    chosen.sort_by_key(|address| (address.ip().is_loopback(), address.is_ipv6()));
    chosen.dedup();
    chosen.truncate(CANDIDATES_MAX);
    chosen
}

fn reachable(rules: Rules<'_>, interfaces: &[Interface]) -> Vec<IpAddr> {
    let named = rules.node_ips.iter().copied();
    let loopback = |ip: &IpAddr| ip.is_loopback();
    let taken = interfaces.iter().filter(|interface| rules.interfaces.takes(|name| *name == interface.name));
    let own: Vec<IpAddr> = taken.map(|interface| interface.ip).filter(|ip| may_be_told(rules, *ip)).collect();
    if rules.node_ips.is_empty() { own } else { named.chain(own.into_iter().filter(loopback)).collect() }
}

fn may_be_told(rules: Rules<'_>, ip: IpAddr) -> bool {
    let link_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        // A link-local IPv6 address means nothing without its scope, which a candidate cannot carry.
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    let chosen = rules.ips.takes(|network| network.contains(ip));
    chosen && !link_local && !ip.is_unspecified() && (rules.loopback || !ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Vec<Interface> {
        let interface = |name: &str, ip: &str| Interface { name: name.into(), ip: ip.parse().unwrap() };
        vec![
            interface("lo", "127.0.0.1"),
            interface("lo", "::1"),
            interface("eth0", "fe80::1"),
            interface("eth0", "2001:db8::5"),
            interface("eth0", "10.0.0.5"),
            interface("docker0", "172.17.0.1"),
        ]
    }

    fn list<T>(includes: Vec<T>, excludes: Vec<T>) -> Choice<T> {
        Choice { includes, excludes }
    }

    fn told(rules: Rules<'_>, sockets: &[&str]) -> Vec<String> {
        let sockets: Vec<SocketAddr> = sockets.iter().map(|text| text.parse().unwrap()).collect();
        choose(rules, &machine(), &sockets).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn rules() {
        let (all, all_ips) = (list(vec![], vec![]), list(vec![], vec![]));
        let no_docker = list(vec![], vec!["docker0".to_owned()]);
        let only_ten = list(vec![Cidr::parse("10.0.0.0/8").unwrap()], vec![]);
        let node: Vec<IpAddr> = vec!["192.0.2.1".parse().unwrap()];
        let both = ["0.0.0.0:7", "[::]:7"];
        let plain = Rules { interfaces: &all, ips: &all_ips, loopback: false, node_ips: &[] };
        for (rules, sockets, expected) in [
            (plain, &both[..], &["10.0.0.5:7", "172.17.0.1:7", "[2001:db8::5]:7"][..]),
            (Rules { interfaces: &no_docker, ..plain }, &both[..1], &["10.0.0.5:7"]),
            (Rules { ips: &only_ten, ..plain }, &both, &["10.0.0.5:7"]),
            (
                Rules { loopback: true, ips: &all_ips, interfaces: &no_docker, ..plain },
                &both[..1],
                &["10.0.0.5:7", "127.0.0.1:7"],
            ),
            (Rules { node_ips: &node, ..plain }, &both, &["192.0.2.1:7"]),
            (Rules { node_ips: &node, loopback: true, ..plain }, &both[..1], &["192.0.2.1:7", "127.0.0.1:7"]),
            (plain, &["127.0.0.1:7", "[::1]:8"], &["127.0.0.1:7", "[::1]:8"]),
        ] {
            assert_eq!(told(rules, sockets), expected, "{rules:?}");
        }
    }
}
