//! The life of a shard's thread: sleep, receive, hear, advance, send.

use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use door::{Command, Datagrams, Notice, Path, Protocol, ShardId};

use crate::bell::Bell;
use crate::counters::Counters;
use crate::engine::Engine;
use crate::inlet::Inlet;
use crate::mailbox::{MESSAGES_MAX, Mailbox};
use crate::outlet::Outlet;
use crate::socket::Socket;
use crate::streams::{ARRIVALS_MAX, Connection, Streams};

/// Outgoing bytes from which on a turn sends before it goes on.
const FLUSH_BYTES: usize = shard::outbox::PORTION_BYTES;

/// Shortest sleep after a turn in which everything due was done, so that an engine that is always due does not spin.
const PAUSE_MIN: Duration = Duration::from_micros(100);

/// For how long a calm engine's thread leaves what arrives where it is, so that one waking serves many: thousands of
/// idle clients send one check each in some seconds. Within the frame of sound that a first packet may wait for.
pub(crate) const GATHERING: Duration = Duration::from_millis(20);

/// Sleep when the system cannot even poll.
const DISTRESS_PAUSE: Duration = Duration::from_millis(1);

/// What others need of a shard.
#[derive(Debug)]
pub(crate) struct Neighbour<M> {
    pub(crate) bell: Arc<Bell>,
    pub(crate) messages: Arc<Mailbox<(ShardId, M)>>,
    /// TCP connections of its peers that another shard accepted.
    pub(crate) arrivals: Arc<Mailbox<Connection>>,
}

impl<M> Clone for Neighbour<M> {
    fn clone(&self) -> Self {
        Self { bell: self.bell.clone(), messages: self.messages.clone(), arrivals: self.arrivals.clone() }
    }
}

/// One thread's all.
pub(crate) struct Worker<E: Engine, N> {
    id: ShardId,
    engine: E,
    sockets: Vec<Socket>,
    streams: Streams,
    shell: Shell<E, N>,
    inlet: Inlet,
    /// The doorbell first, then the sockets, then the TCP legs.
    polls: Vec<libc::pollfd>,
    commands: Arc<Mailbox<Command>>,
    commands_spare: Vec<Command>,
    messages_spare: Vec<(ShardId, E::Message)>,
    arrivals_spare: Vec<Connection>,
    /// The next sleep lasts at least [`PAUSE_MIN`].
    paused: bool,
    /// What arrives may wait for [`GATHERING`].
    gathers: bool,
}

/// What carries out what the engine wants.
struct Shell<E: Engine, N> {
    outlet: Outlet,
    neighbours: Vec<Neighbour<E::Message>>,
    /// Messages on their way, by destination, so that each mailbox is opened once per turn.
    staged: Vec<Vec<(ShardId, E::Message)>>,
    counters: Arc<Counters>,
    notices: N,
}

impl<E: Engine, N: Fn(Notice)> Worker<E, N> {
    pub(crate) fn new(
        id: ShardId,
        engine: E,
        (sockets, streams): (Vec<Socket>, Streams),
        neighbours: Vec<Neighbour<E::Message>>,
        commands: Arc<Mailbox<Command>>,
        counters: Arc<Counters>,
        notices: N,
    ) -> Self {
        let staged = neighbours.iter().map(|_| Vec::new()).collect();
        let bell = neighbours.get(usize::from(id.0)).map_or(-1, |own| own.bell.fd());
        let fds = std::iter::once(bell).chain(sockets.iter().map(Socket::fd)).chain([streams.fd()]);
        let polls = fds.map(readable).collect();
        let shell = Shell { outlet: Outlet::new(), neighbours, staged, counters, notices };
        Self {
            id,
            engine,
            sockets,
            streams,
            shell,
            inlet: Inlet::new(),
            polls,
            commands,
            commands_spare: Vec::new(),
            messages_spare: Vec::new(),
            arrivals_spare: Vec::new(),
            paused: false,
            gathers: false,
        }
    }

    /// Turns until told to stop; the last turn still hears and sends everything.
    pub(crate) fn run(&mut self) {
        tracing::debug!(shard = self.id.0, "media thread runs");
        let Some(own) = self.shell.neighbours.get(usize::from(self.id.0)).cloned() else { return };
        loop {
            own.bell.arm();
            let stopping = own.bell.is_stopping();
            let waits = !own.messages.is_empty() || !self.commands.is_empty() || !own.arrivals.is_empty();
            let hurried = stopping || waits;
            if self.gathers && !hurried {
                let patience = self.patience().unwrap_or(GATHERING);
                // The doorbell alone is listened to.
                self.sleep(1, Some(patience.min(GATHERING)));
            }
            let polled = self.sleep(self.polls.len(), if hurried { Some(Duration::ZERO) } else { self.patience() });
            own.bell.disarm(self.polls.first().is_some_and(|bell| bell.revents != 0));
            let now = Instant::now();
            if polled {
                self.receive(now);
            }
            self.hear(now, &own);
            self.advance(now);
            self.shell.carry_out(now, self.id, &mut self.engine, &self.sockets, &mut self.streams);
            self.shell.counters.turns.add(1);
            self.gathers = polled && self.engine.is_calm(now);
            if stopping {
                break;
            }
        }
        tracing::debug!(shard = self.id.0, "media thread ends");
    }

    /// How long nothing is due; `None` when nothing ever is.
    fn patience(&self) -> Option<Duration> {
        let due = [self.engine.deadline(), self.streams.deadline()].into_iter().flatten().min()?;
        let left = due.saturating_duration_since(Instant::now());
        Some(if self.paused { left.max(PAUSE_MIN) } else { left })
    }

