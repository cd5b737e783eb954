//! Ports, the public address, and names.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};

use super::Finding;
use crate::candidates::{self, Rules};
use crate::config::{Config, TcpPort, UdpPorts};
use crate::{external, listen};

/// How long a name or a neighbour may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// Who has our HTTP port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Holder {
    /// A server such as this answers there.
    Us,
    /// Somebody listens there, behind TLS.
    Somebody,
    /// Nobody, or somebody else.
    Other,
}

/// A port that the configuration wants.
struct Wanted {
    name: &'static str,
    key: &'static str,
    port: u16,
    is_udp: bool,
    is_media: bool,
}

/// Whether every port can be had, or belongs to this server running already.
pub(super) async fn ports(config: &Config) -> Vec<Finding> {
    let all = wanted(config);
    let mut findings = twice(&all);
    let holder = holder(config).await;
    for wanted in all {
        // Media listens on all addresses of its families, whatever HTTP is told.
        let binds = if wanted.is_media { media_binds(config) } else { config.http.bind.clone() };
        let taken = binds.iter().find_map(|ip| {
            let address = SocketAddr::new(*ip, wanted.port);
            let opened = if wanted.is_udp { listen::udp(address).map(drop) } else { listen::one(address).map(drop) };
            opened.err().map(|error| (address, error))
        });
        findings.push(finding(&wanted, taken, holder));
    }
    findings
}

fn wanted(config: &Config) -> Vec<Wanted> {
    let tcp = |name, key, port: TcpPort, is_udp| match port {
        TcpPort::On { port, .. } => Some(Wanted { name, key, port, is_udp, is_media: false }),
        TcpPort::Off => None,
    };
    let media_tcp = tcp("media over TCP", "rtc.tcp_port", config.rtc.tcp, false);
    let udp = match config.rtc.udp {
        UdpPorts::One(port) | UdpPorts::Range { first: port, .. } => port,
    };
    let turn = config.turn.enabled;
    let all = [
        Some(Wanted { name: "HTTP", key: "port", port: config.http.port, is_udp: false, is_media: false }),
        Some(Wanted { name: "media", key: "rtc.udp_port", port: udp, is_udp: true, is_media: true }),
        media_tcp.map(|wanted| Wanted { is_media: true, ..wanted }),
        tcp("RTMP", "ingress.rtmp_port", config.ingress.rtmp_port, false),
        tcp("RTMP over TLS", "ingress.rtmps_port", config.ingress.rtmps_port, false).filter(|_| config.tls.is_some()),
        tcp("TURN", "turn.udp_port", config.turn.udp_port, true).filter(|_| turn),
        tcp("TURN over TLS", "turn.tls_port", config.turn.tls_port, false).filter(|_| turn),
    ];
    all.into_iter().flatten().collect()
}

/// Keys that name the same port: each could have it, but not both.
fn twice(all: &[Wanted]) -> Vec<Finding> {
    let same = |one: &Wanted, other: &Wanted| one.port == other.port && one.is_udp == other.is_udp && one.port != 0;
    let pairs = (1..all.len()).flat_map(|at| all[..at].iter().map(move |one| (one, &all[at])));
    let clash = |(one, other): (&Wanted, &Wanted)| {
        let protocol = if one.is_udp { "udp" } else { "tcp" };
        let found = format!("{}/{protocol} is named for {} and for {}", one.port, one.name, other.name);
        Finding::fault("port", found, format!("choose another with {} or {}", one.key, other.key))
    };
    pairs.filter(|(one, other)| same(one, other)).map(clash).collect()
}

fn finding(wanted: &Wanted, taken: Option<(SocketAddr, io::Error)>, holder: Holder) -> Finding {
    let protocol = if wanted.is_udp { "udp" } else { "tcp" };
    let what = format!("{}/{protocol} for {}", wanted.port, wanted.name);
    let Some((address, error)) = taken else { return Finding::good("port", format!("{what} can be had")) };
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let mend =
                format!("see who has it with `ss -lpn | grep :{}`, or choose another with {}", wanted.port, wanted.key);
            match holder {
                Holder::Us => Finding::good("port", format!("{what} is taken, by the server that runs")),
                Holder::Somebody => {
                    Finding::warning("port", format!("{what} is taken, by this server if it runs already"), mend)
                }
                Holder::Other => Finding::fault("port", format!("{what} is taken"), mend),
            }
        }
        io::ErrorKind::PermissionDenied => Finding::fault(
            "port",
            format!("{what} needs a privilege"),
            "give CAP_NET_BIND_SERVICE (the systemd unit does), or choose a port from 1024 on",
        ),
        // A machine without IPv6 serves IPv4 alone.
        _ if address.is_ipv6() && !address.ip().is_loopback() => {
            Finding::warning("port", format!("{what} on {address}: {error}"), "nothing, if this machine has no IPv6")
        }
        _ => {
            Finding::fault("port", format!("{what} on {address}: {error}"), "name another address with bind_addresses")
        }
    }
}

