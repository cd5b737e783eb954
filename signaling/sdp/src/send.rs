//! A section on which a client receives a track from the server.

use door::{Codec, DownTrackParams, ExtensionKind, ExtensionMap, PayloadMap};
use wire::Ssrc;

use crate::codec::{Format, TrackCodec, Variant};
use crate::receive::{NoCommonCodec, answered};
use crate::section::{Direction, Msid, OfferedCodec, OfferedExtension, Section};
use crate::writer::CodecLines;

/// What the server sends on a subscriber's section.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Send {
    /// The publisher's payload types, from [`crate::UpTrack::codecs`].
    pub codecs: Vec<TrackCodec>,
    /// Our source.
    pub ssrc: Ssrc,
    /// Our source for retransmissions; used when the subscriber takes them.
    pub rtx_ssrc: Option<Ssrc>,
    /// Stream and track as the client shall know them.
    pub msid: Msid,
    /// Names the publisher as a source of synchronised streams (RFC 7022).
    pub cname: String,
    /// The audio is stereo.
    pub stereo: bool,
}

/// How the track of `send` reaches the client by `section`, of its offer or of its answer to ours.
///
/// # Errors
/// When the section is dead, does not receive, is not audio or video, or takes none of the publisher's codecs.
pub fn down_params(section: &Section, send: &Send) -> Result<DownTrackParams, NoCommonCodec> {
    let none = NoCommonCodec(section.mid);
    let kind = section.kind.media().filter(|_| !section.rejected && section.direction.receives()).ok_or(none)?;
    let payloads: Vec<PayloadMap> = routes(section, send).into_iter().map(|(map, ..)| map).collect();
    if payloads.is_empty() {
        return Err(none);
    }
    let mut extensions = ExtensionMap::default();
    for extension in section.extensions.iter().filter(|it| is_sent(it)) {
        extensions.set(extension.kind, extension.id);
    }
    let rtx_ssrc = send.rtx_ssrc.filter(|_| payloads.iter().any(|it| it.rtx.is_some()));
    Ok(DownTrackParams {
        mid: section.mid,
        kind,
        ssrc: send.ssrc,
        rtx_ssrc,
        payloads,
        extensions,
        playout_delay_ms: None,
    })
}

/// What of [`Send`] is announced in a section.
pub(crate) struct Source<'a> {
    /// The track.
    pub(crate) send: &'a Send,
    /// The source for retransmissions, when they are negotiated.
    pub(crate) rtx: Option<Ssrc>,
}

/// A publisher's payload type on its way to a subscriber's.
type Route<'a> = (PayloadMap, &'a OfferedCodec, Format);

/// Where each of the publisher's payload types goes; those without a way are left out.
fn routes<'a>(section: &'a Section, send: &Send) -> Vec<Route<'a>> {
    let takes: Vec<_> = section.formats().collect();
    send.codecs.iter().filter_map(|it| route(it, &takes)).collect()
}

fn route<'a>(from: &TrackCodec, takes: &[(&'a OfferedCodec, Format)]) -> Option<Route<'a>> {
    let strip_red = from.format.codec == Codec::Red && !takes.iter().any(|(_, it)| it.codec == Codec::Red);
    let format = if strip_red { OPUS } else { from.format };
    let fits = takes.iter().filter_map(|(offered, it)| Some((format.fit(*it)?, *offered, *it)));
    // Of equal fits the first in the client's order.
    let best = fits.reduce(|best, next| if next.0 > best.0 { next } else { best });
    let (_, offered, taken) = best?;
    Some((PayloadMap { from: from.pt, to: offered.pt, rtx: offered.rtx, strip_red }, offered, taken))
}

const OPUS: Format = Format { codec: Codec::Opus, variant: Variant::Single };

/// Whether the extension may flow to a subscriber, and so stands in the answer. RID stands there too although it is
/// never sent: Chromium takes what a negotiated section lacks for missing in new sections, and a simulcast
/// publication offered after a subscription would fail.
pub(crate) fn to_client(extension: &OfferedExtension) -> bool {
    extension.direction.is_none_or(Direction::receives)
}

/// Whether the extension is written for a subscriber: not those that tell a publisher's encodings apart, since a
/// subscription is a single stream.
fn is_sent(extension: &OfferedExtension) -> bool {
    let single = !matches!(extension.kind, ExtensionKind::Rid | ExtensionKind::RepairedRid);
    single && to_client(extension)
}

/// How a subscriber's codecs are answered: those that are sent, in the publisher's order.
pub(crate) fn codec_lines(section: &Section, send: &Send) -> Vec<CodecLines> {
    let mut lines: Vec<CodecLines> = Vec::new();
    for (_, offered, format) in routes(section, send) {
        if lines.iter().any(|it| it.pt == offered.pt) {
            continue;
        }
        let mut line = answered(section.kind, offered, format);
        announce_stereo(&mut line.fmtp, format.codec, send.stereo);
        lines.push(line);
    }
    lines
}

/// Tells the receiver that stereo will come (RFC 7587 section 6.1).
pub(crate) fn announce_stereo(fmtp: &mut String, codec: Codec, stereo: bool) {
    if codec == Codec::Opus && stereo {
        fmtp.push_str(";sprop-stereo=1");
    }
}
