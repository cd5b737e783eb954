//! How much of a description is read. Beyond a limit the whole description is refused with an error that names it.

/// Longest text, in bytes: several times the largest offer of a client with a full set of sections.
pub const TEXT_BYTES_MAX: usize = 256 * 1024;
/// Longest line, in bytes: the BUNDLE group of [`SECTIONS_MAX`] sections fits.
pub const LINE_BYTES_MAX: usize = 8 * 1024;
/// Media sections in one description: what one client can show, with room for sections that are never removed.
pub const SECTIONS_MAX: usize = 256;
/// Payload types of one section: the whole 7-bit space.
pub const CODECS_MAX: usize = 128;
/// `a=rtcp-fb` lines of one payload type; browsers send six.
pub const FEEDBACK_MAX: usize = 16;
/// `a=extmap` lines of one section: two-byte extension ids go up to 255, clients use about fifteen.
pub const EXTENSIONS_MAX: usize = 64;
/// `a=candidate` lines of one section.
pub const CANDIDATES_MAX: usize = 64;
/// Sources (`a=ssrc`) of one section, retransmission included; three simulcast layers use six.
pub const SOURCES_MAX: usize = 16;
/// Simulcast encodings of one section; clients send three.
pub const RIDS_MAX: usize = 8;
/// Longest stream or track id, in bytes; browsers use 36, RFC 8830 allows 64 and some clients write more.
pub const MSID_BYTES_MAX: usize = 256;
/// Distinct words of `a=ice-options`; browsers write one to three.
pub const ICE_OPTIONS_MAX: usize = 16;
/// Longest piece of a peer's text that an error repeats, in characters.
pub const QUOTE_CHARS_MAX: usize = 40;
/// ICE user fragment, in bytes (RFC 8839 section 5.4).
pub const UFRAG_BYTES: std::ops::RangeInclusive<usize> = 4..=256;
/// ICE password, in bytes (RFC 8839 section 5.4).
pub const PWD_BYTES: std::ops::RangeInclusive<usize> = 22..=256;
/// Largest data channel message that the server announces to take, in bytes.
pub const MESSAGE_BYTES_MAX: u32 = 65_535;
/// Message limit that holds when a description names none, in bytes (RFC 8841 section 6).
pub const MESSAGE_BYTES_DEFAULT: u64 = 65_536;
/// The server's SCTP port in the DTLS association (RFC 8841 section 5); every WebRTC stack uses this one.
pub const SCTP_PORT: u16 = 5000;
