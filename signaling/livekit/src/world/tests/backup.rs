//! A picture in a second codec, for viewers that cannot take the first.

use door::{Codec, Command, Kind, TrackKey};
use livekit_protocol as proto;
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;
use proto::{BackupCodecPolicy, SimulcastCodec};

use super::client::Offered;
use super::scene::{Client, Scene, config};
use crate::world::backup::ASK_AGAIN;
use crate::world::dynacast::PAUSE_DELAY;
use crate::world::{Input, Mode, WorldConfig};

fn scene() -> Scene {
    Scene::with(WorldConfig { codecs: vec![Codec::Vp8, Codec::Vp9, Codec::Opus], ..config() })
}

/// Ann publishes VP9 and would send VP8 if need be.
fn publish(scene: &mut Scene, ann: &mut Client, policy: BackupCodecPolicy) -> String {
    let codec = |codec: &str, cid: &str| SimulcastCodec { codec: codec.into(), cid: cid.into(), ..Default::default() };
    let request = proto::AddTrackRequest {
        cid: "cam".into(),
        r#type: 1,
        source: 1,
        width: 1280,
        height: 720,
        simulcast_codecs: vec![codec("vp9", "cam"), codec("vp8", "")],
        backup_codec_policy: policy.into(),
        ..Default::default()
    };
    scene.ask(ann, Asked::AddTrack(request));
    ann.add(Offered { vp9: true, ..Offered::send(Kind::Video, "cam", &[]) });
    scene.offer(ann);
    let published = scene.take(ann, |it| match it {
        Message::TrackPublished(it) => it.track.as_ref().map(|track| track.sid.clone()),
        _ => None,
    });
    published.into_iter().next().unwrap()
}

/// Ann adds the second codec on a section of its own.
fn add_backup(scene: &mut Scene, ann: &mut Client, sid: &str) {
    let codec = SimulcastCodec { codec: "vp8".into(), cid: "cam2".into(), ..Default::default() };
    let request = proto::AddTrackRequest {
        cid: "cam2".into(),
        sid: sid.into(),
        r#type: 1,
        source: 1,
        simulcast_codecs: vec![codec],
        ..Default::default()
    };
    scene.ask(ann, Asked::AddTrack(request));
    ann.add(Offered { vp9: true, ..Offered::send(Kind::Video, "cam2", &["q", "h", "f"]) });
    let answer = scene.offer(ann);
    let sections: Vec<_> = answer.sdp.split("m=video").collect();
    assert!(sections.last().unwrap().starts_with(" 9 UDP/TLS/RTP/SAVPF 96"), "VP8 comes first: {}", answer.sdp);
}

/// A viewer whose first video sections know VP9, or do not.
fn viewer(scene: &mut Scene, identity: &str, mode: Mode, vp9: bool) -> Client {
    let mut client = scene.enter(identity, mode);
    client.sections.iter_mut().filter(|it| it.kind == sdp::SectionKind::Video).for_each(|it| it.vp9 = vp9);
    if mode == Mode::Single {
        scene.offer(&mut client);
    }
    client
}

/// Sizes wanted of each codec that the publisher is told of, in the last message.
fn wanted(scene: &mut Scene, ann: &Client) -> Option<Vec<(String, usize)>> {
    let told = |it: &Message| match it {
        Message::SubscribedQualityUpdate(it) => Some(it.subscribed_codecs.clone()),
        _ => None,
    };
    let count = |it: &proto::SubscribedCodec| it.qualities.iter().filter(|it| it.enabled).count();
    let last = scene.take(ann, told).pop()?;
    Some(last.iter().map(|it| (it.codec.clone(), count(it))).collect())
}

fn codecs(vp9: usize, vp8: usize) -> Option<Vec<(String, usize)>> {
    Some(vec![("vp9".into(), vp9), ("vp8".into(), vp8)])
}

/// The tracks that a client receives.
fn receives(scene: &Scene, client: &Client) -> Vec<TrackKey> {
    let peers = scene.peers(client);
    scene.ledger.downs.values().filter(|(peer, _)| peers.contains(peer)).map(|(_, track)| *track).collect()
}

/// Ann's tracks in the order in which they began.
fn keys(scene: &Scene) -> Vec<TrackKey> {
    scene.ledger.ups.keys().copied().collect()
}

