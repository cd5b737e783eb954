//! One room's task: owns the room's [`World`], feeds it in order and does what it says.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use door::{Command, Level, Notice, PeerKey, TrackKey};
use livekit_protocol as proto;
use tokio::sync::{mpsc, oneshot, watch};

use crate::lobby::{self, Alive, Inner, Lobby, Stage, Verdict};
use crate::mailbox::{Outbox, PostError};
use crate::token;
use crate::trail::{Trail, Trails};
use crate::view::Coded;
use crate::world::{
    ConnectionId, Fault, FedNews, FedTrack, FollowerId, Input, Join, Order, OrderId, Output, Portrait, Refresh, Reply,
    RoomEvent, World, WorldConfig,
};

/// Shortest time between two ticks, so that no deadline can make a room spin.
const TICK_INTERVAL_MIN: Duration = Duration::from_millis(2);

/// What clients bring to a room, in their order.
pub(crate) enum RoomInput {
    /// Somebody knocks; answered through `verdict`.
    Join { join: Box<Join>, outbox: Outbox, verdict: oneshot::Sender<Result<(), Verdict>>, trail: Option<Trail> },
    /// A message.
    Signal(ConnectionId, Box<proto::SignalRequest>),
    /// The connection is gone.
    Closed(ConnectionId),
    /// A guest begins a track; told by `news`.
    Feed { connection: ConnectionId, track: Box<FedTrack>, news: mpsc::Sender<FedNews> },
    /// A guest ends a track.
    Unfeed(ConnectionId, TrackKey),
    /// What transcoding a guest's media has cost since it was told last.
    Coded(ConnectionId, Coded),
    /// A follower wants portraits of a participant, by identity.
    Follow { follower: FollowerId, identity: String, gallery: Gallery, reply: oneshot::Sender<Result<Reply, Fault>> },
    /// A follower wants no more.
    Unfollow(FollowerId),
    /// What a follower's own room wants to see.
    WantedOutside(FollowerId, Box<proto::SubscribedQualityUpdate>),
    /// A guest is what its portrait shows.
    Mirror(ConnectionId, Arc<Portrait>),
    /// How loud tracks of another room are.
    Levels(Vec<Level>),
    /// An administrator's request; dropped unanswered when the room ends first.
    Order { order: Box<Order>, reply: oneshot::Sender<Result<Reply, Fault>> },
}

/// Where a follower's portraits go: only the last counts. Dropped when there will be no more.
#[derive(Debug)]
pub(crate) struct Gallery {
    pub(crate) portraits: watch::Sender<Option<Arc<Portrait>>>,
    /// Loudness in the participant's room. What finds it full is too old to be told.
    pub(crate) levels: mpsc::Sender<Vec<Level>>,
}

/// The room's place in the registry and its peers in the media house. Its drop gives both back, also
/// after a panic.
pub(crate) struct Tenancy {
    name: String,
    serial: u32,
    peers: BTreeSet<PeerKey>,
    /// Tracks that no peer takes along when it goes.
    fed: BTreeSet<TrackKey>,
    alive: Alive,
}

/// One room's task.
pub(crate) struct RoomTask {
    world: World,
    tenancy: Tenancy,
    inputs: mpsc::Receiver<RoomInput>,
    notices: mpsc::Receiver<Notice>,
    stage: watch::Receiver<Stage>,
    participants: Arc<AtomicUsize>,
    lines: BTreeMap<ConnectionId, Line>,
    too_slow: VecDeque<ConnectionId>,
    galleries: BTreeMap<FollowerId, Gallery>,
    orders: BTreeMap<OrderId, oneshot::Sender<Result<Reply, Fault>>>,
    order_next: u64,
    trails: Trails,
    ticked: Option<Instant>,
}

/// One connection seen from the room.
struct Line {
    outbox: Outbox,
    verdict: Option<oneshot::Sender<Result<(), Verdict>>>,
    /// Who it is, while its join is followed.
    trail: Option<(String, Trail)>,
    news: Option<mpsc::Sender<FedNews>>,
}

/// Why the task woke.
enum Wake {
    Input(RoomInput),
    Notice(Notice),
    Tick,
    Stage(Stage),
}

