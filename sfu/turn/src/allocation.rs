//! One client's relayed address, and what may pass it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use wire::stun::TransactionId;

/// Life of an allocation that asks for none, and the least, in seconds (RFC 8656 section 3.2).
pub const LIFETIME_S: u32 = 600;
/// The longest life that is granted at once, in seconds.
pub const LIFETIME_MAX_S: u32 = 3600;
/// Life of a permission (RFC 8656 section 9).
pub const PERMISSION_TIME: Duration = Duration::from_secs(300);
/// Life of a channel (RFC 8656 section 12).
pub const CHANNEL_TIME: Duration = Duration::from_secs(600);

/// See the module.
#[derive(Debug)]
pub(crate) struct Allocation {
    /// Whose it is: the whole name of the credentials.
    pub(crate) name: String,
    /// Of the request that made it, so that its repetition is known.
    pub(crate) transaction: TransactionId,
    /// What the client believes its relayed address to be.
    pub(crate) relayed: SocketAddr,
    /// The one peer that it may speak with.
    pub(crate) peer: SocketAddr,
    pub(crate) expires: Instant,
    /// Until when the peer is let in.
    pub(crate) permission: Option<Instant>,
    /// The peer's number, and until when.
    pub(crate) channel: Option<(u16, Instant)>,
}

impl Allocation {
    /// Lets the peer in from `now` on.
    pub(crate) fn permit(&mut self, now: Instant) {
        self.permission = Some(now + PERMISSION_TIME);
    }

    /// Gives the peer a number; false when it has another. A number lets it in as well (RFC 8656 section 12).
    pub(crate) fn bind(&mut self, channel: u16, now: Instant) -> bool {
        if self.channel(now).is_some_and(|bound| bound != channel) {
            return false;
        }
        self.channel = Some((channel, now + CHANNEL_TIME));
        self.permit(now);
        true
    }

    /// The peer's number, if it has one.
    pub(crate) fn channel(&self, now: Instant) -> Option<u16> {
        self.channel.filter(|(_, until)| now < *until).map(|(channel, _)| channel)
    }

    /// Whether the peer is let in.
    pub(crate) fn is_permitted(&self, now: Instant) -> bool {
        self.permission.is_some_and(|until| now < until)
    }
}
