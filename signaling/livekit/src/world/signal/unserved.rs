//! Requests that this server does not serve: the client is told so and does not wait.

use livekit_protocol as proto;
use proto::request_response::{Reason, Request};
use room::ParticipantSid;

use crate::world::World;

/// What the client's user may read.
const NOT_SERVED: &str = "not supported by this server";

impl World {
    pub(super) fn publish_data_track(&mut self, sid: &ParticipantSid, request: proto::PublishDataTrackRequest) {
        let echo = Some(Request::PublishDataTrack(request));
        self.respond(sid, 0, Reason::UnsupportedType, NOT_SERVED, echo);
    }

    pub(super) fn unpublish_data_track(&mut self, sid: &ParticipantSid, request: proto::UnpublishDataTrackRequest) {
        self.respond(sid, 0, Reason::NotFound, NOT_SERVED, Some(Request::UnpublishDataTrack(request)));
    }

    pub(super) fn unsupported(&mut self, sid: &ParticipantSid, request_id: u32) {
        self.respond(sid, request_id, Reason::UnsupportedType, NOT_SERVED, None);
    }
}
