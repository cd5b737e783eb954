//! The way from a room to its receivers: queue, spool, lanes.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use store::tables::{Spooled, spool};
use store::{Store, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

use crate::client::Client;
use crate::lane::{EVENTS_MAX, Lane, Loss};
use crate::worker::{Post, Worker};
use crate::{Filter, HookUrl, Policy};

/// Events that wait to be spooled; beyond, the newest are dropped: the store stands still then.
const QUEUE_MAX: usize = 16_384;
/// Events spooled by one commit.
const SPOOLED_MAX: usize = 256;
/// Events that wait for one URL's task; it only sorts them in.
const LANE_QUEUE_MAX: usize = 1024;
/// How often spooling is tried when the store has trouble; then the events go out all the same, unspooled.
const SPOOL_TRIES: u32 = 5;
/// The wait between these tries.
const SPOOL_INTERVAL: Duration = Duration::from_millis(200);
/// Rows read at a time from the spool at the start.
const PAGE: u64 = 500;

/// Something to tell. The body is what is sent, whatever the dialect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Event {
    /// Events of one room go out in order.
    pub room: String,
    /// The event's name, such as `room_started`.
    pub kind: &'static str,
    /// The body.
    pub body: String,
    /// When it happened, in milliseconds since 1970.
    pub created_ms: u64,
}

/// Makes the `Authorization` header for a body with this SHA-256 (base64). Called for each try.
pub type Signer = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// Why delivery does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// What was left cannot be read.
    #[error("cannot read the webhooks that wait in the store: {0}")]
    IoStore(#[from] StoreError),
}

/// Present sizes and counters since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Deliveries that wait or are under way: events times URLs.
    pub waiting: u64,
    /// Deliveries.
    pub delivered: u64,
    /// Tries that failed.
    pub tries_failed: u64,
    /// Events dropped because the store stood still.
    pub dropped_queue: u64,
    /// Deliveries dropped because too many waited for their URL.
    pub dropped_overflow: u64,
    /// Deliveries dropped because they were a day old.
    pub dropped_expired: u64,
    /// Deliveries dropped because the receiver refused them again and again.
    pub dropped_refused: u64,
    /// Deliveries that went out without standing in the spool.
    pub unspooled: u64,
}

/// Where everything counts.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) delivered: AtomicU64,
    pub(crate) tries_failed: AtomicU64,
    dropped_queue: AtomicU64,
    dropped_overflow: AtomicU64,
    dropped_expired: AtomicU64,
    dropped_refused: AtomicU64,
    unspooled: AtomicU64,
    waiting: Mutex<BTreeMap<String, u64>>,
}

impl Counters {
    pub(crate) fn waiting(&self, url: &HookUrl, events: usize) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting.entry(url.key().to_owned()).or_default() = events as u64;
    }

    pub(crate) fn lost(&self, loss: Loss) -> &AtomicU64 {
        match loss {
            Loss::Overflow => &self.dropped_overflow,
            Loss::Expired => &self.dropped_expired,
            Loss::Refused => &self.dropped_refused,
        }
    }
}

/// Delivery of webhooks. Dropping it leaves what is not delivered in the store.
pub struct Hooks {
    queue: Mutex<Option<mpsc::Sender<Event>>>,
    filter: Filter,
    counters: Arc<Counters>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Hooks {
    /// Starts delivery, with what was left in the store first. What waits for URLs that are no longer configured is
    /// forgotten. Runs on the present runtime.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn start(
        store: Store,
        policy: Policy,
        signer: Signer,
        tls: Arc<rustls::ClientConfig>,
    ) -> Result<Self, StartError> {
        let counters = Arc::new(Counters::default());
        forget_strangers(&store, &policy.urls).await?;
        let first_id = spool::last_id(&store).await?.saturating_add(1);
        let (queue, waiting) = mpsc::channel(QUEUE_MAX);
        let mut lanes = BTreeMap::new();
        let mut tasks = Vec::new();
        for url in policy.urls {
            let key = url.key().to_owned();
            if lanes.contains_key(&key) {
                continue;
            }
            let lane = refill(&store, &url).await?;
            counters.waiting(&url, lane.len());
            let (sender, events) = mpsc::channel(LANE_QUEUE_MAX);
            let client = Client::new(url, policy.reach, Arc::clone(&tls));
            let (store, counters, signer) = (store.clone(), Arc::clone(&counters), Arc::clone(&signer));
            let post = Arc::new(Post { client, signer, store, counters, failing: AtomicU64::new(0) });
            tasks.push(tokio::spawn(Worker::new(post, lane, events).run()));
            lanes.insert(key, sender);
        }
        let spooler = Spooler { store, lanes, next_id: first_id, counters: Arc::clone(&counters) };
        tasks.push(tokio::spawn(spooler.run(waiting)));
        Ok(Self { queue: Mutex::new(Some(queue)), filter: policy.filter, counters, tasks: Mutex::new(tasks) })
    }

