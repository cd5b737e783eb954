//! The yardstick: the least that anybody can do to forward the same packets over the same sockets. A burst is opened
//! once; then for each receiver it is copied, renumbered, sealed with AES-128-GCM and sent. No routing, no layers, no
//! history, no feedback.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::{Duration, Instant};

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use door::{Datagrams, Path, Protocol};
use net::GuestSockets;
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::LoadError;
use crate::encoder::{VideoModel, split};
use crate::plan::{Flow, RoomPlan};
use crate::process::thread_cpu;
use crate::seats::Seats;
use crate::source::Model;

/// Header bytes of a packet: the fixed part and one 8-byte extension block, as a video packet has.
const HEADER_BYTES: usize = 20;
/// Bytes of the GCM tag.
const TAG_BYTES: usize = 16;
/// Time between two looks of the receiving thread.
const POLL: Duration = Duration::from_millis(1);
/// Bytes after which the loop sends before it goes on.
const FLUSH_BYTES: usize = 1 << 20;
/// Room of the sending socket.
const SEND_BYTES: i32 = 8 << 20;

/// CPU time of the sending thread for each packet.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Bare {
    /// A burst to one receiver is one message (`UDP_SEGMENT`).
    pub offload: Duration,
    /// Every packet is a message.
    pub datagrams: Duration,
    /// Packets sent in each of the two runs.
    pub packets: u64,
    /// Packets that arrived in the worse of the two.
    pub arrived: u64,
}

/// Does the sends of `rooms` for `span`, both ways, paced as the encoders pace.
///
/// # Errors
/// When the system refuses sockets or threads.
pub fn run(rooms: &[RoomPlan], span: Duration) -> Result<Bare, LoadError> {
    let failed = |source| LoadError::Io { what: "cannot run the bare loop", source };
    let (offload, packets, first) = measure(rooms, span, true).map_err(failed)?;
    let (datagrams, also, second) = measure(rooms, span, false).map_err(failed)?;
    let per = |cpu: Duration, packets: u64| Duration::from_secs_f64(cpu.as_secs_f64() / packets.max(1) as f64);
    Ok(Bare { offload: per(offload, packets), datagrams: per(datagrams, also), packets, arrived: first.min(second) })
}

/// One run: CPU time of the loop, packets sent, packets that arrived.
fn measure(rooms: &[RoomPlan], span: Duration, offload: bool) -> io::Result<(Duration, u64, u64)> {
    let mut sender = GuestSockets::default();
    sender.set_offload(offload);
    let local = sender.open([127, 0, 0, 1].into(), SEND_BYTES)?;
    let (stop, arrived) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (tell, told) = sync_channel(1);
    let drain = std::thread::Builder::new().name("bare-drain".into()).spawn({
        let (stop, arrived) = (stop.clone(), arrived.clone());
        let count = rooms.iter().map(|room| room.members.len()).sum();
        move || drain(count, local, &tell, &stop, &arrived)
    })?;
    let places = told.recv().map_err(io::Error::other)??;
    let mut places = places.into_iter();
    let mut flows = Vec::new();
    for room in rooms {
        let places: Vec<_> = places.by_ref().take(room.members.len()).collect();
        for (flow, index) in room.flows().into_iter().zip(0..) {
            flows.push(BareFlow::new(flow, &places, local, index));
        }
    }
    let result = forward(&mut flows, &mut sender, span);
    std::thread::sleep(20 * POLL);
    stop.store(true, Ordering::Relaxed);
    drain.join().map_err(|_| io::Error::other("the receiving thread panicked"))?;
    let (cpu, packets) = result?;
    Ok((cpu, packets, arrived.load(Ordering::Relaxed)))
}

