//! Bodies of the server API, in both encodings.

use livekit::twirp::parse_json;
use livekit_protocol as proto;
use prost::Message;

/// Requests to `livekit.RoomService`: all that differ in kind.
pub fn api(bytes: &[u8]) {
    let _ = (parse_json::<proto::CreateRoomRequest>(bytes), proto::CreateRoomRequest::decode(bytes));
    let _ = (parse_json::<proto::ListRoomsRequest>(bytes), proto::ListRoomsRequest::decode(bytes));
    let _ = (parse_json::<proto::RoomParticipantIdentity>(bytes), proto::RoomParticipantIdentity::decode(bytes));
    let _ = (parse_json::<proto::UpdateParticipantRequest>(bytes), proto::UpdateParticipantRequest::decode(bytes));
    let _ = (parse_json::<proto::UpdateSubscriptionsRequest>(bytes), proto::UpdateSubscriptionsRequest::decode(bytes));
    let _ = (parse_json::<proto::SendDataRequest>(bytes), proto::SendDataRequest::decode(bytes));
    let _ = (parse_json::<proto::PerformRpcRequest>(bytes), proto::PerformRpcRequest::decode(bytes));
}
