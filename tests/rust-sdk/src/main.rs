//! LiveKit's own Rust crate against a running server: a back end that makes a room, looks after somebody in it, and ends it.
//!
//! `thalweg-rust-sdk URL KEY SECRET` prints a token for `ada`, reads a line once she is there with a track,
//! and another once she was told something, and goes on. It panics on
//! whatever is not as a LiveKit server has it. `tests/e2e/scenarios/api_rust.mjs` plays `ada`.

use std::io::stdin;

use livekit_api::access_token::{AccessToken, VideoGrants};
use livekit_api::services::room::{CreateRoomOptions, RoomClient, SendDataOptions, UpdateParticipantOptions};
use livekit_api::services::{ServerError, ServiceError, ServiceResult};
use livekit_protocol as proto;

const ROOM: &str = "rust";

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let words: Vec<String> = std::env::args().collect();
    let [_, url, key, secret] = &words[..] else { panic!("URL KEY SECRET") };
    let rooms = RoomClient::with_api_key(url, key, secret);
    make(&rooms).await;
    let grants = VideoGrants { room_join: true, room: ROOM.into(), ..Default::default() };
    let token = AccessToken::with_api_key(key, secret).with_identity("ada").with_name("Ada").with_grants(grants);
    println!("{}", token.to_jwt().unwrap());
    stdin().read_line(&mut String::new()).unwrap();
    look_after(&rooms).await;
    stdin().read_line(&mut String::new()).unwrap();
    end(&rooms).await;
    let stranger = RoomClient::with_api_key(url, key, "not the secret");
    // Refused in plain words before Twirp is spoken, as LiveKit's server does; the crate finds no code in them.
    assert!(matches!(stranger.list_rooms(Vec::new()).await, Err(ServiceError::Twirp(_))));
    println!("done");
}

async fn make(rooms: &RoomClient) {
    let wish =
        CreateRoomOptions { empty_timeout: 60, max_participants: 7, metadata: "made".into(), ..Default::default() };
    let room = rooms.create_room(ROOM, wish.clone()).await.unwrap();
    assert!(room.sid.starts_with("RM_"), "{room:?}");
    assert_eq!((room.empty_timeout, room.max_participants, room.metadata.as_str()), (60, 7, "made"));
    let again = rooms.create_room(ROOM, wish).await.unwrap();
    assert_eq!(again.sid, room.sid);
    let held = rooms.create_room_with_playout_delay("held", CreateRoomOptions::default(), 100, 200).await.unwrap();
    rooms.delete_room(&held.name).await.unwrap();
    let names: Vec<String> = rooms.list_rooms(Vec::new()).await.unwrap().into_iter().map(|it| it.name).collect();
    assert_eq!(names, [ROOM]);
    assert_eq!(rooms.update_room_metadata(ROOM, "changed").await.unwrap().metadata, "changed");
}

async fn look_after(rooms: &RoomClient) {
    let there = rooms.list_participants(ROOM).await.unwrap();
    let [ada] = &there[..] else { panic!("{there:?}") };
    assert_eq!(
        (ada.identity.as_str(), ada.name.as_str(), ada.state()),
        ("ada", "Ada", proto::participant_info::State::Active)
    );
    let [track] = &ada.tracks[..] else { panic!("{:?}", ada.tracks) };
    assert!(rooms.mute_published_track(ROOM, "ada", &track.sid, true).await.unwrap().muted);
    let change = UpdateParticipantOptions {
        metadata: "m".into(),
        attributes: [("mood".to_owned(), "calm".to_owned())].into(),
        permission: Some(proto::ParticipantPermission { can_subscribe: true, ..Default::default() }),
        name: "Ada L.".into(),
    };
    let changed = rooms.update_participant(ROOM, "ada", change).await.unwrap();
    assert_eq!(
        (changed.metadata.as_str(), changed.name.as_str(), changed.attributes["mood"].as_str()),
        ("m", "Ada L.", "calm")
    );
    let ada = rooms.get_participant(ROOM, "ada").await.unwrap();
    assert!(ada.permission.as_ref().is_some_and(|it| it.can_subscribe && !it.can_publish), "{:?}", ada.permission);
    assert!(ada.tracks.is_empty(), "who may not publish does so no more: {:?}", ada.tracks);
    rooms.update_subscriptions(ROOM, "ada", vec!["TR_none".into()], true).await.unwrap();
    rooms
        .send_data(ROOM, b"hello ada".to_vec(), SendDataOptions { topic: Some("t".into()), ..Default::default() })
        .await
        .unwrap();
    assert_eq!(code(rooms.get_participant(ROOM, "bob").await), "not_found");
}

async fn end(rooms: &RoomClient) {
    rooms.remove_participant(ROOM, "ada").await.unwrap();
    assert!(rooms.list_participants(ROOM).await.unwrap().is_empty());
    rooms.delete_room(ROOM).await.unwrap();
    assert_eq!(code(rooms.delete_room(ROOM).await), "not_found");
    assert!(rooms.list_rooms(vec![ROOM.into()]).await.unwrap().is_empty());
}

/// The server's word for what went wrong.
fn code<T: std::fmt::Debug>(result: ServiceResult<T>) -> String {
    match result {
        Err(ServiceError::Twirp(ServerError::Twirp(error))) => error.code,
        other => panic!("{other:?}"),
    }
}
