//! The way of a packet takes no memory: what it needs was taken when its frame was the largest so far.

use thalweg_benches::crowd::{BURST, Crowd};

/// Frames until every buffer has its size: the ring's laps, the histories, the output.
const WARM_UP: usize = 1_200;

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
