//! Data channels: SCTP over DTLS (RFC 8261, RFC 8831). Made only when the remote first speaks SCTP, so that peers
//! without data stay small.

mod association;
mod credit;
mod dcep;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Bound;
use std::time::Instant;

use bytes::Bytes;
use door::ChannelLabel;
use door::data::{BACKLOG_HIGH, BACKLOG_LOW};
use sctp_proto::{Event, PayloadProtocolIdentifier, StreamEvent};

use crate::{DataRefused, MESSAGE_BYTES_MAX, PeerEvent};
use association::Sctp;
use credit::Credit;
pub use dcep::LABEL_BYTES_MAX;
use dcep::{Dcep, Reliability};

/// The most channels of one peer; the stream of one more is reset.
pub const CHANNELS_MAX: usize = 32;
/// The most SCTP streams that a remote may make us keep; one more ends the SCTP association.
pub const STREAMS_MAX: usize = 128;
/// The most bytes that wait for a slow remote, over all channels; a reliable message is refused beyond.
pub const SEND_BUFFER_BYTES_MAX: usize = 4 << 20;
/// The most bytes that wait on a lossy channel: old data is worth nothing there, so newer is refused beyond.
pub const LOSSY_BUFFER_BYTES_MAX: usize = 256 << 10;
/// The most received messages that wait for the owner; beyond, they stay in SCTP, whose receive window closes.
pub const MESSAGES_QUEUED_MAX: usize = 1_024;

/// Stream ids of channels without announcement, as LiveKit's Rust clients use them.
const NEGOTIATED: [(u16, ChannelLabel); 3] =
    [(100, ChannelLabel::Reliable), (101, ChannelLabel::Lossy), (102, ChannelLabel::DataTrack)];

/// How channels come to be, besides those that the remote announces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Opening {
    /// The remote announces all.
    Remote,
    /// They exist on fixed streams.
    Negotiated,
    /// We announce ours, on even or odd streams as RFC 8832 section 6 asks.
    Ours {
        /// We are the DTLS client.
        client: bool,
    },
}

/// One data channel.
struct Channel {
    label: ChannelLabel,
    reliability: Reliability,
    /// False until the remote has acknowledged our announcement.
    open: bool,
}

/// All data channels of one peer and the association below them.
pub(crate) struct DataChannels {
    sctp: Sctp,
    opening: Opening,
    channels: BTreeMap<u16, Channel>,
    readable: BTreeSet<u16>,
    credit: Credit,
    /// The remote was told to be slow.
    backlogged: bool,
    /// Messages dropped because the owner did not keep up.
    shed: u64,
}

impl DataChannels {
    /// Waits for the remote's SCTP.
    pub(crate) fn listen(opening: Opening) -> Self {
        Self::new(Sctp::listen(), opening)
    }

    /// Begins SCTP: what clients do.
    pub(crate) fn connect(opening: Opening) -> Option<Self> {
        Some(Self::new(Sctp::connect()?, opening))
    }

    fn new(sctp: Sctp, opening: Opening) -> Self {
        Self {
            sctp,
            opening,
            channels: BTreeMap::new(),
            readable: BTreeSet::new(),
            credit: Credit::Endless,
            backlogged: false,
            shed: 0,
        }
    }

    /// Gives its messages only as far as the owner's credit goes, see [`door::data`].
    pub(crate) fn metered(self) -> Self {
        Self { credit: Credit::metered(), ..self }
    }

    /// The owner has dealt with messages that cost so much.
    pub(crate) fn grant(&mut self, reliable: bool, cost: u32) {
        self.credit.give(reliable, cost);
    }

    /// Messages dropped since the last call because the owner did not keep up.
    pub(crate) fn take_shed(&mut self) -> u64 {
        std::mem::take(&mut self.shed)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.sctp.deadline()
    }

    /// Whether messages wait in SCTP because the owner's queue was full.
    pub(crate) fn is_readable(&self) -> bool {
        self.readable.iter().any(|id| !self.is_stalled(*id))
    }

