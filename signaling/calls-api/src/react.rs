//! What follows from a change of a call: rooms obey, clients and back ends are told.

use std::collections::BTreeSet;

use calls::{Actor, CallEvent, CallType, Capability, Phase, UserId};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::clock::now_ms;
use crate::entry::Entry;
use crate::event::{self, Kind, Told};
use crate::service::{Hook, Inner};

/// Changed members that one event names; it says how many there are in all.
const NAMED_MAX: usize = 100;

/// Who is told, beside back ends.
pub(crate) enum Audience<'a> {
    /// All who watch the call, and its members.
    Everybody,
    /// Those of them who have a capability.
    Capable(Capability),
    /// Those of them who have a capability, and a user.
    CapableAnd(Capability, &'a UserId),
    /// These users.
    Users(&'a BTreeSet<UserId>),
}

impl Inner {
    /// Does what events ask for, in their order.
    pub(crate) async fn react(&self, entry: &mut Entry, kind: &CallType, events: Vec<CallEvent>, by: &UserId) {
        for event in events {
            let id = entry.body.call.id().clone();
            match event {
                CallEvent::WentLive => {
                    self.refresh(entry, kind).await;
                    self.tell(entry, Kind::LiveStarted, json!({ "by": by }));
                }
                CallEvent::StoppedLive => {
                    self.clear_stage(entry, kind).await;
                    self.tell(entry, Kind::LiveEnded, json!({ "by": by }));
                }
                CallEvent::Ended => self.ended(entry, by).await,
                CallEvent::Updated => {
                    self.refresh(entry, kind).await;
                    let facts =
                        json!({ "by": by, "settings": entry.body.call.settings(), "custom": entry.body.custom });
                    self.tell(entry, Kind::Updated, facts);
                }
                CallEvent::MembersChanged(users) => {
                    self.refresh(entry, kind).await;
                    let facts = members_facts(entry, &users, by);
                    self.tell(entry, Kind::MembersChanged, facts);
                }
                CallEvent::PermissionRequested(user, asked) => {
                    let facts = json!({ "user": user, "capabilities": asked });
                    let audience = Audience::Capable(Capability::UpdatePermissions);
                    self.tell_some(entry, Some(kind), Kind::PermissionRequested, facts, &audience);
                }
                CallEvent::RequestWithdrawn(user, gone) => {
                    let facts = json!({ "user": user, "capabilities": gone, "by": by });
                    let audience = Audience::CapableAnd(Capability::UpdatePermissions, &user);
                    self.tell_some(entry, Some(kind), Kind::PermissionWithdrawn, facts, &audience);
                }
                CallEvent::PermissionsChanged(user) => {
                    self.refresh(entry, kind).await;
                    let role = entry.seats.get(user.as_str()).and_then(|seat| seat.actor.clone());
                    let actor = role.unwrap_or_else(|| Actor { user: user.clone(), role: calls::Role::user() });
                    let all = entry.body.call.capabilities(kind, &actor);
                    self.tell(entry, Kind::PermissionsChanged, json!({ "user": user, "capabilities": all, "by": by }));
                }
                CallEvent::Blocked(user) => {
                    self.rooms.remove(&entry.room(), user.as_str(), true).await;
                    self.tell(entry, Kind::UserBlocked, json!({ "user": user, "by": by }));
                    self.hub.unfollow(&user, &id);
                }
                CallEvent::Unblocked(user) => {
                    self.tell(entry, Kind::UserUnblocked, json!({ "user": user, "by": by }));
                }
            }
        }
    }

    /// Gives everybody in the room the rights that the call says by now.
    pub(crate) async fn refresh(&self, entry: &mut Entry, kind: &CallType) {
        let room = entry.room();
        let body = &entry.body;
        let wanted = entry.seats.iter().filter_map(|(identity, seat)| {
            let grants = body.grants(kind, seat.actor.as_ref()?);
            (grants != seat.grants).then(|| (identity.clone(), grants))
        });
        let wanted: Vec<_> = wanted.collect();
        let done = join_all(wanted.iter().map(|(identity, grants)| self.rooms.permit(&room, identity, grants.clone())));
        for ((identity, grants), done) in wanted.iter().zip(done.await) {
            if let Some(seat) = entry.seats.get_mut(identity) {
                seat.grants = grants.clone();
                seat.unsure |= seat.pending || !done;
            }
        }
    }

    /// The curtain falls: who may not be behind it goes, who came ahead of time stays and receives nothing.
    async fn clear_stage(&self, entry: &mut Entry, kind: &CallType) {
        let (room, now) = (entry.room(), now_ms());
        let body = &entry.body;
        let goes = |actor: &Actor| body.call.may_enter(kind, actor, 0, now).is_err();
        let gone = entry.seats.iter().filter(|(_, seat)| seat.actor.as_ref().is_some_and(goes));
        let gone: Vec<String> = gone.map(|(identity, _)| identity.clone()).collect();
        join_all(gone.iter().map(|identity| self.rooms.remove(&room, identity, false))).await;
        for identity in &gone {
            // It needs no other rights; if it was still on its way, it is sent out when it comes.
            let Some(seat) = entry.seats.get_mut(identity) else { continue };
            if let Some(actor) = &seat.actor {
                seat.grants = entry.body.grants(kind, actor);
            }
        }
        self.refresh(entry, kind).await;
    }

    async fn ended(&self, entry: &mut Entry, by: &UserId) {
        entry.rings.clear();
        self.rooms.close(&entry.room()).await;
        if !entry.body.ingress.is_empty() {
            self.rooms.remove_ingress(&entry.body.ingress).await;
        }
        let seconds = match entry.body.live_ms {
            0 => 0,
            live_ms => entry.body.ended_ms.saturating_sub(live_ms) / 1000,
        };
        self.tell(entry, Kind::Ended, json!({ "by": by, "live_s": seconds }));
    }

    /// Tells an event to all whom it concerns.
    pub(crate) fn tell(&self, entry: &Entry, what: Kind, facts: Value) {
        self.tell_some(entry, None, what, facts, &Audience::Everybody);
    }

    /// Tells an event to an audience, and to back ends.
    pub(crate) fn tell_some(
        &self,
        entry: &Entry,
        kind: Option<&CallType>,
        what: Kind,
        facts: Value,
        audience: &Audience<'_>,
    ) {
        let call = &entry.body.call;
        let told = event::write(what, call.id(), facts, now_ms());
        let known = self.kind(call.id().kind());
        let kind = kind.or_else(|| known.as_deref().ok());
        let has = |actor: &Actor, it: Capability| kind.is_some_and(|kind| call.capabilities(kind, actor).has(it));
        let may = |actor: &Actor| match audience {
            Audience::Users(users) => users.contains(&actor.user) || actor.user.as_str().starts_with('@'),
            Audience::Capable(capability) => has(actor, *capability),
            Audience::CapableAnd(capability, user) => actor.user == **user || has(actor, *capability),
            // Who was sent out hears that, and nothing more.
            Audience::Everybody => what == Kind::UserBlocked || has(actor, Capability::ReadCall),
        };
        self.hub.tell(call.id(), call.members().keys(), may, &told.text);
        self.hook(entry, &told);
    }

    fn hook(&self, entry: &Entry, told: &Told) {
        // Chatter is for clients; a back end that wants it listens.
        if matches!(told.kind, Kind::Participants | Kind::Reaction | Kind::Custom) {
            return;
        }
        let body = told.text.to_string();
        (self.hooks)(Hook { room: entry.room(), kind: told.kind.name(), body, created_ms: told.created_ms });
    }
}

fn members_facts(entry: &Entry, users: &[UserId], by: &UserId) -> Value {
    let members = entry.body.call.members();
    let named: Vec<Value> =
        users.iter().take(NAMED_MAX).map(|user| json!({ "user": user, "role": members.get(user) })).collect();
    json!({ "members": named, "changed": users.len(), "members_count": members.len(), "by": by })
}

/// A phase in the API's words.
pub(crate) fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Backstage => "backstage",
        Phase::Live => "live",
        Phase::Ended => "ended",
    }
}
