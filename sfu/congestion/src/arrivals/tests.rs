//! What is recorded of arrivals and when it is told.

use std::collections::BTreeMap;

use proptest::prelude::*;
use wire::Ssrc;
use wire::rtcp::{Packet, Writer, packets};

use super::*;

const MS: Duration = Duration::from_millis(1);

/// Each report's base, and what it says of each packet in 250 µs since the epoch.
fn told(arrivals: &mut Arrivals, now: Instant) -> Vec<(u16, Vec<Option<u64>>)> {
    let mut reports = Vec::new();
    while let Some(report) = arrivals.poll(now) {
        let mut buffer = [0; 1200];
        let mut writer = Writer::new(&mut buffer);
        writer.twcc(Ssrc(1), Ssrc(2), &report).unwrap();
        let Some(Ok(Packet::TransportFeedback(feedback))) = packets(writer.as_bytes()).next() else { panic!() };
        let mut at = i64::from(feedback.reference_time) << 8;
        let times = feedback.statuses().map(|(_, delta)| {
            at += i64::from(delta?);
            Some(u64::try_from(at).unwrap())
        });
        reports.push((feedback.base_sequence, times.collect()));
    }
    reports
}

#[test]
fn nothing_is_told_before_it_is_due() {
    let start = Instant::now();
    let mut arrivals = Arrivals::default();
    assert_eq!(arrivals.deadline(), None);
    assert!(arrivals.poll(start).is_none());
    arrivals.note(start, 9);
    assert_eq!(arrivals.deadline(), Some(start + FEEDBACK_INTERVAL));
    assert!(arrivals.poll(start + 99 * MS).is_none());
    assert_eq!(told(&mut arrivals, start + 100 * MS).len(), 1);
    assert_eq!(arrivals.deadline(), None);
}

#[test]
fn losses_repetitions_and_wraps_are_told() {
    let start = Instant::now();
    let mut arrivals = Arrivals::default();
    for (at, sequence) in [(0, 65534), (1, 65535), (70, 1), (71, 1), (60, 2)] {
        arrivals.note(start + at * MS, sequence);
    }
    // The first tick stands for zero, which an empty slot needs.
    let times = vec![Some(1), Some(4), None, Some(280), Some(240)];
    assert_eq!(told(&mut arrivals, start + 100 * MS), [(65534, times)]);
    arrivals.note(start + 150 * MS, 5);
    assert_eq!(told(&mut arrivals, start + 250 * MS), [(3, vec![None, None, Some(600)])]);
}

#[test]
fn a_late_packet_is_told_with_what_follows_it() {
    let start = Instant::now();
    let mut arrivals = Arrivals::default();
    arrivals.note(start + MS, 10);
    arrivals.note(start + 2 * MS, 12);
    assert_eq!(told(&mut arrivals, start + 200 * MS).len(), 1);
    arrivals.note(start + 201 * MS, 11);
    let reports = told(&mut arrivals, start + 301 * MS);
    assert_eq!(reports, [(11, vec![Some(800), Some(4)])]);
}

#[test]
fn packets_from_before_the_first_are_told() {
    let start = Instant::now();
    let mut arrivals = Arrivals::default();
    arrivals.note(start, 0);
    arrivals.note(start + MS, 65535);
    assert_eq!(told(&mut arrivals, start + 100 * MS), [(65535, vec![Some(4), Some(1)])]);
}

#[test]
fn a_pause_longer_than_a_delta_begins_another_report() {
    let start = Instant::now();
    let mut arrivals = Arrivals::default();
    arrivals.note(start, 1);
    arrivals.note(start + 20_000 * MS, 2);
    let reports = told(&mut arrivals, start + 20_000 * MS);
    assert_eq!(reports, [(1, vec![Some(1)]), (2, vec![Some(80_000)])]);
}

#[test]
fn a_leap_costs_no_more_than_the_window() {
    let start = Instant::now();
    let mut arrivals = Arrivals::default();
    arrivals.note(start, 0);
    arrivals.note(start, 30_000);
    arrivals.note(start, 29_000);
    let reports = told(&mut arrivals, start + 100 * MS);
    let statuses: usize = reports.iter().map(|(_, times)| times.len()).sum();
    assert_eq!(statuses, WINDOW_SEQUENCES);
    assert_eq!(reports.iter().flat_map(|(_, times)| times).flatten().count(), 1, "a packet too late is told of");
    assert!(reports.iter().all(|(_, times)| times.len() <= REPORT_STATUSES_MAX));
    assert_eq!(arrivals.slots.len(), WINDOW_SEQUENCES);
}

proptest! {
    /// Whatever order packets come in, each that is noted is told of with its time, up to a tick.
    #[test]
    fn every_arrival_is_told(
        first in any::<u16>(),
        steps in proptest::collection::vec((-20i16..60, 0u64..40_000), 1..300),
    ) {
        let start = Instant::now();
        let (mut arrivals, mut sequence, mut at) = (Arrivals::default(), first, 0);
        let (mut expected, mut seen) = (BTreeMap::new(), BTreeMap::new());
        for (step, micros) in steps {
            arrivals.note(start + Duration::from_micros(at), sequence);
            expected.entry(sequence).or_insert(at / 250);
            for (base, times) in told(&mut arrivals, start + Duration::from_micros(at)) {
                seen.extend((0u16..).zip(times).filter_map(|(n, time)| Some((base.wrapping_add(n), time?))));
            }
            sequence = sequence.wrapping_add_signed(step);
            at += micros;
        }
        for (base, times) in told(&mut arrivals, start + Duration::from_micros(at) + FEEDBACK_INTERVAL) {
            seen.extend((0u16..).zip(times).filter_map(|(n, time)| Some((base.wrapping_add(n), time?))));
        }
        let expected: BTreeMap<_, _> = expected.into_iter().map(|(n, tick)| (n, tick.max(1))).collect();
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn never_panics(steps in proptest::collection::vec((any::<u16>(), 0u64..1 << 44), 1..50)) {
        let start = Instant::now();
        let mut arrivals = Arrivals::default();
        for (sequence, micros) in steps {
            let now = start + Duration::from_micros(micros);
            arrivals.note(now, sequence);
            while arrivals.poll(now).is_some() {}
        }
    }
}
