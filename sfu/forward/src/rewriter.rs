//! Keeps one subscriber's numbers continuous: sequence numbers, timestamps, picture ids and frame numbers, over
//! switches of the source and over packets left out.
//!
//! A stretch is what is sent of one source without a break. Within it a packet's number is its source's plus
//! a constant that falls by one for every packet left out. A number, once given, belongs to one packet for good.

use std::time::{Duration, Instant};

use door::Kind;

use crate::frame::Frame;
use crate::history::{self, AUDIO_ENTRIES, Entry, History, State, VIDEO_ENTRIES};
use crate::points::Point;
use crate::reception::ticks;
use crate::replay;
use crate::ring::Meta;
use crate::uptrack::UpTrack;

/// Stretches remembered for retransmission. A switch needs a key frame, so these span seconds.
const STRETCHES: usize = 16;
/// A new stretch may lie this far from where its arrival puts it; if the reports say more they are not believed.
const ALIGNMENT_MAX: Duration = Duration::from_secs(2);
/// Shortest time between two repetitions of one packet: several requests may cross it on its way.
const REPEAT_MIN_MS: u16 = 20;
/// Picture ids are counted in 15 bits; the 7-bit form is their remainder.
const PICTURE_MODULUS: u16 = 0x8000;

/// A packet's numbers at the subscriber.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Numbers {
    /// Extended sequence number.
    pub(crate) number: u64,
    pub(crate) timestamp: u32,
    /// Picture id of VP8 and VP9, to be cut to its width.
    pub(crate) picture_id: u16,
    /// Index of pictures in the lowest temporal layer of VP8 and VP9.
    pub(crate) tl0_index: u8,
    /// Frame number of the dependency descriptor.
    pub(crate) frame_number: u16,
    /// The point of which the packet was sent.
    pub(crate) point: Point,
}

/// What is to become of a packet of the stretch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    /// It is sent.
    Send,
    /// Its layer is left out.
    Thin,
    /// The subscriber cannot take it.
    Unfit,
}

/// What to send for a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rewritten {
    /// The packet under these numbers.
    Packet(Numbers),
    /// Padding, in the place that was kept free for a packet that turned out to be left out.
    Padding(Numbers),
}

/// What to send for a request, and whether the source's packet is needed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Repeat {
    /// Padding again.
    Padding(Numbers),
    /// The packet of this encoding and extended sequence number.
    Packet {
        /// Its encoding.
        encoding: u8,
        /// Its extended sequence number there.
        source_seq: u64,
        /// It was never sent: its number was kept free for it.
        is_first: bool,
    },
}

/// Renumbers one subscription.
#[derive(Debug)]
pub(crate) struct Rewriter {
    born: Option<Instant>,
    /// The number that was given first.
    first: u64,
    history: History,
    stretches: [Stretch; STRETCHES],
    /// The newest stretch's id.
    newest: u16,
    origin: u16,
    source_highest: u64,
    picture_offset: u16,
    thinned_picture: Option<u16>,
    point: Point,
    last: Last,
}

/// A stretch of one source.
#[derive(Clone, Copy, Debug, Default)]
struct Stretch {
    id: u16,
    origin: u16,
    encoding: u8,
    run: u16,
    /// Its first number, and that of its source there.
    first: u64,
    source_first: u64,
    timestamp_offset: u32,
    squeeze: Squeeze,
    tl0_offset: u8,
    frame_offset: u16,
}

impl Stretch {
    /// The source's extended number of which an entry of this stretch keeps the low bits.
    fn source_seq(&self, source_low: u32) -> u64 {
        self.source_first + u64::from(source_low.wrapping_sub(history::low(self.source_first)))
    }
}

/// Draws the timestamps of a replay together.
#[derive(Clone, Copy, Debug, Default)]
struct Squeeze {
    /// From this timestamp on nothing is changed.
    present: u32,
    /// What lies before it is divided by two to this power.
    shift: u8,
}

impl Squeeze {
    /// Brings what lies between `from` and `present` within `span` ticks.
    fn within(from: u32, present: u32, span: u32) -> Self {
        let behind = present.wrapping_sub(from);
        let shift = (0..u32::BITS as u8).find(|shift| behind >> shift <= span).unwrap_or(0);
        Self { present, shift }
    }

    #[inline]
    fn place(self, timestamp: u32) -> u32 {
        let behind = self.present.wrapping_sub(timestamp);
        if self.shift == 0 || behind as i32 <= 0 { timestamp } else { self.present.wrapping_sub(behind >> self.shift) }
    }
}

