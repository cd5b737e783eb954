//! Order, bounds and patience of a lane.

use proptest::prelude::*;

use super::*;

fn event(id: u64, room: &str) -> Spooled {
    let (url, kind, body) = ("u".into(), "k".into(), "body".into());
    Spooled { url, id, room: room.into(), kind, body, created_ms: 1000 }
}

fn lane(events: &[(u64, &str)], now: Instant) -> Lane {
    let mut lane = Lane::default();
    for (id, room) in events {
        assert_eq!(lane.push(event(*id, room), now), Vec::<u64>::new());
    }
    lane
}

fn next(lane: &mut Lane, now: Instant) -> Option<u64> {
    lane.next(now, 1000).0.map(|event| event.id)
}

#[test]
fn a_room_waits_for_itself_and_for_no_other() {
    let now = Instant::now();
    let mut lane = lane(&[(1, "a"), (2, "a"), (3, "b"), (4, "a")], now);
    assert_eq!(next(&mut lane, now), Some(1));
    assert_eq!(next(&mut lane, now), Some(3));
    assert_eq!(next(&mut lane, now), None);
    assert_eq!(lane.tried(3, Outcome::Delivered, now), None);
    assert_eq!(lane.tried(1, Outcome::Failed(None), now), None);
    assert_eq!(next(&mut lane, now), None);
    let due = lane.deadline().unwrap();
    assert!(due >= now + backoff::FIRST);
    assert_eq!(next(&mut lane, due), Some(1));
    assert_eq!(lane.tried(1, Outcome::Delivered, due), None);
    for id in [2, 4] {
        assert_eq!(next(&mut lane, due), Some(id));
        assert_eq!(lane.tried(id, Outcome::Delivered, due), None);
    }
    assert_eq!((lane.len(), lane.flying(), lane.deadline()), (0, 0, None));
    assert!(lane.rooms.is_empty() && lane.bodies_bytes == 0);
}

#[test]
fn a_refused_event_gives_way_after_some_tries_a_failed_one_does_not() {
    let mut now = Instant::now();
    for (outcome, gone) in [(Outcome::Refused, true), (Outcome::Failed(None), false)] {
        let mut lane = lane(&[(1, "a"), (2, "a")], now);
        let mut loss = None;
        for _ in 0..REFUSALS_MAX {
            now = lane.deadline().unwrap();
            assert_eq!(next(&mut lane, now), Some(1));
            loss = lane.tried(1, outcome, now);
        }
        assert_eq!(loss, gone.then_some(Loss::Refused));
        now = lane.deadline().unwrap();
        assert_eq!(next(&mut lane, now), Some(if gone { 2 } else { 1 }));
    }
}

#[test]
fn failures_are_forgotten_after_a_success() {
    let mut now = Instant::now();
    let mut lane = lane(&[(1, "a"), (2, "a")], now);
    for _ in 0..10 {
        now = lane.deadline().unwrap();
        next(&mut lane, now);
        lane.tried(1, Outcome::Failed(None), now);
    }
    now = lane.deadline().unwrap();
    next(&mut lane, now);
    lane.tried(1, Outcome::Delivered, now);
    assert_eq!(next(&mut lane, now), Some(2));
    lane.tried(2, Outcome::Failed(None), now);
    assert!(lane.deadline().unwrap() < now + 2 * backoff::FIRST);
}

#[test]
fn a_receiver_that_was_away_for_a_day_is_spared_the_old() {
    let now = Instant::now();
    let mut lane = lane(&[(1, "a"), (2, "a"), (3, "b")], now);
    let late = Spooled { created_ms: 90_000_000, ..event(4, "a") };
    lane.push(late, now);
    let (next, expired) = lane.next(now, 90_000_000);
    assert_eq!((next.map(|event| event.id), expired), (Some(4), vec![1, 2, 3]));
    assert_eq!(lane.len(), 1);
}

