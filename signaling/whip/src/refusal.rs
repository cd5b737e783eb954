//! Why a request is refused, and how HTTP says so.

use crate::limits::{CANDIDATES_MAX, FRAGMENT_BYTES_MAX, OFFER_BYTES_MAX, TRACKS_MAX};

/// Why a request is refused. The display is the body that whoever set up the client reads.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// Neither header nor path tells who it is.
    #[error("no credential: send 'Authorization: Bearer TOKEN', or put the stream key at the end of the address")]
    NoCredential,
    /// The header is there, but is of another scheme, or too long.
    #[error("the Authorization header must be 'Bearer' and a token or stream key")]
    Scheme,
    /// The token or stream key opens nothing. It tells no more than that.
    #[error("the token or stream key is not known")]
    Unknown,
    /// It opens something else.
    #[error("not allowed: {0}")]
    NotAllowed(&'static str),
    /// Somebody is sending with the stream key.
    #[error("somebody is sending with this stream key")]
    InUse,
    /// The body is of another kind.
    #[error("the body must be {0}")]
    MediaType(&'static str),
    /// The offer is too long.
    #[error("the offer is longer than {OFFER_BYTES_MAX} bytes")]
    OfferLong,
    /// The fragment is too long.
    #[error("the fragment is longer than {FRAGMENT_BYTES_MAX} bytes")]
    FragmentLong,
    /// The offer cannot be read.
    #[error("the offer cannot be read: {0}")]
    Offer(#[from] sdp::SdpError),
    /// It is no text.
    #[error("the body is not UTF-8")]
    NotText,
    /// Every section of the offer is dead.
    #[error("the offer has no section that is alive")]
    Dead,
    /// A publisher that sends nothing.
    #[error("the offer sends nothing: make its audio or video section sendonly")]
    SendsNothing,
    /// A viewer that receives nothing.
    #[error("the offer receives nothing: make its audio or video section recvonly")]
    ReceivesNothing,
    /// More tracks than are taken.
    #[error("the offer sends more than {TRACKS_MAX} tracks")]
    TooManyTracks,
    /// The room cannot follow the offer.
    #[error("the offer cannot be served: {0}")]
    Unfit(String),
    /// The fragment cannot be read.
    #[error("line {0} of the fragment cannot be read")]
    Fragment(usize),
    /// The fragment has too many candidates.
    #[error("the fragment has more than {CANDIDATES_MAX} candidates")]
    TooManyCandidates,
    /// A change without a condition.
    #[error("If-Match is missing: it must be the ETag of the session, or * to restart ICE")]
    NoCondition,
    /// The condition names another state of the session.
    #[error("If-Match names an older state of the session")]
    OldCondition,
    /// No such session, or it has ended.
    #[error("there is no such session")]
    Gone,
    /// The server has as much to do as it may.
    #[error("the server is at its limit, try again later")]
    Busy,
    /// The room, or the node, says no: its own status and words.
    #[error("{1}")]
    Room(u16, String),
}

impl Refusal {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::NoCredential | Self::Scheme | Self::Unknown => 401,
            Self::NotAllowed(_) => 403,
            Self::Gone => 404,
            Self::TooManyTracks | Self::Unfit(_) => 406,
            Self::InUse => 409,
            Self::OldCondition => 412,
            Self::OfferLong | Self::FragmentLong | Self::TooManyCandidates => 413,
            Self::MediaType(_) => 415,
            Self::NoCondition => 428,
            Self::Busy => 503,
            Self::Room(status, _) => *status,
            Self::Offer(_) | Self::NotText | Self::Dead | Self::SendsNothing | Self::ReceivesNothing => 400,
            Self::Fragment(_) => 400,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_an_error_of_the_client_or_the_server() {
        let some = [
            Refusal::NoCredential,
            Refusal::Gone,
            Refusal::NoCondition,
            Refusal::Busy,
            Refusal::Room(404, "requested room does not exist".into()),
        ];
        assert_eq!(some.map(|it| it.status()), [401, 404, 428, 503, 404]);
        assert_eq!(Refusal::Room(404, "no".into()).to_string(), "no");
    }
}
