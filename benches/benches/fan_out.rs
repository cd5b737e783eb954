//! The fan-out of one frame to 1..500 receivers, beside the bare loop on the same machine in the same run, and what an
//! idle peer costs.
//!
//! `shard/N` and `bare/N` are comparable: nanoseconds for one burst of `BURST` packets to N receivers, without system
//! calls. The last lines print the ratio. With the argument `gate` only the ratio at 100 receivers is taken, and a high one
//! fails.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};
use thalweg_benches::bare::BareReceiver;
use thalweg_benches::crowd::{BURST, Crowd};

const RECEIVERS: [u64; 4] = [1, 10, 100, 500];
/// A packet of the publisher's: header, descriptor, mark and payload.
const PACKET_BYTES: usize = 946;
/// What `gate` asks, once for every change that lands: a little more than is measured at a quiet time.
const GATE_RATIO_MAX: f64 = 1.8;
const GATE_RECEIVERS: u64 = 100;

fn fan_out(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("fan_out");
    group.measurement_time(Duration::from_secs(3)).sample_size(20);
    for receivers in RECEIVERS {
        group.throughput(Throughput::Elements(receivers * BURST as u64));
        let mut crowd = Crowd::new(receivers, 0);
        assert_eq!(crowd.burst(), receivers * BURST as u64, "every receiver gets every packet");
        group.bench_function(BenchmarkId::new("shard", receivers), |bencher| {
            bencher.iter_custom(|frames| (0..frames).map(|_| time_frame(&mut crowd)).sum());
        });
        let mut bare = Bare::new(receivers);
        group.bench_function(BenchmarkId::new("bare", receivers), |bencher| bencher.iter(|| bare.burst()));
    }
    group.finish();
    for receivers in RECEIVERS {
        print_ratio(receivers);
    }
}

/// The bare loop over as many receivers, into one arena as the shard has it.
struct Bare {
    receivers: Vec<BareReceiver>,
    packet: Vec<u8>,
    arena: Vec<u8>,
}

impl Bare {
    fn new(receivers: u64) -> Self {
        let room = PACKET_BYTES + 32;
        let count = receivers as usize;
        let receivers = (0..count as u32).map(BareReceiver::new).collect();
        Self { receivers, packet: vec![0x5a; PACKET_BYTES], arena: vec![0; room * count * BURST] }
    }

    fn burst(&mut self) {
        let room = PACKET_BYTES + 32;
        let mut slots = self.arena.chunks_exact_mut(room);
        for _ in 0..BURST {
            for receiver in &mut self.receivers {
                let slot = slots.next().expect("a slot for each");
                black_box(receiver.forward(&self.packet, slot));
            }
        }
    }
}

/// Prints the median ratio.
fn print_ratio(receivers: u64) {
    let (ratio, nanos) = ratio(receivers);
    println!("fan_out ratio to the bare loop, {receivers} receivers: {ratio:.2} ({nanos:.0} ns per forwarded packet)");
}

/// The median ratio and nanoseconds for a forwarded packet. Interleaves both loops, so that a noisy neighbour disturbs both.
fn ratio(receivers: u64) -> (f64, f64) {
    let (mut crowd, mut bare) = (Crowd::new(receivers, 0), Bare::new(receivers));
    let rounds = (20_000 / receivers).clamp(20, 2_000);
    let mut ratios: Vec<(f64, f64)> = (0..15)
        .map(|_| {
            let spent: Duration = (0..rounds).map(|_| time_frame(&mut crowd)).sum();
            let shard = spent.as_nanos() as f64 / rounds as f64;
            let bare = time(rounds, || bare.burst());
            (shard / bare, shard / (receivers as f64 * BURST as f64))
        })
        .collect();
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    ratios[ratios.len() / 2]
}

/// The server's part of one frame: from sealed packets of the publisher to sealed packets of all receivers.
fn time_frame(crowd: &mut Crowd) -> Duration {
    let mut frame = crowd.frame();
    let start = Instant::now();
    black_box(crowd.forward(&mut frame));
    start.elapsed()
}

fn time(rounds: u64, mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    (0..rounds).for_each(|_| work());
    start.elapsed().as_nanos() as f64 / rounds as f64
}

fn idle(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("idle");
    group.measurement_time(Duration::from_secs(2)).sample_size(20);
    for peers in [0, 100, 1000] {
        let mut crowd = Crowd::new(10, peers);
        group.bench_function(BenchmarkId::new("burst_to_10_beside_idle_peers", peers), |bencher| {
            bencher.iter(|| black_box(crowd.burst()));
        });
    }
    group.finish();
}

criterion_group!(benches, fan_out, idle);

fn main() -> ExitCode {
    if std::env::args().any(|argument| argument == "gate") {
        return gate();
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
    ExitCode::SUCCESS
}

/// Fails when the way of a packet has become longer than it may be.
fn gate() -> ExitCode {
    let (ratio, nanos) = ratio(GATE_RECEIVERS);
    println!("fan_out gate, {GATE_RECEIVERS} receivers: {ratio:.2} times the bare loop ({nanos:.0} ns per packet)");
    if ratio <= GATE_RATIO_MAX {
        return ExitCode::SUCCESS;
    }
    eprintln!("{ratio:.2} times the bare loop, and at most {GATE_RATIO_MAX} is allowed: see benches/README.md");
    ExitCode::FAILURE
}
