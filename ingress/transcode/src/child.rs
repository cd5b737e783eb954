//! The child process: words in, codecs, words out. It knows no room and opens nothing.

use std::io::{self, BufWriter, Read, Write};
use std::time::{Duration, Instant};

use bytes::BytesMut;

use crate::audio::Audio;
use crate::limits;
use crate::plan::Plan;
use crate::protocol::{FromChild, LENGTH_BYTES, ToChild, frame_len};
use crate::unit::{AccessUnit, Codec};
use crate::video::{Made, Video};

/// Runs until standard input ends: the whole life of `thalweg transcode-child`.
///
/// # Errors
/// When the limits cannot be put on, or the server's words make no sense.
pub fn run() -> io::Result<()> {
    limits::apply()?;
    let begun = Instant::now();
    serve(io::stdin().lock(), io::stdout().lock(), || begun.elapsed())
}

/// Answers the words of `input` on `output` until it ends; `clock` is any monotonic one.
///
/// # Errors
/// When reading or writing fails, and for words that make no sense.
pub fn serve(mut input: impl Read, output: impl Write, clock: impl Fn() -> Duration) -> io::Result<()> {
    let mut output = BufWriter::new(output);
    let Some(ToChild::Plan(plan)) = read(&mut input)? else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the first word is not a plan"));
    };
    let mut works = Works::new(&plan)?;
    output.write_all(&FromChild::Ready.frame())?;
    output.flush()?;
    while let Some(word) = read(&mut input)? {
        for answer in works.handle(word, &clock)? {
            output.write_all(&answer.frame())?;
        }
        output.flush()?;
    }
    Ok(())
}

fn read(input: &mut impl Read) -> io::Result<Option<ToChild>> {
    let mut length = [0; LENGTH_BYTES];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    }
    let mut frame = BytesMut::zeroed(frame_len(length).map_err(garbled)?);
    input.read_exact(&mut frame)?;
    ToChild::parse(frame.freeze()).map(Some).map_err(garbled)
}

fn garbled(error: crate::protocol::Garbled) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// Both pipelines, and the count of units.
struct Works {
    audio: Option<Audio>,
    video: Option<Video>,
    done: u64,
}

impl Works {
    fn new(plan: &Plan) -> io::Result<Self> {
        let audio = plan.audio.map(Audio::new).transpose().map_err(io::Error::other)?;
        Ok(Self { audio, video: plan.video.as_ref().map(Video::new), done: 0 })
    }

    fn handle(&mut self, word: ToChild, clock: &impl Fn() -> Duration) -> io::Result<Vec<FromChild>> {
        let mut answers = Vec::new();
        match (word, &mut self.video) {
            (ToChild::Plan(_), _) => return Err(io::Error::new(io::ErrorKind::InvalidData, "a second plan")),
            (ToChild::Unit(unit), _) => {
                self.unit(&unit, clock, &mut answers);
                self.done += 1;
                answers.push(FromChild::Done(self.done));
            }
            (ToChild::Again(unit), video) => {
                if let Some(video) = video {
                    video.decode(&unit, &mut Vec::new(), false);
                }
                self.done += 1;
                answers.push(FromChild::Done(self.done));
            }
            (ToChild::Keyframe(layer), Some(video)) => video.keyframe(layer),
            (ToChild::Layer { layer, watched, bitrate }, Some(video)) => video.set(layer, watched, bitrate),
            (ToChild::Keyframe(_) | ToChild::Layer { .. }, None) => {}
        }
        Ok(answers)
    }

    fn unit(&mut self, unit: &AccessUnit, clock: &impl Fn() -> Duration, answers: &mut Vec<FromChild>) {
        let packets = match (unit.codec, &mut self.audio) {
            (Codec::AacConfig, Some(audio)) => {
                let told = audio.configure(&unit.data).unwrap_or_else(Some);
                answers.extend(told.map(FromChild::Unsupported));
                Vec::new()
            }
            (Codec::Aac, Some(audio)) => audio.decode(unit.pts_ms, &unit.data),
            (Codec::H264, Some(audio)) => audio.advance(unit.dts_ms),
            (_, None) => Vec::new(),
        };
        answers.extend(packets.into_iter().map(|packet| FromChild::Opus { pts_us: packet.pts_us, data: packet.data }));
        if let (Codec::H264, Some(video)) = (unit.codec, &mut self.video) {
            let mut made = Vec::new();
            let begun = clock();
            video.decode(unit, &mut made, true);
            let busy_us = u64::try_from(clock().saturating_sub(begun).as_micros()).unwrap_or(u64::MAX);
            video.worked(unit, busy_us, &mut made);
            answers.extend(made.into_iter().map(answer));
        }
    }
}

fn answer(made: Made) -> FromChild {
    match made {
        Made::Picture { layer, pts_us, keyframe, data } => FromChild::Picture { layer, pts_us, keyframe, data },
        Made::Layers(layers) => FromChild::Layers(layers),
        Made::Unsupported(what) => FromChild::Unsupported(what),
        Made::Dropped { layer, busy_percent } => FromChild::LayerDropped { layer, busy_percent },
        Made::Restored(layer) => FromChild::LayerRestored(layer),
    }
}

#[cfg(test)]
mod tests;
