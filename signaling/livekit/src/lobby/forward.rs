//! A participant shown in another room as well: a guest there follows it here.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use door::Level;
use livekit_protocol as proto;
use room::Grants;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

use super::{Lobby, ORDER_TIMEOUT, OrderError, unix_s};
use crate::JoinError;
use crate::guest::{Guest, GuestNews};
use crate::registry::RoomHandle;
use crate::room_task::{Gallery, RoomInput};
use crate::token::Claims;
use crate::validate::Ticket;
use crate::world::{Fault, FollowerId, Mode, Portrait};

/// Reports of loudness that wait for the other room; there is one every 400 ms from each shard.
const LEVELS_MAX: usize = 16;

/// A participant of one room on its way into another.
struct Forward {
    follower: FollowerId,
    home: RoomHandle,
    portraits: watch::Receiver<Option<Arc<Portrait>>>,
    levels: mpsc::Receiver<Vec<Level>>,
}

impl Lobby {
    /// Shows a participant in another room until it leaves its own, or is removed from the other. The other room must
    /// be there, and nobody of the same identity in it.
    ///
    /// # Errors
    /// When one of the rooms, or the node, does not let it.
    pub(crate) async fn forward(&self, room: &str, identity: &str, destination: &str) -> Result<(), OrderError> {
        let home = self.0.read().by_name(room).cloned().ok_or(OrderError::RoomMissing)?;
        let mut forward =
            Forward::begin(FollowerId(self.0.connection_next.fetch_add(1, Ordering::Relaxed)), home, identity).await?;
        let portrait = forward.portraits.borrow_and_update().clone().ok_or(Fault::ParticipantMissing)?;
        match self.enter_as(ticket(destination, &portrait)).await {
            Ok(guest) => {
                tracing::info!(room, participant = identity, destination, "participant is forwarded");
                guest.mirror(portrait).await;
                tokio::spawn(forward.run(guest));
                Ok(())
            }
            Err(error) => {
                forward.end().await;
                Err(error.into())
            }
        }
    }
}

impl Forward {
    async fn begin(follower: FollowerId, home: RoomHandle, identity: &str) -> Result<Self, OrderError> {
        let (gallery, portraits) = watch::channel(None);
        let (sounds, levels) = mpsc::channel(LEVELS_MAX);
        let (reply, answer) = oneshot::channel();
        let gallery = Gallery { portraits: gallery, levels: sounds };
        let asked = RoomInput::Follow { follower, identity: identity.to_owned(), gallery, reply };
        let sent = timeout(ORDER_TIMEOUT, home.inputs.send(asked)).await;
        sent.map_err(|_| JoinError::RoomSilent)?.map_err(|_| OrderError::RoomMissing)?;
        let answered = timeout(ORDER_TIMEOUT, answer).await.map_err(|_| JoinError::RoomSilent)?;
        // A room that has ended drops what it has not answered.
        answered.map_err(|_| OrderError::RoomMissing)??;
        Ok(Self { follower, home, portraits, levels })
    }

    /// Keeps the guest what its portrait shows, until one of both goes.
    async fn run(mut self, mut guest: Guest) {
        loop {
            let goes_on = tokio::select! {
                changed = self.portraits.changed() => match changed {
                    Ok(()) => self.hang(&guest).await,
                    Err(_) => false,
                },
                Some(levels) = self.levels.recv() => guest.sound(levels).await,
                news = guest.next() => self.hear(news).await,
            };
            if !goes_on {
                break;
            }
        }
        drop(guest);
        self.end().await;
    }

    async fn hang(&mut self, guest: &Guest) -> bool {
        let portrait = self.portraits.borrow_and_update().clone();
        match portrait {
            Some(portrait) => guest.mirror(portrait).await,
            None => true,
        }
    }

    async fn hear(&self, news: GuestNews) -> bool {
        match news {
            GuestNews::Wanted(update) => {
                self.home.inputs.send(RoomInput::WantedOutside(self.follower, update)).await.is_ok()
            }
            GuestNews::Left(_) => false,
            GuestNews::Opened { .. } | GuestNews::Refused { .. } | GuestNews::KeyframeWanted { .. } => true,
        }
    }

    async fn end(self) {
        // A room that has ended follows nobody.
        let _ = self.home.inputs.send(RoomInput::Unfollow(self.follower)).await;
    }
}

/// As if a token for the other room had been minted this moment: the same participant, which only publishes.
fn ticket(destination: &str, portrait: &Portrait) -> Ticket {
    let mut claims: Claims = serde_json::from_str(&portrait.claims_json).unwrap_or_default();
    claims.kind_details.push("forwarded".to_owned());
    let claims = Claims {
        sub: portrait.identity.clone(),
        name: portrait.name.clone(),
        metadata: portrait.metadata.clone(),
        attributes: portrait.attributes.clone(),
        nbf: Some(unix_s().into()),
        video: None,
        ..claims
    };
    let grants = Grants { can_subscribe: false, can_publish_data: false, hidden: portrait.hidden, ..Grants::default() };
    let settings = proto::ConnectionSettings { auto_subscribe: false, ..Default::default() };
    let request = proto::JoinRequest { connection_settings: Some(settings), ..Default::default() };
    Ticket {
        room: destination.to_owned(),
        identity: portrait.identity.clone(),
        grants,
        may_create_room: true,
        mode: Mode::Single,
        request,
        claims,
        trail: None,
    }
}
