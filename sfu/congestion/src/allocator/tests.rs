//! Who gets what, who waits, and who never jumps.

use proptest::prelude::*;

use super::*;

fn ladder(costs: &[u64]) -> Ladder {
    let mut ladder = Ladder::default();
    for (spatial, &kbps) in (0..).zip(costs) {
        ladder.push(Step { spatial, temporal: 0, bps: kbps * 1000 });
    }
    ladder
}

fn demand(rank: u32, costs: &[u64]) -> Demand {
    Demand { rank, ladder: ladder(costs), holding: Holding::default() }
}

fn share(seconds: u64, kbps: u64, demands: &mut [Demand]) -> Vec<Option<u8>> {
    let bps = kbps * 1000;
    let budget = Budget { bps, proven_bps: bps, may_rise: true, may_pause: true };
    allocate(Stamp(seconds * 1_000_000), budget, demands);
    demands.iter().map(|demand| demand.holding.layer().map(|(spatial, _)| spatial)).collect()
}

#[test]
fn shares_by_rank_and_pauses_rather_than_starves() {
    const CAMERA: &[u64] = &[150, 500, 1500];
    for (kbps, expected) in [
        (100, [None, None, None]),
        (200, [Some(0), None, None]),
        (400, [Some(0), Some(0), None]),
        (600, [Some(0), Some(0), Some(0)]),
        (1300, [Some(1), Some(1), Some(0)]),
        (1700, [Some(1), Some(1), Some(1)]),
        (3000, [Some(2), Some(1), Some(1)]),
        (6000, [Some(2), Some(2), Some(2)]),
    ] {
        let mut demands = [demand(1, CAMERA), demand(1, CAMERA), demand(1, CAMERA)];
        assert_eq!(share(0, kbps, &mut demands), expected, "{kbps}");
    }
}

#[test]
fn a_higher_rank_is_filled_before_a_lower_one_rises() {
    let mut demands = [demand(0, &[200, 2000]), demand(1, &[150, 500])];
    assert_eq!(share(0, 2400, &mut demands), [Some(1), Some(0)]);
    assert_eq!(share(1, 3000, &mut demands), [Some(1), Some(1)]);
}

#[test]
fn what_fell_waits_and_longer_each_time() {
    let mut demands = [demand(0, &[100, 1000])];
    assert_eq!(share(0, 2000, &mut demands), [Some(1)]);
    assert_eq!(share(20, 500, &mut demands), [Some(0)]);
    assert_eq!(share(22, 2000, &mut demands), [Some(0)]);
    assert_eq!(share(23, 2000, &mut demands), [Some(1)]);
    assert_eq!(share(24, 500, &mut demands), [Some(0)]);
    assert_eq!(share(29, 2000, &mut demands), [Some(0)]);
    assert_eq!(share(30, 2000, &mut demands), [Some(1)]);
}

#[test]
fn falling_by_steps_is_one_fall_and_a_pause_is_short() {
    let mut demands = [demand(0, &[100, 500, 1000])];
    assert_eq!(share(0, 2000, &mut demands), [Some(2)]);
    for (second, kbps, layer) in
        [(1, 600, Some(1)), (2, 150, Some(0)), (3, 50, None), (5, 2000, None), (6, 2000, Some(2))]
    {
        assert_eq!(share(second, kbps, &mut demands), [layer], "{second}");
    }
    for (fall, back) in [(7, 13), (14, 26), (27, 39), (40, 52)] {
        assert_eq!(share(fall, 50, &mut demands), [None]);
        assert_eq!(share(back - 1, 2000, &mut demands), [None], "{fall}");
        assert_eq!(share(back, 2000, &mut demands), [Some(2)], "{fall}");
    }
}

#[test]
fn a_rise_in_vain_ends_where_it_began_and_is_not_tried_again_at_once() {
    const SIZES: &[u64] = &[150, 470, 1300];
    let mut demands = [demand(0, SIZES)];
    assert_eq!(share(0, 600, &mut demands), [Some(1)]);
    // What is left while the queue drains, then what the link carries; each trial is as short, and waits longer.
    for (rise, waits) in [(10, 6), (18, 12), (32, 24), (60, 48), (112, 48)] {
        assert_eq!(share(rise, 1500, &mut demands), [Some(2)], "{rise}");
        for (after, kbps) in [(1, 320), (2, 400), (4, 600)] {
            assert_eq!(share(rise + after, kbps, &mut demands), [Some(1)], "{rise} + {after}");
        }
        assert_eq!(share(rise + 1 + waits - 1, 1500, &mut demands), [Some(1)], "{rise} + {waits}");
    }
}

#[test]
fn a_larger_picture_waits_for_proof_and_more_frames_do_not() {
    let mut ladder = ladder(&[100, 500]);
    ladder.push(Step { spatial: 1, temporal: 1, bps: 800_000 });
    let mut demands = [Demand { ladder, ..demand(0, &[]) }];
    let mut given = |seconds: u64, bps: u64, proven_bps: u64| {
        allocate(Stamp(seconds * 1_000_000), Budget { bps, proven_bps, may_rise: true, may_pause: true }, &mut demands);
        demands[0].holding.layer()
    };
    assert_eq!(given(0, 200_000, 0), Some((0, 0)));
    assert_eq!(given(5, 700_000, 300_000), Some((0, 0)));
    assert_eq!(given(6, 700_000, 600_000), Some((1, 0)));
    assert_eq!(given(10, 1_000_000, 0), Some((1, 1)));
}

