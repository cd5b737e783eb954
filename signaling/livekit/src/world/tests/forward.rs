//! A participant of one room shown in another: two worlds, and what a shell carries between them.

use std::sync::Arc;

use door::{Command, Kind, LayerTarget, Level, Notice, TrackKey};
use livekit_protocol as proto;
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;
use room::TrackSid;

use super::scene::{Client, Scene, config};
use crate::world::dynacast::PAUSE_DELAY;
use crate::world::{FOLLOWERS_MAX, Fault, FollowerId, Input, Mode, Order, Reply, WorldConfig};

const FOLLOWER: FollowerId = FollowerId(77);

/// Two rooms, ann in the first, who is followed, and her guest in the second.
struct Stage {
    home: Scene,
    ann: Client,
    away: Scene,
    guest: Client,
}

impl Stage {
    fn new() -> Self {
        let mut home = Scene::new();
        let ann = home.enter("ann", Mode::Single);
        let mut away = Scene::with(WorldConfig { room_serial: 10, room_name: "away".into(), ..config() });
        let guest = away.knock("ann", Mode::Single, |join| {
            join.request = proto::JoinRequest::default();
            join.grants.can_subscribe = false;
            join.grants.can_publish_data = false;
        });
        let mut stage = Self { home, ann, away, guest };
        let reply = stage.home.order(Order::Follow(FOLLOWER, "ann".into()));
        assert_eq!(reply, Ok(Reply::Done));
        stage.carry();
        stage
    }

    /// Carries the last portrait and all wishes across.
    fn carry(&mut self) {
        if let Some((_, Some(portrait))) = std::mem::take(&mut self.home.portraits).pop() {
            self.away.ledger.lent.extend(portrait.tracks.iter().map(|it| it.key));
            self.away.input(Input::Mirror(self.guest.connection, Arc::new(portrait)));
        }
        let wishes = self.away.take(&self.guest, |it| {
            if let Message::SubscribedQualityUpdate(it) = it { Some(it.clone()) } else { None }
        });
        for wish in wishes {
            self.home.input(Input::WantedOutside(FOLLOWER, Box::new(wish)));
        }
    }

    fn publish(&mut self, kind: Kind, cid: &str) -> (String, TrackKey) {
        let (sid, _) = self.home.publish(&mut self.ann, kind, cid);
        self.carry();
        let added = self.home.ledger.log.iter().rev().find_map(|it| match it {
            Command::AddUpTrack { track, .. } => Some(*track),
            _ => None,
        });
        (sid, added.unwrap())
    }

    /// What a client there was told last of ann.
    fn seen(&mut self, viewer: &Client) -> proto::ParticipantInfo {
        self.away.updates(viewer).into_iter().rfind(|it| it.identity == "ann").expect("news of ann")
    }

    fn wanted(&mut self) -> Vec<usize> {
        let told = |it: &Message| match it {
            Message::SubscribedQualityUpdate(it) => Some(it.subscribed_codecs[0].clone()),
            _ => None,
        };
        let told = self.home.take(&self.ann, told);
        told.iter().map(|it| it.qualities.iter().filter(|it| it.enabled).count()).collect()
    }
}