    /// Whether a channel's messages stay in SCTP for want of credit.
    fn is_stalled(&self, id: u16) -> bool {
        let reliable = |channel: &Channel| channel.label == ChannelLabel::Reliable;
        self.credit.is_spent(true) && self.channels.get(&id).is_some_and(reliable)
    }

    /// Takes one SCTP packet.
    pub(crate) fn receive(&mut self, now: Instant, packet: Bytes) {
        self.sctp.receive(now, packet);
    }

    /// Queues a binary message.
    pub(crate) fn send(&mut self, label: &ChannelLabel, payload: &[u8]) -> Result<(), DataRefused> {
        if payload.len() > MESSAGE_BYTES_MAX {
            return Err(DataRefused::TooLong);
        }
        let mut channels = self.channels.iter().filter(|(_, channel)| channel.open && channel.label == *label);
        let (&id, channel) = channels.next().ok_or(DataRefused::NotOpen)?;
        let waiting = self.sctp.buffered(self.channels.keys().copied());
        let is_lossy_full =
            !channel.reliability.is_reliable() && self.sctp.buffered([id].into_iter()) > LOSSY_BUFFER_BYTES_MAX;
        if is_lossy_full || waiting + payload.len() > SEND_BUFFER_BYTES_MAX {
            return Err(DataRefused::Full);
        }
        let sent = match payload {
            [] => self.sctp.write(id, &[0], PayloadProtocolIdentifier::BinaryEmpty),
            _ => self.sctp.write(id, payload, PayloadProtocolIdentifier::Binary),
        };
        if sent { Ok(()) } else { Err(DataRefused::NotOpen) }
    }

    /// Does what is due and moves everything: events and messages to `events`, packets to `send`.
    pub(crate) fn pump(&mut self, now: Instant, events: &mut VecDeque<PeerEvent>, mut send: impl FnMut(&[u8])) {
        self.sctp.advance(now);
        while let Some(event) = self.sctp.poll() {
            self.digest(event, events);
        }
        self.read(events);
        self.sctp.transmit(now, &mut send);
        self.watch_backlog(events);
    }

    /// Tells when the remote begins to read too slowly, and when it has caught up.
    fn watch_backlog(&mut self, events: &mut VecDeque<PeerEvent>) {
        let unsent = self.sctp.buffered(self.channels.keys().copied());
        let backlogged = unsent > if self.backlogged { BACKLOG_LOW } else { BACKLOG_HIGH };
        if backlogged != self.backlogged {
            self.backlogged = backlogged;
            events.push_back(PeerEvent::Backlog(backlogged));
        }
    }

    fn digest(&mut self, event: Event, events: &mut VecDeque<PeerEvent>) {
        match event {
            Event::Connected => self.open_channels(events),
            Event::HandshakeFailed { .. } | Event::AssociationLost { .. } => self.lose(events),
            Event::Stream(StreamEvent::Opened { .. }) => self.accept(events),
            Event::Stream(StreamEvent::Readable { id }) => {
                self.readable.insert(id);
            }
            Event::Stream(StreamEvent::Finished { id }) => {
                self.readable.remove(&id);
                if let Some(channel) = self.channels.remove(&id) {
                    events.push_back(PeerEvent::ChannelClosed(channel.label));
                }
            }
            _ => {}
        }
    }

    /// Takes note of a stream that the remote began.
    fn accept(&mut self, events: &mut VecDeque<PeerEvent>) {
        if self.sctp.accept() > STREAMS_MAX {
            self.lose(events);
        }
    }

    fn open_channels(&mut self, events: &mut VecDeque<PeerEvent>) {
        match self.opening {
            Opening::Remote => {}
            Opening::Negotiated => {
                for (id, label) in NEGOTIATED {
                    self.add(id, label, true, events);
                }
            }
            Opening::Ours { client } => {
                let first = if client { 0 } else { 1 };
                for (place, (_, label)) in (0..).zip(NEGOTIATED) {
                    let id = first + 2 * place;
                    let open = Dcep::Open(label.clone(), Reliability::of(&label)).to_bytes();
                    self.add(id, label, false, events);
                    self.sctp.write(id, &open, PayloadProtocolIdentifier::Dcep);
                }
            }
        }
    }

