//! A shard full of receivers of one camera, driven without sockets, with all that adapting to links takes, or with none of
//! it. Both send the same packets on.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use door::{Command, Datagrams, DownKey, DownTrackParams, ExtensionKind, ExtensionMap, LayerTarget, Path};
use door::{PeerKey, ShardId, TrackKey};
use peer::testing::Client;
use peer::{Identity, Received};
use shard::{Shard, ShardConfig};
use thalweg_sim::entrance::{copies, enter, subscription};
use thalweg_sim::publisher::{FRAME_INTERVAL, FRAME_PACKETS, MID_ID, Publisher};
use wire::rtcp::{self, TransportReport};
use wire::{Mid, Ssrc};

/// Packets of a frame in each encoding of a camera that adapts; the others send the largest alone.
const FRAMES_OF: [u16; 3] = [1, 2, FRAME_PACKETS];
/// Turns of the loop from one frame to the next: what receivers tell comes in between.
const TURNS: u32 = 4;
/// The time from the server to a receiver, and back.
const WAY: Duration = Duration::from_millis(20);
/// Time from one packet to the next on a link of 50 Mbit/s.
const SPACING: Duration = Duration::from_micros(160);
/// Serial of the first receiver.
const FIRST_SERIAL: u64 = 100;
/// Portions of one turn's output: 5 packets of some 1000 bytes for 100 receivers make two.
const PORTIONS: usize = 8;

/// What a turn was busy with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Work {
    /// Packets of the publisher, from sealed to sealed.
    Media,
    /// What receivers tell.
    Feedback,
    /// What was due.
    Timers,
}

/// See the module.
pub struct Audience {
    shard: Shard,
    now: Instant,
    host: (Client, Path),
    encodings: Vec<Publisher>,
    seats: Vec<Seat>,
    portions: Vec<Datagrams>,
    /// Reports that receivers have sent.
    pub reports: u64,
}

/// One receiver.
struct Seat {
    peer: PeerKey,
    client: Client,
    path: Path,
    /// What it tells of how packets come, if it does.
    ear: Option<Ear>,
}

/// How packets came since the last report.
struct Ear {
    interval: Duration,
    next: Instant,
    epoch: Instant,
    /// Number of the oldest packet that was not told of.
    base: u16,
    /// When it and those behind it arrived.
    arrived: VecDeque<Instant>,
    deltas: Vec<Option<i16>>,
    count: u8,
}

impl Audience {
    /// A camera with so many receivers, all connected. With `tells` each sends transport-wide feedback that often, and the
    /// camera sends three encodings of which the largest is sent on when the links are known to carry it.
    pub fn new(receivers: u64, tells: Option<Duration>) -> Self {
        let now = Instant::now();
        let identity = Identity::generate().expect("a certificate");
        let config = ShardConfig { id: ShardId(0), shards: 1, identity: identity.clone(), seed: Some(1) };
        let mut shard = Shard::new(config, now);
        let (key, host, path) = enter(&mut shard, &identity, now, 1);
        let largest = FRAMES_OF.len() - 1;
        let frames_of = FRAMES_OF.get(if tells.is_some() { 0 } else { largest }..).unwrap_or_default();
        let encodings: Vec<Publisher> = (1..)
            .zip(frames_of)
            .map(|(serial, packets)| Publisher::new(now, serial).with_frames_of(*packets))
            .collect();
        let mut up = encodings[0].params();
        // What the publisher is told costs a hundredth of what its receivers tell.
        up.transport_feedback = false;
        up.ssrcs = (1..).zip(&encodings).map(|(serial, _)| Publisher::ssrcs(serial)).collect();
        let track = TrackKey { shard: ShardId(0), serial: 2 };
        shard.command(now, Command::AddUpTrack { track, peer: key, params: Box::new(up.clone()) });
        let seats = (FIRST_SERIAL..FIRST_SERIAL + receivers).map(|serial| {
            let (peer, client, path) = enter(&mut shard, &identity, now, serial);
            let params = Box::new(params(Ssrc((1 << 20) + 2 * serial as u32), tells.is_some()));
            let (down, up) = (DownKey { shard: ShardId(0), serial }, Box::new(up.clone()));
            shard.command(now, Command::AddDownTrack { down, peer, track, up, params, target: LayerTarget::BEST });
            let share = (serial - FIRST_SERIAL) as u32;
            let ear = tells.map(|interval| Ear::new(now, interval, interval * share / receivers as u32));
            Seat { peer, client, path, ear }
        });
        let seats = seats.collect();
        let portions = (0..PORTIONS).map(|_| Datagrams::default()).collect();
        Self { shard, now, host: (host, path), encodings, seats, portions, reports: 0 }
    }

