//! Tracks of guests whose media does not come over a peer connection: the room's own ingress feeds them.
//!
//! A guest joins like a client that never offers. Everybody else sees an ordinary participant with ordinary tracks.

use door::{Command, TrackKey};
use livekit_protocol as proto;
use room::{ParticipantSid, PublishError, TrackSid};

use super::publication::{Live, Published, track_request};
use super::subscription::Rendition;
use super::{ConnectionId, Output, World};

/// A track as a guest describes it.
#[derive(Clone, Debug)]
pub struct FedTrack {
    /// What a client would ask for; its `cid` names the track in what follows.
    pub request: proto::AddTrackRequest,
    /// What its packets are.
    pub up: sdp::UpTrack,
}

/// Why a guest's track is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FedError {
    /// It is neither audio nor video.
    #[error("track is neither audio nor video")]
    NotMedia,
    /// The room says no.
    #[error(transparent)]
    Room(#[from] PublishError),
}

/// What a guest is told beside what clients are told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FedNews {
    /// The track is there; its packets go to this key.
    Opened {
        /// The guest's own name of it.
        cid: String,
        /// Where to feed it.
        key: TrackKey,
        /// Its id in the room.
        track: TrackSid,
    },
    /// The track is not taken.
    Refused {
        /// The guest's own name of it.
        cid: String,
        /// Why.
        error: FedError,
    },
    /// Subscribers wait for a key frame.
    KeyframeWanted {
        /// Of which track.
        key: TrackKey,
        /// Of which encoding.
        encoding: u8,
    },
}

impl World {
    /// A guest begins a track. Its first makes it active: media is up as soon as there is some.
    pub(super) fn feed(&mut self, connection: ConnectionId, track: FedTrack) {
        let Some(sid) = self.connections.get(&connection).cloned() else { return };
        let cid = track.request.cid.clone();
        let news = match self.open_fed(&sid, track) {
            Ok((key, track)) => FedNews::Opened { cid, key, track },
            Err(error) => FedNews::Refused { cid, error },
        };
        self.outputs.push_back(Output::Fed(connection, news));
    }

    fn open_fed(&mut self, sid: &ParticipantSid, fed: FedTrack) -> Result<(TrackKey, TrackSid), FedError> {
        let shard = self.sessions.get(sid).map(|it| it.shard).ok_or(PublishError::NotThere)?;
        let wanted = track_request(&fed.request).ok_or(FedError::NotMedia)?;
        let track = self.room.request_publication(sid, wanted, &mut self.rng)?;
        self.room.set_publisher(sid);
        self.enter(sid);
        let mut published = Published::new(&track, sid.clone(), &fed.request, &self.config.codecs);
        let (key, mid) = (self.mint.track(shard), fed.up.params.mid);
        let params = Box::new(fed.up.params.clone());
        published.describe(Live { key, mid, up: fed.up }, &fed.request.cid, Rendition::Primary);
        self.tracks.insert(track.clone(), published);
        self.ups.insert(key, track.clone());
        self.command(Command::AddFedTrack { track: key, params });
        self.room.announce(&track);
        Ok((key, track))
    }

    /// A guest ends one of its tracks.
    pub(super) fn unfeed(&mut self, connection: ConnectionId, key: TrackKey) {
        let (Some(sid), Some(track)) = (self.connections.get(&connection), self.ups.get(&key).cloned()) else { return };
        if self.tracks.get(&track).is_some_and(|it| it.publisher == *sid) {
            self.room.unpublish(&track);
        }
    }

    /// Subscribers of a fed track wait for a key frame.
    pub(super) fn keyframe_wanted(&mut self, key: TrackKey, encoding: u8) {
        let published = self.ups.get(&key).and_then(|track| self.tracks.get(track));
        let connection = published.and_then(|it| self.sessions.get(&it.publisher)?.connection);
        if let Some(connection) = connection {
            self.outputs.push_back(Output::Fed(connection, FedNews::KeyframeWanted { key, encoding }));
        }
    }
}
