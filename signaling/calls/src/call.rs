//! One call's life: who may come in when, what each may do, live and over.

use std::collections::{BTreeMap, BTreeSet};

mod kept;

pub use kept::{Exception, Kept};

use crate::{CallId, CallType, Capabilities, Capability, Role, Settings, UserId};

/// Members of one call; more are refused. A call for everybody needs no members.
pub const MEMBERS_MAX: usize = 10_000;
/// Users with rights of their own, and users kept out, in one call; more are refused.
pub const EXCEPTIONS_MAX: usize = 10_000;
/// Requests that wait for an answer; more are refused until some are answered.
pub const REQUESTS_MAX: usize = 1_000;

/// Where a call stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Behind the curtain.
    Backstage,
    /// Open to all who may join.
    Live,
    /// Over, for good.
    Ended,
}

/// Why something was not done. Nothing has changed then.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Fault {
    /// The call is over.
    #[error("the call has ended")]
    PeerEnded,
    /// The call is not live and it is too early.
    #[error("the call is not live yet")]
    PeerBackstage,
    /// This user was sent out.
    #[error("you are blocked from this call")]
    PeerBlocked,
    /// The role does not allow it.
    #[error("your role lacks the capability {0}")]
    PeerForbidden(Capability),
    /// The call has no place left.
    #[error("the call is full")]
    PeerFull,
    /// This cannot be asked for or lent in this call.
    #[error("{0} cannot be asked for or granted in this call")]
    PeerNotLendable(Capability),
    /// Whoever made the call cannot be blocked or removed.
    #[error("whoever made the call cannot be sent out of it")]
    PeerCreator,
    /// A list is full.
    #[error("the call holds no more of these")]
    PeerTooMany,
}

/// Somebody who acts: a user, and the role of its token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    /// Who.
    pub user: UserId,
    /// What the token says; a membership of the call says more, save for an admin.
    pub role: Role,
}

/// Something that others must hear of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CallEvent {
    /// Everybody may come in from now on.
    WentLive,
    /// Those without `join-backstage` must go.
    StoppedLive,
    /// Everybody must go.
    Ended,
    /// Settings or plan have changed, and with them perhaps what everybody may do.
    Updated,
    /// Members came, went or changed.
    MembersChanged(Vec<UserId>),
    /// Somebody asks for more.
    PermissionRequested(UserId, Capabilities),
    /// What somebody asked for it asks for no longer: taken back, or answered without a change of what it may do.
    RequestWithdrawn(UserId, Capabilities),
    /// What somebody may do has changed, at once.
    PermissionsChanged(UserId),
    /// Somebody must go and stay away.
    Blocked(UserId),
    /// Somebody may come back.
    Unblocked(UserId),
}

/// What a call begins with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draft {
    /// Who makes it, and becomes its host.
    pub created_by: UserId,
    /// Who else belongs to it.
    pub members: BTreeMap<UserId, Role>,
    /// When it is planned to begin.
    pub starts_at_ms: Option<u64>,
    /// How it behaves.
    pub settings: Settings,
}

/// What one user may beyond or below its role, in this call.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Lent {
    more: Capabilities,
    less: Capabilities,
}

/// One call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Call {
    id: CallId,
    created_by: UserId,
    members: BTreeMap<UserId, Role>,
    settings: Settings,
    phase: Phase,
    starts_at_ms: Option<u64>,
    first_join_ms: Option<u64>,
    lent: BTreeMap<UserId, Lent>,
    blocked: BTreeSet<UserId>,
    requests: BTreeMap<UserId, Capabilities>,
}

impl Call {
    /// Makes a call.
    ///
    /// # Errors
    /// The actor's role may not make one of this type, or too many members are given.
    pub fn new(id: CallId, draft: Draft, kind: &CallType, actor: &Actor) -> Result<Self, Fault> {
        if !kind.grants_of(&actor.role).has(Capability::CreateCall) {
            return Err(Fault::PeerForbidden(Capability::CreateCall));
        }
        let mut members = draft.members;
        members.entry(draft.created_by.clone()).or_insert_with(Role::host);
        if members.len() > MEMBERS_MAX {
            return Err(Fault::PeerTooMany);
        }
        let phase = if draft.settings.backstage.enabled { Phase::Backstage } else { Phase::Live };
        Ok(Self {
            id,
            created_by: draft.created_by,
            members,
            settings: draft.settings,
            phase,
            starts_at_ms: draft.starts_at_ms,
            first_join_ms: None,
            lent: BTreeMap::new(),
            blocked: BTreeSet::new(),
            requests: BTreeMap::new(),
        })
    }

    /// Its id.
    pub fn id(&self) -> &CallId {
        &self.id
    }

