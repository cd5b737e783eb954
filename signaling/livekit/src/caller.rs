//! A participant whose client speaks no signal protocol: it describes its media once, over HTTP (WHIP and WHEP), and is
//! represented here by whoever took its offer.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use livekit_protocol as proto;
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;
use room::Grants;
use spans::Context;
use tokio::time::{Duration, timeout};

use crate::error::JoinError;
use crate::guest::{self, GuestWish};
use crate::lobby::{Alive, Connection, Lobby, unix_s};
use crate::mailbox::Inbox;
use crate::trail::Trail;
use crate::validate::{self, Ticket};
use crate::world::Mode;

/// How long a room may take to answer an offer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A checked wish to call a room.
#[derive(Clone)]
pub struct Pass(Ticket, Option<Context>);

/// What a caller is told.
#[derive(Clone, PartialEq, Debug)]
pub enum CallerNews {
    /// Participants as they are now, the caller itself included.
    People(Vec<proto::ParticipantInfo>),
    /// Whether anything is heard of the caller's connection.
    Heard(bool),
    /// It is no longer in the room.
    Left(proto::DisconnectReason),
}

/// Why an offer is not answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OfferError {
    /// The caller is no longer in the room: it was removed, or its offer cannot be followed.
    #[error("the room does not take the offer")]
    Left(proto::DisconnectReason),
    /// The room does not answer.
    #[error("the room did not answer")]
    Silent,
}

/// A participant in a room. [`Caller::leave`] is its end; a drop without one leaves media up for a while.
pub struct Caller {
    connection: Connection,
    inbox: Inbox,
    /// Told while something else was waited for.
    early: Vec<CallerNews>,
    sid: String,
    ice_servers: Vec<proto::IceServer>,
    offers: u32,
    _alive: Alive,
}

impl std::fmt::Debug for Pass {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pass({:?} to {:?})", self.0.identity, self.0.room)
    }
}

impl Pass {
    /// The pass of an ingress: a participant that only publishes.
    pub fn of_ingress(wish: GuestWish) -> Self {
        let mut ticket = guest::ticket(wish);
        ticket.mode = Mode::Once;
        Self(ticket, None)
    }

    /// The room.
    pub fn room(&self) -> &str {
        &self.0.room
    }

    /// The identity in it.
    pub fn identity(&self) -> &str {
        &self.0.identity
    }

    /// The request that it came with, as traces know it: the join is followed below it.
    #[must_use]
    pub fn traced(mut self, request: Option<Context>) -> Self {
        self.0.trail = Trail::begin(request);
        self.1 = request;
        self
    }

    /// See [`Pass::traced`].
    pub fn request(&self) -> Option<Context> {
        self.1
    }

    /// What its bearer may do.
    pub fn grants(&self) -> &Grants {
        &self.0.grants
    }

    /// The same for somebody who only watches, under a name of its own: many may watch with one token.
    #[must_use]
    pub fn watching(mut self, suffix: &str) -> Self {
        self.0.identity.push_str(suffix);
        self.0.claims.sub.clone_from(&self.0.identity);
        self.0.grants.can_publish = false;
        self.0.grants.can_publish_data = false;
        let settings = proto::ConnectionSettings { auto_subscribe: false, ..Default::default() };
        self.0.request.connection_settings = Some(settings);
        self
    }
}

impl Lobby {
    /// Whom a token lets in, and where.
    ///
    /// # Errors
    /// When it is no token, or lets nobody in.
    pub fn pass(&self, token: &str, remote: Option<SocketAddr>) -> Result<Pass, JoinError> {
        let config = self.config();
        let ticket = validate::check_token(&config.keys, &config.limits, token, remote, unix_s())?;
        self.check_room(&ticket)?;
        Ok(Pass(ticket, None))
    }

    /// Brings a caller into its room; a session of the same identity ends. It describes nothing yet.
    ///
    /// # Errors
    /// When the room, or the node, does not let it in.
    pub async fn call(&self, pass: Pass) -> Result<Caller, JoinError> {
        let mut connection = self.join(pass.0).await?;
        let (inbox, _, alive) = connection.open().ok_or(JoinError::NodeClosing)?;
        let mut caller = Caller {
            connection,
            inbox,
            early: Vec::new(),
            sid: String::new(),
            ice_servers: Vec::new(),
            offers: 0,
            _alive: alive,
        };
        let joined = timeout(ANSWER_TIMEOUT, caller.joined()).await;
        if joined.is_ok_and(|joined| joined) { Ok(caller) } else { Err(JoinError::RoomSilent) }
    }
}

