//! The codecs that the server forwards, their variants, and which variant a receiver can take for another.

use door::{Codec, Kind};
use wire::Pt;

use crate::fmtp::Fmtp;
use crate::section::OfferedCodec;

/// All codecs of the server with the names that SDP gives them, clock rate and channels.
const CODECS: [(Codec, &str, u32, u8); 10] = [
    (Codec::Opus, "opus", 48_000, 2),
    (Codec::Red, "red", 48_000, 2),
    (Codec::Pcmu, "PCMU", 8_000, 1),
    (Codec::Pcma, "PCMA", 8_000, 1),
    // Sampled at 16 kHz, but its RTP clock is 8 kHz (RFC 3551 section 4.5.2).
    (Codec::G722, "G722", 8_000, 1),
    (Codec::Vp8, "VP8", 90_000, 1),
    (Codec::Vp9, "VP9", 90_000, 1),
    (Codec::H264, "H264", 90_000, 1),
    (Codec::H265, "H265", 90_000, 1),
    (Codec::Av1, "AV1", 90_000, 1),
];

/// A set of codecs, such as those that the configuration enables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CodecSet(u16);

impl CodecSet {
    /// No codec.
    pub const NONE: Self = Self(0);
    /// Every codec of the server.
    pub const ALL: Self = Self((1 << CODECS.len()) - 1);

    /// The set with `codec` added.
    #[must_use]
    pub fn with(self, codec: Codec) -> Self {
        Self(self.0 | (1 << codec as u16))
    }

    /// The set with `codec` taken out.
    #[must_use]
    pub fn without(self, codec: Codec) -> Self {
        Self(self.0 & !(1 << codec as u16))
    }

    /// Whether `codec` is in the set.
    pub fn has(self, codec: Codec) -> bool {
        self.0 & (1 << codec as u16) != 0
    }
}

impl FromIterator<Codec> for CodecSet {
    fn from_iter<T: IntoIterator<Item = Codec>>(codecs: T) -> Self {
        codecs.into_iter().fold(Self::NONE, Self::with)
    }
}

/// The name of `codec` in `a=rtpmap`.
pub fn codec_name(codec: Codec) -> &'static str {
    row(codec).1
}

/// RTP timestamp ticks per second of `codec`.
pub fn clock_hz(codec: Codec) -> u32 {
    row(codec).2
}

/// Audio channels in `a=rtpmap`; 1 for video.
pub fn channels(codec: Codec) -> u8 {
    row(codec).3
}

/// The codec called `name`, with or without `audio/` or `video/`, without regard to case.
pub fn codec_named(name: &str) -> Option<Codec> {
    let plain = name.split_once('/').map_or(name, |(_, plain)| plain);
    CODECS.iter().find(|(_, it, ..)| it.eq_ignore_ascii_case(plain)).map(|(codec, ..)| *codec)
}

/// The MIME type of `codec`, such as `video/VP8`.
pub fn mime(codec: Codec) -> String {
    let kind = if codec_kind(codec) == Kind::Video { "video" } else { "audio" };
    format!("{kind}/{}", codec_name(codec))
}

/// Whether `codec` is heard or seen.
pub fn codec_kind(codec: Codec) -> Kind {
    // Every video payload format has this clock, no audio format of the table has.
    if clock_hz(codec) == 90_000 { Kind::Video } else { Kind::Audio }
}

fn row(codec: Codec) -> (Codec, &'static str, u32, u8) {
    CODECS.into_iter().find(|(it, ..)| *it == codec).unwrap_or(CODECS[0])
}

/// A codec with what tells its variants apart; two payload types of one format are interchangeable.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Format {
    /// The codec.
    pub codec: Codec,
    /// Which variant.
    pub variant: Variant,
}

/// What tells the variants of a codec apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variant {
    /// There is only one.
    Single,
    /// The profile number of VP9, AV1 or H.265.
    Profile(u8),
    /// H.264.
    H264 {
        /// The profile.
        profile: H264Profile,
        /// 0 single NAL units, 1 also aggregates and fragments (RFC 6184 section 6).
        packetization: u8,
    },
}

/// H.264 profiles (RFC 6184 table 5). Levels are not compared: encoders adapt to what is asked of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum H264Profile {
    /// Constrained baseline, which every client decodes.
    ConstrainedBaseline,
    /// Plain baseline. Encoders in use never emit what only it has, so it passes for the constrained one.
    Baseline,
    /// Main.
    Main,
    /// Constrained high.
    ConstrainedHigh,
    /// High.
    High,
    /// High 4:4:4 predictive.
    High444,
}

/// How well a receiver's format suits a sender's; the greatest is best.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fit {
    /// The receiver's packetization mode allows more than is sent.
    Looser,
    /// The receiver's profile contains the sender's.
    Contains,
    /// The same.
    Exact,
}

