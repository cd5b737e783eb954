//! Which of a track's encodings a subscriber gets, and which of its layers.
//!
//! A subscriber stands at one operating point of one encoding. It gets the packets that this point needs, which each
//! packet tells by a bit. It moves to another encoding at a key frame, to another point where the stream says that one may.

use door::{Kind, LayerTarget};

use crate::points::{Point, Points};
use crate::ring::Meta;
use crate::uptrack::{ENCODINGS_MAX, UpTrack};

/// A key frame whose first packet comes late is still a place to begin if no more packets than this came
/// after it; the subscriber asks for those between (RFC 4585), and they are in the ring.
const BACKLOG_MAX: u64 = 128;

/// Sound may begin with a packet that is so many behind the newest: what was said just before.
const PRE_ROLL_MAX: u64 = 8;

/// What becomes of a packet for one subscriber.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Choice {
    /// It is sent, and begins a new stretch of the subscriber's stream.
    Begin,
    /// It is sent.
    Send,
    /// It belongs to what is sent and is left out on purpose: the numbers close over it.
    Thin,
    /// It is of no concern.
    Ignore,
}

/// Chooses for one subscriber.
#[derive(Debug)]
pub(crate) struct Selector {
    kind: Kind,
    target: LayerTarget,
    limit: LayerTarget,
    current: Option<Current>,
    /// Where each encoding was last left: what came before is never sent again as something new.
    left: [u64; ENCODINGS_MAX],
}

#[derive(Clone, Copy, Debug)]
struct Current {
    encoding: u8,
    run: u16,
    point: Point,
    highest: u64,
    /// Timestamp of the newest picture.
    timestamp: u32,
    /// Lower spatial layers are sent without a break, so that one may go down to them at any picture.
    continuous: bool,
    /// The point cannot be decoded any more: something that it needs was left out.
    broken: bool,
    left_out: LeftOut,
}

/// The frames left out on purpose, by the numbers that the dependency descriptor gives them.
#[derive(Clone, Copy, Debug)]
struct LeftOut {
    newest: u16,
    /// Bit `n` stands for the frame `n` before the newest.
    frames: u64,
}

impl LeftOut {
    /// Nothing before `first` was sent.
    fn before(first: u16) -> Self {
        Self { newest: first, frames: !1 }
    }

    /// Goes on to frame `number`; false when it is not newer.
    fn go_to(&mut self, number: u16) -> bool {
        let step = number.wrapping_sub(self.newest);
        if step == 0 || step >= 0x8000 {
            return step == 0;
        }
        // Of frames that never came it is not known that they were left out.
        self.frames = self.frames.checked_shl(step.into()).unwrap_or(0);
        self.newest = number;
        true
    }

    fn contains_any(&self, recent: u64) -> bool {
        recent & self.frames >> 1 != 0
    }
}

impl Selector {
    pub(crate) fn new(kind: Kind, target: LayerTarget) -> Self {
        Self { kind, target, limit: LayerTarget::BEST, current: None, left: [0; ENCODINGS_MAX] }
    }

    pub(crate) fn target(&self) -> LayerTarget {
        self.target
    }

    pub(crate) fn set_target(&mut self, target: LayerTarget) {
        self.target = target;
        self.stop_if_off();
    }

    pub(crate) fn limit(&self) -> LayerTarget {
        self.limit
    }

    pub(crate) fn set_limit(&mut self, limit: LayerTarget) {
        self.limit = limit;
        self.stop_if_off();
    }

    fn stop_if_off(&mut self) {
        if self.bounds().is_none() {
            self.stop();
        }
    }

    /// Highest spatial and temporal layer by target and limit; `None` for nothing at all.
    fn bounds(&self) -> Option<(u8, u8)> {
        match (self.target, self.limit) {
            (LayerTarget::UpTo { spatial, temporal }, LayerTarget::UpTo { spatial: s, temporal: t }) => {
                Some((spatial.min(s), temporal.min(t)))
            }
            _ => None,
        }
    }

    /// Whether nothing at all is to be sent.
    pub(crate) fn is_off(&self) -> bool {
        self.bounds().is_none()
    }

    /// Sends nothing until it can begin anew.
    pub(crate) fn stop(&mut self) {
        if let Some(current) = self.current.take()
            && let Some(left) = self.left.get_mut(usize::from(current.encoding))
        {
            *left = current.highest;
        }
    }

