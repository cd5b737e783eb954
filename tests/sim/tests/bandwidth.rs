//! The targets for bandwidth: how soon a rate is found and left, what stands in queues, what is used, and who suffers.

use std::time::Duration;

use thalweg_sim::bandwidth::trace::{mean, overload_seconds, pause_ms, queue_p95_ms, ramp_seconds, utilisation};
use thalweg_sim::bandwidth::{Row, Scenario, Trace, run};

const SEEDS: std::ops::Range<u64> = 1..3;

fn traces(name: &str, seed: u64) -> (Scenario, Vec<Trace>) {
    let scenario = Scenario::named(name);
    let traces = run(&scenario, seed);
    (scenario, traces)
}

/// Spatial switches in `rows`, of all videos.
fn switches(rows: &[Row]) -> u32 {
    rows.last().map_or(0, |row| row.switches) - rows.first().map_or(0, |row| row.switches)
}

/// What the steps 4, 1, 0.3, 2 Mbit/s ask.
fn follows_steps(trace: &Trace, seed: u64) {
    for (from, to, falls) in [(0.0, 25.0, false), (25.1, 50.0, true), (50.1, 75.0, true), (75.1, 100.0, false)] {
        let rows = trace.between(from, to);
        if falls {
            let left = overload_seconds(rows);
            assert!(left <= 1.0, "seed {seed}, {from}: overload left after {left} s");
        } else {
            let ramp = ramp_seconds(rows, 0.9);
            assert!(ramp <= 5.0, "seed {seed}, {from}: 90 % of the capacity after {ramp} s");
        }
    }
}

/// Where key frames fall into the seconds of the least capacity is chance: queues are judged over all runs together.
fn queues_are_short(traces: &[Trace]) {
    for (from, to) in [(10.0, 25.0), (35.1, 50.0), (60.1, 75.0), (85.1, 100.0)] {
        let rows: Vec<Row> = traces.iter().flat_map(|trace| trace.between(from, to)).copied().collect();
        let queue = queue_p95_ms(&rows);
        assert!(queue <= 100.0, "{from}: {queue} ms stand in the queue");
    }
}

#[test]
fn steps_of_capacity_are_followed() {
    let runs: Vec<Trace> = (1..5).map(|seed| traces("steps", seed).1.swap_remove(0)).collect();
    (1..).zip(&runs).for_each(|(seed, trace)| follows_steps(trace, seed));
    queues_are_short(&runs);
}

/// Pictures of spatial layers in one stream: the same, and whoever loses nothing on the way can decode all that it gets.
#[test]
fn steps_of_capacity_are_followed_in_spatial_layers() {
    let runs: Vec<Trace> = (1..5).map(|seed| traces("steps-svc", seed).1.swap_remove(0)).collect();
    (1..).zip(&runs).for_each(|(seed, trace)| follows_steps(trace, seed));
    queues_are_short(&runs);
    let mut lossless = Scenario::named("steps-svc");
    lossless.link.queue_max = Duration::from_secs(10);
    for seed in SEEDS {
        let traces = run(&lossless, seed);
        let last = traces[0].rows.last().expect("rows");
        assert_eq!((last.orphans, last.overtaken), (0, 0), "seed {seed}: whole frames of no use, and out of order");
        assert!(last.switches > 10, "seed {seed}: {} switches", last.switches);
    }
}

#[test]
fn a_steady_link_is_used_and_pictures_stay_as_they_are() {
    for seed in SEEDS {
        for (name, least) in [("steady", 0.85), ("far", 0.8)] {
            let (scenario, traces) = traces(name, seed);
            let rows = traces[0].between(10.0, scenario.seconds);
            let (used, estimate) = (utilisation(rows), mean(rows, |row| row.estimate_bps / row.capacity_bps));
            assert!(used >= least && estimate >= 0.85, "seed {seed}, {name}: used {used}, estimated {estimate}");
            let queue = queue_p95_ms(rows);
            assert!(queue <= 100.0, "seed {seed}, {name}: {queue} ms stand in the queue");
            let most = (f64::from(scenario.cast.videos) * (scenario.seconds - 10.0) / 3.0) as u32;
            let switches = switches(rows);
            assert!(switches * 4 <= most, "seed {seed}, {name}: {switches} switches, at most {most}");
            let frozen = rows.last().map_or(0.0, |row| row.frozen_seconds) - rows[0].frozen_seconds;
            assert!(frozen == 0.0, "seed {seed}, {name}: frozen for {frozen} s");
        }
    }
}

#[test]
fn three_percent_loss_costs_little() {
    for seed in SEEDS {
        let rate = |name| {
            let (scenario, traces) = traces(name, seed);
            mean(traces[0].between(10.0, scenario.seconds), |row| row.media_bps)
        };
        let (clean, lossy) = (rate("steady"), rate("loss3"));
        assert!(lossy >= 0.9 * clean, "seed {seed}: {lossy} of {clean}");
        let worse = rate("loss10");
        assert!(worse >= 0.7 * clean, "seed {seed}: {worse} of {clean}");
    }
}

