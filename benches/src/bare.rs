//! The least that a forwarder can do with one packet: per receiver copy it, rewrite its header and seal it with
//! AES-128-GCM. No routing, no layers, no history, no extensions: the yardstick that the fan-out bench is held to.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};

/// Header bytes of the packets: fixed header and one 8-byte extension block, as a video packet has.
pub const HEADER_BYTES: usize = 20;
/// Bytes of the GCM tag.
pub const TAG_BYTES: usize = 16;

/// One receiver of the bare loop.
pub struct BareReceiver {
    key: LessSafeKey,
    salt: [u8; 12],
    ssrc: u32,
    seq: u16,
    roc: u32,
    timestamp_offset: u32,
}

impl BareReceiver {
    /// A receiver with a key of its own, made from its index.
    pub fn new(index: u32) -> Self {
        let mut key = [7; 16];
        key[..4].copy_from_slice(&index.to_be_bytes());
        let key = UnboundKey::new(&AES_128_GCM, &key).expect("a 16-byte key");
        Self { key: LessSafeKey::new(key), salt: [3; 12], ssrc: index, seq: 0, roc: 0, timestamp_offset: index }
    }

    /// Writes the sealed packet into `out` and returns its length.
    pub fn forward(&mut self, packet: &[u8], out: &mut [u8]) -> usize {
        let len = packet.len();
        out[..len].copy_from_slice(packet);
        let timestamp = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        out[2..4].copy_from_slice(&self.seq.to_be_bytes());
        out[4..8].copy_from_slice(&timestamp.wrapping_add(self.timestamp_offset).to_be_bytes());
        out[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        let nonce = self.nonce();
        let (header, rest) = out.split_at_mut(HEADER_BYTES);
        let (payload, rest) = rest.split_at_mut(len - HEADER_BYTES);
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(header), payload).expect("a sealable packet");
        rest[..TAG_BYTES].copy_from_slice(tag.as_ref());
        self.seq = self.seq.wrapping_add(1);
        self.roc += u32::from(self.seq == 0);
        len + TAG_BYTES
    }

    fn nonce(&self) -> Nonce {
        let mut iv = self.salt;
        for (byte, part) in iv[2..6].iter_mut().zip(self.ssrc.to_be_bytes()) {
            *byte ^= part;
        }
        for (byte, part) in iv[6..10].iter_mut().zip(self.roc.to_be_bytes()) {
            *byte ^= part;
        }
        for (byte, part) in iv[10..12].iter_mut().zip(self.seq.to_be_bytes()) {
            *byte ^= part;
        }
        Nonce::assume_unique_for_key(iv)
    }
}
