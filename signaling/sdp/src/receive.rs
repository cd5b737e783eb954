//! A section on which a client publishes: what of its offer the server takes.

use door::{Codec, CodecParams, ExtensionKind, ExtensionMap, Kind, UpTrackParams};

use crate::codec::{CodecSet, Format, TrackCodec, Variant};
use crate::fmtp::Fmtp;
use crate::section::{Direction, OfferedCodec, OfferedExtension, Section, SectionKind};
use crate::writer::{CodecLines, OPUS_FMTP, encoding};

/// What the server wants of a publisher's section.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Receive {
    /// Codecs that the server takes at all.
    pub enabled: CodecSet,
    /// The codec that the publisher announced; it comes first in the answer. Opus when it announced RED.
    pub primary: Option<Codec>,
    /// Leave all codecs but the primary out of the answer, for clients that do not follow its order
    /// (Firefox on Linux and Android).
    pub only_primary: bool,
    /// Take redundant audio and prefer it.
    pub red: bool,
    /// Ask for stereo.
    pub stereo: bool,
    /// Ask for silence suppression.
    pub dtx: bool,
    /// The payload is end-to-end encrypted.
    pub encrypted: bool,
}

impl Default for Receive {
    /// Every codec in the offered order, redundant mono audio with silence suppression, not encrypted.
    fn default() -> Self {
        let (enabled, primary) = (CodecSet::ALL, None);
        Self { enabled, primary, only_primary: false, red: true, stereo: false, dtx: true, encrypted: false }
    }
}

/// Nothing can flow in a section: its two ends share no codec, or its other end does not want it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("no common codec in section {0}")]
pub struct NoCommonCodec(pub wire::Mid);

/// A published track as negotiated.
#[derive(Clone, Debug)]
pub struct UpTrack {
    /// For the media house; `params.codecs[0]` is what the publisher will send.
    pub params: UpTrackParams,
    /// What each payload type carries, in the same order: the publisher's half of [`crate::Send`].
    pub codecs: Vec<TrackCodec>,
}

/// What a publisher's `section` will carry when it is answered with [`crate::SectionUse::Receive`] of `receive`.
///
/// # Errors
/// When the section is dead, does not send, is not audio or video, or offers no enabled codec.
pub fn up_params(section: &Section, receive: &Receive) -> Result<UpTrack, NoCommonCodec> {
    let none = NoCommonCodec(section.mid);
    let kind = section.kind.media().filter(|_| !section.rejected && section.direction.sends()).ok_or(none)?;
    let accepted = accepted(section, receive);
    if accepted.is_empty() {
        return Err(none);
    }
    let mut extensions = ExtensionMap::default();
    for extension in section.extensions.iter().filter(|it| from_client(it)) {
        extensions.set(extension.kind, extension.id);
    }
    let wants_feedback = accepted.iter().any(|(it, _)| it.has_feedback("transport-cc"));
    let params = UpTrackParams {
        mid: section.mid,
        kind,
        codecs: accepted.iter().map(|(offered, format)| codec_params(kind, offered, *format)).collect(),
        extensions,
        rids: section.rids.clone(),
        ssrcs: section.ssrcs.clone(),
        transport_feedback: wants_feedback && extensions.id(ExtensionKind::TransportSequence).is_some(),
        encrypted: receive.encrypted,
    };
    let codecs = accepted.iter().map(|(offered, format)| TrackCodec { pt: offered.pt, format: *format }).collect();
    Ok(UpTrack { params, codecs })
}

fn codec_params(kind: Kind, offered: &OfferedCodec, format: Format) -> CodecParams {
    CodecParams {
        pt: offered.pt,
        codec: format.codec,
        clock_hz: offered.clock_hz,
        rtx: offered.rtx,
        nack: offered.has_feedback("nack"),
        pli: kind == Kind::Video && (offered.has_feedback("nack pli") || offered.has_feedback("ccm fir")),
    }
}

/// The section's codecs that are taken, in the answer's order.
pub(crate) fn accepted<'a>(section: &'a Section, receive: &Receive) -> Vec<(&'a OfferedCodec, Format)> {
    let mut codecs: Vec<_> = section.formats().filter(|(_, format)| receive.enabled.has(format.codec)).collect();
    if !receive.red {
        codecs.retain(|(_, format)| format.codec != Codec::Red);
    }
    let offered = |codec: &Codec| codecs.iter().any(|(_, format)| format.codec == *codec);
    let primary = match receive.primary {
        Some(Codec::Red) => Some(Codec::Opus),
        other => other,
    };
    // RED stands before the codec that it wraps, which tells little of what the client prefers.
    let first = codecs.iter().map(|(_, format)| format.codec).find(|it| *it != Codec::Red);
    let Some(primary) = primary.filter(offered).or(first) else { return codecs };
    if receive.only_primary && section.kind == SectionKind::Video {
        codecs.retain(|(_, format)| format.codec == primary);
    }
    codecs.sort_by_key(|(_, format)| rank(*format, primary));
    codecs
}

/// Place in the answer, lowest first; equals stay in the offer's order.
fn rank(format: Format, primary: Codec) -> u8 {
    match (format.codec, format.variant) {
        (Codec::Red, _) if primary == Codec::Opus => 0,
        // What every subscriber decodes goes before the richer profiles.
        (codec, Variant::H264 { profile, packetization }) if codec == primary && profile.is_baseline() => {
            if packetization == 1 {
                1
            } else {
                2
            }
        }
        (codec, _) if codec == primary => 3,
        _ => 4,
    }
}

/// Whether the client means to send the extension.
pub(crate) fn from_client(extension: &OfferedExtension) -> bool {
    extension.direction.is_none_or(Direction::sends)
}

/// How a publisher's codecs are answered.
pub(crate) fn codec_lines(section: &Section, receive: &Receive) -> Vec<CodecLines> {
    let lines = |(offered, format): (&OfferedCodec, Format)| {
        let mut lines = answered(section.kind, offered, format);
        if format.codec == Codec::Opus {
            lines.fmtp.push_str(if receive.dtx { ";usedtx=1" } else { "" });
            lines.fmtp.push_str(if receive.stereo { ";stereo=1;maxaveragebitrate=510000" } else { "" });
        }
        lines
    };
    accepted(section, receive).into_iter().map(lines).collect()
}

/// One offered payload type as the answer repeats it.
pub(crate) fn answered(kind: SectionKind, offered: &OfferedCodec, format: Format) -> CodecLines {
    let served: &[&str] = if kind == SectionKind::Video { &VIDEO_FEEDBACK } else { &AUDIO_FEEDBACK };
    CodecLines {
        pt: offered.pt,
        encoding: encoding(format.codec),
        clock_hz: offered.clock_hz,
        fmtp: match format.codec {
            Codec::Opus => OPUS_FMTP.to_owned(),
            // What bounds the client as a receiver must not bound it as a sender.
            _ => Fmtp(&offered.fmtp).without(&["max-fs", "max-fr"]),
        },
        feedback: offered.feedback.iter().filter(|it| served.contains(&it.as_str())).cloned().collect(),
        rtx: offered.rtx,
    }
}

/// Feedback that the server gives or heeds for audio.
pub(crate) const AUDIO_FEEDBACK: [&str; 2] = ["transport-cc", "nack"];
/// Feedback that the server gives or heeds for video.
pub(crate) const VIDEO_FEEDBACK: [&str; 5] = ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"];
