//! The server's own offer, to the subscriber connection of a dual set-up.

use door::{Codec, ExtensionKind, Kind};
use wire::{Mid, Pt};

use crate::candidate::Local;
use crate::codec::{Format, H264Profile, Variant, clock_hz, codec_kind};
use crate::receive::{AUDIO_FEEDBACK, VIDEO_FEEDBACK};
use crate::section::{Direction, OfferedExtension};
use crate::send::{Send, Source, announce_stereo};
use crate::writer::{CodecLines, MediaSection, OPUS_FMTP, Writer, encoding};

/// One section of the server's offer. Their order must never change between offers; new ones go last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OfferSection {
    /// Data channels.
    Data {
        /// The section's name.
        mid: Mid,
    },
    /// A track to the client.
    Send {
        /// The section's name.
        mid: Mid,
        /// Audio or video.
        kind: Kind,
        /// The track.
        send: Send,
    },
    /// A section without a track, kept for the next one of its kind.
    Inactive {
        /// The section's name.
        mid: Mid,
        /// Audio or video.
        kind: Kind,
    },
}

/// Writes an offer of `sections`; [`crate::down_params`] of the answer's sections tells what came of it.
pub fn offer(local: &Local, sections: &[OfferSection]) -> String {
    let mids: Vec<Mid> = sections.iter().map(OfferSection::mid).collect();
    let mut writer = Writer::begin(local, "actpass", &mids, true);
    for section in sections {
        match section {
            OfferSection::Data { mid } => writer.data(*mid, "UDP/DTLS/SCTP"),
            OfferSection::Send { mid, kind, send } => writer.media(&sending(*mid, *kind, send)),
            OfferSection::Inactive { mid, kind } => writer.media(&inactive(*mid, *kind)),
        }
    }
    writer.finish()
}

impl OfferSection {
    /// The section's name.
    pub fn mid(&self) -> Mid {
        match self {
            Self::Data { mid } | Self::Send { mid, .. } | Self::Inactive { mid, .. } => *mid,
        }
    }
}

fn sending(mid: Mid, kind: Kind, send: &Send) -> MediaSection<'_> {
    let mut rows: Vec<&Row> = Vec::new();
    for from in &send.codecs {
        rows.extend(best(kind, from.format).filter(|it| !rows.iter().any(|row| row.pt == it.pt)));
    }
    let mut section = inactive(mid, kind);
    if !rows.is_empty() {
        section.codecs = rows.into_iter().map(Row::lines).collect();
    }
    if send.stereo {
        let opus = section.codecs.iter_mut().filter(|it| it.fmtp == OPUS_FMTP);
        opus.for_each(|it| announce_stereo(&mut it.fmtp, Codec::Opus, true));
    }
    let rtx = send.rtx_ssrc.filter(|_| kind == Kind::Video);
    section.direction = Direction::SendOnly;
    section.msid = Some(&send.msid);
    section.source = Some(Source { send, rtx });
    section
}

fn inactive(mid: Mid, kind: Kind) -> MediaSection<'static> {
    let extensions = if kind == Kind::Video { VIDEO_EXTENSIONS } else { AUDIO_EXTENSIONS };
    MediaSection {
        mid,
        kind: kind.into(),
        protocol: "UDP/TLS/RTP/SAVPF",
        direction: Direction::Inactive,
        reduced_size: true,
        codecs: ROWS.iter().filter(|it| codec_kind(it.codec) == kind).map(Row::lines).collect(),
        extensions: extensions.iter().map(|it| it.offered()).collect(),
        rids: &[],
        simulcast: false,
        msid: None,
        source: None,
    }
}

/// The payload type that suits a publisher's format best.
fn best(kind: Kind, from: Format) -> Option<&'static Row> {
    let rows = ROWS.iter().filter(|it| codec_kind(it.codec) == kind);
    let fits = rows.filter_map(|it| Some((from.fit(Format { codec: it.codec, variant: it.variant })?, it)));
    fits.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, row)| row)
}

