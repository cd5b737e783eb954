//! From a master key to session keys (RFC 3711 section 4.3, RFC 7714 section 11).

use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;

use super::SrtpProfile;
use super::cipher::Cipher;

/// What a session key is for; its value for SRTP, SRTCP's is three more.
#[derive(Clone, Copy)]
pub(super) enum Label {
    Encryption = 0,
    Authentication = 1,
    Salt = 2,
}

/// RTP or RTCP.
#[derive(Clone, Copy)]
pub(super) enum Stream {
    Rtp = 0,
    Rtcp = 3,
}

/// One direction's master key and salt.
pub(super) struct MasterKey {
    profile: SrtpProfile,
    prf: EncryptingKey,
    /// The salt, at the top of an AES block as the derivation wants it.
    salt: [u8; 16],
}

impl MasterKey {
    /// `None` when a length does not fit the profile.
    pub(super) fn new(profile: SrtpProfile, key: &[u8], master_salt: &[u8]) -> Option<Self> {
        if master_salt.len() != profile.salt_bytes() {
            return None;
        }
        let mut salt = [0; 16];
        salt[..master_salt.len()].copy_from_slice(master_salt);
        Some(Self { profile, prf: counter_mode(key)?, salt })
    }

    /// The ciphers of RTP and of RTCP.
    pub(super) fn ciphers(&self) -> Option<(Cipher, Cipher)> {
        Some((Cipher::new(self.profile, self, Stream::Rtp)?, Cipher::new(self.profile, self, Stream::Rtcp)?))
    }

    /// Fills `key` with the session key of that label (key derivation rate zero).
    pub(super) fn derive(&self, stream: Stream, label: Label, key: &mut [u8]) -> Option<()> {
        let mut counter = self.salt;
        counter[7] ^= stream as u8 + label as u8;
        key.fill(0);
        encrypt(&self.prf, counter, key)
    }
}

/// AES in counter mode with a key of 16 or 32 bytes.
pub(super) fn counter_mode(key: &[u8]) -> Option<EncryptingKey> {
    let algorithm = match key.len() {
        16 => &AES_128,
        32 => &AES_256,
        _ => return None,
    };
    EncryptingKey::ctr(UnboundCipherKey::new(algorithm, key).ok()?).ok()
}

/// Adds the key stream that begins at `counter` to `bytes`.
pub(super) fn encrypt(key: &EncryptingKey, counter: [u8; 16], bytes: &mut [u8]) -> Option<()> {
    key.less_safe_encrypt(bytes, EncryptionContext::Iv128(FixedLength::from(counter))).ok().map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3711 appendix B.3.
    #[test]
    fn derives_the_keys_of_rfc_3711() {
        let key = hex("E1F97A0D3E018BE0D64FA32C06DE4139");
        let salt = hex("0EC675AD498AFEEBB6960B3AABE6");
        let master = MasterKey::new(SrtpProfile::Aes128CmSha1, &key, &salt).unwrap();
        let derived = |label, len| {
            let mut out = vec![0; len];
            master.derive(Stream::Rtp, label, &mut out).unwrap();
            out
        };
        assert_eq!(derived(Label::Encryption, 16), hex("C61E7A93744F39EE10734AFE3FF7A087"));
        assert_eq!(derived(Label::Salt, 14), hex("30CBBC08863D8C85D49DB34A9AE1"));
        assert_eq!(derived(Label::Authentication, 20), hex("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }
}
