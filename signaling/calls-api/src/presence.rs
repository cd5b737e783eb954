//! Who is in which call: news of rooms, and what comes due.

use std::sync::{Arc, Weak};
use std::time::Duration;

use calls::CallId;
use room::Grants;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::now_ms;
use crate::entry::{Entry, Seat, Session};
use crate::error::{ApiError, Code};
use crate::event::Kind;
use crate::rooms::{News, Visitor};
use crate::service::Inner;

/// Up to so many participants each one's coming and going is told; beyond, only how many there are.
const TOLD_ONE_BY_ONE_MAX: usize = 100;
/// How often numbers of participants are told at most.
const COUNT_INTERVAL_MS: u64 = 1_000;
/// How long somebody who was let in may take until media is up; a join's own time is shorter.
const PENDING_MAX_MS: u64 = 60_000;
/// How often is looked at what comes due.
const SWEEP_INTERVAL: Duration = Duration::from_millis(250);
/// Sweeps from one look into the store to the next.
const SWEEPS_FOR_STORE: u32 = 4;

/// Deals with news in their order until nobody serves any more.
pub(crate) async fn follow(inner: Weak<Inner>, mut news: mpsc::Receiver<(CallId, News)>) {
    while let Some((id, news)) = news.recv().await {
        let Some(inner) = inner.upgrade() else { break };
        match inner.open(&id).await {
            Ok(mut entry) => inner.note(&mut entry, news).await,
            Err(error) if error.code == Code::CallNotFound => {}
            Err(error) => tracing::warn!(call = %id, error = error.message, "news of a room are lost"),
        }
    }
}

/// Looks at what comes due until nobody serves any more.
pub(crate) async fn sweep(inner: Weak<Inner>) {
    let mut ticks = interval(SWEEP_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count = 0_u32;
    loop {
        ticks.tick().await;
        let Some(inner) = inner.upgrade() else { break };
        count = count.wrapping_add(1);
        if let Err(error) = inner.sweep(count.is_multiple_of(SWEEPS_FOR_STORE)).await {
            tracing::warn!(error = error.message, "calls cannot be looked after, trying again");
        }
    }
}

impl Inner {
    async fn note(self: &Arc<Self>, entry: &mut Entry, news: News) {
        match news {
            News::Joined { identity, session, visitor: Visitor::Person } => self.joined(entry, identity, session).await,
            News::Joined { .. } => {}
            News::Left { identity, session } => self.left(entry, &identity, &session),
            News::MediaStarted => self.tell(entry, Kind::MediaStarted, json!({})),
            News::MediaEnded => self.tell(entry, Kind::MediaEnded, json!({})),
            News::Finished => {
                let all: Vec<(String, String)> =
                    entry.seats.iter().filter_map(|(name, seat)| Some((name.clone(), seat.session.clone()?))).collect();
                all.iter().for_each(|(identity, session)| self.left(entry, identity, session));
            }
        }
    }

    async fn joined(&self, entry: &mut Entry, identity: String, session: String) {
        let now = now_ms();
        let seat = entry.seats.entry(identity.clone()).or_insert_with(|| Seat {
            actor: None,
            grants: Grants::default(),
            session: None,
            pending: false,
            unsure: false,
            since_ms: now,
        });
        let (unsure, grants) = (std::mem::take(&mut seat.unsure), seat.grants.clone());
        seat.session = Some(session);
        seat.pending = false;
        let actor = seat.actor.clone();
        if unsure {
            self.rooms.permit(&entry.room(), &identity, grants).await;
        }
        // The curtain may have fallen while it was on its way.
        let kind = self.kind(entry.body.call.id().kind());
        let stays = |actor: &calls::Actor| {
            kind.as_ref().is_ok_and(|kind| entry.body.call.may_enter(kind, actor, 0, now).is_ok())
        };
        if !actor.as_ref().is_none_or(stays) {
            self.rooms.remove(&entry.room(), &identity, false).await;
        }
        if entry.session.is_none() {
            let id = format!("{}-{now:x}", entry.body.call.id().name());
            entry.session = Some(Session { id: id.clone(), started_ms: now });
            self.tell(entry, Kind::SessionStarted, json!({ "session": id }));
        }
        self.count(entry, Kind::ParticipantJoined, &identity);
    }

    /// A session of an older connection may be over while a newer one of the same user is there or on its way.
    fn left(&self, entry: &mut Entry, identity: &str, session: &str) {
        let Some(seat) = entry.seats.get_mut(identity) else { return };
        if seat.session.as_deref() != Some(session) {
            return;
        }
        seat.session = None;
        if !seat.pending {
            entry.seats.remove(identity);
        }
        self.count(entry, Kind::ParticipantLeft, identity);
        if entry.participants() == 0
            && let Some(session) = entry.session.take()
        {
            let seconds = now_ms().saturating_sub(session.started_ms) / 1000;
            self.tell(entry, Kind::SessionEnded, json!({ "session": session.id, "duration_s": seconds }));
        }
    }

    fn count(&self, entry: &mut Entry, kind: Kind, identity: &str) {
        let there = entry.participants();
        if there <= TOLD_ONE_BY_ONE_MAX {
            self.tell(entry, kind, json!({ "user": identity, "participants": there }));
        }
        self.busy().insert(entry.body.call.id().clone());
    }

    async fn sweep(&self, with_store: bool) -> Result<(), ApiError> {
        let busy = std::mem::take(&mut *self.busy());
        for id in busy {
            let Ok(mut entry) = self.open(&id).await else { continue };
            if self.settle(&mut entry, now_ms()) {
                self.busy().insert(id);
            }
        }
        if with_store { self.end_overdue().await } else { Ok(()) }
    }

    /// Whether something more will come due.
    fn settle(&self, entry: &mut Entry, now: u64) -> bool {
        let late = |seat: &Seat| now.saturating_sub(seat.since_ms) > PENDING_MAX_MS;
        entry.seats.values_mut().filter(|seat| late(seat)).for_each(|seat| seat.pending = false);
        entry.seats.retain(|_, seat| seat.pending || seat.session.is_some());
        self.expire_rings(entry, now);
        let (there, (told, at)) = (entry.participants(), entry.told);
        if there != told && now.saturating_sub(at) >= COUNT_INTERVAL_MS {
            entry.told = (there, now);
            self.tell(entry, Kind::Participants, json!({ "participants": there }));
        }
        !entry.rings.is_empty() || entry.told.0 != there || entry.seats.values().any(|seat| seat.pending)
    }
}
