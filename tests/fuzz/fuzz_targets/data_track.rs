//! Feeds `thalweg_bytes::data_track`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| thalweg_bytes::data_track(bytes));
