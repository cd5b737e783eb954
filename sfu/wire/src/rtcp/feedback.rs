//! Requests from a receiver: generic NACK, PLI, FIR, and the REMB estimate.

use super::take_u32;
use crate::Ssrc;

/// REMB's name within application layer feedback.
const REMB_NAME: [u8; 4] = *b"REMB";

/// The two sources that begin every feedback packet (RFC 4585 section 6.1), and what is behind them.
pub(super) fn sources(body: &[u8]) -> Option<(Ssrc, Ssrc, &[u8])> {
    let (sender, body) = take_u32(body)?;
    let (media, body) = take_u32(body)?;
    Some((Ssrc(sender), Ssrc(media), body))
}

/// Generic NACK (RFC 4585 section 6.2.1).
#[derive(Clone, Copy, Debug)]
pub struct Nack<'a> {
    /// Who asks.
    pub sender: Ssrc,
    /// Whose packets are missing.
    pub media: Ssrc,
    pairs: &'a [[u8; 4]],
}

impl<'a> Nack<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let (sender, media, pairs) = sources(body)?;
        let (pairs, odd) = pairs.as_chunks();
        (odd.is_empty() && !pairs.is_empty()).then_some(Self { sender, media, pairs })
    }

    /// The missing sequence numbers; at most 17 for each four bytes of the packet.
    pub fn sequences(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.pairs.iter().flat_map(|&[a, b, c, d]| {
            let (first, mask) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let more = (0..16u16).filter(move |bit| mask & (1 << bit) != 0);
            std::iter::once(first).chain(more.map(move |bit| first.wrapping_add(bit + 1)))
        })
    }
}

/// Picture loss indication (RFC 4585 section 6.3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pli {
    /// Who asks.
    pub sender: Ssrc,
    /// Whose keyframe is wanted.
    pub media: Ssrc,
}

impl Pli {
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let (sender, media, _) = sources(body)?;
        Some(Self { sender, media })
    }
}

/// Full intra request (RFC 5104 section 4.3.1).
#[derive(Clone, Copy, Debug)]
pub struct Fir<'a> {
    /// Who asks.
    pub sender: Ssrc,
    entries: &'a [[u8; 8]],
}

impl<'a> Fir<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let (sender, _, entries) = sources(body)?;
        let (entries, odd) = entries.as_chunks();
        (odd.is_empty() && !entries.is_empty()).then_some(Self { sender, entries })
    }

    /// Sources whose keyframe is wanted, each with its command number: an equal number is a repetition.
    pub fn requests(&self) -> impl ExactSizeIterator<Item = (Ssrc, u8)> + use<'a> {
        self.entries.iter().map(|&[a, b, c, d, number, ..]| (Ssrc(u32::from_be_bytes([a, b, c, d])), number))
    }
}

/// Receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03 section 2.2).
#[derive(Clone, Copy, Debug)]
pub struct Remb<'a> {
    /// Who estimates.
    pub sender: Ssrc,
    /// The estimate in bits per second, saturated.
    pub bitrate_bps: u64,
    ssrcs: &'a [[u8; 4]],
}

impl<'a> Remb<'a> {
    /// Whether application layer feedback is REMB at all.
    pub(super) fn is_named(body: &[u8]) -> bool {
        body.get(8..12) == Some(&REMB_NAME)
    }

    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let (sender, _, body) = sources(body)?;
        let (_name, body) = body.split_first_chunk::<4>()?;
        let (&[count, a, b, c], ssrcs) = body.split_first_chunk()?;
        let mantissa = u128::from(u32::from_be_bytes([0, a & 3, b, c]));
        let bitrate_bps = u64::try_from(mantissa << (a >> 2)).unwrap_or(u64::MAX);
        let ssrcs = ssrcs.as_chunks().0.get(..usize::from(count))?;
        Some(Self { sender, bitrate_bps, ssrcs })
    }

    /// The sources that share the rate.
    pub fn ssrcs(&self) -> impl ExactSizeIterator<Item = Ssrc> + use<'a> {
        self.ssrcs.iter().map(|ssrc| Ssrc(u32::from_be_bytes(*ssrc)))
    }
}
