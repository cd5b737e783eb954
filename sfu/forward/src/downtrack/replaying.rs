//! A subscription's replays: the first picture at once, a switch at once.

use std::time::Instant;

use super::{DownTrack, Fate, Source, Written, fate};
use crate::encoding::Stretch;
use crate::points::Point;
use crate::replay::{self, Replay};
use crate::rewriter::Rewritten;
use crate::selector::Choice;
use crate::uptrack::UpTrack;

impl DownTrack {
    /// A replay of more bytes than this is not begun; a key frame is asked for instead. For whoever knows the link: what
    /// it takes in a quarter of a second is soon there, what it takes in a second is not worth it.
    /// [`replay::BYTES_MAX`] to begin with, and at most.
    pub fn set_replay_bytes_max(&mut self, bytes: u64) {
        self.replay_bytes_max = bytes.min(replay::BYTES_MAX);
    }

    /// Whether all that the subscriber needs to begin, or to switch, is in the ring: no key frame need be asked for.
    pub fn can_replay(&self, now: Instant, up: &UpTrack) -> bool {
        self.replayable(now, up).is_some()
    }

    /// Encoding and stretch of the replay that would bring what is wanted.
    fn replayable(&self, now: Instant, up: &UpTrack) -> Option<(u8, Stretch)> {
        let encoding = self.keyframe_wanted(now, up).filter(|_| self.replay.is_none())?;
        self.replayable_from(now, up, encoding)
    }

    fn replayable_from(&self, now: Instant, up: &UpTrack, encoding: u8) -> Option<(u8, Stretch)> {
        let stretch = up.replayable(now, encoding, self.replay_point(up, encoding))?;
        (stretch.bytes <= self.replay_bytes_max).then_some((encoding, stretch))
    }

    fn replay_point(&self, up: &UpTrack, encoding: u8) -> Point {
        Point::new(self.selector.wanted_point(up, encoding).spatial(), 0)
    }

    /// Begins a replay if the subscriber wants a key frame and the ring has it. [`DownTrack::replay`] is to be called at
    /// once and every [`replay::STEP`] while [`DownTrack::is_replaying`].
    pub fn begin_replay(&mut self, now: Instant, up: &UpTrack) -> bool {
        let begun = self.replayable(now, up).map(|(encoding, stretch)| Replay::new(now, encoding, stretch));
        if begun.is_some() {
            self.begin_at(begun);
        }
        begun.is_some()
    }

    /// The subscriber lost its picture (PLI or FIR): begins a replay of what it gets, unless the last one so begun is too
    /// recent or the ring does not have it. False means that the publisher is to be asked, see
    /// [`DownTrack::picture_lost`].
    pub fn begin_replay_again(&mut self, now: Instant, up: &UpTrack) -> bool {
        let recent = self.replayed_again.is_some_and(|at| now.saturating_duration_since(at) < replay::AGAIN_MIN);
        let current = self.selector.current().filter(|_| !recent && !up.is_muted() && self.replay.is_none());
        let found = current.and_then(|encoding| self.replayable_from(now, up, encoding));
        let begun = found.map(|(encoding, stretch)| Replay::new(now, encoding, stretch));
        if begun.is_some() {
            self.replayed_again = Some(now);
            self.begin_at(begun);
        }
        begun.is_some()
    }

    fn begin_at(&mut self, replay: Option<Replay>) {
        self.selector.stop();
        self.replay = replay;
    }

    /// Whether a replay is under way.
    pub fn is_replaying(&self) -> bool {
        self.replay.is_some()
    }

    /// Writes the next packet of the replay to `out`; `None` when what may go out at `now` has gone, or all has.
    pub fn replay<'a>(&mut self, now: Instant, up: &'a UpTrack, out: &mut [u8]) -> Option<Written<'a>> {
        while let Some(mut replay) = self.replay.filter(|replay| replay.may_send(now)) {
            let highest = up.highest_seq(replay.encoding).unwrap_or(0);
            // Whoever stopped what was begun, by a pause or a new numbering, stopped the replay.
            let stopped = replay.has_begun() && self.selector.current() != Some(replay.encoding);
            if replay.next > highest || up.is_muted() || stopped || self.selector.is_off() {
                self.replay = None;
                return None;
            }
            let seq = replay.next;
            replay.next += 1;
            self.replay = Some(replay);
            if let Some(written) = self.replay_packet(now, up, replay.encoding, seq, out) {
                replay.note(written.len + written.rest.len());
                self.replay = Some(replay);
                return Some(written);
            }
        }
        None
    }

    fn replay_packet<'a>(
        &mut self,
        now: Instant,
        up: &'a UpTrack,
        encoding: u8,
        seq: u64,
        out: &mut [u8],
    ) -> Option<Written<'a>> {
        let (meta, bytes) = up.packet(encoding, seq)?;
        let payload = self.payload(meta, bytes);
        let rewritten = if self.selector.current().is_none() {
            let (present, _) = up.highest_seq(encoding).and_then(|newest| up.packet(encoding, newest))?;
            payload.filter(|_| meta.frame.keyframe)?;
            let point = self.replay_point(up, encoding);
            self.selector.begin(encoding, point, meta);
            self.extensions.begin();
            Rewritten::Packet(self.rewriter.begin_replay(now, up, encoding, point, meta, present))
        } else {
            let before = self.selector.point();
            let choice = self.selector.choose_replayed(up, encoding, meta);
            if choice == Choice::Ignore {
                return None;
            }
            let fate = fate(choice, payload);
            self.stats.thinned += u64::from(fate != Fate::Send);
            self.rewriter.go_on(now, meta, fate, before, self.selector.point())?
        };
        self.write_rewritten(&Source { meta, bytes, layout: up.layout(encoding) }, rewritten, payload, out)
    }
}