#[test]
fn a_refuge_is_no_refuge_for_long_nor_from_much_less() {
    let risen = || {
        let mut demands = [demand(0, &[150, 470, 1300])];
        assert_eq!(share(0, 600, &mut demands), [Some(1)]);
        assert_eq!(share(10, 1500, &mut demands), [Some(2)]);
        demands
    };
    let mut demands = risen();
    assert_eq!(share(11, 200, &mut demands), [Some(0)]);
    let mut demands = risen();
    assert_eq!([11, 13, 14].map(|second| share(second, 320, &mut demands)[0]), [Some(1), Some(1), Some(0)]);
    // What was below the bar may be had again soon.
    assert_eq!(share(17, 600, &mut demands), [Some(1)]);
    // A layer that was only passed on the way is nothing to go back to.
    let mut demands = [demand(0, &[150, 470, 1300])];
    assert_eq!(share(0, 200, &mut demands), [Some(0)]);
    assert_eq!(share(10, 600, &mut demands), [Some(1)]);
    assert_eq!(share(11, 1500, &mut demands), [Some(2)]);
    assert_eq!(share(12, 320, &mut demands), [Some(0)]);
}

#[test]
fn a_rate_between_two_steps_does_not_make_it_jump() {
    let mut demands = [demand(0, &[100, 1000])];
    let mut changes = 0;
    let mut before = share(0, 1200, &mut demands);
    for second in 1..100 {
        let after = share(second, if second % 2 == 0 { 970 } else { 1200 }, &mut demands);
        changes += u32::from(after != before);
        before = after;
    }
    assert_eq!(changes, 0);
}

#[test]
fn a_keeper_is_not_robbed_by_one_that_would_rise() {
    let mut demands = [demand(1, &[100]), demand(1, &[100, 500])];
    assert_eq!(share(0, 700, &mut demands), [Some(0), Some(1)]);
    demands[0].ladder = ladder(&[100, 500]);
    assert_eq!(share(1, 700, &mut demands), [Some(0), Some(1)]);
}

#[test]
fn nobody_is_paused_who_must_not_be_and_nothing_is_decided_of_nothing() {
    let mut demands = [demand(0, &[1000]), demand(1, &[])];
    let budget = Budget { bps: 1000, proven_bps: 0, may_rise: true, may_pause: false };
    allocate(Stamp(0), budget, &mut demands);
    assert_eq!(demands[0].holding.layer(), Some((0, 0)));
    assert!(!demands[1].holding.is_begun());
}

#[test]
fn a_crowd_beyond_the_limit_is_paused() {
    let mut demands = vec![demand(0, &[1]); DEMANDS_MAX + 2];
    let got = share(0, 1_000_000, &mut demands);
    assert_eq!(got.iter().filter(|layer| layer.is_some()).count(), DEMANDS_MAX);
}

#[test]
fn a_cheaper_better_step_replaces_the_one_below() {
    assert_eq!(ladder(&[100, 300, 200]).steps().len(), 2);
    let mut full = Ladder::default();
    for bps in 1..100 {
        full.push(Step { spatial: 0, temporal: 0, bps });
    }
    assert_eq!(full.steps().len(), STEPS_MAX);
}

proptest! {
    #[test]
    fn the_sum_fits_and_the_lowest_come_first(
        ladders in proptest::collection::vec(proptest::collection::vec(1u64..3000, 0..5), 0..12),
        budgets in proptest::collection::vec(0u64..20_000, 1..20),
    ) {
        let mut demands: Vec<_> = (0..).zip(&ladders).map(|(rank, costs)| demand(rank / 3, costs)).collect();
        for (seconds, kbps) in (0..).zip(budgets) {
            let now = Stamp(seconds * 1_000_000);
            let proven: Vec<_> = demands.iter().map(|demand| demand.holding.proven(now)).collect();
            share(seconds, kbps, &mut demands);
            let cost = |demand: &Demand| demand.ladder.cost(had(demand));
            let has_refuge = |(demand, proven): &(&Demand, &Option<_>)| proven.is_some() && demand.holding.layer() <= **proven;
            let budget = kbps as f64 * 1000.0;
            // Who has no refuge gets nothing that is not there, whatever the others keep.
            let others: u64 =
                demands.iter().zip(&proven).filter(|it| !has_refuge(it)).map(|(demand, _)| cost(demand)).sum();
            prop_assert!(others as f64 <= budget * KEEP_SHARE + 1.0);
            let refuge = demands.iter().zip(&proven).any(|it| has_refuge(&it) && cost(it.0) > 0);
            let most = if refuge { 1.0 / REFUGE_SHARE } else { KEEP_SHARE };
            let sum: u64 = demands.iter().map(cost).sum();
            prop_assert!(sum as f64 <= budget * most + 1.0);
        }
    }
}
