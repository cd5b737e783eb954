//! A subscriber of one VP8 track, as a browser receives it: asks again for what is missing, asks for a keyframe
//! when that does not help, and decodes a frame when all of it and all before it is there.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use door::{DownTrackParams, ExtensionKind, ExtensionMap, Kind, PayloadMap};
use wire::rtcp::{self, ReportBlock};
use wire::rtp::Packet;
use wire::{Mid, Pt, Ssrc};

use crate::publisher::{FRAME_PACKETS, Mark};

/// A packet is asked for at once, then each interval.
const NACK_INTERVAL: Duration = Duration::from_millis(40);
/// After so long without a decodable frame a keyframe is asked for.
const PICTURE_LOST: Duration = Duration::from_millis(300);
/// Between two reports on what was lost.
const REPORT_INTERVAL: Duration = Duration::from_secs(1);
const MID_ID: u8 = 9;
const VP8_PT: Pt = Pt(120);
const RTX_PT: Pt = Pt(121);

/// See the module.
#[derive(Debug)]
pub struct Subscriber {
    ssrc: Ssrc,
    media_pt: Pt,
    rtx_pt: Pt,
    highest: Option<u64>,
    missing: BTreeMap<u64, Instant>,
    seen: BTreeMap<u64, Mark>,
    frames: BTreeMap<u64, BTreeSet<u8>>,
    keys: BTreeSet<u64>,
    next_frame: Option<u64>,
    /// When the last frame was decoded.
    decoded_at: Instant,
    next_pli: Instant,
    next_report: Option<Instant>,
    /// The first number of the media, and how many packets of it came.
    first: Option<u64>,
    received: u64,
    /// Frames decoded.
    pub decoded: u64,
    /// Longest time between two decoded frames.
    pub gap_max: Duration,
    /// What no correct server does: each entry ends the run.
    pub faults: Vec<String>,
    /// Requests for packets sent.
    pub nacks: u64,
}

impl Subscriber {
    /// Waits for its first frame from `now` on. `serial` keeps sources apart.
    pub fn new(now: Instant, serial: u32) -> Self {
        Self::of(now, Ssrc(500_000 + serial * 2), VP8_PT, RTX_PT)
    }

    /// Waits for the first frame of `ssrc`, whose retransmissions come under the next source.
    pub fn of(now: Instant, ssrc: Ssrc, media_pt: Pt, rtx_pt: Pt) -> Self {
        Self {
            ssrc,
            media_pt,
            rtx_pt,
            highest: None,
            missing: BTreeMap::new(),
            seen: BTreeMap::new(),
            frames: BTreeMap::new(),
            keys: BTreeSet::new(),
            next_frame: None,
            decoded_at: now,
            next_pli: now + PICTURE_LOST,
            next_report: None,
            first: None,
            received: 0,
            decoded: 0,
            gap_max: Duration::ZERO,
            faults: Vec::new(),
            nacks: 0,
        }
    }

    /// It tells what it lost from `now` on.
    pub fn report_from(&mut self, now: Instant) {
        self.next_report = Some(now + REPORT_INTERVAL);
    }

    /// What its description would say.
    pub fn params(&self) -> DownTrackParams {
        let mut extensions = ExtensionMap::default();
        extensions.set(ExtensionKind::Mid, MID_ID);
        DownTrackParams {
            mid: Mid::new(b"s").expect("a token"),
            kind: Kind::Video,
            ssrc: self.ssrc,
            rtx_ssrc: Some(Ssrc(self.ssrc.0 + 1)),
            payloads: vec![PayloadMap { from: Pt(96), to: VP8_PT, rtx: Some(RTX_PT), strip_red: false }],
            extensions,
            playout_delay_ms: None,
        }
    }

    /// Our source's number as the server chose it.
    pub fn ssrc(&self) -> Ssrc {
        self.ssrc
    }

    /// The number of the next frame to be decoded: all before it were, or are given up.
    pub fn shown(&self) -> u64 {
        self.next_frame.unwrap_or(0)
    }

    /// When the last frame was decoded.
    pub fn decoded_at(&self) -> Instant {
        self.decoded_at
    }

