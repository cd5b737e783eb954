//! Lives of calls: told as stories, and by chance.

use proptest::prelude::*;

use super::*;
use crate::{builtin_types, media_grants};

const NOW: u64 = 1_800_000_000_000;

fn user(name: &str) -> UserId {
    UserId::new(name).unwrap()
}

fn actor(name: &str, role: Role) -> Actor {
    Actor { user: user(name), role }
}

/// A call of a type, made by the back end for hana, who is its host.
fn call(kind: &str, change: impl FnOnce(&mut Draft)) -> (Call, CallType) {
    let kind_ = builtin_types().remove(kind).unwrap();
    let mut draft = Draft {
        created_by: user("hana"),
        members: BTreeMap::new(),
        starts_at_ms: None,
        settings: kind_.settings.clone(),
    };
    change(&mut draft);
    let call = Call::new(CallId::new(kind, "one").unwrap(), draft, &kind_, &actor("backend", Role::admin()));
    (call.unwrap(), kind_)
}

fn one(capability: Capability) -> Capabilities {
    [capability].into_iter().collect()
}

#[test]
fn not_every_role_makes_calls() {
    for (kind, role, made) in [
        ("default", Role::user(), true),
        ("default", Role::viewer(), false),
        ("livestream", Role::user(), false),
        ("livestream", Role::admin(), true),
    ] {
        let kind_ = &builtin_types()[kind];
        let settings = kind_.settings.clone();
        let draft = Draft { created_by: user("ann"), members: BTreeMap::new(), starts_at_ms: None, settings };
        let call = Call::new(CallId::new(kind, "one").unwrap(), draft, kind_, &actor("ann", role));
        assert_eq!(call.is_ok(), made, "{kind}");
    }
}

#[test]
fn viewers_wait_until_a_livestream_is_live() {
    let (mut call, kind) = call("livestream", |_| {});
    let (host, viewer) = (actor("hana", Role::user()), actor("vik", Role::viewer()));
    assert_eq!(call.phase(), Phase::Backstage);
    assert_eq!(call.admit(&kind, &viewer, 0, NOW), Err(Fault::PeerBackstage));
    assert!(call.admit(&kind, &host, 0, NOW).unwrap().has(Capability::SendVideo));
    assert_eq!(call.go_live(&kind, &viewer), Err(Fault::PeerForbidden(Capability::GoLive)));
    assert_eq!(call.go_live(&kind, &host), Ok(vec![CallEvent::WentLive]));
    assert_eq!(call.go_live(&kind, &host), Ok(vec![]));
    let seen = call.admit(&kind, &viewer, 1, NOW).unwrap();
    assert!(!media_grants(seen, call.settings()).can_publish);
    assert_eq!(call.stop_live(&kind, &host), Ok(vec![CallEvent::StoppedLive]));
    assert_eq!(call.admit(&kind, &viewer, 1, NOW), Err(Fault::PeerBackstage));
    assert_eq!(call.end(&kind, &host), Ok(vec![CallEvent::Ended]));
    for fault in [call.admit(&kind, &host, 0, NOW).map(drop), call.go_live(&kind, &host).map(drop)] {
        assert_eq!(fault, Err(Fault::PeerEnded));
    }
}

#[test]
fn a_planned_call_opens_ahead_of_its_start() {
    let (mut call, kind) = call("default", |draft| {
        draft.settings.backstage = crate::Backstage { enabled: true, join_ahead_s: 60 };
        draft.starts_at_ms = Some(NOW + 120_000);
    });
    let guest = actor("gus", Role::user());
    assert_eq!(call.admit(&kind, &guest, 0, NOW + 59_999), Err(Fault::PeerBackstage));
    assert!(call.admit(&kind, &guest, 0, NOW + 60_000).is_ok());
}