    /// Makes a channel on a stream of ours.
    fn add(&mut self, id: u16, label: ChannelLabel, open: bool, events: &mut VecDeque<PeerEvent>) {
        let reliability = Reliability::of(&label);
        if self.channels.contains_key(&id) || !self.sctp.open(id) {
            return;
        }
        if open {
            self.sctp.set_reliability(id, reliability);
            events.push_back(PeerEvent::ChannelOpen(label.clone()));
        }
        self.channels.insert(id, Channel { label, reliability, open });
    }

    /// Forgets the association; the remote may begin another.
    fn lose(&mut self, events: &mut VecDeque<PeerEvent>) {
        self.readable.clear();
        for (_, channel) in std::mem::take(&mut self.channels) {
            events.push_back(PeerEvent::ChannelClosed(channel.label));
        }
        self.sctp = Sctp::listen();
        if std::mem::take(&mut self.backlogged) {
            events.push_back(PeerEvent::Backlog(false));
        }
    }

    /// Reads messages until there are none, the owner's queue is full or its credit is spent.
    fn read(&mut self, events: &mut VecDeque<PeerEvent>) {
        let mut next = self.readable.first().copied();
        while let Some(id) = next {
            self.read_stream(id, events);
            next = self.readable.range((Bound::Excluded(id), Bound::Unbounded)).next().copied();
        }
    }

    fn read_stream(&mut self, id: u16, events: &mut VecDeque<PeerEvent>) {
        while events.len() < MESSAGES_QUEUED_MAX && !self.is_stalled(id) {
            match self.sctp.read(id) {
                Some((PayloadProtocolIdentifier::Dcep, bytes)) => self.negotiate(id, &bytes, events),
                Some((ppi, bytes)) => self.deliver(id, ppi, bytes, events),
                None => {
                    self.readable.remove(&id);
                    return;
                }
            }
        }
    }

    fn negotiate(&mut self, id: u16, bytes: &[u8], events: &mut VecDeque<PeerEvent>) {
        match Dcep::parse(bytes) {
            Some(Dcep::Ack) => {
                if let Some(channel) = self.channels.get_mut(&id).filter(|channel| !channel.open) {
                    channel.open = true;
                    self.sctp.set_reliability(id, channel.reliability);
                    events.push_back(PeerEvent::ChannelOpen(channel.label.clone()));
                }
            }
            Some(Dcep::Open(label, reliability)) if !self.channels.contains_key(&id) => {
                if self.channels.len() >= CHANNELS_MAX {
                    self.sctp.reset(id);
                    return;
                }
                self.sctp.write(id, &Dcep::Ack.to_bytes(), PayloadProtocolIdentifier::Dcep);
                self.sctp.set_reliability(id, reliability);
                events.push_back(PeerEvent::ChannelOpen(label.clone()));
                self.channels.insert(id, Channel { label, reliability, open: true });
            }
            Some(Dcep::Open(..)) => {}
            None => self.sctp.reset(id),
        }
    }

