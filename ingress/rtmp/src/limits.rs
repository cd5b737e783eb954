//! How much one publisher may send, hold and ask for. What goes beyond ends its connection with a word.

use std::time::Duration;

/// Longest picture, bytes: a 4K key frame at 50 Mb/s has about 2 MB.
pub const VIDEO_BYTES_MAX: usize = 3 << 20;
/// Longest piece of sound, bytes: the largest AAC access unit of 8 channels has 6 KiB.
pub const AUDIO_BYTES_MAX: usize = 16 << 10;
/// Longest data message (`onMetaData`), bytes: encoders send less than 2 KiB.
pub const DATA_BYTES_MAX: usize = 64 << 10;
/// Longest command, bytes: `connect` with long addresses has less than 4 KiB.
pub const COMMAND_BYTES_MAX: usize = 16 << 10;
/// Longest protocol control message, bytes.
pub const CONTROL_BYTES_MAX: usize = 64;
/// Bytes of unfinished messages that one connection may hold in all, so that it stays within 4 MiB.
pub const UNFINISHED_BYTES_MAX: usize = VIDEO_BYTES_MAX + (256 << 10);
/// Bytes that a message takes at once, before they have come.
pub const RESERVED_BYTES_MAX: usize = 64 << 10;
/// Chunk streams of one connection; encoders use up to six.
pub const CHUNK_STREAMS_MAX: usize = 16;
/// Largest chunk: a message cannot be longer, so larger sizes mean the same (RTMP 1.0 section 5.4.1).
pub const CHUNK_BYTES_MAX: u32 = 0xff_ffff;
/// Depth of nested AMF values.
pub const AMF_DEPTH_MAX: usize = 16;
/// AMF values in one message, nested ones included.
pub const AMF_VALUES_MAX: usize = 512;
/// Bytes of one AMF string or name.
pub const AMF_STRING_BYTES_MAX: usize = 4 << 10;
/// Bytes of an application's or a stream's name; keys are far shorter.
pub const NAME_BYTES_MAX: usize = 512;
/// Message streams that one connection may make (`createStream`); encoders make one each time they begin.
pub const STREAMS_MAX: u32 = 64;
/// Bytes of replies that may wait for a publisher that does not read.
pub const OUTPUT_BYTES_MAX: usize = 64 << 10;
/// Characters of the encoder's name that are kept.
pub const ENCODER_CHARS_MAX: usize = 64;

/// Span over which rates are measured.
pub const RATE_WINDOW: Duration = Duration::from_secs(5);
/// Bytes in [`RATE_WINDOW`]: 100 Mb/s, beyond every encoder, with room for what gathered in a stalled network.
pub const BYTES_PER_WINDOW_MAX: u64 = 62_500_000;
/// Messages in [`RATE_WINDOW`]: 120 pictures and 200 pieces of sound a second, and several times as many after a stall.
pub const MESSAGES_PER_WINDOW_MAX: u64 = 10_000;
/// Commands in [`RATE_WINDOW`]; beginning takes six.
pub const COMMANDS_PER_WINDOW_MAX: u64 = 64;

/// From the first byte until the handshake is done.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// From the first byte until a stream is asked for, and between two streams.
pub const PUBLISH_TIMEOUT: Duration = Duration::from_secs(15);
/// Without a whole piece of sound or picture; encoders send some every second.
pub const MEDIA_TIMEOUT: Duration = Duration::from_secs(15);
/// A jump of the sender's clock from which on it is taken as begun anew.
pub const CLOCK_JUMP_MIN: Duration = Duration::from_secs(10);
