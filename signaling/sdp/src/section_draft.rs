//! The parser's section half: collects a section's attributes, then puts together what belongs together.

use std::collections::BTreeMap;

use door::SsrcPair;
use wire::{Mid, Pt, Rid, Ssrc};

use crate::draft::TransportDraft;
use crate::error::{Fault, quote};
use crate::extension::extension_named;
use crate::fmtp::Fmtp;
use crate::limits::{
    CANDIDATES_MAX, CODECS_MAX, EXTENSIONS_MAX, FEEDBACK_MAX, MESSAGE_BYTES_DEFAULT, MSID_BYTES_MAX, RIDS_MAX,
    SCTP_PORT, SOURCES_MAX,
};
use crate::line::Line;
use crate::section::{Direction, Msid, OfferedCodec, OfferedExtension, Sctp, Section, SectionKind};

/// What is known of a section while its lines are read.
pub(crate) struct SectionDraft {
    /// Where it begins.
    pub(crate) line: u32,
    /// Its own transport attributes.
    pub(crate) transport: TransportDraft,
    kind: SectionKind,
    port_zero: bool,
    bundle_only: bool,
    protocol: String,
    formats: Vec<String>,
    mid: Option<Mid>,
    direction: Option<Direction>,
    reduced_size: bool,
    msid: Option<Msid>,
    source_msid: Option<Msid>,
    codecs: BTreeMap<u8, CodecDraft>,
    /// `a=rtcp-fb:*`.
    feedback: Vec<String>,
    extension_lines: usize,
    extensions: Vec<OfferedExtension>,
    rids: Vec<Rid>,
    simulcast: Option<Vec<Rid>>,
    sources: Vec<Ssrc>,
    groups: Vec<SourceGroup>,
    candidates: Vec<String>,
    sctp_port: Option<u16>,
    max_message_size: Option<u64>,
}

#[derive(Default)]
struct CodecDraft {
    map: Option<(String, u32, u8)>,
    fmtp: String,
    feedback: Vec<String>,
}

enum SourceGroup {
    /// Media and its retransmissions (RFC 4588).
    Repaired(Ssrc, Ssrc),
    /// Media and its forward error correction, which the server does not take (RFC 5956).
    Protected(Ssrc),
    /// Simulcast, lowest first.
    Simulcast(Vec<Ssrc>),
}

impl SectionDraft {
    /// Begins a section with its `m=` line.
    pub(crate) fn begin(line: &Line<'_>) -> Result<Self, Fault> {
        let malformed = || Fault::malformed("m=", line.value);
        let mut words = line.value.split_ascii_whitespace();
        let (media, port) = (words.next().ok_or_else(malformed)?, words.next().ok_or_else(malformed)?);
        let protocol = words.next().ok_or_else(malformed)?;
        let port: u16 = port.split('/').next().and_then(|it| it.parse().ok()).ok_or_else(malformed)?;
        let kind = match media {
            "audio" => SectionKind::Audio,
            "video" => SectionKind::Video,
            "application" => SectionKind::Application,
            other => return Err(Fault::MediaKind(quote(other))),
        };
        let served = if kind == SectionKind::Application { "DTLS/SCTP" } else { "RTP/SAVP" };
        if !protocol.contains(served) {
            return Err(Fault::Protocol(quote(protocol)));
        }
        let formats: Vec<String> = words.take(CODECS_MAX + 1).map(str::to_owned).collect();
        if formats.is_empty() {
            return Err(malformed());
        }
        within(&formats, CODECS_MAX + 1, "codecs", CODECS_MAX)?;
        Ok(Self::empty(line.number, kind, port == 0, protocol, formats))
    }

    fn empty(line: u32, kind: SectionKind, port_zero: bool, protocol: &str, formats: Vec<String>) -> Self {
        Self {
            line,
            transport: TransportDraft::default(),
            kind,
            port_zero,
            bundle_only: false,
            protocol: protocol.to_owned(),
            formats,
            mid: None,
            direction: None,
            reduced_size: false,
            msid: None,
            source_msid: None,
            codecs: BTreeMap::new(),
            feedback: Vec::new(),
            extension_lines: 0,
            extensions: Vec::new(),
            rids: Vec::new(),
            simulcast: None,
            sources: Vec::new(),
            groups: Vec::new(),
            candidates: Vec::new(),
            sctp_port: None,
            max_message_size: None,
        }
    }

