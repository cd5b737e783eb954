//! Strangers' files become access units: FLV, MPEG-TS and MP4 as bytes come, and HLS' playlists that name such files.
//!
//! [`Reader`] is one stream of bytes of any of these containers; a [`playlist`] says which URLs follow each other and
//! [`Follower`] which of them is next. Nothing here knows a socket, a clock or a codec beyond its configuration. Every table of
//! a stranger has a limit (in [`limits`]), and what is not understood is refused by its name.

mod clock;
mod fault;
mod follow;
pub mod limits;
mod mp4;
pub mod playlist;
mod reader;
#[cfg(test)]
mod testing;
mod ts;

pub use fault::Fault;
pub use follow::{Follower, Turn};
pub use playlist::Playlist;
pub use reader::{Form, Reader, Step};
