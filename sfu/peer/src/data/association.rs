//! One SCTP association, as the data channels want to see it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sctp_proto::{
    Association, AssociationHandle, DatagramEvent, Endpoint, EndpointConfig, Event, Payload, PayloadProtocolIdentifier,
    ServerConfig, TransportConfig,
};

use super::dcep::Reliability;
use crate::MESSAGE_BYTES_MAX;
use crate::tunnel::DATAGRAM_BYTES_MAX;

/// SCTP's common header and a data chunk's, in bytes.
const SCTP_HEADER_BYTES: usize = 28;
/// The most that DTLS adds: a record header, an explicit nonce and a tag.
const DTLS_OVERHEAD_BYTES: usize = 40;
/// User data per packet, so that DTLS fits [`DATAGRAM_BYTES_MAX`].
const PAYLOAD_BYTES_MAX: usize = DATAGRAM_BYTES_MAX - DTLS_OVERHEAD_BYTES - SCTP_HEADER_BYTES;
/// Bytes that the remote may have in flight to us.
const RECEIVE_BUFFER_BYTES: u32 = 1 << 20;
/// Timeouts as WebRTC's own SCTP has them, capped so that a peer which was away recovers soon.
const RTO_INITIAL_MS: u64 = 500;
const RTO_MIN_MS: u64 = 400;
const RTO_MAX_MS: u64 = 5_000;

/// SCTP over DTLS has no addresses; the library wants one.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 5_000);

/// The endpoint with at most one association.
pub(super) struct Sctp {
    endpoint: Endpoint,
    association: Option<(AssociationHandle, Association)>,
}

impl Sctp {
    /// Takes the first association that the remote begins.
    pub(super) fn listen() -> Self {
        let mut server = ServerConfig::new();
        server.transport = Arc::new(transport());
        Self { endpoint: Endpoint::new(endpoint_config(), Some(Arc::new(server))), association: None }
    }

    /// Begins an association.
    pub(super) fn connect() -> Option<Self> {
        let mut endpoint = Endpoint::new(endpoint_config(), None);
        let mut client = sctp_proto::ClientConfig::new();
        client.transport = Arc::new(transport());
        let association = endpoint.connect(client, NOWHERE).ok()?;
        Some(Self { endpoint, association: Some(association) })
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.association.as_ref()?.1.poll_timeout()
    }

    pub(super) fn receive(&mut self, now: Instant, packet: Bytes) {
        match self.endpoint.handle(now, NOWHERE, None, None, packet) {
            Some((_, DatagramEvent::AssociationEvent(event))) => {
                if let Some((_, association)) = &mut self.association {
                    association.handle_event(event);
                }
            }
            Some((handle, DatagramEvent::NewAssociation(association))) => {
                // One is all that WebRTC has; more would be kept for nothing.
                self.endpoint.reject_new_associations();
                self.association = Some((handle, association));
            }
            None => {}
        }
    }

    pub(super) fn advance(&mut self, now: Instant) {
        if let Some((_, association)) = &mut self.association
            && association.poll_timeout().is_some_and(|at| at <= now)
        {
            association.handle_timeout(now);
        }
    }

    pub(super) fn poll(&mut self) -> Option<Event> {
        self.association.as_mut()?.1.poll()
    }

    /// Hands all packets that may leave to `send`.
    pub(super) fn transmit(&mut self, now: Instant, send: &mut impl FnMut(&[u8])) {
        let Some((handle, association)) = &mut self.association else { return };
        while let Some(transmit) = association.poll_transmit(now) {
            if let Payload::RawEncode(packets) = transmit.payload {
                packets.iter().for_each(|packet| send(packet));
            }
        }
        while let Some(event) = association.poll_endpoint_event() {
            if let Some(event) = self.endpoint.handle_event(*handle, event) {
                association.handle_event(event);
            }
        }
    }

    /// Takes note of a stream that the remote began; returns how many there are.
    pub(super) fn accept(&mut self) -> usize {
        let Some((_, association)) = &mut self.association else { return 0 };
        while association.accept_stream().is_some() {}
        association.stream_ids().len()
    }

    /// Begins a stream; true also when the remote was first.
    pub(super) fn open(&mut self, id: u16) -> bool {
        let Some((_, association)) = &mut self.association else { return false };
        association.stream(id).is_ok() || association.open_stream(id, PayloadProtocolIdentifier::Binary).is_ok()
    }

    pub(super) fn reset(&mut self, id: u16) {
        if let Some((_, association)) = &mut self.association
            && let Ok(mut stream) = association.stream(id)
        {
            // A stream that cannot be reset is already gone.
            let _ = stream.close();
        }
    }

    pub(super) fn set_reliability(&mut self, id: u16, reliability: Reliability) {
        if let Some((_, association)) = &mut self.association
            && let Ok(mut stream) = association.stream(id)
        {
            // Fails only for a closed stream, to which nothing will be written.
            let _ = stream.set_reliability_params(reliability.unordered, reliability.kind, reliability.value);
        }
    }

    pub(super) fn write(&mut self, id: u16, bytes: &[u8], ppi: PayloadProtocolIdentifier) -> bool {
        let Some((_, association)) = &mut self.association else { return false };
        association.stream(id).is_ok_and(|mut stream| stream.write_with_ppi(bytes, ppi).is_ok())
    }

    /// The next whole message of a stream.
    pub(super) fn read(&mut self, id: u16) -> Option<(PayloadProtocolIdentifier, Vec<u8>)> {
        let chunks = self.association.as_mut()?.1.stream(id).ok()?.read_sctp().ok()??;
        let mut bytes = vec![0; chunks.len()];
        chunks.read(&mut bytes).ok()?;
        Some((chunks.ppi, bytes))
    }

    /// Bytes that wait to be sent or acknowledged on these streams.
    pub(super) fn buffered(&mut self, ids: impl Iterator<Item = u16>) -> usize {
        let Some((_, association)) = &mut self.association else { return 0 };
        ids.filter_map(|id| association.stream(id).ok()?.buffered_amount().ok()).sum()
    }
}

fn transport() -> TransportConfig {
    let message_bytes_max = u32::try_from(MESSAGE_BYTES_MAX).unwrap_or(u32::MAX);
    TransportConfig::default()
        .with_max_receive_buffer_size(RECEIVE_BUFFER_BYTES)
        .with_max_send_message_size(message_bytes_max)
        .with_max_receive_message_size(message_bytes_max)
        .with_rto_initial_ms(RTO_INITIAL_MS)
        .with_rto_min_ms(RTO_MIN_MS)
        .with_rto_max_ms(RTO_MAX_MS)
}

fn endpoint_config() -> Arc<EndpointConfig> {
    let mut config = EndpointConfig::new();
    config.max_payload_size(u32::try_from(PAYLOAD_BYTES_MAX).unwrap_or(u32::MAX));
    Arc::new(config)
}
