//! What a client is told: success or a coded error, signed when the client is known.

use aws_lc_rs::hmac;
use wire::stun::INTEGRITY_BYTES;
use wire::turn::{Class, Message, Writer};

use crate::REALM;

/// A refusal of RFC 8656 and RFC 8489, code and words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Refusal(pub(crate) u16, pub(crate) &'static str);

pub(crate) const BAD_REQUEST: Refusal = Refusal(400, "Bad Request");
pub(crate) const UNAUTHORIZED: Refusal = Refusal(401, "Unauthorized");
pub(crate) const FORBIDDEN: Refusal = Refusal(403, "Only this server's media may be reached");
pub(crate) const UNKNOWN_ATTRIBUTE: Refusal = Refusal(420, "Unknown Attribute");
pub(crate) const MISMATCH: Refusal = Refusal(437, "Allocation Mismatch");
pub(crate) const STALE_NONCE: Refusal = Refusal(438, "Stale Nonce");
pub(crate) const FAMILY_UNSUPPORTED: Refusal = Refusal(440, "Address Family not Supported");
pub(crate) const WRONG_CREDENTIALS: Refusal = Refusal(441, "Wrong Credentials");
pub(crate) const TRANSPORT_UNSUPPORTED: Refusal = Refusal(442, "Unsupported Transport Protocol");
pub(crate) const QUOTA: Refusal = Refusal(486, "Allocation Quota Reached");
pub(crate) const CAPACITY: Refusal = Refusal(508, "Insufficient Capacity");

/// Begins a success.
pub(crate) fn success(message: &Message<'_>) -> Writer {
    Writer::new(message.method, Class::Success, &message.transaction)
}

/// An error for a client that is known.
pub(crate) fn refused(message: &Message<'_>, refusal: Refusal, key: &hmac::Key) -> Vec<u8> {
    let writer = Writer::new(message.method, Class::Error, &message.transaction).error(refusal.0, refusal.1);
    match message.unknown.filter(|_| refusal == UNKNOWN_ATTRIBUTE) {
        Some(kind) => signed(writer.unknown(kind), key),
        None => signed(writer, key),
    }
}

/// An error for one who is not; with what it needs to become so, when there is a nonce.
pub(crate) fn challenge(message: &Message<'_>, refusal: Refusal, nonce: Option<&[u8]>) -> Vec<u8> {
    let writer = Writer::new(message.method, Class::Error, &message.transaction).error(refusal.0, refusal.1);
    match nonce {
        Some(nonce) => writer.realm(REALM).nonce(nonce).unsigned(),
        None => writer.unsigned(),
    }
}

pub(crate) fn signed(writer: Writer, key: &hmac::Key) -> Vec<u8> {
    writer.signed(|covered| {
        let mut tag = [0; INTEGRITY_BYTES];
        tag.copy_from_slice(hmac::sign(key, covered).as_ref());
        tag
    })
}
