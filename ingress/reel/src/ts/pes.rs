//! Packets of one stream (ISO/IEC 13818-1, 2.4.3.6), gathered from the transport's, and their clock of 90 kHz and 33 bits.

use crate::Fault;

/// Bytes before a packet's length counts.
const HEAD_BYTES: usize = 6;
/// Bits of the clock.
const CLOCK_BITS: u32 = 33;

/// A packet that is gathered.
#[derive(Debug, Default)]
pub(super) struct Pes {
    bytes: Vec<u8>,
    /// All of its bytes, where it says so.
    wanted: Option<usize>,
    open: bool,
}

impl Pes {
    /// Takes a payload: the packet that it ended by beginning another one, and the one that is whole with it.
    ///
    /// # Errors
    /// When a packet goes beyond `bytes_max`.
    pub(super) fn push(
        &mut self,
        starts: bool,
        payload: &[u8],
        bytes_max: usize,
    ) -> Result<[Option<Vec<u8>>; 2], Fault> {
        let before = if starts { self.take() } else { None };
        self.open |= starts;
        if !self.open {
            return Ok([None, None]);
        }
        if self.bytes.len() + payload.len() > bytes_max {
            return Err(Fault::TooLong("packet"));
        }
        self.bytes.extend_from_slice(payload);
        if self.wanted.is_none()
            && let &[_, _, _, _, high, low, ..] = self.bytes.as_slice()
        {
            let len = usize::from(u16::from_be_bytes([high, low]));
            // Pictures may leave it out.
            self.wanted = Some(if len == 0 { usize::MAX } else { HEAD_BYTES + len });
        }
        let whole = self.wanted.is_some_and(|wanted| self.bytes.len() >= wanted);
        Ok([before, if whole { self.take() } else { None }])
    }

    /// What was gathered.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        (self.open, self.wanted) = (false, None);
        let bytes = std::mem::take(&mut self.bytes);
        (!bytes.is_empty()).then_some(bytes)
    }
}

/// A packet's times and what it holds.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Packet<'a> {
    pub(super) pts: Option<u64>,
    pub(super) dts: Option<u64>,
    pub(super) data: &'a [u8],
}

impl<'a> Packet<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let &[0, 0, 1, _, _, _, marks, flags, head, ref rest @ ..] = bytes else { return None };
        if marks & 0xc0 != 0x80 {
            return None;
        }
        let (head, data) = rest.split_at_checked(usize::from(head))?;
        let time = |at: usize| head.get(at..)?.first_chunk::<5>().map(time);
        let pts = (flags & 0x80 != 0).then(|| time(0)).flatten();
        let dts = (flags & 0xc0 == 0xc0).then(|| time(5)).flatten();
        Some(Self { pts, dts, data })
    }
}

fn time(&[a, b, c, d, e]: &[u8; 5]) -> u64 {
    let [a, b, c, d, e] = [a, b, c, d, e].map(u64::from);
    (a >> 1 & 7) << 30 | b << 22 | c >> 1 << 15 | d << 7 | e >> 1
}

/// The clock made whole: it wraps after 26 hours.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    last: Option<i64>,
}

impl Ticks {
    /// The whole time of one of 33 bits.
    pub(super) fn place(&mut self, time: u64) -> i64 {
        let whole = match self.last {
            None => i64::try_from(time).unwrap_or_default(),
            Some(last) => last.saturating_add(self.beside(time, last)),
        };
        self.last = Some(whole);
        whole
    }

    /// By how much a time is later than a whole one.
    pub(super) fn beside(&self, time: u64, whole: i64) -> i64 {
        let shift = i64::BITS - CLOCK_BITS;
        // Only the lower bits count, and their highest is the sign.
        (time as i64).wrapping_sub(whole) << shift >> shift
    }
}

/// Milliseconds of a time.
pub(super) fn ms(ticks: i64) -> i64 {
    ticks.div_euclid(90)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A packet as it is written: with both times, or one.
    pub(crate) fn packet(pts: u64, dts: Option<u64>, data: &[u8]) -> Vec<u8> {
        let write = |mark: u64, time: u64| {
            [mark << 4 | time >> 30 << 1 | 1, time >> 22, time >> 15 << 1 | 1, time >> 7, time << 1 | 1]
                .map(|byte| byte as u8)
        };
        let times = match dts {
            Some(dts) => [write(3, pts), write(1, dts)].concat(),
            None => write(2, pts).to_vec(),
        };
        let flags = if dts.is_some() { 0xc0 } else { 0x80 };
        [&[0, 0, 1, 0xe0, 0, 0, 0x80, flags, times.len() as u8], times.as_slice(), data].concat()
    }

    #[test]
    fn times_and_data() {
        let highest = (1 << CLOCK_BITS) - 1;
        for (pts, dts) in [(0, None), (highest, Some(highest - 3003)), (5_000_000_000, Some(1))] {
            let bytes = packet(pts, dts, b"picture");
            assert_eq!(Packet::parse(&bytes), Some(Packet { pts: Some(pts), dts, data: b"picture" }));
            for len in 0..bytes.len() - 7 {
                assert_eq!(Packet::parse(&bytes[..len]), None, "{len}");
            }
        }
    }

    #[test]
    fn the_clock_wraps_both_ways() {
        let (mut ticks, highest) = (Ticks::default(), (1i64 << CLOCK_BITS) - 1);
        for (time, whole) in [(highest - 10, highest - 10), (20, highest + 21), (highest, highest), (0, highest + 1)] {
            assert_eq!(ticks.place(time as u64), whole);
        }
        assert_eq!((ticks.beside(90, highest + 1), ticks.beside(highest as u64, highest + 1)), (90, -1));
    }

    #[test]
    fn packets_are_gathered_and_bounded() {
        let mut pes = Pes::default();
        assert_eq!(pes.push(false, b"the end of one", 100), Ok([None, None]));
        assert_eq!(pes.push(true, &[0, 0, 1, 0xe0, 0, 0], 100), Ok([None, None]));
        assert_eq!(pes.push(false, b"a", 100), Ok([None, None]));
        let sound = [0, 0, 1, 0xc0, 0, 2, 1, 2];
        let before = vec![0, 0, 1, 0xe0, 0, 0, b'a'];
        assert_eq!(pes.push(true, &sound, 100), Ok([Some(before), Some(sound.to_vec())]));
        assert_eq!(pes.take(), None);
        assert_eq!(pes.push(true, &[0; 101], 100), Err(Fault::TooLong("packet")));
    }
}