    /// Where it stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// How it behaves.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Who made it.
    pub fn created_by(&self) -> &UserId {
        &self.created_by
    }

    /// When it is planned to begin, in milliseconds since 1970.
    pub fn starts_at_ms(&self) -> Option<u64> {
        self.starts_at_ms
    }

    /// Who was sent out.
    pub fn blocked(&self) -> &BTreeSet<UserId> {
        &self.blocked
    }

    /// Who asks for what, and waits for an answer.
    pub fn requests(&self) -> &BTreeMap<UserId, Capabilities> {
        &self.requests
    }

    /// What somebody is in this call: its role as a member, else that of its token.
    pub fn role_of<'a>(&'a self, actor: &'a Actor) -> &'a Role {
        match self.members.get(&actor.user) {
            Some(role) if actor.role != Role::admin() => role,
            _ => &actor.role,
        }
    }

    /// What an actor may do, if that and this call's phase allow something.
    ///
    /// # Errors
    /// The call is over, or the actor lacks the capability.
    pub fn check(&self, kind: &CallType, actor: &Actor, capability: Capability) -> Result<Capabilities, Fault> {
        self.allowed(kind, actor, capability)
    }

    /// Who belongs to it.
    pub fn members(&self) -> &BTreeMap<UserId, Role> {
        &self.members
    }

    /// What somebody may do in this call, whether it is there or not.
    pub fn capabilities(&self, kind: &CallType, actor: &Actor) -> Capabilities {
        if self.blocked.contains(&actor.user) {
            return Capabilities::default();
        }
        let role = self.role_of(actor);
        let lent = self.lent.get(&actor.user).copied().unwrap_or_default();
        let mut all = kind.grants_of(role).with(lent.more).without(lent.less);
        for capability in [Capability::SendAudio, Capability::SendVideo, Capability::Screenshare, Capability::SendChat]
        {
            if !self.knows(capability) {
                all.remove(capability);
            }
        }
        all
    }

    /// Lets somebody in: what it may do. `present` is how many others are there.
    ///
    /// # Errors
    /// As for [`Call::may_enter`].
    pub fn admit(&mut self, kind: &CallType, actor: &Actor, present: u32, now_ms: u64) -> Result<Capabilities, Fault> {
        let all = self.may_enter(kind, actor, present, now_ms)?;
        self.first_join_ms.get_or_insert(now_ms);
        Ok(all)
    }

    /// What somebody may do who would come in now. `present` is how many others are there.
    ///
    /// # Errors
    /// The call is over, full or not live yet, or the user may not join.
    pub fn may_enter(&self, kind: &CallType, actor: &Actor, present: u32, now_ms: u64) -> Result<Capabilities, Fault> {
        self.not_over()?;
        if self.blocked.contains(&actor.user) {
            return Err(Fault::PeerBlocked);
        }
        let all = self.capabilities(kind, actor);
        if !self.is_open(now_ms) && !all.has(Capability::JoinBackstage) {
            return Err(Fault::PeerBackstage);
        }
        if !all.has(Capability::JoinCall) {
            return Err(Fault::PeerForbidden(Capability::JoinCall));
        }
        let most = self.settings.limits.max_participants;
        if most > 0 && present >= most {
            return Err(Fault::PeerFull);
        }
        Ok(all)
    }

    /// Changes how the call behaves and when it is planned to begin; what is `None` stays. A call that has no backstage
    /// any more is live.
    ///
    /// # Errors
    /// The call is over, or the actor may not.
    pub fn update(
        &mut self,
        kind: &CallType,
        actor: &Actor,
        settings: Option<Settings>,
        starts_at_ms: Option<Option<u64>>,
    ) -> Result<Vec<CallEvent>, Fault> {
        self.allowed(kind, actor, Capability::UpdateCall)?;
        self.settings = settings.unwrap_or_else(|| self.settings.clone());
        self.starts_at_ms = starts_at_ms.unwrap_or(self.starts_at_ms);
        let mut events = vec![CallEvent::Updated];
        if !self.settings.backstage.enabled && self.phase == Phase::Backstage {
            events.extend(self.turn(Phase::Live, CallEvent::WentLive));
        }
        Ok(events)
    }

    /// Opens the curtain.
    ///
    /// # Errors
    /// The call is over, or the actor may not.
    pub fn go_live(&mut self, kind: &CallType, actor: &Actor) -> Result<Vec<CallEvent>, Fault> {
        self.allowed(kind, actor, Capability::GoLive)?;
        Ok(self.turn(Phase::Live, CallEvent::WentLive))
    }

