//! Configurations as encoders write them, and noise in place of frames.

use super::*;

#[test]
fn configurations() {
    let stereo_44 = AacConfig::parse(&[0x12, 0x10]).unwrap();
    assert_eq!((stereo_44.rate, stereo_44.channels, stereo_44.upper), (44_100, 2, Upper::Absent));
    assert_eq!(stereo_44.core(), [0x12, 0x10]);
    let mono_48 = AacConfig::parse(&[0x11, 0x88, 0x56, 0xe5, 0x00]).unwrap();
    assert_eq!((mono_48.rate, mono_48.channels), (48_000, 1));
}

#[test]
fn an_upper_band_is_told_in_three_ways() {
    for (config, rate, output_rate, upper) in [
        // Object type 5, or 29 of one channel: core 24 kHz, output 48 kHz, object type 2.
        (&[0x2b, 0x11, 0x88, 0x00][..], 24_000, 48_000, Upper::Present(48_000)),
        (&[0xeb, 0x09, 0x88, 0x00], 24_000, 48_000, Upper::Present(48_000)),
        // The same, cut to the core's rate.
        (&[0x2b, 0x13, 0x08, 0x00], 24_000, 24_000, Upper::Present(24_000)),
        // Behind the configuration of the core; there it may also be said that there is none.
        (&[0x13, 0x90, 0x56, 0xe5, 0xa0], 22_050, 44_100, Upper::Present(44_100)),
        (&[0x13, 0x90, 0x56, 0xe5, 0x00], 22_050, 22_050, Upper::Absent),
        // Not told; whether one comes will be seen.
        (&[0x13, 0x90], 22_050, 22_050, Upper::Unsaid),
        (&[0x13, 0x10], 24_000, 24_000, Upper::Unsaid),
        // A core of 64 kHz has all that can be heard.
        (&[0x29, 0x10, 0x08, 0x00], 64_000, 64_000, Upper::Absent),
    ] {
        let read = AacConfig::parse(config).unwrap();
        assert_eq!((read.rate, read.output_rate(), read.upper), (rate, output_rate, upper), "{config:02x?}");
        let again = AacConfig::parse(&read.whole()).unwrap();
        assert_eq!(
            (again.rate, again.output_rate(), again.channels),
            (rate, output_rate, read.channels),
            "{config:02x?}"
        );
    }
}

#[test]
fn what_cannot_be_decoded_is_said() {
    for (config, word) in [
        (&[][..], "broken"),
        (&[0x12], "broken"),
        (&[0x0a, 0x10], "object type 1"),
        (&[0x12, 0x30], "channel configuration 6"),
        (&[0x12, 0x00], "channel configuration 0"),
        (&[0x12, 0x14], "960"),
        (&[0x16, 0x90], "broken"),
        // An upper band at a rate that is none of the core's.
        (&[0x2b, 0x11, 0x08, 0x00], "broken"),
        (&[0xf9, 0x48, 0x40], "object type 42"),
    ] {
        let why = AacConfig::parse(config).expect_err(word);
        assert!(why.contains(word), "{config:02x?}: {why}");
    }
}

#[test]
fn noise_is_an_error_or_sound_but_no_panic() {
    for config in [&[0x12, 0x10][..], &[0x2b, 0x92, 0x08, 0x00], &[0xeb, 0x8a, 0x08, 0x00]] {
        let mut decoder = AacConfig::parse(config).unwrap().decoder().unwrap();
        let mut state = 1u32;
        for _ in 0..500 {
            let noise: Vec<u8> = (0..200)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8
                })
                .collect();
            let mut out = Vec::new();
            let _ = decoder.decode(&noise, &mut out);
            assert!(out.iter().flatten().all(|sample| (-1.0..=1.0).contains(sample)));
        }
        assert!(decoder.decode(&[0; 10_000], &mut Vec::new()).is_err());
    }
}
