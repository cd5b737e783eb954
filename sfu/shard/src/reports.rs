//! RTCP that we send: reports, transport-wide feedback, requests for packets and for keyframes.

use std::time::{Duration, Instant};

use door::TrackKey;
use forward::{KeyframeRequest, ReceptionReport};
use peer::SRTP_OVERHEAD_MAX;
use wire::Ssrc;
use wire::rtcp::{COMPOUND_BYTES_MAX, Full, ReportBlock, SenderInfo, Writer};

use crate::routes::PeerSlot;
use crate::{Shard, ShardMessage, Task};

/// Between two reports to one peer. RFC 3550 section 6.2 asks for 5 s at least, reduced by RFC 4585; browsers use 1 s.
pub(crate) const REPORT_INTERVAL: Duration = Duration::from_secs(1);

/// Most report blocks in one packet (RFC 3550 section 6.4.1).
const BLOCKS_MAX: usize = 31;

/// Our own source in feedback that is about nothing that we send.
const OWN_SSRC: Ssrc = Ssrc(1);

impl Shard {
    /// Writes one compound packet for a peer, seals and sends it.
    fn send_rtcp(&mut self, slot: PeerSlot, write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) {
        let Some(entry) = self.peers.at(slot) else { return };
        let Some(path) = entry.peer.path().filter(|_| entry.peer.can_send_media()) else { return };
        let peer = &mut entry.peer;
        let sent = self.outbox.datagrams.write(path, COMPOUND_BYTES_MAX + SRTP_OVERHEAD_MAX, |out| {
            let (room, _) = out.split_at_mut(COMPOUND_BYTES_MAX);
            let mut writer = Writer::new(room);
            // What does not fit is left out: reports and requests are repeated.
            let _ = write(&mut writer);
            let len = writer.len();
            (len > 0).then(|| peer.seal_rtcp(out, len)).flatten()
        });
        if let Some(bytes) = sent {
            self.stats.datagrams_out += 1;
            self.stats.bytes_out += bytes as u64;
        }
    }

    /// Sender reports of all that a peer gets, reception reports of all that it sends.
    pub(crate) fn send_reports(&mut self, now: Instant, slot: PeerSlot) {
        let blocks = self.report_blocks(now, slot);
        let infos = self.sender_infos(now, slot);
        if self.peers.at(slot).is_some_and(|entry| !(entry.ups.is_empty() && entry.downs.is_empty())) {
            self.timers.set(Task::Reports(slot), Some(now + REPORT_INTERVAL));
        }
        for blocks in blocks.chunks(BLOCKS_MAX) {
            self.send_rtcp(slot, |writer| writer.receiver_report(OWN_SSRC, blocks));
        }
        // A sender report takes 28 bytes, and one SDES 8 and its name: 16 fit one compound packet.
        for infos in infos.chunks(16) {
            self.send_rtcp(slot, |writer| infos.iter().try_for_each(|info| writer.sender_report(info, &[])));
        }
    }

    fn report_blocks(&mut self, now: Instant, slot: PeerSlot) -> Vec<ReportBlock> {
        let Some(entry) = self.peers.at(slot) else { return Vec::new() };
        let mut blocks = Vec::new();
        for key in &entry.ups {
            let Some(track) = self.tracks.by_key.get_mut(key) else { continue };
            let up = &mut track.up;
            blocks.extend((0..up.encodings()).filter_map(|encoding| up.reception_report(now, encoding)).map(block));
        }
        blocks
    }

