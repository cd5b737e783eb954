//! A join as an operator follows it in a trace: how long the token took, the room, ICE and DTLS, the first track.

use std::collections::BTreeMap;

use spans::{Context, Kind, Open, now_ns};

/// A track that begins later is another story.
const FIRST_TRACK_MAX_NS: u64 = 30_000_000_000;

/// One join's place in its trace. When nobody listens, there is none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trail {
    join: Context,
    request: Option<Context>,
    began_ns: u64,
    since_ns: u64,
    /// The first check has come.
    reached: bool,
}

impl Trail {
    /// A client asks to join, by this request.
    pub(crate) fn begin(request: Option<Context>) -> Option<Self> {
        let now_ns = now_ns();
        Some(Self { join: Context::fresh(request)?, request, began_ns: now_ns, since_ns: now_ns, reached: false })
    }

    /// What lasted until now.
    pub(crate) fn phase(&mut self, name: &str) {
        drop(Open::begin(name, Kind::Internal, Some(self.join)).since(self.since_ns));
        self.since_ns = now_ns();
    }

    /// The join has an end: who is in, or why not.
    pub(crate) fn end(&self, room: &str, identity: &str, fault: Option<&str>) {
        let mut span = Open::known(self.join, "join", Kind::Internal, self.request).since(self.began_ns);
        span.note("thalweg.room", room);
        span.note("thalweg.participant", identity);
        if let Some(fault) = fault {
            span.fail(fault);
        }
    }
}

/// The joins of one room that are under way, by identity. Each belongs to a participant, whose number has a limit.
#[derive(Debug, Default)]
pub(crate) struct Trails(BTreeMap<String, Trail>);

impl Trails {
    /// The room has said yes.
    pub(crate) fn accepted(&mut self, identity: String, trail: Trail) {
        let mut trail = trail;
        trail.phase("room");
        self.0.insert(identity, trail);
    }

    /// There is a way to it. A second connection of its own comes at its own time.
    pub(crate) fn reached(&mut self, identity: &str) {
        if let Some(trail) = self.0.get_mut(identity).filter(|trail| !trail.reached) {
            trail.phase("ice");
            trail.reached = true;
        }
    }

    /// Its media is up.
    pub(crate) fn connected(&mut self, room: &str, identity: &str) {
        if let Some(trail) = self.0.get_mut(identity) {
            trail.phase("dtls");
            trail.end(room, identity, None);
        }
    }

    /// Its first track is there.
    pub(crate) fn published(&mut self, identity: &str) {
        if let Some(mut trail) = self.0.remove(identity)
            && now_ns().saturating_sub(trail.since_ns) <= FIRST_TRACK_MAX_NS
        {
            trail.phase("first track");
        }
    }

    /// It went before its media was up.
    pub(crate) fn aborted(&mut self, room: &str, identity: &str) {
        if let Some(mut trail) = self.0.remove(identity) {
            let (phase, why) = match trail.reached {
                true => ("dtls", "its checks came, but DTLS did not come up"),
                false => ("ice", "none of its checks came: UDP and TCP may be blocked on the way"),
            };
            trail.phase(phase);
            trail.end(room, identity, Some(why));
        }
    }

    /// It is gone.
    pub(crate) fn left(&mut self, identity: &str) {
        self.0.remove(identity);
    }
}
