//! Carries out what control asks: peers, tracks and subscriptions come and go.

use std::time::Instant;

use door::{
    Command, DownKey, DownTrackParams, LayerTarget, PeerKey, PeerParams, ShardId, TrackKey, UpTrackParams, Weight,
};
use forward::{DownTrack, UpTrack};
use peer::Peer;
use rand::Rng;

use crate::peers::{DownRef, PeerEntry};
use crate::routes::PeerSlot;
use crate::tracks::{Subscriber, TrackEntry};
use crate::{Shard, ShardMessage, Task};

impl Shard {
    /// One request of control. An unknown key is counted and ignored.
    pub fn command(&mut self, now: Instant, command: Command) {
        self.calm.stirred = true;
        let done = match command {
            Command::AddPeer(key, params) => self.add_peer(now, key, &params),
            Command::SetRemote { .. } => self.set_remote(now, command),
            Command::RemovePeer(key) => self.remove_peer_by_key(now, key),
            Command::AddUpTrack { track, peer, params } => self.add_up_track(track, peer, &params),
            Command::UpdateUpTrack { track, params } => self.update_up_track(track, &params),
            Command::AddFedTrack { track, params } => self.add_fed_track(track, &params),
            Command::Feed { track, encoding, packets } => self.feed(now, track, encoding, &packets),
            Command::FeedClock { track, encoding, ntp, rtp } => self.feed_clock(now, track, encoding, (ntp, rtp)),
            Command::RemoveUpTrack(track) => self.end_track(track),
            Command::MuteUpTrack { track, muted } => self.mute_track(now, track, muted),
            Command::AddDownTrack { down, peer, track, up, params, target } => {
                self.add_down_track(now, AddDown { down, peer, track, target }, &up, &params)
            }
            Command::SetTarget { down, target } => self.set_target(now, down, target),
            Command::SetWeight { down, weight } => self.set_weight(now, down, weight),
            Command::LimitRate { peer, bps } => self.limit_rate(now, peer, bps),
            Command::HoldVideo { peer, at_most } => self.hold_video(now, peer, at_most),
            Command::RemoveDownTrack(down) => self.remove_down_track(down),
            Command::SendData { peer, channel, payload } => self.send_data(now, peer, &channel, &payload),
            Command::DataTaken { peer, reliable, cost } => self.data_taken(now, peer, reliable, cost),
        };
        if done.is_none() {
            self.stats.commands_stale += 1;
        }
    }

    fn add_peer(&mut self, now: Instant, key: PeerKey, params: &PeerParams) -> Option<()> {
        let seed = self.config.seed.map(|_| self.rng.random());
        let peer = Peer::new(params, &self.config.identity, now, seed);
        let mut entry = PeerEntry::new(key, peer);
        entry.pauses = params.pauses;
        let slot = self.peers.insert(entry)?;
        self.calm.joining.insert(slot);
        self.lead_here(slot, &params.local.ufrag);
        self.after_peer(slot);
        Some(())
    }

    fn set_remote(&mut self, now: Instant, command: Command) -> Option<()> {
        let Command::SetRemote { peer, local, remote, fingerprint, role } = command else { return None };
        let slot = self.peers.slot(peer)?;
        if let Some(local) = &local {
            self.lead_here(slot, &local.ufrag);
        }
        let entry = self.peers.at(slot)?;
        entry.peer.set_remote(now, local, remote, fingerprint, role, &mut self.outbox.datagrams);
        self.after_peer(slot);
        Some(())
    }

    /// Checks that name `ufrag` are this peer's; those of two ICE restarts ago no longer.
    fn lead_here(&mut self, slot: PeerSlot, ufrag: &str) {
        let outlived = self.peers.at(slot).and_then(|entry| entry.note_ufrag(ufrag));
        if let Some(outlived) = outlived {
            self.routes.remove_ufrag(&outlived);
        }
        self.routes.add_ufrag(ufrag, slot);
    }

    fn remove_peer_by_key(&mut self, now: Instant, key: PeerKey) -> Option<()> {
        let slot = self.peers.slot(key)?;
        self.remove_peer(now, slot);
        Some(())
    }