/// Takes seats for so many receivers, tells where they are, and empties their sockets until told to stop.
fn drain(
    count: usize,
    server: SocketAddr,
    tell: &SyncSender<io::Result<Vec<SocketAddr>>>,
    stop: &AtomicBool,
    arrived: &AtomicU64,
) {
    let mut seats = Seats::default();
    let places = (0..count).map(|who| seats.take(who, server)).collect();
    // Nobody listens any more only when the run failed.
    let _ = tell.send(places);
    while !stop.load(Ordering::Relaxed) {
        for index in 0..seats.sockets.len() {
            let mut count = 0;
            while seats.sockets.receive(index, |it| count += it.bytes.len().div_ceil(it.segment_bytes) as u64) {}
            arrived.fetch_add(count, Ordering::Relaxed);
        }
        std::thread::sleep(POLL);
    }
}

/// One burst of the plan: when, of which flow, its sealed packets.
type Planned = (Duration, usize, Vec<Vec<u8>>);

/// All bursts of `span` in the order of their times, made before the clock runs: their arrival costs nothing here.
fn plan(flows: &mut [BareFlow], span: Duration) -> Vec<Planned> {
    let mut planned = Vec::new();
    for (index, flow) in flows.iter_mut().enumerate() {
        let mut at = Duration::from_millis(index as u64 * 37 % 101);
        while at < span {
            let (burst, interval) = flow.burst();
            planned.push((at, index, burst));
            at += interval;
        }
    }
    planned.sort_by_key(|(at, ..)| *at);
    planned
}

fn forward(flows: &mut [BareFlow], sender: &mut GuestSockets, span: Duration) -> io::Result<(Duration, u64)> {
    let planned = plan(flows, span);
    let (begin, before) = (Instant::now(), thread_cpu()?);
    let (mut packets, mut out) = (0, Datagrams::default());
    for (at, index, burst) in planned {
        std::thread::sleep((begin + at).saturating_duration_since(Instant::now()));
        let Some(flow) = flows.get_mut(index) else { continue };
        packets += flow.forward(burst, sender, &mut out);
        sender.send(&out);
        out.clear();
    }
    // A short rest lets the kernel bring its account up to date.
    std::thread::sleep(POLL);
    Ok((thread_cpu()?.saturating_sub(before), packets))
}

/// One encoding and its receivers.
struct BareFlow {
    model: Model,
    rng: StdRng,
    frames: u32,
    seq: u16,
    key: LessSafeKey,
    receivers: Vec<(BareReceiver, Path)>,
}

impl BareFlow {
    fn new(flow: Flow, places: &[SocketAddr], local: SocketAddr, index: u32) -> Self {
        let path = |place: &usize| {
            let remote = places.get(*place).copied().unwrap_or(local);
            Path { protocol: Protocol::Udp, local, remote }
        };
        let receivers = flow.receivers.iter().map(|place| (BareReceiver::new(index, *place as u32), path(place)));
        Self {
            receivers: receivers.collect(),
            model: flow.model,
            rng: StdRng::seed_from_u64(u64::from(index)),
            frames: 0,
            seq: 0,
            key: key(0, index),
        }
    }

    /// The sealed packets of the next frame, and the time to the one after.
    fn burst(&mut self) -> (Vec<Vec<u8>>, Duration) {
        let (bytes, interval) = match &self.model {
            Model::Microphone(model) => (model.packet_bytes(&mut self.rng), model.packet_interval()),
            Model::Camera(encodings) => {
                let model = encodings.first().copied().unwrap_or(VideoModel::HD);
                let every = (model.key_interval.as_secs_f64() * f64::from(model.fps)) as u32;
                let is_key = self.frames.is_multiple_of(every.max(1));
                (model.frame_bytes(is_key, &mut self.rng), model.frame_interval())
            }
        };
        self.frames += 1;
        (split(bytes).map(|size| self.seal(size)).collect(), interval)
    }

    fn seal(&mut self, size: usize) -> Vec<u8> {
        let mut packet = vec![0xab; HEADER_BYTES + size];
        packet[..HEADER_BYTES].fill(0);
        (packet[0], packet[1]) = (0x90, 96);
        packet[2..4].copy_from_slice(&self.seq.to_be_bytes());
        let (header, payload) = packet.split_at_mut(HEADER_BYTES);
        let nonce = Nonce::assume_unique_for_key(nonce_of(0, self.seq));
        // An in-place seal of a small buffer has no way to fail.
        if let Ok(tag) = self.key.seal_in_place_separate_tag(nonce, Aad::from(&*header), payload) {
            packet.extend_from_slice(tag.as_ref());
        }
        self.seq = self.seq.wrapping_add(1);
        packet
    }

