//! One call in memory: what is kept of it, who is there, for whom it rings.

use std::collections::BTreeMap;

use calls::{Actor, Call, CallType, Phase, UserId};
use room::Grants;
use serde_json::{Map, Value};

/// Everything of a call that outlives the process.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Body {
    pub(crate) call: Call,
    /// Milliseconds since 1970; 0 is never.
    pub(crate) live_ms: u64,
    /// Milliseconds since 1970; 0 is never.
    pub(crate) ended_ms: u64,
    pub(crate) created_ms: u64,
    pub(crate) updated_ms: u64,
    pub(crate) custom: Map<String, Value>,
    pub(crate) pins: Vec<UserId>,
    pub(crate) ingress: String,
}

/// One call in memory.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) body: Body,
    pub(crate) seats: BTreeMap<String, Seat>,
    pub(crate) session: Option<Session>,
    pub(crate) rings: BTreeMap<UserId, Ring>,
    pub(crate) chat: Chat,
    /// Participants as last told to everybody, and when.
    pub(crate) told: (usize, u64),
}

/// A participant that is there, or on its way.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Seat {
    /// Who, with the role of its token; nothing for those with tokens of the operator's own and for machines.
    pub(crate) actor: Option<Actor>,
    /// The rights that it has in the room.
    pub(crate) grants: Grants,
    /// Its session in the room, once its media is up.
    pub(crate) session: Option<String>,
    /// It was let in and its media is not up yet.
    pub(crate) pending: bool,
    /// Its rights changed while it was on its way, so that the room may not know of it.
    pub(crate) unsure: bool,
    /// When it was let in.
    pub(crate) since_ms: u64,
}

/// From the first participant to the last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) started_ms: u64,
}

/// A call that rings for somebody.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Ring {
    pub(crate) by: UserId,
    pub(crate) until_ms: u64,
}

/// What the chat must remember.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Chat {
    /// The id of the next message; 0 is not known yet.
    pub(crate) next: u64,
    /// When each wrote last.
    pub(crate) said: BTreeMap<UserId, u64>,
}

impl Entry {
    pub(crate) fn new(body: Body) -> Self {
        Self {
            body,
            seats: BTreeMap::new(),
            session: None,
            rings: BTreeMap::new(),
            chat: Chat::default(),
            told: (0, 0),
        }
    }

    /// The room's name.
    pub(crate) fn room(&self) -> String {
        self.body.call.id().to_string()
    }

    /// Persons that are there, save one.
    pub(crate) fn others(&self, identity: &str) -> u32 {
        let there = self.seats.iter().filter(|(name, seat)| {
            name.as_str() != identity && seat.actor.is_some() && (seat.session.is_some() || seat.pending)
        });
        u32::try_from(there.count()).unwrap_or(u32::MAX)
    }

    /// Persons whose media is up.
    pub(crate) fn participants(&self) -> usize {
        self.seats.values().filter(|seat| seat.session.is_some()).count()
    }

    /// Whether nothing in it would be lost with it.
    pub(crate) fn is_idle(&self) -> bool {
        self.seats.is_empty() && self.rings.is_empty() && self.session.is_none()
    }
}

impl Body {
    /// Notes the times of what a change did, at a time.
    pub(crate) fn stamp(&mut self, before: Option<Phase>, now_ms: u64) {
        self.updated_ms = now_ms;
        let phase = self.call.phase();
        if before != Some(phase) {
            match phase {
                Phase::Live => self.live_ms = now_ms,
                Phase::Ended => self.ended_ms = now_ms,
                Phase::Backstage => {}
            }
        }
    }

    /// What an actor's media may do at present.
    pub(crate) fn grants(&self, kind: &CallType, actor: &Actor) -> Grants {
        self.call.media(kind, actor)
    }
}
