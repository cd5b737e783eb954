//! One encoding of a published track: its numbering, its ring, its reports and requests.

use std::time::{Duration, Instant};

use door::{CodecParams, Kind};
use wire::rtp::Packet;
use wire::{Pt, Ssrc};

use crate::frame::Frame;
use crate::inspect::Inspector;
use crate::keyframe::Throttle;
use crate::missing::Missing;
use crate::points::{Point, SPATIAL_LAYERS};
use crate::rate::Rates;
use crate::reception::{ClockPoint, Reception};
use crate::replay;
use crate::ring::{Meta, Ring};
use crate::sequence::{Place, Sequence};

/// An encoding without packets for this long is taken to have stopped.
pub const SILENCE: Duration = Duration::from_secs(1);
/// An encoding that nobody was sent for this long is not kept for those who come: whoever goes back and forth finds it.
const UNWATCHED_AFTER: Duration = Duration::from_secs(5);
/// A spatial layer without packets for this long is taken to have stopped: some frames at any rate worth watching.
const LAYER_SILENCE: Duration = Duration::from_millis(500);

/// One encoding.
#[derive(Debug)]
pub(crate) struct Encoding {
    pub(crate) ssrc: Option<Ssrc>,
    pub(crate) sequence: Sequence,
    pub(crate) ring: Ring,
    pub(crate) missing: Missing,
    pub(crate) throttle: Throttle,
    pub(crate) reception: Reception,
    pub(crate) clock: Option<ClockPoint>,
    pub(crate) clock_hz: u32,
    pub(crate) inspector: Inspector,
    key: Option<Key>,
    /// When it was last sent to somebody, unless nothing can be said.
    watched: Watched,
    last: Option<Instant>,
    /// When a packet of each spatial layer last came, or the layer was announced.
    layers: [Option<Instant>; SPATIAL_LAYERS as usize],
    top_spatial: u8,
    rates: Rates,
    payload_bytes: u64,
}

/// Whether an encoding is sent to anybody.
#[derive(Clone, Copy, Debug, Default)]
enum Watched {
    /// Nobody watches the track, and whoever comes may want this encoding.
    #[default]
    Perhaps,
    /// When somebody last did.
    Last(Instant),
    /// The track is watched, in other encodings.
    Never,
}

/// The newest key frame.
#[derive(Clone, Copy, Debug)]
struct Key {
    seq: u64,
    run: u16,
    timestamp: u32,
    arrived: Instant,
    /// What came from it on, by the points that need it.
    since: [Stretch; Point::COUNT],
}

/// Packets from a key frame to the present.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stretch {
    /// The key frame's first packet.
    pub(crate) first: u64,
    pub(crate) bytes: u64,
}

/// A media packet with what a retransmission changes already undone.
pub(crate) struct Incoming<'a> {
    pub(crate) packet: &'a Packet<'a>,
    pub(crate) pt: Pt,
    pub(crate) payload: &'a [u8],
    pub(crate) frame: Frame,
}

/// What became of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// New; the packets from the second number up to it are missing.
    New { seq: u64, missing_from: u64 },
    /// Known already.
    Duplicate,
    /// Too old, too far off or too long.
    Refused,
}

impl Encoding {
    pub(crate) fn new(index: u8, kind: Kind) -> Self {
        Self {
            ssrc: None,
            sequence: Sequence::default(),
            ring: Ring::new(kind),
            missing: Missing::default(),
            throttle: Throttle::new(index),
            reception: Reception::default(),
            clock: None,
            clock_hz: if kind == Kind::Audio { 48_000 } else { 90_000 },
            inspector: Inspector::default(),
            key: None,
            watched: Watched::default(),
            last: None,
            layers: [None; SPATIAL_LAYERS as usize],
            top_spatial: 0,
            rates: Rates::default(),
            payload_bytes: 0,
        }
    }

    /// Numbers a packet and keeps it.
    pub(crate) fn take(&mut self, now: Instant, incoming: &Incoming<'_>, place: Place) -> Outcome {
        let (seq, missing_from) = match place {
            Place::Newest { seq, missing_from } => (seq, missing_from),
            Place::Restart(seq) => {
                self.begin_run(seq);
                (seq, seq)
            }
            Place::Late(seq) => (seq, seq),
            Place::Astray => return Outcome::Refused,
        };
        let highest = self.sequence.highest().unwrap_or(seq);
        if self.ring.knows(seq) {
            return Outcome::Duplicate;
        }
        if seq + self.ring.packets_max() as u64 <= highest {
            return Outcome::Refused;
        }
        let meta = Meta {
            seq,
            run: self.sequence.run(),
            timestamp: incoming.packet.timestamp(),
            arrival: now,
            pt: incoming.pt,
            marker: incoming.packet.marker(),
            payload_offset: incoming.packet.payload_offset() as u16,
            frame: incoming.frame,
        };
        let header = &incoming.packet.bytes()[..incoming.packet.payload_offset()];
        let ssrc = self.ssrc.unwrap_or_default();
        if !self.ring.insert(meta, ssrc, header, incoming.payload) {
            return Outcome::Refused;
        }
        self.last = Some(now);
        self.payload_bytes += incoming.payload.len() as u64;
        self.rates.add(now, header.len() + incoming.payload.len(), meta.frame.points);
        self.note_layer(now, &meta.frame);
        self.throttle.unpark();
        self.note_key(now, &meta);
        self.count_since_key(&meta, header.len() + incoming.payload.len());
        Outcome::New { seq, missing_from }
    }

    /// Numbers a packet of `ssrc`; another source than before begins a new numbering.
    pub(crate) fn place(&mut self, ssrc: Ssrc, seq: u16) -> Place {
        let known = self.ssrc.replace(ssrc);
        if known.is_some_and(|known| known != ssrc) { self.sequence.restart(seq) } else { self.sequence.place(seq) }
    }

