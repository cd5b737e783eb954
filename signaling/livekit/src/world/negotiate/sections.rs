//! What becomes of each section of a client's offer: a track from the client, a track to it, or nothing.

use std::collections::{BTreeMap, BTreeSet};

use door::Command;
use room::{ParticipantSid, TrackSid};
use sdp::{Description, Section, SectionKind, SectionUse};
use wire::Mid;

use crate::world::publication::Live;
use crate::world::session::PublishedSection;
use crate::world::subscription::{Place, Rendition};
use crate::world::{Mode, Now, RoomEvent, World};

impl World {
    /// Decides on every section, in order, and tells the media house.
    pub(super) fn section_uses(&mut self, sid: &ParticipantSid, offer: &Description, now: Now) -> Vec<SectionUse> {
        self.retire_published(sid, offer, now);
        let received = self.receive_published(sid, offer);
        self.release_downs(sid, offer, &received);
        let uses: Vec<_> = offer.sections.iter().map(|it| self.section_use(sid, it, &received)).collect();
        self.note_sections(sid, offer, &uses);
        uses
    }

    fn section_use(
        &mut self,
        sid: &ParticipantSid,
        section: &Section,
        received: &BTreeMap<Mid, sdp::Receive>,
    ) -> SectionUse {
        if section.rejected {
            return SectionUse::Reject;
        }
        if section.kind == SectionKind::Application {
            return SectionUse::Data;
        }
        if let Some(receive) = received.get(&section.mid) {
            return SectionUse::Receive(*receive);
        }
        if let Some(msid) = self.open_for(sid, section) {
            return SectionUse::Open(msid);
        }
        self.send_on(sid, section).map_or(SectionUse::Inactive, SectionUse::Send)
    }

    /// Ends publications whose section carries them no longer.
    fn retire_published(&mut self, sid: &ParticipantSid, offer: &Description, now: Now) {
        let Some(session) = self.sessions.get(sid) else { return };
        let carries = |mid: Mid, name: &str| offer.section(mid).and_then(name_of).is_some_and(|it| it == name);
        let gone = session.publisher.published.iter().filter(|(mid, known)| !carries(**mid, &known.name));
        let gone: Vec<_> = gone.map(|(mid, known)| (*mid, known.track.clone(), known.rendition)).collect();
        for (_, track, _) in gone.iter().filter(|(.., rendition)| *rendition == Rendition::Primary) {
            self.room.unpublish(track);
        }
        // Their media must be gone before another track comes on the same section.
        self.drain(now);
        for (mid, track, _) in gone.iter().filter(|(.., rendition)| *rendition == Rendition::Backup) {
            let session = self.sessions.get_mut(sid);
            if session.is_some_and(|it| it.publisher.published.remove(mid).is_some()) {
                self.end_backup(track);
                self.room.touch(sid);
            }
        }
    }

    /// Takes the sections on which the client publishes: known ones, then those whose track was announced by its own
    /// name, then others by kind (Firefox makes up names).
    fn receive_published(&mut self, sid: &ParticipantSid, offer: &Description) -> BTreeMap<Mid, sdp::Receive> {
        let mut received = BTreeMap::new();
        let carrying: Vec<_> = offer.sections.iter().filter_map(|it| Some((it, name_of(it)?))).collect();
        for (section, _) in &carrying {
            if let Some(receive) = self.continue_track(sid, section) {
                received.insert(section.mid, receive);
            }
        }
        for exact in [true, false] {
            for (section, name) in
                carrying.iter().filter(|(section, _)| !received.contains_key(&section.mid)).collect::<Vec<_>>()
            {
                let Some((track, rendition)) = self.pending(sid, section, exact.then_some(*name)) else { continue };
                if let Some(receive) = self.start_track(sid, (&track, rendition), section, name) {
                    received.insert(section.mid, receive);
                }
            }
        }
        received
    }

    /// The oldest publication that waits for its media: of this name, or of the section's kind. Else one that waits for
    /// its second codec.
    fn pending(&self, sid: &ParticipantSid, section: &Section, name: Option<&str>) -> Option<(TrackSid, Rendition)> {
        let kind = section.kind.media()?;
        let session = self.sessions.get(sid)?;
        if session.publisher.published.contains_key(&section.mid) {
            return None;
        }
        let suits = |track: &&TrackSid| {
            let pending = self.room.publication(track).is_some_and(|it| !it.announced && it.kind == kind);
            let called = |name| self.tracks.get(*track).is_some_and(|it| it.is_called(name));
            pending && name.is_none_or(called)
        };
        let publications = &self.room.participant(sid)?.publications;
        if let Some(track) = publications.iter().find(suits) {
            return Some((track.clone(), Rendition::Primary));
        }
        let awaits_backup = |track: &&TrackSid| {
            let published = self.tracks.get(*track).filter(|it| it.live.is_some() && it.backup.is_none());
            let cid = published.and_then(|it| it.info.codecs.get(Rendition::Backup.index())).map(|it| it.cid.as_str());
            let of_kind = self.room.publication(track).is_some_and(|it| it.kind == kind);
            of_kind && cid.is_some_and(|cid| !cid.is_empty() && name.is_none_or(|name| name == cid))
        };
        publications.iter().find(awaits_backup).map(|track| (track.clone(), Rendition::Backup))
    }

