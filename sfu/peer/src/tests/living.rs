//! What happens to a connection: media, moves, silence, restarts, the end.

use proptest::prelude::*;

use super::*;

#[test]
fn carries_media_both_ways() {
    let mut world = World::connected();
    let sealed = world.client.seal_rtp(&rtp(1), 12).unwrap();
    assert_eq!(world.serve(path(1_000), &sealed), Ok(()));
    assert_eq!(world.server_media, [rtp(1)]);
    let report = [0x80, 201, 0, 1, 0, 0, 0, 9];
    let sealed = world.client.seal_rtcp(&report).unwrap();
    assert_eq!(world.serve(path(1_000), &sealed), Ok(()));
    assert_eq!(world.server_media[1], report);

    let sealed = world.seal_at_server(&rtp(2)).unwrap();
    world.send(To::Client, path(1_000), sealed);
    world.run(Duration::from_millis(50));
    assert_eq!(world.client_media, [rtp(2)]);
}

#[test]
fn drops_plain_and_foreign_media() {
    let mut world = World::connected();
    let sealed = world.client.seal_rtp(&rtp(1), 12).unwrap();
    assert_eq!(world.serve(path(666), &sealed), Err(Reject::PathUnvalidated));
    let mut plain = rtp(1);
    plain.extend([0; 32]);
    assert_eq!(world.serve(path(1_000), &plain), Err(Reject::SrtpUnauthenticated));
    assert_eq!(world.serve(path(1_000), &[0x80]), Err(Reject::SrtpMalformed));
    assert_eq!(world.serve(path(1_000), &[]), Err(Reject::Unknown));
    assert_eq!(world.serve(path(1_000), &[70, 1, 2]), Err(Reject::Unknown));
    assert_eq!(world.serve(path(1_000), &sealed), Ok(()));
    assert_eq!(world.serve(path(1_000), &sealed), Err(Reject::SrtpReplayed));
}

#[test]
fn follows_a_nominated_move_only() {
    let mut world = World::connected();
    let check = world.client.make_check(Role::Controlling(1), false);
    assert_eq!(world.serve(path(2_000), &check), Ok(()));
    assert_eq!(world.server.path(), Some(path(1_000)), "validated, not nominated");
    let sealed = world.client.seal_rtp(&rtp(1), 12).unwrap();
    assert_eq!(world.serve(path(2_000), &sealed), Ok(()), "taken from any validated path");

    world.client.migrate(world.now, turned(path(3_000)));
    world.run(Duration::from_secs(1));
    assert_eq!(world.server.path(), Some(path(3_000)));
    let moved = PeerEvent::PathChanged { old: Some(path(1_000)), new: path(3_000) };
    assert!(world.server_events.contains(&moved), "{:?}", world.server_events);
    let mut out = Datagrams::default();
    world.server.send_data(world.now, &ChannelLabel::Reliable, b"here", &mut out).unwrap();
    assert!(out.segments().iter().all(|segment| segment.path == path(3_000)));
}

#[test]
fn keeps_a_bounded_number_of_paths() {
    let mut world = World::connected();
    for port in 0..40 {
        let check = world.client.make_check(Role::Controlling(1), false);
        world.now += Duration::from_millis(1);
        assert_eq!(world.serve(path(2_000 + port), &check), Ok(()));
    }
    let count = |wanted: fn(&PeerEvent) -> bool| world.server_events.iter().filter(|event| wanted(event)).count();
    let added = count(|event| matches!(event, PeerEvent::PathAdded(_)));
    let removed = count(|event| matches!(event, PeerEvent::PathRemoved(_)));
    assert_eq!((added, removed), (41, 41 - PATHS_MAX));
    assert_eq!(world.server.path(), Some(path(1_000)));
    let sealed = world.client.seal_rtp(&rtp(1), 12).unwrap();
    assert_eq!(world.serve(path(2_000), &sealed), Err(Reject::PathUnvalidated));
    assert_eq!(world.serve(path(2_039), &sealed), Ok(()));
}

#[test]
fn reports_silence_and_return() {
    let mut world = World::connected();
    world.client.set_checking(world.now, false);
    world.run(SILENCE + Duration::from_secs(1));
    assert_eq!(world.server_events.last(), Some(&PeerEvent::Silent));
    world.client.set_checking(world.now, true);
    world.run(Duration::from_secs(1));
    assert_eq!(world.server_events.last(), Some(&PeerEvent::Heard));
    assert!(world.server.can_send_media());
}

