//! SRTP and SRTCP (RFC 3711, RFC 7714): one session's two directions, packets protected and opened in place.
//!
//! Keys come from DTLS (RFC 5764 section 4.2). Nothing here depends on time.

mod cipher;
mod derive;
mod sources;
mod window;

use dimpl::KeyingMaterial;

use crate::Reject;
use cipher::Cipher;
use derive::MasterKey;
use sources::Sources;
use window::{Seen, Window, index_of};

/// How packets are protected, as negotiated by DTLS-SRTP (RFC 5764 section 4.1.2, RFC 7714 section 14.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SrtpProfile {
    /// AEAD_AES_128_GCM.
    Aes128Gcm,
    /// AEAD_AES_256_GCM.
    Aes256Gcm,
    /// AES128_CM_HMAC_SHA1_80.
    Aes128CmSha1,
}

/// The most that sealing adds to an RTP or RTCP packet, in bytes: a 16-byte tag and SRTCP's index.
pub const SRTP_OVERHEAD_MAX: usize = 20;

/// The most sources that a remote may send from in one session. A camera with three layers and their retransmissions
/// takes six. A packet of one more source is refused.
pub const INBOUND_SOURCES_MAX: usize = 512;

/// The most sources that we send from in one session, over its whole life: an old source's place is never given up,
/// because the same source from sequence zero would repeat GCM nonces. A packet of one more source is refused.
pub const OUTBOUND_SOURCES_MAX: usize = 2_048;

/// Replay window of received packets: 1024, so that repairs of the same source are taken for a second or more.
type InboundWindow = Window<16>;
/// Window of sent packets: 512, for packets that were themselves repaired upstream before they came to us.
type OutboundWindow = Window<8>;
/// Replay window of received SRTCP packets: 128.
type ControlWindow = Window<2>;

const RTP_HEADER_BYTES: usize = 12;
const RTCP_HEADER_BYTES: usize = 8;
const INDEX_BYTES: usize = 4;
const ENCRYPTED_FLAG: u32 = 1 << 31;

impl SrtpProfile {
    /// The profile that DTLS negotiated; `None` for one that we do not know.
    pub(crate) fn from_dtls(profile: dimpl::SrtpProfile) -> Option<Self> {
        match profile {
            dimpl::SrtpProfile::AEAD_AES_128_GCM => Some(Self::Aes128Gcm),
            dimpl::SrtpProfile::AEAD_AES_256_GCM => Some(Self::Aes256Gcm),
            dimpl::SrtpProfile::AES128_CM_SHA1_80 => Some(Self::Aes128CmSha1),
            _ => None,
        }
    }

    fn key_bytes(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes128CmSha1 => 16,
            Self::Aes256Gcm => 32,
        }
    }

    fn salt_bytes(self) -> usize {
        match self {
            Self::Aes128Gcm | Self::Aes256Gcm => 12,
            Self::Aes128CmSha1 => 14,
        }
    }
}

/// Both directions of one session.
pub(crate) struct Srtp {
    profile: SrtpProfile,
    inbound: Inbound,
    outbound: Outbound,
}

impl Srtp {
    /// Derives all keys; `None` when the material has the wrong length. `client` says that we were the DTLS client.
    pub(crate) fn new(profile: SrtpProfile, material: &KeyingMaterial, client: bool) -> Option<Self> {
        let (key, salt) = (profile.key_bytes(), profile.salt_bytes());
        let (keys, salts) = material.split_at_checked(2 * key)?;
        let (client_key, server_key) = keys.split_at(key);
        let (client_salt, server_salt) = salts.split_at_checked(salt)?;
        let from_client = MasterKey::new(profile, client_key, client_salt)?;
        let from_server = MasterKey::new(profile, server_key, server_salt)?;
        let (ours, theirs) = if client { (from_client, from_server) } else { (from_server, from_client) };
        Some(Self { profile, inbound: Inbound::new(&theirs)?, outbound: Outbound::new(&ours)? })
    }

    pub(crate) fn profile(&self) -> SrtpProfile {
        self.profile
    }

    /// Opens an SRTP packet in place and returns the length of the RTP packet.
    pub(crate) fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, Reject> {
        self.inbound.open_rtp(packet)
    }

    /// Opens an SRTCP packet in place and returns the length of the RTCP packet.
    pub(crate) fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Reject> {
        self.inbound.open_rtcp(packet)
    }

    /// Seals an RTP packet of `len` bytes in place and returns the length of the SRTP packet.
    pub(crate) fn seal_rtp(&mut self, packet: &mut [u8], header_len: usize, len: usize) -> Option<usize> {
        self.outbound.seal_rtp(packet, header_len, len, &[])
    }

    /// Seals an RTP packet whose first `len` bytes stand in `packet` and whose last are `rest`, as if they stood there.
    pub(crate) fn seal_rtp_with(
        &mut self,
        packet: &mut [u8],
        header_len: usize,
        len: usize,
        rest: &[u8],
    ) -> Option<usize> {
        self.outbound.seal_rtp(packet, header_len, len, rest)
    }

    /// Seals an RTCP packet of `len` bytes in place and returns the length of the SRTCP packet.
    pub(crate) fn seal_rtcp(&mut self, packet: &mut [u8], len: usize) -> Option<usize> {
        self.outbound.seal_rtcp(packet, len)
    }
}

