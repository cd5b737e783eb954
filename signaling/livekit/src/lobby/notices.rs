//! The way of the media house's news to their rooms.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use door::{ChannelLabel, Command, Notice, PeerReport};
use tokio::sync::mpsc;

use crate::view::Usage;

use super::{Inner, Lobby, ROOM_NOTICES_MAX, ROOM_NOTICES_RESERVED};

impl Lobby {
    /// Passes on what the media house tells; from any thread. Waits for nothing but the short lock of
    /// the room registry. What finds its room's queue full is dropped and counted.
    pub fn notice(&self, notice: Notice) {
        match notice {
            Notice::Stats(_) => {}
            Notice::Levels(levels) => {
                for (serial, levels) in by_room(levels, |level| level.track.serial) {
                    self.0.pass_on(serial, Notice::Levels(levels));
                }
            }
            Notice::Health(health) => {
                for (serial, health) in by_room(health, |health| health.peer.serial) {
                    self.0.pass_on(serial, Notice::Health(health));
                }
            }
            Notice::Reports(reports) => {
                self.0.account(&reports);
                for (serial, reports) in by_room(reports, |report| report.peer.serial) {
                    self.0.pass_on(serial, Notice::Reports(reports));
                }
            }
            other => self.0.pass_on(room_of(&other), other),
        }
    }
}

impl Lobby {
    /// The rooms that moved most media, at most so many.
    pub fn busiest(&self, count: usize) -> Vec<(String, Usage)> {
        let read = |usage: &Mutex<Usage>| *usage.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rooms: Vec<_> = {
            let registry = self.0.read();
            registry.named().map(|(name, room)| (name.clone(), read(&room.usage))).collect()
        };
        rooms.sort_by_key(|(_, usage)| std::cmp::Reverse(usage.traffic.sum()));
        rooms.truncate(count);
        rooms
    }
}

impl Inner {
    /// Sums up what moved, for the node and for each room.
    fn account(&self, reports: &[PeerReport]) {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        let registry = self.read();
        for report in reports {
            let Some((leg, bytes)) = ledger.note(report) else { continue };
            if let Some(room) = registry.by_serial(serial_of_room(report.peer.serial)) {
                room.usage.lock().unwrap_or_else(PoisonError::into_inner).traffic.add(leg, bytes);
            }
        }
    }

    fn pass_on(&self, serial: u32, notice: Notice) {
        let registry = self.read();
        let Some(room) = registry.by_serial(serial) else {
            // The last words of a room's peers come after its end.
            if !matches!(notice, Notice::Reports(_)) {
                self.notices_stale.fetch_add(1, Ordering::Relaxed);
            }
            return;
        };
        let refused = if room.notices.capacity() <= reserved(&notice) {
            Some(notice)
        } else {
            room.notices.try_send(notice).err().map(mpsc::error::TrySendError::into_inner)
        };
        let Some(refused) = refused else { return };
        self.notices_dropped.fetch_add(1, Ordering::Relaxed);
        // Its sender would wait for ever for the credit of a message that nobody deals with.
        if let Notice::Data { peer, channel, payload } = refused {
            let (reliable, cost) = (channel == ChannelLabel::Reliable, door::data::cost(payload.len()));
            (self.media)(Command::DataTaken { peer, reliable, cost });
        }
    }
}

/// Places in a room's queue that a notice must leave to more important ones. Reliable messages are bounded by their
/// senders' credit; so many that they do not fit come only from some two hundred senders at full speed at once.
fn reserved(notice: &Notice) -> usize {
    match notice {
        Notice::Data { channel: ChannelLabel::Reliable, .. } => ROOM_NOTICES_RESERVED,
        Notice::Data { .. } | Notice::Levels(_) | Notice::Health(_) | Notice::Reports(_) => ROOM_NOTICES_MAX / 2,
        _ => 0,
    }
}

fn serial_of_room(key_serial: u64) -> u32 {
    // A shift by 32 leaves 32 bits.
    u32::try_from(key_serial >> 32).unwrap_or_default()
}

/// The room whose keys a notice carries; 0, which is no room's, for those of all rooms.
fn room_of(notice: &Notice) -> u32 {
    match notice {
        Notice::PeerReached(peer)
        | Notice::PeerConnected(peer)
        | Notice::PeerSilent(peer)
        | Notice::PeerHeard(peer) => serial_of_room(peer.serial),
        Notice::PeerEnded(peer, _) | Notice::ChannelOpen(peer, _) | Notice::DataBacklog(peer, _) => {
            serial_of_room(peer.serial)
        }
        Notice::Data { peer, .. } | Notice::Paused { peer, .. } => serial_of_room(peer.serial),
        Notice::TrackStarted(track) | Notice::KeyframeWanted { track, .. } => serial_of_room(track.serial),
        Notice::Levels(_) | Notice::Health(_) | Notice::Reports(_) | Notice::Stats(_) => 0,
    }
}

/// One shard's findings, by the room that each belongs to.
fn by_room<T>(findings: Vec<T>, serial: impl Fn(&T) -> u64) -> BTreeMap<u32, Vec<T>> {
    let mut rooms: BTreeMap<u32, Vec<T>> = BTreeMap::new();
    for finding in findings {
        rooms.entry(serial_of_room(serial(&finding))).or_default().push(finding);
    }
    rooms
}
