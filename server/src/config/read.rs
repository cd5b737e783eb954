//! One node to one typed value, or what is wrong with it in words.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::fault::Place;
use super::tree::{Node, Value};
use super::values::{Cidr, HostPort, Level, Secret, TcpPort, TurnServer, TurnTransport, UdpPorts};

/// What is wrong and where.
pub(crate) type Wrong = (Place, String);

/// A type that a node may hold.
pub(crate) trait Read: Sized {
    /// What is expected, with an example, to follow "expected".
    const EXPECTED: &'static str;

    /// Reads a scalar's text.
    fn text(text: &str) -> Option<Self>;

    /// Reads a node.
    fn read(node: &Node) -> Result<Self, Wrong> {
        let Value::Scalar(text) = &node.value else { return Err(unexpected::<Self>(node)) };
        Self::text(text).ok_or_else(|| unexpected::<Self>(node))
    }
}

fn unexpected<T: Read>(node: &Node) -> Wrong {
    (node.place.clone(), format!("expected {}, found {}", T::EXPECTED, node.value.describe()))
}

macro_rules! read {
    ($type:ty, $expected:literal, $text:expr) => {
        impl Read for $type {
            const EXPECTED: &'static str = $expected;

            fn text(text: &str) -> Option<Self> {
                let parse: fn(&str) -> Option<Self> = $text;
                parse(text)
            }
        }
    };
}

read!(bool, "true or false", |text| match text {
    "true" | "True" | "TRUE" => Some(true),
    "false" | "False" | "FALSE" => Some(false),
    _ => None,
});
read!(u16, "a whole number from 0 to 65535", |text| text.parse().ok());
read!(u32, "a whole number from 0 to 4294967295", |text| text.parse().ok());
read!(String, "a word", |text| Some(text.to_owned()));
read!(IpAddr, "an IP address such as 192.0.2.7 or 2001:db8::7", |text| text.parse().ok());
read!(Cidr, "a network such as 192.0.2.0/24", Cidr::parse);
read!(Duration, "a number and a unit such as 500ms, 10s, 1m30s or 6h", super::values::duration);
read!(Level, "error, warn, info, debug or trace", Level::parse);
read!(UdpPorts, "a port such as 7882 or a range such as 7882-7889, the lower port first", UdpPorts::parse);
read!(TcpPort, "a TCP port such as 1935, or off", TcpPort::parse);
read!(HostPort, "host:port such as stun.example.com:3478", HostPort::parse);

impl<T: Read> Read for Vec<T> {
    const EXPECTED: &'static str = "a list";

    fn text(text: &str) -> Option<Self> {
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(T::text).collect()
    }

    fn read(node: &Node) -> Result<Self, Wrong> {
        match &node.value {
            // LiveKit's samples write `- ""` for "all".
            Value::List(items) => items.iter().filter(|item| !is_empty(item)).map(T::read).collect(),
            Value::Scalar(text) => Self::text(text).ok_or_else(|| unexpected::<T>(node)),
            _ => Err(unexpected::<Self>(node)),
        }
    }
}

fn is_empty(node: &Node) -> bool {
    matches!(&node.value, Value::Null) || matches!(&node.value, Value::Scalar(text) if text.is_empty())
}

/// Addresses for clients: one, a list, or a mapping of `v4` and `v6`.
pub(crate) struct NodeIps(pub(crate) Vec<IpAddr>);

impl Read for NodeIps {
    const EXPECTED: &'static str = "an IP address, or a mapping of v4 and v6";

    fn text(text: &str) -> Option<Self> {
        Vec::text(text).map(Self)
    }

    fn read(node: &Node) -> Result<Self, Wrong> {
        let Value::Map(entries) = &node.value else { return Vec::read(node).map(Self) };
        let mut ips = Vec::new();
        for entry in entries {
            let ip = IpAddr::read(&entry.node)?;
            match (entry.name.as_str(), ip) {
                ("v4", IpAddr::V4(_)) | ("v6", IpAddr::V6(_)) => ips.push(ip),
                _ => return Err(unexpected::<Self>(node)),
            }
        }
        Ok(Self(ips))
    }
}

impl Read for BTreeMap<String, Secret> {
    const EXPECTED: &'static str = "lines of \"key: secret\"";

    fn text(_: &str) -> Option<Self> {
        None
    }

    fn read(node: &Node) -> Result<Self, Wrong> {
        // What is found is not shown: it may well be a secret.
        let wrong = |place: &Place| {
            (place.clone(), "expected lines of \"key: secret\", with a space after the colon".to_owned())
        };
        let Value::Map(entries) = &node.value else { return Err(wrong(&node.place)) };
        let pairs = entries.iter().map(|entry| match &entry.node.value {
            Value::Scalar(secret) => Ok((entry.name.clone(), Secret::new(secret.trim()))),
            _ => Err(wrong(&entry.place)),
        });
        pairs.collect()
    }
}

impl Read for TurnServer {
    const EXPECTED: &'static str = "a mapping of host, port, protocol, username and credential";

    fn text(_: &str) -> Option<Self> {
        None
    }

    fn read(node: &Node) -> Result<Self, Wrong> {
        let Value::Map(entries) = &node.value else { return Err(unexpected::<Self>(node)) };
        let mut server = Self::default();
        for entry in entries {
            let word = || String::read(&entry.node);
            match entry.name.as_str() {
                "host" => server.host = word()?,
                "port" => server.port = u16::read(&entry.node)?,
                "protocol" => server.transport = TurnTransport::read(&entry.node)?,
                "username" => server.username = word()?,
                "credential" => server.credential = Secret::new(word()?),
                "secret" | "secret_file" | "ttl" => server.wants_shared_secret = true,
                other => return Err((entry.place.clone(), format!("no such key of a TURN server: {other}"))),
            }
        }
        match server.host.is_empty() || server.port == 0 {
            true => Err((node.place.clone(), "a TURN server needs host and port".into())),
            false => Ok(server),
        }
    }
}

