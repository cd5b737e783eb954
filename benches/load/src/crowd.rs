//! The crowd: all participants on one thread that polls, so that the server pays for no receiver's waking up.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use door::Datagrams;
use peer::Identity;

use crate::LoadError;
use crate::clock::Clock;
use crate::media::Sampling;
use crate::participant::{Participant, Wish};
use crate::plan::{Member, RoomPlan};
use crate::seats::Seats;
use crate::signal::{Event, Knock, Refusal, Signals};
use crate::tally::Tally;
use crate::target::Target;

/// The longest sleep between two looks at the sockets while somebody is on the way in.
const POLL_JOINING: Duration = Duration::from_millis(1);
/// The same when all are there: arrivals are stamped by the kernel, so that looking seldom changes no latency.
const POLL: Duration = Duration::from_millis(4);
/// Batches read from one socket before the others have their turn.
const BATCHES_MAX: usize = 8;
/// Participants that may be on their way in at once; more wait.
const JOINING_MAX: usize = 100;
/// How long one may take to get in and see something.
pub const JOIN_TIMEOUT: Duration = Duration::from_secs(30);

/// What every participant shares.
pub struct Common {
    /// The server.
    pub target: Target,
    /// Begins the names of participants, and of rooms that have none.
    pub prefix: String,
    /// The names of the first rooms.
    pub room_names: Vec<String>,
    /// The certificate of all.
    pub identity: Identity,
    /// How closely received packets are looked at.
    pub sampling: Sampling,
    /// Whether participants open data channels, as LiveKit's clients do.
    pub data: bool,
    /// How many knock each second.
    pub joins_per_second: f64,
}

/// See the module.
pub struct Crowd {
    common: Common,
    rooms: Vec<RoomPlan>,
    signals: Signals,
    /// Addresses and sockets.
    pub seats: Seats,
    /// Everybody who ever came.
    pub participants: Vec<Participant>,
    /// When each is to be looked at; side by side, since all are looked through each turn.
    wakes: Vec<Instant>,
    /// Those who will knock.
    queue: VecDeque<(usize, Member)>,
    next_knock: Instant,
    /// Of each room with coming and going: when the next comes.
    next_guest: Vec<Option<Instant>>,
    /// Those who will leave, in the order of their times.
    leaving: VecDeque<Leaver>,
    /// How many came to leave again.
    guests: u32,
    /// What was received.
    pub tally: Tally,
    /// The first refusal, while nobody has been let in.
    pub refused: Option<Refusal>,
    out: Datagrams,
    tracks: u32,
    /// Participants on their way in.
    joining: usize,
    far: Duration,
}

/// One who will leave.
#[derive(Clone, Copy)]
struct Leaver {
    at: Instant,
    index: usize,
    /// Without a word.
    vanishes: bool,
}

