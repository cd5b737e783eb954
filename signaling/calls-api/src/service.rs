//! The whole of the dialect: what it holds, how a call is read, changed and kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use calls::{Call, CallEvent, CallId, CallType, UserId, builtin_types};
use store::tables::call_type;
use store::{Store, StoreError};
use tokio::sync::{OwnedMappedMutexGuard, OwnedMutexGuard, mpsc};

use crate::cache::{Cache, Held};
use crate::clock::now_ms;
use crate::config::Config;
use crate::entry::{Body, Entry};
use crate::error::{ApiError, Code};
use crate::hub::{Hub, HubCounts};
use crate::limiter::Limiter;
use crate::rooms::{News, Rooms};
use crate::users::Users;
use crate::{kept, presence};

/// News of rooms that wait to be dealt with; beyond, they are dropped and counted.
const NEWS_MAX: usize = 16_384;

/// The Calls API; clones are handles to the same.
#[derive(Clone)]
pub struct Calls(pub(crate) Arc<Inner>);

/// An event for back ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hook {
    /// The call's room: events of one are told in order.
    pub room: String,
    /// One of [`crate::EVENTS`].
    pub kind: &'static str,
    /// JSON.
    pub body: String,
    /// When it happened, in milliseconds since 1970.
    pub created_ms: u64,
}

/// Takes an event for back ends. Must not block.
pub type HookSink = Arc<dyn Fn(Hook) + Send + Sync>;

/// Present sizes and counters since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Calls in memory.
    pub cached: usize,
    /// Requests answered.
    pub requests: u64,
    /// Requests answered with an error of theirs.
    pub refused: u64,
    /// Requests answered with a fault of the server.
    pub failed: u64,
    /// Requests that were one too many of a user, a key or an address.
    pub throttled: u64,
    /// News of rooms dropped because too many waited.
    pub news_dropped: u64,
    /// Connections for events.
    pub hub: HubCounts,
}

/// What handlers and tasks share.
pub(crate) struct Inner {
    pub(crate) config: Config,
    pub(crate) store: Store,
    pub(crate) rooms: Arc<dyn Rooms>,
    pub(crate) hooks: HookSink,
    pub(crate) users: Users,
    pub(crate) hub: Arc<Hub>,
    pub(crate) cache: Cache,
    pub(crate) counters: Counters,
    types: RwLock<BTreeMap<String, Arc<CallType>>>,
    limiter: Mutex<Limiter>,
    busy: Mutex<BTreeSet<CallId>>,
    news: mpsc::Sender<(CallId, News)>,
}

/// What happened since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) requests: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) failed: AtomicU64,
    news_dropped: AtomicU64,
}

/// A call that somebody holds: nobody else changes it meanwhile.
pub(crate) type Open = OwnedMappedMutexGuard<Option<Entry>, Entry>;

impl Calls {
    /// Reads what the store has of call types, and begins to serve.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn start(
        config: Config,
        store: Store,
        rooms: Arc<dyn Rooms>,
        hooks: HookSink,
    ) -> Result<Self, StoreError> {
        let mut types: BTreeMap<String, Arc<CallType>> =
            builtin_types().into_iter().map(|(name, kind)| (name.to_owned(), Arc::new(kind))).collect();
        for row in call_type::all(&store).await? {
            match serde_json::from_str(&row.body) {
                Ok(kind) => drop(types.insert(row.name, Arc::new(kind))),
                Err(error) => tracing::error!(%error, name = row.name, "a call type in the store cannot be read"),
            }
        }
        let (news, waiting) = mpsc::channel(NEWS_MAX);
        let inner = Arc::new(Inner {
            users: Users::new(store.clone()),
            config,
            store,
            rooms,
            hooks,
            hub: Arc::default(),
            cache: Cache::default(),
            counters: Counters::default(),
            types: RwLock::new(types),
            limiter: Mutex::default(),
            busy: Mutex::default(),
            news,
        });
        tokio::spawn(presence::follow(Arc::downgrade(&inner), waiting));
        tokio::spawn(presence::sweep(Arc::downgrade(&inner)));
        Ok(Self(inner))
    }

    /// The HTTP routes, all below `/api/v1`. Serve with `into_make_service_with_connect_info::<SocketAddr>()`.
    pub fn router(&self) -> axum::Router {
        crate::http::router(&self.0)
    }

    /// Takes what happens in a room. Never waits.
    pub fn news(&self, room: &str, news: News) {
        let Some(id) = CallId::of_room(room) else { return };
        if self.0.news.try_send((id, news)).is_err()
            && self.0.counters.news_dropped.fetch_add(1, Ordering::Relaxed) == 0
        {
            tracing::error!("calls do not keep up with their rooms; see thalweg_calls_news_dropped_total");
        }
    }

    /// Says goodbye to all who listen to events.
    pub fn close(&self) {
        self.0.hub.close();
    }

    /// Present sizes and counters.
    pub fn counts(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.0.counters;
        Counts {
            cached: self.0.cache.len(),
            requests: read(&counters.requests),
            refused: read(&counters.refused),
            failed: read(&counters.failed),
            throttled: self.0.limiter().refused(),
            news_dropped: read(&counters.news_dropped),
            hub: self.0.hub.counts(),
        }
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Calls").field(&self.counts()).finish()
    }
}

