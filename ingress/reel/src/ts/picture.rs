//! H.264 between start codes becomes what files have: parameter sets apart, each unit behind its length.

use std::collections::VecDeque;

use bytes::{BufMut as _, Bytes, BytesMut};
use rtmp::{Event, VideoCodec, VideoConfig, VideoUnit, annexb};

use crate::clock::{Clock, Medium};
use crate::limits::{CLOCK_JUMP_MIN, SETS_MAX};

const IDR: u8 = 5;
const SPS: u8 = 7;
const PPS: u8 = 8;
const DELIMITER: u8 = 9;
const FILLER: u8 = 12;

/// What is known of the stream.
#[derive(Debug, Default)]
pub(super) struct Picture {
    record: Bytes,
}

impl Picture {
    /// Takes one picture; before the first parameter sets there is nothing to be shown.
    pub(super) fn take(
        &mut self,
        data: &[u8],
        dts_ms: i64,
        pts_ms: i64,
        clock: &mut Clock,
        events: &mut VecDeque<Event>,
    ) {
        let (mut sets, mut rest): (Vec<&[u8]>, _) = (Vec::new(), BytesMut::with_capacity(data.len() + 64));
        let mut keyframe = false;
        for unit in annexb::nal_units(data) {
            match unit.first().map_or(0, |head| head & 0x1f) {
                SPS | PPS => sets.push(unit),
                DELIMITER | FILLER => {}
                kind => {
                    keyframe |= kind == IDR;
                    // A picture is far shorter than its length may be.
                    rest.put_u32(u32::try_from(unit.len()).unwrap_or(u32::MAX));
                    rest.extend_from_slice(unit);
                }
            }
        }
        if let Some(record) = record(&sets).filter(|record| *record != self.record) {
            self.record = record.clone();
            events.push_back(Event::VideoConfig(VideoConfig { codec: VideoCodec::H264, record }));
        }
        if self.record.is_empty() || rest.is_empty() {
            return;
        }
        let later = pts_ms.saturating_sub(dts_ms);
        let sane = u128::from(later.unsigned_abs()) < CLOCK_JUMP_MIN.as_millis();
        let dts_ms = clock.place(Medium::Video, dts_ms);
        let pts_ms = dts_ms.saturating_add(if sane { later } else { 0 });
        events.push_back(Event::Video(VideoUnit {
            codec: VideoCodec::H264,
            dts_ms,
            pts_ms,
            keyframe,
            data: rest.freeze(),
        }));
    }
}

/// An AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1) of a picture's sets; none without both kinds.
fn record(sets: &[&[u8]]) -> Option<Bytes> {
    let of = |kind: u8| sets.iter().filter(move |set| set.first().is_some_and(|head| head & 0x1f == kind));
    let (first, pictures) = (of(SPS).next()?, of(PPS).count());
    let &[_, profile, compatibility, level, ..] = *first else { return None };
    if pictures == 0 || sets.len() > SETS_MAX {
        return None;
    }
    let mut record = BytesMut::new();
    record.put_slice(&[1, profile, compatibility, level, 0xff]);
    for (kind, mark) in [(SPS, 0xe0), (PPS, 0)] {
        // At most as many as there are sets.
        record.put_u8(mark | of(kind).count() as u8);
        for set in of(kind) {
            record.put_u16(u16::try_from(set.len()).ok()?);
            record.put_slice(set);
        }
    }
    Some(record.freeze())
}
