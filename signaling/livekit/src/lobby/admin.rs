//! What administrators ask of the node: rooms made, listed and ended, orders carried to them, tokens revoked.

use futures_util::future::join_all;

use super::*;
use crate::config::RoomWish;
use crate::revocation::{Revocation, RevocationKeeper};
use crate::world::{Fault, Order, Reply, RoomChange};

/// How long a room may take to carry an order out. A called procedure has its own time.
pub const ORDER_TIMEOUT: Duration = Duration::from_secs(5);

/// Why an order was not carried out.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum OrderError {
    /// There is no such room, or it has just ended.
    #[error("requested room does not exist")]
    RoomMissing,
    /// The room said no.
    #[error(transparent)]
    Room(#[from] Fault),
    /// The node said no.
    #[error(transparent)]
    Node(#[from] JoinError),
}

impl Lobby {
    /// Whether a ticket's token was issued before its bearer was removed from the room.
    pub(crate) fn check_revoked(&self, ticket: &Ticket) -> Result<(), JoinError> {
        let revocations = self.0.revocations.read().unwrap_or_else(PoisonError::into_inner);
        let issued_s = ticket.claims.issued_s();
        let revoked = |identity: &str| revocations.is_revoked(&ticket.room, identity, issued_s);
        // A second connection for publishing has a longer identity than its token.
        let any = revoked(&ticket.identity) || revoked(ticket.claims.identity());
        if any { Err(JoinError::PeerRevoked) } else { Ok(()) }
    }

    /// Takes over what was revoked before this start, and has `keeper` write what is revoked from here on. Only the first
    /// keeper counts.
    pub fn keep_revocations(&self, known: impl IntoIterator<Item = Revocation>, keeper: RevocationKeeper) {
        known.into_iter().for_each(|it| self.note_revoked(&it));
        // A second keeper is a fault of the composition and of no one's doing at run time.
        let _ = self.0.revocation_keeper.set(keeper);
    }

    /// Refuses an identity's tokens for a room that were issued before a time, at once and after the next start.
    pub(crate) async fn revoke(&self, revocation: Revocation) {
        self.note_revoked(&revocation);
        if let Some(keeper) = self.0.revocation_keeper.get()
            && !keeper(revocation).await
        {
            tracing::error!("a revocation could not be stored: it holds until this server ends");
        }
    }

    fn note_revoked(&self, revocation: &Revocation) {
        let mut revocations = self.0.revocations.write().unwrap_or_else(PoisonError::into_inner);
        revocations.revoke(&revocation.room, &revocation.identity, revocation.before_s);
    }

    /// Carries an order to a room and waits for the answer.
    pub(crate) async fn order(&self, room: &str, order: Order) -> Result<Reply, OrderError> {
        let handle = self.0.read().by_name(room).cloned().ok_or(OrderError::RoomMissing)?;
        ask(&handle, order).await
    }

    /// Makes a room in which these agents work, or gives the one that is there the settings that the wish names.
    pub(crate) async fn create(
        &self,
        name: &str,
        wish: RoomWish,
        agents: &[proto::RoomAgentDispatch],
    ) -> Result<Reply, OrderError> {
        let born = || {
            self.0.agents.expect(name, agents.to_vec());
            wish.clone()
        };
        for _ in 0..JOIN_TRIES {
            let room = self.0.room(name, born)?;
            match ask(&room, Order::Configure(change(&wish))).await {
                // It ended just then.
                Err(OrderError::RoomMissing) => {}
                reply => return reply,
            }
        }
        Err(JoinError::RoomSilent.into())
    }

    /// Ends a room; it is no longer listed when this returns.
    pub(crate) async fn delete(&self, room: &str) -> Result<Reply, OrderError> {
        let handle = self.0.read().by_name(room).cloned().ok_or(OrderError::RoomMissing)?;
        let reply = ask(&handle, Order::Close).await?;
        // The room leaves the registry before it closes its queue.
        let closed = timeout(ORDER_TIMEOUT, handle.inputs.closed()).await;
        closed.map(|()| reply).map_err(|_| JoinError::RoomSilent.into())
    }

    /// The rooms of these names, or all of them. One that ends meanwhile is left out.
    pub(crate) async fn rooms(&self, names: &[String]) -> Vec<proto::Room> {
        let rooms: Vec<RoomHandle> = {
            let registry = self.0.read();
            let names: std::collections::BTreeSet<_> = names.iter().collect();
            match names.is_empty() {
                true => registry.iter().cloned().collect(),
                false => names.into_iter().filter_map(|name| registry.by_name(name)).cloned().collect(),
            }
        };
        let asked = join_all(rooms.iter().map(|room| ask(room, Order::Describe))).await;
        let told = asked.into_iter().filter_map(|reply| match reply {
            Ok(Reply::Room(room)) => Some(*room),
            _ => None,
        });
        told.collect()
    }

    /// How everybody's media fares in a room, and what is wrong; nothing when there is no such room.
    pub async fn inspect(&self, room: &str) -> Option<crate::view::RoomView> {
        match self.order(room, Order::Inspect).await {
            Ok(Reply::View(view)) => Some(*view),
            _ => None,
        }
    }

    /// All rooms with their people counted, by name.
    pub async fn overview(&self) -> Vec<proto::Room> {
        let mut rooms = self.rooms(&[]).await;
        rooms.sort_by(|one, other| one.name.cmp(&other.name));
        rooms
    }

    /// Counts a request to the server API and how it was answered.
    pub(crate) fn count_request(&self, refused: bool) {
        self.0.api_requests.fetch_add(1, Ordering::Relaxed);
        self.0.api_refused.fetch_add(u64::from(refused), Ordering::Relaxed);
    }
}

async fn ask(room: &RoomHandle, order: Order) -> Result<Reply, OrderError> {
    let waits_for_client = matches!(order, Order::PerformRpc(_));
    let (reply, answer) = oneshot::channel();
    let asked = RoomInput::Order { order: Box::new(order), reply };
    let sent = timeout(ORDER_TIMEOUT, room.inputs.send(asked)).await;
    sent.map_err(|_| JoinError::RoomSilent)?.map_err(|_| OrderError::RoomMissing)?;
    let answered = if waits_for_client {
        answer.await
    } else {
        timeout(ORDER_TIMEOUT, answer).await.map_err(|_| JoinError::RoomSilent)?
    };
    // A room that has ended drops what it has not answered.
    match answered.unwrap_or(Err(Fault::RoomOver)) {
        Err(Fault::RoomOver) => Err(OrderError::RoomMissing),
        reply => Ok(reply?),
    }
}

/// What a wish changes of a room that is there already.
fn change(wish: &RoomWish) -> RoomChange {
    let seconds = |seconds: u32| (seconds > 0).then(|| Duration::from_secs(seconds.into()));
    RoomChange {
        empty_timeout: seconds(wish.empty_timeout_s),
        departure_timeout: seconds(wish.departure_timeout_s),
        max_participants: (wish.max_participants > 0).then_some(wish.max_participants),
        metadata: (!wish.metadata.is_empty()).then(|| wish.metadata.clone()),
        playout_delay_ms: wish.playout_delay_ms(),
    }
}
