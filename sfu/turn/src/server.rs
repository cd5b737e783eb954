//! The server: takes what clients and the peer send, and says what becomes of it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use aws_lc_rs::{constant_time, hmac};
use quota::{Quota, Rate, home};
use wire::stun::Integrity;
use wire::turn::{self, CHANNELS, Class, Message, Method, Writer};

use crate::allocation::{Allocation, LIFETIME_MAX_S, LIFETIME_S};
use crate::answer::{self, Refusal, challenge, refused, signed, success};
use crate::{Client, Credentials, Family, credentials, nonce};

/// The protocol number of UDP, all that is relayed.
const UDP: u8 = 17;

/// What an operator decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where clients are told that media is, one address for each family at most: the only peers.
    pub peers: Vec<SocketAddr>,
    /// Allocations at a time.
    pub allocations_max: usize,
    /// Allocations of one user at a time.
    pub per_user_max: usize,
    /// Answers to unproven messages of one source. More would make us a mirror for forged senders.
    pub strangers: Rate,
}

/// The time on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For what ends.
    pub monotonic: Instant,
    /// Seconds since 1970, for credentials and nonces.
    pub unix_s: u64,
}

/// What becomes of what a client sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Heard<'a> {
    /// Nothing.
    Nothing,
    /// The client is answered.
    Answer(Vec<u8>),
    /// The client is answered, and its relayed address ends.
    Ended(Vec<u8>),
    /// This goes to the peer.
    ToPeer(&'a [u8]),
}

/// What happened since the start, and how many allocations there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Allocations that live.
    pub allocations: u64,
    /// Allocations made.
    pub allocated: u64,
    /// Requests refused of clients that are known, peers that may not be reached among them.
    pub refused: u64,
    /// Messages without good credentials.
    pub unauthenticated: u64,
    /// Of these and of binding requests, those that got no answer because their source had had enough.
    pub throttled: u64,
    /// What was no TURN, or of no allocation.
    pub ignored: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Turn {
    settings: Settings,
    credentials: Credentials,
    nonce_key: hmac::Key,
    allocations: BTreeMap<Client, Allocation>,
    /// What the clock counts from.
    began: Instant,
    strangers: Quota,
    counts: Counts,
}

impl Turn {
    /// A server without allocations. `seed` signs nonces and must not be guessed.
    pub fn new(settings: Settings, credentials: Credentials, seed: &[u8; 32], began: Instant) -> Self {
        let scatter = seed.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Self {
            began,
            strangers: Quota::new(settings.strangers, scatter),
            settings,
            credentials,
            nonce_key: hmac::Key::new(hmac::HMAC_SHA256, seed),
            allocations: BTreeMap::new(),
            counts: Counts::default(),
        }
    }

