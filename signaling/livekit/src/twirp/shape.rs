//! Which fields the answers have: LiveKit's server writes them all in JSON, also those that are zero, empty or unset.

use livekit_protocol as proto;
use serde_json::{Map, Value, json};

use Blank::{Each, List, Long, No, Nothing, Number, One, Text, Word, Words};

/// What stands where a message says nothing.
pub(super) enum Blank {
    /// `0`.
    Number,
    /// `"0"`: 64 bits are written as text.
    Long,
    /// `""`.
    Text,
    /// `false`.
    No,
    /// `[]`.
    List,
    /// `{}`, whose keys are users' own.
    Words,
    /// An enum's name for 0.
    Word(&'static str),
    /// `null`: no message of a kind that is not looked into.
    Nothing,
    /// `null`, or a message of this shape.
    One(&'static Shape),
    /// `[]`, or messages of this shape.
    Each(&'static Shape),
}

/// The fields of a message, in the names of its `.proto` file.
pub(super) struct Shape(&'static [(&'static str, Blank)]);

/// An answer that knows its fields.
pub(super) trait Shaped {
    /// Its fields.
    const SHAPE: &'static Shape;
}

macro_rules! shaped {
    ($($message:ident: $shape:expr;)*) => {
        $(impl Shaped for proto::$message {
            const SHAPE: &'static Shape = $shape;
        })*
    };
}

shaped! {
    Room: &ROOM;
    ListRoomsResponse: &Shape(&[("rooms", Each(&ROOM))]);
    DeleteRoomResponse: &Shape(&[]);
    ParticipantInfo: &PARTICIPANT;
    ListParticipantsResponse: &Shape(&[("participants", Each(&PARTICIPANT))]);
    RemoveParticipantResponse: &Shape(&[]);
    MuteRoomTrackResponse: &Shape(&[("track", One(&TRACK))]);
    UpdateSubscriptionsResponse: &Shape(&[]);
    SendDataResponse: &Shape(&[]);
    MoveParticipantResponse: &Shape(&[]);
    ForwardParticipantResponse: &Shape(&[]);
    IngressInfo: &INGRESS;
    ListIngressResponse: &Shape(&[("next_page_token", Nothing), ("items", Each(&INGRESS))]);
    PerformRpcResponse: &Shape(&[("payload", Text)]);
    AgentDispatch: &DISPATCH;
    ListAgentDispatchResponse: &Shape(&[("agent_dispatches", Each(&DISPATCH))]);
}

const INGRESS: Shape = Shape(&[
    ("ingress_id", Text),
    ("name", Text),
    ("stream_key", Text),
    ("url", Text),
    ("input_type", Word("RTMP_INPUT")),
    ("bypass_transcoding", No),
    ("audio", Nothing),
    ("video", Nothing),
    ("room_name", Text),
    ("participant_identity", Text),
    ("participant_name", Text),
    ("participant_metadata", Text),
    ("reusable", No),
    ("state", One(&INGRESS_STATE)),
]);

const INGRESS_STATE: Shape = Shape(&[
    ("status", Word("ENDPOINT_INACTIVE")),
    ("error", Text),
    ("video", Nothing),
    ("audio", Nothing),
    ("room_id", Text),
    ("started_at", Long),
    ("ended_at", Long),
    ("updated_at", Long),
    ("resource_id", Text),
    ("tracks", Each(&TRACK)),
]);

const DISPATCH: Shape = Shape(&[
    ("id", Text),
    ("agent_name", Text),
    ("room", Text),
    ("metadata", Text),
    ("state", One(&DISPATCH_STATE)),
    ("restart_policy", Word("JRP_ON_FAILURE")),
    ("deployment", Text),
    ("attributes", Words),
]);

const DISPATCH_STATE: Shape = Shape(&[("jobs", List), ("created_at", Long), ("deleted_at", Long)]);

const ROOM: Shape = Shape(&[
    ("sid", Text),
    ("name", Text),
    ("empty_timeout", Number),
    ("departure_timeout", Number),
    ("max_participants", Number),
    ("creation_time", Long),
    ("creation_time_ms", Long),
    ("turn_password", Text),
    ("enabled_codecs", Each(&CODEC)),
    ("metadata", Text),
    ("num_participants", Number),
    ("num_publishers", Number),
    ("active_recording", No),
    ("version", Nothing),
]);

const CODEC: Shape = Shape(&[("mime", Text), ("fmtp_line", Text)]);

const PARTICIPANT: Shape = Shape(&[
    ("sid", Text),
    ("identity", Text),
    ("state", Word("JOINING")),
    ("tracks", Each(&TRACK)),
    ("metadata", Text),
    ("joined_at", Long),
    ("joined_at_ms", Long),
    ("name", Text),
    ("version", Number),
    ("permission", One(&PERMISSION)),
    ("region", Text),
    ("is_publisher", No),
    ("kind", Word("STANDARD")),
    ("attributes", Words),
    ("disconnect_reason", Word("UNKNOWN_REASON")),
    ("kind_details", List),
    ("data_tracks", List),
    ("client_protocol", Number),
    ("capabilities", List),
]);

const PERMISSION: Shape = Shape(&[
    ("can_subscribe", No),
    ("can_publish", No),
    ("can_publish_data", No),
    ("can_publish_sources", List),
    ("hidden", No),
    ("recorder", No),
    ("can_update_metadata", No),
    ("agent", No),
    ("can_subscribe_metrics", No),
    ("can_manage_agent_session", No),
]);

const TRACK: Shape = Shape(&[
    ("sid", Text),
    ("type", Word("AUDIO")),
    ("name", Text),
    ("muted", No),
    ("width", Number),
    ("height", Number),
    ("simulcast", No),
    ("disable_dtx", No),
    ("source", Word("UNKNOWN")),
    ("layers", Each(&LAYER)),
    ("mime_type", Text),
    ("mid", Text),
    ("codecs", Each(&TRACK_CODEC)),
    ("stereo", No),
    ("disable_red", No),
    ("encryption", Word("NONE")),
    ("stream", Text),
    ("version", Nothing),
    ("audio_features", List),
    ("backup_codec_policy", Word("PREFER_REGRESSION")),
    ("packet_trailer_features", List),
]);

const TRACK_CODEC: Shape = Shape(&[
    ("mime_type", Text),
    ("mid", Text),
    ("cid", Text),
    ("layers", Each(&LAYER)),
    ("video_layer_mode", Word("MODE_UNUSED")),
    ("sdp_cid", Text),
]);

const LAYER: Shape = Shape(&[
    ("quality", Word("LOW")),
    ("width", Number),
    ("height", Number),
    ("bitrate", Number),
    ("ssrc", Number),
    ("spatial_layer", Number),
    ("rid", Text),
    ("repair_ssrc", Number),
]);

/// A message with all its fields, under the names of its `.proto` file.
pub(super) fn fill(value: Value, shape: &Shape) -> Value {
    let Value::Object(told) = value else { return value };
    let mut fields: Map<String, Value> = told.into_iter().map(|(name, value)| (snake(&name), value)).collect();
    for (name, blank) in shape.0 {
        let value = fields.remove(*name);
        fields.insert((*name).to_owned(), blank.fill(value));
    }
    Value::Object(fields)
}

impl Blank {
    fn fill(&self, value: Option<Value>) -> Value {
        match (self, value) {
            (Self::One(shape), Some(value)) => fill(value, shape),
            (Self::Each(shape), Some(Value::Array(items))) => items.into_iter().map(|it| fill(it, shape)).collect(),
            (_, Some(value)) => value,
            (Self::Number, None) => json!(0),
            (Self::Long, None) => json!("0"),
            (Self::Text, None) => json!(""),
            (Self::No, None) => json!(false),
            (Self::List | Self::Each(_), None) => json!([]),
            (Self::Words, None) => json!({}),
            (Self::Word(word), None) => json!(word),
            (Self::Nothing | Self::One(_), None) => Value::Null,
        }
    }
}

fn snake(camel: &str) -> String {
    let mut snake = String::with_capacity(camel.len() + 4);
    for letter in camel.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled<M: Shaped + serde::Serialize>(message: &M) -> Value {
        fill(serde_json::to_value(message).unwrap(), M::SHAPE)
    }

    #[test]
    fn nothing_is_left_out_and_users_words_stay() {
        let room = filled(&proto::Room { name: "demo".into(), creation_time: 5, ..Default::default() });
        assert_eq!(room["creation_time"], json!("5"));
        for (field, value) in
            [("metadata", json!("")), ("num_participants", json!(0)), ("active_recording", json!(false))]
        {
            assert_eq!(room[field], value, "{field}");
        }
        let person = proto::ParticipantInfo {
            attributes: [("camelCase".to_owned(), "v".to_owned())].into(),
            tracks: vec![proto::TrackInfo { mime_type: "audio/opus".into(), ..Default::default() }],
            ..Default::default()
        };
        let person = filled(&person);
        assert_eq!(person["attributes"], json!({"camelCase": "v"}));
        assert_eq!(person["tracks"][0]["mime_type"], json!("audio/opus"));
        assert_eq!(person["tracks"][0]["type"], json!("AUDIO"));
        assert_eq!(person["permission"], Value::Null);
    }

    /// Every field of a message that is not in its shape would be written in camel case or left out.
    #[test]
    fn shapes_read_back_as_their_messages() {
        let room: proto::Room = serde_json::from_value(without_nulls(filled(&proto::Room::default()))).unwrap();
        assert_eq!(room, proto::Room::default());
        let person = proto::ParticipantInfo {
            permission: Some(Default::default()),
            tracks: vec![proto::TrackInfo { codecs: vec![Default::default()], ..Default::default() }],
            ..Default::default()
        };
        let read: proto::ParticipantInfo = serde_json::from_value(without_nulls(filled(&person))).unwrap();
        assert_eq!(read, person);
    }

    fn without_nulls(value: Value) -> Value {
        super::super::json::without_nulls(value)
    }
}
