//! A received track: every packet is counted by its header, a sample is read to the last byte.

use std::time::{Duration, Instant};

use door::Kind;
use wire::rtcp::{ReportBlock, SenderInfo};
use wire::{Pt, Ssrc};

use crate::ledger::{Arrived, Ledger};
use crate::mark::{Mark, Reading};

/// Between two requests for a first keyframe.
const KEY_INTERVAL: Duration = Duration::from_millis(500);

/// What a server's description says of a track that it sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SinkParams {
    /// Audio or video.
    pub kind: Kind,
    /// The media's source.
    pub ssrc: Ssrc,
    /// The retransmissions' source.
    pub rtx: Option<Ssrc>,
    /// The retransmissions' payload type.
    pub rtx_pt: Option<Pt>,
    /// RTP ticks per second.
    pub clock_hz: u32,
    /// Extension id of the transport-wide number, when the sender wants feedback.
    pub transport_id: Option<u8>,
}

/// What one sink, or all of them, counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SinkCounts {
    /// Media packets, repetitions included.
    pub packets: u64,
    /// Bytes of all datagrams with media.
    pub bytes: u64,
    /// Packets with a number that was there before.
    pub duplicates: u64,
    /// Packets behind a later one.
    pub reordered: u64,
    /// Gaps filled by retransmissions.
    pub repaired: u64,
    /// Numbers that never arrived.
    pub lost: u64,
    /// Packets of the publisher that the server left out and hid by renumbering, as far as samples show.
    pub hidden: u64,
    /// Packets left out where the server went on at a keyframe, which harms nobody.
    pub skipped: u64,
    /// Samples whose content is older than that of the sample before: the server went back to a keyframe that it keeps.
    pub backward: u64,
    /// Numbers that the server used for padding, as far as samples show.
    pub padding: u64,
    /// Samples of what the server had kept for a beginning or a change, whose age is not the server's delay.
    pub kept: u64,
    /// Changes of the encoding, as far as samples show.
    pub switches: u64,
    /// Packets decrypted and read to the last byte.
    pub sampled: u64,
    /// Sampled packets with changed content.
    pub damaged: u64,
    /// Sampled packets that could not be authenticated.
    pub unauthentic: u64,
    /// Sampled packets of another track than those before.
    pub mixed: u64,
}

impl SinkCounts {
    /// The sum, or difference, of all counts.
    pub fn combine(&self, other: &Self, with: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            packets: with(self.packets, other.packets),
            bytes: with(self.bytes, other.bytes),
            duplicates: with(self.duplicates, other.duplicates),
            reordered: with(self.reordered, other.reordered),
            repaired: with(self.repaired, other.repaired),
            lost: with(self.lost, other.lost),
            hidden: with(self.hidden, other.hidden),
            skipped: with(self.skipped, other.skipped),
            backward: with(self.backward, other.backward),
            padding: with(self.padding, other.padding),
            kept: with(self.kept, other.kept),
            switches: with(self.switches, other.switches),
            sampled: with(self.sampled, other.sampled),
            damaged: with(self.damaged, other.damaged),
            unauthentic: with(self.unauthentic, other.unauthentic),
            mixed: with(self.mixed, other.mixed),
        }
    }

    /// What no correct server does.
    pub fn faults(&self) -> u64 {
        self.duplicates + self.hidden + self.damaged + self.unauthentic + self.mixed
    }
}

/// See the module.
#[derive(Debug)]
pub struct Sink {
    params: SinkParams,
    ledger: Ledger,
    counts: SinkCounts,
    every: u32,
    until_sample: u32,
    last_mark: Option<(u64, Mark)>,
    key_seen: bool,
    next_key: Instant,
    first_at: Option<Instant>,
    /// What was sent before this moment and comes now was kept by the server for those who begin, or change.
    live_ns: u64,
    timestamp: u32,
    arrived: Instant,
    jitter: u32,
    last_report: Option<(u32, Instant)>,
    reported: (u64, u64),
}

impl Sink {
    /// Waits for the track from `now` on; after the first whole keyframe one packet of `every` is read in full.
    pub fn new(params: SinkParams, every: u32, now: Instant) -> Self {
        Self {
            key_seen: params.kind == Kind::Audio,
            params,
            ledger: Ledger::default(),
            counts: SinkCounts::default(),
            every: every.max(1),
            until_sample: 0,
            last_mark: None,
            next_key: now + KEY_INTERVAL,
            first_at: None,
            live_ns: 0,
            timestamp: 0,
            arrived: now,
            jitter: 0,
            last_report: None,
            reported: (0, 0),
        }
    }

