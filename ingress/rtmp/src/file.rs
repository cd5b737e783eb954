//! FLV as servers hand it out over HTTP (version 10.1, annex E): a header, then tags, each followed by its length.

use std::time::Instant;

use bytes::Bytes;

use crate::chunk::kind;
use crate::limits::{AUDIO_BYTES_MAX, DATA_BYTES_MAX, MEDIA_TIMEOUT, RESERVED_BYTES_MAX, VIDEO_BYTES_MAX};
use crate::meter::Meter;
use crate::tags::Tags;
use crate::{Event, Fault};

/// Bytes of the header.
const HEADER_BYTES: usize = 9;
/// Bytes before a tag's payload.
const TAG_BYTES: usize = 11;
/// Bytes of the length that stands behind the header and behind each tag.
const BACK_POINTER_BYTES: usize = 4;
/// Longest header, bytes: all there is has nine.
const HEADER_BYTES_MAX: usize = 1024;

/// What the next bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Header,
    /// So many that are of no use.
    Waste(usize),
    TagHead,
    /// The payload of a tag: its kind, time and length.
    Payload(u8, u32, usize),
}

/// Reads one stream: bytes in, events out. Call [`FlvReader::receive`] until it gives nothing.
#[derive(Debug)]
pub struct FlvReader {
    part: Part,
    held: Vec<u8>,
    tags: Tags,
    meter: Meter,
    /// When media came last.
    heard: Instant,
}

impl FlvReader {
    /// A stream that begins.
    pub fn new(now: Instant) -> Self {
        let (tags, meter) = (Tags::default(), Meter::new(now));
        Self { part: Part::Header, held: Vec::new(), tags, meter, heard: now }
    }

    /// The stream broke off and begins again with its header; its clock is joined on.
    pub fn anew(&mut self, now: Instant) {
        self.part = Part::Header;
        self.held.clear();
        self.tags.anew();
        self.heard = now;
    }

    /// Takes bytes from the front of `input` up to the next event; `None` when they are used up without one.
    ///
    /// # Errors
    /// When it is no FLV, or goes beyond a limit, or holds a codec that no room carries.
    pub fn receive(&mut self, now: Instant, input: &mut &[u8]) -> Result<Option<Event>, Fault> {
        let before = input.len();
        let event = self.step(now, input);
        self.meter.bytes(now, before - input.len())?;
        event
    }

    /// When [`FlvReader::expired`] has something to say, unless something comes before.
    pub fn deadline(&self) -> Instant {
        self.heard + MEDIA_TIMEOUT
    }

    /// What should have come by `now` and did not.
    pub fn expired(&self, now: Instant) -> Option<Fault> {
        (now >= self.deadline()).then_some(Fault::PeerSilent("media"))
    }

    fn step(&mut self, now: Instant, input: &mut &[u8]) -> Result<Option<Event>, Fault> {
        loop {
            if let Part::Waste(bytes) = self.part {
                let skipped = bytes.min(input.len());
                *input = input.get(skipped..).unwrap_or_default();
                if skipped < bytes {
                    self.part = Part::Waste(bytes - skipped);
                    return Ok(None);
                }
                self.part = Part::TagHead;
            }
            let wanted = match self.part {
                Part::Header => HEADER_BYTES,
                Part::Payload(.., bytes) => bytes,
                Part::Waste(_) | Part::TagHead => TAG_BYTES,
            };
            let Some(piece) = self.gather(wanted, input) else { return Ok(None) };
            if let Some(event) = self.on_part(now, piece)? {
                return Ok(Some(event));
            }
        }
    }

    /// The next `wanted` bytes, once they are all there.
    fn gather(&mut self, wanted: usize, input: &mut &[u8]) -> Option<Vec<u8>> {
        if self.held.capacity() == 0 {
            self.held.reserve(wanted.min(RESERVED_BYTES_MAX));
        }
        let missing = (wanted - self.held.len().min(wanted)).min(input.len());
        let (fresh, rest) = input.split_at_checked(missing)?;
        self.held.extend_from_slice(fresh);
        *input = rest;
        (self.held.len() >= wanted).then(|| std::mem::take(&mut self.held))
    }

