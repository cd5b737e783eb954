//! Media over HTTP: WHIP in (RFC 9725) and WHEP out (draft-ietf-wish-whep), pure: texts and headers in, decisions out.
//!
//! An offer is checked and made fit for a room ([`Publish`], [`Watch`]), a fragment of trickle ICE is read and judged
//! ([`Fragment`], [`judge`]), and what a viewer sees of a room is chosen ([`choose`]). Knows no room, no HTTP library and
//! no socket.

mod fragment;
mod header;
pub mod limits;
mod offer;
mod refusal;
mod scene;
mod text;

pub use fragment::{Change, Fragment, judge};
pub use header::{Credential, credential, link};
pub use offer::{OfferedTrack, Publish, Watch, restart};
pub use refusal::Refusal;
pub use scene::{Seats, Seen, choose};
