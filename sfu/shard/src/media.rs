//! A packet's way through the shard: from its publisher into the ring, and from there to every subscriber.

use std::time::{Duration, Instant};

use congestion::Stamp;
use congestion::pacer::QUANTUM;
use door::{Datagrams, Kind, Notice, TrackKey};
use forward::{Arrival, Stream, UpTrack, Written};
use peer::SRTP_OVERHEAD_MAX;
use wire::Ssrc;
use wire::ext;
use wire::rtp::Packet;

use crate::levels::LEVELS_INTERVAL;
use crate::outbox::PORTION_BYTES;
use crate::peers::PeerEntry;
use crate::routes::PeerSlot;
use crate::sending::Held;
use crate::tracks::TrackEntry;
use crate::{Shard, ShardMessage, Task};

/// Bytes that a forwarded packet may be longer than the packet received: MID, other extension ids, RTX's two bytes.
const GROWTH_BYTES_MAX: usize = 64;

/// Longest packet that a publisher can have sent in one UDP datagram of 1500 bytes.
pub(crate) const DATAGRAM_BYTES_MAX: usize = 1500;

/// How often a video track in use looks after the layers of its subscribers.
const LAYERS_INTERVAL: Duration = Duration::from_millis(200);

impl Shard {
    /// One decrypted RTP packet of a publisher.
    pub(crate) fn receive_rtp(&mut self, now: Instant, slot: PeerSlot, bytes: &[u8]) {
        self.stats.rtp_in += 1;
        let Some(entry) = self.peers.at(slot) else { return };
        let Ok(packet) = Packet::parse(bytes) else {
            self.stats.datagrams_bad += 1;
            return;
        };
        let Some(route) = entry.demux.route(&packet) else {
            self.stats.datagrams_unknown += 1;
            return;
        };
        let Some(track) = self.tracks.by_key.get_mut(&route.track) else { return };
        if let Some(seq) = transport_sequence(&track.up, &packet) {
            entry.heard = packet.ssrc();
            entry.arrivals.note(now, seq);
            if let Some(at) = entry.arrivals.deadline() {
                self.timers.hasten(Task::TransportFeedback(slot), at);
            }
        }
        let arrival = track.up.receive(now, route.encoding, &packet, route.stream == Stream::Rtx);
        if let Some(sample) = track.up.take_round_trip() {
            entry.note_rtt(sample);
        }
        if let Some(arrival) = arrival {
            self.arrived(now, route.track, arrival);
        }
        self.arm_track(route.track);
        self.timers.hasten(Task::Reports(slot), now + crate::reports::REPORT_INTERVAL);
    }

    /// One packet of a track that lives on another shard.
    pub(crate) fn mirrored(&mut self, now: Instant, key: TrackKey, encoding: u8, bytes: &[u8]) {
        let Some(track) = self.tracks.at(key) else { return };
        track.awaits_home = false;
        let Ok(packet) = Packet::parse(bytes) else { return };
        if let Some(arrival) = track.up.receive_mirrored(now, encoding, &packet) {
            self.note_arrival(now, key, arrival);
            self.look_after_layers(now, key);
        }
        self.arm_track(key);
    }

    pub(crate) fn arrived(&mut self, now: Instant, key: TrackKey, arrival: Arrival) {
        let Some(track) = self.tracks.by_key.get_mut(&key) else { return };
        if !track.started {
            track.started = true;
            self.outbox.notices.push(Notice::TrackStarted(key));
        }
        if let Some(level) = arrival.level.filter(|_| !track.up.is_muted()) {
            track.loudness.note(level.dbov);
            self.timers.hasten(Task::Levels, now + LEVELS_INTERVAL);
        }
        if !track.mirrors.is_empty()
            && let Some((_, bytes)) = track.up.packet(arrival.encoding, arrival.seq)
        {
            for &shard in &track.mirrors {
                let message = ShardMessage::Packet { track: key, encoding: arrival.encoding, bytes: bytes.to_vec() };
                self.outbox.messages.push((shard, message));
            }
        }
        self.note_arrival(now, key, arrival);
        self.look_after_layers(now, key);
    }

