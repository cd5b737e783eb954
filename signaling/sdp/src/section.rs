//! One media section of a description as its writer means it.

use door::{ExtensionKind, Kind, SsrcPair};
use wire::{Mid, Pt, Rid};

use crate::codec::{Format, codec_kind};

/// What a media section carries.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SectionKind {
    /// `m=audio`
    Audio,
    /// `m=video`
    Video,
    /// `m=application`: data channels.
    Application,
}

impl SectionKind {
    /// The kind of media, or `None` for data channels.
    pub fn media(self) -> Option<Kind> {
        match self {
            Self::Audio => Some(Kind::Audio),
            Self::Video => Some(Kind::Video),
            Self::Application => None,
        }
    }

    /// The word in the `m=` line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Application => "application",
        }
    }
}

impl From<Kind> for SectionKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Audio => Self::Audio,
            Kind::Video => Self::Video,
        }
    }
}

/// Which way media flows, as seen by the writer of the description (RFC 8866 section 6.7).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Direction {
    /// Both ways.
    SendRecv,
    /// The writer sends.
    SendOnly,
    /// The writer receives.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// The writer of the description sends.
    pub fn sends(self) -> bool {
        matches!(self, Self::SendRecv | Self::SendOnly)
    }

    /// The writer of the description receives.
    pub fn receives(self) -> bool {
        matches!(self, Self::SendRecv | Self::RecvOnly)
    }

    /// The same flow as seen from the other end.
    pub fn reversed(self) -> Self {
        match self {
            Self::SendOnly => Self::RecvOnly,
            Self::RecvOnly => Self::SendOnly,
            both => both,
        }
    }

    /// The attribute's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SendRecv => "sendrecv",
            Self::SendOnly => "sendonly",
            Self::RecvOnly => "recvonly",
            Self::Inactive => "inactive",
        }
    }

    /// The direction that an attribute or suffix names.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::SendRecv, Self::SendOnly, Self::RecvOnly, Self::Inactive].into_iter().find(|it| it.as_str() == name)
    }
}

/// Names of a track and of the stream it belongs to (RFC 8830).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Msid {
    /// The MediaStream's id; `-` when the track is in none.
    pub stream: String,
    /// The track's id. A line with a single word names both by it.
    pub track: String,
}

/// One payload type of a section. Retransmission types are folded into the type that they repeat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OfferedCodec {
    /// The payload type.
    pub pt: Pt,
    /// Encoding name as written; compare without case.
    pub name: String,
    /// RTP timestamp ticks per second.
    pub clock_hz: u32,
    /// Audio channels, 1 when absent.
    pub channels: u8,
    /// Value of `a=fmtp`, empty when absent.
    pub fmtp: String,
    /// Values of `a=rtcp-fb`, such as `nack pli`.
    pub feedback: Vec<String>,
    /// The payload type of its retransmissions (RFC 4588).
    pub rtx: Option<Pt>,
}

impl OfferedCodec {
    /// Whether `a=rtcp-fb` names `kind`, such as `ccm fir`.
    pub fn has_feedback(&self, kind: &str) -> bool {
        self.feedback.iter().any(|it| it == kind)
    }
}

/// A header extension that the server knows (RFC 8285).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OfferedExtension {
    /// Its id, 1..=255.
    pub id: u8,
    /// What it is.
    pub kind: ExtensionKind,
    /// In which direction it is meant, when restricted.
    pub direction: Option<Direction>,
}

/// The data channels' association (RFC 8841).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sctp {
    /// The writer's SCTP port.
    pub port: u16,
    /// Largest message that the writer takes, in bytes; 0 means no limit.
    pub max_message_size: u64,
}

/// One media section.
#[derive(Clone, Debug)]
pub struct Section {
    /// Its name.
    pub mid: Mid,
    /// What it carries.
    pub kind: SectionKind,
    /// Port 0 without `a=bundle-only`: the section is dead.
    pub rejected: bool,
    /// Which way media flows.
    pub direction: Direction,
    /// The track that the writer sends, from `a=msid` or `a=ssrc`.
    pub msid: Option<Msid>,
    /// Payload types in order of preference, without retransmission types.
    pub codecs: Vec<OfferedCodec>,
    /// The header extensions that the server knows.
    pub extensions: Vec<OfferedExtension>,
    /// Encodings that the writer sends, in the order of `a=simulcast`; a pause mark is ignored.
    pub rids: Vec<Rid>,
    /// The sources that the writer sends, retransmission paired by FID groups, in SIM order when there is one.
    pub ssrcs: Vec<SsrcPair>,
    /// Values of `a=candidate`, beginning with `candidate:`.
    pub candidates: Vec<String>,
    /// The data channels' association, in application sections.
    pub sctp: Option<Sctp>,
    /// `a=simulcast` was written; an answer repeats it only then.
    pub(crate) simulcast: bool,
    /// The transport in the `m=` line.
    pub(crate) protocol: String,
    /// The formats in the `m=` line.
    pub(crate) formats: Vec<String>,
    /// `a=rtcp-rsize` was written.
    pub(crate) reduced_size: bool,
}

impl Section {
    /// The payload types that the server understands, with what tells their variants apart. RED is left out unless
    /// it wraps an Opus type of the section.
    pub fn formats(&self) -> impl Iterator<Item = (&OfferedCodec, Format)> {
        let known = self.codecs.iter().filter_map(|it| Format::of(it, &self.codecs).map(|format| (it, format)));
        known.filter(|(_, format)| self.kind.media() == Some(codec_kind(format.codec)))
    }
}
