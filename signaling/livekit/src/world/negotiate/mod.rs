//! Descriptions to and fro: what they do to peers, tracks and subscriptions.

mod held;
mod lull;
mod offer;
mod once;
mod sections;
mod subscriber;

use door::Command;
use livekit_protocol as proto;
use proto::signal_response::Message;
use proto::{SignalTarget, SubscriptionError};
use room::{LeaveReason, ParticipantSid, TrackSid};
use wire::Mid;

use super::alarm::{Alarm, REQUIREMENT_TIMEOUT};
use super::publication::Published;
use super::subscription::{Place, Rendition};
use super::{MediaFacts, Mode, Now, RoomEvent, World};

/// Sections that a client is asked to offer at most, those it has included.
const SECTIONS_MAX: usize = 250;

impl World {
    /// Brings a client's media connections in line with its subscriptions, as far as it is the server's turn.
    pub(super) fn negotiate(&mut self, sid: &ParticipantSid, now: Now) {
        match self.sessions.get(sid).map(|it| it.mode) {
            Some(Mode::Single) => self.require_sections(sid, now),
            Some(Mode::Dual) => self.offer_subscriber(sid, now),
            Some(Mode::Once) => self.fill_sections(sid),
            None => {}
        }
    }

    /// Only the client offers: it is asked for sections, or just for another round.
    fn require_sections(&mut self, sid: &ParticipantSid, now: Now) {
        let Some(session) = self.sessions.get_mut(sid) else { return };
        // A client that has not offered yet is about to, and one without a websocket is asked when it is back.
        let Some(_) = session.publisher.link.as_ref().filter(|_| session.connection.is_some()) else { return };
        let room = SECTIONS_MAX.saturating_sub(session.publisher.sections);
        let waiting = [door::Kind::Audio, door::Kind::Video].map(|kind| session.waiting(kind).count());
        let idle = [door::Kind::Audio, door::Kind::Video].map(|kind| session.publisher.idle_count(kind));
        let waiting = (waiting[0].min(idle[0] + room), waiting[1].min(idle[1] + room));
        let switches = session.downs.values().any(|it| matches!(it.place, Place::Switching(_)));
        let stale = switches || session.publisher.hot.iter().any(|mid| session.down_at(*mid).is_none());
        if session.publisher.held.is_some() && (stale || waiting != (0, 0)) {
            // It has offered what is needed.
            return self.alarms.set(now.monotonic, Alarm::Answer(sid.clone()));
        }
        let Some((num_audios, num_videos)) = session.requirement.ask(waiting, (idle[0], idle[1]), stale) else {
            return;
        };
        self.alarms.set(now.monotonic + REQUIREMENT_TIMEOUT, Alarm::Requirement(sid.clone()));
        let requirement = proto::MediaSectionsRequirement { num_audios, num_videos };
        self.tell(sid, Message::MediaSectionsRequirement(requirement));
    }

    /// The client did not offer: what was asked is lost.
    pub(super) fn requirement_expired(&mut self, sid: &ParticipantSid) {
        if let Some(session) = self.sessions.get_mut(sid) {
            session.requirement.forget();
            self.dirty.insert(sid.clone());
        }
    }

    /// Forwards `track` to `sid` on `section`, of its offer or its answer. Nothing when it cannot take the track.
    fn attach(&mut self, sid: &ParticipantSid, track: &TrackSid, section: &sdp::Section) -> Option<sdp::Send> {
        let rendition = self.choose(sid, track, section)?;
        let send = self.send_as(sid, track, rendition)?;
        let mut params = sdp::down_params(section, &send).ok()?;
        params.playout_delay_ms = self.config.playout_delay_ms.filter(|_| params.kind == door::Kind::Video);
        let target = self.target(sid, track)?;
        let live = self.tracks.get(track)?.live_as(rendition)?;
        let (key, up) = (live.key, Box::new(live.up.params.clone()));
        let session = self.sessions.get_mut(sid)?;
        let peer = match session.mode {
            Mode::Single | Mode::Once => session.publisher.link.as_ref()?.key,
            Mode::Dual => session.subscriber.link.as_ref()?.key,
        };
        let down = session.downs.get_mut(track)?;
        let down_key = self.mint.down(session.shard);
        down.place = Place::Attached(section.mid, down_key);
        let publisher = down.publisher.clone();
        let params = Box::new(params);
        self.command(Command::AddDownTrack { down: down_key, peer, track: key, up, params, target });
        self.weigh(sid, track, down_key);
        self.room.attached(sid, track);
        self.tell_quality(sid, &publisher);
        self.tell_speaker(sid, &publisher);
        Some(send)
    }