#[test]
fn a_listener_is_given_the_floor_and_loses_it() {
    let (mut call, kind) = call("audio_room", |_| {});
    let (host, lea) = (actor("hana", Role::user()), actor("lea", Role::user()));
    let voice = one(Capability::SendAudio);
    call.go_live(&kind, &host).unwrap();
    let speaks = |call: &Call| media_grants(call.capabilities(&kind, &lea), call.settings()).can_publish;
    assert!(!speaks(&call));
    let asked = vec![CallEvent::PermissionRequested(lea.user.clone(), voice)];
    assert_eq!(call.request(&kind, &lea, voice), Ok(asked));
    assert_eq!(call.request(&kind, &lea, voice), Ok(vec![]));
    let wrong = call.update_permissions(&kind, &lea, &lea.user, voice, Capabilities::default());
    assert_eq!(wrong, Err(Fault::PeerForbidden(Capability::UpdatePermissions)));
    let changed = vec![CallEvent::PermissionsChanged(lea.user.clone())];
    let given = call.update_permissions(&kind, &host, &lea.user, voice, Capabilities::default());
    assert_eq!((given, speaks(&call)), (Ok(changed.clone()), true));
    let taken = call.update_permissions(&kind, &host, &lea.user, Capabilities::default(), voice);
    assert_eq!((taken, speaks(&call)), (Ok(changed), false));
    // Asking again is asking anew; what has been taken already can be declined all the same.
    assert_eq!(call.request(&kind, &lea, voice).unwrap().len(), 1);
    let declined = call.update_permissions(&kind, &host, &lea.user, Capabilities::default(), voice);
    assert_eq!(declined, Ok(vec![CallEvent::RequestWithdrawn(lea.user.clone(), voice)]));
    assert!(call.requests().is_empty());
}

#[test]
fn a_raised_hand_is_lowered_by_its_owner_or_a_host() {
    let (mut call, kind) = call("audio_room", |_| {});
    let (host, lea, bob) = (actor("hana", Role::user()), actor("lea", Role::user()), actor("bob", Role::user()));
    let (voice, chat) = (one(Capability::SendAudio), one(Capability::SendChat));
    call.go_live(&kind, &host).unwrap();
    for by in [&lea, &host] {
        call.request(&kind, &lea, voice).unwrap();
        let before = call.capabilities(&kind, &lea);
        assert_eq!(call.withdraw(&kind, by, &lea.user, chat), Ok(vec![]));
        let lowered = vec![CallEvent::RequestWithdrawn(lea.user.clone(), voice)];
        assert_eq!(call.withdraw(&kind, by, &lea.user, voice.with(chat)), Ok(lowered));
        assert_eq!(call.withdraw(&kind, by, &lea.user, voice), Ok(vec![]));
        assert!(call.requests().is_empty() && call.capabilities(&kind, &lea) == before);
    }
    let others = Err(Fault::PeerForbidden(Capability::UpdatePermissions));
    assert_eq!(call.withdraw(&kind, &bob, &lea.user, voice), others);
    call.block(&kind, &host, &bob.user).unwrap();
    assert_eq!(call.withdraw(&kind, &bob, &bob.user, voice), Err(Fault::PeerForbidden(Capability::RequestPermissions)));
    call.end(&kind, &host).unwrap();
    assert_eq!(call.withdraw(&kind, &lea, &lea.user, voice), Err(Fault::PeerEnded));
}

#[test]
fn only_some_things_can_be_lent() {
    let (mut call, kind) = call("audio_room", |_| {});
    let (host, lea) = (actor("hana", Role::user()), actor("lea", Role::user()));
    for capability in [Capability::EndCall, Capability::SendVideo, Capability::UpdatePermissions] {
        let fault = Err(Fault::PeerNotLendable(capability));
        assert_eq!(call.request(&kind, &lea, one(capability)), fault);
        assert_eq!(call.update_permissions(&kind, &host, &lea.user, one(capability), Capabilities::default()), fault);
    }
}

#[test]
fn who_is_blocked_stays_out_whatever_its_role() {
    let (mut call, kind) = call("default", |draft| _ = draft.members.insert(user("mia"), Role::host()));
    let (host, mia) = (actor("hana", Role::user()), actor("mia", Role::user()));
    assert!(call.capabilities(&kind, &mia).has(Capability::EndCall));
    assert_eq!(call.block(&kind, &host, &mia.user), Ok(vec![CallEvent::Blocked(mia.user.clone())]));
    assert_eq!(call.admit(&kind, &mia, 0, NOW), Err(Fault::PeerBlocked));
    assert_eq!(call.end(&kind, &mia), Err(Fault::PeerForbidden(Capability::EndCall)));
    assert_eq!(call.unblock(&kind, &host, &mia.user), Ok(vec![CallEvent::Unblocked(mia.user.clone())]));
    assert!(call.admit(&kind, &mia, 0, NOW).is_ok());
    assert_eq!(call.block(&kind, &mia, &host.user), Err(Fault::PeerCreator));
}

