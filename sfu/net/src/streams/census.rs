//! How many connections each source has that have proven nothing.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// Unproven connections of one source at a time: an office behind one address may join a meeting together.
pub(crate) const UNPROVEN_PER_SOURCE_MAX: u32 = 64;

/// Unproven connections at a time. Together they hold some 8 MiB.
pub(crate) const UNPROVEN_MAX: usize = 1024;

/// Counts by source; never more entries than unproven connections.
#[derive(Debug, Default)]
pub(crate) struct Census {
    by_source: HashMap<IpAddr, u32>,
    all: usize,
}

impl Census {
    /// Counts one more, if it may be.
    pub(crate) fn admit(&mut self, ip: IpAddr) -> bool {
        if self.all >= UNPROVEN_MAX {
            return false;
        }
        let count = self.by_source.entry(source(ip)).or_default();
        if *count >= UNPROVEN_PER_SOURCE_MAX {
            return false;
        }
        *count += 1;
        self.all += 1;
        true
    }

    /// One that was admitted has ended, left or proven itself.
    pub(crate) fn release(&mut self, ip: IpAddr) {
        let source = source(ip);
        let Some(count) = self.by_source.get_mut(&source) else { return };
        *count -= 1;
        self.all -= 1;
        if *count == 0 {
            self.by_source.remove(&source);
        }
    }
}

/// Who is behind an address: of IPv6 the first 64 bits, since a customer gets as many.
fn source(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_and_all_are_bounded() {
        let mut census = Census::default();
        let ip: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!((0..100).filter(|_| census.admit(ip)).count(), 64);
        let neighbours = (0..100u128).filter(|host| census.admit(Ipv6Addr::from_bits((5 << 64) | host).into()));
        assert_eq!(neighbours.count(), 64);
        let strangers = (0..2000u32).filter(|host| census.admit(std::net::Ipv4Addr::from_bits(*host).into())).count();
        assert_eq!(strangers, UNPROVEN_MAX - 128);
        census.release(ip);
        assert!(census.admit(ip) && !census.admit(ip));
        census.release("203.0.113.1".parse().unwrap());
        assert_eq!(census.all, UNPROVEN_MAX);
    }
}