    /// A publication goes on; the media house learns what changed.
    fn continue_track(&mut self, sid: &ParticipantSid, section: &Section) -> Option<sdp::Receive> {
        let session = self.sessions.get(sid)?;
        let known = session.publisher.published.get(&section.mid)?;
        let (track, rendition) = (known.track.clone(), known.rendition);
        let published = self.tracks.get_mut(&track)?;
        let receive = published.receive(&self.config.codecs, session.ignores_codec_order(), rendition);
        let up = sdp::up_params(section, &receive).ok()?;
        let live = published.live_as_mut(rendition)?;
        if live.up.params != up.params {
            let (key, params) = (live.key, Box::new(up.params.clone()));
            self.outputs.push_back(crate::world::Output::Media(Command::UpdateUpTrack { track: key, params }));
        }
        live.up = up;
        self.followers.described_anew(sid);
        Some(receive)
    }

    /// A publication's media begins, in its first codec or in its second.
    fn start_track(
        &mut self,
        sid: &ParticipantSid,
        (track, rendition): (&TrackSid, Rendition),
        section: &Section,
        name: &str,
    ) -> Option<sdp::Receive> {
        let muted = self.room.publication(track)?.muted;
        let session = self.sessions.get_mut(sid)?;
        let published = self.tracks.get_mut(track)?;
        let receive = published.receive(&self.config.codecs, session.ignores_codec_order(), rendition);
        let up = match sdp::up_params(section, &receive) {
            Ok(up) => up,
            Err(error) => {
                let (identity, what) = (session.identity.clone(), error.to_string());
                self.event(RoomEvent::ClientFault { identity, what });
                return None;
            }
        };
        let (peer, key) = (session.publisher.link.as_ref()?.key, self.mint.track(session.shard));
        let params = Box::new(up.params.clone());
        published.describe(Live { key, mid: section.mid, up }, name, rendition);
        let place = PublishedSection { track: track.clone(), name: name.to_owned(), rendition };
        session.publisher.published.insert(section.mid, place);
        self.ups.insert(key, track.clone());
        self.command(Command::AddUpTrack { track: key, peer, params });
        if muted {
            self.command(Command::MuteUpTrack { track: key, muted });
        }
        match rendition {
            Rendition::Primary => self.room.announce(track),
            Rendition::Backup => {
                self.room.touch(sid);
                self.backup_began(track);
            }
        }
        Some(receive)
    }

    /// Takes subscriptions off sections that can carry them no longer.
    fn release_downs(&mut self, sid: &ParticipantSid, offer: &Description, received: &BTreeMap<Mid, sdp::Receive>) {
        let Some(session) = self.sessions.get_mut(sid).filter(|it| it.mode != Mode::Dual) else { return };
        let carries = |mid: Mid| !received.contains_key(&mid) && offer.section(mid).is_some_and(receives);
        let mut removed = Vec::new();
        for down in session.downs.values_mut() {
            if let Place::Attached(mid, _) | Place::Switching(mid) = down.place
                && !carries(mid)
            {
                removed.extend(down.place.key());
                down.place = Place::Waiting;
            }
        }
        removed.into_iter().for_each(|key| self.command(Command::RemoveDownTrack(key)));
    }

    /// What the client receives on a section that it offers to receive on.
    fn send_on(&mut self, sid: &ParticipantSid, section: &Section) -> Option<sdp::Send> {
        let kind = section.kind.media().filter(|_| receives(section))?;
        let session = self.sessions.get(sid).filter(|it| it.mode == Mode::Single)?;
        if let Some(track) = session.down_at(section.mid).cloned() {
            let switches = session.downs.get(&track).is_some_and(|it| matches!(it.place, Place::Switching(_)));
            return if switches { self.attach(sid, &track, section) } else { self.send(sid, &track) };
        }
        if session.publisher.hot.contains(&section.mid) {
            return None;
        }
        let waiting: Vec<_> = session.waiting(kind).cloned().collect();
        waiting.iter().find_map(|track| self.attach(sid, track, section))
    }

    /// Remembers which sections flow, which are free and how many were asked for.
    fn note_sections(&mut self, sid: &ParticipantSid, offer: &Description, uses: &[SectionUse]) {
        let Some(session) = self.sessions.get_mut(sid) else { return };
        let publisher = &mut session.publisher;
        if session.mode == Mode::Once {
            publisher.open = offer.sections.iter().filter(|it| receives(it)).cloned().collect();
            publisher.sections = offer.sections.len();
            return;
        }
        for section in offer.sections.iter().skip(publisher.sections).filter(|it| receives(it)) {
            section.kind.media().into_iter().for_each(|kind| session.requirement.offered(kind, 1));
        }
        session.requirement.round_begins();
        publisher.sections = offer.sections.len();
        let pairs = || offer.sections.iter().zip(uses);
        let sends =
            |(section, used): (&Section, &SectionUse)| matches!(used, SectionUse::Send(_)).then_some(section.mid);
        publisher.hot = pairs().filter_map(sends).collect::<BTreeSet<_>>();
        let idle = |(section, used): (&Section, &SectionUse)| {
            let free = *used == SectionUse::Inactive && receives(section);
            section.kind.media().filter(|_| free).map(|kind| (section.mid, kind))
        };
        publisher.idle = pairs().filter_map(idle).collect();
    }
}

/// The name of the track that the client sends on a section.
fn name_of(section: &Section) -> Option<&str> {
    let sends = !section.rejected && section.direction.sends() && section.kind.media().is_some();
    section.msid.as_ref().filter(|_| sends).map(|it| it.track.as_str())
}

/// Whether the client sends a track on a section.
pub(super) fn publishes(section: &Section) -> bool {
    name_of(section).is_some()
}

/// Whether the client would receive on a section.
pub(super) fn receives(section: &Section) -> bool {
    !section.rejected && section.direction.receives()
}
