//! One participant's media: its connection, what it sends, what it receives, and the feedback for that.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use congestion::arrivals::Arrivals;
use door::{Datagrams, IceCredentials, Path, Protocol};
use peer::client::{Channels, Client, ClientParams};
use peer::{Identity, PeerEvent, Received, SRTP_OVERHEAD_MAX, SrtpProfile};
use wire::Ssrc;
use wire::rtcp::{self, COMPOUND_BYTES_MAX};

use crate::answer::Meeting;
use crate::clock::Clock;
use crate::sink::{Seen, Sink, SinkCounts, SinkParams, transport_sequence};
use crate::source::{Model, Source, SourceCounts, Wiring};
use crate::tally::Tally;

/// Between two receiver reports.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Report blocks in one packet (RFC 3550 section 6.4.1).
const BLOCKS_MAX: usize = 31;
/// An address of the server that does not answer is given up after so long.
const CANDIDATE_PATIENCE: Duration = Duration::from_secs(2);
/// Our source in feedback.
const OWN_SSRC: Ssrc = Ssrc(1);

/// How closely received packets are looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sampling {
    /// One packet of so many of each track is decrypted and read in full.
    pub every: u32,
}

/// See the module.
pub struct Media {
    client: Client,
    path: Path,
    connected: Option<Instant>,
    begun: Instant,
    tried: usize,
    ended: bool,
    sources: Vec<Source>,
    /// Tracks to send once connected.
    waiting: Vec<(u32, Model, Wiring)>,
    tracks: Vec<u32>,
    transport: u16,
    sinks: Vec<Sink>,
    /// Counts of tracks that ended.
    past: SinkCounts,
    /// The place of the sink of each source, in the order of the sources.
    routes: Vec<(Ssrc, usize)>,
    /// The route found last: packets come in runs.
    last: usize,
    arrivals: Arrivals,
    next_report: Instant,
    wanted: Vec<u16>,
    /// Something came that may move the deadline.
    restless: bool,
}

impl Media {
    /// Begins to meet the server at `remote` from `local`.
    pub fn new(
        ice: &IceCredentials,
        meeting: &Meeting,
        local: SocketAddr,
        remote: SocketAddr,
        data: bool,
        identity: &Identity,
        now: Instant,
    ) -> Self {
        let path = Path { protocol: Protocol::Udp, local, remote };
        let mut params = ClientParams::new(ice.clone(), meeting.ice.clone(), meeting.fingerprint);
        params.role = meeting.role;
        params.channels = if data { Channels::Announced } else { Channels::None };
        Self {
            client: Client::new(params, identity, path, now),
            path,
            connected: None,
            begun: now,
            tried: 1,
            ended: false,
            sources: Vec::new(),
            waiting: Vec::new(),
            tracks: Vec::new(),
            transport: 0,
            sinks: Vec::new(),
            past: SinkCounts::default(),
            routes: Vec::new(),
            last: 0,
            arrivals: Arrivals::default(),
            next_report: now + REPORT_INTERVAL,
            wanted: Vec::new(),
            restless: true,
        }
    }

    /// Sends a track from the moment on when media flows.
    pub fn send_track(&mut self, track: u32, model: Model, wiring: Wiring) {
        if !self.tracks.contains(&track) {
            self.tracks.push(track);
            self.waiting.push((track, model, wiring));
        }
    }

