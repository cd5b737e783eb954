//! The TCP legs of one shard (RFC 6544): accepts, tells whose a connection is, and moves frames both ways.
//!
//! One shard listens. The first frame of a connection, a STUN check, names its shard, and the connection moves there
//! before anything else is read. All its descriptors lie in one epoll set, so that a shard without TCP pays for one
//! more descriptor in its sleep and for nothing else.

mod census;
mod connection;
mod epoll;

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use door::{Datagrams, Path, Protocol, ShardId};

use crate::counters::Counters;
use census::Census;
pub(crate) use connection::Connection;
use connection::End;
use epoll::{Epoll, Interest, Ready};

/// Connections of one shard at a time. Beyond it new ones are closed at once.
pub const CONNECTIONS_MAX: usize = 8192;

/// Connections on their way between two shards.
pub(crate) const ARRIVALS_MAX: usize = 1024;

/// Connections accepted in one turn, so that a flood of them does not hold media up.
const ACCEPTS_PER_TURN: usize = 16;

/// How long a connection may do without an authentic check.
const PROOF_WAIT: Duration = Duration::from_secs(10);

/// How long a connection may stay that the engine sends nothing on: beyond ICE's consent of 30 s.
const IDLE_MAX: Duration = Duration::from_secs(60);

/// How often the two are looked after.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// Bytes read from one connection in a turn.
const READ_BYTES: usize = 64 << 10;

/// The listeners' tokens; connections count from zero.
const LISTENER: u64 = 1 << 63;

/// See the module.
#[derive(Debug)]
pub(crate) struct Streams {
    own: ShardId,
    epoll: Epoll,
    listeners: Vec<TcpListener>,
    connections: HashMap<u64, Connection>,
    by_path: HashMap<Path, u64>,
    census: Census,
    /// Connections with something to write.
    dirty: Vec<u64>,
    ready: Vec<Ready>,
    room: Vec<u8>,
    next: u64,
    swept: Option<Instant>,
    /// The listeners are not watched until the next sweep.
    is_deaf: bool,
}

/// What a turn's reading comes to.
pub(crate) struct Served {
    /// Connections of other shards.
    pub(crate) leaving: Vec<(ShardId, Connection)>,
}

impl Streams {
    /// Takes the listeners, if this shard has them.
    pub(crate) fn new(own: ShardId, listeners: Vec<TcpListener>) -> io::Result<Self> {
        let epoll = Epoll::new()?;
        for (index, listener) in (LISTENER..).zip(&listeners) {
            epoll.add(listener, index, Interest::Read)?;
        }
        let (connections, by_path) = (HashMap::new(), HashMap::new());
        Ok(Self {
            own,
            epoll,
            listeners,
            connections,
            by_path,
            census: Census::default(),
            dirty: Vec::new(),
            ready: Vec::new(),
            room: Vec::new(),
            next: 0,
            swept: None,
            is_deaf: false,
        })
    }

    /// Readable when there is something to serve.
    pub(crate) fn fd(&self) -> RawFd {
        self.epoll.fd()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    /// When [`Streams::sweep`] must run next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.swept.map(|swept| swept + SWEEP_INTERVAL)
    }

    /// Accepts and reads what is ready: frames go to `each` with their path. `home` tells by a first frame whose a
    /// connection is.
    pub(crate) fn serve(
        &mut self,
        now: Instant,
        counters: &Counters,
        home: impl Fn(&[u8]) -> Option<ShardId>,
        mut each: impl FnMut(Path, &mut [u8]),
    ) -> Served {
        let mut served = Served { leaving: Vec::new() };
        let mut ready = std::mem::take(&mut self.ready);
        ready.clear();
        self.epoll.ready(&mut ready);
        for event in &ready {
            if event.token >= LISTENER {
                self.accept(event.token - LISTENER, now, counters);
                continue;
            }
            let ended = self.serve_one(*event, counters, &home, &mut each);
            match ended {
                Ok(Some(shard)) if shard == self.own => self.welcome_own(event.token, counters, &mut each),
                Ok(Some(shard)) => served.leaving.extend(self.part(event.token).map(|it| (shard, it))),
                Ok(None) => {}
                Err(end) => self.close(event.token, end, counters),
            }
        }
        self.ready = ready;
        served
    }

