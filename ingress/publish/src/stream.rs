//! One RTP stream: numbers its packets.

use rand::Rng;
use wire::rtp::{FIXED_HEADER_BYTES, Header};
use wire::{Pt, Ssrc};

/// Longest RTP packet, bytes: with what forwarding and encryption add it stays below 1280, which every path carries.
pub(crate) const PACKET_BYTES_MAX: usize = 1200;
/// Longest payload, bytes.
pub(crate) const PAYLOAD_BYTES_MAX: usize = PACKET_BYTES_MAX - FIXED_HEADER_BYTES;

/// See the module's description.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) ssrc: Ssrc,
    pt: Pt,
    clock_hz: u32,
    seq: u16,
    offset: u32,
}

impl Stream {
    pub(crate) fn new(ssrc: Ssrc, pt: Pt, clock_hz: u32, rng: &mut impl Rng) -> Self {
        Self { ssrc, pt, clock_hz, seq: rng.random(), offset: rng.random() }
    }

    /// The RTP time of a media time in microseconds.
    pub(crate) fn timestamp(&self, time_us: i64) -> u32 {
        let ticks = i128::from(time_us) * i128::from(self.clock_hz) / 1_000_000;
        // RTP time wraps by design (RFC 3550 section 5.1).
        self.offset.wrapping_add((ticks & i128::from(u32::MAX)) as u32)
    }

    /// The packets of one access unit; the last has the marker.
    pub(crate) fn packets(&mut self, time_us: i64, payloads: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let (timestamp, last) = (self.timestamp(time_us), payloads.len().saturating_sub(1));
        let packet = |(index, payload): (usize, Vec<u8>)| self.packet(timestamp, index == last, &payload);
        payloads.into_iter().enumerate().map(packet).collect()
    }

    /// One packet.
    pub(crate) fn packet(&mut self, timestamp: u32, marker: bool, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; FIXED_HEADER_BYTES];
        let header = Header { marker, pt: self.pt, seq: self.seq, timestamp, ssrc: self.ssrc };
        // Twelve bytes are all that a header without extensions takes.
        let _ = header.write(&wire::ext::Writer::new(), &mut packet);
        packet.extend_from_slice(payload);
        self.seq = self.seq.wrapping_add(1);
        packet
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;
    use wire::rtp::Packet;

    use super::*;

    #[test]
    fn numbers_and_times_packets() {
        let mut rng = StdRng::seed_from_u64(7);
        let mut stream = Stream::new(Ssrc(9), Pt(96), 90_000, &mut rng);
        let zero = stream.timestamp(0);
        assert_eq!(stream.timestamp(33_000).wrapping_sub(zero), 2970);
        assert_eq!(stream.timestamp(-1_000_000), zero.wrapping_sub(90_000));
        let packets = stream.packets(33_000, vec![vec![1], vec![2; 1188]]);
        let parsed: Vec<_> = packets.iter().map(|packet| Packet::parse(packet).unwrap()).collect();
        assert_eq!(parsed[1].seq(), parsed[0].seq().wrapping_add(1));
        assert_eq!((parsed[0].marker(), parsed[1].marker()), (false, true));
        assert_eq!(parsed[1].timestamp(), zero.wrapping_add(2970));
        assert_eq!((parsed[1].payload().len(), packets[1].len()), (1188, PACKET_BYTES_MAX));
    }
}
