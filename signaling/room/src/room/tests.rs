//! What a room decides, in words.
#![allow(clippy::disallowed_methods)] // A test needs some instant to begin with.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::*;
use crate::publication::{Allowed, Audience, Kind, TrackRequest};
use crate::{Effect, Grants, LeaveReason, Newcomer, ParticipantKind, Settings, Source, State};

struct Scene {
    room: Room,
    now: Instant,
    rng: StdRng,
}

impl Scene {
    fn new() -> Self {
        let (now, mut rng) = (Instant::now(), StdRng::seed_from_u64(7));
        let limits =
            RoomLimits { wishes_max: 4, pending_publications_max: 2, publications_max: 3, ..RoomLimits::default() };
        let (empty_timeout, departure_timeout) = (Duration::from_secs(300), Duration::from_secs(20));
        let room = Room::new(RoomSettings { limits, empty_timeout, departure_timeout }, now, &mut rng);
        Self { room, now, rng }
    }

    fn newcomer(identity: &str) -> Newcomer {
        Newcomer {
            identity: identity.into(),
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            kind: ParticipantKind::Standard,
            grants: Grants { can_update_metadata: true, ..Grants::default() },
            auto_subscribe: true,
        }
    }

    fn enter(&mut self, newcomer: Newcomer) -> ParticipantSid {
        let sid = self.room.join(newcomer, self.now, 0, &mut self.rng).unwrap();
        self.room.answered(&sid);
        self.room.activate(&sid);
        sid
    }

    fn join(&mut self, identity: &str) -> ParticipantSid {
        self.enter(Self::newcomer(identity))
    }

    fn request(&mut self, publisher: &ParticipantSid) -> Result<TrackSid, PublishError> {
        let (kind, source, name) = (Kind::Video, Source::Camera, String::new());
        let request = TrackRequest { kind, source, name, muted: false, width: 0, height: 0, layers: vec![] };
        self.room.request_publication(publisher, request, &mut self.rng)
    }

    fn publish(&mut self, publisher: &ParticipantSid) -> TrackSid {
        let track = self.request(publisher).unwrap();
        self.room.announce(&track);
        track
    }

    /// One word per effect, with the identity it is about.
    fn effects(&mut self) -> Vec<String> {
        let mut words = Vec::new();
        while let Some(effect) = self.room.poll() {
            let who = |room: &Room, sid: &ParticipantSid| {
                room.participant(sid).map_or_else(|| "?".into(), |it| it.identity.clone())
            };
            words.push(match effect {
                Effect::Changed(sid) => format!("changed {}", who(&self.room, &sid)),
                Effect::Left { participant, reason, replaced } => {
                    format!("left {} {reason:?}{}", participant.identity, if replaced { " replaced" } else { "" })
                }
                Effect::Published(_) => "published".into(),
                Effect::Unpublished(_) => "unpublished".into(),
                Effect::Withdrawn { publisher, .. } => format!("withdrawn {}", who(&self.room, &publisher)),
                Effect::Vanished(sid) => format!("vanished {}", who(&self.room, &sid)),
                Effect::Muted { muted, .. } => format!("muted {muted}"),
                Effect::Subscribed { subscriber, .. } => format!("subscribed {}", who(&self.room, &subscriber)),
                Effect::Unsubscribed { subscriber, .. } => format!("unsubscribed {}", who(&self.room, &subscriber)),
                Effect::Settled { subscriber, .. } => format!("settled {}", who(&self.room, &subscriber)),
                Effect::FirstSubscribed(_) => "first".into(),
                Effect::Allowed { subscriber, allowed, .. } => {
                    format!("allowed {} {allowed}", who(&self.room, &subscriber))
                }
                Effect::Missing { subscriber, .. } => format!("missing {}", who(&self.room, &subscriber)),
                Effect::Finished => "finished".into(),
            });
        }
        words
    }
}