/// The newest packet that was sent.
#[derive(Clone, Copy, Debug)]
struct Last {
    number: u64,
    at: Option<Instant>,
    timestamp: u32,
    picture_id: u16,
    tl0_index: u8,
    frame_number: u16,
}

impl Rewriter {
    /// Numbers begin at random (RFC 3550 section 5.1), the sequence's low enough to be told from a wrap.
    pub(crate) fn new(kind: Kind, rng: &mut impl rand::Rng) -> Self {
        let len = if kind == Kind::Audio { AUDIO_ENTRIES } else { VIDEO_ENTRIES };
        let first = (1 << 16) + u64::from(rng.random_range(0..0x8000u16));
        let last = Last {
            number: 0,
            at: None,
            timestamp: rng.random(),
            picture_id: rng.random(),
            tl0_index: rng.random(),
            frame_number: rng.random(),
        };
        Self {
            born: None,
            first,
            history: History::new(len, first),
            stretches: [Stretch::default(); STRETCHES],
            newest: 0,
            origin: 0,
            source_highest: 0,
            picture_offset: 0,
            thinned_picture: None,
            point: Point::default(),
            last,
        }
    }

    /// How many numbers were given, to packets or to gaps.
    pub(crate) fn given(&self) -> u64 {
        self.history.next() - self.first
    }

    /// What comes next is of another track, whose clocks have nothing to do with the former's.
    pub(crate) fn change_origin(&mut self) {
        self.origin = self.origin.wrapping_add(1);
    }

    /// Begins a stretch at `point` with the packet `meta`.
    pub(crate) fn begin(&mut self, now: Instant, up: &UpTrack, encoding: u8, point: Point, meta: &Meta) -> Numbers {
        let timestamp = self.align(now, up, encoding, meta);
        let offset = timestamp.wrapping_sub(meta.timestamp);
        self.begin_with(now, encoding, point, meta, (offset, Squeeze::default()))
    }

    /// Begins a stretch at `point` with the packet `meta`, which is replayed: its timestamp and those up to that of
    /// `present`, the newest packet, are drawn together.
    pub(crate) fn begin_replay(
        &mut self,
        now: Instant,
        up: &UpTrack,
        encoding: u8,
        point: Point,
        meta: &Meta,
        present: &Meta,
    ) -> Numbers {
        let span = ticks(replay::TIMESTAMPS, up.clock_hz(encoding));
        let squeeze = Squeeze::within(meta.timestamp, present.timestamp, span);
        let offset = self.align(now, up, encoding, present).wrapping_sub(present.timestamp);
        let first = squeeze.place(meta.timestamp).wrapping_add(offset);
        // Never back, and never into the frame before.
        let after = self.last.timestamp.wrapping_add(1);
        let short = if self.last.at.is_some() { after.wrapping_sub(first) as i32 } else { 0 };
        let offset = offset.wrapping_add_signed(short.max(0));
        self.begin_with(now, encoding, point, meta, (offset, squeeze))
    }

    fn begin_with(
        &mut self,
        now: Instant,
        encoding: u8,
        point: Point,
        meta: &Meta,
        (timestamp_offset, squeeze): (u32, Squeeze),
    ) -> Numbers {
        let counters = meta.frame.counters;
        let (picture, tl0) = (counters.picture_id().unwrap_or(0), counters.tl0_index().unwrap_or(0));
        let frame = meta.frame.described.map_or(0, |told| told.number);
        self.point = point;
        self.picture_offset = picture.wrapping_sub(self.last.picture_id.wrapping_add(1)) % PICTURE_MODULUS;
        self.thinned_picture = None;
        self.newest = self.newest.wrapping_add(1);
        *self.newest_mut() = Stretch {
            id: self.newest,
            origin: self.origin,
            encoding,
            run: meta.run,
            first: self.history.next(),
            source_first: meta.seq,
            timestamp_offset,
            squeeze,
            tl0_offset: tl0.wrapping_sub(self.last.tl0_index.wrapping_add(1)),
            frame_offset: frame.wrapping_sub(self.last.frame_number.wrapping_add(1)),
        };
        self.born.get_or_insert(now);
        self.source_highest = meta.seq;
        self.send_newest(now, meta)
    }

    /// Goes on with the packet `meta` of the newest stretch: to be sent, left out, or, when it is late, judged by
    /// the point sent at its time. `before` is the point at which the subscriber stood before this packet: that of the
    /// numbers kept free before it; `point` that at which it stands with it.
    pub(crate) fn go_on(
        &mut self,
        now: Instant,
        meta: &Meta,
        fate: Fate,
        before: Point,
        point: Point,
    ) -> Option<Rewritten> {
        if meta.seq <= self.source_highest {
            return self.fill_in(now, meta, fate);
        }
        self.point = before;
        self.keep_free(meta.seq);
        self.point = point;
        self.source_highest = meta.seq;
        if fate == Fate::Send {
            return Some(Rewritten::Packet(self.send_newest(now, meta)));
        }
        self.close_over(meta);
        None
    }

