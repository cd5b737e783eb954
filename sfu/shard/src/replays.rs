//! Who waits for a key frame: served from the ring where that has what it takes, else the publisher is asked, once for all.

use std::time::Instant;

use congestion::Stamp;
use door::{DownKey, ShardId, TrackKey};
use forward::{UpTrack, replay};
use wire::Ssrc;

use crate::media::{DATAGRAM_BYTES_MAX, send};
use crate::peers::PeerEntry;
use crate::routes::PeerSlot;
use crate::tracks::TrackEntry;
use crate::{Shard, ShardMessage, Task};

/// What a link passes in this time may be replayed, once its rate is known: a tenth of a second. More stands in the
/// link's queue and looks like overuse.
const LINK_TENTHS: u64 = 1;

/// Most bytes of a track that may be replayed to a peer.
fn replay_bytes_max(entry: &PeerEntry, up: &UpTrack, at: Stamp) -> u64 {
    let estimate = entry.sending.estimator.estimate(at).map(|estimate| estimate.target_bps);
    replayable_bytes(estimate, up.can_be_asked())
}

/// All that the ring has before a link is known, and where the publisher makes no key frame when it is asked for one, as
/// encoders do not: its next may be seconds away.
fn replayable_bytes(target_bps: Option<u64>, can_be_asked: bool) -> u64 {
    target_bps.filter(|_| can_be_asked).map_or(replay::BYTES_MAX, |bps| bps * LINK_TENTHS / 80)
}

impl Shard {
    /// Looks after the subscribers of a track that wait for a key frame.
    pub(crate) fn request_keyframes(&mut self, now: Instant, key: TrackKey) {
        let at = self.stamp(now);
        let Some(TrackEntry { up, subscribers, awaits_home, .. }) = self.tracks.by_key.get_mut(&key) else { return };
        if *awaits_home {
            return;
        }
        let mut wanted = 0_u32;
        for subscriber in subscribers {
            let down = &mut subscriber.down;
            let Some(encoding) = down.keyframe_wanted(now, up).filter(|_| !down.is_replaying()) else { continue };
            let Some(entry) = self.peers.at(subscriber.peer) else { continue };
            down.set_replay_bytes_max(replay_bytes_max(entry, up, at));
            if !down.can_replay(now, up) {
                wanted |= 1_u32.checked_shl(encoding.into()).unwrap_or(0);
            } else if entry.can_take_media() && down.begin_replay(now, up) {
                self.stats.replays += 1;
                self.timers.set(Task::Replay(subscriber.key), Some(now));
            }
        }
        for encoding in (0..up.encodings()).filter(|encoding| wanted >> encoding & 1 == 1) {
            self.want_keyframe(now, key, encoding);
        }
    }

    /// Asks for one keyframe, now or as soon as the throttle lets it.
    pub(crate) fn want_keyframe(&mut self, now: Instant, key: TrackKey, encoding: u8) {
        let Some(track) = self.tracks.at(key) else { return };
        if let Some(request) = track.up.request_keyframe(now, encoding) {
            self.send_keyframe_request(key, &request);
        }
        self.arm_track(key);
    }

    /// A subscriber says that it cannot go on without a key frame.
    pub(crate) fn on_picture_lost(&mut self, now: Instant, slot: PeerSlot, ssrc: Ssrc) {
        self.stats.plis_in += 1;
        let stamp = self.stamp(now);
        let Some(entry) = self.peers.at(slot) else { return };
        let Some(&at) = entry.downs.get(&ssrc) else { return };
        let Some(TrackEntry { up, subscribers, .. }) = self.tracks.by_key.get_mut(&at.track) else { return };
        let Some(subscriber) = subscribers.iter_mut().find(|subscriber| subscriber.key == at.down) else { return };
        subscriber.down.set_replay_bytes_max(replay_bytes_max(entry, up, stamp));
        if subscriber.down.begin_replay_again(now, up) {
            self.stats.replays += 1;
            self.timers.set(Task::Replay(at.down), Some(now));
        } else if let Some(encoding) = subscriber.down.picture_lost() {
            self.want_keyframe(now, at.track, encoding);
        }
    }

    /// The next step of a subscription's replay.
    pub(crate) fn advance_replay(&mut self, now: Instant, key: DownKey) {
        let at = self.stamp(now);
        let Some((_, TrackEntry { up, subscribers, .. })) = self.tracks.subscriber(key) else { return };
        let Some(subscriber) = subscribers.iter_mut().find(|subscriber| subscriber.key == key) else { return };
        let Some(entry) = self.peers.at(subscriber.peer) else { return };
        let down = &mut subscriber.down;
        if !entry.can_take_media() {
            down.pause();
            return;
        }
        while entry.sending.pacer.is_open(at) {
            let write = |out: &mut [u8]| down.replay(now, up, out);
            let Some(bytes) = send(entry, &mut self.outbox.datagrams, at, DATAGRAM_BYTES_MAX, write) else { break };
            self.stats.rtp_out += 1;
            self.stats.datagrams_out += 1;
            self.stats.bytes_out += bytes as u64;
        }
        if down.is_replaying() {
            self.timers.set(Task::Replay(key), Some(now + replay::STEP));
        }
    }

    /// A peer can take media from now on: its subscriptions begin.
    pub(crate) fn begin_media(&mut self, now: Instant, slot: PeerSlot) {
        let Some(entry) = self.peers.at(slot) else { return };
        let mut tracks: Vec<TrackKey> = entry.downs.values().map(|at| at.track).collect();
        tracks.dedup();
        for track in tracks {
            self.request_keyframes(now, track);
        }
    }

    /// Another shard begins to mirror a track: it gets what it can begin with, then whether the track is muted, which
    /// tells it that all is said.
    pub(crate) fn follow(&mut self, now: Instant, from: ShardId, key: TrackKey) {
        let Some(entry) = self.tracks.at(key) else {
            self.outbox.messages.push((from, ShardMessage::Ended(key)));
            return;
        };
        if !entry.mirrors.contains(&from) {
            entry.mirrors.push(from);
        }
        let muted = entry.up.is_muted();
        let mut messages = Vec::new();
        for (encoding, seqs) in entry.up.since_keyframes(now) {
            let packets = seqs.filter_map(|seq| entry.up.packet(encoding, seq));
            messages.extend(packets.map(|(_, bytes)| {
                let bytes = bytes.to_vec();
                (from, ShardMessage::Backlog { track: key, encoding, bytes })
            }));
        }
        messages.push((from, ShardMessage::Muted { track: key, muted }));
        self.outbox.messages.append(&mut messages);
    }

    /// One packet that came to the track's home before this shard began to mirror it.
    pub(crate) fn backlog(&mut self, now: Instant, key: TrackKey, encoding: u8, bytes: &[u8]) {
        let Some(track) = self.tracks.at(key) else { return };
        if let Ok(packet) = wire::rtp::Packet::parse(bytes) {
            track.up.receive_mirrored(now, encoding, &packet);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_link_bounds_what_can_be_asked_for_instead() {
        for (target_bps, can_be_asked, bytes) in [
            (Some(800_000), true, 10_000),
            (Some(800_000), false, replay::BYTES_MAX),
            (None, true, replay::BYTES_MAX),
            (None, false, replay::BYTES_MAX),
        ] {
            assert_eq!(replayable_bytes(target_bps, can_be_asked), bytes, "{target_bps:?} {can_be_asked}");
        }
    }
}