    /// What was said of the track.
    pub fn params(&self) -> &SinkParams {
        &self.params
    }

    /// When the first packet came.
    pub fn first_at(&self) -> Option<Instant> {
        self.first_at
    }

    /// What was counted.
    pub fn counts(&self) -> SinkCounts {
        SinkCounts { lost: self.ledger.lost(), ..self.counts }
    }

    /// Counts one media packet by its header; true when it is to be decrypted and shown to [`Sink::sample`]. `news` is
    /// set when it is the first, or something is missing.
    #[inline]
    pub fn note(&mut self, now: Instant, header: &Seen, bytes: usize, news: &mut bool) -> bool {
        self.counts.packets += 1;
        self.counts.bytes += bytes as u64;
        if self.first_at.is_none() {
            self.first_at = Some(now);
            *news = true;
        } else if header.timestamp != self.timestamp {
            self.note_jitter(now, header.timestamp);
        }
        (self.timestamp, self.arrived) = (header.timestamp, now);
        match self.ledger.note(now, header.seq).1 {
            Arrived::Newest => *news |= self.ledger.is_missing_any(),
            Arrived::Late => self.counts.reordered += 1,
            Arrived::Again => self.counts.duplicates += 1,
            Arrived::Old => self.counts.reordered += 1,
        }
        if self.until_sample == 0 || !self.key_seen {
            self.until_sample = self.every - 1;
            return true;
        }
        self.until_sample -= 1;
        false
    }

    /// RFC 3550 section 6.4.1, over the first packets of frames.
    fn note_jitter(&mut self, now: Instant, timestamp: u32) {
        let apart = now.saturating_duration_since(self.arrived).as_micros() * u128::from(self.params.clock_hz);
        let ticks = i64::try_from(apart / 1_000_000).unwrap_or(i64::MAX);
        let sent = i64::from(timestamp.wrapping_sub(self.timestamp).cast_signed());
        let deviation = u32::try_from((ticks - sent).unsigned_abs()).unwrap_or(u32::MAX).min(1 << 20);
        self.jitter = self.jitter.saturating_add_signed((deviation.cast_signed() - self.jitter.cast_signed()) / 16);
    }

    /// Reads a decrypted packet that arrived at `at_ns`, nanoseconds since 1970, and gives how long it was on its way;
    /// `None` also for what was sent before the track's first packet came, or the first since a change of the encoding or a
    /// step back: the server kept it.
    pub fn sample(&mut self, at_ns: u64, seq: u16, payload: &[u8]) -> Option<Duration> {
        self.counts.sampled += 1;
        let mark = match Mark::read(self.params.kind, payload) {
            Reading::Whole(mark) => mark,
            Reading::Damaged => {
                self.counts.damaged += 1;
                return None;
            }
            Reading::Unmarked => return None,
        };
        self.key_seen |= mark.is_key && mark.index + 1 == mark.count;
        let (switches, backward) = (self.counts.switches, self.counts.backward);
        self.continuity(seq, mark);
        if self.live_ns == 0 || (switches, backward) != (self.counts.switches, self.counts.backward) {
            self.live_ns = at_ns;
        }
        let live = mark.sent_ns >= self.live_ns;
        self.counts.kept += u64::from(!live);
        live.then(|| Duration::from_nanos(at_ns.saturating_sub(mark.sent_ns)))
    }

    /// Compares how far the publisher's own numbers and the server's have moved since the last sample.
    fn continuity(&mut self, seq: u16, mark: Mark) {
        let extended = self.extend(seq);
        let Some((last_seq, last)) = self.last_mark else {
            self.last_mark = Some((extended, mark));
            return;
        };
        if extended <= last_seq {
            return;
        }
        if last.track != mark.track {
            self.counts.mixed += 1;
        } else if last.encoding != mark.encoding {
            self.counts.switches += 1;
        } else {
            let moved = i64::from(mark.serial.wrapping_sub(last.serial).cast_signed());
            let (sent, received) = (u64::try_from(moved).unwrap_or_default(), extended - last_seq);
            let at_key = mark.key_serial.wrapping_sub(last.serial).cast_signed() > 0;
            let left_out = if at_key { &mut self.counts.skipped } else { &mut self.counts.hidden };
            *left_out += sent.saturating_sub(received);
            self.counts.backward += u64::from(moved < 0);
            self.counts.padding += if moved < 0 { 0 } else { received.saturating_sub(sent) };
        }
        self.last_mark = Some((extended, mark));
    }

