//! One stream of bytes of whatever container.

use std::time::Instant;

use rtmp::{Event, FlvReader, Meter};

use crate::Fault;
use crate::clock::Clock;
use crate::limits::MEDIA_TIMEOUT;
use crate::mp4::Mp4Reader;
use crate::ts::{SYNC, TsReader};

/// By so many bytes a container is known.
const BEGIN_BYTES: usize = 8;

/// What a file is, by how it begins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// A playlist of HLS, which [`crate::Playlist`] reads.
    Playlist,
    /// FLV.
    Flv,
    /// MPEG-TS.
    Ts,
    /// MP4, or a fragment of it.
    Mp4,
}

impl Form {
    /// What begins so; `None` when more bytes are needed.
    ///
    /// # Errors
    /// When it is of a kind that is not read.
    pub fn of(begin: &[u8]) -> Result<Option<Self>, Fault> {
        let Some(begin) = begin.first_chunk::<BEGIN_BYTES>() else { return Ok(None) };
        Ok(Some(match begin {
            [b'#', b'E', b'X', b'T', b'M', b'3', b'U', _] | [0xef, 0xbb, 0xbf, b'#', b'E', b'X', b'T', b'M'] => {
                Self::Playlist
            }
            [b'F', b'L', b'V', ..] => Self::Flv,
            [.., b'f' | b's', b't', b'y', b'p'] => Self::Mp4,
            [_, _, _, _, kind @ ..] if is_box(*kind) => Self::Mp4,
            [SYNC, ..] => Self::Ts,
            [0x1a, 0x45, 0xdf, 0xa3, ..] => return Err(Fault::Kind("Matroska or WebM")),
            [b'I', b'D', b'3', ..] | [0xff, 0xe0..=0xff, ..] => return Err(Fault::Kind("sound alone (AAC, MP3)")),
            [b'O', b'g', b'g', b'S', ..] => return Err(Fault::Kind("Ogg")),
            [b'<', b'?', b'x', b'm', b'l', ..] | [b'<', b'M', b'P', b'D', ..] => {
                return Err(Fault::Kind("a DASH manifest"));
            }
            [b'<', ..] => return Err(Fault::Kind("a page")),
            [b'{' | b'[', ..] => return Err(Fault::Kind("JSON")),
            _ => return Err(Fault::Kind("something unknown")),
        }))
    }
}

/// Boxes with which files and fragments begin.
fn is_box(kind: [u8; 4]) -> bool {
    [b"moov", b"moof", b"mdat", b"free", b"skip", b"wide", b"sidx", b"emsg", b"prft"].contains(&&kind)
}

/// What came of bytes.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// An event.
    Event(Event),
    /// Go on with the file's bytes from this one on: tell by [`Reader::begin`], until then all bytes are passed over.
    Seek(u64),
}

impl File {
    fn receive(&mut self, now: Instant, input: &mut &[u8], clock: &mut Clock) -> Result<Option<Step>, Fault> {
        Ok(match self {
            Self::Flv(flv) => flv.receive(now, input)?.map(Step::Event),
            Self::Ts(ts) => ts.receive(input, clock)?.map(Step::Event),
            Self::Mp4(mp4) => mp4.receive(input, clock)?,
        })
    }
}

/// Bytes in, events out. Call [`Reader::receive`] until it gives nothing.
#[derive(Debug)]
pub struct Reader {
    /// The first bytes of a file, until its form is known.
    begin: Vec<u8>,
    known: bool,
    file: Option<File>,
    clock: Clock,
    meter: Meter,
    /// Another part of the file was asked for.
    sought: bool,
    /// When media came last.
    heard: Instant,
    /// Whether the file brought any.
    any: bool,
}

#[derive(Debug)]
enum File {
    Flv(FlvReader),
    Ts(Box<TsReader>),
    Mp4(Box<Mp4Reader>),
}

impl Reader {
    /// Nothing was read yet.
    pub fn new(now: Instant) -> Self {
        let (begin, clock, meter) = (Vec::new(), Clock::default(), Meter::new(now));
        Self { begin, known: false, file: None, clock, meter, sought: false, heard: now, any: false }
    }