#[test]
fn a_track_reaches_others_after_its_publisher_changed() {
    let mut scene = Scene::new();
    let (ann, _bob) = (scene.join("ann"), scene.join("bob"));
    scene.effects();
    let track = scene.request(&ann).unwrap();
    assert_eq!(scene.effects(), Vec::<String>::new());
    scene.room.announce(&track);
    assert_eq!(scene.effects(), ["changed ann", "published", "subscribed bob"]);
    scene.room.announce(&track);
    assert!(scene.effects().is_empty());
    scene.room.unpublish(&track);
    assert_eq!(scene.effects(), ["unsubscribed bob", "unpublished", "changed ann"]);
}

#[test]
fn a_latecomer_receives_what_is_there() {
    let mut scene = Scene::new();
    let ann = scene.join("ann");
    scene.publish(&ann);
    scene.effects();
    let bob = scene.room.join(Scene::newcomer("bob"), scene.now, 0, &mut scene.rng).unwrap();
    assert!(scene.effects().is_empty());
    scene.room.answered(&bob);
    assert_eq!(scene.effects(), ["changed bob", "subscribed bob"]);
}

#[test]
fn the_newest_session_of_an_identity_wins() {
    let mut scene = Scene::new();
    let (first, bob) = (scene.join("ann"), scene.join("bob"));
    scene.publish(&bob);
    scene.publish(&first);
    scene.effects();
    let second = scene.join("ann");
    assert_ne!(first, second);
    let effects = scene.effects();
    assert!(effects.contains(&"left ann DuplicateIdentity replaced".into()), "{effects:?}");
    assert_eq!(scene.room.len(), 2);
    assert_eq!(scene.room.by_identity("ann").unwrap().sid, second);
    assert_eq!(scene.room.publications().count(), 1);
}

#[test]
fn wishes_and_settings_hold_before_the_track_is_there() {
    let mut scene = Scene::new();
    let ann = scene.join("ann");
    let bob = scene.enter(Newcomer { auto_subscribe: false, ..Scene::newcomer("bob") });
    let eve = scene.join("eve");
    let track = scene.request(&ann).unwrap();
    scene.room.wish(&bob, &track, true, scene.now);
    scene.room.wish(&eve, &track, false, scene.now);
    let settings = Settings { width: 320, height: 180, ..Settings::default() };
    scene.room.settle(&bob, &track, settings);
    scene.effects();
    scene.room.announce(&track);
    assert_eq!(scene.effects(), ["changed ann", "published", "subscribed bob"]);
    assert_eq!(scene.room.participant(&bob).unwrap().settings(&track), settings);
    scene.room.settle(&bob, &track, settings);
    assert!(scene.effects().is_empty());
    scene.room.settle(&bob, &track, Settings { disabled: true, ..settings });
    assert_eq!(scene.effects(), ["settled bob"]);
}

#[test]
fn a_missing_track_is_reported_once() {
    let mut scene = Scene::new();
    let bob = scene.join("bob");
    scene.effects();
    let nothing = TrackSid::new("TR_nothing");
    scene.room.wish(&bob, &nothing, true, scene.now);
    scene.room.wish(&bob, &nothing, true, scene.now + Duration::from_secs(1));
    scene.room.tick(scene.now + WISH_TIMEOUT);
    assert!(scene.effects().is_empty());
    scene.room.tick(scene.now + WISH_TIMEOUT + Duration::from_secs(1));
    assert_eq!(scene.effects(), ["missing bob"]);
    scene.room.tick(scene.now + WISH_TIMEOUT * 3);
    assert!(scene.effects().is_empty());
}

#[test]
fn what_is_remembered_has_a_limit() {
    let mut scene = Scene::new();
    let bob = scene.join("bob");
    for index in 0..4 {
        assert!(scene.room.wish(&bob, &TrackSid::new(&format!("TR_{index}")), true, scene.now));
        assert!(scene.room.settle(&bob, &TrackSid::new(&format!("TR_{index}")), Settings::default()));
    }
    assert!(!scene.room.wish(&bob, &TrackSid::new("TR_more"), true, scene.now));
    assert!(!scene.room.settle(&bob, &TrackSid::new("TR_more"), Settings::default()));
    assert!(scene.room.wish(&bob, &TrackSid::new("TR_1"), false, scene.now));
    let audience: BTreeMap<_, _> = (0..=crate::limits::AUDIENCE_MAX).map(|it| (it.to_string(), Allowed::All)).collect();
    assert!(!scene.room.set_audience(&bob, Audience { everyone: false, by_identity: audience }));
}

