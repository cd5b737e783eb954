//! RTP header extensions (RFC 8285): both forms, read and written, and the contents of the few that
//! the media house understands.

/// Profile of the one-byte form (RFC 8285 section 4.2).
const ONE_BYTE: u16 = 0xbede;
/// Profile of the two-byte form without its application bits (RFC 8285 section 4.3).
const TWO_BYTE: u16 = 0x1000;
/// Elements that one packet may carry; browsers send at most eight.
pub const ELEMENTS_MAX: usize = 16;

/// The elements of one packet, as `(id, data)`. Padding is skipped; what does not fit its block ends it.
#[derive(Clone, Debug)]
pub struct Iter<'a> {
    form: Form,
    rest: &'a [u8],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Form {
    OneByte,
    TwoByte,
}

impl<'a> Iter<'a> {
    /// Reads `block`, the extension's data after profile and length.
    #[inline]
    pub fn new(profile: u16, block: &'a [u8]) -> Self {
        match profile {
            ONE_BYTE => Self { form: Form::OneByte, rest: block },
            // The low four bits belong to the application and are to be ignored.
            two if two & 0xfff0 == TWO_BYTE => Self { form: Form::TwoByte, rest: block },
            _ => Self { form: Form::OneByte, rest: &[] },
        }
    }

    #[inline]
    fn element(&mut self, id: u8, len: usize, head: usize) -> Option<(u8, &'a [u8])> {
        let whole = self.rest.get(head..head + len);
        self.rest = self.rest.get(head + len..).unwrap_or_default();
        whole.map(|data| (id, data))
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (u8, &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&first, after) = self.rest.split_first()?;
            if first == 0 {
                self.rest = after;
                continue;
            }
            if self.form == Form::TwoByte {
                let len = usize::from(*after.first()?);
                return self.element(first, len, 2);
            }
            let (id, len) = (first >> 4, usize::from(first & 0x0f) + 1);
            match id {
                // Id 0 with a length is padding of one byte by RFC 8285 section 4.2: skip as one element.
                0 => self.rest = self.rest.get(1 + len..).unwrap_or_default(),
                15 => {
                    self.rest = &[];
                    return None;
                }
                _ => return self.element(id, len, 1),
            }
        }
    }
}

/// Collects elements and writes them as one block: in the one-byte form if all fit it, else in the
/// two-byte form.
#[derive(Clone, Debug)]
pub struct Writer<'a> {
    ids: [u8; ELEMENTS_MAX],
    data: [&'a [u8]; ELEMENTS_MAX],
    count: usize,
    data_bytes: usize,
    two_byte: bool,
}

impl Default for Writer<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Writer<'a> {
    /// An empty block, which takes no byte on the wire.
    #[inline]
    pub fn new() -> Self {
        Self { ids: [0; ELEMENTS_MAX], data: [&[]; ELEMENTS_MAX], count: 0, data_bytes: 0, two_byte: false }
    }

    /// Adds an element; false, and nothing added, for id 0, data over 255 bytes or a full block.
    #[inline]
    pub fn push(&mut self, id: u8, data: &'a [u8]) -> bool {
        if id == 0 || data.len() > 255 || self.count >= ELEMENTS_MAX {
            return false;
        }
        self.ids[self.count] = id;
        self.data[self.count] = data;
        self.count += 1;
        self.data_bytes += data.len();
        self.two_byte |= id > 14 || data.is_empty() || data.len() > 16;
        true
    }

    /// Bytes before the data of an element: 1 in the one-byte form, 2 in the other.
    #[inline]
    pub fn element_head_bytes(&self) -> usize {
        1 + usize::from(self.two_byte)
    }

    /// Length of the block with its profile and length fields, in bytes; 0 when empty.
    #[inline]
    pub fn wire_bytes(&self) -> usize {
        if self.count == 0 {
            return 0;
        }
        4 + (self.data_bytes + self.count * self.element_head_bytes()).next_multiple_of(4)
    }

    /// Writes the block to the start of `out` and returns its length, or `None` when `out` is too short.
    pub fn write(&self, out: &mut [u8]) -> Option<usize> {
        let len = self.wire_bytes();
        let out = out.get_mut(..len)?;
        if len == 0 {
            return Some(0);
        }
        let profile = if self.two_byte { TWO_BYTE } else { ONE_BYTE };
        out[..2].copy_from_slice(&profile.to_be_bytes());
        // At most 16 elements of 257 bytes: the count of words fits.
        out[2..4].copy_from_slice(&(((len - 4) / 4) as u16).to_be_bytes());
        let mut at = 4;
        for (&id, data) in self.ids.iter().zip(&self.data[..self.count]) {
            if self.two_byte {
                out[at] = id;
                out[at + 1] = data.len() as u8;
                at += 2;
            } else {
                out[at] = id << 4 | (data.len() as u8 - 1);
                at += 1;
            }
            out[at..at + data.len()].copy_from_slice(data);
            at += data.len();
        }
        out[at..].fill(0);
        Some(len)
    }
}

