//! One direction's cipher for RTP or RTCP: AES-GCM (RFC 7714) or AES counter mode with HMAC-SHA1 (RFC 3711).

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::EncryptingKey;
use aws_lc_rs::{constant_time, hmac};

use super::derive::{Label, MasterKey, Stream, counter_mode, encrypt};
use super::{INDEX_BYTES, RTCP_HEADER_BYTES, SrtpProfile, be32};

const GCM_TAG_BYTES: usize = 16;
const SHA1_TAG_BYTES: usize = 10;

/// Keys made once per session; sealing and opening allocate nothing.
pub(super) enum Cipher {
    Gcm {
        key: LessSafeKey,
        salt: [u8; 12],
    },
    /// Boxed: its key schedules are large, and most sessions use GCM.
    CmSha1(Box<CmSha1>),
}

/// Counter mode with HMAC-SHA1.
pub(super) struct CmSha1 {
    key: EncryptingKey,
    salt: [u8; 14],
    auth: hmac::Key,
}

impl Cipher {
    pub(super) fn new(profile: SrtpProfile, master: &MasterKey, stream: Stream) -> Option<Self> {
        let mut key_room = [0; 32];
        let key = key_room.get_mut(..profile.key_bytes())?;
        master.derive(stream, Label::Encryption, key)?;
        let algorithm = match profile {
            SrtpProfile::Aes128Gcm => &AES_128_GCM,
            SrtpProfile::Aes256Gcm => &AES_256_GCM,
            SrtpProfile::Aes128CmSha1 => return Self::new_cm(master, stream, key),
        };
        let mut salt = [0; 12];
        master.derive(stream, Label::Salt, &mut salt)?;
        Some(Self::Gcm { key: LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?), salt })
    }

    fn new_cm(master: &MasterKey, stream: Stream, key: &[u8]) -> Option<Self> {
        let (mut salt, mut auth) = ([0; 14], [0; 20]);
        master.derive(stream, Label::Salt, &mut salt)?;
        master.derive(stream, Label::Authentication, &mut auth)?;
        let auth = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &auth);
        Some(Self::CmSha1(Box::new(CmSha1 { key: counter_mode(key)?, salt, auth })))
    }

    pub(super) fn tag_bytes(&self) -> usize {
        match self {
            Self::Gcm { .. } => GCM_TAG_BYTES,
            Self::CmSha1(_) => SHA1_TAG_BYTES,
        }
    }

    /// Whether two different packets under one index betray the key. In counter mode a retransmission with another
    /// header is harmless, because the payload is the same.
    pub(super) fn is_nonce_fragile(&self) -> bool {
        matches!(self, Self::Gcm { .. })
    }

    /// Seals `packet[..len]` followed by `rest`, which is read where it lies: one pass instead of a copy and a pass. The
    /// room for `rest` and the tag must exist.
    pub(super) fn seal_rtp(
        &self,
        packet: &mut [u8],
        header_len: usize,
        len: usize,
        rest: &[u8],
        ssrc: u32,
        index: u64,
    ) -> Option<usize> {
        let end = len + rest.len() + self.tag_bytes();
        let packet = packet.get_mut(..end)?;
        match self {
            Self::Gcm { key, salt } => {
                let (text, sealed_rest) = packet.split_at_mut_checked(len)?;
                let (header, payload) = text.split_at_mut_checked(header_len)?;
                let nonce = gcm_nonce(salt, ssrc, index);
                key.seal_in_place_scatter(nonce, Aad::from(&*header), payload, rest, sealed_rest).ok()?;
            }
            Self::CmSha1(cm) => {
                packet.get_mut(len..len + rest.len())?.copy_from_slice(rest);
                let (text, tag_room) = packet.split_at_mut_checked(len + rest.len())?;
                encrypt(&cm.key, cm_counter(&cm.salt, ssrc, index), text.get_mut(header_len..)?)?;
                tag_room.copy_from_slice(&sha1_tag(&cm.auth, text, &rollover(index)));
            }
        }
        Some(end)
    }

    /// Opens `packet` and returns the length without the tag.
    pub(super) fn open_rtp(&self, packet: &mut [u8], header_len: usize, ssrc: u32, index: u64) -> Option<usize> {
        let len = packet.len().checked_sub(self.tag_bytes())?;
        match self {
            Self::Gcm { key, salt } => {
                let (header, sealed) = packet.split_at_mut_checked(header_len)?;
                key.open_in_place(gcm_nonce(salt, ssrc, index), Aad::from(&*header), sealed).ok()?;
            }
            Self::CmSha1(cm) => {
                let (text, tag) = packet.split_at_mut_checked(len)?;
                constant_time::verify_slices_are_equal(&sha1_tag(&cm.auth, text, &rollover(index)), tag).ok()?;
                encrypt(&cm.key, cm_counter(&cm.salt, ssrc, index), text.get_mut(header_len..)?)?;
            }
        }
        Some(len)
    }

    /// Where the RTCP packet ends in an SRTCP packet, without tag and index, and the word with E flag and index.
    pub(super) fn split_rtcp(&self, packet: &[u8]) -> Option<(usize, u32)> {
        let body = packet.len().checked_sub(self.tag_bytes() + INDEX_BYTES)?;
        let word_at = match self {
            Self::Gcm { .. } => packet.len() - INDEX_BYTES,
            Self::CmSha1(_) => body,
        };
        Some((body, be32(packet, word_at)?))
    }

    /// Seals `packet[..len]`; `word` is the index with the E flag.
    pub(super) fn seal_rtcp(&self, packet: &mut [u8], len: usize, ssrc: u32, word: u32) -> Option<usize> {
        let end = len + self.tag_bytes() + INDEX_BYTES;
        let (text, trailer) = packet.get_mut(..end)?.split_at_mut_checked(len)?;
        let index = u64::from(word & !super::ENCRYPTED_FLAG);
        match self {
            Self::Gcm { key, salt } => {
                let (header, payload) = text.split_at_mut_checked(RTCP_HEADER_BYTES)?;
                let aad = Aad::from(rtcp_aad(header, word)?);
                let tag = key.seal_in_place_separate_tag(gcm_nonce(salt, ssrc, index), aad, payload).ok()?;
                let (tag_room, word_room) = trailer.split_at_mut_checked(GCM_TAG_BYTES)?;
                tag_room.copy_from_slice(tag.as_ref());
                word_room.copy_from_slice(&word.to_be_bytes());
            }
            Self::CmSha1(cm) => {
                encrypt(&cm.key, cm_counter(&cm.salt, ssrc, index), text.get_mut(RTCP_HEADER_BYTES..)?)?;
                let (word_room, tag_room) = trailer.split_at_mut_checked(INDEX_BYTES)?;
                word_room.copy_from_slice(&word.to_be_bytes());
                tag_room.copy_from_slice(&sha1_tag(&cm.auth, text, &word.to_be_bytes()));
            }
        }
        Some(end)
    }

    /// Opens an SRTCP packet whose RTCP packet ends at `body`, and returns `body`.
    pub(super) fn open_rtcp(&self, packet: &mut [u8], body: usize, ssrc: u32, word: u32) -> Option<usize> {
        let index = u64::from(word & !super::ENCRYPTED_FLAG);
        match self {
            Self::Gcm { key, salt } => {
                let (header, sealed) = packet.split_at_mut_checked(RTCP_HEADER_BYTES)?;
                let aad = Aad::from(rtcp_aad(header, word)?);
                let sealed_len = sealed.len().checked_sub(INDEX_BYTES)?;
                key.open_in_place(gcm_nonce(salt, ssrc, index), aad, sealed.get_mut(..sealed_len)?).ok()?;
            }
            Self::CmSha1(cm) => {
                let (text, trailer) = packet.split_at_mut_checked(body)?;
                let tag = trailer.get(INDEX_BYTES..)?;
                constant_time::verify_slices_are_equal(&sha1_tag(&cm.auth, text, &word.to_be_bytes()), tag).ok()?;
                encrypt(&cm.key, cm_counter(&cm.salt, ssrc, index), text.get_mut(RTCP_HEADER_BYTES..)?)?;
            }
        }
        Some(body)
    }
}