    /// Takes one `a=` line; unknown ones are ignored.
    pub(crate) fn attribute(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        let malformed = |what| Fault::malformed(what, value);
        match name {
            "mid" => self.mid = Some(Mid::new(value.as_bytes()).ok_or_else(|| malformed("mid"))?),
            "bundle-only" => self.bundle_only = true,
            "rtcp-rsize" => self.reduced_size = true,
            "rtpmap" => self.rtpmap(value).ok_or_else(|| malformed("rtpmap"))?,
            "fmtp" => self.fmtp(value).ok_or_else(|| malformed("fmtp"))?,
            "rtcp-fb" => self.rtcp_fb(value)?,
            "extmap" => self.extmap(value)?,
            "rid" => self.rid(value)?,
            "simulcast" => self.simulcast = Some(simulcast(value)?),
            "msid" => self.msid = self.msid.take().or(Some(msid(value)?)),
            "ssrc" => self.ssrc(value)?,
            "ssrc-group" => self.ssrc_group(value)?,
            "candidate" => {
                within(&self.candidates, CANDIDATES_MAX, "candidates", CANDIDATES_MAX)?;
                self.candidates.push(format!("candidate:{value}"));
            }
            "sctp-port" => self.sctp_port = Some(value.parse().map_err(|_| malformed("sctp-port"))?),
            "max-message-size" => {
                self.max_message_size = Some(value.parse().map_err(|_| malformed("max-message-size"))?);
            }
            _ => self.direction = Direction::named(name).or(self.direction),
        }
        Ok(())
    }

    fn codec(&mut self, pt: &str) -> Option<&mut CodecDraft> {
        Some(self.codecs.entry(payload_type(pt)?).or_default())
    }

    fn rtpmap(&mut self, value: &str) -> Option<()> {
        let (pt, encoding) = value.split_once(' ')?;
        let mut parts = encoding.trim().split('/');
        let (name, clock) = (parts.next().filter(|it| !it.is_empty())?, parts.next()?.parse().ok()?);
        let channels = parts.next().map_or(Some(1), |it| it.parse().ok())?;
        self.codec(pt)?.map = Some((name.to_owned(), clock, channels));
        Some(())
    }

    fn fmtp(&mut self, value: &str) -> Option<()> {
        let (pt, parameters) = value.split_once(' ')?;
        self.codec(pt)?.fmtp = parameters.trim().to_owned();
        Some(())
    }

    fn rtcp_fb(&mut self, value: &str) -> Result<(), Fault> {
        let malformed = || Fault::malformed("rtcp-fb", value);
        let (pt, kind) = value.split_once(' ').ok_or_else(malformed)?;
        let list = match pt {
            "*" => &mut self.feedback,
            pt => &mut self.codec(pt).ok_or_else(malformed)?.feedback,
        };
        within(list, FEEDBACK_MAX, "rtcp-fb of a codec", FEEDBACK_MAX)?;
        list.push(kind.split_ascii_whitespace().collect::<Vec<_>>().join(" "));
        Ok(())
    }

    fn extmap(&mut self, value: &str) -> Result<(), Fault> {
        let malformed = || Fault::malformed("extmap", value);
        self.extension_lines += 1;
        if self.extension_lines > EXTENSIONS_MAX {
            return Err(Fault::TooMany { what: "extensions", max: EXTENSIONS_MAX });
        }
        let mut words = value.split_ascii_whitespace();
        let (id, uri) = (words.next().ok_or_else(malformed)?, words.next().ok_or_else(malformed)?);
        let (id, direction) = match id.split_once('/') {
            Some((id, direction)) => (id, Some(Direction::named(direction).ok_or_else(malformed)?)),
            None => (id, None),
        };
        let id: u16 = id.parse().ok().filter(|&it| it != 0).ok_or_else(malformed)?;
        // Ids above 255 only reserve a place (RFC 8285 section 5).
        let (Ok(id), Some(kind)) = (u8::try_from(id), extension_named(uri)) else { return Ok(()) };
        if !self.extensions.iter().any(|it| it.kind == kind || it.id == id) {
            self.extensions.push(OfferedExtension { id, kind, direction });
        }
        Ok(())
    }