/// Loudness of one audio packet (RFC 6464).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AudioLevel {
    /// The sender believes that it contains voice.
    pub voice: bool,
    /// Level in -dBov: 0 is the loudest, 127 is silence.
    pub dbov: u8,
}

impl AudioLevel {
    /// Reads the element's data.
    pub fn parse(data: &[u8]) -> Option<Self> {
        data.first().map(|byte| Self { voice: byte & 0x80 != 0, dbov: byte & 0x7f })
    }
}

/// How long a receiver is to hold pictures before it shows them, at least and at most
/// (`http://www.webrtc.org/experiments/rtp-hdrext/playout-delay`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PlayoutDelay {
    min: u16,
    max: u16,
}

impl PlayoutDelay {
    /// The longest that can be told: 12 bits of 10 ms.
    pub const MS_MAX: u32 = 40_950;

    /// A delay in milliseconds, told in steps of 10 ms; what is longer than [`Self::MS_MAX`] counts as that.
    pub fn from_ms(min: u32, max: u32) -> Self {
        let steps = |ms: u32| (ms.min(Self::MS_MAX) / 10) as u16;
        Self { min: steps(min.min(max)), max: steps(max) }
    }

    /// The element's data: two values of 12 bits.
    pub fn to_bytes(self) -> [u8; 3] {
        let [_, high, middle, low] = (u32::from(self.min) << 12 | u32::from(self.max)).to_be_bytes();
        [high, middle, low]
    }
}

/// Reads the transport-wide sequence number (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 2).
pub fn transport_sequence(data: &[u8]) -> Option<u16> {
    data.first_chunk::<2>().map(|bytes| u16::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(profile: u16, block: &[u8]) -> Vec<(u8, Vec<u8>)> {
        Iter::new(profile, block).map(|(id, data)| (id, data.to_vec())).collect()
    }

    #[test]
    fn reads_the_one_byte_form() {
        let block = [0x10, 0xaa, 0x00, 0x31, 0xbb, 0xcc, 0x00, 0x00];
        assert_eq!(read(0xbede, &block), [(1, vec![0xaa]), (3, vec![0xbb, 0xcc])]);
    }

    #[test]
    fn id_fifteen_stops_the_one_byte_form() {
        assert_eq!(read(0xbede, &[0x10, 0xaa, 0xf0, 0x01, 0x20, 0xbb]), [(1, vec![0xaa])]);
    }

    #[test]
    fn reads_the_two_byte_form_with_application_bits() {
        let block = [0x00, 0x14, 0x02, 0xaa, 0xbb, 0x07, 0x00, 0x00];
        assert_eq!(read(0x1003, &block), [(20, vec![0xaa, 0xbb]), (7, vec![])]);
    }

    #[test]
    fn an_element_beyond_its_block_is_left_out() {
        assert_eq!(read(0xbede, &[0x10, 0xaa, 0x27, 0xbb]), [(1, vec![0xaa])]);
        assert_eq!(read(0x1000, &[0x01, 0x09, 0xbb]), []);
        assert_eq!(read(0x1234, &[0x10, 0xaa]), []);
    }

    #[test]
    fn a_full_block_takes_no_more() {
        let mut writer = Writer::new();
        for id in 1..=ELEMENTS_MAX as u8 {
            assert!(writer.push(id, &[1]));
        }
        assert!(!writer.push(1, &[1]));
        assert!(!Writer::new().push(0, &[1]));
        assert!(!Writer::new().push(1, &[0; 256]));
    }

    #[test]
    fn form_follows_ids_and_lengths() {
        for (id, len, form) in [(14, 16, 0xbe), (15, 1, 0x10), (1, 17, 0x10), (1, 0, 0x10)] {
            let (data, mut writer, mut out) = ([7; 20], Writer::new(), [0; 40]);
            assert!(writer.push(id, &data[..len]));
            writer.write(&mut out).unwrap();
            assert_eq!(out[0], form, "id {id}, {len} bytes");
        }
    }

    #[test]
    fn playout_delay_takes_twelve_bits_each() {
        assert_eq!(PlayoutDelay::from_ms(100, 2000).to_bytes(), [0x00, 0xa0, 0xc8]);
        assert_eq!(PlayoutDelay::from_ms(900, 100), PlayoutDelay::from_ms(100, 100));
        assert_eq!(PlayoutDelay::from_ms(0, u32::MAX).to_bytes(), [0x00, 0x0f, 0xff]);
    }

    #[test]
    fn audio_level_splits_its_byte() {
        assert_eq!(AudioLevel::parse(&[0x9e]), Some(AudioLevel { voice: true, dbov: 30 }));
        assert_eq!(AudioLevel::parse(&[]), None);
    }

    proptest! {
        #[test]
        fn random_blocks_never_panic(profile: u16, block in proptest::collection::vec(any::<u8>(), 0..64)) {
            for profile in [profile, 0xbede, 0x1000] {
                prop_assert!(read(profile, &block).iter().map(|(_, data)| data.len()).sum::<usize>() <= block.len());
            }
        }
    }
}
