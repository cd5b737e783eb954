//! Operating points: what of one encoding's layers a subscriber may get, as sets of bits, so that a decision for a
//! subscriber is a look at one bit, whatever the codec.

/// Spatial layers told apart; AV1 and VP9 could have more (the dependency descriptor up to 4 in practice, VP9 8), nobody
/// sends them. Higher ones count as the highest.
pub const SPATIAL_LAYERS: u8 = 4;
/// Temporal layers told apart: VP8 has no more (RFC 7741 section 4.2: TID takes two bits). Higher ones count as the highest.
pub const TEMPORAL_LAYERS: u8 = 4;

/// One operating point: a spatial layer with all that it needs, up to a temporal layer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Point(u8);

impl Point {
    /// Number of points.
    pub const COUNT: usize = (SPATIAL_LAYERS * TEMPORAL_LAYERS) as usize;
    /// Everything.
    pub const BEST: Self = Self(Self::COUNT as u8 - 1);

    /// The point of these layers; layers beyond the last count as the last.
    #[inline]
    pub fn new(spatial: u8, temporal: u8) -> Self {
        Self(spatial.min(SPATIAL_LAYERS - 1) * TEMPORAL_LAYERS + temporal.min(TEMPORAL_LAYERS - 1))
    }

    /// Every point, lowest first.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..Self::COUNT as u8).map(Self)
    }

    /// Its spatial layer.
    #[inline]
    pub fn spatial(self) -> u8 {
        self.0 / TEMPORAL_LAYERS
    }

    /// Its temporal layer.
    #[inline]
    pub fn temporal(self) -> u8 {
        self.0 % TEMPORAL_LAYERS
    }

    /// Its place among [`Point::all`], below [`Point::COUNT`].
    #[inline]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A set of operating points, one bit each.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Points(u16);

impl Points {
    /// None.
    pub const NONE: Self = Self(0);
    /// All.
    pub const ALL: Self = Self(u16::MAX);
    /// The points of temporal layer 0, one for each spatial layer.
    const BASES: u16 = 0x1111;

    /// One point alone.
    pub fn only(point: Point) -> Self {
        Self(1 << point.0)
    }

    /// The points of every spatial layer with at least this temporal layer.
    pub fn from_temporal(temporal: u8) -> Self {
        // Of each group of four bits those from `temporal` on; none for a layer beyond the last.
        Self((0xf << temporal.min(TEMPORAL_LAYERS) & 0xf) * Self::BASES)
    }

    /// The points of every temporal layer with at least this spatial layer.
    pub fn from_spatial(spatial: u8) -> Self {
        Self(u16::MAX << (spatial.min(SPATIAL_LAYERS - 1) * TEMPORAL_LAYERS))
    }

    /// The points of this spatial layer.
    pub fn at_spatial(spatial: u8) -> Self {
        Self(0xf << (spatial.min(SPATIAL_LAYERS - 1) * TEMPORAL_LAYERS))
    }

    /// The points that ask for no more than `point` does in either dimension.
    pub fn within(point: Point) -> Self {
        let temporals = (2u16 << point.temporal()) - 1;
        let spatials = Self::BASES & (u16::MAX >> (16 - TEMPORAL_LAYERS * (point.spatial() + 1)));
        Self(temporals * spatials)
    }

    /// Whether `point` is among them.
    #[inline]
    pub fn has(self, point: Point) -> bool {
        self.0 >> point.0 & 1 != 0
    }

    /// Whether the point of this index is among them.
    #[inline]
    pub fn holds(self, index: usize) -> bool {
        self.0.checked_shr(index as u32).is_some_and(|bits| bits & 1 != 0)
    }

    /// Those in both.
    pub fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those in either.
    pub fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Those in this and not in the other.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The best: the highest temporal layer of the highest spatial layer.
    pub fn best(self) -> Option<Point> {
        self.0.checked_ilog2().map(|index| Point(index as u8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_their_names_say() {
        for point in Point::all() {
            let (spatial, temporal) = (point.spatial(), point.temporal());
            assert_eq!(Point::new(spatial, temporal), point);
            for other in Point::all() {
                let (above, over) = (other.spatial() >= spatial, other.temporal() >= temporal);
                assert_eq!(Points::from_spatial(spatial).has(other), above);
                assert_eq!(Points::from_temporal(temporal).has(other), over);
                assert_eq!(Points::at_spatial(spatial).has(other), other.spatial() == spatial);
                assert_eq!(Points::only(point).has(other), other == point);
                let within = other.spatial() <= spatial && other.temporal() <= temporal;
                assert_eq!(Points::within(point).has(other), within, "{other:?} within {point:?}");
            }
            assert_eq!(Points::within(point).best(), Some(point));
        }
        assert_eq!((Points::NONE.best(), Points::ALL.best()), (None, Some(Point::BEST)));
        assert_eq!(Point::new(9, 9), Point::BEST);
    }
}
