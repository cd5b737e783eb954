//! What waits for the child: bounded in time and bytes, old pictures leave first.

use std::collections::VecDeque;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::group::Group;
use crate::plan::{LAYERS_MAX, Plan};
use crate::protocol::ToChild;
use crate::unit::{AccessUnit, Codec, UNIT_BYTES_MAX};

/// Pictures that wait span at most this time: a viewer who sees the past for longer takes it for a broken stream.
const SPAN_MS_MAX: u64 = 2000;
/// Units that wait at most: two seconds of 60 pictures and 94 sound frames, and as many again.
const UNITS_MAX: usize = 600;
/// Bytes that wait at most: two seconds at 60 Mb/s.
const BYTES_MAX: usize = 16 * 1024 * 1024;
/// What became of a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It waits for the child.
    Queued,
    /// It was left out, since the child is behind; pictures follow from the next key frame on.
    Skipped,
    /// It is larger than [`UNIT_BYTES_MAX`] and was left out.
    TooLarge,
    /// The transcoder has ended.
    Closed,
}

/// The queue between the source's task and the child's.
#[derive(Debug)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    news: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    units: VecDeque<Waiting>,
    bytes: usize,
    /// The decoding time of the last picture that went to the child.
    gone_ms: Option<i64>,
    /// Pictures are left out until a key frame comes.
    skipping: bool,
    skipped: u32,
    keyframes: [bool; LAYERS_MAX],
    layers: [Option<(bool, u32)>; LAYERS_MAX],
    /// Layers that the child has not been told.
    changed: [bool; LAYERS_MAX],
    aac_config: Option<AccessUnit>,
    /// What a new child decodes first.
    replay: Group,
    video: bool,
    closed: bool,
}

/// A unit that waits.
#[derive(Debug)]
struct Waiting {
    unit: AccessUnit,
    /// A child before had it, so its picture is in the room already: it is decoded for the sake of what follows.
    again: bool,
}

/// What is to be said to the child next.
#[derive(Debug, PartialEq)]
pub(super) enum Next {
    Word(ToChild),
    Closed,
}

impl Queue {
    pub(super) fn new(plan: &Plan) -> Self {
        let inner = Inner { video: plan.video.is_some(), ..Inner::default() };
        Self { inner: Mutex::new(inner), news: Notify::new() }
    }

    pub(super) fn push(&self, unit: AccessUnit) -> Accepted {
        let accepted = self.lock().push(unit);
        self.news.notify_one();
        accepted
    }

    pub(super) fn keyframe(&self, layer: u8) {
        if let Some(wanted) = self.lock().keyframes.get_mut(usize::from(layer)) {
            *wanted = true;
        }
        self.news.notify_one();
    }

