//! Control and media together, thousands of short calls: guests come, go, crash, publish, mute, in any order, over good
//! and bad links, on one to three shards. After each call everybody must see whom they should, and nothing may be left.

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use thalweg_sim::call::Call;
use thalweg_sim::link::LinkProfile;

/// Calls in an ordinary run. `THALWEG_SEEDS=a..b` looks at others.
const SEEDS: std::ops::Range<u64> = 0..1000;
/// Guests of one call at most.
const GUESTS_MAX: usize = 4;

#[test]
fn every_seed_ends_well() {
    let seeds = seeds();
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let failures: Vec<String> = std::thread::scope(|scope| {
        let run = |offset| {
            seeds.clone().skip(offset as usize).step_by(threads as usize).filter_map(failure).collect::<Vec<_>>()
        };
        let workers: Vec<_> = (0..threads).map(|offset| scope.spawn(move || run(offset))).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker")).collect()
    });
    assert!(
        failures.is_empty(),
        "{} of {} calls failed:\n{}",
        failures.len(),
        seeds.end - seeds.start,
        failures.join("\n")
    );
}

/// Attack 39: the machine's clock is set, back and forth, while people talk, come and publish.
#[test]
fn a_clock_that_jumps_disturbs_nobody() {
    const HOUR_MS: i64 = 3_600_000;
    let mut call = Call::new(2, 1, LinkProfile::FIBER);
    let [host, _] = [call.join(), call.join()];
    call.run(Duration::from_secs(2));
    call.publish(host);
    for off in [HOUR_MS, 0, -HOUR_MS, 24 * HOUR_MS, -24 * HOUR_MS] {
        call.run(Duration::from_secs(2));
        call.clock_off_ms = off;
    }
    let late = call.join();
    call.run(Duration::from_secs(2));
    call.publish(late);
    call.run(Duration::from_secs(3));
    assert_eq!(call.check(), Vec::<String>::new());
    assert_eq!(leftovers(&mut call), None);
}

fn seeds() -> std::ops::Range<u64> {
    let Ok(text) = std::env::var("THALWEG_SEEDS") else { return SEEDS };
    let bounds = text.split_once("..").and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    bounds.expect("THALWEG_SEEDS is a..b")
}

/// Plays the call of one seed; what was wrong with it.
fn failure(seed: u64) -> Option<String> {
    let mut rng = StdRng::seed_from_u64(seed);
    let links = match rng.random_range(0..3) {
        0 => LinkProfile::FIBER,
        1 => LinkProfile::FIBER.lossy(0.03),
        _ => LinkProfile::FIBER.jittery(Duration::from_millis(20)),
    };
    let mut call = Call::new(rng.random_range(1..=3), seed, links);
    for _ in 0..rng.random_range(3..10) {
        act(&mut call, &mut rng);
        call.run(Duration::from_millis(rng.random_range(0..400)));
    }
    call.run(Duration::from_millis(2500));
    let wrong = call.check();
    if !wrong.is_empty() {
        return Some(format!("seed {seed}: {}", wrong.join("; ")));
    }
    leftovers(&mut call).map(|left| format!("seed {seed}: {left}"))
}

fn act(call: &mut Call, rng: &mut StdRng) {
    let here: Vec<usize> = (0..call.guests.len()).filter(|&index| !call.guests[index].gone).collect();
    if here.is_empty() || here.len() < GUESTS_MAX && rng.random_bool(0.4) {
        let index = call.join();
        if rng.random_bool(0.7) {
            call.publish(index);
        }
        return;
    }
    let index = here[rng.random_range(0..here.len())];
    match (rng.random_range(0..6), call.guests[index].cid.is_some()) {
        (0, _) => call.leave(index),
        (1, _) => call.crash(index),
        (2 | 3, true) => call.unpublish(index),
        (_, true) => {
            let muted = rng.random_bool(0.5);
            call.mute(index, muted);
        }
        (_, false) => call.publish(index),
    }
}

/// Sends everybody away and names what stays behind.
fn leftovers(call: &mut Call) -> Option<String> {
    for index in 0..call.guests.len() {
        if !call.guests[index].gone {
            call.leave(index);
        }
    }
    // A crashed guest's consent ends after 30 s, an empty room after 20 s more.
    call.run(Duration::from_secs(90));
    let counts = call.world.counts();
    let media = call.media.total(|it| it.peers + it.up_tracks + it.mirrors + it.down_tracks + it.addresses);
    let clean = counts == livekit::world::Counts::default() && media == 0 && call.world.is_over();
    (!clean).then(|| format!("left behind: {counts:?}, {media} in the media house, over: {}", call.world.is_over()))
}