    /// Receives these tracks and no others.
    pub fn receive_tracks<'a>(
        &mut self,
        tracks: impl Iterator<Item = &'a SinkParams>,
        sampling: Sampling,
        now: Instant,
    ) {
        let mut before = std::mem::take(&mut self.sinks);
        for params in tracks {
            let known = before.iter().position(|it| it.params().ssrc == params.ssrc);
            self.sinks.push(match known {
                Some(at) => before.swap_remove(at),
                None => Sink::new(params.clone(), sampling.every, now),
            });
        }
        for gone in &before {
            self.past = self.past.combine(&gone.counts(), |a, b| a + b);
        }
        let routes = self.sinks.iter().enumerate().flat_map(|(at, sink)| {
            let params = sink.params();
            [Some(params.ssrc), params.rtx].into_iter().flatten().map(move |ssrc| (ssrc, at))
        });
        self.routes = routes.collect();
        self.routes.sort_unstable();
        self.last = 0;
    }

    /// When media could flow.
    pub fn connected(&self) -> Option<Instant> {
        self.connected
    }

    /// Whether the connection ended by itself.
    pub fn is_lost(&self) -> bool {
        self.ended
    }

    /// When the first media packet came.
    pub fn first_at(&self) -> Option<Instant> {
        self.sinks.iter().filter_map(Sink::first_at).min()
    }

    /// Number of tracks that the server says it sends, and of those from which something came.
    pub fn tracks_received(&self) -> (usize, usize) {
        (self.sinks.len(), self.sinks.iter().filter(|it| it.first_at().is_some()).count())
    }

    /// How media is protected.
    pub fn profile(&self) -> Option<SrtpProfile> {
        self.client.profile()
    }

    /// What was received.
    pub fn received(&self) -> SinkCounts {
        self.sinks.iter().fold(self.past, |sum, sink| sum.combine(&sink.counts(), |a, b| a + b))
    }

    /// What was sent.
    pub fn sent(&self) -> SourceCounts {
        self.sources.iter().fold(SourceCounts::default(), |sum, source| SourceCounts {
            packets: sum.packets + source.counts.packets,
            bytes: sum.bytes + source.counts.bytes,
            repeated: sum.repeated + source.counts.repeated,
            key_requests: sum.key_requests + source.counts.key_requests,
            skipped_frames: sum.skipped_frames + source.counts.skipped_frames,
        })
    }

    /// When [`Media::advance`] is due.
    pub fn deadline(&self) -> Instant {
        let frames = self.sources.iter().map(Source::deadline).min();
        let asks = self.sinks.iter().filter_map(Sink::deadline).min();
        let others = [self.client.deadline(), frames, asks, self.arrivals.deadline()];
        others.into_iter().flatten().fold(self.next_report, Instant::min)
    }

    /// When [`Media::advance`] is due for what came since, as cheaply as it can be told.
    #[inline]
    pub fn urgency(&mut self, now: Instant) -> Option<Instant> {
        if std::mem::take(&mut self.restless) { Some(now) } else { self.arrivals.deadline() }
    }

    /// Takes the datagrams of one message, all `segment_bytes` long but the last, which arrived at `at_ns`.
    pub fn receive(
        &mut self,
        clock: &Clock,
        at_ns: u64,
        segment_bytes: usize,
        bytes: &mut [u8],
        out: &mut Datagrams,
        tally: &mut Tally,
    ) {
        let arrived = clock.instant(at_ns);
        for datagram in bytes.chunks_mut(segment_bytes) {
            let is_media = matches!(datagram.first(), Some(128..=191)) && !rtcp::is_rtcp(datagram);
            if is_media {
                self.receive_media(arrived, at_ns, datagram, out, tally);
            } else {
                self.restless = true;
                self.receive_other(arrived, datagram, out);
            }
        }
    }

    fn receive_media(
        &mut self,
        arrived: Instant,
        at_ns: u64,
        datagram: &mut [u8],
        out: &mut Datagrams,
        tally: &mut Tally,
    ) {
        // The server may be ready before us: what comes until then cannot be read, by browsers neither.
        let Some(seen) = Seen::read(datagram).filter(|_| self.connected.is_some()) else {
            tally.early += 1;
            return;
        };
        let Some(at) = self.find(seen.ssrc) else {
            tally.strange += 1;
            return;
        };
        let Some(sink) = self.sinks.get_mut(at) else { return };
        let bytes = datagram.len();
        let params = sink.params();
        if let Some(number) = params.transport_id.and_then(|id| transport_sequence(datagram, id)) {
            self.arrivals.note(arrived, number);
        }
        let repeated = params.rtx == Some(seen.ssrc);
        tally.packets += 1;
        tally.bytes += bytes as u64;
        if !repeated && !sink.note(arrived, &seen, bytes, &mut self.restless) {
            return;
        }
        let Received::Rtp(packet) = self.client.receive(arrived, datagram, out) else {
            sink.note_unauthentic();
            return;
        };
        let Ok(packet) = wire::rtp::Packet::parse(packet) else { return };
        if repeated {
            sink.repair(arrived, packet.payload(), bytes);
        } else if let Some(latency) = sink.sample(at_ns, seen.seq, packet.payload()) {
            tally.note_latency(latency);
        }
    }

    #[inline]
    fn find(&mut self, ssrc: Ssrc) -> Option<usize> {
        match self.routes.get(self.last) {
            Some((own, sink)) if *own == ssrc => Some(*sink),
            _ => {
                self.last = self.routes.binary_search_by_key(&ssrc, |route| route.0).ok()?;
                self.routes.get(self.last).map(|route| route.1)
            }
        }
    }

    fn receive_other(&mut self, now: Instant, datagram: &mut [u8], out: &mut Datagrams) {
        let mut sealing = Vec::new();
        if let Received::Rtcp(compound) = self.client.receive(now, datagram, out) {
            for packet in rtcp::packets(compound).flatten() {
                if let rtcp::Packet::SenderReport(report) = &packet {
                    let sink = self.sinks.iter_mut().find(|it| it.params().ssrc == report.info.ssrc);
                    sink.into_iter().for_each(|it| it.note_report(now, &report.info));
                }
                for source in &mut self.sources {
                    source.feedback(&packet, &mut self.transport, &mut |packet, header| {
                        sealing.push((packet.to_vec(), header));
                    });
                }
            }
        }
        for (packet, header) in sealing {
            emit(&mut self.client, self.path, out, &packet, header);
        }
        self.events(now);
    }

    fn events(&mut self, now: Instant) {
        while let Some(event) = self.client.poll_event() {
            match event {
                PeerEvent::Connected { .. } => {
                    self.connected = Some(now);
                    let fresh = self.waiting.drain(..);
                    self.sources.extend(
                        fresh.map(|(track, model, wiring)| Source::new(track, model, wiring, now + phase(track))),
                    );
                }
                PeerEvent::Ended(_) => self.ended = true,
                _ => {}
            }
        }
    }

    /// Does what is due; true when media was sent, which should leave at once.
    pub fn advance(&mut self, clock: &Clock, candidates: &[SocketAddr], out: &mut Datagrams) -> bool {
        let now = clock.now;
        if self.connected.is_none() {
            self.try_next(now, candidates);
        }
        if self.client.deadline().is_some_and(|at| at <= now) {
            self.client.advance(now, out);
            self.events(now);
        }
        if self.connected.is_none() {
            self.next_report = now + REPORT_INTERVAL;
            return false;
        }
        // Tracks that came with a later answer.
        let fresh = self.waiting.drain(..);
        self.sources.extend(fresh.map(|(track, model, wiring)| Source::new(track, model, wiring, now + phase(track))));
        let sent = self.send_frames(clock, out);
        self.send_feedback(clock, out);
        sent
    }

    fn try_next(&mut self, now: Instant, candidates: &[SocketAddr]) {
        if now < self.begun + CANDIDATE_PATIENCE || candidates.len() < 2 {
            return;
        }
        let same_kind = candidates.iter().filter(|it| it.is_ipv4() == self.path.remote.is_ipv4()).count();
        let usable = candidates.iter().filter(|it| it.is_ipv4() == self.path.remote.is_ipv4());
        if let Some(&remote) = usable.cycle().nth(self.tried).filter(|_| same_kind > 0) {
            self.path.remote = remote;
            self.client.migrate(now, self.path);
        }
        (self.begun, self.tried) = (now, (self.tried + 1) % same_kind.max(1));
    }

    fn send_frames(&mut self, clock: &Clock, out: &mut Datagrams) -> bool {
        let before = out.segments().len();
        let (client, path, transport) = (&mut self.client, self.path, &mut self.transport);
        for source in self.sources.iter_mut().filter(|it| it.deadline() <= clock.now) {
            // Taken anew for each frame: sealing the one before took its time.
            let stamp_ns = Clock::unix_ns();
            source
                .advance(clock.now, stamp_ns, transport, &mut |packet, header| emit(client, path, out, packet, header));
        }
        out.segments().len() > before
    }

    fn send_feedback(&mut self, clock: &Clock, out: &mut Datagrams) {
        let now = clock.now;
        let mut room = [0; COMPOUND_BYTES_MAX];
        if self.next_report <= now {
            self.next_report = now + REPORT_INTERVAL;
            let blocks: Vec<_> = self.sinks.iter_mut().filter_map(|sink| sink.report(now)).collect();
            for blocks in blocks.chunks(BLOCKS_MAX) {
                let mut writer = rtcp::Writer::new(&mut room);
                // A report and a name fit: 31 blocks take 752 bytes.
                let _ = writer.receiver_report(OWN_SSRC, blocks);
                self.send_rtcp(writer.as_bytes(), out);
            }
        }
        if self.sources.iter().any(|it| it.deadline() <= now) {
            let mut writer = rtcp::Writer::new(&mut room);
            self.sources.iter_mut().for_each(|it| it.report(now, clock.now_ns, &mut writer));
            self.send_rtcp(writer.as_bytes(), out);
        }
        self.send_requests(now, out);
        while let Some(report) = self.arrivals.poll(now) {
            let mut writer = rtcp::Writer::new(&mut room);
            let media = self.sinks.first().map_or(OWN_SSRC, |sink| sink.params().ssrc);
            // At most 400 statuses fit; more are never in one report.
            let _ = writer.twcc(OWN_SSRC, media, &report);
            let written = writer.as_bytes().to_vec();
            self.send_rtcp(&written, out);
        }
    }

    /// Asks for what is missing.
    fn send_requests(&mut self, now: Instant, out: &mut Datagrams) {
        let mut room = [0; COMPOUND_BYTES_MAX];
        for at in 0..self.sinks.len() {
            let Some(sink) = self.sinks.get_mut(at).filter(|it| it.deadline().is_some_and(|due| due <= now)) else {
                continue;
            };
            self.wanted.clear();
            let asks_key = sink.wanted(now, &mut self.wanted);
            let (ssrc, repairs) = (sink.params().ssrc, sink.params().rtx.is_some());
            let mut writer = rtcp::Writer::new(&mut room);
            if repairs {
                // What does not fit is asked for in the next round.
                let _ = writer.nack(OWN_SSRC, ssrc, self.wanted.iter().copied());
            }
            if asks_key {
                let _ = writer.pli(OWN_SSRC, ssrc);
            }
            let written = writer.as_bytes().to_vec();
            self.send_rtcp(&written, out);
        }
    }

    fn send_rtcp(&mut self, compound: &[u8], out: &mut Datagrams) {
        if compound.is_empty() {
            return;
        }
        if let Some(sealed) = self.client.seal_rtcp(compound) {
            out.push(self.path, &sealed);
        }
    }

    /// Says goodbye.
    pub fn close(&mut self, now: Instant, out: &mut Datagrams) {
        self.client.close(now, out);
        self.sources.clear();
    }
}

/// Seals one packet straight into `out`.
fn emit(client: &mut Client, path: Path, out: &mut Datagrams, packet: &[u8], header_len: usize) {
    out.write(path, packet.len() + SRTP_OVERHEAD_MAX, |room| {
        room.get_mut(..packet.len())?.copy_from_slice(packet);
        client.seal_rtp_in_place(room, header_len, packet.len())
    });
}

/// Publishers are not in step: each begins at its own point of the second.
fn phase(track: u32) -> Duration {
    Duration::from_millis(u64::from(track.wrapping_mul(37) % 101))
}
