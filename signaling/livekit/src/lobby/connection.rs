//! One signal connection's tie to its room, and the count of tasks.

use super::*;
use crate::mailbox::{Inbox, Outbox, Scissors, mailbox};
use crate::view::{Coded, Usage};

/// Counts one task while it lives.
pub(crate) struct Alive(Arc<Inner>);

impl Alive {
    pub(crate) fn new(inner: Arc<Inner>) -> Self {
        inner.tasks.send_modify(|tasks| *tasks += 1);
        Self(inner)
    }

    pub(crate) fn lobby(&self) -> &Arc<Inner> {
        &self.0
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.tasks.send_modify(|tasks| *tasks = tasks.saturating_sub(1));
    }
}

/// One signal connection's tie to its room. Dropping it tells the room, whether the upgrade came about or not.
pub(crate) struct Connection {
    id: ConnectionId,
    room: String,
    identity: String,
    inputs: mpsc::Sender<RoomInput>,
    usage: Arc<Mutex<Usage>>,
    inbox: Option<(Inbox, Scissors)>,
    stage: watch::Receiver<Stage>,
    lobby: Arc<Inner>,
}

impl Connection {
    pub(super) fn new(lobby: &Arc<Inner>, room: &RoomHandle, ticket: &Ticket) -> Result<(Self, Outbox), JoinError> {
        let before = lobby.connections.fetch_add(1, Ordering::Relaxed);
        let (outbox, inbox, scissors) = mailbox();
        // Made before the check, because its drop takes the count back.
        let connection = Self {
            id: ConnectionId(lobby.connection_next.fetch_add(1, Ordering::Relaxed)),
            room: ticket.room.clone(),
            identity: ticket.identity.clone(),
            inputs: room.inputs.clone(),
            usage: Arc::clone(&room.usage),
            inbox: Some((inbox, scissors)),
            stage: lobby.stage.subscribe(),
            lobby: Arc::clone(lobby),
        };
        if before >= lobby.config.limits.connections_max { Err(JoinError::NodeFull) } else { Ok((connection, outbox)) }
    }

    pub(crate) fn id(&self) -> ConnectionId {
        self.id
    }

    pub(crate) fn room(&self) -> &str {
        &self.room
    }

    pub(crate) fn identity(&self) -> &str {
        &self.identity
    }

    /// The queue of outgoing messages, once, and a count of the task that serves it.
    pub(crate) fn open(&mut self) -> Option<(Inbox, Scissors, Alive)> {
        let (inbox, scissors) = self.inbox.take()?;
        Some((inbox, scissors, Alive::new(Arc::clone(&self.lobby))))
    }

    /// Hands a request to the room and waits for a place in its queue; `false` when the room has ended.
    pub(crate) async fn send(&self, request: proto::SignalRequest) -> bool {
        self.inputs.send(RoomInput::Signal(self.id, Box::new(request))).await.is_ok()
    }

    /// Counts for the room what transcoding has cost.
    pub(crate) fn account(&self, more: Coded) {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner).transcode.add(more);
    }

    /// Hands something to the room and waits for a place in its queue; `false` when the room has ended.
    pub(crate) async fn put(&self, input: RoomInput) -> bool {
        self.inputs.send(input).await.is_ok()
    }

    /// Returns when the node stops hard.
    pub(crate) async fn stopped(&self) {
        let mut stage = self.stage.clone();
        // The sender lives in `lobby`, so this does not fail.
        let _ = stage.wait_for(|&stage| stage == Stage::Stopped).await;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.lobby.connections.fetch_sub(1, Ordering::Relaxed);
        let Err(mpsc::error::TrySendError::Full(closed)) = self.inputs.try_send(RoomInput::Closed(self.id)) else {
            return;
        };
        // The queue is full of what came before; the news must queue behind it. One such task for each
        // connection at most.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let inputs = self.inputs.clone();
            runtime.spawn(async move {
                // An ended room needs no news.
                let _ = inputs.send(closed).await;
            });
        }
    }
}