    pub(super) fn layer(&self, layer: u8, watched: bool, bitrate: u32) {
        let mut inner = self.lock();
        let Inner { layers, changed, .. } = &mut *inner;
        if let (Some(kept), Some(changed)) = (layers.get_mut(usize::from(layer)), changed.get_mut(usize::from(layer))) {
            *kept = Some((watched, bitrate));
            *changed = true;
        }
        drop(inner);
        self.news.notify_one();
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.news.notify_one();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// Waits for the next word. Safe to cancel.
    pub(super) async fn next(&self) -> Next {
        loop {
            if let Some(next) = self.lock().next() {
                return next;
            }
            self.news.notified().await;
        }
    }

    /// How many pictures were left out since the last call.
    pub(super) fn skipped(&self) -> u32 {
        mem::take(&mut self.lock().skipped)
    }

    /// Prepares for a new child: it must hear of layers and sound again, and decode the picture from a key frame on.
    /// With `replay` that is the last one, if all since then was kept.
    pub(super) fn restart(&self, replay: bool) {
        self.lock().restart(replay);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn push(&mut self, unit: AccessUnit) -> Accepted {
        if self.closed {
            return Accepted::Closed;
        }
        if unit.data.len() > UNIT_BYTES_MAX {
            return Accepted::TooLarge;
        }
        match unit.codec {
            Codec::AacConfig => self.aac_config = Some(unit.clone()),
            Codec::H264 if !self.video => {
                // Only its time is of interest: sound that stays away becomes silence.
                self.put(AccessUnit { data: Bytes::new(), ..unit });
                return Accepted::Queued;
            }
            Codec::H264 => {
                self.replay.push(&unit);
                if self.behind(&unit) {
                    self.skip();
                }
                if self.skipping && !unit.keyframe {
                    self.skipped = self.skipped.saturating_add(1);
                    return Accepted::Skipped;
                }
                self.skipping = false;
            }
            Codec::Aac => {}
        }
        self.put(unit);
        Accepted::Queued
    }

    fn put(&mut self, unit: AccessUnit) {
        self.bytes += unit.data.len();
        self.units.push_back(Waiting { unit, again: false });
        // Whatever happens, the queue ends: what is oldest leaves.
        while self.units.len() > UNITS_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.units.pop_front() else { break };
            self.bytes -= oldest.unit.data.len();
        }
    }

    /// Whether a picture more would be too much.
    fn behind(&self, unit: &AccessUnit) -> bool {
        let oldest = self.units.iter().find(|waiting| waiting.unit.codec == Codec::H264 && !waiting.again);
        let span = oldest.is_some_and(|oldest| unit.dts_ms.abs_diff(oldest.unit.dts_ms) > SPAN_MS_MAX);
        span || self.units.len() >= UNITS_MAX || self.bytes + unit.data.len() > BYTES_MAX
    }

    /// Leaves out all pictures that wait.
    fn skip(&mut self) {
        let before = self.units.len();
        self.units.retain(|waiting| waiting.unit.codec != Codec::H264);
        self.bytes = self.units.iter().map(|waiting| waiting.unit.data.len()).sum();
        self.skipped = self.skipped.saturating_add(u32::try_from(before - self.units.len()).unwrap_or(u32::MAX));
        self.skipping = true;
    }

    fn next(&mut self) -> Option<Next> {
        if self.closed {
            return Some(Next::Closed);
        }
        if let Some(index) = self.changed.iter().position(|&changed| changed) {
            self.changed[index] = false;
            let (watched, bitrate) = self.layers[index]?;
            return Some(Next::Word(ToChild::Layer { layer: u8::try_from(index).ok()?, watched, bitrate }));
        }
        if let Some(index) = self.keyframes.iter().position(|&wanted| wanted) {
            self.keyframes[index] = false;
            return Some(Next::Word(ToChild::Keyframe(u8::try_from(index).ok()?)));
        }
        let Waiting { unit, again } = self.units.pop_front()?;
        self.bytes -= unit.data.len();
        if unit.codec == Codec::H264 && !again {
            self.gone_ms = Some(unit.dts_ms);
        }
        Some(Next::Word(if again { ToChild::Again(unit) } else { ToChild::Unit(unit) }))
    }

    fn restart(&mut self, replay: bool) {
        self.changed = self.layers.map(|layer| layer.is_some());
        self.keyframes = [false; LAYERS_MAX];
        // What waits is either sound, which goes on, or pictures, all of which the replay holds, too.
        self.skip();
        self.skipped = 0;
        if replay && !self.replay.units().is_empty() {
            for unit in self.replay.units().iter().rev() {
                let again = self.gone_ms.is_some_and(|gone_ms| unit.dts_ms <= gone_ms);
                self.units.push_front(Waiting { unit: unit.clone(), again });
            }
            self.bytes += self.replay.bytes();
            self.skipping = false;
        }
        if let Some(config) = &self.aac_config {
            self.bytes += config.data.len();
            self.units.push_front(Waiting { unit: config.clone(), again: false });
        }
    }
}

#[cfg(test)]
mod tests;