/// RFC 7714 sections 8.1 and 9.1: two zero bytes, the source, the 48-bit index; all xor the salt.
fn gcm_nonce(salt: &[u8; 12], ssrc: u32, index: u64) -> Nonce {
    let block = (u128::from(ssrc) << 48) | u128::from(index);
    let mut nonce = *salt;
    for (byte, mask) in nonce.iter_mut().zip(&block.to_be_bytes()[4..]) {
        *byte ^= mask;
    }
    Nonce::assume_unique_for_key(nonce)
}

/// RFC 3711 section 4.1.1: salt, source and index above a 16-bit block counter.
fn cm_counter(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let block = (u128::from(ssrc) << 64) | (u128::from(index) << 16);
    let mut counter = block.to_be_bytes();
    for (byte, mask) in counter.iter_mut().zip(salt) {
        *byte ^= mask;
    }
    counter
}

/// RFC 7714 section 9.2: the first eight bytes of the packet and the word with E flag and index.
fn rtcp_aad(header: &[u8], word: u32) -> Option<[u8; RTCP_HEADER_BYTES + INDEX_BYTES]> {
    let mut aad = [0; RTCP_HEADER_BYTES + INDEX_BYTES];
    aad.get_mut(..RTCP_HEADER_BYTES)?.copy_from_slice(header);
    aad.get_mut(RTCP_HEADER_BYTES..)?.copy_from_slice(&word.to_be_bytes());
    Some(aad)
}

fn rollover(index: u64) -> [u8; 4] {
    ((index >> 16) as u32).to_be_bytes()
}

/// HMAC-SHA1 over the packet and what follows it virtually, cut to 80 bits.
fn sha1_tag(key: &hmac::Key, text: &[u8], suffix: &[u8; 4]) -> [u8; SHA1_TAG_BYTES] {
    let mut context = hmac::Context::with_key(key);
    context.update(text);
    context.update(suffix);
    let full = context.sign();
    let mut tag = [0; SHA1_TAG_BYTES];
    tag.copy_from_slice(&full.as_ref()[..SHA1_TAG_BYTES]);
    tag
}
