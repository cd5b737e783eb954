//! One subscription: a track as one subscriber gets it.

mod padding;
mod replaying;

use std::time::{Duration, Instant};

use door::{Codec, DownTrackParams, LayerTarget, PayloadMap, UpTrackParams};
use wire::codec::red;
use wire::ext::Writer;
use wire::rtp::{Header, Packet};
use wire::{Pt, Ssrc};

use crate::descriptor::{DATA_BYTES_MAX, Descriptors};
use crate::extensions::Extensions;
use crate::layout::Layout;
use crate::replay::{self, Replay};
use crate::rewriter::{Fate, Numbers, Repeat, Rewriter, Rewritten};
use crate::ring::Meta;
use crate::selector::{Choice, Selector};
use crate::uptrack::{Arrival, UpTrack};

/// Sender reports remembered to measure the round trip, some seconds of them.
const REPORTS: usize = 4;

/// A packet: its beginning in the output buffer, its end wherever it lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Written<'a> {
    /// Bytes of it in the output buffer: the header and what of the payload is the subscriber's own.
    pub len: usize,
    /// What follows them: the part of the payload that all subscribers share, in the ring.
    pub rest: &'a [u8],
    /// Length of its header with extensions in bytes: what SRTP leaves in the clear.
    pub header_len: usize,
    /// Where the two bytes of the transport-wide sequence number are to be written, if negotiated.
    pub transport_seq_offset: Option<usize>,
    /// Its source (media or retransmission).
    pub ssrc: Ssrc,
    /// Its sequence number.
    pub seq: u16,
}

/// The fields of a sender report (RFC 3550 section 6.4.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SenderReport {
    /// Our source.
    pub ssrc: Ssrc,
    /// NTP time in the publisher's clock, 32.32 fixed point. The publisher's, because its audio and video
    /// then stand in the relation that it gave them, whatever their ways took.
    pub ntp: u64,
    /// The RTP timestamp at that time.
    pub rtp: u32,
    /// Packets sent, modulo 2^32.
    pub packets: u32,
    /// Payload bytes sent, modulo 2^32.
    pub octets: u32,
}

/// Cumulative counters of a subscription.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DownStats {
    /// Packets sent, without retransmissions.
    pub packets: u64,
    /// Payload bytes sent, without retransmissions.
    pub payload_bytes: u64,
    /// Packets sent again.
    pub retransmitted: u64,
    /// Requests for packets that are not, or no longer, known, or were repeated too soon.
    pub retransmit_refused: u64,
    /// Packets of a payload type that the subscriber does not take.
    pub unmapped: u64,
    /// Packets left out on purpose: temporal layers above the target, padding, and the unmapped.
    pub thinned: u64,
    /// Packets that did not fit the buffer lent for them.
    pub overlong: u64,
}

/// One subscription.
#[derive(Debug)]
pub struct DownTrack {
    params: DownTrackParams,
    selector: Selector,
    rewriter: Rewriter,
    extensions: Extensions,
    descriptors: Descriptors,
    /// The publisher's payloads are end-to-end encrypted.
    encrypted: bool,
    /// The payload type of the publisher's sound with redundancy (RFC 2198).
    red: Option<Pt>,
    /// Redundancy is left out.
    lean: bool,
    replay: Option<Replay>,
    replay_bytes_max: u64,
    /// When a replay was last begun because the picture was lost.
    replayed_again: Option<Instant>,
    /// The payload type that the last packet had, and what becomes of it.
    payload: Option<PayloadMap>,
    rtx_seq: u16,
    reports: [Option<(u32, Instant)>; REPORTS],
    reports_sent: usize,
    stats: DownStats,
}

impl DownTrack {
    /// A subscription to a track with parameters `up`. Random starting points come from
    /// `rng` (RFC 3550 section 5.1).
    pub fn new(up: &UpTrackParams, params: DownTrackParams, target: LayerTarget, rng: &mut impl rand::Rng) -> Self {
        Self {
            selector: Selector::new(params.kind, target),
            rewriter: Rewriter::new(params.kind, rng),
            extensions: Extensions::new(up, &params),
            descriptors: Descriptors::default(),
            encrypted: up.encrypted,
            red: red_of(up),
            lean: false,
            replay: None,
            replay_bytes_max: replay::BYTES_MAX,
            replayed_again: None,
            payload: None,
            rtx_seq: rng.random(),
            reports: [None; REPORTS],
            reports_sent: 0,
            stats: DownStats::default(),
            params,
        }
    }

