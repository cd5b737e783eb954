//! A view of one RTP packet (RFC 3550 section 5.1): checked once, then read without copying.

use std::ops::Range;

use crate::{Pt, Ssrc, ext};

/// Length of the header without contributing sources and extensions, in bytes.
pub const FIXED_HEADER_BYTES: usize = 12;

/// Why bytes are no RTP packet. The sender is at fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParseError {
    /// Shorter than the header that it announces.
    #[error("RTP packet ends within its header")]
    Short,
    /// The version field is not 2.
    #[error("RTP version is not 2")]
    Version,
    /// The padding count is zero or more than what follows the header.
    #[error("RTP padding count is impossible")]
    Padding,
}

/// One well-formed RTP packet in the clear.
#[derive(Clone, Debug)]
pub struct Packet<'a> {
    bytes: &'a [u8],
    extensions: Range<usize>,
    profile: u16,
    payload: Range<usize>,
}

impl<'a> Packet<'a> {
    /// Checks `bytes` and takes them as a packet.
    ///
    /// # Errors
    /// [`ParseError`] tells which rule of RFC 3550 section 5.1 the bytes break.
    #[inline]
    pub fn parse(bytes: &'a [u8]) -> Result<Self, ParseError> {
        let fixed = bytes.first_chunk::<FIXED_HEADER_BYTES>().ok_or(ParseError::Short)?;
        if fixed[0] >> 6 != 2 {
            return Err(ParseError::Version);
        }
        let mut at = FIXED_HEADER_BYTES + 4 * usize::from(fixed[0] & 0x0f);
        let mut profile = 0;
        let mut extensions = at..at;
        if fixed[0] & 0x10 != 0 {
            let head = bytes.get(at..at + 4).ok_or(ParseError::Short)?;
            profile = u16::from_be_bytes([head[0], head[1]]);
            extensions = at + 4..at + 4 + 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
            at = extensions.end;
        }
        let after_header = bytes.len().checked_sub(at).ok_or(ParseError::Short)?;
        let padding = padding_len(bytes, fixed[0] & 0x20 != 0, after_header)?;
        Ok(Self { bytes, extensions, profile, payload: at..bytes.len() - padding })
    }

    /// The whole packet.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether it ends a frame or begins a talk spurt.
    #[inline]
    pub fn marker(&self) -> bool {
        self.bytes[1] & 0x80 != 0
    }

    /// The payload type.
    #[inline]
    pub fn pt(&self) -> Pt {
        Pt(self.bytes[1] & 0x7f)
    }

    /// The sequence number.
    #[inline]
    pub fn seq(&self) -> u16 {
        u16::from_be_bytes([self.bytes[2], self.bytes[3]])
    }

    /// The timestamp in ticks of the codec's clock.
    #[inline]
    pub fn timestamp(&self) -> u32 {
        u32::from_be_bytes([self.bytes[4], self.bytes[5], self.bytes[6], self.bytes[7]])
    }

    /// The source.
    #[inline]
    pub fn ssrc(&self) -> Ssrc {
        Ssrc(u32::from_be_bytes([self.bytes[8], self.bytes[9], self.bytes[10], self.bytes[11]]))
    }

    /// The header extensions (RFC 8285); none for an unknown profile.
    #[inline]
    pub fn extensions(&self) -> ext::Iter<'a> {
        ext::Iter::new(self.profile, &self.bytes[self.extensions.clone()])
    }

    /// The payload without padding; empty for a packet that is all padding.
    #[inline]
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[self.payload.clone()]
    }

    /// Where the payload begins, which is also the length of the header, in bytes.
    #[inline]
    pub fn payload_offset(&self) -> usize {
        self.payload.start
    }

    /// Length of the padding with its count byte, in bytes.
    pub fn padding_len(&self) -> usize {
        self.bytes.len() - self.payload.end
    }
}

fn padding_len(bytes: &[u8], padded: bool, after_header: usize) -> Result<usize, ParseError> {
    if !padded {
        return Ok(0);
    }
    let count = usize::from(bytes.last().copied().unwrap_or(0));
    if count == 0 || count > after_header { Err(ParseError::Padding) } else { Ok(count) }
}

/// The fixed part of a header to be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    /// Whether it ends a frame or begins a talk spurt.
    pub marker: bool,
    /// The payload type.
    pub pt: Pt,
    /// The sequence number.
    pub seq: u16,
    /// The timestamp in ticks of the codec's clock.
    pub timestamp: u32,
    /// The source.
    pub ssrc: Ssrc,
}