    fn sender_infos(&mut self, now: Instant, slot: PeerSlot) -> Vec<SenderInfo> {
        let Some(entry) = self.peers.at(slot) else { return Vec::new() };
        let mut infos = Vec::new();
        let mut last = None;
        for at in entry.downs.values() {
            // Media and retransmission source of one subscription stand side by side more often than not.
            if last.replace(at.down) == Some(at.down) {
                continue;
            }
            let Some(track) = self.tracks.by_key.get_mut(&at.track) else { continue };
            let crate::tracks::TrackEntry { up, subscribers, .. } = track;
            let subscriber = subscribers.iter_mut().find(|subscriber| subscriber.key == at.down);
            let Some(report) = subscriber.and_then(|subscriber| subscriber.down.sender_report(now, up)) else {
                continue;
            };
            let forward::SenderReport { ssrc, ntp, rtp, packets, octets } = report;
            infos.push(SenderInfo { ssrc, ntp, rtp_time: rtp, packets, bytes: octets });
        }
        infos
    }

    pub(crate) fn send_transport_feedback(&mut self, now: Instant, slot: PeerSlot) {
        loop {
            let Some(entry) = self.peers.at(slot) else { return };
            let media = entry.heard;
            let mut arrivals = std::mem::take(&mut entry.arrivals);
            let told = arrivals.poll(now).map(|report| {
                self.send_rtcp(slot, |writer| writer.twcc(OWN_SSRC, media, &report));
            });
            let Some(entry) = self.peers.at(slot) else { return };
            entry.arrivals = arrivals;
            if told.is_none() {
                break;
            }
        }
        let deadline = self.peers.at(slot).and_then(|entry| entry.arrivals.deadline());
        self.timers.set(Task::TransportFeedback(slot), deadline);
    }

    /// Asks for what a track lacks.
    pub(crate) fn advance_track(&mut self, now: Instant, key: TrackKey) {
        let Some(track) = self.tracks.at(key) else { return };
        let (publisher, encodings) = (track.publisher, track.up.encodings());
        if let Some(slot) = publisher {
            let rtt = self.peers.at(slot).map(|entry| entry.rtt()).unwrap_or_default();
            for encoding in 0..encodings {
                self.send_nacks(now, key, slot, encoding, rtt);
            }
        }
        while let Some(request) = self.tracks.at(key).and_then(|track| track.up.keyframe_due(now)) {
            self.send_keyframe_request(key, &request);
        }
        self.arm_track(key);
    }

    fn send_nacks(&mut self, now: Instant, key: TrackKey, slot: PeerSlot, encoding: u8, rtt: Duration) {
        let mut seqs = Vec::new();
        let Some(ssrc) = self.tracks.at(key).and_then(|track| track.up.nacks(now, encoding, rtt, &mut seqs)) else {
            return;
        };
        if seqs.is_empty() {
            return;
        }
        self.stats.nacks_out += seqs.len() as u64;
        self.send_rtcp(slot, |writer| writer.nack(OWN_SSRC, ssrc, seqs));
    }

    /// Asks the publisher, or the shard on which it lives.
    pub(crate) fn send_keyframe_request(&mut self, key: TrackKey, request: &KeyframeRequest) {
        let Some(track) = self.tracks.at(key) else { return };
        match (track.publisher, request.ssrc) {
            (Some(slot), Some(ssrc)) => {
                self.stats.plis_out += 1;
                self.send_rtcp(slot, |writer| writer.pli(OWN_SSRC, ssrc));
            }
            (Some(_), None) => {}
            (None, _) if track.is_fed => {
                self.stats.plis_out += 1;
                let encoding = request.encoding;
                self.outbox.notices.push(door::Notice::KeyframeWanted { track: key, encoding });
            }
            (None, _) => {
                let message = ShardMessage::KeyframeWanted { track: key, encoding: request.encoding };
                self.outbox.messages.push((key.shard, message));
            }
        }
    }
}

fn block(report: ReceptionReport) -> ReportBlock {
    ReportBlock {
        ssrc: report.ssrc,
        fraction_lost: report.fraction_lost,
        lost: report.cumulative_lost,
        highest_sequence: report.highest_seq,
        jitter: report.jitter,
        last_sr: report.last_sender_report,
        delay_since_sr: report.delay_since_last,
    }
}
