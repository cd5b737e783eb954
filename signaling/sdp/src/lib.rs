//! Session descriptions: offer and answer text <-> parameters at the media house's door.
//!
//! Pure: text and values in, text and values out. Knows nothing of rooms, sockets or time; which track uses which
//! section is the caller's decision. Follows RFC 8866 (SDP), 8829 (JSEP), 8843 (BUNDLE), 8851-8853 (RID, simulcast),
//! 8122 (fingerprints), 8839 (ICE), 8841 (SCTP), 8285 (header extensions), 5576 (sources).
//!
//! A typical answer: [`Description::parse`] the offer, decide a [`SectionUse`] for every section, take
//! [`up_params`] and [`down_params`] for the media house, then write the text with [`answer`].

pub mod answer;
pub mod candidate;
pub mod codec;
pub mod description;
pub mod error;
pub mod extension;
pub mod fmtp;
pub mod limits;
pub mod offer;
pub mod receive;
pub mod section;
pub mod send;

mod draft;
mod line;
mod section_draft;
mod writer;

pub use answer::{SectionUse, answer};
pub use candidate::{Candidate, Local};
pub use codec::{CodecSet, Format, H264Profile, TrackCodec, Variant, codec_kind, codec_name, codec_named, mime};
pub use description::{Description, Setup, Transport};
pub use error::{Fault, SdpError};
pub use offer::{OfferSection, offer};
pub use receive::{NoCommonCodec, Receive, UpTrack, up_params};
pub use section::{Direction, Msid, OfferedCodec, OfferedExtension, Sctp, Section, SectionKind};
pub use send::{Send, down_params};
