//! Tracks without a peer: control feeds them with packets that another door let in.

use std::time::Instant;

use door::{Packets, TrackKey, UpTrackParams};
use forward::UpTrack;
use wire::rtp::Packet;

use crate::tracks::TrackEntry;
use crate::{Shard, ShardMessage};

impl Shard {
    pub(crate) fn add_fed_track(&mut self, track: TrackKey, params: &UpTrackParams) -> Option<()> {
        if track.shard != self.config.id || self.tracks.by_key.contains_key(&track) {
            return None;
        }
        let entry = TrackEntry::new(params.kind, UpTrack::new(params.clone()), None);
        self.tracks.by_key.insert(track, TrackEntry { is_fed: true, ..entry });
        Some(())
    }

    /// Packets of a fed track, as if its publisher had sent them.
    pub(crate) fn feed(&mut self, now: Instant, key: TrackKey, encoding: u8, packets: &Packets) -> Option<()> {
        for bytes in packets.iter() {
            let track = self.tracks.at(key).filter(|track| track.is_fed)?;
            let arrival = Packet::parse(bytes).ok().map(|packet| track.up.receive(now, encoding, &packet, false));
            self.stats.rtp_in += 1;
            match arrival {
                Some(Some(arrival)) => self.arrived(now, key, arrival),
                Some(None) => {}
                None => self.stats.datagrams_bad += 1,
            }
        }
        self.arm_track(key);
        Some(())
    }

    /// What a sender report would have told of a fed track.
    pub(crate) fn feed_clock(&mut self, now: Instant, key: TrackKey, encoding: u8, clock: (u64, u32)) -> Option<()> {
        let track = self.tracks.at(key).filter(|track| track.is_fed)?;
        let (ntp, rtp) = clock;
        track.up.sender_report(now, encoding, ntp, rtp);
        for shard in track.mirrors.clone() {
            self.outbox.messages.push((shard, ShardMessage::SenderReport { track: key, encoding, ntp, rtp }));
        }
        Some(())
    }
}