    /// Forgets a peer, its tracks and its subscriptions.
    fn remove_peer(&mut self, now: Instant, slot: PeerSlot) {
        self.report_last(now, slot);
        let Some(entry) = self.peers.at(slot) else { return };
        entry.peer.close(now, &mut self.outbox.datagrams);
        let ups = std::mem::take(&mut entry.ups);
        let downs: Vec<DownKey> = entry.downs.values().map(|at| at.down).collect();
        let paths = std::mem::take(&mut entry.paths);
        let ufrags = std::mem::take(&mut entry.ufrags);
        for track in ups {
            self.end_track(track);
        }
        for down in downs {
            self.remove_down_track(down);
        }
        for path in paths {
            self.drop_path(slot, &path);
        }
        for ufrag in ufrags {
            self.routes.remove_ufrag(&ufrag);
        }
        self.timers.set(Task::Peer(slot), None);
        self.timers.set(Task::Rate(slot), None);
        self.timers.set(Task::Reports(slot), None);
        self.timers.set(Task::TransportFeedback(slot), None);
        self.calm.joining.remove(&slot);
        self.peers.remove(slot);
    }

    fn add_up_track(&mut self, track: TrackKey, peer: PeerKey, params: &UpTrackParams) -> Option<()> {
        let slot = self.peers.slot(peer)?;
        if self.tracks.by_key.contains_key(&track) {
            return None;
        }
        let entry = self.peers.at(slot)?;
        entry.demux.set_track(track, params);
        entry.ups.push(track);
        let entry = TrackEntry::new(params.kind, UpTrack::new(params.clone()), Some(slot));
        self.tracks.by_key.insert(track, entry);
        Some(())
    }

    fn update_up_track(&mut self, track: TrackKey, params: &UpTrackParams) -> Option<()> {
        let TrackEntry { up, subscribers, publisher, .. } = self.tracks.at(track)?;
        up.update(params.clone());
        for subscriber in subscribers {
            subscriber.down.update_up(params);
        }
        self.peers.at((*publisher)?)?.demux.set_track(track, params);
        Some(())
    }

    /// Ends a track here, its subscriptions, and its mirrors elsewhere.
    pub(crate) fn end_track(&mut self, track: TrackKey) -> Option<()> {
        let entry = self.tracks.by_key.remove(&track)?;
        self.loudest.forget(track);
        self.timers.set(Task::Track(track), None);
        for subscriber in entry.subscribers {
            self.note_ended_down(subscriber.peer, subscriber.down.stats().payload_bytes);
            self.tracks.downs.remove(&subscriber.key);
            self.forget_down_sources(subscriber.peer, subscriber.key);
        }
        for shard in entry.mirrors {
            self.outbox.messages.push((shard, ShardMessage::Ended(track)));
        }
        if let Some(publisher) = entry.publisher.and_then(|slot| self.peers.at(slot)) {
            publisher.ended.up += entry.up.payload_bytes();
            publisher.demux.remove_track(track);
            publisher.ups.retain(|&other| other != track);
        }
        Some(())
    }

    fn mute_track(&mut self, now: Instant, track: TrackKey, muted: bool) -> Option<()> {
        let entry = self.tracks.at(track)?;
        entry.up.set_muted(muted);
        for shard in entry.mirrors.clone() {
            self.outbox.messages.push((shard, ShardMessage::Muted { track, muted }));
        }
        self.request_keyframes(now, track);
        Some(())
    }

    fn add_down_track(
        &mut self,
        now: Instant,
        add: AddDown,
        up: &UpTrackParams,
        params: &DownTrackParams,
    ) -> Option<()> {
        let slot = self.peers.slot(add.peer)?;
        if self.tracks.downs.contains_key(&add.down) || !self.ensure_track(add.track, up) {
            return None;
        }
        let mut down = DownTrack::new(up, params.clone(), add.target, &mut self.rng);
        down.set_limit(self.watch_video(slot, &add, params));
        let entry = self.peers.at(slot)?;
        let at = DownRef { track: add.track, down: add.down };
        entry.downs.insert(params.ssrc, at);
        if let Some(rtx) = params.rtx_ssrc {
            entry.downs.insert(rtx, at);
        }
        let subscriber = Subscriber { key: add.down, peer: slot, down, held_switch: None };
        self.tracks.downs.insert(add.down, add.track);
        self.tracks.at(add.track)?.subscribers.push(subscriber);
        self.timers.hasten(Task::Reports(slot), now + crate::reports::REPORT_INTERVAL);
        self.request_keyframes(now, add.track);
        Some(())
    }

    /// Makes sure that the track is known here, by mirroring it if it lives elsewhere.
    fn ensure_track(&mut self, track: TrackKey, up: &UpTrackParams) -> bool {
        if self.tracks.by_key.contains_key(&track) {
            return true;
        }
        if track.shard == self.config.id {
            return false;
        }
        let mut mirror = TrackEntry::new(up.kind, UpTrack::mirror(up.clone()), None);
        mirror.awaits_home = true;
        self.tracks.by_key.insert(track, mirror);
        self.outbox.messages.push((track.shard, ShardMessage::Follow(track)));
        true
    }

