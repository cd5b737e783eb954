//! Makes the keys by which this room and the media house name things, and chooses shards.

use door::{DownKey, PeerKey, ShardId, TrackKey};

/// Counts up within the room's own range of serials.
#[derive(Debug)]
pub(super) struct KeyMint {
    room_serial: u32,
    next: u32,
    shards: u16,
    spread_after: usize,
    spread_next: u16,
}

impl KeyMint {
    pub(super) fn new(room_serial: u32, shards: u16, spread_after: usize) -> Self {
        Self { room_serial, next: 0, shards: shards.max(1), spread_after, spread_next: 0 }
    }

    /// Where the next participant lives when `present` are there already. A small room stays on one shard, so that
    /// its packets need not cross; a large one is spread.
    pub(super) fn shard_for(&mut self, present: usize) -> ShardId {
        let home = self.room_serial % u32::from(self.shards);
        let home = u16::try_from(home).unwrap_or_default();
        if present < self.spread_after {
            return ShardId(home);
        }
        self.spread_next = (self.spread_next + 1) % self.shards;
        ShardId((home + self.spread_next) % self.shards)
    }

    pub(super) fn peer(&mut self, shard: ShardId) -> PeerKey {
        PeerKey { shard, serial: self.serial() }
    }

    pub(super) fn track(&mut self, shard: ShardId) -> TrackKey {
        TrackKey { shard, serial: self.serial() }
    }

    pub(super) fn down(&mut self, shard: ShardId) -> DownKey {
        DownKey { shard, serial: self.serial() }
    }

    /// A room that makes four thousand million keys and keeps its first ones alive does not exist: wrapping is safe.
    fn serial(&mut self) -> u64 {
        self.next = self.next.wrapping_add(1);
        (u64::from(self.room_serial) << 32) | u64::from(self.next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_carry_the_room_and_shards_spread() {
        let mut mint = KeyMint::new(5, 4, 2);
        assert_eq!(mint.peer(ShardId(1)).serial, (5 << 32) | 1);
        assert_eq!(mint.track(ShardId(1)).serial, (5 << 32) | 2);
        let shards: Vec<_> = (0..6).map(|present| mint.shard_for(present).0).collect();
        assert_eq!(shards, [1, 1, 2, 3, 0, 1]);
    }
}