    fn begin_run(&mut self, seq: u64) {
        self.layers = Default::default();
        self.missing.clear();
        self.reception.restart(seq);
        // Another numbering comes with another RTP clock, which the old reports do not tell of. The first
        // run's reports may have come before its packets.
        if self.sequence.run() != 0 {
            self.clock = None;
        }
    }

    /// Counts a packet for reports, with the clock of its codec.
    pub(crate) fn count(&mut self, now: Instant, packet: &Packet<'_>, codec: &CodecParams) {
        self.clock_hz = codec.clock_hz;
        self.reception.count(now, packet.timestamp(), codec.clock_hz);
    }

    /// Payload bytes since it began, each packet once.
    pub(crate) fn payload_bytes(&self) -> u64 {
        self.payload_bytes
    }

    /// Pictures that began within `span` before `now`, as far as their packets are kept. Walks them: not for every packet.
    pub(crate) fn pictures(&self, now: Instant, span: Duration) -> u32 {
        let Some(highest) = self.sequence.highest() else { return 0 };
        let (mut pictures, mut last) = (0, None);
        for seq in (0..=highest).rev().take(self.ring.packets_max()) {
            let Some((meta, _)) = self.ring.packet(seq) else { continue };
            if now.saturating_duration_since(meta.arrival) > span {
                break;
            }
            pictures += u32::from(last.replace(meta.timestamp) != Some(meta.timestamp));
        }
        pictures
    }

    /// Whether packets came lately.
    pub(crate) fn is_live(&self, now: Instant) -> bool {
        self.last.is_some_and(|last| now.saturating_duration_since(last) < SILENCE)
    }

    /// Bits per second that `point` took lately.
    pub(crate) fn bitrate_bps(&self, now: Instant, point: Point) -> u64 {
        self.rates.bits_per_second(now, point)
    }

    /// What `point` needs from the newest key frame on, if everything came or still may come, and the key frame is
    /// younger than [`replay::AGE_MAX`].
    pub(crate) fn replayable_from(&self, now: Instant, point: Point) -> Option<Stretch> {
        let key = self.key.as_ref().filter(|key| key.run == self.sequence.run())?;
        let fresh = now.saturating_duration_since(key.arrived) <= replay::AGE_MAX;
        self.ring.bytes_since(key.seq).filter(|_| fresh)?;
        key.since.get(point.index()).copied()
    }

    /// Told from time to time who watches: `this` encoding, or `any` of the track. What nobody has watched for
    /// [`UNWATCHED_AFTER`] while others of the track are watched, is not kept for those who come.
    pub(crate) fn note_watched(&mut self, now: Instant, this: bool, any: bool) {
        let was_wanted = self.is_wanted(now);
        self.watched = match self.watched {
            _ if this => Watched::Last(now),
            _ if !any => Watched::Perhaps,
            Watched::Perhaps => Watched::Never,
            known => known,
        };
        let is_wanted = self.is_wanted(now);
        if is_wanted != was_wanted || !is_wanted {
            self.ring.set_watched(is_wanted);
            self.ring.want_from(self.key.as_ref().filter(|_| is_wanted).map(|key| key.seq));
        }
    }

    /// Whether it is kept for those who come.
    fn is_wanted(&self, now: Instant) -> bool {
        match self.watched {
            Watched::Perhaps => true,
            Watched::Last(last) => now.saturating_duration_since(last) < UNWATCHED_AFTER,
            Watched::Never => false,
        }
    }

    fn count_since_key(&mut self, meta: &Meta, len: usize) {
        let Some(key) = self.key.as_mut().filter(|key| meta.seq >= key.seq) else { return };
        let needing = |(index, _): &(usize, &mut Stretch)| meta.frame.points.holds(*index);
        for (_, stretch) in key.since.iter_mut().enumerate().filter(needing) {
            stretch.bytes += len as u64;
        }
    }

    /// A packet was given up: what follows cannot be decoded until the next key frame.
    pub(crate) fn lose(&mut self) {
        self.key = None;
        self.ring.want_from(None);
    }

    fn note_key(&mut self, now: Instant, meta: &Meta) {
        if meta.frame.keyframe {
            self.throttle.came();
            // Several packets of one picture may look like a place to begin: the first is.
            let is_newer = |key: &Key| meta.seq > key.seq && meta.timestamp != key.timestamp;
            if self.key.as_ref().is_none_or(|key| key.run != meta.run || is_newer(key)) {
                self.key = Some(Key {
                    seq: meta.seq,
                    run: meta.run,
                    timestamp: meta.timestamp,
                    arrived: now,
                    since: [Stretch { first: meta.seq, ..Default::default() }; Point::COUNT],
                });
                if self.is_wanted(now) {
                    self.ring.want_from(Some(meta.seq));
                }
            }
        } else if self.key.as_ref().is_some_and(|key| now.saturating_duration_since(key.arrived) > replay::AGE_MAX) {
            self.lose();
        }
    }

    /// The highest spatial layer that is sent.
    pub(crate) fn top_spatial(&self) -> u8 {
        self.top_spatial
    }

    fn note_layer(&mut self, now: Instant, frame: &Frame) {
        for (index, seen) in self.layers.iter_mut().enumerate() {
            if index == usize::from(frame.spatial) || index < usize::from(frame.announced) {
                *seen = Some(now);
            }
        }
        let lives =
            |seen: &Option<Instant>| seen.is_some_and(|seen| now.saturating_duration_since(seen) < LAYER_SILENCE);
        self.top_spatial = self.layers.iter().rposition(lives).unwrap_or(0) as u8;
    }
}
