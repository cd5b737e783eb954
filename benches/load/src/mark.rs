//! What a simulated payload says of itself, so that the far end can check what came out of the server.

use door::Kind;

/// Begins every mark.
const MAGIC: [u8; 2] = *b"Th";
/// Bytes of a mark.
pub const MARK_BYTES: usize = 30;
/// Bytes of a video payload before the mark: VP8 descriptor and payload header.
pub const VIDEO_MARK_AT: usize = 16;
/// Bytes of an audio payload before the mark: Opus' table of contents.
const AUDIO_MARK_AT: usize = 1;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// When the packet was first sent, nanoseconds since 1970.
    pub sent_ns: u64,
    /// The packet's number within its encoding, from 0, wraps.
    pub serial: u32,
    /// The number of the first packet of its encoding's last keyframe: a receiver can begin there.
    pub key_serial: u32,
    /// The frame's number within its track, wraps.
    pub frame: u32,
    /// Which track of the run.
    pub track: u32,
    /// Which encoding of the track.
    pub encoding: u8,
    /// The packet's place in its frame.
    pub index: u8,
    /// Packets of the frame.
    pub count: u8,
    /// It belongs to a keyframe.
    pub is_key: bool,
}

impl Mark {
    /// The mark's bytes.
    pub fn to_bytes(self) -> [u8; MARK_BYTES] {
        let mut bytes = [0; MARK_BYTES];
        bytes[..2].copy_from_slice(&MAGIC);
        bytes[2..10].copy_from_slice(&self.sent_ns.to_be_bytes());
        bytes[10..14].copy_from_slice(&self.serial.to_be_bytes());
        bytes[14..18].copy_from_slice(&self.frame.to_be_bytes());
        bytes[18..22].copy_from_slice(&self.track.to_be_bytes());
        bytes[22..26].copy_from_slice(&self.key_serial.to_be_bytes());
        bytes[26..].copy_from_slice(&[self.encoding, self.index, self.count, u8::from(self.is_key)]);
        bytes
    }

    /// What all bytes behind the mark are, so that damage shows.
    pub fn filler(self) -> u8 {
        self.serial.to_be_bytes()[3]
    }

    /// Where the mark of a payload stands.
    pub fn place(kind: Kind) -> usize {
        match kind {
            Kind::Audio => AUDIO_MARK_AT,
            Kind::Video => VIDEO_MARK_AT,
        }
    }

    /// Reads the mark of a payload.
    pub fn read(kind: Kind, payload: &[u8]) -> Reading {
        let Some(rest) = payload.get(Self::place(kind)..) else { return Reading::Unmarked };
        let Some((bytes, filling)) = rest.split_first_chunk::<MARK_BYTES>() else { return Reading::Unmarked };
        let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if bytes[..2] != MAGIC {
            return Reading::Unmarked;
        }
        let mark = Self {
            sent_ns: u64::from(word(2)) << 32 | u64::from(word(6)),
            serial: word(10),
            frame: word(14),
            track: word(18),
            key_serial: word(22),
            encoding: bytes[26],
            index: bytes[27],
            count: bytes[28],
            is_key: bytes[29] == 1,
        };
        if filling.iter().all(|&byte| byte == mark.filler()) { Reading::Whole(mark) } else { Reading::Damaged }
    }
}

/// What a payload turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reading {
    /// Ours, unharmed.
    Whole(Mark),
    /// Ours, with changed bytes behind the mark.
    Damaged,
    /// Padding, comfort noise, or somebody else's.
    Unmarked,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark {
        sent_ns: 0x0102_0304_0506_0708,
        serial: 0x1122_33ff,
        key_serial: 0x1122_3300,
        frame: 7,
        track: 9,
        encoding: 2,
        index: 3,
        count: 6,
        is_key: true,
    };

    #[test]
    fn comes_back_from_both_kinds_of_payload() {
        for kind in [Kind::Audio, Kind::Video] {
            let mut payload = vec![0; Mark::place(kind)];
            payload.extend(MARK.to_bytes());
            assert_eq!(Mark::read(kind, &payload), Reading::Whole(MARK));
            payload.extend([0xff; 20]);
            assert_eq!(Mark::read(kind, &payload), Reading::Whole(MARK));
            *payload.last_mut().unwrap() = 0xfe;
            assert_eq!(Mark::read(kind, &payload), Reading::Damaged);
        }
    }

    #[test]
    fn what_is_not_ours_is_unmarked() {
        for payload in [&[][..], &[0; 3], &[0; 60]] {
            assert_eq!(Mark::read(Kind::Video, payload), Reading::Unmarked);
            assert_eq!(Mark::read(Kind::Audio, payload), Reading::Unmarked);
        }
    }
}
