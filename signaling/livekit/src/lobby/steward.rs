//! What another dialect that has rooms here decides about them, by way of the server: who may come in and with which
//! rights, and what becomes of those who are there. It speaks of rooms and identities and knows no message of LiveKit's.

use std::collections::BTreeSet;
use std::pin::Pin;

use room::{Grants, ParticipantKind, Source, TrackSid};

use super::*;
use crate::revocation::Revocation;
use crate::token::{Claims, ROLE_CLAIM};
use crate::validate::Ticket;
use crate::world::publication::source;
use crate::world::{Order, Reply, RoomEvent, permission};

/// Somebody with a valid token at a room's door.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Knock {
    /// Which room.
    pub room: String,
    /// Who.
    pub identity: String,
    /// What sort it is.
    pub kind: ParticipantKind,
    /// The role for which the token was made, if it was made by the other dialect.
    pub role: Option<String>,
    /// It only asks whether it could come in.
    pub only_asks: bool,
    /// It comes to publish beside another session of its own.
    pub second: bool,
}

/// How the door answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Opening {
    /// The room is nobody's: the token decides.
    Unguarded,
    /// Come in, with these rights in place of the token's.
    Granted(Grants),
    /// Stay out; why.
    Refused(String),
}

/// Decides who may come in.
pub type Gate = Arc<dyn Fn(Knock) -> Pin<Box<dyn Future<Output = Opening> + Send>> + Send + Sync>;
/// Hears of everything that happens in rooms, by their names. Must not block.
pub type Observer = Arc<dyn Fn(&str, &RoomEvent) + Send + Sync>;

impl Lobby {
    /// Has `gate` asked before anybody comes in; the first one counts.
    pub fn guard(&self, gate: Gate) {
        // A second gate is a fault of the composition and of no one's doing at run time.
        let _ = self.0.gate.set(gate);
    }

    /// Has `observer` told of all rooms; the first one counts.
    pub fn observe(&self, observer: Observer) {
        let _ = self.0.observer.set(observer);
    }

    /// Asks the gate, and gives the ticket the rights that it says.
    pub(crate) async fn pass_gate(&self, ticket: &mut Ticket, only_asks: bool) -> Result<(), JoinError> {
        let Some(gate) = self.0.gate.get() else { return Ok(()) };
        let identity = ticket.claims.identity().to_owned();
        let knock = Knock {
            room: ticket.room.clone(),
            kind: ticket.claims.participant_kind(),
            role: ticket.claims.other.get(ROLE_CLAIM).and_then(|role| role.as_str()).map(str::to_owned),
            only_asks,
            second: identity != ticket.identity,
            identity,
        };
        match gate(knock).await {
            Opening::Unguarded => Ok(()),
            Opening::Granted(grants) => {
                ticket.grants = grants;
                // A server that makes no room by itself makes those that are guarded.
                ticket.may_create_room = true;
                Ok(())
            }
            Opening::Refused(why) => Err(JoinError::PeerUnwelcome(why)),
        }
    }

    /// Gives somebody other rights, at once; false when it is not there.
    pub async fn permit(&self, room: &str, identity: &str, grants: &Grants) -> bool {
        let (identity, permission) = (identity.to_owned(), Some(permission(grants)));
        let request = proto::UpdateParticipantRequest { identity, permission, ..Default::default() };
        self.order(room, Order::Update(Box::new(request))).await.is_ok()
    }

    /// Sends somebody out; its tokens for this room are void from now on. False when it was not there.
    pub async fn expel(&self, room: &str, identity: &str) -> bool {
        let (room, identity) = (room.to_owned(), identity.to_owned());
        let before_s = match self.order(&room, Order::Claims(identity.clone())).await {
            Ok(Reply::Claims(claims)) => unix_s().max(issued_s(&claims)).saturating_add(1),
            _ => unix_s().saturating_add(1),
        };
        self.revoke(Revocation { room: room.clone(), identity: identity.clone(), before_s }).await;
        self.order(&room, Order::Remove(identity)).await.is_ok()
    }

    /// Sends somebody out who may come back with the token that it has. False when it was not there.
    pub async fn send_out(&self, room: &str, identity: &str) -> bool {
        self.order(room, Order::Remove(identity.to_owned())).await.is_ok()
    }

    /// Ends a room, if it is there.
    pub async fn end_room(&self, room: &str) {
        // A room that is not there, or ends by itself meanwhile, is what is wanted.
        let _ = self.delete(room).await;
    }

    /// Silences what somebody publishes from these sources; how many tracks those were.
    pub async fn silence(&self, room: &str, identity: &str, sources: &BTreeSet<Source>) -> usize {
        let Ok(Reply::Participant(info)) = self.order(room, Order::Participant(identity.to_owned())).await else {
            return 0;
        };
        let mut silenced = 0;
        for track in info.tracks.iter().filter(|track| !track.muted && sources.contains(&source(track.source))) {
            let identity = identity.to_owned();
            let order = Order::Mute { identity, track: TrackSid::new(&track.sid), muted: true };
            silenced += usize::from(self.order(room, order).await.is_ok());
        }
        silenced
    }

    /// Whether a token of an identity that was issued then, in seconds since 1970, is void everywhere.
    pub fn is_revoked_everywhere(&self, identity: &str, issued_s: u64) -> bool {
        self.0.revocations.read().unwrap_or_else(PoisonError::into_inner).is_revoked("", identity, issued_s)
    }

    /// Voids the tokens of an identity, or of everybody, that were issued before a time, and sends out of all rooms who
    /// came in with one; how many those were.
    pub async fn revoke_everywhere(&self, identity: Option<&str>, before_s: u64) -> usize {
        let named = identity.unwrap_or_default().to_owned();
        self.revoke(Revocation { room: String::new(), identity: named, before_s }).await;
        let mut sent = 0;
        for room in self.rooms(&[]).await {
            let Ok(Reply::Participants(people)) = self.order(&room.name, Order::Participants).await else { continue };
            let wanted = people.into_iter().filter(|it| identity.is_none_or(|identity| it.identity == identity));
            for person in wanted {
                let Ok(Reply::Claims(claims)) = self.order(&room.name, Order::Claims(person.identity.clone())).await
                else {
                    continue;
                };
                if issued_s(&claims) < before_s {
                    sent += usize::from(self.send_out(&room.name, &person.identity).await);
                }
            }
        }
        sent
    }
}

fn issued_s(claims: &str) -> u64 {
    serde_json::from_str::<Claims>(claims).map(|claims| claims.issued_s()).unwrap_or_default()
}
