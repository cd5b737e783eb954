//! Packets of a frame wait for its end where there are many to send to, and not for long.

use std::time::Duration;

use thalweg_benches::crowd::{BURST, Crowd};

/// As many as make waiting worth it, and fewer.
const MANY: u64 = 20;
const FEW: u64 = 10;

#[test]
fn the_end_of_a_frame_ends_the_waiting() {
    let mut crowd = Crowd::new(MANY, 0);
    let mut frame = crowd.frame();
    let (begin, end) = frame.split_at_mut(3);
    assert_eq!(crowd.forward(begin), 0);
    assert_eq!(crowd.forward(end), MANY * BURST as u64);
}

#[test]
fn a_frame_whose_end_does_not_come_goes_after_a_millisecond() {
    let mut crowd = Crowd::new(MANY, 0);
    let mut frame = crowd.frame();
    let (begin, end) = frame.split_at_mut(3);
    assert_eq!(crowd.forward(begin), 0);
    assert_eq!(crowd.pass(Duration::from_micros(900)), 0);
    assert_eq!(crowd.pass(Duration::from_micros(100)), 3 * MANY);
    assert_eq!(crowd.forward(end), MANY * (BURST as u64 - 3));
}

#[test]
fn few_wait_for_nothing() {
    let mut crowd = Crowd::new(FEW, 0);
    let mut frame = crowd.frame();
    assert_eq!(crowd.forward(&mut frame[..3]), 3 * FEW);
}
