//! Two peer connections (`/rtc`).

use door::{Command, Kind};
use livekit_protocol as proto;
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;

use super::client::{self, Offered};
use super::scene::{Scene, description};
use crate::world::Mode;

fn offers(scene: &mut Scene, client: &super::scene::Client) -> Vec<proto::SessionDescription> {
    scene.take(client, |it| if let Message::Offer(offer) = it { Some(offer.clone()) } else { None })
}

#[test]
fn the_server_offers_first() {
    let mut scene = Scene::new();
    let ann = scene.knock("ann", Mode::Dual, |_| {});
    let Message::Join(join) = &scene.inboxes[&ann.connection][0] else { panic!() };
    assert!(join.subscriber_primary && join.fast_publish);
    let Some(Command::AddPeer(_, params)) = scene.ledger.log.first() else { panic!() };
    assert!(params.opens_channels && params.remote.is_none());
    assert_eq!(scene.answer_offers(&ann), 1);
    assert!(matches!(scene.ledger.log.last(), Some(Command::SetRemote { local: None, .. })));
    assert_eq!(scene.words(&ann), ["join", "trickle"]);
    scene.connect(&ann);
    assert_eq!(scene.updates(&ann).pop().unwrap().state, 2);
}

#[test]
fn a_track_flows_from_publisher_to_subscriber() {
    let mut scene = Scene::new();
    let (mut ann, bob) = (scene.enter("ann", Mode::Dual), scene.enter("bob", Mode::Dual));
    scene.clear();
    let (sid, mid) = scene.publish(&mut ann, Kind::Video, "cam");
    assert_eq!(mid, "1");
    assert_eq!(scene.words(&bob)[..2], ["update", "offer"], "the update comes before the media");
    assert_eq!(scene.ledger.downs.len(), 0);
    let (audio, _) = scene.publish(&mut ann, Kind::Audio, "mic");
    assert!(offers(&mut scene, &bob).is_empty(), "one offer at a time");
    let offered = scene.world.sessions.values().find(|it| it.identity == "bob").unwrap();
    let id = offered.subscriber.offers;
    // The inbox was emptied above: answer what the world has offered.
    let sdp = {
        let sections = vec![Offered::data(), Offered::receive(Kind::Video)];
        client::offer(&sections, &bob.ufrag).replace("actpass", "active")
    };
    scene.ask(&bob, Asked::Answer(description("answer", sdp.clone(), id + 7)));
    assert_eq!(scene.ledger.downs.len(), 0, "an answer to nothing");
    scene.ask(&bob, Asked::Answer(description("answer", sdp, id)));
    assert_eq!(scene.ledger.downs.len(), 1);
    let next = offers(&mut scene, &bob).pop().unwrap();
    assert_eq!(next.id, id + 1);
    assert_eq!(next.mid_to_track_id, [("1".to_string(), sid.clone()), ("2".to_string(), audio)].into());
    assert!(next.sdp.contains(&format!("a=msid:{}|{sid} {sid}", scene.sid("ann"))));
    let answer = client::answer(&next.sdp, &bob.ufrag);
    scene.ask(&bob, Asked::Answer(description("answer", answer, next.id)));
    assert_eq!(scene.ledger.downs.len(), 2);
    assert!(scene.words(&ann).contains(&"track_subscribed"));
}

#[test]
fn what_is_there_comes_with_the_first_offer() {
    let mut scene = Scene::new();
    let mut ann = scene.enter("ann", Mode::Single);
    let (sid, _) = scene.publish(&mut ann, Kind::Audio, "mic");
    let bob = scene.knock("bob", Mode::Dual, |_| {});
    let offer = offers(&mut scene, &bob).pop().unwrap();
    assert_eq!(offer.mid_to_track_id, [("1".to_string(), sid)].into());
}

#[test]
fn sections_are_reused_by_kind_after_they_were_silent() {
    let mut scene = Scene::new();
    let (mut ann, bob) = (scene.enter("ann", Mode::Dual), scene.enter("bob", Mode::Dual));
    let (_, mid) = scene.publish(&mut ann, Kind::Video, "cam");
    scene.answer_offers(&bob);
    ann.sections[mid.parse::<usize>().unwrap()].direction = sdp::Direction::Inactive;
    scene.offer(&mut ann);
    assert!(scene.ledger.downs.is_empty());
    assert_eq!(scene.answer_offers(&bob), 1);
    let (audio, _) = scene.publish(&mut ann, Kind::Audio, "mic");
    let offer = offers(&mut scene, &bob).pop().unwrap();
    assert_eq!(offer.mid_to_track_id, [("2".to_string(), audio)].into());
    let answer = client::answer(&offer.sdp, &bob.ufrag);
    scene.ask(&bob, Asked::Answer(description("answer", answer, offer.id)));
    scene.add_track(&ann, Kind::Video, "cam2");
    ann.sections[mid.parse::<usize>().unwrap()] = Offered::send(Kind::Video, "cam2", &[]);
    scene.offer(&mut ann);
    let offer = offers(&mut scene, &bob).pop().unwrap();
    assert!(offer.mid_to_track_id.contains_key("1") && offer.mid_to_track_id.len() == 2);
}

#[test]
fn a_client_that_may_not_subscribe_has_its_publisher_decide() {
    let mut scene = Scene::new();
    let mut ann = scene.knock("ann", Mode::Dual, |join| join.grants.can_subscribe = false);
    let Message::Join(join) = &scene.inboxes[&ann.connection][0] else { panic!() };
    assert!(!join.subscriber_primary);
    assert!(scene.ledger.is_empty());
    scene.offer(&mut ann);
    scene.connect(&ann);
    assert_eq!(scene.updates(&ann).pop().unwrap().state, 2);
}

#[test]
fn an_unanswered_offer_ends_the_session() {
    let mut scene = Scene::new();
    let ann = scene.knock("ann", Mode::Dual, |_| {});
    scene.advance(std::time::Duration::from_secs(15));
    let leave = scene.leave_message(&ann).unwrap();
    assert_eq!((leave.action, leave.reason), (2, 6));
    assert!(scene.ledger.is_empty());
}

#[test]
fn modes_meet_in_one_room() {
    let mut scene = Scene::new();
    let (mut ann, mut bob) = (scene.enter("ann", Mode::Dual), scene.enter("bob", Mode::Single));
    scene.publish(&mut ann, Kind::Video, "cam");
    scene.publish(&mut bob, Kind::Video, "cam");
    scene.answer_offers(&ann);
    scene.meet_requirements(&mut bob);
    assert_eq!(scene.ledger.downs.len(), 2);
}
