//! A world, its clients' inboxes and the media house's book.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use door::{ChannelLabel, Codec, Kind, Notice, PeerKey};
use livekit_protocol as proto;
use proto::signal_request::Message as Asked;
use proto::signal_response::Message;

use super::client::{self, Offered};
use super::ledger::Ledger;
use crate::world::{
    ConnectionId, Fault, FedNews, FollowerId, Input, Join, JoinRefusal, MediaFacts, Mode, Now, OrderId, Output,
    Portrait, Refresh, Reply, RoomEvent, ServerFacts, World, WorldConfig,
};

pub(super) struct Scene {
    pub(super) world: World,
    pub(super) now: Now,
    pub(super) ledger: Ledger,
    pub(super) inboxes: BTreeMap<ConnectionId, Vec<Message>>,
    pub(super) accepted: Vec<ConnectionId>,
    pub(super) refused: Vec<JoinRefusal>,
    pub(super) closed: Vec<ConnectionId>,
    pub(super) refreshed: Vec<(ConnectionId, Refresh)>,
    pub(super) events: Vec<RoomEvent>,
    pub(super) fed: Vec<(ConnectionId, FedNews)>,
    pub(super) portraits: Vec<(FollowerId, Option<Portrait>)>,
    pub(super) replies: Vec<(OrderId, Result<Reply, Fault>)>,
    pub(super) orders: u64,
    connections: u64,
}

/// One participant's client.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) connection: ConnectionId,
    pub(super) identity: String,
    pub(super) mode: Mode,
    pub(super) sections: Vec<Offered>,
    pub(super) ufrag: String,
    pub(super) offers: u32,
}

impl Client {
    /// Adds a section and tells its mid.
    pub(super) fn add(&mut self, section: Offered) -> String {
        self.sections.push(section);
        (self.sections.len() - 1).to_string()
    }
}

pub(super) fn config() -> WorldConfig {
    WorldConfig {
        room_name: "demo".into(),
        room_serial: 9,
        room_metadata: String::new(),
        sync_streams: false,
        playout_delay_ms: None,
        shards: 2,
        spread_after: 2,
        media: MediaFacts {
            fingerprint: door::Fingerprint([7; 32]),
            candidates: vec![sdp::Candidate::host(door::Protocol::Udp, "192.0.2.10:7882".parse().unwrap(), 0)],
        },
        limits: room::RoomLimits::default(),
        codecs: vec![Codec::Vp8, Codec::H264, Codec::Opus, Codec::Red],
        empty_timeout: Duration::from_secs(300),
        departure_timeout: Duration::from_secs(20),
        max_participants: 0,
        ping_interval_s: 5,
        ping_timeout_s: 15,
        server: ServerFacts { version: "1.13.5".into(), node_id: "ND_x".into(), region: String::new() },
        ice_servers: Default::default(),
        seed: [1; 32],
    }
}

/// A join request as a client sends it.
pub(super) fn join(connection: ConnectionId, identity: &str, mode: Mode) -> Join {
    let settings = proto::ConnectionSettings { auto_subscribe: true, ..Default::default() };
    Join {
        connection,
        identity: identity.into(),
        name: String::new(),
        metadata: String::new(),
        attributes: BTreeMap::new(),
        kind: room::ParticipantKind::Standard,
        kind_details: vec![],
        grants: room::Grants::default(),
        claims_json: "{}".into(),
        mode,
        request: proto::JoinRequest { connection_settings: Some(settings), ..Default::default() },
        client_info: proto::ClientInfo { protocol: 17, ..Default::default() },
        reconnect: false,
    }
}

impl Scene {
    pub(super) fn new() -> Self {
        Self::with(config())
    }

    pub(super) fn with(config: WorldConfig) -> Self {
        let now = Now { monotonic: Instant::now(), unix_ms: 1_795_190_001_123 };
        Self {
            world: World::new(config, now),
            now,
            ledger: Ledger::default(),
            inboxes: BTreeMap::new(),
            accepted: vec![],
            refused: vec![],
            closed: vec![],
            refreshed: vec![],
            events: vec![],
            fed: vec![],
            portraits: vec![],
            replies: vec![],
            orders: 0,
            connections: 0,
        }
    }

