//! Data tracks: lossy frames from one publisher to those who subscribe, under handles of each side's own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use door::{ChannelLabel, Command};
use livekit_protocol as proto;
use proto::request_response::{Reason, Request};
use proto::signal_response::Message;
use room::{ParticipantSid, State};

use super::{Now, World};

mod frame;

pub use frame::FrameHead;

/// Data tracks that one participant may publish.
pub(super) const DATA_TRACKS_MAX: usize = 100;
/// Data tracks that one participant may receive; more are refused without a word.
pub(super) const DATA_SUBSCRIPTIONS_MAX: usize = 1_000;
/// Longest name in bytes, as LiveKit has it.
const NAME_BYTES_MAX: usize = 256;

/// One published data track.
#[derive(Debug)]
pub(super) struct DataTrack {
    info: proto::DataTrackInfo,
    publisher: ParticipantSid,
    subscribers: BTreeMap<ParticipantSid, Receiver>,
}

/// How one subscriber receives it.
#[derive(Clone, Copy, Debug)]
struct Receiver {
    /// Its name in packets to this subscriber.
    handle: u16,
    /// The least time between two frames.
    interval: Duration,
    /// When the last frame began that was passed on.
    last: Option<Instant>,
    /// The present frame is passed on.
    passes: bool,
}

/// All data tracks of a room by their ids.
pub(super) type DataTracks = BTreeMap<String, DataTrack>;

impl World {
    /// A client publishes a data track.
    pub(super) fn publish_data_track(&mut self, sid: &ParticipantSid, request: proto::PublishDataTrackRequest) {
        if let Err((reason, text)) = self.may_publish_data_track(sid, &request) {
            return self.respond(sid, 0, reason, text, Some(Request::PublishDataTrack(request)));
        }
        let info = proto::DataTrackInfo {
            pub_handle: request.pub_handle,
            sid: room::ids::random_text("DTR_", &mut self.rng),
            name: request.name,
            encryption: request.encryption,
            frame_encoding: request.frame_encoding,
            schema: request.schema,
        };
        let track = DataTrack { info: info.clone(), publisher: sid.clone(), subscribers: BTreeMap::new() };
        self.data_tracks.insert(info.sid.clone(), track);
        self.tell(sid, Message::PublishDataTrackResponse(proto::PublishDataTrackResponse { info: Some(info.clone()) }));
        self.room.touch(sid);
        let automatic: Vec<_> =
            self.sessions.values().filter(|it| it.auto_data_tracks).map(|it| it.sid.clone()).collect();
        for subscriber in automatic {
            self.subscribe_data_track(&subscriber, &info.sid, None);
        }
    }

    fn may_publish_data_track(
        &self,
        sid: &ParticipantSid,
        request: &proto::PublishDataTrackRequest,
    ) -> Result<(), (Reason, &'static str)> {
        let own = || self.data_tracks.values().filter(|it| it.publisher == *sid);
        if !self.room.participant(sid).is_some_and(|it| it.grants.can_publish_data) {
            return Err((Reason::NotAllowed, "does not have permission to publish data"));
        }
        if u16::try_from(request.pub_handle).is_ok_and(|it| it > 0) {
            if own().any(|it| it.info.pub_handle == request.pub_handle) {
                return Err((Reason::DuplicateHandle, "handle is in use"));
            }
        } else {
            return Err((Reason::InvalidHandle, "handle must be within 1 and 65535"));
        }
        if request.name.is_empty() || request.name.len() > NAME_BYTES_MAX {
            return Err((Reason::InvalidName, "name must have 1 to 256 bytes"));
        }
        if own().any(|it| it.info.name == request.name) {
            return Err((Reason::DuplicateName, "name is in use"));
        }
        if own().count() >= DATA_TRACKS_MAX {
            return Err((Reason::LimitExceeded, "too many data tracks"));
        }
        Ok(())
    }

