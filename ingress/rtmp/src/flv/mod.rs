//! Tags of sound and picture: FLV (version 10.1, annex E) and enhanced RTMP (version 2).

mod audio;
mod modifiers;
mod video;

pub(crate) use audio::{AudioTag, parse as audio};
pub(crate) use video::{VideoTag, parse as video};

/// The fourccs that are understood, best first, as the answer to `connect` names them.
pub(crate) const FOURCCS: [&str; 5] = ["avc1", "hvc1", "av01", "mp4a", "Opus"];

/// Four characters that name a codec.
pub(crate) type FourCc = [u8; 4];

/// Shows the unknown fourccs that encoders may send by the codec's name.
fn named(fourcc: FourCc, names: &[(FourCc, &'static str)]) -> &'static str {
    names.iter().find(|(other, _)| *other == fourcc).map_or("of an unknown kind", |(_, name)| name)
}