#[test]
fn stops_when_consent_is_gone_and_lives_again_by_a_restart() {
    let mut world = World::connected();
    world.client.set_checking(world.now, false);
    world.run(CONSENT + Duration::from_secs(1));
    assert_eq!(world.server_events.last(), Some(&PeerEvent::Ended(PeerEnd::ConsentExpired)));
    assert!(!world.server.can_send_media());
    assert_eq!(world.server.deadline(), None);
    let check = world.client.make_check(Role::Controlling(1), true);
    assert_eq!(world.serve(path(1_000), &check), Err(Reject::Ended));

    restart(&mut world);
    world.client.restart(world.now, credentials("client2"), credentials("server2"));
    world.run(Duration::from_secs(1));
    assert!(world.server.can_send_media());
    assert!(world.server_events.ends_with(&[PeerEvent::Heard]), "{:?}", world.server_events);
    let sealed = world.client.seal_rtp(&rtp(1), 12).unwrap();
    assert_eq!(world.serve(path(1_000), &sealed), Ok(()));
}

fn restart(world: &mut World) {
    let mut out = Datagrams::default();
    let (local, remote) = (Some(credentials("server2")), credentials("client2"));
    world.server.set_remote(world.now, local, remote, Fingerprint([0; 32]), DtlsRole::Passive, &mut out);
}

#[test]
fn honours_old_credentials_until_the_new_are_used() {
    let mut world = World::connected();
    let old = world.client.make_check(Role::Controlling(1), true);
    restart(&mut world);
    assert_eq!(world.server.local_ufrags().collect::<Vec<_>>(), ["0000server2", "0000server"]);
    assert_eq!(world.serve(path(1_000), &old), Ok(()));
    world.client.restart(world.now, credentials("client2"), credentials("server2"));
    world.run(Duration::from_secs(1));
    assert_eq!(world.server.local_ufrags().collect::<Vec<_>>(), ["0000server2"]);
    assert_eq!(world.serve(path(1_000), &old), Err(Reject::StunUnauthenticated));
    assert!(world.server.can_send_media(), "DTLS goes on");
}

#[test]
fn prefers_the_better_of_two_paths_that_are_both_nominated() {
    let mut world = World::connected();
    world.client.set_priority(5);
    let lower = world.client.make_check(Role::Controlling(1), true);
    world.client.set_priority(u32::MAX);
    let higher = world.client.make_check(Role::Controlling(1), true);
    assert_eq!(world.serve(path(2_000), &higher), Ok(()));
    assert_eq!(world.server.path(), Some(path(2_000)));
    assert_eq!(world.serve(path(3_000), &lower), Ok(()));
    assert_eq!(world.server.path(), Some(path(2_000)), "held");
    world.now += Duration::from_secs(2);
    assert_eq!(world.serve(path(3_000), &lower), Ok(()));
    assert_eq!(world.server.path(), Some(path(3_000)), "the better one is not nominated any more");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whoever writes from the remote's own address without its keys changes nothing.
    #[test]
    fn survives_any_datagram(
        datagrams in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 20),
        firsts in prop::collection::vec(0_u8..192, 20),
    ) {
        let mut world = World::connected();
        for (mut datagram, first) in datagrams.into_iter().zip(firsts) {
            datagram[0] = first;
            let len = u16::try_from(datagram.len()).unwrap();
            // Every third looks like a whole DTLS 1.2 record.
            if first % 3 == 0 && len > 13 {
                datagram[0] = 20 + first % 8;
                datagram[1..3].copy_from_slice(&[0xFE, 0xFD]);
                datagram[11..13].copy_from_slice(&(len - 13).to_be_bytes());
            }
            let _ = world.serve(path(1_000), &datagram);
        }
        prop_assert!(world.server.can_send_media());
        let sealed = world.client.seal_rtp(&rtp(1), 12).unwrap();
        prop_assert_eq!(world.serve(path(1_000), &sealed), Ok(()));
    }
}

#[test]
fn may_move_to_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Peer>();
}

#[test]
fn ends_when_the_remote_closes() {
    let mut world = World::connected();
    let mut out = Datagrams::default();
    world.client.close(world.now, &mut out);
    world.post(To::Server, &out);
    world.run(Duration::from_millis(100));
    assert_eq!(world.server_events.last(), Some(&PeerEvent::Ended(PeerEnd::Closed)));
    assert_eq!(world.serve(path(1_000), &rtp(1)), Err(Reject::Ended));
}

#[test]
fn says_goodbye() {
    let mut world = World::connected();
    let mut out = Datagrams::default();
    world.server.close(world.now, &mut out);
    world.post(To::Client, &out);
    world.run(Duration::from_millis(100));
    assert_eq!(world.client_events.last(), Some(&PeerEvent::Ended(PeerEnd::Closed)));
    assert_eq!(world.server.deadline(), None);
}

#[test]
fn waits_only_for_silence_when_nothing_happens() {
    let mut world = World::new(|_, client| client.channels = Channels::None);
    world.run(Duration::from_secs(3));
    assert!(world.server.can_send_media());
    let deadline = world.server.deadline().unwrap();
    assert!(deadline > world.now + SILENCE - Duration::from_secs(3), "{:?}", deadline - world.now);
}