#[test]
fn jitter_and_other_traffic_are_borne() {
    for seed in SEEDS {
        for (name, least) in [("jitter", 0.6), ("cross", 0.6)] {
            let (scenario, traces) = traces(name, seed);
            let rows = traces[0].between(10.0, scenario.seconds);
            let (used, queue) = (utilisation(rows), queue_p95_ms(rows));
            assert!(used >= least && queue <= 150.0, "seed {seed}, {name}: used {used}, queue {queue} ms");
        }
    }
}

#[test]
fn two_behind_one_link_both_get_their_part() {
    for seed in SEEDS {
        let (scenario, traces) = traces("shared", seed);
        let rates: Vec<f64> =
            traces.iter().map(|it| mean(it.between(15.0, scenario.seconds), |row| row.media_bps)).collect();
        let sum: f64 = rates.iter().sum();
        assert!(sum >= 0.65 * 3e6, "seed {seed}: {rates:?}");
        assert!(rates.iter().all(|&rate| rate >= 0.25 * sum), "seed {seed}: {rates:?}");
    }
}

/// One viewer's link is as bad as can be: neither the publisher nor the other viewer notices.
#[test]
fn a_bad_viewer_harms_nobody() {
    let mut bad = Scenario::new("bad", "one viewer at 200 kbit/s and 20 % loss", &[(0.0, 0.2e6)], 30.0);
    (bad.viewers, bad.only_first) = (2, true);
    bad.link.loss = 0.2;
    let mut good = bad.clone();
    good.link.loss = 0.0;
    good.steps = vec![(0.0, 100e6)];
    let (with, without) = (run(&bad, 1), run(&good, 1));
    let rate = |traces: &[Trace]| mean(traces[1].between(5.0, 30.0), |row| row.media_bps);
    assert!(rate(&with) >= 0.97 * rate(&without), "{} of {}", rate(&with), rate(&without));
    let last = with[1].rows.last().expect("rows");
    assert!(last.frozen_seconds == 0.0, "the good viewer froze for {} s", last.frozen_seconds);
    assert!(switches(with[1].between(5.0, 30.0)) == 0, "the good viewer's pictures changed");
}

/// Share of `rows` in which the only video shows the layer.
fn share(rows: &[Row], spatial: f64) -> f64 {
    mean(rows, |row| f64::from(u8::from(row.spatial == spatial)))
}

/// 720 lines do not fit 800 kbit/s: what is tried in vain ends where it began, and is seldom tried.
#[test]
fn a_rate_between_two_sizes_keeps_the_lower_of_both() {
    for seed in 1..9 {
        let (scenario, traces) = traces("middle", seed);
        let rows = traces[0].between(10.0, scenario.seconds);
        let (low, middle) = (share(rows, 0.0), share(rows, 1.0));
        assert!(low == 0.0 && middle >= 0.9, "seed {seed}: {low} of the time small, {middle} as it fits");
        let pause = pause_ms(rows);
        assert!(pause <= 500.0, "seed {seed}: a picture stood for {pause} ms");
    }
}

/// 200 kbit/s for sound and one camera from the beginning: no long pauses once it is found out.
#[test]
fn a_thin_link_has_no_long_pauses() {
    let mut pauses = Vec::new();
    for seed in 1..9 {
        let (scenario, traces) = traces("thin", seed);
        let rows = traces[0].between(10.0, scenario.seconds);
        assert!(share(rows, 0.0) == 1.0, "seed {seed}: another size was tried");
        pauses.push(pause_ms(rows));
    }
    assert!(pauses.iter().all(|&pause| pause <= 500.0), "{pauses:?}");
}

/// From 20 Mbit/s to 300 kbit/s in the midst of a picture of 720 lines: what waits of it is not shown in slow motion.
#[test]
fn a_sudden_limit_does_not_hold_the_picture_up() {
    for seed in 1..9 {
        let (scenario, traces) = traces("limited", seed);
        let rows = traces[0].between(15.0, scenario.seconds);
        let pause = pause_ms(rows);
        let behind = rows.iter().map(|row| row.behind_ms).fold(0.0, f64::max);
        assert!(pause <= 900.0 && behind <= 1200.0, "seed {seed}: stood for {pause} ms, was {behind} ms behind");
        let late = pause_ms(traces[0].between(25.0, scenario.seconds));
        assert!(late <= 500.0, "seed {seed}: stood for {late} ms later");
    }
}

/// Nothing is lost on the way to the server, so what leaves for one viewer never goes back but as repetition.
#[test]
fn packets_leave_in_order() {
    for (name, seed) in
        ["steps", "middle", "thin", "limited"].into_iter().flat_map(|name| [(name, 1), (name, 2), (name, 3)])
    {
        let (_, traces) = traces(name, seed);
        let overtaken = traces[0].rows.last().map_or(0, |row| row.overtaken);
        assert_eq!(overtaken, 0, "seed {seed}, {name}");
    }
}
