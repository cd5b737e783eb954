//! The tables that say what a program consists of (ISO/IEC 13818-1, 2.4.4).

use crate::Fault;
use crate::limits::SECTION_BYTES_MAX;

/// Bytes before a table's own.
const HEAD_BYTES: usize = 8;
/// Bytes of the checksum behind it; a network that loses nothing needs none.
const CHECK_BYTES: usize = 4;
const PROGRAMS: u8 = 0;
const PROGRAM: u8 = 2;

/// A table that is gathered from packets.
#[derive(Debug, Default)]
pub(super) struct Section {
    bytes: Vec<u8>,
    open: bool,
}

impl Section {
    /// Takes a packet's payload; the table when it is whole.
    pub(super) fn take(&mut self, starts: bool, payload: &[u8]) -> Option<&[u8]> {
        if starts {
            let (&pointer, rest) = payload.split_first()?;
            self.bytes.clear();
            self.bytes.extend_from_slice(rest.get(usize::from(pointer)..)?);
            self.open = true;
        } else if self.open {
            self.bytes.extend_from_slice(payload);
        }
        let &[_, high, low, ..] = self.bytes.as_slice() else { return None };
        let len = 3 + usize::from(u16::from_be_bytes([high & 0x0f, low]));
        if !self.open || self.bytes.len() < len && self.bytes.len() <= SECTION_BYTES_MAX {
            return None;
        }
        self.open = false;
        self.bytes.get(..len)
    }
}

/// Where the first program's table stands.
pub(super) fn program_pid(table: &[u8]) -> Option<u16> {
    let programs = body(table, PROGRAMS)?.chunks_exact(4);
    let mut pids = programs.filter_map(|entry| match *entry {
        // Number zero is the network's own table.
        [0, 0, ..] => None,
        [_, _, high, low] => Some(u16::from_be_bytes([high & 0x1f, low])),
        _ => None,
    });
    pids.next()
}

/// The streams of a program that are read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Streams {
    pub(super) video: Option<u16>,
    pub(super) audio: Option<u16>,
}

/// What a program consists of; `None` when the table is none.
///
/// # Errors
/// When its picture or its sound is of a codec that is not taken, and none is.
pub(super) fn streams(table: &[u8]) -> Result<Option<Streams>, Fault> {
    let Some(&[_, _, high, low, ref rest @ ..]) = body(table, PROGRAM) else { return Ok(None) };
    let descriptors = usize::from(u16::from_be_bytes([high & 0x0f, low]));
    let mut rest = rest.get(descriptors..).unwrap_or_default();
    let (mut streams, mut video, mut audio) = (Streams::default(), None, None);
    while let &[kind, pid_high, pid_low, high, low, ref after @ ..] = rest {
        let pid = u16::from_be_bytes([pid_high & 0x1f, pid_low]);
        match kind {
            0x1b => streams.video = streams.video.or(Some(pid)),
            0x0f => streams.audio = streams.audio.or(Some(pid)),
            0x01 | 0x02 => video = Some("MPEG-2"),
            0x10 => video = Some("MPEG-4 part 2"),
            0x24 | 0x25 => video = Some("HEVC"),
            0xdb => return Err(Fault::Encrypted),
            0x03 | 0x04 => audio = Some("MP3"),
            0x11 => audio = Some("AAC in LATM"),
            0x81 | 0x87 => audio = Some("AC-3"),
            _ => {}
        }
        let descriptors = usize::from(u16::from_be_bytes([high & 0x0f, low]));
        rest = after.get(descriptors..).unwrap_or_default();
    }
    match (streams, video, audio) {
        (Streams { video: None, .. }, Some(name), _) => Err(Fault::VideoCodec(name)),
        (Streams { audio: None, .. }, _, Some(name)) => Err(Fault::AudioCodec(name)),
        (Streams { video: None, audio: None }, None, None) => Err(Fault::Empty),
        _ => Ok(Some(streams)),
    }
}

/// What is between head and checksum of a table of a kind.
fn body(table: &[u8], kind: u8) -> Option<&[u8]> {
    if table.first() != Some(&kind) {
        return None;
    }
    table.get(HEAD_BYTES..table.len().checked_sub(CHECK_BYTES)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table of a kind, with a head and a checksum that nobody looks at.
    fn table(kind: u8, body: &[u8]) -> Vec<u8> {
        let len = (body.len() + 9) as u16;
        let [high, low] = len.to_be_bytes();
        [&[kind, 0xb0 | high, low, 0, 1, 0xc1, 0, 0], body, &[0; 4]].concat()
    }

    fn program(streams: &[(u8, u16)]) -> Vec<u8> {
        let entry = |&(kind, pid): &(u8, u16)| {
            let [high, low] = pid.to_be_bytes();
            [kind, 0xe0 | high, low, 0xf0, 2, 9, 9]
        };
        let entries: Vec<u8> = streams.iter().flat_map(entry).collect();
        table(PROGRAM, &[&[0xe1, 0, 0xf0, 1, 7], entries.as_slice()].concat())
    }

    #[test]
    fn tables_tell_streams() {
        assert_eq!(program_pid(&table(PROGRAMS, &[0, 0, 0xe0, 16, 0, 1, 0xf0, 0])), Some(0x1000));
        assert_eq!(program_pid(&table(PROGRAMS, &[0, 0, 0xe0, 16])), None);
        let told = |entries: &[(u8, u16)]| streams(&program(entries));
        let (video, audio) = (Some(256), Some(257));
        assert_eq!(told(&[(0x1b, 256), (0x0f, 257), (0x0f, 258), (0x15, 259)]), Ok(Some(Streams { video, audio })));
        assert_eq!(told(&[(0x03, 300), (0x0f, 257)]), Ok(Some(Streams { video: None, audio })));
        for (kind, fault) in [
            (0x24, Fault::VideoCodec("HEVC")),
            (0x04, Fault::AudioCodec("MP3")),
            (0xdb, Fault::Encrypted),
            (0x06, Fault::Empty),
        ] {
            assert_eq!(told(&[(kind, 300)]), Err(fault));
        }
        assert_eq!(streams(&[]), Ok(None));
    }

    #[test]
    fn a_table_in_several_packets_is_gathered_and_bounded() {
        let whole = program(&[(0x1b, 256); 60]);
        let mut section = Section::default();
        assert_eq!(section.take(false, &whole), None, "it has not begun");
        assert_eq!(section.take(true, &[&[2, 9, 9], &whole[..150]].concat()), None);
        assert_eq!(section.take(false, &whole[150..300]), None);
        assert_eq!(section.take(false, &[&whole[300..], &[0xff; 20]].concat()), Some(whole.as_slice()));
        assert_eq!(section.take(true, &[0, 2, 0xbf, 0xff]), None);
        for _ in 0..100 {
            section.take(false, &[0; 184]);
        }
        assert!(section.bytes.len() <= 0xfff + 3 + 184);
    }
}
