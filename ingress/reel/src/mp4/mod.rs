//! MP4 (ISO/IEC 14496-12) as it comes: a film whose index stands before its media or can be asked for, or fragments.

mod boxes;
mod entry;
mod fragment;
mod table;
#[cfg(test)]
mod tests;
mod track;

use std::collections::VecDeque;

use bytes::Bytes;
use rtmp::{AudioUnit, Event, VideoUnit};

use crate::clock::{Clock, Medium};
use crate::limits::{CLOCK_JUMP_MIN, FRAGMENT_BYTES_MAX, MOOF_BYTES_MAX, MOOV_BYTES_MAX, TRACKS_MAX};
use crate::reader::Step;
use crate::{Fault, limits};
use boxes::{Fields, Head, Kind, LONG_HEAD_BYTES, child, children};
use entry::Entry;
use table::Sample;
use track::{Track, Usual};

/// What the next bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Head,
    /// Of no use, to the end of the file when no number is given.
    Waste(Option<u64>),
    /// An index of a kind and length.
    Index(Kind, usize),
    /// Samples of a film; so many bytes of them.
    Media(Option<u64>),
    /// Samples of a fragment, read as a whole.
    Fragment(usize),
    /// Nothing that is wanted: another part of the file was asked for.
    Elsewhere,
}

/// Bytes in, events out.
#[derive(Debug)]
pub(crate) struct Mp4Reader {
    part: Part,
    /// Where the next byte stands in the file.
    position: u64,
    held: Vec<u8>,
    tracks: Vec<Track>,
    /// Each track's next sample.
    peeked: Vec<Option<Sample>>,
    /// What the last fragment's index lists, and where that began.
    fragment: Vec<(usize, Sample)>,
    /// Where the media stand that came before their index.
    passed: Option<u64>,
    events: VecDeque<Event>,
}

impl Default for Mp4Reader {
    fn default() -> Self {
        Self {
            part: Part::Head,
            position: 0,
            held: Vec::new(),
            tracks: Vec::new(),
            peeked: Vec::new(),
            fragment: Vec::new(),
            passed: None,
            events: VecDeque::new(),
        }
    }
}

impl Mp4Reader {
    /// Bytes of a place in a file follow: the file itself, another one, or what was asked for.
    pub(crate) fn begin(&mut self, at: u64) {
        (self.part, self.position) = (Part::Head, at);
        self.held.clear();
    }