    fn rid(&mut self, value: &str) -> Result<(), Fault> {
        let mut words = value.split_ascii_whitespace();
        let (Some(rid), Some("send")) = (words.next(), words.next()) else { return Ok(()) };
        within(&self.rids, RIDS_MAX, "rids", RIDS_MAX)?;
        let rid = Rid::new(rid.as_bytes()).ok_or_else(|| Fault::malformed("rid", value))?;
        if !self.rids.contains(&rid) {
            self.rids.push(rid);
        }
        Ok(())
    }

    fn ssrc(&mut self, value: &str) -> Result<(), Fault> {
        let malformed = || Fault::malformed("ssrc", value);
        let (ssrc, rest) = value.split_once(' ').unwrap_or((value, ""));
        let ssrc = Ssrc(ssrc.parse().map_err(|_| malformed())?);
        if !self.sources.contains(&ssrc) {
            within(&self.sources, SOURCES_MAX, "sources", SOURCES_MAX)?;
            self.sources.push(ssrc);
        }
        if let (None, Some(names)) = (&self.source_msid, rest.strip_prefix("msid:")) {
            self.source_msid = Some(msid(names)?);
        }
        Ok(())
    }

    fn ssrc_group(&mut self, value: &str) -> Result<(), Fault> {
        let malformed = || Fault::malformed("ssrc-group", value);
        within(&self.groups, SOURCES_MAX, "source groups", SOURCES_MAX)?;
        let mut words = value.split_ascii_whitespace();
        let meaning = words.next().ok_or_else(malformed)?;
        let parsed = words.take(SOURCES_MAX + 1).map(|it| it.parse().map(Ssrc)).collect::<Result<Vec<_>, _>>();
        let sources = parsed.map_err(|_| malformed())?;
        within(&sources, SOURCES_MAX + 1, "sources", SOURCES_MAX)?;
        self.groups.push(match (meaning, sources.as_slice()) {
            ("FID", [media, rtx]) => SourceGroup::Repaired(*media, *rtx),
            ("FID", _) => return Err(malformed()),
            ("FEC" | "FEC-FR", [_, fec]) => SourceGroup::Protected(*fec),
            ("SIM", _) => SourceGroup::Simulcast(sources),
            _ => return Ok(()),
        });
        Ok(())
    }

    /// Puts the section together; `default` is the session's direction.
    pub(crate) fn finish(mut self, default: Direction) -> Result<(Section, TransportDraft), Fault> {
        let mid = self.mid.ok_or(Fault::Missing("a=mid"))?;
        let codecs = if self.kind == SectionKind::Application { Vec::new() } else { self.offered_codecs()? };
        let sctp = self.formats.iter().any(|it| it == "webrtc-datachannel").then(|| Sctp {
            port: self.sctp_port.unwrap_or(SCTP_PORT),
            max_message_size: self.max_message_size.unwrap_or(MESSAGE_BYTES_DEFAULT),
        });
        let ssrcs = self.pairs();
        let section = Section {
            mid,
            kind: self.kind,
            rejected: self.port_zero && !self.bundle_only,
            direction: self.direction.unwrap_or(default),
            msid: self.msid.or(self.source_msid),
            codecs,
            extensions: self.extensions,
            simulcast: self.simulcast.is_some(),
            rids: encodings(self.rids, self.simulcast),
            ssrcs,
            candidates: self.candidates,
            sctp,
            protocol: self.protocol,
            formats: self.formats,
            reduced_size: self.reduced_size,
        };
        Ok((section, self.transport))
    }

