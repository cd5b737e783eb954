//! A guest's life in a lobby.

use std::sync::{Arc, Mutex};

use door::{Codec, CodecParams, Command, ExtensionMap, Kind, SsrcPair, UpTrackParams};
use wire::{Mid, Pt, Ssrc};

use super::*;
use crate::lobby::tests::lobby_with;
use crate::world::FedError;

fn wish(identity: &str) -> GuestWish {
    GuestWish { room: "river".into(), identity: identity.into(), ..GuestWish::default() }
}

pub(crate) fn picture(cid: &str) -> FedTrack {
    let codec = CodecParams { pt: Pt(96), codec: Codec::Vp8, clock_hz: 90_000, rtx: None, nack: false, pli: true };
    let params = UpTrackParams {
        mid: Mid::new(b"0").unwrap(),
        kind: Kind::Video,
        codecs: vec![codec],
        extensions: ExtensionMap::default(),
        rids: vec![],
        ssrcs: vec![SsrcPair { media: Ssrc(7), rtx: None }],
        transport_feedback: false,
        encrypted: false,
    };
    let format = sdp::Format { codec: Codec::Vp8, variant: sdp::Variant::Single };
    let codecs = vec![sdp::TrackCodec { pt: Pt(96), format }];
    let request = proto::AddTrackRequest {
        cid: cid.into(),
        r#type: proto::TrackType::Video.into(),
        source: proto::TrackSource::Camera.into(),
        ..Default::default()
    };
    FedTrack { request, up: sdp::UpTrack { params, codecs } }
}

fn lobby() -> (Lobby, Arc<Mutex<Vec<Command>>>) {
    let commands: Arc<Mutex<Vec<Command>>> = Arc::default();
    let sink = Arc::clone(&commands);
    (lobby_with(Arc::new(move |command| sink.lock().unwrap().push(command))), commands)
}

async fn opened(guest: &mut Guest, cid: &str) -> TrackKey {
    loop {
        match guest.next().await {
            GuestNews::Opened { cid: named, key, track } => {
                assert_eq!(named, cid);
                assert!(track.starts_with("TR_VC"));
                return key;
            }
            GuestNews::Wanted(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

async fn left(guest: &mut Guest) -> proto::DisconnectReason {
    loop {
        if let GuestNews::Left(reason) = guest.next().await {
            return reason;
        }
    }
}

#[tokio::test]
async fn a_guests_track_is_fed_and_ends_with_it() {
    let (lobby, commands) = lobby();
    let mut guest = lobby.enter(wish("obs")).await.unwrap();
    assert!(guest.publish(picture("video")).await);
    let key = opened(&mut guest, "video").await;
    assert!(matches!(&commands.lock().unwrap()[..], [Command::AddFedTrack { track, .. }] if *track == key));
    lobby.notice(door::Notice::KeyframeWanted { track: key, encoding: 0 });
    loop {
        match guest.next().await {
            GuestNews::KeyframeWanted { key: wanted, encoding: 0 } if wanted == key => break,
            GuestNews::Wanted(_) => {}
            other => panic!("{other:?}"),
        }
    }
    drop(guest);
    let mut next = lobby.enter(wish("other")).await.unwrap();
    assert!(next.publish(picture("video")).await);
    opened(&mut next, "video").await;
    let ended = |command: &Command| matches!(command, Command::RemoveUpTrack(track) if *track == key);
    assert!(commands.lock().unwrap().iter().any(ended));
}

#[tokio::test]
async fn a_track_can_be_ended_and_begun_anew() {
    let (lobby, commands) = lobby();
    let mut guest = lobby.enter(wish("obs")).await.unwrap();
    assert!(guest.publish(picture("video")).await);
    let first = opened(&mut guest, "video").await;
    assert!(guest.unpublish(first).await && guest.publish(picture("video")).await);
    let second = opened(&mut guest, "video").await;
    assert_ne!(first, second);
    let ended = |command: &Command| matches!(command, Command::RemoveUpTrack(track) if *track == first);
    assert!(commands.lock().unwrap().iter().any(ended));
}

#[tokio::test]
async fn a_newer_session_of_its_identity_ends_it() {
    let (lobby, _) = lobby();
    let mut old = lobby.enter(wish("obs")).await.unwrap();
    let _new = lobby.enter(wish("obs")).await.unwrap();
    assert_eq!(left(&mut old).await, proto::DisconnectReason::DuplicateIdentity);
}

#[tokio::test]
async fn a_track_that_is_no_media_is_refused() {
    let (lobby, _) = lobby();
    let mut guest = lobby.enter(wish("obs")).await.unwrap();
    let mut data = picture("data");
    data.request.r#type = proto::TrackType::Data.into();
    assert!(guest.publish(data).await);
    assert_eq!(guest.next().await, GuestNews::Refused { cid: "data".into(), error: FedError::NotMedia });
}
