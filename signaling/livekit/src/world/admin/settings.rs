//! The room itself: its beginning, its settings, its end.

use std::time::Duration;

use room::LeaveReason;

use super::{Fault, Reply};
use crate::world::{RoomEvent, World};

/// What of a room's settings is to be different.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RoomChange {
    /// How long it waits for its first participant.
    pub empty_timeout: Option<Duration>,
    /// How long it stays after its last one left.
    pub departure_timeout: Option<Duration>,
    /// How many may be there; 0 is without limit.
    pub max_participants: Option<u32>,
    /// What everybody may read.
    pub metadata: Option<String>,
    /// How long viewers who subscribe from here on hold pictures, at least and at most, in milliseconds.
    pub playout_delay_ms: Option<(u32, u32)>,
}

impl World {
    /// The room is there for everybody to know, from its first participant or its administrator's word on.
    pub(in crate::world) fn begin(&mut self) {
        if !std::mem::replace(&mut self.started, true) {
            self.event(RoomEvent::RoomStarted(Box::new(self.room_info())));
        }
    }

    pub(super) fn open(&mut self) -> Result<Reply, Fault> {
        self.begin();
        self.describe()
    }

    pub(super) fn describe(&self) -> Result<Reply, Fault> {
        Ok(Reply::Room(Box::new(self.room_info())))
    }

    pub(super) fn configure(&mut self, change: RoomChange) -> Result<Reply, Fault> {
        self.check_metadata(change.metadata.as_deref().unwrap_or_default())?;
        let before = self.room_info();
        let config = &mut self.config;
        config.empty_timeout = change.empty_timeout.unwrap_or(config.empty_timeout);
        config.departure_timeout = change.departure_timeout.unwrap_or(config.departure_timeout);
        config.max_participants = change.max_participants.unwrap_or(config.max_participants);
        config.room_metadata = change.metadata.unwrap_or_else(|| std::mem::take(&mut config.room_metadata));
        config.playout_delay_ms = change.playout_delay_ms.or(config.playout_delay_ms);
        self.room.set_timeouts(config.empty_timeout, config.departure_timeout);
        self.room.set_participants_max(config.max_participants);
        if self.room_info() != before {
            self.broadcast_room();
        }
        self.open()
    }

    pub(super) fn set_metadata(&mut self, metadata: String) -> Result<Reply, Fault> {
        self.check_metadata(&metadata)?;
        self.config.room_metadata = metadata;
        self.broadcast_room();
        self.open()
    }

    pub(super) fn close(&mut self) -> Result<Reply, Fault> {
        self.room.close(LeaveReason::RoomDeleted);
        Ok(Reply::Done)
    }

    fn check_metadata(&self, metadata: &str) -> Result<(), Fault> {
        let max = self.room.limits().metadata_bytes_max;
        if metadata.len() > max { Err(Fault::MetadataTooLong(max)) } else { Ok(()) }
    }
}