impl RoomTask {
    pub(crate) fn new(
        config: WorldConfig,
        tenancy: Tenancy,
        inputs: mpsc::Receiver<RoomInput>,
        notices: mpsc::Receiver<Notice>,
        stage: watch::Receiver<Stage>,
        participants: Arc<AtomicUsize>,
    ) -> Self {
        Self {
            world: World::new(config, lobby::now()),
            tenancy,
            inputs,
            notices,
            stage,
            participants,
            lines: BTreeMap::new(),
            too_slow: VecDeque::new(),
            galleries: BTreeMap::new(),
            orders: BTreeMap::new(),
            order_next: 0,
            trails: Trails::default(),
            ticked: None,
        }
    }

    /// Runs until the room is over or the node stops.
    pub(crate) async fn run(mut self) {
        self.act();
        while !self.world.is_over() {
            let wake = self.wake().await;
            if matches!(wake, Wake::Stage(Stage::Stopped)) {
                break;
            }
            self.turn(wake);
        }
        self.turn_away().await;
    }

    async fn wake(&mut self) -> Wake {
        let due = self.world.deadline().map(|due| match self.ticked {
            Some(ticked) => due.max(ticked + TICK_INTERVAL_MIN),
            None => due,
        });
        tokio::select! {
            Some(input) = self.inputs.recv() => Wake::Input(input),
            Some(notice) = self.notices.recv() => Wake::Notice(notice),
            Ok(()) = self.stage.changed() => Wake::Stage(*self.stage.borrow_and_update()),
            () = sleep_until(due) => Wake::Tick,
        }
    }

    fn turn(&mut self, wake: Wake) {
        let now = lobby::now();
        let input = match wake {
            Wake::Input(RoomInput::Join { join, outbox, verdict, trail }) => {
                let trail = trail.filter(|_| !join.reconnect).map(|trail| (join.identity.clone(), trail));
                self.lines.insert(join.connection, Line { outbox, verdict: Some(verdict), trail, news: None });
                Some(Input::Join(join))
            }
            Wake::Input(RoomInput::Signal(id, request)) => {
                self.lines.contains_key(&id).then_some(Input::Signal(id, request))
            }
            Wake::Input(RoomInput::Closed(id)) => self.lines.remove(&id).map(|_| Input::ConnectionClosed(id)),
            Wake::Input(RoomInput::Feed { connection, track, news }) => self.lines.get_mut(&connection).map(|line| {
                line.news = Some(news);
                Input::Feed(connection, track)
            }),
            Wake::Input(RoomInput::Unfeed(id, key)) => Some(Input::Unfeed(id, key)),
            Wake::Input(RoomInput::Coded(id, more)) => Some(Input::Coded(id, more)),
            Wake::Input(RoomInput::Order { order, reply }) => Some(self.note(order, reply)),
            Wake::Input(RoomInput::Follow { follower, identity, gallery, reply }) => {
                self.galleries.insert(follower, gallery);
                Some(self.note(Box::new(Order::Follow(follower, identity)), reply))
            }
            Wake::Input(RoomInput::Unfollow(follower)) => {
                self.galleries.remove(&follower);
                Some(Input::Unfollow(follower))
            }
            Wake::Input(RoomInput::WantedOutside(follower, update)) => Some(Input::WantedOutside(follower, update)),
            Wake::Input(RoomInput::Mirror(id, portrait)) => Some(Input::Mirror(id, portrait)),
            Wake::Input(RoomInput::Levels(levels)) => Some(Input::Media(Notice::Levels(levels))),
            Wake::Notice(notice) => {
                self.sound_outside(&notice);
                if let Notice::PeerReached(peer) = notice
                    && let Some(identity) = self.world.whose(peer)
                {
                    self.trails.reached(identity);
                }
                Some(Input::Media(notice))
            }
            Wake::Tick => {
                self.ticked = Some(now.monotonic);
                Some(Input::Tick)
            }
            Wake::Stage(_) => Some(Input::Shutdown),
        };
        if let Some(input) = input {
            self.world.handle(now, input);
            self.act();
        }
    }

    /// Lets other rooms that show this room's people know how loud they are.
    fn sound_outside(&self, notice: &Notice) {
        let Notice::Levels(levels) = notice else { return };
        for gallery in self.galleries.values() {
            // The next ones come in less than half a second.
            let _ = gallery.levels.try_send(levels.clone());
        }
    }

    /// Remembers who asked.
    fn note(&mut self, order: Box<Order>, reply: oneshot::Sender<Result<Reply, Fault>>) -> Input {
        self.order_next += 1;
        let id = OrderId(self.order_next);
        self.orders.insert(id, reply);
        Input::Order(id, order)
    }

