//! Nonces that need no memory: the time they were made, and a signature over it and the client's host.

use std::net::IpAddr;

use aws_lc_rs::{constant_time, hmac};

/// Life of a nonce, in seconds (RFC 8656 section 5 wants an hour or more).
pub(crate) const LIFE_S: u64 = 3600;

/// Bytes of the signature that are kept.
const TAG_BYTES: usize = 12;

/// A nonce for a host.
pub(crate) fn make(key: &hmac::Key, host: IpAddr, now_s: u64) -> Vec<u8> {
    let text = format!("{now_s:016x}");
    let tag: String = tag(key, host, &text).iter().map(|byte| format!("{byte:02x}")).collect();
    [text, tag].concat().into_bytes()
}

/// Whether a nonce is ours, for this host, and young enough.
pub(crate) fn is_good(key: &hmac::Key, host: IpAddr, nonce: &[u8], now_s: u64) -> bool {
    let made = nonce.get(..16).and_then(|text| std::str::from_utf8(text).ok());
    let Some(made_s) = made.and_then(|text| u64::from_str_radix(text, 16).ok()) else { return false };
    let is_young = made_s <= now_s && now_s - made_s < LIFE_S;
    is_young && constant_time::verify_slices_are_equal(&make(key, host, made_s), nonce).is_ok()
}

fn tag(key: &hmac::Key, host: IpAddr, text: &str) -> [u8; TAG_BYTES] {
    let signed = hmac::sign(key, format!("{host} {text}").as_bytes());
    let mut tag = [0; TAG_BYTES];
    tag.iter_mut().zip(signed.as_ref()).for_each(|(byte, signed)| *byte = *signed);
    tag
}
