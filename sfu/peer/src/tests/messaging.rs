//! Data channels between a client and a peer.

use super::*;

const OPEN: [PeerEvent; 3] = [
    PeerEvent::ChannelOpen(ChannelLabel::Reliable),
    PeerEvent::ChannelOpen(ChannelLabel::Lossy),
    PeerEvent::ChannelOpen(ChannelLabel::DataTrack),
];

fn opened(events: &[PeerEvent]) -> bool {
    OPEN.iter().all(|open| events.contains(open))
}

fn exchange(world: &mut World) {
    let long: Vec<u8> = (0..60_000_u32).map(|at| at as u8).collect();
    for label in [ChannelLabel::Reliable, ChannelLabel::Lossy, ChannelLabel::DataTrack] {
        for payload in [&b"short"[..], &[], &long] {
            let mut out = Datagrams::default();
            world.server.send_data(world.now, &label, payload, &mut out).unwrap();
            world.post(To::Client, &out);
            let mut out = Datagrams::default();
            world.client.send_data(world.now, &label, payload, &mut out).unwrap();
            world.post(To::Server, &out);
        }
    }
    world.run(Duration::from_secs(5));
    for label in [ChannelLabel::Reliable, ChannelLabel::Lossy, ChannelLabel::DataTrack] {
        for events in [&world.server_events, &world.client_events] {
            let mut messages = World::messages(events, &label);
            // Two of the channels are unordered.
            messages.sort_by_key(Vec::len);
            assert_eq!(messages, [&[][..], b"short", &long], "{label:?}");
        }
    }
}

#[test]
fn takes_announced_channels() {
    let mut world = World::connected();
    assert!(opened(&world.server_events) && opened(&world.client_events));
    exchange(&mut world);
}

#[test]
fn takes_fixed_channels() {
    let mut world = World::new(|peer, client| {
        peer.negotiated_channels = true;
        client.channels = Channels::Negotiated;
    });
    world.run(Duration::from_secs(3));
    assert!(opened(&world.server_events) && opened(&world.client_events), "{:?}", world.server_events);
    exchange(&mut world);
}

#[test]
fn announces_its_own_channels() {
    let mut world = World::new(|peer, client| {
        peer.opens_channels = true;
        client.channels = Channels::FromServer;
    });
    world.run(Duration::from_secs(3));
    assert!(opened(&world.server_events) && opened(&world.client_events), "{:?}", world.server_events);
    exchange(&mut world);
}

#[test]
fn delivers_in_order_through_loss() {
    let mut world = World::connected();
    world.lose = Box::new(|count, _, _| count % 7 == 0);
    for number in 0..100_u8 {
        let mut out = Datagrams::default();
        world.client.send_data(world.now, &ChannelLabel::Reliable, &[number; 3_000], &mut out).unwrap();
        world.post(To::Server, &out);
    }
    world.run(Duration::from_secs(120));
    let messages = World::messages(&world.server_events, &ChannelLabel::Reliable);
    let expected: Vec<_> = (0..100_u8).map(|number| vec![number; 3_000]).collect();
    assert!(messages == expected, "{} messages", messages.len());
}

#[test]
fn refuses_what_it_cannot_send() {
    let mut world = World::connected();
    let mut out = Datagrams::default();
    let mut send = |label: &ChannelLabel, len: usize| world.server.send_data(world.now, label, &vec![0; len], &mut out);
    assert_eq!(send(&ChannelLabel::Other("none".into()), 1), Err(DataRefused::NotOpen));
    assert_eq!(send(&ChannelLabel::Reliable, MESSAGE_BYTES_MAX + 1), Err(DataRefused::TooLong));
    let lossy = (0..100).take_while(|_| send(&ChannelLabel::Lossy, MESSAGE_BYTES_MAX).is_ok()).count();
    assert_eq!(lossy, LOSSY_BUFFER_BYTES_MAX / MESSAGE_BYTES_MAX + 1);
    let reliable = (0..100).take_while(|_| send(&ChannelLabel::Reliable, MESSAGE_BYTES_MAX).is_ok()).count();
    assert_eq!(reliable, SEND_BUFFER_BYTES_MAX / MESSAGE_BYTES_MAX - lossy);
    assert_eq!(send(&ChannelLabel::Reliable, MESSAGE_BYTES_MAX), Err(DataRefused::Full));
}

#[test]
fn makes_no_state_before_data_comes() {
    let mut world = World::new(|_, client| client.channels = Channels::None);
    world.run(Duration::from_secs(3));
    let mut out = Datagrams::default();
    let refused = world.server.send_data(world.now, &ChannelLabel::Reliable, b"x", &mut out);
    assert_eq!(refused, Err(DataRefused::NotOpen));
}

#[test]
fn without_credit_reliable_messages_wait_and_others_are_shed() {
    let mut world = World::connected();
    world.keeps_credit = true;
    for _ in 0..200 {
        for label in [ChannelLabel::Reliable, ChannelLabel::Lossy] {
            let mut out = Datagrams::default();
            world.client.send_data(world.now, &label, b"", &mut out).unwrap();
            world.post(To::Server, &out);
        }
    }
    world.run(Duration::from_secs(5));
    let per_class = (door::data::CREDIT / door::data::cost(0)) as usize;
    let count = |world: &World, label| World::messages(&world.server_events, &label).len();
    assert_eq!(count(&world, ChannelLabel::Reliable), per_class);
    assert_eq!(count(&world, ChannelLabel::Lossy), per_class);
    assert_eq!(world.server.take_data_shed(), 200 - per_class as u64);
    assert_eq!(world.server.take_data_shed(), 0);
    world.keeps_credit = false;
    let mut out = Datagrams::default();
    world.server.grant_data(world.now, true, door::data::CREDIT, &mut out);
    world.take_server_events(&mut out);
    world.run(Duration::from_secs(5));
    assert_eq!(count(&world, ChannelLabel::Reliable), 200, "none is lost");
}

#[test]
fn tells_of_a_remote_that_does_not_keep_up() {
    let mut world = World::connected();
    world.lose = Box::new(|_, _, _| true);
    let mut out = Datagrams::default();
    for _ in 0..40 {
        world.server.send_data(world.now, &ChannelLabel::Reliable, &[0; 60_000], &mut out).unwrap();
    }
    world.take_server_events(&mut out);
    let told = |world: &World| {
        let backlog = |event: &PeerEvent| if let PeerEvent::Backlog(full) = event { Some(*full) } else { None };
        world.server_events.iter().filter_map(backlog).collect::<Vec<_>>()
    };
    assert_eq!(told(&world), [true]);
    world.lose = Box::new(|_, _, _| false);
    world.run(Duration::from_secs(60));
    assert_eq!(told(&world), [true, false]);
}
