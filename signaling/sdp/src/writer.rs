//! Values -> text: the lines that offers and answers have in common.

use std::fmt::{Display, Write};

use door::Codec;
use wire::{Mid, Pt, Rid};

use crate::candidate::Local;
use crate::codec::{channels, clock_hz, codec_name};
use crate::extension::uri;
use crate::limits::{MESSAGE_BYTES_MAX, SCTP_PORT};
use crate::section::{Direction, Msid, OfferedExtension, SectionKind};
use crate::send::Source;

/// What every Opus stream is asked for: the shortest packet of 10 ms, and forward error correction (RFC 7587).
pub(crate) const OPUS_FMTP: &str = "minptime=10;useinbandfec=1";

/// A description being written.
pub(crate) struct Writer<'a> {
    text: String,
    local: &'a Local,
    setup: &'static str,
    /// Our addresses stand in the first section only: all sections share one transport.
    addressed: bool,
}

/// An audio or video section to be written.
pub(crate) struct MediaSection<'a> {
    pub(crate) mid: Mid,
    pub(crate) kind: SectionKind,
    pub(crate) protocol: &'a str,
    pub(crate) direction: Direction,
    pub(crate) reduced_size: bool,
    pub(crate) codecs: Vec<CodecLines>,
    pub(crate) extensions: Vec<OfferedExtension>,
    pub(crate) rids: &'a [Rid],
    pub(crate) simulcast: bool,
    pub(crate) msid: Option<&'a Msid>,
    pub(crate) source: Option<Source<'a>>,
}

/// One payload type to be written, its retransmission type with it.
pub(crate) struct CodecLines {
    pub(crate) pt: Pt,
    /// As in `a=rtpmap`.
    pub(crate) encoding: String,
    pub(crate) clock_hz: u32,
    pub(crate) fmtp: String,
    pub(crate) feedback: Vec<String>,
    pub(crate) rtx: Option<Pt>,
}

/// The `a=rtpmap` encoding of `codec`.
pub(crate) fn encoding(codec: Codec) -> String {
    let suffix = if channels(codec) > 1 { format!("/{}", channels(codec)) } else { String::new() };
    format!("{}/{}{suffix}", codec_name(codec), clock_hz(codec))
}

impl<'a> Writer<'a> {
    /// Begins a description. `setup` is our side of DTLS in every section.
    pub(crate) fn begin(local: &'a Local, setup: &'static str, bundle: &[Mid], extmap_allow_mixed: bool) -> Self {
        let mut writer = Self { text: String::with_capacity(4096), local, setup, addressed: false };
        writer.line("v=0");
        writer.line(format_args!("o=- {} {} IN IP4 127.0.0.1", local.session, local.version));
        writer.line("s=-");
        writer.line("t=0 0");
        writer.line("a=ice-lite");
        if !bundle.is_empty() {
            let mids = bundle.iter().map(|it| format!(" {it}")).collect::<String>();
            writer.line(format_args!("a=group:BUNDLE{mids}"));
        }
        if extmap_allow_mixed {
            writer.line("a=extmap-allow-mixed");
        }
        writer.line("a=msid-semantic: WMS *");
        writer
    }

    /// The finished text.
    pub(crate) fn finish(self) -> String {
        self.text
    }

    /// A section that is refused or dead (RFC 3264 section 6).
    pub(crate) fn rejected(&mut self, mid: Mid, kind: SectionKind, protocol: &str, format: &str) {
        self.line(format_args!("m={} 0 {protocol} {format}", kind.as_str()));
        self.line("c=IN IP4 0.0.0.0");
        self.line(format_args!("a=mid:{mid}"));
        self.line("a=inactive");
    }

    /// The data channels' section (RFC 8841).
    pub(crate) fn data(&mut self, mid: Mid, protocol: &str) {
        self.line(format_args!("m=application 9 {protocol} webrtc-datachannel"));
        self.transport(mid);
        self.line(format_args!("a=sctp-port:{SCTP_PORT}"));
        self.line(format_args!("a=max-message-size:{MESSAGE_BYTES_MAX}"));
        self.addresses();
    }