#[test]
fn members_have_the_roles_that_the_call_gives_them() {
    let (mut call, kind) = call("livestream", |_| {});
    let (host, ben, boss) = (actor("hana", Role::user()), actor("ben", Role::user()), actor("boss", Role::admin()));
    assert!(!call.capabilities(&kind, &ben).has(Capability::SendVideo));
    let put = |name: &str, role: Role| BTreeMap::from([(user(name), role)]);
    let changed = call.set_members(&kind, &host, put("ben", Role::host()), &BTreeSet::new());
    assert_eq!(changed, Ok(vec![CallEvent::MembersChanged(vec![ben.user.clone()])]));
    assert!(call.capabilities(&kind, &ben).has(Capability::SendVideo));
    assert_eq!(call.set_members(&kind, &host, put("ben", Role::host()), &BTreeSet::new()), Ok(vec![]));
    call.set_members(&kind, &host, put("boss", Role::viewer()), &BTreeSet::new()).unwrap();
    assert!(call.capabilities(&kind, &boss).has(Capability::EndCall), "an admin stays one");
    for (put, remove) in
        [(BTreeMap::new(), BTreeSet::from([user("hana")])), (put("hana", Role::viewer()), BTreeSet::new())]
    {
        assert_eq!(call.set_members(&kind, &ben, put, &remove), Err(Fault::PeerCreator));
    }
    let crowd = (0..MEMBERS_MAX).map(|index| (user(&format!("u{index}")), Role::viewer())).collect();
    assert_eq!(call.set_members(&kind, &host, crowd, &BTreeSet::new()), Err(Fault::PeerTooMany));
}

#[test]
fn calls_are_full_and_end_by_themselves() {
    let (mut call, kind) =
        call("default", |draft| draft.settings.limits = crate::Limits { max_duration_s: 60, max_participants: 2 });
    let ann = actor("ann", Role::user());
    assert_eq!(call.deadline_ms(), None);
    assert!(call.admit(&kind, &ann, 1, NOW).is_ok());
    assert_eq!(call.admit(&kind, &ann, 2, NOW), Err(Fault::PeerFull));
    assert_eq!(call.deadline_ms(), Some(NOW + 60_000));
    assert_eq!(call.tick(NOW + 59_999), vec![]);
    assert_eq!(call.tick(NOW + 60_000), vec![CallEvent::Ended]);
    assert_eq!((call.tick(NOW + 99_999), call.deadline_ms()), (vec![], None));
}

#[test]
fn requests_are_limited() {
    let (mut call, kind) = call("audio_room", |_| {});
    let voice = one(Capability::SendAudio);
    for index in 0..REQUESTS_MAX {
        assert!(call.request(&kind, &actor(&format!("u{index}"), Role::user()), voice).is_ok());
    }
    assert_eq!(call.request(&kind, &actor("late", Role::user()), voice), Err(Fault::PeerTooMany));
}

#[test]
fn a_call_behaves_as_it_is_told() {
    let (mut call, kind) = call("livestream", |_| {});
    let (host, ben) = (actor("hana", Role::user()), actor("ben", Role::user()));
    let mut settings = call.settings().clone();
    settings.chat.slow_mode_s = 5;
    assert_eq!(
        call.update(&kind, &ben, Some(settings.clone()), None),
        Err(Fault::PeerForbidden(Capability::UpdateCall))
    );
    assert_eq!(call.update(&kind, &host, Some(settings.clone()), Some(Some(NOW))), Ok(vec![CallEvent::Updated]));
    assert_eq!((call.settings().chat.slow_mode_s, call.starts_at_ms(), call.phase()), (5, Some(NOW), Phase::Backstage));
    settings.backstage.enabled = false;
    let events = call.update(&kind, &host, Some(settings), None);
    assert_eq!(events, Ok(vec![CallEvent::Updated, CallEvent::WentLive]));
    assert_eq!((call.starts_at_ms(), call.phase()), (Some(NOW), Phase::Live));
}

