//! Deadlines by key. One structure per shard: whoever has nothing due is never looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// The next deadline of every key that has one.
#[derive(Debug)]
pub(crate) struct Timers<K> {
    order: BTreeSet<(Instant, K)>,
    by_key: BTreeMap<K, Instant>,
}

impl<K: Ord + Copy> Timers<K> {
    pub(crate) fn new() -> Self {
        Self { order: BTreeSet::new(), by_key: BTreeMap::new() }
    }

    /// Sets the deadline of `key`, or removes it.
    pub(crate) fn set(&mut self, key: K, at: Option<Instant>) {
        if self.by_key.get(&key).copied() == at {
            return;
        }
        if let Some(old) = self.by_key.remove(&key) {
            self.order.remove(&(old, key));
        }
        if let Some(at) = at {
            self.by_key.insert(key, at);
            self.order.insert((at, key));
        }
    }

    /// Makes the deadline of `key` no later than `at`.
    pub(crate) fn hasten(&mut self, key: K, at: Instant) {
        if self.by_key.get(&key).is_none_or(|&old| at < old) {
            self.set(key, Some(at));
        }
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.order.first().map(|&(at, _)| at)
    }

    /// Takes one key that is due, if any.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<K> {
        let &(at, key) = self.order.first()?;
        if at > now {
            return None;
        }
        self.set(key, None);
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
}
