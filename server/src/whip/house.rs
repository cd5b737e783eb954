//! The sessions of a node, by their secret names.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use livekit::Lobby;
use rand::distr::{Alphanumeric, SampleString as _};
use tokio::sync::{Semaphore, mpsc, oneshot};
use whip::{Fragment, Refusal};

use super::answer::Answer;
use crate::ingress::Guard;

/// Sessions at a time; each costs a task and a participant.
const SESSIONS_MAX: usize = 10_000;
/// Random characters of a session's name: 190 bits. Who knows it may change and end the session.
const NAME_CHARS: usize = 32;
/// Answers to wrong keys that are held back at a time; beyond, a wrong key is answered with "busy" at once.
const PUNISHED_MAX: usize = 256;
/// Requests that wait for one session; beyond, they are answered with "busy".
pub(super) const ORDERS_MAX: usize = 8;

/// Something that a client wants of its session.
pub(super) enum Order {
    /// Change its transport, under a condition.
    Change(Fragment, Option<String>, oneshot::Sender<Result<Answer, Refusal>>),
    /// End it.
    End(oneshot::Sender<()>),
}

/// See the module's description.
pub(crate) struct House {
    lobby: Lobby,
    sessions: Mutex<BTreeMap<String, mpsc::Sender<Order>>>,
    guard: Mutex<Guard>,
    punished: Semaphore,
    begun: AtomicU64,
    refused: AtomicU64,
    keys_refused: AtomicU64,
}

impl House {
    pub(crate) fn new(lobby: Lobby, guard: Guard) -> Self {
        Self {
            lobby,
            sessions: Mutex::default(),
            guard: Mutex::new(guard),
            punished: Semaphore::new(PUNISHED_MAX),
            begun: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            keys_refused: AtomicU64::new(0),
        }
    }

    /// Numbers for metrics: name, meaning and value; the first is a present size.
    pub(crate) fn numbers(&self) -> [(&'static str, &'static str, u64); 4] {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        [
            ("whip_sessions", "Sessions of WHIP and WHEP", self.sessions().len() as u64),
            ("whip_begun", "Sessions of WHIP and WHEP begun", count(&self.begun)),
            ("whip_refused", "Requests of WHIP and WHEP refused", count(&self.refused)),
            ("whip_keys_refused", "Stream keys refused over WHIP", count(&self.keys_refused)),
        ]
    }

    pub(super) fn lobby(&self) -> &Lobby {
        &self.lobby
    }

    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// A place for a session, with its secret name.
    ///
    /// # Errors
    /// When there are [`SESSIONS_MAX`].
    pub(super) fn place(self: &Arc<Self>) -> Result<(Place, mpsc::Receiver<Order>), Refusal> {
        let (sender, orders) = mpsc::channel(ORDERS_MAX);
        let mut sessions = self.sessions();
        if sessions.len() >= SESSIONS_MAX {
            return Err(Refusal::Busy);
        }
        let name = Alphanumeric.sample_string(&mut rand::rng(), NAME_CHARS);
        sessions.insert(name.clone(), sender);
        self.begun.fetch_add(1, Ordering::Relaxed);
        Ok((Place { house: Arc::clone(self), name }, orders))
    }

    /// Hands a fragment to its session and waits for what comes of it.
    pub(super) async fn change(
        &self,
        name: &str,
        fragment: Fragment,
        if_match: Option<String>,
    ) -> Result<Answer, Refusal> {
        let (reply, answer) = oneshot::channel();
        self.order(name, Order::Change(fragment, if_match, reply))?;
        answer.await.unwrap_or(Err(Refusal::Gone))
    }

    /// Ends a session and waits until it is gone.
    pub(super) async fn end(&self, name: &str) -> Result<Answer, Refusal> {
        let (reply, done) = oneshot::channel();
        self.order(name, Order::End(reply))?;
        // A session that ends by itself meanwhile is ended, too.
        let _ = done.await;
        Ok(Answer::Ended)
    }

    /// A wrong key: its answer waits, the longer the more of them came from there.
    pub(super) async fn punish(&self, ip: IpAddr) {
        self.keys_refused.fetch_add(1, Ordering::Relaxed);
        let Ok(_held) = self.punished.try_acquire() else { return };
        let delay = self.guard.lock().unwrap_or_else(PoisonError::into_inner).struck(ip, Instant::now());
        tokio::time::sleep(delay).await;
    }

    fn order(&self, name: &str, order: Order) -> Result<(), Refusal> {
        let session = self.sessions().get(name).cloned().ok_or(Refusal::Gone)?;
        session.try_send(order).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refusal::Busy,
            mpsc::error::TrySendError::Closed(_) => Refusal::Gone,
        })
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<String, mpsc::Sender<Order>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session's place among the others. Its drop gives it back.
pub(super) struct Place {
    house: Arc<House>,
    name: String,
}

impl Place {
    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.house.sessions().remove(&self.name);
    }
}