    fn extend(&self, seq: u16) -> u64 {
        let newest = self.ledger.highest().map_or_else(|| u64::from(seq), u64::from) + (1 << 16);
        let behind = ((newest & 0xffff) as u16).wrapping_sub(seq).cast_signed();
        newest.saturating_add_signed(-i64::from(behind))
    }

    /// A packet that failed its authentication.
    pub fn note_unauthentic(&mut self) {
        self.counts.unauthentic += 1;
    }

    /// A retransmission, decrypted: its payload begins with the number it had (RFC 4588 section 4).
    pub fn repair(&mut self, now: Instant, payload: &[u8], bytes: usize) {
        self.counts.bytes += bytes as u64;
        let Some(original) = payload.first_chunk::<2>() else { return };
        if self.ledger.note(now, u16::from_be_bytes(*original)).1 == Arrived::Late {
            self.counts.repaired += 1;
            self.counts.packets += 1;
        }
    }

    /// Notes a sender report of the track.
    pub fn note_report(&mut self, now: Instant, info: &SenderInfo) {
        self.last_report = Some((info.ntp_middle(), now));
    }

    /// When something is to be asked for.
    pub fn deadline(&self) -> Option<Instant> {
        let key = (!self.key_seen).then_some(self.next_key);
        [self.ledger.deadline(), key].into_iter().flatten().min()
    }

    /// Puts the numbers to ask for into `wanted`; true when a keyframe is to be asked for.
    pub fn wanted(&mut self, now: Instant, wanted: &mut Vec<u16>) -> bool {
        self.ledger.wanted(now, wanted);
        let asks = !self.key_seen && self.next_key <= now;
        if asks {
            self.next_key = now + KEY_INTERVAL;
        }
        asks
    }

    /// The block of a receiver report; `None` before the first packet.
    pub fn report(&mut self, now: Instant) -> Option<ReportBlock> {
        let highest_sequence = self.ledger.highest()?;
        let (expected, unique) = (self.ledger.expected(), self.ledger.unique());
        let (expected_now, unique_now) = (expected - self.reported.0, unique - self.reported.1);
        self.reported = (expected, unique);
        let missing = expected_now.saturating_sub(unique_now);
        let fraction = (missing * 256).checked_div(expected_now).unwrap_or_default();
        let (last_sr, delay) = self.last_report.map_or((0, Duration::ZERO), |(ntp, at)| (ntp, now - at));
        Some(ReportBlock {
            ssrc: self.params.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: i32::try_from(self.ledger.lost()).unwrap_or(i32::MAX),
            highest_sequence,
            jitter: self.jitter,
            last_sr,
            delay_since_sr: u32::try_from(delay.as_micros() * 65_536 / 1_000_000).unwrap_or(u32::MAX),
        })
    }
}

/// What the header of a media packet shows, encrypted or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// Source.
    pub ssrc: Ssrc,
    /// Payload type.
    pub pt: Pt,
    /// Sequence number.
    pub seq: u16,
    /// Timestamp.
    pub timestamp: u32,
}

impl Seen {
    /// Reads the fixed part of a header.
    #[inline]
    pub fn read(packet: &[u8]) -> Option<Self> {
        let head = packet.first_chunk::<12>()?;
        Some(Self {
            ssrc: Ssrc(u32::from_be_bytes([head[8], head[9], head[10], head[11]])),
            pt: Pt(head[1] & 0x7f),
            seq: u16::from_be_bytes([head[2], head[3]]),
            timestamp: u32::from_be_bytes([head[4], head[5], head[6], head[7]]),
        })
    }
}

