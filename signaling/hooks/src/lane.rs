//! What waits for one URL: pure, the time is an argument.
//!
//! Events of one room go one after another, each when the one before is done with; rooms do not wait for each other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use store::tables::Spooled;

use crate::backoff;

/// Events that wait for one URL; beyond, the oldest that is not being sent is dropped.
pub(crate) const EVENTS_MAX: usize = 10_000;
/// Their bodies in bytes; beyond, the same.
pub(crate) const BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Deliveries to one URL at a time.
pub(crate) const FLYING_MAX: usize = 16;
/// An event older than this is dropped: its receiver was away for a day.
pub(crate) const AGE_MAX: Duration = Duration::from_secs(24 * 3600);
/// Tries of an event that its receiver refuses (status 3xx or 4xx): two to three minutes, long enough for a receiver's
/// restart, short enough that one event it cannot read does not hold its room up for a day.
pub(crate) const REFUSALS_MAX: u32 = 8;

/// How a try ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// The receiver said yes.
    Delivered,
    /// The receiver could not be reached or has trouble (5xx, 429); it may want to be left alone for a while.
    Failed(Option<Duration>),
    /// The receiver does not want it (3xx, 4xx).
    Refused,
}

/// Why an event is dropped.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Loss {
    /// Too old.
    Expired,
    /// Refused too often.
    Refused,
    /// Too much waits.
    Overflow,
}

/// What waits for one URL.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    rooms: BTreeMap<String, Room>,
    /// Rooms of which nothing is being sent, by the time of their next try and the age of their first event.
    due: BTreeSet<(Instant, u64, String)>,
    /// All events by age, with their room.
    ages: BTreeMap<u64, String>,
    bodies_bytes: usize,
    flying: usize,
}

#[derive(Debug)]
struct Room {
    events: VecDeque<Spooled>,
    failures: u32,
    refusals: u32,
    /// When the first event's next try is due; `None` while it is being sent.
    due: Option<Instant>,
}

impl Lane {
    /// How many events wait or are being sent.
    pub(crate) fn len(&self) -> usize {
        self.ages.len()
    }

    /// How many are being sent.
    pub(crate) fn flying(&self) -> usize {
        self.flying
    }

    /// Takes an event with an id above all before; answers those that fall out for it.
    pub(crate) fn push(&mut self, event: Spooled, now: Instant) -> Vec<u64> {
        self.ages.insert(event.id, event.room.clone());
        self.bodies_bytes += event.body.len();
        let (id, name) = (event.id, event.room.clone());
        let room = self.rooms.entry(name.clone()).or_insert_with(|| Room {
            events: VecDeque::new(),
            failures: 0,
            refusals: 0,
            due: Some(now),
        });
        if room.events.is_empty() {
            self.due.insert((now, id, name));
        }
        room.events.push_back(event);
        self.make_room()
    }

    /// The next event to send, if one is due and not too many are being sent; and those that have become too old.
    pub(crate) fn next(&mut self, now: Instant, unix_ms: u64) -> (Option<Spooled>, Vec<u64>) {
        let mut expired = Vec::new();
        while self.flying < FLYING_MAX {
            let Some((due, id, name)) = self.due.first().filter(|(due, ..)| *due <= now).cloned() else { break };
            let Some(event) = self.rooms.get(&name).and_then(|room| room.events.front()).cloned() else { break };
            if is_old(&event, unix_ms) {
                self.remove(id);
                expired.push(id);
                continue;
            }
            self.due.remove(&(due, id, name.clone()));
            if let Some(room) = self.rooms.get_mut(&name) {
                room.due = None;
            }
            self.flying += 1;
            return (Some(event), expired);
        }
        (None, expired)
    }

    /// An event that [`Lane::next`] gave has been tried; tells why it is dropped, if it is.
    pub(crate) fn tried(&mut self, id: u64, outcome: Outcome, now: Instant) -> Option<Loss> {
        self.flying = self.flying.saturating_sub(1);
        let name = self.ages.get(&id)?.clone();
        let room = self.rooms.get_mut(&name)?;
        let asked = match outcome {
            Outcome::Delivered => {
                self.remove_first(&name, now);
                return None;
            }
            Outcome::Failed(asked) => asked,
            Outcome::Refused => {
                room.refusals += 1;
                if room.refusals >= REFUSALS_MAX {
                    self.remove_first(&name, now);
                    return Some(Loss::Refused);
                }
                None
            }
        };
        room.failures = room.failures.saturating_add(1);
        let due = now + backoff::wait(room.failures, asked, id);
        room.due = Some(due);
        self.due.insert((due, id, name));
        None
    }

    /// When [`Lane::next`] may have something, unless an outcome comes before.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due.first().filter(|_| self.flying < FLYING_MAX).map(|(due, ..)| *due)
    }

    /// Drops the oldest until no more waits than may.
    fn make_room(&mut self) -> Vec<u64> {
        let mut dropped = Vec::new();
        while self.ages.len() > EVENTS_MAX || self.bodies_bytes > BODIES_BYTES_MAX {
            let waits = |(id, name): &(&u64, &String)| !self.is_flying(**id, name);
            let Some(id) = self.ages.iter().find(waits).map(|(id, _)| *id) else { break };
            self.remove(id);
            dropped.push(id);
        }
        dropped
    }

    fn is_flying(&self, id: u64, name: &str) -> bool {
        let room = self.rooms.get(name);
        room.is_some_and(|room| room.due.is_none() && room.events.front().is_some_and(|first| first.id == id))
    }

    /// The first event of a room is done with: the next is due at once.
    fn remove_first(&mut self, name: &str, now: Instant) {
        let Some(room) = self.rooms.get_mut(name) else { return };
        if let Some(event) = room.events.pop_front() {
            self.ages.remove(&event.id);
            self.bodies_bytes -= event.body.len();
        }
        (room.failures, room.refusals, room.due) = (0, 0, Some(now));
        match room.events.front() {
            Some(next) => _ = self.due.insert((now, next.id, name.to_owned())),
            None => _ = self.rooms.remove(name),
        }
    }

    /// Removes an event that is not being sent. Its successor inherits its turn.
    fn remove(&mut self, id: u64) {
        let Some(name) = self.ages.remove(&id) else { return };
        let Some(room) = self.rooms.get_mut(&name) else { return };
        let Some(at) = room.events.iter().position(|event| event.id == id) else { return };
        let gone = room.events.remove(at);
        self.bodies_bytes -= gone.map_or(0, |event| event.body.len());
        let Some(due) = room.due.filter(|_| at == 0) else { return };
        self.due.remove(&(due, id, name.clone()));
        match room.events.front() {
            Some(next) => _ = self.due.insert((due, next.id, name)),
            None => _ = self.rooms.remove(&name),
        }
    }
}

fn is_old(event: &Spooled, unix_ms: u64) -> bool {
    u128::from(unix_ms.saturating_sub(event.created_ms)) > AGE_MAX.as_millis()
}

#[cfg(test)]
mod tests;
