//! Notices: which room gets them, and what happens when it does not keep up.

use door::{ChannelLabel, Fingerprint, Level, Notice, PeerKey, ShardId, TrackKey};

use super::*;
use crate::config::{Limits, RoomSettings, SignalSettings};
use crate::token::Keys;
use crate::world::{MediaFacts, ServerFacts};

fn lobby() -> Lobby {
    lobby_with(Arc::new(|_| {}))
}

/// A lobby without keys, so that nobody can join.
pub(crate) fn lobby_with(media: MediaSender) -> Lobby {
    let config = Config {
        keys: Keys::default(),
        shards: 1,
        spread_after: 1,
        media: MediaFacts { fingerprint: Fingerprint([0; 32]), candidates: Vec::new() },
        room: RoomSettings::default(),
        limits: Limits::default(),
        ice_servers: Default::default(),
        signal: SignalSettings::default(),
        server: ServerFacts { version: "1.13.5".into(), node_id: "ND_x".into(), region: String::new() },
    };
    Lobby::new(config, media)
}

impl Lobby {
    pub(crate) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }
}

/// A room whose task never runs.
fn stuck_room(lobby: &Lobby, serial: u32) -> mpsc::Receiver<Notice> {
    let (inputs, _) = mpsc::channel(1);
    let (notices, receiver) = mpsc::channel(ROOM_NOTICES_MAX);
    let room = RoomHandle { serial, inputs, notices, participants: Arc::default(), usage: Arc::default() };
    lobby.0.write().insert(format!("room {serial}"), room);
    receiver
}

fn peer(room: u64) -> PeerKey {
    PeerKey { shard: ShardId(0), serial: room << 32 | 7 }
}

fn level(room: u64, dbov: u8) -> Level {
    Level { track: TrackKey { shard: ShardId(0), serial: room << 32 | 1 }, dbov, active_percent: 50 }
}

fn data(room: u64, channel: ChannelLabel) -> Notice {
    Notice::Data { peer: peer(room), channel, payload: vec![1] }
}

#[test]
fn notices_go_to_the_room_of_their_key() {
    let lobby = lobby();
    let (mut one, mut two) = (stuck_room(&lobby, 1), stuck_room(&lobby, u32::MAX));
    lobby.notice(Notice::PeerConnected(peer(u32::MAX.into())));
    lobby.notice(Notice::Stats(Box::default()));
    assert!(one.try_recv().is_err());
    assert!(matches!(two.try_recv(), Ok(Notice::PeerConnected(_))));
    lobby.notice(Notice::PeerHeard(peer(99)));
    assert_eq!(lobby.counts().notices_stale, 1);
}

#[test]
fn levels_are_split_by_room() {
    let lobby = lobby();
    let (mut one, mut two) = (stuck_room(&lobby, 1), stuck_room(&lobby, 2));
    lobby.notice(Notice::Levels(vec![level(2, 10), level(1, 20), level(2, 30)]));
    let loudness = |notice| match notice {
        Ok(Notice::Levels(levels)) => levels.iter().map(|level| level.dbov).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(loudness(one.try_recv()), [20]);
    assert_eq!(loudness(two.try_recv()), [10, 30]);
}

#[test]
fn a_stuck_room_loses_data_before_news_and_stops_nobody() {
    let lobby = lobby();
    let _receiver = stuck_room(&lobby, 1);
    for _ in 0..ROOM_NOTICES_MAX / 2 + 5 {
        lobby.notice(data(1, ChannelLabel::Lossy));
    }
    assert_eq!(lobby.counts().notices_dropped, 5);
    for _ in 0..ROOM_NOTICES_MAX / 2 - ROOM_NOTICES_RESERVED {
        lobby.notice(data(1, ChannelLabel::Reliable));
    }
    assert_eq!(lobby.counts().notices_dropped, 5, "reliable messages still fit");
    for _ in 0..ROOM_NOTICES_RESERVED {
        lobby.notice(Notice::PeerSilent(peer(1)));
    }
    assert_eq!(lobby.counts().notices_dropped, 5, "news still fit");
    lobby.notice(Notice::PeerSilent(peer(1)));
    assert_eq!(lobby.counts().notices_dropped, 6);
}

#[test]
fn a_dropped_message_gives_its_sender_the_credit_back() {
    let returned: Arc<std::sync::Mutex<Vec<Command>>> = Arc::default();
    let sink = Arc::clone(&returned);
    let lobby = lobby_with(Arc::new(move |command| sink.lock().unwrap().push(command)));
    let receiver = stuck_room(&lobby, 1);
    drop(receiver);
    lobby.notice(data(1, ChannelLabel::Reliable));
    let returned = returned.lock().unwrap();
    let cost = door::data::cost(1);
    assert!(matches!(returned[..], [Command::DataTaken { reliable: true, cost: it, .. }] if it == cost));
}

#[tokio::test]
async fn an_empty_lobby_shuts_down_at_once() {
    let lobby = lobby();
    lobby.shutdown(Duration::from_secs(60)).await;
    assert_eq!(lobby.counts(), LobbyCounts::default());
}