/// The transport-wide number of a packet, which stands in its header in clear.
#[inline]
pub fn transport_sequence(packet: &[u8], id: u8) -> Option<u16> {
    let first = *packet.first()?;
    if first & 0x10 == 0 {
        return None;
    }
    let at = 12 + 4 * usize::from(first & 0x0f);
    let head = packet.get(at..)?.first_chunk::<4>()?;
    let len = 4 * usize::from(u16::from_be_bytes([head[2], head[3]]));
    let block = packet.get(at + 4..at + 4 + len)?;
    let mut elements = wire::ext::Iter::new(u16::from_be_bytes([head[0], head[1]]), block);
    elements.find(|(own, _)| *own == id).and_then(|(_, data)| wire::ext::transport_sequence(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sink(every: u32, now: Instant) -> Sink {
        let params = SinkParams {
            kind: Kind::Audio,
            ssrc: Ssrc(5),
            rtx: None,
            rtx_pt: None,
            clock_hz: 48_000,
            transport_id: Some(3),
        };
        Sink::new(params, every, now)
    }

    fn seen(seq: u16) -> Seen {
        Seen { ssrc: Ssrc(5), pt: Pt(111), seq, timestamp: u32::from(seq) * 960 }
    }

    fn payload(serial: u32, track: u32, encoding: u8) -> Vec<u8> {
        let mark = Mark {
            sent_ns: 77,
            serial,
            key_serial: serial / 600 * 600,
            frame: 0,
            track,
            encoding,
            index: 0,
            count: 1,
            is_key: false,
        };
        [&[0][..], &mark.to_bytes(), &[mark.filler(); 9]].concat()
    }

    #[test]
    fn samples_the_first_and_every_nth() {
        let now = Instant::now();
        let mut sink = sink(3, now);
        let sampled: Vec<bool> = (0..7).map(|seq| sink.note(now, &seen(seq), 100, &mut false)).collect();
        assert_eq!(sampled, [true, false, false, true, false, false, true]);
        assert_eq!((sink.counts().packets, sink.counts().bytes, sink.counts().faults()), (7, 700, 0));
    }

    #[test]
    fn sees_what_a_renumbering_server_hides() {
        let now = Instant::now();
        let mut sink = sink(1, now);
        // Number, publisher's number, track, encoding.
        let table = [(10, 0, 1, 0), (12, 2, 1, 0), (14, 7, 1, 0), (20, 9, 1, 0), (21, 500, 1, 1), (22, 501, 2, 1)];
        for (seq, serial, track, encoding) in table {
            sink.note(now, &seen(seq), 100, &mut false);
            let latency = sink.sample(50 + u64::from(seq), seq, &payload(serial, track, encoding));
            // What was sent at 77 is younger than the first arrival at 60.
            assert_eq!(latency, Some(Duration::from_nanos(u64::from(seq).saturating_sub(27))));
        }
        // Back, and on to the next keyframe.
        for (seq, serial) in [(23, 495), (24, 610)] {
            sink.note(now, &seen(seq), 100, &mut false);
            assert_eq!(sink.sample(99, seq, &payload(serial, 2, 1)), None, "sent at 77, before the step back at 99");
        }
        let counts = sink.counts();
        assert_eq!((counts.hidden, counts.padding, counts.switches, counts.mixed), (3, 4, 1, 1));
        assert_eq!((counts.backward, counts.skipped, counts.kept), (1, 114, 2));
        let mut broken = payload(1, 1, 1);
        *broken.last_mut().unwrap() ^= 1;
        assert_eq!(sink.sample(99, 25, &broken), None);
        assert_eq!(sink.counts().damaged, 1);
    }

    #[test]
    fn reports_and_repairs_loss() {
        let now = Instant::now();
        let mut sink = sink(1, now);
        for seq in [1, 2, 5, 6] {
            sink.note(now, &seen(seq), 100, &mut false);
        }
        let block = sink.report(now).unwrap();
        assert_eq!((block.fraction_lost, block.lost), (85, 2));
        let mut wanted = Vec::new();
        assert!(!sink.wanted(now + Duration::from_secs(1), &mut wanted));
        assert_eq!(wanted, [3, 4]);
        sink.repair(now, &[0, 3, 9, 9], 100);
        sink.repair(now, &[0, 3, 9, 9], 100);
        assert_eq!((sink.counts().lost, sink.counts().repaired), (1, 1));
        sink.note(now, &seen(6), 100, &mut false);
        assert_eq!(sink.counts().duplicates, 1);
    }

    #[test]
    fn finds_the_transport_number_in_both_forms() {
        let mut writer = wire::ext::Writer::new();
        writer.push(4, b"0");
        writer.push(3, &[0x12, 0x34]);
        let header = wire::rtp::Header { marker: false, pt: Pt(1), seq: 1, timestamp: 1, ssrc: Ssrc(1) };
        let mut packet = [0; 60];
        header.write(&writer, &mut packet).unwrap();
        assert_eq!(transport_sequence(&packet, 3), Some(0x1234));
        assert_eq!(transport_sequence(&packet, 5), None);
        packet[15] = 0xff;
        assert_eq!(transport_sequence(&packet, 3), None);
        assert_eq!(transport_sequence(&[0x90, 0], 3), None);
    }
}
