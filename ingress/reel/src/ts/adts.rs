//! AAC frames with a head of their own (ISO/IEC 14496-3, 1.A.2.2), which may lie across packets.

use bytes::Bytes;
use rtmp::{AudioCodec, AudioConfig};

use crate::Fault;

/// Bytes of a head, without its checksum.
const HEAD_BYTES: usize = 7;
/// Samples of a frame.
const FRAME_SAMPLES: i64 = 1024;
/// Ticks per second.
const CLOCK_HZ: i64 = 90_000;
/// Rates by index (ISO/IEC 14496-3 table 1.18).
const RATES: [i64; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8000, 7350];

/// What was found.
pub(super) enum Told {
    /// How the frames that follow are to be decoded.
    Config(AudioConfig),
    /// A frame and its time.
    Frame(i64, Bytes),
}

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct Adts {
    /// The beginning of a frame.
    held: Vec<u8>,
    config: Option<[u8; 2]>,
    next: Option<i64>,
}

/// A frame's head.
#[derive(Debug)]
struct Head {
    config: [u8; 2],
    bytes: usize,
    skip: usize,
    rate: i64,
}

impl Adts {
    /// Takes what a packet holds; `pts` is the time of the first frame that begins in it.
    ///
    /// # Errors
    /// When it is MP3.
    pub(super) fn take(&mut self, pts: Option<i64>, data: &[u8], mut tell: impl FnMut(Told)) -> Result<(), Fault> {
        let (held, mut pts) = (self.held.len(), pts);
        let mut bytes = std::mem::take(&mut self.held);
        bytes.extend_from_slice(data);
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= HEAD_BYTES) {
            let Some(head) = Head::parse(rest)? else {
                at += 1;
                continue;
            };
            let Some(frame) = rest.get(head.skip..head.bytes) else { break };
            if at >= held {
                self.next = pts.take().or(self.next);
            }
            if self.config.replace(head.config) != Some(head.config) {
                let record = Bytes::copy_from_slice(&head.config);
                tell(Told::Config(AudioConfig { codec: AudioCodec::Aac, record }));
            }
            if let Some(ticks) = self.next {
                tell(Told::Frame(ticks, Bytes::copy_from_slice(frame)));
                self.next = Some(ticks.saturating_add(FRAME_SAMPLES * CLOCK_HZ / head.rate));
            }
            at += head.bytes;
        }
        self.held = bytes.split_off(at.min(bytes.len()));
        Ok(())
    }
}

impl Head {
    fn parse(bytes: &[u8]) -> Result<Option<Self>, Fault> {
        let &[0xff, b, c, d, e, f, g, ..] = bytes else { return Ok(None) };
        if b & 0xf6 != 0xf0 {
            // Frames of MPEG-1 and 2 begin in the same way, with a layer of their own.
            let is_mp3 = b & 0xe0 == 0xe0 && matches!(b >> 1 & 3, 1 | 2);
            return if is_mp3 { Err(Fault::AudioCodec("MP3")) } else { Ok(None) };
        }
        let (kind, rate, channels) = ((c >> 6) + 1, c >> 2 & 0x0f, (c & 1) << 2 | d >> 6);
        let skip = if b & 1 == 0 { HEAD_BYTES + 2 } else { HEAD_BYTES };
        let length = [d & 3, e, f >> 5].map(usize::from);
        let bytes = length[0] << 11 | length[1] << 3 | length[2];
        let Some(&hz) = RATES.get(usize::from(rate)) else { return Ok(None) };
        // Several blocks in one frame are legal, and nobody writes them.
        if bytes <= skip || g & 3 != 0 {
            return Ok(None);
        }
        Ok(Some(Self { config: [kind << 3 | rate >> 1, (rate & 1) << 7 | channels << 3], bytes, skip, rate: hz }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of stereo AAC-LC at 48 kHz.
    fn frame(data: &[u8]) -> Vec<u8> {
        let bytes = data.len() + HEAD_BYTES;
        let length = [0x80 | (bytes >> 11) as u8, (bytes >> 3) as u8, (bytes << 5) as u8 | 0x1f];
        [&[0xff, 0xf1, 0x4c], length.as_slice(), &[0xfc], data].concat()
    }

    #[test]
    fn frames_across_packets_have_their_times() {
        let stream = [frame(b"one"), frame(b"two"), frame(b"three"), frame(b"four")].concat();
        let (first, second) = stream.split_at(frame(b"one").len() + 5);
        let (mut adts, mut frames, mut configs) = (Adts::default(), Vec::new(), Vec::new());
        let mut tell = |told| match told {
            Told::Config(config) => configs.push(config.record),
            Told::Frame(ticks, data) => frames.push((ticks, data)),
        };
        adts.take(Some(9000), &[b"x", first].concat(), &mut tell).unwrap();
        adts.take(Some(12_841), second, &mut tell).unwrap();
        let texts: Vec<_> = frames.iter().map(|(ticks, data)| (*ticks, std::str::from_utf8(data).unwrap())).collect();
        assert_eq!(texts, [(9000, "one"), (10_920, "two"), (12_841, "three"), (14_761, "four")]);
        assert_eq!(configs, [&[0x11, 0x90][..]]);
        assert!(adts.held.is_empty());
    }

    #[test]
    fn what_is_no_frame_is_passed_over_and_mp3_refused() {
        let mut count = 0;
        let mut adts = Adts::default();
        adts.take(Some(0), &[0xff, 0xf1, 0xfc, 0, 0, 0, 0, 0xff, 0xff, 0xff, 1, 2, 3], |_| count += 1).unwrap();
        assert!(count == 0 && adts.held.len() < HEAD_BYTES);
        assert_eq!(adts.take(Some(0), &[0xff, 0xfb, 0x90, 0, 0, 0, 0, 0], |_| ()), Err(Fault::AudioCodec("MP3")));
    }
}
