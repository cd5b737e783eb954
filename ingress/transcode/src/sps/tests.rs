//! Parameter sets of real encoders, and of none.

use proptest::prelude::*;

use super::*;
use crate::testing::{B_FRAMES, BASELINE, pictures};

#[test]
fn encoders_sets_are_understood() {
    let high = Sps::find(&pictures(B_FRAMES)[0].data).unwrap();
    assert_eq!((high.profile, high.width, high.height, high.chroma, high.depth), (100, 320, 180, 1, 8));
    assert_eq!((high.reordering, high.frame_rate_milli), (Reordering::Pictures(2), Some(30_000)));
    let baseline = Sps::find(&pictures(BASELINE)[0].data).unwrap();
    assert_eq!((baseline.profile, baseline.width, baseline.height), (66, 192, 108));
    assert_eq!(baseline.reordering, Reordering::None);
    assert!(!high.interlaced && !baseline.interlaced);
}

#[test]
fn what_is_no_parameter_set_is_none() {
    for nal in [&[][..], &[0x67], &[0x68, 66, 0, 30, 0xff], &[0xe7, 66, 0, 30, 0xff, 0xff], &[0x67, 66, 0, 30, 0, 0, 0]]
    {
        assert_eq!(Sps::parse(nal), None, "{nal:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let nal = [&[0x67], &bytes[..]].concat();
        if let Some(sps) = Sps::parse(&nal) {
            prop_assert!(sps.width > 0 && sps.height > 0 && u32::from(sps.width) <= SIDE_MAX);
        }
    }

    #[test]
    fn a_set_cut_short_is_none_or_tells_less(len in 0usize..40) {
        let unit = pictures(B_FRAMES).remove(0);
        let nal = annexb::nals(&unit.data).find(|nal| annexb::kind(nal) == annexb::SPS).unwrap();
        let whole = Sps::parse(nal).unwrap();
        if let Some(sps) = Sps::parse(&nal[..len.min(nal.len())]) {
            prop_assert_eq!((sps.width, sps.height), (whole.width, whole.height));
        }
    }
}
