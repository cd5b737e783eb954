//! `add_track`, `mute` and the changes of a published track.

use door::Kind;
use livekit_protocol as proto;
use proto::request_response::{Reason, Request};
use proto::signal_response::Message;
use room::{ParticipantSid, PublishError, TrackSid};

use crate::world::World;
use crate::world::publication::{Published, track_request};
use crate::world::session::QUEUED_TRACKS_MAX;

impl World {
    /// The client is about to publish a track; it is told the track's id at once.
    pub(in crate::world) fn add_track(&mut self, sid: &ParticipantSid, request: proto::AddTrackRequest) {
        if !request.sid.is_empty() {
            return self.add_backup_codec(sid, request);
        }
        match self.track_called(sid, &request.cid) {
            Some((track, false)) => return self.tell_published(sid, &request.cid, &track),
            Some((_, true)) => return self.queue_track(sid, request),
            None => {}
        }
        let Some(wanted) = track_request(&request) else {
            let echo = Some(Request::AddTrack(request));
            return self.respond(sid, 0, Reason::UnsupportedType, "track is neither audio nor video", echo);
        };
        match self.room.request_publication(sid, wanted, &mut self.rng) {
            Ok(track) => {
                let published = Published::new(&track, sid.clone(), &request, &self.config.codecs);
                self.tracks.insert(track.clone(), published);
                self.tell_published(sid, &request.cid, &track);
            }
            Err(error) => {
                self.respond(sid, 0, reason(error), &error.to_string(), Some(Request::AddTrack(request)));
            }
        }
    }

    /// A client's own track of this name, and whether others see it already.
    fn track_called(&self, sid: &ParticipantSid, cid: &str) -> Option<(TrackSid, bool)> {
        let named = |track: &&TrackSid| !cid.is_empty() && self.tracks.get(*track).is_some_and(|it| it.cid == cid);
        let track = self.room.participant(sid)?.publications.iter().find(named)?;
        Some((track.clone(), self.room.publication(track)?.announced))
    }

    /// A second codec for a known track is about to be published.
    fn add_backup_codec(&mut self, sid: &ParticipantSid, request: proto::AddTrackRequest) {
        let track = TrackSid::new(&request.sid);
        let known = self.room.own_publication(sid, &track).is_some();
        let Some(published) = self.tracks.get_mut(&track).filter(|_| known) else {
            return self.respond(sid, 0, Reason::NotFound, "track is not there", Some(Request::AddTrack(request)));
        };
        if published.announce_backup(&request, &self.config.codecs) {
            return self.tell_published(sid, &request.cid, &track);
        }
        let text = "no such second codec is taken for this track";
        self.respond(sid, 0, Reason::UnsupportedType, text, Some(Request::AddTrack(request)));
    }

    /// The name is in use: the request waits until it is free.
    fn queue_track(&mut self, sid: &ParticipantSid, request: proto::AddTrackRequest) {
        let Some(session) = self.sessions.get_mut(sid) else { return };
        let full = session.queued_tracks.len() >= QUEUED_TRACKS_MAX;
        let reason = if full { Reason::LimitExceeded } else { Reason::Queued };
        if !full {
            session.queued_tracks.push(request.clone());
        }
        self.respond(sid, 0, reason, "", Some(Request::AddTrack(request)));
    }

    /// A name is free again.
    pub(in crate::world) fn retry_queued(&mut self, sid: &ParticipantSid, cid: &str) {
        let Some(session) = self.sessions.get_mut(sid) else { return };
        if let Some(index) = session.queued_tracks.iter().position(|it| it.cid == cid) {
            let request = session.queued_tracks.remove(index);
            self.add_track(sid, request);
        }
    }

    fn tell_published(&mut self, sid: &ParticipantSid, cid: &str, track: &TrackSid) {
        let Some(publication) = self.room.publication(track) else { return };
        let info = self.tracks.get(track).map(|it| it.info(publication));
        let is_video = publication.kind == Kind::Video;
        let response = proto::TrackPublishedResponse { cid: cid.to_owned(), track: info };
        self.tell(sid, Message::TrackPublished(response));
        if is_video {
            self.lull(sid);
        }
    }

    /// The client silences its own track or gives it voice.
    pub(super) fn mute(&mut self, sid: &ParticipantSid, request: proto::MuteTrackRequest) {
        if !self.room.mute(sid, &TrackSid::new(&request.sid), request.muted) {
            self.respond(sid, 0, Reason::NotFound, "track is not there", Some(Request::Mute(request)));
        }
    }

    /// The features of the client's own audio.
    pub(super) fn update_audio_track(&mut self, sid: &ParticipantSid, request: proto::UpdateLocalAudioTrack) {
        let track = TrackSid::new(&request.track_sid);
        let announced = self.room.own_publication(sid, &track).map(|it| it.announced);
        match (announced, self.tracks.get_mut(&track)) {
            (Some(announced), Some(published)) => {
                published.set_features(&request.features);
                if announced {
                    self.room.touch(sid);
                }
            }
            _ => {
                let echo = Some(Request::UpdateAudioTrack(request));
                self.respond(sid, 0, Reason::NotFound, "track is not there", echo);
            }
        }
    }

    /// The size of the client's own picture.
    pub(super) fn update_video_track(&mut self, sid: &ParticipantSid, request: proto::UpdateLocalVideoTrack) {
        if !self.room.resize(sid, &TrackSid::new(&request.track_sid), request.width, request.height) {
            let echo = Some(Request::UpdateVideoTrack(request));
            self.respond(sid, 0, Reason::NotFound, "track is not there", echo);
        }
    }
}

fn reason(error: PublishError) -> Reason {
    match error {
        PublishError::NotThere => Reason::NotFound,
        PublishError::NotAllowed => Reason::NotAllowed,
        PublishError::TooManyPending | PublishError::TooMany | PublishError::NameTooLong => Reason::LimitExceeded,
    }
}