    /// Takes one message or ChannelData of a client. `open` opens a relayed address of a family, whose other end is the
    /// peer, and tells what the client should take it for.
    pub fn receive<'a>(
        &mut self,
        now: Now,
        client: Client,
        bytes: &'a [u8],
        open: impl FnOnce(Family) -> Option<SocketAddr>,
    ) -> Heard<'a> {
        if let Some((channel, data)) = turn::channel_data(bytes) {
            let allocation = self.living(now, client).filter(|it| it.channel(now.monotonic) == Some(channel));
            return self.pass_on(allocation.is_some(), data);
        }
        let Some(message) = Message::parse(bytes) else { return self.ignore() };
        match (message.method, message.is_request) {
            (Method::Send, false) => self.send(now, client, &message),
            (Method::Binding, true) => self.binding(now, client, &message),
            (Method::Send | Method::Data, _) | (_, false) => self.ignore(),
            _ => self.request(now, client, &message, open),
        }
    }

    /// What a client is sent of what its peer sent, added to `out`; nothing when the peer is not let in.
    pub fn deliver(&mut self, now: Now, client: Client, data: &[u8], out: &mut Vec<u8>) {
        let Some(allocation) = self.living(now, client).filter(|it| it.is_permitted(now.monotonic)) else { return };
        if let Some(channel) = allocation.channel(now.monotonic) {
            return turn::write_channel_data(out, channel, data, client.is_stream);
        }
        // An indication needs no answer, and so no transaction that could be guessed.
        let writer = Writer::new(Method::Data, Class::Indication, &[0; 12]);
        out.extend(writer.peer(allocation.peer).data(data).unsigned());
    }

    /// A client's connection ended, and its allocation with it.
    pub fn gone(&mut self, client: Client) {
        self.allocations.remove(&client);
    }

    /// Ends allocations whose time is over and tells whose.
    pub fn advance(&mut self, now: Now) -> Vec<Client> {
        let over = self.allocations.iter().filter(|(_, it)| it.expires <= now.monotonic);
        let over: Vec<Client> = over.map(|(client, _)| *client).collect();
        for client in &over {
            self.allocations.remove(client);
        }
        over
    }

    /// What there is and what happened.
    pub fn counts(&self) -> Counts {
        Counts { allocations: self.allocations.len() as u64, ..self.counts }
    }

    /// Whether a client has an allocation.
    pub fn has(&self, client: Client) -> bool {
        self.allocations.contains_key(&client)
    }

    fn living(&self, now: Now, client: Client) -> Option<&Allocation> {
        self.allocations.get(&client).filter(|it| now.monotonic < it.expires)
    }

    fn ignore<'a>(&mut self) -> Heard<'a> {
        self.counts.ignored += 1;
        Heard::Nothing
    }

    fn pass_on<'a>(&mut self, allowed: bool, data: &'a [u8]) -> Heard<'a> {
        if allowed && !data.is_empty() { Heard::ToPeer(data) } else { self.ignore() }
    }

    fn send<'a>(&mut self, now: Now, client: Client, message: &Message<'a>) -> Heard<'a> {
        let allocation = self.living(now, client).filter(|it| it.is_permitted(now.monotonic));
        let allowed = allocation.is_some_and(|it| message.peer == Some(it.peer)) && message.unknown.is_none();
        self.pass_on(allowed, message.data.unwrap_or_default())
    }

    /// Whether a source that has proven nothing is answered.
    fn answers(&self, host: IpAddr, now: Now) -> bool {
        self.strangers.take(home(host), now.monotonic.saturating_duration_since(self.began)).is_ok()
    }

    /// The port is a STUN server as well.
    fn binding<'a>(&mut self, now: Now, client: Client, message: &Message<'_>) -> Heard<'a> {
        if !self.answers(client.remote.ip(), now) {
            self.counts.throttled += 1;
            return Heard::Nothing;
        }
        Heard::Answer(success(message).mapped(client.remote).unsigned())
    }

    fn request<'a>(
        &mut self,
        now: Now,
        client: Client,
        message: &Message<'_>,
        open: impl FnOnce(Family) -> Option<SocketAddr>,
    ) -> Heard<'a> {
        let (name, key) = match self.authenticate(now, client, message) {
            Ok(known) => known,
            Err(refusal) => return self.challenge(now, client, message, refusal),
        };
        let done = match message.method {
            _ if message.unknown.is_some() => Err(answer::UNKNOWN_ATTRIBUTE),
            Method::Allocate => self.allocate(now, client, message, name, open),
            Method::Refresh => self.refresh(now, client, message, name),
            Method::CreatePermission => self.permit(now, client, message, name),
            Method::ChannelBind => self.bind(now, client, message, name),
            Method::Binding | Method::Send | Method::Data => Err(answer::BAD_REQUEST),
        };
        match done {
            Ok(writer) if message.method == Method::Refresh && !self.has(client) => Heard::Ended(signed(writer, &key)),
            Ok(writer) => Heard::Answer(signed(writer, &key)),
            Err(refusal) => {
                self.counts.refused += 1;
                Heard::Answer(refused(message, refusal, &key))
            }
        }
    }

    /// Whose a request is (RFC 8489 section 9.2.4).
    fn authenticate<'m>(
        &self,
        now: Now,
        client: Client,
        message: &Message<'m>,
    ) -> Result<(&'m str, hmac::Key), Refusal> {
        let integrity = message.integrity().ok_or(answer::UNAUTHORIZED)?;
        let (Some(name), Some(nonce)) = (message.username, message.nonce) else { return Err(answer::BAD_REQUEST) };
        let key = self.credentials.key(name).ok_or(answer::UNAUTHORIZED)?;
        if !is_authentic(&key, &integrity) {
            return Err(answer::UNAUTHORIZED);
        }
        let is_good = nonce::is_good(&self.nonce_key, client.remote.ip(), nonce, now.unix_s);
        if is_good { Ok((name, key)) } else { Err(answer::STALE_NONCE) }
    }

    fn challenge<'a>(&mut self, now: Now, client: Client, message: &Message<'_>, refusal: Refusal) -> Heard<'a> {
        self.counts.unauthenticated += 1;
        let host = client.remote.ip();
        if !self.answers(host, now) {
            self.counts.throttled += 1;
            return Heard::Nothing;
        }
        let nonce = (refusal != answer::BAD_REQUEST).then(|| nonce::make(&self.nonce_key, host, now.unix_s));
        Heard::Answer(challenge(message, refusal, nonce.as_deref()))
    }

    fn allocate(
        &mut self,
        now: Now,
        client: Client,
        message: &Message<'_>,
        name: &str,
        open: impl FnOnce(Family) -> Option<SocketAddr>,
    ) -> Result<Writer, Refusal> {
        if let Some(own) = self.living(now, client) {
            let is_repeated = own.transaction == message.transaction && own.name == name;
            return if is_repeated { Ok(allocated(message, own, client, now)) } else { Err(answer::MISMATCH) };
        }
        let (expires_s, user) = credentials::parts(name).ok_or(answer::UNAUTHORIZED)?;
        if expires_s <= now.unix_s {
            return Err(answer::UNAUTHORIZED);
        }
        let transport = message.transport.ok_or(answer::BAD_REQUEST)?;
        if transport != UDP {
            return Err(answer::TRANSPORT_UNSUPPORTED);
        }
        let peer = self.peer(message.family)?;
        let of_user = |it: &&Allocation| credentials::parts(&it.name).is_some_and(|(_, other)| other == user);
        if self.allocations.values().filter(of_user).count() >= self.settings.per_user_max {
            return Err(answer::QUOTA);
        }
        if self.allocations.len() >= self.settings.allocations_max {
            return Err(answer::CAPACITY);
        }
        let relayed = open(Family::of(peer)).ok_or(answer::CAPACITY)?;
        let allocation = Allocation {
            name: name.to_owned(),
            transaction: message.transaction,
            relayed,
            peer,
            expires: now.monotonic + lifetime(message),
            permission: None,
            channel: None,
        };
        let writer = allocated(message, &allocation, client, now);
        self.allocations.insert(client, allocation);
        self.counts.allocated += 1;
        Ok(writer)
    }

    /// The one peer of the family that a client asks for.
    fn peer(&self, family: Option<u8>) -> Result<SocketAddr, Refusal> {
        let family = match family {
            None | Some(1) => Family::V4,
            Some(2) => Family::V6,
            Some(_) => return Err(answer::FAMILY_UNSUPPORTED),
        };
        let peer = self.settings.peers.iter().find(|peer| Family::of(**peer) == family);
        peer.copied().ok_or(answer::FAMILY_UNSUPPORTED)
    }

    fn refresh(&mut self, now: Now, client: Client, message: &Message<'_>, name: &str) -> Result<Writer, Refusal> {
        let allocation = owned(&mut self.allocations, now, client, name)?;
        if message.lifetime_s == Some(0) {
            self.allocations.remove(&client);
            return Ok(success(message).lifetime_s(0));
        }
        allocation.expires = now.monotonic + lifetime(message);
        Ok(success(message).lifetime_s(seconds(allocation.expires - now.monotonic)))
    }

    fn permit(&mut self, now: Now, client: Client, message: &Message<'_>, name: &str) -> Result<Writer, Refusal> {
        let allocation = owned(&mut self.allocations, now, client, name)?;
        let peer = message.peer.ok_or(answer::BAD_REQUEST)?;
        // A permission is for a host (RFC 8656 section 9); the port is looked at with each packet.
        if peer.ip() != allocation.peer.ip() || !message.is_one_peer {
            return Err(answer::FORBIDDEN);
        }
        allocation.permit(now.monotonic);
        Ok(success(message))
    }

    fn bind(&mut self, now: Now, client: Client, message: &Message<'_>, name: &str) -> Result<Writer, Refusal> {
        let allocation = owned(&mut self.allocations, now, client, name)?;
        let channel = message.channel.filter(|it| CHANNELS.contains(it)).ok_or(answer::BAD_REQUEST)?;
        let peer = message.peer.ok_or(answer::BAD_REQUEST)?;
        if peer != allocation.peer {
            return Err(answer::FORBIDDEN);
        }
        if allocation.bind(channel, now.monotonic) { Ok(success(message)) } else { Err(answer::BAD_REQUEST) }
    }
}