    /// Takes one cleartext packet.
    pub fn receive(&mut self, now: Instant, bytes: &[u8]) {
        let Ok(packet) = Packet::parse(bytes) else {
            self.faults.push("an RTP packet that cannot be read".into());
            return;
        };
        let (seq, payload) = match packet.pt() {
            pt if pt == self.media_pt && packet.ssrc() == self.ssrc => {
                let number = self.extend(packet.seq());
                self.first.get_or_insert(number);
                self.received += 1;
                (packet.seq(), packet.payload())
            }
            pt if pt == self.rtx_pt && packet.ssrc() != self.ssrc => match packet.payload().split_first_chunk::<2>() {
                Some((osn, payload)) => (u16::from_be_bytes(*osn), payload),
                None => return,
            },
            _ => {
                self.faults.push(format!("payload type {:?} with source {:?}", packet.pt(), packet.ssrc()));
                return;
            }
        };
        self.take(now, self.extend(seq), payload);
    }

    fn extend(&self, seq: u16) -> u64 {
        let Some(highest) = self.highest else { return (1 << 32) + u64::from(seq) };
        let behind = i64::from((highest as u16).wrapping_sub(seq) as i16);
        highest.saturating_add_signed(-behind)
    }

    fn take(&mut self, now: Instant, seq: u64, payload: &[u8]) {
        let highest = *self.highest.get_or_insert(seq);
        for absent in highest + 1..seq {
            self.missing.insert(absent, now);
        }
        self.highest = Some(highest.max(seq));
        self.missing.remove(&seq);
        let Some(mark) = Mark::of(payload) else { return };
        if let Some(before) = self.seen.insert(seq, mark).filter(|&before| before != mark) {
            self.faults.push(format!("number {seq} carried {before:?} and then {mark:?}"));
        }
        self.frames.entry(mark.frame).or_default().insert(mark.index);
        if mark.is_key {
            self.keys.insert(mark.frame);
        }
        self.decode(now);
    }

    fn decode(&mut self, now: Instant) {
        loop {
            let whole = |frame: &u64| self.frames.get(frame).is_some_and(|got| got.len() == usize::from(FRAME_PACKETS));
            let from = self.next_frame.unwrap_or(0);
            let Some(frame) = self.next_frame.filter(whole).or_else(|| self.keys.range(from..).copied().find(whole))
            else {
                return;
            };
            self.frames = self.frames.split_off(&(frame + 1));
            self.keys = self.keys.split_off(&(frame + 1));
            self.next_frame = Some(frame + 1);
            if self.decoded > 0 {
                self.gap_max = self.gap_max.max(now - self.decoded_at);
            }
            self.decoded += 1;
            self.decoded_at = now;
            self.next_pli = now + PICTURE_LOST;
        }
    }

    /// When [`Subscriber::advance`] is due.
    pub fn deadline(&self) -> Instant {
        self.missing.values().copied().chain(self.next_report).fold(self.next_pli, Instant::min)
    }

    /// A report that is due (RFC 3550 section 6.4.1, appendix A.3).
    fn report(&mut self, now: Instant) -> Option<ReportBlock> {
        let due = self.next_report.filter(|at| *at <= now)?;
        self.next_report = Some(due + REPORT_INTERVAL);
        let (first, highest) = (self.first?, self.highest?);
        let lost = (highest + 1 - first).cast_signed() - self.received.cast_signed();
        let lost = i32::try_from(lost).unwrap_or(i32::MAX);
        Some(ReportBlock { ssrc: self.ssrc, lost, highest_sequence: highest as u32, ..ReportBlock::default() })
    }

    /// Feedback that is due, a compound packet.
    pub fn advance(&mut self, now: Instant) -> Option<Vec<u8>> {
        let mut buffer = [0; rtcp::COMPOUND_BYTES_MAX];
        let mut writer = rtcp::Writer::new(&mut buffer);
        let report = self.report(now);
        writer.receiver_report(Ssrc(1), report.as_slice()).ok()?;
        let empty = if report.is_some() { 0 } else { writer.len() };
        let due: Vec<u64> = self.missing.iter().filter(|&(_, &at)| at <= now).map(|(&seq, _)| seq).take(200).collect();
        for seq in &due {
            self.missing.insert(*seq, now + NACK_INTERVAL);
        }
        if !due.is_empty() {
            self.nacks += due.len() as u64;
            writer.nack(Ssrc(1), self.ssrc, due.iter().map(|&seq| seq as u16)).ok()?;
        }
        if now >= self.next_pli {
            self.next_pli = now + PICTURE_LOST;
            // What is older than a second is given up for.
            let oldest = self.highest.unwrap_or(0).saturating_sub(150);
            self.missing = self.missing.split_off(&oldest);
            writer.pli(Ssrc(1), self.ssrc).ok()?;
        }
        (writer.len() > empty).then(|| writer.as_bytes().to_vec())
    }
}
