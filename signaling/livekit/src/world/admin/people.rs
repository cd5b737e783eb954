//! The people in the room: who they are, what they publish and receive, and that they go.

use livekit_protocol as proto;
use proto::signal_response::Message;
use room::{LeaveReason, TrackSid};

use super::{Fault, Reply};
use crate::world::{Now, World};

impl World {
    pub(super) fn everybody(&self) -> Result<Reply, Fault> {
        Ok(Reply::Participants(self.room.participants().map(|it| self.participant_info(it)).collect()))
    }

    pub(super) fn somebody(&self, identity: &str) -> Result<Reply, Fault> {
        let participant = self.room.by_identity(identity).ok_or(Fault::ParticipantMissing)?;
        Ok(Reply::Participant(Box::new(self.participant_info(participant))))
    }

    pub(super) fn claims(&self, identity: &str) -> Result<Reply, Fault> {
        let session = self.sessions.get(&self.named(identity)?).ok_or(Fault::ParticipantMissing)?;
        Ok(Reply::Claims(session.claims_json.clone()))
    }

    pub(super) fn remove(&mut self, identity: &str, now: Now) -> Result<Reply, Fault> {
        let sid = self.named(identity)?;
        self.room.leave(&sid, LeaveReason::Removed, now.monotonic);
        Ok(Reply::Done)
    }

    /// The client is told, too, so that it stops or begins to capture. It may give its track voice again by itself.
    pub(super) fn mute_remotely(&mut self, identity: &str, track: &TrackSid, muted: bool) -> Result<Reply, Fault> {
        let sid = self.named(identity)?;
        if !self.room.mute(&sid, track, muted) {
            return Err(Fault::TrackMissing);
        }
        self.tell(&sid, Message::Mute(proto::MuteTrackRequest { sid: track.to_string(), muted }));
        let publication = self.room.publication(track).ok_or(Fault::TrackMissing)?;
        let published = self.tracks.get(track).ok_or(Fault::TrackMissing)?;
        Ok(Reply::Track(Box::new(published.info(publication))))
    }

    pub(super) fn subscribe_remotely(
        &mut self,
        request: proto::UpdateSubscriptionsRequest,
        now: Now,
    ) -> Result<Reply, Fault> {
        let sid = self.named(&request.identity)?;
        let update = proto::UpdateSubscription {
            track_sids: request.track_sids,
            subscribe: request.subscribe,
            participant_tracks: request.participant_tracks,
        };
        self.update_subscription(&sid, &update, now);
        Ok(Reply::Done)
    }
}
