//! `update_metadata`: what a participant says of itself.

use livekit_protocol as proto;
use proto::request_response::{Reason, Request};
use room::{ParticipantSid, ProfileError};

use crate::world::{Now, World};

impl World {
    /// Name, metadata and attributes; always answered.
    pub(super) fn update_metadata(
        &mut self,
        sid: &ParticipantSid,
        request: proto::UpdateParticipantMetadata,
        now: Now,
    ) {
        let attributes = request.attributes.clone().into_iter().collect();
        let result = self.room.update_profile(sid, &request.name, &request.metadata, &attributes);
        let id = request.request_id;
        let echo = Some(Request::UpdateMetadata(request));
        match result {
            Ok(()) => {
                self.respond(sid, id, Reason::Ok, "", echo);
                self.refresh_token(sid, now);
            }
            Err(error) => self.respond(sid, id, reason(error), &error.to_string(), echo),
        }
    }
}

fn reason(error: ProfileError) -> Reason {
    match error {
        ProfileError::NotThere => Reason::NotFound,
        ProfileError::NotAllowed => Reason::NotAllowed,
        ProfileError::NameTooLong | ProfileError::MetadataTooLong | ProfileError::AttributesTooLong => {
            Reason::LimitExceeded
        }
    }
}