    fn set_target(&mut self, now: Instant, down: DownKey, target: LayerTarget) -> Option<()> {
        let (track, entry) = self.tracks.subscriber(down)?;
        let subscriber = entry.subscriber(down)?;
        subscriber.down.set_target(target);
        let slot = subscriber.peer;
        self.request_keyframes(now, track);
        self.wish(now, slot, down, target);
        Some(())
    }

    fn set_weight(&mut self, now: Instant, down: DownKey, weight: Weight) -> Option<()> {
        let slot = self.tracks.subscriber(down)?.1.subscriber(down)?.peer;
        self.weigh(now, slot, down, weight);
        Some(())
    }

    fn remove_down_track(&mut self, down: DownKey) -> Option<()> {
        let track = self.tracks.downs.remove(&down)?;
        let entry = self.tracks.at(track)?;
        let index = entry.subscribers.iter().position(|subscriber| subscriber.key == down)?;
        let subscriber = entry.subscribers.swap_remove(index);
        let bytes = subscriber.down.stats().payload_bytes;
        let deserted = entry.is_mirror() && entry.subscribers.is_empty();
        self.note_ended_down(subscriber.peer, bytes);
        self.forget_down_sources(subscriber.peer, down);
        if deserted {
            self.tracks.by_key.remove(&track);
            self.loudest.forget(track);
            self.timers.set(Task::Track(track), None);
            self.outbox.messages.push((track.shard, ShardMessage::Unfollow(track)));
        }
        Some(())
    }

    fn forget_down_sources(&mut self, slot: PeerSlot, down: DownKey) {
        if let Some(entry) = self.peers.at(slot) {
            entry.downs.retain(|_, at| at.down != down);
            entry.sending.forget(down);
        }
    }

    fn send_data(&mut self, now: Instant, peer: PeerKey, channel: &door::ChannelLabel, payload: &[u8]) -> Option<()> {
        let slot = self.peers.slot(peer)?;
        let entry = self.peers.at(slot)?;
        match entry.peer.send_data(now, channel, payload, &mut self.outbox.datagrams) {
            Ok(()) => self.stats.data_out += 1,
            Err(_) => self.stats.data_dropped += 1,
        }
        self.after_peer(slot);
        Some(())
    }

    fn data_taken(&mut self, now: Instant, peer: PeerKey, reliable: bool, cost: u32) -> Option<()> {
        let slot = self.peers.slot(peer)?;
        let entry = self.peers.at(slot)?;
        entry.peer.grant_data(now, reliable, cost, &mut self.outbox.datagrams);
        self.after_peer(slot);
        Some(())
    }

    /// One message of another shard.
    pub fn message(&mut self, now: Instant, from: ShardId, message: ShardMessage) {
        self.calm.stirred |= !matches!(message, ShardMessage::Datagram { .. });
        match message {
            ShardMessage::Datagram { path, mut bytes } => self.receive_forwarded(now, path, &mut bytes),
            ShardMessage::PathOwned(path) => self.routes.add_foreign(path, from),
            ShardMessage::PathDropped(path) => self.routes.remove_foreign(&path, from),
            ShardMessage::Follow(track) => self.follow(now, from, track),
            ShardMessage::Unfollow(track) => {
                if let Some(entry) = self.tracks.at(track) {
                    entry.mirrors.retain(|&shard| shard != from);
                }
            }
            ShardMessage::Packet { track, encoding, bytes } => self.mirrored(now, track, encoding, &bytes),
            ShardMessage::SenderReport { track, encoding, ntp, rtp } => {
                if let Some(entry) = self.tracks.at(track) {
                    entry.up.sender_report(now, encoding, ntp, rtp);
                }
            }
            ShardMessage::KeyframeWanted { track, encoding } => self.want_keyframe(now, track, encoding),
            ShardMessage::Backlog { track, encoding, bytes } => self.backlog(now, track, encoding, &bytes),
            ShardMessage::Muted { track, muted } => {
                if let Some(entry) = self.tracks.at(track) {
                    entry.awaits_home = false;
                    entry.up.set_muted(muted);
                    self.request_keyframes(now, track);
                }
            }
            ShardMessage::Ended(track) => {
                self.end_track(track);
            }
        }
    }
}

/// Who subscribes to what.
pub(crate) struct AddDown {
    pub(crate) down: DownKey,
    pub(crate) peer: PeerKey,
    pub(crate) track: TrackKey,
    pub(crate) target: LayerTarget,
}
