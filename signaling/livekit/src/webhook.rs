//! What back ends are told of rooms: LiveKit's webhooks, and two more of our own, `live_started` and `live_ended`.
//!
//! Makes bodies and signatures; who delivers them is not known here.

use std::sync::Arc;

use livekit_protocol as proto;
use rand::distr::{Alphanumeric, SampleString};

use serde_json::{Map, Value, json};

use crate::token::{Claims, Keys, mint};
use crate::view::{Bytes, Coded, Traffic, Usage};
use crate::world::RoomEvent;

/// Every event that is told, for filters.
pub const EVENTS: &[&str] = &[
    "room_started",
    "room_finished",
    "participant_joined",
    "participant_left",
    "participant_connection_aborted",
    "track_published",
    "track_unpublished",
    "live_started",
    "live_ended",
    "ingress_started",
    "ingress_ended",
    "ingress_updated",
];
/// How long a signature is good for, in seconds.
const SIGNATURE_S: u64 = 300;
/// Our own field in the bodies of `room_finished` and `participant_left`: media bytes by the way that they went. LiveKit's
/// receivers pass over fields that they do not know.
const TRAFFIC: &str = "traffic";
/// Our own field in the bodies of `ingress_ended`, and of `room_finished` and `participant_left` where there were any: how
/// long codecs worked.
const TRANSCODE: &str = "transcode";
/// Random characters of an event's id.
const ID_CHARS: usize = 12;

/// Something to tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Webhook {
    /// Events of one room must arrive in order.
    pub room: String,
    /// One of [`EVENTS`].
    pub kind: &'static str,
    /// A `WebhookEvent` as protobuf JSON.
    pub body: String,
    /// When it happened, in milliseconds since 1970.
    pub created_ms: u64,
}

/// Takes a webhook. Must not block.
pub type WebhookSink = Arc<dyn Fn(Webhook) + Send + Sync>;

/// What the lobby does with its rooms' events.
#[derive(Clone)]
pub struct Webhooks {
    /// Where they go.
    pub sink: WebhookSink,
    /// Events of tracks describe their room and participant in full, not by name and id alone.
    pub full_room: bool,
}

impl Webhooks {
    /// Tells an event, if it is one of those that are told.
    pub(crate) fn tell(&self, room: &str, event: RoomEvent, unix_ms: u64) {
        let (kind, used) = (event.name(), usage(&event));
        let mut more = Map::new();
        if let Some(used) = used {
            more.insert(TRAFFIC.to_owned(), told_traffic(&used.traffic));
        }
        if let Some(used) = used.filter(|used| used.transcode != Coded::default()) {
            more.insert(TRANSCODE.to_owned(), told_coded(used.transcode));
        }
        if let Some(told) = self.describe(event) {
            self.send(room, kind, told, more, unix_ms);
        }
    }

    /// Tells that an ingress began or ended; its stream key is left out.
    pub(crate) fn tell_ingress(
        &self,
        kind: &'static str,
        info: proto::IngressInfo,
        coded: Option<Coded>,
        unix_ms: u64,
    ) {
        let (room, stream_key) = (info.room_name.clone(), String::new());
        let ingress_info = Some(proto::IngressInfo { stream_key, ..info });
        let more = coded.map(|coded| (TRANSCODE.to_owned(), told_coded(coded))).into_iter().collect();
        self.send(&room, kind, proto::WebhookEvent { ingress_info, ..Default::default() }, more, unix_ms);
    }

    fn send(&self, room: &str, kind: &'static str, told: proto::WebhookEvent, more: Map<String, Value>, unix_ms: u64) {
        let id = format!("EV_{}", Alphanumeric.sample_string(&mut rand::rng(), ID_CHARS));
        let created_at = i64::try_from(unix_ms / 1000).unwrap_or(i64::MAX);
        let told = proto::WebhookEvent { event: kind.to_owned(), id, created_at, ..told };
        // Messages of the protocol are made of text, numbers and maps with text for keys: this does not fail.
        let Ok(mut body) = serde_json::to_value(&told) else { return };
        if let Some(fields) = body.as_object_mut() {
            fields.extend(more);
        }
        let body = body.to_string();
        (self.sink)(Webhook { room: room.to_owned(), kind, body, created_ms: unix_ms });
    }

    fn describe(&self, event: RoomEvent) -> Option<proto::WebhookEvent> {
        let told = proto::WebhookEvent::default();
        Some(match event {
            RoomEvent::RoomStarted(room) | RoomEvent::RoomFinished(room, _) | RoomEvent::LiveEnded(room) => {
                proto::WebhookEvent { room: Some(*room), ..told }
            }
            RoomEvent::ParticipantJoined(room, who)
            | RoomEvent::ParticipantLeft(room, who, _)
            | RoomEvent::ParticipantConnectionAborted(room, who)
            | RoomEvent::LiveStarted(room, who) => {
                proto::WebhookEvent { room: Some(*room), participant: Some(*who), ..told }
            }
            RoomEvent::TrackPublished(room, who, track) | RoomEvent::TrackUnpublished(room, who, track) => {
                let (room, who) = if self.full_room { (*room, *who) } else { brief(*room, *who) };
                proto::WebhookEvent { room: Some(room), participant: Some(who), track: Some(*track), ..told }
            }
            RoomEvent::ClientFault { .. } => return None,
        })
    }
}

/// What the end of a room or of a session tells of its use.
fn usage(event: &RoomEvent) -> Option<Usage> {
    match event {
        RoomEvent::RoomFinished(_, used) | RoomEvent::ParticipantLeft(_, _, used) => Some(*used),
        _ => None,
    }
}