    /// Takes bytes from the front of `input` up to the next event, or up to where it must go on elsewhere.
    pub(crate) fn receive(&mut self, input: &mut &[u8], clock: &mut Clock) -> Result<Option<Step>, Fault> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Ok(Some(Step::Event(event)));
            }
            if input.is_empty() {
                return Ok(None);
            }
            match self.part {
                Part::Elsewhere => *input = &[],
                Part::Waste(None) => self.pass(input, u64::MAX),
                Part::Waste(Some(left)) => {
                    let before = self.position;
                    self.pass(input, left);
                    self.enter(Part::Waste, left - (self.position - before));
                }
                Part::Head => {
                    if let Some(target) = self.head(input)? {
                        self.part = Part::Elsewhere;
                        return Ok(Some(Step::Seek(target)));
                    }
                }
                Part::Index(kind, bytes) => {
                    if let Some(body) = self.gather(bytes, input)
                        && let Some(target) = self.index(kind, body)?
                    {
                        self.part = Part::Elsewhere;
                        return Ok(Some(Step::Seek(target)));
                    }
                }
                Part::Fragment(bytes) => {
                    if let Some(body) = self.gather(bytes, input) {
                        self.part = Part::Head;
                        self.show_fragment(&Bytes::from(body), clock)?;
                    }
                }
                Part::Media(left) => self.media(left, input, clock)?,
            }
        }
    }

    /// Passes over at most so many bytes.
    fn pass(&mut self, input: &mut &[u8], bytes: u64) {
        let len = usize::try_from(bytes).unwrap_or(usize::MAX).min(input.len());
        *input = input.get(len..).unwrap_or_default();
        self.position = self.position.saturating_add(len as u64);
    }

    /// The part of which so much is left, or the next box.
    fn enter(&mut self, part: fn(Option<u64>) -> Part, left: u64) {
        self.part = if left == 0 { Part::Head } else { part(Some(left)) };
    }

    /// The next `wanted` bytes, once they are all there.
    fn gather(&mut self, wanted: usize, input: &mut &[u8]) -> Option<Vec<u8>> {
        let len = wanted.saturating_sub(self.held.len()).min(input.len());
        self.held.extend_from_slice(input.get(..len).unwrap_or_default());
        self.pass(input, len as u64);
        (self.held.len() >= wanted).then(|| std::mem::take(&mut self.held))
    }

    /// Reads how a box begins; where to go on when its media must wait for their index.
    fn head(&mut self, input: &mut &[u8]) -> Result<Option<u64>, Fault> {
        let wanted = if self.held.len() < boxes::HEAD_BYTES { boxes::HEAD_BYTES } else { LONG_HEAD_BYTES };
        let Some(bytes) = self.gather(wanted, input) else { return Ok(None) };
        let Some(head) = Head::parse(&bytes)? else {
            self.held = bytes;
            return Ok(None);
        };
        self.part = match &head.kind {
            // A film has one; it may stand behind the media that were asked for.
            b"moov" if self.tracks.iter().any(|track| !track.samples.is_empty()) => Part::Waste(head.body),
            b"moov" => Part::Index(head.kind, bounded(head.body, MOOV_BYTES_MAX, "MP4's index")?),
            b"moof" => Part::Index(head.kind, bounded(head.body, MOOF_BYTES_MAX, "MP4's fragment")?),
            b"mdat" if self.tracks.is_empty() => {
                let begin = self.position - bytes.len() as u64;
                let end = head.body.and_then(|body| self.position.checked_add(body)).ok_or(Fault::IndexLast)?;
                if self.passed.replace(begin).is_some() {
                    return Err(Fault::Broken("MP4"));
                }
                return Ok(Some(end));
            }
            b"mdat" if !self.fragment.is_empty() => {
                Part::Fragment(bounded(head.body, FRAGMENT_BYTES_MAX, "MP4's fragment")?)
            }
            b"mdat" => Part::Media(head.body),
            _ => Part::Waste(head.body),
        };
        if matches!(self.part, Part::Waste(Some(0)) | Part::Media(Some(0)) | Part::Fragment(0)) {
            self.part = Part::Head;
        }
        Ok(None)
    }

    /// Reads an index; where the media stand that were passed over.
    fn index(&mut self, kind: Kind, body: Vec<u8>) -> Result<Option<u64>, Fault> {
        self.part = Part::Head;
        if &kind == b"moof" {
            let begin = self.position.saturating_sub(body.len() as u64 + boxes::HEAD_BYTES as u64);
            self.fragment = fragment::samples(&body, begin, &mut self.tracks)?;
            return Ok(None);
        }
        self.film(&Bytes::from(body))?;
        Ok(self.passed.take())
    }

    /// Reads a film's index: its first picture and its first sound that are carried.
    fn film(&mut self, moov: &Bytes) -> Result<(), Fault> {
        let (mut tracks, mut refused): (Vec<Track>, _) = (Vec::new(), None);
        for (_, trak) in children(moov).filter(|(kind, _)| kind == b"trak").take(TRACKS_MAX) {
            match Track::read(moov, trak) {
                Ok(Some(track)) if tracks.iter().all(|known| known.is_video() != track.is_video()) => {
                    tracks.push(track)
                }
                Ok(_) => {}
                Err(fault) => refused = refused.or(Some(fault)),
            }
        }
        // Who has one codec of each that is carried may have others beside.
        if tracks.len() < 2
            && let Some(fault) = refused
        {
            return Err(fault);
        }
        for (_, trex) in children(child(moov, b"mvex").unwrap_or_default()).filter(|(kind, _)| kind == b"trex") {
            usual(trex, &mut tracks);
        }
        if tracks.is_empty() {
            return Err(Fault::Empty);
        }
        interleaved(&tracks)?;
        self.peeked = tracks.iter_mut().map(|track| track.samples.next()).collect::<Result<_, _>>()?;
        self.events.extend(tracks.iter().map(|track| match &track.entry {
            Entry::Video(config) => Event::VideoConfig(config.clone()),
            Entry::Audio(config) => Event::AudioConfig(config.clone()),
        }));
        (self.tracks, self.fragment) = (tracks, Vec::new());
        Ok(())
    }

    /// Takes bytes of a film's media up to the end of a sample.
    fn media(&mut self, left: Option<u64>, input: &mut &[u8], clock: &mut Clock) -> Result<(), Fault> {
        let peeked = self.peeked.iter().enumerate().filter_map(|(index, sample)| Some((index, (*sample)?)));
        let Some((index, sample)) = peeked.min_by_key(|(_, sample)| sample.offset) else {
            self.part = Part::Waste(left);
            return Ok(());
        };
        let before = self.position;
        let begun = before - self.held.len() as u64;
        let gap = sample.offset.checked_sub(begun).ok_or(Fault::Broken("MP4's index"))?;
        if gap > 0 {
            self.pass(input, gap.min(left.unwrap_or(u64::MAX)));
        } else {
            let mut piece =
                input.get(..usize::try_from(left.unwrap_or(u64::MAX)).unwrap_or(usize::MAX).min(input.len()));
            let offered = piece.map_or(0, <[u8]>::len);
            let data = self.gather(sample.bytes, piece.get_or_insert_default());
            let used = offered - piece.map_or(0, <[u8]>::len);
            *input = input.get(used..).unwrap_or_default();
            if let Some(data) = data {
                let next = self.tracks.get_mut(index).map_or(Ok(None), |track| track.samples.next())?;
                if let Some(peeked) = self.peeked.get_mut(index) {
                    *peeked = next;
                }
                self.show(index, &sample, Bytes::from(data), clock);
            }
        }
        if let Some(left) = left {
            self.enter(Part::Media, left.saturating_sub(self.position - before));
            if self.part == Part::Head && !self.held.is_empty() {
                return Err(Fault::Broken("MP4's index"));
            }
        }
        Ok(())
    }

    /// All samples of a fragment, in the order of their times.
    fn show_fragment(&mut self, body: &Bytes, clock: &mut Clock) -> Result<(), Fault> {
        let begin = self.position.saturating_sub(body.len() as u64);
        let mut samples = std::mem::take(&mut self.fragment);
        samples.sort_by_key(|(index, sample)| self.tracks.get(*index).map(|track| track.ms(sample.dts)));
        for (index, sample) in samples {
            let at = sample.offset.checked_sub(begin).and_then(|at| usize::try_from(at).ok());
            let range =
                at.and_then(|at| Some(at..at.checked_add(sample.bytes)?)).filter(|range| range.end <= body.len());
            self.show(index, &sample, body.slice(range.ok_or(Fault::Broken("MP4's fragment"))?), clock);
        }
        Ok(())
    }

    fn show(&mut self, index: usize, sample: &Sample, data: Bytes, clock: &mut Clock) {
        let Some(track) = self.tracks.get(index).filter(|_| !data.is_empty()) else { return };
        let shown_ms = track.ms(sample.dts.saturating_add(sample.later));
        self.events.push_back(match &track.entry {
            Entry::Video(config) => {
                let own_ms = track.ms(sample.dts);
                let later = shown_ms.saturating_sub(own_ms);
                let sane = u128::from(later.unsigned_abs()) < CLOCK_JUMP_MIN.as_millis();
                let dts_ms = clock.place(Medium::Video, own_ms);
                let pts_ms = dts_ms.saturating_add(if sane { later } else { 0 });
                Event::Video(VideoUnit { codec: config.codec, dts_ms, pts_ms, keyframe: sample.keyframe, data })
            }
            Entry::Audio(config) => {
                let pts_ms = clock.place(Medium::Audio, shown_ms);
                Event::Audio(AudioUnit { codec: config.codec, pts_ms, data })
            }
        });
    }
}

