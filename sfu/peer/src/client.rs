//! The other end: a client for the load tester, the simulator and tests, full enough to join through a [`crate::Peer`].
//!
//! It checks like a controlling ICE agent with one path at a time, answers the checks of full agents, and shares DTLS,
//! SRTP and SCTP with the server end.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use bytes::Bytes;
use door::{ChannelLabel, Datagrams, DtlsRole, Fingerprint, IceCredentials, Path, PeerEnd};
use wire::stun::{Class, Message, Role, TransactionId, WRITTEN_BYTES_MAX, Writer};

use crate::data::{DataChannels, Opening};
use crate::hello::Hello;
use crate::ice::{is_authentic, respond, sign};
use crate::srtp::Srtp;
pub use crate::tunnel::Version;
use crate::tunnel::{self, DATAGRAM_BYTES_MAX, Over, Side, Tunnel};
use crate::{DataRefused, Identity, PeerEvent, Received, Reject, SRTP_OVERHEAD_MAX, SrtpProfile};

/// What a host candidate over UDP has (RFC 8445 section 5.1.2.1, peer-reflexive type).
const PRIORITY: u32 = 1_845_501_695;
/// Time between checks on a path that has not answered.
const CHECK_RETRY: Duration = Duration::from_millis(100);
/// Time between checks on a path that has answered: Chromium's on one that is strong and stable.
const CHECK_INTERVAL: Duration = Duration::from_millis(2500);

/// Which data channels the client expects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Channels {
    /// None: SCTP is never begun.
    None,
    /// The client announces LiveKit's three.
    Announced,
    /// They exist on fixed streams.
    Negotiated,
    /// The server announces its own.
    FromServer,
}

/// What a client knows before its first datagram.
#[derive(Clone, Debug)]
pub struct ClientParams {
    /// The client's credentials.
    pub local: IceCredentials,
    /// The server's.
    pub remote: IceCredentials,
    /// What the server's certificate must hash to.
    pub fingerprint: Fingerprint,
    /// The client's side of DTLS.
    pub role: DtlsRole,
    /// The only DTLS version to offer; `None` offers both.
    pub version: Option<Version>,
    /// The data channels.
    pub channels: Channels,
    /// The longest DTLS datagram of the handshake, in bytes; small ones fragment the ClientHello.
    pub datagram_bytes_max: usize,
    /// USE-CANDIDATE stands in every check; else the path is only validated.
    pub nominates: bool,
    /// PRIORITY of the checks.
    pub priority: u32,
    /// Makes DTLS repeatable.
    pub seed: Option<u64>,
}

impl ClientParams {
    /// A client as browsers are: DTLS client in both versions, announcing its channels, nominating aggressively.
    pub fn new(local: IceCredentials, remote: IceCredentials, fingerprint: Fingerprint) -> Self {
        Self {
            local,
            remote,
            fingerprint,
            role: DtlsRole::Active,
            version: None,
            channels: Channels::Announced,
            datagram_bytes_max: DATAGRAM_BYTES_MAX,
            nominates: true,
            priority: PRIORITY,
            seed: None,
        }
    }
}

/// One client end.
pub struct Client {
    params: ClientParams,
    identity: Identity,
    path: Path,
    check: Check,
    tunnel: Option<Tunnel>,
    srtp: Option<Srtp>,
    data: Option<DataChannels>,
    events: VecDeque<PeerEvent>,
    connected: bool,
    ended: bool,
    role_conflicts: u32,
}

/// The state of the one path's checks.
struct Check {
    serial: u64,
    /// Checks are sent from here on; `None` stops them.
    next: Option<Instant>,
    valid: bool,
    key: hmac::Key,
}

impl Client {
    /// Begins to check `path`, seen from the client: its `local` is the client's address.
    pub fn new(params: ClientParams, identity: &Identity, path: Path, now: Instant) -> Self {
        Self {
            check: Check { serial: 0, next: Some(now), valid: false, key: key_of(&params.remote) },
            params,
            identity: identity.clone(),
            path,
            tunnel: None,
            srtp: None,
            data: None,
            events: VecDeque::new(),
            connected: false,
            ended: false,
            role_conflicts: 0,
        }
    }

