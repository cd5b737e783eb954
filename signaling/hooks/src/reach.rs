//! Which addresses may be asked for anything: looked at after the name is resolved, and the connection goes to the very
//! address that was looked at, so that no answer of a name server can lead it elsewhere.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses may be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// This machine and its networks, too: the operator wrote the URLs.
    Anywhere,
    /// Only addresses of the public internet.
    Public,
}

impl Reach {
    /// Whether an address may be reached. Where no receiver can be (no address, groups) and where clouds hand out
    /// credentials (link-local) is never allowed.
    pub fn allows(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        !never(address) && (self == Self::Anywhere || !within(address))
    }
}

fn never(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            // 0.0.0.0/8 is "this network" (RFC 1122 section 3.2.1.3), and Linux takes it for this machine.
            v4.octets()[0] == 0 || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast()
        }
        IpAddr::V6(v6) => v6.is_unspecified() || v6.is_unicast_link_local() || v6.is_multicast() || embeds(v6, never),
    }
}

/// Addresses that do not lead into the public internet (RFC 6890).
fn within(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            v4.is_loopback()
                || v4.is_private()
                || v4.is_documentation()
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (18..20).contains(&b))
                || a >= 240
        }
        IpAddr::V6(v6) => {
            let [first, second, ..] = v6.segments();
            v6.is_loopback()
                || v6.is_unique_local()
                || (first & 0xffc0) == 0xfec0
                || (first == 0x2001 && second == 0xdb8)
                || (first == 0x100 && second == 0)
                || embeds(v6, within)
        }
    }
}

/// Whether a rule holds for an IPv4 address that stands inside: NAT64 (RFC 6052), 6to4 (RFC 3056), or the old
/// "compatible" form (RFC 4291 section 2.5.5.1).
fn embeds(v6: Ipv6Addr, rule: fn(IpAddr) -> bool) -> bool {
    let inside = |high: u16, low: u16| {
        let bits = u32::from(high) << 16 | u32::from(low);
        rule(IpAddr::V4(Ipv4Addr::from_bits(bits)))
    };
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => inside(high, low),
        [0x2002, high, low, ..] => inside(high, low),
        // ::1 is a loopback address of its own and no IPv4 address.
        [0, 0, 0, 0, 0, 0, high, low] if (high, low) != (0, 1) => inside(high, low),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_webhooks_go() {
        for (address, anywhere, public) in [
            ("93.184.216.34", true, true),
            ("2606:2800:220:1::1", true, true),
            ("127.0.0.1", true, false),
            ("127.8.9.10", true, false),
            ("::1", true, false),
            ("::ffff:127.0.0.1", true, false),
            ("::ffff:93.184.216.34", true, true),
            ("::127.0.0.1", true, false),
            ("10.1.2.3", true, false),
            ("172.31.0.1", true, false),
            ("172.32.0.1", true, true),
            ("192.168.0.1", true, false),
            ("100.64.0.1", true, false),
            ("100.128.0.1", true, true),
            ("198.18.0.1", true, false),
            ("192.0.0.8", true, false),
            ("240.0.0.1", true, false),
            ("fd00::1", true, false),
            ("fec0::1", true, false),
            ("64:ff9b::10.0.0.1", true, false),
            ("64:ff9b::93.184.216.34", true, true),
            ("2002:7f00:1::", true, false),
            ("0.0.0.0", false, false),
            ("0.1.2.3", false, false),
            ("::", false, false),
            ("169.254.169.254", false, false),
            ("::ffff:169.254.169.254", false, false),
            ("64:ff9b::169.254.169.254", false, false),
            ("fe80::1", false, false),
            ("224.0.0.1", false, false),
            ("ff02::1", false, false),
            ("255.255.255.255", false, false),
        ] {
            let ip = address.parse().unwrap();
            assert_eq!((Reach::Anywhere.allows(ip), Reach::Public.allows(ip)), (anywhere, public), "{address}");
        }
    }
}