    /// What comes next is of another track.
    pub(crate) fn change_origin(&mut self) {
        self.current = None;
        self.left = [0; ENCODINGS_MAX];
    }

    pub(crate) fn current(&self) -> Option<u8> {
        self.current.map(|current| current.encoding)
    }

    /// The point that is sent.
    pub(crate) fn point(&self) -> Point {
        self.current.map_or_else(Point::default, |current| current.point)
    }

    /// The encoding to be sent, given those that live: the target's, else the next lower that lives, else
    /// the lowest that does. When none lives the target's is waited for.
    pub(crate) fn wanted(&self, encodings: u8, live: u8) -> Option<u8> {
        let (spatial, _) = self.bounds()?;
        let target = spatial.min(encodings.saturating_sub(1));
        let lives = |index: &u8| live >> *index & 1 != 0;
        (0..=target).rev().find(lives).or_else(|| (target..encodings).find(lives)).or(Some(target))
    }

    /// The point of `encoding` to be sent: of several encodings each is sent whole, in a single one the spatial layers
    /// are those within.
    pub(crate) fn wanted_point(&self, up: &UpTrack, encoding: u8) -> Point {
        let (spatial, temporal) = self.bounds().unwrap_or_default();
        let top = up.top_spatial(encoding);
        Point::new(if up.encodings() > 1 { top } else { spatial.min(top) }, temporal)
    }

    /// The encoding that must bring a key frame before anything changes for the better.
    pub(crate) fn keyframe_wanted(&self, up: &UpTrack, live: u8) -> Option<u8> {
        let wanted = self.wanted(up.encodings(), live).filter(|_| self.kind == Kind::Video)?;
        let Some(current) = self.current.filter(|current| current.encoding == wanted) else {
            return Some(wanted);
        };
        let (spatial, point) = (self.wanted_point(up, wanted).spatial(), current.point.spatial());
        let is_stuck = current.broken || spatial > point || spatial < point && !current.continuous;
        is_stuck.then_some(wanted)
    }

    /// Decides on the packet `meta` of `encoding`.
    #[inline]
    pub(crate) fn choose(&mut self, up: &UpTrack, encoding: u8, meta: &Meta) -> Choice {
        if let Some(current) = &self.current
            && current.encoding == encoding
        {
            if current.run == meta.run {
                return self.go_on(up, encoding, meta);
            }
            if meta.run == current.run.wrapping_sub(1) {
                return Choice::Ignore;
            }
            self.stop();
        }
        if self.wanted(up.encodings(), up.live_at_arrival()) != Some(encoding) || !self.can_begin(up, encoding, meta) {
            return Choice::Ignore;
        }
        self.begin(encoding, self.wanted_point(up, encoding), meta);
        Choice::Begin
    }

    /// Begins with the packet `meta` of `encoding`.
    pub(crate) fn begin(&mut self, encoding: u8, point: Point, meta: &Meta) {
        self.stop();
        self.current = Some(Current {
            encoding,
            run: meta.run,
            point,
            highest: meta.seq,
            timestamp: meta.timestamp,
            continuous: false,
            broken: false,
            left_out: LeftOut::before(meta.frame.described.map_or(0, |told| told.number)),
        });
    }

    fn can_begin(&self, up: &UpTrack, encoding: u8, meta: &Meta) -> bool {
        let behind = up.highest_seq(encoding).map_or(0, |highest| highest.saturating_sub(meta.seq));
        // Where the payload cannot be read there may be no telling key frames, and where there is nothing to
        // switch between none need be told: the subscriber asks for one itself.
        let blind = up.params().encrypted && up.encodings() == 1 && meta.frame.described.is_none();
        let is_past = self.left.get(usize::from(encoding)).is_none_or(|&left| meta.seq <= left);
        match self.kind {
            _ if is_past => false,
            Kind::Audio => behind <= PRE_ROLL_MAX,
            Kind::Video => behind < BACKLOG_MAX && (meta.frame.keyframe || blind),
        }
    }

    #[inline]
    fn go_on(&mut self, up: &UpTrack, encoding: u8, meta: &Meta) -> Choice {
        // Only the first packet of a frame moves the point.
        let wanted = if meta.frame.starts { self.wanted_point(up, encoding) } else { Point::BEST };
        match &mut self.current {
            Some(current) => current.go_on(wanted, meta),
            None => Choice::Ignore,
        }
    }