    pub(super) fn input(&mut self, input: Input) {
        self.world.handle(self.now, input);
        while let Some(output) = self.world.poll() {
            match output {
                Output::Accepted(connection) => self.accepted.push(connection),
                Output::Refused(_, refusal) => self.refused.push(refusal),
                Output::Signal(connection, response) => {
                    assert!(!self.closed.contains(&connection), "{connection:?} is closed");
                    self.inboxes.entry(connection).or_default().extend(response.message);
                }
                Output::Close(connection) => self.closed.push(connection),
                Output::Media(command) => self.ledger.book(command),
                Output::RefreshToken(connection, refresh) => self.refreshed.push((connection, *refresh)),
                Output::Reply(id, reply) => self.replies.push((id, *reply)),
                Output::Fed(connection, news) => self.fed.push((connection, news)),
                Output::Portrait(follower, portrait) => self.portraits.push((follower, portrait.map(|it| *it))),
                Output::Event(event) => self.events.push(event),
            }
        }
        let counts = self.world.counts();
        assert_eq!(counts.peers, self.ledger.peers.len());
        assert_eq!(counts.up_tracks, self.ledger.ups.len());
        assert_eq!(counts.down_tracks, self.ledger.downs.len());
    }

    pub(super) fn connection(&mut self) -> ConnectionId {
        self.connections += 1;
        ConnectionId(self.connections)
    }

    /// Joins without bringing media up.
    pub(super) fn knock(&mut self, identity: &str, mode: Mode, change: impl FnOnce(&mut Join)) -> Client {
        let connection = self.connection();
        let mut join = join(connection, identity, mode);
        let sections = if mode != Mode::Dual { client::first_sections() } else { vec![Offered::data()] };
        let ufrag = format!("ufrag{}", connection.0);
        if mode != Mode::Dual {
            let sdp = client::offer(&sections, &ufrag);
            join.request.publisher_offer = Some(description("offer", sdp, 1));
        }
        change(&mut join);
        self.input(Input::Join(Box::new(join)));
        Client { connection, identity: identity.into(), mode, sections, ufrag, offers: 1 }
    }

    /// Joins and brings media up.
    pub(super) fn enter(&mut self, identity: &str, mode: Mode) -> Client {
        self.enter_with(identity, mode, |_| {})
    }

    pub(super) fn enter_with(&mut self, identity: &str, mode: Mode, change: impl FnOnce(&mut Join)) -> Client {
        let client = self.knock(identity, mode, change);
        self.connect(&client);
        client
    }

    /// The client answers what it is offered, and all its peers come up with their channels.
    pub(super) fn connect(&mut self, client: &Client) {
        self.answer_offers(client);
        for peer in self.peers(client) {
            self.input(Input::Media(Notice::PeerConnected(peer)));
            for channel in [ChannelLabel::Reliable, ChannelLabel::Lossy] {
                self.input(Input::Media(Notice::ChannelOpen(peer, channel)));
            }
        }
    }

    pub(super) fn peers(&self, client: &Client) -> Vec<PeerKey> {
        let session = self.world.sessions.values().find(|it| it.identity == client.identity);
        session.map(|it| it.links().map(|link| link.key).collect()).unwrap_or_default()
    }

    pub(super) fn ask(&mut self, client: &Client, message: Asked) {
        let request = proto::SignalRequest { message: Some(message) };
        self.input(Input::Signal(client.connection, Box::new(request)));
    }

    /// The client offers its sections; the answer is taken from its inbox, also when it comes a little later.
    pub(super) fn offer(&mut self, client: &mut Client) -> proto::SessionDescription {
        self.send_offer(client);
        let answers = |it: &Message| matches!(it, Message::Answer(answer) if answer.id == client.offers);
        if !self.inboxes.get(&client.connection).is_some_and(|inbox| inbox.iter().any(answers)) {
            self.advance(Duration::from_millis(250));
        }
        let answers =
            self.take(client, |it| if let Message::Answer(answer) = it { Some(answer.clone()) } else { None });
        answers.into_iter().find(|it| it.id == client.offers).expect("an answer")
    }

    /// The client offers its sections.
    pub(super) fn send_offer(&mut self, client: &mut Client) {
        client.offers += 1;
        let sdp = client::offer(&client.sections, &client.ufrag);
        self.ask(client, Asked::Offer(description("offer", sdp, client.offers)));
    }

    /// Answers all of the server's offers in the inbox, also those that follow; tells how many there were.
    pub(super) fn answer_offers(&mut self, client: &Client) -> usize {
        let mut count = 0;
        loop {
            let offers =
                self.take(client, |it| if let Message::Offer(offer) = it { Some(offer.clone()) } else { None });
            let Some(offer) = offers.last() else { return count };
            assert_eq!(offers.len(), 1, "one offer at a time");
            count += 1;
            let answer = client::answer(&offer.sdp, &client.ufrag);
            self.ask(client, Asked::Answer(description("answer", answer, offer.id)));
        }
    }

    /// Meets requirements for sections until there are none; tells the last answer.
    pub(super) fn meet_requirements(&mut self, client: &mut Client) -> Option<proto::SessionDescription> {
        let mut last = None;
        loop {
            let asked =
                self.take(client, |it| if let Message::MediaSectionsRequirement(it) = it { Some(*it) } else { None });
            if asked.is_empty() {
                return last;
            }
            for requirement in asked {
                let kinds = [(Kind::Audio, requirement.num_audios), (Kind::Video, requirement.num_videos)];
                for (kind, count) in kinds {
                    (0..count).for_each(|_| _ = client.add(Offered::receive(kind)));
                }
            }
            last = Some(self.offer(client));
        }
    }