    /// Opens the burst once and sends it to everybody; the number of packets sent.
    fn forward(&mut self, burst: Vec<Vec<u8>>, sender: &mut GuestSockets, out: &mut Datagrams) -> u64 {
        let mut opened = burst;
        for packet in &mut opened {
            let seq = u16::from_be_bytes([packet[2], packet[3]]);
            let (header, sealed) = packet.split_at_mut(HEADER_BYTES);
            let nonce = Nonce::assume_unique_for_key(nonce_of(0, seq));
            if self.key.open_in_place(nonce, Aad::from(&*header), sealed).is_err() {
                return 0;
            }
            packet.truncate(packet.len() - TAG_BYTES);
        }
        for (receiver, path) in &mut self.receivers {
            for packet in &opened {
                out.write(*path, packet.len() + TAG_BYTES, |room| receiver.forward(packet, room));
            }
            if out.bytes().len() > FLUSH_BYTES {
                sender.send(out);
                out.clear();
            }
        }
        (self.receivers.len() * opened.len()) as u64
    }
}

/// One receiver: a key and numbers of its own.
struct BareReceiver {
    key: LessSafeKey,
    ssrc: u32,
    seq: u16,
}

impl BareReceiver {
    fn new(flow: u32, place: u32) -> Self {
        Self { key: key(flow + 1, place), ssrc: place, seq: 0 }
    }

    /// Writes the renumbered, sealed packet and gives its length.
    fn forward(&mut self, packet: &[u8], room: &mut [u8]) -> Option<usize> {
        let len = packet.len();
        room.get_mut(..len)?.copy_from_slice(packet);
        room.get_mut(2..4)?.copy_from_slice(&self.seq.to_be_bytes());
        room.get_mut(8..12)?.copy_from_slice(&self.ssrc.to_be_bytes());
        let (header, rest) = room.split_at_mut_checked(HEADER_BYTES)?;
        let (payload, rest) = rest.split_at_mut_checked(len - HEADER_BYTES)?;
        let nonce = Nonce::assume_unique_for_key(nonce_of(self.ssrc, self.seq));
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(&*header), payload).ok()?;
        rest.get_mut(..TAG_BYTES)?.copy_from_slice(tag.as_ref());
        self.seq = self.seq.wrapping_add(1);
        Some(len + TAG_BYTES)
    }
}

/// The nonce's form of RFC 7714, without rollover: a yardstick need not be secure.
fn nonce_of(ssrc: u32, seq: u16) -> [u8; 12] {
    let block = (u128::from(ssrc) << 48) | u128::from(seq);
    let mut nonce = [3; 12];
    for (byte, mask) in nonce.iter_mut().zip(&block.to_be_bytes()[4..]) {
        *byte ^= mask;
    }
    nonce
}

fn key(flow: u32, place: u32) -> LessSafeKey {
    let mut bytes = [7; 16];
    bytes[..4].copy_from_slice(&place.to_be_bytes());
    bytes[4..8].copy_from_slice(&flow.to_be_bytes());
    match UnboundKey::new(&AES_128_GCM, &bytes) {
        Ok(key) => LessSafeKey::new(key),
        Err(_) => unreachable!("the key has the algorithm's length"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Knobs, Scenario};

    #[test]
    fn sends_every_packet_of_a_scenario() {
        let room = Scenario::parse("livestream:5").unwrap().room(&Knobs::default());
        let bare = run(&[room], Duration::from_millis(300)).unwrap();
        // Nine or ten frames, the first of them a keyframe, to five receivers.
        assert!((400..700).contains(&bare.packets), "{bare:?}");
        assert_eq!(bare.arrived, bare.packets);
        assert!(bare.offload > Duration::ZERO && bare.datagrams > Duration::ZERO);
    }
}