#[test]
fn who_comes_ahead_of_time_receives_nothing_yet() {
    let (mut call, kind) = call("livestream", |draft| {
        draft.settings.backstage.join_ahead_s = 60;
        draft.starts_at_ms = Some(NOW);
    });
    let (host, vik) = (actor("hana", Role::user()), actor("vik", Role::viewer()));
    assert!(call.admit(&kind, &vik, 0, NOW).is_ok());
    assert!(!call.media(&kind, &vik).can_subscribe && call.media(&kind, &host).can_subscribe);
    call.go_live(&kind, &host).unwrap();
    assert!(call.media(&kind, &vik).can_subscribe);
}

fn capability() -> impl Strategy<Value = Capability> {
    (0..Capability::ALL.len()).prop_map(|index| Capability::ALL[index])
}

proptest! {
    /// Whatever anybody tries: rights come only from roles and from those who may lend them, and what is over stays over.
    #[test]
    fn nobody_helps_himself(
        kind in prop_oneof![Just("default"), Just("audio_room"), Just("livestream")],
        steps in proptest::collection::vec((0..9_u8, 0..4_usize, 0..4_usize, capability()), 1..120),
    ) {
        let (mut call, kind) = call(kind, |_| {});
        let people =
            [actor("hana", Role::user()), actor("ben", Role::user()), actor("vik", Role::viewer()), actor("eve", Role::viewer())];
        for (step, who, whom, what) in steps {
            let (who, whom) = (&people[who], &people[whom]);
            let before: Vec<_> = people.iter().map(|it| call.capabilities(&kind, it)).collect();
            let mine = call.capabilities(&kind, who);
            let phase = call.phase();
            let needs = match step {
                0 => Capability::GoLive,
                1 => Capability::GoLive,
                2 if what == Capability::EndCall => Capability::EndCall,
                2 | 3 => Capability::RequestPermissions,
                4 | 5 => Capability::UpdatePermissions,
                6 | 7 => Capability::BlockUsers,
                _ => Capability::UpdateMembers,
            };
            let done = match step {
                0 => call.go_live(&kind, who),
                1 => call.stop_live(&kind, who),
                2 if what == Capability::EndCall => call.end(&kind, who),
                2 | 3 => call.request(&kind, who, one(what)),
                4 => call.update_permissions(&kind, who, &whom.user, one(what), Capabilities::default()),
                5 => call.update_permissions(&kind, who, &whom.user, Capabilities::default(), one(what)),
                6 => call.block(&kind, who, &whom.user),
                7 => call.unblock(&kind, who, &whom.user),
                _ => call.set_members(&kind, who, BTreeMap::new(), &BTreeSet::from([whom.user.clone()])),
            };
            if done.is_ok() {
                prop_assert!(phase != Phase::Ended && mine.has(needs), "{needs} by {who:?} with {mine:?}");
            }
            let after: Vec<_> = people.iter().map(|it| call.capabilities(&kind, it)).collect();
            if done.is_err() || done == Ok(vec![]) || needs == Capability::RequestPermissions {
                prop_assert_eq!(&before, &after);
            }
            for (person, all) in people.iter().zip(&after) {
                let role = call.members().get(&person.user).unwrap_or(&person.role);
                prop_assert!(all.without(kind.grants_of(role)).iter().all(Capability::can_be_lent));
                let admitted = call.clone().admit(&kind, person, 0, NOW);
                prop_assert!(admitted.is_err() || call.phase() == Phase::Live || all.has(Capability::JoinBackstage));
                prop_assert!(admitted.is_err() || call.phase() != Phase::Ended);
            }
            prop_assert!(phase != Phase::Ended || call.phase() == Phase::Ended);
            let restored = Call::restore(call.id().clone(), call.kept());
            prop_assert_eq!(restored.kept(), call.kept());
            for person in &people {
                prop_assert_eq!(restored.capabilities(&kind, person), call.capabilities(&kind, person));
            }
        }
    }
}
