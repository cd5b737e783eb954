//! Clients that do anything in any order: the media house's book must stay sound, nothing may panic, and in the
//! end nothing may be left.

use std::time::Duration;

use door::{ChannelLabel, Command, Kind, Notice, PeerEnd};
use livekit_protocol as proto;
use proto::signal_request::Message as Asked;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use sdp::Direction;

use super::client::Offered;
use super::scene::{Client, Scene, description, join};
use crate::world::{Counts, Input, Mode};

const SEEDS: u64 = 150;
const STEPS: usize = 80;

#[test]
fn nothing_breaks_and_nothing_leaks() {
    let (mut ups, mut downs) = (0, 0);
    for seed in 0..SEEDS {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut scene = Scene::new();
        let mut clients: Vec<Client> = Vec::new();
        for _ in 0..STEPS {
            step(&mut scene, &mut clients, &mut rng);
        }
        scene.input(Input::Shutdown);
        assert!(scene.ledger.is_empty(), "seed {seed}");
        assert_eq!(scene.world.counts(), Counts::default(), "seed {seed}");
        ups += scene.ledger.log.iter().filter(|it| matches!(it, Command::AddUpTrack { .. })).count();
        downs += scene.ledger.log.iter().filter(|it| matches!(it, Command::AddDownTrack { .. })).count();
    }
    let least = usize::try_from(SEEDS).unwrap();
    assert!(ups > least && downs > least, "{ups} up tracks and {downs} down tracks prove little");
}

#[test]
fn one_seed_is_one_story() {
    let story = |seed| {
        let (mut rng, mut scene, mut clients) = (StdRng::seed_from_u64(seed), Scene::new(), Vec::new());
        (0..STEPS).for_each(|_| step(&mut scene, &mut clients, &mut rng));
        format!("{:?}", scene.ledger.log)
    };
    for seed in 0..10 {
        assert_eq!(story(seed), story(seed), "seed {seed}");
    }
}

fn step(scene: &mut Scene, clients: &mut Vec<Client>, rng: &mut StdRng) {
    let kind = if rng.random() { Kind::Audio } else { Kind::Video };
    if clients.is_empty() || rng.random_ratio(1, 8) {
        let identity = *["ann", "bob", "cem", "eve"].choose(rng).unwrap();
        let mode = if rng.random() { Mode::Single } else { Mode::Dual };
        let client = scene.knock(identity, mode, |join| join.grants.hidden = rng.random_ratio(1, 10));
        clients.push(client);
        return;
    }
    let index = rng.random_range(0..clients.len());
    let client = &mut clients[index];
    match rng.random_range(0..16) {
        0 | 1 => scene.connect(client),
        2 | 3 => add_and_offer(scene, client, kind, rng),
        4 => turn_section(client, rng),
        5 | 6 => offer(scene, client),
        7 => {
            scene.take(client, |it| {
                matches!(it, proto::signal_response::Message::MediaSectionsRequirement(_)).then_some(())
            });
            client.add(Offered::receive(kind));
            offer(scene, client);
        }
        8 | 9 => _ = answer(scene, client),
        10 => notice(scene, client, rng),
        11 => scene.input(Input::ConnectionClosed(client.connection)),
        12 => resume(scene, client),
        13 => signal(scene, client, rng),
        14 => scene.advance(Duration::from_millis(rng.random_range(0..8000))),
        _ => scene.ask(client, Asked::Leave(Default::default())),
    }
}

fn add_and_offer(scene: &mut Scene, client: &mut Client, kind: Kind, rng: &mut StdRng) {
    let cid = format!("c{}", rng.random_range(0..6));
    let request =
        proto::AddTrackRequest { cid: cid.clone(), r#type: i32::from(kind == Kind::Video), ..Default::default() };
    scene.ask(client, Asked::AddTrack(request));
    client.add(Offered::send(kind, &cid, if rng.random() { &["q", "h"] } else { &[] }));
    offer(scene, client);
}

fn turn_section(client: &mut Client, rng: &mut StdRng) {
    let directions = [Direction::Inactive, Direction::SendOnly, Direction::RecvOnly, Direction::SendRecv];
    let name = rng.random::<bool>().then(|| format!("c{}", rng.random_range(0..6)));
    let section = client.sections.choose(rng).cloned();
    let index = rng.random_range(0..client.sections.len());
    if let Some(section) = section.filter(|it| it.kind == client.sections[index].kind && it.kind.media().is_some()) {
        client.sections[index] = Offered { direction: *directions.choose(rng).unwrap(), name, ..section };
    }
}

fn offer(scene: &mut Scene, client: &mut Client) {
    client.offers += 1;
    let sdp = super::client::offer(&client.sections, &client.ufrag);
    scene.ask(client, Asked::Offer(description("offer", sdp, client.offers)));
}

fn answer(scene: &mut Scene, client: &Client) -> Option<()> {
    let offers = scene
        .take(client, |it| if let proto::signal_response::Message::Offer(it) = it { Some(it.clone()) } else { None });
    let offer = offers.last()?;
    let answer = super::client::answer(&offer.sdp, &client.ufrag);
    scene.ask(client, Asked::Answer(description("answer", answer, offer.id)));
    Some(())
}

fn notice(scene: &mut Scene, client: &Client, rng: &mut StdRng) {
    let Some(peer) = scene.peers(client).choose(rng).copied() else { return };
    let ends = [PeerEnd::Closed, PeerEnd::ConsentExpired, PeerEnd::DtlsFailed];
    let payload = (0..rng.random_range(0..40)).map(|_| rng.random()).collect();
    let notices = [
        Notice::PeerSilent(peer),
        Notice::PeerHeard(peer),
        Notice::PeerEnded(peer, *ends.choose(rng).unwrap()),
        Notice::ChannelOpen(peer, ChannelLabel::Reliable),
        Notice::Data { peer, channel: ChannelLabel::Reliable, payload },
    ];
    scene.input(Input::Media(notices.choose(rng).unwrap().clone()));
}

fn resume(scene: &mut Scene, client: &mut Client) {
    client.connection = scene.connection();
    client.ufrag = format!("again{}", client.connection.0);
    let mut join = join(client.connection, &client.identity, client.mode);
    join.reconnect = true;
    scene.input(Input::Join(Box::new(join)));
}

fn signal(scene: &mut Scene, client: &Client, rng: &mut StdRng) {
    let publications: Vec<_> = scene.world.room.publications().map(|it| it.sid.to_string()).collect();
    let sid = publications.choose(rng).cloned().unwrap_or_default();
    let track_sids = vec![sid.clone()];
    let message = match rng.random_range(0..5) {
        0 => Asked::Mute(proto::MuteTrackRequest { sid, muted: rng.random() }),
        1 => {
            Asked::Subscription(proto::UpdateSubscription { track_sids, subscribe: rng.random(), ..Default::default() })
        }
        2 => Asked::TrackSetting(proto::UpdateTrackSettings {
            track_sids,
            disabled: rng.random(),
            quality: 1,
            ..Default::default()
        }),
        3 => Asked::SubscriptionPermission(proto::SubscriptionPermission {
            all_participants: rng.random(),
            track_permissions: vec![],
        }),
        _ => Asked::SyncState(proto::SyncState { track_sids_disabled: track_sids, ..Default::default() }),
    };
    scene.ask(client, message);
}
