//! The server API from outside: bodies, grants, rooms.

use livekit_protocol as proto;
use prost::Message as _;
use serde_json::{Value, json};
use thalweg_livekit::token::VideoGrant;
use thalweg_livekit::{AccessToken, Limits, RoomSettings, RoomWish};

use crate::node::{Answer, Config, Node, config, mint, node};

pub(crate) const METHODS: [&str; 14] = [
    "CreateRoom",
    "ListRooms",
    "DeleteRoom",
    "ListParticipants",
    "GetParticipant",
    "RemoveParticipant",
    "MutePublishedTrack",
    "UpdateParticipant",
    "UpdateSubscriptions",
    "SendData",
    "UpdateRoomMetadata",
    "ForwardParticipant",
    "MoveParticipant",
    "PerformRpc",
];

/// A token of a back end.
pub(crate) fn grant(change: impl FnOnce(&mut VideoGrant)) -> String {
    mint(AccessToken::new("devkey").grant(change))
}

/// A token that may do everything in `demo`.
pub(crate) fn admin() -> String {
    grant(|it| {
        (it.room_create, it.room_list, it.room_admin) = (true, true, true);
        (it.room, it.destination_room) = ("demo".into(), "other".into());
    })
}

impl Node {
    pub(crate) async fn raw(&self, method: &str, token: Option<&str>, mime: &str, body: &[u8]) -> Answer {
        let mut headers = vec![format!("Content-Type: {mime}")];
        headers.extend(token.map(|token| format!("Authorization: Bearer {token}")));
        self.post(&format!("/twirp/livekit.RoomService/{method}"), &headers, body).await
    }

