//! One room's whole world in LiveKit's dialect, pure and deterministic: the room, a session for each of its
//! participants, the wire's words in and out.
//!
//! Knows no socket, no runtime and no clock of its own.

use std::collections::VecDeque;
use std::time::Instant;

mod config;
mod input;
mod output;

pub use config::{MediaFacts, ServerFacts, WorldConfig};
pub use input::{ConnectionId, Input, Join, Mode, Now};
pub use output::{Counts, JoinRefusal, Output, Refresh, RoomEvent};

/// A room and everybody in it. Single owner; call [`World::handle`], then drain [`World::poll`].
#[derive(Debug)]
pub struct World {
    config: WorldConfig,
    outputs: VecDeque<Output>,
    over: bool,
}

impl World {
    /// Begins a room.
    pub fn new(config: WorldConfig, _now: Now) -> Self {
        Self { config, outputs: VecDeque::new(), over: false }
    }

    /// Takes one input; what comes of it waits in [`World::poll`].
    pub fn handle(&mut self, _now: Now, input: Input) {
        if let Input::Join(join) = input {
            tracing::trace!(room = self.config.room_name, "not yet");
            self.outputs.push_back(Output::Refused(join.connection, JoinRefusal::Closing));
        }
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Tick`] is due at the latest.
    pub fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Whether the room has ended and nothing will come any more.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Present sizes.
    pub fn counts(&self) -> Counts {
        Counts::default()
    }
}