    /// Whether events of this name are sent.
    pub fn wants(&self, kind: &str) -> bool {
        self.filter.takes(kind)
    }

    /// Takes an event. Never waits; when the queue is full the event is dropped and counted.
    pub fn tell(&self, event: Event) {
        if !self.wants(event.kind) {
            return;
        }
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let told = queue.as_ref().is_some_and(|queue| queue.try_send(event).is_ok());
        drop(queue);
        if !told && self.counters.dropped_queue.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!("the store does not keep up with webhooks; see thalweg_hooks_dropped_queue_total");
        }
    }

    /// Takes no more events, spools those that wait and delivers what can be delivered at once. Returns when that is done
    /// or `grace` is over; the rest stays in the store.
    pub async fn shutdown(&self, grace: Duration) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        let end = Instant::now() + grace;
        for mut task in tasks {
            if timeout_at(end, &mut task).await.is_err() {
                task.abort();
            }
        }
        let left = self.counts().waiting;
        if left > 0 {
            tracing::info!(webhooks = left, "what is not delivered waits in the store");
        }
    }

    /// Present sizes and counters.
    pub fn counts(&self) -> Counts {
        let counters = &self.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            waiting: counters.waiting.lock().unwrap_or_else(PoisonError::into_inner).values().sum(),
            delivered: read(&counters.delivered),
            tries_failed: read(&counters.tries_failed),
            dropped_queue: read(&counters.dropped_queue),
            dropped_overflow: read(&counters.dropped_overflow),
            dropped_expired: read(&counters.dropped_expired),
            dropped_refused: read(&counters.dropped_refused),
            unspooled: read(&counters.unspooled),
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Hooks").field(&self.counts()).finish()
    }
}

/// What was configured once and is no more: nobody would ever take it off.
async fn forget_strangers(store: &Store, urls: &[HookUrl]) -> Result<(), StoreError> {
    for (key, count) in spool::urls(store).await? {
        if !urls.iter().any(|url| url.key() == key) {
            tracing::warn!(events = count, "webhooks for a URL that is not configured any more are forgotten");
            spool::forget(store, &key).await?;
        }
    }
    Ok(())
}

/// What was left of a URL's events. Its lane held no more than this, or this program's limits were larger.
async fn refill(store: &Store, url: &HookUrl) -> Result<Lane, StoreError> {
    let mut lane = Lane::default();
    let (mut after, now) = (0, std::time::Instant::now());
    loop {
        let page = spool::waiting(store, url.key(), after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for event in page {
            for dropped in lane.push(event, now) {
                store.commit(vec![Spooled::take(url.key(), dropped)]).await?;
            }
        }
    }
    debug_assert!(lane.len() <= EVENTS_MAX);
    if lane.len() > 0 {
        tracing::info!(%url, events = lane.len(), "webhooks left from before are delivered first");
    }
    Ok(lane)
}

/// Spools events and hands them to the lanes.
struct Spooler {
    store: Store,
    lanes: BTreeMap<String, mpsc::Sender<Spooled>>,
    next_id: u64,
    counters: Arc<Counters>,
}

impl Spooler {
    async fn run(mut self, mut waiting: mpsc::Receiver<Event>) {
        let mut events = Vec::new();
        while waiting.recv_many(&mut events, SPOOLED_MAX).await > 0 {
            let rows: Vec<Spooled> = events.drain(..).flat_map(|event| self.rows(event)).collect();
            self.spool(&rows).await;
            for row in rows {
                if let Some(lane) = self.lanes.get(&row.url) {
                    // A lane ends only after this task.
                    let _ = lane.send(row).await;
                }
            }
        }
    }

    fn rows(&mut self, event: Event) -> Vec<Spooled> {
        let id = self.next_id;
        self.next_id += 1;
        let row = |url: &String| Spooled {
            url: url.clone(),
            id,
            // A zero byte can stand in no text of the store; as a key of order, what stands for it does as well.
            room: event.room.replace('\0', "\u{fffd}"),
            kind: event.kind.to_owned(),
            body: event.body.clone(),
            created_ms: event.created_ms,
        };
        self.lanes.keys().map(row).collect()
    }

    async fn spool(&self, rows: &[Spooled]) {
        for _ in 0..SPOOL_TRIES {
            match self.store.commit(rows.iter().map(Spooled::add).collect()).await {
                // Conflict: the try before came about, though its answer did not.
                Ok(_) | Err(StoreError::Conflict) => return,
                Err(StoreError::IoBusy | StoreError::IoUnavailable(_)) => sleep(SPOOL_INTERVAL).await,
                Err(error) => {
                    tracing::error!(%error, "webhooks cannot be spooled");
                    break;
                }
            }
        }
        if self.counters.unspooled.fetch_add(rows.len() as u64, Ordering::Relaxed) == 0 {
            tracing::error!("webhooks go out unspooled: they would not survive a restart");
        }
    }
}
