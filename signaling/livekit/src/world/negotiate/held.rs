//! An offer that changes nothing is answered a little later.
//!
//! livekit-client on one connection offers twice when it joins, the second time with nothing new. To apply the answer keeps
//! a browser's main thread busy for tens of milliseconds, at the very moment at which the first picture is to be shown.

use std::time::Duration;

use door::Kind;
use livekit_protocol::signal_request::Message as Asked;
use room::ParticipantSid;
use sdp::{Description, Section, SectionKind};

use super::sections::publishes;
use crate::world::alarm::Alarm;
use crate::world::session::Session;
use crate::world::subscription::Place;
use crate::world::{Mode, Now, World};

/// How long such an offer waits: until the first picture is shown, by far less than any client's patience (15 s).
const HOLD: Duration = Duration::from_millis(250);

impl World {
    /// Whether the answer to an offer would be the last one again.
    pub(super) fn may_wait(&self, sid: &ParticipantSid, offer: &Description) -> bool {
        let publishes = self.room.participant(sid).is_none_or(|it| !it.publications.is_empty());
        !publishes && self.sessions.get(sid).is_some_and(|session| changes_nothing(session, offer))
    }

    /// Keeps offer number `id` for a while.
    pub(super) fn hold(&mut self, sid: &ParticipantSid, id: u32, offer: Description, now: Now) {
        let Some(session) = self.sessions.get_mut(sid) else { return };
        session.publisher.held = Some((id, offer));
        self.alarms.set(now.monotonic + HOLD, Alarm::Answer(sid.clone()));
    }

    /// Answers the offer that was held, if one was.
    pub(in crate::world) fn answer_held(&mut self, sid: &ParticipantSid, now: Now) {
        if let Some((id, offer)) = self.let_go(sid) {
            self.answer(sid, id, &offer, now);
        }
    }

    /// Before a message that may need the connection at rest, the held offer is answered; another offer replaces it.
    pub(in crate::world) fn before(&mut self, sid: &ParticipantSid, message: &Asked, now: Now) {
        match message {
            Asked::Ping(_) | Asked::PingReq(_) | Asked::Trickle(_) | Asked::TrackSetting(_) => {}
            Asked::Offer(_) | Asked::Leave(_) => _ = self.let_go(sid),
            _ => self.answer_held(sid, now),
        }
    }

    /// Forgets the held offer.
    pub(in crate::world) fn let_go(&mut self, sid: &ParticipantSid) -> Option<(u32, Description)> {
        let offer = self.sessions.get_mut(sid)?.publisher.held.take()?;
        self.alarms.clear(&Alarm::Answer(sid.clone()));
        Some(offer)
    }
}

/// Whether a client that publishes nothing offers what it offered before, with nothing of ours to be put in.
fn changes_nothing(session: &Session, offer: &Description) -> bool {
    let publisher = &session.publisher;
    let known = |section: &Section| {
        let idle = publisher.idle.contains_key(&section.mid);
        section.rejected || section.kind == SectionKind::Application || idle || publisher.hot.contains(&section.mid)
    };
    let met = publisher.link.as_ref().is_some_and(|it| it.remote == offer.transport);
    session.mode == Mode::Single
        && met
        && publisher.published.is_empty()
        && publisher.sections == offer.sections.len()
        && offer.sections.iter().all(|section| known(section) && !publishes(section))
        && !session.requirement.is_asked()
        && [Kind::Audio, Kind::Video].iter().all(|kind| session.waiting(*kind).next().is_none())
        && publisher.hot.iter().all(|mid| session.down_at(*mid).is_some())
        && !session.downs.values().any(|it| matches!(it.place, Place::Switching(_)))
}