    /// Keeps numbers free for what is missing before `seq`. Of a gap too long for the history one number is
    /// left, so that the subscriber sees that there is one.
    fn keep_free(&mut self, seq: u64) {
        let missing = self.source_highest + 1..seq;
        if !self.history.take_gap(missing.end - missing.start) {
            self.push(missing.end - 1, State::Void);
            return;
        }
        for absent in missing {
            self.push(absent, State::Awaited);
        }
    }

    fn close_over(&mut self, meta: &Meta) {
        let picture = meta.frame.counters.picture_id().filter(|_| meta.frame.closes_ids);
        if picture.is_some() && self.thinned_picture != picture {
            self.thinned_picture = picture;
            self.picture_offset = self.picture_offset.wrapping_add(1) % PICTURE_MODULUS;
        }
    }

    fn send_newest(&mut self, now: Instant, meta: &Meta) -> Numbers {
        let number = self.push(meta.seq, State::Sent);
        self.history.keep_pace(now);
        let numbers = numbers(self.newest_stretch(), self.picture_offset, self.point, number, meta);
        self.note_sent(now, meta, numbers);
        numbers
    }

    fn note_sent(&mut self, now: Instant, meta: &Meta, numbers: Numbers) {
        if numbers.number <= self.last.number {
            return;
        }
        self.last.number = numbers.number;
        self.last.at = Some(now);
        self.last.timestamp = numbers.timestamp;
        if meta.frame.counters.picture_id().is_some() {
            self.last.picture_id = numbers.picture_id;
        }
        if meta.frame.counters.tl0_index().is_some() {
            self.last.tl0_index = numbers.tl0_index;
        }
        if meta.frame.described.is_some() {
            self.last.frame_number = numbers.frame_number;
        }
    }

    /// A late packet gets the number that was kept free for it, if one was.
    fn fill_in(&mut self, now: Instant, meta: &Meta, fate: Fate) -> Option<Rewritten> {
        let stretch = *self.newest_stretch();
        let number = self.history.find(stretch.first, meta.seq)?;
        let entry = self.history.at(number).filter(|entry| entry.state == State::Awaited)?;
        let is_sent = fate != Fate::Unfit && meta.frame.points.has(entry.point);
        entry.state = if is_sent { State::Sent } else { State::Filled };
        let numbers = numbers(&stretch, entry.picture_offset, entry.point, number, meta);
        if !is_sent {
            return Some(Rewritten::Padding(numbers));
        }
        self.note_sent(now, meta, numbers);
        Some(Rewritten::Packet(numbers))
    }

    /// What stands under `seq`, to be sent again; `None` when that is unknown, gone, or was repeated just now.
    pub(crate) fn repeat(&mut self, now: Instant, seq: u16) -> Option<Repeat> {
        let now_ms = self.millis(now);
        let number = self.history.extend(seq)?;
        let entry = *self.history.at(number)?;
        let stretch = *self.stretch(entry.stretch).filter(|stretch| stretch.origin == self.origin)?;
        let repeated_lately = entry.repeated_ms != 0 && now_ms.wrapping_sub(entry.repeated_ms) < REPEAT_MIN_MS;
        let is_newest = stretch.id == self.newest;
        if repeated_lately || entry.state == State::Void || entry.state == State::Awaited && !is_newest {
            return None;
        }
        self.history.at(number)?.repeated_ms = now_ms;
        if entry.state == State::Filled {
            let Last { timestamp, picture_id, tl0_index, frame_number, .. } = self.last;
            let point = entry.point;
            return Some(Repeat::Padding(Numbers { number, timestamp, picture_id, tl0_index, frame_number, point }));
        }
        let is_first = entry.state == State::Awaited;
        let source_seq = stretch.source_seq(entry.source_low);
        Some(Repeat::Packet { encoding: stretch.encoding, source_seq, is_first })
    }

    /// Whether `seq` was kept free for a packet that was not sent yet.
    pub(crate) fn awaits(&mut self, seq: u16) -> bool {
        self.entry(seq).is_some_and(|entry| entry.state == State::Awaited)
    }

    /// Whether `seq` stands in a stretch that has ended.
    pub(crate) fn is_past(&mut self, seq: u16) -> bool {
        let newest = self.newest;
        self.entry(seq).is_some_and(|entry| entry.stretch != newest)
    }

