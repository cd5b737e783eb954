//! Transport-wide feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1): the view and the
//! encoding of its packet chunks.

use super::feedback::sources;
use crate::Ssrc;

/// Most statuses that one run-length chunk counts (13 bits).
pub const RUN_STATUSES_MAX: usize = 0x1fff;
/// Statuses in a vector chunk of one-bit symbols.
const NARROW_STATUSES: usize = 14;
/// Statuses in a vector chunk of two-bit symbols.
const WIDE_STATUSES: usize = 7;
/// Bytes in front of the chunks, behind the two sources.
const HEAD_BYTES: usize = 8;

/// Arrival times of packets by transport-wide sequence number.
#[derive(Clone, Copy, Debug)]
pub struct TransportFeedback<'a> {
    /// Who received.
    pub sender: Ssrc,
    /// Any source of the transport.
    pub media: Ssrc,
    /// Sequence number of the first status.
    pub base_sequence: u16,
    /// How many sequence numbers are told of.
    pub status_count: u16,
    /// What the first delta counts from, in units of 64 ms; 24 bits, wraps, origin unknown.
    pub reference_time: u32,
    /// Counts feedback packets, wraps.
    pub feedback_count: u8,
    chunks: &'a [[u8; 2]],
    deltas: &'a [u8],
}

impl<'a> TransportFeedback<'a> {
    pub(super) fn parse(body: &'a [u8]) -> Option<Self> {
        let (sender, media, body) = sources(body)?;
        let (&[base_high, base_low, count_high, count_low, a, b, c, feedback_count], body) =
            body.split_first_chunk::<HEAD_BYTES>()?;
        let status_count = u16::from_be_bytes([count_high, count_low]);
        let (chunk_count, delta_bytes) = measure(usize::from(status_count), body.as_chunks().0)?;
        let (chunks, deltas) = body.split_at_checked(chunk_count * 2)?;
        Some(Self {
            sender,
            media,
            base_sequence: u16::from_be_bytes([base_high, base_low]),
            status_count,
            reference_time: u32::from_be_bytes([0, a, b, c]),
            feedback_count,
            chunks: chunks.as_chunks().0,
            deltas: deltas.get(..delta_bytes)?,
        })
    }

    /// Each sequence number with the time since the packet reported before it (since the reference time at
    /// first), in units of 250 µs, or `None` when it did not arrive. Yields [`Self::status_count`] items.
    pub fn statuses(&self) -> impl Iterator<Item = (u16, Option<i16>)> + use<'a> {
        let mut deltas = self.deltas;
        let symbols = self.chunks.iter().flat_map(|chunk| Chunk::decode(*chunk).symbols());
        symbols.zip(0..self.status_count).scan(self.base_sequence, move |sequence, (symbol, _)| {
            let item = (*sequence, symbol.delta(&mut deltas));
            *sequence = sequence.wrapping_add(1);
            Some(item)
        })
    }
}

/// Counts the chunks and the bytes of deltas that `statuses` need, or `None` when chunks are missing or
/// hold a reserved symbol. Costs a step per chunk, not per status: a run is cheap to claim.
fn measure(statuses: usize, chunks: &[[u8; 2]]) -> Option<(usize, usize)> {
    let (mut left, mut count, mut delta_bytes) = (statuses, 0, 0);
    while left > 0 {
        let chunk = Chunk::decode(*chunks.get(count)?);
        delta_bytes += chunk.delta_bytes(left)?;
        left -= chunk.len().min(left);
        count += 1;
        if chunk.len() == 0 {
            return None;
        }
    }
    Some((count, delta_bytes))
}

/// What became of one packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Symbol {
    Lost,
    Small,
    Large,
    Reserved,
}

impl Symbol {
    fn from_bits(bits: u16) -> Self {
        match bits & 3 {
            0 => Self::Lost,
            1 => Self::Small,
            2 => Self::Large,
            _ => Self::Reserved,
        }
    }

    fn of(delta: Option<i16>) -> Self {
        match delta {
            None => Self::Lost,
            Some(0..=255) => Self::Small,
            Some(_) => Self::Large,
        }
    }

    fn bits(self) -> u16 {
        match self {
            Self::Lost => 0,
            Self::Small => 1,
            Self::Large => 2,
            Self::Reserved => 3,
        }
    }

