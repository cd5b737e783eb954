//! `livekit.RoomService`, method by method.

use axum::response::Response;
use livekit_protocol as proto;
use prost::Message;
use room::TrackSid;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::access::{Need, check_room, check_rooms};
use super::body::Encoding;
use super::error::{Code, TwirpError};
use super::shape::Shaped;
use crate::config::RoomWish;
use crate::lobby::{Lobby, OrderError, unix_s};
use crate::revocation::Revocation;
use crate::token::Claims;
use crate::world::{Fault, Order, Reply};

/// The methods.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Method {
    CreateRoom,
    ListRooms,
    DeleteRoom,
    ListParticipants,
    GetParticipant,
    RemoveParticipant,
    MutePublishedTrack,
    UpdateParticipant,
    UpdateSubscriptions,
    SendData,
    UpdateRoomMetadata,
    ForwardParticipant,
    MoveParticipant,
    PerformRpc,
}

impl Method {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "CreateRoom" => Self::CreateRoom,
            "ListRooms" => Self::ListRooms,
            "DeleteRoom" => Self::DeleteRoom,
            "ListParticipants" => Self::ListParticipants,
            "GetParticipant" => Self::GetParticipant,
            "RemoveParticipant" => Self::RemoveParticipant,
            "MutePublishedTrack" => Self::MutePublishedTrack,
            "UpdateParticipant" => Self::UpdateParticipant,
            "UpdateSubscriptions" => Self::UpdateSubscriptions,
            "SendData" => Self::SendData,
            "UpdateRoomMetadata" => Self::UpdateRoomMetadata,
            "ForwardParticipant" => Self::ForwardParticipant,
            "MoveParticipant" => Self::MoveParticipant,
            "PerformRpc" => Self::PerformRpc,
            _ => return None,
        })
    }

    pub(super) fn need(self) -> Need {
        match self {
            Self::CreateRoom | Self::DeleteRoom => Need::Create,
            Self::ListRooms => Need::List,
            _ => Need::Admin,
        }
    }
}

/// One request: its sender, and how bodies are written.
struct Call<'a> {
    lobby: &'a Lobby,
    claims: Option<&'a Claims>,
    encoding: Encoding,
}

/// Carries a request out and writes the answer.
pub(super) async fn call(
    lobby: &Lobby,
    method: Method,
    claims: Option<&Claims>,
    encoding: Encoding,
    bytes: impl AsRef<[u8]>,
) -> Result<Response, TwirpError> {
    let (call, bytes) = (Call { lobby, claims, encoding }, bytes.as_ref());
    match method {
        Method::CreateRoom => call.create_room(bytes).await,
        Method::ListRooms => call.list_rooms(bytes).await,
        Method::DeleteRoom => call.delete_room(bytes).await,
        Method::ListParticipants => call.list_participants(bytes).await,
        Method::GetParticipant => call.participant(bytes).await,
        Method::RemoveParticipant => call.remove_participant(bytes).await,
        Method::MutePublishedTrack => call.mute_published_track(bytes).await,
        Method::UpdateParticipant => call.update_participant(bytes).await,
        Method::UpdateSubscriptions => call.update_subscriptions(bytes).await,
        Method::SendData => call.send_data(bytes).await,
        Method::UpdateRoomMetadata => call.update_room_metadata(bytes).await,
        Method::ForwardParticipant => call.forward_participant(bytes).await,
        Method::MoveParticipant => call.move_participant(bytes).await,
        Method::PerformRpc => call.perform_rpc(bytes).await,
    }
}

