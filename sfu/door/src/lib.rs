//! The words at the media house's door: plain data that crosses between control and media.
//!
//! Holds no behaviour beyond constructors and small look-ups.

pub mod codec;
pub mod command;
pub mod data;
pub mod datagrams;
pub mod keys;
pub mod notice;
pub mod packets;
pub mod peer;
pub mod report;
pub mod track;

pub use codec::{Codec, CodecParams, ExtensionKind, ExtensionMap, PayloadMap};
pub use command::Command;
pub use datagrams::{Datagrams, Path, Protocol};
pub use keys::{DownKey, PeerKey, ShardId, TrackKey};
pub use notice::{Flow, Health, Level, Notice, PeerEnd, ShardStats};
pub use packets::Packets;
pub use peer::{ChannelLabel, DtlsRole, Fingerprint, IceCredentials, PeerParams};
pub use report::{Bytes, DownReport, EncodingReport, Leg, PeerReport, UpReport};
pub use track::{DownTrackParams, Kind, LayerTarget, SsrcPair, UpTrackParams, Weight};
