//! What other rooms that show a participant must know of it: who it is and what it publishes.
//!
//! A follower stands outside of the room, for another room that shows the participant as its own. It is given the whole
//! portrait again with every change, so that nothing is lost when it takes only the last, and tells what is wanted there.

use std::collections::{BTreeMap, BTreeSet};

use door::TrackKey;
use livekit_protocol as proto;
use room::{Layer, Participant, ParticipantSid, TrackSid};

use super::dynacast::Wanted;
use super::{Fault, Output, Reply, World};

/// Rooms that show one participant at once; each is told of every change of it.
pub const FOLLOWERS_MAX: usize = 16;

/// One follower; unique in the process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct FollowerId(pub u64);

/// A participant as other rooms show it.
#[derive(Clone, Debug)]
pub struct Portrait {
    /// Unique name in its room.
    pub identity: String,
    /// Name to show.
    pub name: String,
    /// Free text.
    pub metadata: String,
    /// Free keys and values.
    pub attributes: BTreeMap<String, String>,
    /// Nobody is told of it.
    pub hidden: bool,
    /// The claims of the token with which it joined, as JSON.
    pub claims_json: String,
    /// What others see and hear of it, in the order of publication.
    pub tracks: Vec<PortraitTrack>,
}

/// One track of a portrait.
#[derive(Clone, Debug)]
pub struct PortraitTrack {
    /// The track in its own room's words.
    pub info: proto::TrackInfo,
    /// Picture sizes, lowest first.
    pub layers: Vec<Layer>,
    /// Its name at the media house.
    pub key: TrackKey,
    /// What its packets are.
    pub up: sdp::UpTrack,
    /// Name and packets of the same picture in a second codec, once there is one.
    pub backup: Option<(TrackKey, sdp::UpTrack)>,
}

/// All followers of the room's participants.
#[derive(Debug, Default)]
pub(super) struct Followers {
    by_id: BTreeMap<FollowerId, Follower>,
    /// Participants whose portrait changed in a way that clients are not told of.
    due: BTreeSet<ParticipantSid>,
}

#[derive(Debug)]
struct Follower {
    sid: ParticipantSid,
    /// The best sizes wanted of each track where the portrait hangs.
    wanted: BTreeMap<TrackSid, Wanted>,
}

impl Followers {
    fn of(&self, sid: &ParticipantSid) -> impl Iterator<Item = FollowerId> {
        self.by_id.iter().filter(move |(_, it)| it.sid == *sid).map(|(id, _)| *id)
    }

    /// The best sizes of a track that are wanted in other rooms.
    pub(super) fn wanted(&self, track: &TrackSid) -> Wanted {
        self.by_id.values().filter_map(|it| it.wanted.get(track).copied()).fold(Wanted::default(), Wanted::or)
    }

    /// A track's description has changed.
    pub(super) fn described_anew(&mut self, publisher: &ParticipantSid) {
        if self.of(publisher).next().is_some() {
            self.due.insert(publisher.clone());
        }
    }
}

impl World {
    /// Somebody outside wants to know all of a participant from here on.
    pub(super) fn follow(&mut self, follower: FollowerId, identity: &str) -> Result<Reply, Fault> {
        let sid = self.named(identity)?;
        if self.followers.of(&sid).count() >= FOLLOWERS_MAX {
            return Err(Fault::TooManyForwards(FOLLOWERS_MAX));
        }
        self.followers.by_id.insert(follower, Follower { sid: sid.clone(), wanted: BTreeMap::new() });
        self.show(&sid);
        Ok(Reply::Done)
    }

    /// Somebody outside wants to know no more.
    pub(super) fn unfollow(&mut self, follower: FollowerId) {
        let Some(gone) = self.followers.by_id.remove(&follower) else { return };
        self.viewers_changed.extend(gone.wanted.into_keys());
    }

    /// What is wanted of a track where a portrait hangs.
    pub(super) fn wanted_outside(&mut self, follower: FollowerId, update: &proto::SubscribedQualityUpdate) {
        let track = TrackSid::new(&update.track_sid);
        let Some(follower) = self.followers.by_id.get_mut(&follower) else { return };
        if self.tracks.get(&track).is_some_and(|it| it.publisher == follower.sid) {
            follower.wanted.insert(track.clone(), Wanted::read(update));
            self.viewers_changed.insert(track);
        }
    }

    /// Gives followers the portraits of those who changed.
    pub(super) fn flush_portraits(&mut self) {
        let mut due = std::mem::take(&mut self.followers.due);
        let followed = self.followers.by_id.values().map(|it| &it.sid);
        due.extend(followed.filter(|it| self.changed.contains(*it)).cloned());
        due.iter().for_each(|sid| self.show(sid));
    }

    /// A participant is gone, and its portraits with it.
    pub(super) fn take_down(&mut self, sid: &ParticipantSid) {
        for follower in self.followers.of(sid).collect::<Vec<_>>() {
            self.followers.by_id.remove(&follower);
            self.outputs.push_back(Output::Portrait(follower, None));
        }
    }

    fn show(&mut self, sid: &ParticipantSid) {
        let Some(portrait) = self.room.participant(sid).map(|it| Box::new(self.portrait(it))) else { return };
        for follower in self.followers.of(sid).collect::<Vec<_>>() {
            if let Some(follower) = self.followers.by_id.get_mut(&follower) {
                follower.wanted.retain(|track, _| portrait.tracks.iter().any(|it| it.info.sid == track.as_str()));
            }
            self.outputs.push_back(Output::Portrait(follower, Some(portrait.clone())));
        }
    }

    fn portrait(&self, participant: &Participant) -> Portrait {
        let tracks = participant.publications.iter().filter_map(|sid| {
            let publication = self.room.publication(sid).filter(|it| it.announced)?;
            let published = self.tracks.get(sid)?;
            let live = published.live.as_ref()?;
            let (info, layers) = (published.info(publication), publication.layers.clone());
            let backup = published.backup.as_ref().map(|it| (it.key, it.up.clone()));
            Some(PortraitTrack { info, layers, key: live.key, up: live.up.clone(), backup })
        });
        Portrait {
            identity: participant.identity.clone(),
            name: participant.name.clone(),
            metadata: participant.metadata.clone(),
            attributes: participant.attributes.clone(),
            hidden: participant.grants.hidden,
            claims_json: self.sessions.get(&participant.sid).map(|it| it.claims_json.clone()).unwrap_or_default(),
            tracks: tracks.collect(),
        }
    }
}
