//! A fragment's samples (ISO/IEC 14496-12, 8.8).

use super::boxes::{Fields, children};
use super::table::Sample;
use super::track::Track;
use crate::Fault;
use crate::limits::{FRAGMENT_SAMPLES_MAX, VIDEO_BYTES_MAX};

const BROKEN: Fault = Fault::Broken("MP4's fragment");
/// Of `tfhd`: what it says, and that places count from the fragment's beginning.
const BASE: u32 = 0x01;
const DESCRIPTION: u32 = 0x02;
const USUAL_TIME: u32 = 0x08;
const USUAL_BYTES: u32 = 0x10;
const USUAL_FLAGS: u32 = 0x20;
const FROM_FRAGMENT: u32 = 0x02_0000;
/// Of `trun`.
const OFFSET: u32 = 0x01;
const FIRST_FLAGS: u32 = 0x04;
const TIME: u32 = 0x100;
const BYTES: u32 = 0x200;
const FLAGS: u32 = 0x400;
const LATER: u32 = 0x800;
/// Of a sample: that decoding cannot begin there.
const NO_KEYFRAME: u32 = 0x01_0000;

/// The samples of all tracks of a fragment whose `moof` began at `begin`, each with its track's index.
///
/// # Errors
/// When it cannot be read, or is beyond a limit.
pub(super) fn samples(moof: &[u8], begin: u64, tracks: &mut [Track]) -> Result<Vec<(usize, Sample)>, Fault> {
    let mut all = Vec::new();
    let mut end = begin;
    for (_, traf) in children(moof).filter(|(kind, _)| kind == b"traf") {
        end = read(traf, begin, end, tracks, &mut all)?;
    }
    Ok(all)
}

/// Reads one track's part; where its samples end.
fn read(
    traf: &[u8],
    begin: u64,
    before: u64,
    tracks: &mut [Track],
    all: &mut Vec<(usize, Sample)>,
) -> Result<u64, Fault> {
    let (mut head, mut at) = (None, before);
    for (kind, body) in children(traf) {
        let Some((version, flags, mut fields)) = Fields::versioned(body) else { continue };
        match (&kind, &mut head) {
            (b"tfhd", head) => {
                let found = Head::read(flags, fields, begin, before, tracks).ok_or(BROKEN)?;
                at = found.base;
                *head = found.track.map(|track| (track, found));
            }
            (b"tfdt", Some((track, _))) => {
                let time = fields.long(version).and_then(|time| i64::try_from(time).ok()).ok_or(BROKEN)?;
                if let Some(track) = tracks.get_mut(*track) {
                    track.next = time;
                }
            }
            (b"trun", Some((index, head))) => {
                let Some(track) = tracks.get_mut(*index) else { continue };
                let run = Run { flags, usual: head.usual, base: head.base, track: *index };
                at = run.read(&mut fields, at, &mut track.next, all)?;
            }
            _ => {}
        }
    }
    Ok(at)
}

/// `tfhd`.
struct Head {
    /// Index of the track, if it is read at all.
    track: Option<usize>,
    base: u64,
    usual: super::track::Usual,
}

impl Head {
    fn read(flags: u32, mut fields: Fields<'_>, begin: u64, before: u64, tracks: &[Track]) -> Option<Self> {
        let id = fields.u32()?;
        let track = tracks.iter().position(|track| track.id == id);
        let mut usual = track.and_then(|track| tracks.get(track)).map(|track| track.usual).unwrap_or_default();
        let told = if flags & BASE != 0 { Some(fields.u64()?) } else { None };
        let base = told.unwrap_or(if flags & FROM_FRAGMENT != 0 { begin } else { before });
        if flags & DESCRIPTION != 0 {
            fields.u32()?;
        }
        for (flag, value) in
            [(USUAL_TIME, &mut usual.time), (USUAL_BYTES, &mut usual.bytes), (USUAL_FLAGS, &mut usual.flags)]
        {
            if flags & flag != 0 {
                *value = fields.u32()?;
            }
        }
        Some(Self { track, base, usual })
    }
}

/// `trun`.
struct Run {
    flags: u32,
    usual: super::track::Usual,
    base: u64,
    track: usize,
}

impl Run {
    fn read(
        &self,
        fields: &mut Fields<'_>,
        at: u64,
        next: &mut i64,
        all: &mut Vec<(usize, Sample)>,
    ) -> Result<u64, Fault> {
        let count = fields.u32().ok_or(BROKEN)?;
        let mut offset = at;
        if self.flags & OFFSET != 0 {
            let from = fields.u32().ok_or(BROKEN)?.cast_signed();
            offset = self.base.checked_add_signed(from.into()).ok_or(BROKEN)?;
        }
        let mut first = if self.flags & FIRST_FLAGS != 0 { Some(fields.u32().ok_or(BROKEN)?) } else { None };
        for _ in 0..count {
            if all.len() >= FRAGMENT_SAMPLES_MAX {
                return Err(Fault::TooLong("MP4's fragment"));
            }
            let mut told = |flag, usual| if self.flags & flag == 0 { Some(usual) } else { fields.u32() };
            let (time, bytes) = (told(TIME, self.usual.time), told(BYTES, self.usual.bytes));
            let (flags, later) = (told(FLAGS, self.usual.flags).ok_or(BROKEN)?, told(LATER, 0).ok_or(BROKEN)?);
            let bytes = usize::try_from(bytes.ok_or(BROKEN)?).map_err(|_| BROKEN)?;
            if bytes > VIDEO_BYTES_MAX {
                return Err(Fault::TooLong("MP4's sample"));
            }
            let keyframe = first.take().unwrap_or(flags) & NO_KEYFRAME == 0;
            all.push((self.track, Sample { offset, bytes, dts: *next, later: later.cast_signed().into(), keyframe }));
            offset = offset.checked_add(bytes as u64).ok_or(BROKEN)?;
            *next = next.saturating_add(time.ok_or(BROKEN)?.into());
        }
        Ok(offset)
    }
}
