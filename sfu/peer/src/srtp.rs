//! SRTP and SRTCP (RFC 3711, RFC 7714).

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