/// A client's allocation, if it is the one who made it.
fn owned<'t>(
    allocations: &'t mut BTreeMap<Client, Allocation>,
    now: Now,
    client: Client,
    name: &str,
) -> Result<&'t mut Allocation, Refusal> {
    let found = allocations.get_mut(&client).filter(|it| now.monotonic < it.expires);
    let allocation = found.ok_or(answer::MISMATCH)?;
    if allocation.name == name { Ok(allocation) } else { Err(answer::WRONG_CREDENTIALS) }
}

fn allocated(message: &Message<'_>, allocation: &Allocation, client: Client, now: Now) -> Writer {
    let left = allocation.expires.saturating_duration_since(now.monotonic);
    success(message).relayed(allocation.relayed).lifetime_s(seconds(left)).mapped(client.remote)
}

fn lifetime(message: &Message<'_>) -> Duration {
    Duration::from_secs(message.lifetime_s.unwrap_or(LIFETIME_S).clamp(LIFETIME_S, LIFETIME_MAX_S).into())
}

fn seconds(time: Duration) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}

fn is_authentic(key: &hmac::Key, integrity: &Integrity<'_>) -> bool {
    let mut context = hmac::Context::with_key(key);
    context.update(&integrity.header);
    context.update(integrity.body);
    constant_time::verify_slices_are_equal(context.sign().as_ref(), &integrity.tag).is_ok()
}