/// What rooms of one name are like, and the keys of LiveKit's that say nothing here.
#[derive(Default)]
pub(crate) struct Preset {
    pub(crate) wish: livekit::RoomWish,
    pub(crate) idle: Vec<String>,
}

impl Read for Preset {
    const EXPECTED: &'static str = "a mapping of empty_timeout, departure_timeout, max_participants, metadata, sync_streams, min_playout_delay and \
         max_playout_delay";

    fn text(_: &str) -> Option<Self> {
        None
    }

    fn read(node: &Node) -> Result<Self, Wrong> {
        let Value::Map(entries) = &node.value else { return Err(unexpected::<Self>(node)) };
        let mut preset = Self::default();
        for entry in entries {
            let wish = &mut preset.wish;
            match entry.name.as_str() {
                // LiveKit's own copy of the name.
                "name" => {}
                "empty_timeout" => wish.empty_timeout_s = u32::read(&entry.node)?,
                "departure_timeout" => wish.departure_timeout_s = u32::read(&entry.node)?,
                "max_participants" => wish.max_participants = u32::read(&entry.node)?,
                "metadata" => wish.metadata = String::read(&entry.node)?,
                "sync_streams" => wish.sync_streams = bool::read(&entry.node)?,
                "min_playout_delay" => wish.playout_delay_min_ms = u32::read(&entry.node)?,
                "max_playout_delay" => wish.playout_delay_max_ms = u32::read(&entry.node)?,
                "egress" | "agents" | "tags" => {
                    preset.idle.push(entry.name.clone());
                }
                other => return Err((entry.place.clone(), format!("no such setting of a room: {other}"))),
            }
        }
        Ok(preset)
    }
}

impl Read for BTreeMap<String, Preset> {
    const EXPECTED: &'static str = "a mapping of names to settings";

    fn text(_: &str) -> Option<Self> {
        None
    }

    fn read(node: &Node) -> Result<Self, Wrong> {
        let Value::Map(entries) = &node.value else { return Err(unexpected::<Self>(node)) };
        entries.iter().map(|entry| Ok((entry.name.clone(), Preset::read(&entry.node)?))).collect()
    }
}

read!(TurnTransport, "udp, tcp or tls", TurnTransport::parse);

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: Read>(text: &str) -> Result<T, String> {
        let node = super::super::tree::parse(text, &|line, column| Place::File { name: "t".into(), line, column });
        T::read(&node.unwrap().unwrap()).map_err(|(place, text)| format!("{place}: {text}"))
    }

    #[test]
    fn lists_point_at_the_item() {
        assert_eq!(read::<Vec<u16>>("[1, 2]"), Ok(vec![1, 2]));
        assert_eq!(read::<Vec<u16>>("1, 2"), Ok(vec![1, 2]));
        let wrong = "t:2:3: expected a whole number from 0 to 65535, found \"x\"";
        assert_eq!(read::<Vec<u16>>("- 1\n- x\n"), Err(wrong.into()));
    }

    #[test]
    fn node_ips_in_three_forms() {
        for (text, count) in [("192.0.2.1", 1), ("[192.0.2.1, '::1']", 2), ("{v4: 192.0.2.1, v6: '::1'}", 2)] {
            assert_eq!(read::<NodeIps>(text).unwrap().0.len(), count, "{text}");
        }
        assert!(read::<NodeIps>("{v4: '::1'}").is_err());
        assert!(read::<NodeIps>("nonsense").is_err());
    }

    #[test]
    fn faulty_keys_show_no_secret() {
        let wrong = read::<BTreeMap<String, Secret>>("devkey:topsecret").unwrap_err();
        assert!(!wrong.contains("topsecret"), "{wrong}");
        assert!(wrong.contains("space after the colon"));
    }

    #[test]
    fn presets() {
        let presets: BTreeMap<String, Preset> =
            read("{small: {empty_timeout: 5, metadata: m, min_playout_delay: 100, agents: []}}").unwrap();
        let wish = livekit::RoomWish {
            empty_timeout_s: 5,
            metadata: "m".into(),
            playout_delay_min_ms: 100,
            ..Default::default()
        };
        assert_eq!(wish.playout_delay_ms(), Some((100, 2000)));
        assert_eq!((&presets["small"].wish, presets["small"].idle.as_slice()), (&wish, &["agents".to_owned()][..]));
        let Err(wrong) = read::<BTreeMap<String, Preset>>("{small: {emptytimeout: 5}}") else { panic!() };
        assert!(wrong.contains("no such setting of a room: emptytimeout"), "{wrong}");
        assert!(read::<BTreeMap<String, Preset>>("{small: 5}").is_err());
    }

    #[test]
    fn turn_servers() {
        let server: TurnServer = read("{host: turn.example.com, port: 443, protocol: tls, username: u}").unwrap();
        assert_eq!(server.url(), "turns:turn.example.com:443?transport=tcp");
        assert!(read::<TurnServer>("{host: turn.example.com}").unwrap_err().contains("needs host and port"));
        assert!(read::<TurnServer>("{host: h, port: 1, passwd: x}").unwrap_err().contains("passwd"));
    }
}
