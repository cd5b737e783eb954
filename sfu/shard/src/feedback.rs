//! RTCP that peers send: reports, requests for packets and for keyframes.

use std::time::Instant;

use wire::rtcp::{self, Packet, ReportBlock, SenderInfo};

use crate::routes::PeerSlot;
use crate::{Shard, ShardMessage};

impl Shard {
    /// One decrypted compound packet.
    pub(crate) fn receive_rtcp(&mut self, now: Instant, slot: PeerSlot, compound: &[u8]) {
        for packet in rtcp::packets(compound) {
            match packet {
                Ok(packet) => self.on_rtcp(now, slot, &packet),
                Err(rtcp::Malformed) => self.stats.datagrams_bad += 1,
            }
        }
    }

    fn on_rtcp(&mut self, now: Instant, slot: PeerSlot, packet: &Packet<'_>) {
        match packet {
            Packet::SenderReport(report) => {
                self.on_sender_info(now, slot, &report.info);
                report.blocks().for_each(|block| self.on_report_block(now, slot, &block));
            }
            Packet::ReceiverReport(report) => {
                report.blocks().for_each(|block| self.on_report_block(now, slot, &block));
            }
            Packet::Nack(nack) => self.retransmit(now, slot, nack.media, nack.sequences()),
            Packet::Pli(pli) => self.on_picture_lost(now, slot, pli.media),
            Packet::Fir(fir) => {
                fir.requests().for_each(|(ssrc, _)| self.on_picture_lost(now, slot, ssrc));
            }
            Packet::TransportFeedback(feedback) => self.on_transport_feedback(now, slot, feedback),
            Packet::Remb(remb) => self.on_remb(now, slot, remb.bitrate_bps),
            Packet::SourceDescription(_) | Packet::Bye(_) | Packet::Other { .. } => {}
        }
    }

    fn on_sender_info(&mut self, now: Instant, slot: PeerSlot, info: &SenderInfo) {
        let route = self.peers.at(slot).and_then(|entry| entry.demux.route_ssrc(info.ssrc));
        let Some(route) = route.filter(|route| route.stream == forward::Stream::Media) else { return };
        let Some(track) = self.tracks.at(route.track) else { return };
        track.up.sender_report(now, route.encoding, info.ntp, info.rtp_time);
        let (track, encoding, ntp, rtp) = (route.track, route.encoding, info.ntp, info.rtp_time);
        for shard in self.tracks.at(track).map(|track| track.mirrors.clone()).unwrap_or_default() {
            self.outbox.messages.push((shard, ShardMessage::SenderReport { track, encoding, ntp, rtp }));
        }
    }

    fn on_report_block(&mut self, now: Instant, slot: PeerSlot, block: &ReportBlock) {
        let Some(entry) = self.peers.at(slot) else { return };
        let Some(&at) = entry.downs.get(&block.ssrc) else { return };
        let Some(track) = self.tracks.by_key.get_mut(&at.track) else { return };
        let kind = track.kind;
        let Some(down) = track.subscriber(at.down).map(|subscriber| &subscriber.down) else { return };
        // Retransmissions are too few, and too late, to tell how a link fares.
        if down.params().ssrc == block.ssrc {
            self.watch.note(entry.key, kind, block, down.gaps());
        }
        if let Some(sample) = down.round_trip(now, block.last_sr, block.delay_since_sr) {
            entry.note_rtt(sample);
        }
    }
}
