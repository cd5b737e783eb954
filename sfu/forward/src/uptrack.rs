//! A published track as it arrives: encodings, rings, and what to ask its publisher for.

use std::time::{Duration, Instant};

use door::{CodecParams, ExtensionKind, Kind, UpTrackParams};
use wire::Ssrc;
use wire::ext::AudioLevel;
use wire::rtp::Packet;

use crate::encoding::{Encoding, Incoming, Outcome, Stretch};
use crate::inspect::Parts;
use crate::layout::Layout;
use crate::points::Point;
use crate::reception::{ClockPoint, ReceptionReport, ReceptionTotals};
use crate::replay;
use crate::ring::{Meta, PADDING_MAX};
use crate::sequence::Place;

/// Encodings of one track; simulcast has three. Further ones are refused.
pub const ENCODINGS_MAX: usize = 4;

/// Handle to a packet that arrived and is in its ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arrival {
    /// Index of the encoding.
    pub encoding: u8,
    /// Extended sequence number in the encoding.
    pub seq: u64,
    /// The first packet of the track.
    pub first: bool,
    /// It came by retransmission.
    pub recovered: bool,
    /// A key frame begins here.
    pub keyframe: bool,
    /// Its loudness, if told.
    pub level: Option<AudioLevel>,
}

/// Ask the publisher for a key frame (PLI, RFC 4585 section 6.3.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KeyframeRequest {
    /// Index of the encoding.
    pub encoding: u8,
    /// Its source. A mirror may not know it; its home track does, by the encoding.
    pub ssrc: Option<Ssrc>,
}

/// Cumulative counters of a track.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct UpStats {
    /// New packets, with those recovered by retransmission.
    pub received: u64,
    /// Packets that came by retransmission and were missing.
    pub recovered: u64,
    /// Packets known already.
    pub duplicate: u64,
    /// Packets too old, too long, of a payload type that was not negotiated, or unreadable.
    pub refused: u64,
    /// Packets of padding only.
    pub padding: u64,
    /// Packets given up: asked for as often as allowed, or too many missing at a time.
    pub lost: u64,
}

/// A published track.
#[derive(Debug)]
pub struct UpTrack {
    params: UpTrackParams,
    encodings: Vec<Encoding>,
    is_mirror: bool,
    muted: bool,
    level_id: Option<u8>,
    descriptor_id: Option<u8>,
    marking_id: Option<u8>,
    live: u8,
    /// When the last packet was asked for, if it was.
    asked: Option<Instant>,
    round_trip: Option<Duration>,
    stats: UpStats,
}

impl UpTrack {
    /// A track whose packets come from its publisher.
    pub fn new(params: UpTrackParams) -> Self {
        Self::make(params, false)
    }

    /// A copy, on another shard, of a track whose packets come from its home shard: it asks for nothing and
    /// reports nothing, save that it wants key frames.
    pub fn mirror(params: UpTrackParams) -> Self {
        Self::make(params, true)
    }

    fn make(params: UpTrackParams, is_mirror: bool) -> Self {
        let mut track = Self {
            params: params.clone(),
            encodings: Vec::new(),
            is_mirror,
            muted: false,
            level_id: None,
            descriptor_id: None,
            marking_id: None,
            live: 0,
            asked: None,
            round_trip: None,
            stats: UpStats::default(),
        };
        track.update(params);
        track
    }

    /// Takes new parameters; layers and counters go on.
    pub fn update(&mut self, params: UpTrackParams) {
        let count = params.rids.len().max(params.ssrcs.len()).clamp(1, ENCODINGS_MAX);
        for index in self.encodings.len()..count {
            self.encodings.push(Encoding::new(index as u8, params.kind));
        }
        self.level_id = params.extensions.id(ExtensionKind::AudioLevel);
        self.descriptor_id = params.extensions.id(ExtensionKind::DependencyDescriptor);
        self.marking_id = params.extensions.id(ExtensionKind::FrameMarking);
        self.params = params;
    }

    /// What was negotiated.
    pub fn params(&self) -> &UpTrackParams {
        &self.params
    }

    /// Whether its publisher makes a key frame when it is asked for one.
    pub fn can_be_asked(&self) -> bool {
        self.params.codecs.iter().any(|codec| codec.pli)
    }

    /// Number of encodings.
    pub fn encodings(&self) -> u8 {
        self.encodings.len() as u8
    }