    fn offered_codecs(&mut self) -> Result<Vec<OfferedCodec>, Fault> {
        let mut repeats = BTreeMap::new();
        let mut codecs = Vec::new();
        for format in &self.formats {
            let pt = payload_type(format).ok_or_else(|| Fault::malformed("payload type", format))?;
            let draft = self.codecs.remove(&pt).unwrap_or_default();
            let Some((name, clock_hz, channels)) = draft.map.or_else(|| assigned(pt)) else { continue };
            if name.eq_ignore_ascii_case("rtx") {
                if let Some(repeated) = Fmtp(&draft.fmtp).value("apt").and_then(payload_type) {
                    repeats.entry(repeated).or_insert(Pt(pt));
                }
                continue;
            }
            let mut feedback = draft.feedback;
            for kind in &self.feedback {
                if !feedback.contains(kind) {
                    feedback.push(kind.clone());
                }
            }
            codecs.push(OfferedCodec { pt: Pt(pt), name, clock_hz, channels, fmtp: draft.fmtp, feedback, rtx: None });
        }
        for codec in &mut codecs {
            codec.rtx = repeats.get(&codec.pt.0).copied();
        }
        Ok(codecs)
    }

    /// The media sources, simulcast's first and in its order, each with its retransmissions.
    fn pairs(&self) -> Vec<SsrcPair> {
        let mut order: Vec<Ssrc> = Vec::new();
        let simulcast = self.groups.iter().find_map(|it| match it {
            SourceGroup::Simulcast(sources) => Some(sources.as_slice()),
            _ => None,
        });
        for ssrc in simulcast.unwrap_or_default().iter().chain(&self.sources) {
            let follows = self.groups.iter().any(|it| match it {
                SourceGroup::Repaired(_, other) | SourceGroup::Protected(other) => other == ssrc,
                SourceGroup::Simulcast(_) => false,
            });
            if !follows && !order.contains(ssrc) {
                order.push(*ssrc);
            }
        }
        let rtx = |media| {
            self.groups.iter().find_map(|it| match it {
                SourceGroup::Repaired(source, rtx) if *source == media => Some(*rtx),
                _ => None,
            })
        };
        order.into_iter().map(|media| SsrcPair { media, rtx: rtx(media) }).collect()
    }
}

/// Refuses another element once `list` holds `full`.
fn within<T>(list: &[T], full: usize, what: &'static str, max: usize) -> Result<(), Fault> {
    if list.len() >= full { Err(Fault::TooMany { what, max }) } else { Ok(()) }
}

fn payload_type(text: &str) -> Option<u8> {
    text.parse().ok().filter(|&it| it <= 127)
}

/// Payload types that need no `a=rtpmap` (RFC 3551 table 4).
fn assigned(pt: u8) -> Option<(String, u32, u8)> {
    let name = match pt {
        0 => "PCMU",
        8 => "PCMA",
        9 => "G722",
        _ => return None,
    };
    Some((name.to_owned(), 8_000, 1))
}

fn msid(value: &str) -> Result<Msid, Fault> {
    let mut words = value.split_ascii_whitespace();
    let stream = words.next().ok_or_else(|| Fault::malformed("msid", value))?;
    let track = words.next().unwrap_or(stream);
    if stream.len().max(track.len()) > MSID_BYTES_MAX {
        return Err(Fault::malformed("msid", value));
    }
    Ok(Msid { stream: stream.to_owned(), track: track.to_owned() })
}

/// The sending half of `a=simulcast`: the first choice of each stream, pause marks dropped (RFC 8853 section 5.1).
fn simulcast(value: &str) -> Result<Vec<Rid>, Fault> {
    let mut words = value.split_ascii_whitespace();
    while let (Some(direction), Some(streams)) = (words.next(), words.next()) {
        if direction != "send" {
            continue;
        }
        let firsts = streams.split(';').map(|it| it.split(',').next().unwrap_or(it).trim_start_matches('~'));
        let rids: Option<Vec<Rid>> = firsts.take(RIDS_MAX + 1).map(|it| Rid::new(it.as_bytes())).collect();
        let rids = rids.ok_or_else(|| Fault::malformed("simulcast", value))?;
        within(&rids, RIDS_MAX + 1, "rids", RIDS_MAX)?;
        return Ok(rids);
    }
    Ok(Vec::new())
}

/// The encodings that are declared by `a=rid`, in the order of `a=simulcast` when there is one.
fn encodings(declared: Vec<Rid>, simulcast: Option<Vec<Rid>>) -> Vec<Rid> {
    let Some(mut order) = simulcast else { return declared };
    order.retain(|it| declared.contains(it));
    order
}
