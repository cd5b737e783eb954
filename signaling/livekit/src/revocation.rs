//! Tokens that open a room no longer: those of an identity that was removed, issued before its removal.
//!
//! Plain data, in memory. What must outlive the process is kept by whoever runs the lobby, see [`RevocationKeeper`].

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;

/// Identities remembered at a time, each a few hundred bytes; when there are more the oldest is forgotten.
pub(crate) const REVOCATIONS_MAX: usize = 20_000;

/// Tokens that are void: those of an identity for a room that were issued before a time.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Revocation {
    /// The room; empty is every room.
    pub room: String,
    /// The identity; empty is everybody.
    pub identity: String,
    /// Seconds since 1970.
    pub before_s: u64,
}

/// Writes a revocation where the next start finds it; ready when it is safe there, `false` when it cannot be.
pub type RevocationKeeper = Arc<dyn Fn(Revocation) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// A room and an identity.
type Bearer = (String, String);

/// Who may not come in with older tokens.
#[derive(Debug)]
pub(crate) struct Revocations {
    entries: BTreeMap<Bearer, Entry>,
    /// The same by age.
    order: BTreeSet<(u64, Bearer)>,
    next: u64,
    max: usize,
}

#[derive(Debug)]
struct Entry {
    /// Seconds since 1970: tokens issued before are refused.
    before_s: u64,
    order: u64,
}

impl Revocations {
    pub(crate) fn new(max: usize) -> Self {
        Self { entries: BTreeMap::new(), order: BTreeSet::new(), next: 0, max }
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Refuses the tokens that `identity` has for `room` and that were issued before a time, in seconds since 1970. What
    /// was refused already stays so.
    pub(crate) fn revoke(&mut self, room: &str, identity: &str, before_s: u64) {
        let bearer = (room.to_owned(), identity.to_owned());
        let older = self.entries.remove(&bearer);
        if let Some(older) = &older {
            self.order.remove(&(older.order, bearer.clone()));
        }
        while self.entries.len() >= self.max {
            let Some((_, oldest)) = self.order.pop_first() else { break };
            self.entries.remove(&oldest);
        }
        let order = self.next;
        self.next += 1;
        self.order.insert((order, bearer.clone()));
        self.entries.insert(bearer, Entry { before_s: older.map_or(0, |it| it.before_s).max(before_s), order });
    }

    /// Whether a token that was issued at `issued_s`, in seconds since 1970, opens the room no longer.
    pub(crate) fn is_revoked(&self, room: &str, identity: &str, issued_s: u64) -> bool {
        let pairs = [(room, identity), (room, ""), ("", identity), ("", "")];
        pairs.into_iter().any(|(room, identity)| {
            let entry = self.entries.get(&(room.to_owned(), identity.to_owned()));
            entry.is_some_and(|it| issued_s < it.before_s)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_older_tokens_of_this_bearer_are_refused() {
        let mut revocations = Revocations::new(10);
        revocations.revoke("demo", "ann", 100);
        assert!(revocations.is_revoked("demo", "ann", 99));
        assert!(revocations.is_revoked("demo", "ann", 0), "a token that does not say when is old");
        assert!(!revocations.is_revoked("demo", "ann", 100));
        assert!(!revocations.is_revoked("other", "ann", 0));
        assert!(!revocations.is_revoked("demo", "bob", 0));
        revocations.revoke("demo", "ann", 50);
        assert!(revocations.is_revoked("demo", "ann", 99), "an earlier time opens nothing again");
        assert_eq!(revocations.len(), 1);
    }

    #[test]
    fn empty_names_stand_for_all() {
        for (room, identity, refused) in
            [("demo", "", [true, true, false]), ("", "ann", [true, false, true]), ("", "", [true, true, true])]
        {
            let mut revocations = Revocations::new(10);
            revocations.revoke(room, identity, 100);
            let found = [("demo", "ann"), ("demo", "bob"), ("other", "ann")]
                .map(|(room, identity)| revocations.is_revoked(room, identity, 99));
            assert_eq!(found, refused, "{room:?} {identity:?}");
        }
    }

    #[test]
    fn the_oldest_is_forgotten_when_there_are_too_many() {
        let mut revocations = Revocations::new(2);
        for identity in ["ann", "bob", "ann", "cid"] {
            revocations.revoke("demo", identity, 100);
        }
        assert_eq!(revocations.len(), 2);
        let refused = ["ann", "bob", "cid"].map(|it| revocations.is_revoked("demo", it, 0));
        assert_eq!(refused, [true, false, true]);
    }
}