    /// Takes a packet of `encoding`; the handle if it is new. Retransmissions are unwrapped (RFC 4588).
    pub fn receive(&mut self, now: Instant, encoding: u8, packet: &Packet<'_>, is_rtx: bool) -> Option<Arrival> {
        if is_rtx {
            self.receive_retransmitted(now, encoding, packet)
        } else {
            self.receive_media(now, encoding, packet)
        }
    }

    /// Takes a packet that its home shard has received (its bytes as [`UpTrack::packet`] gives them there).
    pub fn receive_mirrored(&mut self, now: Instant, encoding: u8, packet: &Packet<'_>) -> Option<Arrival> {
        self.receive_media(now, encoding, packet)
    }

    fn receive_media(&mut self, now: Instant, index: u8, packet: &Packet<'_>) -> Option<Arrival> {
        let codec = self.codec(|codec| codec.pt == packet.pt());
        let (Some(codec), Some(encoding)) = (codec, self.encodings.get_mut(usize::from(index))) else {
            self.stats.refused += 1;
            return None;
        };
        let place = encoding.place(packet.ssrc(), packet.seq());
        // Counted below when it begins a numbering, which resets the counts.
        if !matches!(place, Place::Restart(_) | Place::Astray) {
            encoding.count(now, packet, &codec);
        }
        let arrival = self.take(now, index, packet, packet.payload(), &codec, place);
        if let (Place::Restart(_), Some(encoding)) = (place, self.encodings.get_mut(usize::from(index))) {
            encoding.count(now, packet, &codec);
        }
        arrival
    }

    fn receive_retransmitted(&mut self, now: Instant, index: u8, packet: &Packet<'_>) -> Option<Arrival> {
        let Some((original, payload)) = packet.payload().split_first_chunk::<2>() else {
            // A probe for bandwidth.
            self.stats.padding += 1;
            return None;
        };
        let codec = self.codec(|codec| codec.rtx == Some(packet.pt()));
        let encoding = self.encodings.get_mut(usize::from(index)).filter(|encoding| encoding.ssrc.is_some());
        let place = encoding.and_then(|encoding| encoding.sequence.place_retransmitted(u16::from_be_bytes(*original)));
        let (Some(codec), Some(place)) = (codec, place) else {
            self.stats.refused += 1;
            return None;
        };
        let arrival = self.take(now, index, packet, payload, &codec, place)?;
        self.stats.recovered += 1;
        self.round_trip = self.asked.take().map(|asked| now.saturating_duration_since(asked));
        Some(Arrival { recovered: true, ..arrival })
    }

    fn codec(&self, wanted: impl Fn(&CodecParams) -> bool) -> Option<CodecParams> {
        self.params.codecs.iter().copied().find(wanted)
    }

    fn take(
        &mut self,
        now: Instant,
        index: u8,
        packet: &Packet<'_>,
        payload: &[u8],
        codec: &CodecParams,
        place: Place,
    ) -> Option<Arrival> {
        let (level, parts) = self.read_extensions(packet, payload);
        let encoding = self.encodings.get_mut(usize::from(index))?;
        if matches!(place, Place::Restart(_)) {
            encoding.inspector.begin_run();
        }
        let frame = encoding.inspector.inspect(codec.codec, &parts);
        let incoming = Incoming { packet, pt: codec.pt, payload, frame };
        match encoding.take(now, &incoming, place) {
            Outcome::New { seq, missing_from } => {
                self.stats.padding += u64::from(payload.is_empty());
                self.note_new(now, index, seq, missing_from, codec);
                self.stats.received += 1;
                let first = self.stats.received == 1;
                Some(Arrival { encoding: index, seq, first, recovered: false, keyframe: frame.keyframe, level })
            }
            Outcome::Duplicate => {
                self.stats.duplicate += 1;
                None
            }
            Outcome::Refused => {
                self.stats.refused += 1;
                None
            }
        }
    }