    fn entry(&mut self, seq: u16) -> Option<&mut Entry> {
        self.history.at(self.history.extend(seq)?)
    }

    /// The numbers under which the packet `meta` was sent as `seq`.
    pub(crate) fn sent_as(&mut self, seq: u16, meta: &Meta) -> Option<Numbers> {
        let number = self.history.extend(seq)?;
        let entry = *self.history.at(number).filter(|entry| entry.source_low == history::low(meta.seq))?;
        Some(numbers(self.stretch(entry.stretch)?, entry.picture_offset, entry.point, number, meta))
    }

    /// The newest packet's timestamp, or the one to begin with.
    pub(crate) fn last_timestamp(&self) -> u32 {
        self.last.timestamp
    }

    /// The encoding of the newest stretch and what its timestamps are moved by; `None` before any, or when
    /// track or source changed since.
    pub(crate) fn timestamp_offset(&self, up: &UpTrack) -> Option<(u8, u32)> {
        let stretch = self.newest_stretch();
        let current =
            self.last.at.is_some() && stretch.origin == self.origin && up.run(stretch.encoding) == Some(stretch.run);
        current.then_some((stretch.encoding, stretch.timestamp_offset))
    }

    /// The timestamp at which a new stretch begins: by the same offset if the source is the one before, by
    /// both sources' sender reports if there are such, else by the time that passed.
    fn align(&self, now: Instant, up: &UpTrack, encoding: u8, meta: &Meta) -> u32 {
        let Some(last_at) = self.last.at else {
            return self.last.timestamp;
        };
        let clock_hz = up.clock_hz(encoding);
        let elapsed = ticks(now.saturating_duration_since(last_at), clock_hz).max(1);
        let by_arrival = self.last.timestamp.wrapping_add(elapsed);
        let Some(told) = self.align_by_clocks(up, encoding, meta, clock_hz) else {
            return by_arrival;
        };
        let deviation = (told.wrapping_sub(by_arrival) as i32).unsigned_abs();
        if deviation > ticks(ALIGNMENT_MAX, clock_hz) {
            return by_arrival;
        }
        // Never back, and never into the frame before: one tick is nothing.
        let is_after = (told.wrapping_sub(self.last.timestamp) as i32) > 0;
        if is_after { told } else { self.last.timestamp.wrapping_add(1) }
    }

    fn align_by_clocks(&self, up: &UpTrack, encoding: u8, meta: &Meta, clock_hz: u32) -> Option<u32> {
        let before = self.newest_stretch();
        if before.origin != self.origin {
            return None;
        }
        if before.encoding == encoding && before.run == meta.run {
            return Some(meta.timestamp.wrapping_add(before.timestamp_offset));
        }
        if before.encoding == encoding {
            return None;
        }
        let (old, new) = (up.clock(before.encoding)?, up.clock(encoding)?);
        Some(old.translate(&new, meta.timestamp, clock_hz).wrapping_add(before.timestamp_offset))
    }

    fn push(&mut self, source_seq: u64, state: State) -> u64 {
        let (picture_offset, stretch, point) = (self.picture_offset, self.newest, self.point);
        let source_low = history::low(source_seq);
        self.history.push(Entry { source_low, repeated_ms: 0, picture_offset, stretch, point, state })
    }

    fn stretch(&self, id: u16) -> Option<&Stretch> {
        Some(&self.stretches[usize::from(id) % STRETCHES]).filter(|stretch| stretch.id == id)
    }

    fn newest_stretch(&self) -> &Stretch {
        &self.stretches[usize::from(self.newest) % STRETCHES]
    }

    fn newest_mut(&mut self) -> &mut Stretch {
        &mut self.stretches[usize::from(self.newest) % STRETCHES]
    }

    /// Milliseconds of this subscription's life, never 0.
    fn millis(&self, now: Instant) -> u16 {
        let age = self.born.map_or(Duration::ZERO, |born| now.saturating_duration_since(born));
        (age.as_millis() as u16).max(1)
    }
}

fn numbers(stretch: &Stretch, picture_offset: u16, point: Point, number: u64, meta: &Meta) -> Numbers {
    let Frame { counters, described, .. } = &meta.frame;
    Numbers {
        number,
        timestamp: stretch.squeeze.place(meta.timestamp).wrapping_add(stretch.timestamp_offset),
        picture_id: counters.picture_id().unwrap_or(0).wrapping_sub(picture_offset) % PICTURE_MODULUS,
        tl0_index: counters.tl0_index().unwrap_or(0).wrapping_sub(stretch.tl0_offset),
        frame_number: described.map_or(0, |told| told.number).wrapping_sub(stretch.frame_offset),
        point,
    }
}
