//! Tags of sound, picture and data become events on one clock, wherever they come from.

use bytes::Bytes;

use crate::chunk::kind;
use crate::flv::{self, AudioTag, VideoTag};
use crate::limits::CLOCK_JUMP_MIN;
use crate::media::{AudioUnit, VideoUnit};
use crate::timeline::{Rising, Timeline};
use crate::{Event, Fault, metadata};

/// The clock of all tags of one sender.
#[derive(Debug, Default)]
pub(crate) struct Tags {
    timeline: Timeline,
    video_times: Rising,
    audio_times: Rising,
}

impl Tags {
    /// What a tag of a kind says; `None` where that is of no use.
    pub(crate) fn event(&mut self, kind: u8, timestamp: u32, payload: Bytes) -> Result<Option<Event>, Fault> {
        match kind {
            kind::AUDIO => self.audio(timestamp, payload),
            kind::VIDEO => self.video(timestamp, payload),
            kind::DATA => Ok(metadata::parse(&payload, false)?.map(Event::Metadata)),
            kind::DATA_AMF3 => Ok(metadata::parse(&payload, true)?.map(Event::Metadata)),
            _ => Ok(None),
        }
    }

    /// The sender begins its clock anew with the next tag.
    pub(crate) fn anew(&mut self) {
        self.timeline.anew();
    }

    fn video(&mut self, timestamp: u32, payload: Bytes) -> Result<Option<Event>, Fault> {
        Ok(match flv::video(payload)? {
            VideoTag::Nothing => None,
            VideoTag::Config(config) => Some(Event::VideoConfig(config)),
            VideoTag::Picture { codec, keyframe, later_ms, data } => {
                let dts_ms = self.video_times.place(self.timeline.place(timestamp));
                let sane = u128::from(later_ms.unsigned_abs()) < CLOCK_JUMP_MIN.as_millis();
                let pts_ms = dts_ms + if sane { i64::from(later_ms) } else { 0 };
                Some(Event::Video(VideoUnit { codec, dts_ms, pts_ms, keyframe, data }))
            }
        })
    }

    fn audio(&mut self, timestamp: u32, payload: Bytes) -> Result<Option<Event>, Fault> {
        Ok(match flv::audio(payload)? {
            AudioTag::Nothing => None,
            AudioTag::Config(config) => Some(Event::AudioConfig(config)),
            AudioTag::Sound { codec, data } => {
                let pts_ms = self.audio_times.place(self.timeline.place(timestamp));
                Some(Event::Audio(AudioUnit { codec, pts_ms, data }))
            }
        })
    }
}