    /// Decides on a packet of a replay, which takes no temporal layers that it need not.
    pub(crate) fn choose_replayed(&mut self, up: &UpTrack, encoding: u8, meta: &Meta) -> Choice {
        let wanted = Point::new(self.wanted_point(up, encoding).spatial(), 0);
        match &mut self.current {
            Some(current) if (current.encoding, current.run) == (encoding, meta.run) => current.go_on(wanted, meta),
            _ => Choice::Ignore,
        }
    }
}

impl Current {
    #[inline]
    fn go_on(&mut self, wanted: Point, meta: &Meta) -> Choice {
        if meta.seq > self.highest {
            self.highest = meta.seq;
            if meta.frame.starts {
                self.begin_frame(wanted, meta);
            }
        }
        if meta.frame.points.has(self.point) && !self.broken { Choice::Send } else { Choice::Thin }
    }

    /// A frame begins: the point moves if it should and here may.
    fn begin_frame(&mut self, wanted: Point, meta: &Meta) {
        let frame = &meta.frame;
        let needs = frame.described.map(|told| told.needs);
        let told = frame.described.is_some_and(|told| self.left_out.go_to(told.number));
        let lacks = told && needs.is_some_and(|needs| self.left_out.contains_any(needs.recent));
        let decodable = !lacks && frame.decodable_at.has(self.point);
        let is_first = meta.timestamp != self.timestamp;
        if is_first {
            self.timestamp = meta.timestamp;
            self.fall(wanted, meta, decodable);
        }
        // In the midst of a picture the lower layer has already ended it.
        let here = if is_first { Points::ALL } else { Points::at_spatial(self.point.spatial()) };
        let within = frame.switches.and(Points::within(wanted)).and(here);
        if let Some(best) = within.best().filter(|&best| decodable && (best > self.point || self.broken)) {
            (self.point, self.broken) = (best, false);
        }
        let needed = frame.points.has(self.point);
        self.broken |= needed && lacks;
        if told {
            self.left_out.frames = self.left_out.frames & !1 | u64::from(!needed || self.broken);
        }
    }