#[test]
fn publications_need_a_grant_and_have_limits() {
    let mut scene = Scene::new();
    let mut newcomer = Scene::newcomer("mute");
    newcomer.grants.can_publish_sources.insert(Source::Microphone);
    let mute = scene.enter(newcomer);
    assert_eq!(scene.request(&mute), Err(PublishError::NotAllowed));
    let ann = scene.join("ann");
    scene.request(&ann).unwrap();
    scene.request(&ann).unwrap();
    assert_eq!(scene.request(&ann), Err(PublishError::TooManyPending));
    let pending: Vec<_> = scene.room.participant(&ann).unwrap().publications.clone();
    pending.iter().for_each(|it| scene.room.announce(it));
    scene.publish(&ann);
    assert_eq!(scene.request(&ann), Err(PublishError::TooMany));
}

#[test]
fn rights_taken_end_what_they_allowed() {
    let mut scene = Scene::new();
    let (ann, bob) = (scene.join("ann"), scene.join("bob"));
    scene.publish(&ann);
    scene.effects();
    scene.room.set_grants(&bob, Grants { can_subscribe: false, ..Grants::default() }, scene.now);
    assert_eq!(scene.effects(), ["changed bob", "unsubscribed bob"]);
    scene.room.set_grants(&bob, Grants::default(), scene.now);
    assert_eq!(scene.effects(), ["changed bob", "subscribed bob"]);
    scene.room.set_grants(&ann, Grants { can_publish: false, ..Grants::default() }, scene.now);
    assert_eq!(scene.effects(), ["changed ann", "withdrawn ann", "unsubscribed bob", "unpublished", "changed ann"]);
}

#[test]
fn a_publisher_chooses_its_audience() {
    let mut scene = Scene::new();
    let (ann, bob) = (scene.join("ann"), scene.join("bob"));
    let track = scene.publish(&ann);
    scene.effects();
    let nobody = Audience { everyone: false, by_identity: BTreeMap::new() };
    scene.room.set_audience(&ann, nobody);
    assert_eq!(scene.effects(), ["allowed bob false", "unsubscribed bob"]);
    let one = BTreeMap::from([("bob".to_string(), Allowed::Tracks([track.clone()].into()))]);
    scene.room.set_audience(&ann, Audience { everyone: false, by_identity: one });
    assert_eq!(scene.effects(), ["allowed bob true", "subscribed bob"]);
    scene.room.attached(&bob, &track);
    scene.room.attached(&bob, &track);
    assert_eq!(scene.effects(), ["first"]);
}

#[test]
fn hidden_tracks_reach_nobody() {
    let mut scene = Scene::new();
    scene.join("bob");
    let mut newcomer = Scene::newcomer("ghost");
    newcomer.grants.hidden = true;
    let ghost = scene.enter(newcomer);
    scene.publish(&ghost);
    assert!(scene.effects().iter().all(|it| !it.starts_with("subscribed")));
}

#[test]
fn a_profile_changes_only_by_right_and_within_limits() {
    let mut scene = Scene::new();
    let ann = scene.join("ann");
    scene.effects();
    let version = scene.room.participant(&ann).unwrap().version;
    let attributes = BTreeMap::from([("a".to_string(), "1".to_string()), ("gone".to_string(), String::new())]);
    scene.room.update_profile(&ann, "Ann", "", &attributes).unwrap();
    let participant = scene.room.participant(&ann).unwrap();
    assert_eq!((participant.name.as_str(), participant.version), ("Ann", version + 1));
    assert_eq!(participant.attributes.len(), 1);
    let long = "x".repeat(crate::limits::METADATA_BYTES_MAX + 1);
    assert_eq!(scene.room.update_profile(&ann, "", &long, &attributes), Err(ProfileError::MetadataTooLong));
    assert_eq!(scene.room.update_profile(&ann, &long, "", &attributes), Err(ProfileError::NameTooLong));
    let big = BTreeMap::from([("k".to_string(), long)]);
    assert_eq!(scene.room.update_profile(&ann, "", "", &big), Err(ProfileError::AttributesTooLong));
    scene.room.set_grants(&ann, Grants::default(), scene.now);
    assert_eq!(scene.room.update_profile(&ann, "", "m", &attributes), Err(ProfileError::NotAllowed));
}

