//! The whole way out toward a network card that throws everything away: forwarding, sealing, and the kernel's part down
//! to the card, without a receiver's half of the network stack, which loopback makes the sender pay for.
//!
//! Run by `benches/blackhole`, which lays such a card in a network namespace of its own. Prints packets a second that one
//! core sends, and the same for the bare loop over the same socket in turns with it.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use door::{Datagrams, Path};
use net::NetStats;
use net::testing::Sender;
use shard::outbox::PORTION_BYTES;
use thalweg_benches::bare::BareReceiver;
use thalweg_benches::crowd::Crowd;

/// Packets of a frame, and so of a run to one receiver.
const FRAME_PACKETS: u16 = 8;
const RECEIVERS: [u64; 3] = [50, 100, 400];
/// Bytes of a packet of the publisher's.
const PACKET_BYTES: usize = 946;
/// Where the simulator's server listens; the namespace has it.
const SERVER: ([u8; 4], u16) = ([10, 9, 9, 9], 7882);
const WARM_UP_FRAMES: usize = 120;
const ROUNDS: usize = 21;
/// Packets of a round: some milliseconds.
const ROUND_PACKETS: u64 = 40_000;

fn main() -> ExitCode {
    let local = SocketAddr::from(SERVER);
    let mut sender = match Sender::bind(local) {
        Ok(sender) => sender,
        Err(error) => {
            eprintln!("no socket on {local} ({error}): run this by benches/blackhole");
            return ExitCode::SUCCESS;
        }
    };
    println!("| receivers | packets/s of a core | bare loop | ratio |\n|---|---|---|---|");
    for receivers in RECEIVERS {
        let before = sender.stats();
        let (ours, bare) = measure(receivers, &mut sender);
        let after = sender.stats();
        if unsent(&after) > unsent(&before) {
            eprintln!("not everything was sent: {after:?}");
            return ExitCode::FAILURE;
        }
        println!("| {receivers} | {:.0} | {:.0} | {:.2} |", 1e9 / ours, 1e9 / bare, ours / bare);
    }
    ExitCode::SUCCESS
}

fn unsent(stats: &NetStats) -> u64 {
    stats.send_refused + stats.send_full + stats.send_unroutable
}

/// Median nanoseconds for a packet: of the shard, of the bare loop.
fn measure(receivers: u64, sender: &mut Sender) -> (f64, f64) {
    let mut crowd = Crowd::with_bursts_of(FRAME_PACKETS, receivers, 0);
    // These receivers tell nothing of their links, and after two seconds are taken to be able to bear anything.
    (0..WARM_UP_FRAMES).for_each(|_| {
        crowd.burst();
    });
    let mut bare = Bare::new(&crowd.paths());
    let packets = receivers * u64::from(FRAME_PACKETS);
    let frames = (ROUND_PACKETS / packets).max(1);
    let mut nanos: Vec<(f64, f64)> = (0..ROUNDS)
        .map(|_| {
            let ours: Duration = (0..frames).map(|_| time_frame(&mut crowd, sender, packets)).sum();
            let start = Instant::now();
            (0..frames).for_each(|_| bare.frame(sender));
            let each = |spent: Duration| spent.as_nanos() as f64 / (frames * packets) as f64;
            (each(ours), each(start.elapsed()))
        })
        .collect();
    nanos.sort_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    nanos[nanos.len() / 2]
}

/// The server's part of one frame, until the card has thrown it away.
fn time_frame(crowd: &mut Crowd, sender: &mut Sender, packets: u64) -> Duration {
    let mut frame = crowd.frame();
    let start = Instant::now();
    let sent = crowd.forward_to(&mut frame, |datagrams| {
        sender.flush(datagrams);
        datagrams.clear();
    });
    let spent = start.elapsed();
    assert_eq!(sent, packets, "every receiver gets every packet");
    spent
}

/// The bare loop to as many receivers over the same socket.
struct Bare {
    receivers: Vec<(BareReceiver, Path)>,
    packet: Vec<u8>,
    out: Datagrams,
}

impl Bare {
    fn new(paths: &[Path]) -> Self {
        let receivers = (0..).map(BareReceiver::new).zip(paths.iter().copied()).collect();
        Self { receivers, packet: vec![0x5a; PACKET_BYTES], out: Datagrams::default() }
    }

    fn frame(&mut self, sender: &mut Sender) {
        for (receiver, path) in &mut self.receivers {
            for _ in 0..FRAME_PACKETS {
                self.out.write(*path, PACKET_BYTES + 32, |out| Some(receiver.forward(&self.packet, out)));
            }
            if self.out.bytes().len() >= PORTION_BYTES {
                sender.flush(&self.out);
                self.out.clear();
            }
        }
        sender.flush(&self.out);
        self.out.clear();
    }
}
