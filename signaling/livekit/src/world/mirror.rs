//! A participant of another room, shown here as one of this room: its tracks are the other room's own.
//!
//! Its client is the server's, which brings the [`Portrait`] whenever it changes. Subscribers here are served from the
//! very tracks that the other room's publisher sends; what only that room may do to a track, such as to end or to mute it,
//! is not done from here.

use livekit_protocol as proto;
use room::{ParticipantSid, TrackRequest, TrackSid};

use super::portrait::{Portrait, PortraitTrack};
use super::publication::{Borrowed, Live, Published, source};
use super::{ConnectionId, Now, World};

impl World {
    /// Makes a guest what its portrait shows.
    pub(super) fn mirror(&mut self, connection: ConnectionId, portrait: &Portrait, now: Now) {
        let Some(sid) = self.connections.get(&connection).cloned() else { return };
        self.room.set_publisher(&sid);
        self.enter(&sid);
        self.mirror_profile(&sid, portrait, now);
        let shown = |published: &Published| portrait.tracks.iter().any(|it| it.info.sid == published.cid);
        let own = self.tracks.iter().filter(|(_, it)| it.publisher == sid);
        let gone: Vec<_> = own.filter(|(_, it)| !shown(it)).map(|(track, _)| track.clone()).collect();
        gone.iter().for_each(|track| self.room.unpublish(track));
        self.drain(now);
        for track in &portrait.tracks {
            match self.mirrored(&sid, &track.info.sid) {
                Some(known) => self.mirror_change(&sid, &known, track),
                None => self.mirror_track(&sid, track),
            }
        }
    }

    fn mirrored(&self, sid: &ParticipantSid, name: &str) -> Option<TrackSid> {
        let named = |it: &Published| it.publisher == *sid && it.cid == name;
        self.tracks.iter().find(|(_, it)| named(it)).map(|(track, _)| track.clone())
    }

    /// Name, metadata and attributes, and whether others may see it.
    fn mirror_profile(&mut self, sid: &ParticipantSid, portrait: &Portrait, now: Now) {
        let Some(participant) = self.room.participant(sid) else { return };
        let removed = participant.attributes.keys().filter(|key| !portrait.attributes.contains_key(*key));
        let mut attributes: std::collections::BTreeMap<_, _> =
            removed.map(|key| (key.clone(), String::new())).collect();
        attributes.extend(portrait.attributes.clone());
        let grants = room::Grants { hidden: portrait.hidden, ..participant.grants.clone() };
        let same = participant.name == portrait.name
            && participant.metadata == portrait.metadata
            && participant.attributes == portrait.attributes;
        if !same {
            // The other room has taken it, and this one's limits are the same.
            let _ = self.room.amend_profile(sid, &portrait.name, &portrait.metadata, &attributes);
        }
        self.room.set_grants(sid, grants, now.monotonic);
    }

    /// A track begins here. One that this room does not take is tried again with the next portrait.
    fn mirror_track(&mut self, sid: &ParticipantSid, track: &PortraitTrack) {
        let info = &track.info;
        let request = TrackRequest {
            kind: track.up.params.kind,
            source: source(info.source),
            name: info.name.clone(),
            muted: info.muted,
            width: info.width,
            height: info.height,
            layers: track.layers.clone(),
        };
        let Ok(here) = self.room.request_publication(sid, request, &mut self.rng) else { return };
        let live = Live { key: track.key, mid: track.up.params.mid, up: track.up.clone() };
        let info = proto::TrackInfo { sid: here.to_string(), ..info.clone() };
        let borrowed = Borrowed { muted: info.muted };
        self.lent.insert(track.key, here.clone());
        self.tracks.insert(here.clone(), Published::mirrored(info, sid.clone(), &track.info.sid, live, borrowed));
        self.room.announce(&here);
        self.mirror_backup(&here, track);
    }

    /// The second codec begins here, goes on, or ends.
    fn mirror_backup(&mut self, here: &TrackSid, track: &PortraitTrack) {
        let Some(published) = self.tracks.get_mut(here) else { return };
        let known = published.backup.as_ref().map(|it| it.key);
        if known.is_some() && known != track.backup.as_ref().map(|(key, _)| *key) {
            self.end_backup(here);
        }
        let (Some((key, up)), Some(published)) = (&track.backup, self.tracks.get_mut(here)) else { return };
        published.backup = Some(Live { key: *key, mid: up.params.mid, up: up.clone() });
        if known != Some(*key) {
            self.lent.insert(*key, here.clone());
            self.backup_began(here);
        }
    }

    /// Takes over what changed of a track.
    fn mirror_change(&mut self, sid: &ParticipantSid, here: &TrackSid, track: &PortraitTrack) {
        let Some(published) = self.tracks.get_mut(here) else { return };
        let Some(borrowed) = published.borrowed.as_mut() else { return };
        let muted = (borrowed.muted != track.info.muted).then_some(track.info.muted);
        borrowed.muted = track.info.muted;
        if let Some(live) = published.live.as_mut() {
            live.up = track.up.clone();
        }
        let info = proto::TrackInfo { sid: here.to_string(), ..track.info.clone() };
        let changed = std::mem::replace(&mut published.info, info.clone()) != info;
        if let Some(muted) = muted {
            self.room.mute(sid, here, muted);
        }
        if changed {
            self.room.resize(sid, here, info.width, info.height);
        }
        self.mirror_backup(here, track);
    }
}
