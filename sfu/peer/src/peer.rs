//! One remote end, assembled: tells the protocols of a datagram apart and keeps their timers.

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;
use door::{ChannelLabel, Datagrams, DtlsRole, Fingerprint, IceCredentials, Path, PeerEnd, PeerParams};

use crate::data::{DataChannels, MESSAGES_QUEUED_MAX, Opening};
use crate::hello::Hello;
use crate::ice::Ice;
use crate::srtp::Srtp;
use crate::tunnel::{HANDSHAKE, Over, Side, Tunnel};
use crate::{DataRefused, Identity, PeerEvent, Received, Reject};

/// How often a new ClientHello may replace an unfinished handshake. Whoever can write from the remote's address could
/// send a first one before the remote does, and must not keep it out.
pub const HANDSHAKES_MAX: u8 = 4;

/// One ICE, DTLS and SCTP association. The owner drains [`Peer::poll_event`] after each `receive`, `advance` and
/// `set_remote`, and calls [`Peer::advance`] when [`Peer::deadline`] has come.
pub struct Peer {
    identity: Identity,
    seed: Option<u64>,
    fingerprint: Option<Fingerprint>,
    role: DtlsRole,
    negotiated_channels: bool,
    opens_channels: bool,
    ice: Ice,
    tunnel: Option<Box<Tunnel>>,
    /// The random bytes of the ClientHello that the tunnel answers.
    hello: Option<[u8; 32]>,
    handshakes: u8,
    /// When DTLS must be up.
    connect_by: Option<Instant>,
    connected: bool,
    srtp: Option<Box<Srtp>>,
    data: Option<Box<DataChannels>>,
    events: VecDeque<PeerEvent>,
    ended: bool,
    now: Instant,
}

impl Peer {
    /// Expects a remote. `seed` makes DTLS's backoff and random bytes repeatable and is for simulation only.
    pub fn new(params: &PeerParams, identity: &Identity, now: Instant, seed: Option<u64>) -> Self {
        Self {
            identity: identity.clone(),
            seed,
            fingerprint: params.fingerprint,
            role: params.role,
            negotiated_channels: params.negotiated_channels,
            opens_channels: params.opens_channels,
            ice: Ice::new(&params.local),
            tunnel: None,
            hello: None,
            handshakes: 0,
            connect_by: None,
            connected: false,
            srtp: None,
            data: None,
            events: VecDeque::new(),
            ended: false,
            now,
        }
    }

