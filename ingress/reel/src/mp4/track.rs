//! One track of a film: what it is, and how its times become the film's.

use super::boxes::{Fields, child, inner};
use super::entry::{self, Entry};
use super::table::Samples;
use crate::Fault;
use bytes::Bytes;

/// See the module's description.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) id: u32,
    pub(super) entry: Entry,
    /// Units of time in a second.
    pub(super) scale: u32,
    /// Milliseconds at which it begins.
    begins_ms: i64,
    /// What of its own time comes before that.
    cut: i64,
    /// Its samples, when the film's index lists them.
    pub(super) samples: Samples,
    /// What its fragments need not say.
    pub(super) usual: Usual,
    /// Where the next fragment begins that does not tell.
    pub(super) next: i64,
}

/// Of a sample of a fragment (`trex`).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Usual {
    pub(super) time: u32,
    pub(super) bytes: u32,
    pub(super) flags: u32,
}

impl Track {
    /// Reads a track; `None` for what is neither picture nor sound.
    ///
    /// # Errors
    /// When it cannot be read, or is of a codec that is not carried.
    pub(super) fn read(moov: &Bytes, trak: &[u8]) -> Result<Option<Self>, Fault> {
        let broken = Fault::Broken("MP4's track");
        let handler =
            inner(trak, &[b"mdia", b"hdlr"]).and_then(|body| body.get(8..12)).and_then(|it| it.first_chunk::<4>());
        let stbl = inner(trak, &[b"mdia", b"minf", b"stbl"]).ok_or(broken)?;
        let stsd = child(stbl, b"stsd").ok_or(broken)?;
        let Some(entry) = entry::read(handler.ok_or(broken)?, stsd)? else { return Ok(None) };
        let scale = scale(inner(trak, &[b"mdia", b"mdhd"]).ok_or(broken)?).filter(|scale| *scale > 0).ok_or(broken)?;
        let film_scale = child(moov, b"mvhd").and_then(self::scale).filter(|scale| *scale > 0).unwrap_or(1000);
        let (begins_ms, cut) =
            inner(trak, &[b"edts", b"elst"]).and_then(|elst| edits(elst, film_scale)).unwrap_or_default();
        let id = id(child(trak, b"tkhd").ok_or(broken)?).ok_or(broken)?;
        let samples = Samples::read(moov, stbl)?;
        Ok(Some(Self { id, entry, scale, begins_ms, cut, samples, usual: Usual::default(), next: 0 }))
    }

    pub(super) fn is_video(&self) -> bool {
        matches!(self.entry, Entry::Video(_))
    }

    /// The film's time in milliseconds of one of the track's.
    pub(super) fn ms(&self, time: i64) -> i64 {
        let since = i128::from(time) - i128::from(self.cut);
        let ms = (since * 1000).div_euclid(i128::from(self.scale)) + i128::from(self.begins_ms);
        i64::try_from(ms).unwrap_or_default()
    }
}

/// The scale in `mvhd` and `mdhd`.
fn scale(body: &[u8]) -> Option<u32> {
    let (version, _, mut fields) = Fields::versioned(body)?;
    fields.long(version)?;
    fields.long(version)?;
    fields.u32()
}

fn id(tkhd: &[u8]) -> Option<u32> {
    let (version, _, mut fields) = Fields::versioned(tkhd)?;
    fields.long(version)?;
    fields.long(version)?;
    fields.u32()
}

/// When a track begins in the film, and with which of its own times (8.6.6): pauses, then the first part of it. Further parts
/// are played as they lie.
fn edits(elst: &[u8], film_scale: u32) -> Option<(i64, i64)> {
    let (version, _, mut fields) = Fields::versioned(elst)?;
    let mut begins_ms = 0i64;
    for _ in 0..fields.u32()?.min(8) {
        let (time, from) = if version == 1 {
            (fields.u64()?, fields.u64()?.cast_signed())
        } else {
            (fields.u32()?.into(), fields.u32()?.cast_signed().into())
        };
        fields.u32()?;
        if from >= 0 {
            return Some((begins_ms, from));
        }
        let pause_ms = u128::from(time) * 1000 / u128::from(film_scale);
        begins_ms = begins_ms.saturating_add(i64::try_from(pause_ms).unwrap_or_default());
    }
    Some((begins_ms, 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_tell_where_a_track_begins() {
        let entry = |time: u32, from: i32| [time.to_be_bytes(), from.to_be_bytes(), [0, 1, 0, 0]].concat();
        let list =
            |entries: &[Vec<u8>]| [&[0, 0, 0, 0, 0, 0, 0, entries.len() as u8], entries.concat().as_slice()].concat();
        for (entries, expected) in [
            (vec![entry(5000, 1024)], (0, 1024)),
            (vec![entry(40, -1), entry(5000, 512)], (40, 512)),
            (vec![entry(40, -1)], (40, 0)),
            (vec![], (0, 0)),
        ] {
            assert_eq!(edits(&list(&entries), 1000), Some(expected));
        }
        assert_eq!(edits(&[0, 0, 0, 0, 0, 0, 0, 1], 1000), None);
    }
}