    /// From one frame of the camera to the next: what came of it for how many packets. All that the server does goes
    /// through `watch`; what clients do does not.
    pub fn frame(&mut self, watch: &mut dyn FnMut(Work, &mut dyn FnMut())) -> u64 {
        let before = self.shard.stats().rtp_out;
        for turn in 0..TURNS {
            self.now += FRAME_INTERVAL / TURNS;
            self.renew_consent();
            if turn == 0 {
                let media = self.media();
                self.turn(Work::Media, media, watch);
            }
            let feedback = self.feedback();
            self.turn(Work::Feedback, feedback, watch);
            while self.shard.deadline().is_some_and(|at| at <= self.now) {
                self.turn(Work::Timers, Vec::new(), watch);
            }
        }
        self.shard.stats().rtp_out - before
    }

    /// The least that the server takes a receiver's link for, in bits per second.
    pub fn least_estimate(&mut self) -> Option<u64> {
        let Self { shard, seats, now, .. } = self;
        seats.iter().filter_map(|seat| shard.estimate(*now, seat.peer)).map(|estimate| estimate.target_bps).min()
    }

    /// One turn of a media thread: datagrams or timers in, portions out.
    fn turn(&mut self, work: Work, mut came: Vec<(Path, Vec<u8>)>, watch: &mut dyn FnMut(Work, &mut dyn FnMut())) {
        let Self { shard, now, portions, .. } = self;
        let mut used = 0;
        watch(work, &mut || {
            if work == Work::Timers {
                shard.advance(*now);
            }
            for (path, datagram) in &mut came {
                shard.receive(*now, *path, datagram);
            }
            shard.finish(&mut |full| {
                std::mem::swap(full, &mut portions[used]);
                used += 1;
            });
        });
        let outbox = shard.outbox();
        std::mem::swap(&mut outbox.datagrams, &mut portions[used]);
        outbox.notices.clear();
        outbox.messages.clear();
        self.deliver(used);
    }

    /// Portions up to this one reach those whom they are for.
    fn deliver(&mut self, last: usize) {
        let Self { now, host, seats, portions, encodings, .. } = self;
        for portion in &mut portions[..=last] {
            for segment in portion.segments() {
                let bytes = &portion.bytes()[segment.range.clone()];
                if segment.path == host.1 {
                    hear_requests(*now, &mut host.0, encodings, bytes);
                } else if let Some(seat) = seat_of(seats, &segment.path).filter(|_| is_rtp(bytes)) {
                    seat.ear.iter_mut().for_each(|ear| ear.hear(*now));
                }
            }
            portion.clear();
        }
    }

    /// The next frame in all encodings.
    fn media(&mut self) -> Vec<(Path, Vec<u8>)> {
        let (host, path) = &mut self.host;
        let packets = self.encodings.iter_mut().flat_map(|encoding| encoding.advance(self.now));
        packets.map(|(packet, len)| (*path, host.seal_rtp(&packet, len).expect("connected"))).collect()
    }

    /// Reports that reach the server now.
    fn feedback(&mut self) -> Vec<(Path, Vec<u8>)> {
        let now = self.now;
        let tell = |seat: &mut Seat| {
            let report = seat.ear.as_mut().filter(|ear| ear.next <= now)?.report(now)?;
            Some((seat.path, seat.client.seal_rtcp(&report).expect("connected")))
        };
        let reports: Vec<_> = self.seats.iter_mut().filter_map(tell).collect();
        self.reports += reports.len() as u64;
        reports
    }