    /// At the beginning of a picture the point may fall: to lower temporal layers always, to lower spatial layers where
    /// they were sent all along.
    fn fall(&mut self, wanted: Point, meta: &Meta, decodable: bool) {
        let (frame, point) = (&meta.frame, self.point);
        if frame.spatial == 0 && !frame.keyframe {
            self.continuous = point.spatial() > 0 && frame.points.has(point);
        }
        let may_fall = self.continuous || decodable && frame.switches.has(wanted);
        let spatial = if may_fall { point.spatial().min(wanted.spatial()) } else { point.spatial() };
        self.point = Point::new(spatial, point.temporal().min(wanted.temporal()));
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use wire::rtp::Packet;

    use super::*;
    use crate::testing::{Made, Vp8Frame, video_params};

    const BEST: LayerTarget = LayerTarget::BEST;

    fn up_to(spatial: u8, temporal: u8) -> LayerTarget {
        LayerTarget::UpTo { spatial, temporal }
    }

    struct World {
        now: Instant,
        up: UpTrack,
        selector: Selector,
        seqs: [u16; 3],
    }

    impl World {
        fn new(target: LayerTarget) -> Self {
            let up = UpTrack::new(video_params("1", &["q", "h", "f"]));
            Self { now: crate::testing::start(), up, selector: Selector::new(Kind::Video, target), seqs: [0; 3] }
        }

        fn send(&mut self, encoding: u8, frame: Vp8Frame) -> Choice {
            let seq = &mut self.seqs[usize::from(encoding)];
            *seq += 1;
            let bytes = Made::vp8(encoding, *seq, u32::from(frame.picture) * 3000, frame).bytes();
            let arrival = self.up.receive(self.now, encoding, &Packet::parse(&bytes).unwrap(), false).unwrap();
            let meta = *self.up.packet(encoding, arrival.seq).unwrap().0;
            self.selector.choose(&self.up, encoding, &meta)
        }

        fn wants(&self) -> Option<u8> {
            self.selector.keyframe_wanted(&self.up, self.up.live_at(self.now))
        }
    }

    #[test]
    fn begins_and_switches_at_key_frames_only() {
        let mut world = World::new(up_to(0, 9));
        assert_eq!(world.send(0, Vp8Frame::delta(1)), Choice::Ignore);
        assert_eq!(world.wants(), Some(0));
        assert_eq!(world.send(0, Vp8Frame::key(2)), Choice::Begin);
        assert_eq!(world.send(2, Vp8Frame::key(1)), Choice::Ignore);
        world.selector.set_target(BEST);
        assert_eq!(world.wants(), Some(2));
        assert_eq!(world.send(2, Vp8Frame::delta(2)), Choice::Ignore);
        assert_eq!(world.send(0, Vp8Frame::delta(3)), Choice::Send);
        assert_eq!(world.send(2, Vp8Frame::key(3)), Choice::Begin);
        assert_eq!(world.send(0, Vp8Frame::delta(4)), Choice::Ignore);
        assert_eq!(world.wants(), None);
    }

    #[test]
    fn a_dead_layer_gives_way_to_a_lower_one_and_comes_back() {
        let mut world = World::new(BEST);
        world.send(0, Vp8Frame::key(1));
        assert_eq!(world.send(2, Vp8Frame::key(1)), Choice::Begin);
        world.now += Duration::from_millis(1100);
        assert_eq!(world.send(0, Vp8Frame::delta(2)), Choice::Ignore);
        assert_eq!(world.wants(), Some(0));
        assert_eq!(world.send(0, Vp8Frame::key(3)), Choice::Begin);
        assert_eq!(world.send(2, Vp8Frame::delta(2)), Choice::Ignore);
        assert_eq!(world.wants(), Some(2));
        assert_eq!(world.send(2, Vp8Frame::key(3)), Choice::Begin);
    }

    #[test]
    fn the_only_live_layer_is_better_than_none() {
        let mut world = World::new(up_to(0, 9));
        assert_eq!(world.send(1, Vp8Frame::key(1)), Choice::Begin);
        assert_eq!(world.send(0, Vp8Frame::key(1)), Choice::Begin);
    }

    #[test]
    fn off_sends_nothing() {
        let mut world = World::new(LayerTarget::Off);
        assert_eq!((world.send(0, Vp8Frame::key(1)), world.wants()), (Choice::Ignore, None));
        world.selector.set_target(BEST);
        assert_eq!(world.send(0, Vp8Frame::key(2)), Choice::Begin);
        world.selector.set_target(LayerTarget::Off);
        assert_eq!(world.send(0, Vp8Frame::delta(3)), Choice::Ignore);
    }

    #[test]
    fn temporal_layers_rise_one_by_one_at_sync_points() {
        let mut world = World::new(up_to(0, 0));
        assert_eq!(world.send(0, Vp8Frame::key(1)), Choice::Begin);
        assert_eq!(world.send(0, Vp8Frame::delta(2).at(1, true)), Choice::Thin);
        world.selector.set_target(up_to(0, 2));
        for (picture, (temporal, sync, choice)) in (3..).zip([
            (2, true, Choice::Thin),
            (1, false, Choice::Thin),
            (0, false, Choice::Send),
            (1, true, Choice::Send),
            (2, false, Choice::Thin),
            (2, true, Choice::Send),
            (1, false, Choice::Send),
        ]) {
            assert_eq!(world.send(0, Vp8Frame::delta(picture).at(temporal, sync)), choice, "{temporal} {sync}");
        }
        world.selector.set_target(up_to(0, 1));
        assert_eq!(world.send(0, Vp8Frame::delta(14).at(2, false)), Choice::Thin);
        assert_eq!(world.send(0, Vp8Frame::delta(15).at(1, false)), Choice::Send);
        world.selector.set_target(BEST);
        assert_eq!(world.send(0, Vp8Frame::key(16)), Choice::Send);
        assert_eq!(world.send(0, Vp8Frame::delta(17).at(2, false)), Choice::Send);
    }

    #[test]
    fn a_frame_is_left_out_or_sent_as_a_whole() {
        let mut world = World::new(up_to(0, 1));
        world.send(0, Vp8Frame::key(1));
        assert_eq!(world.send(0, Vp8Frame::delta(2).at(1, false)), Choice::Send);
        world.selector.set_target(up_to(0, 0));
        let rest = Vp8Frame { start: false, ..Vp8Frame::delta(2).at(1, false) };
        assert_eq!(world.send(0, rest), Choice::Send);
        assert_eq!(world.send(0, Vp8Frame::delta(3).at(1, false)), Choice::Thin);
    }
}
