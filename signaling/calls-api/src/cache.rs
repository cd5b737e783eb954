//! The calls in memory, each behind a lock of its own that is held across its change and the commit.
//!
//! A call is read from the store when it is first asked for. When there are many, those that nobody uses and nobody is in
//! are forgotten, the longest unused first.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use calls::CallId;
use tokio::sync::{Mutex as Cell, OwnedMutexGuard};

use crate::entry::Entry;

/// Calls in memory; as many as there may be rooms. Those with participants stay beyond it.
pub(crate) const CALLS_MAX: usize = 10_000;
/// How many are forgotten at a time, so that the search for them pays.
const FORGOTTEN: usize = CALLS_MAX / 10;

/// A call while somebody holds it; `None` before it is read, and when there is none.
pub(crate) type Held = OwnedMutexGuard<Option<Entry>>;

/// All calls in memory.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Slots>);

#[derive(Debug, Default)]
struct Slots {
    slots: BTreeMap<CallId, Slot>,
    uses: u64,
}

#[derive(Debug)]
struct Slot {
    cell: Arc<Cell<Option<Entry>>>,
    used: u64,
}

impl Cache {
    /// Waits for a call's lock.
    pub(crate) async fn hold(&self, id: &CallId) -> Held {
        let cell = {
            let mut slots = self.slots();
            slots.uses += 1;
            let used = slots.uses;
            if slots.slots.len() >= CALLS_MAX && !slots.slots.contains_key(id) {
                slots.forget();
            }
            let slot = slots.slots.entry(id.clone()).or_insert_with(|| Slot { cell: Arc::default(), used });
            slot.used = used;
            Arc::clone(&slot.cell)
        };
        cell.lock_owned().await
    }

    /// The calls that are in memory.
    pub(crate) fn ids(&self) -> Vec<CallId> {
        self.slots().slots.keys().cloned().collect()
    }

    /// How many are in memory.
    pub(crate) fn len(&self) -> usize {
        self.slots().slots.len()
    }

    fn slots(&self) -> MutexGuard<'_, Slots> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slots {
    fn forget(&mut self) {
        let idle = |slot: &Slot| {
            let alone = Arc::strong_count(&slot.cell) == 1;
            alone && slot.cell.try_lock().is_ok_and(|entry| entry.as_ref().is_none_or(Entry::is_idle))
        };
        let idle = self.slots.iter().filter(|(_, slot)| idle(slot));
        let mut idle: Vec<(u64, CallId)> = idle.map(|(id, slot)| (slot.used, id.clone())).collect();
        idle.sort_unstable();
        for (_, id) in idle.into_iter().take(FORGOTTEN) {
            self.slots.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_longest_unused_go_first_and_held_ones_stay() {
        let cache = Cache::default();
        let id = |index: usize| CallId::new("default", &index.to_string()).unwrap();
        let held = cache.hold(&id(0)).await;
        for index in 1..=CALLS_MAX {
            drop(cache.hold(&id(index)).await);
        }
        let ids = cache.ids();
        assert_eq!(cache.len(), CALLS_MAX - FORGOTTEN + 1);
        assert!(ids.contains(&id(0)) && !ids.contains(&id(1)) && ids.contains(&id(CALLS_MAX)));
        drop(held);
    }
}