/// One of the server's payload types; a video type's retransmissions have the next number.
struct Row {
    pt: u8,
    codec: Codec,
    variant: Variant,
    fmtp: &'static str,
}

impl Row {
    const fn single(pt: u8, codec: Codec, fmtp: &'static str) -> Self {
        Self { pt, codec, variant: Variant::Single, fmtp }
    }

    const fn profile(pt: u8, codec: Codec, profile: u8, fmtp: &'static str) -> Self {
        Self { pt, codec, variant: Variant::Profile(profile), fmtp }
    }

    const fn h264(pt: u8, profile: H264Profile, packetization: u8, fmtp: &'static str) -> Self {
        Self { pt, codec: Codec::H264, variant: Variant::H264 { profile, packetization }, fmtp }
    }

    fn lines(&self) -> CodecLines {
        let video = codec_kind(self.codec) == Kind::Video;
        let feedback: &[&str] = if video { &VIDEO_FEEDBACK } else { &AUDIO_FEEDBACK };
        CodecLines {
            pt: Pt(self.pt),
            encoding: encoding(self.codec),
            clock_hz: clock_hz(self.codec),
            fmtp: self.fmtp.to_owned(),
            feedback: feedback.iter().map(|it| (*it).to_owned()).collect(),
            rtx: video.then_some(Pt(self.pt + 1)),
        }
    }
}

/// The server's own payload types, most preferred first. They never change, so that a section can be used again.
#[rustfmt::skip]
const ROWS: [Row; 15] = [
    Row::single(63, Codec::Red, "111/111"),
    Row::single(111, Codec::Opus, OPUS_FMTP),
    Row::single(9, Codec::G722, ""),
    Row::single(0, Codec::Pcmu, ""),
    Row::single(8, Codec::Pcma, ""),
    Row::single(96, Codec::Vp8, ""),
    Row::profile(98, Codec::Vp9, 0, "profile-id=0"),
    Row::profile(100, Codec::Vp9, 1, "profile-id=1"),
    Row::h264(108, H264Profile::ConstrainedBaseline, 1, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"),
    Row::h264(125, H264Profile::ConstrainedBaseline, 0, "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f"),
    Row::h264(106, H264Profile::Main, 1, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f"),
    Row::h264(39, H264Profile::Main, 0, "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=4d001f"),
    Row::h264(123, H264Profile::High, 1, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=640032"),
    Row::profile(35, Codec::Av1, 0, "level-idx=5;profile=0;tier=0"),
    Row::profile(116, Codec::H265, 1, "level-id=180;profile-id=1;tier-flag=0;tx-mode=SRST"),
];

/// An extension under the server's own id. Ids hold for the whole BUNDLE group and fit the one-byte form.
struct Numbered(u8, ExtensionKind);

impl Numbered {
    fn offered(&self) -> OfferedExtension {
        OfferedExtension { id: self.0, kind: self.1, direction: None }
    }
}

const AUDIO_EXTENSIONS: &[Numbered] = &[
    Numbered(1, ExtensionKind::AudioLevel),
    Numbered(2, ExtensionKind::AbsSendTime),
    Numbered(3, ExtensionKind::TransportSequence),
    Numbered(4, ExtensionKind::Mid),
    Numbered(5, ExtensionKind::AbsCaptureTime),
];

const VIDEO_EXTENSIONS: &[Numbered] = &[
    Numbered(2, ExtensionKind::AbsSendTime),
    Numbered(3, ExtensionKind::TransportSequence),
    Numbered(4, ExtensionKind::Mid),
    Numbered(5, ExtensionKind::AbsCaptureTime),
    Numbered(6, ExtensionKind::PlayoutDelay),
    Numbered(7, ExtensionKind::DependencyDescriptor),
    Numbered(8, ExtensionKind::VideoOrientation),
    Numbered(9, ExtensionKind::VideoContentType),
    Numbered(10, ExtensionKind::ColorSpace),
];