/// Who answers at our HTTP port.
async fn holder(config: &Config) -> Holder {
    let local = |ip: &IpAddr| match ip {
        ip if !ip.is_unspecified() => *ip,
        IpAddr::V4(_) => IpAddr::from([127, 0, 0, 1]),
        IpAddr::V6(_) => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
    };
    let Some(ip) = config.http.bind.first().map(local) else { return Holder::Other };
    let asked = async {
        let mut stream = TcpStream::connect((ip, config.http.port)).await?;
        if config.tls.is_some() {
            return Ok(Holder::Somebody);
        }
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.take(1024).read_to_string(&mut answer).await?;
        io::Result::Ok(if answer.ends_with("OK\n") { Holder::Us } else { Holder::Other })
    };
    tokio::time::timeout(ANSWER_MAX, asked).await.ok().and_then(Result::ok).unwrap_or(Holder::Other)
}

/// Whether the addresses that clients are told can be reached from outside.
pub(super) async fn public_address(config: &Config) -> Finding {
    let found = external::find(&config.rtc).await;
    let port = match config.rtc.udp {
        UdpPorts::One(port) | UdpPorts::Range { first: port, .. } => port,
    };
    let sockets: Vec<SocketAddr> = media_binds(config).into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
    let told = candidates::choose(Rules::new(&config.rtc, &found), &candidates::interfaces(), &sockets);
    let list = told.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let mend = "behind a NAT set rtc.node_ip to the public address, or rtc.use_external_ip with rtc.stun_servers";
    if told.is_empty() {
        return Finding::fault("address", "no address remains that clients could be told", mend);
    }
    if told.iter().any(|address| is_public(address.ip())) {
        return Finding::good("address", format!("clients are told {list}"));
    }
    let found = format!("clients are told {list}, which only this network reaches");
    Finding::warning("address", found, mend)
}

/// Where media listens.
fn media_binds(config: &Config) -> Vec<IpAddr> {
    listen::media(&config.http.bind, config.development && config.is_loopback_only())
}

fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xC0 == 64;
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_unspecified() || shared)
        }
        IpAddr::V6(ip) => ip.segments()[0] & 0xE000 == 0x2000,
    }
}

/// Whether the names that the configuration holds are found.
pub(super) async fn names(config: &Config) -> Vec<Finding> {
    let turn = config.turn.domain.as_str();
    let turn = Some(turn).filter(|name| config.turn.enabled && !name.is_empty());
    let hosts = config.rtc.stun_servers.iter().filter_map(|server| server.0.rsplit_once(':').map(|(host, _)| host));
    let others = config.rtc.turn_servers.iter().map(|server| server.host.as_str());
    let mut findings = Vec::new();
    for name in turn.into_iter().chain(hosts).chain(others) {
        let found = tokio::time::timeout(ANSWER_MAX, lookup_host((name, 0))).await;
        let ips: Vec<String> = match found {
            Ok(Ok(addresses)) => addresses.map(|address| address.ip().to_string()).collect(),
            _ => Vec::new(),
        };
        findings.push(if ips.is_empty() {
            Finding::fault("name", format!("{name} is not found"), "correct the name, or add it to the DNS")
        } else {
            Finding::good("name", format!("{name} is {}", ips.join(", ")))
        });
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_internets_addresses_are_public() {
        for (ip, public) in [
            ("203.0.113.5", true),
            ("10.0.0.1", false),
            ("100.64.1.1", false),
            ("100.128.1.1", true),
            ("127.0.0.1", false),
            ("2001:db8::1", true),
            ("fd00::1", false),
            ("::1", false),
        ] {
            assert_eq!(is_public(ip.parse().unwrap()), public, "{ip}");
        }
    }

    #[test]
    fn no_port_is_named_twice() {
        let wanted = |name, key, port, is_udp| Wanted { name, key, port, is_udp, is_media: false };
        let https = || wanted("HTTP", "port", 443, false);
        let turn = || wanted("TURN over TLS", "turn.tls_port", 443, false);
        let told: Vec<String> = twice(&[https(), turn()]).iter().map(Finding::print).collect();
        assert_eq!(told.len(), 1);
        assert!(told[0].starts_with("WRONG  port: 443/tcp is named for HTTP and for TURN over TLS\n"), "{}", told[0]);
        let chosen = |name, key| wanted(name, key, 0, false);
        let fine = [https(), wanted("media", "rtc.udp_port", 443, true), chosen("a", "a"), chosen("b", "b")];
        assert_eq!(twice(&fine), []);
    }

    #[test]
    fn a_taken_port_is_a_fault_unless_it_is_our_own() {
        let wanted = Wanted { name: "HTTP", key: "port", port: 7880, is_udp: false, is_media: false };
        let taken = || Some(("0.0.0.0:7880".parse().unwrap(), io::Error::from(io::ErrorKind::AddrInUse)));
        for (taken, holder, expected) in [
            (taken(), Holder::Other, "WRONG  port: 7880/tcp for HTTP is taken\n       -> see who has it with `ss -lpn"),
            (taken(), Holder::Somebody, "warn   port: 7880/tcp for HTTP is taken, by this server if it runs already\n"),
            (taken(), Holder::Us, "good   port: 7880/tcp for HTTP is taken, by the server that runs\n"),
            (None, Holder::Other, "good   port: 7880/tcp for HTTP can be had\n"),
        ] {
            let told = finding(&wanted, taken, holder).print();
            assert!(told.starts_with(expected), "{told}");
        }
    }
}
