//! Publications: asked for, announced, changed, ended.

use std::collections::BTreeSet;

use super::Room;
use crate::effect::Effect;
use crate::publication::{Kind, TrackRequest};
use crate::{ParticipantSid, Publication, Source, TrackSid};

/// Why a track is not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PublishError {
    /// No such participant.
    #[error("participant is not there")]
    NotThere,
    /// The grants do not allow it.
    #[error("does not have permission to publish")]
    NotAllowed,
    /// Too many are asked for and not yet described.
    #[error("too many pending tracks")]
    TooManyPending,
    /// Too many in all.
    #[error("too many tracks")]
    TooMany,
    /// The name is too long.
    #[error("track name exceeds size limits")]
    NameTooLong,
}

impl Room {
    /// Notes a track that a participant is about to publish. Nobody else sees it until [`Room::announce`].
    ///
    /// # Errors
    /// When it may not, or there are too many.
    pub fn request_publication(
        &mut self,
        publisher: &ParticipantSid,
        request: TrackRequest,
        rng: &mut impl rand::Rng,
    ) -> Result<TrackSid, PublishError> {
        let limits = self.settings.limits;
        let participant = self.participants.get_mut(publisher).ok_or(PublishError::NotThere)?;
        if !participant.grants.allows_source(request.source) {
            return Err(PublishError::NotAllowed);
        }
        if request.name.len() > limits.name_bytes_max {
            return Err(PublishError::NameTooLong);
        }
        let of = |sid: &&TrackSid| self.publications.get(*sid).is_some_and(|it| !it.announced);
        if participant.publications.iter().filter(of).count() >= limits.pending_publications_max {
            return Err(PublishError::TooManyPending);
        }
        if participant.publications.len() >= limits.publications_max {
            return Err(PublishError::TooMany);
        }
        let sid = TrackSid::random(marks(request.kind, request.source), rng);
        participant.publications.push(sid.clone());
        self.publications.insert(sid.clone(), publication(sid.clone(), publisher.clone(), request));
        Ok(sid)
    }

    /// The track is described: others see it and may receive it.
    pub fn announce(&mut self, track: &TrackSid) {
        let Some(publication) = self.publications.get_mut(track).filter(|it| !it.announced) else { return };
        publication.announced = true;
        let publisher = publication.publisher.clone();
        self.touch(&publisher);
        self.effects.push_back(Effect::Published(track.clone()));
        self.reconcile_track(track);
        self.report_new_track(&publisher, track);
    }

    /// The track ends.
    pub fn unpublish(&mut self, track: &TrackSid) {
        let Some(publication) = self.remove_publication(track) else { return };
        if publication.announced {
            self.touch(&publication.publisher);
        }
    }

    /// The publisher silences its own track or gives it voice. False when it has no such track.
    pub fn mute(&mut self, publisher: &ParticipantSid, track: &TrackSid, muted: bool) -> bool {
        let Some(publication) = self.own_mut(publisher, track) else { return false };
        if publication.muted != muted {
            publication.muted = muted;
            let announced = publication.announced;
            self.effects.push_back(Effect::Muted { track: track.clone(), muted });
            if announced {
                self.touch(publisher);
            }
        }
        true
    }

    /// The publisher's picture has another size. False when it has no such track.
    pub fn resize(&mut self, publisher: &ParticipantSid, track: &TrackSid, width: u32, height: u32) -> bool {
        let Some(publication) = self.own_mut(publisher, track) else { return false };
        (publication.width, publication.height) = (width, height);
        if publication.announced {
            self.touch(publisher);
        }
        true
    }

    fn own_mut(&mut self, publisher: &ParticipantSid, track: &TrackSid) -> Option<&mut Publication> {
        self.publications.get_mut(track).filter(|it| it.publisher == *publisher)
    }

    pub(super) fn remove_publication(&mut self, track: &TrackSid) -> Option<Publication> {
        let subscribers = self.publications.get(track)?.subscribers.clone();
        for subscriber in &subscribers {
            self.detach(subscriber, track);
        }
        let publication = self.publications.remove(track)?;
        if let Some(participant) = self.participants.get_mut(&publication.publisher) {
            participant.publications.retain(|it| it != track);
        }
        self.effects.push_back(Effect::Unpublished(Box::new(publication.clone())));
        Some(publication)
    }
}

/// LiveKit's marks in a track's id: kind, then source.
fn marks(kind: Kind, source: Source) -> &'static str {
    match (kind, source) {
        (Kind::Audio, Source::Microphone) => "AM",
        (Kind::Audio, Source::ScreenShareAudio) => "As",
        (Kind::Audio, Source::Camera) => "AC",
        (Kind::Audio, Source::ScreenShare) => "AS",
        (Kind::Audio, Source::Unknown) => "A",
        (Kind::Video, Source::Camera) => "VC",
        (Kind::Video, Source::ScreenShare) => "VS",
        (Kind::Video, Source::Microphone) => "VM",
        (Kind::Video, Source::ScreenShareAudio) => "Vs",
        (Kind::Video, Source::Unknown) => "V",
    }
}

fn publication(sid: TrackSid, publisher: ParticipantSid, request: TrackRequest) -> Publication {
    Publication {
        sid,
        publisher,
        kind: request.kind,
        source: request.source,
        name: request.name,
        muted: request.muted,
        width: request.width,
        height: request.height,
        layers: request.layers,
        announced: false,
        was_subscribed: false,
        subscribers: BTreeSet::new(),
    }
}