#[test]
fn a_second_codec_is_asked_for_when_a_viewer_needs_it() {
    let mut scene = scene();
    let mut ann = scene.enter("ann", Mode::Single);
    let mut bob = viewer(&mut scene, "bob", Mode::Single, true);
    let sid = publish(&mut scene, &mut ann, BackupCodecPolicy::Simulcast);
    scene.meet_requirements(&mut bob);
    assert_eq!(wanted(&mut scene, &ann), None);
    let mut old = viewer(&mut scene, "old", Mode::Single, false);
    scene.meet_requirements(&mut old);
    assert!(receives(&scene, &old).is_empty());
    assert_eq!(wanted(&mut scene, &ann), codecs(3, 3));
    scene.advance(ASK_AGAIN);
    assert_eq!(wanted(&mut scene, &ann), codecs(3, 3), "she may have overlooked it");
    add_backup(&mut scene, &mut ann, &sid);
    scene.advance(ASK_AGAIN);
    assert_eq!(wanted(&mut scene, &ann), None);
    scene.meet_requirements(&mut old);
    scene.meet_requirements(&mut bob);
    let [first, second] = keys(&scene)[..] else { panic!("two tracks") };
    assert_eq!((receives(&scene, &bob), receives(&scene, &old)), (vec![first], vec![second]));
    let told = scene.updates(&bob).pop().unwrap();
    let told: Vec<_> = told.tracks[0].codecs.iter().map(|it| (it.mime_type.as_str(), it.cid.as_str())).collect();
    assert_eq!(told, [("video/vp9", "cam"), ("video/vp8", "cam2")]);
    scene.ask(&ann, Asked::Mute(proto::MuteTrackRequest { sid, muted: true }));
    let mutes = scene.ledger.log.iter().filter(|it| matches!(it, Command::MuteUpTrack { muted: true, .. })).count();
    assert_eq!(mutes, 2);
    scene.input(Input::ConnectionClosed(old.connection));
    for peer in scene.peers(&old) {
        scene.input(Input::Media(door::Notice::PeerEnded(peer, door::PeerEnd::Closed)));
    }
    scene.advance(PAUSE_DELAY);
    assert_eq!(wanted(&mut scene, &ann), codecs(3, 0), "nobody needs it any more");
}

#[test]
fn a_publisher_that_sends_one_codec_shows_it_to_all() {
    for mode in [Mode::Single, Mode::Dual] {
        let mut scene = scene();
        let mut ann = scene.enter("ann", Mode::Single);
        let mut bob = viewer(&mut scene, "bob", mode, true);
        let sid = publish(&mut scene, &mut ann, BackupCodecPolicy::PreferRegression);
        scene.meet_requirements(&mut bob);
        scene.connect(&bob);
        let mut old = viewer(&mut scene, "old", Mode::Single, false);
        scene.meet_requirements(&mut old);
        let first = keys(&scene)[0];
        assert_eq!(receives(&scene, &bob), [first]);
        let before = scene.world.sessions.values().find(|it| it.identity == "bob").unwrap().mid_to_track();
        add_backup(&mut scene, &mut ann, &sid);
        scene.meet_requirements(&mut old);
        scene.meet_requirements(&mut bob);
        scene.answer_offers(&bob);
        let second = keys(&scene)[1];
        assert_eq!((receives(&scene, &bob), receives(&scene, &old)), (vec![second], vec![second]), "{mode:?}");
        let after = scene.world.sessions.values().find(|it| it.identity == "bob").unwrap().mid_to_track();
        assert_eq!(before, after, "it stays on its section");
        wanted(&mut scene, &ann);
        scene.advance(PAUSE_DELAY);
        assert_eq!(wanted(&mut scene, &ann), codecs(0, 3));
        let mut new = viewer(&mut scene, "new", Mode::Single, true);
        scene.meet_requirements(&mut new);
        assert_eq!(receives(&scene, &new), [second]);
    }
}

#[test]
fn without_the_second_codec_the_first_comes_back() {
    let mut scene = scene();
    let mut ann = scene.enter("ann", Mode::Single);
    let mut bob = viewer(&mut scene, "bob", Mode::Single, true);
    let sid = publish(&mut scene, &mut ann, BackupCodecPolicy::Regression);
    let mut old = viewer(&mut scene, "old", Mode::Single, false);
    scene.meet_requirements(&mut bob);
    scene.meet_requirements(&mut old);
    add_backup(&mut scene, &mut ann, &sid);
    scene.meet_requirements(&mut bob);
    scene.meet_requirements(&mut old);
    let first = keys(&scene)[0];
    ann.sections.last_mut().unwrap().direction = sdp::Direction::Inactive;
    scene.offer(&mut ann);
    scene.meet_requirements(&mut bob);
    scene.meet_requirements(&mut old);
    assert_eq!((keys(&scene), receives(&scene, &bob), receives(&scene, &old)), (vec![first], vec![first], vec![]));
    let place = ann.sections.len() - 2;
    ann.sections[place].direction = sdp::Direction::Inactive;
    scene.offer(&mut ann);
    assert!(scene.ledger.ups.is_empty() && scene.ledger.downs.is_empty());
}

#[test]
fn a_codec_that_is_not_taken_is_refused() {
    let mut scene = scene();
    let mut ann = scene.enter("ann", Mode::Single);
    let sid = publish(&mut scene, &mut ann, BackupCodecPolicy::Simulcast);
    for (sid, codec, reason) in [(sid.as_str(), "h265", 5), (sid.as_str(), "opus", 5), ("TR_x", "vp8", 1)] {
        let codec = SimulcastCodec { codec: codec.into(), cid: "cam2".into(), ..Default::default() };
        let request = proto::AddTrackRequest {
            cid: "cam2".into(),
            sid: sid.into(),
            simulcast_codecs: vec![codec],
            ..Default::default()
        };
        scene.ask(&ann, Asked::AddTrack(request));
        let told = |it: &Message| if let Message::RequestResponse(it) = it { Some(it.reason) } else { None };
        assert_eq!(scene.take(&ann, told), [reason]);
    }
}
