//! A room's door: whoever comes with a media token is let in by what the call says at that moment, not by what the token
//! said when it was made.

use calls::{Actor, CallId, Role, UserId};

use crate::clock::now_ms;
use crate::entry::{Entry, Seat};
use crate::error::{ApiError, Code};
use crate::rooms::{Knock, Opening, Visitor};
use crate::service::{Calls, Inner};
use crate::{access, kept};

impl Calls {
    /// Decides about somebody at a room's door, and keeps a seat for it.
    pub async fn admit(&self, knock: Knock) -> Opening {
        let Some(id) = CallId::of_room(&knock.room) else { return Opening::Unguarded };
        match self.0.admit(&id, &knock).await {
            Ok(opening) => opening,
            // A room of this name that is no call's.
            Err(error) if error.code == Code::CallNotFound && knock.role.is_none() => Opening::Unguarded,
            Err(error) => Opening::Refused(error.message),
        }
    }
}

impl Inner {
    async fn admit(&self, id: &CallId, knock: &Knock) -> Result<Opening, ApiError> {
        let mut entry = self.open(id).await?;
        if entry.body.call.phase() == calls::Phase::Ended {
            return Err(ApiError::new(Code::CallEnded));
        }
        let blocked = |user: &UserId| entry.body.call.blocked().contains(user);
        if UserId::new(&knock.identity).is_ok_and(|user| blocked(&user)) {
            return Err(ApiError::new(Code::Blocked));
        }
        let (Some(role), Visitor::Person) = (&knock.role, knock.visitor) else { return Ok(Opening::Unguarded) };
        if knock.second {
            return Err(ApiError::says(Code::Conflict, "a call takes one session of a participant"));
        }
        let user = crate::error::named("identity", UserId::new(&knock.identity))?;
        let actor = Actor { user, role: crate::error::named("role", Role::new(role))? };
        let kind = self.kind(id.kind())?;
        let others = entry.others(&knock.identity);
        if knock.only_asks {
            entry.body.call.may_enter(&kind, &actor, others, now_ms())?;
            return Ok(Opening::Granted(entry.body.grants(&kind, &actor)));
        }
        let mut next = entry.body.clone();
        next.call.admit(&kind, &actor, others, now_ms())?;
        let rows = kept::changed(&entry.body, &next);
        if !rows.is_empty() {
            self.store.commit(rows).await?;
        }
        entry.body = next;
        let grants = entry.body.grants(&kind, &actor);
        self.seat(&mut entry, actor, &grants);
        Ok(Opening::Granted(grants))
    }

    fn seat(&self, entry: &mut Entry, actor: Actor, grants: &room::Grants) {
        if entry.rings.contains_key(&actor.user) {
            self.take(entry, &actor.user);
        }
        let name = actor.user.to_string();
        let before = entry.seats.remove(&name);
        let seat = Seat {
            actor: Some(actor),
            grants: grants.clone(),
            session: before.and_then(|seat| seat.session),
            pending: true,
            unsure: false,
            since_ms: now_ms(),
        };
        entry.seats.insert(name, seat);
        self.busy().insert(entry.body.call.id().clone());
    }

    /// Ends calls whose time is over.
    pub(crate) async fn end_overdue(&self) -> Result<(), ApiError> {
        /// Calls ended in one go; the rest a second later.
        const AT_ONCE: u64 = 100;
        let Some(itself) = access::itself() else { return Ok(()) };
        for id in store::tables::call::overdue(&self.store, now_ms(), AT_ONCE).await? {
            let Some(id) = CallId::of_room(&id) else { continue };
            let mut entry = self.open(&id).await?;
            self.change(&mut entry, &itself, |body, _| Ok(body.call.tick(now_ms()))).await?;
        }
        Ok(())
    }
}