    fn delta_bytes(self) -> Option<usize> {
        match self {
            Self::Lost => Some(0),
            Self::Small => Some(1),
            Self::Large => Some(2),
            Self::Reserved => None,
        }
    }

    fn delta(self, deltas: &mut &[u8]) -> Option<i16> {
        let (delta, rest) = match self {
            Self::Small => deltas.split_first().map(|(byte, rest)| (i16::from(*byte), rest))?,
            Self::Large => deltas.split_first_chunk().map(|(two, rest)| (i16::from_be_bytes(*two), rest))?,
            Self::Lost | Self::Reserved => return None,
        };
        *deltas = rest;
        Some(delta)
    }
}

/// A packet chunk (sections 3.1.3 and 3.1.4).
#[derive(Clone, Copy, Debug)]
enum Chunk {
    Run(Symbol, usize),
    Narrow(u16),
    Wide(u16),
}

impl Chunk {
    fn decode(bytes: [u8; 2]) -> Self {
        let word = u16::from_be_bytes(bytes);
        match word >> 14 {
            0 | 1 => Self::Run(Symbol::from_bits(word >> 13), usize::from(word) & RUN_STATUSES_MAX),
            2 => Self::Narrow(word),
            _ => Self::Wide(word),
        }
    }

    fn len(self) -> usize {
        match self {
            Self::Run(_, len) => len,
            Self::Narrow(_) => NARROW_STATUSES,
            Self::Wide(_) => WIDE_STATUSES,
        }
    }

    fn symbol(self, index: usize) -> Symbol {
        match self {
            Self::Run(symbol, _) => symbol,
            Self::Narrow(word) => Symbol::from_bits((word >> (NARROW_STATUSES - 1 - index)) & 1),
            Self::Wide(word) => Symbol::from_bits(word >> (2 * (WIDE_STATUSES - 1 - index))),
        }
    }

    fn symbols(self) -> impl Iterator<Item = Symbol> {
        (0..self.len()).map(move |index| self.symbol(index))
    }

    /// Bytes of deltas for the chunk's first `statuses`, or `None` when one is reserved.
    fn delta_bytes(self, statuses: usize) -> Option<usize> {
        match self {
            Self::Run(symbol, len) => Some(symbol.delta_bytes()? * len.min(statuses)),
            _ => self.symbols().take(statuses).map(Symbol::delta_bytes).sum(),
        }
    }
}

/// What to write of arrivals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TransportReport<'a> {
    /// Sequence number of the first of `deltas`.
    pub base_sequence: u16,
    /// In units of 64 ms; 24 bits are written.
    pub reference_time: u32,
    /// Counts feedback packets, wraps.
    pub feedback_count: u8,
    /// For each sequence number the time since the one reported before it, in units of 250 µs, or `None` when
    /// it did not arrive. At most 65535.
    pub deltas: &'a [Option<i16>],
}

impl TransportReport<'_> {
    /// The words of the packet chunks, each as long as it can be.
    pub(super) fn chunks(&self) -> impl Iterator<Item = u16> {
        let mut rest = self.deltas;
        std::iter::from_fn(move || {
            let (word, taken) = encode(rest)?;
            rest = rest.get(taken..).unwrap_or_default();
            Some(word)
        })
    }
}

/// Encodes the first chunk of `deltas`: its word, and how many statuses it takes.
fn encode(deltas: &[Option<i16>]) -> Option<(u16, usize)> {
    let first = Symbol::of(*deltas.first()?);
    let run = deltas.iter().take(RUN_STATUSES_MAX).take_while(|delta| Symbol::of(**delta) == first).count();
    let narrow = deltas.iter().take(NARROW_STATUSES).all(|delta| Symbol::of(*delta) != Symbol::Large);
    let vector = if narrow { NARROW_STATUSES } else { WIDE_STATUSES };
    if run >= vector || run == deltas.len() {
        let len = u16::try_from(run).unwrap_or_default();
        return Some((first.bits() << 13 | len, run));
    }
    let (mark, width) = if narrow { (0b10 << 14, 1) } else { (0b11 << 14, 2) };
    let symbols = deltas.iter().copied().map(Symbol::of).chain(std::iter::repeat(Symbol::Lost));
    let bits = symbols.take(vector).fold(0, |word, symbol| word << width | symbol.bits());
    Some((mark | bits, vector.min(deltas.len())))
}
