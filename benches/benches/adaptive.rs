//! What adapting to links costs: the same packets to 100 receivers, without it and with all of it, interleaved in one run.
//!
//! Without: one encoding, no transport-wide numbers, nothing told. With: three encodings of which one is chosen, numbers,
//! feedback from every receiver as often as browsers send it, estimate, shares, pace. All that the shard does from one frame
//! to the next is counted, for each packet that it sends on.

use std::time::{Duration, Instant};

use thalweg_benches::audience::Audience;
use thalweg_sim::publisher::FRAME_PACKETS;

const RECEIVERS: u64 = 100;
/// How often a browser tells: libwebrtc every 50 ms at this rate, and every 100 ms when it is told that this is enough.
const TELLS: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(100)];
/// Frames until links are known, layers are the best, and buffers have their sizes.
const WARM_UP: usize = 900;
/// Frames in a row of one audience.
const FRAMES: u64 = 30;
const ROUNDS: usize = 41;

/// Nanoseconds for each packet sent on.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    media: f64,
    feedback: f64,
    timers: f64,
}

impl Cost {
    fn sum(&self) -> f64 {
        self.media + self.feedback + self.timers
    }
}

fn main() {
    for tells in TELLS {
        compare(tells);
    }
}

fn compare(tells: Duration) {
    let (mut plain, mut adaptive) = (warm(None), warm(Some(tells)));
    let estimate = adaptive.least_estimate().unwrap_or(0);
    let told = adaptive.reports;
    let rounds: Vec<(Cost, Cost)> = (0..ROUNDS).map(|_| (measure(&mut plain), measure(&mut adaptive))).collect();
    let packets = (ROUNDS as u64 * FRAMES * RECEIVERS * u64::from(FRAME_PACKETS)) as f64;
    let each = packets / (adaptive.reports - told) as f64;
    let of = |pick: &dyn Fn(&(Cost, Cost)) -> f64| median(rounds.iter().map(pick).collect());
    println!(
        "adaptive, {RECEIVERS} receivers, feedback every {} ms: {:.0} ns for each packet, {:.0} without, {:+.1} %",
        tells.as_millis(),
        of(&|(_, with)| with.sum()),
        of(&|(without, _)| without.sum()),
        100.0 * (of(&|(without, with)| with.sum() / without.sum()) - 1.0),
    );
    println!(
        "  media {:.0} ns (without {:.0}), feedback {:.0} ({:.0} ns for each of one in {each:.1} packets), timers {:.0} \
         (without {:.0}); links taken for at least {:.1} Mbit/s",
        of(&|(_, with)| with.media),
        of(&|(without, _)| without.media),
        of(&|(_, with)| with.feedback),
        of(&|(_, with)| with.feedback * each),
        of(&|(_, with)| with.timers),
        of(&|(without, _)| without.timers),
        estimate as f64 / 1e6,
    );
}

fn warm(tells: Option<Duration>) -> Audience {
    let mut audience = Audience::new(RECEIVERS, tells);
    for _ in 0..WARM_UP {
        audience.frame(&mut |_, work| work());
    }
    audience
}

fn measure(audience: &mut Audience) -> Cost {
    let mut spent = [Duration::ZERO; 3];
    let mut packets = 0;
    for _ in 0..FRAMES {
        packets += audience.frame(&mut |work, run| {
            let start = Instant::now();
            run();
            spent[work as usize] += start.elapsed();
        });
    }
    assert_eq!(packets, FRAMES * RECEIVERS * u64::from(FRAME_PACKETS), "every receiver gets the largest picture");
    let [media, feedback, timers] = spent.map(|spent| spent.as_nanos() as f64 / packets as f64);
    Cost { media, feedback, timers }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
