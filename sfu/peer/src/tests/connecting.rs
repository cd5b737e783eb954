//! From the first check to the keys.

use super::*;

#[test]
fn takes_gcm_from_a_client_of_the_same_library() {
    for version in [None, Some(Version::Dtls12)] {
        let mut world = World::new(|_, client| client.version = version);
        world.run(Duration::from_secs(2));
        assert_eq!(world.server_profile(), Some(SrtpProfile::Aes256Gcm), "{version:?}");
        assert_eq!(world.client.profile(), Some(SrtpProfile::Aes256Gcm));
        assert_eq!(world.rejects, []);
    }
}

/// The library's client lists GCM first, so its ClientHello is rewritten under way to what browsers say. That spoils the
/// handshake's end, but DTLS 1.2's ServerHello already tells the choice in clear.
#[test]
fn takes_gcm_from_a_client_that_lists_sha1_first() {
    let mut world = World::new(|_, _| {});
    world.run(Duration::from_millis(21));
    let (ours, browsers) = ([0, 14, 0, 9, 0, 6, 0, 8, 0, 7, 0, 1, 0], [0, 14, 0, 9, 0, 6, 0, 1, 0, 8, 0, 7, 0]);
    let mut hello = world.wire.iter().find(|(.., bytes)| bytes[0] == 22).map(|(.., bytes)| bytes.clone()).unwrap();
    let at = hello.windows(ours.len()).position(|window| window == ours).unwrap();
    hello[at..at + browsers.len()].copy_from_slice(&browsers);
    world.wire.clear();
    assert_eq!(world.serve(path(1_000), &hello), Ok(()));
    let aes_256_gcm = [0, 14, 0, 5, 0, 2, 0, 8, 0];
    let chosen = |bytes: &[u8]| bytes.windows(aes_256_gcm.len()).any(|window| window == aes_256_gcm);
    assert!(world.wire.iter().any(|(_, to, _, bytes)| *to == To::Client && chosen(bytes)));
}

#[test]
fn speaks_1_3_when_nothing_else_is_offered() {
    let mut world = World::new(|_, client| client.version = Some(Version::Dtls13));
    world.run(Duration::from_secs(2));
    assert!(world.server_profile().is_some(), "{:?} {:?}", world.server_events, world.client_events);
    assert_eq!(world.server_profile(), world.client.profile());
}

#[test]
fn connects_within_three_round_trips_after_the_first_check() {
    let mut world = World::new(|_, client| client.channels = Channels::None);
    world.run(DELAY * 8);
    assert!(world.server_profile().is_some());
}

#[test]
fn takes_a_fragmented_client_hello() {
    for version in [None, Some(Version::Dtls12), Some(Version::Dtls13)] {
        let mut world = World::new(|_, client| {
            client.version = version;
            client.datagram_bytes_max = 120;
        });
        world.run(Duration::from_secs(5));
        assert!(world.server_profile().is_some(), "{version:?} {:?} {:?}", world.rejects, world.client_events);
    }
}

#[test]
fn connects_whatever_single_datagram_is_lost() {
    for lost in 1..=14 {
        let mut world = World::new(|_, _| {});
        world.lose = Box::new(move |count, _, _| count == lost);
        world.run(Duration::from_secs(5));
        assert!(world.server_profile().is_some(), "datagram {lost}");
        assert!(world.client.profile().is_some(), "datagram {lost}");
    }
}

#[test]
fn connects_when_every_third_datagram_is_lost() {
    let mut world = World::new(|_, _| {});
    world.lose = Box::new(|count, _, _| count % 3 == 0);
    world.run(Duration::from_secs(20));
    assert!(world.server_profile().is_some() && world.client.profile().is_some());
}

#[test]
fn connects_as_dtls_client() {
    let mut world = World::new(|peer, client| (peer.role, client.role) = (DtlsRole::Active, DtlsRole::Passive));
    world.run(Duration::from_secs(2));
    assert!(world.server_profile().is_some(), "{:?}", world.client_events);
    world.run(Duration::from_secs(2));
    assert!(world.server_events.contains(&PeerEvent::ChannelOpen(ChannelLabel::Reliable)));
}

#[test]
fn refuses_another_certificate() {
    let mut world = World::new(|peer, _| peer.fingerprint = Some(Fingerprint([7; 32])));
    world.run(Duration::from_secs(2));
    assert_eq!(world.server_events.last(), Some(&PeerEvent::Ended(PeerEnd::FingerprintMismatch)));
    assert_eq!(world.server_profile(), None);
    assert!(!world.server.can_send_media());
    assert_eq!(world.seal_at_server(&rtp(1)), None);
    assert_eq!(world.server.deadline(), None);
}