fn bounded(body: Option<u64>, bytes_max: usize, what: &'static str) -> Result<usize, Fault> {
    let bytes = body.and_then(|body| usize::try_from(body).ok()).filter(|bytes| *bytes <= bytes_max);
    bytes.ok_or(Fault::TooLong(what))
}

/// What the samples of a track's fragments are unless they say otherwise.
fn usual(trex: &[u8], tracks: &mut [Track]) {
    let Some((_, _, mut fields)) = Fields::versioned(trex) else { return };
    let mut word = || fields.u32();
    let (Some(id), Some(_), Some(time), Some(bytes), Some(flags)) = (word(), word(), word(), word(), word()) else {
        return;
    };
    if let Some(track) = tracks.iter_mut().find(|track| track.id == id) {
        track.usual = Usual { time, bytes, flags };
    }
}

/// Walks through a film's index in the order of its bytes: sound must lie near its pictures.
fn interleaved(tracks: &[Track]) -> Result<(), Fault> {
    let [one, other] = tracks else { return Ok(()) };
    if one.samples.is_empty() || other.samples.is_empty() {
        return Ok(());
    }
    let most = i64::try_from(limits::INTERLEAVE_MAX.as_millis()).unwrap_or(i64::MAX);
    let (mut walks, mut latest) = ([one.samples.clone(), other.samples.clone()], i64::MIN);
    let mut heads = [walks[0].next()?, walks[1].next()?];
    loop {
        let index = match heads {
            [Some(one), Some(other)] => usize::from(other.offset < one.offset),
            [Some(_), None] => 0,
            [None, Some(_)] => 1,
            [None, None] => return Ok(()),
        };
        let (Some(sample), Some(track)) = (heads[index], tracks.get(index)) else { return Ok(()) };
        let time = track.ms(sample.dts);
        latest = latest.max(time);
        if latest.saturating_sub(time) > most {
            return Err(Fault::Interleaving);
        }
        heads[index] = walks[index].next()?;
    }
}
