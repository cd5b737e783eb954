//! Rights that are withdrawn while media flows: not a packet leaves the server from the next turn on, whatever the client
//! goes on sending.

use std::time::Duration;

use livekit::world::Order;
use livekit_protocol as proto;
use thalweg_sim::call::Call;
use thalweg_sim::link::LinkProfile;

/// Calls in an ordinary run, spread over one to three shards.
const SEEDS: u64 = 12;

/// A call in which the first of three publishes and the others see it.
fn flowing(seed: u64) -> Call {
    let shards = u16::try_from(seed % 3).expect("small") + 1;
    let mut call = Call::new(shards, seed, LinkProfile::FIBER);
    for _ in 0..3 {
        call.join();
    }
    call.publish(0);
    call.run(Duration::from_secs(3));
    assert_eq!(call.check(), Vec::<String>::new(), "seed {seed}");
    call
}

fn permit(call: &mut Call, index: usize, can_publish: bool, can_subscribe: bool) {
    let permission = proto::ParticipantPermission { can_publish, can_subscribe, ..Default::default() };
    let request = proto::UpdateParticipantRequest {
        identity: call.guests[index].identity.clone(),
        permission: Some(permission),
        ..Default::default()
    };
    call.order(Order::Update(Box::new(request)));
}

fn decoded(call: &Call, index: usize) -> u64 {
    let node = call.guests[index].node.expect("media");
    call.media.nodes[node].subscribers.iter().map(|(_, it)| it.decoded).sum()
}

#[test]
fn a_publisher_is_cut_within_a_turn() {
    for seed in 0..SEEDS {
        let mut call = flowing(seed);
        let sent = |call: &Call| call.media.total(|it| it.rtp_out + it.rtx_out);
        let heard = |call: &Call| call.media.total(|it| it.datagrams_in);
        permit(&mut call, 0, false, true);
        let (sent_before, heard_before) = (sent(&call), heard(&call));
        call.run(Duration::from_secs(1));
        assert_eq!(sent(&call), sent_before, "seed {seed}: a packet was forwarded after the right was gone");
        assert!(heard(&call) > heard_before + 20, "seed {seed}: the client should have gone on sending");
        assert_eq!(call.media.total(|it| it.up_tracks + it.down_tracks + it.mirrors), 0, "seed {seed}");
    }
}

#[test]
fn a_subscriber_is_cut_within_a_turn_and_served_again() {
    for seed in 0..SEEDS {
        let mut call = flowing(seed);
        permit(&mut call, 1, true, false);
        // What is under way arrives.
        call.run(Duration::from_millis(200));
        let (cut, other) = (decoded(&call, 1), decoded(&call, 2));
        call.run(Duration::from_secs(1));
        assert_eq!(decoded(&call, 1), cut, "seed {seed}");
        assert!(decoded(&call, 2) > other + 10, "seed {seed}: the other is not concerned");
        permit(&mut call, 1, true, true);
        call.run(Duration::from_secs(3));
        assert!(call.check().is_empty(), "seed {seed}: {:?}", call.check());
    }
}
