//! One URL's task: feeds its lane, sends what is due, takes off the spool what is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use spans::{Kind, Open};
use store::tables::Spooled;
use store::{Store, StoreError};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::Signer;
use crate::client::Client;
use crate::hooks::Counters;
use crate::lane::{Lane, Loss, Outcome};

/// How often an event is taken off the spool again when the store has trouble. After that it stays there and comes once
/// more after a restart.
const TAKE_TRIES: u32 = 3;
/// The wait between these tries.
const TAKE_INTERVAL: Duration = Duration::from_millis(200);
/// Takes put into one commit.
const TAKES_MAX: usize = 500;

/// All that a worker and its deliveries share.
pub(crate) struct Post {
    pub(crate) client: Client,
    pub(crate) signer: Signer,
    pub(crate) store: Store,
    pub(crate) counters: Arc<Counters>,
    /// Tries that failed since one succeeded.
    pub(crate) failing: AtomicU64,
}

/// One URL's task.
pub(crate) struct Worker {
    post: Arc<Post>,
    lane: Lane,
    events: mpsc::Receiver<Spooled>,
    flights: JoinSet<(u64, Outcome)>,
    closing: bool,
}

impl Worker {
    pub(crate) fn new(post: Arc<Post>, lane: Lane, events: mpsc::Receiver<Spooled>) -> Self {
        Self { post, lane, events, flights: JoinSet::new(), closing: false }
    }

    /// Runs until no more events come and nothing is left that could be sent at once.
    pub(crate) async fn run(mut self) {
        loop {
            self.send_due().await;
            let idle = self.lane.flying() == 0;
            if self.closing && idle && self.lane.deadline().is_none_or(|due| due > Instant::now()) {
                break;
            }
            let due = self.lane.deadline();
            tokio::select! {
                event = self.events.recv(), if !self.closing => match event {
                    Some(event) => self.take_in(event).await,
                    None => self.closing = true,
                },
                Some(flown) = self.flights.join_next() => {
                    // A flight does not panic; if one did, its event would come again after a restart.
                    if let Ok((id, outcome)) = flown {
                        self.landed(id, outcome).await;
                    }
                }
                () = sleep_until(due) => {}
            }
        }
    }

    async fn take_in(&mut self, event: Spooled) {
        let dropped = self.lane.push(event, Instant::now());
        self.lose(Loss::Overflow, dropped).await;
    }

    async fn send_due(&mut self) {
        loop {
            let (event, expired) = self.lane.next(Instant::now(), unix_ms());
            self.lose(Loss::Expired, expired).await;
            let Some(event) = event else { break };
            self.flights.spawn(fly(Arc::clone(&self.post), event));
        }
        self.post.counters.waiting(self.post.client.url(), self.lane.len());
    }

    async fn landed(&mut self, id: u64, outcome: Outcome) {
        if let Some(loss) = self.lane.tried(id, outcome, Instant::now()) {
            self.lose(loss, vec![id]).await;
        }
    }

    async fn lose(&self, loss: Loss, ids: Vec<u64>) {
        if ids.is_empty() {
            return;
        }
        let counter = self.post.counters.lost(loss);
        let before = counter.fetch_add(ids.len() as u64, Ordering::Relaxed);
        let url = self.post.client.url();
        // The first and then every hundredth, so that a dead receiver does not fill the log.
        if before == 0 || before / 100 != (before + ids.len() as u64) / 100 {
            tracing::error!(%url, why = ?loss, events = ids.len(), "webhooks are lost");
        }
        for ids in ids.chunks(TAKES_MAX) {
            take_off(&self.post, ids).await;
        }
    }
}

/// Tries once, and takes the event off the spool when it is delivered: the next of its room goes out only then, so that
/// after a restart only the last one of a room can come twice.
async fn fly(post: Arc<Post>, event: Spooled) -> (u64, Outcome) {
    let mut span = Open::begin("webhook", Kind::Client, None);
    span.note("thalweg.event", event.kind.as_str());
    span.note("thalweg.room", event.room.as_str());
    span.note("server.address", post.client.url().host());
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, event.body.as_bytes()));
    let (outcome, fault) = post.client.post(&event.body, &(post.signer)(&hash)).await;
    if let Some(fault) = &fault {
        span.fail(&fault.to_string());
    }
    drop(span);
    match (outcome, fault) {
        (Outcome::Delivered, _) => {
            post.counters.delivered.fetch_add(1, Ordering::Relaxed);
            let failures = post.failing.swap(0, Ordering::Relaxed);
            if failures > 0 {
                tracing::info!(url = %post.client.url(), failures, "webhooks are delivered again");
            }
            take_off(&post, &[event.id]).await;
        }
        (_, fault) => {
            post.counters.tries_failed.fetch_add(1, Ordering::Relaxed);
            let failures = post.failing.fetch_add(1, Ordering::Relaxed) + 1;
            // Ever more seldom, so that a dead receiver does not fill the log.
            if failures.is_power_of_two() {
                let (url, why) = (post.client.url(), fault.map(|fault| fault.to_string()).unwrap_or_default());
                tracing::warn!(%url, failures, event = event.kind, room = event.room, why, "webhook not delivered");
            }
        }
    }
    (event.id, outcome)
}

async fn take_off(post: &Post, ids: &[u64]) {
    let key = post.client.url().key();
    for _ in 0..TAKE_TRIES {
        match post.store.commit(ids.iter().map(|id| Spooled::take(key, *id)).collect()).await {
            Ok(_) => return,
            Err(StoreError::IoBusy | StoreError::IoUnavailable(_)) => tokio::time::sleep(TAKE_INTERVAL).await,
            Err(error) => return tracing::error!(%error, "a delivered webhook stays in the spool"),
        }
    }
    tracing::error!(events = ids.len(), "webhooks stay in the spool and come again after a restart");
}

/// Milliseconds since 1970.
pub(crate) fn unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
