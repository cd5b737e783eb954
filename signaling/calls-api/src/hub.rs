//! Who listens to events: the connections of users and back ends, and which calls each of them watches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use calls::{Actor, CallId, UserId};
use tokio::sync::{mpsc, watch};

/// Connections at a time; more are refused.
pub(crate) const CONNECTIONS_MAX: usize = 50_000;
/// Connections of one user at a time: its tabs and devices; more are refused. Anonymous viewers are users of their own.
pub(crate) const CONNECTIONS_OF_ONE_MAX: usize = 50;
/// Events that wait for one connection; one that is further behind is cut.
pub(crate) const WAITING_MAX: usize = 512;
/// Calls that one connection watches; more are refused.
pub(crate) const WATCHED_MAX: usize = 200;

/// Why a connection is cut.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cut {
    /// It goes on.
    No,
    /// It does not keep up.
    PeerSlow,
    /// Its token was revoked.
    PeerRevoked,
    /// The server stops.
    Stopped,
}

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    state: Mutex<State>,
    told: AtomicU64,
    cut: AtomicU64,
}

/// Present sizes and counters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct HubCounts {
    /// Connections at present.
    pub connections: usize,
    /// Events put into connections' queues.
    pub told: u64,
    /// Connections cut because they did not keep up.
    pub cut: u64,
}

#[derive(Debug, Default)]
struct State {
    listeners: BTreeMap<u64, Listener>,
    by_user: BTreeMap<UserId, BTreeSet<u64>>,
    by_call: BTreeMap<CallId, BTreeSet<u64>>,
    servers: BTreeSet<u64>,
    next: u64,
}

#[derive(Debug)]
struct Listener {
    actor: Actor,
    issued_s: u64,
    calls: BTreeSet<CallId>,
    only: Option<BTreeSet<CallId>>,
    queue: mpsc::Sender<Arc<str>>,
    cut: watch::Sender<Cut>,
}

/// Who connects.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) actor: Actor,
    /// A back end, which hears of every call.
    pub(crate) server: bool,
    pub(crate) issued_s: u64,
    /// The only calls that its token is good for.
    pub(crate) only: Option<BTreeSet<CallId>>,
}

/// The connection's own end. Its drop takes the connection out.
#[derive(Debug)]
pub(crate) struct Ear {
    pub(crate) id: u64,
    pub(crate) events: mpsc::Receiver<Arc<str>>,
    pub(crate) cut: watch::Receiver<Cut>,
    hub: Arc<Hub>,
}

/// Waits until a connection is cut, and why.
pub(crate) async fn cut(cut: &mut watch::Receiver<Cut>) -> Cut {
    // A hub that is gone serves nobody.
    cut.wait_for(|cut| *cut != Cut::No).await.map_or(Cut::Stopped, |cut| *cut)
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.hub.state().leave(self.id);
    }
}

impl Hub {
    /// Lets a connection in; nothing when there are too many.
    pub(crate) fn enter(self: &Arc<Self>, arrival: Arrival) -> Option<Ear> {
        let mut state = self.state();
        let own = state.by_user.get(&arrival.actor.user).map_or(0, BTreeSet::len);
        if state.listeners.len() >= CONNECTIONS_MAX || (own >= CONNECTIONS_OF_ONE_MAX && !arrival.server) {
            return None;
        }
        state.next += 1;
        let id = state.next;
        let (queue, events) = mpsc::channel(WAITING_MAX);
        let (sender, cut) = watch::channel(Cut::No);
        state.by_user.entry(arrival.actor.user.clone()).or_default().insert(id);
        if arrival.server {
            state.servers.insert(id);
        }
        let listener = Listener {
            actor: arrival.actor,
            issued_s: arrival.issued_s,
            calls: BTreeSet::new(),
            only: arrival.only,
            queue,
            cut: sender,
        };
        state.listeners.insert(id, listener);
        Some(Ear { id, events, cut, hub: Arc::clone(self) })
    }

    /// Has a connection hear of a call; false when it watches too many.
    pub(crate) fn watch(&self, id: u64, call: &CallId) -> bool {
        self.state().watch(id, call)
    }

    /// Has a connection hear of a call no longer, unless its user is a member.
    pub(crate) fn unwatch(&self, id: u64, call: &CallId) {
        self.state().unwatch(id, call);
    }

    /// Has all of a user's connections hear of a call.
    pub(crate) fn follow(&self, user: &UserId, call: &CallId) {
        let mut state = self.state();
        for id in state.by_user.get(user).cloned().unwrap_or_default() {
            state.watch(id, call);
        }
    }

    /// Has none of a user's connections watch a call.
    pub(crate) fn unfollow(&self, user: &UserId, call: &CallId) {
        let mut state = self.state();
        for id in state.by_user.get(user).cloned().unwrap_or_default() {
            state.unwatch(id, call);
        }
    }