    /// Takes one datagram. Media is decrypted in place.
    pub fn receive<'a>(&mut self, now: Instant, datagram: &'a mut [u8], out: &mut Datagrams) -> Received<'a> {
        if self.ended {
            return Received::Rejected(Reject::Ended);
        }
        match datagram.first() {
            Some(0..=3) => self.receive_stun(now, datagram, out),
            Some(20..=63) => self.receive_dtls(now, datagram, out),
            Some(128..=191) => return self.open(datagram),
            _ => return Received::Rejected(Reject::Unknown),
        }
        Received::Nothing
    }

    /// Does what is due.
    pub fn advance(&mut self, now: Instant, out: &mut Datagrams) {
        if self.ended {
            return;
        }
        if self.check.next.is_some_and(|next| next <= now) {
            self.send_check(now, out);
        }
        if let Some(tunnel) = self.tunnel.as_mut().filter(|tunnel| tunnel.deadline().is_some_and(|at| at <= now)) {
            let mut inbox = Vec::new();
            let over = tunnel.advance(now, Some(self.path), out, &mut inbox);
            self.digest(now, over, inbox, out);
        }
        self.pump_data(now, out);
    }

    /// When [`Client::advance`] is due next.
    pub fn deadline(&self) -> Option<Instant> {
        let tunnel = self.tunnel.as_ref().and_then(Tunnel::deadline);
        let data = self.data.as_ref().and_then(DataChannels::deadline);
        [self.check.next, tunnel, data].into_iter().flatten().min().filter(|_| !self.ended)
    }

    /// The next event: of [`PeerEvent`] those about the connection and the channels.
    pub fn poll_event(&mut self) -> Option<PeerEvent> {
        self.events.pop_front()
    }

    /// The SRTP profile, once connected with one.
    pub fn profile(&self) -> Option<SrtpProfile> {
        self.srtp.as_ref().map(Srtp::profile)
    }

    /// The path in use.
    pub fn path(&self) -> Path {
        self.path
    }

    /// How many 487 responses came.
    pub fn role_conflicts(&self) -> u32 {
        self.role_conflicts
    }

    /// Seals one RTP packet of which `header_len` bytes are header.
    pub fn seal_rtp(&mut self, packet: &[u8], header_len: usize) -> Option<Vec<u8>> {
        let mut sealed = roomy(packet);
        let len = self.srtp.as_mut()?.seal_rtp(&mut sealed, header_len, packet.len())?;
        sealed.truncate(len);
        Some(sealed)
    }

    /// Seals the RTP packet `packet[..len]` in place and returns its length; [`SRTP_OVERHEAD_MAX`] bytes of room must
    /// follow it.
    pub fn seal_rtp_in_place(&mut self, packet: &mut [u8], header_len: usize, len: usize) -> Option<usize> {
        self.srtp.as_mut()?.seal_rtp(packet, header_len, len)
    }

    /// Seals one compound RTCP packet.
    pub fn seal_rtcp(&mut self, packet: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = roomy(packet);
        let len = self.srtp.as_mut()?.seal_rtcp(&mut sealed, packet.len())?;
        sealed.truncate(len);
        Some(sealed)
    }

    /// Queues one message on a data channel.
    ///
    /// # Errors
    /// As [`crate::Peer::send_data`].
    pub fn send_data(
        &mut self,
        now: Instant,
        channel: &ChannelLabel,
        payload: &[u8],
        out: &mut Datagrams,
    ) -> Result<(), DataRefused> {
        self.data.as_mut().ok_or(DataRefused::NotOpen)?.send(channel, payload)?;
        self.pump_data(now, out);
        Ok(())
    }

    /// Moves to another address: it is checked and nominated, and everything goes there at once.
    pub fn migrate(&mut self, now: Instant, path: Path) {
        self.path = path;
        (self.check.next, self.check.valid) = (Some(now), false);
    }

    /// Restarts ICE with new credentials.
    pub fn restart(&mut self, now: Instant, local: IceCredentials, remote: IceCredentials) {
        self.check.key = key_of(&remote);
        (self.params.local, self.params.remote) = (local, remote);
        (self.check.next, self.check.valid) = (Some(now), false);
    }

    /// Gives later checks another priority.
    pub fn set_priority(&mut self, priority: u32) {
        self.params.priority = priority;
    }

    /// Stops or resumes checking.
    pub fn set_checking(&mut self, now: Instant, checking: bool) {
        self.check.next = checking.then_some(now);
    }

    /// Says goodbye.
    pub fn close(&mut self, now: Instant, out: &mut Datagrams) {
        if let Some(tunnel) = &mut self.tunnel {
            tunnel.close();
            // It is over either way.
            let _ = tunnel.pump(now, Some(self.path), out, &mut Vec::new());
        }
        self.ended = true;
    }

    /// One check as it would be sent next, in the given role.
    pub fn make_check(&mut self, role: Role, nominates: bool) -> Vec<u8> {
        self.check.serial += 1;
        let mut buffer = vec![0; WRITTEN_BYTES_MAX];
        let mut writer = Writer::new(&mut buffer, Class::Request, &transaction(self.check.serial));
        writer.username(&self.params.remote.ufrag, &self.params.local.ufrag).priority(self.params.priority).role(role);
        if nominates {
            writer.use_candidate();
        }
        let len = writer.finish(|covered| sign(&self.check.key, covered)).unwrap_or(0);
        buffer.truncate(len);
        buffer
    }

    fn send_check(&mut self, now: Instant, out: &mut Datagrams) {
        let check = self.make_check(Role::Controlling(1), self.params.nominates);
        out.push(self.path, &check);
        self.check.next = Some(now + if self.check.valid { CHECK_INTERVAL } else { CHECK_RETRY });
    }

    fn receive_stun(&mut self, now: Instant, datagram: &[u8], out: &mut Datagrams) {
        let Some(message) = Message::parse(datagram) else { return };
        match message.class {
            Class::Success if message.transaction == transaction(self.check.serial) => {
                self.check.valid = true;
                self.check.next = self.check.next.map(|_| now + CHECK_INTERVAL);
            }
            Class::Error if message.error_code == Some(487) => self.role_conflicts += 1,
            Class::Request => return self.answer_check(&message, datagram.len(), out),
            _ => return,
        }
        if self.tunnel.is_none() && self.params.role == DtlsRole::Active && self.check.valid {
            self.begin(now, Side::Client(self.params.version));
            let over = self
                .tunnel
                .as_mut()
                .map_or(Ok(()), |tunnel| tunnel.advance(now, Some(self.path), out, &mut Vec::new()));
            self.digest(now, over, Vec::new(), out);
        }
    }

    /// A full agent at the far end checks, too, and takes no path that does not answer.
    fn answer_check(&self, message: &Message<'_>, len: usize, out: &mut Datagrams) {
        let key = key_of(&self.params.local);
        if message.integrity().is_some_and(|integrity| is_authentic(&key, &integrity)) {
            respond(&key, message, false, self.path, len, out);
        }
    }

    fn begin(&mut self, now: Instant, side: Side) {
        let config = tunnel::config(self.params.seed, self.params.datagram_bytes_max);
        let config = config.unwrap_or_else(|_| self.identity.config(self.params.seed));
        self.tunnel = Some(Tunnel::new(side, config, self.identity.certificate(), now));
    }

    fn receive_dtls(&mut self, now: Instant, datagram: &[u8], out: &mut Datagrams) {
        if let Some(hello) = Hello::parse(datagram).filter(|_| self.tunnel.is_none()) {
            self.begin(now, Side::Server(hello.version()));
        }
        let Some(tunnel) = &mut self.tunnel else { return };
        tunnel.receive(now, datagram);
        let mut inbox = Vec::new();
        let over = tunnel.pump(now, Some(self.path), out, &mut inbox);
        self.digest(now, over, inbox, out);
    }

    fn digest(&mut self, now: Instant, over: Result<(), Over>, inbox: Vec<Bytes>, out: &mut Datagrams) {
        self.conclude();
        if let Some(data) = &mut self.data {
            inbox.into_iter().for_each(|packet| data.receive(now, packet));
        }
        self.pump_data(now, out);
        if let Err(over) = over {
            let end = if over == Over::Closed { PeerEnd::Closed } else { PeerEnd::DtlsFailed };
            self.end(end);
        }
    }

    fn conclude(&mut self) {
        let Some(tunnel) = self.tunnel.as_mut().filter(|_| !self.connected) else { return };
        let Some(remote) = tunnel.remote() else { return };
        if remote != self.params.fingerprint {
            self.end(PeerEnd::FingerprintMismatch);
            return;
        }
        let is_client = tunnel.is_client();
        self.srtp = tunnel
            .take_keys()
            .and_then(|(material, profile)| Srtp::new(SrtpProfile::from_dtls(profile)?, &material, is_client));
        self.connected = true;
        self.data = match self.params.channels {
            Channels::None => None,
            Channels::Announced => DataChannels::connect(Opening::Ours { client: is_client }),
            Channels::Negotiated => DataChannels::connect(Opening::Negotiated),
            Channels::FromServer => DataChannels::connect(Opening::Remote),
        };
        self.events.push_back(PeerEvent::Connected { profile: self.profile() });
    }

    fn pump_data(&mut self, now: Instant, out: &mut Datagrams) {
        let (Some(data), Some(tunnel)) = (&mut self.data, &mut self.tunnel) else { return };
        data.pump(now, &mut self.events, |packet| {
            tunnel.send(packet);
            // Sending alone ends nothing.
            let _ = tunnel.pump(now, Some(self.path), out, &mut Vec::new());
        });
    }

    fn open<'a>(&mut self, datagram: &'a mut [u8]) -> Received<'a> {
        let Some(srtp) = &mut self.srtp else { return Received::Rejected(Reject::SrtpWithoutKeys) };
        let is_control = datagram.get(1).is_some_and(|second| (192..=223).contains(second));
        let opened = if is_control { srtp.open_rtcp(datagram) } else { srtp.open_rtp(datagram) };
        match opened.map(|len| datagram.get(..len).unwrap_or_default()) {
            Ok(packet) if is_control => Received::Rtcp(packet),
            Ok(packet) => Received::Rtp(packet),
            Err(reject) => Received::Rejected(reject),
        }
    }

    fn end(&mut self, end: PeerEnd) {
        self.ended = true;
        self.events.push_back(PeerEvent::Ended(end));
    }
}

fn key_of(credentials: &IceCredentials) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, credentials.pwd.as_bytes())
}

fn transaction(serial: u64) -> TransactionId {
    let mut transaction = [0; 12];
    transaction[4..].copy_from_slice(&serial.to_be_bytes());
    transaction
}

fn roomy(packet: &[u8]) -> Vec<u8> {
    let mut room = packet.to_vec();
    room.resize(packet.len() + SRTP_OVERHEAD_MAX, 0);
    room
}