#[test]
fn a_full_lane_drops_the_oldest_that_is_not_on_its_way() {
    let now = Instant::now();
    let mut lane = Lane::default();
    lane.push(event(0, "a"), now);
    assert_eq!(next(&mut lane, now), Some(0));
    let most = EVENTS_MAX as u64;
    let dropped: Vec<u64> = (1..most + 3).flat_map(|id| lane.push(event(id, "a"), now)).collect();
    assert_eq!(dropped, [1, 2, 3]);
    lane.tried(0, Outcome::Delivered, now);
    assert_eq!(next(&mut lane, now), Some(4));
    let (waiting, body) = (lane.len(), "x".repeat(BODIES_BYTES_MAX - "body".len()));
    let dropped = lane.push(Spooled { body, ..event(most + 3, "b") }, now);
    assert_eq!((dropped.len(), lane.len()), (waiting - 1, 2), "the one on its way and the new one are left");
}

#[test]
fn no_more_fly_than_may() {
    let now = Instant::now();
    let mut lane = Lane::default();
    for id in 0..FLYING_MAX as u64 + 5 {
        lane.push(event(id, &format!("room {id}")), now);
    }
    let flying: Vec<u64> = std::iter::from_fn(|| next(&mut lane, now)).collect();
    assert_eq!((flying.len(), lane.deadline()), (FLYING_MAX, None));
    lane.tried(0, Outcome::Delivered, now);
    assert_eq!(next(&mut lane, now), Some(FLYING_MAX as u64));
}

proptest! {
    /// Whatever happens to the tries: each room's events are delivered in order, none twice, and all that were neither
    /// delivered nor told as lost are still there.
    #[test]
    fn rooms_keep_their_order(steps in proptest::collection::vec((0..5_u8, 0..4_u8, 0..100_u64), 1..400)) {
        let mut now = Instant::now();
        let mut lane = Lane::default();
        let mut flying: Vec<Spooled> = Vec::new();
        let mut delivered: Vec<(String, u64)> = Vec::new();
        let (mut pushed, mut lost, mut id) = (0, 0, 0);
        for (step, room, pick) in steps {
            match step {
                0 | 1 => {
                    id += 1;
                    pushed += 1;
                    lane.push(event(id, &room.to_string()), now);
                }
                2 => flying.extend(lane.next(now, 1000).0),
                3 if !flying.is_empty() => {
                    let at = usize::try_from(pick).unwrap() % flying.len();
                    let event = flying.swap_remove(at);
                    let outcome = match room {
                        0 => Outcome::Failed(None),
                        1 => Outcome::Refused,
                        _ => Outcome::Delivered,
                    };
                    lost += usize::from(lane.tried(event.id, outcome, now).is_some());
                    if outcome == Outcome::Delivered {
                        delivered.push((event.room, event.id));
                    }
                }
                _ => now += Duration::from_millis(pick * 100),
            }
            prop_assert_eq!(lane.flying(), flying.len());
            prop_assert_eq!(lane.len() + delivered.len() + lost, pushed);
            let mut rooms: Vec<&str> = flying.iter().map(|event| event.room.as_str()).collect();
            rooms.sort_unstable();
            rooms.dedup();
            prop_assert_eq!(rooms.len(), flying.len());
        }
        for room in 0..4_u8 {
            let ids: Vec<u64> = delivered.iter().filter(|it| it.0 == room.to_string()).map(|it| it.1).collect();
            prop_assert!(ids.is_sorted_by(|a, b| a < b));
        }
        // In the end everything comes out.
        for event in flying.drain(..) {
            lane.tried(event.id, Outcome::Delivered, now);
        }
        while let Some(due) = lane.deadline() {
            let event = lane.next(due, 1000).0.expect("it is due");
            lane.tried(event.id, Outcome::Delivered, due);
        }
        prop_assert_eq!(lane.len(), 0);
        prop_assert!(lane.rooms.is_empty() && lane.ages.is_empty() && lane.bodies_bytes == 0);
    }
}