    /// An audio or video section.
    pub(crate) fn media(&mut self, section: &MediaSection<'_>) {
        let types = section.codecs.iter().flat_map(|it| [Some(it.pt), it.rtx]).flatten();
        let types = types.map(|it| format!(" {}", it.0)).collect::<String>();
        self.line(format_args!("m={} 9 {}{types}", section.kind.as_str(), section.protocol));
        self.transport(section.mid);
        for OfferedExtension { id, kind, direction } in &section.extensions {
            let suffix = direction.map(|it| format!("/{}", it.as_str())).unwrap_or_default();
            self.line(format_args!("a=extmap:{id}{suffix} {}", uri(*kind)));
        }
        self.line(format_args!("a={}", section.direction.as_str()));
        if let Some(Msid { stream, track }) = section.msid {
            self.line(format_args!("a=msid:{stream} {track}"));
        }
        self.line("a=rtcp-mux");
        if section.reduced_size {
            self.line("a=rtcp-rsize");
        }
        section.codecs.iter().for_each(|it| self.codec(it));
        self.rids(section);
        if let Some(source) = &section.source {
            self.source(source);
        }
        self.addresses();
    }

    fn codec(&mut self, codec: &CodecLines) {
        let pt = codec.pt.0;
        self.line(format_args!("a=rtpmap:{pt} {}", codec.encoding));
        for kind in &codec.feedback {
            self.line(format_args!("a=rtcp-fb:{pt} {kind}"));
        }
        if !codec.fmtp.is_empty() {
            self.line(format_args!("a=fmtp:{pt} {}", codec.fmtp));
        }
        if let Some(Pt(rtx)) = codec.rtx {
            self.line(format_args!("a=rtpmap:{rtx} rtx/{}", codec.clock_hz));
            self.line(format_args!("a=fmtp:{rtx} apt={pt}"));
        }
    }

    fn rids(&mut self, section: &MediaSection<'_>) {
        for rid in section.rids {
            self.line(format_args!("a=rid:{rid} recv"));
        }
        if section.simulcast && !section.rids.is_empty() {
            let rids = section.rids.iter().map(|it| it.as_str()).collect::<Vec<_>>().join(";");
            self.line(format_args!("a=simulcast:recv {rids}"));
        }
    }

    fn source(&mut self, source: &Source<'_>) {
        let (media, send) = (source.send.ssrc.0, source.send);
        if let Some(rtx) = source.rtx {
            self.line(format_args!("a=ssrc-group:FID {media} {}", rtx.0));
        }
        for ssrc in [Some(media), source.rtx.map(|it| it.0)].into_iter().flatten() {
            self.line(format_args!("a=ssrc:{ssrc} cname:{}", send.cname));
            self.line(format_args!("a=ssrc:{ssrc} msid:{} {}", send.msid.stream, send.msid.track));
        }
    }

    fn transport(&mut self, mid: Mid) {
        let (local, setup) = (self.local, self.setup);
        self.line("c=IN IP4 0.0.0.0");
        self.line(format_args!("a=ice-ufrag:{}", local.ice.ufrag));
        self.line(format_args!("a=ice-pwd:{}", local.ice.pwd));
        self.line(format_args!("a=fingerprint:sha-256 {}", local.fingerprint));
        self.line(format_args!("a=setup:{setup}"));
        self.line(format_args!("a=mid:{mid}"));
    }

    fn addresses(&mut self) {
        if std::mem::replace(&mut self.addressed, true) || self.local.candidates.is_empty() {
            return;
        }
        for candidate in &self.local.candidates {
            self.line(format_args!("a={candidate}"));
        }
        self.line("a=end-of-candidates");
    }

    fn line(&mut self, line: impl Display) {
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{line}\r\n");
    }
}