    fn renew_consent(&mut self) {
        let mut checks = Datagrams::default();
        let (now, shard) = (self.now, &mut self.shard);
        let host = std::iter::once((&mut self.host.0, self.host.1));
        for (client, path) in host.chain(self.seats.iter_mut().map(|seat| (&mut seat.client, seat.path))) {
            if client.deadline().is_some_and(|at| at <= now) {
                client.advance(now, &mut checks);
                copies(&checks).iter_mut().for_each(|check| shard.receive(now, path, check));
                checks.clear();
            }
        }
        let outbox = shard.outbox();
        outbox.datagrams.clear();
        outbox.notices.clear();
    }
}

/// How a receiver takes the camera.
fn params(ssrc: Ssrc, adapts: bool) -> DownTrackParams {
    let all = subscription(ssrc);
    if adapts {
        return all;
    }
    let mut extensions = ExtensionMap::default();
    extensions.set(ExtensionKind::Mid, MID_ID);
    DownTrackParams { extensions, mid: Mid::new(b"0").expect("a token"), ..all }
}

fn is_rtp(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| (128..=191).contains(first)) && !rtcp::is_rtcp(bytes)
}

/// The receiver behind a path: its address holds its serial.
fn seat_of<'a>(seats: &'a mut [Seat], path: &Path) -> Option<&'a mut Seat> {
    let std::net::IpAddr::V4(address) = path.remote.ip() else { return None };
    let [_, _, high, low] = address.octets();
    let index = u64::from(u16::from_be_bytes([high, low])).checked_sub(FIRST_SERIAL)?;
    seats.get_mut(usize::try_from(index).ok()?)
}

/// Key frames that the server asks for.
fn hear_requests(now: Instant, host: &mut Client, encodings: &mut [Publisher], bytes: &[u8]) {
    let mut out = Datagrams::default();
    if let Received::Rtcp(compound) = host.receive(now, &mut bytes.to_vec(), &mut out) {
        encodings.iter_mut().for_each(|encoding| drop(encoding.feedback(compound)));
    }
}

impl Ear {
    fn new(epoch: Instant, interval: Duration, offset: Duration) -> Self {
        let (arrived, deltas) = (VecDeque::new(), Vec::new());
        Self { interval, next: epoch + offset, epoch, base: 0, arrived, deltas, count: 0 }
    }

    /// A packet left: all are numbered, and none is lost.
    fn hear(&mut self, now: Instant) {
        let earliest = now + WAY;
        let arrives = self.arrived.back().map_or(earliest, |before| earliest.max(*before + SPACING));
        self.arrived.push_back(arrives);
    }

    /// What the server hears of it at `now`: what had arrived when the report left.
    fn report(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.next += self.interval;
        let told = self.arrived.iter().take_while(|at| **at + WAY <= now).count();
        // Ticks of 250 us, and 256 of them in a unit of the reference time.
        let tick = |at: &Instant| (*at - self.epoch).as_micros() / 250;
        let reference = tick(self.arrived.front().filter(|_| told > 0)?) >> 8;
        let mut before = reference << 8;
        self.deltas.clear();
        self.deltas.extend(self.arrived.range(..told).map(|at| {
            let after = tick(at);
            i16::try_from(after - std::mem::replace(&mut before, after)).ok()
        }));
        let report = TransportReport {
            base_sequence: self.base,
            reference_time: reference as u32,
            feedback_count: self.count,
            deltas: &self.deltas,
        };
        let mut buffer = [0; rtcp::COMPOUND_BYTES_MAX];
        let mut writer = rtcp::Writer::new(&mut buffer);
        writer.twcc(Ssrc(1), Ssrc(2), &report).expect("a report is short");
        self.arrived.drain(..told);
        (self.base, self.count) = (self.base.wrapping_add(told as u16), self.count.wrapping_add(1));
        Some(writer.as_bytes().to_vec())
    }
}