    /// The stream broke off and is begun from its first byte; its clock is joined on.
    pub fn anew(&mut self, now: Instant) {
        self.clock.anew();
        match &mut self.file {
            // It has a clock of its own.
            Some(File::Flv(flv)) => flv.anew(now),
            _ => self.file = None,
        }
        self.begin.clear();
        (self.known, self.sought, self.heard, self.any) = (false, false, now, false);
    }

    /// A file follows, or the part of one that begins `at` a byte; its times have nothing to do with those before it when it
    /// is `anew`.
    ///
    /// # Errors
    /// When the end of what came before cannot be read.
    pub fn begin(&mut self, now: Instant, at: u64, anew: bool) -> Result<(), Fault> {
        self.begin.clear();
        self.known = std::mem::take(&mut self.sought);
        match &mut self.file {
            Some(File::Ts(ts)) => ts.finish(&mut self.clock)?,
            Some(File::Mp4(mp4)) => mp4.begin(at),
            Some(File::Flv(flv)) if anew => flv.anew(now),
            Some(File::Flv(_)) | None => {}
        }
        if anew {
            self.clock.anew();
        }
        Ok(())
    }

    /// That was all: call [`Reader::receive`] for what is left.
    ///
    /// # Errors
    /// When the end cannot be read.
    pub fn finish(&mut self) -> Result<(), Fault> {
        match &mut self.file {
            Some(File::Ts(ts)) => ts.finish(&mut self.clock),
            _ => Ok(()),
        }
    }

    /// Whether any media came since it was begun.
    pub fn brought(&self) -> bool {
        self.any
    }

    /// Takes bytes from the front of `input` up to the next step; `None` when they are used up without one.
    ///
    /// # Errors
    /// When it cannot be read, or goes beyond a limit, or holds a codec that no room carries.
    pub fn receive(&mut self, now: Instant, input: &mut &[u8]) -> Result<Option<Step>, Fault> {
        if !self.known && !self.look(now, input)? {
            return Ok(None);
        }
        let before = input.len();
        let Some(file) = &mut self.file else { return Ok(None) };
        let step = file.receive(now, input, &mut self.clock)?;
        if !matches!(self.file, Some(File::Flv(_))) {
            self.meter.bytes(now, before - input.len())?;
        }
        match &step {
            Some(Step::Event(Event::Video(_) | Event::Audio(_))) => (self.heard, self.any) = (now, true),
            Some(Step::Seek(_)) => self.sought = true,
            _ => {}
        }
        Ok(step)
    }

    /// When [`Reader::expired`] has something to say, unless something comes before.
    pub fn deadline(&self) -> Instant {
        self.heard + MEDIA_TIMEOUT
    }

    /// What should have come by `now` and did not.
    pub fn expired(&self, now: Instant) -> Option<Fault> {
        (now >= self.deadline()).then_some(Fault::Flv(rtmp::Fault::PeerSilent("media")))
    }

    /// Learns a file's form from its first bytes; false when more are needed.
    fn look(&mut self, now: Instant, input: &mut &[u8]) -> Result<bool, Fault> {
        let (fresh, rest) = input.split_at((BEGIN_BYTES - self.begin.len()).min(input.len()));
        self.begin.extend_from_slice(fresh);
        *input = rest;
        let Some(form) = Form::of(&self.begin)? else { return Ok(false) };
        let begin = std::mem::take(&mut self.begin);
        let mut file = match (form, self.file.take()) {
            (Form::Playlist, _) => return Err(Fault::Kind("a playlist within a playlist")),
            (Form::Flv, Some(file @ File::Flv(_)))
            | (Form::Ts, Some(file @ File::Ts(_)))
            | (Form::Mp4, Some(file @ File::Mp4(_))) => file,
            (Form::Flv, _) => File::Flv(FlvReader::new(now)),
            (Form::Ts, _) => File::Ts(Box::default()),
            (Form::Mp4, _) => File::Mp4(Box::default()),
        };
        // Eight bytes are no event of any of them.
        file.receive(now, &mut begin.as_slice(), &mut self.clock)?;
        (self.file, self.known) = (Some(file), true);
        Ok(true)
    }
}