    fn on_part(&mut self, now: Instant, piece: Vec<u8>) -> Result<Option<Event>, Fault> {
        match self.part {
            Part::Header => self.part = Part::Waste(after_header(&piece)?),
            Part::TagHead | Part::Waste(_) => self.part = head(&piece)?,
            Part::Payload(kind, timestamp, _) => {
                self.part = Part::Waste(BACK_POINTER_BYTES);
                self.meter.message()?;
                if kind != kind::DATA {
                    self.heard = now;
                }
                return self.tags.event(kind, timestamp, Bytes::from(piece));
            }
        }
        Ok(None)
    }
}

/// Bytes between the header and the first tag.
fn after_header(header: &[u8]) -> Result<usize, Fault> {
    let [b'F', b'L', b'V', 1, _, offset @ ..] = header else { return Err(Fault::PeerContainer) };
    let offset = offset.iter().fold(0_usize, |offset, &byte| offset << 8 | usize::from(byte));
    let more = offset.checked_sub(HEADER_BYTES).filter(|_| offset <= HEADER_BYTES_MAX);
    Ok(more.ok_or(Fault::PeerContainer)? + BACK_POINTER_BYTES)
}

/// What a tag's first bytes announce.
fn head(head: &[u8]) -> Result<Part, Fault> {
    /// The payload is encrypted.
    const FILTER: u8 = 0x20;
    let &[kind, a, b, c, t, u, v, high, ..] = head else { return Ok(Part::TagHead) };
    if kind & FILTER != 0 {
        return Err(Fault::PeerTag("encrypted"));
    }
    let (kind, timestamp) = (kind & 0x1f, u32::from_be_bytes([high, t, u, v]));
    let bytes = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
    let bytes_max = match kind {
        kind::AUDIO => AUDIO_BYTES_MAX,
        kind::VIDEO => VIDEO_BYTES_MAX,
        kind::DATA => DATA_BYTES_MAX,
        _ => return Ok(Part::Waste(bytes + BACK_POINTER_BYTES)),
    };
    if bytes > bytes_max {
        return Err(Fault::PeerMessageTooLong { kind, bytes });
    }
    Ok(Part::Payload(kind, timestamp, bytes))
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "a test starts its own clock")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &[u8] = b"FLV\x01\x05\0\0\0\x09\0\0\0\0";

    fn tag(kind: u8, ms: u32, body: &[u8]) -> Vec<u8> {
        let [high, t, u, v] = ms.to_be_bytes();
        let length = (body.len() as u32).to_be_bytes();
        [&[kind], &length[1..], &[t, u, v, high, 0, 0, 0], body, &[0; 4]].concat()
    }

    /// All events of a stream that comes in pieces, and how it ended.
    fn read(reader: &mut FlvReader, stream: &[u8], piece: usize) -> Result<Vec<Event>, Fault> {
        let (mut events, now) = (Vec::new(), Instant::now());
        for mut input in stream.chunks(piece) {
            while let Some(event) = reader.receive(now, &mut input)? {
                events.push(event);
            }
        }
        Ok(events)
    }

    fn film() -> Vec<u8> {
        let tags = [
            tag(18, 0, b"\x02\0\x0aonMetaData\x05"),
            tag(9, 0, b"\x17\0\0\0\0avcC"),
            tag(8, 0, b"\xaf\0\x11\x90"),
            tag(15, 0, b"of no kind that is known"),
            tag(9, 0x0100_0000, b"\x17\x01\0\0\x21picture"),
            tag(8, 0x0100_0015, b"\xaf\x01sound"),
            tag(9, 0x0100_0021, b""),
        ];
        [HEADER.to_vec(), tags.concat()].concat()
    }

    #[test]
    fn reads_a_stream_in_pieces_of_any_size() {
        let film = film();
        let whole = read(&mut FlvReader::new(Instant::now()), &film, film.len()).unwrap();
        let [Event::Metadata(_), Event::VideoConfig(_), Event::AudioConfig(_), Event::Video(unit), Event::Audio(sound)] =
            whole.as_slice()
        else {
            panic!("{whole:?}")
        };
        assert_eq!((unit.dts_ms, unit.pts_ms, unit.keyframe), (0x0100_0000, 0x0100_0021, true));
        assert_eq!((sound.pts_ms, sound.data.as_ref()), (0x0100_0015, &b"sound"[..]));
        for piece in [1, 7, 64] {
            assert_eq!(read(&mut FlvReader::new(Instant::now()), &film, piece).unwrap(), whole);
        }
    }

    #[test]
    fn a_stream_that_begins_again_goes_on_in_time() {
        let mut reader = FlvReader::new(Instant::now());
        let first = [HEADER, &tag(9, 5000, b"\x17\x01\0\0\0a"), &tag(9, 5033, b"\x27\x01\0\0\0b")[..14]].concat();
        assert_eq!(read(&mut reader, &first, 100).unwrap().len(), 1, "the second broke off");
        reader.anew(Instant::now());
        let again = [HEADER, &tag(9, 40, b"\x17\x01\0\0\0a"), &tag(9, 80, b"\x27\x01\0\0\0b")].concat();
        let times: Vec<_> = read(&mut reader, &again, 100).unwrap();
        let times = times.iter().map(|event| if let Event::Video(unit) = event { unit.dts_ms } else { 0 });
        assert_eq!(times.collect::<Vec<_>>(), [5001, 5041]);
    }

    #[test]
    fn what_is_no_flv_is_refused() {
        for begin in [
            b"#EXTM3U\n#",
            b"\0\0\0\x20ftypi",
            b"FLV\x02\x05\0\0\0\x09",
            b"FLV\x01\x05\0\0\0\x08",
            b"FLV\x01\x05\xff\0\0\x09",
        ] {
            assert_eq!(read(&mut FlvReader::new(Instant::now()), begin, 3), Err(Fault::PeerContainer));
        }
    }

    #[test]
    fn limits_hold() {
        let broken = |tag: &[u8]| read(&mut FlvReader::new(Instant::now()), &[HEADER, tag].concat(), 100).unwrap_err();
        assert_eq!(
            broken(&[9, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            Fault::PeerMessageTooLong { kind: 9, bytes: 0xff_0000 }
        );
        assert_eq!(broken(&[8, 0, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]), Fault::PeerMessageTooLong { kind: 8, bytes: 0xff00 });
        assert_eq!(broken(&tag(0x29, 0, b"x")), Fault::PeerTag("encrypted"));
        assert_eq!(broken(&tag(8, 0, b"\x2fmp3")), Fault::PeerAudioCodec("MP3"));
        // A length that is announced takes no memory before its bytes come.
        let (mut reader, now) = (FlvReader::new(Instant::now()), Instant::now());
        let head = [HEADER, &[9, 0x2f, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 1]].concat();
        assert_eq!(reader.receive(now, &mut &head[..]), Ok(None));
        assert!(reader.held.capacity() <= RESERVED_BYTES_MAX);
        assert_eq!((reader.expired(now), reader.expired(reader.deadline())), (None, Some(Fault::PeerSilent("media"))));
    }

    proptest! {
        #[test]
        fn any_bytes_come_to_the_same_in_any_pieces(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            begins in any::<bool>(),
            piece in 1usize..40,
        ) {
            let stream = if begins { [HEADER, &bytes].concat() } else { bytes };
            let whole = read(&mut FlvReader::new(Instant::now()), &stream, stream.len().max(1));
            prop_assert_eq!(whole, read(&mut FlvReader::new(Instant::now()), &stream, piece));
        }
    }
}
