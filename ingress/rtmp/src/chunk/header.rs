//! One chunk's header (RTMP 1.0 section 5.3.1).

/// Longest header: three bytes of chunk stream id, eleven of message header, four of extended timestamp.
pub(super) const HEADER_BYTES_MAX: usize = 18;
/// A timestamp field with this value says that the time follows in 32 bits.
pub(super) const EXTENDED: u32 = 0xff_ffff;

/// A header as it stands in the bytes. Fields that its format leaves out are `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) id: u32,
    /// Absolute in format 0, else a difference.
    pub(super) time: Option<Time>,
    /// Length in bytes and type of the message.
    pub(super) message: Option<(usize, u8)>,
    /// The message stream.
    pub(super) stream: Option<u32>,
    /// Bytes that the header takes.
    pub(super) len: usize,
}

/// A chunk's time field.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Time {
    pub(super) ms: u32,
    pub(super) is_extended: bool,
}

/// Reads a header from the beginning of `bytes`; `None` while it is not all there. `extended` tells whether the last
/// header of a chunk stream had an extended timestamp, and which: then a header without a time field repeats it
/// (section 5.3.1.3). Some senders leave the repetition out, so it is only taken when it is the same.
pub(super) fn parse(bytes: &[u8], extended: impl Fn(u32) -> Option<u32>) -> Option<Header> {
    let first = *bytes.first()?;
    let (id, at) = match first & 0x3f {
        0 => (64 + u32::from(*bytes.get(1)?), 2),
        1 => (64 + u32::from(*bytes.get(1)?) + (u32::from(*bytes.get(2)?) << 8), 3),
        id => (u32::from(id), 1),
    };
    let len = match first >> 6 {
        0 => 11,
        1 => 7,
        2 => 3,
        _ => return parse_bare(bytes, id, at, extended(id)),
    };
    let fields = bytes.get(at..at + len)?;
    let mut len = at + len;
    let mut time = Time { ms: number(fields.get(..3)?), is_extended: false };
    if time.ms == EXTENDED {
        time = Time { ms: number(bytes.get(len..len + 4)?), is_extended: true };
        len += 4;
    }
    let message = fields.get(3..7).map(|fields| (number(&fields[..3]) as usize, fields[3]));
    let stream = fields.get(7..11).and_then(|fields| Some(u32::from_le_bytes(fields.try_into().ok()?)));
    Some(Header { id, time: Some(time), message, stream, len })
}

fn parse_bare(bytes: &[u8], id: u32, at: usize, extended: Option<u32>) -> Option<Header> {
    let bare = Header { id, time: None, message: None, stream: None, len: at };
    match extended {
        None => Some(bare),
        Some(time) => {
            let repeated = number(bytes.get(at..at + 4)?) == time;
            Some(Header { len: if repeated { at + 4 } else { at }, ..bare })
        }
    }
}

/// Up to four bytes, the highest first.
fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, &byte| number << 8 | u32::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(_: u32) -> Option<u32> {
        None
    }

    #[test]
    fn reads_all_formats() {
        let full = [0x04, 0, 0, 9, 0, 1, 0, 9, 1, 0, 0, 0];
        let header = parse(&full, plain).unwrap();
        assert_eq!((header.id, header.len), (4, 12));
        assert_eq!(header.time, Some(Time { ms: 9, is_extended: false }));
        assert_eq!((header.message, header.stream), (Some((256, 9)), Some(1)));
        let header = parse(&[0x44, 0, 0, 9, 0, 1, 0, 9], plain).unwrap();
        assert_eq!((header.message, header.stream, header.len), (Some((256, 9)), None, 8));
        let header = parse(&[0x84, 0, 0, 9], plain).unwrap();
        assert_eq!((header.message, header.len), (None, 4));
        assert_eq!(parse(&[0xc4], plain).unwrap().len, 1);
    }

    #[test]
    fn reads_long_ids_and_extended_times() {
        assert_eq!(parse(&[0xc0, 5], plain).unwrap().id, 69);
        assert_eq!(parse(&[0xc1, 5, 2], plain).unwrap().id, 64 + 5 + 512);
        let header = parse(&[0x84, 0xff, 0xff, 0xff, 1, 2, 3, 4], plain).unwrap();
        assert_eq!((header.time, header.len), (Some(Time { ms: 0x0102_0304, is_extended: true }), 8));
    }

    #[test]
    fn a_repeated_extended_time_is_taken_and_a_left_out_one_not_missed() {
        let known = |_| Some(0x0102_0304);
        assert_eq!(parse(&[0xc4, 1, 2, 3, 4, 9], known).unwrap().len, 5);
        assert_eq!(parse(&[0xc4, 1, 2, 3, 5, 9], known).unwrap().len, 1);
    }

    #[test]
    fn waits_for_what_is_missing() {
        let long = [0x01, 5, 2, 0xff, 0xff, 0xff, 0, 1, 0, 9, 1, 0, 0, 0, 1, 2, 3, 4];
        assert_eq!(long.len(), HEADER_BYTES_MAX);
        for len in 0..long.len() {
            assert_eq!(parse(&long[..len], plain), None, "{len}");
        }
        assert_eq!(parse(&long, plain).unwrap().len, HEADER_BYTES_MAX);
        assert_eq!(parse(&[0xc4, 1, 2, 3], |_| Some(1)), None);
    }
}