    fn read_extensions<'a>(&self, packet: &Packet<'a>, payload: &'a [u8]) -> (Option<AudioLevel>, Parts<'a>) {
        let mut level = None;
        let mut parts = Parts { payload, encrypted: self.params.encrypted, ..Parts::default() };
        for (id, data) in packet.extensions() {
            if Some(id) == self.level_id {
                level = AudioLevel::parse(data);
            } else if Some(id) == self.descriptor_id {
                // A place in the packet: the data lies within its bytes.
                let at = (data.as_ptr() as usize).wrapping_sub(packet.bytes().as_ptr() as usize);
                parts.descriptor = Some((data, at));
            } else if Some(id) == self.marking_id {
                parts.marking = Some(data);
            }
        }
        (level, parts)
    }

    fn note_new(&mut self, now: Instant, index: u8, seq: u64, missing_from: u64, codec: &CodecParams) {
        self.live = self.live_at(now);
        let (is_mirror, is_video) = (self.is_mirror, self.params.kind == Kind::Video);
        let Some(encoding) = self.encodings.get_mut(usize::from(index)).filter(|_| !is_mirror && codec.nack) else {
            return;
        };
        self.asked = encoding.missing.remove(seq);
        let given_up = encoding.missing.extend(now, missing_from..seq);
        if given_up > 0 && is_video {
            encoding.lose();
            encoding.throttle.want(now);
        }
        self.stats.lost += given_up;
    }

    /// How long the publisher took to answer the last request for a packet, once for each answer. Of a peer that only
    /// publishes, nothing else tells the round trip.
    pub fn take_round_trip(&mut self) -> Option<Duration> {
        self.round_trip.take()
    }

    /// The packet behind a handle while it is kept: header and payload in the clear, without the
    /// publisher's padding and with that of [`UpTrack::equalise`].
    pub fn packet(&self, encoding: u8, seq: u64) -> Option<(&Meta, &[u8])> {
        self.encodings.get(usize::from(encoding))?.ring.packet(seq)
    }

    /// Told from time to time which encodings somebody is sent or waits for. Memory for those who come later goes to
    /// these, and to all as long as nobody is there; a publisher is asked for a key frame of another.
    pub fn note_watched(&mut self, now: Instant, watched: [bool; ENCODINGS_MAX]) {
        let any = watched.contains(&true);
        for (encoding, this) in self.encodings.iter_mut().zip(watched) {
            encoding.note_watched(now, this, any);
        }
    }

    /// Pads the packets of each frame among `arrivals` to the longest of it, where that takes a few bytes: encoders
    /// split a frame into parts that differ by one, and the kernel takes parts of one length as one.
    pub fn equalise(&mut self, arrivals: &[Arrival]) {
        for arrival in arrivals {
            let Some((timestamp, len)) = self.payload_len(arrival) else { continue };
            let frame = arrivals.iter().filter(|other| other.encoding == arrival.encoding);
            let lens = frame.filter_map(|other| self.payload_len(other)).filter(|other| other.0 == timestamp);
            let missing =
                lens.map(|(_, other)| other.saturating_sub(len)).filter(|missing| *missing <= PADDING_MAX).max();
            if let (Some(missing), Some(encoding)) = (missing, self.encodings.get_mut(usize::from(arrival.encoding))) {
                encoding.ring.pad(arrival.seq, missing);
            }
        }
    }

    fn payload_len(&self, arrival: &Arrival) -> Option<(u32, usize)> {
        let (meta, bytes) = self.packet(arrival.encoding, arrival.seq)?;
        Some((meta.timestamp, bytes.len() - usize::from(meta.payload_offset))).filter(|(_, len)| *len > 0)
    }

    /// Fills `seqs` with the sequence numbers to be asked for (NACK) of one encoding, and returns whose they
    /// are; `None` when there is nothing to ask. Video that is given up makes a key frame wanted.
    pub fn nacks(&mut self, now: Instant, encoding: u8, rtt: Duration, seqs: &mut Vec<u16>) -> Option<Ssrc> {
        seqs.clear();
        let encoding = self.encodings.get_mut(usize::from(encoding))?;
        let given_up = encoding.missing.take_due(now, rtt, seqs);
        if given_up > 0 && self.params.kind == Kind::Video {
            encoding.lose();
            encoding.throttle.want(now);
        }
        self.stats.lost += given_up;
        encoding.ssrc.filter(|_| !seqs.is_empty())
    }

    /// Wants a key frame; the request if it may go out at once, else [`UpTrack::keyframe_due`] gives it when
    /// its time has come. It is repeated until a key frame arrives.
    pub fn request_keyframe(&mut self, now: Instant, encoding: u8) -> Option<KeyframeRequest> {
        if self.params.kind == Kind::Audio {
            return None;
        }
        self.encodings.get_mut(usize::from(encoding))?.throttle.want(now);
        self.take_keyframe_due(now, encoding)
    }

    /// The next key frame request whose time has come; call until `None`.
    pub fn keyframe_due(&mut self, now: Instant) -> Option<KeyframeRequest> {
        (0..self.encodings()).find_map(|encoding| self.take_keyframe_due(now, encoding))
    }

    fn take_keyframe_due(&mut self, now: Instant, index: u8) -> Option<KeyframeRequest> {
        let is_mirror = self.is_mirror;
        let encoding = self.encodings.get_mut(usize::from(index))?;
        // A publisher is not asked for a key frame of what it does not send; a mirror cannot tell and asks its home.
        if !is_mirror && !encoding.is_live(now) {
            encoding.throttle.park();
        }
        encoding.throttle.take_due(now).then_some(KeyframeRequest { encoding: index, ssrc: encoding.ssrc })
    }

    /// When [`UpTrack::nacks`] or [`UpTrack::keyframe_due`] next have something to say; may be past.
    pub fn deadline(&self) -> Option<Instant> {
        let deadlines =
            self.encodings.iter().flat_map(|encoding| [encoding.missing.deadline(), encoding.throttle.deadline()]);
        deadlines.flatten().min()
    }

    /// What to report of `encoding`; begins a new interval. `None` before its first packet and on a mirror.
    pub fn reception_report(&mut self, now: Instant, encoding: u8) -> Option<ReceptionReport> {
        let encoding = self.encodings.get_mut(usize::from(encoding)).filter(|_| !self.is_mirror)?;
        let (ssrc, highest) = (encoding.ssrc?, encoding.sequence.highest()?);
        Some(encoding.reception.report(now, ssrc, highest, encoding.clock))
    }

    /// Reception of all encodings together, with the worst jitter; none on a mirror or before the first packet.
    pub fn reception_totals(&self) -> Option<ReceptionTotals> {
        let known = self.encodings.iter().filter(|_| !self.is_mirror).filter_map(|encoding| {
            let highest = encoding.sequence.highest()?;
            Some(encoding.reception.totals(highest, encoding.clock_hz))
        });
        known.reduce(|sum, each| ReceptionTotals {
            expected: sum.expected + each.expected,
            received: sum.received + each.received,
            jitter_ms: sum.jitter_ms.max(each.jitter_ms),
        })
    }

    /// Notes the publisher's sender report of `encoding`: NTP time in 32.32 fixed point and RTP timestamp.
    pub fn sender_report(&mut self, now: Instant, encoding: u8, ntp: u64, rtp: u32) {
        if let Some(encoding) = self.encodings.get_mut(usize::from(encoding)) {
            encoding.clock = Some(ClockPoint { ntp, rtp, arrived: now });
        }
    }

    /// The last sender report of `encoding`.
    pub fn clock(&self, encoding: u8) -> Option<ClockPoint> {
        self.encodings.get(usize::from(encoding))?.clock
    }

    /// Ticks per second of `encoding`'s timestamps.
    pub fn clock_hz(&self, encoding: u8) -> u32 {
        self.encodings.get(usize::from(encoding)).map_or(90_000, |encoding| encoding.clock_hz)
    }

    /// Source of an encoding's media, once known.
    pub fn ssrc(&self, encoding: u8) -> Option<Ssrc> {
        self.encodings.get(usize::from(encoding))?.ssrc
    }

    /// Highest extended sequence number of `encoding`.
    pub fn highest_seq(&self, encoding: u8) -> Option<u64> {
        self.encodings.get(usize::from(encoding))?.sequence.highest()
    }

    /// Counts how often the numbering of `encoding` began anew, as in [`Meta::run`].
    pub(crate) fn run(&self, encoding: u8) -> Option<u16> {
        self.encodings.get(usize::from(encoding)).map(|encoding| encoding.sequence.run())
    }

    /// Whether packets of `encoding` arrived within the last second.
    pub fn is_live(&self, now: Instant, encoding: u8) -> bool {
        self.encodings.get(usize::from(encoding)).is_some_and(|encoding| encoding.is_live(now))
    }

    /// Payload bytes of all encodings since the beginning, each packet once.
    pub fn payload_bytes(&self) -> u64 {
        self.encodings.iter().map(Encoding::payload_bytes).sum()
    }

    /// Pictures of `encoding` that began within `span` before `now`, as far as their packets are kept, which is a second and
    /// more. It walks the packets: not for every packet.
    pub fn pictures(&self, now: Instant, encoding: u8, span: Duration) -> u32 {
        self.encodings.get(usize::from(encoding)).map_or(0, |encoding| encoding.pictures(now, span))
    }

    /// Received bits per second of `encoding`.
    pub fn bitrate_bps(&self, now: Instant, encoding: u8) -> u64 {
        self.encodings.get(usize::from(encoding)).map_or(0, |encoding| encoding.bitrate_bps(now, Point::BEST))
    }

    /// Bits per second of headers and payloads, over the last second, that a subscriber gets whose target and limit are
    /// `LayerTarget::UpTo { spatial, temporal }`: of several encodings that of index `spatial`, in a single one that
    /// spatial layer with what it needs. 0 for an encoding that is not sent; a layer beyond the last counts as the last.
    pub fn layer_bps(&self, now: Instant, spatial: u8, temporal: u8) -> u64 {
        let (index, layer) = if self.encodings.len() > 1 { (spatial, u8::MAX) } else { (0, spatial) };
        let encoding = self.encodings.get(usize::from(index).min(self.encodings.len().saturating_sub(1)));
        encoding.map_or(0, |it| it.bitrate_bps(now, Point::new(layer.min(it.top_spatial()), temporal)))
    }

    /// Number of values of `spatial` that mean something in a target: encodings if there are several, else the spatial
    /// layers that come. At least 1.
    pub fn spatial_layers(&self) -> u8 {
        if self.encodings.len() > 1 { self.encodings() } else { self.top_spatial(0) + 1 }
    }

    /// The highest spatial layer that comes within `encoding`.
    pub(crate) fn top_spatial(&self, encoding: u8) -> u8 {
        self.encodings.get(usize::from(encoding)).map_or(0, Encoding::top_spatial)
    }

    /// What is to be sent to a subscriber that begins at `point` of `encoding` with the newest key frame. `None` when that
    /// is too much, or not all there.
    pub(crate) fn replayable(&self, now: Instant, encoding: u8, point: Point) -> Option<Stretch> {
        let encoding = self.encodings.get(usize::from(encoding)).filter(|_| self.params.kind == Kind::Video)?;
        let stretch = encoding.replayable_from(now, point)?;
        let packets = encoding.sequence.highest()?.checked_sub(stretch.first)?;
        (packets < replay::PACKETS_MAX && stretch.bytes <= replay::BYTES_MAX).then_some(stretch)
    }

    /// The packets from the newest key frame of each encoding on, for a mirror that begins: what it can replay it need not
    /// ask for.
    pub fn since_keyframes(&self, now: Instant) -> impl Iterator<Item = (u8, std::ops::RangeInclusive<u64>)> + '_ {
        (0..self.encodings()).filter_map(move |index| {
            let first = self.replayable(now, index, Point::BEST)?.first;
            Some((index, first..=self.highest_seq(index)?))
        })
    }

    /// The structure that the dependency descriptors of `encoding` refer to.
    pub(crate) fn layout(&self, encoding: u8) -> Option<&Layout> {
        self.encodings.get(usize::from(encoding))?.inspector.layout()
    }

    /// Mutes or unmutes: nothing is forwarded while muted.
    pub fn set_muted(&mut self, muted: bool) {
        self.muted = muted;
    }

    /// Whether it is muted.
    pub fn is_muted(&self) -> bool {
        self.muted
    }

    /// The counters.
    pub fn stats(&self) -> UpStats {
        self.stats
    }

    /// The encodings that lived when the last packet arrived, one bit each: as fresh as a forwarded packet
    /// needs it, at the cost of one per arrival rather than one per subscriber.
    pub(crate) fn live_at_arrival(&self) -> u8 {
        self.live
    }

    /// The encodings that live at `now`, one bit each.
    pub(crate) fn live_at(&self, now: Instant) -> u8 {
        let bits = self.encodings.iter().enumerate();
        bits.fold(0, |bits, (index, encoding)| bits | u8::from(encoding.is_live(now)) << index)
    }
}

#[cfg(test)]
mod tests;