    fn serve_one(
        &mut self,
        event: Ready,
        counters: &Counters,
        home: impl Fn(&[u8]) -> Option<ShardId>,
        each: &mut impl FnMut(Path, &mut [u8]),
    ) -> Result<Option<ShardId>, End> {
        let Some(connection) = self.connections.get_mut(&event.token) else { return Ok(None) };
        if event.writable {
            connection.flush()?;
            if !connection.is_full {
                watch(&self.epoll, connection, event.token, Interest::Read)?;
            }
        }
        if !event.readable {
            return Ok(None);
        }
        if connection.is_stranger() {
            return connection.introduce(home);
        }
        self.room.resize(READ_BYTES, 0);
        let path = connection.path;
        let bytes = connection.receive(&mut self.room, |frame| {
            counters.tcp_frames_in.add(1);
            each(path, frame);
        })?;
        counters.tcp_bytes_in.add_len(bytes);
        Ok(None)
    }

    fn accept(&mut self, index: u64, now: Instant, counters: &Counters) {
        for _ in 0..ACCEPTS_PER_TURN {
            let listener = usize::try_from(index).ok().and_then(|index| self.listeners.get(index));
            let Some(listener) = listener else { return };
            match listener.accept() {
                Ok((stream, remote)) => {
                    counters.tcp_accepted.add(1);
                    if !self.census.admit(remote.ip()) {
                        counters.tcp_refused.add(1);
                        continue;
                    }
                    let entered = Connection::new(stream, now).ok().and_then(|it| self.enter(it, now));
                    if entered.is_none() {
                        self.census.release(remote.ip());
                        counters.tcp_refused.add(1);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // One that went before it was accepted.
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::Interrupted) => {}
                Err(_) => return self.shed(now, counters),
            }
        }
    }

    /// The system has no descriptors left: one that proved nothing makes room, or nobody is heard for a while, so that
    /// the listener does not spin.
    fn shed(&mut self, now: Instant, counters: &Counters) {
        let unproven = self.connections.iter().filter(|(_, it)| !it.is_proven());
        match unproven.min_by_key(|(_, it)| it.used).map(|(token, _)| *token) {
            Some(token) => self.close(token, End::Unreadable, counters),
            None => {
                self.is_deaf = self.listeners.iter().all(|listener| self.epoll.remove(listener).is_ok());
                self.swept.get_or_insert(now);
            }
        }
    }

    /// Enters a connection; `None` when there are too many or it cannot be watched.
    fn enter(&mut self, connection: Connection, now: Instant) -> Option<u64> {
        if self.connections.len() >= CONNECTIONS_MAX {
            return None;
        }
        let token = self.next;
        self.epoll.add(connection.stream(), token, Interest::Read).ok()?;
        self.next += 1;
        self.by_path.insert(connection.path, token);
        self.connections.insert(token, connection);
        self.swept.get_or_insert(now);
        Some(token)
    }

    /// Takes a connection that another shard accepted for this one.
    pub(crate) fn welcome(
        &mut self,
        connection: Connection,
        now: Instant,
        counters: &Counters,
        mut each: impl FnMut(Path, &mut [u8]),
    ) {
        let ip = connection.path.remote.ip();
        if !self.census.admit(ip) {
            counters.tcp_refused.add(1);
            return;
        }
        match self.enter(connection, now) {
            Some(token) => self.welcome_own(token, counters, &mut each),
            None => {
                self.census.release(ip);
                counters.tcp_refused.add(1);
            }
        }
    }

    fn welcome_own(&mut self, token: u64, counters: &Counters, each: &mut impl FnMut(Path, &mut [u8])) {
        let Some(connection) = self.connections.get_mut(&token) else { return };
        let (mut early, path) = (connection.claim(), connection.path);
        counters.tcp_bytes_in.add_len(early.len());
        let taken = connection.take(&mut early, |frame| {
            counters.tcp_frames_in.add(1);
            each(path, frame);
        });
        if let Err(end) = taken {
            self.close(token, end, counters);
        }
    }

    /// Gives a connection away.
    fn part(&mut self, token: u64) -> Option<Connection> {
        let connection = self.forget(token)?;
        let _ = self.epoll.remove(connection.stream());
        Some(connection)
    }

    fn close(&mut self, token: u64, end: End, counters: &Counters) {
        // Dropping it closes it.
        if self.forget(token).is_some() {
            let counter = if end == End::Unreadable { &counters.tcp_unreadable } else { &counters.tcp_closed };
            counter.add(1);
        }
    }

    fn forget(&mut self, token: u64) -> Option<Connection> {
        let connection = self.connections.remove(&token)?;
        if self.by_path.get(&connection.path) == Some(&token) {
            self.by_path.remove(&connection.path);
        }
        if !connection.is_proven() {
            self.census.release(connection.path.remote.ip());
        }
        Some(connection)
    }

    /// Sends the turn's datagrams that go by TCP.
    pub(crate) fn flush(&mut self, now: Instant, datagrams: &Datagrams, counters: &Counters) {
        for segment in datagrams.segments().iter().filter(|it| it.path.protocol == Protocol::Tcp) {
            let Some(datagram) = datagrams.bytes().get(segment.range.clone()).filter(|it| !it.is_empty()) else {
                continue;
            };
            self.push(&segment.path, datagram, now, counters);
        }
        let mut dirty = std::mem::take(&mut self.dirty);
        for token in dirty.drain(..) {
            if let Err(end) = self.write(token) {
                self.close(token, end, counters);
            }
        }
        self.dirty = dirty;
    }

    fn push(&mut self, path: &Path, datagram: &[u8], now: Instant, counters: &Counters) {
        let found = self.by_path.get(path).and_then(|token| Some((*token, self.connections.get_mut(token)?)));
        let Some((token, connection)) = found.filter(|(_, it)| !it.is_stranger()) else {
            return counters.tcp_unroutable.add(1);
        };
        if !connection.is_proven() {
            self.census.release(path.remote.ip());
        }
        if !connection.push(datagram, now) {
            return counters.tcp_dropped.add(1);
        }
        counters.tcp_frames_out.add(1);
        counters.tcp_bytes_out.add_len(datagram.len());
        if !std::mem::replace(&mut connection.is_dirty, true) {
            self.dirty.push(token);
        }
    }

    fn write(&mut self, token: u64) -> Result<(), End> {
        let Some(connection) = self.connections.get_mut(&token) else { return Ok(()) };
        connection.is_dirty = false;
        if connection.is_full {
            // The kernel will say when there is room.
            return Ok(());
        }
        connection.flush()?;
        if connection.is_full { watch(&self.epoll, connection, token, Interest::ReadWrite) } else { Ok(()) }
    }

    /// Ends connections that prove nothing or are used no more.
    pub(crate) fn sweep(&mut self, now: Instant, counters: &Counters) {
        if self.deadline().is_none_or(|due| now < due) {
            return;
        }
        let patience = |it: &Connection| if it.is_proven() { IDLE_MAX } else { PROOF_WAIT };
        let over = self.connections.iter().filter(|(_, it)| now.saturating_duration_since(it.used) >= patience(it));
        let over: Vec<u64> = over.map(|(token, _)| *token).collect();
        for token in over {
            self.close(token, End::Closed, counters);
        }
        if std::mem::take(&mut self.is_deaf) {
            for (index, listener) in (LISTENER..).zip(&self.listeners) {
                self.is_deaf |= self.epoll.add(listener, index, Interest::Read).is_err();
            }
        }
        self.swept = (self.is_deaf || !self.connections.is_empty()).then_some(now);
    }
}

fn watch(epoll: &Epoll, connection: &Connection, token: u64, interest: Interest) -> Result<(), End> {
    epoll.change(connection.stream(), token, interest).map_err(|_| End::Closed)
}