impl Crowd {
    /// A crowd that is about to come to `rooms`.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn new(common: Common, rooms: Vec<RoomPlan>) -> Result<Self, LoadError> {
        let signals =
            Signals::start().map_err(|source| LoadError::Io { what: "cannot start the signal thread", source })?;
        let next_guest = vec![None; rooms.len()];
        Ok(Self {
            common,
            rooms,
            signals,
            seats: Seats::default(),
            participants: Vec::new(),
            wakes: Vec::new(),
            queue: VecDeque::new(),
            next_knock: Instant::now(),
            next_guest,
            leaving: VecDeque::new(),
            guests: 0,
            tally: Tally::default(),
            refused: None,
            out: Datagrams::default(),
            tracks: 0,
            joining: 0,
            far: Duration::from_secs(3600),
        })
    }

    /// Queues the members of all rooms that publish, or those that do not.
    pub fn invite(&mut self, publishers: bool) {
        for (index, room) in self.rooms.iter().enumerate() {
            let members = room.members.iter().filter(|member| member.publishes.is_empty() != publishers);
            self.queue.extend(members.map(|member| (index, member.clone())));
        }
    }

    /// Lets coming and going begin.
    pub fn begin_churn(&mut self, now: Instant) {
        for (next, room) in self.next_guest.iter_mut().zip(&self.rooms) {
            *next = room.churn.as_ref().map(|churn| now + churn.interval);
        }
    }

    /// Nobody comes any more.
    pub fn end_churn(&mut self) {
        self.next_guest.fill(None);
    }

    /// Whether everybody invited is in, or will never be.
    pub fn is_settled(&self) -> bool {
        self.queue.is_empty() && self.joining == 0
    }

    /// Participants that are there with media, and those that are to be.
    pub fn present(&self) -> (usize, usize) {
        let wanted = self.participants.iter().filter(|it| !it.left);
        let ready = wanted.clone().filter(|it| it.fault.is_none() && it.is_ready()).count();
        (ready, wanted.count() + self.queue.len())
    }

    /// One turn: hear, let in, do what is due, receive, rest.
    pub fn turn(&mut self) {
        let clock = Clock::read();
        self.hear(&clock);
        self.knock(&clock);
        self.come_and_go(&clock);
        let next = self.advance(&clock);
        let more = self.receive();
        if !more {
            let poll = if self.joining > 0 || !self.queue.is_empty() { POLL_JOINING } else { POLL };
            let until = next.min(clock.now + poll);
            std::thread::sleep(until.saturating_duration_since(Instant::now()));
        }
    }

    fn hear(&mut self, clock: &Clock) {
        while let Some((index, event)) = self.signals.poll() {
            let Some(participant) = self.participants.get_mut(index) else { continue };
            match event {
                Event::Message(response) => {
                    let Some(message) = response.message else { continue };
                    let (identity, sampling) = (&self.common.identity, self.common.sampling);
                    if let Wish::Seat(server) = participant.hear(clock.now, message, identity, sampling) {
                        self.seat(clock.now, index, server);
                    }
                }
                Event::Closed => participant.fail("its signal connection ended"),
                Event::Refused(refusal) => {
                    participant.fail(refusal.to_string());
                    self.refused.get_or_insert(refusal);
                }
            }
            self.wake(index, clock.now);
        }
    }

    fn wake(&mut self, index: usize, at: Instant) {
        if let Some(wake) = self.wakes.get_mut(index) {
            *wake = at.min(*wake);
        }
    }

    fn seat(&mut self, now: Instant, index: usize, server: SocketAddr) {
        let Some(participant) = self.participants.get_mut(index) else { return };
        let server = preferred(participant.candidates(), self.common.target.is_loopback()).unwrap_or(server);
        match self.seats.take(index, server) {
            Ok(local) => {
                let Common { identity, sampling, data, .. } = &self.common;
                participant.sit(now, local, server, *data, identity, *sampling);
            }
            Err(error) => participant.fail(format!("no address toward {server}: {error}")),
        }
    }

    /// Lets those who are due knock.
    fn knock(&mut self, clock: &Clock) {
        let interval = Duration::from_secs_f64(1.0 / self.common.joins_per_second.max(0.01));
        while self.next_knock <= clock.now && self.joining < JOINING_MAX {
            let Some((room, member)) = self.queue.pop_front() else {
                self.next_knock = clock.now;
                return;
            };
            self.next_knock += interval;
            self.admit(clock.now, room, member);
        }
    }

    fn admit(&mut self, now: Instant, room: usize, member: Member) -> usize {
        let index = self.participants.len();
        let tracks: Vec<u32> = member.publishes.iter().map(|_| self.number()).collect();
        let identity = format!("{}-{index}", self.common.prefix);
        let serial = u32::try_from(index).unwrap_or(u32::MAX);
        let hidden = member.hidden;
        let mut participant = Participant::new(serial, room, member, tracks, identity, self.common.data, now);
        let request = participant.request(&self.common.identity);
        let made_up = || format!("{}-room-{room}", self.common.prefix);
        let name = self.common.room_names.get(room).cloned().unwrap_or_else(made_up);
        let token = self.common.target.token(&name, &participant.identity, hidden);
        let url = self.common.target.knock(&request);
        participant.knocked(self.signals.knock(Knock { index, url, token }));
        self.participants.push(participant);
        self.wakes.push(now);
        self.joining += 1;
        index
    }

    fn number(&mut self) -> u32 {
        self.tracks += 1;
        self.tracks
    }

    fn come_and_go(&mut self, clock: &Clock) {
        for room in 0..self.rooms.len() {
            while let Some((next, churn)) =
                self.next_guest.get(room).copied().flatten().zip(self.rooms.get(room).and_then(|it| it.churn.clone()))
                && next <= clock.now
            {
                let index = self.admit(clock.now, room, churn.member);
                self.guests = self.guests.wrapping_add(1);
                let vanishes = churn.vanish > 0 && self.guests.is_multiple_of(churn.vanish);
                self.leaving.push_back(Leaver { at: clock.now + churn.stay, index, vanishes });
                if let Some(slot) = self.next_guest.get_mut(room) {
                    *slot = Some(next + churn.interval);
                }
            }
        }
        while let Some(leaver) = self.leaving.front().copied().filter(|it| it.at <= clock.now) {
            self.leaving.pop_front();
            if leaver.vanishes {
                self.lose(clock.now, leaver.index);
            } else {
                self.dismiss(clock.now, leaver.index);
            }
        }
    }

    /// Lets one be gone as a killed process is: its connections break off.
    fn lose(&mut self, now: Instant, index: usize) {
        let Some(participant) = self.participants.get_mut(index).filter(|it| !it.left) else { return };
        participant.vanish();
        self.wake(index, now);
    }

    /// Lets one leave.
    fn dismiss(&mut self, now: Instant, index: usize) {
        let Some(participant) = self.participants.get_mut(index).filter(|it| !it.left) else { return };
        if participant.fault.is_none() && !participant.is_ready() {
            participant.fail("it had to leave before it saw anything");
        }
        if let Some(media) = &mut participant.media {
            media.close(now, &mut self.out);
        }
        participant.leave();
        self.wake(index, now);
        self.seats.sockets.send(&self.out);
        self.out.clear();
    }

    /// Lets everybody leave.
    pub fn dismiss_all(&mut self) {
        let now = Instant::now();
        (0..self.participants.len()).for_each(|index| self.dismiss(now, index));
    }

    /// Does what is due and gives when the next is.
    fn advance(&mut self, clock: &Clock) -> Instant {
        let mut next = clock.now + self.far;
        for (participant, wake) in self.participants.iter_mut().zip(&mut self.wakes) {
            if *wake > clock.now {
                next = next.min(*wake);
                continue;
            }
            *wake = clock.now + self.far;
            self.joining -= usize::from(participant.settles());
            if participant.left || participant.fault.is_some() {
                continue;
            }
            if !participant.is_ready() && clock.now > participant.steps.asked + JOIN_TIMEOUT {
                let missing = if participant.steps.connected.is_some() { "media" } else { "a media connection" };
                participant.fail(format!("it waited {} s for {missing}", JOIN_TIMEOUT.as_secs()));
                continue;
            }
            let connected = participant.steps.connected.is_some();
            let candidates = if connected { Vec::new() } else { participant.candidates().to_vec() };
            let Some(media) = &mut participant.media else {
                *wake = clock.now + JOIN_TIMEOUT;
                continue;
            };
            let sent = media.advance(clock, &candidates, &mut self.out);
            *wake = media.deadline();
            next = next.min(*wake);
            let (connected, lost) = (media.connected(), media.is_lost());
            participant.steps.connected = connected;
            if lost {
                participant.fail("its media connection ended");
            }
            // What carries a stamp leaves before anything else is made.
            if sent {
                self.seats.sockets.send(&self.out);
                self.out.clear();
            }
        }
        self.seats.sockets.send(&self.out);
        self.out.clear();
        next
    }

    /// Reads all sockets; true when there may be more.
    fn receive(&mut self) -> bool {
        let mut more = false;
        let Seats { sockets, places, .. } = &mut self.seats;
        let (participants, wakes, tally, out) =
            (&mut self.participants, &mut self.wakes, &mut self.tally, &mut self.out);
        for index in 0..sockets.len() {
            let mut again = true;
            let mut batches = 0;
            while again && batches < BATCHES_MAX {
                let clock = Clock::read();
                again = sockets.receive(index, |arrival| {
                    let Some(who) = places.owner(index, arrival.local) else { return };
                    let media = participants.get_mut(who).and_then(|it| it.media.as_mut());
                    let (Some(media), Some(wake)) = (media, wakes.get_mut(who)) else { return };
                    let at_ns = arrival.at_ns.unwrap_or(clock.now_ns);
                    media.receive(&clock, at_ns, arrival.segment_bytes, arrival.bytes, out, tally);
                    if let Some(urgent) = media.urgency(clock.now) {
                        *wake = urgent.min(*wake);
                    }
                });
                batches += 1;
            }
            more |= again;
        }
        sockets.send(out);
        out.clear();
        more
    }

    /// Different reasons of failure, and how many had each.
    pub fn reasons(&self) -> Vec<(String, usize)> {
        let mut reasons = BTreeMap::new();
        for fault in self.participants.iter().filter_map(|it| it.fault.clone()) {
            *reasons.entry(fault).or_insert(0) += 1;
        }
        reasons.into_iter().collect()
    }
}

/// The address to try first: on this machine a loopback one, if there is one, else as the server has them.
fn preferred(candidates: &[SocketAddr], loopback: bool) -> Option<SocketAddr> {
    candidates.iter().copied().find(|it| it.ip().is_loopback() == loopback)
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unreachable(reason) => write!(f, "no answer: {reason}"),
            Self::Status(status, text) => write!(f, "refused with {status}: {text}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefers_loopback_where_the_url_is_loopback() {
        let [far, near]: [SocketAddr; 2] = ["192.0.2.1:1", "127.0.0.1:1"].map(|it| it.parse().unwrap());
        assert_eq!(preferred(&[far, near], true), Some(near));
        assert_eq!(preferred(&[near, far], false), Some(far));
        assert_eq!(preferred(&[far], true), None);
    }
}
