//! Calls that ring: for whom, until when, and how it was answered. A ring does not outlive the server.

use std::collections::BTreeSet;

use calls::UserId;
use serde_json::json;

use crate::clock::now_ms;
use crate::entry::{Entry, Ring};
use crate::error::{ApiError, Code};
use crate::event::Kind;
use crate::react::Audience;
use crate::service::Inner;

/// Users for whom one call rings at a time.
pub(crate) const RINGS_MAX: usize = 100;

impl Inner {
    /// Rings for users.
    pub(crate) fn ring(&self, entry: &mut Entry, by: &UserId, users: &BTreeSet<UserId>, timeout_s: u64) {
        let until_ms = now_ms().saturating_add(timeout_s.saturating_mul(1000));
        for user in users {
            entry.rings.insert(user.clone(), Ring { by: by.clone(), until_ms });
        }
        self.busy().insert(entry.body.call.id().clone());
        let facts = json!({ "by": by, "users": users, "until_ms": until_ms, "custom": entry.body.custom });
        self.tell_some(entry, None, Kind::Ring, facts, &Audience::Users(users));
    }

    /// Somebody takes a call that rings.
    pub(crate) fn take(&self, entry: &mut Entry, user: &UserId) -> bool {
        let Some(ring) = entry.rings.remove(user) else { return false };
        self.tell(entry, Kind::Accepted, json!({ "user": user, "ring_by": ring.by }));
        true
    }

    /// Somebody declines a call that rings.
    ///
    /// # Errors
    /// It does not ring for this user.
    pub(crate) fn decline(&self, entry: &mut Entry, user: &UserId, reason: &str) -> Result<(), ApiError> {
        let ring = entry.rings.remove(user).ok_or_else(|| ApiError::new(Code::NotRinging))?;
        self.tell(entry, Kind::Rejected, json!({ "user": user, "ring_by": ring.by, "reason": reason }));
        Ok(())
    }

    /// Who did not answer in time has missed the call.
    pub(crate) fn expire_rings(&self, entry: &mut Entry, now_ms: u64) {
        let late = entry.rings.iter().filter(|(_, ring)| ring.until_ms <= now_ms);
        for (user, ring) in late.map(|(user, ring)| (user.clone(), ring.clone())).collect::<Vec<_>>() {
            entry.rings.remove(&user);
            self.tell(entry, Kind::Missed, json!({ "user": user, "ring_by": ring.by }));
        }
    }
}