    /// Tells an event of a call to those who watch it and to its `members`, as far as `may` says so. Never waits: a
    /// connection whose queue is full is cut.
    pub(crate) fn tell<'a>(
        &self,
        call: &CallId,
        members: impl Iterator<Item = &'a UserId>,
        may: impl Fn(&Actor) -> bool,
        text: &Arc<str>,
    ) {
        let state = self.state();
        if state.listeners.is_empty() {
            return;
        }
        let mut ids = state.by_call.get(call).cloned().unwrap_or_default();
        ids.extend(&state.servers);
        for member in members {
            if let Some(own) = state.by_user.get(member) {
                ids.extend(own);
            }
        }
        let mut told = 0;
        for listener in ids.iter().filter_map(|id| state.listeners.get(id)) {
            if listener.only.as_ref().is_some_and(|only| !only.contains(call)) || !may(&listener.actor) {
                continue;
            }
            match listener.queue.try_send(Arc::clone(text)) {
                Ok(()) => told += 1,
                Err(mpsc::error::TrySendError::Full(_)) => {
                    if listener.cut.send_replace(Cut::PeerSlow) == Cut::No {
                        self.cut.fetch_add(1, Ordering::Relaxed);
                    }
                }
                // It is about to go.
                Err(mpsc::error::TrySendError::Closed(_)) => {}
            }
        }
        self.told.fetch_add(told, Ordering::Relaxed);
    }

    /// Cuts the connections whose token is void.
    pub(crate) fn cut_revoked(&self, is_revoked: impl Fn(&UserId, u64) -> bool) {
        for listener in self.state().listeners.values() {
            if is_revoked(&listener.actor.user, listener.issued_s) {
                listener.cut.send_replace(Cut::PeerRevoked);
            }
        }
    }

    /// Cuts all connections.
    pub(crate) fn close(&self) {
        self.state().listeners.values().for_each(|listener| _ = listener.cut.send_replace(Cut::Stopped));
    }

    pub(crate) fn counts(&self) -> HubCounts {
        HubCounts {
            connections: self.state().listeners.len(),
            told: self.told.load(Ordering::Relaxed),
            cut: self.cut.load(Ordering::Relaxed),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn watch(&mut self, id: u64, call: &CallId) -> bool {
        let Some(listener) = self.listeners.get_mut(&id) else { return false };
        if listener.calls.len() >= WATCHED_MAX && !listener.calls.contains(call) {
            return false;
        }
        listener.calls.insert(call.clone());
        self.by_call.entry(call.clone()).or_default().insert(id);
        true
    }

    fn unwatch(&mut self, id: u64, call: &CallId) {
        if let Some(listener) = self.listeners.get_mut(&id) {
            listener.calls.remove(call);
        }
        remove(&mut self.by_call, call, id);
    }

    fn leave(&mut self, id: u64) {
        let Some(listener) = self.listeners.remove(&id) else { return };
        self.servers.remove(&id);
        remove(&mut self.by_user, &listener.actor.user, id);
        for call in &listener.calls {
            remove(&mut self.by_call, call, id);
        }
    }
}

fn remove<K: Ord>(index: &mut BTreeMap<K, BTreeSet<u64>>, key: &K, id: u64) {
    if let Some(ids) = index.get_mut(key) {
        ids.remove(&id);
        if ids.is_empty() {
            index.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use calls::Role;

    use super::*;

    fn arrival(name: &str, server: bool) -> Arrival {
        let user = UserId::new(name).unwrap();
        Arrival { actor: Actor { user, role: Role::user() }, server, issued_s: 10, only: None }
    }

    fn heard(ear: &mut Ear) -> Vec<String> {
        std::iter::from_fn(|| ear.events.try_recv().ok()).map(|text| text.to_string()).collect()
    }

    #[test]
    fn members_watchers_and_servers_hear() {
        let hub = Arc::new(Hub::default());
        let enter = |name: &str, server| hub.enter(arrival(name, server)).unwrap();
        let (mut ann, mut bob, mut cid, mut back) =
            (enter("ann", false), enter("bob", false), enter("cid", false), enter("@server", true));
        let (call, members) = (CallId::new("default", "one").unwrap(), [UserId::new("ann").unwrap()]);
        assert!(hub.watch(bob.id, &call));
        let tell = |text: &str, only: Option<&str>| {
            let may = |actor: &Actor| only.is_none_or(|only| actor.user.as_str() == only);
            hub.tell(&call, members.iter(), may, &text.into());
        };
        tell("a", None);
        hub.unwatch(bob.id, &call);
        tell("b", None);
        hub.follow(&UserId::new("cid").unwrap(), &call);
        tell("c", Some("cid"));
        assert_eq!([heard(&mut ann), heard(&mut bob)], [vec!["a", "b"], vec!["a"]]);
        assert_eq!([heard(&mut cid), heard(&mut back)], [vec!["c"], vec!["a", "b"]]);
        drop((ann, bob, cid, back));
        assert_eq!(hub.counts().connections, 0);
        let state = hub.state();
        assert!(state.by_user.is_empty() && state.by_call.is_empty() && state.servers.is_empty());
    }

    #[test]
    fn who_does_not_keep_up_is_cut_and_stops_nobody() {
        let hub = Arc::new(Hub::default());
        let slow = hub.enter(arrival("ann", false)).unwrap();
        let call = CallId::new("default", "one").unwrap();
        let members = [UserId::new("ann").unwrap()];
        for _ in 0..=WAITING_MAX {
            hub.tell(&call, members.iter(), |_| true, &"x".into());
        }
        assert_eq!((*slow.cut.borrow(), hub.counts().cut), (Cut::PeerSlow, 1));
    }

    #[test]
    fn connections_are_limited_and_revoked() {
        let hub = Arc::new(Hub::default());
        let ears: Vec<_> = (0..CONNECTIONS_OF_ONE_MAX).map(|_| hub.enter(arrival("ann", false)).unwrap()).collect();
        assert!(hub.enter(arrival("ann", false)).is_none());
        let bob = hub.enter(arrival("bob", false)).unwrap();
        hub.cut_revoked(|user, issued_s| user.as_str() == "ann" && issued_s < 11);
        assert!(ears.iter().all(|ear| *ear.cut.borrow() == Cut::PeerRevoked) && *bob.cut.borrow() == Cut::No);
    }
}
