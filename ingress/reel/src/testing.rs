//! Films for tests: one and a half seconds in each container, and what comes of bytes in pieces of any size.

use std::time::Instant;

use rtmp::{AudioUnit, Event, VideoUnit};

use crate::{Fault, Reader, Step};

/// Ten pictures a second, and sound at 8 kHz.
pub(crate) const TS: &[u8] = include_bytes!("../../../tests/fuzz/corpus/ts/film");
/// The same with reordered pictures.
pub(crate) const TS_REORDERED: &[u8] = include_bytes!("../../../tests/fuzz/corpus/ts/reordered");
/// Its index first, pictures reordered.
pub(crate) const MP4: &[u8] = include_bytes!("../../../tests/fuzz/corpus/mp4/first");
/// Its index last.
pub(crate) const MP4_LAST: &[u8] = include_bytes!("../../../tests/fuzz/corpus/mp4/last");
/// In fragments.
pub(crate) const MP4_FRAGMENTS: &[u8] = include_bytes!("../../../tests/fuzz/corpus/mp4/fragments");

/// What came of a file.
#[derive(Default, PartialEq, Debug)]
pub(crate) struct Came {
    pub(crate) configs: Vec<Event>,
    pub(crate) video: Vec<VideoUnit>,
    pub(crate) audio: Vec<AudioUnit>,
}

impl Came {
    fn take(&mut self, event: Event) {
        match event {
            Event::Video(unit) => self.video.push(unit),
            Event::Audio(unit) => self.audio.push(unit),
            config => self.configs.push(config),
        }
    }

    /// When pictures are decoded and shown, and which of them are key frames, in milliseconds from the first.
    pub(crate) fn shown(&self) -> Vec<(i64, i64, bool)> {
        let first = self.video.first().map_or(0, |unit| unit.dts_ms);
        self.video.iter().map(|it| (it.dts_ms - first, it.pts_ms - first, it.keyframe)).collect()
    }
}

/// Reads a file to its end, in pieces, as a server that hands out ranges gives it.
pub(crate) fn read(reader: &mut Reader, file: &[u8], piece: usize) -> Result<Came, Fault> {
    #[allow(clippy::disallowed_methods, reason = "a test starts its own clock")]
    let (now, mut came) = (Instant::now(), Came::default());
    let mut rest = file;
    while !rest.is_empty() {
        let (mut input, after) = rest.split_at(piece.min(rest.len()));
        rest = after;
        while let Some(step) = reader.receive(now, &mut input)? {
            match step {
                Step::Event(event) => came.take(event),
                Step::Seek(at) => {
                    reader.begin(now, at, false)?;
                    (input, rest) = (&[], usize::try_from(at).ok().and_then(|at| file.get(at..)).unwrap_or_default());
                }
            }
        }
    }
    reader.finish()?;
    while let Some(Step::Event(event)) = reader.receive(now, &mut [].as_slice())? {
        came.take(event);
    }
    Ok(came)
}

/// As [`read`], with a reader of its own.
pub(crate) fn whole(file: &[u8], piece: usize) -> Result<Came, Fault> {
    #[allow(clippy::disallowed_methods, reason = "a test starts its own clock")]
    read(&mut Reader::new(Instant::now()), file, piece)
}
