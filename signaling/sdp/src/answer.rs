//! The server's answer to a client's offer.

use door::DtlsRole;
use wire::Mid;

use crate::candidate::Local;
use crate::description::Description;
use crate::receive::{Receive, answered, from_client};
use crate::section::{Direction, Msid, OfferedCodec, OfferedExtension, Section, SectionKind};
use crate::send::{Send, Source, to_client};
use crate::writer::{CodecLines, MediaSection, Writer};

/// What the server does with one section of an offer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum SectionUse {
    /// Take a track from the client.
    Receive(Receive),
    /// Send a track to the client.
    Send(Send),
    /// Send whatever comes, one track at a time, named so: for a client that is never described to again. Its sources
    /// are not announced; MIDs tell what belongs to the section (RFC 8843 section 9.2).
    Open(Msid),
    /// Keep an audio or video section alive without a track.
    Inactive,
    /// Take part in the data channels.
    Data,
    /// Refuse the section for good.
    Reject,
}

/// Writes the answer to `offer`. `uses` go with the offer's sections by position.
///
/// What the offer does not allow gives way: a section that is dead in the offer or shares no transport with the first
/// is rejected; one without a use, or with a use that its direction or codecs forbid, is inactive; data channels are
/// taken whenever they are offered, save for [`SectionUse::Reject`].
pub fn answer(local: &Local, offer: &Description, uses: &[SectionUse]) -> String {
    let padded = uses.iter().chain(std::iter::repeat(&SectionUse::Inactive));
    let replies: Vec<_> = offer.sections.iter().zip(padded).map(|(it, wish)| (it, reply(offer, it, wish))).collect();
    let alive = |mid: &Mid| replies.iter().any(|(it, reply)| it.mid == *mid && !matches!(reply, Reply::Reject));
    let bundle: Vec<Mid> = offer.bundle.iter().copied().filter(alive).collect();
    let role = offer.transport.as_ref().map_or(DtlsRole::Passive, |it| it.setup.our_role());
    let setup = if role == DtlsRole::Passive { "passive" } else { "active" };

    let mut writer = Writer::begin(local, setup, &bundle, offer.extmap_allow_mixed);
    for (section, reply) in &replies {
        match reply {
            Reply::Reject => {
                let format = section.formats.first().map_or("0", String::as_str);
                writer.rejected(section.mid, section.kind, &section.protocol, format);
            }
            Reply::Data => writer.data(section.mid, &section.protocol),
            Reply::Media(media) => writer.media(media),
        }
    }
    writer.finish()
}

enum Reply<'a> {
    Reject,
    Data,
    Media(Box<MediaSection<'a>>),
}

/// What becomes of the wish for a section.
fn reply<'a>(offer: &Description, section: &'a Section, wish: &'a SectionUse) -> Reply<'a> {
    if !offer.carries(section) || *wish == SectionUse::Reject {
        return Reply::Reject;
    }
    if section.kind == SectionKind::Application {
        return if section.sctp.is_some() { Reply::Data } else { Reply::Reject };
    }
    let media = match wish {
        SectionUse::Receive(receive) if section.direction.sends() => receiving(section, receive),
        SectionUse::Send(send) if section.direction.receives() => sending(section, send),
        SectionUse::Open(msid) if section.direction.receives() => open(section, msid),
        _ => None,
    };
    media.or_else(|| inactive(section)).map_or(Reply::Reject, |it| Reply::Media(Box::new(it)))
}

fn receiving<'a>(section: &'a Section, receive: &Receive) -> Option<MediaSection<'a>> {
    let codecs = crate::receive::codec_lines(section, receive);
    let mut media = media(section, codecs, Direction::RecvOnly, from_client)?;
    media.rids = &section.rids;
    Some(media)
}

fn sending<'a>(section: &'a Section, send: &'a Send) -> Option<MediaSection<'a>> {
    let mut media = media(section, crate::send::codec_lines(section, send), Direction::SendOnly, to_client)?;
    let rtx = send.rtx_ssrc.filter(|_| media.codecs.iter().any(|it| it.rtx.is_some()));
    media.msid = Some(&send.msid);
    media.source = Some(Source { send, rtx });
    Some(media)
}

fn open<'a>(section: &'a Section, msid: &'a Msid) -> Option<MediaSection<'a>> {
    let codecs = section.formats().map(|(offered, format)| answered(section.kind, offered, format)).collect();
    let mut media = media(section, codecs, Direction::SendOnly, to_client)?;
    media.msid = Some(msid);
    Some(media)
}

fn inactive(section: &Section) -> Option<MediaSection<'_>> {
    let mut codecs = crate::receive::codec_lines(section, &Receive::default());
    if codecs.is_empty() {
        // A section stays alive by naming a codec, even one that never flows.
        codecs.extend(section.codecs.first().map(repeated));
    }
    media(section, codecs, Direction::Inactive, |it| it.direction != Some(Direction::Inactive))
}

fn repeated(offered: &OfferedCodec) -> CodecLines {
    let channels = if offered.channels > 1 { format!("/{}", offered.channels) } else { String::new() };
    CodecLines {
        pt: offered.pt,
        encoding: format!("{}/{}{channels}", offered.name, offered.clock_hz),
        clock_hz: offered.clock_hz,
        fmtp: offered.fmtp.clone(),
        feedback: Vec::new(),
        rtx: None,
    }
}

/// The answer's section, `None` without codecs.
fn media(
    section: &Section,
    codecs: Vec<CodecLines>,
    direction: Direction,
    takes: fn(&OfferedExtension) -> bool,
) -> Option<MediaSection<'_>> {
    let taken = section.extensions.iter().filter(|it| takes(it));
    let reversed = |it: &OfferedExtension| OfferedExtension { direction: it.direction.map(Direction::reversed), ..*it };
    (!codecs.is_empty()).then(|| MediaSection {
        mid: section.mid,
        kind: section.kind,
        protocol: &section.protocol,
        direction,
        reduced_size: section.reduced_size,
        codecs,
        extensions: taken.map(reversed).collect(),
        rids: &[],
        simulcast: section.simulcast,
        msid: None,
        source: None,
    })
}