#[test]
fn a_full_room_lets_only_programs_and_returners_in() {
    let mut scene = Scene::new();
    scene.room.settings.limits.participants_max = 1;
    scene.join("ann");
    let bob = scene.room.join(Scene::newcomer("bob"), scene.now, 0, &mut scene.rng);
    assert_eq!(bob, Err(JoinError::Full));
    scene.enter(Newcomer { kind: ParticipantKind::Agent, ..Scene::newcomer("agent") });
    scene.join("ann");
    assert_eq!(scene.room.len(), 2);
    let nameless = scene.room.join(Scene::newcomer(""), scene.now, 0, &mut scene.rng);
    assert_eq!(nameless, Err(JoinError::IdentityEmpty));
    let long = scene.room.join(Scene::newcomer(&"x".repeat(257)), scene.now, 0, &mut scene.rng);
    assert_eq!(long, Err(JoinError::TooLarge));
}

#[test]
fn who_never_gets_media_up_is_removed() {
    let mut scene = Scene::new();
    let ann = scene.room.join(Scene::newcomer("ann"), scene.now, 0, &mut scene.rng).unwrap();
    scene.room.answered(&ann);
    scene.join("bob");
    scene.effects();
    assert_eq!(scene.room.deadline(), Some(scene.now + JOIN_TIMEOUT));
    scene.room.tick(scene.now + JOIN_TIMEOUT);
    assert_eq!(scene.effects(), ["left ann JoinFailure"]);
    assert_eq!(scene.room.participants().next().unwrap().state, State::Active);
}

#[test]
fn an_empty_room_ends() {
    let mut scene = Scene::new();
    scene.room.tick(scene.now + Duration::from_secs(299));
    let ann = scene.join("ann");
    scene.room.tick(scene.now + Duration::from_secs(301));
    assert!(!scene.room.is_finished());
    scene.enter(Newcomer { kind: ParticipantKind::Agent, ..Scene::newcomer("agent") });
    scene.effects();
    let left = scene.now + Duration::from_secs(400);
    scene.room.leave(&ann, LeaveReason::ClientInitiated, left);
    scene.room.tick(left + Duration::from_secs(19));
    assert!(!scene.room.is_finished());
    scene.room.tick(left + Duration::from_secs(20));
    assert_eq!(scene.effects(), ["left ann ClientInitiated", "left agent RoomClosed", "finished"]);
    assert!(scene.room.is_finished());
    assert_eq!(scene.room.deadline(), None);
    let late = scene.room.join(Scene::newcomer("late"), left, 0, &mut scene.rng);
    assert_eq!(late, Err(JoinError::Finished));
}

#[test]
fn muting_is_told_once_and_only_by_the_owner() {
    let mut scene = Scene::new();
    let (ann, bob) = (scene.join("ann"), scene.join("bob"));
    let track = scene.publish(&ann);
    scene.effects();
    assert!(scene.room.mute(&ann, &track, true));
    assert!(scene.room.mute(&ann, &track, true));
    assert_eq!(scene.effects(), ["muted true", "changed ann"]);
    assert!(!scene.room.mute(&bob, &track, false));
    assert!(scene.room.resize(&ann, &track, 640, 360));
    assert!(!scene.room.resize(&bob, &track, 1, 1));
}

#[test]
fn rights_that_stay_change_nothing() {
    let mut scene = Scene::new();
    let ann = scene.join("ann");
    scene.effects();
    let same = scene.room.participant(&ann).unwrap().grants.clone();
    assert!(!scene.room.set_grants(&ann, same, scene.now));
    assert!(scene.effects().is_empty());
}