/// What the remote sends.
struct Inbound {
    rtp: Cipher,
    rtcp: Cipher,
    rtp_sources: Sources<InboundWindow, INBOUND_SOURCES_MAX>,
    rtcp_sources: Sources<ControlWindow, INBOUND_SOURCES_MAX>,
}

impl Inbound {
    fn new(master: &MasterKey) -> Option<Self> {
        let (rtp, rtcp) = master.ciphers()?;
        Some(Self { rtp, rtcp, rtp_sources: Sources::default(), rtcp_sources: Sources::default() })
    }

    fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, Reject> {
        let header_len = rtp_header_len(packet).ok_or(Reject::SrtpMalformed)?;
        let sequence = be16(packet, 2).ok_or(Reject::SrtpMalformed)?;
        let ssrc = be32(packet, 8).ok_or(Reject::SrtpMalformed)?;
        if packet.len() < header_len + self.rtp.tag_bytes() {
            return Err(Reject::SrtpMalformed);
        }
        let index = match self.rtp_sources.window(ssrc) {
            Some(window) => {
                let index = index_of(window.highest(), sequence).ok_or(Reject::SrtpReplayed)?;
                window.is_fresh(index).then_some(index).ok_or(Reject::SrtpReplayed)?
            }
            None => u64::from(sequence),
        };
        let len = self.rtp.open_rtp(packet, header_len, ssrc, index).ok_or(Reject::SrtpUnauthenticated)?;
        self.rtp_sources.mark(ssrc, index).ok_or(Reject::SrtpSourcesFull)?;
        Ok(len)
    }

    fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, Reject> {
        let (body, word) = self.rtcp.split_rtcp(packet).ok_or(Reject::SrtpMalformed)?;
        let ssrc = be32(packet, 4).ok_or(Reject::SrtpMalformed)?;
        if body < RTCP_HEADER_BYTES || word & ENCRYPTED_FLAG == 0 {
            return Err(Reject::SrtpMalformed);
        }
        let index = u64::from(word & !ENCRYPTED_FLAG);
        if let Some(window) = self.rtcp_sources.window(ssrc)
            && !window.is_fresh(index)
        {
            return Err(Reject::SrtpReplayed);
        }
        let len = self.rtcp.open_rtcp(packet, body, ssrc, word).ok_or(Reject::SrtpUnauthenticated)?;
        self.rtcp_sources.mark(ssrc, index).ok_or(Reject::SrtpSourcesFull)?;
        Ok(len)
    }
}

/// What we send.
struct Outbound {
    rtp: Cipher,
    rtcp: Cipher,
    sources: Sources<OutboundWindow, OUTBOUND_SOURCES_MAX>,
    /// One SRTCP index for all sources: unique for each, as RFC 3711 section 3.4 asks.
    rtcp_index: u32,
}

impl Outbound {
    fn new(master: &MasterKey) -> Option<Self> {
        let (rtp, rtcp) = master.ciphers()?;
        Some(Self { rtp, rtcp, sources: Sources::default(), rtcp_index: 0 })
    }

    fn seal_rtp(&mut self, packet: &mut [u8], header_len: usize, len: usize, rest: &[u8]) -> Option<usize> {
        if header_len < RTP_HEADER_BYTES || len < header_len || packet.len() < len + rest.len() + self.rtp.tag_bytes() {
            return None;
        }
        let sequence = be16(packet, 2)?;
        let ssrc = be32(packet, 8)?;
        let index = match self.sources.window(ssrc) {
            Some(window) => {
                let index = index_of(window.highest(), sequence)?;
                if self.rtp.is_nonce_fragile() && !window.is_fresh(index) {
                    return None;
                }
                window.mark(index);
                index
            }
            None => {
                let index = u64::from(sequence);
                self.sources.mark(ssrc, index)?;
                index
            }
        };
        self.rtp.seal_rtp(packet, header_len, len, rest, ssrc, index)
    }

    fn seal_rtcp(&mut self, packet: &mut [u8], len: usize) -> Option<usize> {
        if len < RTCP_HEADER_BYTES || packet.len() < len + self.rtcp.tag_bytes() + INDEX_BYTES {
            return None;
        }
        let index = self.rtcp_index.checked_add(1).filter(|index| index & ENCRYPTED_FLAG == 0)?;
        self.rtcp_index = index;
        let ssrc = be32(packet, 4)?;
        self.rtcp.seal_rtcp(packet, len, ssrc, index | ENCRYPTED_FLAG)
    }
}

/// Length of the header with CSRCs and extension (RFC 3550 section 5.1), which SRTP leaves in clear.
fn rtp_header_len(packet: &[u8]) -> Option<usize> {
    let first = *packet.first()?;
    let csrcs = usize::from(first & 0x0F);
    let fixed = RTP_HEADER_BYTES + 4 * csrcs;
    let has_extension = first & 0x10 != 0;
    let len = if has_extension { fixed + 4 + 4 * usize::from(be16(packet, fixed + 2)?) } else { fixed };
    (len <= packet.len()).then_some(len)
}

fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

#[cfg(test)]
mod tests;