    /// Sleeps until something is to be read at one of the first `count` descriptors or `timeout` is over; false when there is
    /// nothing to read.
    fn sleep(&mut self, count: usize, timeout: Option<Duration>) -> bool {
        let timeout = timeout.map(|timeout| libc::timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(libc::time_t::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        let len = self.polls.len().min(count) as libc::nfds_t;
        // SAFETY: `polls` holds `len` descriptors and the timeout lives through the call; no signal mask is given.
        let ready = unsafe { libc::ppoll(self.polls.as_mut_ptr(), len, timeout, std::ptr::null()) };
        if ready < 0 {
            self.polls.iter_mut().for_each(|poll| poll.revents = 0);
            if std::io::Error::last_os_error().kind() != std::io::ErrorKind::Interrupted {
                std::thread::sleep(DISTRESS_PAUSE);
            }
        }
        ready > 0
    }

    /// Takes one batch from each socket that has something; what is left makes the next sleep short.
    fn receive(&mut self, now: Instant) {
        let ready = self.polls.iter().skip(1).map(|poll| poll.revents != 0);
        for (index, _) in ready.enumerate().filter(|(_, ready)| *ready) {
            let Some(socket) = self.sockets.get(index) else { continue };
            let local = socket.local();
            let (engine, shell) = (&mut self.engine, &mut self.shell);
            let (sockets, streams) = (&self.sockets, &mut self.streams);
            let counters = shell.counters.clone();
            self.inlet.receive(socket, &counters, |remote, datagram| {
                engine.receive(now, Path { protocol: Protocol::Udp, local, remote }, datagram);
                if engine.waiting_bytes() >= FLUSH_BYTES {
                    shell.send(now, engine, sockets, streams);
                }
            });
        }
        if self.polls.last().is_some_and(|streams| streams.revents != 0) {
            self.serve_streams(now);
        }
    }

    /// Takes what came by TCP, and sends connections of other shards there.
    fn serve_streams(&mut self, now: Instant) {
        let engine = &mut self.engine;
        let each = |path, frame: &mut [u8]| engine.receive(now, path, frame);
        let served = self.streams.serve(now, &self.shell.counters, E::home, each);
        for (shard, connection) in served.leaving {
            let neighbour = self.shell.neighbours.get(usize::from(shard.0));
            match neighbour.filter(|it| it.arrivals.push(connection, ARRIVALS_MAX).is_ok()) {
                Some(there) => there.bell.ring(),
                // Dropped, and so closed.
                None => self.shell.counters.tcp_refused.add(1),
            }
        }
    }

    /// Takes what control and the other shards have put into the mailboxes.
    fn hear(&mut self, now: Instant, own: &Neighbour<E::Message>) {
        self.commands.take(&mut self.commands_spare);
        for command in self.commands_spare.drain(..) {
            self.engine.command(now, command);
        }
        own.arrivals.take(&mut self.arrivals_spare);
        for connection in self.arrivals_spare.drain(..) {
            let engine = &mut self.engine;
            let each = |path, frame: &mut [u8]| engine.receive(now, path, frame);
            self.streams.welcome(connection, now, &self.shell.counters, each);
        }
        own.messages.take(&mut self.messages_spare);
        for (from, message) in self.messages_spare.drain(..) {
            self.engine.message(now, from, message);
        }
    }

    fn advance(&mut self, now: Instant) {
        self.streams.sweep(now, &self.shell.counters);
        let is_due = |engine: &E| engine.deadline().is_some_and(|deadline| deadline <= now);
        self.paused = is_due(&self.engine);
        if self.paused {
            self.engine.advance(now);
            // An engine that has much to say stops in between.
            while self.engine.waiting_bytes() >= FLUSH_BYTES {
                self.shell.send(now, &mut self.engine, &self.sockets, &mut self.streams);
                self.engine.advance(now);
            }
            self.paused = is_due(&self.engine);
        }
    }
}

impl<E: Engine, N: Fn(Notice)> Shell<E, N> {
    /// Sends all datagrams that wait.
    fn send(&mut self, now: Instant, engine: &mut E, sockets: &[Socket], streams: &mut Streams) {
        let (outlet, counters) = (&mut self.outlet, &self.counters);
        let mut flush = |datagrams: &mut Datagrams| {
            outlet.flush(sockets, datagrams, counters);
            if !streams.is_empty() {
                streams.flush(now, datagrams, counters);
            }
            datagrams.clear();
        };
        engine.finish(&mut flush);
        flush(engine.outbox().datagrams);
    }

    /// Empties the outbox into the sockets, the mailboxes and the ear of control.
    fn carry_out(&mut self, now: Instant, id: ShardId, engine: &mut E, sockets: &[Socket], streams: &mut Streams) {
        self.send(now, engine, sockets, streams);
        let outbox = engine.outbox();
        outbox.notices.drain(..).for_each(&self.notices);
        for (to, message) in outbox.messages.drain(..) {
            match self.staged.get_mut(usize::from(to.0)) {
                Some(staged) => staged.push((id, message)),
                None => self.counters.messages_dropped.add(1),
            }
        }
        for (staged, neighbour) in self.staged.iter_mut().zip(&self.neighbours) {
            if staged.is_empty() {
                continue;
            }
            let dropped = neighbour.messages.append(staged, MESSAGES_MAX, |(_, message)| E::is_droppable(message));
            self.counters.messages_dropped.add_len(dropped);
            neighbour.bell.ring();
        }
    }
}

fn readable(fd: RawFd) -> libc::pollfd {
    libc::pollfd { fd, events: libc::POLLIN, revents: 0 }
}