    /// Closes the curtain.
    ///
    /// # Errors
    /// The call is over, or the actor may not.
    pub fn stop_live(&mut self, kind: &CallType, actor: &Actor) -> Result<Vec<CallEvent>, Fault> {
        self.allowed(kind, actor, Capability::GoLive)?;
        Ok(self.turn(Phase::Backstage, CallEvent::StoppedLive))
    }

    /// Ends the call for everybody.
    ///
    /// # Errors
    /// It is over already, or the actor may not.
    pub fn end(&mut self, kind: &CallType, actor: &Actor) -> Result<Vec<CallEvent>, Fault> {
        self.allowed(kind, actor, Capability::EndCall)?;
        Ok(self.turn(Phase::Ended, CallEvent::Ended))
    }

    /// When [`Call::tick`] is due, in milliseconds since 1970.
    pub fn deadline_ms(&self) -> Option<u64> {
        let most_s = self.settings.limits.max_duration_s;
        let limited = most_s > 0 && self.phase != Phase::Ended;
        self.first_join_ms.filter(|_| limited).map(|first| first.saturating_add(u64::from(most_s) * 1000))
    }

    /// Ends the call when its longest duration is over.
    pub fn tick(&mut self, now_ms: u64) -> Vec<CallEvent> {
        if self.deadline_ms().is_none_or(|due| due > now_ms) {
            return Vec::new();
        }
        self.turn(Phase::Ended, CallEvent::Ended)
    }

    /// Adds and changes members, and removes some.
    ///
    /// # Errors
    /// The call is over, the actor may not, whoever made the call would go, or there would be too many.
    pub fn set_members(
        &mut self,
        kind: &CallType,
        actor: &Actor,
        put: BTreeMap<UserId, Role>,
        remove: &BTreeSet<UserId>,
    ) -> Result<Vec<CallEvent>, Fault> {
        self.allowed(kind, actor, Capability::UpdateMembers)?;
        if remove.contains(&self.created_by) || put.get(&self.created_by).is_some_and(|role| *role != Role::host()) {
            return Err(Fault::PeerCreator);
        }
        let before = self.members.clone();
        let mut after = before.clone();
        after.retain(|user, _| !remove.contains(user));
        after.extend(put);
        if after.len() > MEMBERS_MAX {
            return Err(Fault::PeerTooMany);
        }
        let users: BTreeSet<&UserId> = before.keys().chain(after.keys()).collect();
        let changed: Vec<UserId> =
            users.into_iter().filter(|user| before.get(*user) != after.get(*user)).cloned().collect();
        self.members = after;
        Ok(if changed.is_empty() { Vec::new() } else { vec![CallEvent::MembersChanged(changed)] })
    }

    /// Asks for capabilities that the actor lacks; what it has already needs no asking.
    ///
    /// # Errors
    /// The call is over, the actor may not ask, one of them cannot be asked for, or too many wait.
    pub fn request(&mut self, kind: &CallType, actor: &Actor, asked: Capabilities) -> Result<Vec<CallEvent>, Fault> {
        let all = self.allowed(kind, actor, Capability::RequestPermissions)?;
        let asked = asked.without(all);
        if let Some(wrong) = asked.iter().find(|it| !it.can_be_lent() || !self.takes_requests(*it)) {
            return Err(Fault::PeerNotLendable(wrong));
        }
        let waiting = self.requests.get(&actor.user).copied().unwrap_or_default();
        if asked.without(waiting).is_empty() {
            return Ok(Vec::new());
        }
        if waiting.is_empty() && self.requests.len() >= REQUESTS_MAX {
            return Err(Fault::PeerTooMany);
        }
        self.requests.insert(actor.user.clone(), waiting.with(asked));
        Ok(vec![CallEvent::PermissionRequested(actor.user.clone(), asked)])
    }

    /// Takes back what a user asked for: its own request, or, by those who may grant it, anybody's. What it may do stays.
    /// What was not asked for needs no taking back.
    ///
    /// # Errors
    /// The call is over, or the actor may neither ask nor grant.
    pub fn withdraw(
        &mut self,
        kind: &CallType,
        actor: &Actor,
        user: &UserId,
        what: Capabilities,
    ) -> Result<Vec<CallEvent>, Fault> {
        let own = *user == actor.user;
        self.allowed(kind, actor, if own { Capability::RequestPermissions } else { Capability::UpdatePermissions })?;
        Ok(self.withdrawn(user, what))
    }