#[test]
fn only_the_sources_that_lost_their_right_end() {
    let mut scene = Scene::new();
    let (ann, _bob) = (scene.join("ann"), scene.join("bob"));
    let camera = scene.publish(&ann);
    let request = TrackRequest {
        kind: Kind::Audio,
        source: Source::Microphone,
        name: String::new(),
        muted: false,
        width: 0,
        height: 0,
        layers: vec![],
    };
    let microphone = scene.room.request_publication(&ann, request, &mut scene.rng).unwrap();
    scene.room.announce(&microphone);
    scene.effects();
    let speaks = Grants { can_publish_sources: [Source::Microphone].into(), ..Grants::default() };
    assert!(scene.room.set_grants(&ann, speaks, scene.now));
    assert_eq!(scene.effects(), ["changed ann", "withdrawn ann", "unsubscribed bob", "unpublished", "changed ann"]);
    assert!(scene.room.publication(&camera).is_none());
    assert!(scene.room.publication(&microphone).is_some());
    assert_eq!(scene.request(&ann), Err(PublishError::NotAllowed));
}

#[test]
fn who_is_hidden_vanishes_and_comes_back() {
    let mut scene = Scene::new();
    let (ann, _bob) = (scene.join("ann"), scene.join("bob"));
    scene.publish(&ann);
    scene.effects();
    scene.room.set_grants(&ann, Grants { hidden: true, ..Grants::default() }, scene.now);
    assert_eq!(scene.effects(), ["changed ann", "unsubscribed bob", "vanished ann"]);
    scene.room.set_grants(&ann, Grants::default(), scene.now);
    assert_eq!(scene.effects(), ["changed ann", "subscribed bob"]);
}

#[test]
fn an_administrator_needs_no_right_to_amend_a_profile() {
    let mut scene = Scene::new();
    let ann = scene.enter(Newcomer { grants: Grants::default(), ..Scene::newcomer("ann") });
    scene.effects();
    let attributes = BTreeMap::from([("a".to_string(), "1".to_string())]);
    scene.room.amend_profile(&ann, "", "m", &attributes).unwrap();
    assert_eq!(scene.effects(), ["changed ann"]);
    scene.room.amend_profile(&ann, "", "", &BTreeMap::new()).unwrap();
    assert!(scene.effects().is_empty(), "nothing was said");
    let gone = BTreeMap::from([("a".to_string(), String::new())]);
    scene.room.amend_profile(&ann, "Ann", "", &gone).unwrap();
    let participant = scene.room.participant(&ann).unwrap();
    assert_eq!((participant.name.as_str(), participant.metadata.as_str()), ("Ann", "m"));
    assert!(participant.attributes.is_empty());
    let long = "x".repeat(crate::limits::METADATA_BYTES_MAX + 1);
    assert_eq!(scene.room.amend_profile(&ann, "", &long, &gone), Err(ProfileError::MetadataTooLong));
    assert_eq!(scene.room.amend_profile(&ParticipantSid::new("PA_x"), "", "", &gone), Err(ProfileError::NotThere));
}

#[test]
fn timeouts_count_from_the_beginning_of_the_wait() {
    let mut scene = Scene::new();
    let (begun, seconds) = (scene.now, Duration::from_secs);
    scene.room.set_timeouts(seconds(10), seconds(5));
    assert_eq!(scene.room.deadline(), Some(begun + seconds(10)));
    let ann = scene.join("ann");
    scene.room.set_timeouts(seconds(20), seconds(7));
    let left = begun + seconds(100);
    scene.room.leave(&ann, LeaveReason::ClientInitiated, left);
    assert_eq!(scene.room.deadline(), Some(left + seconds(7)));
    scene.room.set_timeouts(seconds(20), seconds(3));
    scene.room.tick(left + seconds(3));
    assert!(scene.room.is_finished());
}

#[test]
fn who_becomes_a_recorder_keeps_no_room_alive() {
    let mut scene = Scene::new();
    let ann = scene.join("ann");
    scene.room.set_grants(&ann, Grants { recorder: true, ..Grants::default() }, scene.now);
    assert_eq!(scene.room.deadline(), Some(scene.now + Duration::from_secs(20)));
    scene.room.set_grants(&ann, Grants::default(), scene.now);
    assert_eq!(scene.room.deadline(), Some(scene.now + JOIN_TIMEOUT), "only its join is watched");
}
