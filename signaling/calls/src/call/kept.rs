//! A call taken apart into what outlives the process, and put together again.

use std::collections::{BTreeMap, BTreeSet};

use super::{Call, Lent, Phase};
use crate::{CallId, Capabilities, Role, Settings, UserId};

/// Everything that a call is made of, save its id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Who made it.
    pub created_by: UserId,
    /// Who belongs to it.
    pub members: BTreeMap<UserId, Role>,
    /// How it behaves.
    pub settings: Settings,
    /// Where it stands.
    pub phase: Phase,
    /// When it is planned to begin, in milliseconds since 1970.
    pub starts_at_ms: Option<u64>,
    /// When somebody came in first, in milliseconds since 1970.
    pub first_join_ms: Option<u64>,
    /// What holds for single users; those for whom nothing holds are not here.
    pub exceptions: BTreeMap<UserId, Exception>,
}

/// What holds for one user in one call, beside its role.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Exception {
    /// Granted beyond the role.
    pub more: Capabilities,
    /// Taken from the role.
    pub less: Capabilities,
    /// Asked for and not answered yet.
    pub asked: Capabilities,
    /// Sent out.
    pub blocked: bool,
}

impl Call {
    /// What must be kept of it.
    pub fn kept(&self) -> Kept {
        let mut exceptions: BTreeMap<UserId, Exception> = BTreeMap::new();
        for (user, lent) in self.lent.iter().filter(|(_, lent)| **lent != Lent::default()) {
            let exception = exceptions.entry(user.clone()).or_default();
            (exception.more, exception.less) = (lent.more, lent.less);
        }
        for user in &self.blocked {
            exceptions.entry(user.clone()).or_default().blocked = true;
        }
        for (user, asked) in &self.requests {
            exceptions.entry(user.clone()).or_default().asked = *asked;
        }
        Kept {
            created_by: self.created_by.clone(),
            members: self.members.clone(),
            settings: self.settings.clone(),
            phase: self.phase,
            starts_at_ms: self.starts_at_ms,
            first_join_ms: self.first_join_ms,
            exceptions,
        }
    }

    /// The call again of which this was kept.
    pub fn restore(id: CallId, kept: Kept) -> Self {
        let of = |wanted: fn(&Exception) -> bool| kept.exceptions.iter().filter(move |(_, it)| wanted(it));
        let lent = of(|it| !it.more.is_empty() || !it.less.is_empty());
        let lent = lent.map(|(user, it)| (user.clone(), Lent { more: it.more, less: it.less })).collect();
        let blocked: BTreeSet<UserId> = of(|it| it.blocked).map(|(user, _)| user.clone()).collect();
        let requests = of(|it| !it.asked.is_empty()).map(|(user, it)| (user.clone(), it.asked)).collect();
        Self {
            id,
            lent,
            blocked,
            requests,
            created_by: kept.created_by,
            members: kept.members,
            settings: kept.settings,
            phase: kept.phase,
            starts_at_ms: kept.starts_at_ms,
            first_join_ms: kept.first_join_ms,
        }
    }
}
