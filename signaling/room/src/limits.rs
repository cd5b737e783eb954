//! Sizes and counts that a room refuses to exceed.

/// Longest identity, name or track name in bytes, as LiveKit has it.
pub const NAME_BYTES_MAX: usize = 256;
/// Most bytes of a participant's or room's metadata.
pub const METADATA_BYTES_MAX: usize = 512 * 1024;
/// Most bytes of a participant's attributes, keys and values together.
pub const ATTRIBUTES_BYTES_MAX: usize = 64 * 1024;
/// Publications of one participant that are announced by signal and not yet seen in a description.
pub const PENDING_PUBLICATIONS_MAX: usize = 20;
/// All publications of one participant: a client that leaks them must not fill the room.
pub const PUBLICATIONS_MAX: usize = 100;
/// Tracks for which one participant's wishes and settings are remembered; more are refused.
pub const WISHES_MAX: usize = 4096;
/// Entries of one participant's list of who may subscribe to its tracks.
pub const AUDIENCE_MAX: usize = 4096;

/// A room's limits; zero in `participants_max` means none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RoomLimits {
    /// Participants that count (not agents, recorders and the like); 0 is without limit.
    pub participants_max: u32,
    /// Bytes of a name.
    pub name_bytes_max: usize,
    /// Bytes of metadata.
    pub metadata_bytes_max: usize,
    /// Bytes of attributes, keys and values.
    pub attributes_bytes_max: usize,
    /// Pending publications of one participant.
    pub pending_publications_max: usize,
    /// Publications of one participant.
    pub publications_max: usize,
    /// Remembered wishes and settings of one participant.
    pub wishes_max: usize,
    /// Entries in a publisher's list of allowed subscribers.
    pub audience_max: usize,
}

impl Default for RoomLimits {
    fn default() -> Self {
        Self {
            participants_max: 0,
            name_bytes_max: NAME_BYTES_MAX,
            metadata_bytes_max: METADATA_BYTES_MAX,
            attributes_bytes_max: ATTRIBUTES_BYTES_MAX,
            pending_publications_max: PENDING_PUBLICATIONS_MAX,
            publications_max: PUBLICATIONS_MAX,
            wishes_max: WISHES_MAX,
            audience_max: AUDIENCE_MAX,
        }
    }
}
