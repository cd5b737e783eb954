//! Writes a compound packet, packet by packet.

use thiserror::Error;

use super::description::ITEM_CNAME;
use super::{
    BYE, FORMAT_FIR, FORMAT_NACK, FORMAT_PLI, FORMAT_TRANSPORT, PSFB, RR, RTPFB, ReportBlock, SDES, SR, SenderInfo,
    TransportReport,
};
use crate::Ssrc;

/// Largest compound this server sends, in bytes: fits every path that carries media, with room for SRTCP's trailer.
pub const COMPOUND_BYTES_MAX: usize = 1200;
/// Most blocks in a report, and sources in a goodbye (5 bits).
const COUNT_MAX: usize = 31;

/// The packet does not fit behind those written; the compound is as it was before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("no room left in the compound RTCP packet")]
pub struct Full;

/// A compound packet under construction in a lent buffer.
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl<'b> Writer<'b> {
    /// Writes to `buffer`, at most [`COMPOUND_BYTES_MAX`] bytes of it.
    pub fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// Bytes written.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The compound so far.
    pub fn as_bytes(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or_default()
    }

    /// Sender report (RFC 3550 section 6.4.1) with at most 31 blocks.
    pub fn sender_report(&mut self, info: &SenderInfo, blocks: &[ReportBlock]) -> Result<(), Full> {
        self.packet(count(blocks.len())?, SR, |writer| {
            writer.put(&info.ssrc.0.to_be_bytes())?;
            writer.put(&info.ntp.to_be_bytes())?;
            writer.put(&info.rtp_time.to_be_bytes())?;
            writer.put(&info.packets.to_be_bytes())?;
            writer.put(&info.bytes.to_be_bytes())?;
            blocks.iter().try_for_each(|block| writer.put(&block.to_bytes()))
        })
    }

    /// Receiver report (RFC 3550 section 6.4.2) with at most 31 blocks.
    pub fn receiver_report(&mut self, ssrc: Ssrc, blocks: &[ReportBlock]) -> Result<(), Full> {
        self.packet(count(blocks.len())?, RR, |writer| {
            writer.put(&ssrc.0.to_be_bytes())?;
            blocks.iter().try_for_each(|block| writer.put(&block.to_bytes()))
        })
    }

    /// Source description (RFC 3550 section 6.5) of one source; a name over 255 bytes is cut.
    pub fn cname(&mut self, ssrc: Ssrc, name: &[u8]) -> Result<(), Full> {
        let len = u8::try_from(name.len()).unwrap_or(u8::MAX);
        let name = name.get(..usize::from(len)).unwrap_or_default();
        // At least one zero ends the items, and more fill the word.
        let end = 4 - (2 + name.len()) % 4;
        self.packet(1, SDES, |writer| {
            writer.put(&ssrc.0.to_be_bytes())?;
            writer.put(&[ITEM_CNAME, len])?;
            writer.put(name)?;
            writer.put([0; 4].get(..end).unwrap_or_default())
        })
    }

    /// Goodbye (RFC 3550 section 6.6) of at most 31 sources, without a reason.
    pub fn bye(&mut self, ssrcs: &[Ssrc]) -> Result<(), Full> {
        self.packet(count(ssrcs.len())?, BYE, |writer| {
            ssrcs.iter().try_for_each(|ssrc| writer.put(&ssrc.0.to_be_bytes()))
        })
    }

    /// Generic NACK (RFC 4585 section 6.2.1). Ascending sequence numbers pack best, 17 to four bytes; none at
    /// all writes nothing.
    pub fn nack(&mut self, sender: Ssrc, media: Ssrc, sequences: impl IntoIterator<Item = u16>) -> Result<(), Full> {
        let mut sequences = sequences.into_iter().peekable();
        if sequences.peek().is_none() {
            return Ok(());
        }
        self.feedback(FORMAT_NACK, RTPFB, sender, media, |writer| {
            while let Some(first) = sequences.next() {
                let mut mask = 0u16;
                while let Some(bit) = sequences.peek().and_then(|next| mask_bit(first, *next)) {
                    mask |= bit;
                    sequences.next();
                }
                writer.put(&first.to_be_bytes())?;
                writer.put(&mask.to_be_bytes())?;
            }
            Ok(())
        })
    }

    /// Picture loss indication (RFC 4585 section 6.3.1).
    pub fn pli(&mut self, sender: Ssrc, media: Ssrc) -> Result<(), Full> {
        self.feedback(FORMAT_PLI, PSFB, sender, media, |_| Ok(()))
    }

    /// Full intra request (RFC 5104 section 4.3.1); `number` goes up with each new request to `media`.
    pub fn fir(&mut self, sender: Ssrc, media: Ssrc, number: u8) -> Result<(), Full> {
        //= rfc5104#section-4.3.1.2: the SSRC of the media source is not used and set to 0.
        self.feedback(FORMAT_FIR, PSFB, sender, Ssrc(0), |writer| {
            writer.put(&media.0.to_be_bytes())?;
            writer.put(&[number, 0, 0, 0])
        })
    }

    /// Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1). `media` is any
    /// source of the transport; no status at all writes nothing.
    pub fn twcc(&mut self, sender: Ssrc, media: Ssrc, report: &TransportReport<'_>) -> Result<(), Full> {
        let statuses = u16::try_from(report.deltas.len()).map_err(|_| Full)?;
        if statuses == 0 {
            return Ok(());
        }
        let reference = (report.reference_time << 8 | u32::from(report.feedback_count)).to_be_bytes();
        self.feedback(FORMAT_TRANSPORT, RTPFB, sender, media, |writer| {
            writer.put(&report.base_sequence.to_be_bytes())?;
            writer.put(&statuses.to_be_bytes())?;
            writer.put(&reference)?;
            report.chunks().try_for_each(|word| writer.put(&word.to_be_bytes()))?;
            report.deltas.iter().flatten().try_for_each(|delta| match u8::try_from(*delta) {
                Ok(small) => writer.put(&[small]),
                Err(_) => writer.put(&delta.to_be_bytes()),
            })
        })
    }

    fn feedback(
        &mut self,
        format: u8,
        packet_type: u8,
        sender: Ssrc,
        media: Ssrc,
        body: impl FnOnce(&mut Self) -> Result<(), Full>,
    ) -> Result<(), Full> {
        self.packet(format, packet_type, |writer| {
            writer.put(&sender.0.to_be_bytes())?;
            writer.put(&media.0.to_be_bytes())?;
            body(writer)
        })
    }

    /// Writes a header, then `body`, then padding to a whole word, and then the length; or nothing at all.
    fn packet(
        &mut self,
        format: u8,
        packet_type: u8,
        body: impl FnOnce(&mut Self) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let start = self.len;
        let written = self.put(&[0x80 | format, packet_type, 0, 0]).and_then(|()| body(self)).and_then(|()| self.pad());
        let finished = written.and_then(|padded| self.finish(start, padded));
        if finished.is_err() {
            self.len = start;
        }
        finished
    }

    fn pad(&mut self) -> Result<bool, Full> {
        let padding: &[u8] = match self.len % 4 {
            0 => return Ok(false),
            1 => &[0, 0, 3],
            2 => &[0, 2],
            _ => &[1],
        };
        self.put(padding)?;
        Ok(true)
    }

    fn finish(&mut self, start: usize, padded: bool) -> Result<(), Full> {
        let words = u16::try_from((self.len - start) / 4 - 1).map_err(|_| Full)?;
        let header = self.buffer.get_mut(start..start + 4).ok_or(Full)?;
        header[0] |= if padded { 0x20 } else { 0 };
        header[2..4].copy_from_slice(&words.to_be_bytes());
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        let end = self.len + bytes.len();
        if end > COMPOUND_BYTES_MAX {
            return Err(Full);
        }
        self.buffer.get_mut(self.len..end).ok_or(Full)?.copy_from_slice(bytes);
        self.len = end;
        Ok(())
    }
}

fn count(len: usize) -> Result<u8, Full> {
    u8::try_from(len).ok().filter(|_| len <= COUNT_MAX).ok_or(Full)
}

/// The bit that stands for `next` beside `first`, when it is one of the 16 behind it.
fn mask_bit(first: u16, next: u16) -> Option<u16> {
    match next.wrapping_sub(first) {
        distance @ 1..=16 => Some(1 << (distance - 1)),
        _ => None,
    }
}