#[test]
fn tracks_flow_from_the_other_room_and_end_with_it() {
    let mut stage = Stage::new();
    let mut bob = stage.away.enter("bob", Mode::Single);
    let (sid, key) = stage.publish(Kind::Video, "cam");
    let seen = stage.seen(&bob);
    assert_eq!((seen.state, seen.is_publisher, seen.tracks.len()), (2, true, 1));
    let track = seen.tracks[0].clone();
    assert_ne!(track.sid, sid, "every room names its tracks itself");
    assert_eq!((track.mime_type.as_str(), track.width), ("video/vp8", 1280));
    stage.away.meet_requirements(&mut bob);
    let flows = |it: &Command| matches!(it, Command::AddDownTrack { track, .. } if *track == key);
    assert!(stage.away.ledger.log.iter().any(flows));
    let (second, _) = stage.publish(Kind::Audio, "mic");
    assert_eq!(stage.seen(&bob).tracks.len(), 2);
    let mid = stage.ann.sections.len() - 2;
    stage.ann.sections[mid].direction = sdp::Direction::Inactive;
    stage.home.offer(&mut stage.ann);
    stage.carry();
    let left = stage.seen(&bob).tracks;
    assert_eq!((left.len(), left[0].r#type), (1, 0), "the picture has ended, {second} stays");
    assert!(stage.away.ledger.downs.is_empty());
    let forbidden = |it: &Command| matches!(it, Command::RemoveUpTrack(_) | Command::MuteUpTrack { .. });
    assert!(!stage.away.ledger.log.iter().any(forbidden), "the track is the other room's");
    stage.home.ask(&stage.ann, Asked::Leave(proto::LeaveRequest::default()));
    assert!(matches!(stage.home.portraits.pop(), Some((FOLLOWER, None))));
    stage.away.input(Input::ConnectionClosed(stage.guest.connection));
    assert_eq!(stage.seen(&bob).state, 3);
    assert_eq!(stage.away.world.counts().publications, 0);
}

#[test]
fn a_second_look_shows_every_change() {
    let mut stage = Stage::new();
    let bob = stage.away.enter("bob", Mode::Single);
    let (sid, _) = stage.publish(Kind::Audio, "mic");
    stage.home.ask(&stage.ann, Asked::Mute(proto::MuteTrackRequest { sid: sid.clone(), muted: true }));
    let update = |attributes: &[(&str, &str)]| {
        let attributes = attributes.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let request = proto::UpdateParticipantRequest {
            identity: "ann".into(),
            name: "Ann".into(),
            attributes,
            ..Default::default()
        };
        Order::Update(Box::new(request))
    };
    stage.home.order(update(&[("a", "1"), ("b", "2")])).unwrap();
    stage.carry();
    let seen = stage.seen(&bob);
    assert_eq!((seen.name.as_str(), seen.attributes.len(), seen.tracks[0].muted), ("Ann", 2, true));
    stage.home.order(update(&[("a", "")])).unwrap();
    stage.carry();
    assert_eq!(stage.seen(&bob).attributes.keys().collect::<Vec<_>>(), ["b"]);
    stage.home.permit("ann", |it| it.hidden = true);
    stage.carry();
    assert_eq!(stage.seen(&bob).state, 3, "who hides there hides here");
}

#[test]
fn what_is_watched_there_is_not_paused_here() {
    let mut stage = Stage::new();
    let mut bob = stage.away.enter("bob", Mode::Single);
    stage.publish(Kind::Video, "cam");
    stage.away.meet_requirements(&mut bob);
    stage.carry();
    stage.wanted();
    stage.home.advance(PAUSE_DELAY);
    assert!(stage.wanted().is_empty(), "nobody watches here, bob does there");
    let here = stage.away.world.tracks.keys().next().unwrap().to_string();
    let small = proto::UpdateTrackSettings { track_sids: vec![here], quality: 0, ..Default::default() };
    stage.away.ask(&bob, Asked::TrackSetting(small));
    stage.away.advance(PAUSE_DELAY);
    stage.carry();
    stage.home.advance(PAUSE_DELAY);
    assert_eq!(stage.wanted(), [1]);
    stage.home.input(Input::Unfollow(FOLLOWER));
    stage.home.advance(PAUSE_DELAY);
    assert_eq!(stage.wanted(), [0]);
}

#[test]
fn muted_there_it_is_silent_only_there() {
    let mut stage = Stage::new();
    let mut bob = stage.away.enter("bob", Mode::Single);
    stage.publish(Kind::Audio, "mic");
    stage.away.meet_requirements(&mut bob);
    let here = stage.away.world.tracks.keys().next().cloned().unwrap();
    stage.away.ledger.log.clear();
    for (muted, wanted) in [(true, LayerTarget::Off), (false, LayerTarget::BEST)] {
        stage.away.order(Order::Mute { identity: "ann".into(), track: here.clone(), muted }).unwrap();
        let last = stage.away.ledger.log.iter().rev().find_map(|it| match it {
            Command::SetTarget { target, .. } => Some(*target),
            _ => None,
        });
        assert_eq!(last, Some(wanted));
    }
    assert!(!stage.away.ledger.log.iter().any(|it| matches!(it, Command::MuteUpTrack { .. })));
}

#[test]
fn who_speaks_there_is_heard_here() {
    let mut stage = Stage::new();
    let mut bob = stage.away.enter("bob", Mode::Single);
    let (_, key) = stage.publish(Kind::Audio, "mic");
    stage.away.meet_requirements(&mut bob);
    let loud = Level { track: key, dbov: 10, active_percent: 90 };
    stage.away.input(Input::Media(Notice::Levels(vec![loud])));
    let told = stage
        .away
        .take(&bob, |it| if let Message::SpeakersChanged(it) = it { Some(it.speakers.clone()) } else { None });
    assert_eq!(told.concat().iter().map(|it| it.active).collect::<Vec<_>>(), [true]);
}

#[test]
fn followers_are_limited_and_nobody_is_followed_who_is_not_there() {
    let mut stage = Stage::new();
    assert_eq!(stage.home.order(Order::Follow(FollowerId(1), "eve".into())), Err(Fault::ParticipantMissing));
    for id in 1..FOLLOWERS_MAX {
        let id = FollowerId(u64::try_from(id).unwrap());
        assert_eq!(stage.home.order(Order::Follow(id, "ann".into())), Ok(Reply::Done));
    }
    let one_more = stage.home.order(Order::Follow(FollowerId(99), "ann".into()));
    assert_eq!(one_more, Err(Fault::TooManyForwards(FOLLOWERS_MAX)));
    stage.home.input(Input::Unfollow(FollowerId(1)));
    assert_eq!(stage.home.order(Order::Follow(FollowerId(99), "ann".into())), Ok(Reply::Done));
    // What is wanted of a track that is not hers counts for nothing.
    let wish = proto::SubscribedQualityUpdate { track_sid: TrackSid::new("TR_x").to_string(), ..Default::default() };
    stage.home.input(Input::WantedOutside(FOLLOWER, Box::new(wish)));
}
