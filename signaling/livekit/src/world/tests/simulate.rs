//! The test hooks of clients.

use std::time::Duration;

use door::Command;
use livekit_protocol as proto;
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;
use proto::simulate_scenario::Scenario;

use super::scene::{Client, Scene, join};
use crate::world::{Input, Mode, WorldConfig};

fn simulate(scene: &mut Scene, client: &Client, scenario: Scenario) {
    scene.ask(client, Asked::Simulate(proto::SimulateScenario { scenario: Some(scenario) }));
}

fn resume(scene: &mut Scene, client: &Client) -> Client {
    let connection = scene.connection();
    let resume = crate::world::Join { reconnect: true, ..join(connection, &client.identity, client.mode) };
    scene.input(Input::Join(Box::new(resume)));
    Client { connection, ..client.clone() }
}

#[test]
fn sessions_end_as_asked() {
    for (scenario, message) in [
        (Scenario::NodeFailure(true), None),
        (Scenario::Migration(true), None),
        (Scenario::ServerLeave(true), Some((3, 0))),
        (Scenario::LeaveRequestFullReconnect(true), Some((6, 2))),
    ] {
        let mut scene = Scene::new();
        let ann = scene.enter("ann", Mode::Single);
        simulate(&mut scene, &ann, scenario);
        assert_eq!(scene.leave_message(&ann).map(|it| (it.reason, it.action)), message);
        assert!(scene.closed.contains(&ann.connection) && scene.ledger.is_empty());
        let again = resume(&mut scene, &ann);
        assert_eq!(scene.leave_message(&again).unwrap().action, 2, "there is nothing to resume");
    }
}

#[test]
fn speech_is_feigned_for_a_while() {
    let mut scene = Scene::new();
    let ann = scene.enter("ann", Mode::Single);
    simulate(&mut scene, &ann, Scenario::SpeakerUpdate(3));
    let levels = |scene: &mut Scene| {
        let told =
            scene.take(&ann, |it| if let Message::SpeakersChanged(it) = it { Some(it.speakers.clone()) } else { None });
        told.into_iter().flatten().map(|it| it.level).collect::<Vec<_>>()
    };
    assert_eq!(levels(&mut scene), [0.9]);
    for _ in 0..3 {
        scene.advance(Duration::from_secs(1));
        assert!(levels(&mut scene).is_empty());
    }
    scene.advance(Duration::from_secs(1));
    assert_eq!(levels(&mut scene), [0.0]);
}

#[test]
fn resumes_break_as_asked() {
    let mut scene = Scene::new();
    let ann = scene.enter("ann", Mode::Single);
    simulate(&mut scene, &ann, Scenario::DisconnectSignalOnResume(true));
    let again = resume(&mut scene, &ann);
    assert!(scene.closed.contains(&again.connection));
    assert!(scene.words(&again).contains(&"reconnect"));
    let again = resume(&mut scene, &ann);
    assert!(!scene.closed.contains(&again.connection));
    simulate(&mut scene, &again, Scenario::DisconnectSignalOnResumeNoMessages(true));
    for _ in 0..3 {
        let again = resume(&mut scene, &ann);
        assert!(scene.closed.contains(&again.connection) && scene.words(&again).is_empty());
    }
    let again = resume(&mut scene, &ann);
    assert!(!scene.closed.contains(&again.connection));
    assert_eq!(scene.world.counts().connections, 1);
}

#[test]
fn a_client_held_to_tcp_is_told_of_tcp_only() {
    let mut config = super::scene::config();
    let tcp = sdp::Candidate::host(door::Protocol::Tcp, "192.0.2.10:7881".parse().unwrap(), 0);
    config.media.candidates.push(tcp);
    let mut scene = Scene::with(WorldConfig { ..config });
    let ann = scene.enter("ann", Mode::Single);
    simulate(&mut scene, &ann, Scenario::SwitchCandidateProtocol(1));
    scene.clear();
    let ann = scene.enter("ann", Mode::Single);
    let trickled =
        scene.take(&ann, |it| if let Message::Trickle(it) = it { Some(it.candidate_init.clone()) } else { None });
    assert!(trickled.len() == 1 && trickled[0].contains(" tcp "), "{trickled:?}");
    let answers = scene.take(&ann, |it| if let Message::Answer(it) = it { Some(it.sdp.clone()) } else { None });
    assert!(!answers[0].contains(" udp "), "{}", answers[0]);
}

#[test]
fn a_client_is_sent_no_more_than_it_asked_for() {
    for mode in [Mode::Single, Mode::Dual] {
        let mut scene = Scene::new();
        let ann = scene.enter("ann", mode);
        for (asked, told) in [(200_000, Some(200_000)), (0, None), (-1, None)] {
            scene.ledger.log.clear();
            simulate(&mut scene, &ann, Scenario::SubscriberBandwidth(asked));
            let limits = scene.ledger.log.iter().filter_map(|it| match it {
                Command::LimitRate { peer, bps } => Some((*peer, *bps)),
                _ => None,
            });
            let wanted: Vec<_> = scene.peers(&ann).into_iter().map(|peer| (peer, told)).collect();
            assert_eq!(limits.collect::<Vec<_>>(), wanted, "{mode:?}");
        }
    }
}
