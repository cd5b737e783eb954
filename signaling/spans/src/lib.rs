//! What took how long, as plain values: spans in the sense of OpenTelemetry, which the server sends to a collector.
//!
//! Knows no clock, no chance and no collector: [`listen`] brings them. Until then every call here does nothing, at the cost
//! of a look at an empty place.

mod parent;
mod span;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

pub use parent::Context;
pub use span::{Kind, Open, Span, Value};

/// Spans that wait for the collector: two of its batches. Beyond, new ones are dropped and counted.
pub const WAITING_MAX: usize = 4096;
/// Notes of one span; beyond, they are left out.
pub const NOTES_MAX: usize = 16;
/// Longest text in a note, in bytes; the rest is cut off.
pub const NOTE_BYTES_MAX: usize = 256;

/// What spans need of the world outside.
#[derive(Clone, Copy, Debug)]
pub struct World {
    /// Nanoseconds since 1970.
    pub now_ns: fn() -> u64,
    /// Chance, for ids.
    pub random: fn() -> u64,
}

/// There is one process, and so one place where its spans go.
static LINE: OnceLock<Line> = OnceLock::new();
static DROPPED: AtomicU64 = AtomicU64::new(0);

struct Line {
    world: World,
    spans: SyncSender<Span>,
}

/// From now on spans are made; what has ended comes out of the receiver. `None` when somebody listens already.
pub fn listen(world: World) -> Option<Receiver<Span>> {
    let (spans, receiver) = sync_channel(WAITING_MAX);
    LINE.set(Line { world, spans }).ok().map(|()| receiver)
}

/// Spans that found too many waiting.
pub fn dropped() -> u64 {
    DROPPED.load(Ordering::Relaxed)
}

/// Nanoseconds since 1970; 0 when nobody listens.
pub fn now_ns() -> u64 {
    LINE.get().map_or(0, |line| (line.world.now_ns)())
}

fn world() -> Option<World> {
    LINE.get().map(|line| line.world)
}

fn send(span: Span) {
    let Some(line) = LINE.get() else { return };
    if line.spans.try_send(span).is_err() {
        DROPPED.fetch_add(1, Ordering::Relaxed);
    }
}