impl Inner {
    /// The call type of a name.
    ///
    /// # Errors
    /// There is none.
    pub(crate) fn kind(&self, name: &str) -> Result<Arc<CallType>, ApiError> {
        let types = self.types.read().unwrap_or_else(PoisonError::into_inner);
        types.get(name).cloned().ok_or_else(|| ApiError::new(Code::TypeNotFound))
    }

    /// All call types.
    pub(crate) fn kinds(&self) -> BTreeMap<String, Arc<CallType>> {
        self.types.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets a call type, or with `None` puts the built-in one back, or none.
    pub(crate) fn set_kind(&self, name: &str, kind: Option<CallType>) {
        let kind = kind.or_else(|| builtin_types().remove(name));
        let mut types = self.types.write().unwrap_or_else(PoisonError::into_inner);
        match kind {
            Some(kind) => drop(types.insert(name.to_owned(), Arc::new(kind))),
            None => drop(types.remove(name)),
        }
    }

    pub(crate) fn limiter(&self) -> MutexGuard<'_, Limiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls at which something waits for the next sweep.
    pub(crate) fn busy(&self) -> MutexGuard<'_, BTreeSet<CallId>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds a call's place, read from the store if need be; it may be empty.
    pub(crate) async fn place(&self, id: &CallId) -> Result<Held, ApiError> {
        let mut held = self.cache.hold(id).await;
        if held.is_none() {
            *held = kept::load(&self.store, id).await?.map(Entry::new);
        }
        Ok(held)
    }

    /// Holds a call.
    ///
    /// # Errors
    /// There is none, or the store fails.
    pub(crate) async fn open(&self, id: &CallId) -> Result<Open, ApiError> {
        let held = self.place(id).await?;
        OwnedMutexGuard::try_map(held, Option::as_mut).map_err(|_| ApiError::new(Code::CallNotFound))
    }

    /// Changes a call, keeps that, and only then does what follows. Nothing has changed after an error.
    ///
    /// # Errors
    /// Those of `change`, or the store's.
    pub(crate) async fn change(
        &self,
        entry: &mut Entry,
        by: &UserId,
        change: impl FnOnce(&mut Body, &CallType) -> Result<Vec<CallEvent>, ApiError>,
    ) -> Result<(), ApiError> {
        let kind = self.kind(entry.body.call.id().kind())?;
        let mut next = entry.body.clone();
        let events = change(&mut next, &kind)?;
        next.stamp(Some(entry.body.call.phase()), now_ms());
        let rows = kept::changed(&entry.body, &next);
        if !rows.is_empty() {
            self.store.commit(rows).await?;
            entry.body = next;
        }
        self.react(entry, &kind, events, by).await;
        Ok(())
    }

    /// A new call in an empty place.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn add(&self, held: &mut Held, call: Call, custom: crate::routes::Custom) -> Result<(), ApiError> {
        let mut body = Body {
            call,
            live_ms: 0,
            ended_ms: 0,
            created_ms: now_ms(),
            updated_ms: 0,
            custom,
            pins: Vec::new(),
            ingress: String::new(),
        };
        body.stamp(None, body.created_ms);
        self.store.commit(kept::added(&body)).await?;
        **held = Some(Entry::new(body));
        Ok(())
    }
}
