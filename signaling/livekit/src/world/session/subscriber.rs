//! The connection on which the server offers, in dual mode.

use std::collections::BTreeSet;

use door::Kind;
use room::TrackSid;
use wire::Mid;

use crate::world::link::Link;

/// Media sections in one of our offers, data included: what clients' stacks take without trouble. More
/// subscriptions wait.
const SEATS_MAX: usize = 250;

/// A section of our offers, in their order.
#[derive(Debug)]
pub(in crate::world) struct Seat {
    pub(in crate::world) mid: Mid,
    pub(in crate::world) kind: Kind,
    /// What is to flow.
    pub(in crate::world) track: Option<TrackSid>,
    /// It carried a track in the last offer, and must be offered as inactive before it carries another.
    pub(in crate::world) hot: bool,
}

/// An offer that waits for its answer.
#[derive(Debug)]
pub(in crate::world) struct Outstanding {
    pub(in crate::world) id: u32,
    /// The sections on which it sends.
    pub(in crate::world) sends: BTreeSet<Mid>,
}

/// The server's own connection to the client.
#[derive(Debug, Default)]
pub(in crate::world) struct Subscriber {
    pub(in crate::world) link: Option<Link>,
    pub(in crate::world) seats: Vec<Seat>,
    pub(in crate::world) offers: u32,
    pub(in crate::world) outstanding: Option<Outstanding>,
    /// Something changed since the last offer.
    pub(in crate::world) stale: bool,
}

impl Subscriber {
    /// Gives `track` a section: a cold one of its kind, or a new one at the end.
    pub(in crate::world) fn seat(&mut self, track: &TrackSid, kind: Kind) -> Option<Mid> {
        let free = |seat: &&mut Seat| seat.kind == kind && seat.track.is_none() && !seat.hot;
        if let Some(seat) = self.seats.iter_mut().find(free) {
            seat.track = Some(track.clone());
            return Some(seat.mid);
        }
        if self.seats.len() >= SEATS_MAX {
            return None;
        }
        // Section 0 is the data channels'.
        let mid = Mid::new((self.seats.len() + 1).to_string().as_bytes())?;
        self.seats.push(Seat { mid, kind, track: Some(track.clone()), hot: false });
        Some(mid)
    }

    /// The next offer describes a section's track anew; an offer that is out speaks of what was before.
    pub(in crate::world) fn offer_anew(&mut self, mid: Mid) {
        if let Some(outstanding) = &mut self.outstanding {
            outstanding.sends.remove(&mid);
        }
        self.stale = true;
    }

    /// Takes a track from its section.
    pub(in crate::world) fn vacate(&mut self, mid: Mid) {
        if let Some(seat) = self.seats.iter_mut().find(|it| it.mid == mid) {
            seat.track = None;
            self.stale = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_reused_by_kind_once_cold_and_are_limited() {
        let mut subscriber = Subscriber::default();
        let track = TrackSid::new("TR_1");
        let first = subscriber.seat(&track, Kind::Video).unwrap();
        subscriber.seats[0].hot = true;
        subscriber.vacate(first);
        assert!(subscriber.stale);
        assert_ne!(subscriber.seat(&track, Kind::Video), Some(first));
        subscriber.seats[0].hot = false;
        assert_ne!(subscriber.seat(&track, Kind::Audio), Some(first));
        assert_eq!(subscriber.seat(&track, Kind::Video), Some(first));
        while subscriber.seats.len() < SEATS_MAX {
            subscriber.seat(&track, Kind::Video).unwrap();
        }
        assert_eq!(subscriber.seat(&track, Kind::Video), None);
    }
}