    /// What the subscriber negotiated.
    pub fn params(&self) -> &DownTrackParams {
        &self.params
    }

    /// The up track was renegotiated: takes its extension ids. Forwarding goes on.
    pub fn update_up(&mut self, up: &UpTrackParams) {
        self.extensions = Extensions::new(up, &self.params);
        (self.encrypted, self.red) = (up.encrypted, red_of(up));
    }

    /// The subscriber renegotiated; our sources must be the same. Forwarding goes on.
    pub fn update(&mut self, up: &UpTrackParams, params: DownTrackParams) {
        self.payload = None;
        self.params = params;
        self.update_up(up);
    }

    /// From here on another up track is forwarded; the subscriber sees one stream.
    pub fn replace(&mut self, up: &UpTrackParams) {
        self.update_up(up);
        self.selector.change_origin();
        self.rewriter.change_origin();
    }

    /// Whether packets carry a transport-wide sequence number, if that was negotiated. They do at first. A receiver tells how
    /// numbered packets arrive, which is of no use where nothing could be done about it.
    pub fn set_numbered(&mut self, numbered: bool) {
        self.extensions.set_numbered(numbered);
    }

    /// Whether sound goes without the redundancy that its publisher sends (RFC 2198), for a link that has no room for it.
    /// It goes with it at first, and always where it is encrypted or the subscriber takes only the one.
    pub fn set_lean(&mut self, lean: bool) {
        self.lean = lean;
    }

    /// Chooses another layer.
    pub fn set_target(&mut self, target: LayerTarget) {
        self.selector.set_target(target);
    }

    /// The layer asked for.
    pub fn target(&self) -> LayerTarget {
        self.selector.target()
    }

    /// Bounds what is sent beside the target, for whoever shares out the subscriber's link: the lower of both holds in
    /// each dimension, `Off` pauses. It begins as [`LayerTarget::BEST`] and costs nothing to set anew. What a pair of
    /// layers takes is told by [`UpTrack::layer_bps`]; when what is sent has followed, [`DownTrack::layer`] tells.
    pub fn set_limit(&mut self, limit: LayerTarget) {
        self.selector.set_limit(limit);
    }

    /// The bound beside the target.
    pub fn limit(&self) -> LayerTarget {
        self.selector.limit()
    }

    /// Spatial and temporal layer that are sent, in the terms of a target: the first is the encoding where there are
    /// several. `None` while nothing is.
    pub fn layer(&self, up: &UpTrack) -> Option<(u8, u8)> {
        let (encoding, point) = (self.selector.current()?, self.selector.point());
        Some((if up.encodings() > 1 { encoding } else { point.spatial() }, point.temporal()))
    }

    /// The encoding that is forwarded.
    pub fn encoding(&self) -> Option<u8> {
        self.selector.current()
    }

    /// Sends nothing until the next packet at which it may begin; the subscriber's numbers go on there without a gap.
    pub fn pause(&mut self) {
        self.replay = None;
        self.selector.stop();
    }

    /// The encoding that must bring a key frame before forwarding begins, or before a switch. To be asked
    /// after a subscription, a new target or an unmute, and every half second or so: the rest is
    /// [`UpTrack::request_keyframe`]'s.
    pub fn keyframe_wanted(&self, now: Instant, up: &UpTrack) -> Option<u8> {
        if up.is_muted() { None } else { self.selector.keyframe_wanted(up, up.live_at(now)) }
    }

    /// The subscriber lost its picture (PLI or FIR): the encoding to ask for a key frame.
    pub fn picture_lost(&self) -> Option<u8> {
        self.selector.current()
    }

