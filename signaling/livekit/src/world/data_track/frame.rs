//! The head of a data track's packet, as far as a server must know it.

use std::sync::Arc;

/// Bytes of the fixed head.
const HEAD_BYTES: usize = 12;
/// The only version of the format.
const VERSION: u8 = 0;
/// Marks of a frame's first packet and of one that is the whole frame.
const BEGINS: [u8; 2] = [0b10, 0b11];

/// What is read of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FrameHead {
    /// The track, as the sender of the packet names it; never 0.
    pub handle: u16,
    /// A frame begins with this packet.
    pub begins: bool,
}

impl FrameHead {
    /// Reads the head; `None` when it is too short, of another version or without a track.
    pub fn parse(packet: &[u8]) -> Option<Self> {
        let head = packet.first_chunk::<HEAD_BYTES>()?;
        let (version, mark) = (head[0] >> 5, head[0] >> 3 & 0b11);
        let handle = u16::from_be_bytes([head[2], head[3]]);
        (version == VERSION && handle != 0).then_some(Self { handle, begins: BEGINS.contains(&mark) })
    }

    /// A copy of `packet` under another handle.
    pub fn readdressed(self, packet: &[u8], handle: u16) -> Arc<[u8]> {
        let mut copy = packet.to_vec();
        if let Some(place) = copy.get_mut(2..4) {
            place.copy_from_slice(&handle.to_be_bytes());
        }
        copy.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_readdresses() {
        let packet = [0b0001_1000, 0, 1, 2, 0, 9, 0, 1, 0, 0, 0, 5, 7, 7];
        let head = FrameHead::parse(&packet).unwrap();
        assert_eq!(head, FrameHead { handle: 0x102, begins: true });
        let copy = head.readdressed(&packet, 3);
        assert_eq!((&copy[..2], &copy[2..4], &copy[4..]), (&packet[..2], &[0, 3][..], &packet[4..]));
        for (byte, begins) in [(0b0001_0000, true), (0b0000_1000, false), (0b0000_0100, false)] {
            let packet = [byte, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
            assert_eq!(FrameHead::parse(&packet).unwrap().begins, begins);
        }
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert_eq!(FrameHead::parse(&[0; 12]), None, "no handle");
        assert_eq!(FrameHead::parse(&[0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]), None, "too short");
        assert_eq!(FrameHead::parse(&[0x20, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), None, "another version");
    }
}