/// In protobuf's JSON 64-bit numbers are texts.
fn told_traffic(traffic: &Traffic) -> Value {
    let leg = |bytes: Bytes| json!({ "bytesIn": bytes.incoming.to_string(), "bytesOut": bytes.outgoing.to_string() });
    traffic.legs().into_iter().map(|(name, bytes)| (name.to_owned(), leg(bytes))).collect::<Map<_, _>>().into()
}

fn told_coded(coded: Coded) -> Value {
    let seconds = |ms: u64| ms as f64 / 1000.0;
    json!({ "seconds": seconds(coded.ran_ms), "cpuSeconds": seconds(coded.cpu_ms) })
}

/// Names and ids alone.
fn brief(room: proto::Room, who: proto::ParticipantInfo) -> (proto::Room, proto::ParticipantInfo) {
    (
        proto::Room { sid: room.sid, name: room.name, ..Default::default() },
        proto::ParticipantInfo { sid: who.sid, identity: who.identity, ..Default::default() },
    )
}

/// The `Authorization` header of a webhook: a token of `key` that vouches for the SHA-256 of the body (base64). `None` when
/// the key has no secret.
pub fn sign(keys: &Keys, key: &str, sha256: &str, now_s: u64) -> Option<String> {
    let claims = Claims {
        iss: key.to_owned(),
        sha256: sha256.to_owned(),
        nbf: Some(now_s.into()),
        exp: Some(now_s.saturating_add(SIGNATURE_S).into()),
        ..Claims::default()
    };
    Some(mint(&claims, &keys.secret(key)?))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::token::{Secret, verify};

    fn body(event: RoomEvent, full_room: bool) -> Option<Value> {
        let told: Arc<Mutex<Vec<Webhook>>> = Arc::default();
        let sink = Arc::clone(&told);
        let hooks = Webhooks { sink: Arc::new(move |hook| sink.lock().unwrap().push(hook)), full_room };
        hooks.tell("demo", event, 1_795_190_001_123);
        let told = told.lock().unwrap().pop()?;
        assert!(EVENTS.contains(&told.kind));
        let mut body: Value = serde_json::from_str(&told.body).unwrap();
        assert_eq!(body["event"], told.kind);
        let id = body.as_object_mut().unwrap().remove("id").unwrap();
        assert!(id.as_str().is_some_and(|id| id.starts_with("EV_") && id.len() == 15), "{id}");
        Some(body)
    }

    fn room() -> Box<proto::Room> {
        let (sid, name) = ("RM_1".into(), "demo".into());
        Box::new(proto::Room { sid, name, num_participants: 2, creation_time: 1_795_190_000, ..Default::default() })
    }

    fn who() -> Box<proto::ParticipantInfo> {
        let (sid, identity, name) = ("PA_1".into(), "ann".into(), "Ann".into());
        Box::new(proto::ParticipantInfo { sid, identity, name, state: 2, ..Default::default() })
    }

    #[test]
    fn bodies_are_protobuf_json() {
        let track = || Box::new(proto::TrackInfo { sid: "TR_1".into(), r#type: 1, source: 1, ..Default::default() });
        assert_eq!(
            body(RoomEvent::ParticipantJoined(room(), who()), false).unwrap(),
            json!({
                "event": "participant_joined",
                "room": {"sid": "RM_1", "name": "demo", "numParticipants": 2, "creationTime": "1795190000"},
                "participant": {"sid": "PA_1", "identity": "ann", "name": "Ann", "state": "ACTIVE"},
                "createdAt": "1795190001",
            })
        );
        let published = body(RoomEvent::TrackPublished(room(), who(), track()), false).unwrap();
        assert_eq!(published["room"], json!({"sid": "RM_1", "name": "demo"}));
        assert_eq!(published["participant"], json!({"sid": "PA_1", "identity": "ann"}));
        assert_eq!(published["track"], json!({"sid": "TR_1", "type": "VIDEO", "source": "CAMERA"}));
        let full = body(RoomEvent::TrackPublished(room(), who(), track()), true).unwrap();
        assert_eq!(full["participant"]["name"], "Ann");
        assert_eq!(body(RoomEvent::LiveEnded(room()), false).unwrap()["event"], "live_ended");
        assert_eq!(body(RoomEvent::ClientFault { identity: "ann".into(), what: "x".into() }, false), None);
    }

    #[test]
    fn ends_tell_what_was_used() {
        let mut usage = Usage::default();
        usage.traffic.udp.outgoing = 7;
        let plain = body(RoomEvent::RoomFinished(room(), usage), false).unwrap();
        assert_eq!(plain["traffic"]["udp"], json!({"bytesIn": "0", "bytesOut": "7"}));
        assert_eq!(plain.get("transcode"), None, "nothing was");
        usage.transcode = Coded { ran_ms: 2_500, cpu_ms: 300 };
        for event in [RoomEvent::RoomFinished(room(), usage), RoomEvent::ParticipantLeft(room(), who(), usage)] {
            assert_eq!(body(event, false).unwrap()["transcode"], json!({"seconds": 2.5, "cpuSeconds": 0.3}));
        }
    }

    #[test]
    fn signatures_are_tokens_of_the_key() {
        let keys: Keys = [("key".to_owned(), Secret::new("secret"))].into_iter().collect();
        let token = sign(&keys, "key", "hash", 1000).unwrap();
        assert_eq!(verify(&keys, &token, 1000).unwrap().sha256, "hash");
        assert!(verify(&keys, &token, 1000 + SIGNATURE_S + 61).is_err());
        assert_eq!(sign(&keys, "other", "hash", 1000), None);
    }
}
