//! RTCP compound packets: framing, and borrowed views of what this server understands
//! (RFC 3550 section 6, RFC 4585 section 6, RFC 5104 section 4.3.1,
//! draft-holmer-rmcat-transport-wide-cc-extensions-01, draft-alvestrand-rmcat-remb-03).
//!
//! Every view is checked for length when it is made, so reading one cannot fail. [`Writer`] is the way back.

mod description;
mod feedback;
mod report;
mod transport;
mod writer;

#[cfg(test)]
mod tests;

use thiserror::Error;

pub use description::{Bye, SourceDescription};
pub use feedback::{Fir, Nack, Pli, Remb};
pub use report::{ReceiverReport, ReportBlock, SenderInfo, SenderReport};
pub use transport::{RUN_STATUSES_MAX, TransportFeedback, TransportReport};
pub use writer::{COMPOUND_BYTES_MAX, Full, Writer};

/// Sender report (RFC 3550 section 6.4.1).
const SR: u8 = 200;
/// Receiver report (RFC 3550 section 6.4.2).
const RR: u8 = 201;
/// Source description (RFC 3550 section 6.5).
const SDES: u8 = 202;
/// Goodbye (RFC 3550 section 6.6).
const BYE: u8 = 203;
/// Transport layer feedback (RFC 4585 section 6.2).
const RTPFB: u8 = 205;
/// Payload specific feedback (RFC 4585 section 6.3).
const PSFB: u8 = 206;

/// RTPFB format of generic NACK (RFC 4585 section 6.2.1).
const FORMAT_NACK: u8 = 1;
/// RTPFB format of transport-wide feedback.
const FORMAT_TRANSPORT: u8 = 15;
/// PSFB format of picture loss indication (RFC 4585 section 6.3.1).
const FORMAT_PLI: u8 = 1;
/// PSFB format of full intra request (RFC 5104 section 4.3.1).
const FORMAT_FIR: u8 = 4;
/// PSFB format of application layer feedback (RFC 4585 section 6.4), REMB among it.
const FORMAT_APPLICATION: u8 = 15;

/// A packet contradicts its own lengths; what follows it in the compound is still read where its frame allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[error("malformed RTCP packet")]
pub struct Malformed;

/// One packet of a compound.
#[derive(Clone, Copy, Debug)]
pub enum Packet<'a> {
    /// What a sender sent so far, and what it receives.
    SenderReport(SenderReport<'a>),
    /// What somebody who sends nothing receives.
    ReceiverReport(ReceiverReport<'a>),
    /// Names of sources.
    SourceDescription(SourceDescription<'a>),
    /// Sources that end.
    Bye(Bye<'a>),
    /// Request to send packets again.
    Nack(Nack<'a>),
    /// Arrival times by transport-wide sequence number.
    TransportFeedback(TransportFeedback<'a>),
    /// Request for a keyframe.
    Pli(Pli),
    /// Request for a keyframe with repeat protection.
    Fir(Fir<'a>),
    /// The receiver's estimate of the available rate.
    Remb(Remb<'a>),
    /// A type that this server does not read (APP, XR and the like).
    Other {
        /// The RTCP packet type, as on the wire.
        packet_type: u8,
        /// The five bits beside the version: count or format.
        format: u8,
    },
}

/// Whether a datagram of the RTP/RTCP class (first byte 128..=191) is RTCP (RFC 5761 section 4).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    datagram.get(1).is_some_and(|packet_type| (192..=223).contains(packet_type))
}

/// Walks the packets of a decrypted compound packet.
/// A broken frame ends the walk with [`Malformed`]; a broken body gives [`Malformed`] and goes on behind it.
pub fn packets(compound: &[u8]) -> Packets<'_> {
    Packets { rest: compound }
}

/// Iterator of [`packets`].
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some((frame, rest)) = Frame::split(self.rest) else {
            self.rest = &[];
            return Some(Err(Malformed));
        };
        self.rest = rest;
        Some(frame.parse().ok_or(Malformed))
    }
}

/// One packet's common header and the bytes behind it, without padding.
struct Frame<'a> {
    format: u8,
    packet_type: u8,
    body: &'a [u8],
}

impl<'a> Frame<'a> {
    fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (&[flags, packet_type, high, low], behind) = bytes.split_first_chunk()?;
        if flags >> 6 != 2 {
            return None;
        }
        let (padded, rest) = behind.split_at_checked(usize::from(u16::from_be_bytes([high, low])) * 4)?;
        let body = if flags & 0x20 == 0 { padded } else { unpad(padded)? };
        Some((Self { format: flags & 0x1f, packet_type, body }, rest))
    }

    fn parse(&self) -> Option<Packet<'a>> {
        let (count, body) = (usize::from(self.format), self.body);
        Some(match (self.packet_type, self.format) {
            (SR, _) => Packet::SenderReport(SenderReport::parse(count, body)?),
            (RR, _) => Packet::ReceiverReport(ReceiverReport::parse(count, body)?),
            (SDES, _) => Packet::SourceDescription(SourceDescription::parse(count, body)?),
            (BYE, _) => Packet::Bye(Bye::parse(count, body)?),
            (RTPFB, FORMAT_NACK) => Packet::Nack(Nack::parse(body)?),
            (RTPFB, FORMAT_TRANSPORT) => Packet::TransportFeedback(TransportFeedback::parse(body)?),
            (PSFB, FORMAT_PLI) => Packet::Pli(Pli::parse(body)?),
            (PSFB, FORMAT_FIR) => Packet::Fir(Fir::parse(body)?),
            (PSFB, FORMAT_APPLICATION) if Remb::is_named(body) => Packet::Remb(Remb::parse(body)?),
            (packet_type, format) => Packet::Other { packet_type, format },
        })
    }
}

/// Takes the padding off. libwebrtc pads transport feedback by one to three bytes, so the multiple of
/// four that RFC 3550 section 6.4.1 asks for is not insisted upon.
fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let padding = usize::from(*padded.last()?);
    if padding == 0 {
        return None;
    }
    padded.get(..padded.len().checked_sub(padding)?)
}

/// Takes a big-endian number off the front.
fn take_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (head, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*head), rest))
}
