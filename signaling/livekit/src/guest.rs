//! A participant without a websocket: media that another door let in, such as an encoder's stream.

use std::collections::BTreeMap;
use std::sync::Arc;

use door::{Level, TrackKey};
use livekit_protocol as proto;
use proto::signal_response::Message;
use room::Grants;
use tokio::sync::mpsc;

use crate::error::JoinError;
use crate::lobby::{Alive, Connection, Lobby, unix_s};
use crate::mailbox::Inbox;
use crate::room_task::RoomInput;
use crate::token::Claims;
use crate::validate::Ticket;
use crate::view::Coded;
use crate::world::{FedError, FedNews, FedTrack, Mode, Portrait};

/// News that wait for one guest. A guest that does not take them misses wishes for key frames, which are repeated.
const NEWS_MAX: usize = 64;

/// The protocol version whose messages a guest understands.
const GUEST_PROTOCOL: i32 = 17;

/// Who comes to which room.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GuestWish {
    /// The room's name; it is made if need be.
    pub room: String,
    /// Unique name in the room.
    pub identity: String,
    /// Name to show.
    pub name: String,
    /// Free text.
    pub metadata: String,
    /// Free keys and values.
    pub attributes: BTreeMap<String, String>,
}

/// What a guest is told.
#[derive(Clone, PartialEq, Debug)]
pub enum GuestNews {
    /// A track is there; its packets go to this key.
    Opened {
        /// The guest's own name of it.
        cid: String,
        /// Where to feed it.
        key: TrackKey,
        /// Its id in the room.
        track: String,
    },
    /// A track is not taken.
    Refused {
        /// The guest's own name of it.
        cid: String,
        /// Why.
        error: FedError,
    },
    /// Subscribers wait for a key frame.
    KeyframeWanted {
        /// Of which track.
        key: TrackKey,
        /// Of which encoding.
        encoding: u8,
    },
    /// Which layers of a picture anybody watches.
    Wanted(Box<proto::SubscribedQualityUpdate>),
    /// It is no longer in the room.
    Left(proto::DisconnectReason),
}

/// A participant in a room. Its drop lets it leave.
pub struct Guest {
    connection: Connection,
    inbox: Inbox,
    news: mpsc::Receiver<FedNews>,
    news_sender: mpsc::Sender<FedNews>,
    _alive: Alive,
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Guest({:?} in {:?})", self.connection.identity(), self.connection.room())
    }
}

impl Lobby {
    /// Lets a guest into a room, as a participant of kind ingress that only publishes. A session of the same identity
    /// ends.
    ///
    /// # Errors
    /// When the room, or the node, does not let it in.
    pub async fn enter(&self, wish: GuestWish) -> Result<Guest, JoinError> {
        self.enter_as(ticket(wish)).await
    }

    /// Lets a guest in with a ticket of the server's own making.
    pub(crate) async fn enter_as(&self, ticket: Ticket) -> Result<Guest, JoinError> {
        let mut connection = self.join(ticket).await?;
        let (inbox, _, alive) = connection.open().ok_or(JoinError::NodeClosing)?;
        let (news_sender, news) = mpsc::channel(NEWS_MAX);
        Ok(Guest { connection, inbox, news, news_sender, _alive: alive })
    }
}

/// As if a token had been minted this moment.
pub(crate) fn ticket(wish: GuestWish) -> Ticket {
    let GuestWish { room, identity, name, metadata, attributes } = wish;
    let (kind, nbf) = ("ingress".to_owned(), Some(unix_s().into()));
    let claims = Claims { sub: identity.clone(), name, kind, metadata, attributes, nbf, ..Claims::default() };
    let grants = Grants { can_subscribe: false, can_publish_data: false, ..Grants::default() };
    let settings = proto::ConnectionSettings { auto_subscribe: false, ..Default::default() };
    let client_info = Some(proto::ClientInfo { protocol: GUEST_PROTOCOL, ..Default::default() });
    let request = proto::JoinRequest { connection_settings: Some(settings), client_info, ..Default::default() };
    Ticket { room, identity, grants, may_create_room: true, mode: Mode::Single, request, claims, trail: None }
}

impl Guest {
    /// Begins a track; answered by [`GuestNews::Opened`] or [`GuestNews::Refused`]. False when the room has ended.
    pub async fn publish(&self, track: FedTrack) -> bool {
        let (connection, news) = (self.connection.id(), self.news_sender.clone());
        self.connection.put(RoomInput::Feed { connection, track: Box::new(track), news }).await
    }

    /// Ends a track. False when the room has ended.
    pub async fn unpublish(&self, key: TrackKey) -> bool {
        self.connection.put(RoomInput::Unfeed(self.connection.id(), key)).await
    }

    /// What transcoding its media has cost since this was told last. False when the room has ended.
    pub async fn coded(&self, more: Coded) -> bool {
        if more == Coded::default() {
            return true;
        }
        self.connection.account(more);
        self.connection.put(RoomInput::Coded(self.connection.id(), more)).await
    }

    /// Tells that a picture has another size, in pixels. False when the room has ended.
    pub async fn resize(&self, track: String, width: u32, height: u32) -> bool {
        let update = proto::UpdateLocalVideoTrack { track_sid: track, width, height };
        let message = Some(proto::signal_request::Message::UpdateVideoTrack(update));
        self.connection.send(proto::SignalRequest { message }).await
    }

    /// The guest is what its portrait shows. False when the room has ended.
    pub(crate) async fn mirror(&self, portrait: Arc<Portrait>) -> bool {
        self.connection.put(RoomInput::Mirror(self.connection.id(), portrait)).await
    }

    /// How loud tracks of another room are. False when the room has ended.
    pub(crate) async fn sound(&self, levels: Vec<Level>) -> bool {
        self.connection.put(RoomInput::Levels(levels)).await
    }

    /// Leaves the room of its own will. A drop alone counts as a lost connection.
    pub async fn leave(self) {
        let message = Some(proto::signal_request::Message::Leave(proto::LeaveRequest::default()));
        self.connection.send(proto::SignalRequest { message }).await;
    }

    /// The next news; after [`GuestNews::Left`] nothing comes. Safe to be cancelled.
    pub async fn next(&mut self) -> GuestNews {
        loop {
            tokio::select! {
                Some(news) = self.news.recv() => return news.into(),
                message = self.inbox.next() => match message {
                    None => return GuestNews::Left(proto::DisconnectReason::RoomClosed),
                    Some(message) => if let Some(news) = heard(*message) {
                        return news;
                    },
                },
                () = self.connection.stopped() => return GuestNews::Left(proto::DisconnectReason::ServerShutdown),
            }
        }
    }
}

/// What of a client's messages concerns a guest.
fn heard(message: proto::SignalResponse) -> Option<GuestNews> {
    match message.message? {
        Message::Leave(leave) => Some(GuestNews::Left(leave.reason())),
        Message::SubscribedQualityUpdate(update) => Some(GuestNews::Wanted(Box::new(update))),
        _ => None,
    }
}

impl From<FedNews> for GuestNews {
    fn from(news: FedNews) -> Self {
        match news {
            FedNews::Opened { cid, key, track } => Self::Opened { cid, key, track: track.to_string() },
            FedNews::Refused { cid, error } => Self::Refused { cid, error },
            FedNews::KeyframeWanted { key, encoding } => Self::KeyframeWanted { key, encoding },
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