    /// What is sent of `track` to `sid`.
    fn send(&self, sid: &ParticipantSid, track: &TrackSid) -> Option<sdp::Send> {
        self.send_as(sid, track, self.sessions.get(sid)?.downs.get(track)?.rendition)
    }

    /// What would be sent of `track` to `sid` in one of its codecs.
    pub(super) fn send_as(&self, sid: &ParticipantSid, track: &TrackSid, rendition: Rendition) -> Option<sdp::Send> {
        let down = self.sessions.get(sid)?.downs.get(track)?;
        let published = self.tracks.get(track)?;
        let publisher = &published.publisher;
        Some(sdp::Send {
            codecs: published.live_as(rendition)?.up.codecs.clone(),
            ssrc: down.ssrc,
            rtx_ssrc: down.rtx_ssrc,
            msid: sdp::Msid { stream: self.stream_name(sid, published), track: track.to_string() },
            cname: publisher.to_string(),
            stereo: published.has(proto::AudioTrackFeature::TfStereo),
        })
    }

    /// What a browser takes for one stream: a track, or all of one device where they are to be played in step.
    fn stream_name(&self, viewer: &ParticipantSid, published: &Published) -> String {
        let syncs = self.sessions.get(viewer).is_some_and(|it| it.syncs_streams());
        let stream = if self.config.sync_streams && syncs { &published.info.stream } else { &published.info.sid };
        format!("{}|{stream}", published.publisher)
    }

    pub(super) fn refuse(&mut self, sid: &ParticipantSid, track: &TrackSid) {
        let down = self.sessions.get_mut(sid).and_then(|it| it.downs.get_mut(track));
        if let Some(down) = down {
            down.place = Place::Refused;
            self.subscription_failed(sid, track, SubscriptionError::SeCodecUnsupported);
        }
    }

    /// Tells a client our addresses one by one, as older ones expect beside those in the description.
    fn trickle(&mut self, sid: &ParticipantSid, target: SignalTarget, mid: Mid) {
        let Some(identity) = self.sessions.get(sid).map(|it| &it.identity) else { return };
        let candidates: Vec<_> = self.media_facts(identity).candidates.iter().map(ToString::to_string).collect();
        let last = candidates.len().saturating_sub(1);
        for (index, candidate) in candidates.into_iter().enumerate() {
            let init = serde_json::json!({
                "candidate": candidate, "sdpMid": mid.as_str(), "sdpMLineIndex": 0, "usernameFragment": null,
            });
            let message = proto::TrickleRequest {
                candidate_init: init.to_string(),
                target: target.into(),
                r#final: index == last,
            };
            self.tell(sid, Message::Trickle(message));
        }
    }

    /// What descriptions for an identity say: only our addresses of the protocol that it asked to be held to, if we
    /// have such.
    fn media_facts(&self, identity: &str) -> MediaFacts {
        let mut facts = self.config.media.clone();
        if let Some(protocol) = self.preferences.get(identity)
            && facts.candidates.iter().any(|it| it.protocol == *protocol)
        {
            facts.candidates.retain(|it| it.protocol == *protocol);
        }
        facts
    }

    /// Client and server disagree: the client is told to begin anew.
    pub(super) fn mismatch(&mut self, sid: &ParticipantSid, what: &str, now: Now) {
        let Some(session) = self.sessions.get(sid) else { return };
        let fault = RoomEvent::ClientFault { identity: session.identity.clone(), what: what.to_owned() };
        self.event(fault);
        self.room.leave(sid, LeaveReason::StateMismatch, now.monotonic);
    }
}
