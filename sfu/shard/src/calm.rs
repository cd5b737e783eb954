//! Whether nothing flows but the checks that keep paths alive. Then nobody minds if they wait a little for each other, and
//! one waking of the thread serves many.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::Shard;
use crate::routes::PeerSlot;

/// For so long nothing else must have come. More than between two reports of RTCP, whose times are measured.
const CALM_AFTER: Duration = Duration::from_secs(2);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Calm {
    /// Datagrams that other shards passed on.
    pub(crate) forwarded: u64,
    /// Datagrams, of both kinds, that kept a path alive and changed nothing.
    pub(crate) checks: u64,
    /// Something else came in this turn.
    pub(crate) stirred: bool,
    /// All datagrams but those, as last seen.
    others: u64,
    /// When something else last came.
    stirred_at: Option<Instant>,
    /// Peers that are not connected yet: whoever joins waits for nothing.
    pub(crate) joining: BTreeSet<PeerSlot>,
}

impl Shard {
    /// Whether nothing but checks came for a while and nobody is joining. Asked once per turn, at its end.
    pub fn is_calm(&mut self, now: Instant) -> bool {
        let calm = &mut self.calm;
        let others = (self.stats.datagrams_in + calm.forwarded).wrapping_sub(calm.checks);
        if std::mem::take(&mut calm.stirred) || calm.others != others {
            (calm.others, calm.stirred_at) = (others, Some(now));
        }
        calm.joining.is_empty() && calm.stirred_at.is_none_or(|at| now >= at + CALM_AFTER)
    }
}
