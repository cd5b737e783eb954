//! Requests that this server does not serve: the client is told so and does not wait.

use livekit_protocol as proto;
use proto::request_response::Reason;
use room::ParticipantSid;

use crate::world::World;

/// What the client's user may read.
const NOT_SERVED: &str = "not supported by this server";

impl World {
    pub(super) fn unsupported(&mut self, sid: &ParticipantSid, request_id: u32) {
        self.respond(sid, request_id, Reason::UnsupportedType, NOT_SERVED, None);
    }
}
