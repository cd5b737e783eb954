//! A room with everything: the control core, the shards, and apps that signal and send and receive media.
//! Signals take their time on the way, in order for each connection.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use door::{IceCredentials, SsrcPair};
use livekit::world::{ConnectionId, Input, Join, MediaFacts, Mode, Now, Output, ServerFacts, World, WorldConfig};
use livekit_protocol as proto;
use proto::signal_request::Message as Ask;
use proto::signal_response::Message as Tell;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sdp::{Description, SectionKind};

use crate::description::{self, Section};
use crate::guest::Guest;
use crate::link::LinkProfile;
use crate::media::Media;
use crate::publisher::Publisher;
use crate::subscriber::Subscriber;

/// Longest way of a signal.
const SIGNAL_DELAY_MAX: Duration = Duration::from_millis(60);

/// A signal on its way.
enum Letter {
    Up(ConnectionId, Box<proto::SignalRequest>),
    Down(ConnectionId, Box<proto::SignalResponse>),
    Closed(ConnectionId),
}

/// See the module.
pub struct Call {
    /// Shards, links and media clients.
    pub media: Media,
    /// The room.
    pub world: World,
    /// Everybody who ever came.
    pub guests: Vec<Guest>,
    /// What no correct server does.
    pub faults: Vec<String>,
    rng: StdRng,
    letters: BTreeMap<(Instant, u64), Letter>,
    last: BTreeMap<(ConnectionId, bool), Instant>,
    serial: u64,
    start: Instant,
    links: LinkProfile,
    /// By how much the machine's clock is ahead, in milliseconds; negative when it is behind.
    pub clock_off_ms: i64,
}

impl Call {
    /// An empty room on `shards` shards; all that happens is drawn from `seed`.
    pub fn new(shards: u16, seed: u64, links: LinkProfile) -> Self {
        let media = Media::new(shards, seed);
        let now = Now { monotonic: media.now, unix_ms: 1_795_190_000_000 };
        let world = World::new(config(shards, seed, &media), now);
        let (start, rng) = (media.now, StdRng::seed_from_u64(seed.wrapping_add(1)));
        let (guests, faults, letters, last) = (Vec::new(), Vec::new(), BTreeMap::new(), BTreeMap::new());
        Self { media, world, guests, faults, rng, letters, last, serial: 0, start, links, clock_off_ms: 0 }
    }

