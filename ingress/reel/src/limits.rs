//! How much of a stranger's file is believed. What goes beyond ends the pull with a word.

use std::time::Duration;

pub use rtmp::limits::{CLOCK_JUMP_MIN, MEDIA_TIMEOUT, VIDEO_BYTES_MAX};

/// Longest playlist, bytes: a film of three hours in pieces of two seconds has half of it.
pub const PLAYLIST_BYTES_MAX: usize = 1 << 20;
/// Pieces in one playlist.
pub const SEGMENTS_MAX: usize = 10_000;
/// Variants in one playlist; packagers make up to a dozen, and several of each for other codecs.
pub const VARIANTS_MAX: usize = 128;
/// Groups of sound, and headers of pieces, in one playlist.
pub const GROUPS_MAX: usize = 64;
/// Longest line of a playlist, bytes: a URL with its signature.
pub const LINE_BYTES_MAX: usize = 4096;
/// Longest piece that is believed; playlists have up to ten seconds.
pub const SEGMENT_TIME_MAX: Duration = Duration::from_secs(120);
/// The larger side of the variant that is chosen where there is a choice, pixels: more is for screens that rooms do not fill.
pub const SIDE_FINE: u32 = 1920;

/// Bytes that are passed over until a packet begins where one should; then it is no MPEG-TS.
pub const RESYNC_BYTES_MAX: usize = 64 << 10;
/// Longest table of MPEG-TS, bytes (ISO/IEC 13818-1, 2.4.4.3: 1021 after its first three).
pub const SECTION_BYTES_MAX: usize = 1024;
/// Longest packet of sound, bytes: multiplexers gather up to a second of it.
pub const SOUND_BYTES_MAX: usize = 128 << 10;
/// Parameter sets of one picture; encoders send two or three.
pub const SETS_MAX: usize = 16;

/// Longest index of an MP4 (`moov`), bytes: three hours with B-frames have a good 8 MB.
pub const MOOV_BYTES_MAX: usize = 12 << 20;
/// Longest index of a fragment (`moof`), bytes.
pub const MOOF_BYTES_MAX: usize = 1 << 20;
/// Longest fragment, bytes: its sound may stand behind all of its pictures, so that it is read as a whole; ten seconds at 6 Mb/s.
pub const FRAGMENT_BYTES_MAX: usize = 8 << 20;
/// Samples of one fragment: a minute of pictures and sound.
pub const FRAGMENT_SAMPLES_MAX: usize = 8192;
/// Samples of one track: a day of 60 pictures a second would be five million, whose index is too long anyway.
pub const SAMPLES_MAX: u32 = 4_000_000;
/// Tracks of an MP4 that are looked at.
pub const TRACKS_MAX: usize = 32;
/// Longest codec configuration, bytes.
pub const RECORD_BYTES_MAX: usize = 4096;
/// How far sound may lie behind its pictures in a file that is played while it is read.
pub const INTERLEAVE_MAX: Duration = Duration::from_secs(1);
