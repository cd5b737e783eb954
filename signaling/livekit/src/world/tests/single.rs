//! One peer connection (`/rtc/v1`).

use std::time::Duration;

use door::{Command, Kind, LayerTarget};
use livekit_protocol as proto;
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;
use sdp::{Description, Direction};

use super::client::{self, Offered};
use super::scene::{Client, Scene, config};
use crate::world::{Mode, WorldConfig};

fn directions(answer: &proto::SessionDescription) -> Vec<Direction> {
    Description::parse(&answer.sdp).unwrap().sections.iter().map(|it| it.direction).collect()
}

#[test]
fn a_newcomer_is_told_everything_in_order() {
    let mut scene = Scene::new();
    let ann = scene.knock("ann", Mode::Single, |_| {});
    let join = match &scene.inboxes[&ann.connection][0] {
        Message::Join(join) => join.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(scene.accepted, [ann.connection]);
    assert_eq!(scene.words(&ann), ["join", "answer", "trickle"]);
    assert_eq!(scene.refreshed.len(), 1);
    assert!(!join.subscriber_primary && join.ice_servers.is_empty());
    assert_eq!((join.ping_interval, join.ping_timeout), (5, 15));
    let server = join.server_info.unwrap();
    assert_eq!((server.version.as_str(), server.protocol), ("1.13.5", 17));
    let room = join.room.unwrap();
    assert!(room.sid.starts_with("RM_") && room.creation_time > 0 && room.num_participants == 1);
    let own = join.participant.unwrap();
    assert!(own.sid.starts_with("PA_") && own.version == 1 && own.permission.is_some());
    assert_eq!(join.enabled_publish_codecs[0].mime, "video/VP8");
    scene.connect(&ann);
    let updates = scene.updates(&ann);
    let own = updates.last().unwrap();
    assert_eq!((own.state, own.is_publisher), (2, true));
}

#[test]
fn sound_and_picture_are_one_stream_where_the_room_and_the_client_have_it_so() {
    let cases = [(true, 17, "", "camera"), (true, 17, "Firefox", "TR_"), (true, 9, "", "TR_"), (false, 17, "", "TR_")];
    for (sync_streams, protocol, browser, stream) in cases {
        let mut scene = Scene::with(WorldConfig { sync_streams, ..config() });
        let mut ann = scene.enter("ann", Mode::Single);
        let mut bob = scene.enter_with("bob", Mode::Single, |join| {
            join.client_info = proto::ClientInfo { protocol, browser: browser.into(), ..Default::default() };
        });
        scene.publish(&mut ann, Kind::Video, "cam");
        scene.publish(&mut ann, Kind::Audio, "mic");
        let answer = scene.meet_requirements(&mut bob).unwrap();
        let streams = answer.sdp.matches(&format!("a=msid:{}|{stream}", scene.sid("ann"))).count();
        assert_eq!(streams, 2, "{protocol} {browser} {}", answer.sdp);
    }
}

#[test]
fn pictures_are_held_as_the_room_has_it() {
    for playout_delay_ms in [None, Some((100, 400))] {
        let mut scene = Scene::with(WorldConfig { playout_delay_ms, ..config() });
        let (mut ann, mut bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
        scene.publish(&mut ann, Kind::Video, "cam");
        scene.publish(&mut ann, Kind::Audio, "mic");
        scene.meet_requirements(&mut bob);
        let told = scene.ledger.log.iter().filter_map(|it| match it {
            Command::AddDownTrack { params, .. } => Some((params.kind, params.playout_delay_ms)),
            _ => None,
        });
        assert_eq!(told.collect::<Vec<_>>(), [(Kind::Audio, None), (Kind::Video, playout_delay_ms)]);
    }
}

#[test]
fn video_waits_while_a_native_client_offers_a_camera() {
    use proto::client_info::Sdk;
    let holds = |scene: &Scene| -> Vec<Duration> {
        let span = |it: &Command| if let Command::HoldVideo { at_most, .. } = it { Some(*at_most) } else { None };
        scene.ledger.log.iter().filter_map(span).collect()
    };
    let cases = [
        (Sdk::Python, Mode::Single, Kind::Video, 1),
        (Sdk::Swift, Mode::Single, Kind::Video, 1),
        (Sdk::Python, Mode::Single, Kind::Audio, 0),
        (Sdk::Python, Mode::Dual, Kind::Video, 0),
        (Sdk::Js, Mode::Single, Kind::Video, 0),
        (Sdk::Unknown, Mode::Single, Kind::Video, 0),
    ];
    for (sdk, mode, kind, times) in cases {
        let mut scene = Scene::new();
        let mut ann = scene.enter("ann", Mode::Single);
        let mut bob = scene.enter_with("bob", mode, |join| join.client_info.sdk = sdk.into());
        scene.add_track(&bob, kind, "early");
        bob.add(Offered::send(kind, "early", &[]));
        scene.offer(&mut bob);
        assert_eq!(holds(&scene), [], "{sdk:?} {kind:?} watches nothing");
        scene.publish(&mut ann, Kind::Video, "cam");
        match mode {
            Mode::Dual => assert!(scene.answer_offers(&bob) > 0),
            Mode::Single | Mode::Once => assert!(scene.meet_requirements(&mut bob).is_some()),
        }
        scene.add_track(&bob, kind, "late");
        assert_eq!(holds(&scene).len(), times, "{sdk:?} {mode:?} {kind:?}");
        bob.add(Offered::send(kind, "late", &[]));
        scene.offer(&mut bob);
        scene.offer(&mut bob);
        let expected = [Duration::from_millis(500), Duration::ZERO];
        assert_eq!(holds(&scene), expected[..2 * times], "{sdk:?} {mode:?} {kind:?}");
    }
}

#[test]
fn a_track_flows_from_publisher_to_subscriber() {
    let mut scene = Scene::new();
    let (mut ann, mut bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    scene.clear();
    let sid = scene.add_track(&ann, Kind::Video, "cam");
    assert!(sid.starts_with("TR_VC"));
    assert!(scene.words(&bob).is_empty(), "nobody knows yet");
    let mid = ann.add(Offered::send(Kind::Video, "cam", &["q", "h", "f"]));
    let answer = scene.offer(&mut ann);
    assert_eq!(directions(&answer)[mid.parse::<usize>().unwrap()], Direction::RecvOnly);
    assert!(answer.sdp.contains("a=simulcast:recv q;h;f"));
    assert!(answer.mid_to_track_id.is_empty());
    let Some(Command::AddUpTrack { params, .. }) = scene.ledger.log.last() else { panic!("{:?}", scene.ledger.log) };
    assert_eq!(params.rids.len(), 3);
    assert_eq!(scene.words(&ann), ["update"]);
    let info = scene.updates(&bob).pop().unwrap();
    let track = &info.tracks[0];
    assert_eq!((track.sid.as_str(), track.mid.as_str(), track.mime_type.as_str()), (sid.as_str(), "7", "video/vp8"));
    assert_eq!(track.codecs[0].sdp_cid, "");
    let answer = scene.meet_requirements(&mut bob).unwrap();
    assert_eq!(bob.sections.len(), 7, "a free section is used");
    assert_eq!(answer.mid_to_track_id, [("3".to_string(), sid.clone())].into());
    assert_eq!(directions(&answer)[3], Direction::SendOnly);
    assert!(answer.sdp.contains(&format!("a=msid:{}|{sid} {sid}", scene.sid("ann"))));
    assert_eq!(scene.ledger.downs.len(), 1);
    assert_eq!(scene.words(&ann), ["track_subscribed"]);
    assert_eq!(scene.words(&bob), ["quality"]);
}

#[test]
fn what_is_there_comes_with_the_first_answer() {
    let mut scene = Scene::new();
    let mut ann = scene.enter("ann", Mode::Single);
    let (video, _) = scene.publish(&mut ann, Kind::Video, "cam");
    let (audio, _) = scene.publish(&mut ann, Kind::Audio, "mic");
    let bob = scene.knock("bob", Mode::Single, |_| {});
    let inbox = &scene.inboxes[&bob.connection];
    let Message::Join(join) = &inbox[0] else { panic!() };
    assert_eq!(join.other_participants[0].tracks.len(), 2);
    let Some(Message::Answer(answer)) = inbox.iter().find(|it| matches!(it, Message::Answer(_))) else { panic!() };
    assert_eq!(answer.mid_to_track_id, [("0".to_string(), audio), ("3".to_string(), video)].into());
    assert_eq!(scene.world.counts().subscriptions_pending, 0);
}

#[test]
fn an_offer_that_changes_nothing_is_answered_a_little_later() {
    let mut scene = Scene::new();
    let mut ann = scene.enter("ann", Mode::Single);
    scene.publish(&mut ann, Kind::Video, "cam");
    let mut bob = scene.enter("bob", Mode::Single);
    for what in ["time", "a request", "a track"] {
        scene.clear();
        let answers =
            |scene: &mut Scene, bob: &Client| scene.words(bob).into_iter().filter(|it| *it == "answer").count();
        scene.send_offer(&mut bob);
        scene.ask(&bob, Asked::Ping(1));
        scene.advance(Duration::from_millis(100));
        assert_eq!(answers(&mut scene, &bob), 0, "{what}");
        match what {
            "time" => scene.advance(Duration::from_millis(150)),
            "a request" => _ = scene.add_track(&bob, Kind::Audio, "mic"),
            _ => {
                scene.publish(&mut ann, Kind::Audio, "mic");
                scene.advance(Duration::ZERO);
            }
        }
        assert_eq!(answers(&mut scene, &bob), 1, "{what}");
        if what == "a request" {
            // What it announced is not a viewer's any more.
            bob = scene.enter("bob", Mode::Single);
        }
    }
    assert_eq!(scene.ledger.downs.len(), 2, "the new sound found a place in the offer that was held");
}

#[test]
fn only_missing_sections_are_asked_for() {
    let mut scene = Scene::new();
    let mut ann = scene.enter("ann", Mode::Single);
    let mut bob = scene.enter("bob", Mode::Single);
    for index in 0..5 {
        scene.publish(&mut ann, Kind::Audio, &format!("mic{index}"));
    }
    let asked =
        scene.take(&bob, |it| if let Message::MediaSectionsRequirement(it) = it { Some(it.num_audios) } else { None });
    assert_eq!(asked, [0, 1, 1]);
    scene
        .inboxes
        .entry(bob.connection)
        .or_default()
        .push(Message::MediaSectionsRequirement(proto::MediaSectionsRequirement { num_audios: 2, num_videos: 0 }));
    scene.meet_requirements(&mut bob).unwrap();
    assert_eq!((scene.ledger.downs.len(), bob.sections.len()), (5, 9));
}

#[test]
fn an_unmet_requirement_is_repeated() {
    let mut scene = Scene::new();
    let (mut ann, mut bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    scene.publish(&mut ann, Kind::Audio, "mic");
    scene.words(&bob);
    scene.advance(std::time::Duration::from_secs(6));
    assert!(scene.words(&bob).contains(&"requirement"));
    scene.offer(&mut bob);
    assert_eq!(scene.ledger.downs.len(), 1);
    scene.advance(std::time::Duration::from_secs(6));
    assert!(!scene.words(&bob).contains(&"requirement"));
}

#[test]
fn a_section_is_reused_after_it_was_silent_once() {
    let mut scene = Scene::new();
    let (mut ann, mut bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let (first, mid) = scene.publish(&mut ann, Kind::Video, "cam");
    scene.meet_requirements(&mut bob);
    scene.clear();
    // The publisher takes its track away, and later puts another one on the same section.
    let section: usize = mid.parse().unwrap();
    ann.sections[section].direction = Direction::Inactive;
    let answer = scene.offer(&mut ann);
    assert_eq!(directions(&answer)[section], Direction::Inactive);
    assert_eq!((scene.ledger.ups.len(), scene.ledger.downs.len()), (0, 0));
    assert!(scene.updates(&bob).pop().unwrap().tracks.is_empty());
    let second = scene.add_track(&ann, Kind::Video, "cam2");
    ann.sections[section] = Offered::send(Kind::Video, "cam2", &["q", "h", "f"]);
    scene.offer(&mut ann);
    assert_eq!(scene.ledger.ups.len(), 1);
    assert_ne!(first, second);
    // The subscriber has not offered since: the section that flowed falls silent first, another one is used.
    let answer = scene.offer(&mut bob);
    assert_eq!(answer.mid_to_track_id, [("4".to_string(), second)].into());
    assert_eq!(directions(&answer)[3], Direction::Inactive);
    // From here on it is free again.
    let (third, _) = scene.publish(&mut ann, Kind::Video, "cam3");
    let answer = scene.meet_requirements(&mut bob).unwrap();
    assert_eq!(answer.mid_to_track_id.get("3"), Some(&third));
}

#[test]
fn another_track_on_the_same_section_replaces_the_first() {
    let mut scene = Scene::new();
    let mut ann = scene.enter("ann", Mode::Single);
    let (_, mid) = scene.publish(&mut ann, Kind::Video, "cam");
    let second = scene.add_track(&ann, Kind::Video, "cam2");
    ann.sections[mid.parse::<usize>().unwrap()] = Offered::send(Kind::Video, "cam2", &[]);
    scene.offer(&mut ann);
    assert_eq!(scene.world.counts().publications, 1);
    assert_eq!(scene.updates(&ann).pop().unwrap().tracks[0].sid, second);
}

#[test]
fn firefox_names_are_matched_by_kind() {
    let mut scene = Scene::new();
    let mut ann = scene.enter("ann", Mode::Single);
    let (mic, cam) = (scene.add_track(&ann, Kind::Audio, "mic"), scene.add_track(&ann, Kind::Video, "cam"));
    ann.add(Offered::send(Kind::Video, "{uuid-1}", &[]));
    ann.add(Offered::send(Kind::Audio, "{uuid-2}", &[]));
    scene.offer(&mut ann);
    let tracks = scene.updates(&ann).pop().unwrap().tracks;
    let found = |sid: &str| tracks.iter().find(|it| it.sid == sid).unwrap();
    assert_eq!((found(&cam).mid.as_str(), found(&cam).codecs[0].sdp_cid.as_str()), ("7", "{uuid-1}"));
    assert_eq!(found(&mic).mid, "8");
}

#[test]
fn a_section_nobody_announced_stays_silent() {
    let mut scene = Scene::new();
    let mut ann = scene.enter("ann", Mode::Single);
    ann.add(Offered::send(Kind::Video, "surprise", &[]));
    let answer = scene.offer(&mut ann);
    assert_eq!(directions(&answer)[7], Direction::Inactive);
    assert!(scene.ledger.ups.is_empty());
}

#[test]
fn the_same_name_waits_until_it_is_free() {
    let mut scene = Scene::new();
    let mut ann = scene.enter("ann", Mode::Single);
    let first = scene.add_track(&ann, Kind::Video, "cam");
    assert_eq!(scene.add_track(&ann, Kind::Video, "cam"), first);
    ann.add(Offered::send(Kind::Video, "cam", &[]));
    scene.offer(&mut ann);
    scene.clear();
    scene.ask(&ann, Asked::AddTrack(proto::AddTrackRequest { cid: "cam".into(), r#type: 1, ..Default::default() }));
    assert_eq!(scene.words(&ann), ["request_response"]);
    ann.sections[7].direction = Direction::Inactive;
    scene.offer(&mut ann);
    assert_eq!(scene.words(&ann)[0], "track_published");
}

#[test]
fn settings_choose_the_layer_even_before_the_track_is_there() {
    let mut scene = Scene::new();
    let mut ann = scene.enter("ann", Mode::Single);
    let mut bob = scene.enter_with("bob", Mode::Single, |join| {
        join.request.connection_settings.as_mut().unwrap().adaptive_stream = true;
    });
    let settings = |sid: &str, width, height, disabled| proto::UpdateTrackSettings {
        track_sids: vec![sid.into()],
        width,
        height,
        disabled,
        ..Default::default()
    };
    let early = scene.add_track(&ann, Kind::Video, "early");
    scene.ask(&bob, Asked::TrackSetting(settings(&early, 640, 360, false)));
    ann.add(Offered::send(Kind::Video, "early", &["q", "h", "f"]));
    scene.offer(&mut ann);
    let (late, _) = scene.publish(&mut ann, Kind::Video, "late");
    scene.meet_requirements(&mut bob);
    let up_to = |spatial| LayerTarget::UpTo { spatial, temporal: u8::MAX };
    let added = scene.ledger.log.iter().filter_map(|it| match it {
        Command::AddDownTrack { target, .. } => Some(*target),
        _ => None,
    });
    let mut added: Vec<_> = added.map(|it| format!("{it:?}")).collect();
    added.sort();
    assert_eq!(added, [format!("{:?}", up_to(0)), format!("{:?}", up_to(1))]);
    for (setting, target) in [
        (settings(&late, 1280, 720, false), up_to(u8::MAX)),
        (settings(&late, 1280, 720, true), LayerTarget::Off),
        (settings(&late, 100, 100, false), up_to(0)),
    ] {
        scene.ask(&bob, Asked::TrackSetting(setting));
        assert!(matches!(scene.ledger.log.last(), Some(Command::SetTarget { target: it, .. }) if *it == target));
    }
}

#[test]
fn muting_reaches_media_and_others() {
    let mut scene = Scene::new();
    let (mut ann, bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let (sid, _) = scene.publish(&mut ann, Kind::Audio, "mic");
    scene.clear();
    scene.ask(&ann, Asked::Mute(proto::MuteTrackRequest { sid: sid.clone(), muted: true }));
    assert!(matches!(scene.ledger.log[..], [Command::MuteUpTrack { muted: true, .. }]));
    assert!(scene.updates(&bob).pop().unwrap().tracks[0].muted);
    scene.ask(&ann, Asked::Mute(proto::MuteTrackRequest { sid: "TR_none".into(), muted: true }));
    assert!(scene.words(&ann).contains(&"request_response"));
}

#[test]
fn unsubscribing_ends_the_media_and_keeps_the_wish() {
    let mut scene = Scene::new();
    let (mut ann, mut bob) = (scene.enter("ann", Mode::Single), scene.enter("bob", Mode::Single));
    let (sid, _) = scene.publish(&mut ann, Kind::Audio, "mic");
    scene.meet_requirements(&mut bob);
    let subscription = |subscribe| {
        Asked::Subscription(proto::UpdateSubscription {
            track_sids: vec![sid.clone()],
            subscribe,
            participant_tracks: vec![],
        })
    };
    scene.ask(&bob, subscription(false));
    assert!(scene.ledger.downs.is_empty());
    let answer = scene.meet_requirements(&mut bob).expect("a round that silences the section");
    assert!(answer.mid_to_track_id.is_empty() && directions(&answer)[0] == Direction::Inactive);
    scene.ask(&bob, subscription(true));
    let answer = scene.meet_requirements(&mut bob).unwrap();
    assert_eq!(answer.mid_to_track_id, [("0".to_string(), sid)].into());
}

#[test]
fn malformed_descriptions_end_the_session_with_a_new_beginning() {
    for text in ["", "v=0", "nonsense", "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"] {
        let mut scene = Scene::new();
        let ann = scene.enter("ann", Mode::Single);
        scene.ask(&ann, Asked::Offer(super::scene::description("offer", text.into(), 2)));
        let leave = scene.leave_message(&ann).expect(text);
        assert_eq!((leave.action, leave.reason), (2, 6), "reconnect, state mismatch");
        assert_eq!(scene.closed, [ann.connection]);
        assert!(scene.ledger.is_empty());
    }
}

#[test]
fn a_track_without_a_common_codec_is_refused_once() {
    let mut scene = Scene::new();
    let mut ann = scene.enter("ann", Mode::Single);
    scene.publish(&mut ann, Kind::Video, "cam");
    let mut bob = scene.knock("bob", Mode::Single, |join| {
        let sdp = client::offer(&client::first_sections(), "ufbb");
        let sdp = sdp.replace("VP8/90000", "H264/90000");
        join.request.publisher_offer = Some(super::scene::description("offer", sdp, 1));
    });
    assert!(scene.words(&bob).contains(&"subscription_response"));
    scene.meet_requirements(&mut bob);
    assert!(scene.ledger.downs.is_empty());
}