    /// Does all that the world wants, and tells it of the clients that were cut off on the way.
    fn act(&mut self) {
        loop {
            while let Some(output) = self.world.poll() {
                self.carry_out(output);
            }
            let Some(id) = self.too_slow.pop_front() else { break };
            self.world.handle(lobby::now(), Input::ConnectionClosed(id));
        }
        self.participants.store(self.world.participants(), Ordering::Relaxed);
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Accepted(id) => {
                if let Some((identity, trail)) = self.lines.get_mut(&id).and_then(|line| line.trail.take()) {
                    self.trails.accepted(identity, trail);
                }
                self.answer(id, Ok(()));
            }
            Output::Refused(id, refusal) => {
                self.answer(id, Err(Verdict::Refused(refusal)));
                self.lines.remove(&id);
            }
            Output::Signal(id, message) => self.post(id, message),
            // The outbox is dropped: what is queued is still sent.
            Output::Close(id) => drop(self.lines.remove(&id)),
            Output::Media(command) => self.tenancy.command(command),
            Output::RefreshToken(id, refresh) => {
                if let Some(token) = self.tenancy.mint(&refresh) {
                    let message = proto::signal_response::Message::RefreshToken(token);
                    self.post(id, Box::new(proto::SignalResponse { message: Some(message) }));
                }
            }
            Output::Reply(id, reply) => {
                if let Some(sender) = self.orders.remove(&id) {
                    // Who does not wait any more needs no answer.
                    let _ = sender.send(*reply);
                }
            }
            Output::Fed(id, news) => {
                if let Some(sender) = self.lines.get(&id).and_then(|line| line.news.as_ref()) {
                    // A guest that is behind misses wishes that are repeated; one that is gone tells so itself.
                    let _ = sender.try_send(news);
                }
            }
            Output::Portrait(follower, Some(portrait)) => {
                if let Some(gallery) = self.galleries.get(&follower) {
                    gallery.portraits.send_replace(Some(Arc::from(portrait)));
                }
            }
            Output::Portrait(follower, None) => drop(self.galleries.remove(&follower)),
            Output::Event(event) => {
                log(&self.tenancy.name, &event);
                self.follow(&event);
                self.tenancy.tell(event);
            }
        }
    }

    /// Goes on with the traces of joins.
    fn follow(&mut self, event: &RoomEvent) {
        let room = &self.tenancy.name;
        match event {
            RoomEvent::ParticipantJoined(_, who) => self.trails.connected(room, &who.identity),
            RoomEvent::TrackPublished(_, who, _) => self.trails.published(&who.identity),
            RoomEvent::ParticipantConnectionAborted(_, who) => self.trails.aborted(room, &who.identity),
            RoomEvent::ParticipantLeft(_, who, _) => self.trails.left(&who.identity),
            _ => {}
        }
    }

    fn answer(&mut self, id: ConnectionId, verdict: Result<(), Verdict>) {
        if let Some(sender) = self.lines.get_mut(&id).and_then(|line| line.verdict.take()) {
            // A client that did not wait drops its connection, and that is told by `Closed`.
            let _ = sender.send(verdict);
        }
    }

    fn post(&mut self, id: ConnectionId, message: Box<proto::SignalResponse>) {
        let Some(line) = self.lines.get(&id) else { return };
        // A connection that is gone tells so itself, by `Closed`.
        let Err(PostError::PeerSlow) = line.outbox.post(message) else { return };
        tracing::info!(room = self.tenancy.name, connection = id.0, "client is too slow and cut off");
        self.tenancy.alive.lobby().clients_cut.fetch_add(1, Ordering::Relaxed);
        if let Some(line) = self.lines.remove(&id) {
            line.outbox.cut();
        }
        self.too_slow.push_back(id);
    }

    /// Leaves the registry and sends those who were still on their way to look for a new room.
    async fn turn_away(mut self) {
        self.tenancy.leave();
        self.inputs.close();
        while let Some(input) = self.inputs.recv().await {
            if let RoomInput::Join { verdict, .. } = input {
                // Whoever does not wait any more needs no answer.
                let _ = verdict.send(Err(Verdict::RoomEnded));
            }
        }
    }
}

impl Tenancy {
    pub(crate) fn new(lobby: Arc<Inner>, name: String, serial: u32) -> Self {
        Self { name, serial, peers: BTreeSet::new(), fed: BTreeSet::new(), alive: Alive::new(lobby) }
    }