impl Header {
    /// Writes the header with `extensions` and without contributing sources to the start of `out`, and
    /// returns its length in bytes, or `None` when `out` is too short.
    pub fn write(&self, extensions: &ext::Writer<'_>, out: &mut [u8]) -> Option<usize> {
        let (fixed, rest) = out.split_first_chunk_mut::<FIXED_HEADER_BYTES>()?;
        let extensions_len = extensions.write(rest)?;
        fixed[0] = if extensions_len == 0 { 0x80 } else { 0x90 };
        fixed[1] = u8::from(self.marker) << 7 | self.pt.0 & 0x7f;
        fixed[2..4].copy_from_slice(&self.seq.to_be_bytes());
        fixed[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        fixed[8..12].copy_from_slice(&self.ssrc.0.to_be_bytes());
        Some(FIXED_HEADER_BYTES + extensions_len)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PLAIN: [u8; 13] = [0x80, 0xe0, 0x12, 0x34, 0, 0, 0, 7, 0xde, 0xad, 0xbe, 0xef, 0x55];

    fn with(changes: &[(usize, u8)]) -> Vec<u8> {
        let mut bytes = PLAIN.to_vec();
        for &(at, byte) in changes {
            bytes[at] = byte;
        }
        bytes
    }

    #[test]
    fn reads_the_fixed_header() {
        let packet = Packet::parse(&PLAIN).unwrap();
        assert!(packet.marker());
        assert_eq!(packet.pt(), Pt(96));
        assert_eq!(packet.seq(), 0x1234);
        assert_eq!(packet.timestamp(), 7);
        assert_eq!(packet.ssrc(), Ssrc(0xdead_beef));
        assert_eq!(packet.payload(), [0x55]);
    }

    #[test]
    fn refuses_what_breaks_a_rule() {
        let cases: [(Vec<u8>, ParseError); 7] = [
            (PLAIN[..11].to_vec(), ParseError::Short),
            (with(&[(0, 0x40)]), ParseError::Version),
            (with(&[(0, 0x81)]), ParseError::Short),
            (with(&[(0, 0x90)]), ParseError::Short),
            (with(&[(0, 0xa0), (12, 0)]), ParseError::Padding),
            (with(&[(0, 0xa0), (12, 2)]), ParseError::Padding),
            (with(&[(0, 0xa0)])[..12].to_vec(), ParseError::Padding),
        ];
        for (bytes, error) in cases {
            assert_eq!(Packet::parse(&bytes).unwrap_err(), error, "{bytes:02x?}");
        }
    }

    #[test]
    fn refuses_an_extension_longer_than_the_packet() {
        let mut bytes = with(&[(0, 0x90)])[..12].to_vec();
        bytes.extend([0xbe, 0xde, 0, 2, 0x10, 1, 0, 0]);
        assert_eq!(Packet::parse(&bytes).unwrap_err(), ParseError::Short);
    }

    #[test]
    fn all_padding_leaves_no_payload() {
        let bytes = with(&[(0, 0xa0), (12, 1)]);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!((packet.payload(), packet.padding_len()), (&[][..], 1));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            if let Some(first) = bytes.first_mut() {
                *first = 0x80 | *first & 0x3f;
            }
            if let Ok(packet) = Packet::parse(&bytes) {
                let total = packet.payload_offset() + packet.payload().len() + packet.padding_len();
                prop_assert_eq!(total, bytes.len());
                for (id, data) in packet.extensions() {
                    prop_assert!(id != 0 && data.len() <= bytes.len());
                }
            }
        }

        #[test]
        fn a_written_header_reads_back(
            marker: bool, pt in 0u8..128, seq: u16, timestamp: u32, ssrc: u32,
            extensions in proptest::collection::btree_map(1u8..=20, proptest::collection::vec(any::<u8>(), 0..20), 0..6),
        ) {
            let header = Header { marker, pt: Pt(pt), seq, timestamp, ssrc: Ssrc(ssrc) };
            let mut writer = ext::Writer::new();
            for (id, data) in &extensions {
                prop_assert!(writer.push(*id, data));
            }
            let mut out = [0; 300];
            let len = header.write(&writer, &mut out).unwrap();
            let packet = Packet::parse(&out[..len]).unwrap();
            prop_assert_eq!((packet.marker(), packet.pt(), packet.seq()), (marker, Pt(pt), seq));
            prop_assert_eq!((packet.timestamp(), packet.ssrc()), (timestamp, Ssrc(ssrc)));
            let read: Vec<_> = packet.extensions().map(|(id, data)| (id, data.to_vec())).collect();
            prop_assert_eq!(read, extensions.into_iter().collect::<Vec<_>>());
        }
    }
}