    /// Keeps a packet for the end of the turn, or of its frame, unless it is a sound of which there are too many.
    fn note_arrival(&mut self, now: Instant, key: TrackKey, arrival: Arrival) {
        let is_sound = self.tracks.at(key).is_some_and(|track| track.kind == Kind::Audio);
        if !is_sound || self.admits(now, key, &arrival) {
            self.keep_pending(now, key, arrival);
        }
    }

    pub(crate) fn keep_pending(&mut self, now: Instant, key: TrackKey, arrival: Arrival) {
        let Some(track) = self.tracks.by_key.get_mut(&key) else { return };
        if track.pending.is_empty() {
            self.touched.push(key);
            track.pending_since = Some(now);
        }
        track.pending.push(arrival);
        self.touched_at = now;
    }

    /// Sends packets to every subscriber of this shard that should have them, but for those that wait for the rest of
    /// their frame.
    pub(crate) fn fan_out(&mut self, full: &mut dyn FnMut(&mut Datagrams)) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.retain(|&key| {
            let until = self.tracks.by_key.get(&key).and_then(TrackEntry::gathers_until);
            if let Some(until) = until.filter(|until| *until > self.touched_at) {
                self.timers.hasten(Task::FanOut, until);
                return true;
            }
            self.fan_out_track(key, full);
            false
        });
        self.touched = touched;
    }

    fn fan_out_track(&mut self, key: TrackKey, full: &mut dyn FnMut(&mut Datagrams)) {
        let now = self.touched_at;
        let at = Stamp::of(self.epoch, now);
        let Some(TrackEntry { kind, up, subscribers, pending, .. }) = self.tracks.by_key.get_mut(&key) else { return };
        let is_video = *kind == Kind::Video;
        if is_video && pending.len() > 1 {
            up.equalise(pending);
        }
        for subscriber in subscribers {
            let Some(entry) = self.peers.at(subscriber.peer) else { continue };
            // Sound alone is sent whatever the link carries.
            subscriber.down.set_numbered(is_video || !entry.sending.watched.is_empty());
            subscriber.down.set_lean(entry.sending.lean);
            for arrival in pending.iter() {
                if is_video && !subscriber.may_want(arrival) {
                    continue;
                }
                if is_video && entry.sending.is_closed(at) && subscriber.must_wait(now, up, arrival) {
                    if subscriber.leaves_for(arrival) {
                        self.stats.paced_left += entry.sending.leave(subscriber.key, arrival.encoding);
                    }
                    let fits = entry.sending.hold(Held { track: key, down: subscriber.key, arrival: *arrival });
                    self.stats.paced_dropped += u64::from(!fits);
                    let opens = entry.sending.pacer.opens_at().max(at.after(QUANTUM));
                    self.timers.hasten(Task::Rate(subscriber.peer), opens.instant(self.epoch));
                    continue;
                }
                let Some((_, packet)) = up.packet(arrival.encoding, arrival.seq) else { continue };
                let down = &mut subscriber.down;
                let write = |out: &mut [u8]| down.forward(now, up, arrival, out);
                if let Some(bytes) = send(entry, &mut self.outbox.datagrams, at, packet.len(), write) {
                    self.stats.rtp_out += 1;
                    self.stats.datagrams_out += 1;
                    self.stats.bytes_out += bytes as u64;
                    if !is_video {
                        entry.sending.sound.note(bytes);
                    }
                }
            }
            if entry.sending.begins(at)
                && let Some(patience) = entry.sending.patience()
            {
                self.timers.hasten(Task::Rate(subscriber.peer), patience.instant(self.epoch));
            }
            if self.outbox.datagrams.bytes().len() >= PORTION_BYTES {
                full(&mut self.outbox.datagrams);
            }
        }
        pending.clear();
    }

    /// Sends again what a subscriber misses of one of our sources.
    pub(crate) fn retransmit(&mut self, now: Instant, slot: PeerSlot, ssrc: Ssrc, seqs: impl Iterator<Item = u16>) {
        let sent_at = self.stamp(now);
        let Some(entry) = self.peers.at(slot) else { return };
        let Some(&at) = entry.downs.get(&ssrc) else { return };
        let Some(TrackEntry { up, subscribers, .. }) = self.tracks.by_key.get_mut(&at.track) else { return };
        let Some(subscriber) = subscribers.iter_mut().find(|subscriber| subscriber.key == at.down) else { return };
        let target_bps = entry.sending.estimator.estimate(sent_at).map(|estimate| estimate.target_bps);
        for seq in seqs {
            self.stats.nacks_in += 1;
            let down = &mut subscriber.down;
            // What is sent for the first time is no repetition. Where packets wait, none is sent again for what is left behind.
            let is_first = down.awaits(seq);
            let is_in_vain = entry.sending.is_closed(sent_at) && down.is_past(seq, up);
            if is_in_vain || !is_first && !entry.sending.may_repeat(sent_at, target_bps) {
                self.stats.rtx_withheld += 1;
                continue;
            }
            let write = |out: &mut [u8]| down.retransmit(now, up, seq, out);
            if let Some(bytes) = send(entry, &mut self.outbox.datagrams, sent_at, DATAGRAM_BYTES_MAX, write) {
                if is_first {
                    self.stats.rtp_out += 1;
                } else {
                    entry.sending.repeated(bytes);
                    self.stats.rtx_out += 1;
                }
                self.stats.datagrams_out += 1;
                self.stats.bytes_out += bytes as u64;
            }
        }
    }

    /// Once in a while, as packets come: does a subscriber wait for another layer?
    fn look_after_layers(&mut self, now: Instant, key: TrackKey) {
        let Some(track) = self.tracks.at(key) else { return };
        let due = track.kind == door::Kind::Video && track.layers_at.is_none_or(|at| now >= at);
        if due {
            track.layers_at = Some(now + LAYERS_INTERVAL);
            track.rates.measure(now, &track.up);
            track.note_watched(now);
            self.request_keyframes(now, key);
        }
    }

    pub(crate) fn arm_track(&mut self, key: TrackKey) {
        let deadline = self.tracks.at(key).and_then(|track| track.up.deadline());
        self.timers.set(Task::Track(key), deadline);
    }

    pub(crate) fn tell_levels(&mut self) {
        let tracks = self.tracks.by_key.iter_mut().filter(|(_, track)| !track.is_mirror());
        let levels: Vec<_> = tracks.filter_map(|(&key, track)| track.loudness.take(key)).collect();
        if !levels.is_empty() {
            self.outbox.notices.push(Notice::Levels(levels));
        }
    }
}

