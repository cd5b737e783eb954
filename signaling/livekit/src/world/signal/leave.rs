//! `leave` and `simulate`: ends that a client asks for.

use livekit_protocol as proto;
use proto::DisconnectReason;
use proto::simulate_scenario::Scenario;
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

    /// Test hooks of clients: those that end the session.
    pub(super) fn simulate(&mut self, sid: &ParticipantSid, request: &proto::SimulateScenario, now: Now) {
        let reason = match request.scenario {
            Some(Scenario::NodeFailure(true) | Scenario::Migration(true)) => LeaveReason::SignalClosed,
            Some(Scenario::ServerLeave(true)) => LeaveReason::Removed,
            Some(Scenario::LeaveRequestFullReconnect(true)) => LeaveReason::StateMismatch,
            _ => return,
        };
        self.room.leave(sid, reason, now.monotonic);
    }
}