    /// Somebody knocks; their index.
    pub fn join(&mut self) -> usize {
        let serial = self.guests.len() as u32 + 1;
        let connection = ConnectionId(u64::from(serial));
        let mut guest = Guest::new(serial, connection, format!("guest-{serial}"));
        guest.offers = 1;
        guest.waiting = true;
        let sdp = description::offer(&guest.sections, "", &guest.ice, self.media.fingerprint());
        let offer = proto::SessionDescription { r#type: "offer".into(), sdp, id: 1, ..Default::default() };
        let settings = proto::ConnectionSettings { auto_subscribe: true, ..Default::default() };
        let request = proto::JoinRequest {
            connection_settings: Some(settings),
            publisher_offer: Some(offer),
            ..Default::default()
        };
        let join = Join {
            connection,
            identity: guest.identity.clone(),
            name: String::new(),
            metadata: String::new(),
            attributes: BTreeMap::new(),
            kind: room::ParticipantKind::Standard,
            kind_details: Vec::new(),
            grants: room::Grants::default(),
            claims_json: "{}".into(),
            mode: Mode::Single,
            request,
            client_info: proto::ClientInfo { protocol: 17, ..Default::default() },
            reconnect: false,
        };
        self.guests.push(guest);
        self.input(Input::Join(Box::new(join)));
        self.guests.len() - 1
    }

    /// A guest says goodbye.
    pub fn leave(&mut self, index: usize) {
        let reason = proto::DisconnectReason::ClientInitiated.into();
        self.ask(index, Ask::Leave(proto::LeaveRequest { reason, ..Default::default() }));
        self.send_off(index);
    }

    /// A guest's app crashes: neither goodbye nor media nor websocket.
    pub fn crash(&mut self, index: usize) {
        let connection = self.guests[index].connection;
        self.post(connection, true, Letter::Closed(connection));
        self.send_off(index);
    }

    fn send_off(&mut self, index: usize) {
        let guest = &mut self.guests[index];
        guest.gone = true;
        if let Some(node) = guest.node {
            self.media.nodes[node].dead = true;
        }
    }

    /// A guest publishes its camera.
    pub fn publish(&mut self, index: usize) {
        let request = self.guests[index].publish();
        self.ask(index, Ask::AddTrack(request));
        self.offer(index);
    }

    /// A guest stops its camera.
    pub fn unpublish(&mut self, index: usize) {
        self.guests[index].unpublish();
        if let Some(node) = self.guests[index].node {
            self.media.nodes[node].publisher = None;
        }
        self.offer(index);
    }

    /// A guest mutes or unmutes its camera; whether it could.
    pub fn mute(&mut self, index: usize, muted: bool) -> bool {
        let Some(sid) = self.guests[index].track.clone() else { return false };
        self.ask(index, Ask::Mute(proto::MuteTrackRequest { sid, muted }));
        true
    }

    /// An administrator gives an order.
    pub fn order(&mut self, order: livekit::world::Order) {
        self.input(Input::Order(livekit::world::OrderId(0), Box::new(order)));
    }

    fn offer(&mut self, index: usize) {
        let fingerprint = self.media.fingerprint();
        let guest = &mut self.guests[index];
        if guest.waiting {
            guest.stale = true;
            return;
        }
        (guest.waiting, guest.stale, guest.offers) = (true, false, guest.offers + 1);
        let sdp = description::offer(&guest.sections, guest.cid.as_deref().unwrap_or(""), &guest.ice, fingerprint);
        let offer = proto::SessionDescription { r#type: "offer".into(), sdp, id: guest.offers, ..Default::default() };
        self.ask(index, Ask::Offer(offer));
    }

    fn ask(&mut self, index: usize, message: Ask) {
        let connection = self.guests[index].connection;
        self.post(connection, true, Letter::Up(connection, Box::new(proto::SignalRequest { message: Some(message) })));
    }

    fn post(&mut self, connection: ConnectionId, upward: bool, letter: Letter) {
        let after = self.last.get(&(connection, upward)).copied().unwrap_or(self.media.now);
        let at = (self.media.now + self.rng.random_range(Duration::ZERO..SIGNAL_DELAY_MAX)).max(after);
        self.last.insert((connection, upward), at);
        self.serial += 1;
        self.letters.insert((at, self.serial), letter);
    }

    /// Lets time pass.
    pub fn run(&mut self, span: Duration) {
        let end = self.media.now + span;
        loop {
            let letters = self.letters.first_key_value().map(|(&(at, _), _)| at);
            let next = [letters, self.world.deadline(), self.media.deadline()].into_iter().flatten().min();
            let Some(next) = next.filter(|&next| next <= end) else { break };
            self.media.step(next);
            self.media.now = self.media.now.max(next);
            self.deliver();
            if self.world.deadline().is_some_and(|at| at <= self.media.now) {
                self.input(Input::Tick);
            }
            for notice in std::mem::take(&mut self.media.notices) {
                self.input(Input::Media(notice));
            }
        }
        self.media.now = end;
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.letters.first_entry().filter(|entry| entry.key().0 <= self.media.now) {
            match entry.remove() {
                Letter::Up(connection, request) => self.input(Input::Signal(connection, request)),
                Letter::Closed(connection) => self.input(Input::ConnectionClosed(connection)),
                Letter::Down(connection, response) => {
                    let index = self.guests.iter().position(|guest| guest.connection == connection && !guest.gone);
                    if let (Some(index), Some(message)) = (index, response.message) {
                        self.hear(index, message);
                    }
                }
            }
        }
    }

    fn input(&mut self, input: Input) {
        let unix_ms = 1_795_190_000_000 + (self.media.now - self.start).as_millis() as u64;
        let unix_ms = unix_ms.saturating_add_signed(self.clock_off_ms);
        self.world.handle(Now { monotonic: self.media.now, unix_ms }, input);
        while let Some(output) = self.world.poll() {
            match output {
                Output::Media(command) => self.media.command(command),
                Output::Signal(connection, response) => {
                    self.post(connection, false, Letter::Down(connection, response));
                }
                Output::Refused(connection, refusal) => self.faults.push(format!("{connection:?}: {refusal}")),
                Output::Event(livekit::world::RoomEvent::ClientFault { identity, what }) => {
                    self.faults.push(format!("{identity}: {what}"));
                }
                Output::Accepted(_)
                | Output::Close(_)
                | Output::RefreshToken(..)
                | Output::Reply(..)
                | Output::Fed(..)
                | Output::Event(_)
                | Output::Portrait(..) => {}
            }
        }
    }

    fn hear(&mut self, index: usize, message: Tell) {
        match message {
            Tell::Join(join) => self.guests[index].update(&join.other_participants),
            Tell::Update(update) => self.guests[index].update(&update.participants),
            Tell::TrackPublished(published) => {
                let guest = &mut self.guests[index];
                if guest.cid.as_deref() == Some(&published.cid) {
                    guest.track = published.track.map(|track| track.sid);
                }
            }
            Tell::MediaSectionsRequirement(wanted) => {
                let more = std::iter::repeat_n(Section::Receive, wanted.num_videos as usize);
                self.guests[index].sections.extend(more);
                self.offer(index);
            }
            Tell::Answer(answer) => self.answered(index, &answer),
            Tell::Leave(leave) => self.faults.push(format!("guest {index} was sent away: {leave:?}")),
            _ => {}
        }
    }

    fn answered(&mut self, index: usize, answer: &proto::SessionDescription) {
        let parsed = match Description::parse(&answer.sdp) {
            Ok(parsed) => parsed,
            Err(error) => return self.faults.push(format!("an answer that cannot be read: {error}")),
        };
        let Some(transport) = &parsed.transport else { return self.faults.push("an answer without ICE".into()) };
        let node = match self.guests[index].node {
            Some(node) => node,
            None => self.connect(index, &transport.ice),
        };
        let guest = &mut self.guests[index];
        guest.waiting = false;
        guest.places = answer
            .mid_to_track_id
            .iter()
            .filter_map(|(mid, sid)| Some((wire::Mid::new(mid.as_bytes())?, sid.clone())))
            .collect();
        self.place_subscriptions(node, &parsed);
        let guest = &mut self.guests[index];
        let sending = guest.sending().filter(|&mid| parsed.section(mid).is_some_and(|it| it.direction.receives()));
        let publisher = &mut self.media.nodes[node].publisher;
        if let Some(mid) = sending.filter(|_| publisher.is_none()) {
            *publisher = Some(Publisher::in_section(self.media.now, mid, guest.ssrcs()));
        }
        if guest.stale {
            self.offer(index);
        }
    }

    fn connect(&mut self, index: usize, server: &IceCredentials) -> usize {
        let ours = self.guests[index].ice.clone();
        let node = self.media.connect(ours, server.clone(), self.links, self.links);
        self.guests[index].node = Some(node);
        node
    }

    /// Keeps one decoder for each source that the answer announces.
    fn place_subscriptions(&mut self, node: usize, answer: &Description) {
        let sections = answer.sections.iter().filter(|it| it.kind == SectionKind::Video && it.direction.sends());
        let announced: Vec<(SsrcPair, wire::Pt, wire::Pt)> = sections
            .filter_map(|section| {
                let codec = section.codecs.first()?;
                Some((*section.ssrcs.first()?, codec.pt, codec.rtx?))
            })
            .collect();
        let now = self.media.now;
        let subscribers = &mut self.media.nodes[node].subscribers;
        subscribers.retain(|(sources, _)| announced.iter().any(|(other, ..)| other == sources));
        for (sources, media, rtx) in announced {
            if !subscribers.iter().any(|(other, _)| *other == sources) {
                subscribers.push((sources, Subscriber::of(now, sources.media, media, rtx)));
            }
        }
    }

    /// What is wrong now that the room had time to settle: everybody should see all that others publish.
    pub fn check(&self) -> Vec<String> {
        let mut wrong = self.faults.clone();
        let here = || self.guests.iter().filter(|guest| !guest.gone);
        for guest in here() {
            let expected = here().filter(|other| other.identity != guest.identity && other.track.is_some());
            let mut pictures = 0;
            for other in expected {
                let sid = other.track.as_deref().unwrap_or_default();
                match guest.seen.get(sid) {
                    Some(seen) => pictures += usize::from(!seen.muted),
                    None => wrong.push(format!("{} does not know of {}", guest.identity, other.identity)),
                }
            }
            let Some(node) = guest.node.map(|node| &self.media.nodes[node]) else {
                wrong.push(format!("{} has no media", guest.identity));
                continue;
            };
            let fresh = |it: &&(SsrcPair, Subscriber)| self.media.now - it.1.decoded_at() < Duration::from_millis(400);
            let decoding = node.subscribers.iter().filter(|it| it.1.decoded > 0).filter(fresh).count();
            if decoding != pictures {
                wrong.push(format!("{} decodes {decoding} pictures, wanted {pictures}", guest.identity));
            }
            wrong.extend(node.subscribers.iter().flat_map(|(_, it)| it.faults.clone()));
        }
        wrong
    }
}

fn config(shards: u16, seed: u64, media: &Media) -> WorldConfig {
    WorldConfig {
        sync_streams: false,
        playout_delay_ms: None,
        room_name: "sim".into(),
        room_serial: 1,
        room_metadata: String::new(),
        shards,
        spread_after: 1,
        media: MediaFacts { fingerprint: media.fingerprint(), candidates: Vec::new() },
        limits: room::RoomLimits::default(),
        codecs: vec![door::Codec::Vp8, door::Codec::Opus],
        empty_timeout: Duration::from_secs(300),
        departure_timeout: Duration::from_secs(20),
        max_participants: 0,
        ping_interval_s: 5,
        ping_timeout_s: 15,
        server: ServerFacts { version: "1.13.5".into(), node_id: "ND_sim".into(), region: String::new() },
        ice_servers: Default::default(),
        seed: wide(seed),
    }
}

/// The simulation's seed as the room's.
fn wide(seed: u64) -> [u8; 32] {
    let mut wide = [0; 32];
    wide[..8].copy_from_slice(&seed.to_le_bytes());
    wide
}
