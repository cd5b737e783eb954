//! The way of a packet takes no memory: what it needs was taken when its frame was the largest so far. And a viewer takes
//! little.

use std::time::Duration;

use thalweg_benches::crowd::{BURST, Crowd};

/// Frames until every buffer has its size: the output, the histories, and the ring after its key frame is too old to be
/// wanted and the laps are over in which it gives memory back.
const WARM_UP: usize = 1_800;
/// What a viewer of one video takes in the media plane, in bytes: its connection, its subscription, and what it may ask to
/// be sent again.
const VIEWER_BYTES_MAX: i64 = 64 << 10;

#[test]
fn forwarding_allocates_nothing() {
    let mut crowd = Crowd::new(20, 0);
    for _ in 0..WARM_UP {
        crowd.burst();
    }
    let mut taken = 0;
    for _ in 0..300 {
        let mut frame = crowd.frame();
        let info = allocation_counter::measure(|| assert_eq!(crowd.forward(&mut frame), 20 * BURST as u64));
        taken += info.count_total;
    }
    assert_eq!(taken, 0, "allocations in 300 frames to 20 receivers");
}

#[test]
fn a_viewer_takes_little_memory() {
    let mut crowd = Crowd::new(20, 0);
    for _ in 0..WARM_UP {
        crowd.burst();
    }
    let taken = allocation_counter::measure(|| {
        for _ in 0..20 {
            crowd.add_receiver();
            crowd.pass(Duration::from_millis(10));
        }
        for _ in 0..30 {
            crowd.burst();
        }
        crowd.forget_clients();
    });
    let each = taken.bytes_current / 20;
    assert!(each <= VIEWER_BYTES_MAX, "{each} bytes for each viewer");
}