impl Caller {
    /// Its id in the room.
    pub fn sid(&self) -> &str {
        &self.sid
    }

    /// Servers that help it to find its way.
    pub fn ice_servers(&self) -> &[proto::IceServer] {
        &self.ice_servers
    }

    /// Announces a track that the next offer brings. False when the room has ended.
    pub async fn announce(&self, track: proto::AddTrackRequest) -> bool {
        self.ask(Asked::AddTrack(track)).await
    }

    /// Takes more tracks of others, or no longer. False when the room has ended.
    pub async fn subscribe(&self, track_sids: Vec<String>, subscribe: bool) -> bool {
        self.ask(Asked::Subscription(proto::UpdateSubscription { track_sids, subscribe, participant_tracks: vec![] }))
            .await
    }

    /// Offers `sdp` and waits for the answer.
    ///
    /// # Errors
    /// When the room cannot follow it.
    pub async fn offer(&mut self, sdp: String) -> Result<String, OfferError> {
        self.offers += 1;
        let offer = proto::SessionDescription { r#type: "offer".into(), sdp, id: self.offers, ..Default::default() };
        if !self.ask(Asked::Offer(offer)).await {
            return Err(OfferError::Silent);
        }
        timeout(ANSWER_TIMEOUT, self.answer()).await.unwrap_or(Err(OfferError::Silent))
    }

    /// Leaves the room at once.
    pub async fn leave(self) {
        self.ask(Asked::Leave(proto::LeaveRequest::default())).await;
    }

    /// The next news; after [`CallerNews::Left`] nothing comes. Safe to be cancelled.
    pub async fn next(&mut self) -> CallerNews {
        if !self.early.is_empty() {
            return self.early.remove(0);
        }
        loop {
            tokio::select! {
                message = self.inbox.next() => match message {
                    None => return CallerNews::Left(proto::DisconnectReason::RoomClosed),
                    Some(message) => if let Some(news) = self.heard(*message) {
                        return news;
                    },
                },
                () = self.connection.stopped() => return CallerNews::Left(proto::DisconnectReason::ServerShutdown),
            }
        }
    }

    async fn joined(&mut self) -> bool {
        while let Some(message) = self.inbox.next().await {
            let Some(Message::Join(join)) = message.message else { continue };
            self.ice_servers = join.ice_servers;
            self.sid = join.participant.map(|it| it.sid).unwrap_or_default();
            self.early.push(CallerNews::People(join.other_participants));
            return true;
        }
        false
    }

    async fn answer(&mut self) -> Result<String, OfferError> {
        while let Some(message) = self.inbox.next().await {
            if let Some(Message::Answer(answer)) = &message.message {
                if answer.id == self.offers {
                    return Ok(answer.sdp.clone());
                }
                continue;
            }
            match self.heard(*message) {
                Some(CallerNews::Left(reason)) => return Err(OfferError::Left(reason)),
                Some(news) => self.early.push(news),
                None => {}
            }
        }
        Err(OfferError::Silent)
    }

    /// What of a client's messages concerns it.
    fn heard(&self, message: proto::SignalResponse) -> Option<CallerNews> {
        match message.message? {
            Message::Leave(leave) => Some(CallerNews::Left(leave.reason())),
            Message::Update(update) => Some(CallerNews::People(update.participants)),
            Message::ConnectionQuality(told) => {
                let own = told.updates.iter().find(|it| it.participant_sid == self.sid)?;
                Some(CallerNews::Heard(own.quality() != proto::ConnectionQuality::Lost))
            }
            _ => None,
        }
    }

    async fn ask(&self, message: Asked) -> bool {
        self.connection.send(proto::SignalRequest { message: Some(message) }).await
    }
}

/// The people in a room by what is told of them, one after the other; those who left are forgotten.
#[derive(Debug, Default)]
pub struct People(BTreeMap<String, proto::ParticipantInfo>);

impl People {
    /// Takes what is told.
    pub fn take(&mut self, told: Vec<proto::ParticipantInfo>) {
        for person in told {
            if person.state() == proto::participant_info::State::Disconnected {
                self.0.remove(&person.sid);
            } else {
                self.0.insert(person.sid.clone(), person);
            }
        }
    }

    /// Somebody by id.
    pub fn one(&self, sid: &str) -> Option<&proto::ParticipantInfo> {
        self.0.get(sid)
    }

    /// Everybody, by id.
    pub fn iter(&self) -> impl Iterator<Item = &proto::ParticipantInfo> {
        self.0.values()
    }
}