    /// Takes one datagram: STUN, DTLS, SRTP or SRTCP, told apart by the first byte (RFC 7983). Media is decrypted in
    /// place; answers are added to `out`.
    pub fn receive<'a>(
        &mut self,
        now: Instant,
        path: Path,
        datagram: &'a mut [u8],
        out: &mut Datagrams,
    ) -> Received<'a> {
        self.now = now;
        if self.ended || self.ice.is_expired() {
            return Received::Rejected(Reject::Ended);
        }
        let result = match datagram.first() {
            Some(0..=3) => self.receive_stun(now, path, datagram, out),
            Some(20..=63) => self.receive_dtls(now, path, datagram, out),
            Some(128..=191) => return self.receive_srtp(path, datagram),
            _ => Err(Reject::Unknown),
        };
        match result {
            Ok(()) => Received::Nothing,
            Err(reject) => Received::Rejected(reject),
        }
    }

    /// The remote's description arrived or changed. A new `local` restarts ICE: the credentials before it are honoured
    /// until the first check with the new ones (RFC 8445 section 9), and a peer whose consent expired lives again.
    /// `fingerprint` and `role` count until DTLS is up. The remote's own credentials are not needed: a lite agent
    /// checks nothing.
    pub fn set_remote(
        &mut self,
        now: Instant,
        local: Option<IceCredentials>,
        _remote: IceCredentials,
        fingerprint: Fingerprint,
        role: DtlsRole,
        out: &mut Datagrams,
    ) {
        self.now = now;
        if self.ended {
            return;
        }
        if let Some(local) = local {
            self.ice.restart(&local);
        }
        if !self.connected {
            self.fingerprint = Some(fingerprint);
            self.role = role;
            self.begin_active(now, out);
            self.conclude(now, out);
        }
    }

    /// Where datagrams go: the path of the last authenticated nominating check.
    pub fn path(&self) -> Option<Path> {
        self.ice.selected()
    }

    /// Whether keys and a path are there.
    pub fn can_send_media(&self) -> bool {
        self.srtp.is_some() && self.path().is_some() && !self.ended
    }

    /// Encrypts one RTP packet and returns its new length. `packet` begins with `len` bytes, of which `header_len` are
    /// header with CSRCs and extension; they are sealed in place. `rest` is what follows in the payload; it is sealed
    /// from where it lies, so that what many subscribers share is never copied for each. Behind `len` there is room for
    /// `rest` and [`crate::SRTP_OVERHEAD_MAX`].
    /// `None` when there are no keys, when lengths do not fit, or when GCM sealed the sequence number before: sealing
    /// other bytes under the same number would give the key away. So retransmissions need a source of their own
    /// (RFC 4588).
    pub fn seal_rtp(&mut self, packet: &mut [u8], header_len: usize, len: usize, rest: &[u8]) -> Option<usize> {
        self.srtp.as_mut()?.seal_rtp_with(packet, header_len, len, rest)
    }

    /// Encrypts one compound RTCP packet of `len` bytes in place and returns its new length; see [`Peer::seal_rtp`].
    pub fn seal_rtcp(&mut self, packet: &mut [u8], len: usize) -> Option<usize> {
        self.srtp.as_mut()?.seal_rtcp(packet, len)
    }

    /// Queues one binary message on a data channel; it leaves through `out` as far as congestion control lets it.
    ///
    /// # Errors
    /// See [`DataRefused`]. A refusal changes nothing.
    pub fn send_data(
        &mut self,
        now: Instant,
        channel: &ChannelLabel,
        payload: &[u8],
        out: &mut Datagrams,
    ) -> Result<(), DataRefused> {
        self.now = now;
        self.data.as_mut().filter(|_| !self.ended).ok_or(DataRefused::NotOpen)?.send(channel, payload)?;
        self.pump_data(now, out);
        Ok(())
    }

    /// The owner has dealt with messages of the reliable channel, or of all others, that cost so much: as many more may
    /// come as events, see [`door::data`].
    pub fn grant_data(&mut self, now: Instant, reliable: bool, cost: u32, out: &mut Datagrams) {
        self.now = now;
        if let Some(data) = &mut self.data {
            data.grant(reliable, cost);
            self.pump_data(now, out);
        }
    }

    /// Data messages dropped since the last call because the owner did not keep up.
    pub fn take_data_shed(&mut self) -> u64 {
        self.data.as_mut().map_or(0, |data| data.take_shed())
    }

    /// Does what is due: DTLS and SCTP retransmission, silence, consent.
    pub fn advance(&mut self, now: Instant, out: &mut Datagrams) {
        self.now = now;
        if self.ended {
            return;
        }
        let events = &mut self.events;
        if self.ice.advance(now, &mut |event| events.push_back(event)) {
            self.events.push_back(PeerEvent::Ended(PeerEnd::ConsentExpired));
            return;
        }
        let path = self.path();
        if let Some(tunnel) = &mut self.tunnel
            && tunnel.deadline().is_some_and(|at| at <= now)
        {
            let mut inbox = Vec::new();
            let over = tunnel.advance(now, path, out, &mut inbox);
            self.digest(now, over, inbox, out);
        }
        if self.connect_by.is_some_and(|by| by <= now) {
            self.end(PeerEnd::DtlsFailed);
        }
        self.pump_data(now, out);
    }

    /// When [`Peer::advance`] is due next; `None` when only a datagram or a call can change anything.
    pub fn deadline(&self) -> Option<Instant> {
        if self.ended || self.ice.is_expired() {
            return None;
        }
        let data = self.data.as_ref();
        let unread = data.filter(|data| data.is_readable() && self.events.len() < MESSAGES_QUEUED_MAX);
        let deadlines = [
            self.ice.deadline(),
            self.connect_by,
            self.tunnel.as_ref().and_then(|tunnel| tunnel.deadline()),
            data.and_then(|data| data.deadline()),
            unread.map(|_| self.now),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<PeerEvent> {
        self.events.pop_front()
    }

    /// The local user fragments that are honoured: the present one, and during an ICE restart the one before.
    pub fn local_ufrags(&self) -> impl Iterator<Item = &str> {
        self.ice.ufrags()
    }

    /// Says goodbye as well as it can (DTLS `close_notify`) and accepts nothing more.
    pub fn close(&mut self, now: Instant, out: &mut Datagrams) {
        self.now = now;
        let path = self.path();
        if let Some(tunnel) = self.tunnel.as_mut().filter(|_| !self.ended) {
            tunnel.close();
            // It is over either way.
            let _ = tunnel.pump(now, path, out, &mut Vec::new());
        }
        self.shut();
    }

    /// Whether a datagram would begin a DTLS handshake, which costs what hundreds of packets cost.
    pub fn begins_handshake(&self, datagram: &[u8]) -> bool {
        if self.role == DtlsRole::Active || self.connected || self.handshakes >= HANDSHAKES_MAX {
            return false;
        }
        Hello::parse(datagram).is_some_and(|hello| self.hello != Some(hello.random))
    }

    fn receive_stun(&mut self, now: Instant, path: Path, datagram: &[u8], out: &mut Datagrams) -> Result<(), Reject> {
        let events = &mut self.events;
        self.ice.receive(now, path, datagram, out, &mut |event| events.push_back(event))?;
        if !self.connected && self.connect_by.is_none() && self.path().is_some() {
            self.connect_by = Some(now + HANDSHAKE);
        }
        self.begin_active(now, out);
        Ok(())
    }

    /// As DTLS client, begins the handshake as soon as there are a path and a description.
    fn begin_active(&mut self, now: Instant, out: &mut Datagrams) {
        let may_begin = self.role == DtlsRole::Active && self.tunnel.is_none() && self.fingerprint.is_some();
        let Some(path) = self.path().filter(|_| may_begin) else { return };
        let tunnel = self.tunnel.insert(Box::new(new_tunnel(&self.identity, self.seed, Side::Client(None), now)));
        let mut inbox = Vec::new();
        let over = tunnel.advance(now, Some(path), out, &mut inbox);
        self.digest(now, over, inbox, out);
    }

    fn receive_dtls(&mut self, now: Instant, path: Path, datagram: &[u8], out: &mut Datagrams) -> Result<(), Reject> {
        if !self.ice.is_valid(path) {
            return Err(Reject::PathUnvalidated);
        }
        self.begin_passive(now, datagram);
        let selected = self.path();
        let tunnel = self.tunnel.as_mut().ok_or(Reject::DtlsMalformed)?;
        let taken = tunnel.receive(now, datagram);
        let mut inbox = Vec::new();
        let over = tunnel.pump(now, selected, out, &mut inbox);
        self.digest(now, over, inbox, out);
        taken.then_some(()).ok_or(Reject::DtlsMalformed)
    }

    /// As DTLS server, makes the association that fits the ClientHello.
    fn begin_passive(&mut self, now: Instant, datagram: &[u8]) {
        if self.role == DtlsRole::Active || self.connected || self.handshakes >= HANDSHAKES_MAX {
            return;
        }
        let Some(hello) = Hello::parse(datagram) else { return };
        let is_done = self.tunnel.as_ref().is_some_and(|tunnel| tunnel.remote().is_some());
        if self.hello == Some(hello.random) || is_done {
            return;
        }
        self.hello = Some(hello.random);
        self.handshakes += 1;
        let side = Side::Server(hello.version());
        self.tunnel = Some(Box::new(new_tunnel(&self.identity, self.seed, side, now)));
    }

    /// Draws the conclusions from the tunnel's output.
    fn digest(&mut self, now: Instant, over: Result<(), Over>, inbox: Vec<Bytes>, out: &mut Datagrams) {
        self.conclude(now, out);
        for packet in inbox {
            self.receive_sctp(now, packet);
        }
        self.pump_data(now, out);
        match over {
            Ok(()) => {}
            Err(Over::Closed) => self.end(PeerEnd::Closed),
            Err(Over::Failed) => self.end(PeerEnd::DtlsFailed),
        }
    }

    /// Takes the keys once the handshake is done and the certificate is known to be the right one.
    fn conclude(&mut self, now: Instant, out: &mut Datagrams) {
        let Some(tunnel) = self.tunnel.as_mut().filter(|_| !self.connected && !self.ended) else { return };
        let (Some(remote), Some(expected)) = (tunnel.remote(), self.fingerprint) else { return };
        if remote != expected {
            self.close(now, out);
            self.events.push_back(PeerEvent::Ended(PeerEnd::FingerprintMismatch));
            return;
        }
        let is_client = tunnel.is_client();
        self.srtp = tunnel.take_keys().and_then(|(material, profile)| {
            let profile = crate::SrtpProfile::from_dtls(profile)?;
            Srtp::new(profile, &material, is_client).map(Box::new)
        });
        (self.connected, self.connect_by) = (true, None);
        let profile = self.srtp.as_ref().map(|srtp| srtp.profile());
        self.events.push_back(PeerEvent::Connected { profile });
    }

    fn receive_sctp(&mut self, now: Instant, packet: Bytes) {
        // Until the certificate is verified this may be anyone; SCTP sends it again.
        if !self.connected || self.ended {
            return;
        }
        let opening = match (self.negotiated_channels, self.opens_channels) {
            (true, _) => Opening::Negotiated,
            (false, true) => Opening::Ours { client: self.role == DtlsRole::Active },
            (false, false) => Opening::Remote,
        };
        let data = self.data.get_or_insert_with(|| Box::new(DataChannels::listen(opening).metered()));
        data.receive(now, packet);
    }

    fn pump_data(&mut self, now: Instant, out: &mut Datagrams) {
        let path = self.path();
        let (Some(data), Some(tunnel)) = (&mut self.data, &mut self.tunnel) else { return };
        data.pump(now, &mut self.events, |packet| {
            tunnel.send(packet);
            // Sending alone ends nothing.
            let _ = tunnel.pump(now, path, out, &mut Vec::new());
        });
    }

    fn receive_srtp<'a>(&mut self, path: Path, datagram: &'a mut [u8]) -> Received<'a> {
        if !self.ice.is_valid(path) {
            return Received::Rejected(Reject::PathUnvalidated);
        }
        let Some(srtp) = &mut self.srtp else { return Received::Rejected(Reject::SrtpWithoutKeys) };
        // RFC 5761 section 4: RTCP's packet types are where RTP has marker and payload type.
        let is_control = datagram.get(1).is_some_and(|second| (192..=223).contains(second));
        let opened = if is_control { srtp.open_rtcp(datagram) } else { srtp.open_rtp(datagram) };
        match opened.map(|len| datagram.get(..len).unwrap_or_default()) {
            Ok(packet) if is_control => Received::Rtcp(packet),
            Ok(packet) => Received::Rtp(packet),
            Err(reject) => Received::Rejected(reject),
        }
    }

    fn end(&mut self, end: PeerEnd) {
        if !self.ended {
            self.events.push_back(PeerEvent::Ended(end));
            self.shut();
        }
    }

    fn shut(&mut self) {
        self.ended = true;
        (self.tunnel, self.srtp, self.data) = (None, None, None);
    }
}

fn new_tunnel(identity: &Identity, seed: Option<u64>, side: Side, now: Instant) -> Tunnel {
    Tunnel::new(side, identity.config(seed), identity.certificate(), now)
}
