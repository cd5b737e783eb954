//! `leave`: the end that a client asks for.

use livekit_protocol as proto;
use proto::DisconnectReason;
use room::{LeaveReason, ParticipantSid};

use crate::world::{Now, World};

impl World {
    /// The client goes.
    pub(super) fn client_leaves(&mut self, sid: &ParticipantSid, request: &proto::LeaveRequest, now: Now) {
        let reason = match DisconnectReason::try_from(request.reason) {
            Ok(DisconnectReason::UserUnavailable) => LeaveReason::UserUnavailable,
            Ok(DisconnectReason::UserRejected) => LeaveReason::UserRejected,
            Ok(DisconnectReason::AgentError) => LeaveReason::AgentError,
            _ => LeaveReason::ClientInitiated,
        };
        self.room.leave(sid, reason, now.monotonic);
    }
}
