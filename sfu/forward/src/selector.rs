//! Which of a track's encodings a subscriber gets, and which of its temporal layers.

use door::{Kind, LayerTarget};

use crate::ring::Meta;
use crate::uptrack::{ENCODINGS_MAX, UpTrack};

/// A key frame whose first packet comes late is still a place to begin if no more packets than this came
/// after it; the subscriber asks for those between (RFC 4585), and they are in the ring.
const BACKLOG_MAX: u64 = 128;
/// VP8 has four temporal layers at most (RFC 7741 section 4.2: TID takes two bits).
const TEMPORAL_MAX: u8 = 3;

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
    current: Option<Current>,
    /// Where each encoding was last left: what came before is never sent again as something new.
    left: [u64; ENCODINGS_MAX],
}

#[derive(Clone, Copy, Debug)]
struct Current {
    encoding: u8,
    run: u16,
    /// Highest temporal layer that is sent.
    temporal: u8,
    highest: u64,
}

impl Selector {
    pub(crate) fn new(kind: Kind, target: LayerTarget) -> Self {
        Self { kind, target, current: None, left: [0; ENCODINGS_MAX] }
    }

    pub(crate) fn target(&self) -> LayerTarget {
        self.target
    }

    pub(crate) fn set_target(&mut self, target: LayerTarget) {
        self.target = target;
        if target == LayerTarget::Off {
            self.stop();
        }
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

    /// The highest temporal layer that is sent.
    pub(crate) fn temporal_limit(&self) -> u8 {
        self.current.map_or(0, |current| current.temporal)
    }

    /// The encoding to be sent, given those that live: the target's, else the next lower that lives, else
    /// the lowest that does. When none lives the target's is waited for.
    pub(crate) fn wanted(&self, encodings: u8, live: u8) -> Option<u8> {
        let LayerTarget::UpTo { spatial, .. } = self.target else {
            return None;
        };
        let target = spatial.min(encodings.saturating_sub(1));
        let lives = |index: &u8| live >> *index & 1 != 0;
        (0..=target).rev().find(lives).or_else(|| (target..encodings).find(lives)).or(Some(target))
    }

    /// The encoding that must bring a key frame before anything changes for the better.
    pub(crate) fn keyframe_wanted(&self, encodings: u8, live: u8) -> Option<u8> {
        let wanted = self.wanted(encodings, live).filter(|_| self.kind == Kind::Video);
        wanted.filter(|&wanted| self.current() != Some(wanted))
    }

    /// Decides on the packet `meta` of `encoding`.
    pub(crate) fn choose(&mut self, up: &UpTrack, encoding: u8, meta: &Meta) -> Choice {
        if let Some(current) = &mut self.current
            && current.encoding == encoding
        {
            if current.run == meta.run {
                return thin(current, self.target, meta);
            }
            if meta.run == current.run.wrapping_sub(1) {
                return Choice::Ignore;
            }
            self.stop();
        }
        if self.wanted(up.encodings(), up.live_at_arrival()) != Some(encoding) || !self.can_begin(up, encoding, meta) {
            return Choice::Ignore;
        }
        let temporal = temporal_target(self.target);
        self.stop();
        self.current = Some(Current { encoding, run: meta.run, temporal, highest: meta.seq });
        Choice::Begin
    }

    fn can_begin(&self, up: &UpTrack, encoding: u8, meta: &Meta) -> bool {
        let behind = up.highest_seq(encoding).map_or(0, |highest| highest.saturating_sub(meta.seq));
        // Where the payload cannot be read there may be no telling key frames, and where there is nothing to
        // switch between none need be told: the subscriber asks for one itself.
        let blind = up.params().encrypted && up.encodings() == 1;
        let is_past = self.left.get(usize::from(encoding)).is_none_or(|&left| meta.seq <= left);
        match self.kind {
            _ if is_past => false,
            Kind::Audio => behind == 0,
            Kind::Video => behind < BACKLOG_MAX && (meta.keyframe || blind),
        }
    }
}

fn temporal_target(target: LayerTarget) -> u8 {
    match target {
        LayerTarget::Off => 0,
        LayerTarget::UpTo { temporal, .. } => temporal.min(TEMPORAL_MAX),
    }
}

/// Leaves out temporal layers above the target. The limit falls at any frame; it rises at a key frame, or by
/// one layer at a frame of that layer that depends on the lowest alone.
fn thin(current: &mut Current, target: LayerTarget, meta: &Meta) -> Choice {
    let in_order = meta.seq > current.highest;
    current.highest = current.highest.max(meta.seq);
    let Some((vp8, temporal)) = meta.vp8.and_then(|vp8| Some((vp8, vp8.temporal?))) else {
        return Choice::Send;
    };
    let limit = temporal_target(target);
    if in_order && vp8.frame_start {
        let rises = vp8.layer_sync && temporal == current.temporal + 1 && temporal <= limit;
        if limit < current.temporal || vp8.keyframe {
            current.temporal = limit;
        } else if rises {
            current.temporal = temporal;
        }
    }
    if temporal > current.temporal { Choice::Thin } else { Choice::Send }
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
            let bytes = Made::vp8(encoding, *seq, 0, frame).bytes();
            let arrival = self.up.receive(self.now, encoding, &Packet::parse(&bytes).unwrap(), false).unwrap();
            let meta = *self.up.packet(encoding, arrival.seq).unwrap().0;
            self.selector.choose(&self.up, encoding, &meta)
        }

        fn wants(&self) -> Option<u8> {
            self.selector.keyframe_wanted(3, self.up.live_at(self.now))
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
        for (temporal, sync, choice) in [
            (2, true, Choice::Thin),
            (1, false, Choice::Thin),
            (0, false, Choice::Send),
            (1, true, Choice::Send),
            (2, false, Choice::Thin),
            (2, true, Choice::Send),
            (1, false, Choice::Send),
        ] {
            assert_eq!(world.send(0, Vp8Frame::delta(3).at(temporal, sync)), choice, "{temporal} {sync}");
        }
        world.selector.set_target(up_to(0, 1));
        assert_eq!(world.send(0, Vp8Frame::delta(4).at(2, false)), Choice::Thin);
        assert_eq!(world.send(0, Vp8Frame::delta(5).at(1, false)), Choice::Send);
        world.selector.set_target(BEST);
        assert_eq!(world.send(0, Vp8Frame::key(6)), Choice::Send);
        assert_eq!(world.send(0, Vp8Frame::delta(7).at(2, false)), Choice::Send);
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
