//! What a subscriber's link does to its videos: which matter most, and which pause because not even their lowest
//! layer fits.

use door::{Command, DownKey, Kind, PeerKey, Weight};
use livekit_protocol as proto;
use proto::StreamState;
use proto::signal_response::Message;
use room::{ParticipantSid, Publication, Settings, Source, TrackSid};

use super::World;

impl World {
    /// A video of `peer` was paused, or resumed, for want of bandwidth: its player says so.
    pub(super) fn video_paused(&mut self, peer: PeerKey, down: DownKey, paused: bool) {
        let Some(sid) = self.peers.get(&peer).cloned() else { return };
        let Some(session) = self.sessions.get(&sid) else { return };
        let Some((track, place)) = session.downs.iter().find(|(_, it)| it.place.key() == Some(down)) else { return };
        let state = if paused { StreamState::Paused } else { StreamState::Active };
        let info = proto::StreamStateInfo {
            participant_sid: place.publisher.to_string(),
            track_sid: track.to_string(),
            state: state.into(),
        };
        self.tell(&sid, Message::StreamStateUpdate(proto::StreamStateUpdate { stream_states: vec![info] }));
    }

    /// Tells the media house how much a video matters to its subscriber, if there is anything to tell.
    pub(super) fn weigh(&mut self, subscriber: &ParticipantSid, track: &TrackSid, down: DownKey) {
        let Some(publication) = self.room.publication(track).filter(|it| it.kind == Kind::Video) else { return };
        let Some(settings) = self.room.participant(subscriber).map(|it| it.settings(track)) else { return };
        let weight = weight(publication, settings);
        if weight != Weight::default() {
            self.command(Command::SetWeight { down, weight });
        }
    }
}

fn weight(publication: &Publication, settings: Settings) -> Weight {
    Weight {
        screen: publication.source == Source::ScreenShare,
        priority: u8::try_from(settings.priority).unwrap_or(u8::MAX),
        pixels: settings.width.saturating_mul(settings.height),
    }
}