    fn deliver(&mut self, id: u16, ppi: PayloadProtocolIdentifier, bytes: Vec<u8>, events: &mut VecDeque<PeerEvent>) {
        let payload = match ppi {
            PayloadProtocolIdentifier::Binary | PayloadProtocolIdentifier::String => bytes,
            PayloadProtocolIdentifier::BinaryEmpty | PayloadProtocolIdentifier::StringEmpty => Vec::new(),
            _ => return,
        };
        let Some(label) = self.channels.get(&id).map(|channel| channel.label.clone()) else { return };
        // A reliable message was read because there is credit; of others, old ones are worth nothing.
        if self.credit.take(label == ChannelLabel::Reliable, payload.len()) {
            events.push_back(PeerEvent::Data { label, payload });
        } else {
            self.shed += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tests::beginning;

    /// A server end and a client end, connected.
    struct Pair {
        now: Instant,
        server: DataChannels,
        client: DataChannels,
        server_events: VecDeque<PeerEvent>,
    }

    impl Pair {
        fn new() -> Self {
            let mut pair = Self {
                now: beginning(),
                server: DataChannels::listen(Opening::Remote),
                client: DataChannels::connect(Opening::Ours { client: true }).unwrap(),
                server_events: VecDeque::new(),
            };
            pair.exchange(8);
            pair
        }

        fn exchange(&mut self, rounds: usize) {
            let mut client_events = VecDeque::new();
            for _ in 0..rounds {
                let mut under_way = Vec::new();
                self.client.pump(self.now, &mut client_events, |packet| under_way.push(Bytes::copy_from_slice(packet)));
                under_way.drain(..).for_each(|packet| self.server.receive(self.now, packet));
                let events = &mut self.server_events;
                self.server.pump(self.now, events, |packet| under_way.push(Bytes::copy_from_slice(packet)));
                under_way.drain(..).for_each(|packet| self.client.receive(self.now, packet));
                self.now += std::time::Duration::from_millis(250);
            }
        }

        fn announce(&mut self, id: u16, label: &str) {
            let label = ChannelLabel::Other(label.into());
            let open = Dcep::Open(label.clone(), Reliability::of(&label)).to_bytes();
            assert!(self.client.sctp.open(id));
            assert!(self.client.sctp.write(id, &open, PayloadProtocolIdentifier::Dcep));
            self.exchange(2);
        }
    }

    #[test]
    fn refuses_one_channel_too_many() {
        let mut pair = Pair::new();
        for id in 0..CHANNELS_MAX as u16 {
            pair.announce(200 + id, "another");
        }
        assert_eq!(pair.server.channels.len(), CHANNELS_MAX);
        let others = pair.server_events.iter().filter(|event| matches!(event, PeerEvent::ChannelOpen(_))).count();
        assert_eq!(others, CHANNELS_MAX);
    }

    #[test]
    fn drops_an_association_with_too_many_streams() {
        let mut pair = Pair::new();
        for id in 0..=STREAMS_MAX as u16 {
            assert!(pair.client.sctp.open(1_000 + id));
            assert!(pair.client.sctp.write(1_000 + id, b"x", PayloadProtocolIdentifier::Binary));
        }
        pair.exchange(20);
        assert!(pair.server.channels.is_empty());
        assert_eq!(pair.server_events.back(), Some(&PeerEvent::ChannelClosed(ChannelLabel::DataTrack)));
    }

    #[test]
    fn leaves_messages_in_sctp_when_the_owner_does_not_take_them() {
        let mut pair = Pair::new();
        for _ in 0..MESSAGES_QUEUED_MAX + 10 {
            pair.client.send(&ChannelLabel::Reliable, b"x").unwrap();
        }
        pair.exchange(40);
        assert_eq!(pair.server_events.len(), MESSAGES_QUEUED_MAX);
        assert!(pair.server.is_readable());
        pair.server_events.clear();
        pair.exchange(1);
        assert!(!pair.server_events.is_empty() && !pair.server.is_readable());
    }

    proptest! {
        /// The remote is authenticated here, but not trusted.
        #[test]
        fn never_panics_before_or_during_an_association(
            packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 10),
            init in any::<bool>(),
        ) {
            let (mut server, now) = match init {
                true => { let pair = Pair::new(); (pair.server, pair.now) }
                false => (DataChannels::listen(Opening::Remote), beginning()),
            };
            let mut events = VecDeque::new();
            for packet in packets {
                server.receive(now, Bytes::from(packet));
                server.pump(now, &mut events, |_| {});
            }
        }
    }
}
