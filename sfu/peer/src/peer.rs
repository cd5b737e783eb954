//! One remote end, assembled: tells the protocols of a datagram apart and keeps their timers.

use std::time::{Duration, Instant};

use door::{ChannelLabel, Datagrams, DtlsRole, Fingerprint, IceCredentials, Path, PeerParams};

use crate::{DataRefused, Identity, PeerEvent, Received, Reject};

/// Without an authenticated check for so long, the peer is reported silent. Browsers check every 2.5 to 6 s.
pub const SILENCE: Duration = Duration::from_secs(10);

/// One ICE, DTLS and SCTP association. The owner drains [`Peer::poll_event`] after each `receive`, `advance` and
/// `set_remote`, and calls [`Peer::advance`] when [`Peer::deadline`] has come.
pub struct Peer {
    params: PeerParams,
    identity: Identity,
    seed: Option<u64>,
}

impl Peer {
    /// Expects a remote. `seed` makes DTLS's backoff and random bytes repeatable and is for simulation only.
    pub fn new(params: &PeerParams, identity: &Identity, now: Instant, seed: Option<u64>) -> Self {
        let _ = now;
        Self { params: params.clone(), identity: identity.clone(), seed }
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
        let _ = (now, path, datagram, out);
        Received::Rejected(Reject::Unknown)
    }

    /// The remote's description arrived or changed. A new `local` restarts ICE: the credentials before it are honoured
    /// until the first check with the new ones (RFC 8445 section 9). `fingerprint` and `role` count until DTLS is up.
    pub fn set_remote(
        &mut self,
        now: Instant,
        local: Option<IceCredentials>,
        remote: IceCredentials,
        fingerprint: Fingerprint,
        role: DtlsRole,
        out: &mut Datagrams,
    ) {
        let _ = (now, local, remote, fingerprint, role, out);
    }

    /// Where datagrams go: the path of the last authenticated nominating check.
    pub fn path(&self) -> Option<Path> {
        None
    }

    /// Whether keys and a path are there.
    pub fn can_send_media(&self) -> bool {
        false
    }

    /// Encrypts one RTP packet in place and returns its new length. `packet` begins with `len` bytes of packet, of which
    /// `header_len` are header with CSRCs and extension, and has [`crate::SRTP_OVERHEAD_MAX`] spare bytes behind.
    /// `None` when there are no keys, when lengths do not fit, or when the sequence number was sealed before: sealing
    /// other bytes under the same number would give the GCM key away.
    pub fn seal_rtp(&mut self, packet: &mut [u8], header_len: usize, len: usize) -> Option<usize> {
        let _ = (packet, header_len, len);
        None
    }

    /// Encrypts one compound RTCP packet of `len` bytes in place and returns its new length; see [`Peer::seal_rtp`].
    pub fn seal_rtcp(&mut self, packet: &mut [u8], len: usize) -> Option<usize> {
        let _ = (packet, len);
        None
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
        let _ = (now, channel, payload, out);
        Err(DataRefused::NotOpen)
    }

    /// Does what is due: DTLS and SCTP retransmission, silence, consent.
    pub fn advance(&mut self, now: Instant, out: &mut Datagrams) {
        let _ = (now, out);
    }

    /// When [`Peer::advance`] is due next; `None` when only a datagram or a call can change anything.
    pub fn deadline(&self) -> Option<Instant> {
        None
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<PeerEvent> {
        None
    }

    /// The local user fragments that are honoured: the present one, and during an ICE restart the one before.
    pub fn local_ufrags(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.params.local.ufrag.as_str())
    }

    /// Says goodbye as well as it can (DTLS `close_notify`) and accepts nothing more.
    pub fn close(&mut self, now: Instant, out: &mut Datagrams) {
        let _ = (now, out, &self.identity, self.seed);
    }
}