    /// A client's data track ends.
    pub(super) fn unpublish_data_track(&mut self, sid: &ParticipantSid, request: proto::UnpublishDataTrackRequest) {
        let ours = |it: &&DataTrack| it.publisher == *sid && it.info.pub_handle == request.pub_handle;
        let Some(track) = self.data_tracks.values().find(ours).map(|it| it.info.sid.clone()) else {
            let echo = Some(Request::UnpublishDataTrack(request));
            return self.respond(sid, 0, Reason::NotFound, "data track is not there", echo);
        };
        let info = self.data_tracks.remove(&track).map(|it| it.info);
        self.tell(sid, Message::UnpublishDataTrackResponse(proto::UnpublishDataTrackResponse { info }));
        self.room.touch(sid);
    }

    /// What a client wants to receive of data tracks. Tracks that are not there are nothing to wait for.
    pub(super) fn update_data_subscription(&mut self, sid: &ParticipantSid, request: &proto::UpdateDataSubscription) {
        for update in &request.updates {
            if update.subscribe {
                let fps = update.options.and_then(|it| it.target_fps);
                self.subscribe_data_track(sid, &update.track_sid, fps);
            } else if let Some(track) = self.data_tracks.get_mut(&update.track_sid) {
                track.subscribers.remove(sid);
            }
        }
    }

    fn subscribe_data_track(&mut self, sid: &ParticipantSid, track: &str, fps: Option<u32>) {
        let handles: Vec<_> = self.data_handles(sid).map(|(handle, _)| handle).collect();
        let may = self.room.participant(sid).is_some_and(|it| it.grants.can_subscribe);
        let Some(track) = self.data_tracks.get_mut(track).filter(|it| may && it.publisher != *sid) else { return };
        if self.room.participant(&track.publisher).is_none_or(|it| it.grants.hidden) {
            return;
        }
        let interval = fps.filter(|it| *it > 0).map_or(Duration::ZERO, |fps| Duration::from_secs(1) / fps);
        let known = track.subscribers.get(sid).map(|it| it.handle);
        let full = handles.len() >= DATA_SUBSCRIPTIONS_MAX;
        let Some(handle) = known.or_else(|| free_handle(&track.info, &handles).filter(|_| !full)) else { return };
        track.subscribers.insert(sid.clone(), Receiver { handle, interval, last: None, passes: false });
        self.handles_due.insert(sid.clone());
    }

    /// Subscribes a newcomer to all that is there, if it wants that.
    pub(super) fn subscribe_all_data_tracks(&mut self, sid: &ParticipantSid) {
        if self.sessions.get(sid).is_some_and(|it| it.auto_data_tracks) {
            let tracks: Vec<_> = self.data_tracks.keys().cloned().collect();
            tracks.iter().for_each(|track| self.subscribe_data_track(sid, track, None));
        }
    }

    /// Under which handles a participant receives which tracks.
    fn data_handles(&self, sid: &ParticipantSid) -> impl Iterator<Item = (u16, &DataTrack)> {
        self.data_tracks.values().filter_map(move |track| Some((track.subscribers.get(sid)?.handle, track)))
    }

    /// Tells clients their handles, after the tracks themselves were told.
    pub(super) fn flush_handles(&mut self) {
        for sid in std::mem::take(&mut self.handles_due) {
            self.tell_handles(&sid);
        }
    }

    /// Tells a client its handles, if it has any.
    pub(super) fn tell_handles(&mut self, sid: &ParticipantSid) {
        let named = |(handle, track): (u16, &DataTrack)| {
            let publisher_identity = self.room.participant(&track.publisher)?.identity.clone();
            let published = proto::data_track_subscriber_handles::PublishedDataTrack {
                publisher_identity,
                publisher_sid: track.publisher.to_string(),
                track_sid: track.info.sid.clone(),
            };
            Some((handle.into(), published))
        };
        let sub_handles: std::collections::HashMap<_, _> = self.data_handles(sid).filter_map(named).collect();
        if !sub_handles.is_empty() {
            self.tell(sid, Message::DataTrackSubscriberHandles(proto::DataTrackSubscriberHandles { sub_handles }));
        }
    }