    fn command(&mut self, command: Command) {
        match &command {
            Command::AddPeer(peer, _) => drop(self.peers.insert(*peer)),
            Command::RemovePeer(peer) => drop(self.peers.remove(peer)),
            Command::AddFedTrack { track, .. } => drop(self.fed.insert(*track)),
            Command::RemoveUpTrack(track) => drop(self.fed.remove(track)),
            _ => {}
        }
        (self.alive.lobby().media)(command);
    }

    /// Tells an event to back ends and to the observer, if any are there to be told.
    fn tell(&self, event: RoomEvent) {
        let lobby = Lobby::of(self.alive.lobby());
        lobby.agents().hear(&lobby, &self.name, &event);
        if let Some(observer) = self.alive.lobby().observer.get() {
            observer(&self.name, &event);
        }
        if let Some(webhooks) = self.alive.lobby().webhooks.get() {
            webhooks.tell(&self.name, event, lobby::now().unix_ms);
        }
    }

    fn mint(&self, refresh: &Refresh) -> Option<String> {
        token::refresh(&self.alive.lobby().config.keys, refresh, lobby::unix_s())
    }

    fn leave(&self) {
        self.alive.lobby().write().remove(&self.name, self.serial);
    }
}

impl Drop for Tenancy {
    fn drop(&mut self) {
        self.leave();
        for peer in std::mem::take(&mut self.peers) {
            self.command(Command::RemovePeer(peer));
        }
        for track in std::mem::take(&mut self.fed) {
            self.command(Command::RemoveUpTrack(track));
        }
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

fn log(room: &str, event: &RoomEvent) {
    match event {
        RoomEvent::RoomStarted(info) => tracing::info!(room, sid = %info.sid, "room started"),
        RoomEvent::RoomFinished(info, _) => tracing::info!(room, sid = %info.sid, "room finished"),
        RoomEvent::ParticipantJoined(_, who) => {
            tracing::info!(room, participant = who.identity, sid = %who.sid, "participant joined");
        }
        RoomEvent::ParticipantLeft(_, who, _) => {
            tracing::info!(room, participant = who.identity, sid = %who.sid, reason = who.disconnect_reason,
                "participant left");
        }
        RoomEvent::ParticipantConnectionAborted(_, who) => {
            tracing::info!(room, participant = who.identity, sid = %who.sid, "participant never connected");
        }
        RoomEvent::TrackPublished(_, who, track) => {
            tracing::info!(room, participant = who.identity, track = %track.sid, "track published");
        }
        RoomEvent::TrackUnpublished(_, who, track) => {
            tracing::info!(room, participant = who.identity, track = %track.sid, "track unpublished");
        }
        RoomEvent::LiveStarted(_, who) => tracing::info!(room, participant = who.identity, "live"),
        RoomEvent::LiveEnded(_) => tracing::info!(room, "no longer live"),
        RoomEvent::ClientFault { identity, what } => {
            tracing::debug!(room, participant = identity, what, "client sent what cannot be followed");
        }
    }
}

#[cfg(test)]
mod tests {
    use door::{DtlsRole, IceCredentials, PeerParams, ShardId};

    use super::*;

    #[test]
    fn a_room_that_dies_gives_its_peers_back() {
        let commands: Arc<std::sync::Mutex<Vec<Command>>> = Arc::default();
        let sink = Arc::clone(&commands);
        let lobby = crate::lobby::tests::lobby_with(Arc::new(move |command| sink.lock().unwrap().push(command)));
        let params = PeerParams {
            local: IceCredentials { ufrag: "0000abcd".into(), pwd: "x".repeat(24) },
            remote: None,
            fingerprint: None,
            role: DtlsRole::Passive,
            negotiated_channels: false,
            opens_channels: false,
            pauses: None,
        };
        let peer = |serial| PeerKey { shard: ShardId(0), serial };
        let mut tenancy = Tenancy::new(Arc::clone(lobby.inner()), "demo".into(), 1);
        for serial in [1, 2] {
            tenancy.command(Command::AddPeer(peer(serial), Box::new(params.clone())));
        }
        tenancy.command(Command::RemovePeer(peer(1)));
        assert_eq!(lobby.counts().tasks, 1);
        drop(tenancy);
        assert_eq!(lobby.counts().tasks, 0);
        let last = commands.lock().unwrap().pop();
        assert!(matches!(last, Some(Command::RemovePeer(key)) if key == peer(2)));
        assert_eq!(commands.lock().unwrap().len(), 3);
    }
}
