//! How real encoders fill the wire: when frames leave, how large they are, and into which packets they are split.

use std::time::Duration;

use rand::Rng;
use rand::rngs::StdRng;

/// The longest payload that a packetizer makes, in bytes: a packet of 1200 less header, extensions and tag.
pub const PAYLOAD_BYTES_MAX: usize = 1_160;
/// The shortest video payload that still holds what it must say of itself, in bytes.
const FRAME_BYTES_MIN: usize = 64;
/// A keyframe is so many times as large as the mean frame.
const KEY_FACTOR: f64 = 6.0;
/// Frames differ by up to this share from the mean.
const SPREAD: f64 = 0.06;

/// One encoding of a camera.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct VideoModel {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Mean rate of payload, in bits per second.
    pub bitrate_bps: u32,
    /// Frames per second.
    pub fps: u32,
    /// Time between keyframes that nobody asked for.
    pub key_interval: Duration,
}

impl VideoModel {
    /// A camera's only encoding: 720p30 at 1.5 Mb/s, six packets to a frame.
    pub const HD: Self =
        Self { width: 1280, height: 720, bitrate_bps: 1_500_000, fps: 30, key_interval: Duration::from_secs(4) };
    /// The three of a simulcast camera, lowest first, with the rates of LiveKit's presets.
    pub const SIMULCAST: [Self; 3] = [
        Self { width: 320, height: 180, bitrate_bps: 160_000, fps: 20, ..Self::HD },
        Self { width: 640, height: 360, bitrate_bps: 450_000, fps: 20, ..Self::HD },
        Self::HD,
    ];

    /// Time between frames.
    pub fn frame_interval(&self) -> Duration {
        Duration::from_secs(1) / self.fps.max(1)
    }

    /// Payload bytes of the next frame. Deltas are smaller where keyframes take their share, so that the mean holds.
    pub fn frame_bytes(&self, is_key: bool, rng: &mut StdRng) -> usize {
        let mean = f64::from(self.bitrate_bps) / 8.0 / f64::from(self.fps.max(1));
        let frames = (self.key_interval.as_secs_f64() * f64::from(self.fps)).max(2.0);
        let delta = mean * frames / (frames - 1.0 + KEY_FACTOR);
        let size = if is_key { delta * KEY_FACTOR } else { delta };
        let bytes = size * (1.0 + SPREAD * rng.random_range(-1.0..1.0));
        (bytes as usize).max(FRAME_BYTES_MIN)
    }
}

/// A microphone through Opus, in packets of 20 ms.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AudioModel {
    /// Somebody speaks: 50 packets a second of about this many bytes.
    Speaking(usize),
    /// Nobody speaks and the encoder knows (DTX): a packet of a few bytes every 400 ms.
    Silent,
}

impl AudioModel {
    /// Speech at 32 kb/s.
    pub const SPEECH: Self = Self::Speaking(80);

    /// Time between packets.
    pub fn packet_interval(self) -> Duration {
        match self {
            Self::Speaking(_) => Duration::from_millis(20),
            Self::Silent => Duration::from_millis(400),
        }
    }

    /// Payload bytes of the next packet: Opus at a variable rate.
    pub fn packet_bytes(self, rng: &mut StdRng) -> usize {
        match self {
            Self::Speaking(mean) => mean * rng.random_range(80..=120) / 100,
            Self::Silent => 3,
        }
    }
}

/// The lengths of a frame's packets: as few as hold it, differing by one byte at most, the longer ones last, as
/// libwebrtc's packetizers split.
pub fn split(frame_bytes: usize) -> impl ExactSizeIterator<Item = usize> {
    let count = frame_bytes.div_ceil(PAYLOAD_BYTES_MAX).max(1);
    let (base, longer) = (frame_bytes / count, frame_bytes % count);
    (0..count).map(move |index| base + usize::from(index >= count - longer))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn a_camera_keeps_its_rate_in_bursts_of_about_six() {
        let (model, mut rng) = (VideoModel::HD, StdRng::seed_from_u64(1));
        let every = model.key_interval.as_secs() * u64::from(model.fps);
        let frames = every * 20;
        let sizes: Vec<usize> = (0..frames).map(|frame| model.frame_bytes(frame % every == 0, &mut rng)).collect();
        let rate = sizes.iter().sum::<usize>() as f64 * 8.0 * f64::from(model.fps) / frames as f64;
        assert!((rate / f64::from(model.bitrate_bps) - 1.0).abs() < 0.02, "{rate}");
        let packets: usize = sizes.iter().map(|&size| split(size).len()).sum();
        let per_second = packets as f64 * f64::from(model.fps) / frames as f64;
        assert!((170.0..195.0).contains(&per_second), "{per_second}");
        let largest = sizes.iter().map(|&size| split(size).len()).max().unwrap();
        assert!((25..45).contains(&largest), "a keyframe of {largest} packets");
    }

    #[test]
    fn speech_is_fifty_packets_and_silence_hardly_any() {
        let mut rng = StdRng::seed_from_u64(1);
        assert_eq!(AudioModel::SPEECH.packet_interval() * 50, Duration::from_secs(1));
        assert_eq!(AudioModel::Silent.packet_interval() * 5, Duration::from_secs(2));
        let mean = (0..1000).map(|_| AudioModel::SPEECH.packet_bytes(&mut rng)).sum::<usize>() / 1000;
        assert!((78..=82).contains(&mean), "{mean}");
        assert_eq!(AudioModel::Silent.packet_bytes(&mut rng), 3);
    }

    proptest! {
        #[test]
        fn splits_evenly(bytes in 1_usize..100_000) {
            let sizes: Vec<usize> = split(bytes).collect();
            prop_assert_eq!(sizes.iter().sum::<usize>(), bytes);
            prop_assert!(sizes.is_sorted() && sizes.iter().all(|&size| size <= PAYLOAD_BYTES_MAX));
            prop_assert!(sizes.last().unwrap() - sizes[0] <= 1);
        }
    }
}