/// Writes a packet of at most `len` bytes and growth for a peer, numbers it for transport-wide feedback, and seals it.
/// The length sent, or `None` when nothing was.
pub(crate) fn send<'a>(
    entry: &mut PeerEntry,
    datagrams: &mut Datagrams,
    at: Stamp,
    len: usize,
    write: impl FnOnce(&mut [u8]) -> Option<Written<'a>>,
) -> Option<usize> {
    let path = entry.peer.path().filter(|_| entry.peer.can_send_media())?;
    let room = len + GROWTH_BYTES_MAX + SRTP_OVERHEAD_MAX;
    let (peer, sending) = (&mut entry.peer, &mut entry.sending);
    datagrams.write(path, room, |out| {
        let written = write(out)?;
        let place = written.transport_seq_offset.and_then(|at| out.get_mut(at..at + 2));
        let numbered = place.is_some();
        if let Some(place) = place {
            place.copy_from_slice(&sending.estimator.sequence().to_be_bytes());
        }
        let bytes = peer.seal_rtp(out, written.header_len, written.len, written.rest)?;
        sending.sent(at, bytes, numbered);
        Some(bytes)
    })
}

/// The packet's transport-wide sequence number, when feedback on it was negotiated.
fn transport_sequence(up: &UpTrack, packet: &Packet<'_>) -> Option<u16> {
    let params = up.params();
    let id = params.extensions.id(door::ExtensionKind::TransportSequence).filter(|_| params.transport_feedback)?;
    let (_, data) = packet.extensions().find(|&(other, _)| other == id)?;
    ext::transport_sequence(data)
}
