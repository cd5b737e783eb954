//! Source descriptions and goodbyes (RFC 3550 sections 6.5 and 6.6).

use super::take_u32;
use crate::Ssrc;

/// Item type of the canonical name.
pub(super) const ITEM_CNAME: u8 = 1;
/// Ends a chunk's items.
const ITEM_END: u8 = 0;

/// Names of sources.
#[derive(Clone, Copy, Debug)]
pub struct SourceDescription<'a> {
    count: usize,
    chunks: &'a [u8],
}

impl<'a> SourceDescription<'a> {
    pub(super) fn parse(count: usize, chunks: &'a [u8]) -> Option<Self> {
        let mut rest = chunks;
        for _ in 0..count {
            (_, rest) = chunk(rest)?;
        }
        Some(Self { count, chunks })
    }

    /// Sources with their canonical names, in the order of the packet. Sources without one are passed over.
    pub fn cnames(&self) -> impl Iterator<Item = (Ssrc, &'a [u8])> + use<'a> {
        let mut rest = self.chunks;
        let chunks = (0..self.count).map_while(move |_| {
            let (found, behind) = chunk(rest)?;
            rest = behind;
            Some(found)
        });
        chunks.filter_map(|(ssrc, cname)| Some((ssrc, cname?)))
    }
}

/// Reads one chunk: its source, its canonical name, and what is behind it.
#[allow(clippy::type_complexity)]
fn chunk(bytes: &[u8]) -> Option<((Ssrc, Option<&[u8]>), &[u8])> {
    let (ssrc, items) = take_u32(bytes)?;
    let (mut rest, mut cname) = (items, None);
    loop {
        let (&kind, behind) = rest.split_first()?;
        if kind == ITEM_END {
            break;
        }
        let (&len, behind) = behind.split_first()?;
        let (text, behind) = behind.split_at_checked(usize::from(len))?;
        if kind == ITEM_CNAME {
            cname = cname.or(Some(text));
        }
        rest = behind;
    }
    // The end mark belongs to the items, and zeros fill up to the next word.
    let taken = (items.len() - rest.len() + 1).next_multiple_of(4);
    Some(((Ssrc(ssrc), cname), items.get(taken..)?))
}

/// Sources that end.
#[derive(Clone, Copy, Debug)]
pub struct Bye<'a> {
    ssrcs: &'a [[u8; 4]],
    /// Why they end, as the sender puts it.
    pub reason: Option<&'a [u8]>,
}

impl<'a> Bye<'a> {
    pub(super) fn parse(count: usize, body: &'a [u8]) -> Option<Self> {
        let (ssrcs, behind) = body.split_at_checked(count * 4)?;
        let reason = match behind.split_first() {
            Some((&len, text)) => Some(text.get(..usize::from(len))?),
            None => None,
        };
        Some(Self { ssrcs: ssrcs.as_chunks().0, reason })
    }

    /// The sources.
    pub fn ssrcs(&self) -> impl ExactSizeIterator<Item = Ssrc> + use<'a> {
        self.ssrcs.iter().map(|ssrc| Ssrc(u32::from_be_bytes(*ssrc)))
    }
}