    /// Asks in JSON as the administrator; gives status and body.
    pub(crate) async fn api(&self, method: &str, body: Value) -> (u16, Value) {
        let mime = "application/json;charset=UTF-8";
        let answer = self.raw(method, Some(&admin()), mime, body.to_string().as_bytes()).await;
        assert!(answer.headers.contains("content-type: application/json"), "{}", answer.headers);
        (answer.status, serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{}", answer.body)))
    }

    pub(crate) async fn fine(&self, method: &str, body: Value) -> Value {
        let (status, value) = self.api(method, body).await;
        assert_eq!(status, 200, "{method}: {value}");
        value
    }

    pub(crate) async fn fault(&self, method: &str, body: Value) -> (u16, String, String) {
        let (status, value) = self.api(method, body).await;
        let text = |field: &str| value[field].as_str().unwrap_or_default().to_owned();
        (status, text("code"), text("msg"))
    }
}

#[tokio::test]
async fn rooms_are_made_listed_and_ended() {
    let node = node(config()).await;
    let wish = json!({"name": "demo", "emptyTimeout": 600, "maxParticipants": 20, "metadata": "m", "nodeId": "ND_x"});
    let room = node.fine("CreateRoom", wish).await;
    assert!(room["sid"].as_str().unwrap().starts_with("RM_"));
    assert_eq!((&room["empty_timeout"], &room["departure_timeout"]), (&json!(600), &json!(1)));
    assert_eq!((&room["max_participants"], &room["metadata"]), (&json!(20), &json!("m")));
    assert_eq!((&room["num_participants"], &room["active_recording"]), (&json!(0), &json!(false)));
    assert!(room["creation_time"].is_string());
    let again = node.fine("CreateRoom", json!({"name": "demo", "departure_timeout": "30"})).await;
    assert_eq!(again["sid"], room["sid"], "an existing room is changed, not made");
    assert_eq!((&again["empty_timeout"], &again["departure_timeout"]), (&json!(600), &json!(30)));
    assert_eq!(again["metadata"], json!("m"));
    node.fine("CreateRoom", json!({"name": "second"})).await;
    let names = |rooms: Value| {
        let names = rooms["rooms"].as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(node.fine("ListRooms", json!({})).await), ["demo", "second"]);
    assert_eq!(names(node.fine("ListRooms", json!({"names": ["second", "third"]})).await), ["second"]);
    assert_eq!(node.fine("DeleteRoom", json!({"room": "demo"})).await, json!({}));
    assert_eq!(names(node.fine("ListRooms", json!({"names": null})).await), ["second"]);
    let missing = (404, "not_found".to_owned(), "requested room does not exist".to_owned());
    assert_eq!(node.fault("DeleteRoom", json!({"room": "demo"})).await, missing);
    assert_eq!(node.fault("UpdateRoomMetadata", json!({"room": "demo", "metadata": "x"})).await, missing);
    assert_eq!(node.fine("ListParticipants", json!({"room": "demo"})).await, json!({"participants": []}));
    let anew = node.fine("CreateRoom", json!({"name": "demo"})).await;
    assert_ne!(anew["sid"], room["sid"]);
    let changed = node.fine("UpdateRoomMetadata", json!({"room": "demo", "metadata": "x"})).await;
    assert_eq!(changed["metadata"], json!("x"));
}

#[tokio::test]
async fn protobuf_says_the_same_as_json() {
    let node = node(config()).await;
    let request = proto::CreateRoomRequest { name: "demo".into(), empty_timeout: 60, ..Default::default() };
    let answer = node.raw("CreateRoom", Some(&admin()), "application/protobuf", &request.encode_to_vec()).await;
    assert_eq!(answer.status, 200);
    assert!(answer.headers.contains("content-type: application/protobuf"));
    let room = proto::Room::decode(&*answer.bytes).unwrap();
    assert_eq!((room.name.as_str(), room.empty_timeout), ("demo", 60));
    let listed = node.raw("ListRooms", Some(&admin()), "application/protobuf", &[]).await;
    let listed = proto::ListRoomsResponse::decode(&*listed.bytes).unwrap();
    assert_eq!(listed.rooms, [room]);
    // Errors are JSON in either case.
    let fault = node.raw("GetParticipant", Some(&admin()), "application/protobuf", &[]).await;
    assert_eq!(fault.status, 401);
    assert_eq!(fault.body, r#"{"code":"unauthenticated","msg":"permissions denied"}"#);
}

#[tokio::test]
async fn every_method_takes_its_own_grant() {
    let node = node(config()).await;
    let tokens = [
        ("nothing", grant(|_| {})),
        ("join", grant(|it| (it.room_join, it.room) = (true, "demo".into()))),
        ("record", grant(|it| (it.room_record, it.room) = (true, "demo".into()))),
        ("create", grant(|it| it.room_create = true)),
        ("list", grant(|it| it.room_list = true)),
        ("admin of none", grant(|it| it.room_admin = true)),
        ("admin of another", grant(|it| (it.room_admin, it.room) = (true, "other".into()))),
        ("admin", grant(|it| (it.room_admin, it.room) = (true, "demo".into()))),
        (
            "mover",
            grant(|it| {
                (it.room_admin, it.room, it.destination_room) = (true, "demo".into(), "other".into());
            }),
        ),
    ];
    let body = json!({"room": "demo", "destinationRoom": "other", "name": "made", "identity": "nobody"});
    for method in METHODS {
        for (name, token) in &tokens {
            let allowed = match method {
                "CreateRoom" | "DeleteRoom" => *name == "create",
                "ListRooms" => *name == "list",
                "MoveParticipant" | "ForwardParticipant" => *name == "mover",
                _ => matches!(*name, "admin" | "mover"),
            };
            let answer = node.raw(method, Some(token), "application/json", body.to_string().as_bytes()).await;
            assert_eq!(answer.status != 401, allowed, "{method} with {name}: {} {}", answer.status, answer.body);
            if !allowed {
                assert_eq!(answer.body, r#"{"code":"unauthenticated","msg":"permissions denied"}"#);
            }
        }
        let answer = node.raw(method, None, "application/json", body.to_string().as_bytes()).await;
        assert_eq!((answer.status, answer.body.contains("unauthenticated")), (401, true), "{method} without a token");
    }
}

#[tokio::test]
async fn what_cannot_be_had_is_refused_by_name() {
    let node = node(config()).await;
    let long = "x".repeat(257);
    let cases = [
        (json!({"name": ""}), (400, "invalid_argument", "no room name")),
        (json!({"name": long}), (400, "invalid_argument", "room name length exceeds limits: max length 256")),
        (
            json!({"name": "demo", "metadata": "x".repeat(512 * 1024 + 1)}),
            (400, "invalid_argument", "metadata size exceeds limits 524288"),
        ),
        (
            json!({"name": "demo", "egress": {"room": {}}}),
            (501, "unimplemented", "egress is not served by this server: create the room without it"),
        ),
        (
            json!({"name": "demo", "roomPreset": "unknown"}),
            (400, "invalid_argument", "unknown room configuration in create room request"),
        ),
    ];
    for (body, (status, code, text)) in cases {
        assert_eq!(node.fault("CreateRoom", body).await, (status, code.into(), text.into()));
    }
    assert_eq!(node.lobby.counts().rooms, 0, "nothing was made on the way");
}

#[tokio::test]
async fn a_room_is_made_with_its_agents() {
    let node = node(config()).await;
    let agents = async || {
        let headers = [format!("Authorization: Bearer {}", admin()), "Content-Type: application/json".to_owned()];
        let target = "/twirp/livekit.AgentDispatchService/ListDispatch";
        let answer = node.post(target, &headers, br#"{"room":"demo"}"#).await;
        let told: Value = serde_json::from_str(&answer.body).unwrap();
        let named = told["agent_dispatches"].as_array().cloned().unwrap_or_default();
        named.iter().map(|it| format!("{} {}", it["agent_name"], it["metadata"])).collect::<Vec<_>>()
    };
    let wish = |agent: &str| json!({"name": "demo", "agents": [{"agentName": agent, "metadata": "m"}]});
    node.fine("CreateRoom", wish("one")).await;
    assert_eq!(agents().await, [r#""one" "m""#]);
    node.fine("CreateRoom", wish("two")).await;
    assert_eq!(agents().await, [r#""one" "m""#], "a room that is there keeps its agents");
}

#[tokio::test]
async fn presets_give_what_a_request_leaves_out() {
    let preset = RoomWish { empty_timeout_s: 7, max_participants: 2, metadata: "preset".into(), ..Default::default() };
    let room = RoomSettings { presets: [("small".to_owned(), preset)].into(), ..config().room };
    let node = node(Config { room, ..config() }).await;
    let made = node.fine("CreateRoom", json!({"name": "demo", "roomPreset": "small", "maxParticipants": 3})).await;
    assert_eq!((&made["empty_timeout"], &made["departure_timeout"]), (&json!(7), &json!(1)));
    assert_eq!((&made["max_participants"], &made["metadata"]), (&json!(3), &json!("preset")));
}

#[tokio::test]
async fn a_node_with_enough_rooms_makes_no_more() {
    let limits = Limits { rooms_max: 2, ..Default::default() };
    let node = node(Config { limits, ..config() }).await;
    for index in 0..2 {
        node.fine("CreateRoom", json!({"name": format!("room-{index}")})).await;
    }
    let (status, code, _) = node.fault("CreateRoom", json!({"name": "one more"})).await;
    assert_eq!((status, code.as_str()), (429, "resource_exhausted"));
    node.fine("CreateRoom", json!({"name": "room-0"})).await;
}

#[tokio::test]
async fn an_empty_room_ends_by_its_own_timeout() {
    let node = node(config()).await;
    node.fine("CreateRoom", json!({"name": "demo", "emptyTimeout": 1})).await;
    assert_eq!(node.lobby.counts().rooms, 1);
    node.until("the room has ended", |counts| counts.rooms == 0).await;
}
