//! How many encoders may be connected, and what becomes of those who guess keys. Plain arithmetic.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use quota::home;

use crate::config::Ingress;

/// Connections of encoders at a time; each may hold 4 MiB.
pub(super) const CONNECTIONS_MAX: usize = 512;
/// How long it is not let in, from its last wrong key on.
pub(super) const BLOCK: Duration = Duration::from_secs(60);
/// After this time without one, wrong keys are forgotten.
const FORGIVEN: Duration = Duration::from_secs(600);
/// The first answer to a wrong key comes after this time, each further one after twice the time of the last.
const DELAY_FIRST: Duration = Duration::from_millis(250);
/// Longest time until an answer.
const DELAY_MAX: Duration = Duration::from_secs(4);
/// Addresses whose wrong keys are remembered; beyond, the one that has been quiet for longest is forgotten.
const ADDRESSES_MAX: usize = 4096;

/// Who is connected and who guessed.
#[derive(Debug)]
pub(crate) struct Guard {
    /// Connections from one address at a time; a studio has a few encoders.
    per_address_max: usize,
    /// Wrong keys after which an address is not let in for [`BLOCK`].
    strikes_max: u32,
    connected: BTreeMap<IpAddr, usize>,
    strikes: BTreeMap<IpAddr, (u32, Instant)>,
}

impl Guard {
    /// Nobody is there.
    pub(crate) fn new(limits: &Ingress) -> Self {
        let per_address_max = usize::try_from(limits.per_address).unwrap_or(usize::MAX);
        Self { per_address_max, strikes_max: limits.wrong_keys, connected: BTreeMap::new(), strikes: BTreeMap::new() }
    }

    /// Whether a connection may come; if so, it counts until [`Guard::leave`].
    pub(super) fn admit(&mut self, ip: IpAddr, now: Instant) -> bool {
        let home = home(ip);
        let blocked = self.strikes.get(&home).is_some_and(|(strikes, last)| {
            *strikes >= self.strikes_max && now.saturating_duration_since(*last) < BLOCK
        });
        let here = self.connected.get(&home).copied().unwrap_or(0);
        if blocked || here >= self.per_address_max || self.connections() >= CONNECTIONS_MAX {
            return false;
        }
        *self.connected.entry(home).or_default() += 1;
        true
    }

    /// A connection ended.
    pub(super) fn leave(&mut self, ip: IpAddr) {
        let home = home(ip);
        if let Some(count) = self.connected.get_mut(&home) {
            *count -= 1;
            if *count == 0 {
                self.connected.remove(&home);
            }
        }
    }

    /// How many are connected.
    pub(super) fn connections(&self) -> usize {
        self.connected.values().sum()
    }

    /// A wrong key: how long its answer is to wait.
    pub(crate) fn struck(&mut self, ip: IpAddr, now: Instant) -> Duration {
        self.strikes.retain(|_, (_, last)| now.saturating_duration_since(*last) < FORGIVEN);
        let home = home(ip);
        if self.strikes.len() >= ADDRESSES_MAX && !self.strikes.contains_key(&home) {
            let quietest = self.strikes.iter().min_by_key(|(_, (_, last))| *last).map(|(home, _)| *home);
            quietest.map(|home| self.strikes.remove(&home));
        }
        let (strikes, last) = self.strikes.entry(home).or_insert((0, now));
        let doubled = DELAY_FIRST.saturating_mul(1_u32.checked_shl(*strikes).unwrap_or(u32::MAX));
        (*strikes, *last) = (strikes.saturating_add(1), now);
        doubled.min(DELAY_MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;
    use crate::config::{Config, Sources};

    const PER_ADDRESS_MAX: usize = 32;
    const STRIKES_MAX: u32 = 10;

    fn guard() -> Guard {
        Guard::new(&Config::read(&Sources::default()).unwrap().0.ingress)
    }

    fn ip(last: u8) -> IpAddr {
        [10, 0, 0, last].into()
    }

    #[test]
    fn guessers_wait_ever_longer_and_are_then_kept_out() {
        let (mut guard, now) = (guard(), Instant::now());
        let delays: Vec<u128> = (0..STRIKES_MAX).map(|_| guard.struck(ip(1), now).as_millis()).collect();
        assert_eq!(delays[..6], [250, 500, 1000, 2000, 4000, 4000]);
        assert!(!guard.admit(ip(1), now));
        assert!(guard.admit(ip(2), now), "others are let in");
        assert!(guard.admit(ip(1), now + BLOCK));
        assert_eq!(guard.struck(ip(1), now + BLOCK), DELAY_MAX, "it is remembered");
        assert_eq!(guard.struck(ip(1), now + BLOCK + FORGIVEN), DELAY_FIRST);
    }

    #[test]
    fn connections_are_limited_by_address_and_in_all() {
        let (mut guard, now) = (guard(), Instant::now());
        assert!((0..PER_ADDRESS_MAX).all(|_| guard.admit(ip(1), now)));
        assert!(!guard.admit(ip(1), now));
        guard.leave(ip(1));
        assert!(guard.admit(ip(1), now));
        let more = (PER_ADDRESS_MAX..CONNECTIONS_MAX).filter(|n| guard.admit(ip((2 + n % 200) as u8), now)).count();
        assert_eq!(more, CONNECTIONS_MAX - PER_ADDRESS_MAX);
        assert!(!guard.admit(ip(250), now));
        guard.leave(ip(99));
        guard.leave(ip(254));
        assert_eq!(guard.connections(), CONNECTIONS_MAX - 1);
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let (mut guard, now) = (guard(), Instant::now());
        for host in 0..STRIKES_MAX as u16 {
            guard.struck(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, host).into(), now);
        }
        assert!(!guard.admit(Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 9, 9, 9, 9).into(), now));
        assert!(guard.admit(Ipv6Addr::new(0x2001, 0xdb8, 0, 2, 0, 0, 0, 1).into(), now));
    }

    #[test]
    fn memory_of_guessers_is_bounded() {
        let (mut guard, now) = (guard(), Instant::now());
        for n in 0..ADDRESSES_MAX as u32 + 100 {
            guard.struck(IpAddr::from(n.to_be_bytes()), now + Duration::from_millis(n.into()));
        }
        assert_eq!(guard.strikes.len(), ADDRESSES_MAX);
    }
}
