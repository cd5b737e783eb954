//! What a request was about, for whoever keeps an audit log.

use axum::http::HeaderMap;
use livekit_protocol as proto;
use serde_json::Value;

use super::body::Encoding;

/// Methods of which the second field is whom they concern.
const ABOUT_SOMEBODY: [&str; 7] = [
    "RemoveParticipant",
    "MutePublishedTrack",
    "UpdateParticipant",
    "UpdateSubscriptions",
    "ForwardParticipant",
    "MoveParticipant",
    "GetParticipant",
];
/// Longest name that is noted, in characters.
const CHARS_MAX: usize = 256;

/// The room and the participant that a request named; empty where it named none. In the extensions of its answer.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Noted {
    /// The room's name.
    pub room: String,
    /// The participant's identity.
    pub identity: String,
}

impl Noted {
    /// What a body names. `RoomService` and `AgentDispatchService` have the room in a field of its own, the ingress service
    /// where it makes one.
    pub(super) fn of(method: &str, headers: &HeaderMap, bytes: &[u8]) -> Self {
        let about = ABOUT_SOMEBODY.contains(&method);
        let (room, identity) = match Encoding::of(headers) {
            Ok(Encoding::Json) => json(method, bytes),
            Ok(Encoding::Protobuf) => protobuf(method, about, bytes),
            Err(_) => Default::default(),
        };
        let clip = |text: String| text.chars().take(CHARS_MAX).collect();
        Self { room: clip(room), identity: if about { clip(identity) } else { String::new() } }
    }
}

fn json(method: &str, bytes: &[u8]) -> (String, String) {
    let Ok(body) = serde_json::from_slice::<Value>(bytes) else { return Default::default() };
    let text = |names: [&str; 2]| {
        let found = names.iter().find_map(|name| body.get(*name).and_then(Value::as_str));
        found.unwrap_or_default().to_owned()
    };
    let room = match method {
        "CreateRoom" => text(["name", "name"]),
        "CreateIngress" | "UpdateIngress" => text(["room_name", "roomName"]),
        _ => text(["room", "room"]),
    };
    (room, text(["identity", "identity"]))
}

fn protobuf(method: &str, about: bool, bytes: &[u8]) -> (String, String) {
    match method {
        "CreateIngress" => (decoded(bytes, |it: proto::CreateIngressRequest| it.room_name), String::new()),
        "UpdateIngress" => (decoded(bytes, |it: proto::UpdateIngressRequest| it.room_name), String::new()),
        "DeleteIngress" => Default::default(),
        "CreateDispatch" => (decoded(bytes, |it: proto::CreateAgentDispatchRequest| it.room), String::new()),
        "DeleteDispatch" => (decoded(bytes, |it: proto::DeleteAgentDispatchRequest| it.room), String::new()),
        // Messages that share the fields in question stand for all that have them.
        _ => {
            let room = decoded(bytes, |it: proto::DeleteRoomRequest| it.room);
            let identity = decoded(bytes, |it: proto::UpdateRoomMetadataRequest| it.metadata);
            (room, if about { identity } else { String::new() })
        }
    }
}

fn decoded<M: prost::Message + Default>(bytes: &[u8], pick: fn(M) -> String) -> String {
    M::decode(bytes).map(pick).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use axum::http::header;
    use prost::Message as _;

    use super::*;

    fn headers(mime: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_TYPE, mime.parse().unwrap())])
    }

    #[test]
    fn names_are_found_in_both_encodings() {
        let noted = |room: &str, identity: &str| Noted { room: room.into(), identity: identity.into() };
        let mute = proto::MuteRoomTrackRequest {
            room: "demo".into(),
            identity: "ann".into(),
            track_sid: "TR_1".into(),
            muted: true,
        };
        let words = proto::UpdateRoomMetadataRequest { room: "demo".into(), metadata: "private".into() };
        let room = proto::CreateRoomRequest { name: "demo".into(), empty_timeout: 9, ..Default::default() };
        for (method, bytes, expected) in [
            ("MutePublishedTrack", mute.encode_to_vec(), noted("demo", "ann")),
            ("UpdateRoomMetadata", words.encode_to_vec(), noted("demo", "")),
            ("CreateRoom", room.encode_to_vec(), noted("demo", "")),
            ("CreateRoom", vec![255; 9], noted("", "")),
        ] {
            assert_eq!(Noted::of(method, &headers("application/protobuf"), &bytes), expected, "{method}");
        }
        let body = br#"{"room":"demo","identity":"ann","metadata":"private"}"#;
        assert_eq!(Noted::of("RemoveParticipant", &headers("application/json"), body), noted("demo", "ann"));
        assert_eq!(Noted::of("SendData", &headers("application/json"), body), noted("demo", ""));
    }
}
