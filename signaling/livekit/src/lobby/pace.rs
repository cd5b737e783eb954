//! How often an identity may join and a key may ask.

use std::time::{Duration, Instant};

use quota::Quota;
use rand::TryRngCore as _;

use super::Lobby;
use crate::config::Limits;
use crate::error::JoinError;
use crate::validate::Ticket;

/// Who came how often.
#[derive(Debug)]
pub(crate) struct Pace {
    began: Instant,
    identities: Quota,
    keys: Quota,
}

impl Pace {
    pub(super) fn new(limits: &Limits) -> Self {
        // Those who are limited here have a token; nothing is lost when the system gives no chance to hide their places.
        let seed = rand::rngs::OsRng.try_next_u64().unwrap_or_default();
        let (identities, keys) = (Quota::new(limits.identity, seed), Quota::new(limits.key, seed));
        Self { began: tokio::time::Instant::now().into_std(), identities, keys }
    }

    pub(super) fn joins_refused(&self) -> u64 {
        self.identities.refused()
    }

    pub(super) fn requests_refused(&self) -> u64 {
        self.keys.refused()
    }

    fn now(&self) -> Duration {
        tokio::time::Instant::now().into_std().saturating_duration_since(self.began)
    }
}

impl Lobby {
    /// Counts a join, or a look whether one would do.
    ///
    /// # Errors
    /// It is one too many of its identity.
    pub(crate) fn pace_join(&self, ticket: &Ticket) -> Result<(), JoinError> {
        let pace = &self.0.pace;
        let who = (&ticket.claims.iss, &ticket.room, &ticket.identity);
        pace.identities.take(who, pace.now()).map_err(|_| JoinError::PeerTooOften)
    }

    /// Counts a request of an administrator; whether it is to be served.
    pub(crate) fn paces_request(&self, key: &str) -> bool {
        let pace = &self.0.pace;
        pace.keys.take(key, pace.now()).is_ok()
    }
}
