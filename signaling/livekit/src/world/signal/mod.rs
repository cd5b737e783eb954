//! Messages from clients, by family.
#![allow(deprecated)] // Older clients send `update_layers`.

mod leave;
mod profile;
mod publish;
mod simulate;
mod subscribe;
mod unserved;

use livekit_protocol as proto;
use proto::request_response::{Reason, Request};
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;
use room::ParticipantSid;

use super::{ConnectionId, Now, World};

pub(super) use simulate::{Resume, Sabotage};

/// Clients before this protocol version are not told of success.
const TELLS_SUCCESS: i32 = 15;

impl World {
    /// A message from a client. One of a websocket that was replaced is ignored.
    pub(super) fn signal(&mut self, connection: ConnectionId, request: proto::SignalRequest, now: Now) {
        let Some(sid) = self.connections.get(&connection).cloned() else { return };
        let Some(message) = request.message else { return };
        if let Some(session) = self.sessions.get_mut(&sid) {
            session.heard = now.monotonic;
        }
        self.before(&sid, &message, now);
        match message {
            Asked::Offer(offer) => self.client_offer(&sid, &offer, now),
            Asked::Answer(answer) => self.client_answer(&sid, &answer, now),
            // We are ICE-lite: clients come to us, and their addresses are learnt from their checks.
            Asked::Trickle(_) => {}
            Asked::AddTrack(request) => self.add_track(&sid, request),
            Asked::Mute(request) => self.mute(&sid, request),
            Asked::Subscription(request) => self.update_subscription(&sid, &request, now),
            Asked::TrackSetting(request) => self.update_settings(&sid, &request),
            Asked::Leave(request) => self.client_leaves(&sid, &request, now),
            // Deprecated: layers are announced with the track.
            Asked::UpdateLayers(_) => {}
            Asked::SubscriptionPermission(request) => self.update_audience(&sid, request),
            Asked::SyncState(state) => self.sync_state(&sid, &state, now),
            Asked::Simulate(scenario) => self.simulate(&sid, &scenario, now),
            Asked::Ping(_) => self.tell(&sid, Message::Pong(unix_ms(now))),
            Asked::PingReq(ping) => self.ping(&sid, ping, now),
            Asked::UpdateMetadata(request) => self.update_metadata(&sid, request, now),
            Asked::UpdateAudioTrack(request) => self.update_audio_track(&sid, request),
            Asked::UpdateVideoTrack(request) => self.update_video_track(&sid, request),
            Asked::PublishDataTrackRequest(request) => self.publish_data_track(&sid, request),
            Asked::UnpublishDataTrackRequest(request) => self.unpublish_data_track(&sid, request),
            Asked::UpdateDataSubscription(request) => self.update_data_subscription(&sid, &request),
            Asked::StoreDataBlobRequest(request) => self.unsupported(&sid, request.request_id),
            Asked::GetDataBlobRequest(request) => self.unsupported(&sid, request.request_id),
        }
    }

    fn ping(&mut self, sid: &ParticipantSid, ping: proto::Ping, now: Now) {
        let pong = proto::Pong { last_ping_timestamp: ping.timestamp, timestamp: unix_ms(now) };
        self.tell(sid, Message::PongResp(pong));
    }

    /// Tells a client what came of its request.
    pub(super) fn respond(
        &mut self,
        sid: &ParticipantSid,
        request_id: u32,
        reason: Reason,
        message: &str,
        request: Option<Request>,
    ) {
        let old = self.sessions.get(sid).is_none_or(|it| it.client.protocol < TELLS_SUCCESS);
        if reason == Reason::Ok && old {
            return;
        }
        let response =
            proto::RequestResponse { request_id, reason: reason.into(), message: message.to_owned(), request };
        self.tell(sid, Message::RequestResponse(response));
    }
}

fn unix_ms(now: Now) -> i64 {
    i64::try_from(now.unix_ms).unwrap_or(i64::MAX)
}
