//! The connection on which the client offers: what it publishes and, in single mode, what it receives.

use std::collections::{BTreeMap, BTreeSet};

use door::Kind;
use room::TrackSid;
use wire::Mid;

use crate::world::link::Link;
use crate::world::subscription::Rendition;

/// A section on which the client publishes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::world) struct PublishedSection {
    pub(in crate::world) track: TrackSid,
    /// The track's id in the description, by which a change of track on the section is seen.
    pub(in crate::world) name: String,
    /// In which codec the section carries it.
    pub(in crate::world) rendition: Rendition,
}

/// The client's own connection.
#[derive(Debug, Default)]
pub(in crate::world) struct Publisher {
    pub(in crate::world) link: Option<Link>,
    /// Sections that carry the client's tracks.
    pub(in crate::world) published: BTreeMap<Mid, PublishedSection>,
    /// Sections that the client would receive on and that we answered as inactive.
    pub(in crate::world) idle: BTreeMap<Mid, Kind>,
    /// Sections on which our last answer sent. Such a section must be answered as inactive once before it carries
    /// another track: browsers announce a track only when its section begins to flow.
    pub(in crate::world) hot: BTreeSet<Mid>,
    /// Sections on which a client that offers once receives whatever comes.
    pub(in crate::world) open: Vec<sdp::Section>,
    /// Sections in the client's last offer.
    pub(in crate::world) sections: usize,
    /// Its video waits for an offer.
    pub(in crate::world) lulled: bool,
    /// An offer that changes nothing and will be answered soon.
    pub(in crate::world) held: Option<(u32, sdp::Description)>,
}

impl Publisher {
    /// Sections of `kind` that the next answer may use.
    pub(in crate::world) fn idle_count(&self, kind: Kind) -> usize {
        self.idle.values().filter(|it| **it == kind).count()
    }
}