    /// What others are told of a participant's data tracks.
    pub(super) fn data_track_infos(&self, publisher: &ParticipantSid) -> Vec<proto::DataTrackInfo> {
        self.data_tracks.values().filter(|it| it.publisher == *publisher).map(|it| it.info.clone()).collect()
    }

    /// Whether a participant publishes a data track.
    pub(super) fn has_data_track(&self, publisher: &ParticipantSid, track: &str) -> bool {
        self.data_tracks.get(track).is_some_and(|it| it.publisher == *publisher)
    }

    /// Forgets what a participant published and received.
    pub(super) fn forget_data_tracks(&mut self, sid: &ParticipantSid) {
        self.data_tracks.retain(|_, track| track.publisher != *sid);
        self.data_tracks.values_mut().for_each(|track| _ = track.subscribers.remove(sid));
        self.handles_due.remove(sid);
    }

    /// The rights of a participant have changed: without `can_publish_data` its data tracks end, without `can_subscribe` it
    /// receives none, and those of a hidden one are for nobody.
    pub(super) fn follow_data_rights(&mut self, sid: &ParticipantSid, before: &room::Grants) {
        let Some(grants) = self.room.participant(sid).map(|it| it.grants.clone()) else { return };
        self.data_tracks.retain(|_, track| grants.can_publish_data || track.publisher != *sid);
        for track in self.data_tracks.values_mut() {
            if !grants.can_subscribe {
                track.subscribers.remove(sid);
            }
            if grants.hidden && track.publisher == *sid {
                track.subscribers.clear();
            }
        }
        if grants.can_subscribe && !before.can_subscribe {
            self.subscribe_all_data_tracks(sid);
        }
    }

    /// A packet on the data track channel: it goes to the track's subscribers under their handles.
    pub(super) fn data_frame(&mut self, sid: &ParticipantSid, payload: &[u8], now: Now) {
        let Some(head) = FrameHead::parse(payload) else { return };
        let ours = |it: &&mut DataTrack| it.publisher == *sid && it.info.pub_handle == u32::from(head.handle);
        let Some(track) = self.data_tracks.values_mut().find(ours) else { return };
        // Most subscribers have the publisher's own handle, and so share one copy.
        let mut copies: BTreeMap<u16, Arc<[u8]>> = BTreeMap::new();
        let mut ready = Vec::new();
        for (subscriber, receiver) in &mut track.subscribers {
            let there = self.room.participant(subscriber).is_some_and(|it| it.state == State::Active);
            let session = self.sessions.get(subscriber).filter(|_| there && receiver.takes(head, now.monotonic));
            let Some(peer) = session.and_then(|it| it.open_for(&ChannelLabel::DataTrack)) else { continue };
            let copy = copies.entry(receiver.handle).or_insert_with(|| head.readdressed(payload, receiver.handle));
            ready.push((peer, copy.clone()));
        }
        if let Some(session) = self.sessions.get_mut(sid) {
            session.pace.spend(now.monotonic, ready.len(), payload.len());
        }
        for (peer, payload) in ready {
            self.command(Command::SendData { peer, channel: ChannelLabel::DataTrack, payload });
        }
    }
}

impl Receiver {
    /// Whether a packet is passed on: all packets of a frame are, or none.
    fn takes(&mut self, head: FrameHead, now: Instant) -> bool {
        if head.begins {
            self.passes = self.last.is_none_or(|last| now.saturating_duration_since(last) >= self.interval);
            if self.passes {
                self.last = Some(now);
            }
        }
        self.passes || self.interval.is_zero()
    }
}

/// The publisher's handle, so that packets need not be rewritten, or else the lowest that is free.
fn free_handle(info: &proto::DataTrackInfo, taken: &[u16]) -> Option<u16> {
    let own = u16::try_from(info.pub_handle).ok();
    own.into_iter().chain(1..=u16::MAX).find(|it| !taken.contains(it))
}
