//! Which sequence numbers of one stream arrived: order, gaps, repetitions.

use std::time::{Duration, Instant};

/// Numbers behind the newest that are told apart.
const WINDOW: u64 = 1024;
/// Gaps remembered for asking again; what is beyond is not asked for.
const MISSING_MAX: usize = 512;
/// A missing number is asked for so long after its gap showed, since it may only be late.
const FIRST_ASK: Duration = Duration::from_millis(10);
/// Between two requests for one number.
const ASK_INTERVAL: Duration = Duration::from_millis(100);
/// So many requests for one number.
const ASKS_MAX: u8 = 10;

/// What became known of one number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Arrived {
    /// The newest so far.
    Newest,
    /// It fills a gap.
    Late,
    /// It was there before.
    Again,
    /// Too old to tell.
    Old,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    seq: u64,
    ask: Instant,
    asks: u8,
}

/// See the module. Numbers are extended by their wraps.
#[derive(Debug, Default)]
pub struct Ledger {
    first: Option<u64>,
    newest: u64,
    bits: [u64; (WINDOW / 64) as usize],
    unique: u64,
    missing: Vec<Missing>,
}

impl Ledger {
    /// Notes a number and gives it extended.
    #[inline]
    pub fn note(&mut self, now: Instant, seq: u16) -> (u64, Arrived) {
        let Some(first) = self.first else {
            // One wrap ahead, so that what came before the first has a place.
            let extended = u64::from(seq) + (1 << 16);
            (self.first, self.newest) = (Some(extended), extended);
            self.set(extended);
            return (extended, Arrived::Newest);
        };
        let distance = seq.wrapping_sub((self.newest & 0xffff) as u16).cast_signed();
        let extended = self.newest.saturating_add_signed(i64::from(distance));
        if distance == 1 {
            self.newest = extended;
            self.set(extended);
            return (extended, Arrived::Newest);
        }
        if distance > 1 {
            self.jump(now, extended);
            return (extended, Arrived::Newest);
        }
        if self.newest - extended >= WINDOW {
            return (extended, Arrived::Old);
        }
        if self.has(extended) {
            return (extended, Arrived::Again);
        }
        self.first = Some(first.min(extended));
        self.missing.retain(|it| it.seq != extended);
        self.set(extended);
        (extended, Arrived::Late)
    }

    fn jump(&mut self, now: Instant, to: u64) {
        let from = (self.newest + 1).max((to + 1).saturating_sub(WINDOW));
        for seq in from..to {
            self.clear(seq);
        }
        let room = MISSING_MAX.saturating_sub(self.missing.len());
        let gap = from..to;
        self.missing.extend(gap.take(room).map(|seq| Missing { seq, ask: now + FIRST_ASK, asks: 0 }));
        self.newest = to;
        self.set(to);
    }

    fn set(&mut self, seq: u64) {
        self.bits[((seq % WINDOW) / 64) as usize] |= 1 << (seq % 64);
        self.unique += 1;
    }

    fn clear(&mut self, seq: u64) {
        self.bits[((seq % WINDOW) / 64) as usize] &= !(1 << (seq % 64));
    }

    fn has(&self, seq: u64) -> bool {
        self.bits[((seq % WINDOW) / 64) as usize] & (1 << (seq % 64)) != 0
    }

    /// Different numbers that arrived.
    pub fn unique(&self) -> u64 {
        self.unique
    }

    /// Numbers between the first and the newest, both included.
    pub fn expected(&self) -> u64 {
        self.first.map_or(0, |first| self.newest + 1 - first)
    }

