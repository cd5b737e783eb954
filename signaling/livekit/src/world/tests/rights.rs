//! Who may do and see what.

use door::{Command, Kind};
use livekit_protocol as proto;
use proto::request_response::Reason;
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;

use super::scene::Scene;
use crate::world::{JoinRefusal, Mode};

fn responses(scene: &mut Scene, client: &super::scene::Client) -> Vec<Reason> {
    scene.take(client, |it| if let Message::RequestResponse(it) = it { Some(it.reason()) } else { None })
}

#[test]
fn publishing_takes_a_right() {
    let mut scene = Scene::new();
    let ann = scene.enter_with("ann", Mode::Single, |join| {
        join.grants.can_publish_sources.insert(room::Source::Microphone);
    });
    let camera = proto::AddTrackRequest { cid: "cam".into(), r#type: 1, source: 1, ..Default::default() };
    scene.ask(&ann, Asked::AddTrack(camera.clone()));
    scene.ask(&ann, Asked::AddTrack(proto::AddTrackRequest { r#type: 2, ..camera.clone() }));
    scene.ask(&ann, Asked::AddTrack(proto::AddTrackRequest { sid: "TR_x".into(), ..camera }));
    assert_eq!(responses(&mut scene, &ann), [Reason::NotAllowed, Reason::UnsupportedType, Reason::NotFound]);
    scene.add_track(&ann, Kind::Audio, "mic");
}

#[test]
fn pending_tracks_are_limited() {
    let mut scene = Scene::new();
    let ann = scene.enter("ann", Mode::Single);
    for index in 0..room::limits::PENDING_PUBLICATIONS_MAX {
        scene.add_track(&ann, Kind::Audio, &index.to_string());
    }
    scene.ask(&ann, Asked::AddTrack(proto::AddTrackRequest { cid: "more".into(), ..Default::default() }));
    assert_eq!(responses(&mut scene, &ann), [Reason::LimitExceeded]);
}

#[test]
fn a_profile_takes_a_right_and_is_always_answered() {
    let mut scene = Scene::new();
    let ann = scene.enter("ann", Mode::Single);
    let bob = scene.enter_with("bob", Mode::Single, |join| join.grants.can_update_metadata = true);
    scene.clear();
    let request = proto::UpdateParticipantMetadata { name: "B".into(), request_id: 4, ..Default::default() };
    scene.ask(&ann, Asked::UpdateMetadata(request.clone()));
    assert_eq!(responses(&mut scene, &ann), [Reason::NotAllowed]);
    scene.ask(&bob, Asked::UpdateMetadata(request));
    assert_eq!(responses(&mut scene, &bob), [Reason::Ok]);
    assert_eq!(scene.updates(&ann).pop().unwrap().name, "B");
    assert_eq!(scene.updates(&bob).pop().unwrap().name, "B");
    assert_eq!(scene.refreshed.last().unwrap().1.name, "B");
}

#[test]
fn overwriting_the_token_takes_a_right() {
    let mut scene = Scene::new();
    scene.knock("ann", Mode::Single, |join| join.request.metadata = "m".into());
    assert_eq!(scene.refused, [JoinRefusal::MetadataNotAllowed]);
    scene.knock("ann", Mode::Single, |join| {
        join.request.participant_attributes = [("k".into(), "v".into()), ("old".into(), String::new())].into();
        join.attributes = [("old".into(), "stays".into())].into();
        join.grants.can_update_metadata = true;
    });
    let ann = scene.world.room.by_identity("ann").unwrap();
    assert_eq!(ann.attributes, [("k".into(), "v".into()), ("old".into(), "stays".into())].into());
}

#[test]
fn hidden_participants_see_and_are_not_seen() {
    let mut scene = Scene::new();
    let mut ann = scene.enter("ann", Mode::Single);
    scene.publish(&mut ann, Kind::Audio, "mic");
    scene.clear();
    let ghost = scene.enter_with("ghost", Mode::Single, |join| join.grants.hidden = true);
    assert_eq!(scene.ledger.downs.len(), 1);
    assert!(scene.updates(&ann).is_empty());
    assert!(!scene.words(&ann).contains(&"track_subscribed"));
    let bob = scene.knock("bob", Mode::Single, |_| {});
    let Message::Join(join) = &scene.inboxes[&bob.connection][0] else { panic!() };
    assert_eq!(join.other_participants.len(), 1);
    scene.clear();
    scene.ask(&ghost, Asked::Leave(proto::LeaveRequest::default()));
    assert!(scene.updates(&ann).is_empty());
}

#[test]
fn a_publisher_may_choose_who_receives() {
    let mut scene = Scene::new();
    let (mut ann, mut bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    scene.publish(&mut ann, Kind::Audio, "mic");
    scene.meet_requirements(&mut bob);
    scene.clear();
    let nobody = proto::SubscriptionPermission { all_participants: false, track_permissions: vec![] };
    scene.ask(&ann, Asked::SubscriptionPermission(nobody));
    assert!(matches!(scene.ledger.log[..], [Command::RemoveDownTrack(_)]));
    assert!(scene.words(&bob).contains(&"permission"));
    let permission =
        proto::TrackPermission { participant_sid: scene.sid("bob"), all_tracks: true, ..Default::default() };
    let some = proto::SubscriptionPermission { all_participants: false, track_permissions: vec![permission] };
    scene.ask(&ann, Asked::SubscriptionPermission(some));
    scene.meet_requirements(&mut bob);
    assert_eq!(scene.world.counts().subscriptions, 1);
}

#[test]
fn a_full_room_refuses() {
    let mut scene = Scene::with(crate::world::WorldConfig { max_participants: 1, ..super::scene::config() });
    scene.enter("ann", Mode::Single);
    scene.knock("bob", Mode::Single, |_| {});
    assert_eq!(scene.refused, [JoinRefusal::RoomFull]);
    assert_eq!(JoinRefusal::RoomFull.status(), 503);
    assert_eq!(scene.world.counts().connections, 1);
}

#[test]
fn what_is_not_served_is_refused_aloud() {
    let mut scene = Scene::new();
    let ann = scene.enter("ann", Mode::Single);
    scene.ask(&ann, Asked::StoreDataBlobRequest(Default::default()));
    scene.ask(&ann, Asked::UpdateAudioTrack(Default::default()));
    scene.ask(&ann, Asked::UpdateVideoTrack(Default::default()));
    let reasons = responses(&mut scene, &ann);
    assert_eq!(reasons, [Reason::UnsupportedType, Reason::NotFound, Reason::NotFound]);
}

#[test]
fn who_may_not_receive_is_told_after_the_track_itself() {
    let mut scene = Scene::new();
    let (mut ann, bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let nobody = proto::SubscriptionPermission { all_participants: false, track_permissions: vec![] };
    scene.ask(&ann, Asked::SubscriptionPermission(nobody));
    scene.clear();
    let (track, _) = scene.publish(&mut ann, Kind::Audio, "mic");
    assert_eq!(scene.words(&bob), ["update", "permission"]);
    let late = scene.enter("late", Mode::Single);
    assert!(scene.words(&late).contains(&"permission"));
    assert!(scene.ledger.downs.is_empty());
    let permission =
        proto::TrackPermission { participant_identity: "bob".into(), track_sids: vec![track], ..Default::default() };
    let bob_only = proto::SubscriptionPermission { all_participants: false, track_permissions: vec![permission] };
    scene.ask(&ann, Asked::SubscriptionPermission(bob_only));
    assert!(scene.words(&bob).contains(&"permission"));
    assert!(!scene.words(&late).contains(&"permission"), "nothing changed for it");
    assert_eq!(scene.world.counts().subscriptions, 1);
}
