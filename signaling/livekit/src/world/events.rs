//! What the outside is told of the room, and when the room is live: while anybody publishes anything that others see,
//! whatever its source. A short gap, as when a camera is changed or an encoder reconnects, is no end.

use std::collections::BTreeSet;
use std::time::Duration;

use super::alarm::Alarm;
use super::{Now, Output, RoomEvent, World};

/// A room without any track for so long is no longer live.
pub(super) const LIVE_GRACE: Duration = Duration::from_secs(5);

/// Whether the room is live.
#[derive(Debug, Default)]
pub(super) struct Live {
    on: bool,
    /// The tracks that others see.
    tracks: BTreeSet<String>,
}

impl World {
    /// Notes an event, and what follows from it for the room being live.
    pub(super) fn event(&mut self, event: RoomEvent) {
        let started = match &event {
            RoomEvent::TrackPublished(room, who, track) => {
                self.live.tracks.insert(track.sid.clone());
                (!self.live.on).then(|| RoomEvent::LiveStarted(room.clone(), who.clone()))
            }
            RoomEvent::TrackUnpublished(_, _, track) => {
                self.live.tracks.remove(&track.sid);
                None
            }
            RoomEvent::RoomFinished(..) => {
                self.end_live();
                None
            }
            _ => None,
        };
        self.outputs.push_back(Output::Event(event));
        if let Some(started) = started {
            self.live.on = true;
            self.outputs.push_back(Output::Event(started));
        }
    }

    /// Gives a live room without tracks some time, and takes the time back when there is a track again.
    pub(super) fn flush_live(&mut self, now: Now) {
        if !self.live.tracks.is_empty() {
            self.alarms.clear(&Alarm::LiveEnd);
        } else if self.live.on && !self.room.is_finished() {
            self.alarms.set_once(now.monotonic + LIVE_GRACE, Alarm::LiveEnd);
        }
    }

    /// The room is live no longer.
    pub(super) fn end_live(&mut self) {
        if std::mem::take(&mut self.live.on) {
            let room = Box::new(self.room_info());
            self.outputs.push_back(Output::Event(RoomEvent::LiveEnded(room)));
        }
    }
}