    /// Gives a user capabilities beyond its role, or takes some; both answer its requests. It holds for this call.
    ///
    /// # Errors
    /// The call is over, the actor may not, one of them cannot be lent, or too many users have exceptions.
    pub fn update_permissions(
        &mut self,
        kind: &CallType,
        actor: &Actor,
        user: &UserId,
        grant: Capabilities,
        revoke: Capabilities,
    ) -> Result<Vec<CallEvent>, Fault> {
        self.allowed(kind, actor, Capability::UpdatePermissions)?;
        if let Some(wrong) = grant.with(revoke).iter().find(|it| !it.can_be_lent() || !self.knows(*it)) {
            return Err(Fault::PeerNotLendable(wrong));
        }
        if !self.lent.contains_key(user) && self.lent.len() >= EXCEPTIONS_MAX {
            return Err(Fault::PeerTooMany);
        }
        let old = self.lent.get(user).copied().unwrap_or_default();
        // What is granted and revoked in one breath is revoked.
        let new = Lent { more: old.more.with(grant).without(revoke), less: old.less.without(grant).with(revoke) };
        let withdrawn = self.withdrawn(user, grant.with(revoke));
        if new == old {
            return Ok(withdrawn);
        }
        self.lent.insert(user.clone(), new);
        Ok(vec![CallEvent::PermissionsChanged(user.clone())])
    }

    /// Sends a user out and keeps it out.
    ///
    /// # Errors
    /// The call is over, the actor may not, the user made the call, or too many are kept out.
    pub fn block(&mut self, kind: &CallType, actor: &Actor, user: &UserId) -> Result<Vec<CallEvent>, Fault> {
        self.allowed(kind, actor, Capability::BlockUsers)?;
        if *user == self.created_by {
            return Err(Fault::PeerCreator);
        }
        if self.blocked.len() >= EXCEPTIONS_MAX {
            return Err(Fault::PeerTooMany);
        }
        self.requests.remove(user);
        let new = self.blocked.insert(user.clone());
        Ok(new.then(|| CallEvent::Blocked(user.clone())).into_iter().collect())
    }

    /// Lets a user come back.
    ///
    /// # Errors
    /// The call is over, or the actor may not.
    pub fn unblock(&mut self, kind: &CallType, actor: &Actor, user: &UserId) -> Result<Vec<CallEvent>, Fault> {
        self.allowed(kind, actor, Capability::BlockUsers)?;
        Ok(self.blocked.remove(user).then(|| CallEvent::Unblocked(user.clone())).into_iter().collect())
    }

    fn not_over(&self) -> Result<(), Fault> {
        if self.phase == Phase::Ended { Err(Fault::PeerEnded) } else { Ok(()) }
    }

    /// What the actor may do, if that and this call's phase allow something.
    fn allowed(&self, kind: &CallType, actor: &Actor, capability: Capability) -> Result<Capabilities, Fault> {
        self.not_over()?;
        let all = self.capabilities(kind, actor);
        if all.has(capability) { Ok(all) } else { Err(Fault::PeerForbidden(capability)) }
    }

    /// Whether everybody may come in who may join.
    fn is_open(&self, now_ms: u64) -> bool {
        let ahead_ms = u64::from(self.settings.backstage.join_ahead_s) * 1000;
        let early = self.starts_at_ms.filter(|_| ahead_ms > 0);
        self.phase == Phase::Live || early.is_some_and(|starts| now_ms.saturating_add(ahead_ms) >= starts)
    }

    /// Whether the call's settings know what a capability is for.
    fn knows(&self, capability: Capability) -> bool {
        match capability {
            Capability::SendAudio => self.settings.audio.enabled,
            Capability::SendVideo => self.settings.video.enabled,
            Capability::Screenshare => self.settings.screenshare.enabled,
            Capability::SendChat => self.settings.chat.enabled,
            _ => true,
        }
    }

    fn takes_requests(&self, capability: Capability) -> bool {
        let device = match capability {
            Capability::SendAudio => self.settings.audio,
            Capability::SendVideo => self.settings.video,
            Capability::Screenshare => self.settings.screenshare,
            other => return self.knows(other),
        };
        device.enabled && device.requests
    }

    fn withdrawn(&mut self, user: &UserId, what: Capabilities) -> Vec<CallEvent> {
        let Some(asked) = self.requests.get(user).copied() else { return Vec::new() };
        let left = asked.without(what);
        if left.is_empty() {
            self.requests.remove(user);
        } else {
            self.requests.insert(user.clone(), left);
        }
        let gone = asked.without(left);
        if gone.is_empty() { Vec::new() } else { vec![CallEvent::RequestWithdrawn(user.clone(), gone)] }
    }

    fn turn(&mut self, phase: Phase, event: CallEvent) -> Vec<CallEvent> {
        if self.phase == phase {
            return Vec::new();
        }
        self.phase = phase;
        if phase == Phase::Ended {
            self.requests.clear();
        }
        vec![event]
    }
}

#[cfg(test)]
mod tests;