#[test]
fn holds_the_keys_until_the_fingerprint_is_known() {
    let mut fingerprint = None;
    let mut world = World::new(|peer, _| fingerprint = peer.fingerprint.take());
    world.run(Duration::from_secs(2));
    assert_eq!(world.server_profile(), None);
    assert!(!world.server.can_send_media());
    let mut out = Datagrams::default();
    let role = DtlsRole::Passive;
    world.server.set_remote(world.now, None, credentials("client"), fingerprint.unwrap(), role, &mut out);
    assert!(world.server.can_send_media());
    world.run(Duration::from_secs(10));
    assert!(world.server_events.contains(&PeerEvent::ChannelOpen(ChannelLabel::Reliable)));
}

#[test]
fn gives_up_a_handshake_that_does_not_end() {
    let mut world = World::new(|_, _| {});
    world.lose = Box::new(|_, to, bytes| to == To::Client && bytes[0] >= 20);
    world.run(HANDSHAKE + Duration::from_secs(1));
    assert_eq!(world.server_events.last(), Some(&PeerEvent::Ended(PeerEnd::DtlsFailed)));
    assert_eq!(world.server.deadline(), None);
}

#[test]
fn ignores_a_client_hello_from_elsewhere() {
    let mut world = World::new(|_, _| {});
    let mut hello = None;
    for _ in 0..100 {
        world.run(Duration::from_millis(1));
        let sent = world.wire.iter().find(|(_, to, _, bytes)| *to == To::Server && bytes[0] == 22);
        hello = hello.or_else(|| sent.map(|(.., bytes)| bytes.clone()));
        if let Some(hello) = &hello {
            let before = world.sent;
            assert_eq!(world.serve(path(666), hello), Err(Reject::PathUnvalidated));
            assert_eq!(world.sent, before, "no answer");
        }
    }
    assert!(hello.is_some());
    assert!(world.server_profile().is_some());
}

#[test]
fn survives_a_forged_client_hello_from_the_same_address() {
    let mut other = World::new(|_, client| client.version = Some(Version::Dtls13));
    other.run(Duration::from_millis(21));
    let forged = other.wire.iter().find(|(.., bytes)| bytes[0] == 22).map(|(.., bytes)| bytes.clone()).unwrap();
    let mut world = World::new(|_, client| client.version = Some(Version::Dtls12));
    world.run(Duration::from_millis(21));
    assert_eq!(world.serve(path(1_000), &forged), Ok(()));
    world.run(Duration::from_secs(5));
    assert!(world.server_profile().is_some());
    // Once up, nothing of the kind resets it.
    for _ in 0..10 {
        let _ = world.serve(path(1_000), &forged);
    }
    world.run(Duration::from_secs(1));
    assert!(world.server.can_send_media());
    let sealed = world.client.seal_rtp(&rtp(1), 12).unwrap();
    assert_eq!(world.serve(path(1_000), &sealed), Ok(()));
}

#[test]
fn refuses_checks_that_are_not_authentic() {
    let mut world = World::new(|_, _| {});
    let check = world.client.make_check(Role::Controlling(1), true);
    let mut wrong_key = Client::new(
        ClientParams::new(
            credentials("client"),
            IceCredentials { pwd: "another-password-0123456789".into(), ..credentials("server") },
            Fingerprint([0; 32]),
        ),
        &Identity::generate().unwrap(),
        turned(path(5)),
        world.now,
    );
    let forged = wrong_key.make_check(Role::Controlling(1), true);
    assert_eq!(world.serve(path(5), &forged), Err(Reject::StunUnauthenticated));
    assert_eq!(world.serve(path(5), &check[..check.len() - 4]), Err(Reject::StunMalformed));
    assert_eq!((world.sent, world.server.path(), world.server.deadline()), (0, None, None));
    assert_eq!(world.serve(path(5), &check), Ok(()));
    let (.., answer) = world.wire.last().unwrap();
    assert!(answer.len() <= check.len());
    assert_eq!(world.server.path(), Some(path(5)));
}

#[test]
fn answers_a_wrong_role_with_487() {
    let mut world = World::new(|_, _| {});
    world.client.set_checking(world.now, false);
    let check = world.client.make_check(Role::Controlled(1), true);
    assert_eq!(world.serve(path(1_000), &check), Ok(()));
    world.run(Duration::from_secs(1));
    assert_eq!(world.client.role_conflicts(), 1);
    assert_eq!(world.server.path(), None);
}

#[test]
fn is_idle_before_anything_comes() {
    let world = World::new(|_, _| {});
    assert_eq!(world.server.deadline(), None);
}
