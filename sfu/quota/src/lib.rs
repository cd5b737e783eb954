//! How often a source is served: a table of fixed size, whatever comes.
//!
//! Knows no clock, no chance and no network. A place of the table says when its source will have paid for what it took
//! (the generic cell rate algorithm, ITU-T I.371 annex A), so that an empty place is a source that owes nothing and
//! nothing must ever be forgotten. Sources that share a place share its rate: who makes up a million addresses to fill
//! the table is limited like a few thousand sources, and others are at worst served as if they were one of them.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Places of a table: 32 KiB.
pub const PLACES: usize = 4096;
/// What a rate allows at once is as much as in so many seconds, when nothing else is said: a crowd that comes back
/// together, after a lost network, is no attack.
pub const BURST_S: u32 = 5;

/// How much a source may do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rate {
    /// In a second, in the long run; 0 is no limit.
    pub per_second: u32,
    /// At once, at least 1.
    pub burst: u32,
}

impl Rate {
    /// No limit.
    pub const NONE: Self = Self { per_second: 0, burst: 1 };

    /// So many in a second, and those of [`BURST_S`] seconds at once.
    pub fn of(per_second: u32) -> Self {
        Self { per_second, burst: per_second.saturating_mul(BURST_S).max(1) }
    }

    /// What one takes of a source's time, in nanoseconds.
    fn cost_ns(self) -> u64 {
        1_000_000_000_u64.checked_div(self.per_second.into()).unwrap_or(0)
    }
}

/// See the module.
#[derive(Debug)]
pub struct Quota {
    rate: Rate,
    seed: u64,
    /// When each place will have paid, in nanoseconds of the caller's clock.
    places: Box<[AtomicU64]>,
    refused: AtomicU64,
}

impl Quota {
    /// A table in which nobody owes anything. `seed` scatters the sources; who does not know it cannot choose with whom to
    /// share a place.
    pub fn new(rate: Rate, seed: u64) -> Self {
        let count = if rate.per_second == 0 { 0 } else { PLACES };
        Self { rate, seed, places: (0..count).map(|_| AtomicU64::new(0)).collect(), refused: AtomicU64::new(0) }
    }

    /// Takes one of what `who` may do. `now` is the time since any fixed instant.
    ///
    /// # Errors
    /// It is one too many: the time after which there is another.
    pub fn take(&self, who: impl Hash, now: Duration) -> Result<(), Duration> {
        let Some(place) = self.place(who) else { return Ok(()) };
        let (now, cost) = (ns(now), self.rate.cost_ns());
        let room = cost.saturating_mul(self.rate.burst.max(1).into());
        let after = |paid: u64| paid.max(now).saturating_add(cost);
        let fits = |paid: u64| after(paid) <= now.saturating_add(room);
        let order = Ordering::Relaxed;
        match place.fetch_update(order, order, |paid| fits(paid).then(|| after(paid))) {
            Ok(_) => Ok(()),
            Err(paid) => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Err(Duration::from_nanos(after(paid).saturating_sub(now.saturating_add(room))))
            }
        }
    }

    /// Whether `who` may do one more; takes nothing.
    pub fn has(&self, who: impl Hash, now: Duration) -> bool {
        let Some(place) = self.place(who) else { return true };
        let (now, cost) = (ns(now), self.rate.cost_ns());
        let after = place.load(Ordering::Relaxed).max(now).saturating_add(cost);
        after <= now.saturating_add(cost.saturating_mul(self.rate.burst.max(1).into()))
    }

    /// How often it was one too many.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    fn place(&self, who: impl Hash) -> Option<&AtomicU64> {
        let mut hasher = DefaultHasher::new();
        self.seed.hash(&mut hasher);
        who.hash(&mut hasher);
        let count = u64::try_from(self.places.len()).unwrap_or(u64::MAX);
        let index = hasher.finish().checked_rem(count)?;
        self.places.get(usize::try_from(index).ok()?)
    }
}

/// Whom an address stands for: a customer gets as many IPv6 addresses as the last 64 bits make.
pub fn home(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

fn ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::from_secs(1000);

    fn ms(ms: u64) -> Duration {
        START + Duration::from_millis(ms)
    }

    #[test]
    fn a_burst_and_then_the_rate() {
        let quota = Quota::new(Rate { per_second: 10, burst: 3 }, 7);
        assert_eq!([(); 4].map(|()| quota.take("ann", START).is_ok()), [true, true, true, false]);
        assert_eq!(quota.take("ann", START), Err(Duration::from_millis(100)));
        assert_eq!([ms(99), ms(100), ms(100)].map(|now| quota.take("ann", now).is_ok()), [false, true, false]);
        assert!((0..3).all(|_| quota.take("ann", ms(60_000)).is_ok()), "who rests has all again");
        assert!(!quota.has("ann", ms(60_000)) && quota.has("ann", ms(60_100)));
        assert_eq!(quota.refused(), 4);
    }

    #[test]
    fn others_are_not_concerned() {
        let quota = Quota::new(Rate { per_second: 1, burst: 1 }, 7);
        let refused = (0..40_u32).filter(|who| quota.take(who, START).is_err()).count();
        assert!(refused <= 2, "{refused} share a place");
        assert!(quota.take(1_u32, START).is_err());
    }

    #[test]
    fn a_million_sources_are_limited_like_the_places() {
        let quota = Quota::new(Rate { per_second: 1, burst: 1 }, 7);
        let served = (0..1_000_000_u32).filter(|who| quota.take(who, START).is_ok()).count();
        assert_eq!(served, PLACES);
        assert!(quota.take("late", ms(1000)).is_ok(), "and all is well a second later");
    }

    #[test]
    fn no_limit_takes_no_room() {
        let quota = Quota::new(Rate::of(0), 7);
        assert!((0..1000).all(|_| quota.take("ann", START).is_ok()) && quota.places.is_empty());
        assert_eq!(Rate::of(3), Rate { per_second: 3, burst: 15 });
    }

    #[test]
    fn a_customer_is_one_source() {
        let [one, two, other, v4, mapped] =
            ["2001:db8::1", "2001:db8::ffff:1", "2001:db8:0:1::1", "192.0.2.1", "::ffff:192.0.2.1"]
                .map(|text| home(text.parse().unwrap()));
        assert!(one == two && one != other && v4 == mapped && v4.is_ipv4());
    }
}
