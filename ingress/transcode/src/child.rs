//! The child process: words in, codecs, words out. It knows no room and opens nothing.

use std::io::{self, BufWriter, Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use crate::audio::Audio;
use crate::limits;
use crate::plan::Plan;
use crate::protocol::{FromChild, LENGTH_BYTES, ToChild, frame_len};
use crate::unit::{AccessUnit, Codec};
use crate::video::{Coding, Decoding, Made, Work};

/// Units that are decoded and wait for the encoders, which also bounds their pictures; then decoding waits, and the server's
/// queue behind it.
const TASKS_MAX: usize = 1;

/// Runs until standard input ends: the whole life of `thalweg transcode-child`.
///
/// # Errors
/// When the limits cannot be put on, or the server's words make no sense.
pub fn run() -> io::Result<()> {
    limits::lower()?;
    let begun = Instant::now();
    serve(io::stdin().lock(), io::stdout(), || begun.elapsed(), limits::confine)
}

/// Answers the words of `input` on `output` until it ends; `clock` is any monotonic one. `confine` is called once all
/// threads are there, before anything of a stranger's is read.
///
/// # Errors
/// When reading or writing fails, and for words that make no sense.
pub fn serve(
    mut input: impl Read,
    output: impl Write + Send,
    clock: impl Fn() -> Duration + Sync,
    confine: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    let Some(ToChild::Plan(plan)) = read(&mut input)? else {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the first word is not a plan"));
    };
    let mut works = Works::new(&plan)?;
    let mut hands = Hands { coding: plan.video.as_ref().map(Coding::new), output: BufWriter::new(output) };
    if plan.video.is_none() {
        // Sound alone is cheap: a second thread would cost more than it does.
        confine()?;
        return attend(&mut input, &mut works, &clock, |tasks| hands.take(tasks, &clock));
    }
    thread::scope(|scope| {
        let (give, given) = mpsc::sync_channel(TASKS_MAX);
        let (begin, begun) = mpsc::channel();
        let clock = &clock;
        let coding = scope.spawn(move || {
            let _ = begin.send(());
            given.into_iter().try_for_each(|tasks| hands.take(tasks, clock))
        });
        let _ = begun.recv();
        confine()?;
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        let attended = attend(&mut input, &mut works, clock, |tasks| give.send(tasks).map_err(gone));
        drop(give);
        // Why the other half stopped is the better reason.
        coding.join().map_err(|_| io::Error::other("the encoders panicked"))?.and(attended)
    })
}

/// Turns words into tasks until they end.
fn attend(
    input: &mut impl Read,
    works: &mut Works,
    clock: &impl Fn() -> Duration,
    mut give: impl FnMut(Vec<Task>) -> io::Result<()>,
) -> io::Result<()> {
    give(vec![Task::Say(FromChild::Ready)])?;
    while let Some(word) = read(input)? {
        give(works.handle(word, clock)?)?;
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

/// What is left to be done of a word, in order.
enum Task {
    /// An answer that is ready.
    Say(FromChild),
    /// Work for the encoders.
    Code(Work),
}

/// The second half: encoders, and all answers.
struct Hands<W: Write> {
    coding: Option<Coding>,
    output: BufWriter<W>,
}

impl<W: Write> Hands<W> {
    fn take(&mut self, tasks: Vec<Task>, clock: &impl Fn() -> Duration) -> io::Result<()> {
        for task in tasks {
            match (task, &mut self.coding) {
                (Task::Say(word), _) => self.output.write_all(&word.frame())?,
                (Task::Code(work), Some(coding)) => {
                    let mut made = Vec::new();
                    coding.take(work, clock, &mut made);
                    made.into_iter().try_for_each(|made| self.output.write_all(&answer(made).frame()))?;
                }
                (Task::Code(_), None) => {}
            }
        }
        self.output.flush()
    }
}

/// The first half: sound, the decoder, and the count of units.
struct Works {
    audio: Option<Audio>,
    video: Option<Decoding>,
    done: u64,
}

impl Works {
    fn new(plan: &Plan) -> io::Result<Self> {
        let audio = plan.audio.map(Audio::new).transpose().map_err(io::Error::other)?;
        Ok(Self { audio, video: plan.video.as_ref().map(Decoding::new), done: 0 })
    }

    fn handle(&mut self, word: ToChild, clock: &impl Fn() -> Duration) -> io::Result<Vec<Task>> {
        let mut tasks = Vec::new();
        match (word, &mut self.video) {
            (ToChild::Plan(_), _) => return Err(io::Error::new(io::ErrorKind::InvalidData, "a second plan")),
            (ToChild::Unit(unit), _) => {
                self.unit(&unit, clock, &mut tasks);
                self.done += 1;
                tasks.push(Task::Say(FromChild::Done(self.done)));
            }
            (ToChild::Again(unit), video) => {
                let mut work = Vec::new();
                if let Some(video) = video {
                    video.decode(&unit, &mut work, false);
                }
                // What it cannot decode was said before.
                work.retain(|work| !matches!(work, Work::Unsupported(_)));
                tasks.extend(work.into_iter().map(Task::Code));
                self.done += 1;
                tasks.push(Task::Say(FromChild::Done(self.done)));
            }
            (ToChild::Keyframe(layer), Some(_)) => tasks.push(Task::Code(Work::Keyframe(layer))),
            (ToChild::Layer { layer, watched, bitrate }, Some(video)) => {
                video.watch(layer, watched);
                tasks.push(Task::Code(Work::Layer { layer, watched, bitrate }));
            }
            (ToChild::Keyframe(_) | ToChild::Layer { .. }, None) => {}
        }
        Ok(tasks)
    }

    fn unit(&mut self, unit: &AccessUnit, clock: &impl Fn() -> Duration, tasks: &mut Vec<Task>) {
        let packets = match (unit.codec, &mut self.audio) {
            (Codec::AacConfig, Some(audio)) => {
                tasks.extend(audio.configure(&unit.data).err().map(|told| Task::Say(FromChild::Unsupported(told))));
                Vec::new()
            }
            (Codec::Aac, Some(audio)) => audio.decode(unit.pts_ms, &unit.data),
            (Codec::H264, Some(audio)) => audio.advance(unit.dts_ms),
            (_, None) => Vec::new(),
        };
        let said = packets.into_iter().map(|packet| FromChild::Opus { pts_us: packet.pts_us, data: packet.data });
        tasks.extend(said.map(Task::Say));
        if let (Codec::H264, Some(video)) = (unit.codec, &mut self.video) {
            let (begun, mut work) = (clock(), Vec::new());
            video.decode(unit, &mut work, true);
            let busy_us = u64::try_from(clock().saturating_sub(begun).as_micros()).unwrap_or(u64::MAX);
            work.push(Work::Decoded { media_us: video.media_us(unit), busy_us });
            tasks.extend(work.into_iter().map(Task::Code));
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
