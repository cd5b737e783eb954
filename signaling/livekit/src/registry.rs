//! Which rooms there are, by name and by serial. Plain data; the lobby puts a lock around it.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use crate::error::JoinError;
use crate::room_task::RoomInput;
use crate::view::Usage;

/// How to reach one room's task.
#[derive(Clone, Debug)]
pub(crate) struct RoomHandle {
    /// The high half of all its keys' serials.
    pub(crate) serial: u32,
    /// From clients; a full queue makes them wait.
    pub(crate) inputs: mpsc::Sender<RoomInput>,
    /// From the media house; a full queue drops.
    pub(crate) notices: mpsc::Sender<door::Notice>,
    /// Participants at the end of the room's last turn.
    pub(crate) participants: Arc<AtomicUsize>,
    /// What it used.
    pub(crate) usage: Arc<Mutex<Usage>>,
}

/// All rooms of the node.
#[derive(Debug)]
pub(crate) struct Registry {
    by_name: BTreeMap<String, RoomHandle>,
    by_serial: BTreeMap<u32, RoomHandle>,
    serial_next: u32,
    open: bool,
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self { by_name: BTreeMap::new(), by_serial: BTreeMap::new(), serial_next: 1, open: true }
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<&RoomHandle> {
        self.by_name.get(name)
    }

    pub(crate) fn by_serial(&self, serial: u32) -> Option<&RoomHandle> {
        self.by_serial.get(&serial)
    }

    /// All rooms with their names.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&String, &RoomHandle)> {
        self.by_name.iter()
    }

    pub(crate) fn len(&self) -> usize {
        self.by_serial.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &RoomHandle> {
        self.by_serial.values()
    }

    /// Lets no more rooms in.
    pub(crate) fn close(&mut self) {
        self.open = false;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// A serial for a new room, never given before.
    ///
    /// # Errors
    /// The node closes, has `rooms_max` rooms, or has used up all serials.
    pub(crate) fn allot(&mut self, rooms_max: usize) -> Result<u32, JoinError> {
        if !self.open {
            return Err(JoinError::NodeClosing);
        }
        if self.len() >= rooms_max {
            return Err(JoinError::NodeFull);
        }
        let serial = self.serial_next;
        self.serial_next = serial.checked_add(1).ok_or(JoinError::NodeFull)?;
        Ok(serial)
    }

    pub(crate) fn insert(&mut self, name: String, room: RoomHandle) {
        self.by_serial.insert(room.serial, room.clone());
        self.by_name.insert(name, room);
    }

    /// Forgets a room; a newer room of the same name stays.
    pub(crate) fn remove(&mut self, name: &str, serial: u32) {
        self.by_serial.remove(&serial);
        if self.by_name.get(name).is_some_and(|room| room.serial == serial) {
            self.by_name.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handle(serial: u32) -> RoomHandle {
        let (inputs, _) = mpsc::channel(1);
        let (notices, _) = mpsc::channel(1);
        RoomHandle { serial, inputs, notices, participants: Arc::default(), usage: Arc::default() }
    }

    #[test]
    fn an_old_room_does_not_take_the_new_one_with_it() {
        let mut registry = Registry::new();
        registry.insert("demo".into(), handle(1));
        registry.insert("demo".into(), handle(2));
        registry.remove("demo", 1);
        assert_eq!(registry.by_name("demo").unwrap().serial, 2);
        assert_eq!(registry.len(), 1);
    }

    #[test]
    fn rooms_are_limited_and_serials_fresh() {
        let mut registry = Registry::new();
        let first = registry.allot(1).unwrap();
        registry.insert("a".into(), handle(first));
        assert_eq!(registry.allot(1), Err(JoinError::NodeFull));
        registry.remove("a", first);
        assert_ne!(registry.allot(1).unwrap(), first);
        registry.close();
        assert_eq!(registry.allot(1), Err(JoinError::NodeClosing));
        registry.serial_next = u32::MAX;
        registry.open = true;
        assert_eq!(registry.allot(1), Err(JoinError::NodeFull));
    }
}
