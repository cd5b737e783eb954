//! Sender and receiver reports (RFC 3550 section 6.4).

use super::take_u32;
use crate::Ssrc;

/// Bytes of one report block.
const BLOCK_BYTES: usize = 24;

/// The part of a sender report that tells of the sender's own stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SenderInfo {
    /// The stream.
    pub ssrc: Ssrc,
    /// Wall clock of the report: seconds since 1900 in the upper half, fraction in the lower.
    pub ntp: u64,
    /// The same instant in the stream's RTP timestamp.
    pub rtp_time: u32,
    /// RTP packets sent so far, wraps.
    pub packets: u32,
    /// Payload bytes sent so far, wraps.
    pub bytes: u32,
}

impl SenderInfo {
    /// The middle 32 bits of the NTP time, which a report block echoes as [`ReportBlock::last_sr`].
    pub fn ntp_middle(&self) -> u32 {
        ((self.ntp >> 16) & u64::from(u32::MAX)) as u32
    }
}

/// How one stream is received.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ReportBlock {
    /// The stream.
    pub ssrc: Ssrc,
    /// Share of packets lost since the last report, in 256ths.
    pub fraction_lost: u8,
    /// Packets lost so far: 24 bits with sign, negative when duplicates outweigh losses.
    pub lost: i32,
    /// Cycles in the upper 16 bits, highest sequence number in the lower.
    pub highest_sequence: u32,
    /// Interarrival jitter in RTP timestamp ticks.
    pub jitter: u32,
    /// [`SenderInfo::ntp_middle`] of the last sender report, zero before the first.
    pub last_sr: u32,
    /// Time since that report arrived, in 1/65536 s.
    pub delay_since_sr: u32,
}

impl ReportBlock {
    pub(super) fn to_bytes(self) -> [u8; BLOCK_BYTES] {
        let lost = self.lost.clamp(-0x80_0000, 0x7f_ffff).to_be_bytes();
        let lost = u32::from_be_bytes([self.fraction_lost, lost[1], lost[2], lost[3]]);
        let words = [self.ssrc.0, lost, self.highest_sequence, self.jitter, self.last_sr, self.delay_since_sr];
        let mut bytes = [0; BLOCK_BYTES];
        for (room, word) in bytes.chunks_exact_mut(4).zip(words) {
            room.copy_from_slice(&word.to_be_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8; BLOCK_BYTES]) -> Self {
        let mut words = [0; BLOCK_BYTES / 4];
        for (word, four) in words.iter_mut().zip(bytes.as_chunks().0) {
            *word = u32::from_be_bytes(*four);
        }
        let [ssrc, lost, highest_sequence, jitter, last_sr, delay_since_sr] = words;
        let [fraction_lost, a, b, c] = lost.to_be_bytes();
        // Shifting up and down again extends the sign of the 24-bit number.
        let lost = i32::from_be_bytes([a, b, c, 0]) >> 8;
        Self { ssrc: Ssrc(ssrc), fraction_lost, lost, highest_sequence, jitter, last_sr, delay_since_sr }
    }
}

/// A sender report.
#[derive(Clone, Copy, Debug)]
pub struct SenderReport<'a> {
    /// What was sent.
    pub info: SenderInfo,
    blocks: &'a [[u8; BLOCK_BYTES]],
}

impl<'a> SenderReport<'a> {
    pub(super) fn parse(count: usize, body: &'a [u8]) -> Option<Self> {
        let (ssrc, body) = take_u32(body)?;
        let (ntp, body) = body.split_first_chunk()?;
        let (rtp_time, body) = take_u32(body)?;
        let (packets, body) = take_u32(body)?;
        let (bytes, body) = take_u32(body)?;
        let info = SenderInfo { ssrc: Ssrc(ssrc), ntp: u64::from_be_bytes(*ntp), rtp_time, packets, bytes };
        Some(Self { info, blocks: blocks(count, body)? })
    }

    /// What the sender receives.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = ReportBlock> + use<'a> {
        self.blocks.iter().map(ReportBlock::from_bytes)
    }
}

/// A receiver report.
#[derive(Clone, Copy, Debug)]
pub struct ReceiverReport<'a> {
    /// Who reports.
    pub ssrc: Ssrc,
    blocks: &'a [[u8; BLOCK_BYTES]],
}

impl<'a> ReceiverReport<'a> {
    pub(super) fn parse(count: usize, body: &'a [u8]) -> Option<Self> {
        let (ssrc, body) = take_u32(body)?;
        Some(Self { ssrc: Ssrc(ssrc), blocks: blocks(count, body)? })
    }

    /// What is received.
    pub fn blocks(&self) -> impl ExactSizeIterator<Item = ReportBlock> + use<'a> {
        self.blocks.iter().map(ReportBlock::from_bytes)
    }
}

/// The counted blocks; profile-specific extensions may stand behind them (RFC 3550 section 6.4.3).
fn blocks(count: usize, body: &[u8]) -> Option<&[[u8; BLOCK_BYTES]]> {
    body.as_chunks().0.get(..count)
}
