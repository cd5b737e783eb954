//! Deadlines by key. One structure per shard: whoever has nothing due is never looked at.
//!
//! A heap of entries that are not taken out when a deadline moves: an entry whose time is no longer its key's is dropped
//! or put back when it comes to the top. In the steady state nothing is allocated.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::time::Instant;

/// The next deadline of every key that has one.
#[derive(Debug)]
pub(crate) struct Timers<K> {
    /// Its first entry is always exact.
    queue: BinaryHeap<Reverse<(Instant, K)>>,
    by_key: HashMap<K, Deadline, BuildHasherDefault<Mixer>>,
}

/// Hashes keys that the shard numbers itself: nobody can choose them to collide, and they are looked up for every packet.
#[derive(Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64((*byte).into()));
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(value.into());
    }

    fn write_u16(&mut self, value: u16) {
        self.write_u64(value.into());
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(value.into());
    }

    fn write_u64(&mut self, value: u64) {
        // The odd number nearest to 2^64 over the golden ratio spreads what lies close together.
        self.0 = (self.0.rotate_left(23) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.write_u64(value as u64);
    }

    fn finish(&self) -> u64 {
        // The table takes its places from the low bits, which a product mixes least.
        self.0 ^ (self.0 >> 32)
    }
}

#[derive(Clone, Copy, Debug)]
struct Deadline {
    /// When the key is due; `None` while only old entries of it are left.
    at: Option<Instant>,
    /// Its earliest entry in the queue.
    queued: Instant,
}

impl<K: Ord + Hash + Copy> Timers<K> {
    pub(crate) fn new() -> Self {
        Self { queue: BinaryHeap::new(), by_key: HashMap::default() }
    }

    /// Sets the deadline of `key`, or removes it.
    pub(crate) fn set(&mut self, key: K, at: Option<Instant>) {
        match self.by_key.get_mut(&key) {
            Some(deadline) if deadline.at == at => return,
            Some(deadline) => {
                deadline.at = at;
                if let Some(at) = at.filter(|at| *at < deadline.queued) {
                    deadline.queued = at;
                    self.queue.push(Reverse((at, key)));
                }
            }
            None => {
                let Some(queued) = at else { return };
                self.by_key.insert(key, Deadline { at, queued });
                self.queue.push(Reverse((queued, key)));
            }
        }
        self.tidy();
    }

    /// Makes the deadline of `key` no later than `at`.
    pub(crate) fn hasten(&mut self, key: K, at: Instant) {
        if self.by_key.get(&key).and_then(|deadline| deadline.at).is_none_or(|old| at < old) {
            self.set(key, Some(at));
        }
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes one key that is due, if any.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<K> {
        let &Reverse((at, key)) = self.queue.peek()?;
        if at > now {
            return None;
        }
        self.set(key, None);
        Some(key)
    }

    /// Makes the first entry exact.
    fn tidy(&mut self) {
        while let Some(&Reverse((at, key))) = self.queue.peek() {
            let Some(deadline) = self.by_key.get_mut(&key) else {
                self.queue.pop();
                continue;
            };
            if deadline.at == Some(at) {
                return;
            }
            self.queue.pop();
            if deadline.queued != at {
                continue;
            }
            match deadline.at {
                Some(later) => {
                    deadline.queued = later;
                    self.queue.push(Reverse((later, key)));
                }
                None => {
                    self.by_key.remove(&key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pops_in_order_and_only_what_is_due() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::new();
        timers.set('b', Some(at(20)));
        timers.set('a', Some(at(10)));
        timers.set('c', Some(at(30)));
        timers.set('c', None);
        timers.hasten('b', at(5));
        timers.hasten('b', at(50));
        assert_eq!(timers.next(), Some(at(5)));
        assert_eq!(timers.pop_due(at(10)), Some('b'));
        assert_eq!(timers.pop_due(at(10)), Some('a'));
        assert_eq!(timers.pop_due(at(100)), None);
        assert_eq!(timers.next(), None);
    }

    proptest! {
        #[test]
        fn agrees_with_a_map(steps in prop::collection::vec((0_u8..6, prop::option::of(0_u64..50)), 1..300)) {
            let start = Instant::now();
            let at = |ms| start + Duration::from_millis(ms);
            let (mut timers, mut map) = (Timers::new(), BTreeMap::new());
            for (key, ms) in steps {
                match (key, ms) {
                    (5, Some(ms)) => {
                        let due = map.iter().map(|(&key, &at)| (at, key)).min().filter(|(due, _)| *due <= at(ms));
                        prop_assert_eq!(timers.pop_due(at(ms)), due.map(|(_, key)| key));
                        if let Some((_, key)) = due {
                            map.remove(&key);
                        }
                    }
                    (key, Some(ms)) => {
                        map.insert(key, at(ms));
                        timers.set(key, Some(at(ms)));
                    }
                    (key, None) => {
                        map.remove(&key);
                        timers.set(key, None);
                    }
                }
                prop_assert_eq!(timers.next(), map.values().min().copied());
            }
            prop_assert!(timers.queue.len() < 300);
        }
    }
}