/// One payload type of a publisher and what it carries: what a subscriber's section is matched with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TrackCodec {
    /// The publisher's payload type.
    pub pt: Pt,
    /// What it carries.
    pub format: Format,
}

impl Format {
    /// The format of `offered`, one of `section`'s payload types; `None` when the server does not forward it.
    pub fn of(offered: &OfferedCodec, section: &[OfferedCodec]) -> Option<Self> {
        let codec = codec_named(&offered.name)?;
        if offered.clock_hz != clock_hz(codec) || offered.channels != channels(codec) {
            return None;
        }
        let fmtp = Fmtp(&offered.fmtp);
        let variant = match codec {
            Codec::Red if !wraps_opus(&offered.fmtp, section) => return None,
            Codec::Vp9 => Variant::Profile(fmtp.number("profile-id", 0)?),
            Codec::Av1 => Variant::Profile(fmtp.number("profile", 0)?),
            Codec::H265 => Variant::Profile(fmtp.number("profile-id", 1)?),
            Codec::H264 => h264(fmtp)?,
            _ => Variant::Single,
        };
        Some(Self { codec, variant })
    }

    /// How well a receiver of `receiver` takes a stream of this format; `None` when it cannot.
    pub fn fit(self, receiver: Self) -> Option<Fit> {
        if self == receiver {
            return Some(Fit::Exact);
        }
        let (Variant::H264 { profile, packetization }, Variant::H264 { profile: theirs, packetization: mode }) =
            (self.variant, receiver.variant)
        else {
            return None;
        };
        match mode.cmp(&packetization) {
            _ if !theirs.contains(profile) => None,
            std::cmp::Ordering::Less => None,
            std::cmp::Ordering::Equal => Some(Fit::Contains),
            std::cmp::Ordering::Greater => Some(Fit::Looser),
        }
    }
}

impl H264Profile {
    /// The profile that three octets in hexadecimal name, `None` for those that no WebRTC client uses.
    pub fn parse(profile_level_id: &str) -> Option<Self> {
        let id = u32::from_str_radix(profile_level_id, 16).ok().filter(|_| profile_level_id.len() == 6)?;
        let (idc, constraints) = (id >> 16, (id >> 8) & 0xff);
        match (idc, constraints) {
            (0x42, it) if it & 0x4f == 0x40 => Some(Self::ConstrainedBaseline),
            (0x42, it) if it & 0x4f == 0 => Some(Self::Baseline),
            (0x4d, it) if it & 0x8f == 0x80 => Some(Self::ConstrainedBaseline),
            (0x58, it) if it & 0xcf == 0xc0 => Some(Self::ConstrainedBaseline),
            (0x58, it) if it & 0xcf == 0x80 => Some(Self::Baseline),
            (0x4d, it) if it & 0xaf == 0 => Some(Self::Main),
            (0x64, 0x0c) => Some(Self::ConstrainedHigh),
            (0x64, 0x00) => Some(Self::High),
            (0xf4, 0x00) => Some(Self::High444),
            _ => None,
        }
    }

    /// Whether every client decodes it.
    pub(crate) fn is_baseline(self) -> bool {
        matches!(self, Self::ConstrainedBaseline | Self::Baseline)
    }

    /// Whether a decoder of this profile decodes a stream of `other`.
    fn contains(self, other: Self) -> bool {
        match other {
            Self::ConstrainedBaseline | Self::Baseline => true,
            Self::Main => matches!(self, Self::Main | Self::High | Self::High444),
            Self::ConstrainedHigh => matches!(self, Self::ConstrainedHigh | Self::High | Self::High444),
            Self::High => matches!(self, Self::High | Self::High444),
            Self::High444 => self == Self::High444,
        }
    }
}

fn h264(fmtp: Fmtp<'_>) -> Option<Variant> {
    let packetization = fmtp.number("packetization-mode", 0).filter(|&it| it <= 1)?;
    // Without the parameter the profile is baseline (RFC 6184 section 8.1).
    let profile = fmtp.value("profile-level-id").map_or(Some(H264Profile::Baseline), H264Profile::parse)?;
    Some(Variant::H264 { profile, packetization })
}