    /// Numbers that never arrived.
    pub fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.unique)
    }

    /// The newest number with its wraps, as reports have it (RFC 3550 section 6.4.1); `None` before the first.
    pub fn highest(&self) -> Option<u32> {
        // The low 32 bits are what the field holds.
        self.first.map(|_| (self.newest.wrapping_sub(1 << 16) & 0xffff_ffff) as u32)
    }

    /// Whether anything is to be asked for, at once or later.
    #[inline]
    pub fn is_missing_any(&self) -> bool {
        !self.missing.is_empty()
    }

    /// When [`Ledger::wanted`] has something to ask for.
    pub fn deadline(&self) -> Option<Instant> {
        self.missing.iter().map(|it| it.ask).min()
    }

    /// Puts the numbers to ask for at `now` into `wanted`.
    pub fn wanted(&mut self, now: Instant, wanted: &mut Vec<u16>) {
        let oldest = (self.newest + 1).saturating_sub(WINDOW);
        self.missing.retain(|it| it.asks < ASKS_MAX && it.seq >= oldest);
        for it in self.missing.iter_mut().filter(|it| it.ask <= now) {
            (it.ask, it.asks) = (now + ASK_INTERVAL, it.asks + 1);
            wanted.push((it.seq & 0xffff) as u16);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tells_what_each_number_is() {
        let (now, mut ledger) = (Instant::now(), Ledger::default());
        let table = [
            (65_534, Arrived::Newest),
            (65_535, Arrived::Newest),
            (1, Arrived::Newest),
            (65_535, Arrived::Again),
            (0, Arrived::Late),
            (0, Arrived::Again),
            (65_533, Arrived::Late),
            (2_000, Arrived::Newest),
            (1, Arrived::Old),
        ];
        for (seq, expected) in table {
            assert_eq!(ledger.note(now, seq).1, expected, "{seq}");
        }
        assert_eq!((ledger.unique(), ledger.expected(), ledger.lost()), (6, 2_004, 1_998));
        assert_eq!(ledger.highest(), Some(65_536 + 2_000));
    }

    #[test]
    fn asks_for_gaps_until_they_are_filled_or_hopeless() {
        let (now, mut ledger) = (Instant::now(), Ledger::default());
        let ask = |ledger: &mut Ledger, at: Duration| {
            let mut wanted = Vec::new();
            ledger.wanted(now + at, &mut wanted);
            wanted
        };
        ledger.note(now, 10);
        ledger.note(now, 14);
        assert_eq!(ask(&mut ledger, Duration::ZERO), [0; 0]);
        assert_eq!(ledger.deadline(), Some(now + FIRST_ASK));
        assert_eq!(ask(&mut ledger, FIRST_ASK), [11, 12, 13]);
        assert_eq!(ask(&mut ledger, FIRST_ASK), [0; 0]);
        ledger.note(now, 12);
        assert_eq!(ask(&mut ledger, FIRST_ASK + ASK_INTERVAL), [11, 13]);
        for _ in 0..20 {
            ask(&mut ledger, Duration::from_secs(9));
        }
        let mut at = Duration::from_secs(10);
        while !ask(&mut ledger, at).is_empty() {
            at += ASK_INTERVAL;
        }
        assert!(at < Duration::from_secs(12));
        ledger.note(now, 2_000);
        assert!(ask(&mut ledger, Duration::from_secs(20)).len() <= MISSING_MAX);
    }

    proptest! {
        #[test]
        fn agrees_with_a_set(start: u16, steps in prop::collection::vec(-300_i64..300, 1..600)) {
            let (now, mut ledger) = (Instant::now(), Ledger::default());
            let mut at = (1 << 16) + i64::from(start) + (1 << 20);
            let mut set = BTreeSet::new();
            for step in steps {
                at += step;
                let newest = set.last().copied().unwrap_or(at);
                let expected = match () {
                    () if at > newest || set.is_empty() => Arrived::Newest,
                    () if newest - at >= WINDOW as i64 => Arrived::Old,
                    () if set.contains(&at) => Arrived::Again,
                    () => Arrived::Late,
                };
                prop_assert_eq!(ledger.note(now, (at & 0xffff) as u16).1, expected);
                if expected != Arrived::Old {
                    set.insert(at);
                }
                prop_assert_eq!(ledger.unique(), set.len() as u64);
                prop_assert_eq!(ledger.expected(), (set.last().unwrap() - set.first().unwrap() + 1) as u64);
            }
        }
    }
}