    /// Asks for a track and offers it on a new section; tells its id and mid.
    pub(super) fn publish(&mut self, client: &mut Client, kind: Kind, cid: &str) -> (String, String) {
        let sid = self.add_track(client, kind, cid);
        let rids: &[_] = if kind == Kind::Video { &["q", "h", "f"] } else { &[] };
        let mid = client.add(Offered::send(kind, cid, rids));
        self.offer(client);
        if client.mode == Mode::Dual {
            self.connect(client);
        }
        (sid, mid)
    }

    pub(super) fn add_track(&mut self, client: &Client, kind: Kind, cid: &str) -> String {
        let video = kind == Kind::Video;
        let layer =
            |quality, height| proto::VideoLayer { quality, width: height * 16 / 9, height, ..Default::default() };
        let request = proto::AddTrackRequest {
            cid: cid.into(),
            r#type: i32::from(video),
            source: if video { 1 } else { 2 },
            width: if video { 1280 } else { 0 },
            height: if video { 720 } else { 0 },
            layers: if video { vec![layer(0, 180), layer(1, 360), layer(2, 720)] } else { vec![] },
            ..Default::default()
        };
        self.ask(client, Asked::AddTrack(request));
        let published = self.take(client, |it| match it {
            Message::TrackPublished(it) if it.cid == cid => it.track.as_ref().map(|track| track.sid.clone()),
            _ => None,
        });
        published.into_iter().next_back().expect("track_published")
    }

    /// Removes what `pick` picks from a client's inbox.
    pub(super) fn take<T>(&mut self, client: &Client, pick: impl Fn(&Message) -> Option<T>) -> Vec<T> {
        let inbox = self.inboxes.entry(client.connection).or_default();
        let mut taken = Vec::new();
        inbox.retain(|message| pick(message).map(|it| taken.push(it)).is_none());
        taken
    }

    /// One word per message in a client's inbox, which is emptied.
    pub(super) fn words(&mut self, client: &Client) -> Vec<&'static str> {
        let inbox = self.inboxes.remove(&client.connection).unwrap_or_default();
        inbox.iter().map(word).collect()
    }

    /// All participants in the updates in a client's inbox.
    pub(super) fn updates(&mut self, client: &Client) -> Vec<proto::ParticipantInfo> {
        let updates =
            self.take(client, |it| if let Message::Update(it) = it { Some(it.participants.clone()) } else { None });
        updates.into_iter().flatten().collect()
    }

    pub(super) fn leave_message(&mut self, client: &Client) -> Option<proto::LeaveRequest> {
        self.take(client, |it| if let Message::Leave(it) = it { Some(it.clone()) } else { None }).pop()
    }

    pub(super) fn advance(&mut self, time: Duration) {
        self.now.monotonic += time;
        self.now.unix_ms += u64::try_from(time.as_millis()).unwrap();
        self.input(Input::Tick);
    }

    /// The present id of a participant.
    pub(super) fn sid(&self, identity: &str) -> String {
        self.world.room.by_identity(identity).expect("participant").sid.to_string()
    }

    pub(super) fn clear(&mut self) {
        self.inboxes.clear();
        self.events.clear();
        self.ledger.log.clear();
        self.refreshed.clear();
    }
}

pub(super) fn description(kind: &str, sdp: String, id: u32) -> proto::SessionDescription {
    proto::SessionDescription { r#type: kind.into(), sdp, id, ..Default::default() }
}

fn word(message: &Message) -> &'static str {
    match message {
        Message::Join(_) => "join",
        Message::Answer(_) => "answer",
        Message::Offer(_) => "offer",
        Message::Trickle(_) => "trickle",
        Message::Update(_) => "update",
        Message::TrackPublished(_) => "track_published",
        Message::Leave(_) => "leave",
        Message::SpeakersChanged(_) => "speakers",
        Message::RoomUpdate(_) => "room_update",
        Message::ConnectionQuality(_) => "quality",
        Message::SubscribedQualityUpdate(_) => "subscribed_quality",
        Message::SubscriptionPermissionUpdate(_) => "permission",
        Message::Pong(_) => "pong",
        Message::PongResp(_) => "pong_resp",
        Message::Reconnect(_) => "reconnect",
        Message::SubscriptionResponse(_) => "subscription_response",
        Message::RequestResponse(_) => "request_response",
        Message::TrackSubscribed(_) => "track_subscribed",
        Message::MediaSectionsRequirement(_) => "requirement",
        _ => "other",
    }
}
