//! How much of a client's texts is taken.

/// Longest offer, in bytes; the same as for clients with a signal connection.
pub const OFFER_BYTES_MAX: usize = sdp::limits::TEXT_BYTES_MAX;
/// Longest fragment of trickle ICE, in bytes: some hundred candidates.
pub const FRAGMENT_BYTES_MAX: usize = 16 * 1024;
/// Candidates in one fragment. They are not kept: the server learns addresses from checks.
pub const CANDIDATES_MAX: usize = 128;
/// Tracks that one client publishes: camera and screen, both with sound.
pub const TRACKS_MAX: usize = 4;
/// Longest credential, in bytes: tokens with attributes are long, but not endless.
pub const CREDENTIAL_BYTES_MAX: usize = 16 * 1024;
