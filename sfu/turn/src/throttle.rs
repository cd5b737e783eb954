//! How often a source that has proven nothing is answered: a table of fixed size, whatever comes.

use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};

/// Answers to unproven messages of one source in a second. More would make us a mirror for forged senders.
pub const ANSWERS_PER_SECOND: u8 = 10;

/// Places of the table; sources that share one share its budget.
const PLACES: usize = 4096;

/// See the module.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// The second of each place, and the answers in it.
    places: Vec<(u64, u8)>,
    seed: RandomState,
}

impl Throttle {
    pub(crate) fn new() -> Self {
        Self { places: vec![(0, 0); PLACES], seed: RandomState::new() }
    }

    /// Whether another answer may go to a host; counts it.
    pub(crate) fn allows(&mut self, host: IpAddr, second: u64) -> bool {
        let host = match host {
            IpAddr::V4(_) => host,
            // A customer gets as many addresses as the last 64 bits make.
            IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
        };
        let place = usize::try_from(self.seed.hash_one(host) % PLACES as u64).unwrap_or_default();
        let Some((at, answers)) = self.places.get_mut(place) else { return false };
        if *at != second {
            (*at, *answers) = (second, 0);
        }
        *answers = answers.saturating_add(1);
        *answers <= ANSWERS_PER_SECOND
    }
}
