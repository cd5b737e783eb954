//! The rooms in which calls happen, as this dialect needs them. The server carries it out.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;

use calls::{Role, UserId};
use room::{Grants, Source};

use crate::config::Secret;
use crate::push::Push;

/// Something that is being done.
pub type Done<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a media token is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pass {
    /// The call's room.
    pub room: String,
    /// The user; its identity in the room.
    pub user: UserId,
    /// The name that others see.
    pub name: String,
    /// The address of the picture that others see; empty for none.
    pub image: String,
    /// The role for which it is made; the gate is told of it.
    pub role: Role,
    /// What the bearer may do at present.
    pub grants: Grants,
    /// Participants at a time; 0 is without limit.
    pub max_participants: u32,
    /// How long it is good for, in seconds.
    pub ttl_s: u64,
}

/// Where an encoder may push, and how that goes.
#[derive(Clone, PartialEq)]
pub struct Ingress {
    /// Its id.
    pub id: String,
    /// The address.
    pub url: String,
    /// The secret.
    pub stream_key: String,
    /// Who pushes there.
    pub push: Push,
}

impl std::fmt::Debug for Ingress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ingress({}, key hidden)", self.id)
    }
}

/// What sort of participant somebody is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Visitor {
    /// A person with a client.
    Person,
    /// An encoder, a recorder, a program.
    Machine,
}

/// Somebody with a media token at a room's door.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Knock {
    /// Which room.
    pub room: String,
    /// Who.
    pub identity: String,
    /// What sort it is.
    pub visitor: Visitor,
    /// The role in the token; nothing if the token is not from here.
    pub role: Option<String>,
    /// It only asks whether it could come in.
    pub only_asks: bool,
    /// It comes beside another session of its own.
    pub second: bool,
}

/// How the door answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Opening {
    /// Not a call's room, or a token of the operator's own making: the token decides.
    Unguarded,
    /// Come in with these rights.
    Granted(Grants),
    /// Stay out; why.
    Refused(String),
}

/// What happens in a room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum News {
    /// Somebody's media is up.
    Joined {
        /// Who.
        identity: String,
        /// Its session's id.
        session: String,
        /// What sort it is.
        visitor: Visitor,
    },
    /// Somebody's session is over.
    Left {
        /// Who.
        identity: String,
        /// Its session's id.
        session: String,
    },
    /// There is something to see or hear, whatever its source.
    MediaStarted,
    /// There is nothing any more.
    MediaEnded,
    /// The room is over.
    Finished,
}

/// What is done with rooms. A room that is not there has nobody in it.
pub trait Rooms: Send + Sync + 'static {
    /// The API keys and their secrets, as they are at present.
    fn keys(&self) -> BTreeMap<String, Secret>;
    /// A token with which a media client joins.
    fn token(&self, pass: &Pass) -> String;
    /// Gives somebody who is there other rights, at once; false when it is not there.
    fn permit(&self, room: &str, identity: &str, grants: Grants) -> Done<bool>;
    /// Sends somebody out. With `void` the media token that it has is void from then on.
    fn remove(&self, room: &str, identity: &str, void: bool) -> Done<bool>;
    /// Sends everybody out.
    fn close(&self, room: &str) -> Done<()>;
    /// Silences what somebody publishes from these sources; how many tracks those were.
    fn mute(&self, room: &str, identity: &str, sources: BTreeSet<Source>) -> Done<usize>;
    /// Whether a token of a user that was issued then, in seconds since 1970, is void.
    fn is_revoked(&self, identity: &str, issued_s: u64) -> bool;
    /// Voids the tokens of a user, or of all, that were issued before a time, and sends out who came in with one.
    fn revoke(&self, identity: Option<&str>, before_s: u64) -> Done<()>;
    /// The ingress with an id, or a new one for a room; nothing when there is no RTMP.
    fn ingress(&self, room: &str, identity: &str, id: &str) -> Done<Option<Ingress>>;
    /// The ingress with an id, if it is there.
    fn known_ingress(&self, id: &str) -> Option<Ingress>;
    /// Gives an ingress another stream key and ends what is pushed with the old one; nothing when it is not there.
    fn renew_key(&self, id: &str) -> Done<Option<Ingress>>;
    /// Forgets an ingress and ends what is pushed to it.
    fn remove_ingress(&self, id: &str) -> Done<()>;
}