impl Call<'_> {
    async fn create_room(&self, bytes: &[u8]) -> Result<Response, TwirpError> {
        let request: proto::CreateRoomRequest = self.read(bytes)?;
        let wish = self.wish(&request)?;
        self.write_room(self.lobby.create(&request.name, wish, &request.agents).await)
    }

    /// What a new room is to be like. What cannot be had is refused by its name.
    fn wish(&self, request: &proto::CreateRoomRequest) -> Result<RoomWish, TwirpError> {
        let max = self.lobby.config().limits.room_name_bytes_max;
        if request.name.is_empty() {
            return Err(invalid("no room name"));
        }
        if request.name.len() > max {
            return Err(invalid(format!("room name length exceeds limits: max length {max}")));
        }
        let unserved = [("egress", request.egress.is_some()), ("replay_enabled", request.replay_enabled)];
        if let Some((field, _)) = unserved.iter().find(|(_, asked)| *asked) {
            let text = format!("{field} is not served by this server: create the room without it");
            return Err(TwirpError::new(Code::Unimplemented, text));
        }
        let wish = RoomWish {
            empty_timeout_s: request.empty_timeout,
            departure_timeout_s: request.departure_timeout,
            max_participants: request.max_participants,
            metadata: request.metadata.clone(),
            sync_streams: request.sync_streams,
            playout_delay_min_ms: request.min_playout_delay,
            playout_delay_max_ms: request.max_playout_delay,
        };
        self.check_metadata(&wish.metadata)?;
        request.agents.iter().try_for_each(|agent| self.check_metadata(&agent.metadata))?;
        if request.room_preset.is_empty() {
            return Ok(wish);
        }
        let preset = self.lobby.config().room.presets.get(&request.room_preset);
        let preset = preset.ok_or_else(|| invalid("unknown room configuration in create room request"))?;
        Ok(wish.over(preset))
    }

    /// The room checks this, too; but one that is refused must not be made.
    fn check_metadata(&self, metadata: &str) -> Result<(), TwirpError> {
        let max = self.lobby.config().room.limits.metadata_bytes_max;
        if metadata.len() > max { Err(OrderError::Room(Fault::MetadataTooLong(max)).into()) } else { Ok(()) }
    }

    async fn list_rooms(&self, bytes: &[u8]) -> Result<Response, TwirpError> {
        let request: proto::ListRoomsRequest = self.read(bytes)?;
        let rooms = self.lobby.rooms(&request.names).await;
        Ok(self.encoding.encode(&proto::ListRoomsResponse { rooms }))
    }

    async fn delete_room(&self, bytes: &[u8]) -> Result<Response, TwirpError> {
        let request: proto::DeleteRoomRequest = self.read(bytes)?;
        self.lobby.delete(&request.room).await?;
        Ok(self.encoding.encode(&proto::DeleteRoomResponse {}))
    }

    /// A room that is not there has nobody in it.
    async fn list_participants(&self, bytes: &[u8]) -> Result<Response, TwirpError> {
        let request: proto::ListParticipantsRequest = self.read(bytes)?;
        check_room(self.claims, &request.room)?;
        let participants = match self.lobby.order(&request.room, Order::Participants).await {
            Ok(Reply::Participants(participants)) => participants,
            Err(OrderError::RoomMissing) => Vec::new(),
            reply => return Err(unfitting(reply)),
        };
        Ok(self.encoding.encode(&proto::ListParticipantsResponse { participants }))
    }

    async fn participant(&self, bytes: &[u8]) -> Result<Response, TwirpError> {
        let request: proto::RoomParticipantIdentity = self.read(bytes)?;
        check_room(self.claims, &request.room)?;
        self.write_participant(self.lobby.order(&request.room, Order::Participant(request.identity)).await)
    }

    /// The tokens are revoked first, so that nobody slips back in between. Somebody who is not there keeps them, unless
    /// a time is named.
    async fn remove_participant(&self, bytes: &[u8]) -> Result<Response, TwirpError> {
        let request: proto::RoomParticipantIdentity = self.read(bytes)?;
        check_room(self.claims, &request.room)?;
        let named = u64::try_from(request.revoke_token_ts).ok().filter(|&it| it > 0);
        let (room, identity) = (request.room.clone(), request.identity.clone());
        let revocation = |before_s| Revocation { room, identity, before_s };
        let reply = self.lobby.order(&request.room, Order::Claims(request.identity.clone())).await;
        match (named, &reply) {
            (Some(before_s), _) => self.lobby.revoke(revocation(before_s)).await,
            (None, Ok(Reply::Claims(claims))) => {
                let claims: Claims = serde_json::from_str(claims).unwrap_or_default();
                // The second has not ended in which tokens may have been issued; and the clock of a minter may be ahead.
                let before_s = unix_s().max(claims.issued_s()).saturating_add(1);
                self.lobby.revoke(revocation(before_s)).await;
            }
            _ => {}
        }
        if reply.is_err() {
            return Err(missing_participant(reply));
        }
        match self.lobby.order(&request.room, Order::Remove(request.identity)).await {
            Ok(_) => Ok(self.encoding.encode(&proto::RemoveParticipantResponse {})),
            reply => Err(missing_participant(reply)),
        }
    }

    async fn mute_published_track(&self, bytes: &[u8]) -> Result<Response, TwirpError> {
        let request: proto::MuteRoomTrackRequest = self.read(bytes)?;
        check_room(self.claims, &request.room)?;
        if !request.muted && !self.lobby.config().room.remote_unmute {
            return Err(TwirpError::new(Code::FailedPrecondition, "remote unmute not enabled"));
        }
        let track = TrackSid::new(&request.track_sid);
        let order = Order::Mute { identity: request.identity, track, muted: request.muted };
        match self.lobby.order(&request.room, order).await {
            Ok(Reply::Track(track)) => Ok(self.encoding.encode(&proto::MuteRoomTrackResponse { track: Some(*track) })),
            reply => Err(unfitting(reply)),
        }
    }

    async fn update_participant(&self, bytes: &[u8]) -> Result<Response, TwirpError> {
        let request: proto::UpdateParticipantRequest = self.read(bytes)?;
        check_room(self.claims, &request.room)?;
        let room = request.room.clone();
        self.write_participant(self.lobby.order(&room, Order::Update(Box::new(request))).await)
    }

    async fn update_subscriptions(&self, bytes: &[u8]) -> Result<Response, TwirpError> {
        let request: proto::UpdateSubscriptionsRequest = self.read(bytes)?;
        check_room(self.claims, &request.room)?;
        let room = request.room.clone();
        self.lobby.order(&room, Order::Subscribe(Box::new(request))).await?;
        Ok(self.encoding.encode(&proto::UpdateSubscriptionsResponse {}))
    }

    async fn send_data(&self, bytes: &[u8]) -> Result<Response, TwirpError> {
        let request: proto::SendDataRequest = self.read(bytes)?;
        check_room(self.claims, &request.room)?;
        if !matches!(request.nonce.len(), 0 | 16) {
            let length = request.nonce.len();
            return Err(invalid(format!("nonce should be 16-bytes or not present, got: {length} bytes")));
        }
        let room = request.room.clone();
        self.lobby.order(&room, Order::Send(Box::new(request))).await?;
        Ok(self.encoding.encode(&proto::SendDataResponse {}))
    }

    async fn update_room_metadata(&self, bytes: &[u8]) -> Result<Response, TwirpError> {
        let request: proto::UpdateRoomMetadataRequest = self.read(bytes)?;
        check_room(self.claims, &request.room)?;
        self.write_room(self.lobby.order(&request.room, Order::SetMetadata(request.metadata)).await)
    }

    /// Who is in the other room already, under the same identity, is not pushed out by this.
    async fn forward_participant(&self, bytes: &[u8]) -> Result<Response, TwirpError> {
        let request: proto::ForwardParticipantRequest = self.read(bytes)?;
        let (identity, destination) = (request.identity, request.destination_room);
        self.check_journey(&request.room, &identity, &destination).await?;
        if self.lobby.order(&destination, Order::Participant(identity.clone())).await.is_ok() {
            let text = "participant is in the destination room already";
            return Err(TwirpError::new(Code::AlreadyExists, text));
        }
        self.lobby.forward(&request.room, &identity, &destination).await?;
        Ok(self.encoding.encode(&proto::ForwardParticipantResponse {}))
    }

    async fn move_participant(&self, bytes: &[u8]) -> Result<Response, TwirpError> {
        let request: proto::MoveParticipantRequest = self.read(bytes)?;
        let (identity, destination) = (request.identity, request.destination_room);
        self.check_journey(&request.room, &identity, &destination).await?;
        self.lobby.order(&request.room, Order::Move { identity, destination }).await?;
        Ok(self.encoding.encode(&proto::MoveParticipantResponse {}))
    }

    /// Nobody is sent anywhere before it is known who, and that the other room takes somebody.
    async fn check_journey(&self, room: &str, identity: &str, destination: &str) -> Result<(), TwirpError> {
        check_rooms(self.claims, room, destination)?;
        if room == destination {
            return Err(invalid("destination room cannot be the same as source room"));
        }
        let found = self.lobby.order(room, Order::Participant(identity.to_owned())).await;
        if found.is_err() {
            return Err(missing_participant(found));
        }
        self.check_destination(destination).await
    }

    /// Makes the room if need be.
    async fn check_destination(&self, destination: &str) -> Result<(), TwirpError> {
        let wish = self.wish(&proto::CreateRoomRequest { name: destination.to_owned(), ..Default::default() })?;
        let Reply::Room(room) = self.lobby.create(destination, wish, &[]).await? else {
            return Err(TwirpError::new(Code::Internal, "the room gave no answer that fits"));
        };
        let full = room.max_participants > 0 && room.num_participants >= room.max_participants;
        let text = "destination room has exceeded its max participants";
        if full { Err(TwirpError::new(Code::FailedPrecondition, text)) } else { Ok(()) }
    }

    async fn perform_rpc(&self, bytes: &[u8]) -> Result<Response, TwirpError> {
        let request: proto::PerformRpcRequest = self.read(bytes)?;
        check_room(self.claims, &request.room)?;
        if request.destination_identity.is_empty() {
            return Err(invalid("destination identity is required"));
        }
        let room = request.room.clone();
        match self.lobby.order(&room, Order::PerformRpc(Box::new(request))).await {
            Ok(Reply::Payload(payload)) => Ok(self.encoding.encode(&proto::PerformRpcResponse { payload })),
            reply => Err(unfitting(reply)),
        }
    }

    fn read<M: Message + Default + DeserializeOwned>(&self, bytes: &[u8]) -> Result<M, TwirpError> {
        self.encoding.decode(bytes)
    }

    fn write_room(&self, reply: Result<Reply, OrderError>) -> Result<Response, TwirpError> {
        match reply {
            Ok(Reply::Room(room)) => Ok(self.write(&*room)),
            reply => Err(unfitting(reply)),
        }
    }

    fn write_participant(&self, reply: Result<Reply, OrderError>) -> Result<Response, TwirpError> {
        match reply {
            Ok(Reply::Participant(participant)) => Ok(self.write(&*participant)),
            reply => Err(missing_participant(reply)),
        }
    }

    fn write(&self, message: &(impl Message + Serialize + Shaped)) -> Response {
        self.encoding.encode(message)
    }
}

fn invalid(text: impl Into<String>) -> TwirpError {
    TwirpError::new(Code::InvalidArgument, text)
}

/// A room that is not there has no such participant: LiveKit looks for the participant only.
fn missing_participant(reply: Result<Reply, OrderError>) -> TwirpError {
    match reply {
        Err(OrderError::RoomMissing) => OrderError::Room(Fault::ParticipantMissing).into(),
        reply => unfitting(reply),
    }
}

/// An error, or an answer to another question, which a room does not give.
fn unfitting(reply: Result<Reply, OrderError>) -> TwirpError {
    match reply {
        Err(error) => error.into(),
        Ok(_) => TwirpError::new(Code::Internal, "the room gave no answer that fits"),
    }
}