/// RED's format parameters list the payload types of its blocks, here `111/111` (RFC 2198 section 5).
fn wraps_opus(fmtp: &str, section: &[OfferedCodec]) -> bool {
    let is_opus = |pt: u8| section.iter().any(|it| it.pt == Pt(pt) && it.name.eq_ignore_ascii_case("opus"));
    !fmtp.is_empty() && fmtp.split('/').all(|it| it.trim().parse().is_ok_and(is_opus))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(pt: u8, name: &str, clock_hz: u32, channels: u8, fmtp: &str) -> OfferedCodec {
        let fmtp = fmtp.to_owned();
        OfferedCodec { pt: Pt(pt), name: name.to_owned(), clock_hz, channels, fmtp, feedback: vec![], rtx: None }
    }

    fn h264(id: &str, mode: u8) -> Format {
        let fmtp = format!("level-asymmetry-allowed=1;packetization-mode={mode};profile-level-id={id}");
        Format::of(&offered(100, "H264", 90_000, 1, &fmtp), &[]).unwrap()
    }

    #[test]
    fn names_and_numbers_agree_for_every_codec() {
        for (codec, name, ..) in CODECS {
            assert_eq!(codec_named(name), Some(codec));
            assert_eq!(codec_named(&mime(codec).to_uppercase()), Some(codec));
            assert_eq!(codec_name(codec), name);
            assert!(CodecSet::ALL.has(codec));
            assert!(!CodecSet::ALL.without(codec).has(codec));
            assert_eq!(CodecSet::ALL.without(codec).with(codec), CodecSet::ALL);
        }
        assert_eq!(codec_named("ulpfec"), None);
        let two: CodecSet = [Codec::Opus, Codec::Vp8].into_iter().collect();
        assert!(two.has(Codec::Vp8) && !two.has(Codec::Av1));
    }

    #[test]
    fn understands_h264_profiles() {
        for (id, profile) in [
            ("42e01f", H264Profile::ConstrainedBaseline),
            ("42C02A", H264Profile::ConstrainedBaseline),
            ("42001f", H264Profile::Baseline),
            ("58e01f", H264Profile::ConstrainedBaseline),
            ("58a01f", H264Profile::Baseline),
            ("4d001f", H264Profile::Main),
            ("4d801f", H264Profile::ConstrainedBaseline),
            ("640c1f", H264Profile::ConstrainedHigh),
            ("640032", H264Profile::High),
            ("F4001F", H264Profile::High444),
        ] {
            assert_eq!(H264Profile::parse(id), Some(profile), "{id}");
        }
        for id in ["", "42e0", "42e01f00", "zzzzzz", "+42e01", "ff001f"] {
            assert_eq!(H264Profile::parse(id), None, "{id}");
        }
    }

    #[test]
    fn fits_h264_by_profile_and_packetization() {
        let cases = [
            (h264("42e01f", 1), h264("42e034", 1), Some(Fit::Exact)),
            (h264("42e01f", 1), h264("42001f", 1), Some(Fit::Contains)),
            (h264("42001f", 1), h264("42e01f", 1), Some(Fit::Contains)),
            (h264("42e01f", 1), h264("640032", 1), Some(Fit::Contains)),
            (h264("4d001f", 1), h264("640032", 1), Some(Fit::Contains)),
            (h264("42e01f", 0), h264("42e01f", 1), Some(Fit::Looser)),
            (h264("42e01f", 1), h264("42e01f", 0), None),
            (h264("640032", 1), h264("42e01f", 1), None),
            (h264("640c1f", 1), h264("4d001f", 1), None),
        ];
        for (sender, receiver, fit) in cases {
            assert_eq!(sender.fit(receiver), fit, "{sender:?} to {receiver:?}");
        }
        assert!(Fit::Exact > Fit::Contains && Fit::Contains > Fit::Looser);
    }

    #[test]
    fn tells_variants_apart() {
        let vp9 = |fmtp| Format::of(&offered(98, "VP9", 90_000, 1, fmtp), &[]);
        assert_eq!(vp9(""), vp9("profile-id=0"));
        assert_eq!(vp9("profile-id=0").unwrap().fit(vp9("profile-id=2").unwrap()), None);
        assert_eq!(vp9("profile-id=x"), None);
        let av1 = |fmtp| Format::of(&offered(45, "AV1", 90_000, 1, fmtp), &[]);
        assert_eq!(av1("level-idx=5;profile=0;tier=0"), av1(""));
        assert_ne!(av1("profile=1"), av1(""));
        assert_eq!(Format::of(&offered(111, "opus", 48_000, 1, ""), &[]), None);
        assert_eq!(Format::of(&offered(96, "VP8", 8_000, 1, ""), &[]), None);
    }

    #[test]
    fn red_must_wrap_opus() {
        let section = [offered(111, "opus", 48_000, 2, ""), offered(0, "PCMU", 8_000, 1, "")];
        let red = |fmtp| Format::of(&offered(63, "red", 48_000, 2, fmtp), &section);
        assert!(red("111/111").is_some());
        for fmtp in ["", "111/0", "110/110", "x", "111/"] {
            assert_eq!(red(fmtp), None, "{fmtp}");
        }
        assert_eq!(Format::of(&offered(119, "red", 90_000, 1, "111/111"), &section), None);
    }
}
