//! The small types of configuration values.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// An API secret or another credential. It shows itself to nobody who does not ask.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret as the operator wrote it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for signing and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

/// The least severe thing that is logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Level {
    /// Something stopped working.
    Error,
    /// Somebody should look.
    Warn,
    /// A life begins or ends.
    Info,
    /// Decisions.
    Debug,
    /// Everything.
    Trace,
}

impl Level {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "error" => Some(Self::Error),
            "warn" | "warning" => Some(Self::Warn),
            "info" => Some(Self::Info),
            "debug" => Some(Self::Debug),
            "trace" => Some(Self::Trace),
            _ => None,
        }
    }

    /// The level's name in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// The UDP ports of media.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UdpPorts {
    /// All media on one port; 0 lets the system choose.
    One(u16),
    /// A range, of which the first port is used.
    Range {
        /// The first port.
        first: u16,
        /// The last port, not below the first.
        last: u16,
    },
}

impl UdpPorts {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let Some((first, last)) = text.split_once('-') else { return text.trim().parse().ok().map(Self::One) };
        Self::range(first.trim().parse().ok()?, last.trim().parse().ok()?)
    }

    pub(crate) fn range(first: u16, last: u16) -> Option<Self> {
        (first > 0 && first <= last).then_some(Self::Range { first, last })
    }
}

/// A TCP port that may be off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TcpPort {
    /// Nowhere.
    Off,
    /// On a TCP port.
    On {
        /// The port; 0 lets the system choose.
        port: u16,
        /// The operator named it, so that it must be had.
        named: bool,
    },
}

impl TcpPort {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // YAML's older words for no stand for `off` as well.
        if ["off", "false", "no"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
            return Some(Self::Off);
        }
        text.parse().ok().map(|port| Self::On { port, named: true })
    }
}

/// A network: an address and how many of its leading bits count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cidr {
    address: IpAddr,
    bits: u32,
}

impl Cidr {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().ok()?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(bits_max), |bits| bits.trim().parse().ok())?;
        (bits <= bits_max).then_some(Self { address, bits })
    }

    /// Whether an address lies in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(32 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                (own.to_bits() ^ other.to_bits()).checked_shr(128 - self.bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

/// A host, by name or address, and a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostPort(pub String);

impl HostPort {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let fits = !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0);
        fits.then(|| Self(text.to_owned()))
    }
}

/// How clients reach a TURN server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum TurnTransport {
    /// UDP.
    #[default]
    Udp,
    /// TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
}

impl TurnTransport {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "udp" => Some(Self::Udp),
            "tcp" => Some(Self::Tcp),
            "tls" => Some(Self::Tls),
            _ => None,
        }
    }
}

/// A TURN server that clients are told of.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TurnServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How it is reached.
    pub transport: TurnTransport,
    /// User name.
    pub username: String,
    /// Password.
    pub credential: Secret,
    /// The operator asked for credentials made from a shared secret.
    pub(crate) wants_shared_secret: bool,
}

impl TurnServer {
    /// The server's URL (RFC 7065).
    pub fn url(&self) -> String {
        let (scheme, transport) = match self.transport {
            TurnTransport::Udp => ("turn", "udp"),
            TurnTransport::Tcp => ("turn", "tcp"),
            TurnTransport::Tls => ("turns", "tcp"),
        };
        format!("{scheme}:{}:{}?transport={transport}", self.host, self.port)
    }
}

/// A length of time as Go writes it: numbers with the units `ms`, `s`, `m` and `h`, largest first.
pub fn duration(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let count: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let milliseconds = match &rest[..unit] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return None,
        };
        total = total.checked_add(Duration::from_millis(count.checked_mul(milliseconds)?))?;
        rest = &rest[unit..];
    }
    (!text.trim().is_empty()).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, milliseconds) in [
            ("500ms", Some(500)),
            ("10s", Some(10_000)),
            ("1m30s", Some(90_000)),
            ("6h", Some(21_600_000)),
            ("0s", Some(0)),
            ("10", None),
            ("", None),
            ("s", None),
            ("-1s", None),
            ("1.5s", None),
            ("18446744073709551615h", None),
        ] {
            assert_eq!(duration(text), milliseconds.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn ports() {
        for (text, ports) in [
            ("7882", Some(UdpPorts::One(7882))),
            ("0", Some(UdpPorts::One(0))),
            ("7882-7883", UdpPorts::range(7882, 7883)),
            ("7883-7882", None),
            ("0-5", None),
            ("70000", None),
            ("a-b", None),
        ] {
            assert_eq!(UdpPorts::parse(text), ports, "{text}");
        }
    }

    #[test]
    fn networks() {
        for (network, address, inside) in [
            ("10.0.0.0/8", "10.200.3.4", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.6", false),
            ("fe80::/10", "fe80::1", true),
            ("::/0", "2001:db8::1", true),
            ("::/0", "10.0.0.1", false),
        ] {
            assert_eq!(Cidr::parse(network).unwrap().contains(address.parse().unwrap()), inside, "{network} {address}");
        }
        assert!(Cidr::parse("10.0.0.0/33").is_none());
        assert!(Cidr::parse("ten").is_none());
    }
}
