//! What a packet's frame is to the choice of layers, in terms that no codec has to itself. Found once, when the packet
//! arrives, and read for every subscriber.

use wire::codec::counters::Counters;
use wire::codec::dependency::Needs;

use crate::points::{Point, Points};

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame {
    /// The operating points whose subscribers need it.
    pub points: Points,
    /// The points up to which a subscriber may go with this frame, if it can decode it.
    pub switches: Points,
    /// The points whose subscribers can decode it, as far as the layers alone tell.
    pub decodable_at: Points,
    /// What the dependency descriptor tells, if the packet has one.
    pub described: Option<Described>,
    /// Picture counters of the payload descriptor.
    pub counters: Counters,
    /// A receiver takes a gap in the picture ids for loss, so they must close over what is left out: VP8. VP9's tell by
    /// their distance which picture needs which.
    pub closes_ids: bool,
    /// Spatial layers that the stream has from here on, where the packet tells; else 0.
    pub announced: u8,
    /// Spatial layer.
    pub spatial: u8,
    /// Temporal layer.
    pub temporal: u8,
    /// The frame of this layer begins here.
    pub starts: bool,
    /// The frame of this layer ends here: it ends the picture for a subscriber that gets no higher layer.
    pub ends: bool,
    /// A key frame begins here: nothing before it is needed.
    pub keyframe: bool,
}

/// Of a dependency descriptor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Described {
    /// Counts frames.
    pub number: u16,
    /// The frames that this one needs.
    pub needs: Needs,
    /// Where the extension's data begins in the packet's bytes.
    pub at: u16,
    /// How many bytes the data has.
    pub len: u8,
}

impl Default for Frame {
    /// A frame of which nothing is known: part of everything, and no place to begin.
    fn default() -> Self {
        Self {
            points: Points::ALL,
            switches: Points::NONE,
            decodable_at: Points::ALL,
            described: None,
            counters: Counters::default(),
            closes_ids: false,
            announced: 0,
            spatial: 0,
            temporal: 0,
            starts: true,
            ends: false,
            keyframe: false,
        }
    }
}

impl Frame {
    /// A frame without layers.
    pub(crate) fn plain(keyframe: bool) -> Self {
        Self { keyframe, switches: if keyframe { Points::ALL } else { Points::NONE }, ..Self::default() }
    }

    /// A frame of temporal layer `temporal`. With `sync` a subscriber of the layer below may take this layer from here on.
    pub(crate) fn of_temporal(temporal: u8, sync: bool, keyframe: bool) -> Self {
        let plain = Self { temporal, points: Points::from_temporal(temporal), ..Self::plain(keyframe) };
        match temporal.checked_sub(1) {
            Some(below) if sync && !keyframe => Self {
                switches: Points::from_temporal(temporal).without(Points::from_temporal(temporal + 1)),
                decodable_at: Points::from_temporal(below),
                ..plain
            },
            _ => plain,
        }
    }

    /// Whether the packet ends the picture for a subscriber at `point`.
    #[inline]
    pub(crate) fn ends_picture_at(&self, point: Point) -> bool {
        self.ends && self.spatial == point.spatial()
    }
}