    /// Writes the packet behind `arrival` for this subscriber to `out`; `None` when it gets nothing.
    /// `out` needs at most the packet's length and 64 bytes.
    pub fn forward<'a>(
        &mut self,
        now: Instant,
        up: &'a UpTrack,
        arrival: &Arrival,
        out: &mut [u8],
    ) -> Option<Written<'a>> {
        if up.is_muted() {
            self.selector.stop();
            return None;
        }
        if let Some(replay) = &self.replay
            && replay.encoding == arrival.encoding
            && replay.next <= arrival.seq
        {
            // Its turn comes.
            return None;
        }
        let (meta, bytes) = up.packet(arrival.encoding, arrival.seq)?;
        let before = self.selector.point();
        let choice = self.selector.choose(up, arrival.encoding, meta);
        if choice == Choice::Ignore {
            return None;
        }
        let payload = self.payload(meta, bytes);
        if choice == Choice::Begin && payload.is_none() {
            self.selector.stop();
            return None;
        }
        let rewritten = match choice {
            Choice::Begin => {
                self.extensions.begin();
                Rewritten::Packet(self.rewriter.begin(now, up, arrival.encoding, self.selector.point(), meta))
            }
            _ => {
                let fate = fate(choice, payload);
                self.stats.thinned += u64::from(fate != Fate::Send);
                self.rewriter.go_on(now, meta, fate, before, self.selector.point())?
            }
        };
        self.write_rewritten(&Source { meta, bytes, layout: up.layout(arrival.encoding) }, rewritten, payload, out)
    }

    fn write_rewritten<'a>(
        &mut self,
        source: &Source<'_>,
        rewritten: Rewritten,
        payload: Option<Payload<'a>>,
        out: &mut [u8],
    ) -> Option<Written<'a>> {
        let written = match (rewritten, payload) {
            (Rewritten::Packet(numbers), Some(payload)) => self.write(source, payload, numbers, None, out),
            (Rewritten::Packet(numbers) | Rewritten::Padding(numbers), _) => {
                self.write_padding(source.meta.pt, numbers, out)
            }
        };
        self.count(written)
    }

    /// Whether what stands under `seq` was never sent: [`DownTrack::retransmit`] would send it for the first time, if at all.
    pub fn awaits(&mut self, seq: u16) -> bool {
        self.rewriter.awaits(seq)
    }

    /// Whether what stands under `seq` is of little use by now: a key frame has begun anew behind it, or the subscriber is to
    /// get a lower encoding than it is of.
    pub fn is_past(&mut self, seq: u16, up: &UpTrack) -> bool {
        let wanted = self.selector.wanted(up.encodings(), u8::MAX);
        let descends = wanted.zip(self.selector.current()).is_some_and(|(wanted, current)| wanted < current);
        descends || self.rewriter.is_past(seq)
    }

    /// Writes the packet that the subscriber misses under `seq` again, or for the first time if it came too
    /// late to be forwarded in its place. `None` when it is unknown or was repeated within 20 ms.
    pub fn retransmit<'a>(&mut self, now: Instant, up: &'a UpTrack, seq: u16, out: &mut [u8]) -> Option<Written<'a>> {
        let written = self.write_again(now, up, seq, out);
        self.stats.retransmitted += u64::from(written.is_some());
        self.stats.retransmit_refused += u64::from(written.is_none());
        written
    }

    fn write_again<'a>(&mut self, now: Instant, up: &'a UpTrack, seq: u16, out: &mut [u8]) -> Option<Written<'a>> {
        match self.rewriter.repeat(now, seq)? {
            Repeat::Padding(numbers) => {
                let pt = self.params.payloads.first()?.from;
                self.write_padding(pt, numbers, out)
            }
            Repeat::Packet { encoding, source_seq, is_first } => {
                let (meta, bytes) = up.packet(encoding, source_seq)?;
                if is_first {
                    // It may have come before the packet that the stretch began with.
                    return self.forward_late(now, up, encoding, meta, bytes, out);
                }
                let numbers = self.rewriter.sent_as(seq, meta)?;
                let payload = self.payload(meta, bytes)?;
                let rtx = self.params.rtx_ssrc.zip(payload.map.rtx);
                self.write(&Source { meta, bytes, layout: up.layout(encoding) }, payload, numbers, rtx, out)
            }
        }
    }

    fn forward_late<'a>(
        &mut self,
        now: Instant,
        up: &UpTrack,
        encoding: u8,
        meta: &Meta,
        bytes: &'a [u8],
        out: &mut [u8],
    ) -> Option<Written<'a>> {
        if up.is_muted() || self.selector.current() != Some(encoding) {
            return None;
        }
        let payload = self.payload(meta, bytes);
        let fate = fate(Choice::Send, payload);
        let point = self.selector.point();
        let rewritten = self.rewriter.go_on(now, meta, fate, point, point)?;
        self.write_rewritten(&Source { meta, bytes, layout: up.layout(encoding) }, rewritten, payload, out)
    }

    /// The sender report to send at `now`; `None` before packets and before the publisher's own report.
    pub fn sender_report(&mut self, now: Instant, up: &UpTrack) -> Option<SenderReport> {
        let (encoding, offset) = self.rewriter.timestamp_offset(up)?;
        let clock = up.clock(encoding)?;
        let elapsed = now.saturating_duration_since(clock.arrived);
        let (ntp, rtp) = clock.later(elapsed, up.clock_hz(encoding));
        if let Some(place) = self.reports.get_mut(self.reports_sent % REPORTS) {
            *place = Some(((ntp >> 16) as u32, now));
        }
        self.reports_sent = self.reports_sent.wrapping_add(1);
        Some(SenderReport {
            ssrc: self.params.ssrc,
            ntp,
            rtp: rtp.wrapping_add(offset),
            packets: self.stats.packets as u32,
            octets: self.stats.payload_bytes as u32,
        })
    }

    /// Round trip from the subscriber's reception report (RFC 3550 section 6.4.1): its LSR and DLSR fields.
    /// `None` when it answers none of our last reports.
    pub fn round_trip(&self, now: Instant, lsr: u32, dlsr: u32) -> Option<Duration> {
        let (_, sent) = self.reports.iter().flatten().find(|(ntp, _)| *ntp == lsr)?;
        let held = Duration::from_nanos((u64::from(dlsr) * 1_000_000_000) >> 16);
        now.saturating_duration_since(*sent).checked_sub(held)
    }

    /// The counters.
    pub fn stats(&self) -> DownStats {
        self.stats
    }

    /// How many numbers stand for packets that never came to us: the subscriber counts them as lost, although nothing was
    /// lost on its way. Falls when one comes late.
    pub fn gaps(&self) -> u64 {
        self.rewriter.given().saturating_sub(self.stats.packets)
    }

    fn count<'a>(&mut self, written: Option<Written<'a>>) -> Option<Written<'a>> {
        let Some(sent) = written else {
            self.stats.overlong += 1;
            return None;
        };
        self.stats.packets += 1;
        self.stats.payload_bytes += (sent.len - sent.header_len + sent.rest.len()) as u64;
        written
    }

    /// What the subscriber gets of a packet's payload; `None` for padding and for what it does not take.
    fn payload<'a>(&mut self, meta: &Meta, bytes: &'a [u8]) -> Option<Payload<'a>> {
        let whole = bytes.get(usize::from(meta.payload_offset)..).filter(|whole| !whole.is_empty())?;
        if self.lean
            && self.red == Some(meta.pt)
            && let Some(primary) = self.primary(whole)
        {
            return Some(primary);
        }
        if self.payload.is_none_or(|map| map.from != meta.pt) {
            self.payload = self.params.payloads.iter().copied().find(|map| map.from == meta.pt);
        }
        let Some(map) = self.payload else {
            self.stats.unmapped += 1;
            return None;
        };
        if map.strip_red && self.encrypted {
            // Its blocks cannot be told apart, and as a whole it would be noise.
            self.stats.unmapped += 1;
            return None;
        }
        let bytes = if map.strip_red { red::primary(whole)?.1 } else { whole };
        Some(Payload { map, bytes }).filter(|payload| !payload.bytes.is_empty())
    }

    /// The newest block of sound with redundancy, as the subscriber takes it alone; `None` when it does not.
    fn primary<'a>(&self, whole: &'a [u8]) -> Option<Payload<'a>> {
        let (pt, bytes) = red::primary(whole).filter(|(_, bytes)| !self.encrypted && !bytes.is_empty())?;
        let map = *self.params.payloads.iter().find(|map| map.from == pt)?;
        Some(Payload { map, bytes })
    }

    fn write<'a>(
        &mut self,
        source: &Source<'_>,
        payload: Payload<'a>,
        numbers: Numbers,
        rtx: Option<(Ssrc, Pt)>,
        out: &mut [u8],
    ) -> Option<Written<'a>> {
        let &Source { meta, bytes, layout } = source;
        let packet = Packet::parse(bytes).ok()?;
        let original = numbers.number as u16;
        let (ssrc, pt, seq) = match rtx {
            Some((ssrc, pt)) => (ssrc, pt, self.rtx_seq),
            None => (self.params.ssrc, payload.map.to, original),
        };
        let marker = meta.marker || meta.frame.ends_picture_at(numbers.point);
        let header = Header { marker, pt, seq, timestamp: numbers.timestamp, ssrc };
        let mut extensions = Writer::new();
        let mut scratch;
        let descriptor = match meta.frame.described.filter(|_| self.extensions.describes()) {
            Some(told) => {
                scratch = [0; DATA_BYTES_MAX];
                self.descriptors.write(&told, meta.frame.starts, bytes, layout, &numbers, &mut scratch)
            }
            None => None,
        };
        let keyframe = meta.frame.keyframe;
        let transport_seq_offset = self.extensions.collect(Some(&packet), keyframe, descriptor, &mut extensions);
        let header_len = header.write(&extensions, out)?;
        if let (true, Some(first)) = (packet.padding_len() > 0, out.first_mut()) {
            *first |= 0x20;
        }
        let mut at = header_len;
        if rtx.is_some() {
            self.rtx_seq = self.rtx_seq.wrapping_add(1);
            out.get_mut(at..at + 2)?.copy_from_slice(&original.to_be_bytes());
            at += 2;
        }
        let counters = meta.frame.counters;
        let (own, rest) = payload.bytes.split_at_checked(counters.end()).unwrap_or((payload.bytes, &[]));
        let len = at + own.len();
        let copy = out.get_mut(at..len)?;
        copy.copy_from_slice(own);
        counters.rewrite(copy, numbers.picture_id, numbers.tl0_index);
        Some(Written { len, rest, header_len, transport_seq_offset, ssrc, seq })
    }

    /// Writes a packet that is all padding (RFC 3550 section 5.1).
    fn write_padding<'a>(&mut self, pt: Pt, numbers: Numbers, out: &mut [u8]) -> Option<Written<'a>> {
        let map = self.params.payloads.iter().find(|map| map.from == pt).or_else(|| self.params.payloads.first())?;
        let (ssrc, seq) = (self.params.ssrc, numbers.number as u16);
        let header = Header { marker: false, pt: map.to, seq, timestamp: numbers.timestamp, ssrc };
        let mut extensions = Writer::new();
        let transport_seq_offset = self.extensions.collect(None, false, None, &mut extensions);
        let header_len = header.write(&extensions, out)?;
        *out.get_mut(header_len)? = 1;
        *out.first_mut()? |= 0x20;
        Some(Written { len: header_len + 1, rest: &[], header_len, transport_seq_offset, ssrc, seq })
    }
}

fn red_of(up: &UpTrackParams) -> Option<Pt> {
    up.codecs.iter().find(|codec| codec.codec == Codec::Red).map(|codec| codec.pt)
}

fn fate(choice: Choice, payload: Option<Payload<'_>>) -> Fate {
    match (choice, payload) {
        (_, None) => Fate::Unfit,
        (Choice::Thin, _) => Fate::Thin,
        _ => Fate::Send,
    }
}

/// A packet of the source.
#[derive(Clone, Copy)]
struct Source<'a> {
    meta: &'a Meta,
    bytes: &'a [u8],
    layout: Option<&'a Layout>,
}

/// What is sent of a payload, and as what.
#[derive(Clone, Copy)]
struct Payload<'a> {
    map: PayloadMap,
    bytes: &'a [u8],
}

#[cfg(test)]
mod begins;
#[cfg(test)]
mod layered;
#[cfg(test)]
mod tests;
