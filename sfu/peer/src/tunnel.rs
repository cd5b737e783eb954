//! The DTLS association (RFC 6347, RFC 9147) and what it yields: the remote's certificate, SRTP keys, and datagrams of
//! SCTP.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use dimpl::{Config, Dtls, DtlsCertificate, KeyingMaterial, Output};
use door::{Datagrams, Fingerprint, Path};

use crate::identity::fingerprint_of;

/// The handshake must be done within this time of its beginning.
pub const HANDSHAKE: Duration = Duration::from_secs(30);

/// The longest DTLS datagram that we send, in bytes of UDP payload; fits IPv6's least MTU.
pub(crate) const DATAGRAM_BYTES_MAX: usize = 1_200;

/// First retransmission of a flight; it doubles from there. Browsers begin at 50 ms, LiveKit at 100 ms.
const FLIGHT: Duration = Duration::from_millis(250);
/// Enough retransmissions to last [`HANDSHAKE`].
const FLIGHT_RETRIES: usize = 8;
/// The library says "ten years" when it waits for nothing.
const IDLE: Duration = Duration::from_secs(24 * 3_600);
/// Room for one output of the library; larger ones (certificates, long records) are lent more.
const OUTPUT_BYTES: usize = 2_048;
/// The largest output that is taken, in bytes: a DTLS record holds at most 2^14, a certificate chain 2^16.
const OUTPUT_BYTES_MAX: usize = 1 << 17;

/// The library's configuration, shared by all peers; with a seed for one simulated peer.
pub(crate) fn config(seed: Option<u64>, datagram_bytes_max: usize) -> Result<Arc<Config>, dimpl::Error> {
    let builder = Config::builder()
        .with_crypto_provider(dimpl::crypto::aws_lc_rs::default_provider())
        .mtu(datagram_bytes_max)
        .handshake_timeout(HANDSHAKE)
        .flight_start_rto(FLIGHT)
        .flight_retries(FLIGHT_RETRIES)
        // ICE has shown that the remote is there, so a cookie would cost a round trip for nothing (RFC 5763 section 5).
        .use_server_cookie(false);
    let builder = match seed {
        Some(seed) => builder.dangerously_set_rng_seed(seed),
        None => builder,
    };
    builder.build().map(Arc::new)
}

/// A version of DTLS.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// RFC 6347.
    Dtls12,
    /// RFC 9147.
    Dtls13,
}

/// Which side we are, and in which version.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    Server(Version),
    /// Offers one version, or both.
    Client(Option<Version>),
}

/// The association has ended by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Over {
    /// The remote sent close_notify.
    Closed,
    /// Timed out or broken.
    Failed,
}

/// One DTLS association.
pub(crate) struct Tunnel {
    dtls: Dtls,
    deadline: Option<Instant>,
    certificate: Option<Fingerprint>,
    keys: Option<(KeyingMaterial, dimpl::SrtpProfile)>,
    connected: bool,
}

impl Tunnel {
    pub(crate) fn new(side: Side, config: Arc<Config>, certificate: DtlsCertificate, now: Instant) -> Self {
        let dtls = match side {
            Side::Server(Version::Dtls12) => Dtls::new_12(config, certificate, now),
            Side::Server(Version::Dtls13) => Dtls::new_13(config, certificate, now),
            Side::Client(version) => {
                let mut dtls = match version {
                    Some(Version::Dtls12) => Dtls::new_12(config, certificate, now),
                    Some(Version::Dtls13) => Dtls::new_13(config, certificate, now),
                    None => Dtls::new_auto(config, certificate, now),
                };
                dtls.set_active(true);
                dtls
            }
        };
        Self { dtls, deadline: Some(now), certificate: None, keys: None, connected: false }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(crate) fn is_client(&self) -> bool {
        self.dtls.is_active()
    }

    /// The hash of the remote's certificate, once the handshake is done.
    pub(crate) fn remote(&self) -> Option<Fingerprint> {
        self.certificate.filter(|_| self.connected)
    }

    /// Hands out the SRTP keys, once.
    pub(crate) fn take_keys(&mut self) -> Option<(KeyingMaterial, dimpl::SrtpProfile)> {
        self.keys.take()
    }

    /// Takes one datagram; false when the association does not take it. That alone never ends the association: anyone
    /// who can write from the remote's address could send it.
    pub(crate) fn receive(&mut self, now: Instant, datagram: &[u8]) -> bool {
        self.dtls.handle_timeout(now).is_ok() && self.dtls.handle_packet(datagram).is_ok()
    }

    /// Sends one SCTP packet.
    pub(crate) fn send(&mut self, payload: &[u8]) -> bool {
        self.dtls.send_application_data(payload).is_ok()
    }

    /// Begins to say goodbye; [`Tunnel::pump`] sends it.
    pub(crate) fn close(&mut self) {
        // An association that cannot say goodbye just goes.
        let _ = self.dtls.close();
    }

    /// Does what is due at `now` and moves all output: datagrams to `out`, SCTP packets to `inbox`.
    pub(crate) fn advance(
        &mut self,
        now: Instant,
        path: Option<Path>,
        out: &mut Datagrams,
        inbox: &mut Vec<Bytes>,
    ) -> Result<(), Over> {
        let timely = self.dtls.handle_timeout(now);
        self.pump(now, path, out, inbox)?;
        timely.map_err(|_| Over::Failed)
    }

    /// Moves all output.
    pub(crate) fn pump(
        &mut self,
        now: Instant,
        path: Option<Path>,
        out: &mut Datagrams,
        inbox: &mut Vec<Bytes>,
    ) -> Result<(), Over> {
        let mut small = [0; OUTPUT_BYTES];
        let mut large = Vec::new();
        loop {
            let room = if large.is_empty() { &mut small[..] } else { &mut large[..] };
            match self.dtls.poll_output(room) {
                Output::Packet(packet) => {
                    if let Some(path) = path {
                        out.push(path, packet);
                    }
                }
                Output::BufferTooSmall { needed } if needed <= OUTPUT_BYTES_MAX => large.resize(needed, 0),
                Output::BufferTooSmall { .. } => return Err(Over::Failed),
                Output::Timeout(at) => {
                    self.deadline = (at < now + IDLE).then_some(at);
                    return Ok(());
                }
                Output::Connected => self.connected = true,
                Output::PeerCert(der) => self.certificate = Some(fingerprint_of(der)),
                Output::KeyingMaterial(material, profile) => self.keys = Some((material, profile)),
                Output::ApplicationData(payload) => inbox.push(Bytes::copy_from_slice(payload)),
                Output::CloseNotify => return Err(Over::Closed),
                _ => {}
            }
        }
    }
}
