//! Which peer a datagram belongs to: by its path, else by the user fragment of its STUN check.
//!
//! Only authenticated paths are ever entered, so a stranger cannot fill or bend these tables.

use std::collections::HashMap;

use door::{Path, ShardId};

/// Index of a peer in the shard's slab.
pub(crate) type PeerSlot = usize;

/// Most authenticated paths of other shards' peers that are remembered. Further ones are not
/// entered: their media is then lost on this shard until one ends.
pub(crate) const FOREIGN_PATHS_MAX: usize = 65_536;

/// Where a datagram should go.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Route {
    /// To a peer of this shard.
    Here(PeerSlot),
    /// To another shard.
    Elsewhere(ShardId),
    /// Nobody knows it.
    Unknown,
}

#[derive(Debug, Default)]
pub(crate) struct Routes {
    paths: HashMap<Path, Route>,
    foreign: usize,
    ufrags: HashMap<String, PeerSlot>,
}

impl Routes {
    /// Looks a datagram's path up.
    pub(crate) fn by_path(&self, path: &Path) -> Route {
        self.paths.get(path).copied().unwrap_or(Route::Unknown)
    }

    /// Looks a local user fragment up; one that names another shard goes there.
    pub(crate) fn by_ufrag(&self, ufrag: &[u8], own: ShardId, shards: u16) -> Route {
        let known = std::str::from_utf8(ufrag).ok().and_then(|ufrag| self.ufrags.get(ufrag));
        if let Some(&slot) = known {
            return Route::Here(slot);
        }
        match door::IceCredentials::shard(ufrag) {
            Some(shard) if shard != own && shard.0 < shards => Route::Elsewhere(shard),
            _ => Route::Unknown,
        }
    }

    pub(crate) fn add_path(&mut self, path: Path, slot: PeerSlot) {
        if let Some(Route::Elsewhere(_)) = self.paths.insert(path, Route::Here(slot)) {
            self.foreign -= 1;
        }
    }

    /// Notes that an authenticated path belongs to another shard.
    pub(crate) fn add_foreign(&mut self, path: Path, shard: ShardId) {
        let known = self.paths.contains_key(&path);
        if !known && self.foreign >= FOREIGN_PATHS_MAX {
            return;
        }
        match self.paths.insert(path, Route::Elsewhere(shard)) {
            Some(Route::Elsewhere(_)) => {}
            _ => self.foreign += 1,
        }
    }

    /// Forgets a foreign path, unless it has become another's.
    pub(crate) fn remove_foreign(&mut self, path: &Path, shard: ShardId) {
        if self.by_path(path) == Route::Elsewhere(shard) {
            self.paths.remove(path);
            self.foreign -= 1;
        }
    }

    /// Forgets a path, unless it has become another peer's.
    pub(crate) fn remove_path(&mut self, path: &Path, slot: PeerSlot) {
        if self.by_path(path) == Route::Here(slot) {
            self.paths.remove(path);
        }
    }

    pub(crate) fn add_ufrag(&mut self, ufrag: &str, slot: PeerSlot) {
        self.ufrags.insert(ufrag.to_owned(), slot);
    }

    pub(crate) fn remove_ufrag(&mut self, ufrag: &str) {
        self.ufrags.remove(ufrag);
    }

    /// Number of paths known, this shard's and others'.
    pub(crate) fn len(&self) -> usize {
        self.paths.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use door::Protocol;

    fn path(port: u16) -> Path {
        Path { protocol: Protocol::Udp, local: ([127, 0, 0, 1], 1).into(), remote: ([127, 0, 0, 1], port).into() }
    }

    #[test]
    fn a_ufrag_names_its_shard() {
        let mut routes = Routes::default();
        routes.add_ufrag("0000abcd", 7);
        let by = |ufrag: &[u8]| routes.by_ufrag(ufrag, ShardId(0), 2);
        assert_eq!(by(b"0000abcd"), Route::Here(7));
        assert_eq!(by(b"0001abcd"), Route::Elsewhere(ShardId(1)));
        assert_eq!(by(b"0002abcd"), Route::Unknown);
        assert_eq!(by(b"0000zzzz"), Route::Unknown);
        assert_eq!(by(b"x"), Route::Unknown);
        assert_eq!(by(b"\xff\xff\xff\xff"), Route::Unknown);
    }

    #[test]
    fn foreign_paths_are_bounded_and_end() {
        let mut routes = Routes::default();
        routes.add_foreign(path(1), ShardId(1));
        routes.add_foreign(path(1), ShardId(2));
        assert_eq!(routes.by_path(&path(1)), Route::Elsewhere(ShardId(2)));
        routes.remove_foreign(&path(1), ShardId(1));
        assert_eq!(routes.len(), 1);
        routes.remove_foreign(&path(1), ShardId(2));
        assert_eq!((routes.len(), routes.foreign), (0, 0));
        routes.foreign = FOREIGN_PATHS_MAX;
        routes.add_foreign(path(2), ShardId(1));
        assert_eq!(routes.by_path(&path(2)), Route::Unknown);
    }

    #[test]
    fn a_path_taken_over_is_not_removed_by_its_former_owner() {
        let mut routes = Routes::default();
        routes.add_path(path(1), 1);
        routes.add_path(path(1), 2);
        routes.remove_path(&path(1), 1);
        assert_eq!(routes.by_path(&path(1)), Route::Here(2));
    }
}
